/* SPDX-License-Identifier: MIT */
/*
 * A growing byte buffer for output that is put together piece by piece and used again for the next
 * record, so that a record takes no allocation. A failed allocation is remembered until
 * uw_buf_reset(), so that callers check once, at the end. Pure.
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

/* Makes room for so many bytes. False, and the buffer has failed, where there is no memory. */
bool uw_buf_grow(struct uw_buf *buf, size_t more);

/* Here, since a record is made of a hundred small pieces: the calls would take longer than the
 * bytes. */
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

/* In decimal: most of a record is numbers, and printf takes ten times as long. */
void uw_buf_add_uint(struct uw_buf *buf, uint64_t value);

void uw_buf_printf(struct uw_buf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Adds bytes of unknown origin for a person's eyes: safe to print on a terminal, one line, and not
 * to be confused with the words around it. Control characters (C0, DEL, C1), the characters that
 * reorder or break lines in Unicode, and bytes that are not UTF-8 become \n, \t, ... or \xNN a
 * byte; a text that has any of these, a space, a quote, a backslash or a byte of `also`, or is
 * empty, is put in double quotes, in which quotes and backslashes have a backslash before them.
 */
void uw_buf_add_safe(struct uw_buf *buf, struct uw_str text, const char *also);

/*
 * Adds a JSON value that holds every byte: a string where the bytes are valid UTF-8, otherwise an
 * array of their numbers, as journalctl -o json does.
 */
void uw_buf_add_json(struct uw_buf *buf, struct uw_str text);

/*
 * The length of the UTF-8 sequence (RFC 3629: no surrogates, no overlong forms) that s begins with,
 * 0 where it is none, and the character in *ret. By hand, since mbrtowc(3) follows the
 * locale, and a daemon's is C.
 */
size_t uw_utf8(const char *s, size_t len, unsigned int *ret);

/* Characters that move the cursor, end a line or turn the direction of what follows. */
bool uw_is_unsafe(unsigned int c);

#endif
