// SPDX-License-Identifier: MIT
/*
 * Tests of daemon/rules/mounts.c: from paths of the host to places in file systems, and back.
 */
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
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "rules/mounts.h"

struct query {
	const char *host; /* a path and its place: "MAJOR:MINOR PATH", "" if it has none */
	const char *place;
	const char *hosts; /* the sorted paths of the place, separated by spaces; NULL skips the
			      check */
};

struct lookup {
	const char *title;
	const char *text;
	struct query queries[10]; /* an empty one ends them */
};

static const struct lookup lookups[] = {
	{ "a mount holds its mount point and everything below",
	  "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
	  "28 27 8:17 / /srv rw shared:5 master:1 - xfs /dev/sdb1 rw\n",
	  { { "/", "254:0 /", "/" },
	    { "/etc/passwd", "254:0 /etc/passwd", "/etc/passwd" },
	    { "/srv", "8:17 /", "/srv" },
	    { "/srv/", "8:17 /", "/srv" },
	    { "/srv/a/b", "8:17 /a/b", "/srv/a/b" },
	    { "/srvx", "254:0 /srvx", "/srvx" } } },
	{ "a place that a mount point hides has no path",
	  "27 1 254:0 / / rw - ext4 /dev/vda rw\n28 27 8:17 / /srv rw - xfs /dev/sdb1 rw\n",
	  { { NULL, "254:0 /srv", "" },
	    { NULL, "254:0 /srv/a", "" },
	    { NULL, "254:0 /srvx", "/srvx" },
	    { NULL, "8:18 /", "" } } },
	{ "escapes of spaces, tabs, newlines and backslashes are undone, other backslashes stay",
	  "1 0 8:1 / / rw - ext4 x rw\n"
	  "2 1 8:2 /a\\134b /mnt/a\\040b\\011c\\012d\\134e\\043\\x\\9 rw - ext4 x rw\n"
	  "3 1 8:3 / /mnt/\xff\\303\\251 rw - ext4 x rw\n",
	  { { "/mnt/a b\tc\nd\\e#\\x\\9/z", "8:2 /a\\b/z", "/mnt/a b\tc\nd\\e#\\x\\9/z" },
	    { "/mnt/\xff\xc3\xa9", "8:3 /", "/mnt/\xff\xc3\xa9" } } },
	{ "a bind mount gives a place a second path",
	  "1 0 8:1 / / rw - ext4 x rw\n2 1 8:1 /srv/data /mnt/b rw - ext4 x rw\n",
	  { { "/mnt/b/x", "8:1 /srv/data/x", "/mnt/b/x /srv/data/x" },
	    { "/srv/data/x", "8:1 /srv/data/x", "/mnt/b/x /srv/data/x" },
	    { "/srv/database", "8:1 /srv/database", "/srv/database" },
	    { "/mnt/b", "8:1 /srv/data", "/mnt/b /srv/data" },
	    { NULL, "8:1 /mnt/b/x", "" } } },
	{ "a bind mount of one file gives it a second path",
	  "1 0 8:1 / / rw - ext4 x rw\n2 1 8:1 /srv/f /etc/f rw - ext4 x rw\n",
	  { { "/etc/f", "8:1 /srv/f", "/etc/f /srv/f" }, { NULL, "8:1 /etc/f", "" } } },
	{ "only the last of several stacked mounts is visible",
	  "1 0 8:1 / / rw - ext4 x rw\n"
	  "4 3 8:4 / /srv rw - ext4 x rw\n"
	  "2 1 8:2 / /srv rw - ext4 x rw\n"
	  "3 2 8:3 / /srv rw - ext4 x rw\n",
	  { { "/srv/a", "8:4 /a", "/srv/a" },
	    { NULL, "8:2 /a", "" },
	    { NULL, "8:3 /a", "" },
	    { NULL, "8:1 /srv/a", "" } } },
	{ "a mount hides the earlier mounts below its mount point",
	  "1 0 8:1 / / rw - ext4 x rw\n"
	  "2 1 8:2 / /srv/a rw - ext4 x rw\n"
	  "3 2 8:3 / /srv/a/b rw - ext4 x rw\n"
	  "4 1 8:4 / /srv rw - ext4 x rw\n"
	  "5 4 8:5 / /srv/a/b/c rw - ext4 x rw\n",
	  { { "/srv/a/b", "8:4 /a/b", "/srv/a/b" },
	    { "/srv/a/b/c", "8:5 /", "/srv/a/b/c" },
	    { NULL, "8:2 /", "" },
	    { NULL, "8:3 /", "" } } },
	{ "a mount on another mount hides what was mounted in that",
	  "1 0 8:1 / / rw - ext4 x rw\n"
	  "2 1 8:2 / /srv rw - ext4 x rw\n"
	  "3 2 8:3 / /srv/a rw - ext4 x rw\n"
	  "4 2 8:4 / /srv rw - ext4 x rw\n",
	  { { "/srv/a/x", "8:4 /a/x", "/srv/a/x" }, { NULL, "8:3 /x", "" } } },
	{ "only the last of several mounts with one point and one parent is visible",
	  "1 0 8:1 / / rw - ext4 x rw\n"
	  "2 1 8:2 / /srv rw - ext4 x rw\n"
	  "3 1 8:3 / /srv rw - ext4 x rw\n"
	  "4 2 8:4 / /srv/a rw - ext4 x rw\n"
	  "5 3 8:5 / /srv/b rw - ext4 x rw\n"
	  "6 1 8:6 / /srv/c rw - ext4 x rw\n",
	  { { "/srv/a", "8:3 /a", "/srv/a" },
	    { "/srv/b", "8:5 /", "/srv/b" },
	    { "/srv/c", "8:3 /c", "/srv/c" },
	    { NULL, "8:2 /", "" },
	    { NULL, "8:4 /", "" },
	    { NULL, "8:6 /", "" } } },
	{ "a file system mounted twice has two paths, except for places that one mount hides",
	  "1 0 8:1 / / rw - ext4 x rw\n"
	  "2 1 8:2 / /mnt/a rw - ext4 x rw\n"
	  "3 1 8:2 / /mnt/b rw - ext4 x rw\n"
	  "4 3 8:3 / /mnt/b/c rw - ext4 x rw\n",
	  { { NULL, "8:2 /c/x", "/mnt/a/c/x" }, { NULL, "8:2 /d", "/mnt/a/d /mnt/b/d" } } },
	{ "subvolumes of btrfs are parts of one file system",
	  "1 0 0:30 /@ / rw - btrfs /dev/sda rw,subvol=/@\n"
	  "2 1 0:30 /@home /home rw - btrfs /dev/sda rw,subvol=/@home\n"
	  "3 1 0:30 / /mnt/all rw - btrfs /dev/sda rw\n",
	  { { "/home/a", "0:30 /@home/a", "/home/a /mnt/all/@home/a" },
	    { "/etc", "0:30 /@/etc", "/etc /mnt/all/@/etc" },
	    { NULL, "0:30 /@snap/1", "/mnt/all/@snap/1" } } },
	{ "the overlay of a container has a path on the host",
	  "1 0 8:1 / / rw - ext4 x rw\n"
	  "2 1 0:50 / /var/lib/docker/overlay2/ab/merged rw - overlay overlay rw\n",
	  { { NULL, "0:50 /etc/x", "/var/lib/docker/overlay2/ab/merged/etc/x" },
	    { NULL, "0:51 /etc/x", "" } } },
	{ "a mount without a path in its file system hides its mount point",
	  "1 0 8:1 / / rw - ext4 x rw\n"
	  "2 1 0:4 net:[4026532001] /run/netns/a rw - nsfs nsfs rw\n"
	  "3 1 8:1 /old//deleted /mnt/old rw - ext4 x rw\n",
	  { { "/run/netns/a", "", NULL },
	    { "/mnt/old/x", "", NULL },
	    { NULL, "8:1 /mnt/old/x", "" },
	    { NULL, "8:1 /old/x", "/old/x" } } },
	{ "lines that are no mount are skipped",
	  "\n \n1 0 8:1 / / rw - ext4 x rw\nnonsense\n2 1 8:2 / /a rw\n3 1 8:3 / /b rw -\n"
	  "4 1 8:4 / /c rw - \n-5 1 8:5 / /d rw - ext4\n6 1 8 / /e rw - ext4\n"
	  "7 1 4096:1 / /f rw - ext4\n8 1 8:1048576 / /g rw - ext4\n9 1 8:9 / h rw - ext4\n"
	  "99999999999 1 8:1 / /i rw - ext4\n11 1 8:6 / /j\\000k rw - ext4\n"
	  "12  1 8:7 / /l rw - ext4\n13 1 8:8 / /good rw - ext4",
	  { { "/a", "8:1 /a", "/a" },
	    { "/b", "8:1 /b", "/b" },
	    { "/c", "8:1 /c", "/c" },
	    { "/d", "8:1 /d", "/d" },
	    { "/e", "8:1 /e", "/e" },
	    { "/f", "8:1 /f", "/f" },
	    { "/g", "8:1 /g", "/g" },
	    { "/j", "8:1 /j", "/j" },
	    { "/l", "8:1 /l", "/l" },
	    { "/good/x", "8:8 /x", "/good/x" } } },
	{ "mounts whose parents form a circle are not part of the tree",
	  "1 0 8:1 / / rw - ext4 x rw\n2 3 8:2 / /a rw - ext4 x rw\n3 2 8:3 / /b rw - ext4 x rw\n"
	  "4 3 8:4 / /c rw - ext4 x rw\n",
	  { { "/a", "8:1 /a", "/a" }, { "/c", "8:1 /c", "/c" } } },
	{ "a root that is its own parent does not hide what is in it",
	  "1 1 0:2 / / rw - rootfs rootfs rw\n2 1 0:3 / /proc rw - proc proc rw\n",
	  { { "/proc/1", "0:3 /1", "/proc/1" }, { "/etc", "0:2 /etc", "/etc" } } },
	{ "only the last of several mounts with one point and invisible parents is visible",
	  "4 3 8:4 / /srv rw - x x rw\n2 1 8:2 / /srv rw - x x rw\n",
	  { { "/srv", "8:2 /", "/srv" }, { NULL, "8:4 /", "" } } },
	{ "a mount that is not below its parent is not part of the tree",
	  "2 1 8:2 / /srv rw - x x rw\n3 2 8:3 / / rw - x x rw\n4 3 8:4 / /srv rw - x x rw\n",
	  { { "/srv", "8:2 /", "/srv" }, { "/", "", NULL }, { NULL, "8:4 /", "" } } },
	{ "if the root directory is no mount, places outside of mounts are unknown",
	  "5 3 0:3 / /proc rw - proc proc rw\n",
	  { { "/proc", "0:3 /", "/proc" }, { "/etc", "", NULL }, { "/", "", NULL } } },
	{ "the largest device number is parsed",
	  "1 0 4095:1048575 / / rw - ext4 x rw\n",
	  { { "/a", "4095:1048575 /a", "/a" } } },
	{ "without mounts no path has a place", "", { { "/", "", NULL }, { NULL, "8:1 /", "" } } },
};

