// SPDX-License-Identifier: MIT
/*
 * Choice and failover: takes the best probe that passes its self-test, takes over what the process
 * before this one left, and replaces a probe that stops seeing.
 */
#include "probe/probe_select.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "helper/tracefs.h"
#include "record/message_ids.h"

/* Events read at a time from a source that is about to be freed. */
#define BATCH 512

/* How long to wait for an output that takes nothing. The watchdog waits 30 s. */
#define DRAIN_TIMEOUT_MS 5000

/*
 * Self-tests in a row that may see entries without results. The kernel skips return probes while
 * many deletions are in flight, but not for as long as that.
 */
#define RESULTLESS_MAX 3

/*
 * How long to remember what the old source saw while the new one was attached: a deletion that both
 * saw may take as long.
 */
#define OVERLAP_S 600

#define TIME_LEN 32

static const char *time_text(time_t t, char text[TIME_LEN])
{
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, TIME_LEN, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return text;
}

/* ---- events, of the source in use and of the one that it replaces */

static void tell_watchdog(void)
{
	sd_notify(0, "WATCHDOG=1");
}

static void say_no_memory(struct uw_probe_select *p)
{
	uw_output_note(p->output, NULL, LOG_WARNING, "no memory: a deletion may be recorded twice");
}

/* Whether the old source has recorded this event, too. Both have counted it: one count goes. */
static bool seen_by_old(struct uw_probe_select *p, const struct uw_event *ev)
{
	uint64_t *before = p->persistent->words->before;

	if (!uw_event_dedup_take(&p->overlap, ev->tid, ev->enter_ns, ev->exit_ns))
		return false;
	uw_persistent_begin(p->persistent);
	before[UW_CNT_SEEN] -= uw_event_names(ev->op);
	before[UW_CNT_RECORDED] -= uw_event_names(ev->op);
	uw_persistent_take(p->persistent);
	uw_persistent_commit(p->persistent);
	return true;
}

/* Keeps an event of the new source until the old one has been read. */
static void hold(struct uw_probe_select *p, const void *data, size_t size)
{
	static const char padding[sizeof(uint64_t)];
	uint64_t length = size;

	if (!uw_buf_grow(&p->held, sizeof(length) + size + sizeof(padding))) {
		say_no_memory(p);
		p->on_event(data, size, p->userdata);
		return;
	}
	uw_buf_add(&p->held, &length, sizeof(length));
	uw_buf_add(&p->held, data, size);
	uw_buf_add(&p->held, padding, -size % sizeof(padding));
}

/* Waits for room. Returns 0, or -errno if the output has taken nothing for long. */
static int make_room(struct uw_probe_select *p)
{
	return uw_output_has_room(p->output)
		       ? 0
		       : uw_output_drain(p->output, DRAIN_TIMEOUT_MS, tell_watchdog);
}

/* Hands on the events that were held and that the old source has not seen. */
static void release_held(struct uw_probe_select *p)
{
	const struct uw_event *ev;
	uint64_t length;
	size_t at;
	int r = 0;

	for (at = 0; at < p->held.len; at += (length + 7) / 8 * 8) {
		memcpy(&length, p->held.p + at, sizeof(length));
		at += sizeof(length);
		ev = (const void *)(p->held.p + at);
		if (length >= sizeof(*ev) && seen_by_old(p, ev))
			continue;
		if (r >= 0)
			r = make_room(p);
		p->on_event(ev, length, p->userdata);
	}
	uw_buf_free(&p->held);
}

static void on_sample(const void *data, size_t size, void *userdata)
{
	struct uw_probe_select *p = userdata;
	const struct uw_event *ev = data;

	if (uw_selftest_take(&p->selftest, data, size))
		return;
	if (p->old) {
		hold(p, data, size);
		return;
	}
	if (p->overlap.n && size >= sizeof(*ev) && seen_by_old(p, ev))
		return;
	p->on_event(data, size, p->userdata);
}

