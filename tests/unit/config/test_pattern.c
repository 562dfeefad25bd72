// SPDX-License-Identifier: MIT
/*
 * Tests of daemon/config/pattern.c: which paths patterns cover, alone and in sets, and that hostile
 * names do not make matching slow.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "config/pattern.h"

struct cover {
	const char *title;
	const char *pattern;
	const char *covered;	 /* paths, separated by spaces */
	const char *not_covered; /* the same */
};

static const struct cover covers[] = {
	{ "the root covers everything", "/", "/ /a /a/b /.a", "" },
	{ "a path covers itself and what is below", "/srv/data",
	  "/srv/data /srv/data/ /srv/data/x/y",
	  "/ /srv /srv/dat /srv/database /srv/data.bak /data /x/srv/data" },
	{ "* is any part of one component", "/srv/*.txt",
	  "/srv/a.txt /srv/.txt /srv/a.b.txt /srv/a.txt/b",
	  "/srv/a.txt2 /srv/a/b.txt /srv/txt /a.txt" },
	{ "* alone is one whole component", "/srv/*", "/srv/a /srv/.hidden /srv/a/b",
	  "/srv / /srv/" },
	{ "* at the top is every entry but the root", "/*", "/a /a/b", "/" },
	{ "* may be nothing", "/a*b*", "/ab /axb /axbx /ab/c", "/a /b /a/b" },
	{ "* matches leading dots", "/home/*/.ssh", "/home/.x/.ssh /home/a/.ssh/id",
	  "/home/.ssh /home/a/ssh" },
	{ "several * are matched without being greedy", "/*a*b*c", "/abc /xaxbxc /aabbcc /abcabc",
	  "/acb /ab /abcx /ab/c" },
	{ "? is one byte", "/a?c", "/abc /a.c /abc/d", "/ac /abbc /a/c" },
	{ "? is one byte of a character", "/a??c",
	  "/a\xc3\xa9"
	  "c",
	  "/a\xc3"
	  "c" },
	{ "[...] is one of a set", "/[abc]x", "/ax /bx /cx/y", "/dx /x /abx /a" },
	{ "[...] takes ranges", "/[a-cx-z0]", "/a /b /c /y /0", "/d /w /- /1 /ab" },
	{ "[!...] is one byte not in the set", "/[!a-c]", "/d /. /\xff /-", "/a /b /c /dd /" },
	{ "[^...] is the same", "/[^a-c]", "/d /!", "/a /b" },
	{ "] may come first in a set", "/[]a]x", "/]x /ax", "/bx /x /]ax" },
	{ "] may come first in a set that is negated", "/[!]a]x", "/bx /-x", "/]x /ax" },
	{ "- may come first or last in a set", "/[-a][b-]", "/-- /ab /-b /a-", "/bb /a" },
	{ "[ may be in a set", "/[[]a", "/[a", "/a /[[]a" },
	{ "* and ? in a set are themselves", "/[*?]", "/* /?", "/a /**" },
	{ "a set never matches a slash", "/a[!b]c", "/axc", "/a/c" },
	{ "a range over the slash never matches it", "/a[.-0]c", "/a.c /a0c", "/a/c" },
	{ "a backslash is itself", "/a\\*", "/a\\ /a\\b", "/a* /a" },
	{ "** is any number of components", "/srv/**/x", "/srv/x /srv/a/x /srv/a/b/x /srv/a/b/x/c",
	  "/srv /srv/ax /srv/xa /srv/a/bx /x /srv/a" },
	{ "** at the beginning is a name anywhere", "/**/core", "/core /a/core /a/b/core/c",
	  "/ /acore /a/xcore /a/corex" },
	{ "** at the end covers the directory, too", "/srv/**", "/srv /srv/a /srv/a/b",
	  "/srva / /a/srv" },
	{ "** alone covers everything", "/**", "/ /a /a/b", "" },
	{ "** twice in a row is as good as once", "/a/**/**/b", "/a/b /a/x/b /a/x/y/b/c",
	  "/a /b /ab" },
	{ "** before * takes at least one component", "/a/**/*", "/a/b /a/b/c", "/a /b" },
	{ "several ** find their parts in order", "/**/a/**/b/c/**/d",
	  "/a/b/c/d /x/a/y/b/c/z/d/e /a/b/b/c/d", "/a/b/c /b/c/a/d /a/b/x/c/d /a/c/b/d" },
	{ "a part between two ** may need a later place", "/**/a/b/**/c", "/a/a/b/c /a/x/a/b/x/c",
	  "/a/x/b/c /a/b /b/a/c" },
	{ "globs after ** are matched per component", "/**/*.k[ei]y", "/a.key /x/y/.kiy /a.key/b",
	  "/akey /a.k/ey" },
	{ "a path between globs is compared as it is", "/*/b/c*", "/a/b/c /x/b/cd/e",
	  "/b/c /a/b /a/x/c" },
	{ "bytes that are no UTF-8 are bytes", "/\xff*\xfe", "/\xff\xfe /\xff\x80\xfe",
	  "/\xff /\xfe\xff" },
};