#define N_LOOKUPS (sizeof(lookups) / sizeof(lookups[0]))

static struct uw_mounts *parse(const char *text)
{
	struct uw_mounts *mounts = NULL;
	size_t size = strlen(text);
	char *copy = malloc(size ? size : 1); /* without a NUL: the sanitizer sees what is read */

	assert_non_null(copy);
	memcpy(copy, text, size);
	assert_int_equal(uw_mounts_parse(copy, size, &mounts), 0);
	free(copy);
	return mounts;
}

static void check_forward(const struct uw_mounts *mounts, const struct query *query)
{
	const struct uw_mount *m = uw_mounts_find(mounts, query->host, strlen(query->host));
	char place[PATH_MAX] = "", inner[PATH_MAX];
	size_t n = m ? uw_mount_inner(m, query->host, strlen(query->host), inner, sizeof(inner))
		     : SIZE_MAX;

	if (n != SIZE_MAX)
		snprintf(place, sizeof(place), "%u:%u %.*s", m->dev >> 20, m->dev & 0xfffff,
			 n ? (int)n : 1, n ? inner : "/");
	assert_string_equal(place, query->place);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void check_backward(const struct uw_mounts *mounts, const struct query *query)
{
	static struct uw_host_paths paths;
	char *found[16], all[PATH_MAX] = "";
	unsigned int major, minor;
	size_t n = 0, len;
	int at = 0;

	assert_int_equal(sscanf(query->place, "%u:%u %n", &major, &minor, &at), 2);
	uw_host_paths_begin(&paths, mounts, major << 20 | minor, query->place + at,
			    strlen(query->place + at), false);
	while (uw_host_paths_next(&paths, &len)) {
		assert_int_equal(len, strlen(paths.path));
		found[n++] = strdup(paths.path);
		assert_true(n < 16);
	}
	qsort(found, n, sizeof(*found), compare_texts);
	for (size_t i = 0; i < n; i++) {
		strcat(strcat(all, i ? " " : ""), found[i]);
		free(found[i]);
	}
	assert_string_equal(all, query->hosts);
}

static void test_lookup(void **state)
{
	const struct lookup *lookup = *state;
	struct uw_mounts *mounts = parse(lookup->text);

	for (size_t i = 0; i < 10 && lookup->queries[i].place; i++) {
		if (lookup->queries[i].host)
			check_forward(mounts, &lookup->queries[i]);
		if (lookup->queries[i].hosts)
			check_backward(mounts, &lookup->queries[i]);
	}
	uw_mounts_free(mounts);
}

static void test_hidden_paths(void **state)
{
	static struct uw_host_paths paths;
	struct uw_mounts *mounts =
		parse("1 0 8:1 / / rw - ext4 x rw\n2 1 8:2 / /a rw - ext4 x rw\n");
	size_t len;

	(void)state;
	uw_host_paths_begin(&paths, mounts, 8 << 20 | 1, "/a/x", 4, true);
	assert_true(uw_host_paths_next(&paths, &len));
	assert_string_equal(paths.path, "/a/x");
	assert_false(uw_host_paths_next(&paths, &len));
	assert_false(uw_host_paths_next(&paths, &len));
	uw_mounts_free(mounts);
}

/* Of /srv, a mount on it and one on that, and a mount below another: hidden ones keep their paths. */
static void test_hidden_mounts(void **state)
{
	static struct uw_host_paths paths;
	struct uw_mounts *mounts =
		parse("1 0 8:1 / / rw - x x\n2 1 8:2 / /srv rw - x x\n3 2 8:3 / /srv rw - x x\n"
		      "4 1 8:4 /r /mnt/a rw - x x\n5 1 8:5 / /mnt rw - x x\n"
		      "6 1 8:2 / /other rw - x x\n");
	size_t len;

	(void)state;
	assert_int_equal(mounts->n, 6);
	assert_int_equal(mounts->points.n, 4);
	assert_true(uw_mounts_know(mounts, 8 << 20 | 4));
	uw_host_paths_begin(&paths, mounts, 8 << 20 | 4, "/r/x", 4, false);
	assert_false(uw_host_paths_next(&paths, &len));
	assert_true(uw_host_paths_one(&paths, mounts, 8 << 20 | 4, "/r/x", 4, &len));
	assert_string_equal(paths.path, "/mnt/a/x");
	assert_false(paths.visible);
	assert_false(paths.mount->visible);
	assert_int_equal(mounts->mount[2].on, 1);
	assert_int_equal(mounts->mount[0].on, SIZE_MAX);
	/* One path is hidden, the other is not. */
	assert_true(uw_host_paths_one(&paths, mounts, 8 << 20 | 2, "/x", 2, &len));
	assert_string_equal(paths.path, "/other/x");
	assert_true(paths.visible);
	uw_host_paths_begin(&paths, mounts, 8 << 20 | 2, "/x", 2, true);
	for (int i = 0; i < 2; i++) {
		assert_true(uw_host_paths_next(&paths, &len));
		assert_int_equal(paths.visible, strcmp(paths.path, "/srv/x") != 0);
	}
	assert_false(uw_host_paths_next(&paths, &len));
	assert_false(uw_host_paths_one(&paths, mounts, 8 << 20 | 9, "/x", 2, &len));
	uw_mounts_free(mounts);
}

static void test_known(void **state)
{
	struct uw_mounts *mounts =
		parse("1 0 8:1 /a / rw - ext4 x rw\n2 1 8:3 / /b rw - ext4 x rw\n"
		      "3 1 0:4 net:[1] /n rw - nsfs x rw\n");

	(void)state;
	assert_true(uw_mounts_know(mounts, 8 << 20 | 1));
	assert_false(uw_mounts_know(mounts, 8 << 20 | 2));
	assert_true(uw_mounts_know(mounts, 8 << 20 | 3));
	assert_false(uw_mounts_know(mounts, 8 << 20 | 4));
	assert_false(uw_mounts_know(mounts, 4));
	assert_false(uw_mounts_know(mounts, 0));
	uw_mounts_free(mounts);
}

static void test_long_paths(void **state)
{
	static struct uw_host_paths paths;
	static char text[16384], name[4 * UW_PATH_MAX];
	struct uw_mounts *mounts;
	char small[8];
	size_t len;

	(void)state;
	memset(name, 'a', sizeof(name));
	snprintf(text, sizeof(text),
		 "1 0 8:1 / / rw - x x\n2 1 8:2 / /%.4094s rw - x x\n3 1 8:3 / /%.4095s rw - x x\n",
		 name, name);
	mounts = parse(text);
	assert_int_equal(mounts->n, 2); /* the path that is too long is invalid */
	name[0] = '/';
	uw_host_paths_begin(&paths, mounts, 8 << 20 | 2, name, 3 * UW_PATH_MAX, false);
	assert_true(uw_host_paths_next(&paths, &len));
	assert_int_equal(len, 4095 + 3 * UW_PATH_MAX);
	uw_host_paths_begin(&paths, mounts, 8 << 20 | 2, name, sizeof(name), false);
	assert_false(uw_host_paths_next(&paths, &len));
	assert_int_equal(uw_mount_inner(&mounts->mount[0], "/12345678", 9, small, 8), SIZE_MAX);
	assert_int_equal(uw_mount_inner(&mounts->mount[0], "/1234567", 8, small, 8), 8);
	uw_mounts_free(mounts);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* The limit allows for a build with sanitizers on a busy machine. */
static void test_many_mounts(void **state)
{
	static struct uw_host_paths paths;
	size_t room = 100000 * 80, size = 0, len;
	char *text = malloc(room);
	struct uw_mounts *mounts;
	uint64_t start;

	(void)state;
	assert_non_null(text);
	size += (size_t)sprintf(text, "1 0 8:1 / / rw - x x\n");
	for (int i = 2; i < 100000; i++) /* 50,000 on top of each other, and 50,000 side by side */
		size += (size_t)sprintf(text + size, "%d %d 8:%d / %s%d rw - x x\n", i,
					i < 50000 ? i - 1 : 1, i, i < 50000 ? "/deep" : "/w/",
					i < 50000 ? 0 : i);
	start = now_ms();
	assert_int_equal(uw_mounts_parse(text, size, &mounts), 0);
	assert_int_equal(mounts->n, 99999);
	assert_int_equal(mounts->points.n, 50002);
	for (uint32_t i = 50000; i < 100000; i++) {
		uw_host_paths_begin(&paths, mounts, 8 << 20 | i, "/x", 2, false);
		assert_true(uw_host_paths_next(&paths, &len));
	}
	assert_true(now_ms() - start < 5000);
	uw_mounts_free(mounts);
	free(text);
}

static uint32_t random_bits(void)
{
	static uint64_t seed = 42;

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 32);
}

static void test_any_bytes(void **state)
{
	static const char good[] =
		"1 0 8:1 / / rw - ext4 x rw\n2 1 8:2 /a\\040b /c rw s:1 - x x y\n"
		"3 2 8:2 / /c rw - ext4 x rw\n4 9 0:4 net:[1] /d rw - nsfs x rw";
	static const char bytes[] = " \n\\/-:0127\xff\0a";
	static struct uw_host_paths paths;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		size_t size = random_bits() % sizeof(good), len;
		char *text = malloc(size + 1);
		struct uw_mounts *mounts;

		assert_non_null(text);
		memcpy(text, good, size);
		for (uint32_t n = random_bits() % 8; size && n > 0; n--)
			text[random_bits() % size] = bytes[random_bits() % sizeof(bytes)];
		text = realloc(text, size ? size : 1);
		assert_int_equal(uw_mounts_parse(text, size, &mounts), 0);
		for (size_t j = 0; j < mounts->n; j++) {
			uw_host_paths_begin(&paths, mounts, mounts->mount[j].dev, "/a b/x", 6,
					    true);
			while (uw_host_paths_next(&paths, &len))
				assert_int_equal(paths.path[0], '/');
		}
		uw_mounts_free(mounts);
		free(text);
	}
}

