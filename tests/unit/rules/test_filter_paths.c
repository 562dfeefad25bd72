// SPDX-License-Identifier: MIT
/*
 * Tests of daemon/rules/filter_paths.c: which rules match a place in the host's tree, and that the
 * table for the kernel never excludes a rule that matches. The random part compares with a walk of
 * its own, component by component like the kernel's.
 */
#include <errno.h>
#include <limits.h>
#include <time.h>

#include "config/config_helper.h"
#include "rules/filter.h"
#include "rules/kernel_table.h"

#define HOST_NS		  100
#define DEV(major, minor) ((uint32_t)(major) << 20 | (minor))

/* readlink(2) of a host with some links. */
static ssize_t some_links(const char *path, char *buf, size_t size)
{
	static const char *const links[][2] = {
		{ "/var/run", "/run" },
		{ "/link", "/data/[x]" },
		{ "/self", "/" },
	};

	for (size_t i = 0; i < 3; i++)
		if (!strcmp(path, links[i][0])) {
			assert_true(strlen(links[i][1]) < size);
			strcpy(buf, links[i][1]);
			return (ssize_t)strlen(buf);
		}
	return -1;
}

struct compiled {
	struct uw_config *config;
	struct uw_mounts *mounts;
	struct uw_filter *filter;
};

static struct compiled compile(const char *text, const char *mountinfo)
{
	struct uw_filter_env env = { .mntns = HOST_NS };
	struct uw_symlinks *links;
	struct compiled c = { 0 };
	struct uw_errors errors;
	int r;

	r = uw_config_parse("conf", text, strlen(text), &fake_names, &c.config, &errors);
	if (r < 0)
		fail_msg("%s", errors.n ? errors.line[0] : strerror(-r));
	if (mountinfo)
		assert_int_equal(uw_mounts_parse(mountinfo, strlen(mountinfo), &c.mounts), 0);
	env.mounts = c.mounts;
	assert_int_equal(uw_symlinks_new(some_links, &links), 0);
	env.links = links;
	assert_int_equal(uw_filter_new(c.config, 7, &env, &c.filter), 0);
	uw_symlinks_free(links);
	return c;
}

static void release(struct compiled *c)
{
	uw_filter_free(c->filter);
	uw_mounts_free(c->mounts);
	uw_config_free(c->config);
}

/* ---- the table of the kernel */

static void check_keys(const struct uw_filter *filter)
{
	for (size_t i = 0; i < filter->tables.n_paths; i++) {
		const struct uw_path_key *key = &filter->tables.paths[i].key;
		size_t bytes = key->prefixlen / 8 - sizeof(key->dev);

		assert_int_equal(key->prefixlen % 8, 0);
		assert_in_range(bytes, 1, UW_KEY_PATH);
		assert_int_equal(key->path[0], '/');
		assert_int_equal(strnlen(key->path, UW_KEY_PATH), bytes);
		if (bytes < UW_KEY_PATH - 1)
			assert_int_equal(key->path[bytes - 1], '/');
		if (i > 0)
			assert_memory_not_equal(key, &filter->tables.paths[i - 1].key,
						sizeof(*key));
	}
}

/* ---- chosen cases */

struct deletion {
	const char *place; /* "MAJOR:MINOR PATH", NULL if the kernel did not report it */
	const char *path;  /* as the process sees it */
	enum uw_path_state state;
	uint32_t mntns;
	uint64_t rules;
	unsigned int flags;
	const char *upper; /* on overlayfs, as `place` */
};

#define DETACHED 1
#define CASEFOLD 2
#define UNPLACED 4
#define MOVE_DIR 8

#define ROOT_ONLY "1 0 8:1 / / rw - x x\n"

struct match {
	const char *title;
	const char *config;
	const char *mounts;
	struct deletion deletions[12]; /* up to the first without rules and path */
};

#define RES	  UW_PATH_RESOLVED
#define LEX	  UW_PATH_LEXICAL
#define CUT	  UW_PATH_TRUNCATED
#define CONTAINER 200
#define KERNEL	  300 /* a kernel thread, which is in the host's namespace */

#define BASIC                                        \
	"27 1 254:0 / / rw - ext4 x rw\n"            \
	"28 27 8:17 / /srv rw - xfs x rw\n"          \
	"29 27 254:0 /home/data /srv2 rw - x x rw\n" \
	"30 27 0:50 / /var/lib/c/merged rw - overlay x rw\n"

