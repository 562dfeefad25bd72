/* SPDX-License-Identifier: MIT */
/*
 * Fields as the journal's native protocol has them: NAME=value and a newline, or, where the value
 * has a newline itself, NAME, a newline, the length in 8 bytes, little endian, the value, a
 * newline. Pure.
 */
#ifndef UW_JOURNAL_FIELDS_H
#define UW_JOURNAL_FIELDS_H

#include <stdint.h>

#include "base/buf.h"

/* Each adds one field. name: A-Z, 0-9 and _, no digit or underscore first, 64 bytes at most. */
void uw_journal_field(struct uw_buf *buf, const char *name, struct uw_str value);
void uw_journal_field_text(struct uw_buf *buf, const char *name, const char *value);
void uw_journal_field_uint(struct uw_buf *buf, const char *name, uint64_t value);
void uw_journal_field_int(struct uw_buf *buf, const char *name, int64_t value);

#endif
