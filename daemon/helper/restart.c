// SPDX-License-Identifier: MIT
#include "helper/restart.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "base/clock.h"
#include "base/worker.h"

/* How long systemd may take to answer. It is running, since it has just sent a signal. */
#define ANSWER_NS (3 * UW_NS_PER_S)

struct question {
	struct uw_job job;
	pid_t pid;
	bool due;
};

/* Root uses systemd's own socket, which needs no message bus. NULL if neither is there. */
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

/* Path of the process's unit. */
static int find_unit(sd_bus *bus, pid_t pid, char path[256])
{
	sd_bus_message *reply = NULL;
	const char *found;
	int r;

	r = sd_bus_call_method(bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
			       "org.freedesktop.systemd1.Manager", "GetUnitByPID", NULL, &reply,
			       "u", (uint32_t)pid);
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

static void ask(struct uw_job *job)
{
	struct question *q = (struct question *)job;
	sd_bus *bus = open_bus();
	char unit[256];

	if (!bus)
		return;
	if (find_unit(bus, q->pid, unit) >= 0)
		q->due = job_is_restart(bus, unit) && keeps_descriptors(bus, unit);
	sd_bus_flush_close_unref(bus);
}

/* In a thread, since sd-bus waits in its first call for as long as the connection takes. */
bool uw_restart_is_due(pid_t pid)
{
	struct question *q = malloc(sizeof(*q));
	struct uw_worker *worker = NULL;
	bool due = false;

	if (!q)
		return false;
	*q = (struct question){ .job.run = ask, .pid = pid };
	if (uw_worker_new(1, &worker) < 0 || !uw_worker_give(worker, &q->job)) {
		free(q);
	} else if ((q = (struct question *)uw_worker_take(worker, ANSWER_NS))) {
		due = q->due;
		free(q);
	}
	uw_worker_free(worker);
	return due;
}
