/* SPDX-License-Identifier: MIT */
/*
 * The records of an answer. The names of a manifest are records like all others, and all come in
 * the order of the time of each deletion or move itself: the journal gets a manifest only when it
 * is full, or when the storm's interval is over.
 *
 * The records are those that a reader has selected or a scan finds, which includes all summaries.
 * Of the names, those count that the reader's options and the query want. What is left of a summary
 * is the number of deletions without a name; if there are none, it is no record.
 */
#ifndef UW_CTL_RECORDS_H
#define UW_CTL_RECORDS_H

#include "ctl/journal_scan.h"
#include "ctl/manifest.h"

struct uw_records;

struct uw_records_options {
	struct uw_reader *reader;
	struct uw_journal_scan *scan; /* NULL: what the reader has selected */
	const struct uw_query *query; /* NULL: all names */
	uint64_t since_us, until_us;  /* as the journal has the time; of names, their own */
	bool forward;		      /* the oldest first, from where the reader is */
	bool numbers;		      /* records have their numbers */
};

/*
 * How far a scan has to go to find the names up to a time. An interval is an hour at most, and the
 * journal may be late.
 */
uint64_t uw_records_until(uint64_t until_us);

/* Everything is borrowed. Returns 0 or -errno. */
int uw_records_open(const struct uw_records_options *options, struct uw_records **ret);
void uw_records_close(struct uw_records *records);

/* Steps to the next record. Returns 1, 0 at the end, which with `forward` is one so far, or -errno.
 */
int uw_records_step(struct uw_records *records);

/* Moves the record that it is at to *ret: once. Returns 0 or -ENOMEM. */
int uw_records_take(struct uw_records *records, struct uw_journal_record *ret);

/* Both of these: 1, 0 or -errno. */
int uw_records_next(struct uw_records *records, struct uw_journal_record *ret);

/*
 * The name that it is at, with a number that only names with the same fields have. NULL where the
 * record has fields of its own, or is of no manifest.
 */
const struct uw_name *uw_records_name(const struct uw_records *records, uint64_t *ret_set);

/* How many records of the journal were read. */
size_t uw_records_steps(const struct uw_records *records);

#endif