static bool on_next_sample(const struct uw_next *next, const struct uw_event *first, void *userdata)
{
	struct uw_probe_select *p = userdata;

	if (first->flags & UW_EV_SELFTEST || p->old || p->overlap.n)
		return false;
	return p->on_next(next, first, p->userdata);
}

static void remember(struct uw_probe_select *p, const struct uw_event *ev)
{
	/* A deletion that was swept while in flight has no known end. */
	uint64_t until = ev->exit_ns == ev->enter_ns ? UINT64_MAX : ev->exit_ns;

	if (until >= p->overlap_begin_ns &&
	    !uw_event_dedup_add(&p->overlap, ev->tid, ev->enter_ns, until))
		say_no_memory(p);
}

/* An event of the old source. */
static void on_old_sample(const void *data, size_t size, void *userdata)
{
	struct uw_probe_select *p = userdata;

	if (uw_selftest_take(&p->selftest, data, size))
		return;
	if (size >= sizeof(struct uw_event))
		remember(p, data);
	p->on_event(data, size, p->userdata);
}

void uw_probe_select_enough(struct uw_probe_select *p)
{
	struct uw_source *source = p->reading ? p->reading : p->source;

	if (source)
		uw_source_enough(source);
}

int uw_probe_select_init(struct uw_probe_select *p, struct uw_persistent *persistent,
			 struct uw_fdstore *store, struct uw_output *output,
			 uw_source_event_fn on_event, uw_source_next_fn on_next, void *userdata)
{
	p->persistent = persistent;
	p->store = store;
	p->kernel.root.tracefs = -EBADF;
	p->output = output;
	p->on_event = on_event;
	p->on_next = on_next;
	p->userdata = userdata;
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	return p->epoll < 0 ? -errno : 0;
}

void uw_probe_select_done(struct uw_probe_select *p)
{
	if (!p->on_event)
		return;
	uw_source_free(p->source);
	uw_source_free(p->old);
	uw_event_dedup_done(&p->overlap);
	uw_buf_free(&p->held);
	uw_kernel_done(&p->kernel);
	uw_buf_free(&p->why);
	if (p->epoll >= 0)
		close(p->epoll);
}

int uw_probe_select_counters(const struct uw_probe_select *p, uint64_t ret[UW_CNT_MAX])
{
	const struct uw_persistent_words *words = p->persistent->words;
	int r = uw_source_counters(p->source, ret), i;

	for (i = 0; !r && i < UW_CNT_MAX; i++)
		ret[i] += words->before[i];
	/* The kernel side saw these, and the daemon recorded them: without them the sum is off. */
	if (!r) {
		ret[UW_CNT_RECORDED] += words->swept;
		ret[UW_CNT_STALE] += words->swept;
	}
	return r;
}

void uw_probe_select_describe(const struct uw_probe_select *p, struct uw_buf *buf)
{
	const char *const *functions = p->plan.functions;

	uw_buf_puts(buf, uw_probe_name(p->plan.probe));
	if (functions[UW_FN_UNLINK])
		uw_buf_printf(buf, " on %s, %s and %s", functions[UW_FN_UNLINK],
			      functions[UW_FN_RMDIR], functions[UW_FN_RENAME]);
	uw_buf_puts(buf, uw_plan_detail(&p->plan));
}

/*
 * Loading, attaching and detaching take seconds on a slow machine. Not at the start: the first ping
 * starts the watchdog.
 */
static void take_time(const struct uw_probe_select *p)
{
	if (p->source)
		tell_watchdog();
}

/*
 * Detaches the source and reads what it still holds. Waits for room as long as the output takes
 * records; after that, the queue counts what it has no room for as lost.
 */
static void stop(struct uw_probe_select *p, struct uw_source *source)
{
	int n, swept, r = 0;

	uw_source_stop(source);
	take_time(p);
	p->reading = source;
	do {
		if (r >= 0)
			r = make_room(p);
		n = uw_source_read(source, BATCH);
		/* Deletions that are left have no return probe any more. */
		swept = uw_source_sweep(source, 0);
		uw_output_flush(p->output);
	} while (n > 0 || swept > 0);
	p->reading = NULL;
	if (n < 0 || swept < 0)
		uw_output_note(p->output, NULL, LOG_ERR,
			       "what a probe has seen cannot all be read: %s",
			       strerror(n < 0 ? -n : -swept));
}

