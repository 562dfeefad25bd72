// SPDX-License-Identifier: MIT
#include "probe/probe_select_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <syslog.h>
#include <unistd.h>
#include <systemd/sd-daemon.h>

#include "helper/tracefs.h"
#include "record/message_ids.h"

/* Events read at a time from a source that is done with. */
#define BATCH 512

/* How long it waits for a journal, or a reader, that takes nothing. The watchdog's is 30 s. */
#define DRAIN_TIMEOUT_MS 5000

/*
 * Checks in a row that see entries but no result, after which it is no longer put down to many
 * deletions that are in flight: the kernel skips return probes then, but not for as long as that.
 */
#define RESULTLESS_MAX 3

/* How long it is remembered what an old source has seen when a new one came: deletions take time. */
#define OVERLAP_S 600

#define TIME_LEN 32

static const char *time_text(time_t t, char text[TIME_LEN])
{
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, TIME_LEN, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return text;
}

static void on_sample(const void *data, size_t size, void *userdata)
{
	struct uw_probe_select *l = userdata;
	const struct uw_event *ev = data;

	if (uw_selftest_take(&l->selftest, data, size))
		return;
	if (l->old) {
		uw_probe_select_hold(l, data, size);
		return;
	}
	if (l->overlap.n && size >= sizeof(*ev) && uw_probe_select_seen_before(l, ev))
		return;
	l->on_event(data, size, l->userdata);
}

int uw_probe_select_init(struct uw_probe_select *l, struct uw_persistent *persistent,
			 struct uw_fdstore *store, struct uw_output *output,
			 uw_source_event_fn on_event, void *userdata)
{
	l->persistent = persistent;
	l->store = store;
	l->kernel.root.tracefs = -EBADF;
	l->output = output;
	l->on_event = on_event;
	l->userdata = userdata;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	return l->epoll < 0 ? -errno : 0;
}

void uw_probe_select_done(struct uw_probe_select *l)
{
	if (!l->on_event)
		return;
	uw_source_free(l->source);
	uw_source_free(l->old);
	uw_event_dedup_done(&l->overlap);
	uw_buf_free(&l->held);
	uw_kernel_done(&l->kernel);
	uw_buf_free(&l->why);
	if (l->epoll >= 0)
		close(l->epoll);
}

int uw_probe_select_counters(const struct uw_probe_select *l, uint64_t ret[UW_CNT_MAX])
{
	const struct uw_persistent_words *words = l->persistent->words;
	int r = uw_source_counters(l->source, ret), i;

	for (i = 0; !r && i < UW_CNT_MAX; i++)
		ret[i] += words->before[i];
	/* Taken over by the daemon, but seen by the kernel side: the sum is to balance. */
	if (!r) {
		ret[UW_CNT_RECORDED] += words->swept;
		ret[UW_CNT_STALE] += words->swept;
	}
	return r;
}

void uw_probe_select_describe(const struct uw_probe_select *l, struct uw_buf *buf)
{
	const char *const *functions = l->plan.functions;

	uw_buf_puts(buf, uw_probe_name(l->plan.probe));
	if (functions[UW_FN_UNLINK])
		uw_buf_printf(buf, " on %s, %s and %s", functions[UW_FN_UNLINK],
			      functions[UW_FN_RMDIR], functions[UW_FN_RENAME]);
	uw_buf_puts(buf, uw_plan_detail(&l->plan));
}

static void tell_watchdog(void)
{
	sd_notify(0, "WATCHDOG=1");
}

/*
 * Loading, attaching and detaching take theirs on a slow machine. Not at the start: the first ping
 * starts the clock.
 */
static void take_time(const struct uw_probe_select *l)
{
	if (l->source)
		tell_watchdog();
}

/* And has what it still holds recorded, as long as the journal or the output takes it. */
static void stop(struct uw_probe_select *l, struct uw_source *source)
{
	int n, r = 0;

	uw_source_stop(source);
	take_time(l);
	do {
		n = uw_source_read(source, BATCH);
		uw_output_flush(l->output);
		if (!uw_output_has_room(l->output))
			r = uw_output_drain(l->output, DRAIN_TIMEOUT_MS, tell_watchdog);
	} while (n > 0 && r >= 0);
}

