/* SPDX-License-Identifier: MIT */
/*
 * A growing byte buffer. Output is appended piece by piece, and the buffer is reused for the next
 * record, which then needs no allocation. The buffer remembers a failed allocation until
 * uw_buf_reset(), so callers check once, at the end. Pure.
 */
#ifndef UW_BUF_H
#define UW_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

struct uw_buf {
	char *p; /* not NUL terminated */
	size_t len, size;
	bool failed;
};

void uw_buf_reset(struct uw_buf *buf);
void uw_buf_free(struct uw_buf *buf);

/* What is in the buffer, valid until it changes. */
static inline struct uw_str uw_buf_str(const struct uw_buf *buf)
{
	return (struct uw_str){ buf->len ? buf->p : "", buf->len };
}

/* Makes room for `more` bytes. If out of memory, the buffer has failed: returns false. */
bool uw_buf_grow(struct uw_buf *buf, size_t more);

/* Inline: a record has a hundred small pieces, and calls would take longer than the copying. */
static inline void uw_buf_add(struct uw_buf *buf, const void *data, size_t len)
{
	if (!len || (buf->size - buf->len < len && !uw_buf_grow(buf, len)))
		return;
	memcpy(buf->p + buf->len, data, len);
	buf->len += len;
}

static inline void uw_buf_puts(struct uw_buf *buf, const char *text)
{
	uw_buf_add(buf, text, strlen(text));
}

/* The digits of UINT64_MAX. */
#define UW_DIGITS 20

/*
 * Writes a decimal number in front of `end`, and returns where it begins. Most of a record is
 * numbers, and printf takes ten times as long.
 */
char *uw_digits(uint64_t value, char *end);

/* Appends a decimal number. */
void uw_buf_add_uint(struct uw_buf *buf, uint64_t value);

void uw_buf_printf(struct uw_buf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Appends untrusted bytes for a person to read. The result is one line, is safe to print on a
 * terminal and cannot be mistaken for the words around it. Control characters (C0, DEL, C1),
 * Unicode's characters that reorder text, break lines or are invisible, and bytes that are not
 * UTF-8 become \n, \t, ... or \xNN for each byte. A text that is empty, or has any of these, a
 * space, a quote, a backslash or a byte of `also`, is put in double quotes, with a backslash before
 * quotes and backslashes.
 */
void uw_buf_add_safe(struct uw_buf *buf, struct uw_str text, const char *also);

/*
 * Appends a JSON value that keeps every byte: a string if the bytes are valid UTF-8, otherwise an
 * array of their numbers, as journalctl -o json does.
 */
void uw_buf_add_json(struct uw_buf *buf, struct uw_str text);

/*
 * Decodes the UTF-8 sequence at s (RFC 3629: no surrogates, no overlong forms) into *ret. Returns
 * its length, or 0 if it is not valid. Not mbrtowc(3), which follows the locale: a daemon's is C.
 */
size_t uw_utf8(const char *s, size_t len, unsigned int *ret);

/* True for characters that move the cursor, end a line, change the direction or are invisible. */
bool uw_is_unsafe(unsigned int c);

#endif
