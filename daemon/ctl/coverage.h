/* SPDX-License-Identifier: MIT */
/*
 * Finds the times that the journal does not cover: before it begins, and while the daemon did not
 * run. It goes by what the daemon and systemd wrote about starts and stops. Pure.
 */
#ifndef UW_CTL_COVERAGE_H
#define UW_CTL_COVERAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum uw_mark_type {
	UW_MARK_STARTED,
	UW_MARK_CONTINUED, /* started, and went on without a gap */
	UW_MARK_STOPPED,   /* stopped as asked */
	UW_MARK_DIED,	   /* systemd saw its process end */
};

struct uw_mark {
	enum uw_mark_type type;
	uint64_t us;
	/*
	 * Of a start: the time of the last record before it, or 0. It tells how long the previous
	 * daemon lived if that ended without a record, as in a power failure.
	 */
	uint64_t alive_us;
};

/* Marks from the oldest to the newest. */
struct uw_coverage {
	uint64_t since_us, until_us; /* the time that is asked about; 0: from the beginning on */
	uint64_t first_us; /* the first record of the journal, of whoever; UINT64_MAX: it is empty */
	const struct uw_mark *mark;
	size_t n_marks;
	bool any;	   /* there is a record of the daemon at all */
	uint64_t ended_us; /* not 0: it is known that it has not run since then */
};

enum uw_gap_type {
	UW_GAP_JOURNAL, /* before the first record of the journal */
	UW_GAP_NEVER,	/* no record of the daemon at all */
	UW_GAP_BEFORE,	/* before its first start that there is a record of */
	UW_GAP_STOPPED,
	UW_GAP_DIED,
	UW_GAP_LOST, /* it ended some time after from_us */
};

struct uw_gap {
	enum uw_gap_type type;
	uint64_t from_us, to_us; /* UINT64_MAX: up to now */
};

/* Finds the gaps, oldest first, in an array that the caller frees. Returns 0 or -ENOMEM. */
int uw_coverage_gaps(const struct uw_coverage *coverage, struct uw_gap **ret, size_t *ret_n);

/* Adds a sentence about the gap. */
void uw_gap_describe(const struct uw_gap *gap, struct uw_buf *buf);

#endif
