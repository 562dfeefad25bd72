/* SPDX-License-Identifier: MIT */
/* Counters of both sides, and what is to be said of them. Pure. */
#ifndef UW_STATS_H
#define UW_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "unlinkwatch.h"

struct uw_stats {
	uint64_t kernel[UW_CNT_MAX]; /* by enum uw_counter */
	/* Of the events that the daemon took out of the ring buffer, each is in one of these: */
	uint64_t recorded;    /* the journal or the output has the record */
	uint64_t summarised;  /* are counted in the summary of a storm, written or not yet */
	uint64_t queued;      /* the record waits for it */
	uint64_t filtered;    /* no rule wanted them after all (paths are decided in the daemon) */
	uint64_t undecodable; /* lost: the bytes made no sense */
	uint64_t sink_failed; /* lost: the journal or the output did not take them */
};

/*
 * What has become of all deletions that were seen. It adds up at every moment:
 * seen = recorded + filtered + summarised + lost + in_flight + queued
 */
struct uw_balance {
	uint64_t seen;
	uint64_t recorded;
	uint64_t filtered; /* by either side */
	uint64_t summarised;
	uint64_t lost;	    /* whatever the cause */
	uint64_t in_flight; /* have not returned yet */
	uint64_t queued;    /* wait in the ring buffer or in the queue of records */
};

/*
 * The counters must be read in this order: the kernel's, what was seen last, then the daemon's,
 * with no event taken in between.
 */
void uw_stats_balance(const struct uw_stats *stats, struct uw_balance *ret);

/* All that was lost, whatever the cause. */
uint64_t uw_stats_lost(const struct uw_stats *stats);

/* One cause of losses: its name, such as "ring_full", and how many it is; false behind the last. */
bool uw_stats_cause(const struct uw_stats *stats, size_t i, const char **ret_name,
		    uint64_t *ret_lost);

/*
 * Adds to text what was lost between before and now, by cause: "3 as the ring buffer was full, 1
 * ...", and to fields the same as journal fields: the sum, and each cause that had a part in it.
 * Returns the sum; with 0, nothing is added.
 */
uint64_t uw_stats_loss_report(const struct uw_stats *before, const struct uw_stats *now,
			      struct uw_buf *text, struct uw_buf *fields);

#endif
