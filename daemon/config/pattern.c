// SPDX-License-Identifier: MIT
/*
 * Path patterns: checking, matching, sets.
 *
 * Matching never backtracks beyond the last star. Within a component, the leftmost match of the
 * text between two stars is as good as any other. The same is true one level up, for the components
 * between two `**`, because a pattern also covers everything below a match: it behaves as if it
 * ended in `**`. Each level compares each pattern byte with each path byte at most once, hence the
 * bound in the header.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "config/pattern.h"

#define WILD "*?["

/* Makes the root the empty text, so that every other path is its directory, a slash and a name. */
static const char *root_is_empty(const char *text)
{
	return text[0] == '/' && text[1] == '\0' ? text + 1 : text;
}

static const char *component_end(const char *s, const char *end)
{
	const char *slash = memchr(s, '/', (size_t)(end - s));

	return slash ? slash : end;
}

/* s points at the bracket. Returns a pointer behind the `]`, or NULL with the problem. */
static const char *check_set(const char *s, const char *end, const char **ret_problem)
{
	const char *first;

	s++;
	if (s < end && (*s == '!' || *s == '^'))
		s++;
	for (first = s; s < end && (*s != ']' || s == first); s++) {
		unsigned char lo = (unsigned char)*s;

		if (lo == '[' && s + 1 < end && s[1] == ':') {
			*ret_problem = "[:classes:] are not known; write a range, as [a-z]";
			return NULL;
		}
		if (s + 2 < end && s[1] == '-' && s[2] != ']') {
			s += 2;
			if ((unsigned char)*s < lo) {
				*ret_problem = "the range in [...] runs backwards; "
					       "put the lower character first";
				return NULL;
			}
		}
		if (lo >= 0x80 || (unsigned char)*s >= 0x80) {
			*ret_problem = "[...] takes ASCII characters only, as names are matched "
				       "byte by byte; write * instead";
			return NULL;
		}
	}
	if (s < end)
		return s + 1;
	*ret_problem = first < end && *first == ']'
			       ? "[] is empty; write []] for the character ]"
			       : "[ is not closed by ]; write [[] for the character itself";
	return NULL;
}

static int check_component(const char *s, const char *end, const char **ret_problem)
{
	if (end - s == 2 && !memcmp(s, "..", 2)) {
		*ret_problem = "a .. component; write the path without it";
		return -EINVAL;
	}
	if (end - s == 2 && !memcmp(s, "**", 2))
		return 0;
	while (s < end) {
		if (s[0] == '*' && s + 1 < end && s[1] == '*') {
			*ret_problem = "** must be a whole component, as in /srv/**/NAME; "
				       "within a name write *";
			return -EINVAL;
		}
		if (*s == '[') {
			s = check_set(s, end, ret_problem);
			if (!s)
				return -EINVAL;
		} else {
			s++;
		}
	}
	return 0;
}

int uw_pattern_normalize(char *text, const char **ret_problem)
{
	char *in = text, *out = text, *end = text + strlen(text);
	int r;

	if (*text != '/') {
		*ret_problem = "not absolute; begin it with /";
		return -EINVAL;
	}
	while (in < end) {
		char *stop;
		size_t len;

		in++;
		stop = (char *)component_end(in, end);
		len = (size_t)(stop - in);
		r = check_component(in, stop, ret_problem);
		if (r < 0)
			return r;
		if (len > 0 && !(len == 1 && *in == '.')) {
			*out++ = '/';
			memmove(out, in, len);
			out += len;
		}
		in = stop;
	}
	if (out == text)
		*out++ = '/';
	*out = '\0';
	return 0;
}

bool uw_pattern_is_glob(const char *text)
{
	return text[strcspn(text, WILD)] != '\0';
}

struct uw_pattern uw_pattern_of(const char *text)
{
	struct uw_pattern pattern = { .text = root_is_empty(text) };
	size_t n = strcspn(pattern.text, WILD);

	if (pattern.text[n] != '\0')
		while (n > 0 && pattern.text[n] != '/')
			n--;
	pattern.fixed = n;
	return pattern;
}

