// SPDX-License-Identifier: MIT
#include "state/fdstore.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <systemd/sd-daemon.h>

void uw_fdstore_open(struct uw_fdstore *ret, bool wanted)
{
	char **names = NULL;
	int n, i;

	*ret = (struct uw_fdstore){ .enabled = wanted && getenv("NOTIFY_SOCKET") };
	n = sd_listen_fds_with_names(1, &names);
	if (n > 0)
		ret->left = calloc((size_t)n, sizeof(*ret->left));
	for (i = 0; i < n; i++) {
		if (ret->left) {
			struct uw_fdstore_item *item = &ret->left[ret->n++];

			snprintf(item->name, sizeof(item->name), "%s", names[i]);
			item->fd = SD_LISTEN_FDS_START + i;
		}
		free(names[i]);
	}
	free(names);
}

void uw_fdstore_done(struct uw_fdstore *store)
{
	free(store->left);
	store->left = NULL;
	store->n = 0;
}

int uw_fdstore_put(const struct uw_fdstore *store, const char *name, int fd)
{
	char state[UW_FDSTORE_NAME_MAX + 32];
	int r;

	if (!store->enabled)
		return 0;
	/* FDPOLL=0: systemd would drop perf events and maps, which poll(2) reports as gone. */
	snprintf(state, sizeof(state), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
	r = sd_pid_notify_with_fds(0, 0, state, &fd, 1);
	return r < 0 ? r : 0;
}

void uw_fdstore_remove(const struct uw_fdstore *store, const char *name)
{
	if (store->enabled)
		sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

int uw_fdstore_take(struct uw_fdstore *store, const char *name)
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

void uw_fdstore_clear(struct uw_fdstore *store)
{
	while (store->n) {
		struct uw_fdstore_item *item = &store->left[--store->n];

		uw_fdstore_remove(store, item->name);
		close(item->fd);
	}
}
