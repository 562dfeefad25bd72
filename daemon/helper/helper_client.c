// SPDX-License-Identifier: MIT
#include "helper/helper_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdpass.h"
#include "helper/protocol.h"

/*
 * Longer than any request takes. The daemon does nothing else meanwhile, so only the first helper,
 * which may start while the machine boots, gets long. One that has hung is not asked for a while,
 * ever longer, and then gets a second.
 */
#define FIRST_S	      10
#define ANSWER_S      4
#define SHORT_S	      1
#define AGAIN_NS      (60 * UW_NS_PER_S)
#define AGAIN_MOST_NS (600 * UW_NS_PER_S)

static uint64_t wait_ns, ask_again_ns; /* after a hang; 0: the last request did not hang */
static bool answered;

/* The connection. A helper that is idle for a second ends; the next request starts another one. */
static int helper = -EBADF;

static void hang_up(void)
{
	if (helper >= 0)
		close(helper);
	helper = -EBADF;
}

static int call(void)
{
	static const struct sockaddr_un addr = { .sun_family = AF_UNIX,
						 .sun_path = UW_HELPER_SOCKET };
	const struct timeval timeout = { .tv_sec = wait_ns    ? SHORT_S
						   : answered ? ANSWER_S
							      : FIRST_S };
	int r = 0;

	if (helper >= 0)
		return 0;
	helper = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (helper < 0)
		return -errno;
	if (setsockopt(helper, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    setsockopt(helper, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    connect(helper, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
		r = -errno;
		hang_up();
	}
	return r;
}

/* Remembers whether the helper hangs. */
static void note_result(int r)
{
	if (r != -EAGAIN && r != -ETIMEDOUT) {
		wait_ns = 0;
		answered |= r >= 0;
		return;
	}
	wait_ns = uw_clock_back_off(wait_ns, AGAIN_NS, AGAIN_MOST_NS);
	ask_again_ns = uw_clock_ns(CLOCK_MONOTONIC) + wait_ns;
}

static int ask_once(const struct uw_helper_request *request, int program,
		    struct uw_helper_reply *ret, int *ret_fd)
{
	int r;

	if (wait_ns && uw_clock_ns(CLOCK_MONOTONIC) < ask_again_ns)
		return -ETIMEDOUT;
	r = call();
	if (r >= 0)
		r = uw_fdpass_send(helper, request, sizeof(*request), program);
	if (r >= 0)
		r = uw_fdpass_receive(helper, ret, sizeof(*ret), ret_fd);
	/* A late answer would be taken for that of the next request. */
	if (r < 0)
		hang_up();
	note_result(r);
	return r;
}

/* The descriptor of the answer goes to *ret_fd, or is -EBADF. Returns the result or -errno. */
static int ask(enum uw_helper_op op, const char *name, int max_active, int program,
	       struct uw_helper_reply *ret, int *ret_fd)
{
	struct uw_helper_request request = { .op = op, .max_active = max_active };
	int r;

	snprintf(request.name, sizeof(request.name), "%s", name);
	*ret_fd = -EBADF;
	r = ask_once(&request, program, ret, ret_fd);
	/* The helper has just ended because it was idle. */
	if (r == -ECONNRESET)
		r = ask_once(&request, program, ret, ret_fd);
	return r < 0 ? r : ret->result;
}

/* For requests whose answer is a descriptor. */
static int ask_for_fd(enum uw_helper_op op, const char *name, int max_active, int program,
		      struct uw_helper_reply *reply)
{
	int fd, r = ask(op, name, max_active, program, reply, &fd);

	if (r >= 0)
		return fd < 0 ? -EPROTO : fd;
	if (fd >= 0)
		close(fd);
	return r;
}

/* For requests whose answer is a number. */
static int ask_for_result(enum uw_helper_op op, const char *name)
{
	struct uw_helper_reply reply;
	int fd, r = ask(op, name, 0, -EBADF, &reply, &fd);

	if (fd >= 0)
		close(fd);
	return r;
}

int uw_helper_facts(struct uw_root_facts *ret)
{
	struct uw_helper_reply reply;
	int fd, r = ask(UW_HELPER_FACTS, "", 0, -EBADF, &reply, &fd);

	/* If there is an answer but no descriptor, the result says why there is no tracefs. */
	if (helper < 0)
		return r;
	ret->helper = true;
	ret->tracefs = fd >= 0 ? fd : r < 0 ? r : -EPROTO;
	ret->kprobe_events = reply.kprobe_events;
	ret->syscall_events = reply.syscall_events;
	ret->lockdown = reply.lockdown;
	ret->preemption = reply.preemption;
	return 0;
}

int uw_helper_probe(const struct uw_root_facts *facts, const char *function, bool at_return,
		    int program, char ret_name[UW_EVENT_NAME_MAX])
{
	int max_active = at_return ? uw_tracefs_max_active() : 0, fd;
	struct uw_helper_reply reply;

	if (!facts->helper)
		return uw_tracefs_probe(facts->tracefs, function, max_active, getpid(), program,
					ret_name);
	fd = ask_for_fd(UW_HELPER_PROBE, function, max_active, program, &reply);
	if (fd >= 0)
		snprintf(ret_name, UW_EVENT_NAME_MAX, "%.*s", (int)sizeof(reply.name) - 1,
			 reply.name);
	return fd;
}

int uw_helper_attach(const struct uw_root_facts *facts, const char *event, int program)
{
	struct uw_helper_reply reply;

	return facts->helper ? ask_for_fd(UW_HELPER_ATTACH, event, 0, program, &reply)
			     : uw_tracefs_attach(facts->tracefs, event, program);
}

void uw_helper_remove(const struct uw_root_facts *facts, const char *name)
{
	if (facts->helper)
		ask_for_result(UW_HELPER_REMOVE, name);
	else
		uw_tracefs_remove(facts->tracefs, name);
}

void uw_helper_clean(const struct uw_root_facts *facts)
{
	if (facts->helper)
		ask_for_result(UW_HELPER_CLEAN, "");
	else
		uw_tracefs_clean(facts->tracefs);
}

int uw_helper_is_restart(void)
{
	return ask_for_result(UW_HELPER_RESTART, "");
}
