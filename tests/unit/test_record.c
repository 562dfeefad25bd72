// SPDX-License-Identifier: MIT
/*
 * Tests of daemon/record.c. Every event lies in memory of exactly its size, so that the address
 * sanitizer finds a read behind it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define STRINGS	   sizeof(struct uw_event)
#define LONGEST	   (UW_PATH_MAX - 1)

static const struct uw_event model = {
	.abi = UW_ABI,
	.op = UW_OP_UNLINK,
	.probe = UW_PROBE_KPROBE,
	.flags = UW_EV_DIR_WALKED | UW_EV_PPID,
	.gen = 7,
	.rules = 0x8000000000000001,
	.enter_ns = 1000,
	.exit_ns = 2500,
	.ret = -EACCES,
	.pid = 4242,
	.tid = 4243,
	.ppid = 17,
	.uid = 1000,
	.gid = 100,
	.dfd = AT_FDCWD,
	.comm = "rm",
};

/* The event with these strings, its lengths and size set to match. The caller frees it. */
static unsigned char *build(const struct uw_event *ev, const void *name, size_t name_len,
			    const void *dir, size_t dir_len, size_t *ret_size)
{
	struct uw_event head = *ev;
	unsigned char *data;

	*ret_size = STRINGS + name_len + dir_len;
	data = malloc(*ret_size);
	assert_non_null(data);
	head.size = (__u32)*ret_size;
	head.name_len = (__u16)name_len;
	head.dir_len = (__u16)dir_len;
	memcpy(data, &head, sizeof(head));
	if (name_len)
		memcpy(data + STRINGS, name, name_len);
	if (dir_len)
		memcpy(data + STRINGS + name_len, dir, dir_len);
	return data;
}

static bool inside(struct uw_str s, const void *data, size_t size)
{
	uintptr_t from = (uintptr_t)data, at = (uintptr_t)s.s;

	return at >= from && at <= from + size && s.len <= from + size - at;
}

/* What holds of every record, however odd the event was. Returns NULL or what does not hold. */
static const char *broken(const struct uw_record *r, const void *data, size_t size)
{
	size_t i, start;

	if (!inside(r->comm, data, size) || r->comm.len > UW_COMM_LEN)
		return "comm lies outside the event";
	if (!inside(r->name, data, size) || !inside(r->dir, data, size))
		return "a string lies outside the event";
	if (!inside(r->path, r->buffer, sizeof(r->buffer)))
		return "the path lies outside its buffer";
	if (memchr(r->path.s, '\0', r->path.len))
		return "the path holds a NUL";
	if (r->op < UW_OP_UNLINK || r->op >= UW_OP_MAX || r->probe < UW_PROBE_KPROBE ||
	    r->probe >= UW_PROBE_MAX)
		return "an operation or a probe that there is not";
	if (r->exit_ns < r->enter_ns)
		return "it ends before it begins";
	if (!r->ret_known && r->ret)
		return "a result that is not known has a value";
	if (r->path_state == UW_PATH_UNKNOWN)
		return r->path.len ? "there is a path, but it is unknown" : NULL;
	if (!r->path.len || r->path.s[0] != '/')
		return "the path is not absolute";
	if ((r->name_cut || r->dir_cut) && r->path_state != UW_PATH_TRUNCATED)
		return "the path was cut and does not say so";
	if (!r->dir_known && r->path_state == UW_PATH_LEXICAL)
		return "the path is certain, but nobody walked to where it starts";
	if (r->path.len == 1)
		return NULL;
	for (start = 1, i = 1; i <= r->path.len; i++) {
		if (i < r->path.len && r->path.s[i] != '/')
			continue;
		if (i == start)
			return "the path has an empty component";
		if (i == start + 1 && r->path.s[start] == '.')
			return "the path has a component .";
		if (i == start + 2 && !memcmp(r->path.s + start, "..", 2))
			return "the path has a component ..";
		start = i + 1;
	}
	return NULL;
}

/* ---- what is refused */

struct patch {
	size_t at;
	unsigned int width;
	uint64_t value;
};