static const struct match matches[] = {
	{ "a rule matches by the path on the host, whatever path the process used",
	  "[Watch]\nPath=/srv\n[Watch]\nPath=/etc\n[Watch]\nUser=root\n",
	  BASIC,
	  { { "8:17 /a", "/srv/a", RES, HOST_NS, 5 },
	    { "8:17 /a", "/data/a", RES, CONTAINER, 5 },
	    { "254:0 /etc/x", "/etc/x", RES, HOST_NS, 6 },
	    { "254:0 /etc/x", "/x", RES, CONTAINER, 6 },
	    { "0:50 /etc/x", "/etc/x", RES, CONTAINER, 4 },
	    { "0:99 /etc/x", "/etc/x", RES, CONTAINER, 4 },
	    { "0:99 /srv/x", "/srv/x", RES, CONTAINER, 4 } } },
	{ "a place with two paths matches by either, and is excluded by either",
	  "[Watch]\nPath=/srv2\n[Watch]\nPath=/home/data/x\n[Watch]\nPath=/home\nExcludePath=/srv2/x\n"
	  "[Watch]\nPath=/srv2/*.o\n[Watch]\nPath=/home\nExcludePath=/srv2/*.o\n",
	  BASIC,
	  { { "254:0 /home/data/x", "/home/data/x", RES, HOST_NS, 1 | 2 | 16 },
	    { "254:0 /home/data/x/y", "/srv2/x/y", RES, HOST_NS, 1 | 2 | 16 },
	    { "254:0 /home/data", "/home/data", RES, HOST_NS, 1 | 4 | 16 },
	    { "254:0 /home/data/a.o", "/home/data/a.o", RES, HOST_NS, 1 | 4 | 8 },
	    { "254:0 /home/b", "/home/b", RES, HOST_NS, 4 | 16 } } },
	{ "a rule for a directory matches the file systems mounted below it, and so does an exclusion",
	  "[Watch]\nPath=/var\n[Watch]\nExcludePath=/var\n[Watch]\nPath=/srv/a\n",
	  BASIC,
	  { { "0:50 /etc/x", "/etc/x", RES, CONTAINER, 1 },
	    { "254:0 /var/x", "/var/x", RES, HOST_NS, 1 },
	    { "8:17 /x", "/srv/x", RES, HOST_NS, 2 },
	    { "8:17 /a/x", "/srv/a/x", RES, HOST_NS, 2 | 4 } } },
	{ "a hidden path includes a place and does not exclude it",
	  "[Watch]\nPath=/srv\n[Watch]\nExcludePath=/srv\n[Watch]\nPath=/srv/x/*.c\n",
	  BASIC,
	  { { "254:0 /srv/x", "/other/srv/x", RES, CONTAINER, 3 },
	    { "254:0 /srv", "/srv", RES, CONTAINER, 3 },
	    { "254:0 /srv/x/a.c", "/srv/x/a.c", RES, HOST_NS, 7 },
	    { "8:17 /x/a.c", "/srv/x/a.c", RES, HOST_NS, 5 } } },
	{ "what is mounted over a watched directory, or over a mount, hides nothing from Path=",
	  "[Watch]\nPath=/srv/data\n[Watch]\nExcludePath=/srv/data\n[Watch]\nPath=/mnt/a/b\n"
	  "[Watch]\nPath=/home\n[Watch]\nPath=/other\n",
	  "1 0 8:1 / / rw - x x\n2 1 8:2 / /srv/data rw - x x\n3 2 0:40 / /srv/data rw - fuse x\n"
	  "4 1 8:4 / /mnt/a/b rw - x x\n5 1 0:41 / /mnt/a rw - tmpfs x\n"
	  "6 1 8:1 /home /srv/h rw - x x\n7 1 0:42 / /home/u rw - fuse x\n",
	  { { "8:2 /f", "/srv/data/f", RES, HOST_NS, 3 },
	    { "0:40 /f", "/srv/data/f", RES, HOST_NS, 1 },
	    { "8:1 /srv/data/f", "/srv/data/f", RES, HOST_NS, 3 },
	    { "8:4 /f", "/mnt/a/b/f", RES, HOST_NS, 2 | 4 },
	    { "8:4 /f", "/x", RES, CONTAINER, 2 | 4 },
	    { "0:41 /b/f", "/mnt/a/b/f", RES, HOST_NS, 2 | 4 },
	    { "8:1 /mnt/a/b/f", "/mnt/a/b/f", RES, HOST_NS, 2 | 4 },
	    { "8:1 /home/u/f", "/home/u/f", RES, HOST_NS, 2 | 8 },
	    { "0:42 /f", "/home/u/f", RES, HOST_NS, 2 | 8 },
	    { "8:2 /none", "/srv/data/none", LEX, CONTAINER, 3 },
	    { "8:4 /none", "/x", LEX, CONTAINER, 2 | 4 } } },
	{ "a detached path is no path of the host, and excludes nothing if its file system is unknown",
	  "[Watch]\nPath=/srv\n[Watch]\nPath=/a\n[Watch]\nExcludePath=/a\n",
	  BASIC,
	  { { "8:17 /b", "/a", RES, HOST_NS, 1 | 4, DETACHED },
	    { "254:0 /b", "/a", RES, 0, 4, DETACHED },
	    { "0:99 /b", "/a", RES, 0, 7, DETACHED },
	    { "0:99 /b", "/a", RES, CONTAINER, 7, DETACHED },
	    { NULL, "/a", RES, 0, 7, DETACHED } } },
	{ "a target whose place could not be read matches every rule",
	  "[Watch]\nPath=/srv\n[Watch]\nPath=/a\n[Watch]\nExcludePath=/a\n",
	  BASIC,
	  { { NULL, "/a/x", UW_PATH_UNKNOWN, HOST_NS, 7, UNPLACED },
	    { "8:17", "", UW_PATH_UNKNOWN, HOST_NS, 7, UNPLACED },
	    { "254:0 /a", "", UW_PATH_UNKNOWN, CONTAINER, 7, UNPLACED } } },
	{ "Path= ignores case where the directory may, and ExcludePath= does not",
	  "[Watch]\nPath=/srv/Data\n[Watch]\nPath=/srv/*.TXT\n[Watch]\nExcludePath=/srv/DATA\n"
	  "[Watch]\nPath=/srv/k/x\n[Watch]\nPath=/srv/q?/[A-B]/z\n[Watch]\nPath=/srv/m/**/n\n"
	  "[Watch]\nPath=/other\n",
	  BASIC,
	  { { "8:17 /DATA/f", "/srv/DATA/f", RES, HOST_NS, 1, CASEFOLD },
	    { "8:17 /data/f", "/srv/data/f", RES, HOST_NS, 1 | 4, CASEFOLD },
	    { "8:17 /data/f", "/srv/data/f", RES, HOST_NS, 4 },
	    { "8:17 /datas/f", "/srv/datas/f", RES, HOST_NS, 4, CASEFOLD },
	    { "8:17 /a.txt", "/srv/a.txt", RES, HOST_NS, 2 | 4, CASEFOLD },
	    { "8:17 /\xe2\x84\xaa/X", "/x", RES, CONTAINER, 1 | 2 | 4 | 8 | 32, CASEFOLD },
	    { "8:17 /K/y", "/srv/K/y", RES, HOST_NS, 4, CASEFOLD },
	    { "8:17 /Q1/b/z", "/srv/Q1/b/z", RES, HOST_NS, 4 | 16, CASEFOLD },
	    { "8:17 /M/x", "/srv/M/x", RES, HOST_NS, 4 | 32, CASEFOLD },
	    { "8:17 /K", "/srv/K", RES, HOST_NS, 4, CASEFOLD },
	    { "8:17 /K", "/srv/K", RES, HOST_NS, 4 | 8, CASEFOLD | MOVE_DIR },
	    { "8:17", "/srv/dATA/x", RES, HOST_NS, 1 | 4, CASEFOLD } } },
	{ "a file on overlayfs counts in the upper directory, too",
	  "[Watch]\nPath=/srv/up\n[Watch]\nPath=/var\n[Watch]\nExcludePath=/var\n"
	  "[Watch]\nPath=/srv\nExcludePath=/srv/up\n[Watch]\nPath=/etc\n"
	  "[Watch]\nExcludePath=/var /srv\n",
	  BASIC,
	  { { "0:50 /f", "/f", RES, CONTAINER, 1 | 2 | 4, 0, "8:17 /up/f" },
	    { "0:50 /f", "/f", RES, CONTAINER, 2 },
	    { "0:99 /f", "/f", RES, CONTAINER, 1 | 4 | 32, 0, "8:17 /up/f" },
	    { "0:99 /f", "/f", RES, CONTAINER, 4 | 8 | 32, 0, "8:17 /x/f" },
	    { "0:50 /f", "/f", RES, CONTAINER, 2 | 4 | 32, 0, "0:98 /etc/f" },
	    { "0:50 /f", "/f", RES, CONTAINER, 2 | 4 | 8 | 32, 0, "254:0 /srv/f" } } },
	{ "a path without its beginning matches the rules that may be on its file system",
	  "[Watch]\nPath=/srv\n[Watch]\nPath=/etc\n[Watch]\nExcludePath=/srv\n"
	  "[Watch]\nPath=/srv/a/*.c\n[Watch]\nPath=/*/b\n[Watch]\nPath=/var/lib/c/merged/x\n",
	  BASIC,
	  { { "8:17", "b", CUT, HOST_NS, 1 | 4 | 8 | 16 },
	    { "8:17", "b", CUT, CONTAINER, 1 | 4 | 8 | 16 },
	    { "254:0", "b", CUT, HOST_NS, 63 },
	    { "0:50", "b", CUT, CONTAINER, 4 | 32 },
	    { "0:99", "b", CUT, HOST_NS, 63 },
	    { "0:99", "b", CUT, CONTAINER, 4 },
	    { "8:17", "/x", RES, CONTAINER, 1 | 4 | 8 | 16 },
	    { NULL, "b", CUT, CONTAINER, 63 } } },
	{ "on a mount not known yet, the text decides for processes of the host alone",
	  "[Watch]\nPath=/mnt\n[Watch]\nExcludePath=/mnt\n[Watch]\nPath=/srv2\n",
	  BASIC,
	  { { "8:99 /x", "/mnt/x", RES, HOST_NS, 1 },
	    { "8:99 /x", "/mnt/x", RES, CONTAINER, 2 },
	    { "8:99 /x", "/home/data/x", RES, HOST_NS, 2 },
	    { "8:99 /x", "/x", RES, HOST_NS, 2 } } },
	{ "for a kernel thread the place alone decides",
	  "[Watch]\nPath=/srv\n[Watch]\nExcludePath=/srv2\n[Watch]\nPath=/srv2\n",
	  BASIC,
	  { { "8:17 /a", "", UW_PATH_UNKNOWN, KERNEL, 1 | 2 },
	    { "254:0 /home/data/a", "", UW_PATH_UNKNOWN, KERNEL, 4 },
	    { "254:0 /srv/hidden", "", UW_PATH_UNKNOWN, KERNEL, 3 },
	    { "0:99 /srv/a", "", UW_PATH_UNKNOWN, KERNEL, 2 },
	    { "8:17", "", UW_PATH_UNKNOWN, KERNEL, 3 },
	    { NULL, "", UW_PATH_UNKNOWN, KERNEL, 7 } } },
	{ "a name that does not exist is followed across mounts by its text",
	  "[Watch]\nPath=/srv\n[Watch]\nPath=/home/data\n[Watch]\nExcludePath=/srv2\n",
	  BASIC,
	  { { "254:0 /srv/none", "/srv/none", LEX, HOST_NS, 1 | 4 },
	    { "254:0 /srv2/none", "/srv2/none", LEX, HOST_NS, 2 },
	    { "254:0 /srv2/none", "/x/none", LEX, CONTAINER, 2 },
	    { "254:0 /srv/none", "/x/none", LEX, CONTAINER, 1 | 4 },
	    { "254:0 /home/data/none", "/none", LEX, CONTAINER, 2 },
	    { "0:99 /srv/none", "/srv/none", LEX, CONTAINER, 4 },
	    { "254:0", "/srv/none", LEX, CONTAINER, 1 | 4 },
	    { "0:99", "/srv/none", LEX, CONTAINER, 4 },
	    { "0:99", "/srv/none", LEX, HOST_NS, 1 | 4 } } },
	{ "the text decides if the file system is not known",
	  "[Watch]\nPath=/srv2\n[Watch]\nPath=/home/data\n[Watch]\nExcludePath=/srv2\n",
	  BASIC,
	  { { NULL, "/srv2/x", LEX, CONTAINER, 1 },
	    { NULL, "/srv2/x", UW_PATH_GUESSED, 0, 1 },
	    { NULL, "/home/data/x", RES, HOST_NS, 2 | 4 },
	    { NULL, "/srv2/x", CUT, HOST_NS, 7 },
	    { NULL, "", UW_PATH_UNKNOWN, HOST_NS, 7 } } },
	{ "the place decides if it is known, also if the path was cut",
	  "[Watch]\nPath=/srv\n[Watch]\nExcludePath=/srv\n",
	  BASIC,
	  { { "8:17 /a/b", "b", CUT, CONTAINER, 1 },
	    { "254:0 /b", "b", CUT, CONTAINER, 2 },
	    { "254:0 /srv/b", "b", CUT, CONTAINER, 3 },
	    { "254:0", "b", CUT, CONTAINER, 3 },
	    { "8:99 /b", "b", CUT, HOST_NS, 3 },
	    { "8:99 /b", "b", CUT, CONTAINER, 2 } } },
	{ "a rule matches both its path as configured and the path that links lead to",
	  "[Watch]\nPath=/var/run/x\n[Watch]\nPath=/link/a\n[Watch]\nPath=/var/run/*/y\n"
	  "[Watch]\nExcludePath=/var/run/x\n[Watch]\nPath=/link/*.c\n[Watch]\nPath=/self/opt\n"
	  "[Watch]\nPath=/self/*.d\n",
	  BASIC,
	  { { "254:0 /run/x", "/run/x", RES, HOST_NS, 1 },
	    { "254:0 /var/run/x", "/var/run/x", LEX, HOST_NS, 1 },
	    { NULL, "/var/run/x", LEX, HOST_NS, 1 },
	    { "254:0 /data/[x]/a", "/data/[x]/a", RES, HOST_NS, 2 | 8 },
	    { "254:0 /data/x/a", "/data/x/a", RES, HOST_NS, 8 },
	    { "254:0 /run/q/y", "/run/q/y", RES, HOST_NS, 4 | 8 },
	    { "254:0 /data/[x]/b.c", "/data/[x]/b.c", RES, HOST_NS, 8 | 16 },
	    { "254:0 /data/x/b.c", "/data/x/b.c", RES, HOST_NS, 8 },
	    { "254:0 /opt/x", "/opt/x", RES, HOST_NS, 8 | 32 },
	    { "254:0 /e.d", "/e.d", RES, HOST_NS, 8 | 64 } } },
	{ "the text decides if the mounts are not known",
	  "[Watch]\nPath=/srv\n[Watch]\nPath=/etc\n",
	  NULL,
	  { { "8:17 /a", "/srv/a", RES, HOST_NS, 1 },
	    { "8:17 /a", "/etc/a", RES, CONTAINER, 2 },
	    { "8:17 /a", "/opt/a", RES, CONTAINER, 0 } } },
};

