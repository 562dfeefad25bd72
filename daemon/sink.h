/* SPDX-License-Identifier: MIT */
/* Where records go: the journal with its own fields, lines of JSON, lines of text. */
#ifndef UW_SINK_H
#define UW_SINK_H

#include "format.h"

enum uw_output {
	UW_OUTPUT_AUTO, /* journal where stderr is the journal, text elsewhere */
	UW_OUTPUT_JOURNAL,
	UW_OUTPUT_JSON,
	UW_OUTPUT_TEXT,
};

struct uw_sink;

/* Returns 0 or -ENOMEM. Lines go to standard output, and a write that fails is retried by nobody. */
int uw_sink_new(enum uw_output output, struct uw_sink **ret);

/* Writes out what is left, and frees. Accepts NULL. */
void uw_sink_free(struct uw_sink *sink);

/* Writes one record. Returns 0 or -errno; lines are kept back until uw_sink_flush(). */
int uw_sink_write(struct uw_sink *sink, const struct uw_entry *entry);

/*
 * Writes out the lines kept back. Returns 0, or -errno (-EPIPE when the reader has gone) and how
 * many of them were not written whole in *ret_lost, which may be NULL.
 */
int uw_sink_flush(struct uw_sink *sink, size_t *ret_lost);

/*
 * Says something about the daemon itself: a record with that MESSAGE_ID (NULL: none) in the
 * journal, a line on standard error elsewhere, so that standard output has nothing but deletions.
 * The text must be safe to print: what comes from outside goes through uw_buf_add_safe() first.
 */
void uw_sink_note(struct uw_sink *sink, const char *message_id, int priority, const char *format,
		  ...) __attribute__((format(printf, 4, 5)));

#endif
