/* SPDX-License-Identifier: MIT */
/*
 * A storm begins when one program deletes more than Burst= names within IntervalSec=. Its further
 * deletions are counted, and summaries report how many there were, where and by whom, and keep
 * their names: see manifest.h. Counts are always exact, and memory is fixed. Pure: the caller
 * passes the time.
 *
 * "One program" is an executable, or a comm if the executable is not known, that one user runs
 * under one parent process: the thousand rm of a script count together. A child of process 1, which
 * adopts orphans, counts alone.
 *
 * Failed attempts count apart, so they never hide a deletion. Anybody can make them, by any number
 * of programs, so one budget is for all attempts of a user, whatever the program and the parent.
 * The user is the one who owns the share of the ring buffer, uw_record.account. Deletions with an
 * unknown result count as deletions.
 *
 * A user other than root also has a budget for the deletions of all programs that would have
 * records of their own: twice Burst=. So nobody can fill the journal, or the queue before it, by
 * starting ever new programs. What is over it has summaries by user.
 */
#ifndef UW_STORM_H
#define UW_STORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "config/config.h"
#include "record/record.h"

/* How many processes a summary names. */
#define UW_STORM_PIDS 16

/* An exchange counts twice. */
#define UW_STORM_TAKES 2

/* How many summaries can be open at once. */
#define UW_STORM_SUMMARIES 64

/* A summary is complete when it has this many bytes of names, or is so old. */
#define UW_STORM_NAMES	 ((size_t)64 << 10)
#define UW_STORM_WAIT_NS (5 * UW_NS_PER_S)

/* Room for the names, and for those of one more deletion, with all its fields. */
#define UW_STORM_NAMES_ROOM (2 * UW_STORM_NAMES)

/* The budget of a user for the deletions of all programs, in times Burst=. */
#define UW_STORM_USER_TIMES 2

/* A string that the summary holds itself. */
struct uw_storm_text {
	size_t len;
	char s[2 * UW_PATH_MAX];
};

/*
 * The deletions of one program or one user, or the failed attempts of one user, in one interval
 * that match the same rules.
 */
struct uw_summary {
	uint64_t succeeded, failed, unknown; /* unknown: without a return */
	uint64_t begin_ns, end_ns;	     /* CLOCK_BOOTTIME of the first and the last return */
	uint64_t rules;			     /* bits of the rules that asked for it */
	uint32_t uid, fsuid, ppid;
	bool moves; /* some are moves */
	bool mixed; /* several programs: comm, exe and so on are "" where they differ */
	bool ppid_known;
	uint32_t pids[UW_STORM_PIDS]; /* in order of arrival */
	size_t n_pids;
	/* As in a record, "" if not known. */
	struct uw_storm_text comm, exe, cgroup;
	struct uw_storm_text first, last; /* path, or name if the path is not known */
	bool dir_known;
	struct uw_storm_text dir; /* see uw_summary_dir(); "" is the root */
	uint64_t serial;	  /* no other summary has had it, nor 0 */
	uint64_t unnamed;	  /* deletions whose names are not kept, though they should be */
	size_t names_len;
	char names[UW_STORM_NAMES_ROOM]; /* see names.h */
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
 * The caller owns the memory, which holds zeroes or what an earlier process left there. Its size is
 * the same in every process of this version.
 */
size_t uw_storm_size(void);

/*
 * Repairs what a killed process left, and completes its summaries: nobody can add to their names.
 * With undo, it may have counted deletions after the last uw_storm_mark(), which the caller will
 * count again. `written` is the slot of a summary that was written but perhaps not released, or 0.
 */
void uw_storm_recover(struct uw_storm *storm, bool undo, uint64_t written);

/* uw_storm_recover() can undo what is counted between two marks: UW_STORM_TAKES at most. */
void uw_storm_mark(struct uw_storm *storm);

/* Returns the slot of the summary, from 1. */
uint64_t uw_storm_slot(const struct uw_storm *storm, const struct uw_summary *summary);

/*
 * Counts a deletion that the rules ask for. If it belongs to a storm, returns the summary that now
 * includes it, and it needs no record; the caller adds its name. Otherwise returns NULL. The caller
 * ensures uw_storm_has_room() before the mark.
 */
struct uw_summary *uw_storm_take(struct uw_storm *storm, const struct uw_storm_limit *limit,
				 const struct uw_record *record, uint64_t rules);

/*
 * The same for one more successful deletion with which a series goes on, when the summary in that
 * slot has the one before. NULL, and nothing is counted, if that is no longer the summary to use.
 */
struct uw_summary *uw_storm_take_next(struct uw_storm *storm, const struct uw_storm_limit *limit,
				      uint64_t slot, uint64_t serial, uint64_t exit_ns,
				      struct uw_str path);

/* Completes a summary, which is then due. */
void uw_storm_close(struct uw_storm *storm, const struct uw_summary *summary);

/* If false, write and release uw_storm_oldest() before the next uw_storm_take(). */
bool uw_storm_has_room(const struct uw_storm *storm);

/* Returns a summary that is due at now_ns (CLOCK_BOOTTIME), as its interval is over, or NULL. */
const struct uw_summary *uw_storm_due(struct uw_storm *storm, const struct uw_storm_limit *limit,
				      uint64_t now_ns);

/* Returns the summary that began first, or NULL if there is none. */
const struct uw_summary *uw_storm_oldest(struct uw_storm *storm);

/* Frees the slot of a summary that has been written. */
void uw_storm_release(struct uw_storm *storm, const struct uw_summary *summary);

/* Ends all storms: all summaries become due, and counting starts again. */
void uw_storm_end_all(struct uw_storm *storm);

#endif