#define N_MATCHES (sizeof(matches) / sizeof(matches[0]))

static void place_record(struct uw_record *record, const char *place)
{
	unsigned int major, minor;
	int at = 0;

	assert_true(sscanf(place, "%u:%u %n", &major, &minor, &at) >= 2);
	record->dev_known = true;
	record->dev = DEV(major, minor);
	if (at)
		record->fspath = (struct uw_str){ place + at, strlen(place + at) };
}

static struct uw_record *record_of(const struct deletion *d)
{
	static struct uw_record record;

	memset(&record, 0, sizeof(record));
	record.op = UW_OP_UNLINK;
	record.rules = UINT64_MAX;
	record.ret_known = true;
	record.path_state = d->state;
	record.path = (struct uw_str){ d->path, strlen(d->path) };
	record.task_known = true;
	record.mntns = d->mntns;
	record.dir_known = d->state == LEX;
	record.found = d->state == RES || d->state == CUT;
	if (d->mntns == KERNEL) {
		record.via = UW_VIA_KERNEL;
		record.mntns = HOST_NS;
		record.found = true;
	}
	record.detached = d->flags & DETACHED;
	record.casefold = d->flags & CASEFOLD;
	record.unplaced = d->flags & UNPLACED;
	record.moves_dir = d->flags & MOVE_DIR;
	record.fspath = (struct uw_str){ "", 0 };
	if (d->upper) {
		place_record(&record, d->upper);
		record.upper = record.fspath;
		record.upper_dev = record.dev;
		record.dev_known = false;
		record.fspath.len = 0;
	}
	if (d->place)
		place_record(&record, d->place);
	return &record;
}