/* True if c is in the set at s, which check_set() has accepted. Points *ret_next behind the set. */
static bool match_set(const char *s, unsigned char c, const char **ret_next)
{
	bool negated = s[1] == '!' || s[1] == '^', found = false;
	const char *first;

	s += negated ? 2 : 1;
	for (first = s; *s != ']' || s == first; s++) {
		unsigned char lo = (unsigned char)s[0], hi = lo;

		if (s[1] == '-' && s[2] != ']') {
			s += 2;
			hi = (unsigned char)*s;
		}
		found |= lo <= c && c <= hi;
	}
	*ret_next = s + 1;
	return found != negated;
}

/* Matches one byte. Returns the rest of the pattern, or NULL. */
static const char *match_byte(const char *pat, char c)
{
	const char *next;

	switch (*pat) {
	case '?':
		return pat + 1;
	case '[':
		return match_set(pat, (unsigned char)c, &next) ? next : NULL;
	default:
		return *pat == c ? pat + 1 : NULL;
	}
}

static bool match_component(const char *pat, const char *pat_end, const char *s, const char *end)
{
	const char *star = NULL, *retry = NULL, *next;

	while (s < end) {
		if (pat < pat_end && *pat == '*') {
			star = ++pat;
			retry = s;
			continue;
		}
		next = pat < pat_end ? match_byte(pat, *s) : NULL;
		if (next) {
			pat = next;
			s++;
		} else if (star) {
			pat = star;
			s = ++retry;
		} else {
			return false;
		}
	}
	while (pat < pat_end && *pat == '*')
		pat++;
	return pat == pat_end;
}

/* Matches the components of one segment one by one; returns the rest of the path, or NULL. */
static const char *match_segment(const char *pat, const char *pat_end, const char *s,
				 const char *end)
{
	while (pat < pat_end) {
		const char *pat_stop = component_end(pat + 1, pat_end), *stop;

		if (s == end)
			return NULL;
		stop = component_end(s + 1, end);
		if (!match_component(pat + 1, pat_stop, s + 1, stop))
			return NULL;
		pat = pat_stop;
		s = stop;
	}
	return s;
}

static bool is_deep(const char *pat)
{
	return !strncmp(pat, "/**", 3) && (pat[3] == '/' || pat[3] == '\0');
}

/* A segment ends before the next component `**` or at the end of the pattern. */
static const char *segment_end(const char *pat, const char *pat_end)
{
	while (pat < pat_end && !is_deep(pat))
		pat = component_end(pat + 1, pat_end);
	return pat;
}

bool uw_pattern_covers(const struct uw_pattern *pattern, const char *path, size_t len)
{
	const char *pat = pattern->text + pattern->fixed, *pat_end = pat + strlen(pat), *stop;
	const char *s = path + pattern->fixed, *end, *rest;
	bool floating;

	while (len > 0 && path[len - 1] == '/')
		len--;
	end = path + len;
	if (len < pattern->fixed || memcmp(path, pattern->text, pattern->fixed) ||
	    (s < end && *s != '/'))
		return false;
	while (pat < pat_end) {
		for (floating = false; pat < pat_end && is_deep(pat); pat += 3)
			floating = true;
		stop = segment_end(pat, pat_end);
		for (;;) {
			rest = match_segment(pat, stop, s, end);
			if (rest)
				break;
			if (!floating || s == end)
				return false;
			s = component_end(s + 1, end);
		}
		s = rest;
		pat = stop;
	}
	return true;
}

int uw_pattern_set_of(const struct uw_pattern *patterns, size_t n, struct uw_pattern_set *ret)
{
	struct uw_pattern_set set = { 0 };
	struct uw_path_index *literals = &set.literals;
	size_t kept = 0;

	/* One more, as calloc() may return NULL for none. */
	set.globs = calloc(n + 1, sizeof(*set.globs));
	if (!set.globs || uw_path_index_init(literals, n) < 0) {
		uw_pattern_set_done(&set);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		const char *text = patterns[i].text;

		if (text[patterns[i].fixed] != '\0')
			set.globs[set.n_globs++] = patterns[i];
		else
			uw_path_index_add(literals, 0, text, strlen(text), i);
	}
	uw_path_index_sort(literals);
	for (size_t i = 0; i < literals->n; i++)
		if (literals->node[i].up == UW_TREE_NONE)
			literals->node[kept++] = literals->node[i];
	literals->n = kept;
	*ret = set;
	return 0;
}

