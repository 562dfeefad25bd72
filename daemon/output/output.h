/* SPDX-License-Identifier: MIT */
/*
 * Where records go: the journal with its own fields, lines of JSON, lines of text. A record that
 * cannot be written now waits in a queue of a fixed size; nothing here waits, but uw_output_drain()
 * and uw_output_free().
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

/* What UW_OUTPUT_AUTO stands for here; the others stand for themselves. */
enum uw_output_format uw_output_choose(enum uw_output_format format);

/*
 * Not for UW_OUTPUT_AUTO. Records wait in the persistent memory, which is borrowed. Returns 0 or
 * -errno. Lines go to standard output.
 */
int uw_output_new(enum uw_output_format format, struct uw_persistent *persistent,
		  struct uw_output **ret);

/*
 * Writes out what is left, for which it waits some seconds at the most, and frees. Accepts NULL.
 */
void uw_output_free(struct uw_output *output);

/* From here on the event loop writes what waits, and calls moved(): see uw_spool_fn. */
int uw_output_attach(struct uw_output *output, sd_event *event, uw_spool_fn moved, void *userdata);

/* Another size of the queue. Returns 0; -ENOSPC where what waits does not fit; or -errno. */
int uw_output_resize(struct uw_output *output, size_t queue_size);

/* True where any record has room. Where not, no event should be taken from the ring buffer. */
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

/* What has become of the records: see struct uw_spool_counts. And of the queue: see there, too. */
const struct uw_spool_counts *uw_output_counts(const struct uw_output *output);
void uw_output_usage(const struct uw_output *output, size_t *ret_size, size_t *ret_used);

/* To be called now and then: gives memory of the queue back that no record waits in. */
void uw_output_trim(struct uw_output *output);

/*
 * Says something about the daemon itself: a record with that MESSAGE_ID (NULL: none) in the
 * journal, a line on standard error elsewhere, so that standard output has nothing but deletions. It
 * takes its place behind the records so far; some room is always kept for it.
 * The text must be safe to print: what comes from outside goes through uw_buf_add_safe() first.
 */
void uw_output_note(struct uw_output *output, const char *message_id, int priority,
		    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same with fields of its own, as native.h adds them, which only the journal has. */
void uw_output_note_fields(struct uw_output *output, const char *message_id, int priority,
			   const struct uw_buf *fields, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

#endif