/* Takes what a source still has, its counters included. Accepts NULL. */
void uw_probe_select_retire(struct uw_probe_select *l, struct uw_source *source)
{
	struct uw_persistent_words *words = l->persistent->words;
	uint64_t counters[UW_CNT_MAX];
	int i;

	if (!source)
		return;
	stop(l, source);
	if (!uw_source_counters(source, counters)) {
		uw_persistent_begin(l->persistent);
		for (i = 0; i < UW_CNT_MAX; i++)
			words->before[i] += counters[i];
		if (uw_source_serial(source) > words->retired)
			words->retired = uw_source_serial(source);
		uw_persistent_commit(l->persistent);
	}
	uw_source_free(source);
}

struct uw_source_setup uw_probe_select_setup(struct uw_probe_select *l, const struct uw_plan *plan,
					     const struct uw_config *config,
					     const struct uw_rule_tables *tables)
{
	return (struct uw_source_setup){
		.kernel = &l->kernel,
		.plan = plan,
		.ring_size = config->ring_size,
		.detail = config->detail,
		.tables = tables,
		.on_event = tables ? on_sample : uw_probe_select_old_sample,
		.userdata = l,
		.persistent = l->persistent,
	};
}

/* Whether it sees, as far as that is known. Otherwise false, with the reason in *ret_why. */
bool uw_probe_select_proves(struct uw_probe_select *l, const struct uw_plan *plan,
			    struct uw_source *source, char **ret_why)
{
	enum uw_verdict verdict = uw_selftest_run(source, plan, &l->selftest, &l->why);

	l->unproven = verdict == UW_VERDICT_UNKNOWN || verdict == UW_VERDICT_BUSY;
	if (l->unproven)
		uw_output_note(l->output, NULL, LOG_WARNING, "%s%s is not proven to see: %.*s",
			       uw_probe_name(plan->probe), uw_plan_detail(plan), (int)l->why.len,
			       l->why.p);
	if (verdict == UW_VERDICT_SEES || l->unproven)
		return true;
	if (asprintf(ret_why, "it can be attached, but %.*s", (int)l->why.len, l->why.p) < 0)
		*ret_why = NULL;
	return false;
}

/* Attached, and proven if that is possible. NULL with the reason in *ret_why, NULL for no memory. */
static struct uw_source *try_plan(struct uw_probe_select *l, const struct uw_plan *plan,
				  const struct uw_config *config,
				  const struct uw_rule_tables *tables, char **ret_why)
{
	struct uw_source_setup setup = uw_probe_select_setup(l, plan, config, tables);
	struct uw_source *source;
	int r;

	r = uw_source_new(&setup, &source, ret_why);
	if (r < 0) {
		if (!*ret_why)
			*ret_why = strdup(strerror(-r));
		return NULL;
	}
	take_time(l);
	if (uw_probe_select_proves(l, plan, source, ret_why))
		return source;
	uw_probe_select_retire(l, source);
	return NULL;
}

/* In the place of the one before; that one's descriptor leaves the epoll as it is closed. */
int uw_probe_select_use(struct uw_probe_select *l, const struct uw_plan *plan,
			struct uw_source *source)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct uw_source_info info = { .choice = l->choice, .second_best = l->blind };
	int r;

	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, uw_source_fd(source), &event)) {
		r = -errno;
		uw_source_free(source);
		return r;
	}
	uw_probe_select_retire(l, l->source);
	uw_probe_select_retire(l, l->old);
	l->old = NULL;
	uw_probe_select_let_go(l);
	l->overlap_until = time(NULL) + OVERLAP_S;
	l->source = source;
	uw_source_keep(source, l->store, &info);
	l->plan = *plan;
	l->proven_at = time(NULL);
	l->resultless = 0;
	return 0;
}