static void test_match(void **state)
{
	const struct match *match = *state;
	struct compiled c = compile(match->config, match->mounts);

	check_keys(c.filter);
	for (size_t i = 0; i < 12 && match->deletions[i].path; i++) {
		const struct deletion *d = &match->deletions[i];
		struct uw_record *record = record_of(d);
		uint64_t kernel = UINT64_MAX;

		if (uw_filter_match(c.filter, record) != d->rules)
			fail_msg("%s %s: %#llx", d->place ? d->place : "-", d->path,
				 (unsigned long long)uw_filter_match(c.filter, record));
		if (record->found && d->state != CUT && !d->flags && !d->upper &&
		    record->fspath.len > 0)
			kernel = look_up(c.filter, record->dev, record->fspath.s,
					 record->fspath.len, false);
		assert_int_equal(d->rules & ~kernel, 0);
	}
	release(&c);
}

/* The table as text, "MAJOR:MINOR PATH=rules" for each entry. */
static void check_table(const char *config, const char *mounts, const char *expected)
{
	struct compiled c = compile(config, mounts);
	char text[4096] = "", *end = text;

	for (size_t i = 0; i < c.filter->tables.n_paths; i++) {
		const struct uw_path_entry *e = &c.filter->tables.paths[i];

		end += sprintf(end, "%u:%u %.*s=%llx ", e->key.dev >> 20, e->key.dev & 0xfffff,
			       (int)(e->key.prefixlen / 8 - 4), e->key.path,
			       (unsigned long long)e->value.rules);
	}
	assert_string_equal(text, expected);
	assert_int_equal(c.filter->tables.masks.check_paths, *expected != '\0');
	release(&c);
}