#define FIELD(field, number)                                                             \
	{                                                                                \
		offsetof(struct uw_event, field), sizeof(((struct uw_event *)0)->field), \
			(uint64_t)(number)                                               \
	}
#define BYTE(offset, number)                    \
	{                                       \
		STRINGS + (offset), 1, (number) \
	}

/* Of an event with the name "file" and the directory "/srv": 104 bytes. */
static const struct rejected {
	const char *title;
	struct patch patch[2];
	int more;		  /* bytes delivered beyond those of the event */
	size_t name_len, dir_len; /* other than 4 */
} rejected[] = {
	{ "refuses no bytes at all", .more = -104 },
	{ "refuses a single byte", .more = -103 },
	{ "refuses a header that lacks its last byte", .more = -9 },
	{ "refuses a header without the strings that it announces", .more = -8 },
	{ "refuses an event that lacks its last byte", .more = -1 },
	{ "refuses an event with a byte too many", .more = 1 },
	{ "refuses an event with a byte too many that its size includes",
	  { FIELD(size, 105) },
	  .more = 1 },
	{ "refuses an event with a byte too few that its size allows for",
	  { FIELD(size, 103) },
	  .more = -1 },
	{ "refuses a size of 0", { FIELD(size, 0) } },
	{ "refuses a size that is one too small", { FIELD(size, 103) } },
	{ "refuses a size that is one too large", { FIELD(size, 105) } },
	{ "refuses the largest size there is", { FIELD(size, UINT32_MAX) } },
	{ "refuses the ABI 0", { FIELD(abi, 0) } },
	{ "refuses the ABI to come", { FIELD(abi, UW_ABI + 1) } },
	{ "refuses an ABI that agrees in the low byte only", { FIELD(abi, UW_ABI + 0x100) } },
	{ "refuses the operation 0", { FIELD(op, 0) } },
	{ "refuses the operation behind the last", { FIELD(op, UW_OP_MAX) } },
	{ "refuses the operation 255", { FIELD(op, 255) } },
	{ "refuses the probe 0", { FIELD(probe, 0) } },
	{ "refuses the probe behind the last", { FIELD(probe, UW_PROBE_MAX) } },
	{ "refuses the probe 255", { FIELD(probe, 255) } },
	{ "refuses the first flag that has no meaning", { FIELD(flags, UW_EV_FLAGS + 1) } },
	{ "refuses the highest flag", { FIELD(flags, 1U << 31) } },
	{ "refuses an unknown flag among known ones", { FIELD(flags, UW_EV_FLAGS | 1U << 15) } },
	{ "refuses a return just before the entry", { FIELD(exit_ns, 999) } },
	{ "refuses a return at time 0", { FIELD(exit_ns, 0) } },
	{ "refuses an entry at the end of time", { FIELD(enter_ns, UINT64_MAX) } },
	{ "refuses a result one above the largest int", { FIELD(ret, (int64_t)INT_MAX + 1) } },
	{ "refuses a result one below the smallest int", { FIELD(ret, (int64_t)INT_MIN - 1) } },
	{ "refuses a result that is 0 in its low half only", { FIELD(ret, INT64_C(1) << 32) } },
	{ "refuses the smallest result of 64 bits", { FIELD(ret, INT64_MIN) } },
	{ "refuses the largest result of 64 bits", { FIELD(ret, INT64_MAX) } },
	{ "refuses a name that is one too short", { FIELD(name_len, 3) } },
	{ "refuses a name that is one too long", { FIELD(name_len, 5) } },
	{ "refuses the longest name that can be announced", { FIELD(name_len, UINT16_MAX) } },
	{ "refuses a directory that is one too short", { FIELD(dir_len, 3) } },
	{ "refuses a directory that is one too long", { FIELD(dir_len, 5) } },
	{ "refuses the longest directory that can be announced", { FIELD(dir_len, UINT16_MAX) } },
	{ "refuses lengths that add up in 16 bits only",
	  { FIELD(name_len, 65532), FIELD(dir_len, 12) } },
	{ "refuses lengths that both are at their limit",
	  { FIELD(name_len, UINT16_MAX), FIELD(dir_len, UINT16_MAX) } },
	{ "refuses a size and a name that agree on bytes that are not there",
	  { FIELD(size, 105), FIELD(name_len, 5) } },
	{ "refuses a NUL at the beginning of the name", { BYTE(0, 0) } },
	{ "refuses a NUL at the end of the name", { BYTE(3, 0) } },
	{ "refuses a NUL at the beginning of the directory", { BYTE(4, 0) } },
	{ "refuses a NUL at the end of the directory", { BYTE(7, 0) } },
	{ "refuses a name of 4096 bytes", .name_len = UW_PATH_MAX },
	{ "refuses a directory of 4096 bytes", .dir_len = UW_PATH_MAX },
	{ "refuses a name and a directory of 4096 bytes, the largest event there can be",
	  .name_len = UW_PATH_MAX, .dir_len = UW_PATH_MAX },
	{ "refuses an event larger than there can be", .name_len = UW_PATH_MAX,
	  .dir_len = UW_PATH_MAX + 1 },
};

