// SPDX-License-Identifier: MIT
#include "store.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>

#define LEDGER "ledger"

/* How long systemd may take to answer. It has just sent a signal, so it is there. */
#define ANSWER_USEC 3000000

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

/* systemd's own socket, for root, which takes no message bus; otherwise that. NULL: neither. */
static sd_bus *open_bus(void)
{
	sd_bus *bus = NULL;

	if (sd_bus_new(&bus) >= 0 &&
	    sd_bus_set_address(bus, "unix:path=/run/systemd/private") >= 0 &&
	    sd_bus_start(bus) >= 0)
		return bus;
	bus = sd_bus_unref(bus);
	return sd_bus_open_system(&bus) < 0 ? NULL : bus;
}

static sd_bus_message *get(sd_bus *bus, const char *path, const char *interface, const char *name,
			   const char *type)
{
	sd_bus_message *reply = NULL;

	if (sd_bus_get_property(bus, "org.freedesktop.systemd1", path, interface, name, NULL,
				&reply, type) < 0)
		return NULL;
	return reply;
}

/* Path of this service's unit. */
static int find_unit(sd_bus *bus, char path[256])
{
	sd_bus_message *reply = NULL;
	const char *found;
	int r;

	r = sd_bus_call_method(bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
			       "org.freedesktop.systemd1.Manager", "GetUnitByPID", NULL, &reply,
			       "u", (uint32_t)getpid());
	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &found);
	if (r >= 0)
		snprintf(path, 256, "%s", found);
	sd_bus_message_unref(reply);
	return r;
}

static bool job_is_restart(sd_bus *bus, const char *unit)
{
	sd_bus_message *job, *type = NULL;
	const char *path, *text = "";
	uint32_t id = 0;

	job = get(bus, unit, "org.freedesktop.systemd1.Unit", "Job", "(uo)");
	if (job && sd_bus_message_read(job, "(uo)", &id, &path) >= 0 && id)
		type = get(bus, path, "org.freedesktop.systemd1.Job", "JobType", "s");
	if (type && sd_bus_message_read(type, "s", &text) < 0)
		text = "";
	id = !strcmp(text, "restart") || !strcmp(text, "try-restart");
	sd_bus_message_unref(type);
	sd_bus_message_unref(job);
	return id;
}

static bool keeps_descriptors(sd_bus *bus, const char *unit)
{
	sd_bus_message *n =
		get(bus, unit, "org.freedesktop.systemd1.Service", "NFileDescriptorStore", "u");
	uint32_t kept = 0;

	if (n && sd_bus_message_read(n, "u", &kept) < 0)
		kept = 0;
	sd_bus_message_unref(n);
	return kept;
}

bool uw_store_is_restart(const struct uw_store *store)
{
	char unit[256];
	sd_bus *bus;
	bool restart = false;

	bus = store->enabled ? open_bus() : NULL;
	if (!bus)
		return false;
	sd_bus_set_method_call_timeout(bus, ANSWER_USEC);
	if (find_unit(bus, unit) >= 0)
		restart = job_is_restart(bus, unit) && keeps_descriptors(bus, unit);
	sd_bus_flush_close_unref(bus);
	return restart;
}
