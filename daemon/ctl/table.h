/* SPDX-License-Identifier: MIT */
/* Numbers for people: counts as a table, counts by hour as bars. Pure. */
#ifndef UW_CTL_TABLE_H
#define UW_CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/counts.h"
#include "ctl/term.h"

struct uw_table {
	enum uw_counts_by by;
	const struct uw_style *style;
	size_t columns;	  /* of the terminal: longer names are cut; 0: they are not */
	size_t rows;	  /* at most, below the head */
	bool recent;	  /* with a column of `recent` a second, by which it is sorted */
	uint64_t span_ns; /* how long `recent` counts for */
};

/*
 * Adds a head and the rows, each with a newline; for a terminal, the rest of each line is erased.
 */
void uw_table_add(const struct uw_table *table, const struct uw_counts *counts, struct uw_buf *buf);

/* Counts by time, oldest first. The hours in between that have none are there, too. */
struct uw_hour {
	uint64_t start_us;
	uint64_t count, failed;
};

struct uw_histogram {
	struct uw_hour *hour;
	size_t n;
};

/*
 * Counts n, of which so many failed. Times come newest first, as the journal is read backwards; one
 * that is not is counted in the hour that was last. Returns 0 or -ENOMEM.
 */
int uw_histogram_add(struct uw_histogram *histogram, uint64_t us, uint64_t n, uint64_t failed);

/*
 * Adds a line an hour, with a bar of at most `width` characters: those of the failed ones at its
 * end. Stretches of hours without any are a single line.
 */
void uw_histogram_print(const struct uw_histogram *histogram, size_t width, bool utf8,
			const struct uw_style *style, struct uw_buf *buf);

void uw_histogram_done(struct uw_histogram *histogram);

/* Of a whole number, how many of `width` characters stand for part; at least one unless it is 0. */
size_t uw_bar_length(uint64_t part, uint64_t whole, size_t width);

#endif
