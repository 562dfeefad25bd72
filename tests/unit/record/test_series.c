// SPDX-License-Identifier: MIT
/*
 * Tests of daemon/record/series.c: which event a series goes on with, and what it makes of it. That
 * this is what a record of the event has is the promise that fuzz_manifest checks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record/series.h"

#define DIR "/srv/tree/src"

/* An event, as it lies in the ring buffer. */
struct bytes {
	struct uw_event ev;
	char strings[1024];
	size_t size;
};

static struct uw_record record;
static struct uw_series series;
static struct bytes first, next;

static void add(struct bytes *b, enum uw_string which, const char *s)
{
	memcpy((char *)&b->ev + b->size, s, strlen(s));
	b->ev.len[which] = (__u16)strlen(s);
	b->size += strlen(s);
	b->ev.size = (__u32)b->size;
}

/* rm deletes a file of a tree that is mounted at /srv. */
static void begin(struct bytes *b, const char *name, const char *path)
{
	*b = (struct bytes){ .size = sizeof(b->ev) };
	b->ev.abi = UW_ABI;
	b->ev.op = UW_OP_UNLINK;
	b->ev.probe = UW_PROBE_FENTRY;
	b->ev.via = UW_VIA_SYSCALL;
	b->ev.flags = UW_EV_RESOLVED | UW_EV_FS | UW_EV_INODE | UW_EV_TASK;
	b->ev.gen = 3;
	b->ev.tree = 5;
	b->ev.rules = 1;
	b->ev.pid = b->ev.tid = 77;
	b->ev.dev = 0x800001;
	b->ev.enter_ns = 1000;
	b->ev.exit_ns = 2000;
	b->ev.file = (struct uw_file){ .ino = 10, .bytes = 100, .mode = 0100644, .nlink = 1 };
	b->ev.below = (__u16)(strlen(path) - strlen("/srv"));
	strcpy(b->ev.comm, "rm");
	add(b, UW_STR_NAME, name);
	add(b, UW_STR_FSROOT, "/sub");
	add(b, UW_STR_PATH, path);
}

static void end(struct bytes *b, const char *exe)
{
	add(b, UW_STR_EXE, exe);
	add(b, UW_STR_CMDLINE, "rm");
	add(b, UW_STR_CGROUP, "/user.slice");
}

/* Makes a series of the first event, whose top is /srv/tree, and /host/tree on the host. */
static int set_up(void **state)
{
	static const char host[] = "/host/tree/src/a.c";
	struct uw_entry entry = { .record = &record, .matches = 1, .detail = UW_DETAIL_STANDARD };

	(void)state;
	begin(&first, "a.c", DIR "/a.c");
	end(&first, "/usr/bin/rm");
	if (uw_record_decode(&first.ev, first.size, &record) < 0)
		return -1;
	assert_false(uw_series_has(&series, &entry));
	uw_buf_puts(&series.fields, "\3X=1");
	uw_series_set_top(&series, &entry, strlen("/srv/tree"),
			  (struct uw_str){ host, strlen(host) });
	assert_true(uw_series_has(&series, &entry));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	uw_series_done(&series);
	return 0;
}

static bool goes_on(struct uw_name *name)
{
	struct uw_str path;

	return uw_series_goes_on(&series, &next.ev, next.size, name, &path);
}

static void check(struct uw_str s, const char *want)
{
	if (s.len != strlen(want) || memcmp(s.s, want, s.len) != 0)
		fail_msg("%.*s, expected: %s", (int)s.len, s.s, want);
}

