// SPDX-License-Identifier: MIT
/*
 * Tests of daemon/base/buf.c. What it writes is read back by decoders of the test's own, which
 * share no line with it: the UTF-8 table below is RFC 3629's grammar, byte for byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* An allocation of more fails, rather than end the test. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1:max_allocation_size_mb=64";
}

/* ---- UTF-8 once more */

/* RFC 3629, section 4: the ranges of the first and the second byte; the others are 80 to bf. */
static const struct utf8_row {
	unsigned char first[2], second[2];
	size_t len;
} utf8_rows[] = {
	{ { 0x00, 0x7f }, { 0, 0 }, 1 },       { { 0xc2, 0xdf }, { 0x80, 0xbf }, 2 },
	{ { 0xe0, 0xe0 }, { 0xa0, 0xbf }, 3 }, { { 0xe1, 0xec }, { 0x80, 0xbf }, 3 },
	{ { 0xed, 0xed }, { 0x80, 0x9f }, 3 }, { { 0xee, 0xef }, { 0x80, 0xbf }, 3 },
	{ { 0xf0, 0xf0 }, { 0x90, 0xbf }, 4 }, { { 0xf1, 0xf3 }, { 0x80, 0xbf }, 4 },
	{ { 0xf4, 0xf4 }, { 0x80, 0x8f }, 4 },
};

static bool within(unsigned char c, const unsigned char range[2])
{
	return c >= range[0] && c <= range[1];
}

/* The length of the sequence that s begins with, or 0. */
static size_t rfc3629(const unsigned char *s, size_t len)
{
	static const unsigned char tail[] = { 0x80, 0xbf };
	const struct utf8_row *row;
	size_t i, k;

	for (i = 0; i < LEN(utf8_rows) && len; i++) {
		row = &utf8_rows[i];
		if (!within(s[0], row->first))
			continue;
		if (row->len > len || (row->len > 1 && !within(s[1], row->second)))
			return 0;
		for (k = 2; k < row->len; k++)
			if (!within(s[k], tail))
				return 0;
		return row->len;
	}
	return 0;
}

static size_t encode(unsigned int c, unsigned char out[4])
{
	if (c < 0x80) {
		out[0] = (unsigned char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (unsigned char)(0xc0 + c / 64);
		out[1] = (unsigned char)(0x80 + c % 64);
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (unsigned char)(0xe0 + c / 4096);
		out[1] = (unsigned char)(0x80 + c / 64 % 64);
		out[2] = (unsigned char)(0x80 + c % 64);
		return 3;
	}
	out[0] = (unsigned char)(0xf0 + c / 262144);
	out[1] = (unsigned char)(0x80 + c / 4096 % 64);
	out[2] = (unsigned char)(0x80 + c / 64 % 64);
	out[3] = (unsigned char)(0x80 + c % 64);
	return 4;
}

static bool all_utf8(const unsigned char *s, size_t len)
{
	size_t i, n;

	for (i = 0; i < len; i += n) {
		n = rfc3629(s + i, len - i);
		if (!n)
			return false;
	}
	return true;
}

/* uw_utf8() must agree with the table, and its character must encode to the same bytes. */
static void check_utf8(const unsigned char *s, size_t len)
{
	unsigned char again[4];
	unsigned int c = 0xdead;
	size_t want = rfc3629(s, len), got = uw_utf8((const char *)s, len, &c);

	if (got != want)
		fail_msg("%02x %02x %02x %02x (%zu bytes): %zu, not %zu", s[0], len > 1 ? s[1] : 0U,
			 len > 2 ? s[2] : 0U, len > 3 ? s[3] : 0U, len, got, want);
	if (!want)
		return;
	if (encode(c, again) != want || memcmp(again, s, want))
		fail_msg("%02x...: the character is not %#x", s[0], c);
}

static void test_all_characters(void **state)
{
	unsigned char s[4];
	unsigned int c, got;
	size_t n;

	(void)state;
	for (c = 0; c <= 0x10ffff; c++) {
		n = encode(c, s);
		got = 0xdead;
		if (c >= 0xd800 && c <= 0xdfff) {
			if (uw_utf8((const char *)s, n, &got))
				fail_msg("surrogate %#x is accepted", c);
		} else if (uw_utf8((const char *)s, n, &got) != n || got != c) {
			fail_msg("%#x is taken for %#x", c, got);
		}
	}
}

static void test_all_short_sequences(void **state)
{
	unsigned char s[3];
	unsigned int i;

	(void)state;
	for (i = 0; i < 1U << 24; i++) {
		s[0] = (unsigned char)(i >> 16);
		s[1] = (unsigned char)(i >> 8);
		s[2] = (unsigned char)i;
		if (!s[2])
			check_utf8(s, 2);
		if (!s[1] && !s[2])
			check_utf8(s, 1);
		check_utf8(s, 3);
	}
}

/* After every first byte, tries all combinations of bytes next to a boundary. */
static void test_long_sequences(void **state)
{
	static const unsigned char edge[] = { 0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f,
					      0xa0, 0xbf, 0xc0, 0xc2, 0xf4, 0xff };
	unsigned int first;
	unsigned char s[4];
	size_t i, k, l;

	(void)state;
	for (first = 0; first < 256; first++) {
		for (i = 0; i < LEN(edge); i++) {
			for (k = 0; k < LEN(edge); k++) {
				for (l = 0; l < LEN(edge); l++) {
					s[0] = (unsigned char)first;
					s[1] = edge[i];
					s[2] = edge[k];
					s[3] = edge[l];
					check_utf8(s, 4);
				}
			}
		}
	}
}

/* In memory of exactly its size, so that the sanitizer sees a read beyond a truncated sequence. */
static void test_cut_sequences(void **state)
{
	unsigned char whole[4];
	unsigned int c, got;
	size_t n, len;
	char *s;

	(void)state;
	for (c = 0x80; c <= 0x10ffff; c += 61) {
		n = encode(c, whole);
		for (len = 0; len < n; len++) {
			s = malloc(len ?: 1);
			assert_non_null(s);
			memcpy(s, whole, len);
			assert_int_equal(uw_utf8(s, len, &got), 0);
			free(s);
		}
	}
}

/* ---- chance, with a fixed seed */

static uint64_t seed = 0x756e6c696e6b;

static uint64_t any(uint64_t below)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (seed * UINT64_C(0x2545f4914f6cdd1d) >> 16) % below;
}

