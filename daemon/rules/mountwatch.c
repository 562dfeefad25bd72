// SPDX-License-Identifier: MIT
#include "rules/mountwatch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "record/message_ids.h"

/* The tree is read again if it changed during the read. */
#define TRIES 2

/*
 * A process may mount in a loop. After a read that took N ns of CPU, the next one is due 9 N later,
 * or a second if that is less. These delays add up, and reads may run four seconds ahead of them.
 */
#define REST_FACTOR 9
#define REST_MAX_NS UW_NS_PER_S
#define CREDIT_NS   (4 * UW_NS_PER_S)

struct uw_mountwatch {
	sd_event *event;
	struct uw_ruleset *ruleset;
	struct uw_output *output;
	uw_mountwatch_drain_fn drain;
	void *userdata;
	struct uw_source *const *source; /* NULL before the start */
	struct uw_source *deps_in; /* the source that has the path_deps of the rules in force */
	/*
	 * Each descriptor reports POLLPRI once after something is mounted or unmounted. The event
	 * loop polls one, and has_changed() the other, since the loop may be late.
	 */
	int mountinfo, mountinfo_now;
	sd_event_source *io, *timer;
	bool stateless;	  /* the kernel side does not number the states of the tree */
	uint64_t paid_ns; /* CLOCK_MONOTONIC at which the delays of all reads are over */
};

static int push_deps(struct uw_mountwatch *w, const struct uw_path_deps *deps)
{
	int r = uw_source_set_path_deps(*w->source, deps);

	w->deps_in = r >= 0 ? *w->source : NULL;
	if (r < 0)
		uw_output_note(w->output, NULL, LOG_ERR,
			       "the kernel did not accept the paths that path rules depend on: %s",
			       strerror(-r));
	return r;
}

int uw_mountwatch_swap(struct uw_mountwatch *w, struct uw_rules *rules)
{
	int r = 0;

	/* First, so that the kernel sees each change after the rules are confirmed. */
	if (w->deps_in != *w->source || !uw_path_deps_same(&rules->deps, &w->ruleset->now.deps))
		r = push_deps(w, &rules->deps);
	if (r >= 0)
		r = uw_source_set_tables(*w->source, &rules->filter->tables, rules->config->detail);
	if (r < 0) {
		uw_output_note(
			w->output, UW_ID_CONFIG_REJECTED, LOG_ERR,
			"the kernel did not accept the new rules, the old ones stay in force: %s",
			strerror(-r));
		w->deps_in = NULL;
		uw_ruleset_discard(w->ruleset, rules);
		return r;
	}
	uw_ruleset_commit(w->ruleset, rules);
	return 0;
}

/* Compiles the configuration in force for the tree as it is now. */
static int renew(struct uw_mountwatch *w)
{
	struct uw_rules rules;
	int r = uw_ruleset_renew(w->ruleset, &rules);

	if (r >= 0)
		return uw_mountwatch_swap(w, &rules);
	uw_output_note(w->output, NULL, LOG_ERR, "cannot read the mounts: %s", strerror(-r));
	return r;
}

/*
 * Makes the kernel side apply the path rules in force if they are for the present tree, and the
 * tree did not change during the check; *ret_sure tells so. *ret_holds tells whether mounts and
 * links were the same, so that the rules need not be compiled again.
 */
static int confirm(struct uw_mountwatch *w, bool *ret_sure, bool *ret_holds)
{
	struct uw_host_tree before, after;
	int r;

	r = uw_source_tree(*w->source, &before);
	if (r < 0)
		return r;
	*ret_holds = uw_ruleset_holds(w->ruleset);
	r = uw_source_tree(*w->source, &after);
	if (r < 0)
		return r;
	w->stateless = !after.state;
	*ret_sure = *ret_holds && before.settled && before.state == after.state;
	if (after.inum)
		uw_filter_set_mntns(w->ruleset->now.filter, after.inum);
	uw_ruleset_confirm(w->ruleset, *ret_sure ? after.state : UW_NO_STATE);
	uw_source_set_state(*w->source, &w->ruleset->now.filter->tables);
	return 0;
}

void uw_mountwatch_look(struct uw_mountwatch *w)
{
	bool sure = false, holds;
	int r = 0;

	if (!w->source) /* events arrive before the start, too */
		return;
	holds = w->deps_in == *w->source;
	for (int i = 0; i < TRIES && r >= 0 && !sure; i++) {
		if (!holds && renew(w) < 0)
			return; /* renew() has logged why */
		r = confirm(w, &sure, &holds);
	}
	if (r < 0)
		uw_output_note(w->output, NULL, LOG_ERR,
			       "cannot read the state of the mounts from the kernel: %s",
			       strerror(-r));
}

