/* SPDX-License-Identifier: MIT */
/*
 * Follows a file from record to record: what took its name away, where it went, and how it ended.
 * Pure: it asks for records, and whether a file is there, through a struct uw_follow_env.
 *
 * A path is one of the host. A name is followed, not an inode: another hard link is another name.
 * Inode numbers only tell that a record is about another file. Nothing records that a file was
 * made, so a directory's move does not tell which names were in it.
 */
#ifndef UW_CTL_FOLLOW_H
#define UW_CTL_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/journal_record.h"

/* What a successful record says of a path, or of the directories above it. */
enum uw_touch_type {
	UW_TOUCH_NONE,
	UW_TOUCH_MOVED,	   /* what was there is elsewhere */
	UW_TOUCH_REMOVED,  /* what was there is gone */
	UW_TOUCH_REPLACED, /* what was there is gone, and something else is there */
	UW_TOUCH_ABSENT,   /* nothing was there before it */
};

struct uw_touch {
	enum uw_touch_type type;
	bool above; /* it is about a directory above the path */
	bool far;   /* an exchange, whose record is about the other file */
	/* Of UW_TOUCH_MOVED, and of UW_TOUCH_ABSENT what came to the path: the directory, or all. */
	struct uw_str to;
	size_t rest; /* where the part of the path begins that is below */
};

/* The path that something left, by removal or by a move. */
struct uw_str uw_record_path_from(const struct uw_journal_record *record);

/* Whether something left this path. On overlayfs it also left the one in the upper directory. */
bool uw_record_is_from(const struct uw_journal_record *record, const char *path);

struct uw_touch uw_touch_of(const struct uw_journal_record *record, const char *path);

/* The order of records: by the time of the deletion or move, then as the journal has them. */
struct uw_record_key {
	uint64_t ns, arrived_us, number;
};

struct uw_record_key uw_record_key_of(const struct uw_journal_record *record);
int uw_record_key_compare(const struct uw_record_key *a, const struct uw_record_key *b);

struct uw_file_id {
	bool known;
	uint64_t inode;
	char dev[24]; /* as in the records, "" if not known */
};

enum uw_look {
	UW_LOOK_UNKNOWN, /* another machine's file, or one that may not be looked at */
	UW_LOOK_THERE,
	UW_LOOK_OTHER, /* another file is there */
	UW_LOOK_GONE,
};

struct uw_follow_env {
	void *ctx;
	/*
	 * Reads the record nearest to the key, after or before it, that touches the path on the
	 * host; an empty host means any. Returns 1, 0 if there is none, or -errno.
	 */
	int (*nearest)(void *ctx, struct uw_str host, const char *path,
		       const struct uw_record_key *key, bool before, struct uw_journal_record *ret);
	/* Whether the file, which existed at that time, is at the path. */
	enum uw_look (*look)(void *ctx, const char *path, const struct uw_file_id *id, uint64_t us);
};

struct uw_trail_step {
	struct uw_journal_record record;
	enum uw_touch_type type;
	bool above;
	char *path; /* where the file was after it; after the end, where it was last */
};

enum uw_trail_end {
	UW_TRAIL_NO_RECORD,
	UW_TRAIL_THERE, /* as far as the records say; see `look` */
	UW_TRAIL_REMOVED,
	UW_TRAIL_REPLACED,
	UW_TRAIL_LOST, /* it is not at the last path, and no record says why */
};

struct uw_trail {
	char *asked;
	struct uw_trail_step *step; /* the last one of an end, the others are moves */
	size_t n;
	struct uw_file_id id;
	enum uw_trail_end end;
	enum uw_look look;	 /* at the last path, if the last step is a move or there is none */
	enum uw_look asked_look; /* at the path that was asked for; of uw_trail_find() only */
};

/*
 * Follows the file that the record took from the path. Takes the record over, which becomes empty.
 * Returns 0 or -errno; release the trail in both cases.
 */
int uw_trail_follow(const struct uw_follow_env *env, const char *path,
		    struct uw_journal_record *record, struct uw_trail *ret);

/*
 * Follows the newest file that lost this name. If a directory above the name was moved later than
 * that, the file went with it only if a record or the file system shows that one was there. Returns
 * 0 or -errno; release the trail in both cases.
 */
int uw_trail_find(const struct uw_follow_env *env, const char *path, struct uw_trail *ret);

/*
 * Whether it tells of a file at all: a record is about it and not only about directories above it,
 * or it may be there.
 */
bool uw_trail_is_answer(const struct uw_trail *trail);

/* Where the file is, or was last. */
const char *uw_trail_path(const struct uw_trail *trail);

/* How many of the steps are moves. */
size_t uw_trail_moves(const struct uw_trail *trail);

void uw_trail_done(struct uw_trail *trail);

#endif
