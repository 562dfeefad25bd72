// SPDX-License-Identifier: MIT
#include "store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <systemd/sd-daemon.h>

#include "privileged.h"
#include "restart.h"

#define LEDGER "ledger"

void uw_store_open(struct uw_store *ret, bool wanted)
{
	char **names = NULL;
	int n, i;

	*ret = (struct uw_store){ .enabled = wanted && getenv("NOTIFY_SOCKET") };
	n = sd_listen_fds_with_names(1, &names);
	if (n > 0)
		ret->left = calloc((size_t)n, sizeof(*ret->left));
	for (i = 0; i < n; i++) {
		if (ret->left) {
			struct uw_stored *item = &ret->left[ret->n++];

			snprintf(item->name, sizeof(item->name), "%s", names[i]);
			item->fd = SD_LISTEN_FDS_START + i;
		}
		free(names[i]);
	}
	free(names);
}

void uw_store_done(struct uw_store *store)
{
	free(store->left);
	store->left = NULL;
	store->n = 0;
}

void uw_store_put(const struct uw_store *store, const char *name, int fd)
{
	char state[UW_STORE_NAME_MAX + 32];

	if (!store->enabled)
		return;
	/* Most of them would poll as if they had gone: those of perf events, and of maps. */
	snprintf(state, sizeof(state), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
	sd_pid_notify_with_fds(0, 0, state, &fd, 1);
}

void uw_store_remove(const struct uw_store *store, const char *name)
{
	if (store->enabled)
		sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

int uw_store_take(struct uw_store *store, const char *name)
{
	size_t i;
	int fd;

	for (i = 0; i < store->n; i++) {
		if (strcmp(store->left[i].name, name))
			continue;
		fd = store->left[i].fd;
		store->left[i] = store->left[--store->n];
		return fd;
	}
	return -ENOENT;
}

int uw_store_ledger(struct uw_store *store, size_t queue_size, struct uw_ledger *ret)
{
	int fd = uw_store_take(store, LEDGER), r;
	bool refused = fd >= 0;

	if (fd >= 0) {
		r = uw_ledger_adopt(ret, fd);
		if (!r)
			return 0;
		/* Of another version, which has written its records before it ended, if it could. */
		uw_store_remove(store, LEDGER);
		close(fd);
	}
	r = uw_ledger_new(ret, queue_size);
	if (!r)
		uw_store_put(store, LEDGER, ret->fd);
	ret->refused = refused;
	return r;
}

void uw_store_clear(struct uw_store *store)
{
	while (store->n) {
		struct uw_stored *item = &store->left[--store->n];

		uw_store_remove(store, item->name);
		close(item->fd);
	}
}

bool uw_store_is_restart(const struct uw_store *store)
{
	int r;

	if (!store->enabled)
		return false;
	r = geteuid() ? uw_privileged_is_restart() : -EPERM;
	return r < 0 ? uw_restart_is_due(getpid()) : r;
}
