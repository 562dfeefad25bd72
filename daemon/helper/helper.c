// SPDX-License-Identifier: MIT
#include "helper/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <systemd/sd-daemon.h>

#include "base/fdpass.h"
#include "helper/protocol.h"
#include "helper/restart.h"
#include "helper/root_facts.h"
#include "helper/targets.h"
#include "helper/tracefs.h"

#define IDLE_MS 1000

struct helper {
	int socket; /* from systemd */
	pid_t pid;  /* of the daemon */
	struct uw_root_facts facts;
};

/* The helper removes only events that unlinkwatchd made, and a name must not become a command. */
static bool is_own_event(const char *name)
{
	static const char group[] = UW_TRACEFS_GROUP "/";

	if (strncmp(name, group, sizeof(group) - 1))
		return false;
	name += sizeof(group) - 1;
	return *name && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
					   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")];
}

static int tell_facts(const struct helper *h, struct uw_helper_reply *reply, int *ret_fd)
{
	const struct uw_root_facts *k = &h->facts;

	reply->kprobe_events = k->kprobe_events;
	reply->syscall_events = k->syscall_events;
	reply->lockdown = (uint8_t)k->lockdown;
	reply->preemption = (uint8_t)k->preemption;
	if (k->tracefs < 0)
		return k->tracefs;
	*ret_fd = fcntl(k->tracefs, F_DUPFD_CLOEXEC, 0);
	return *ret_fd < 0 ? -errno : 0;
}

static int probe(const struct helper *h, const struct uw_helper_request *q, int program,
		 struct uw_helper_reply *reply)
{
	if (!uw_target_is_function(q->name) || q->max_active < 0 ||
	    q->max_active > UW_TRACEFS_MAX_ACTIVE)
		return -EPERM;
	return uw_tracefs_probe(h->facts.tracefs, q->name, q->max_active, h->pid, program,
				reply->name);
}

/* An attacker in control of the daemon may ask, too, but gets no more than the daemon's probes. */
static int answer(const struct helper *h, const struct uw_helper_request *q, int program,
		  struct uw_helper_reply *reply, int *ret_fd)
{
	int tracefs = h->facts.tracefs, r = 0;

	if (!memchr(q->name, '\0', sizeof(q->name)))
		return -EINVAL;
	switch (q->op) {
	case UW_HELPER_FACTS:
		return tell_facts(h, reply, ret_fd);
	case UW_HELPER_PROBE:
		r = *ret_fd = probe(h, q, program, reply);
		break;
	case UW_HELPER_ATTACH:
		if (!uw_target_is_event(q->name))
			return -EPERM;
		r = *ret_fd = uw_tracefs_attach(tracefs, q->name, program);
		break;
	case UW_HELPER_REMOVE:
		if (!is_own_event(q->name))
			return -EPERM;
		uw_tracefs_remove(tracefs, q->name);
		break;
	case UW_HELPER_CLEAN:
		uw_tracefs_clean(tracefs);
		break;
	case UW_HELPER_RESTART:
		return uw_restart_is_due(h->pid);
	default:
		return -EOPNOTSUPP;
	}
	return r < 0 ? r : 0;
}

static int serve_one(const struct helper *h)
{
	struct uw_helper_request request;
	struct uw_helper_reply reply = { 0 };
	int program, fd = -EBADF, r;

	r = uw_fdpass_receive(h->socket, &request, sizeof(request), &program);
	if (r < 0)
		return r;
	reply.result = answer(h, &request, program, &reply, &fd);
	if (program >= 0)
		close(program);
	r = uw_fdpass_send(h->socket, &reply, sizeof(reply), fd);
	if (fd >= 0)
		close(fd);
	return r;
}

int uw_helper_serve(void)
{
	struct helper h = { .socket = SD_LISTEN_FDS_START };
	struct pollfd pollfd = { .fd = h.socket, .events = POLLIN };
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int r;

	if (sd_listen_fds(1) != 1 || getsockopt(h.socket, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -ENOTCONN;
	h.pid = peer.pid;
	uw_root_facts_read(&h.facts);
	do {
		r = poll(&pollfd, 1, IDLE_MS);
		if (r > 0)
			r = serve_one(&h) < 0 ? 0 : 1;
		else if (r < 0)
			r = -errno;
	} while (r > 0);
	if (h.facts.tracefs >= 0)
		close(h.facts.tracefs);
	return r;
}