static void patch(unsigned char *data, const struct patch *p)
{
	uint8_t u8 = (uint8_t)p->value;
	uint16_t u16 = (uint16_t)p->value;
	uint32_t u32 = (uint32_t)p->value;

	switch (p->width) {
	case 0:
		break;
	case 1:
		data[p->at] = u8;
		break;
	case 2:
		memcpy(data + p->at, &u16, sizeof(u16));
		break;
	case 4:
		memcpy(data + p->at, &u32, sizeof(u32));
		break;
	case 8:
		memcpy(data + p->at, &p->value, sizeof(p->value));
		break;
	default:
		fail_msg("a patch of %u bytes", p->width);
	}
}

static void test_rejected(void **state)
{
	static struct uw_record record, before;
	static char name[UW_PATH_MAX + 1], dir[UW_PATH_MAX + 1];
	const struct rejected *row = *state;
	unsigned char *whole, *data;
	size_t size, delivered;

	memset(name, 'n', sizeof(name));
	memcpy(name, "file", 4);
	memset(dir, 'd', sizeof(dir));
	memcpy(dir, "/srv", 4);

	/* Before it is spoilt, it is accepted: so the refusal has the one cause. */
	whole = build(&model, name, 4, dir, 4, &size);
	assert_int_equal(size, 104);
	assert_int_equal(uw_record_decode(whole, size, &record), 0);
	free(whole);

	whole = build(&model, name, row->name_len ?: 4, dir, row->dir_len ?: 4, &size);
	patch(whole, &row->patch[0]);
	patch(whole, &row->patch[1]);
	delivered = (size_t)((ptrdiff_t)size + row->more);
	data = malloc(delivered ?: 1);
	assert_non_null(data);
	memset(data, 'x', delivered ?: 1);
	memcpy(data, whole, delivered < size ? delivered : size);
	free(whole);

	memset(&record, 0xa5, sizeof(record));
	memset(&before, 0xa5, sizeof(before));
	assert_int_equal(uw_record_decode(data, delivered, &record), -EBADMSG);
	assert_memory_equal(&record, &before, sizeof(record));
	free(data);
}

/* ---- what is accepted */

