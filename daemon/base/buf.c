// SPDX-License-Identifier: MIT
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void uw_buf_reset(struct uw_buf *buf)
{
	buf->len = 0;
	buf->failed = false;
}

void uw_buf_free(struct uw_buf *buf)
{
	free(buf->p);
	*buf = (struct uw_buf){ 0 };
}

bool uw_buf_grow(struct uw_buf *buf, size_t more)
{
	size_t size = buf->size ? buf->size : 1024;
	char *p;

	if (buf->failed)
		return false;
	while (size - buf->len < more)
		size *= 2;
	p = realloc(buf->p, size);
	if (!p) {
		buf->failed = true;
		buf->size = buf->len; /* so that no later piece fits */
		return false;
	}
	buf->p = p;
	buf->size = size;
	return true;
}

char *uw_digits(uint64_t value, char *end)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324"
				    "25262728293031323334353637383940414243444546474849"
				    "50515253545556575859606162636465666768697071727374"
				    "75767778798081828384858687888990919293949596979899";

	/* Two digits at a time: dividing for each digit takes a tenth of a record's time. */
	for (; value >= 100; value /= 100) {
		end -= 2;
		memcpy(end, pairs + value % 100 * 2, 2);
	}
	if (value >= 10) {
		end -= 2;
		memcpy(end, pairs + value * 2, 2);
	} else {
		*--end = (char)('0' + value);
	}
	return end;
}

void uw_buf_add_uint(struct uw_buf *buf, uint64_t value)
{
	char digits[UW_DIGITS], *end = digits + sizeof(digits), *begin = uw_digits(value, end);

	uw_buf_add(buf, begin, (size_t)(end - begin));
}

void uw_buf_printf(struct uw_buf *buf, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0 || (buf->size - buf->len <= (size_t)n && !uw_buf_grow(buf, (size_t)n + 1))) {
		buf->failed = true;
		return;
	}
	va_start(args, format);
	vsnprintf(buf->p + buf->len, (size_t)n + 1, format, args);
	va_end(args);
	buf->len += (size_t)n;
}

size_t uw_utf8(const char *text, size_t len, unsigned int *ret)
{
	const unsigned char *s = (const unsigned char *)text;
	static const unsigned int least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned int c;
	size_t n, i;

	if (!len)
		return 0;
	if (s[0] < 0x80) {
		*ret = s[0];
		return 1;
	}
	n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4 || n > len)
		return 0;
	c = s[0] & (0x7fU >> n);
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return n;
}

/*
 * Control characters, those that change the direction or the lines of text, and those that are not
 * seen: two names that look the same must not be two files. Variation selectors are left, since
 * emoji and Japanese names have them.
 */
bool uw_is_unsafe(unsigned int c)
{
	static const struct {
		unsigned int first, last;
	} ranges[] = {
		{ 0x0, 0x1f },	      { 0x7f, 0x9f },	  { 0xad, 0xad }, /* soft hyphen */
		{ 0x34f, 0x34f },			  /* combining grapheme joiner */
		{ 0x61c, 0x61c },     { 0x115f, 0x1160 }, /* Hangul fillers */
		{ 0x17b4, 0x17b5 },			  /* Khmer vowels that are not written */
		{ 0x180e, 0x180e },			  /* Mongolian vowel separator */
		{ 0x200b, 0x200f },   /* of no width: space, joiners, marks of direction */
		{ 0x2028, 0x202e },   /* separators, embeddings */
		{ 0x2060, 0x206f },   /* word joiner, invisible operators, isolates */
		{ 0x2800, 0x2800 },   /* a Braille pattern without dots */
		{ 0x3164, 0x3164 },   /* Hangul filler */
		{ 0xfeff, 0xfeff },   /* byte order mark */
		{ 0xffa0, 0xffa0 },   /* Hangul filler of half width */
		{ 0xfff9, 0xfffb },   /* marks of annotations */
		{ 0x1d173, 0x1d17a }, /* marks of musical notation */
		{ 0xe0000, 0xe007f }, /* tags */
	};
	size_t i;

	if (c >= 0x20 && c < 0x7f) /* most characters */
		return false;
	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]) && c >= ranges[i].first; i++)
		if (c <= ranges[i].last)
			return true;
	return false;
}

