/* SPDX-License-Identifier: MIT */
/*
 * Writes an entry as journal fields, as a line of JSON or as a line of text. All three follow the
 * tables of fields.c. Only the journal gets summaries. After each call buf->failed tells whether
 * memory was short. Pure.
 */
#ifndef UW_FORMAT_H
#define UW_FORMAT_H

#include <stdint.h>

#include "base/buf.h"
#include "record/fields.h"

/* Adds the fields in the journal's native protocol (see base/journal_fields.h). */
void uw_format_journal(const struct uw_entry *entry, struct uw_buf *buf);

/*
 * Adds one line of JSON, newline included. The keys are the names of the journal fields without
 * UNLINK_, in lower case. Numbers are numbers; uw_buf_add_json() documents strings.
 */
void uw_format_json(const struct uw_entry *entry, struct uw_buf *buf);

/* Adds one line of text that begins with the local time, newline included. */
void uw_format_text(const struct uw_entry *entry, struct uw_buf *buf);

/* Adds the sentence that MESSAGE holds. */
void uw_format_message(const struct uw_entry *entry, struct uw_buf *buf);

#endif