static void test_tables(void **state)
{
	(void)state;
	/* A place that a mount hides is in the table, too. */
	check_table("[Watch]\nPath=/srv/a\n", BASIC,
		    "0:50 /=0 8:17 /=0 8:17 /a/=1 254:0 /=0 254:0 /srv/=0 254:0 /srv/a/=1 ");
	check_table("[Watch]\nExcludePath=/srv/a\n", BASIC,
		    "0:50 /=1 8:17 /=1 8:17 /a/=0 254:0 /=1 ");
	check_table("[Watch]\nPath=/srv /srv/x\nExcludePath=/srv/tmp\n", ROOT_ONLY,
		    "8:1 /=0 8:1 /srv/=1 8:1 /srv/tmp/=0 ");
	check_table("[Watch]\nPath=/srv\n[Watch]\nPath=/srv/a\n[Watch]\nExcludePath=/srv/a/b\n",
		    ROOT_ONLY, "8:1 /=4 8:1 /srv/=5 8:1 /srv/a/=7 8:1 /srv/a/b/=3 ");
	/* A glob of Path= counts from its fixed part, and one of ExcludePath= not at all. */
	check_table("[Watch]\nPath=/srv/a*/b\nExcludePath=/srv/ab/*\n", ROOT_ONLY,
		    "8:1 /=0 8:1 /srv/=1 ");
	/* The other path of a bind mount counts, too, for Path= and for ExcludePath=. */
	check_table("[Watch]\nPath=/mnt\n[Watch]\nPath=/a\nExcludePath=/mnt/c\n",
		    ROOT_ONLY "2 1 8:1 /a/b /mnt rw - x x\n",
		    "8:1 /=0 8:1 /a/=2 8:1 /a/b/=3 8:1 /a/b/c/=1 8:1 /mnt/=1 ");
	/* Only rules without Path= match a place that no mount shows. */
	check_table("[Watch]\nPath=/\n[Watch]\nExcludePath=/a\n", "1 0 8:1 /@ / rw - x x\n",
		    "8:1 /=2 8:1 /@/=3 8:1 /@/a/=1 ");
	check_table("[Watch]\nPath=/a\nExcludePath=/a/b\n", ROOT_ONLY "2 1 8:2 / /a rw - x x\n",
		    "8:1 /=0 8:1 /a/=1 8:2 /=1 8:2 /b/=0 ");
}

/* `len` bytes of path, then "/" and two names. */
static void check_cut(size_t len)
{
	static char text[4096], base[512], path[600];
	struct compiled c;
	uint64_t rules;

	memset(base, 'x', len);
	base[0] = '/';
	base[len] = '\0';
	snprintf(text, sizeof(text),
		 "[Watch]\nPath=%s/a\n[Watch]\nPath=%s/b\nExcludePath=%s/b/c\n[Watch]\nPath=/y\n"
		 "[Watch]\nPath=/\nExcludePath=%s/b\n",
		 base, base, base, base);
	c = compile(text, ROOT_ONLY);
	check_keys(c.filter);
	for (const char *const *end =
		     (const char *const[]){ "/a", "/b", "/b/c", "/d", "/a/e", NULL };
	     *end; end++) {
		struct deletion d = { .path = "/q", .state = RES, .mntns = CONTAINER };
		struct uw_record *record = record_of(&d);

		snprintf(path, sizeof(path), "%s%s", base, *end);
		record->dev_known = true;
		record->dev = DEV(8, 1);
		record->fspath = (struct uw_str){ path, strlen(path) };
		rules = uw_filter_match(c.filter, record);
		for (int letter = 0; letter < 2; letter++) {
			uint64_t kernel =
				look_up(c.filter, record->dev, path, strlen(path), letter);

			assert_int_equal(rules & ~kernel, 0);
			assert_int_equal(kernel & 4, 0);
			if (strlen(path) < UW_KEY_PATH - 1)
				assert_int_equal(kernel, rules);
		}
	}
	release(&c);
}

static void test_cuts(void **state)
{
	(void)state;
	for (size_t len = 230; len < 260; len++)
		check_cut(len);
}

static void test_no_table(void **state)
{
	(void)state;
	check_table("", BASIC, "");
	check_table("[Watch]\nPath=/\n[Watch]\nUser=root\n", "1 0 8:1 / / rw - x x\n", "");
	check_table("[Watch]\nExcludePath=/**/*.o\n", BASIC, "");
	check_table("[Watch]\nPath=/srv\n", NULL, "");
	check_table("[Watch]\nPath=/srv\n", "", "");
}

/* Only records from the host's namespace have a path of the host when the mounts have changed.
 */
static void test_match_path(void **state)
{
	static const struct deletion deletions[] = {
		{ "8:17 /gone", "/srv/a", RES, HOST_NS, 1 },
		{ "8:17 /gone", "/srv/no/a", RES, HOST_NS, 0 },
		{ NULL, "/srv/a", LEX, HOST_NS, 1 },
		{ "8:17 /gone", "/etc/a", RES, HOST_NS, 2 },
		{ "8:17 /gone", "/opt/a", RES, HOST_NS, 4 },
		{ "8:17 /gone", "/srv/a", RES, CONTAINER, 0 },
		{ "8:17 /gone", "/srv/a", UW_PATH_TRUNCATED, HOST_NS, 0 },
		{ NULL, "", UW_PATH_UNKNOWN, HOST_NS, 0 },
	};
	struct compiled c = compile("[Watch]\nPath=/srv\nExcludePath=/srv/no\n"
				    "[Watch]\nPath=/etc\n"
				    "[Watch]\nExcludePath=/srv /etc\n",
				    "1 0 8:1 / / rw - x x\n");

	(void)state;
	for (size_t i = 0; i < sizeof(deletions) / sizeof(deletions[0]); i++)
		assert_int_equal(uw_filter_match_path(c.filter, record_of(&deletions[i])),
				 deletions[i].rules);
	uw_filter_set_mntns(c.filter, CONTAINER);
	assert_int_equal(uw_filter_match_path(c.filter, record_of(&deletions[0])), 0);
	assert_int_equal(uw_filter_match_path(c.filter, record_of(&deletions[5])), 1);
	release(&c);
}