/* Reads what a source still has, adds its counters to the sums, and frees it. Accepts NULL. */
static void retire(struct uw_probe_select *p, struct uw_source *source)
{
	struct uw_persistent_words *words = p->persistent->words;
	uint64_t counters[UW_CNT_MAX];
	int i;

	if (!source)
		return;
	stop(p, source);
	if (!uw_source_counters(source, counters)) {
		uw_persistent_begin(p->persistent);
		for (i = 0; i < UW_CNT_MAX; i++)
			words->before[i] += counters[i];
		if (uw_source_serial(source) > words->retired)
			words->retired = uw_source_serial(source);
		uw_persistent_commit(p->persistent);
	}
	uw_source_free(source);
}

/* With tables NULL, the source is only read. */
static struct uw_source_setup setup_for(struct uw_probe_select *p, const struct uw_plan *plan,
					const struct uw_config *config,
					const struct uw_rule_tables *tables)
{
	return (struct uw_source_setup){
		.kernel = &p->kernel,
		.plan = plan,
		.ring_size = uw_config_ring_size(config),
		.detail = config->detail,
		.tables = tables,
		.on_event = tables ? on_sample : on_old_sample,
		.on_next = tables ? on_next_sample : NULL,
		.userdata = p,
		.persistent = p->persistent,
	};
}

/*
 * True if the source passes its self-test, or if the self-test could not be run. Otherwise false,
 * with the reason in *ret_why, which the caller frees.
 */
static bool passes(struct uw_probe_select *p, const struct uw_plan *plan, struct uw_source *source,
		   char **ret_why)
{
	enum uw_verdict verdict;

	p->reading = source;
	verdict = uw_selftest_run(source, plan, &p->selftest, &p->why);
	p->reading = NULL;
	p->untested = verdict == UW_VERDICT_UNKNOWN || verdict == UW_VERDICT_BUSY;
	if (p->untested)
		uw_output_note(p->output, NULL, LOG_WARNING, "%s%s could not be tested: %.*s",
			       uw_probe_name(plan->probe), uw_plan_detail(plan), (int)p->why.len,
			       p->why.p);
	if (verdict == UW_VERDICT_SEES || p->untested)
		return true;
	if (asprintf(ret_why, "it can be attached, but %.*s", (int)p->why.len, p->why.p) < 0)
		*ret_why = NULL;
	return false;
}

/* Attaches the plan and tests it. NULL with the reason in *ret_why, which is NULL for no memory. */
static struct uw_source *try_plan(struct uw_probe_select *p, const struct uw_plan *plan,
				  const struct uw_config *config,
				  const struct uw_rule_tables *tables, char **ret_why)
{
	struct uw_source_setup setup = setup_for(p, plan, config, tables);
	struct uw_source *source;
	int r;

	r = uw_source_new(&setup, &source, ret_why);
	if (r < 0) {
		if (!*ret_why)
			*ret_why = strdup(strerror(-r));
		return NULL;
	}
	take_time(p);
	if (passes(p, plan, source, ret_why))
		return source;
	retire(p, source);
	return NULL;
}

/*
 * Puts the source in the place of the one before. Closing that one takes its descriptor out of the
 * epoll set. Returns 0 or -errno.
 */