int uw_probe_select_best(struct uw_probe_select *l, const struct uw_config *config,
			 const struct uw_rule_tables *tables)
{
	struct uw_plan plans[UW_PLANS_MAX];
	struct uw_source *source;
	size_t n, i;

	uw_kernel_done(&l->kernel);
	uw_kernel_read(&l->kernel);
	n = uw_kernel_plan(&l->kernel, l->choice, plans);
	for (i = 0; i < n; i++) {
		const struct uw_plan *plan = &plans[i];
		char *why = NULL;

		take_time(l);
		source = plan->why_not ? NULL : try_plan(l, plan, config, tables, &why);
		if (source)
			return uw_probe_select_use(l, plan, source);
		uw_output_note(l->output, NULL, LOG_NOTICE, "%s%s cannot be used: %s",
			       uw_probe_name(plan->probe), uw_plan_detail(plan),
			       plan->why_not ? plan->why_not
			       : why	     ? why
					     : "no memory");
		free(why);
	}
	uw_output_note(l->output, NULL, LOG_ERR,
		       "no probe can be attached that sees, so no deletion can be seen; "
		       "'unlinkwatchd --doctor' says what is lacking, see unlinkwatchd(8), PROBES");
	return -ENODEV;
}

static void say_blind(struct uw_probe_select *l)
{
	char since[TIME_LEN];

	uw_output_note(l->output, UW_ID_BLIND, LOG_ERR,
		       "%s has stopped seeing deletions (%.*s); it last proved to see at %s; %s",
		       uw_probe_name(l->plan.probe), (int)l->why.len, l->why.p,
		       time_text(l->proven_at, since),
		       uw_tracefs_off()
			       ? "ftrace is off, turn it on with: sysctl kernel.ftrace_enabled=1"
			       : "attaching anew");
}

static void say_sees_again(struct uw_probe_select *l, time_t since)
{
	char from[TIME_LEN], to[TIME_LEN];

	uw_buf_reset(&l->why);
	uw_probe_select_describe(l, &l->why);
	uw_output_note(l->output, UW_ID_SEES_AGAIN, LOG_WARNING,
		       "deletions are seen again, by %.*s; those from %s to %s may have no record; "
		       "not covered: %s",
		       (int)l->why.len, l->why.p, time_text(since, from),
		       time_text(l->proven_at, to), l->plan.not_covered);
}

/* Whether the probe still sees; too many missed results in a row are taken for blindness. */
static enum uw_verdict look(struct uw_probe_select *l)
{
	enum uw_verdict verdict = uw_selftest_run(l->source, &l->plan, &l->selftest, &l->why);

	l->resultless = verdict == UW_VERDICT_NO_RESULT ? l->resultless + 1 : 0;
	if (l->resultless >= RESULTLESS_MAX)
		verdict = UW_VERDICT_BLIND;
	if (verdict == UW_VERDICT_UNKNOWN && !l->unproven)
		uw_output_note(l->output, NULL, LOG_WARNING,
			       "it is not known whether %s still sees: %.*s",
			       uw_probe_name(l->plan.probe), (int)l->why.len, l->why.p);
	l->unproven = verdict == UW_VERDICT_UNKNOWN;
	if (verdict == UW_VERDICT_SEES)
		l->proven_at = time(NULL);
	return verdict;
}

void uw_probe_select_check(struct uw_probe_select *l, const struct uw_config *config,
			   const struct uw_rule_tables *tables)
{
	time_t since = l->proven_at;
	enum uw_verdict verdict = look(l);

	if (l->overlap.n && time(NULL) > l->overlap_until)
		uw_event_dedup_done(&l->overlap);

	if (verdict == UW_VERDICT_BLIND) {
		if (!l->blind)
			say_blind(l);
		l->blind = true;
		/* No probe may be removed then, but this one will see again by itself. */
		if (uw_tracefs_off())
			return;
		/* Its remains must not see what the next one sees. */
		stop(l, l->source);
		if (!uw_probe_select_best(l, config, tables))
			verdict = UW_VERDICT_SEES;
	}
	if (l->blind && verdict == UW_VERDICT_SEES) {
		l->blind = false;
		say_sees_again(l, since);
	}
}