static void test_host_path(void **state)
{
	static const struct deletion two = { "254:0 /home/data/x", "/q/x", RES, CONTAINER, 0 },
				     none = { "0:99 /x", "/x", RES, CONTAINER, 0 },
				     hidden = { "254:0 /srv/x", "/x", RES, CONTAINER, 0 },
				     half = { "8:1 /a/x", "/x", RES, CONTAINER, 0 };
	struct compiled c = compile("[Watch]\nPath=/home\n[Watch]\nPath=/srv2\n", BASIC);
	static struct uw_host_paths paths;
	size_t len;

	(void)state;
	assert_true(uw_filter_host_path(c.filter, record_of(&two), 1, &paths, &len));
	assert_string_equal(paths.path, "/home/data/x");
	assert_int_equal(len, 12);
	assert_true(uw_filter_host_path(c.filter, record_of(&two), 2, &paths, &len));
	assert_string_equal(paths.path, "/srv2/x");
	assert_true(uw_filter_host_path(c.filter, record_of(&two), 0, &paths, &len));
	assert_false(uw_filter_host_path(c.filter, record_of(&none), 3, &paths, &len));
	assert_true(uw_filter_host_path(c.filter, record_of(&hidden), 0, &paths, &len));
	assert_string_equal(paths.path, "/srv/x");
	release(&c);

	/* A visible path is better, unless a rule covers a hidden one alone. */
	c = compile("[Watch]\nPath=/a\n[Watch]\nPath=/b\n",
		    ROOT_ONLY "2 1 8:2 / /a rw - x x\n3 1 8:1 /a /b rw - x x\n");
	assert_true(uw_filter_host_path(c.filter, record_of(&half), 0, &paths, &len));
	assert_string_equal(paths.path, "/b/x");
	assert_true(uw_filter_host_path(c.filter, record_of(&half), 3, &paths, &len));
	assert_string_equal(paths.path, "/b/x");
	assert_true(uw_filter_host_path(c.filter, record_of(&half), 1, &paths, &len));
	assert_string_equal(paths.path, "/a/x");
	release(&c);
}

/* ---- random mounts and rules */

static uint32_t random_bits(void)
{
	static uint64_t seed = 42;

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 32);
}

#define MOUNTS	  12
#define ROOM	  1024
#define LONG_NAME 90

struct naive_mount {
	int parent; /* index; the id is the index plus 10 */
	uint32_t dev;
	char root[ROOM], point[ROOM]; /* the root directory is "" */
};

struct world {
	struct naive_mount mount[MOUNTS];
	int n;
	bool long_names;
};

/* Long ones share their beginning. */
static void random_path(const struct world *world, char *buf, unsigned int max_depth)
{
	static const char *const names[] = { "a", "b", "a.b", "c", "ab" };
	char *end = buf;

	*end = '\0';
	for (uint32_t n = random_bits() % (max_depth + 1); n > 0; n--) {
		*end++ = '/';
		if (world->long_names && random_bits() % 2) {
			memset(end, 'l', LONG_NAME);
			end += LONG_NAME;
		}
		end += sprintf(end, "%s", names[random_bits() % 5]);
	}
}

static int mounted_at(const struct world *world, int parent, const char *path, size_t len)
{
	for (int i = world->n - 1; i > 0; i--)
		if (world->mount[i].parent == parent && strlen(world->mount[i].point) == len &&
		    !memcmp(world->mount[i].point, path, len))
			return i;
	return -1;
}

/* Walks like the kernel, which enters what is mounted at each component. */
static int walk(const struct world *world, const char *path)
{
	size_t len = 0;
	int at = 0, next;

	for (;;) {
		while ((next = mounted_at(world, at, path, len)) >= 0)
			at = next;
		if (path[len] == '\0')
			return at;
		len += 1 + strcspn(path + len + 1, "/");
	}
}

static void inner_path(const struct naive_mount *m, const char *path, char *buf)
{
	size_t n = strlen(m->root);

	memcpy(buf, m->root, n);
	strcpy(buf + n, path + strlen(m->point));
}

static void random_world(struct world *world)
{
	char source[ROOM];
	int n = 1 + (int)(random_bits() % MOUNTS);

	*world = (struct world){ .long_names = random_bits() % 3 == 0 };
	world->mount[0].dev = DEV(8, 1);
	if (random_bits() % 4 == 0)
		strcpy(world->mount[0].root, "/a");
	for (world->n = 1; world->n < n; world->n++) {
		struct naive_mount *m = &world->mount[world->n];

		random_path(world, m->point, 3);
		m->parent = walk(world, m->point);
		m->dev = DEV(8, 1 + random_bits() % 4);
		if (random_bits() % 2)
			continue;
		random_path(world, source, 3); /* a bind mount */
		m->dev = world->mount[walk(world, source)].dev;
		inner_path(&world->mount[walk(world, source)], source, m->root);
	}
}

