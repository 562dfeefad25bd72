// SPDX-License-Identifier: MIT
#include "ctl/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/clock.h"
#include "ctl/timespec.h"

#define NUMBERS_WIDTH 22 /* the columns of count and failed, with the spaces behind */
#define RATE_WIDTH    11

/* ---- tables */

/*
 * At most `columns` of a text that is safe to print. A character counts as one column; for those
 * that take two, top has the terminal cut its lines.
 */
static void add_cut(struct uw_buf *buf, const char *text, size_t len, size_t columns)
{
	size_t at = 0, n, shown = 0, fits = 0;
	unsigned int c;

	for (; at < len && shown < columns; shown++) {
		fits = at;
		n = uw_utf8(text + at, len - at, &c);
		at += n ? n : 1;
	}
	if (at >= len) {
		uw_buf_add(buf, text, len);
		return;
	}
	uw_buf_add(buf, text, fits);
	uw_buf_puts(buf, "+");
}

static void add_row(const struct uw_table *table, const struct uw_counts_row *row, const char *key,
		    size_t len, struct uw_buf *buf)
{
	size_t used = NUMBERS_WIDTH + (table->recent ? RATE_WIDTH : 0);
	double seconds = (double)table->span_ns / (double)UW_NS_PER_S;

	if (table->recent)
		uw_buf_printf(buf, "%9.1f  ", seconds > 0 ? (double)row->recent / seconds : 0);
	uw_buf_printf(buf, "%10" PRIu64 "  ", row->count);
	uw_buf_puts(buf, row->failed ? table->style->red : "");
	uw_buf_printf(buf, "%8" PRIu64 "  ", row->failed);
	uw_buf_puts(buf, row->failed ? table->style->off : "");
	if (!table->columns)
		uw_buf_add(buf, key, len);
	else if (table->columns > used)
		add_cut(buf, key, len, table->columns - used);
	uw_buf_puts(buf, table->recent ? "\033[K\n" : "\n");
}

void uw_table_add(const struct uw_table *table, const struct uw_counts *counts, struct uw_buf *buf)
{
	static const char *const heads[UW_BY_MAX] = { "PROCESS",  "USER",  "UNIT",     "DIRECTORY",
						      "ANCESTOR", "ERROR", "OPERATION" };
	static const char unknown[] = "(not known)", others[] = "(others)";
	const struct uw_counts_row **rows;
	size_t n;

	if (uw_counts_sorted(counts, table->recent, table->rows, &rows, &n) < 0) {
		buf->failed = true;
		return;
	}
	uw_buf_puts(buf, table->style->bold);
	uw_buf_printf(buf, "%s%10s  %8s  %s", table->recent ? "  per sec  " : "", "COUNT", "FAILED",
		      heads[table->by]);
	uw_buf_puts(buf, table->style->off);
	uw_buf_puts(buf, table->recent ? "\033[K\n" : "\n");
	for (size_t i = 0; i < n; i++) {
		if (rows[i]->key_len)
			add_row(table, rows[i], rows[i]->key, rows[i]->key_len, buf);
		else
			add_row(table, rows[i], unknown, sizeof(unknown) - 1, buf);
	}
	if (counts->others.count)
		add_row(table, &counts->others, others, sizeof(others) - 1, buf);
	free(rows);
}

/* ---- histograms */

#define USEC_PER_HOUR (3600 * UW_USEC_PER_S)
#define EMPTY_SHOWN   2 /* so many hours without any are shown one by one */

int uw_histogram_add(struct uw_histogram *histogram, uint64_t us, uint64_t n, uint64_t failed)
{
	uint64_t start = uw_timespec_hour(us);
	struct uw_hour *last = histogram->n ? &histogram->hour[histogram->n - 1] : NULL;

	if (!last || start < last->start_us) {
		if (!uw_array_room(histogram->hour, histogram->n))
			return -ENOMEM;
		last = &histogram->hour[histogram->n++];
		*last = (struct uw_hour){ .start_us = start };
	}
	last->count += n;
	last->failed += failed;
	return 0;
}

size_t uw_bar_length(uint64_t part, uint64_t whole, size_t width)
{
	size_t length;

	if (!part || !whole || !width)
		return 0;
	length = (size_t)((double)part / (double)whole * (double)width + 0.5);
	if (length > width)
		return width;
	return length ? length : 1;
}

static void add_bar(struct uw_buf *buf, size_t length, bool utf8)
{
	while (length--)
		uw_buf_puts(buf, utf8 ? "\xe2\x96\x88" : "#"); /* U+2588, full block */
}

static void add_hour(const struct uw_hour *hour, uint64_t max, size_t width, bool utf8,
		     const struct uw_style *style, struct uw_buf *buf)
{
	size_t all = uw_bar_length(hour->count, max, width);
	size_t failed = uw_bar_length(hour->failed, max, width);

	if (failed > all)
		failed = all;
	uw_timespec_add_hour(buf, hour->start_us);
	uw_buf_printf(buf, " %10" PRIu64 "  ", hour->count);
	add_bar(buf, all - failed, utf8);
	uw_buf_puts(buf, failed ? style->red : "");
	add_bar(buf, failed, utf8);
	uw_buf_puts(buf, failed ? style->off : "");
	uw_buf_puts(buf, "\n");
}

/* The hours between two that have any. */
static void add_empty(uint64_t from_us, uint64_t to_us, const struct uw_style *style,
		      struct uw_buf *buf)
{
	uint64_t hours = (to_us - from_us) / USEC_PER_HOUR;

	if (hours > EMPTY_SHOWN) {
		uw_buf_printf(buf, "%s%14s none for %" PRIu64 " hours%s\n", style->dim, "", hours,
			      style->off);
		return;
	}
	for (uint64_t i = 0; i < hours; i++) {
		uw_timespec_add_hour(buf, from_us + i * USEC_PER_HOUR);
		uw_buf_printf(buf, " %10d\n", 0);
	}
}

void uw_histogram_print(const struct uw_histogram *histogram, size_t width, bool utf8,
			const struct uw_style *style, struct uw_buf *buf)
{
	uint64_t max = 0, end = 0;

	for (size_t i = 0; i < histogram->n; i++)
		if (histogram->hour[i].count > max)
			max = histogram->hour[i].count;
	for (size_t i = histogram->n; i-- > 0;) {
		const struct uw_hour *hour = &histogram->hour[i];

		if (end && hour->start_us > end)
			add_empty(end, hour->start_us, style, buf);
		add_hour(hour, max, width, utf8, style, buf);
		end = hour->start_us + USEC_PER_HOUR;
	}
}

void uw_histogram_done(struct uw_histogram *histogram)
{
	free(histogram->hour);
	*histogram = (struct uw_histogram){ 0 };
}