static void test_goes_on(void **state)
{
	struct uw_name name;

	(void)state;
	begin(&next, "other", "/srv/tree/include/linux/other");
	end(&next, "/usr/bin/rm");
	next.ev.file.ino = 11;
	next.ev.file.bytes = 5000;
	next.ev.exit_ns = 9000;
	next.ev.dfd = 12;
	assert_true(goes_on(&name));
	check(name.name, "other");
	check(name.dir, "/srv/tree/include/linux");
	check(name.host_dir, "/host/tree/include/linux");
	check(name.fields, "\3X=1");
	assert_true(name.file_known && !name.failed && !name.by_path && name.more.len == 0);
	assert_int_equal(name.op, UW_OP_UNLINK);
	assert_int_equal(name.ino, 11);
	assert_int_equal(name.bytes, 5000);

	begin(&next, "/srv/tree/x", "/srv/tree/x");
	end(&next, "/usr/bin/rm");
	assert_true(goes_on(&name));
	check(name.name, "x");
	check(name.dir, "/srv/tree");
	check(name.host_dir, "/host/tree");
	assert_true(name.by_path);
}

static void test_outside(void **state)
{
	/* Another tree, a name that only begins alike, the top itself, and names of other forms. */
	static const char *const others[][2] = {
		{ "x", "/srv/other/x" },      { "tree2", "/srv/tree2" },
		{ "tree", "/srv/tree" },      { "src/x", "/srv/tree/src/x" },
		{ "y", "/srv/tree/src/x" },   { "", "/srv/tree/src/x" },
		{ "/srv/x", "/srv/tree/x" },  { "", "/srv/tree/" },
		{ "./x", "/srv/tree/src/x" },
	};
	struct uw_name name;

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		begin(&next, others[i][0], others[i][1]);
		end(&next, "/usr/bin/rm");
		assert_false(goes_on(&name));
	}
	begin(&next, "x", "/srv/tree/src/x");
	end(&next, "/usr/bin/mv");
	assert_false(goes_on(&name));
	begin(&next, "x", "/srv/tree/src/x");
	add(&next, UW_STR_ROOT, "/");
	end(&next, "/usr/bin/rm");
	assert_false(goes_on(&name));
}

/* Whatever else differs needs a record. So no byte may, but those that are a deletion's own. */
static void test_every_byte(void **state)
{
	static const struct {
		size_t at, len;
	} own[] = {
#define OWN(member) { offsetof(struct uw_event, member), sizeof(first.ev.member) }
		OWN(exit_ns),	 OWN(dfd),	   OWN(other_dfd),   OWN(file.ino),
		OWN(file.bytes), OWN(file.origin), OWN(other_below),
#undef OWN
	};
	struct uw_name name;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(first.ev); i++) {
		bool is_own = false;

		for (k = 0; k < sizeof(own) / sizeof(own[0]); k++)
			is_own = is_own || (i >= own[k].at && i < own[k].at + own[k].len);
		next = first;
		((unsigned char *)&next.ev)[i] ^= 0x40;
		/* The two times are compared with each other. */
		if (i >= offsetof(struct uw_event, enter_ns) &&
		    i < offsetof(struct uw_event, enter_ns) + sizeof(first.ev.enter_ns))
			continue;
		if (goes_on(&name) != is_own)
			fail_msg("byte %zu", i);
	}
	for (i = 0; i <= first.size; i++) {
		next = first;
		next.size = i;
		next.ev.size = (__u32)i;
		assert_int_equal(goes_on(&name), i == first.size);
	}
}

/* What is sent of the next event, if it follows the first. */
static bool part_goes_on(const struct uw_event *followed, struct uw_name *name)
{
	struct {
		struct uw_next part;
		char strings[sizeof(next.strings)];
	} sent = { .part = { .below = next.ev.below,
			     .origin = 4,
			     .nlink = next.ev.file.nlink,
			     .since = first.ev.exit_ns,
			     .enter_ns = next.ev.enter_ns,
			     .exit_ns = next.ev.exit_ns,
			     .ino = next.ev.file.ino,
			     .bytes = next.ev.file.bytes } };
	struct uw_str path;

	memcpy(sent.part.len, next.ev.len, sizeof(sent.part.len));
	memcpy(sent.strings, next.strings, sizeof(sent.strings));
	return uw_series_goes_on_next(&series, &sent.part, followed, name, &path);
}