static void check_fields(enum uw_op op, enum uw_probe probe, unsigned int flags, int ret)
{
	static struct uw_record r;
	struct uw_event ev = model;
	unsigned char *data;
	const char *wrong;
	size_t size;

	ev.op = (__u8)op;
	ev.probe = (__u8)probe;
	ev.flags = flags;
	ev.ret = ret;
	data = build(&ev, "file", 4, "/srv", 4, &size);
	memset(&r, 0xa5, sizeof(r));
	assert_int_equal(uw_record_decode(data, size, &r), 0);

	assert_int_equal(r.op, op);
	assert_int_equal(r.probe, probe);
	assert_int_equal(r.gen, 7);
	assert_int_equal(r.rules, 0x8000000000000001);
	assert_int_equal(r.enter_ns, 1000);
	assert_int_equal(r.exit_ns, 2500);
	assert_int_equal(r.ret_known, !(flags & UW_EV_RET_UNKNOWN));
	assert_int_equal(r.ret, flags & UW_EV_RET_UNKNOWN ? 0 : ret);
	assert_int_equal(r.pid, 4242);
	assert_int_equal(r.tid, 4243);
	assert_int_equal(r.ppid_known, !!(flags & UW_EV_PPID));
	if (r.ppid_known)
		assert_int_equal(r.ppid, 17);
	assert_int_equal(r.uid, 1000);
	assert_int_equal(r.gid, 100);
	assert_int_equal(r.dfd, AT_FDCWD);
	assert_int_equal(r.name_known, !(flags & UW_EV_NAME_FAULT));
	assert_int_equal(r.name_cut, !!(flags & UW_EV_NAME_CUT));
	assert_int_equal(r.name_late, !!(flags & UW_EV_NAME_LATE));
	assert_int_equal(r.dir_known, !!(flags & UW_EV_DIR_WALKED));
	assert_int_equal(r.dir_cut, !!(flags & UW_EV_DIR_CUT));
	assert_int_equal(r.comm.len, 2);
	assert_memory_equal(r.comm.s, "rm", 2);
	assert_int_equal(r.name.len, 4);
	assert_memory_equal(r.name.s, "file", 4);
	assert_int_equal(r.dir.len, 4);
	assert_memory_equal(r.dir.s, "/srv", 4);
	wrong = broken(&r, data, size);
	if (wrong)
		fail_msg("op %d, probe %d, flags %#x: %s", (int)op, (int)probe, flags, wrong);
	free(data);
}

static void test_accepts_every_kind(void **state)
{
	static const int rets[] = { 0, -EPERM, -EACCES, -4095 };
	unsigned int op, probe, flags;

	(void)state;
	for (op = UW_OP_UNLINK; op < UW_OP_MAX; op++)
		for (probe = UW_PROBE_KPROBE; probe < UW_PROBE_MAX; probe++)
			for (flags = 0; flags <= UW_EV_FLAGS; flags++)
				check_fields((enum uw_op)op, (enum uw_probe)probe, flags,
					     rets[(op + probe + flags) % LEN(rets)]);
}

static void test_extreme_numbers(void **state)
{
	static struct uw_record r;
	struct uw_event ev = model;
	unsigned char *data;
	size_t size;

	(void)state;
	ev.pid = ev.tid = ev.ppid = ev.uid = ev.gid = ev.gen = UINT32_MAX;
	ev.rules = ev.enter_ns = ev.exit_ns = UINT64_MAX;
	ev.dfd = INT_MIN;
	data = build(&ev, "x", 1, "", 0, &size);
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	assert_true(r.pid == UINT32_MAX && r.tid == UINT32_MAX && r.ppid == UINT32_MAX);
	assert_true(r.uid == UINT32_MAX && r.gid == UINT32_MAX && r.gen == UINT32_MAX);
	assert_true(r.rules == UINT64_MAX && r.enter_ns == UINT64_MAX && r.exit_ns == UINT64_MAX);
	assert_int_equal(r.dfd, INT_MIN);
	free(data);
}

static void test_comm_without_nul(void **state)
{
	static struct uw_record r;
	struct uw_event ev = model;
	unsigned char *data;
	size_t size;

	(void)state;
	memset(ev.comm, 'c', sizeof(ev.comm));
	/* No strings behind it: what reads on leaves the memory. */
	data = build(&ev, "", 0, "", 0, &size);
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	assert_int_equal(r.comm.len, UW_COMM_LEN);
	assert_memory_equal(r.comm.s, ev.comm, UW_COMM_LEN);
	free(data);
}

/* ---- paths */

#define WALKED UW_EV_DIR_WALKED