/* The characters that look like the space between two words (Unicode's category Zs). */
static bool is_space(unsigned int c)
{
	return c == ' ' || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
	       c == 0x202f || c == 0x205f || c == 0x3000;
}

/* A set of ASCII characters: a bit for each. */
struct ascii {
	uint64_t half[2];
};

static void add_to(struct ascii *set, const char *chars)
{
	for (; *chars; chars++)
		set->half[*chars >> 6 & 1] |= UINT64_C(1) << (*chars & 63);
}

static bool plain(struct uw_str text, const char *also)
{
	/* Control characters and the space are the first 33, DEL is the last. */
	struct ascii quoted = { { (UINT64_C(1) << 33) - 1, UINT64_C(1) << 63 } };
	size_t i, n;
	unsigned int c;

	add_to(&quoted, "\"\\");
	add_to(&quoted, also);
	for (i = 0; i < text.len; i += n) {
		c = (unsigned char)text.s[i];
		n = 1;
		if (c < 0x80) {
			if (quoted.half[c >> 6] >> (c & 63) & 1)
				return false;
			continue;
		}
		n = uw_utf8(text.s + i, text.len - i, &c);
		if (!n || uw_is_unsafe(c) || is_space(c))
			return false;
	}
	return text.len;
}

static void add_escaped(struct uw_buf *buf, const char *s, size_t n)
{
	static const char letters[] = "abtnvfr"; /* from \a, 7, to \r, 13 */
	size_t i;

	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c >= '\a' && c <= '\r')
			uw_buf_printf(buf, "\\%c", letters[c - '\a']);
		else
			uw_buf_printf(buf, "\\x%02x", c);
	}
}

void uw_buf_add_safe(struct uw_buf *buf, struct uw_str text, const char *also)
{
	size_t i, n;
	unsigned int c;

	if (plain(text, also)) {
		uw_buf_add(buf, text.s, text.len);
		return;
	}
	uw_buf_puts(buf, "\"");
	for (i = 0; i < text.len; i += n) {
		n = uw_utf8(text.s + i, text.len - i, &c);
		if (!n) {
			n = 1;
			add_escaped(buf, text.s + i, 1);
		} else if (uw_is_unsafe(c)) {
			add_escaped(buf, text.s + i, n);
		} else {
			if (c == '"' || c == '\\')
				uw_buf_puts(buf, "\\");
			uw_buf_add(buf, text.s + i, n);
		}
	}
	uw_buf_puts(buf, "\"");
}

static bool is_utf8(struct uw_str text)
{
	size_t i, n;
	unsigned int c;

	for (i = 0; i < text.len; i += n) {
		n = uw_utf8(text.s + i, text.len - i, &c);
		if (!n)
			return false;
	}
	return true;
}

static void add_json_array(struct uw_buf *buf, struct uw_str text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		uw_buf_printf(buf, "%c%u", i ? ',' : '[', (unsigned char)text.s[i]);
	uw_buf_puts(buf, "]");
}

void uw_buf_add_json(struct uw_buf *buf, struct uw_str text)
{
	size_t i, n, start = 0;
	unsigned int c;

	if (!is_utf8(text)) {
		add_json_array(buf, text);
		return;
	}
	uw_buf_puts(buf, "\"");
	for (i = 0; i < text.len; i += n) {
		n = uw_utf8(text.s + i, text.len - i, &c);
		if (!uw_is_unsafe(c) && c != '"' && c != '\\')
			continue;
		uw_buf_add(buf, text.s + start, i - start);
		start = i + n;
		if (c > 0xffff)
			uw_buf_printf(buf, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
				      0xdc00 + ((c - 0x10000) & 0x3ff));
		else if (uw_is_unsafe(c))
			uw_buf_printf(buf, "\\u%04x", c);
		else
			uw_buf_printf(buf, "\\%c", (int)c);
	}
	uw_buf_add(buf, text.s + start, text.len - start);
	uw_buf_puts(buf, "\"");
}