static void test_part(void **state)
{
	struct uw_entry entry = { .record = &record, .matches = 1, .detail = UW_DETAIL_STANDARD };
	struct bytes other = first;
	struct uw_name name;

	(void)state;
	begin(&next, "other", "/srv/tree/include/linux/other");
	next.ev.file.ino = 11;
	next.ev.file.bytes = 5000;
	next.ev.exit_ns = 9000;
	other.ev.pid++;
	assert_false(part_goes_on(&other.ev, &name));
	other = first;
	other.ev.tree++;
	assert_false(part_goes_on(&other.ev, &name));
	other = first;
	memcpy(other.strings + other.size - sizeof(other.ev) - strlen("/user.slice"), "/uses", 5);
	assert_false(part_goes_on(&other.ev, &name));
	/* The first of a storm may have been recorded, so that the series began with another one. */
	other = first;
	other.ev.exit_ns++;
	assert_true(part_goes_on(&other.ev, &name));
	check(name.name, "other");
	check(name.dir, "/srv/tree/include/linux");
	check(name.host_dir, "/host/tree/include/linux");
	check(name.fields, "\3X=1");
	assert_int_equal(name.ino, 11);
	assert_int_equal(name.bytes, 5000);
	next.ev.file.nlink++;
	assert_false(part_goes_on(&other.ev, &name));
	next.ev.file.nlink--;
	next.ev.below--;
	assert_false(part_goes_on(&other.ev, &name));
	next.ev.below++;
	/* That it was like the series does not hold for the next top. */
	uw_series_set_top(&series, &entry, strlen("/srv/tree"), (struct uw_str){ "", 0 });
	assert_true(part_goes_on(&other.ev, &name));
	uw_series_set_top(&series, &entry, strlen("/srv/tree"), (struct uw_str){ "", 0 });
	other.ev.pid++;
	assert_false(part_goes_on(&other.ev, &name));
	uw_series_set_top(&series, &entry, 0, (struct uw_str){ "", 0 });
	assert_false(part_goes_on(&first.ev, &name));
}

static void test_no_top(void **state)
{
	struct uw_entry entry = { .record = &record, .matches = 1, .detail = UW_DETAIL_STANDARD };
	static const char host[] = "/a.c";
	struct uw_name name;

	(void)state;
	next = first;
	assert_true(goes_on(&name));
	uw_series_set_top(&series, &entry, 0, (struct uw_str){ "", 0 });
	assert_false(goes_on(&name));
	/* Above the mount point, the path within the file system does not follow the path. */
	uw_series_set_top(&series, &entry, 3, (struct uw_str){ "", 0 });
	assert_false(goes_on(&name));
	/* A path on the host that ends otherwise, or that has no directory. */
	uw_series_set_top(&series, &entry, strlen("/srv/tree"),
			  (struct uw_str){ "/host/tree/src/b.c", 18 });
	assert_false(goes_on(&name));
	uw_series_set_top(&series, &entry, strlen(DIR), (struct uw_str){ host, strlen(host) });
	assert_false(goes_on(&name));
	uw_series_set_top(&series, &entry, strlen(DIR), (struct uw_str){ "", 0 });
	assert_true(goes_on(&name));
	check(name.host_dir, "");
	/* Other rules want it. */
	entry.matches = 2;
	assert_false(uw_series_has(&series, &entry));
	assert_false(goes_on(&name));
}

int main(void)
{
#define TEST(title, function)                            \
	{                                                \
		title, function, set_up, tear_down, NULL \
	}
	const struct CMUnitTest tests[] = {
		TEST("goes on with another file below the top", test_goes_on),
		TEST("does not go on with another place or process", test_outside),
		TEST("compares each byte that is not a deletion's own", test_every_byte),
		TEST("goes on with a part of an event", test_part),
		TEST("goes on with nothing where the rules do not decide by directory",
		     test_no_top),
	};

	return cmocka_run_group_tests_name("series", tests, NULL, NULL);
}