static const struct path_row {
	const char *title;
	unsigned int flags;
	const char *name, *dir;
	int dfd;
	const char *cwd; /* NULL: none is offered */
	const char *path;
	enum uw_path_state state;
	bool wants_cwd;
} paths[] = {
	{ "joins a relative name with its directory", WALKED, "a", "/srv", AT_FDCWD, NULL, "/srv/a",
	  UW_PATH_LEXICAL },
	{ "joins a name with the directory of a descriptor", WALKED, "a/b", "/srv/d", 5, NULL,
	  "/srv/d/a/b", UW_PATH_LEXICAL },
	{ "joins a relative name with the root", WALKED, "a", "", AT_FDCWD, NULL, "/a",
	  UW_PATH_LEXICAL },
	{ "leaves an absolute name as it is", WALKED, "/etc/hosts", "", AT_FDCWD, NULL,
	  "/etc/hosts", UW_PATH_LEXICAL },
	{ "guesses the root of an absolute name where it was not walked", 0, "/etc/hosts", "",
	  AT_FDCWD, NULL, "/etc/hosts", UW_PATH_GUESSED },
	{ "guesses the root of an absolute name whatever the descriptor", 0, "/etc/hosts", "", 5,
	  NULL, "/etc/hosts", UW_PATH_GUESSED },
	{ "removes empty components", WALKED, "//etc///x", "", AT_FDCWD, NULL, "/etc/x",
	  UW_PATH_LEXICAL },
	{ "removes empty components of a relative name", WALKED, "a//b", "/srv", AT_FDCWD, NULL,
	  "/srv/a/b", UW_PATH_LEXICAL },
	{ "removes components of a dot", WALKED, "./a/./b/.", "/srv", AT_FDCWD, NULL, "/srv/a/b",
	  UW_PATH_LEXICAL },
	{ "goes up at two dots", WALKED, "../a", "/srv/d", AT_FDCWD, NULL, "/srv/a",
	  UW_PATH_LEXICAL },
	{ "goes up and down", WALKED, "a/../b/c/../../d", "/srv", AT_FDCWD, NULL, "/srv/d",
	  UW_PATH_LEXICAL },
	{ "goes no higher than the root from a directory", WALKED, "../../../../a", "/srv/d",
	  AT_FDCWD, NULL, "/a", UW_PATH_LEXICAL },
	{ "goes no higher than the root from the root", WALKED, "/../../a", "", AT_FDCWD, NULL,
	  "/a", UW_PATH_LEXICAL },
	{ "ends at the root where all is dots", WALKED, "../..", "/srv", AT_FDCWD, NULL, "/",
	  UW_PATH_LEXICAL },
	{ "takes the root for itself", WALKED, "/", "", AT_FDCWD, NULL, "/", UW_PATH_LEXICAL },
	{ "takes a dot for the directory", WALKED, ".", "/srv", AT_FDCWD, NULL, "/srv",
	  UW_PATH_LEXICAL },
	{ "removes a trailing slash", WALKED, "a/", "/srv", AT_FDCWD, NULL, "/srv/a",
	  UW_PATH_LEXICAL },
	{ "removes many trailing slashes", WALKED, "/a///", "", AT_FDCWD, NULL, "/a",
	  UW_PATH_LEXICAL },
	{ "keeps names that merely begin or end with dots", WALKED, ".../..a/.b/c../d.", "/srv",
	  AT_FDCWD, NULL, "/srv/.../..a/.b/c../d.", UW_PATH_LEXICAL },
	{ "keeps every other byte as it is", WALKED, "a\n\xff\x1b \"\\", "/srv", AT_FDCWD, NULL,
	  "/srv/a\n\xff\x1b \"\\", UW_PATH_LEXICAL },
	{ "puts the root of a chroot before an absolute name", WALKED, "/etc/x", "/srv/jail",
	  AT_FDCWD, NULL, "/srv/jail/etc/x", UW_PATH_LEXICAL },
	{ "takes the root of a chroot for itself", WALKED, "/", "/srv/jail", AT_FDCWD, NULL,
	  "/srv/jail", UW_PATH_LEXICAL },
	{ "lets two dots at the beginning not leave a chroot", WALKED, "/../../etc/x", "/srv/jail",
	  AT_FDCWD, NULL, "/srv/jail/etc/x", UW_PATH_LEXICAL },
	{ "lets two dots further on not leave a chroot", WALKED, "/a/../../x", "/srv/jail",
	  AT_FDCWD, NULL, "/srv/jail/x", UW_PATH_LEXICAL },
	{ "lets a name of two dots not leave a chroot", WALKED, "/..", "/srv/jail", AT_FDCWD, NULL,
	  "/srv/jail", UW_PATH_LEXICAL },
	{ "says that a path is truncated whose directory was cut", WALKED | UW_EV_DIR_CUT, "a",
	  "/tail", AT_FDCWD, NULL, "/tail/a", UW_PATH_TRUNCATED },
	{ "says that a path is truncated whose name was cut", WALKED | UW_EV_NAME_CUT, "abc",
	  "/srv", AT_FDCWD, NULL, "/srv/abc", UW_PATH_TRUNCATED },
	{ "says that an absolute path is truncated whose name was cut", UW_EV_NAME_CUT, "/abc", "",
	  AT_FDCWD, NULL, "/abc", UW_PATH_TRUNCATED },
	{ "completes a name that was read late", WALKED | UW_EV_NAME_LATE, "a", "/srv", AT_FDCWD,
	  NULL, "/srv/a", UW_PATH_LEXICAL },
	{ "knows no path without the working directory, and asks for it", 0, "a", "", AT_FDCWD,
	  NULL, "", UW_PATH_UNKNOWN, true },
	{ "knows no path without the descriptor's directory, and asks for nothing", 0, "a", "", 5,
	  NULL, "", UW_PATH_UNKNOWN, false },
	{ "knows no path where the name could not be read", WALKED | UW_EV_NAME_FAULT, "", "/srv",
	  AT_FDCWD, NULL, "", UW_PATH_UNKNOWN, false },
	{ "knows no path of an unread name without a directory", UW_EV_NAME_FAULT, "", "", AT_FDCWD,
	  NULL, "", UW_PATH_UNKNOWN, false },
	{ "knows no path of an empty name", WALKED, "", "/srv", AT_FDCWD, NULL, "", UW_PATH_UNKNOWN,
	  false },
	{ "completes a name with a guessed directory, and says so", 0, "a", "", AT_FDCWD, "/home/u",
	  "/home/u/a", UW_PATH_GUESSED, true },
	{ "goes up from a guessed directory", 0, "../a/", "", AT_FDCWD, "/home/u", "/home/a",
	  UW_PATH_GUESSED, true },
	{ "completes a name with a guessed root", 0, "a", "", AT_FDCWD, "/", "/a", UW_PATH_GUESSED,
	  true },
	{ "says truncated rather than guessed where the name was cut", UW_EV_NAME_CUT, "abc", "",
	  AT_FDCWD, "/home/u", "/home/u/abc", UW_PATH_TRUNCATED, true },
	{ "takes no directory that is out of reach", 0, "a", "", AT_FDCWD, "(unreachable)/x", "",
	  UW_PATH_UNKNOWN, true },
	{ "takes no relative directory", 0, "a", "", AT_FDCWD, "home", "", UW_PATH_UNKNOWN, true },
	{ "takes no empty directory", 0, "a", "", AT_FDCWD, "", "", UW_PATH_UNKNOWN, true },
};