int uw_pattern_set_init(const struct uw_paths *paths, struct uw_pattern_set *ret)
{
	_cleanup_free_ struct uw_pattern *patterns = calloc(paths->n + 1, sizeof(*patterns));

	if (!patterns)
		return -ENOMEM;
	for (size_t i = 0; i < paths->n; i++)
		patterns[i] = uw_pattern_of(paths->path[i]);
	return uw_pattern_set_of(patterns, paths->n, ret);
}

void uw_pattern_set_done(struct uw_pattern_set *set)
{
	uw_path_index_done(&set->literals);
	free(set->globs);
	*set = (struct uw_pattern_set){ 0 };
}

bool uw_pattern_set_covers(const struct uw_pattern_set *set, const char *path, size_t len)
{
	if (uw_path_index_find(&set->literals, 0, path, len) != UW_TREE_NONE)
		return true;
	for (size_t i = 0; i < set->n_globs; i++)
		if (uw_pattern_covers(&set->globs[i], path, len))
			return true;
	return false;
}

/* Whether the components of the path are a beginning of those of the pattern. */
static bool reaches_below(const struct uw_pattern *pattern, const char *path, size_t len)
{
	const char *pat = pattern->text + pattern->fixed, *pat_end = pat + strlen(pat), *stop;
	const char *s = path + pattern->fixed, *end = path + len;

	if (uw_path_index_covers(path, len, pattern->text, pattern->fixed))
		return true;
	if (!uw_path_index_covers(pattern->text, pattern->fixed, path, len))
		return false;
	for (; s < end && pat < pat_end && !is_deep(pat); pat = stop) {
		stop = component_end(pat + 1, pat_end);
		s = match_segment(pat, stop, s, end);
		if (!s)
			return false;
	}
	return pat < pat_end;
}

bool uw_pattern_set_reaches_below(const struct uw_pattern_set *set, const char *path, size_t len)
{
	while (len > 0 && path[len - 1] == '/')
		len--;
	for (size_t i = 0; i < set->literals.n; i++)
		if (uw_path_index_covers(path, len, set->literals.node[i].path,
					 set->literals.node[i].len))
			return true;
	for (size_t i = 0; i < set->n_globs; i++)
		if (reaches_below(&set->globs[i], path, len))
			return true;
	return false;
}

/* ---- directories that ignore case */

/* Room for a component. A longer one may match anything. */
#define FOLD_MAX 1024

/* Copies a component in lower case. Returns false if it has more than plain ASCII. */
static bool fold(const char *s, const char *end, char buf[FOLD_MAX])
{
	if (end - s > FOLD_MAX)
		return false;
	for (; s < end; s++) {
		if ((unsigned char)*s >= 0x80 || *s == '[')
			return false;
		*buf++ = *s >= 'A' && *s <= 'Z' ? (char)(*s - 'A' + 'a') : *s;
	}
	return true;
}

static bool may_match_component(const char *pat, const char *pat_end, const char *s,
				const char *end)
{
	char a[FOLD_MAX], b[FOLD_MAX];

	return !fold(pat, pat_end, a) || !fold(s, end, b) ||
	       match_component(a, a + (pat_end - pat), b, b + (end - s));
}

static bool may_cover(const char *pat, size_t pat_len, const char *s, size_t len, bool below)
{
	const char *pat_end = pat + pat_len, *end = s + len, *pat_stop, *stop;

	for (; pat < pat_end && !is_deep(pat); pat = pat_stop, s = stop) {
		if (s == end)
			return below;
		pat_stop = component_end(pat + 1, pat_end);
		stop = component_end(s + 1, end);
		if (!may_match_component(pat + 1, pat_stop, s + 1, stop))
			return false;
	}
	return true;
}

bool uw_pattern_set_may_cover(const struct uw_pattern_set *set, const char *path, size_t len,
			      bool below)
{
	const struct uw_path_index *literals = &set->literals;

	while (len > 0 && path[len - 1] == '/')
		len--;
	for (size_t i = 0; i < literals->n; i++)
		if (may_cover(literals->node[i].path, literals->node[i].len, path, len, below))
			return true;
	for (size_t i = 0; i < set->n_globs; i++)
		if (may_cover(set->globs[i].text, strlen(set->globs[i].text), path, len, below))
			return true;
	return false;
}
