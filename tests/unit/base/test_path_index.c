// SPDX-License-Identifier: MIT
/*
 * Tests of daemon/base/path_index.c, with random paths compared with a linear search.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/path_index.h"

/* Paths that are added, a path to look for, and the items found, in their order. */
struct search {
	const char *title;
	const char *paths[8];
	const char *path;
	const char *found;
};

static const struct search searches[] = {
	{ "an empty index finds nothing", { NULL }, "/a", "" },
	{ "the path itself is found", { "/a", "/b" }, "/b", "1 " },
	{ "paths above are found, the nearest first",
	  { "/", "/a", "/a/b/c", "/a/b" },
	  "/a/b/c/d",
	  "2 3 1 0 " },
	{ "a path that only shares a prefix is not found",
	  { "/a", "/ab", "/a.b", "/a-" },
	  "/a.b/c",
	  "2 " },
	{ "names that sort before a slash do not come in between",
	  { "/a", "/a.b", "/a-b", "/a!", "/a/b" },
	  "/a/c",
	  "0 " },
	{ "bytes are not signed", { "/\xff", "/\x01", "/a" }, "/\xff/x", "0 " },
	{ "all equal paths are found, the last first",
	  { "/a", "/b", "/a", "/a/" },
	  "/a/b",
	  "3 2 0 " },
	{ "the root is the empty path", { "", "/" }, "/", "1 0 " },
	{ "trailing slashes do not count", { "/a/" }, "/a//", "0 " },
};

#define N_SEARCHES (sizeof(searches) / sizeof(searches[0]))

static void test_search(void **state)
{
	const struct search *search = *state;
	struct uw_path_index tree;
	char found[64] = "";
	size_t at;

	assert_int_equal(uw_path_index_init(&tree, 8), 0);
	for (size_t i = 0; i < 8 && search->paths[i]; i++)
		uw_path_index_add(&tree, 1, search->paths[i], strlen(search->paths[i]), i);
	uw_path_index_sort(&tree);
	at = uw_path_index_find(&tree, 1, search->path, strlen(search->path));
	for (; at != UW_TREE_NONE; at = tree.node[at].up)
		sprintf(found + strlen(found), "%zu ", tree.node[at].item);
	assert_string_equal(found, search->found);
	uw_path_index_done(&tree);
}

static void test_groups(void **state)
{
	struct uw_path_index tree;
	size_t at;

	(void)state;
	assert_int_equal(uw_path_index_init(&tree, 3), 0);
	uw_path_index_add(&tree, 5, "/", 1, 0);
	uw_path_index_add(&tree, 3, "/a", 2, 1);
	uw_path_index_add(&tree, UINT32_MAX, "/a", 2, 2);
	uw_path_index_sort(&tree);
	assert_int_equal(uw_path_index_find(&tree, 3, "/b", 2), UW_TREE_NONE);
	assert_int_equal(uw_path_index_find(&tree, 4, "/a", 2), UW_TREE_NONE);
	at = uw_path_index_find(&tree, 5, "/a", 2);
	assert_int_equal(tree.node[at].item, 0);
	assert_int_equal(tree.node[at].up, UW_TREE_NONE);
	assert_true(uw_path_index_has_group(&tree, 3));
	assert_true(uw_path_index_has_group(&tree, 5));
	assert_true(uw_path_index_has_group(&tree, UINT32_MAX));
	assert_false(uw_path_index_has_group(&tree, 0));
	assert_false(uw_path_index_has_group(&tree, 4));
	uw_path_index_done(&tree);
}

static uint32_t random_bits(void)
{
	static uint64_t seed = 42;

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 32);
}

static void random_path(char *buf)
{
	static const char *const names[] = { "/a", "/b", "/a.b", "/ab", "/a!", "/\xff" };
	uint32_t n = random_bits() % 5;

	for (*buf = '\0'; n > 0; n--)
		strcat(buf, names[random_bits() % 6]);
}

static void test_random(void **state)
{
	(void)state;
	for (int i = 0; i < 2000; i++) {
		char paths[40][32], path[32];
		bool found[40] = { false }, below = false;
		size_t n = random_bits() % 40, last = SIZE_MAX, at;
		struct uw_path_index tree;

		assert_int_equal(uw_path_index_init(&tree, n), 0);
		for (size_t j = 0; j < n; j++) {
			random_path(paths[j]);
			uw_path_index_add(&tree, 0, paths[j], strlen(paths[j]), j);
		}
		uw_path_index_sort(&tree);
		random_path(path);
		at = uw_path_index_find(&tree, 0, path, strlen(path));
		for (; at != UW_TREE_NONE; at = tree.node[at].up) {
			assert_true(tree.node[at].len <= last);
			last = tree.node[at].len;
			found[tree.node[at].item] = true;
		}
		for (size_t j = 0; j < n; j++) {
			size_t len = strlen(paths[j]);

			assert_int_equal(found[j], !strncmp(paths[j], path, len) &&
							   (path[len] == '\0' || path[len] == '/'));
			below = below || (!strncmp(paths[j], path, strlen(path)) &&
					  paths[j][strlen(path)] == '/');
		}
		assert_int_equal(uw_path_index_has_below(&tree, 0, path, strlen(path)), below);
		uw_path_index_done(&tree);
	}
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		{ "a path is found only in its own group", test_groups, NULL, NULL, NULL },
		{ "random paths agree with a linear search", test_random, NULL, NULL, NULL },
	};
	static struct CMUnitTest tests[N_SEARCHES + sizeof(others) / sizeof(others[0])];

	for (size_t i = 0; i < N_SEARCHES; i++)
		tests[i] = (struct CMUnitTest){ searches[i].title, test_search, NULL, NULL,
						(void *)(uintptr_t)&searches[i] };
	memcpy(tests + N_SEARCHES, others, sizeof(others));
	return cmocka_run_group_tests_name("trees", tests, NULL, NULL);
}
