/* SPDX-License-Identifier: MIT */
/* Counts records by process, user, unit, directory, ancestor or error. Pure. */
#ifndef UW_CTL_COUNTS_H
#define UW_CTL_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/journal_record.h"

enum uw_counts_by {
	UW_BY_PROCESS, /* the command, and its last process */
	UW_BY_USER,
	UW_BY_UNIT,
	UW_BY_DIRECTORY,
	UW_BY_ANCESTOR, /* each command above the process, and its own */
	UW_BY_ERROR,
	UW_BY_OPERATION,
	UW_BY_MAX,
};

struct uw_counts_row {
	char *key; /* any byte; NUL terminated as well */
	size_t key_len;
	uint64_t count, failed;
	uint64_t recent; /* since uw_counts_forget() */
};

/* How many there were of all kinds. */
struct uw_totals {
	uint64_t deletions, moves, failed, unknown;
};

/* A hash table, of at most UW_COUNTS_MAX keys: what else there is goes to `others`. */
#define UW_COUNTS_MAX 100000

struct uw_counts {
	struct uw_counts_row *row;
	size_t n;
	size_t *slot; /* index of a row + 1; 0: free */
	size_t n_slots;
	struct uw_counts_row others;
};

/*
 * Puts key i that the record counts for into buf, safe to print: "" if the record has none. False
 * after the last one.
 */
bool uw_counts_key(const struct uw_journal_record *found, enum uw_counts_by by, size_t i,
		   struct uw_buf *buf);

/* Counts n deletions, `failed` of which failed. Returns 0 or -ENOMEM. */
int uw_counts_add(struct uw_counts *counts, const char *key, size_t len, uint64_t n,
		  uint64_t failed);

/* The same for each key of the record; buf is for them. */
int uw_counts_add_record(struct uw_counts *counts, const struct uw_journal_record *found,
			 enum uw_counts_by by, uint64_t n, uint64_t failed, struct uw_buf *buf);

/*
 * Counts what the record stands for. Returns how many deletions or moves that is, and in
 * *ret_failed, how many of them failed.
 */
uint64_t uw_totals_add(struct uw_totals *totals, const struct uw_journal_record *found,
		       uint64_t *ret_failed);

/* Adds "8 deletions, 3 moves, 2 failed". */
void uw_totals_print(const struct uw_totals *totals, struct uw_buf *buf);

/* Starts `recent` anew. */
void uw_counts_forget(struct uw_counts *counts);

/*
 * The first `n` rows at most, by recent or by count, then by key: pointers into the counts, valid
 * until it changes, in an array that the caller frees. Returns 0 or -ENOMEM.
 */
int uw_counts_sorted(const struct uw_counts *counts, bool by_recent, size_t n,
		     const struct uw_counts_row ***ret, size_t *ret_n);

void uw_counts_done(struct uw_counts *counts);

#endif
