/* SPDX-License-Identifier: MIT */
/*
 * Floods: when one program deletes more than Burst= names within IntervalSec=, the rest is counted,
 * and one summary for each interval says how many, where and by whom. Counts are exact whatever
 * happens; memory is fixed. Pure: time is passed in.
 *
 * "One program" is an executable (where that is not known, a comm) run by one user for one parent
 * process, so that the thousand rm of a script are taken together. For process 1, which is
 * everybody's parent in the end, it is one process.
 */
#ifndef UW_FLOOD_H
#define UW_FLOOD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "record.h"

/* Processes that a summary names. */
#define UW_FLOOD_PIDS 16

/* A text of the summary's own. */
struct uw_flood_text {
	size_t len;
	char s[2 * UW_PATH_MAX];
};

/* What one program deleted in one interval that the same rules asked for. */
struct uw_summary {
	uint64_t succeeded, failed, unknown; /* unknown: the return was missed */
	uint64_t begin_ns, end_ns;	     /* CLOCK_BOOTTIME of the first and the last return */
	uint64_t rules;			     /* bits of the rules that asked for it */
	uint32_t uid, ppid;
	bool ppid_known;
	uint32_t pids[UW_FLOOD_PIDS]; /* in the order in which they came */
	size_t n_pids;
	/* As in a record; "" not known. */
	struct uw_flood_text comm, exe, cgroup;
	struct uw_flood_text first, last; /* paths, or names where the path is not known */
	bool dir_known;
	struct uw_flood_text dir; /* the lowest directory that they have in common */
};

struct uw_flood;

/*
 * Floods live in memory of the caller's: zeroes, or what another process has left there. How much
 * that takes is the same in every process of this version.
 */
size_t uw_flood_size(void);

/*
 * Puts in order what a killed process has left. undo: it may have counted the last deletion after
 * uw_flood_mark(), which is to be counted again. written: the summary in this slot, if not 0, has
 * been written, but perhaps not released.
 */
void uw_flood_recover(struct uw_flood *flood, bool undo, uint64_t written);

/* What is counted before the next uw_flood_mark() can be undone. */
void uw_flood_mark(struct uw_flood *flood);

/* From 1. */
uint64_t uw_flood_slot(const struct uw_flood *flood, const struct uw_summary *summary);

/*
 * Counts a deletion that the rules asked for. True where it belongs to a flood: it is part of a
 * summary then, and is not to be recorded. There must be room for a summary more.
 */
bool uw_flood_take(struct uw_flood *flood, const struct uw_flood_limit *limit,
		   const struct uw_record *record, uint64_t rules);

/* False where a summary must be closed by uw_flood_oldest() before the next uw_flood_take(). */
bool uw_flood_has_room(const struct uw_flood *flood);

/* A summary whose interval is over at now_ns (CLOCK_BOOTTIME), or NULL. */
const struct uw_summary *uw_flood_due(struct uw_flood *flood, const struct uw_flood_limit *limit,
				      uint64_t now_ns);

/* The summary that began first, or NULL where there is none. */
const struct uw_summary *uw_flood_oldest(struct uw_flood *flood);

/* Forgets a summary that has been written. */
void uw_flood_release(struct uw_flood *flood, const struct uw_summary *summary);

/* Ends all floods: their summaries are due, and counting starts anew. */
void uw_flood_end_all(struct uw_flood *flood);

#endif