/* The mounts of this machine. Only on btrfs does stat(2) report another device. */
static void test_read(void **state)
{
	static const char *const dirs[] = { "/", "/proc", "/sys", "/dev", "/tmp", "/dev/shm" };
	struct uw_mounts *mounts;

	(void)state;
	assert_int_equal(uw_mounts_read(NULL, &mounts), 1);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		const struct uw_mount *m = uw_mounts_find(mounts, dirs[i], strlen(dirs[i]));
		char *real = realpath(dirs[i], NULL);
		struct stat st;

		if (!real || strcmp(real, dirs[i]) || stat(dirs[i], &st) < 0) {
			free(real);
			continue;
		}
		free(real);
		assert_non_null(m);
		if (m->dev >> 20) /* no anonymous device, such as that of btrfs */
			assert_int_equal(m->dev, major(st.st_dev) << 20 | minor(st.st_dev));
	}
	uw_mounts_free(mounts);
}

static void test_free_nothing(void **state)
{
	(void)state;
	uw_mounts_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		{ "hidden mounts keep their paths, and visible paths come first",
		  test_hidden_mounts, NULL, NULL, NULL },
		{ "a path that another mount hides is given on request", test_hidden_paths, NULL,
		  NULL, NULL },
		{ "a file system is known if it has a path on the host", test_known, NULL, NULL,
		  NULL },
		{ "paths that are too long are left out", test_long_paths, NULL, NULL, NULL },
		{ "a hundred thousand mounts are read quickly", test_many_mounts, NULL, NULL,
		  NULL },
		{ "random bytes are parsed without a fault", test_any_bytes, NULL, NULL, NULL },
		{ "the mounts of this machine are found", test_read, NULL, NULL, NULL },
		{ "freeing NULL does nothing", test_free_nothing, NULL, NULL, NULL },
	};
	static struct CMUnitTest tests[N_LOOKUPS + sizeof(others) / sizeof(others[0])];

	for (size_t i = 0; i < N_LOOKUPS; i++)
		tests[i] = (struct CMUnitTest){ lookups[i].title, test_lookup, NULL, NULL,
						(void *)(uintptr_t)&lookups[i] };
	memcpy(tests + N_LOOKUPS, others, sizeof(others));
	return cmocka_run_group_tests_name("mounts", tests, NULL, NULL);
}
