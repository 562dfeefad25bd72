/* SPDX-License-Identifier: MIT */
/*
 * Finds the records of a query in the order of time, even if a collector has written them in
 * another order. It also answers queries that no index does: for everything below a directory, for
 * globs, and for names. A journal file lists each value of a field once. The values that match are
 * taken from that list, and their records from the index. This is done file by file, as libsystemd
 * looks each value up in all files that it has open, and from the newest file on, so that the first
 * answers need not wait for the last file.
 */
#ifndef UW_CTL_JOURNAL_SCAN_H
#define UW_CTL_JOURNAL_SCAN_H

#include "ctl/query.h"
#include "ctl/reader.h"

struct uw_journal_scan;

/*
 * Of deletions as the options have it, and of all summaries, from since_us on and up to until_us.
 * The reader and the query are borrowed. Returns 0 or -errno.
 */
int uw_journal_scan_open(struct uw_reader *whole, const struct uw_query *query, uint64_t since_us,
			 uint64_t until_us, struct uw_journal_scan **ret);

/*
 * Steps to the newest record, then to the one before, and so on: a reader at it, valid until the
 * next call. Skips copies in other files. Returns 1, 0 at the end, or -errno.
 */
int uw_journal_scan_previous(struct uw_journal_scan *scan, struct uw_reader **ret);

void uw_journal_scan_close(struct uw_journal_scan *scan);

#endif