static int use(struct uw_probe_select *p, const struct uw_plan *plan, struct uw_source *source)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct uw_source_info info = { .choice = p->choice, .second_best = p->blind };
	int r;

	if (epoll_ctl(p->epoll, EPOLL_CTL_ADD, uw_source_fd(source), &event)) {
		r = -errno;
		retire(p, source);
		return r;
	}
	retire(p, p->source);
	retire(p, p->old);
	p->old = NULL;
	release_held(p);
	p->overlap_until = time(NULL) + OVERLAP_S;
	p->source = source;
	r = uw_source_keep(source, p->store, &info);
	if (r < 0)
		uw_output_note(p->output, NULL, LOG_WARNING,
			       "systemd may not keep the probes, so that a restart would lose "
			       "deletions: %s",
			       strerror(-r));
	p->plan = *plan;
	p->tested_at = time(NULL);
	p->resultless = 0;
	return 0;
}

/* Attaches the best probe that works, and logs why each better one does not. 0 or -ENODEV. */
static int select_best(struct uw_probe_select *p, const struct uw_config *config,
		       const struct uw_rule_tables *tables)
{
	struct uw_plan plans[UW_PLANS_MAX];
	struct uw_source *source;
	size_t n, i;

	uw_kernel_done(&p->kernel);
	uw_kernel_read(&p->kernel);
	n = uw_kernel_plan(&p->kernel, p->choice, plans);
	for (i = 0; i < n; i++) {
		const struct uw_plan *plan = &plans[i];
		char *why = NULL;

		take_time(p);
		source = plan->why_not ? NULL : try_plan(p, plan, config, tables, &why);
		if (source)
			return use(p, plan, source);
		uw_output_note(p->output, NULL, LOG_NOTICE, "%s%s cannot be used: %s",
			       uw_probe_name(plan->probe), uw_plan_detail(plan),
			       plan->why_not ? plan->why_not
			       : why	     ? why
					     : "no memory");
		free(why);
	}
	uw_output_note(p->output, NULL, LOG_ERR,
		       "no probe can be attached that sees, so no deletion can be seen; "
		       "'unlinkwatchd --doctor' says what is lacking, see unlinkwatchd(8), PROBES");
	return -ENODEV;
}

static void say_blind(struct uw_probe_select *p)
{
	char since[TIME_LEN];

	uw_output_note(
		p->output, UW_ID_BLIND, LOG_ERR,
		"%s has stopped seeing deletions (%.*s); it last passed its self-test at %s; %s",
		uw_probe_name(p->plan.probe), (int)p->why.len, p->why.p,
		time_text(p->tested_at, since),
		uw_tracefs_off() ? "ftrace is off, turn it on with: sysctl kernel.ftrace_enabled=1"
				 : "attaching anew");
}

static void say_sees_again(struct uw_probe_select *p, time_t since)
{
	char from[TIME_LEN], to[TIME_LEN];

	uw_buf_reset(&p->why);
	uw_probe_select_describe(p, &p->why);
	uw_output_note(p->output, UW_ID_SEES_AGAIN, LOG_WARNING,
		       "deletions are seen again, by %.*s; those from %s to %s may have no record; "
		       "not covered: %s",
		       (int)p->why.len, p->why.p, time_text(since, from),
		       time_text(p->tested_at, to), p->plan.not_covered);
}

/* Runs the self-test. Too many missed results in a row count as blindness. */
static enum uw_verdict look(struct uw_probe_select *p)
{
	enum uw_verdict verdict = uw_selftest_run(p->source, &p->plan, &p->selftest, &p->why);

	p->resultless = verdict == UW_VERDICT_NO_RESULT ? p->resultless + 1 : 0;
	if (p->resultless >= RESULTLESS_MAX)
		verdict = UW_VERDICT_BLIND;
	if (verdict == UW_VERDICT_UNKNOWN && !p->untested)
		uw_output_note(p->output, NULL, LOG_WARNING,
			       "it is not known whether %s still sees: %.*s",
			       uw_probe_name(p->plan.probe), (int)p->why.len, p->why.p);
	p->untested = verdict == UW_VERDICT_UNKNOWN;
	if (verdict == UW_VERDICT_SEES)
		p->tested_at = time(NULL);
	return verdict;
}

