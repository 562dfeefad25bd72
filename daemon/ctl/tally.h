/* SPDX-License-Identifier: MIT */
/* Counts records by what they have in common: who, where, when. Pure. */
#ifndef UW_CTL_TALLY_H
#define UW_CTL_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "found.h"

enum uw_tally_by {
	UW_BY_PROCESS, /* the command, and which process last */
	UW_BY_USER,
	UW_BY_UNIT,
	UW_BY_DIRECTORY,
	UW_BY_ERROR,
	UW_BY_MAX,
};

struct uw_tally_row {
	char *key; /* any byte; NUL terminated as well */
	size_t key_len;
	uint64_t count, failed;
	uint64_t recent; /* since uw_tally_forget() */
};

/* A hash table, of at most UW_TALLY_MAX keys: what else there is goes to `others`. */
#define UW_TALLY_MAX 100000

struct uw_tally {
	struct uw_tally_row *row;
	size_t n;
	size_t *slot; /* index of a row + 1; 0: free */
	size_t n_slots;
	struct uw_tally_row others;
};

/* What a record counts for, safe to be printed, in buf. "" where it has no such thing. */
void uw_tally_key(const struct uw_found *found, enum uw_tally_by by, struct uw_buf *buf);

/* Counts n deletions, of which so many failed. Returns 0 or -ENOMEM. */
int uw_tally_add(struct uw_tally *tally, const char *key, size_t len, uint64_t n, uint64_t failed);

/* Starts `recent` anew. */
void uw_tally_forget(struct uw_tally *tally);

/*
 * The first `n` rows at most, by recent or by count, then by key: pointers into the tally, valid
 * until it changes, in an array that the caller frees. Returns 0 or -ENOMEM.
 */
int uw_tally_sorted(const struct uw_tally *tally, bool by_recent, size_t n,
		    const struct uw_tally_row ***ret, size_t *ret_n);

void uw_tally_done(struct uw_tally *tally);

#endif
