/* SPDX-License-Identifier: MIT */
/*
 * Turns the records of an answer into what a person can read: a process that deleted many of the
 * names is a story, told once. Pure.
 *
 * Records are of one run of a process if pid, command, executable, users and host are the same, and
 * no ten minutes pass between two of them: a process number is used again.
 */
#ifndef UW_CTL_STORY_H
#define UW_CTL_STORY_H

#include <stdint.h>

#include "ctl/journal_record.h"
#include "record/names.h"

/* How many names of a run are shown one by one. */
#define UW_STORY_NAMES 10

struct uw_story {
	struct uw_journal_record record; /* the newest, for what is true of the whole run */
	uint64_t first_us, last_us;
	uint64_t removed, moved, failed, unknown;
	uint64_t bytes;			    /* of files whose last name was removed */
	uint64_t largest_bytes;		    /* 0: none is known */
	struct uw_buf first, last, largest; /* names */
};

/* Both return 0 or -errno, and may take the record over. */
struct uw_story_env {
	void *ctx;
	int (*show_record)(void *ctx, struct uw_journal_record *record);
	int (*show_story)(void *ctx, const struct uw_story *story);
};

struct uw_stories;

/* Returns NULL if memory is short. */
struct uw_stories *uw_stories_new(const struct uw_story_env *env);
void uw_stories_free(struct uw_stories *stories);

/*
 * Takes the next record over, which is older than those before. What it decides is shown, the
 * newest first. `set` is that of uw_records_name(), or 0. Returns 0 or -errno.
 */
int uw_stories_add(struct uw_stories *stories, uint64_t set, struct uw_journal_record *record);

/*
 * Adds a name of a manifest to the story that the last record of the set belongs to. Returns false
 * if that is no story yet: then the record is needed. To make it takes a multiple of the time.
 */
bool uw_stories_add_name(struct uw_stories *stories, uint64_t set, const struct uw_name *name);

/* Shows the rest. Returns 0 or -errno. */
int uw_stories_end(struct uw_stories *stories);

#endif