#define N_COVERS (sizeof(covers) / sizeof(covers[0]))

static void check_list(const char *pattern_text, const char *list, bool expected)
{
	struct uw_pattern pattern = uw_pattern_of(pattern_text);
	struct uw_pattern_set set;
	char *text = (char *)(uintptr_t)pattern_text;
	struct uw_paths paths = { .path = &text, .n = 1 };

	assert_int_equal(uw_pattern_set_init(&paths, &set), 0);
	while (*list) {
		size_t len = strcspn(list, " ");

		if (uw_pattern_covers(&pattern, list, len) != expected)
			fail_msg("%s should%s cover %.*s", pattern_text, expected ? "" : " not",
				 (int)len, list);
		if (uw_pattern_set_covers(&set, list, len) != expected)
			fail_msg("a set of %s should%s cover %.*s", pattern_text,
				 expected ? "" : " not", (int)len, list);
		list += len + strspn(list + len, " ");
	}
	uw_pattern_set_done(&set);
}

static void test_cover(void **state)
{
	const struct cover *cover = *state;
	char text[64];
	const char *problem;

	assert_true(strlen(cover->pattern) < sizeof(text));
	strcpy(text, cover->pattern);
	assert_int_equal(uw_pattern_normalize(text, &problem), 0);
	assert_string_equal(text, cover->pattern);
	check_list(cover->pattern, cover->covered, true);
	check_list(cover->pattern, cover->not_covered, false);
}

/* The obvious matcher: it follows the definition of patterns and takes exponential time. */
static bool naive_component(const char *pat, size_t pat_len, const char *s, size_t len)
{
	if (pat_len == 0)
		return len == 0;
	if (*pat == '*')
		return naive_component(pat + 1, pat_len - 1, s, len) ||
		       (len > 0 && naive_component(pat, pat_len, s + 1, len - 1));
	if (len == 0)
		return false;
	if (*pat == '[') { /* the tests have only [ab] and [!ab] */
		size_t skip = pat[1] == '!' ? 5 : 4;
		bool in = *s == pat[skip - 3] || *s == pat[skip - 2];

		return in == (skip == 4) &&
		       naive_component(pat + skip, pat_len - skip, s + 1, len - 1);
	}
	return (*pat == '?' || *pat == *s) && naive_component(pat + 1, pat_len - 1, s + 1, len - 1);
}

/* Both texts are empty or begin with a slash. */
static bool naive_covers(const char *pat, const char *s)
{
	size_t pat_len = *pat ? 1 + strcspn(pat + 1, "/") : 0,
	       len = *s ? 1 + strcspn(s + 1, "/") : 0;

	if (!*pat)
		return true;
	if (pat_len == 3 && !memcmp(pat, "/**", 3))
		return naive_covers(pat + 3, s) || (*s && naive_covers(pat, s + len));
	return *s && naive_component(pat + 1, pat_len - 1, s + 1, len - 1) &&
	       naive_covers(pat + pat_len, s + len);
}

/* The same numbers in each run: a failure can be repeated. */
static uint32_t random_number(uint32_t limit)
{
	static uint64_t seed = 0x9e3779b97f4a7c15;

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % limit;
}

static void random_path(char *out)
{
	for (uint32_t n = random_number(6); n > 0; n--) {
		*out++ = '/';
		for (uint32_t len = 1 + random_number(3); len > 0; len--)
			*out++ = "aabc"[random_number(4)];
	}
	*out = '\0';
}