static void test_path(void **state)
{
	static struct uw_record r;
	const struct path_row *row = *state;
	struct uw_event ev = model;
	unsigned char *data;
	const char *wrong;
	size_t size;

	ev.flags = row->flags;
	ev.dfd = row->dfd;
	data = build(&ev, row->name, strlen(row->name), row->dir, strlen(row->dir), &size);
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	assert_int_equal(uw_record_wants_cwd(&r), row->wants_cwd);
	if (row->cwd) {
		/* Without a NUL, in memory of its own, which may go. */
		char *cwd = malloc(strlen(row->cwd) ?: 1);

		assert_non_null(cwd);
		memcpy(cwd, row->cwd, strlen(row->cwd));
		uw_record_guess(&r, cwd, strlen(row->cwd));
		free(cwd);
		assert_int_equal(uw_record_wants_cwd(&r), row->state == UW_PATH_UNKNOWN);
	}
	if (r.path.len != strlen(row->path) || memcmp(r.path.s, row->path, r.path.len))
		fail_msg("the path is %.*s, not %s", (int)r.path.len, r.path.s, row->path);
	assert_int_equal(r.path_state, row->state);
	wrong = broken(&r, data, size);
	if (wrong)
		fail_msg("%s", wrong);
	free(data);
}

/* Neither begins with a slash: both get one, and the buffer is full to the last byte. */
static void test_longest(void **state)
{
	static char name[LONGEST], dir[LONGEST];
	static struct uw_record r;
	unsigned char *data;
	size_t size;

	(void)state;
	memset(name, 'n', sizeof(name));
	memset(dir, 'd', sizeof(dir));
	data = build(&model, name, sizeof(name), dir, sizeof(dir), &size);
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	assert_int_equal(r.path.len, sizeof(r.buffer));
	assert_int_equal(r.path.s[0], '/');
	assert_memory_equal(r.path.s + 1, dir, sizeof(dir));
	assert_int_equal(r.path.s[1 + LONGEST], '/');
	assert_memory_equal(r.path.s + 2 + LONGEST, name, sizeof(name));
	free(data);
}

