// SPDX-License-Identifier: MIT
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "rules/symlinks.h"

/* The links of a host, read as by readlink(2). */
static const char *fake[16][2];
static size_t n_reads;

static ssize_t fake_read(const char *path, char *buf, size_t size)
{
	n_reads++;
	for (size_t i = 0; i < 16 && fake[i][0]; i++)
		if (!strcmp(path, fake[i][0])) {
			size_t len = strlen(fake[i][1]);

			memcpy(buf, fake[i][1], len < size ? len : size);
			return (ssize_t)(len < size ? len : size);
		}
	return -1;
}

static char long_link[PATH_MAX];

static void some_links(void)
{
	static const char *const links[][2] = {
		{ "/l", "a" },		{ "/abs", "/a/b" },
		{ "/a/up", "../c" },	{ "/a/over", "../../../../c" },
		{ "/two", "l/up/x" },	{ "/root", "/" },
		{ "/loop", "loop" },	{ "/ping", "pong" },
		{ "/pong", "/ping" },	{ "/dots", ".//./a/." },
		{ "/long", long_link },
	};

	memset(long_link, 'x', sizeof(long_link) - 1);
	memset(fake, 0, sizeof(fake));
	memcpy(fake, links, sizeof(links));
	n_reads = 0;
}

static const struct {
	const char *path, *expected;
} follows[] = {
	{ "/", "/" },
	{ "/a", "/a" },
	{ "/l", "/a" },
	{ "/l/none/at/all", "/a/none/at/all" },
	{ "/none/l", "/none/l" },
	{ "/abs/x", "/a/b/x" },
	{ "/a/up", "/c" },
	{ "/l/up/x", "/c/x" },
	{ "/a/over/x", "/c/x" },
	{ "/two/y", "/c/x/y" },
	{ "/root", "/" },
	{ "/root/none/x", "/none/x" },
	{ "/root/root/l/x", "/a/x" },
	{ "/dots/x", "/a/x" },
	{ "/loop/x", "/loop/x" },
	{ "/ping/x", "/ping/x" },
	/* The result would be longer than PATH_MAX. */
	{ "/long/x", "/long/x" },
};

static void test_follow(void **state)
{
	struct uw_symlinks *links;
	char *real;

	(void)state;
	some_links();
	assert_int_equal(uw_symlinks_new(fake_read, &links), 0);
	for (size_t i = 0; i < sizeof(follows) / sizeof(follows[0]); i++) {
		assert_int_equal(uw_symlinks_follow(links, follows[i].path, &real), 0);
		assert_string_equal(real, follows[i].expected);
		free(real);
	}
	assert_true(uw_symlinks_hold(links));
	uw_symlinks_free(links);
}

static const char *target_of(const struct uw_symlinks *links, const char *path)
{
	for (size_t i = 0; i < uw_symlinks_count(links); i++)
		if (!strcmp(uw_symlinks_path(links, i), path))
			return uw_symlinks_target(links, i) ? uw_symlinks_target(links, i) : "none";
	return "not looked at";
}

static void test_places(void **state)
{
	struct uw_symlinks *links;
	char *real;

	(void)state;
	some_links();
	assert_int_equal(uw_symlinks_new(fake_read, &links), 0);
	assert_int_equal(uw_symlinks_follow(links, "/l/up/x", &real), 0);
	free(real);
	assert_int_equal(uw_symlinks_count(links), 5);
	assert_string_equal(target_of(links, "/l"), "a");
	assert_string_equal(target_of(links, "/a"), "none");
	assert_string_equal(target_of(links, "/a/up"), "../c");
	assert_string_equal(target_of(links, "/c"), "none");
	assert_string_equal(target_of(links, "/c/x"), "none");
	assert_int_equal(uw_symlinks_follow(links, "/l/up/y", &real), 0);
	free(real);
	assert_int_equal(uw_symlinks_count(links), 6);
	uw_symlinks_free(links);
}

/* What a change of the host's links does. */
static void check_change(size_t which, const char *path, const char *target, bool holds)
{
	struct uw_symlinks *links;
	char *real;

	some_links();
	assert_int_equal(uw_symlinks_new(fake_read, &links), 0);
	assert_int_equal(uw_symlinks_follow(links, "/l/up/x", &real), 0);
	free(real);
	fake[which][0] = path;
	fake[which][1] = target;
	assert_int_equal(uw_symlinks_hold(links), holds);
	uw_symlinks_free(links);
}