static void random_pattern(char *out)
{
	static const char *const parts[] = { "a", "b", "a", "c", "?", "*", "*", "[ab]", "[!ab]" };
	bool star;

	for (uint32_t n = random_number(5); n > 0; n--) {
		*out++ = '/';
		if (random_number(4) == 0) {
			out = stpcpy(out, "**");
			continue;
		}
		star = false;
		for (uint32_t len = 1 + random_number(3); len > 0; len--) {
			const char *part = parts[random_number(9)];

			if (star && *part == '*')
				part = "b"; /* ** within a component is not allowed */
			star = *part == '*';
			out = stpcpy(out, part);
		}
	}
	*out = '\0';
}

static void test_random_patterns(void **state)
{
	char pattern_text[128], path[128];
	size_t n_covered = 0;

	(void)state;
	for (int i = 0; i < 300000; i++) {
		struct uw_pattern pattern;
		bool expected;

		random_pattern(pattern_text);
		random_path(path);
		expected = naive_covers(pattern_text, path);
		n_covered += expected;
		pattern = uw_pattern_of(*pattern_text ? pattern_text : "/");
		if (uw_pattern_covers(&pattern, path, strlen(path)) != expected)
			fail_msg("%s should%s cover %s", pattern_text, expected ? "" : " not",
				 path);
	}
	/* Both answers must be common. */
	assert_in_range(n_covered, 30000, 270000);
}

static void test_random_sets(void **state)
{
	(void)state;
	for (int i = 0; i < 2000; i++) {
		char texts[40][32], *pointers[40], path[128];
		struct uw_paths paths = { .path = pointers, .n = random_number(40) };
		struct uw_pattern_set set;

		for (size_t j = 0; j < paths.n; j++) {
			random_path(texts[j]);
			if (random_number(50) == 0 || !*texts[j])
				strcpy(texts[j], random_number(20) ? "/b/*c" : "/");
			pointers[j] = texts[j];
		}
		assert_int_equal(uw_pattern_set_init(&paths, &set), 0);
		for (int k = 0; k < 50; k++) {
			bool expected = false;

			random_path(path);
			for (size_t j = 0; j < paths.n; j++)
				expected |= naive_covers(texts[j][1] ? texts[j] : "", path);
			if (uw_pattern_set_covers(&set, path, strlen(path)) != expected)
				fail_msg("the set should%s cover %s", expected ? "" : " not", path);
		}
		uw_pattern_set_done(&set);
	}
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* The limits are for a build with sanitizers on a busy machine, about a hundred times the need. */
static void test_hostile_names(void **state)
{
	static const char *const patterns[] = {
		"/**/a*a*a*a*b",
		"/**/a/**/a/**/a/**/b",
		"/**/*a*/**/*a*/**/*a*/**/*b",
		"/**/*[!b]*[!b]*[!b]*[!b]b",
		"/**/a/a/a/a/a/a/a/a/a/a/b",
	};
	static char deep[4001], wide[4001];
	uint64_t start = now_ms();

	(void)state;
	for (size_t i = 0; i < 4000; i++) {
		deep[i] = i % 2 ? 'a' : '/';
		wide[i] = i % 250 ? 'a' : '/';
	}
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		struct uw_pattern pattern = uw_pattern_of(patterns[i]);

		for (int n = 0; n < 20; n++) {
			assert_false(uw_pattern_covers(&pattern, deep, 4000));
			assert_false(uw_pattern_covers(&pattern, wide, 4000));
		}
	}
	assert_true(now_ms() - start < 2000);
}

static void test_many_literals(void **state)
{
	static char texts[10000][32], *pointers[10000];
	struct uw_paths paths = { .path = pointers, .n = 10000 };
	struct uw_pattern_set set;
	uint64_t start;

	(void)state;
	for (size_t i = 0; i < 10000; i++) {
		snprintf(texts[i], sizeof(texts[i]), "/srv/%zu/data", i * 7919 % 10000);
		pointers[i] = texts[i];
	}
	assert_int_equal(uw_pattern_set_init(&paths, &set), 0);
	assert_int_equal(set.literals.n, 10000);
	start = now_ms();
	for (int n = 0; n < 10; n++) {
		for (size_t i = 0; i < 10000; i++) {
			char path[48];
			int len = snprintf(path, sizeof(path), "%s/x/y", texts[i]);

			assert_true(uw_pattern_set_covers(&set, path, (size_t)len));
			len = snprintf(path, sizeof(path), "%sx/y", texts[i]);
			assert_false(uw_pattern_set_covers(&set, path, (size_t)len));
		}
	}
	assert_true(now_ms() - start < 5000);
	uw_pattern_set_done(&set);
}