static char *world_text(const struct world *world)
{
	int order[MOUNTS];
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	for (int i = 0; i < world->n; i++) {
		int j = (int)(random_bits() % (uint32_t)(i + 1));

		order[i] = order[j];
		order[j] = i;
	}
	for (int i = 0; i < world->n; i++) {
		const struct naive_mount *m = &world->mount[order[i]];

		fprintf(f, "%d %d %u:%u %s %s rw shared:1 - ext4 x rw\n", order[i] + 10,
			order[i] ? m->parent + 10 : 1, m->dev >> 20, m->dev & 0xfffff,
			*m->root ? m->root : "/", *m->point ? m->point : "/");
	}
	fclose(f);
	return text;
}

static bool below(const char *dir, const char *path)
{
	size_t n = strlen(dir);

	return !strncmp(dir, path, n) && (path[n] == '\0' || path[n] == '/');
}

static bool any_covers(const struct uw_paths *paths, const char *path)
{
	for (size_t i = 0; i < paths->n; i++) {
		struct uw_pattern pattern = uw_pattern_of(paths->path[i]);

		if (uw_pattern_covers(&pattern, path, strlen(path)))
			return true;
	}
	return false;
}

static uint64_t naive_rules(const struct world *world, const struct uw_config *config, uint32_t dev,
			    const char *inner)
{
	uint64_t included = 0, excluded = 0;
	char path[2 * ROOM];

	for (size_t r = 0; r < config->n_rules; r++)
		if (config->rules[r].path.n == 0)
			included |= UINT64_C(1) << r;
	for (int i = 0; i < world->n; i++) {
		const struct naive_mount *m = &world->mount[i];

		if (m->dev != dev || !below(m->root, inner))
			continue;
		snprintf(path, sizeof(path), "%s%s", m->point, inner + strlen(m->root));
		for (size_t r = 0; r < config->n_rules; r++) {
			included |= (uint64_t)any_covers(&config->rules[r].path, path) << r;
			if (walk(world, path) != i)
				continue;
			excluded |= (uint64_t)any_covers(&config->rules[r].exclude, path) << r;
		}
	}
	return included & ~excluded;
}

#define RULES 4

static int tops; /* that were found */

struct random_config {
	struct uw_config config;
	struct uw_rule rules[RULES];
	bool globs;
};

static void random_list(const struct world *world, struct random_config *rc, struct uw_paths *list)
{
	list->n = random_bits() % 4;
	list->path = calloc(list->n + 1, sizeof(*list->path));
	assert_non_null(list->path);
	for (size_t i = 0; i < list->n; i++) {
		char path[ROOM];

		random_path(world, path, 4);
		if (!*path)
			strcpy(path, "/");
		if (rc->globs && random_bits() % 2)
			strcat(path, strcmp(path, "/") ? "/*b" : "**/c");
		list->path[i] = strdup(path);
		assert_non_null(list->path[i]);
	}
}

static void random_rules(const struct world *world, struct random_config *rc)
{
	*rc = (struct random_config){ .globs = random_bits() % 3 == 0 };
	rc->config = (struct uw_config){ .rules = rc->rules, .n_rules = 1 + random_bits() % RULES };
	for (size_t i = 0; i < rc->config.n_rules; i++) {
		rc->rules[i] = (struct uw_rule){
			.user = { .any = true },
			.operations = UW_OPERATIONS_ALL,
			.results = UW_RESULT_ANY,
		};
		random_list(world, rc, &rc->rules[i].path);
		random_list(world, rc, &rc->rules[i].exclude);
	}
}

static void free_list(struct uw_paths *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->path[i]);
	free(list->path);
}

static void free_rules(struct random_config *rc)
{
	for (size_t i = 0; i < rc->config.n_rules; i++) {
		free_list(&rc->rules[i].path);
		free_list(&rc->rules[i].exclude);
	}
}

static bool dev_is_known(const struct world *world, uint32_t dev)
{
	for (int i = 0; i < world->n; i++)
		if (world->mount[i].dev == dev)
			return true;
	return false;
}

/* Below the top of a record, other names have the same rules, and the same place on the host. */
static void check_top(const struct world *world, const struct uw_filter *filter,
		      struct uw_record *record, uint64_t expected)
{
	char inner[2 * ROOM], path[2 * ROOM], more[ROOM];
	static struct uw_host_paths host, other;
	size_t host_len, other_len, top, rest, above;

	if (record->fspath.len == 1) /* nobody deletes a root */
		return;
	snprintf(path, sizeof(path), "/m%.*s", (int)record->fspath.len, record->fspath.s);
	record->path = (struct uw_str){ path, strlen(path) };
	top = uw_filter_top(filter, record);
	if (!top)
		return;
	tops++;
	rest = record->path.len - top;
	assert_int_equal(path[top], '/');
	if (!uw_filter_host_path(filter, record, expected, &host, &host_len))
		host_len = 0;
	above = record->fspath.len - rest;
	memcpy(inner, record->fspath.s, above);
	for (int i = 0; i < 6; i++) {
		do
			random_path(world, more, 3);
		while (!*more);
		strcpy(inner + above, more);
		record->fspath = (struct uw_str){ inner, strlen(inner) };
		assert_int_equal(uw_filter_match(filter, record), expected);
		if (!uw_filter_host_path(filter, record, expected, &other, &other_len))
			other_len = 0;
		assert_int_equal(!host_len, !other_len);
		if (host_len) {
			assert_int_equal(host_len - rest, other_len - strlen(more));
			assert_memory_equal(host.path, other.path, host_len - rest);
		}
	}
}

