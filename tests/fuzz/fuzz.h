/* SPDX-License-Identifier: MIT */
/*
 * Common parts of the fuzz targets. A target, fuzz_NAME.c, passes the inputs of libFuzzer to one
 * module and checks the promises of the module's header, with code that works in another way.
 */
#ifndef UW_FUZZ_H
#define UW_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/record.h"

/* libFuzzer calls it with each input. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A broken promise aborts, so that libFuzzer keeps the input. */
#define CHECK(good)                                                                        \
	do {                                                                               \
		if (!(good)) {                                                             \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #good); \
			abort();                                                           \
		}                                                                          \
	} while (0)

static inline bool same(struct uw_str a, struct uw_str b)
{
	return a.len == b.len && (a.len == 0 || !memcmp(a.s, b.s, a.len));
}

static inline struct uw_str text(const char *s)
{
	return (struct uw_str){ s, strlen(s) };
}

/* The length of the UTF-8 character at s by the grammar of RFC 3629, or 0. */
static inline size_t utf8_len(const unsigned char *s, size_t len)
{
	static const struct {
		unsigned char first, last, low, high; /* of the first byte; of the second */
		size_t len;
	} forms[] = {
		{ 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; len > 0 && i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (s[0] < forms[i].first || s[0] > forms[i].last || len < forms[i].len)
			continue;
		if (forms[i].len > 1 && (s[1] < forms[i].low || s[1] > forms[i].high))
			continue;
		for (size_t k = 2; k < forms[i].len; k++)
			if (s[k] >> 6 != 2)
				return 0;
		return forms[i].len;
	}
	return 0;
}

/* Whether s is UTF-8 without bytes that end a line, move the cursor or change the direction. */
static inline bool is_printable(struct uw_str s)
{
	static const char *const bad[] = { "\xd8\x9c", "\xe2\x80\x8e", "\xe2\x80\x8f",
					   "\xef\xbb\xbf" };
	const unsigned char *p = (const unsigned char *)s.s;

	for (size_t i = 0, len; i < s.len; i += len) {
		len = utf8_len(p + i, s.len - i);
		if (len == 0 || p[i] < 0x20 || p[i] == 0x7f || (p[i] == 0xc2 && p[i + 1] < 0xa0))
			return false;
		for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
			if (len == strlen(bad[k]) && !memcmp(p + i, bad[k], len))
				return false;
		/* U+2028 to U+202E and U+2066 to U+2069 */
		if (len == 3 && p[i] == 0xe2 &&
		    ((p[i + 1] == 0x80 && p[i + 2] >= 0xa8 && p[i + 2] <= 0xae) ||
		     (p[i + 1] == 0x81 && p[i + 2] >= 0xa6 && p[i + 2] <= 0xa9)))
			return false;
	}
	return true;
}

/* A copy of exactly this size, NUL terminated where it is a string: no byte more can be read. */
static inline void *copy_of(const void *data, size_t size)
{
	void *copy = malloc(size ? size : 1);

	CHECK(copy);
	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

static inline char *string_of(struct uw_str s)
{
	char *copy = malloc(s.len + 1);

	CHECK(copy);
	if (s.len > 0)
		memcpy(copy, s.s, s.len);
	copy[s.len] = '\0';
	return copy;
}

/* Cuts the bytes before the mark, or all, off the input, together with the mark. */
static inline struct uw_str take(struct uw_str *input, const char *mark)
{
	const char *stop = input->len ? memmem(input->s, input->len, mark, strlen(mark)) : NULL;
	struct uw_str part = { input->s, stop ? (size_t)(stop - input->s) : input->len };
	size_t gone = part.len + (stop ? strlen(mark) : 0);

	if (gone > 0)
		*input = (struct uw_str){ input->s + gone, input->len - gone };
	return part;
}

#endif
