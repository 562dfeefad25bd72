/* SPDX-License-Identifier: MIT */
/*
 * A second matcher of patterns, written after unlinkwatch.conf(5), to compare with
 * daemon/config/pattern.c. For components and for bytes, it keeps the set of all positions in the
 * pattern that the path so far can have reached.
 */
#ifndef UW_FUZZ_GLOB_H
#define UW_FUZZ_GLOB_H

#include "fuzz.h"

#define GLOB_MAX 4096

/* Matches a byte of the path with one element of a component; *ret_len is the element's length. */
static inline bool glob_element(struct uw_str glob, unsigned char c, size_t *ret_len)
{
	size_t i = 1;
	bool negated, found = false, first = true;

	*ret_len = 1;
	if (glob.s[0] == '?')
		return true;
	if (glob.s[0] != '[')
		return (unsigned char)glob.s[0] == c;
	negated = glob.s[1] == '!' || glob.s[1] == '^';
	for (i += negated; first || glob.s[i] != ']'; first = false) {
		unsigned char from = (unsigned char)glob.s[i++], to = from;

		if (glob.s[i] == '-' && glob.s[i + 1] != ']') {
			to = (unsigned char)glob.s[i + 1];
			i += 2;
		}
		if (from <= c && c <= to)
			found = true;
	}
	*ret_len = i + 1;
	return found != negated;
}

static inline void glob_skip_stars(struct uw_str glob, bool *at)
{
	for (size_t i = 0; i < glob.len; i++)
		if (at[i] && glob.s[i] == '*')
			at[i + 1] = true;
}

/* Matches a component of a path with one of a pattern. */
static inline bool glob_component(struct uw_str glob, struct uw_str name)
{
	bool at[GLOB_MAX + 1] = { true }, next[GLOB_MAX + 1];
	size_t len;

	/* A star inside of a set is no position; it is never marked. */
	glob_skip_stars(glob, at);
	for (size_t k = 0; k < name.len; k++) {
		memset(next, 0, glob.len + 1);
		for (size_t i = 0; i < glob.len; i++) {
			if (!at[i])
				continue;
			if (glob.s[i] == '*')
				next[i] = true;
			else if (glob_element((struct uw_str){ glob.s + i, glob.len - i },
					      (unsigned char)name.s[k], &len))
				next[i + len] = true;
		}
		memcpy(at, next, glob.len + 1);
		glob_skip_stars(glob, at);
	}
	return at[glob.len];
}

/* Splits the bytes after the first slash at slashes. Returns the number of components. */
static inline size_t glob_split(struct uw_str path, struct uw_str *ret)
{
	size_t n = 0;

	while (path.len > 0 && path.s[path.len - 1] == '/')
		path.len--;
	take(&path, "/");
	while (path.len > 0)
		ret[n++] = take(&path, "/");
	return n;
}

/* Takes a normalised pattern and an absolute path of less than GLOB_MAX bytes each. */
static inline bool glob_covers(struct uw_str pattern, struct uw_str path)
{
	static struct uw_str want[GLOB_MAX], have[GLOB_MAX];
	static bool at[GLOB_MAX + 1], next[GLOB_MAX + 1];
	size_t n = glob_split(pattern, want), m = glob_split(path, have);

	memset(at, 0, n + 1);
	at[0] = true;
	for (size_t k = 0;; k++) {
		for (size_t i = 0; i < n; i++)
			if (at[i] && same(want[i], text("**")))
				at[i + 1] = true;
		if (at[n])
			return true; /* a pattern covers everything below its match */
		if (k == m)
			return false;
		memset(next, 0, n + 1);
		for (size_t i = 0; i < n; i++) {
			if (!at[i])
				continue;
			if (same(want[i], text("**")))
				next[i] = true;
			else if (glob_component(want[i], have[k]))
				next[i + 1] = true;
		}
		memcpy(at, next, n + 1);
	}
}

#endif
