/* SPDX-License-Identifier: MIT */
/* Counters of both sides, and what is to be said of them. Pure. */
#ifndef UW_STATS_H
#define UW_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "unlinkwatch.h"

struct uw_stats {
	uint64_t kernel[UW_CNT_MAX]; /* by enum uw_counter */
	/* Of the events that the kernel side recorded: */
	uint64_t written;     /* became records */
	uint64_t filtered;    /* no rule wanted them after all (paths are decided in the daemon) */
	uint64_t undecodable; /* lost: the bytes made no sense */
	uint64_t sink_failed; /* lost: the journal or the output did not take them */
};

/* All that was lost, whatever the cause. */
uint64_t uw_stats_lost(const struct uw_stats *stats);

/*
 * Adds to buf what was lost between before and now, by cause: "3 as the ring buffer was full, 1
 * ...". Returns how many that is; with 0, nothing is added.
 */
uint64_t uw_stats_loss_report(const struct uw_stats *before, const struct uw_stats *now,
			      struct uw_buf *buf);

#endif
