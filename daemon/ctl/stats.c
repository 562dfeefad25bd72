// SPDX-License-Identifier: MIT
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/commands.h"
#include "ctl/records.h"
#include "ctl/table.h"
#include "ctl/timespec.h"

#define DAY_US	  (24 * 3600 * UW_USEC_PER_S)
#define ROWS	  10 /* of each table, if no other number is asked for */
#define BAR_WIDTH 50

struct stats {
	struct uw_ctl_options options; /* with the time that is meant where none was given */
	struct uw_reader *reader;
	struct uw_counts counts[UW_BY_MAX];
	struct uw_histogram histogram;
	struct uw_totals totals;
	struct uw_journal_record found;
	struct uw_buf buf;
};

static bool is_wanted(const struct stats *s, enum uw_counts_by by)
{
	return s->options.by_set ? by == s->options.by : by != UW_BY_ANCESTOR;
}

static int count(struct stats *s)
{
	uint64_t failed, n = uw_totals_add(&s->totals, &s->found, &failed);
	int r;

	r = uw_histogram_add(&s->histogram, uw_journal_record_time(&s->found), n, failed);
	for (size_t i = 0; i < UW_BY_MAX && r == 0; i++) {
		enum uw_counts_by by = (enum uw_counts_by)i;

		if (is_wanted(s, by) && (by != UW_BY_ERROR || failed))
			r = uw_counts_add_record(&s->counts[i], &s->found, by, n, failed, &s->buf);
	}
	return r;
}

static int count_all(struct stats *s)
{
	struct uw_records_options options = { .reader = s->reader,
					      .since_us = s->options.since_us,
					      .until_us = s->options.until_us };
	struct uw_records *records = NULL;
	int r = uw_reader_select(s->reader, NULL, 0);

	if (r >= 0)
		r = uw_records_open(&options, &records);
	while (r >= 0 && (r = uw_records_next(records, &s->found)) > 0)
		r = count(s);
	uw_records_close(records);
	return r < 0 ? r : 0;
}

/* ---- output */

static size_t rows_wanted(const struct stats *s)
{
	return s->options.lines == UW_LINES_ALL ? ROWS : s->options.lines;
}

static void print_text(struct stats *s)
{
	static const enum uw_counts_by order[] = { UW_BY_USER,	   UW_BY_UNIT,	    UW_BY_PROCESS,
						   UW_BY_ANCESTOR, UW_BY_DIRECTORY, UW_BY_OPERATION,
						   UW_BY_ERROR };
	struct uw_table table = { .style = uw_term_style(), .rows = rows_wanted(s) };
	bool any = s->totals.deletions + s->totals.moves;

	uw_buf_reset(&s->buf);
	uw_totals_print(&s->totals, &s->buf);
	uw_buf_puts(&s->buf, ", since ");
	uw_timespec_add(&s->buf, s->options.since_us);
	uw_buf_puts(&s->buf, "\n");
	if (any)
		uw_buf_puts(&s->buf, "\n");
	uw_histogram_print(&s->histogram, BAR_WIDTH, uw_term_utf8(), table.style, &s->buf);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]) && any; i++) {
		table.by = order[i];
		if (!s->counts[table.by].n)
			continue;
		uw_buf_puts(&s->buf, "\n");
		uw_table_add(&table, &s->counts[table.by], &s->buf);
	}
}

static void add_json_row(struct uw_buf *buf, const char *kind, struct uw_str key, uint64_t n,
			 uint64_t failed)
{
	uw_buf_printf(buf, "{\"%s\":", kind);
	uw_buf_add_json(buf, key);
	uw_buf_printf(buf, ",\"deletions\":%" PRIu64 ",\"failed\":%" PRIu64 "}\n", n, failed);
}

/* A line for each hour and each row. */
static int print_json(struct stats *s)
{
	static const char *const kinds[UW_BY_MAX] = { "process",  "user",  "unit",     "directory",
						      "ancestor", "error", "operation" };
	const struct uw_counts_row **rows;
	size_t n;

	uw_buf_reset(&s->buf);
	for (size_t i = s->histogram.n; i-- > 0;) {
		const struct uw_hour *hour = &s->histogram.hour[i];

		uw_buf_puts(&s->buf, "{\"hour\":");
		uw_timespec_add_utc(&s->buf, hour->start_us * 1000);
		uw_buf_printf(&s->buf, ",\"deletions\":%" PRIu64 ",\"failed\":%" PRIu64 "}\n",
			      hour->count, hour->failed);
	}
	for (size_t by = 0; by < UW_BY_MAX; by++) {
		if (uw_counts_sorted(&s->counts[by], false, rows_wanted(s), &rows, &n) < 0)
			return -ENOMEM;
		for (size_t i = 0; i < n; i++)
			add_json_row(&s->buf, kinds[by],
				     (struct uw_str){ rows[i]->key, rows[i]->key_len },
				     rows[i]->count, rows[i]->failed);
		free(rows);
	}
	return 0;
}

static int print(struct stats *s)
{
	int r = 0;

	if (!s->options.no_pager)
		uw_pager_open();
	r = uw_say_notes(&s->options, s->reader);
	if (r >= 0 && s->options.json)
		r = print_json(s);
	else if (r >= 0)
		print_text(s);
	if (r >= 0)
		r = uw_term_write(&s->buf);
	uw_pager_close();
	return r == -EPIPE ? 0 : r;
}

int uw_cmd_stats(const struct uw_ctl_options *options)
{
	struct stats s = { .options = *options };
	int r, status;

	if (!options->since_set)
		s.options.since_us =
			(options->until_set ? options->until_us : uw_now_us()) - DAY_US;
	if (uw_reader_open(&s.options, &s.reader) < 0)
		return UW_CTL_ERROR;
	uw_term_style(); /* before there is a pager */
	r = count_all(&s);
	if (r >= 0)
		r = print(&s);
	status = s.totals.deletions + s.totals.moves ? UW_CTL_FOUND : UW_CTL_NOTHING;
	if (r < 0)
		status = uw_fail("cannot read the journal", r);
	for (size_t i = 0; i < UW_BY_MAX; i++)
		uw_counts_done(&s.counts[i]);
	uw_histogram_done(&s.histogram);
	uw_journal_record_done(&s.found);
	uw_buf_free(&s.buf);
	uw_reader_close(s.reader);
	return status;
}