static void test_nested_literals(void **state)
{
	char *texts[] = { "/a/b", "/a/b/c", "/a/b", "/a", "/a.b", "/a/b.c", "/ab" };
	struct uw_paths paths = { .path = texts, .n = 7 };
	struct uw_pattern_set set;

	(void)state;
	assert_int_equal(uw_pattern_set_init(&paths, &set), 0);
	assert_int_equal(set.literals.n, 3); /* /a, /a.b, /ab */
	assert_true(uw_pattern_set_covers(&set, "/a/zzz", 6));
	assert_true(uw_pattern_set_covers(&set, "/a.b/c", 6));
	assert_false(uw_pattern_set_covers(&set, "/a.c", 4));
	uw_pattern_set_done(&set);
}

static void test_case(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool may, below;
	} rows[] = {
		{ "/srv/Data", "/SRV/data/x", true, true },
		{ "/srv/Data", "/srv/dat", false, false },
		{ "/srv/Data", "/srv", false, true },
		{ "/srv/Data", "/srv/", false, true },
		{ "/srv/Data", "/opt", false, false },
		{ "/", "/a", true, true },
		{ "/a/*.TXT", "/A/x.txt", true, true },
		{ "/a/*.TXT", "/A/x.txr", false, false },
		{ "/a/?b", "/a/1B", true, true },
		{ "/a/[A-B]/c", "/a/b/C", true, true },
		{ "/a/[A-B]/c", "/a/q/C", true, true },
		{ "/a/[A-B]/c", "/a/b/d", false, false },
		{ "/a/**/c", "/a/q", true, true },
		{ "/a/**/c", "/b/c", false, false },
		{ "/k", "/\xe2\x84\xaa", true, true },
		{ "/stra\xc3\x9f"
		  "e",
		  "/STRASSE", true, true },
		{ "/x\xc3\xa9/b", "/y/c", false, false },
		{ "/@", "/`", false, false },
		{ "/[", "/{", true, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct uw_pattern pattern = uw_pattern_of(rows[i].pattern);
		struct uw_pattern_set set;
		size_t len = strlen(rows[i].path);

		assert_int_equal(uw_pattern_set_of(&pattern, 1, &set), 0);
		if (uw_pattern_set_may_cover(&set, rows[i].path, len, false) != rows[i].may ||
		    uw_pattern_set_may_cover(&set, rows[i].path, len, true) != rows[i].below)
			fail_msg("%s %s", rows[i].pattern, rows[i].path);
		uw_pattern_set_done(&set);
	}
}

static void test_empty_set(void **state)
{
	struct uw_paths paths = { 0 };
	struct uw_pattern_set set;

	(void)state;
	assert_int_equal(uw_pattern_set_init(&paths, &set), 0);
	assert_false(uw_pattern_set_covers(&set, "/", 1));
	assert_false(uw_pattern_set_covers(&set, "/a", 2));
	uw_pattern_set_done(&set);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		{ "random patterns agree with the obvious matcher", test_random_patterns, NULL,
		  NULL, NULL },
		{ "random sets agree with the obvious matcher", test_random_sets, NULL, NULL,
		  NULL },
		{ "hostile names are matched quickly", test_hostile_names, NULL, NULL, NULL },
		{ "ten thousand paths are matched quickly", test_many_literals, NULL, NULL, NULL },
		{ "a set leaves out paths that another one covers", test_nested_literals, NULL,
		  NULL, NULL },
		{ "an empty set covers nothing", test_empty_set, NULL, NULL, NULL },
		{ "where case may not count, no doubt excludes a path", test_case, NULL, NULL,
		  NULL },
	};
	static struct CMUnitTest tests[N_COVERS + sizeof(others) / sizeof(others[0])];

	for (size_t i = 0; i < N_COVERS; i++)
		tests[i] = (struct CMUnitTest){ covers[i].title, test_cover, NULL, NULL,
						(void *)(uintptr_t)&covers[i] };
	memcpy(tests + N_COVERS, others, sizeof(others));
	return cmocka_run_group_tests_name("patterns", tests, NULL, NULL);
}