static void check_deletion(const struct world *world, const struct random_config *rc,
			   const struct uw_filter *filter)
{
	struct deletion d = { .path = "/x", .state = RES, .mntns = CONTAINER };
	uint64_t all = (UINT64_C(1) << rc->config.n_rules) - 1, expected, kernel, letter;
	struct uw_record *record = record_of(&d);
	char inner[ROOM];

	record->dev_known = true;
	record->dev = DEV(8, 1 + random_bits() % 5);
	random_path(world, inner, 6);
	expected = naive_rules(world, &rc->config, record->dev, inner);
	kernel = look_up(filter, record->dev, inner, strlen(inner), false) & all;
	letter = look_up(filter, record->dev, inner, strlen(inner), true) & all;
	if (!*inner)
		strcpy(inner, "/");
	record->fspath = (struct uw_str){ inner, strlen(inner) };
	assert_int_equal(uw_filter_match(filter, record), expected);
	assert_int_equal(expected & ~kernel, 0);
	assert_int_equal(expected & ~letter, 0);
	if (!dev_is_known(world, record->dev))
		assert_int_equal(kernel, all);
	else if (!rc->globs && !world->long_names)
		assert_int_equal(kernel, expected);
	check_top(world, filter, record, expected);
}

static void test_random(void **state)
{
	static struct world world;
	struct random_config rc;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		struct uw_filter_env env = { .mntns = HOST_NS };
		struct uw_mounts *mounts;
		struct uw_filter *filter;
		char *text;

		random_world(&world);
		random_rules(&world, &rc);
		text = world_text(&world);
		assert_int_equal(uw_mounts_parse(text, strlen(text), &mounts), 0);
		env.mounts = mounts;
		assert_int_equal(uw_filter_new(&rc.config, 1, &env, &filter), 0);
		check_keys(filter);
		for (int n = 0; n < 60; n++)
			check_deletion(&world, &rc, filter);
		uw_filter_free(filter);
		uw_mounts_free(mounts);
		free_rules(&rc);
		free(text);
	}
	assert_true(tops > 1000);
}

/* ---- many */

static uint64_t cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

#define MANY 10000

static char *many_mounts(size_t n)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	fprintf(f, "1 0 8:1 / / rw - x x\n2 1 8:2 / /srv rw - x x\n"
		   "3 1 8:2 /d /mnt/bind rw - x x\n");
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%zu 1 0:%zu / /run/m/%zu rw - x x\n", i + 4, i + 100, i);
	fclose(f);
	return text;
}

static void check_many(const struct uw_filter *filter, uint64_t rules)
{
	static const size_t picks[] = { 0, 1, 9, 99, 4711, 9998, 9999 };
	char path[64];

	for (size_t i = 0; i < sizeof(picks) / sizeof(picks[0]); i++) {
		int len = snprintf(path, sizeof(path), "/d/%zu/data", picks[i]);

		assert_int_equal(look_up(filter, DEV(8, 2), path, (size_t)len, false), rules);
		strcat(path, "/x/y");
		assert_int_equal(look_up(filter, DEV(8, 2), path, (size_t)len + 4, false), rules);
		assert_int_equal(look_up(filter, DEV(8, 2), path, (size_t)len - 1, false), 0);
	}
	assert_int_equal(look_up(filter, DEV(0, 100 + 77), "/x", 2, false), 0);
	assert_int_equal(look_up(filter, DEV(0, 99), "/x", 2, false), UINT64_MAX);
}

/* The limit allows for a build with sanitizers. */
static void compile_many(size_t n_rules, size_t n_mounts)
{
	struct uw_rule *rules = calloc(n_rules, sizeof(*rules));
	struct uw_config config = { .rules = rules, .n_rules = n_rules };
	struct uw_filter_env env = { .mntns = HOST_NS };
	char *text = many_mounts(n_mounts), **paths = calloc(MANY, sizeof(*paths));
	struct uw_mounts *mounts;
	struct uw_filter *filter;
	uint64_t start;

	assert_non_null(rules);
	assert_non_null(paths);
	for (size_t i = 0; i < MANY; i++)
		assert_true(asprintf(&paths[i], "/srv/d/%zu/data", i * 7919 % MANY) > 0);
	for (size_t i = 0; i < n_rules; i++) {
		rules[i].user.any = true;
		rules[i].path = (struct uw_paths){ paths + i * (MANY / n_rules), MANY / n_rules };
	}
	assert_int_equal(uw_mounts_parse(text, strlen(text), &mounts), 0);
	env.mounts = mounts;
	start = cpu_ms();
	assert_int_equal(uw_filter_new(&config, 1, &env, &filter), 0);
	assert_true(cpu_ms() - start < 1000);
	if (n_rules == 1)
		check_many(filter, 1);
	uw_filter_free(filter);
	uw_mounts_free(mounts);
	for (size_t i = 0; i < MANY; i++)
		free(paths[i]);
	free(paths);
	free(rules);
	free(text);
}

static void test_many(void **state)
{
	(void)state;
	compile_many(1, 100);
	compile_many(50, 100);
	compile_many(1, 10000);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		{ "places become keys, except those that would change nothing", test_tables, NULL,
		  NULL, NULL },
		{ "a key that was cut excludes no rule of any place that it may stand for",
		  test_cuts, NULL, NULL, NULL },
		{ "the table is empty if paths decide nothing", test_no_table, NULL, NULL, NULL },
		{ "the path of a host process decides if the mounts have changed", test_match_path,
		  NULL, NULL, NULL },
		{ "the host path of a record is one that the rule covers", test_host_path, NULL,
		  NULL, NULL },
		{ "random mounts and rules give the results of a walk", test_random, NULL, NULL,
		  NULL },
		{ "ten thousand paths are compiled in less than a second of CPU time", test_many,
		  NULL, NULL, NULL },
	};
	static struct CMUnitTest tests[N_MATCHES + sizeof(others) / sizeof(others[0])];

	for (size_t i = 0; i < N_MATCHES; i++)
		tests[i] = (struct CMUnitTest){ matches[i].title, test_match, NULL, NULL,
						(void *)(uintptr_t)&matches[i] };
	memcpy(tests + N_MATCHES, others, sizeof(others));
	return cmocka_run_group_tests_name("filter paths", tests, NULL, NULL);
}