/* By CLOCK_MONOTONIC. */
static void sleep_until(uint64_t ns)
{
	struct timespec until = { (time_t)(ns / UW_NS_PER_S), (long)(ns % UW_NS_PER_S) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

static bool has_changed(const struct uw_mountwatch *w)
{
	struct pollfd pfd = { .fd = w->mountinfo_now, .events = POLLPRI };

	return poll(&pfd, 1, 0) > 0 && pfd.revents & POLLPRI;
}

/* CLOCK_MONOTONIC at which the next read is due. */
static uint64_t look_due(const struct uw_mountwatch *w)
{
	return w->paid_ns > CREDIT_NS ? w->paid_ns - CREDIT_NS : 0;
}

static void look_and_pay(struct uw_mountwatch *w)
{
	uint64_t used = uw_clock_ns(CLOCK_THREAD_CPUTIME_ID), now, rest;

	uw_mountwatch_look(w);
	rest = REST_FACTOR * (uw_clock_ns(CLOCK_THREAD_CPUTIME_ID) - used);
	now = uw_clock_ns(CLOCK_MONOTONIC);
	w->paid_ns =
		(w->paid_ns > now ? w->paid_ns : now) + (rest < REST_MAX_NS ? rest : REST_MAX_NS);
}

void uw_mountwatch_on_event(struct uw_mountwatch *w)
{
	if (w->stateless && !has_changed(w))
		return;
	sleep_until(look_due(w));
	look_and_pay(w);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct uw_mountwatch *w = userdata;

	(void)source, (void)usec;
	w->drain(w->userdata);
	look_and_pay(w);
	return 0;
}

/* Arms the timer for the next read, as soon as that is due. */
static int plan_look(struct uw_mountwatch *w)
{
	uint64_t now = uw_clock_ns(CLOCK_MONOTONIC), due = look_due(w);
	int planned, r;

	r = sd_event_source_get_enabled(w->timer, &planned);
	if (r < 0 || planned != SD_EVENT_OFF)
		return r < 0 ? r : 0;
	r = sd_event_source_set_time_relative(w->timer, due > now ? (due - now) / 1000 : 0);
	return r < 0 ? r : sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
}

static int on_mounts(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source, (void)fd, (void)revents;
	return plan_look(userdata);
}

void uw_mountwatch_on_change(struct uw_mountwatch *w)
{
	int r = w->timer ? plan_look(w) : 0;

	if (r < 0)
		uw_output_note(w->output, NULL, LOG_ERR, "cannot schedule a read of the mounts: %s",
			       strerror(-r));
}

int uw_mountwatch_new(sd_event *event, struct uw_ruleset *ruleset, struct uw_output *output,
		      uw_mountwatch_drain_fn drain, void *userdata, struct uw_mountwatch **ret)
{
	struct uw_mountwatch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->event = sd_event_ref(event);
	w->ruleset = ruleset;
	w->output = output;
	w->drain = drain;
	w->userdata = userdata;
	w->mountinfo = open(UW_MOUNTINFO, O_RDONLY | O_CLOEXEC);
	w->mountinfo_now = open(UW_MOUNTINFO, O_RDONLY | O_CLOEXEC);
	if (w->mountinfo < 0 || w->mountinfo_now < 0) {
		r = -errno;
		uw_mountwatch_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

int uw_mountwatch_start(struct uw_mountwatch *w, struct uw_source *const *source)
{
	int r;

	w->source = source;
	r = sd_event_add_io(w->event, &w->io, w->mountinfo, EPOLLPRI, on_mounts, w);
	if (r >= 0)
		r = sd_event_add_time_relative(w->event, &w->timer, CLOCK_MONOTONIC, 0, 0, on_timer,
					       w);
	if (r >= 0)
		r = sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
	if (r >= 0)
		r = push_deps(w, &w->ruleset->now.deps);
	if (r < 0)
		return r;
	uw_mountwatch_look(w);
	return 0;
}

void uw_mountwatch_free(struct uw_mountwatch *w)
{
	if (!w)
		return;
	sd_event_source_unref(w->io);
	sd_event_source_unref(w->timer);
	sd_event_unref(w->event);
	if (w->mountinfo >= 0)
		close(w->mountinfo);
	if (w->mountinfo_now >= 0)
		close(w->mountinfo_now);
	free(w);
}
