/* SPDX-License-Identifier: MIT */
/* The counters of the BPF programs and of the daemon, and reports of them. Pure. */
#ifndef UW_STATS_H
#define UW_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/users.h"
#include "unlinkwatch.h"

struct uw_stats {
	uint64_t kernel[UW_CNT_MAX]; /* by enum uw_counter */
	/* Each event that the daemon has read from the ring buffer is counted in one of these: */
	uint64_t recorded;    /* the journal or the output has accepted the record */
	uint64_t summarised;  /* part of a storm, whether its record is written yet or not */
	uint64_t queued;      /* the record waits in the queue */
	uint64_t filtered;    /* no rule matched in the daemon, which decides about paths */
	uint64_t undecodable; /* lost: the daemon could not decode the event */
	uint64_t sink_failed; /* lost: the journal or the output refused the record */
};

/*
 * What became of all deletions that were seen. The sum is exact at every moment:
 * seen = recorded + filtered + summarised + lost + in_flight + queued
 */
struct uw_balance {
	uint64_t seen;
	uint64_t recorded;
	uint64_t filtered; /* by the BPF programs or the daemon */
	uint64_t summarised;
	uint64_t lost;	    /* for any cause */
	uint64_t in_flight; /* the kernel function has not returned yet */
	uint64_t queued;    /* in the ring buffer or in the queue of records */
};

/*
 * The caller must have read the kernel's counters first, `seen` last of them, and then the
 * daemon's, without reading an event in between.
 */
void uw_stats_balance(const struct uw_stats *stats, struct uw_balance *ret);

/*
 * An event without a slot is counted as lost at its entry, and once more when the kernel has found
 * its file, with a record. Takes the first of the two out of the kernel's counters. A loss that was
 * read between the two vanishes with that, so losses may shrink.
 */
void uw_stats_count_once(uint64_t kernel[UW_CNT_MAX]);

/* The number of lost events, for all causes. */
uint64_t uw_stats_lost(const struct uw_stats *stats);

/* The name of cause i, such as "ring_full", and its losses. False behind the last cause. */
bool uw_stats_cause(const struct uw_stats *stats, size_t i, const char **ret_name,
		    uint64_t *ret_lost);

/*
 * Appends the losses between before and now to text, by cause: "3 as the ring buffer was full, 1
 * ...". Appends their sum and each cause to fields, as journal fields. Returns the sum. If it is 0,
 * appends nothing.
 */
uint64_t uw_stats_loss_report(const struct uw_stats *before, const struct uw_stats *now,
			      struct uw_buf *text, struct uw_buf *fields);

/*
 * Sets what has been reported to `now`. A reported loss that was none stays in it, and stands for
 * the next one of the same cause, so that the reports add up.
 */
void uw_stats_set_reported(struct uw_stats *reported, const struct uw_stats *now);

/* The users who lost most, in the order of `lost`, most first. */
#define UW_LOSERS 8

struct uw_losers {
	size_t n;
	struct uw_loser {
		uint32_t uid;
		uint64_t lost;
		char name[UW_USER_NAME_MAX]; /* set by the caller, "" if there is none */
		/* Of the first event that was lost, 0 and "" if not known: */
		uint32_t pid;
		char comm[UW_COMM_LEN];
		char exe[UW_LOST_DATA + 1];
		char dir[UW_LOST_DATA + 1]; /* the directory of its path, or one above */
	} user[UW_LOSERS];
};

/* Adds a user, if he is among those who lost most. */
void uw_losers_add(struct uw_losers *losers, uint32_t uid, uint64_t lost);

/* Sets what is known of the first event that was lost. */
void uw_loser_set_first(struct uw_loser *loser, const struct uw_lost *lost);

/*
 * Appends ", mostly of alice (uid 1000), first by rm (pid 4711) below /srv" to text, for `lost`
 * losses in all, and the fields UNLINK_LOST_UID, _USER, _PID, _COMM, _EXE and _DIR of each user
 * to fields.
 */
void uw_losers_report(const struct uw_losers *losers, uint64_t lost, struct uw_buf *text,
		      struct uw_buf *fields);

#endif
