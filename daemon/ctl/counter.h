/* SPDX-License-Identifier: MIT */
/* Counts records by what they have in common: who, where, when. Pure. */
#ifndef UW_CTL_TALLY_H
#define UW_CTL_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/journal_record.h"

enum uw_counter_table_by {
	UW_BY_PROCESS, /* the command, and which process last */
	UW_BY_USER,
	UW_BY_UNIT,
	UW_BY_DIRECTORY,
	UW_BY_ERROR,
	UW_BY_MAX,
};

struct uw_counter_table_row {
	char *key; /* any byte; NUL terminated as well */
	size_t key_len;
	uint64_t count, failed;
	uint64_t recent; /* since uw_counter_table_forget() */
};

/* A hash table, of at most UW_COUNTER_TABLE_MAX keys: what else there is goes to `others`. */
#define UW_COUNTER_TABLE_MAX 100000

struct uw_counter_table {
	struct uw_counter_table_row *row;
	size_t n;
	size_t *slot; /* index of a row + 1; 0: free */
	size_t n_slots;
	struct uw_counter_table_row others;
};

/* What a record counts for, safe to be printed, in buf. "" where it has no such thing. */
void uw_counter_table_key(const struct uw_journal_record *found, enum uw_counter_table_by by,
			  struct uw_buf *buf);

/* Counts n deletions, of which so many failed. Returns 0 or -ENOMEM. */
int uw_counter_table_add(struct uw_counter_table *tally, const char *key, size_t len, uint64_t n,
			 uint64_t failed);

/* Starts `recent` anew. */
void uw_counter_table_forget(struct uw_counter_table *tally);

/*
 * The first `n` rows at most, by recent or by count, then by key: pointers into the tally, valid
 * until it changes, in an array that the caller frees. Returns 0 or -ENOMEM.
 */
int uw_counter_table_sorted(const struct uw_counter_table *tally, bool by_recent, size_t n,
			    const struct uw_counter_table_row ***ret, size_t *ret_n);

void uw_counter_table_done(struct uw_counter_table *tally);

#endif