/* Characters and fragments that a sloppy escaper trips over. */
static const char *const traps[] = {
	"\\",
	"\"",
	"\\x41",
	"\\n",
	"\\\"",
	"\\\\",
	" ",
	"\n",
	"\r",
	"\t",
	"\x1b[31m",
	"\x7f",
	"\xc2\x9b",
	"\xc2\x80",
	"\xc2\x9f",
	"\xc2\xa0",
	"\xe2\x80\xae",
	"\xe2\x80\xa8",
	"\xd8\x9c",
	"\xe2\x81\xa6",
	"\xef\xbb\xbf",
	"\xc0\x80",
	"\xed\xa0\x80",
	"\xf4\x90\x80\x80",
	"\xe2\x82",
	"\xf0\x9f\x98",
	"\x80",
	"\xff",
	"u0041",
	"[",
	"]",
	"(",
	")",
	"=",
	",",
	"\xc3\xa9",
	"\xf0\x9f\x98\x80",
};

/* In memory of exactly its size, which the caller frees. */
static struct uw_str any_text(bool utf8)
{
	unsigned char text[256], bytes[4];
	size_t len = 0, parts = any(12), n;
	const char *trap;
	unsigned int c;
	char *copy;

	while (parts--) {
		switch (any(4)) {
		case 0:
			trap = traps[any(LEN(traps))];
			n = strlen(trap);
			if (utf8 && !all_utf8((const unsigned char *)trap, n))
				continue;
			memcpy(text + len, trap, n);
			len += n;
			break;
		case 1:
			text[len++] = (unsigned char)any(utf8 ? 128 : 256);
			break;
		case 2:
			text[len++] = (unsigned char)('a' + any(26));
			break;
		default:
			c = (unsigned int)(any(2) ? any(0x3000) : any(0x110000));
			n = encode(c, bytes);
			if (utf8 && !rfc3629(bytes, n))
				continue;
			memcpy(text + len, bytes, n);
			len += n;
		}
	}
	copy = malloc(len ?: 1);
	assert_non_null(copy);
	memcpy(copy, text, len);
	return (struct uw_str){ copy, len };
}

