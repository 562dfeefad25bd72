/* SPDX-License-Identifier: MIT */
/*
 * Writes records to the journal, as lines of JSON or as lines of text. A record that cannot be
 * written now waits in a queue of a fixed size. Only uw_output_drain() and uw_output_free() wait.
 */
#ifndef UW_OUTPUT_H
#define UW_OUTPUT_H

#include <systemd/sd-event.h>

#include "output/spool.h"
#include "record/format.h"

enum uw_output_format {
	UW_OUTPUT_AUTO, /* journal where stderr is the journal, text elsewhere */
	UW_OUTPUT_JOURNAL,
	UW_OUTPUT_JSON,
	UW_OUTPUT_TEXT,
};

struct uw_output;

/* Replaces UW_OUTPUT_AUTO by the format to use here. */
enum uw_output_format uw_output_choose(enum uw_output_format format);

/*
 * `format` is not UW_OUTPUT_AUTO. Records wait in the persistent memory, which is borrowed. Lines
 * go to standard output. Returns 0 or -errno.
 */
int uw_output_new(enum uw_output_format format, struct uw_persistent *persistent,
		  struct uw_output **ret);

/*
 * Writes what is left, waiting a few seconds at most, and frees. Accepts NULL.
 */
void uw_output_free(struct uw_output *output);

/* From now on the event loop writes the records that wait, and calls moved(): see uw_spool_fn. */
int uw_output_attach(struct uw_output *output, sd_event *event, uw_spool_fn moved, void *userdata);

/*
 * Changes the size of the queue. Returns 0; -ENOSPC if the waiting records do not fit; or -errno.
 */
int uw_output_resize(struct uw_output *output, size_t queue_size);

/* Whether it takes summaries: only the journal does. A stream has a line for each deletion. */
bool uw_output_sums_up(const struct uw_output *output);

/* True if there is room for the largest record. If not, leave events in the ring buffer. */
bool uw_output_has_room(const struct uw_output *output);

/*
 * Takes one record. Returns 0, or -errno where it is lost; it is counted in either case, the
 * summary of a storm as all of its deletions. It is kept back until uw_output_flush(), which
 * returns 0 or -errno (-EPIPE: the reader has gone).
 */
int uw_output_write(struct uw_output *output, const struct uw_entry *entry);
int uw_output_flush(struct uw_output *output);

/* Writes everything, and waits for it as uw_spool_drain() does. */
int uw_output_drain(struct uw_output *output, unsigned int timeout_ms, void (*moving)(void));

/* What became of the records (struct uw_spool_counts), and how full the queue is. */
const struct uw_spool_counts *uw_output_counts(const struct uw_output *output);
void uw_output_usage(const struct uw_output *output, size_t *ret_size, size_t *ret_used);

/* Gives memory that the queue does not need back to the kernel. Call it now and then. */
void uw_output_trim(struct uw_output *output);

/*
 * Writes a note about the daemon itself, behind the records so far: a record with that MESSAGE_ID
 * (NULL: none) in the journal, a line on standard error elsewhere, so that standard output has
 * nothing but deletions. The queue keeps some room for notes. The text must be safe to print: pass
 * text from outside through uw_buf_add_safe() first.
 */
void uw_output_note(struct uw_output *output, const char *message_id, int priority,
		    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same with further fields, made by base/journal_fields.h, for the journal alone. */
void uw_output_note_fields(struct uw_output *output, const char *message_id, int priority,
			   const struct uw_buf *fields, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

#endif