static void test_most_components(void **state)
{
	static char name[LONGEST], dir[LONGEST];
	static struct uw_record r;
	unsigned char *data;
	const char *wrong;
	size_t size, i;

	(void)state;
	for (i = 0; i < LONGEST; i++) {
		name[i] = i % 2 ? '/' : 'n';
		dir[i] = i % 2 ? 'd' : '/';
	}
	data = build(&model, name, sizeof(name), dir, sizeof(dir), &size);
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	wrong = broken(&r, data, size);
	if (wrong)
		fail_msg("%s", wrong);
	/* 2047 of the directory, its last slash gone, and 2048 of the name, each with its slash. */
	assert_int_equal(r.path.len, 2 * (2047 + 2048));
	free(data);
}

static void test_longest_guess(void **state)
{
	static char name[LONGEST], cwd[UW_PATH_MAX];
	static struct uw_record r;
	struct uw_event ev = model;
	unsigned char *data;
	size_t size;

	(void)state;
	memset(name, 'n', sizeof(name));
	memset(cwd, 'd', sizeof(cwd));
	cwd[0] = '/';
	ev.flags = 0;
	data = build(&ev, name, sizeof(name), "", 0, &size);
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	uw_record_guess(&r, cwd, sizeof(cwd));
	assert_int_equal(r.path_state, UW_PATH_UNKNOWN);
	uw_record_guess(&r, cwd, LONGEST);
	assert_int_equal(r.path_state, UW_PATH_GUESSED);
	assert_int_equal(r.path.len, LONGEST + 1 + LONGEST);
	free(data);
}

static void test_state_names(void **state)
{
	(void)state;
	assert_string_equal(uw_path_state_name(UW_PATH_UNKNOWN), "unknown");
	assert_string_equal(uw_path_state_name(UW_PATH_LEXICAL), "lexical");
	assert_string_equal(uw_path_state_name(UW_PATH_TRUNCATED), "truncated");
	assert_string_equal(uw_path_state_name(UW_PATH_GUESSED), "guessed");
}

/* ---- chance, with a fixed seed */

static uint64_t seed;

static uint64_t any(uint64_t below)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (seed * UINT64_C(0x2545f4914f6cdd1d) >> 16) % below;
}

static size_t any_text(char *text, size_t max)
{
	static const char letters[] = "//////......ab\n\xff";
	size_t len = any(16) ? any(40) : any(max + 1), i;

	for (i = 0; i < len; i++)
		text[i] = letters[any(sizeof(letters) - 1)];
	return len;
}