static void hex(char *out, size_t size, const void *data, size_t len)
{
	const unsigned char *s = data;
	size_t i, at = 0;

	out[0] = '\0';
	for (i = 0; i < len && at + 4 < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%02x ", s[i]);
}

static void complain(const char *what, struct uw_str in, const struct uw_buf *out)
{
	char a[512], b[2048];

	hex(a, sizeof(a), in.s, in.len);
	hex(b, sizeof(b), out->p, out->len);
	fail_msg("%s: %sbecame %s", what, a, b);
}

/* ---- safe text */

/*
 * Controls, what Unicode calls Bidi_Control or a line or paragraph separator, and what it calls
 * Default_Ignorable_Code_Point or shows as a blank, without variation selectors.
 */
static bool harmful(unsigned int c)
{
	static const unsigned int list[] = { 0x061c, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b,
					     0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069,
					     0x00ad, 0x034f, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x180e,
					     0x200b, 0x200c, 0x200d, 0x2060, 0x2061, 0x2062, 0x2063,
					     0x2064, 0x2065, 0x206a, 0x206b, 0x206c, 0x206d, 0x206e,
					     0x206f, 0x2800, 0x3164, 0xfeff, 0xffa0, 0xfff9, 0xfffa,
					     0xfffb };
	size_t i;

	for (i = 0; i < LEN(list); i++)
		if (c == list[i])
			return true;
	return c <= 0x1f || (c >= 0x7f && c <= 0x9f) || (c >= 0x1d173 && c <= 0x1d17a) ||
	       (c >= 0xe0000 && c <= 0xe007f);
}

static unsigned int decode(const unsigned char *s, size_t n)
{
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	unsigned int c = s[0] - lead[n];
	size_t i;

	for (i = 1; i < n; i++)
		c = c * 64 + (s[i] - 0x80U);
	return c;
}

static bool harmless(const char *p, size_t len)
{
	const unsigned char *s = (const unsigned char *)p;
	size_t i, n;

	for (i = 0; i < len; i += n) {
		n = rfc3629(s + i, len - i);
		if (!n || harmful(decode(s + i, n)))
			return false;
	}
	return true;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* The reverse of uw_buf_add_safe(). Returns the length, or -1 where the text is malformed. */
static ptrdiff_t unescape(const char *p, size_t len, char *out)
{
	static const char letters[] = "abtnvfr\"\\", bytes[] = "\a\b\t\n\v\f\r\"\\";
	ptrdiff_t n = 0;
	const char *at;
	size_t i;

	if (!len)
		return -1;
	if (p[0] != '"') {
		memcpy(out, p, len);
		return memchr(p, '\\', len) || memchr(p, ' ', len) || memchr(p, '"', len)
			       ? -1
			       : (ptrdiff_t)len;
	}
	if (len < 2 || p[len - 1] != '"')
		return -1;
	for (i = 1; i < len - 1; i++) {
		if (p[i] == '"')
			return -1;
		if (p[i] != '\\') {
			out[n++] = p[i];
			continue;
		}
		if (++i >= len - 1)
			return -1;
		at = p[i] ? strchr(letters, p[i]) : NULL;
		if (at) {
			out[n++] = bytes[at - letters];
			continue;
		}
		if (p[i] != 'x' || i + 2 >= len - 1 || hex_digit(p[i + 1]) < 0 ||
		    hex_digit(p[i + 2]) < 0)
			return -1;
		out[n++] = (char)(hex_digit(p[i + 1]) * 16 + hex_digit(p[i + 2]));
		i += 2;
	}
	return n;
}

static void check_safe(struct uw_buf *buf, struct uw_str in, const char *also)
{
	char back[2048];
	size_t i;

	uw_buf_reset(buf);
	uw_buf_add_safe(buf, in, also);
	assert_false(buf->failed);
	if (!harmless(buf->p, buf->len))
		complain("not safe to print", in, buf);
	if (unescape(buf->p, buf->len, back) != (ptrdiff_t)in.len || memcmp(back, in.s, in.len))
		complain("does not read back", in, buf);
	for (i = 0; buf->p[0] != '"' && i < in.len; i++)
		if (in.s[i] && strchr(also, in.s[i]))
			complain("is not quoted", in, buf);
}

static const struct safe_row {
	const char *title;
	struct uw_str in;
	const char *out;
	const char *also;
} safe_rows[] = {
#define TEXT(literal)                        \
	{                                    \
		literal, sizeof(literal) - 1 \
	}
	{ "leaves a plain word alone", TEXT("/srv/data/x-1_2.txt"), "/srv/data/x-1_2.txt" },
	{ "leaves every other printable character of ASCII alone",
	  TEXT("!#$%&'()*+,-./:;<=>?@[]^_`{|}~"), "!#$%&'()*+,-./:;<=>?@[]^_`{|}~" },
	{ "leaves letters beyond ASCII alone", TEXT("na\xc3\xafve"), "na\xc3\xafve" },
	{ "leaves characters of four bytes alone", TEXT("\xf0\x9f\x98\x80"), "\xf0\x9f\x98\x80" },
	{ "quotes an empty text", TEXT(""), "\"\"" },
	{ "quotes a space", TEXT("a b"), "\"a b\"" },
	{ "quotes a text that has a byte of also", TEXT("a=b"), "\"a=b\"", "=" },
	{ "does not quote a text without the bytes of also", TEXT("ab"), "ab", "=[]()" },
	{ "escapes a quote", TEXT("\""), "\"\\\"\"" },
	{ "escapes a backslash", TEXT("\\"), "\"\\\\\"" },
	{ "tells a literal backslash from an escape", TEXT("\\x41\\n"), "\"\\\\x41\\\\n\"" },
	{ "escapes the controls that have a letter", TEXT("\a\b\t\n\v\f\r"),
	  "\"\\a\\b\\t\\n\\v\\f\\r\"" },
	{ "escapes the other controls by number", TEXT("\x01\x06\x0e\x1b\x1f"),
	  "\"\\x01\\x06\\x0e\\x1b\\x1f\"" },
	{ "escapes a NUL", TEXT("a\0b"), "\"a\\x00b\"" },
	{ "escapes DEL", TEXT("\x7f"), "\"\\x7f\"" },
	{ "tells an escape from the digits after it",
	  TEXT("\x1b"
	       "41"),
	  "\"\\x1b41\"" },
	{ "escapes the first and the last of C1", TEXT("\xc2\x80\xc2\x9f"),
	  "\"\\xc2\\x80\\xc2\\x9f\"" },
	{ "escapes CSI as one character",
	  TEXT("\xc2\x9b"
	       "31m"),
	  "\"\\xc2\\x9b31m\"" },
	{ "escapes the override of the direction",
	  TEXT("a\xe2\x80\xae"
	       "b"),
	  "\"a\\xe2\\x80\\xaeb\"" },
	{ "escapes the isolates", TEXT("\xe2\x81\xa6\xe2\x81\xa9"),
	  "\"\\xe2\\x81\\xa6\\xe2\\x81\\xa9\"" },
	{ "escapes the marks of direction", TEXT("\xd8\x9c\xe2\x80\x8e\xe2\x80\x8f"),
	  "\"\\xd8\\x9c\\xe2\\x80\\x8e\\xe2\\x80\\x8f\"" },
	{ "escapes the separators of lines and paragraphs", TEXT("\xe2\x80\xa8\xe2\x80\xa9"),
	  "\"\\xe2\\x80\\xa8\\xe2\\x80\\xa9\"" },
	{ "escapes characters of no width", TEXT("a\xe2\x80\x8b\xe2\x80\x8d\xe2\x81\xa0z"),
	  "\"a\\xe2\\x80\\x8b\\xe2\\x80\\x8d\\xe2\\x81\\xa0z\"" },
	{ "escapes a soft hyphen", TEXT("a\xc2\xadz"), "\"a\\xc2\\xadz\"" },
	{ "escapes fillers of Hangul", TEXT("\xe1\x85\x9f\xe1\x85\xa0\xe3\x85\xa4\xef\xbe\xa0"),
	  "\"\\xe1\\x85\\x9f\\xe1\\x85\\xa0\\xe3\\x85\\xa4\\xef\\xbe\\xa0\"" },
	{ "escapes a Braille pattern without dots", TEXT("\xe2\xa0\x80"), "\"\\xe2\\xa0\\x80\"" },
	{ "escapes tags", TEXT("\xf3\xa0\x80\x81\xf3\xa0\x81\xbf"),
	  "\"\\xf3\\xa0\\x80\\x81\\xf3\\xa0\\x81\\xbf\"" },
	{ "leaves Braille, Hangul and variation selectors alone",
	  TEXT("\xe2\xa0\x81\xed\x95\x9c\xe2\x9d\xa4\xef\xb8\x8f\xf3\xa0\x84\x80"),
	  "\xe2\xa0\x81\xed\x95\x9c\xe2\x9d\xa4\xef\xb8\x8f\xf3\xa0\x84\x80" },
	{ "escapes a byte order mark", TEXT("\xef\xbb\xbf"), "\"\\xef\\xbb\\xbf\"" },
	{ "escapes bytes that no UTF-8 has", TEXT("\xff\xfe"), "\"\\xff\\xfe\"" },
	{ "escapes a continuation on its own", TEXT("a\x80"), "\"a\\x80\"" },
	{ "escapes an overlong slash", TEXT("\xc0\xaf"), "\"\\xc0\\xaf\"" },
	{ "escapes an overlong slash of three bytes", TEXT("\xe0\x80\xaf"), "\"\\xe0\\x80\\xaf\"" },
	{ "escapes a surrogate", TEXT("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\"" },
	{ "escapes what is beyond the last character", TEXT("\xf4\x90\x80\x80"),
	  "\"\\xf4\\x90\\x80\\x80\"" },
	{ "escapes a truncated sequence", TEXT("a\xe2\x82"), "\"a\\xe2\\x82\"" },
	{ "escapes only the broken part of a sequence", TEXT("\xe2\x82\xc3\xa9"),
	  "\"\\xe2\\x82\xc3\xa9\"" },
};

static void test_safe(void **state)
{
	const struct safe_row *row = *state;
	struct uw_buf buf = { 0 };

	check_safe(&buf, row->in, row->also ?: "");
	if (buf.len != strlen(row->out) || memcmp(buf.p, row->out, buf.len))
		complain("unexpected", row->in, &buf);
	uw_buf_free(&buf);
}

static void test_safe_every_byte(void **state)
{
	struct uw_buf buf = { 0 };
	unsigned int c;
	char text[3];

	(void)state;
	for (c = 0; c < 256; c++) {
		text[0] = (char)c;
		check_safe(&buf, (struct uw_str){ text, 1 }, "");
		memcpy(text, (char[]){ 'a', (char)c, 'b' }, 3);
		check_safe(&buf, (struct uw_str){ text, 3 }, "");
		/* Nothing is quoted without need. */
		if (c > ' ' && c < 0x7f && c != '"' && c != '\\')
			assert_int_equal(buf.len, 3);
		else
			assert_true(buf.len >= 5);
	}
	uw_buf_free(&buf);
}

/* General_Category=Space_Separator. */
static const unsigned int spaces[] = { 0x20,   0xa0,   0x1680, 0x2000, 0x2001, 0x2002,
				       0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008,
				       0x2009, 0x200a, 0x202f, 0x205f, 0x3000 };

static bool is_space(unsigned int c)
{
	size_t i;

	for (i = 0; i < LEN(spaces); i++)
		if (c == spaces[i])
			return true;
	return false;
}

/* The basic plane, and of the others those that music and tags are among. */
static unsigned int next_character(unsigned int c)
{
	return c == 0xffff ? 0x1d100 : c == 0x1d1ff ? 0xdff00 : c == 0xe01ff ? 0x10ff00 : c + 1;
}

static void test_safe_every_character(void **state)
{
	struct uw_buf buf = { 0 };
	unsigned char bytes[4];
	unsigned int c;
	size_t n;

	(void)state;
	for (c = 0; c <= 0x10ffff; c = next_character(c)) {
		n = encode(c, bytes);
		check_safe(&buf, (struct uw_str){ (char *)bytes, n }, "");
		if (c > 0x9f && rfc3629(bytes, n) && !harmful(c) && !is_space(c))
			assert_non_null(memmem(buf.p, buf.len, bytes, n));
	}
	uw_buf_free(&buf);
}

/* They look like a space: "removed /x: Permission denied" must not be a file's name. */
static void test_safe_spaces(void **state)
{
	struct uw_buf buf = { 0 };
	char text[8] = "x:";
	size_t i, n;

	(void)state;
	for (i = 0; i < LEN(spaces); i++) {
		n = encode(spaces[i], (unsigned char *)text + 2);
		text[2 + n] = 'P';
		check_safe(&buf, (struct uw_str){ text, 3 + n }, "");
		if (buf.p[0] != '"')
			fail_msg("a text with U+%04X is not quoted", spaces[i]);
	}
	uw_buf_free(&buf);
}

static void test_safe_random(void **state)
{
	static const char *const also[] = { "", "=", "[]()", "()" };
	struct uw_buf buf = { 0 };
	struct uw_str in;
	int i;

	(void)state;
	for (i = 0; i < 100000; i++) {
		in = any_text(any(2));
		check_safe(&buf, in, also[any(LEN(also))]);
		free((void *)(uintptr_t)in.s);
	}
	uw_buf_free(&buf);
}

/* ---- JSON */

/* Adds the second half of a pair of surrogates. Returns what follows, or NULL if there is none. */
static const char *json_low_half(const char *p, const char *end, unsigned int *value)
{
	unsigned int low = 0, i;

	if (end - p < 6 || *p++ != '\\' || *p++ != 'u')
		return NULL;
	for (i = 0; i < 4; i++, p++) {
		if (hex_digit(*p) < 0)
			return NULL;
		low = low * 16 + (unsigned int)hex_digit(*p);
	}
	if (low < 0xdc00 || low > 0xdfff)
		return NULL;
	*value = 0x10000 + ((*value - 0xd800) << 10) + (low - 0xdc00);
	return p;
}

/* The bytes of a JSON string or array of numbers. Returns their number, or -1 where it is
 * malformed. */
static ptrdiff_t json_decode(const char *p, size_t len, char *out)
{
	unsigned int value, i;
	const char *end = p + len;
	ptrdiff_t n = 0;

	if (len < 2)
		return -1;
	if (*p == '[') {
		do {
			value = 0;
			if (++p == end || *p < '0' || *p > '9' ||
			    (*p == '0' && p + 1 < end && p[1] >= '0' && p[1] <= '9'))
				return -1;
			for (; p < end && *p >= '0' && *p <= '9' && value < 1000; p++)
				value = value * 10 + (unsigned int)(*p - '0');
			if (value > 255)
				return -1;
			out[n++] = (char)value;
		} while (p < end && *p == ',');
		return p + 1 == end && *p == ']' ? n : -1;
	}
	if (*p++ != '"' || *--end != '"' || !all_utf8((const unsigned char *)p, len - 2))
		return -1;
	while (p < end) {
		if ((unsigned char)*p < 0x20 || *p == '"')
			return -1;
		if (*p != '\\') {
			out[n++] = *p++;
			continue;
		}
		if (++p == end)
			return -1;
		if (*p == '"' || *p == '\\' || *p == '/') {
			out[n++] = *p++;
			continue;
		}
		if (*p++ != 'u' || end - p < 4)
			return -1;
		for (i = 0, value = 0; i < 4; i++, p++) {
			if (hex_digit(*p) < 0)
				return -1;
			value = value * 16 + (unsigned int)hex_digit(*p);
		}
		if (value >= 0xd800 && value <= 0xdbff)
			p = json_low_half(p, end, &value);
		if (!p || (value >= 0xd800 && value <= 0xdfff))
			return -1;
		n += (ptrdiff_t)encode(value, (unsigned char *)out + n);
	}
	return n;
}

static void check_json(struct uw_buf *buf, struct uw_str in)
{
	char back[2048];
	char kind = all_utf8((const unsigned char *)in.s, in.len) ? '"' : '[';

	uw_buf_reset(buf);
	uw_buf_add_json(buf, in);
	assert_false(buf->failed);
	if (!harmless(buf->p, buf->len))
		complain("not safe to print", in, buf);
	if (json_decode(buf->p, buf->len, back) != (ptrdiff_t)in.len || memcmp(back, in.s, in.len))
		complain("does not read back", in, buf);
	if (buf->p[0] != kind)
		complain("neither a string nor an array as it should be", in, buf);
}

static const struct safe_row json_rows[] = {
	{ "writes a plain word as a string", TEXT("/srv/x"), "\"/srv/x\"" },
	{ "writes an empty text as an empty string", TEXT(""), "\"\"" },
	{ "escapes quotes and backslashes in a string", TEXT("a\"b\\c"), "\"a\\\"b\\\\c\"" },
	{ "escapes controls in a string", TEXT("a\n\x1b\x7f\0"),
	  "\"a\\u000a\\u001b\\u007f\\u0000\"" },
	{ "escapes characters that change the direction of a string", TEXT("\xe2\x80\xae\xc2\x9b"),
	  "\"\\u202e\\u009b\"" },
	{ "escapes invisible characters of a string, with a pair where it takes two",
	  TEXT("\xe2\x80\x8b\xf3\xa0\x80\x81\xf3\xa0\x81\xbf"),
	  "\"\\u200b\\udb40\\udc01\\udb40\\udc7f\"" },
	{ "leaves other characters of a string alone", TEXT("\xc3\xa9 \xf0\x9f\x98\x80"),
	  "\"\xc3\xa9 \xf0\x9f\x98\x80\"" },
	{ "writes bytes that are not UTF-8 as numbers", TEXT("a\xff\n\0"), "[97,255,10,0]" },
	{ "writes a single byte that is not UTF-8 as a number", TEXT("\x80"), "[128]" },
	{ "writes a surrogate as numbers", TEXT("\xed\xa0\x80"), "[237,160,128]" },
};

static void test_json(void **state)
{
	const struct safe_row *row = *state;
	struct uw_buf buf = { 0 };

	check_json(&buf, row->in);
	if (buf.len != strlen(row->out) || memcmp(buf.p, row->out, buf.len))
		complain("unexpected", row->in, &buf);
	uw_buf_free(&buf);
}

static void test_json_every_byte(void **state)
{
	struct uw_buf buf = { 0 };
	unsigned char bytes[4];
	unsigned int c;
	char text[3];

	(void)state;
	for (c = 0; c < 256; c++) {
		text[0] = (char)c;
		check_json(&buf, (struct uw_str){ text, 1 });
		memcpy(text, (char[]){ 'a', (char)c, 'b' }, 3);
		check_json(&buf, (struct uw_str){ text, 3 });
	}
	for (c = 0; c <= 0x10ffff; c = next_character(c))
		check_json(&buf, (struct uw_str){ (char *)bytes, encode(c, bytes) });
	uw_buf_free(&buf);
}

static void test_json_random(void **state)
{
	struct uw_buf buf = { 0 };
	struct uw_str in;
	int i;

	(void)state;
	for (i = 0; i < 100000; i++) {
		in = any_text(any(2));
		check_json(&buf, in);
		free((void *)(uintptr_t)in.s);
	}
	uw_buf_free(&buf);
}

/* ---- the buffer */

static void fill(struct uw_buf *buf, size_t n)
{
	static char as[8192];

	assert_in_range(n, 0, sizeof(as));
	memset(as, 'a', sizeof(as));
	uw_buf_add(buf, as, n);
}

/* The NUL that vsnprintf() writes after the text needs room, too. */
static void test_printf_growth(void **state)
{
	static const size_t more[] = { 0, 1, 2, 511, 1022, 1023, 1024, 1025, 2048, 5000 };
	char *text;
	size_t len, i, k;

	(void)state;
	for (len = 0; len <= 2100; len += len < 1000 || len > 1050 ? 13 : 1) {
		for (i = 0; i < LEN(more); i++) {
			struct uw_buf buf = { 0 };

			text = malloc(more[i] + 1);
			assert_non_null(text);
			memset(text, 'b', more[i]);
			text[more[i]] = '\0';
			fill(&buf, len);
			uw_buf_printf(&buf, "%s|%d", text, -12345);
			assert_false(buf.failed);
			assert_int_equal(buf.len, len + more[i] + strlen("|-12345"));
			assert_true(buf.len <= buf.size);
			for (k = 0; k < len; k++)
				assert_true(buf.p[k] == 'a');
			assert_memory_equal(buf.p + len, text, more[i]);
			assert_memory_equal(buf.p + len + more[i], "|-12345", 7);
			free(text);
			uw_buf_free(&buf);
		}
	}
}

static void test_piece_by_piece(void **state)
{
	struct uw_buf buf = { 0 };
	char want[64];
	size_t i, n, at = 0;

	(void)state;
	for (i = 0; i < 5000; i++) {
		uw_buf_add(&buf, &(char){ (char)i }, 1);
		uw_buf_puts(&buf, "xyz");
		uw_buf_printf(&buf, "%zu", i);
	}
	assert_false(buf.failed);
	for (i = 0; i < 5000; i++) {
		n = (size_t)snprintf(want, sizeof(want), "%cxyz%zu", (char)i, i);
		assert_true(at + n <= buf.len);
		assert_memory_equal(buf.p + at, want, n);
		at += n;
	}
	assert_int_equal(at, buf.len);
	uw_buf_free(&buf);
}

static void test_reset_keeps_memory(void **state)
{
	struct uw_buf buf = { 0 };
	size_t size;
	char *p;

	(void)state;
	fill(&buf, 5000);
	p = buf.p;
	size = buf.size;
	uw_buf_reset(&buf);
	assert_int_equal(buf.len, 0);
	fill(&buf, 5000);
	assert_ptr_equal(buf.p, p);
	assert_int_equal(buf.size, size);
	uw_buf_free(&buf);
	assert_null(buf.p);
	assert_int_equal(buf.len, 0);
	assert_int_equal(buf.size, 0);
	uw_buf_free(&buf);
}

static void test_nothing(void **state)
{
	struct uw_buf buf = { 0 };

	(void)state;
	uw_buf_add(&buf, NULL, 0);
	uw_buf_puts(&buf, "");
	assert_int_equal(buf.len, 0);
	assert_false(buf.failed);
	uw_buf_free(&buf);
}

static void test_no_memory(void **state)
{
	static const char one[] = "x";
	struct uw_buf buf = { 0 };
	volatile size_t huge = (size_t)1 << 40;

	(void)state;
	uw_buf_puts(&buf, "before");
	uw_buf_add(&buf, one, huge);
	assert_true(buf.failed);
	assert_int_equal(buf.len, 6);
	uw_buf_puts(&buf, "after");
	uw_buf_printf(&buf, "%d", 1);
	assert_true(buf.failed);
	assert_int_equal(buf.len, 6);
	assert_memory_equal(buf.p, "before", 6);
	uw_buf_reset(&buf);
	assert_false(buf.failed);
	uw_buf_puts(&buf, "again");
	assert_int_equal(buf.len, 5);
	assert_memory_equal(buf.p, "again", 5);
	uw_buf_free(&buf);
}

#define TEST(title, function)                     \
	{                                         \
		title, function, NULL, NULL, NULL \
	}

static const struct CMUnitTest others[] = {
	TEST("UTF-8: knows every character there is, and no surrogate", test_all_characters),
	TEST("UTF-8: agrees with RFC 3629 on all sequences of up to three bytes",
	     test_all_short_sequences),
	TEST("UTF-8: agrees with RFC 3629 on sequences of four bytes", test_long_sequences),
	TEST("UTF-8: does not read on where a sequence is cut off", test_cut_sequences),
	TEST("safe: every byte, alone and within text, is safe and reads back",
	     test_safe_every_byte),
	TEST("safe: every character of the basic plane, and others, is safe and reads back",
	     test_safe_every_character),
	TEST("safe: quotes a text with any of Unicode's spaces", test_safe_spaces),
	TEST("safe: 100,000 random texts are safe and read back", test_safe_random),
	TEST("JSON: every byte and every character of the basic plane reads back",
	     test_json_every_byte),
	TEST("JSON: 100,000 random texts, UTF-8 and not, read back", test_json_random),
	TEST("printf grows the buffer by what it needs, wherever it ends", test_printf_growth),
	TEST("what is added piece by piece comes out in order", test_piece_by_piece),
	TEST("a reset keeps the memory, and freeing forgets it", test_reset_keeps_memory),
	TEST("adding nothing is no failure", test_nothing),
	TEST("a failed allocation is remembered until the reset", test_no_memory),
};

int main(void)
{
	static struct CMUnitTest tests[LEN(safe_rows) + LEN(json_rows) + LEN(others)];
	size_t n = 0, i;

	for (i = 0; i < LEN(safe_rows); i++)
		tests[n++] = (struct CMUnitTest){ safe_rows[i].title, test_safe, NULL, NULL,
						  (void *)(uintptr_t)&safe_rows[i] };
	for (i = 0; i < LEN(json_rows); i++)
		tests[n++] = (struct CMUnitTest){ json_rows[i].title, test_json, NULL, NULL,
						  (void *)(uintptr_t)&json_rows[i] };
	for (i = 0; i < LEN(others); i++)
		tests[n++] = others[i];
	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