void uw_probe_select_check(struct uw_probe_select *p, const struct uw_config *config,
			   const struct uw_rule_tables *tables)
{
	time_t since = p->tested_at;
	enum uw_verdict verdict = look(p);

	if (p->overlap.n && time(NULL) > p->overlap_until)
		uw_event_dedup_done(&p->overlap);

	if (verdict == UW_VERDICT_BLIND) {
		if (!p->blind)
			say_blind(p);
		p->blind = true;
		/*
		 * Removing kprobes while ftrace is off hangs 6.1. This one will see again by
		 * itself.
		 */
		if (uw_tracefs_off())
			return;
		/* What is left of it must not see what the next one sees. */
		stop(p, p->source);
		if (!select_best(p, config, tables))
			verdict = UW_VERDICT_SEES;
	}
	if (p->blind && verdict == UW_VERDICT_SEES) {
		p->blind = false;
		say_sees_again(p, since);
	}
}

/* ---- the start, where the process before this one may have left its source */

static bool is_plan(const struct uw_plan *plan, const struct uw_source_info *m)
{
	return plan->probe == m->probe && plan->kernel_reads == m->kernel_reads &&
	       plan->raw == m->raw && plan->kthreads == m->kthreads;
}

/* Whether the source that was kept is the one that would be chosen today. */
static bool fits(const struct uw_probe_select *p, const struct uw_config *config,
		 const struct uw_plan *plan, const struct uw_source_info *m)
{
	return is_plan(plan, m) && !plan->why_not && m->choice == p->choice && !m->second_best &&
	       m->ring_size == uw_config_ring_size(config) && m->build == uw_source_build(plan);
}

/* Goes on with the source that was kept. False if it cannot be used; then it is read and freed. */
static bool go_on(struct uw_probe_select *p, const struct uw_config *config,
		  const struct uw_rule_tables *tables, const struct uw_plan *plan,
		  const struct uw_source_info *m)
{
	struct uw_source_setup setup = setup_for(p, plan, config, tables);
	struct uw_source *source;
	char *why = NULL;

	if (uw_source_adopt(&setup, p->store, m, &source, &why) >= 0) {
		if (passes(p, plan, source, &why))
			return use(p, plan, source) >= 0;
		retire(p, source);
	}
	uw_output_note(p->output, NULL, LOG_WARNING,
		       "the probe of the process before this one cannot be used: %s",
		       why ? why : "no memory");
	free(why);
	return false;
}

/* Takes over the source that was kept, only to read what it has seen. */
static void keep_reading(struct uw_probe_select *p, const struct uw_config *config,
			 const struct uw_plan *plan, const struct uw_source_info *m)
{
	struct uw_source_setup setup = setup_for(p, plan, config, NULL);
	char *why = NULL;

	p->overlap_begin_ns = uw_clock_ns(CLOCK_BOOTTIME);
	if (uw_source_adopt(&setup, p->store, m, &p->old, &why) < 0)
		uw_output_note(p->output, NULL, LOG_ERR,
			       "what the process before this one left cannot be read: %s",
			       why ? why : "no memory");
	free(why);
}

int uw_probe_select_start(struct uw_probe_select *p, const struct uw_config *config,
			  const struct uw_rule_tables *tables)
{
	struct uw_plan plans[UW_PLANS_MAX], *plan = plans;
	struct uw_source_info m;
	size_t n, i;
	int r = 0;

	if (uw_source_find_kept(p->store, UINT64_MAX, &m) &&
	    m.serial > p->persistent->words->retired) {
		uw_kernel_read(&p->kernel);
		n = uw_kernel_plan(&p->kernel, p->choice, plans);
		for (i = 0; i < n; i++)
			if (is_plan(&plans[i], &m))
				plan = &plans[i];
		if (n && fits(p, config, plan, &m)) {
			p->continues = go_on(p, config, tables, plan, &m);
		} else {
			/* The plan only says which of its parts to detach. */
			keep_reading(p, config, plan, &m);
		}
	}
	if (!p->continues) {
		p->continues = p->old;
		r = select_best(p, config, tables);
	}
	uw_fdstore_clear(p->store);
	return r;
}
