// SPDX-License-Identifier: MIT
#include "ctl/coverage.h"

#include <errno.h>
#include <stdlib.h>

#include "ctl/timespec.h"

struct builder {
	const struct uw_coverage *coverage;
	struct uw_gap
		*gap; /* room for one a mark, and the two at the beginning, and one at the end */
	size_t n;
};

/* Adds the part of the gap that is in the time asked about. */
static void add(struct builder *b, enum uw_gap_type type, uint64_t from_us, uint64_t to_us)
{
	uint64_t since = b->coverage->since_us, until = b->coverage->until_us;

	if (from_us < since)
		from_us = since;
	if (to_us > until)
		to_us = until;
	if (from_us < to_us)
		b->gap[b->n++] = (struct uw_gap){ type, from_us, to_us };
}

static enum uw_gap_type type_of(const struct uw_mark *end)
{
	return end->type == UW_MARK_STOPPED ? UW_GAP_STOPPED : UW_GAP_DIED;
}

/* The gap before a start. `end` is the mark of the stop before it, or NULL if there is none. */
static void before_start(struct builder *b, size_t i, const struct uw_mark *end)
{
	const struct uw_coverage *c = b->coverage;
	const struct uw_mark *start = &c->mark[i];

	if (end)
		add(b, type_of(end), end->us, start->us);
	else if (i > 0 || start->alive_us)
		add(b, UW_GAP_LOST, start->alive_us ?: c->mark[i - 1].us, start->us);
	else if (c->since_us) /* without --since, the time before the first start does not count */
		add(b, UW_GAP_BEFORE, c->first_us, start->us);
}

int uw_coverage_gaps(const struct uw_coverage *c, struct uw_gap **ret, size_t *ret_n)
{
	struct builder b = { .coverage = c, .gap = calloc(c->n_marks + 3, sizeof(*b.gap)) };
	const struct uw_mark *end = NULL;

	if (!b.gap)
		return -ENOMEM;
	if (c->since_us)
		add(&b, UW_GAP_JOURNAL, c->since_us, c->first_us);
	if (!c->any)
		add(&b, UW_GAP_NEVER, c->first_us == UINT64_MAX ? 0 : c->first_us, UINT64_MAX);
	for (size_t i = 0; i < c->n_marks; i++) {
		const struct uw_mark *mark = &c->mark[i];

		if (mark->type == UW_MARK_STARTED) {
			before_start(&b, i, end);
			end = NULL;
		} else if (mark->type == UW_MARK_CONTINUED) {
			end = NULL;
		} else if (!end) {
			end = mark; /* the first word counts: a daemon that stops also dies */
		}
	}
	if (end)
		add(&b, type_of(end), end->us, UINT64_MAX);
	else if (c->ended_us)
		add(&b, UW_GAP_LOST, c->ended_us, UINT64_MAX);
	*ret = b.gap;
	*ret_n = b.n;
	return 0;
}

static void add_times(const struct uw_gap *gap, struct uw_buf *buf)
{
	if (gap->from_us) {
		uw_buf_puts(buf, " from ");
		uw_timespec_add(buf, gap->from_us);
	}
	if (gap->to_us == UINT64_MAX) {
		uw_buf_puts(buf, gap->from_us ? " until now" : "");
		return;
	}
	uw_buf_puts(buf, " until ");
	uw_timespec_add(buf, gap->to_us);
	if (gap->from_us) {
		uw_buf_puts(buf, " (");
		uw_timespec_add_span(buf, gap->to_us - gap->from_us);
		uw_buf_puts(buf, ")");
	}
}

void uw_gap_describe(const struct uw_gap *gap, struct uw_buf *buf)
{
	static const char *const what[] = {
		[UW_GAP_JOURNAL] = "not covered: the journal has nothing",
		[UW_GAP_NEVER] = "not covered: the journal has no record of unlinkwatchd",
		[UW_GAP_BEFORE] = "not covered: unlinkwatchd had not been started",
		[UW_GAP_STOPPED] = "not covered: unlinkwatchd was stopped",
		[UW_GAP_DIED] =
			"not covered: unlinkwatchd had crashed or was killed, and did not run",
		[UW_GAP_LOST] = "perhaps not covered: unlinkwatchd ended without a word some time",
	};

	uw_buf_puts(buf, what[gap->type]);
	add_times(gap, buf);
}