static void test_hold(void **state)
{
	(void)state;
	check_change(0, "/l", "b", false);
	check_change(0, "/l", "a/", false);
	check_change(0, "/gone", "a", false);
	check_change(11, "/c/x", "y", false);
	check_change(11, "/c/y", "x", true);
	check_change(1, "/abs", "elsewhere", true);
}

static void test_long_path(void **state)
{
	char path[PATH_MAX + 1], *real;
	struct uw_symlinks *links;

	(void)state;
	some_links();
	assert_int_equal(uw_symlinks_new(fake_read, &links), 0);
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[PATH_MAX] = '\0';
	assert_int_equal(uw_symlinks_follow(links, path, &real), -EINVAL);
	path[PATH_MAX - 1] = '\0';
	assert_int_equal(uw_symlinks_follow(links, path, &real), 0);
	assert_string_equal(real, path);
	free(real);
	uw_symlinks_free(links);
}

/* Random links, with loops: following them must end, and yield a path. */
static void test_random(void **state)
{
	char text[16][24], path[24], *real;
	struct uw_symlinks *links;

	(void)state;
	srandom(1);
	for (int round = 0; round < 2000; round++) {
		memset(fake, 0, sizeof(fake));
		for (size_t i = 0; i < 16; i++) {
			static const char *const parts[] = { "/a", "/b", "/..", "/.", "/", "c" };

			text[i][0] = '\0';
			for (long n = random() % 5; n >= 0; n--)
				strcat(text[i], parts[random() % 6]);
		}
		for (size_t i = 0; i < 8; i++) {
			fake[i][0] = text[i];
			fake[i][1] = text[8 + i];
		}
		snprintf(path, sizeof(path), "/%c/%c/%c", 'a' + (char)(random() % 3),
			 'a' + (char)(random() % 3), 'a' + (char)(random() % 3));
		assert_int_equal(uw_symlinks_new(fake_read, &links), 0);
		assert_int_equal(uw_symlinks_follow(links, path, &real), 0);
		assert_int_equal(real[0], '/');
		assert_null(strstr(real, "//"));
		free(real);
		uw_symlinks_free(links);
	}
}

/* The common directories of many paths are read only once. */
static void test_many(void **state)
{
	struct uw_symlinks *links;
	char path[64], *real;

	(void)state;
	some_links();
	assert_int_equal(uw_symlinks_new(fake_read, &links), 0);
	for (int i = 0; i < 10000; i++) {
		snprintf(path, sizeof(path), "/srv/many/files/%d", i);
		assert_int_equal(uw_symlinks_follow(links, path, &real), 0);
		assert_string_equal(real, path);
		free(real);
	}
	assert_int_equal(uw_symlinks_count(links), 10003);
	uw_symlinks_free(links);
}

static void test_system(void **state)
{
	char dir[] = "/tmp/uw-links-XXXXXX", path[PATH_MAX], *real, *expected;
	struct uw_symlinks *links;

	(void)state;
	assert_non_null(mkdtemp(dir));
	expected = realpath(dir, NULL);
	assert_non_null(expected);
	snprintf(path, sizeof(path), "%s/l", dir);
	assert_int_equal(symlink(".", path), 0);
	assert_int_equal(uw_symlinks_new(uw_symlinks_system, &links), 0);
	assert_int_equal(uw_symlinks_follow(links, path, &real), 0);
	assert_string_equal(real, expected);
	assert_true(uw_symlinks_hold(links));
	assert_int_equal(unlink(path), 0);
	assert_false(uw_symlinks_hold(links));
	assert_int_equal(rmdir(dir), 0);
	free(real);
	free(expected);
	uw_symlinks_free(links);
}

static void test_free_nothing(void **state)
{
	(void)state;
	uw_symlinks_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		{ "links are followed even if the target does not exist", test_follow, NULL, NULL,
		  NULL },
		{ "each path read on the way is remembered", test_places, NULL, NULL, NULL },
		{ "a link that changes, appears or disappears is noticed", test_hold, NULL, NULL,
		  NULL },
		{ "a path that is too long is refused", test_long_path, NULL, NULL, NULL },
		{ "following random links ends", test_random, NULL, NULL, NULL },
		{ "ten thousand paths in one directory are followed", test_many, NULL, NULL, NULL },
		{ "the links of this machine are followed", test_system, NULL, NULL, NULL },
		{ "freeing NULL does nothing", test_free_nothing, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("links", tests, NULL, NULL);
}
