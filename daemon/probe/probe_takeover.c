// SPDX-License-Identifier: MIT
/*
 * The start of a probe_select where a process before this one has left its source. If that is the
 * one to take, it goes on. Otherwise the new source is attached first, and both see for a moment.
 */
#include "probe/probe_select_internal.h"

#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "base/clock.h"

/* Seen by the old source, too, as this one. Each has counted it. */
bool uw_probe_select_seen_before(struct uw_probe_select *l, const struct uw_event *ev)
{
	uint64_t *before = l->persistent->words->before;

	if (!uw_event_dedup_take(&l->overlap, ev->tid, ev->enter_ns, ev->exit_ns))
		return false;
	uw_persistent_begin(l->persistent);
	before[UW_CNT_SEEN]--;
	before[UW_CNT_RECORDED]--;
	uw_persistent_take(l->persistent);
	uw_persistent_commit(l->persistent);
	return true;
}

static void say_no_memory(struct uw_probe_select *l)
{
	uw_output_note(l->output, NULL, LOG_WARNING, "no memory: a deletion may be recorded twice");
}

void uw_probe_select_hold(struct uw_probe_select *l, const void *data, size_t size)
{
	static const char padding[sizeof(uint64_t)];
	uint64_t length = size;

	if (!uw_buf_grow(&l->held, sizeof(length) + size + sizeof(padding))) {
		say_no_memory(l);
		l->on_event(data, size, l->userdata);
		return;
	}
	uw_buf_add(&l->held, &length, sizeof(length));
	uw_buf_add(&l->held, data, size);
	uw_buf_add(&l->held, padding, -size % sizeof(padding));
}

void uw_probe_select_let_go(struct uw_probe_select *l)
{
	const struct uw_event *ev;
	uint64_t length;
	size_t at;

	for (at = 0; at < l->held.len; at += (length + 7) / 8 * 8) {
		memcpy(&length, l->held.p + at, sizeof(length));
		at += sizeof(length);
		ev = (const void *)(l->held.p + at);
		if (length < sizeof(*ev) || !uw_probe_select_seen_before(l, ev))
			l->on_event(ev, length, l->userdata);
	}
	uw_buf_free(&l->held);
}

static void remember(struct uw_probe_select *l, const struct uw_event *ev)
{
	/* One that was taken over in flight ends nobody knows when. */
	uint64_t until = ev->exit_ns == ev->enter_ns ? UINT64_MAX : ev->exit_ns;

	if (until >= l->overlap_begin_ns &&
	    !uw_event_dedup_add(&l->overlap, ev->tid, ev->enter_ns, until))
		say_no_memory(l);
}

/* Of the source that is going. */
void uw_probe_select_old_sample(const void *data, size_t size, void *userdata)
{
	struct uw_probe_select *l = userdata;

	if (uw_selftest_take(&l->selftest, data, size))
		return;
	if (size >= sizeof(struct uw_event))
		remember(l, data);
	l->on_event(data, size, l->userdata);
}

static bool is_plan(const struct uw_plan *plan, const struct uw_source_info *m)
{
	return plan->probe == m->probe && plan->kernel_reads == m->kernel_reads &&
	       plan->raw == m->raw && plan->kthreads == m->kthreads;
}

/* What was kept is still the one to take. */
static bool fits(const struct uw_probe_select *l, const struct uw_config *config,
		 const struct uw_plan *plan, const struct uw_source_info *m)
{
	return is_plan(plan, m) && !plan->why_not && m->choice == l->choice && !m->second_best &&
	       m->ring_size == config->ring_size && m->build == uw_source_build(plan);
}

/* Goes on with what was kept. False where that is not possible; then it may be what is to go. */
static bool go_on(struct uw_probe_select *l, const struct uw_config *config,
		  const struct uw_rule_tables *tables, const struct uw_plan *plan,
		  const struct uw_source_info *m)
{
	struct uw_source_setup setup = uw_probe_select_setup(l, plan, config, tables);
	struct uw_source *source;
	char *why = NULL;

	if (uw_source_adopt(&setup, l->store, m, &source, &why) >= 0) {
		if (uw_probe_select_proves(l, plan, source, &why))
			return uw_probe_select_use(l, plan, source) >= 0;
		uw_probe_select_retire(l, source);
	}
	uw_output_note(l->output, NULL, LOG_WARNING,
		       "the probe of the process before this one cannot be used: %s",
		       why ? why : "no memory");
	free(why);
	return false;
}

/* Takes over what was kept, to read what it has seen. */
static void keep_reading(struct uw_probe_select *l, const struct uw_config *config,
			 const struct uw_plan *plan, const struct uw_source_info *m)
{
	struct uw_source_setup setup = uw_probe_select_setup(l, plan, config, NULL);
	char *why = NULL;

	l->overlap_begin_ns = uw_clock_ns(CLOCK_BOOTTIME);
	if (uw_source_adopt(&setup, l->store, m, &l->old, &why) < 0)
		uw_output_note(l->output, NULL, LOG_ERR,
			       "what the process before this one left cannot be read: %s",
			       why ? why : "no memory");
	free(why);
}

int uw_probe_select_start(struct uw_probe_select *l, const struct uw_config *config,
			  const struct uw_rule_tables *tables)
{
	struct uw_plan plans[UW_PLANS_MAX], *plan = plans;
	struct uw_source_info m;
	size_t n, i;
	int r = 0;

	if (uw_source_find_kept(l->store, UINT64_MAX, &m) &&
	    m.serial > l->persistent->words->retired) {
		uw_kernel_read(&l->kernel);
		n = uw_kernel_plan(&l->kernel, l->choice, plans);
		for (i = 0; i < n; i++)
			if (is_plan(&plans[i], &m))
				plan = &plans[i];
		if (n && fits(l, config, plan, &m)) {
			l->continues = go_on(l, config, tables, plan, &m);
		} else {
			/* The plan only says which of its parts are ours to detach. */
			keep_reading(l, config, plan, &m);
		}
	}
	if (!l->continues) {
		l->continues = l->old;
		r = uw_probe_select_best(l, config, tables);
	}
	uw_fdstore_clear(l->store);
	return r;
}
