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
#ifndef UW_STORM_H
#define UW_STORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "record/record.h"

/* Processes that a summary names. */
#define UW_STORM_PIDS 16

/* A text of the summary's own. */
struct uw_storm_text {
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
	uint32_t pids[UW_STORM_PIDS]; /* in the order in which they came */
	size_t n_pids;
	/* As in a record; "" not known. */
	struct uw_storm_text comm, exe, cgroup;
	struct uw_storm_text first, last; /* paths, or names where the path is not known */
	bool dir_known;
	struct uw_storm_text dir; /* see uw_summary_dir(); "" is the root */
};

static inline struct uw_str uw_storm_str(const struct uw_storm_text *text)
{
	return (struct uw_str){ text->s, text->len };
}

/* How many deletions the summary stands for. */
uint64_t uw_summary_count(const struct uw_summary *summary);

/* The lowest directory that they have in common; only where dir_known. */
struct uw_str uw_summary_dir(const struct uw_summary *summary);

struct uw_storm;

/*
 * Floods live in memory of the caller's: zeroes, or what another process has left there. How much
 * that takes is the same in every process of this version.
 */
size_t uw_storm_size(void);

/*
 * Puts in order what a killed process has left. undo: it may have counted the last deletion after
 * uw_storm_mark(), which is to be counted again. written: the summary in this slot, if not 0, has
 * been written, but perhaps not released.
 */
void uw_storm_recover(struct uw_storm *storm, bool undo, uint64_t written);

/* What is counted before the next uw_storm_mark() can be undone. */
void uw_storm_mark(struct uw_storm *storm);

/* From 1. */
uint64_t uw_storm_slot(const struct uw_storm *storm, const struct uw_summary *summary);

/*
 * Counts a deletion that the rules asked for. True where it belongs to a storm: it is part of a
 * summary then, and is not to be recorded. There must be room for a summary more.
 */
bool uw_storm_take(struct uw_storm *storm, const struct uw_storm_limit *limit,
		   const struct uw_record *record, uint64_t rules);

/* False where a summary must be closed by uw_storm_oldest() before the next uw_storm_take(). */
bool uw_storm_has_room(const struct uw_storm *storm);

/* A summary whose interval is over at now_ns (CLOCK_BOOTTIME), or NULL. */
const struct uw_summary *uw_storm_due(struct uw_storm *storm, const struct uw_storm_limit *limit,
				      uint64_t now_ns);

/* The summary that began first, or NULL where there is none. */
const struct uw_summary *uw_storm_oldest(struct uw_storm *storm);

/* Forgets a summary that has been written. */
void uw_storm_release(struct uw_storm *storm, const struct uw_summary *summary);

/* Ends all storms: their summaries are due, and counting starts anew. */
void uw_storm_end_all(struct uw_storm *storm);

#endif
