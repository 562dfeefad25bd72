/* SPDX-License-Identifier: MIT */
/*
 * Finds the records of a query in the order of time, whatever that in which they were written: a
 * collector writes them as they arrive. Also those of a query that no index answers: what is below
 * a directory, globs, names. A file of the journal has each value of a field once, in a list: those
 * that fit are looked for there, and the index then has their records. This is done file by file,
 * as libsystemd looks each value up in all files that it has open, and from the newest file on, so
 * that the first answers need not wait for the last file.
 */
#ifndef UW_CTL_SIFT_H
#define UW_CTL_SIFT_H

#include "ctl/query.h"
#include "ctl/reader.h"

struct uw_journal_scan;

/*
 * Of deletions as the options have it, from since_us on and up to until_us. The reader and the
 * query are borrowed. Returns 0 or -errno.
 */
int uw_journal_scan_open(struct uw_reader *whole, const struct uw_query *query, uint64_t since_us,
			 uint64_t until_us, struct uw_journal_scan **ret);

/*
 * The record before the last one, and at first the newest: a reader at it, valid until the next
 * call. A copy in another file is passed over. Returns 1, 0 where there are no more, or -errno.
 */
int uw_journal_scan_previous(struct uw_journal_scan *scan, struct uw_reader **ret);

void uw_journal_scan_close(struct uw_journal_scan *scan);

#endif
