/* SPDX-License-Identifier: MIT */
/* A string that may hold any byte and has no terminating NUL. */
#ifndef UW_STR_H
#define UW_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct uw_str {
	const char *s;
	size_t len;
};

static inline bool uw_str_equal(struct uw_str a, struct uw_str b)
{
	return a.len == b.len && (!a.len || !memcmp(a.s, b.s, a.len));
}

static inline bool uw_str_is(struct uw_str s, const char *text)
{
	return uw_str_equal(s, (struct uw_str){ text, strlen(text) });
}

static inline bool uw_str_ends(struct uw_str s, const char *end)
{
	size_t len = strlen(end);

	return s.len >= len && !memcmp(s.s + s.len - len, end, len);
}

#endif
