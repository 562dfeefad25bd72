// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "rules/path_deps.h"

#define DEV(major, minor) ((uint32_t)(major) << 20 | (minor))

static const char mountinfo[] = "1 0 8:1 / / rw - ext4 x rw\n"
				"2 1 8:2 / /srv/disk rw - ext4 x rw\n"
				"3 2 8:1 /var/lib/box /srv/disk/in/box rw - ext4 x rw\n"
				"4 1 0:5 /sub/vol /mnt rw - btrfs x rw\n"
				"5 1 0:6 /gone//deleted /old rw - ext4 x rw\n";

static ssize_t one_link(const char *path, char *buf, size_t size)
{
	(void)size;
	if (strcmp(path, "/srv/disk/link") != 0)
		return -1;
	strcpy(buf, "/mnt/a");
	return (ssize_t)strlen(buf);
}

static struct uw_mounts *mounts_of(const char *text)
{
	struct uw_mounts *mounts;

	assert_int_equal(uw_mounts_parse(text, strlen(text), &mounts), 0);
	return mounts;
}

static struct uw_symlinks *links_of(const char *path)
{
	struct uw_symlinks *links;
	char *real;

	assert_int_equal(uw_symlinks_new(one_link, &links), 0);
	if (path) {
		assert_int_equal(uw_symlinks_follow(links, path, &real), 0);
		free(real);
	}
	return links;
}

static struct uw_path_deps deps_of(const char *text, const char *path)
{
	struct uw_mounts *mounts = mounts_of(text);
	struct uw_symlinks *links = links_of(path);
	struct uw_path_deps deps;

	assert_int_equal(uw_path_deps_init(mounts, links, &deps), 0);
	uw_symlinks_free(links);
	uw_mounts_free(mounts);
	return deps;
}

static bool has(const struct uw_path_deps *deps, uint32_t dev, const char *path)
{
	struct uw_path_key key = { .dev = dev };

	strncpy(key.path, path, sizeof(key.path) - 1);
	for (size_t i = 0; i < deps->n_paths; i++)
		if (!memcmp(&deps->path[i], &key, sizeof(key)))
			return true;
	return false;
}

static bool has_name(const struct uw_path_deps *deps, const char *name)
{
	struct uw_name_key key = { .len = (uint32_t)strlen(name) };

	memcpy(key.start, name, strnlen(name, sizeof(key.start) - 1));
	for (size_t i = 0; i < deps->n_names; i++)
		if (!memcmp(&deps->name[i], &key, sizeof(key)))
			return true;
	return false;
}

static void test_mounts(void **state)
{
	struct uw_path_deps deps = deps_of(mountinfo, NULL);

	(void)state;
	/* Mount points, and the directories above them. */
	assert_true(has(&deps, DEV(8, 1), "/srv"));
	assert_true(has(&deps, DEV(8, 1), "/srv/disk"));
	assert_true(has(&deps, DEV(8, 2), "/in"));
	assert_true(has(&deps, DEV(8, 2), "/in/box"));
	assert_true(has(&deps, DEV(8, 1), "/mnt"));
	assert_true(has(&deps, DEV(8, 1), "/old"));
	/* Roots of mounts, and the directories above them. */
	assert_true(has(&deps, DEV(8, 1), "/var"));
	assert_true(has(&deps, DEV(8, 1), "/var/lib"));
	assert_true(has(&deps, DEV(8, 1), "/var/lib/box"));
	assert_true(has(&deps, DEV(0, 5), "/sub"));
	assert_true(has(&deps, DEV(0, 5), "/sub/vol"));
	assert_int_equal(deps.n_paths, 11);
	assert_true(has_name(&deps, "lib"));
	assert_true(has_name(&deps, "box"));
	assert_false(has_name(&deps, "bo"));
	assert_int_equal(deps.n_names, 10); /* "box" is in the list once */
	assert_int_equal(deps.links, 0);
	uw_path_deps_done(&deps);
}

static void test_hidden(void **state)
{
	struct uw_path_deps deps = deps_of("1 0 8:1 / / rw - x x\n2 1 8:2 / /a/b rw - x x\n"
					   "3 2 8:3 /r /a/b/c rw - x x\n4 1 8:4 / /a rw - x x\n",
					   NULL);

	(void)state;
	assert_true(has(&deps, DEV(8, 1), "/a"));
	assert_true(has(&deps, DEV(8, 1), "/a/b"));
	assert_true(has(&deps, DEV(8, 2), "/c"));
	assert_true(has(&deps, DEV(8, 3), "/r"));
	assert_int_equal(deps.n_paths, 4);
	uw_path_deps_done(&deps);
}

static void test_links(void **state)
{
	struct uw_path_deps deps = deps_of(mountinfo, "/srv/disk/link/x");

	(void)state;
	assert_true(has(&deps, DEV(8, 2), "/link"));
	assert_true(has(&deps, DEV(0, 5), "/sub/vol/a"));
	assert_true(has(&deps, DEV(0, 5), "/sub/vol/a/x"));
	assert_int_equal(deps.links, 1);
	uw_path_deps_done(&deps);
}

static void test_long(void **state)
{
	char name[300], path[400];
	struct uw_path_deps deps;

	(void)state;
	memset(name, 'n', 255);
	name[255] = '\0';
	strcpy(path, "/");
	strcat(path, name);
	deps = deps_of(mountinfo, path);
	path[UW_KEY_PATH - 1] = '\0';
	assert_true(has(&deps, DEV(8, 1), path));
	assert_true(has_name(&deps, name));
	name[254] = '\0';
	assert_false(has_name(&deps, name));
	uw_path_deps_done(&deps);
}

static void test_same(void **state)
{
	struct uw_path_deps a = deps_of(mountinfo, NULL), b = deps_of(mountinfo, "/mnt"),
			    c = deps_of(mountinfo, "/srv/disk/link"), none = { 0 };

	(void)state;
	assert_true(uw_path_deps_same(&a, &a));
	assert_true(uw_path_deps_same(&none, &none));
	assert_false(uw_path_deps_same(&a, &none));
	assert_false(uw_path_deps_same(&a, &c));
	/* "/mnt" is a mount point anyway, and the root below it has no name. */
	assert_true(uw_path_deps_same(&a, &b));
	uw_path_deps_done(&a);
	uw_path_deps_done(&b);
	uw_path_deps_done(&c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		{ "the directories above mount points and above roots of mounts are in the list",
		  test_mounts, NULL, NULL, NULL },
		{ "the directories above hidden mount points are in the list, too", test_hidden,
		  NULL, NULL, NULL },
		{ "the paths read while following links are in the list", test_links, NULL, NULL,
		  NULL },
		{ "long paths and names are cut", test_long, NULL, NULL, NULL },
		{ "equal lists are recognized", test_same, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("path_deps", tests, NULL, NULL);
}