static void check_any(const unsigned char *data, size_t size, size_t *accepted)
{
	static struct uw_record r;
	const char *wrong;
	int err;

	err = uw_record_decode(data, size, &r);
	if (err && err != -EBADMSG)
		fail_msg("decoding returned %d", err);
	if (err)
		return;
	(*accepted)++;
	wrong = broken(&r, data, size);
	if (!wrong && uw_record_wants_cwd(&r)) {
		uw_record_guess(&r, "/home/./u/", 10);
		wrong = r.path_state == UW_PATH_UNKNOWN ? "it cannot be guessed"
							: broken(&r, data, size);
	}
	if (wrong)
		fail_msg("%s: %.*s", wrong, (int)r.path.len, r.path.s);
}

static void test_mutations(void **state)
{
	enum { ROUNDS = 200000 };
	static char name[LONGEST], dir[LONGEST];
	size_t accepted = 0, size, name_len, dir_len, n, i, k;
	unsigned char *data, *shorter;
	struct uw_event ev;

	(void)state;
	seed = 0x756e6c696e6b; /* any but 0 */
	for (i = 0; i < ROUNDS; i++) {
		ev = model;
		ev.op = (__u8)(1 + any(UW_OP_MAX - 1));
		ev.probe = (__u8)(1 + any(UW_PROBE_MAX - 1));
		ev.flags = (__u32)any(UW_EV_FLAGS + 1);
		name_len = any_text(name, sizeof(name));
		dir_len = any_text(dir, sizeof(dir));
		data = build(&ev, name, name_len, dir, dir_len, &size);
		for (n = any(4); n; n--) {
			k = any(2) ? any(size) : any(STRINGS);
			if (any(2))
				data[k] ^= (unsigned char)(1U << any(8));
			else
				data[k] = (unsigned char)any(256);
		}
		if (!any(8)) {
			size = any(size + 1);
			shorter = malloc(size ?: 1);
			assert_non_null(shorter);
			memcpy(shorter, data, size);
			free(data);
			data = shorter;
		}
		check_any(data, size, &accepted);
		free(data);
	}
	/* Both ways are gone often, or the test tests nothing. */
	assert_in_range(accepted, ROUNDS / 10, ROUNDS - ROUNDS / 10);
}

static void test_random_bytes(void **state)
{
	size_t accepted = 0, size, i, k;
	unsigned char *data;

	(void)state;
	seed = 0x7761746368;
	for (i = 0; i < 50000; i++) {
		size = any(8) ? any(300) : any(UW_EVENT_MAX + 100);
		data = malloc(size ?: 1);
		assert_non_null(data);
		for (k = 0; k < size; k++)
			data[k] = (unsigned char)any(256);
		check_any(data, size, &accepted);
		free(data);
	}
	assert_int_equal(accepted, 0);
}

#define TEST(title, function)                     \
	{                                         \
		title, function, NULL, NULL, NULL \
	}

static const struct CMUnitTest others[] = {
	TEST("accepts every operation by every probe with every flag, field by field",
	     test_accepts_every_kind),
	TEST("accepts the largest number in every field", test_extreme_numbers),
	TEST("takes a comm without a NUL for its 16 bytes and no more", test_comm_without_nul),
	TEST("holds the longest name and directory to the last byte", test_longest),
	TEST("holds as many components as there can be", test_most_components),
	TEST("takes the longest working directory and none that is longer", test_longest_guess),
	TEST("names every state of a path", test_state_names),
	TEST("survives 200,000 mutations of a valid event", test_mutations),
	TEST("refuses 50,000 buffers of random bytes without reading outside", test_random_bytes),
};

int main(void)
{
	static struct CMUnitTest tests[LEN(rejected) + LEN(paths) + LEN(others)];
	size_t n = 0, i;

	for (i = 0; i < LEN(rejected); i++)
		tests[n++] = (struct CMUnitTest){ rejected[i].title, test_rejected, NULL, NULL,
						  (void *)(uintptr_t)&rejected[i] };
	for (i = 0; i < LEN(paths); i++)
		tests[n++] = (struct CMUnitTest){ paths[i].title, test_path, NULL, NULL,
						  (void *)(uintptr_t)&paths[i] };
	for (i = 0; i < LEN(others); i++)
		tests[n++] = others[i];
	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
