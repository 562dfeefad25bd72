/* SPDX-License-Identifier: MIT */
/*
 * Fields in the journal's native protocol: NAME=value and a newline. A value that contains a
 * newline is written as NAME, a newline, the length in 8 bytes, little endian, the value, a
 * newline. Pure.
 */
#ifndef UW_JOURNAL_FIELDS_H
#define UW_JOURNAL_FIELDS_H

#include <stdint.h>

#include "base/buf.h"

#define UW_JOURNAL_NAME_MAX 64

/*
 * Each appends one field. A name has at most UW_JOURNAL_NAME_MAX of A-Z, 0-9 and _, and begins with
 * a letter.
 */
void uw_journal_field(struct uw_buf *buf, const char *name, struct uw_str value);
void uw_journal_field_text(struct uw_buf *buf, const char *name, const char *value);
void uw_journal_field_uint(struct uw_buf *buf, const char *name, uint64_t value);
void uw_journal_field_int(struct uw_buf *buf, const char *name, int64_t value);

#endif
