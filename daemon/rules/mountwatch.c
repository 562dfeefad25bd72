// SPDX-License-Identifier: MIT
#include "rules/mountwatch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <syslog.h>
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
	struct uw_source *const *source; /* NULL before the start */
	struct uw_source *deps_in; /* the source that has the path_deps of the rules in force */
	/*
	 * Each descriptor reports POLLPRI once after something is mounted or unmounted. The event
	 * loop polls one, and uw_mountwatch_is_owed() the other, since the loop may be late.
	 */
	int mountinfo, mountinfo_now;
	sd_event_source *io, *timer;
	bool owed;		 /* the tree has changed since it was read, or during that */
	uint32_t dep_changes;	 /* uw_source_dep_changes() before the tree was read */
	unsigned long looked_at; /* position in the ring buffer before the tree was read */
	uint64_t paid_ns;	 /* CLOCK_MONOTONIC at which the delays of all reads are over */
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

void uw_mountwatch_trim(struct uw_mountwatch *w)
{
	struct uw_source_usage usage;

	uw_source_usage(*w->source, &usage);
	uw_ruleset_trim(w->ruleset, usage.consumed);
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
	uw_mountwatch_trim(w);
	uw_ruleset_commit(w->ruleset, rules, uw_source_written(*w->source));
	return 0;
}

/*
 * Reads the tree once, and recompiles the rules if it has changed. Makes the kernel side apply the
 * path rules if the tree did not change meanwhile; *ret_sure tells so. Logs errors.
 */
static int look_once(struct uw_mountwatch *w, bool *ret_sure)
{
	const char *what = "the state of the mounts from the kernel";
	struct uw_host_tree before, after;
	struct uw_rules rules;
	int r;

	r = uw_source_tree(*w->source, &before);
	if (r < 0)
		goto fail;
	r = uw_ruleset_renew(w->ruleset, w->deps_in != *w->source, &rules);
	if (r < 0) {
		what = "the mounts";
		goto fail;
	}
	if (r > 0) {
		r = uw_mountwatch_swap(w, &rules);
		if (r < 0)
			return r; /* it has logged why */
	}
	r = uw_source_tree(*w->source, &after);
	if (r < 0)
		goto fail;
	*ret_sure = before.settled && before.state == after.state;
	if (after.inum)
		uw_filter_set_mntns(w->ruleset->now.filter, after.inum);
	uw_ruleset_confirm(w->ruleset, *ret_sure ? after.state : UW_NO_STATE);
	uw_source_set_state(*w->source, &w->ruleset->now.filter->tables);
	return 0;
fail:
	uw_output_note(w->output, NULL, LOG_ERR, "cannot read %s: %s", what, strerror(-r));
	return r;
}

static bool has_changed(const struct uw_mountwatch *w)
{
	struct pollfd pfd = { .fd = w->mountinfo_now, .events = POLLPRI };

	return poll(&pfd, 1, 0) > 0 && pfd.revents & POLLPRI;
}

void uw_mountwatch_look(struct uw_mountwatch *w)
{
	bool sure = false;
	int r = 0;

	if (!w->source) /* events arrive before the start, too */
		return;
	w->looked_at = uw_source_written(*w->source);
	w->dep_changes = uw_source_dep_changes(*w->source);
	has_changed(w);
	for (int i = 0; i < TRIES && r >= 0 && !sure; i++)
		r = look_once(w, &sure);
	w->owed = r >= 0 && !sure;
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
	/* Those in a hurry were not due. */
	if (w->paid_ns > now + CREDIT_NS + REST_MAX_NS)
		w->paid_ns = now + CREDIT_NS + REST_MAX_NS;
}

bool uw_mountwatch_is_owed(struct uw_mountwatch *w)
{
	w->owed = w->owed || has_changed(w) || w->deps_in != *w->source ||
		  uw_source_dep_changes(*w->source) != w->dep_changes;
	return w->owed;
}

bool uw_mountwatch_on_event(struct uw_mountwatch *w)
{
	if (!w->source || !uw_mountwatch_is_owed(w))
		return true;
	if (look_due(w) > uw_clock_ns(CLOCK_MONOTONIC))
		return false;
	look_and_pay(w);
	return true;
}

unsigned long uw_mountwatch_reach(struct uw_mountwatch *w, bool hurry)
{
	unsigned long written = uw_source_written(*w->source);

	if (!uw_mountwatch_is_owed(w))
		return written;
	if (hurry || look_due(w) <= uw_clock_ns(CLOCK_MONOTONIC))
		look_and_pay(w);
	return w->looked_at;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct uw_mountwatch *w = userdata;

	(void)source, (void)usec;
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
		      struct uw_mountwatch **ret)
{
	struct uw_mountwatch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->event = sd_event_ref(event);
	w->ruleset = ruleset;
	w->output = output;
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
