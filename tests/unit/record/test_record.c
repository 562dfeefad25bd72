// SPDX-License-Identifier: MIT
/*
 * Tests of daemon/record/record.c. Each event is in memory of its exact size, so that the address
 * sanitizer finds a read beyond it.
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
#include <sys/stat.h>

#include <cmocka.h>

#include "record/ancestors.h"
#include "record/record.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define STRINGS	   sizeof(struct uw_event)
#define LONGEST	   (UW_PATH_MAX - 1)

/* A name that the kernel did not resolve. */
static const struct uw_event model = {
	.abi = UW_ABI,
	.op = UW_OP_UNLINK,
	.probe = UW_PROBE_KPROBE,
	.via = UW_VIA_SYSCALL,
	.flags = UW_EV_DIR | UW_EV_TASK | UW_EV_LOGINUID | UW_EV_FS,
	.gen = 7,
	.rules = 0x8000000000000001,
	.enter_ns = 1000,
	.exit_ns = 2500,
	.ret = -EACCES,
	.dfd = AT_FDCWD,
	.pid = 4242,
	.tid = 4243,
	.uid = 1000,
	.gid = 100,
	.fsuid = 1003,
	.fsgid = 103,
	.account = 1005,
	.ppid = 17,
	.euid = 33,
	.loginuid = 1001,
	.session = 3,
	.mntns = 4026531841,
	.dev = 8 << 20 | 1,
	.upper_dev = 8 << 20 | 2,
	.file = { .ino = 131, .bytes = 4097, .mode = S_IFREG | 0640, .owner = 1002, .nlink = 2 },
	.exe_ino = 133,
	.exe_dev = 8 << 20 | 3,
	.other_dfd = 5,
	.below = 4,
	.other_below = 4,
	.fstype = "ext4",
	.comm = "rm",
	.tree = 9,
};

/* Of the other name of a rename. */
static const struct uw_file other_file = {
	.ino = 132, .bytes = 5, .mode = S_IFDIR | 0750, .owner = 1004, .nlink = 3
};

struct strings {
	struct uw_str s[UW_STR_MAX];
};

static struct uw_str text(const char *s)
{
	return (struct uw_str){ s, strlen(s) };
}

static bool same(struct uw_str got, struct uw_str want)
{
	return got.len == want.len && (!want.len || !memcmp(got.s, want.s, want.len));
}

static struct strings name_and_dir(const char *name, const char *dir)
{
	struct strings strings = { 0 };

	strings.s[UW_STR_NAME] = text(name);
	strings.s[UW_STR_DIR] = text(dir);
	return strings;
}

/* Builds an event with these strings, and matching lengths and size. The caller frees it. */
static unsigned char *build(const struct uw_event *ev, const struct strings *strings,
			    size_t *ret_size)
{
	struct uw_event head = *ev;
	unsigned char *data;
	size_t at = STRINGS, i;

	*ret_size = STRINGS;
	for (i = 0; i < UW_STR_MAX; i++) {
		head.len[i] = (__u16)strings->s[i].len;
		*ret_size += strings->s[i].len;
	}
	head.size = (__u32)*ret_size;
	data = malloc(*ret_size);
	assert_non_null(data);
	memcpy(data, &head, sizeof(head));
	for (i = 0; i < UW_STR_MAX; at += strings->s[i++].len)
		if (strings->s[i].len)
			memcpy(data + at, strings->s[i].s, strings->s[i].len);
	return data;
}

static bool inside(struct uw_str s, const void *data, size_t size)
{
	uintptr_t from = (uintptr_t)data, at = (uintptr_t)s.s;

	return at >= from && at <= from + size && s.len <= from + size - at;
}

/* Checks a joined path. Returns NULL, or what is wrong. */
static const char *unnormal(struct uw_str path)
{
	size_t i, start;

	if (!path.len || path.s[0] != '/')
		return "the path is not absolute";
	if (path.len == 1)
		return NULL;
	for (start = 1, i = 1; i <= path.len; i++) {
		if (i < path.len && path.s[i] != '/')
			continue;
		if (i == start)
			return "the path has an empty component";
		if (i == start + 1 && path.s[start] == '.')
			return "the path has a component .";
		if (i == start + 2 && !memcmp(path.s + start, "..", 2))
			return "the path has a component ..";
		start = i + 1;
	}
	return NULL;
}

static const char *broken_strings(const struct uw_record *r, const void *data, size_t size)
{
	const struct uw_str in_event[] = { r->comm,	  r->fstype, r->name,  r->dir,
					   r->other.name, r->root,   r->cwd,   r->exe,
					   r->cmdline,	  r->cgroup, r->upper, r->other.upper };
	size_t i;

	for (i = 0; i < LEN(in_event); i++) {
		if (!inside(in_event[i], data, size))
			return "a string lies outside the event";
		if (in_event[i].s != r->cmdline.s && memchr(in_event[i].s, 0, in_event[i].len))
			return "a string holds a NUL";
		if (in_event[i].len >= UW_PATH_MAX)
			return "a string is too long";
	}
	if (r->comm.len > UW_COMM_LEN || r->fstype.len > UW_FSTYPE_LEN)
		return "a name is too long";
	if (r->cmdline.len > UW_CMDLINE_MAX)
		return "the command line is too long";
	if (!inside(r->ancestors, data, size) || r->ancestors.len % sizeof(struct uw_ancestor) ||
	    r->ancestors.len > UW_ANCESTORS_MAX * sizeof(struct uw_ancestor))
		return "the ancestors are not whole";
	if (!inside(r->client, data, size) ||
	    (r->client.len && r->client.len != sizeof(struct uw_client)))
		return "the client is not whole";
	if (!r->exe_known && (r->exe_deleted || r->exe_private))
		return "something is known of an executable that is not known";
	if ((r->cwd_cut && !r->cwd.len) || (r->cmdline_cut && !r->cmdline.len) ||
	    (r->other.path_cut && !r->other.path.len))
		return "something was cut that is not there";
	return NULL;
}

static bool is_rename(enum uw_op op)
{
	return op == UW_OP_RENAME || op == UW_OP_MOVE || op == UW_OP_EXCHANGE;
}

/* Checks the other name. */
static const char *broken_other(const struct uw_record *r, const void *data, size_t size)
{
	const struct uw_other *o = &r->other;

	if (!is_rename(r->op))
		return o->path.len || o->fspath.len || o->name.len || o->name_known
			       ? "there is another name, but no rename"
			       : NULL;
	if (!inside(o->path, r->other_buffer, sizeof(r->other_buffer)) &&
	    !inside(o->path, data, size))
		return "the other path lies outside its buffer and the event";
	if (!inside(o->fspath, r->other_fsbuffer, sizeof(r->other_fsbuffer)))
		return "the other path in the file system lies outside its buffer";
	if (o->path.len && !o->path_cut && o->path.s[0] != '/')
		return "the other path is not absolute";
	if (memchr(o->path.s, '\0', o->path.len) || memchr(o->fspath.s, '\0', o->fspath.len))
		return "the other path holds a NUL";
	return o->fspath.len ? unnormal(o->fspath) : NULL;
}

/* Checks what must be true of every record. Returns NULL, or what is wrong. */
static const char *broken(const struct uw_record *r, const void *data, size_t size)
{
	bool mine = inside(r->path, r->buffer, sizeof(r->buffer));
	const char *wrong = broken_strings(r, data, size) ?: broken_other(r, data, size);

	if (wrong)
		return wrong;
	if (!mine && !inside(r->path, data, size))
		return "the path lies outside its buffer and the event";
	if (!inside(r->fspath, r->fsbuffer, sizeof(r->fsbuffer)))
		return "the path in the file system lies outside its buffer";
	if (memchr(r->path.s, '\0', r->path.len) || memchr(r->fspath.s, '\0', r->fspath.len))
		return "the path holds a NUL";
	if (r->op < UW_OP_UNLINK || r->op >= UW_OP_MAX || r->probe < UW_PROBE_KPROBE ||
	    r->probe >= UW_PROBE_MAX || r->via < UW_VIA_SYSCALL || r->via >= UW_VIA_MAX)
		return "an operation, a probe or a way that there is not";
	if (r->exit_ns < r->enter_ns)
		return "it ends before it begins";
	if (!r->ret_known && r->ret)
		return "a result that is not known has a value";
	if (r->links_known && (!r->inode_known || !r->ret_known))
		return "links are known without an inode or a result";
	if (r->dev_known && (r->dev != (r->dev_major << 20 | r->dev_minor) || !r->dev))
		return "the device is not what it is made of";
	if (r->fspath.len && unnormal(r->fspath))
		return unnormal(r->fspath);
	if (r->path_state == UW_PATH_UNKNOWN)
		return r->path.len ? "there is a path, but it is unknown" : NULL;
	if (r->path_state == UW_PATH_RESOLVED || (r->path_state == UW_PATH_DETACHED && r->found))
		return mine		     ? "a resolved path was put together"
		       : r->path.s[0] != '/' ? "a resolved path is not absolute"
					     : NULL;
	if (!mine)
		return r->path_state == UW_PATH_TRUNCATED && r->path.len ? NULL
									 : "a path was taken over";
	if ((r->name_cut || r->dir_cut) && r->path_state != UW_PATH_TRUNCATED)
		return "the path was cut and does not say so";
	if (!r->dir_known && r->path_state == UW_PATH_LEXICAL)
		return "the path is certain, but nobody walked to where it starts";
	return unnormal(r->path);
}

/* ---- rejected events */

struct patch {
	size_t at;
	unsigned int width;
	uint64_t value;
};

#define MEMBER(offset, field, number)                                               \
	{                                                                           \
		(offset), sizeof(((struct uw_event *)0)->field), (uint64_t)(number) \
	}
#define FIELD(field, number)   MEMBER(offsetof(struct uw_event, field), field, number)
#define LENGTH(string, number) MEMBER(offsetof(struct uw_event, len[string]), len[0], number)
#define BYTE(offset, number)                    \
	{                                       \
		STRINGS + (offset), 1, (number) \
	}

/* The event that a case changes. */
enum base {
	UNRESOLVED,
	RESOLVED,
	RENAME,
};

static const struct uw_ancestor ancestors[] = { { "sh", 9 }, { "0123456789abcde", 1 } };

static const struct uw_client client = { { 0xfe, 0x80, [15] = 1 } };

/* The strings of a valid event have four bytes each; the command line has six. */
static struct strings strings_of(enum base base)
{
	static const char cmdline[] = { 'r', 'm', '\0', 'x', ' ', 'y' };
	struct strings s = {
		.s[UW_STR_NAME] = text("file"),
		.s[UW_STR_ROOT] = text("/jar"),
		.s[UW_STR_CWD] = text("/cwd"),
		.s[UW_STR_EXE] = text("/exe"),
		.s[UW_STR_CMDLINE] = { cmdline, sizeof(cmdline) },
		.s[UW_STR_CGROUP] = text("/cgr"),
		.s[UW_STR_ANCESTORS] = { (const char *)ancestors, sizeof(ancestors) },
		.s[UW_STR_CLIENT] = { (const char *)&client, sizeof(client) },
	};

	if (base == UNRESOLVED) {
		s.s[UW_STR_DIR] = text("/srv");
		return s;
	}
	s.s[UW_STR_PATH] = text("/a/b");
	s.s[UW_STR_FSROOT] = text("/vol");
	s.s[UW_STR_UPPER] = text("/upr");
	if (base == RENAME) {
		s.s[UW_STR_OTHER_UPPER] = text("/wrk");
		s.s[UW_STR_OTHER] = text("/old");
		s.s[UW_STR_OTHER_FILE] =
			(struct uw_str){ (const char *)&other_file, sizeof(other_file) };
	}
	return s;
}

static struct uw_event event_of(enum base base)
{
	struct uw_event ev = model;

	if (base == UNRESOLVED)
		return ev;
	ev.flags &= ~(unsigned int)UW_EV_DIR;
	ev.flags |= UW_EV_RESOLVED | UW_EV_INODE;
	ev.op = base == RENAME ? UW_OP_RENAME : UW_OP_UNLINK;
	return ev;
}

/* The unchanged event is accepted, so the change is the cause of the rejection. */
static void check_accepted(const struct uw_event *ev, const struct strings *strings)
{
	static struct uw_record record;
	const char *wrong;
	unsigned char *data;
	size_t size;

	data = build(ev, strings, &size);
	assert_int_equal(uw_record_decode(data, size, &record), 0);
	wrong = broken(&record, data, size);
	if (wrong)
		fail_msg("%s", wrong);
	free(data);
}

/* The event is rejected, and the record is not touched. */
static void check_refused(const void *data, size_t size)
{
	static struct uw_record record, before;

	memset(&record, 0xa5, sizeof(record));
	memset(&before, 0xa5, sizeof(before));
	assert_int_equal(uw_record_decode(data, size, &record), -EBADMSG);
	assert_memory_equal(&record, &before, sizeof(record));
}

/* Changes of UNRESOLVED, which has 302 bytes, 232 of them before the strings. */
static const struct rejected {
	const char *title;
	struct patch patch[2];
	int more; /* bytes in addition to those of the event */
} rejected[] = {
	{ "refuses no bytes at all", .more = -302 },
	{ "refuses a single byte", .more = -317 },
	{ "refuses a header that lacks its last byte", .more = -87 },
	{ "refuses a header without the strings that it announces", .more = -86 },
	{ "refuses an event that lacks its last byte", .more = -1 },
	{ "refuses an event with a byte too many", .more = 1 },
	{ "refuses an event with a byte too many that its size includes",
	  { FIELD(size, 319) },
	  .more = 1 },
	{ "refuses an event with a byte too few that its size allows for",
	  { FIELD(size, 317) },
	  .more = -1 },
	{ "refuses a size of 0", { FIELD(size, 0) } },
	{ "refuses a size that is one too small", { FIELD(size, 317) } },
	{ "refuses a size that is one too large", { FIELD(size, 319) } },
	{ "refuses the largest size", { FIELD(size, UINT32_MAX) } },
	{ "refuses the ABI 0", { FIELD(abi, 0) } },
	{ "refuses the previous ABI", { FIELD(abi, UW_ABI - 1) } },
	{ "refuses the next ABI", { FIELD(abi, UW_ABI + 1) } },
	{ "refuses an ABI with only the low byte right", { FIELD(abi, UW_ABI + 0x100) } },
	{ "refuses the operation 0", { FIELD(op, 0) } },
	{ "refuses the operation after the last", { FIELD(op, UW_OP_MAX) } },
	{ "refuses the operation 255", { FIELD(op, 255) } },
	{ "refuses the probe 0", { FIELD(probe, 0) } },
	{ "refuses the probe after the last", { FIELD(probe, UW_PROBE_MAX) } },
	{ "refuses the probe 255", { FIELD(probe, 255) } },
	{ "refuses the value 0 of via", { FIELD(via, 0) } },
	{ "refuses the value of via after the last", { FIELD(via, UW_VIA_MAX) } },
	{ "refuses the value 255 of via", { FIELD(via, 255) } },
	{ "refuses the flag that has no meaning", { FIELD(flags, UW_EV_DIR | 1U << 31) } },
	{ "refuses a return just before the entry", { FIELD(exit_ns, 999) } },
	{ "refuses a return at time 0", { FIELD(exit_ns, 0) } },
	{ "refuses the largest time of an entry", { FIELD(enter_ns, UINT64_MAX) } },
	{ "refuses a positive result", { FIELD(ret, 1) } },
	{ "refuses a result that is no errno", { FIELD(ret, -4096) } },
	{ "refuses the largest result", { FIELD(ret, INT_MAX) } },
	{ "refuses the smallest result", { FIELD(ret, INT_MIN) } },
	{ "refuses lengths that add up in 16 bits only",
	  { LENGTH(UW_STR_NAME, 65532), LENGTH(UW_STR_DIR, 12) } },
	{ "refuses two lengths of the maximum",
	  { LENGTH(UW_STR_NAME, UINT16_MAX), LENGTH(UW_STR_CGROUP, UINT16_MAX) } },
	{ "refuses a size and a length that agree on a missing byte",
	  { FIELD(size, 319), LENGTH(UW_STR_CGROUP, 5) } },
	{ "refuses a part of an ancestor",
	  { LENGTH(UW_STR_CGROUP, 5), LENGTH(UW_STR_ANCESTORS, 39) } },
	{ "refuses a part of a client", { LENGTH(UW_STR_CGROUP, 5), LENGTH(UW_STR_CLIENT, 15) } },
	{ "refuses more bytes below the mount than the directory has", { FIELD(below, 5) } },
	{ "refuses the largest number of bytes below the mount", { FIELD(below, UINT16_MAX) } },
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
	const struct rejected *row = *state;
	struct strings strings = strings_of(UNRESOLVED);
	struct uw_event ev = event_of(UNRESOLVED);
	unsigned char *whole, *data;
	size_t size, delivered;

	check_accepted(&ev, &strings);
	whole = build(&ev, &strings, &size);
	assert_int_equal(size, 318);
	patch(whole, &row->patch[0]);
	patch(whole, &row->patch[1]);
	delivered = (size_t)((ptrdiff_t)size + row->more);
	data = malloc(delivered ?: 1);
	assert_non_null(data);
	memset(data, 'x', delivered ?: 1);
	memcpy(data, whole, delivered < size ? delivered : size);
	check_refused(data, delivered);
	free(whole);
	free(data);
}

/* Flags and strings that contradict each other. */
static const struct contradiction {
	const char *title;
	enum base base;
	unsigned int set, clear; /* flags */
	int below;		 /* plus one; 0 leaves the 4 of the base */
	enum uw_string which;	 /* the string that `text` replaces */
	const char *text;
	enum uw_op op; /* 0 leaves the base's */
} contradictions[] = {
	{ "refuses a resolved target without a path", RESOLVED, .below = 1, .which = UW_STR_PATH,
	  .text = "" },
	{ "refuses a resolved target without a path that was cut", RESOLVED, UW_EV_PATH_CUT,
	  .below = 1, .which = UW_STR_PATH, .text = "" },
	{ "refuses a resolved path that is not absolute", RESOLVED, .which = UW_STR_PATH,
	  .text = "a/bc" },
	{ "refuses a resolved path of one byte that is not a slash", RESOLVED, .below = 1,
	  .which = UW_STR_PATH, .text = "a" },
	{ "refuses a path that the kernel did not resolve", UNRESOLVED, .which = UW_STR_PATH,
	  .text = "/a/b" },
	{ "refuses a path that was cut, but not resolved", UNRESOLVED, UW_EV_PATH_CUT },
	{ "refuses a directory for a resolved path", RESOLVED, UW_EV_DIR },
	{ "refuses a directory string for a resolved path without the flag", RESOLVED,
	  .which = UW_STR_DIR, .text = "/srv" },
	{ "refuses a directory string without the flag", UNRESOLVED, 0, UW_EV_DIR | UW_EV_FS },
	{ "refuses a missing directory that was cut", UNRESOLVED, UW_EV_DIR_CUT,
	  UW_EV_DIR | UW_EV_FS, .which = UW_STR_DIR, .text = "" },
	{ "refuses a file system without a path or a directory", UNRESOLVED, 0, UW_EV_DIR,
	  .below = 1, .which = UW_STR_DIR, .text = "" },
	{ "refuses the root of a mount without its file system", RESOLVED, 0, UW_EV_FS },
	{ "refuses more bytes below the mount than the path has", RESOLVED, .below = 1 + 5 },
	{ "refuses another path for an unlink", RESOLVED, .which = UW_STR_OTHER, .text = "/old" },
	{ "refuses another path for an rmdir", RESOLVED, .op = UW_OP_RMDIR, .which = UW_STR_OTHER,
	  .text = "/old" },
	{ "refuses another file for an unlink", RESOLVED, .which = UW_STR_OTHER_FILE,
	  .text = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" },
	{ "refuses half another file", RENAME, .which = UW_STR_OTHER_FILE,
	  .text = "xxxxxxxxxxxxxxxx" },
	{ "refuses another name for an unlink", RESOLVED, .which = UW_STR_OTHER_NAME,
	  .text = "old" },
	{ "refuses another directory for an unlink", UNRESOLVED, .which = UW_STR_OTHER_DIR,
	  .text = "/old" },
	{ "refuses another path that was cut for an unlink", RESOLVED, UW_EV_OTHER_CUT },
	{ "refuses a directory that moves for an unlink", RESOLVED, UW_EV_MOVES_DIR },
	{ "refuses another file system for an unlink", RESOLVED, UW_EV_OTHER_FS },
	{ "refuses another path that is not absolute", RENAME, .which = UW_STR_OTHER,
	  .text = "old/" },
	{ "refuses another path that the kernel did not resolve", UNRESOLVED, .which = UW_STR_OTHER,
	  .text = "/old", .op = UW_OP_MOVE },
	{ "refuses another file system of names that were not resolved", UNRESOLVED, UW_EV_OTHER_FS,
	  .op = UW_OP_MOVE },
	{ "refuses another directory for a resolved path", RENAME, UW_EV_OTHER_DIR },
	{ "refuses another directory without its flag", UNRESOLVED, .which = UW_STR_OTHER_DIR,
	  .text = "/old", .op = UW_OP_MOVE },
	{ "refuses more bytes below the mount than the other path has", RENAME, UW_EV_OTHER_FS,
	  .which = UW_STR_OTHER, .text = "/o" },
	{ "refuses a path of two cases that the kernel did not resolve", UNRESOLVED,
	  UW_EV_CASEFOLD },
	{ "refuses a path in any case that the kernel did not resolve", UNRESOLVED,
	  UW_EV_CASEFOLD },
	{ "refuses a path in a layer without a target", UNRESOLVED, .which = UW_STR_UPPER,
	  .text = "/upr" },
	{ "refuses a path in a layer that is not absolute", RESOLVED, .which = UW_STR_UPPER,
	  .text = "upr/" },
	{ "refuses another path in a layer that is not absolute", RENAME,
	  .which = UW_STR_OTHER_UPPER, .text = "wrk/" },
	{ "refuses another path in a layer for an unlink", RESOLVED, .which = UW_STR_OTHER_UPPER,
	  .text = "/wrk" },
	{ "refuses another path in a layer for a move", RENAME, .which = UW_STR_OTHER_UPPER,
	  .text = "/wrk", .op = UW_OP_MOVE },
};

static void test_contradiction(void **state)
{
	const struct contradiction *row = *state;
	struct strings strings = strings_of(row->base);
	struct uw_event ev = event_of(row->base);
	unsigned char *data;
	size_t size;

	check_accepted(&ev, &strings);
	ev.flags = (ev.flags | row->set) & ~row->clear;
	if (row->below)
		ev.below = (__u16)(row->below - 1);
	if (row->text)
		strings.s[row->which] = text(row->text);
	if (row->op)
		ev.op = (__u8)row->op;
	data = build(&ev, &strings, &size);
	check_refused(data, size);
	free(data);
}

static void test_wrong_lengths(void **state)
{
	struct uw_event ev = event_of(RENAME);
	struct strings strings = strings_of(RENAME);
	unsigned char *data;
	size_t size, i, k;

	(void)state;
	for (i = 0; i < UW_STR_MAX; i++) {
		const size_t wrong[] = { strings.s[i].len - 1, strings.s[i].len + 1, LONGEST,
					 UW_PATH_MAX, UINT16_MAX };

		for (k = 0; k < LEN(wrong); k++) {
			__u16 len = (__u16)wrong[k];

			data = build(&ev, &strings, &size);
			memcpy(data + offsetof(struct uw_event, len) + i * sizeof(len), &len,
			       sizeof(len));
			check_refused(data, size);
			free(data);
		}
	}
}

/* A layer's path is of no use without its file system. */
static void test_upper_without_device(void **state)
{
	struct uw_event ev = event_of(RESOLVED);
	struct strings strings = strings_of(RESOLVED);
	unsigned char *data;
	size_t size;

	(void)state;
	ev.upper_dev = 0;
	data = build(&ev, &strings, &size);
	check_refused(data, size);
	free(data);
}

static void test_nuls(void **state)
{
	static const enum uw_string texts[] = { UW_STR_NAME, UW_STR_OTHER_NAME, UW_STR_CGROUP };
	static const enum uw_string bytes[] = { UW_STR_CMDLINE, UW_STR_OTHER_FILE };
	struct strings strings = strings_of(RENAME);
	struct uw_event ev = event_of(RENAME);
	static struct uw_record r;
	char with[sizeof(struct uw_file)];
	unsigned char *data;
	size_t size, i, k;

	(void)state;
	strings.s[UW_STR_OTHER_NAME] = text("new");
	for (i = 0; i < LEN(texts) + LEN(bytes); i++) {
		enum uw_string which = i < LEN(texts) ? texts[i] : bytes[i - LEN(texts)];
		struct uw_str before = strings.s[which];

		for (k = 0; k < before.len; k++) {
			memcpy(with, before.s, before.len);
			with[k] = '\0';
			strings.s[which].s = with;
			data = build(&ev, &strings, &size);
			if (i < LEN(texts))
				check_refused(data, size);
			else
				assert_int_equal(uw_record_decode(data, size, &r), 0);
			free(data);
		}
		strings.s[which] = before;
	}
}

/* What is left of a record if the kernel wrote over a path as it was read. */
static const struct torn_row {
	const char *title;
	enum base base;
	enum uw_string which;
	bool unplaced;
	const char *path, *fspath, *other, *other_fspath, *upper, *other_upper;
	enum uw_path_state state;
} torn_rows[] = {
	{ "drops a path that was torn, and all that came with it", RENAME, UW_STR_PATH, true,
	  .upper = "/upr", .other_upper = "/wrk" },
	{ "drops another path that was torn", RENAME, UW_STR_OTHER, true, "/a/b", "/vol/a/b", "",
	  "", "/upr", "/wrk", UW_PATH_RESOLVED },
	{ "drops the root of a mount that was torn", RENAME, UW_STR_FSROOT, true, "/a/b", "",
	  "/old", "", "/upr", "/wrk", UW_PATH_RESOLVED },
	{ "drops a path in a layer that was torn", RENAME, UW_STR_UPPER, true, "/a/b", "/vol/a/b",
	  "/old", "/vol/old", "", "/wrk", UW_PATH_RESOLVED },
	{ "drops another path in a layer that was torn", RENAME, UW_STR_OTHER_UPPER, true, "/a/b",
	  "/vol/a/b", "/old", "/vol/old", "/upr", "", UW_PATH_RESOLVED },
	{ "needs no root for a path that was found", RENAME, UW_STR_ROOT, false, "/a/b", "/vol/a/b",
	  "/old", "/vol/old", "/upr", "/wrk", UW_PATH_RESOLVED },
	{ "drops an executable that was torn", RENAME, UW_STR_EXE, false, "/a/b", "/vol/a/b",
	  "/old", "/vol/old", "/upr", "/wrk", UW_PATH_RESOLVED },
	{ "drops a directory that was torn", UNRESOLVED, UW_STR_DIR, true },
	{ "drops a directory from a root that was torn", UNRESOLVED, UW_STR_ROOT, true },
	{ "drops the root of the mount of a directory", UNRESOLVED, UW_STR_FSROOT, true,
	  "/srv/file", "", .state = UW_PATH_LEXICAL },
	{ "drops a working directory that was torn", UNRESOLVED, UW_STR_CWD, false, "/srv/file",
	  "/srv/file", .state = UW_PATH_LEXICAL },
};

static void test_torn(void **state)
{
	static const char torn[][5] = { "\0bcd", "/b\0d", "/bc\0" };
	const struct torn_row *row = *state;
	static struct uw_record r;

	for (size_t i = 0; i < LEN(torn); i++) {
		struct strings strings = strings_of(row->base);
		struct uw_event ev = event_of(row->base);
		unsigned char *data;
		size_t size;

		if (row->base == RENAME)
			ev.flags |= UW_EV_OTHER_FS | UW_EV_CASEFOLD;
		check_accepted(&ev, &strings);
		strings.s[row->which] = (struct uw_str){ torn[i], 4 };
		data = build(&ev, &strings, &size);
		assert_int_equal(uw_record_decode(data, size, &r), 0);
		assert_null(broken(&r, data, size));
		assert_int_equal(r.unplaced, row->unplaced);
		assert_int_equal(r.path_state, row->state);
		assert_int_equal(r.found, row->state == UW_PATH_RESOLVED);
		assert_int_equal(r.casefold, row->state == UW_PATH_RESOLVED);
		assert_true(same(r.path, text(row->path ?: "")));
		assert_true(same(r.fspath, text(row->fspath ?: "")));
		assert_true(same(r.other.path, text(row->other ?: "")));
		assert_true(same(r.other.fspath, text(row->other_fspath ?: "")));
		assert_true(same(r.upper, text(row->upper ?: "")));
		assert_true(same(r.other.upper, text(row->other_upper ?: "")));
		assert_true(same(r.name, text("file")) && same(r.cgroup, text("/cgr")));
		assert_true(same(r.exe, text(row->which == UW_STR_EXE ? "" : "/exe")));
		assert_true(same(r.root, text(row->which == UW_STR_ROOT ? "" : "/jar")));
		assert_true(same(r.cwd, text(row->which == UW_STR_CWD ? "" : "/cwd")));
		assert_int_equal(r.inode_known, row->base == RENAME);
		free(data);
	}
}

/* A torn directory that a name begins with; and that of the other name. */
static void test_torn_dirs(void **state)
{
	struct strings strings = name_and_dir("/data/f", "/da\0a");
	static struct uw_record r;
	struct uw_event ev = model;
	unsigned char *data;
	size_t size;

	(void)state;
	strings.s[UW_STR_DIR] = (struct uw_str){ "/da\0a", 5 };
	ev.flags |= UW_EV_DIR_IN_NAME;
	data = build(&ev, &strings, &size);
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	assert_true(r.unplaced && r.path_state == UW_PATH_GUESSED && !r.fspath.len);
	free(data);
	strings = name_and_dir("a", "/srv");
	strings.s[UW_STR_OTHER_NAME] = text("b");
	strings.s[UW_STR_OTHER_DIR] = (struct uw_str){ "/d\0t", 4 };
	ev = model;
	ev.op = UW_OP_MOVE;
	ev.flags |= UW_EV_OTHER_DIR;
	data = build(&ev, &strings, &size);
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	assert_true(r.unplaced && same(r.path, text("/srv/a")) && !r.other.path.len);
	free(data);
}

static size_t max_of(enum uw_string which)
{
	if (which == UW_STR_ANCESTORS)
		return UW_ANCESTORS_MAX * sizeof(struct uw_ancestor);
	if (which == UW_STR_CLIENT)
		return sizeof(struct uw_client);
	return which == UW_STR_CMDLINE ? UW_CMDLINE_MAX : LONGEST;
}

/* Each string at its maximum, and with one byte more, without a shorter one to compensate. */
static void test_maxima(void **state)
{
	static char longest[UW_PATH_MAX];
	enum base base;

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	for (base = UNRESOLVED; base <= RENAME; base++) {
		struct strings all = strings_of(base);
		struct uw_event ev = event_of(base);
		size_t size, i;

		for (i = 0; i < UW_STR_MAX; i++) {
			size_t max = max_of((enum uw_string)i);
			struct strings one = strings_of(base);
			unsigned char *data;

			if (!one.s[i].len || i == UW_STR_OTHER_FILE)
				continue;
			one.s[i] = (struct uw_str){ longest, max };
			/* Together they fit in the longest event, but for those of two layers. */
			if (i != UW_STR_UPPER && i != UW_STR_OTHER_UPPER)
				all.s[i] = one.s[i];
			check_accepted(&ev, &one);
			one.s[i].len++;
			data = build(&ev, &one, &size);
			check_refused(data, size);
			free(data);
		}
		check_accepted(&ev, &all);
	}
}

/* ---- accepted events */

/* Whether the comments in unlinkwatch.h allow the combination of flags. */
static bool go_together(enum uw_op op, enum uw_via via, unsigned int flags)
{
	const unsigned int of_other = UW_EV_OTHER_CUT | UW_EV_OTHER_FS | UW_EV_OTHER_DIR |
				      UW_EV_OTHER_DIR_CUT | UW_EV_OTHER_NAME_CUT |
				      UW_EV_OTHER_NAME_FAULT | UW_EV_OTHER_MOVES_DIR |
				      UW_EV_MOVES_DIR;
	bool resolved = flags & UW_EV_RESOLVED, dir = flags & UW_EV_DIR;
	bool other_dir = flags & UW_EV_OTHER_DIR;

	return !(resolved && dir) && !(via == UW_VIA_KERNEL && (dir || other_dir)) &&
	       (resolved || !(flags & UW_EV_PATH_CUT)) && (dir || !(flags & UW_EV_DIR_CUT)) &&
	       (resolved || !(flags & UW_EV_CASEFOLD)) && !(flags & UW_EV_DIR_IN_NAME) &&
	       (resolved || dir || !(flags & (UW_EV_FS | UW_EV_DETACHED))) &&
	       (is_rename(op) || !(flags & of_other)) &&
	       (resolved || !(flags & (UW_EV_OTHER_CUT | UW_EV_OTHER_FS))) &&
	       !(resolved && other_dir) && (other_dir || !(flags & UW_EV_OTHER_DIR_CUT));
}

static void check_who(const struct uw_record *r, unsigned int flags)
{
	struct uw_str comm;
	uint32_t pid;

	assert_true(r->pid == 4242 && r->tid == 4243 && r->uid == 1000 && r->gid == 100);
	assert_true(r->fsuid == 1003 && r->fsgid == 103 && r->account == 1005);
	assert_int_equal(r->task_known, !!(flags & UW_EV_TASK));
	if (r->task_known)
		assert_true(r->ppid == 17 && r->euid == 33);
	assert_int_equal(r->private_mnt, !!(flags & UW_EV_PRIVATE_MNT));
	assert_int_equal(r->exe_known, !!(flags & UW_EV_EXE));
	if (r->exe_known)
		assert_true(r->exe_ino == 133 && r->exe_dev == 0x800003);
	assert_int_equal(r->exe_deleted, r->exe_known && flags & UW_EV_EXE_DELETED);
	assert_int_equal(r->exe_private, r->exe_known && flags & UW_EV_EXE_PRIVATE);
	assert_int_equal(r->loginuid_known, !!(flags & UW_EV_LOGINUID));
	assert_int_equal(r->session_known, !!(flags & UW_EV_LOGINUID));
	if (r->loginuid_known)
		assert_true(r->loginuid == 1001 && r->session == 3);
	assert_true(same(r->comm, text("rm")) && same(r->root, text("/jar")));
	assert_true(same(r->cwd, text("/cwd")) && same(r->exe, text("/exe")));
	assert_true(same(r->cgroup, text("/cgr")));
	assert_true(same(r->client, (struct uw_str){ (const char *)&client, sizeof(client) }));
	assert_true(uw_record_ancestor(r, 0, &comm, &pid) && same(comm, text("sh")) && pid == 9);
	assert_true(uw_record_ancestor(r, 1, &comm, &pid) && pid == 1);
	assert_true(same(comm, text("0123456789abcde")) && !uw_record_ancestor(r, 2, &comm, &pid));
	assert_int_equal(r->cmdline.len, 6);
	assert_memory_equal(r->cmdline.s, "rm\0x y", 6);
	assert_int_equal(r->cmdline_cut, !!(flags & UW_EV_CMDLINE_CUT));
	assert_int_equal(r->cwd_cut, !!(flags & UW_EV_CWD_CUT));
}

/* Whether the names are exchanged, as the event is about the new one. */
static bool is_new_name(enum uw_op op, unsigned int flags)
{
	return op == UW_OP_RENAME && flags & (UW_EV_RESOLVED | UW_EV_UNPLACED);
}

static void check_what(const struct uw_record *r, unsigned int flags)
{
	bool no_fs = is_new_name(r->op, flags) && !(flags & UW_EV_RESOLVED);

	assert_int_equal(r->dev_known, !!(flags & ((no_fs ? 0 : UW_EV_FS) | UW_EV_INODE)));
	if (r->dev_known)
		assert_true(r->dev == 0x800001 && r->dev_major == 8 && r->dev_minor == 1);
	assert_int_equal(r->inode_known, !!(flags & UW_EV_INODE));
	assert_int_equal(r->links_known, r->inode_known && r->ret_known);
	if (r->inode_known)
		assert_true(r->ino == 131 && r->bytes == 4097 && r->mode == (S_IFREG | 0640) &&
			    r->owner == 1002);
	if (r->links_known)
		assert_int_equal(r->links,
				 r->ret || r->op == UW_OP_MOVE || r->op == UW_OP_EXCHANGE ? 2 : 1);
	assert_true(same(r->fstype, text("ext4")));
}

static void check_name(const struct uw_record *r, unsigned int flags, const struct strings *strings)
{
	bool new = is_new_name(r->op, flags), dirs = new && !(flags & UW_EV_RESOLVED);
	unsigned int fault = new ? UW_EV_OTHER_NAME_FAULT : UW_EV_NAME_FAULT;
	unsigned int cut = new ? UW_EV_OTHER_NAME_CUT : UW_EV_NAME_CUT;

	assert_int_equal(r->dfd, new ? 5 : AT_FDCWD);
	assert_int_equal(r->name_known, !(flags & fault));
	assert_int_equal(r->name_cut, !!(flags & cut));
	assert_int_equal(r->name_late, !!(flags & UW_EV_NAME_LATE));
	assert_int_equal(r->dir_known, !!(flags & (dirs ? UW_EV_OTHER_DIR : UW_EV_DIR)));
	assert_int_equal(r->dir_cut, !!(flags & (dirs ? UW_EV_OTHER_DIR_CUT : UW_EV_DIR_CUT)));
	assert_int_equal(r->found, !!(flags & UW_EV_RESOLVED));
	assert_int_equal(r->unplaced, !!(flags & UW_EV_UNPLACED));
	assert_int_equal(r->detached, flags & UW_EV_DETACHED && !dirs);
	assert_int_equal(r->casefold, !!(flags & UW_EV_CASEFOLD));
	assert_int_equal(r->mntns, 4026531841);
	assert_true(same(r->name, strings->s[new ? UW_STR_OTHER_NAME : UW_STR_NAME]));
	assert_true(same(r->dir, strings->s[dirs ? UW_STR_OTHER_DIR : UW_STR_DIR]));
	assert_true(same(r->upper, strings->s[UW_STR_UPPER]) && r->upper_dev == 0x800002);
	assert_true(same(r->other.upper, strings->s[UW_STR_OTHER_UPPER]));
	if (is_rename(r->op)) {
		assert_int_equal(r->other.dfd, new ? AT_FDCWD : 5);
		assert_true(same(r->other.name, strings->s[new ? UW_STR_NAME : UW_STR_OTHER_NAME]));
	}
	if (r->via == UW_VIA_KERNEL) {
		assert_int_equal(r->path_state, UW_PATH_UNKNOWN);
		assert_false(r->path.len || r->other.path.len || r->other.path_cut);
		return;
	}
	if (!(flags & UW_EV_RESOLVED)) {
		assert_true(r->path_state != UW_PATH_RESOLVED);
		assert_true(r->path_state != UW_PATH_DETACHED || r->detached);
		assert_true(r->path_state != UW_PATH_LEXICAL || !r->detached);
		if (dirs && r->dir_known && r->name_known)
			assert_true(same(r->path, text("/dst/new")) && !r->fspath.len);
		return;
	}
	assert_int_equal(r->other.path_cut, !!(flags & UW_EV_OTHER_CUT));
	assert_true(same(r->other.path, strings->s[UW_STR_OTHER]));
	assert_true(same(r->path, text("/a/b")));
	assert_int_equal(r->path_state, flags & UW_EV_PATH_CUT	 ? UW_PATH_TRUNCATED
					: flags & UW_EV_DETACHED ? UW_PATH_DETACHED
								 : UW_PATH_RESOLVED);
}

static void check_fields(enum uw_op op, enum uw_probe probe, enum uw_via via, unsigned int flags,
			 int ret)
{
	static struct uw_record r;
	struct strings strings = strings_of(!(flags & UW_EV_RESOLVED) ? UNRESOLVED
					    : is_rename(op)	      ? RENAME
								      : RESOLVED);
	struct uw_event ev = model;
	unsigned char *data;
	const char *wrong;
	size_t size;

	if (!(flags & UW_EV_RESOLVED))
		strings.s[UW_STR_PATH].len = 0;
	if (op == UW_OP_MOVE)
		strings.s[UW_STR_OTHER_UPPER].len = 0;
	strings.s[UW_STR_DIR] = text(flags & UW_EV_DIR ? "/srv" : "");
	strings.s[UW_STR_OTHER_DIR] = text(flags & UW_EV_OTHER_DIR ? "/dst" : "");
	if (is_rename(op) && !(flags & UW_EV_OTHER_NAME_FAULT))
		strings.s[UW_STR_OTHER_NAME] = text("new");
	if (!(flags & UW_EV_FS) || via == UW_VIA_KERNEL)
		strings.s[UW_STR_FSROOT].len = 0;
	ev.op = (__u8)op;
	ev.probe = (__u8)probe;
	ev.via = (__u8)via;
	ev.flags = flags;
	ev.ret = ret;
	data = build(&ev, &strings, &size);
	if (!go_together(op, via, flags)) {
		check_refused(data, size);
		free(data);
		return;
	}
	memset(&r, 0xa5, sizeof(r));
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	assert_true(r.op == op && r.probe == probe && r.via == via);
	assert_int_equal(r.gen, 7);
	assert_int_equal(r.tree, 9);
	assert_int_equal(r.rules, 0x8000000000000001);
	assert_int_equal(r.enter_ns, 1000);
	assert_int_equal(r.exit_ns, 2500);
	assert_int_equal(r.ret_known, !(flags & UW_EV_RET_UNKNOWN));
	assert_int_equal(r.ret, flags & UW_EV_RET_UNKNOWN ? 0 : ret);
	check_who(&r, flags);
	check_what(&r, flags);
	check_name(&r, flags, &strings);
	wrong = broken(&r, data, size);
	if (wrong)
		fail_msg("op %d, probe %d, flags %#x: %s", (int)op, (int)probe, flags, wrong);
	free(data);
}

/* A name that leads into a mount from the root of its namespace; NULL means rejected. */
static const struct {
	const char *name, *dir, *path, *fspath;
} in_mounts[] = {
	{ "/data/f", "/data", "/data/f", "/sub/f" },
	{ "data/f", "/data", "/data/f", "/sub/f" },
	{ "/data//./d/../f", "/data", "/data/f", "/sub/f" },
	{ "/data/", "/data", "/data", "/sub" },
	/* Outside of the mount, the kernel has not looked for the one that is there. */
	{ "/data/../etc/f", "/data", "/etc/f", "" },
	{ "/data/x/../../etc/f", "/data", "/etc/f", "" },
	{ "/data", "/data", NULL, NULL },
	{ "/data2/f", "/data", NULL, NULL },
	{ "/dat", "/data", NULL, NULL },
	{ "f", "/data", NULL, NULL },
	{ "/f", "", NULL, NULL },
	{ "", "/data", NULL, NULL },
};

static void test_in_mount(void **state)
{
	static struct uw_record r;

	(void)state;
	for (size_t i = 0; i < LEN(in_mounts); i++) {
		struct strings strings = name_and_dir(in_mounts[i].name, in_mounts[i].dir);
		struct uw_event ev = model;
		unsigned char *data;
		size_t size;

		strings.s[UW_STR_FSROOT] = text("/sub");
		ev.flags |= UW_EV_DIR_IN_NAME;
		ev.below = 0;
		data = build(&ev, &strings, &size);
		if (in_mounts[i].path) {
			assert_int_equal(uw_record_decode(data, size, &r), 0);
			assert_null(broken(&r, data, size));
			assert_true(same(r.path, text(in_mounts[i].path)));
			assert_true(same(r.fspath, text(in_mounts[i].fspath)));
			assert_int_equal(r.path_state, UW_PATH_LEXICAL);
		} else {
			check_refused(data, size);
		}
		free(data);
		ev.flags |= UW_EV_DIR_CUT;
		data = build(&ev, &strings, &size);
		check_refused(data, size);
		free(data);
	}
}

static void test_every_flag(void **state)
{
	static const int rets[] = { 0, -EPERM, -EACCES, -4095 };
	const unsigned int of_other = (UW_EV_OTHER_FS << 1) - UW_EV_OTHER_NAME_CUT;
	const unsigned int others = UW_EV_FLAGS - (UW_EV_DETACHED - 1);
	unsigned int op, flags;

	(void)state;
	for (op = UW_OP_UNLINK; op < UW_OP_MAX; op++)
		for (flags = 0; flags < UW_EV_OTHER_NAME_CUT; flags++)
			check_fields((enum uw_op)op, UW_PROBE_KPROBE, UW_VIA_SYSCALL, flags,
				     rets[(op + flags) % LEN(rets)]);
	/* All of the other name's, with the flags that they depend on. */
	for (op = UW_OP_UNLINK; op < UW_OP_MAX; op++)
		for (flags = 0; flags <= of_other; flags += UW_EV_OTHER_NAME_CUT) {
			check_fields((enum uw_op)op, UW_PROBE_KPROBE, UW_VIA_SYSCALL, flags, 0);
			check_fields((enum uw_op)op, UW_PROBE_KPROBE, UW_VIA_SYSCALL,
				     flags | UW_EV_RESOLVED | UW_EV_FS, 0);
			check_fields((enum uw_op)op, UW_PROBE_KPROBE, UW_VIA_SYSCALL,
				     flags | UW_EV_RESOLVED | UW_EV_FS | UW_EV_OTHER_CUT, -EXDEV);
			check_fields((enum uw_op)op, UW_PROBE_KPROBE, UW_VIA_SYSCALL,
				     flags | UW_EV_DIR | UW_EV_FS, -ENOENT);
			check_fields((enum uw_op)op, UW_PROBE_KPROBE, UW_VIA_SYSCALL,
				     flags | UW_EV_DIR | UW_EV_FS | UW_EV_UNPLACED, 0);
		}
	/* All of those about the mount and the executable. */
	for (op = UW_OP_UNLINK; op < UW_OP_MAX; op++)
		for (flags = 0; flags <= others; flags += UW_EV_DETACHED) {
			check_fields((enum uw_op)op, UW_PROBE_KPROBE, UW_VIA_SYSCALL, flags, 0);
			check_fields((enum uw_op)op, UW_PROBE_KPROBE, UW_VIA_SYSCALL,
				     flags | UW_EV_RESOLVED | UW_EV_FS, 0);
			check_fields((enum uw_op)op, UW_PROBE_KPROBE, UW_VIA_SYSCALL,
				     flags | UW_EV_RESOLVED | UW_EV_PATH_CUT, 0);
			check_fields((enum uw_op)op, UW_PROBE_KPROBE, UW_VIA_SYSCALL,
				     flags | UW_EV_DIR | UW_EV_FS, -ENOENT);
		}
}

static void test_every_kind(void **state)
{
	unsigned int op, probe, via;

	(void)state;
	for (op = UW_OP_UNLINK; op < UW_OP_MAX; op++)
		for (probe = UW_PROBE_KPROBE; probe < UW_PROBE_MAX; probe++)
			for (via = UW_VIA_SYSCALL; via < UW_VIA_MAX; via++) {
				check_fields((enum uw_op)op, (enum uw_probe)probe, (enum uw_via)via,
					     UW_EV_RESOLVED, 0);
				check_fields((enum uw_op)op, (enum uw_probe)probe, (enum uw_via)via,
					     UW_EV_DIR, -ENOENT);
			}
}

static void test_extreme_numbers(void **state)
{
	static struct uw_record r;
	struct strings strings = name_and_dir("x", "");
	struct uw_event ev = model;
	unsigned char *data;
	size_t size;

	(void)state;
	ev.flags |= UW_EV_INODE;
	ev.pid = ev.tid = ev.ppid = ev.uid = ev.gid = ev.gen = ev.euid = ev.mntns = UINT32_MAX;
	ev.loginuid = ev.session = UINT32_MAX - 1;
	ev.rules = ev.enter_ns = ev.exit_ns = ev.file.ino = ev.file.bytes = UINT64_MAX;
	ev.dev = ev.file.mode = ev.file.owner = ev.file.nlink = UINT32_MAX;
	ev.below = 0;
	ev.dfd = INT_MIN;
	data = build(&ev, &strings, &size);
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	assert_true(r.pid == UINT32_MAX && r.tid == UINT32_MAX && r.ppid == UINT32_MAX);
	assert_true(r.uid == UINT32_MAX && r.gid == UINT32_MAX && r.gen == UINT32_MAX);
	assert_true(r.euid == UINT32_MAX && r.mntns == UINT32_MAX && r.owner == UINT32_MAX);
	assert_true(r.loginuid == UINT32_MAX - 1 && r.session == UINT32_MAX - 1);
	assert_true(r.rules == UINT64_MAX && r.enter_ns == UINT64_MAX && r.exit_ns == UINT64_MAX);
	assert_true(r.ino == UINT64_MAX && r.bytes == UINT64_MAX && r.mode == UINT32_MAX);
	assert_true(r.dev_major == 4095 && r.dev_minor == 1048575 && r.links == UINT32_MAX);
	assert_int_equal(r.dfd, INT_MIN);
	free(data);
}

static void test_unset_audit(void **state)
{
	static const struct {
		uint32_t loginuid, session;
		bool loginuid_known, session_known;
	} rows[] = {
		{ UINT32_MAX, UINT32_MAX, false, false },
		{ 1000, UINT32_MAX, true, false },
		{ UINT32_MAX, 1, false, true },
		{ 0, 0, true, true },
	};
	struct strings strings = name_and_dir("x", "");
	struct uw_event ev = model;
	static struct uw_record r;
	size_t size, i;

	(void)state;
	ev.below = 0;
	for (i = 0; i < LEN(rows); i++) {
		unsigned char *data;

		ev.loginuid = rows[i].loginuid;
		ev.session = rows[i].session;
		data = build(&ev, &strings, &size);
		assert_int_equal(uw_record_decode(data, size, &r), 0);
		assert_int_equal(r.loginuid_known, rows[i].loginuid_known);
		assert_int_equal(r.session_known, rows[i].session_known);
		free(data);
	}
}

static void test_links(void **state)
{
	static const struct {
		enum uw_op op;
		int ret;
		uint32_t mode, before, left;
	} rows[] = {
		{ UW_OP_UNLINK, 0, S_IFREG, 1, 0 },
		{ UW_OP_UNLINK, 0, S_IFREG, 2, 1 },
		{ UW_OP_UNLINK, 0, S_IFLNK, 65000, 64999 },
		{ UW_OP_UNLINK, 0, S_IFREG, 0, 0 }, /* a temporary file that was never linked */
		{ UW_OP_UNLINK, -EACCES, S_IFREG, 2, 2 },
		{ UW_OP_UNLINK, -EISDIR, S_IFDIR, 5, 5 },
		{ UW_OP_RMDIR, 0, S_IFDIR, 2, 0 },
		{ UW_OP_RMDIR, 0, S_IFDIR, 1, 0 }, /* btrfs counts no subdirectories */
		{ UW_OP_RMDIR, -ENOTEMPTY, S_IFDIR, 7, 7 },
		{ UW_OP_RMDIR, -ENOTDIR, S_IFREG, 1, 1 },
		{ UW_OP_RENAME, 0, S_IFREG, 1, 0 },
		{ UW_OP_RENAME, 0, S_IFREG, 3, 2 },
		{ UW_OP_RENAME, 0, S_IFDIR, 2, 0 },
		{ UW_OP_RENAME, -EXDEV, S_IFREG, 1, 1 },
		{ UW_OP_MOVE, 0, S_IFREG, 1, 1 },
		{ UW_OP_MOVE, 0, S_IFDIR, 2, 2 },
		{ UW_OP_EXCHANGE, 0, S_IFREG, 3, 3 },
	};
	static struct uw_record r;
	size_t size, i;

	(void)state;
	for (i = 0; i < LEN(rows); i++) {
		bool rename = is_rename(rows[i].op);
		struct strings strings = strings_of(rename ? RENAME : RESOLVED);
		struct uw_event ev = event_of(rename ? RENAME : RESOLVED);
		unsigned char *data;

		strings.s[UW_STR_OTHER_UPPER].len = 0;
		ev.op = (__u8)rows[i].op;
		ev.ret = rows[i].ret;
		ev.file.mode = rows[i].mode | 0600;
		ev.file.nlink = rows[i].before;
		data = build(&ev, &strings, &size);
		assert_int_equal(uw_record_decode(data, size, &r), 0);
		assert_true(r.links_known);
		assert_int_equal(r.links, rows[i].left);
		free(data);
		ev.flags |= UW_EV_RET_UNKNOWN;
		data = build(&ev, &strings, &size);
		assert_int_equal(uw_record_decode(data, size, &r), 0);
		assert_false(r.links_known);
		free(data);
	}
}

static void test_no_device(void **state)
{
	struct strings strings = strings_of(RESOLVED);
	struct uw_event ev = event_of(RESOLVED);
	static struct uw_record r;
	unsigned char *data;
	size_t size;

	(void)state;
	ev.dev = 0;
	data = build(&ev, &strings, &size);
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	assert_false(r.dev_known);
	free(data);
}

/* As after a read that failed, or that stopped just at the end of the buffer. */
static void test_cut_of_nothing(void **state)
{
	struct strings strings = strings_of(RENAME);
	struct uw_event ev = event_of(RENAME);
	static struct uw_record r;
	unsigned char *data;
	size_t size;

	(void)state;
	strings.s[UW_STR_CWD].len = strings.s[UW_STR_OTHER].len = strings.s[UW_STR_CMDLINE].len = 0;
	ev.flags |= UW_EV_CWD_CUT | UW_EV_OTHER_CUT | UW_EV_CMDLINE_CUT;
	data = build(&ev, &strings, &size);
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	assert_false(r.cwd_cut || r.other.path_cut || r.cmdline_cut);
	free(data);
}

static void test_names_without_nul(void **state)
{
	static struct uw_record r;
	struct strings strings = { 0 };
	struct uw_event ev = model;
	unsigned char *data;
	size_t size;

	(void)state;
	memset(ev.comm, 'c', sizeof(ev.comm));
	memset(ev.fstype, 'f', sizeof(ev.fstype));
	ev.below = 0;
	/* Without strings, a read beyond the field leaves the memory. */
	data = build(&ev, &strings, &size);
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	assert_int_equal(r.comm.len, UW_COMM_LEN);
	assert_memory_equal(r.comm.s, ev.comm, UW_COMM_LEN);
	assert_int_equal(r.fstype.len, UW_FSTYPE_LEN);
	assert_memory_equal(r.fstype.s, ev.fstype, UW_FSTYPE_LEN);
	free(data);
}

/* ---- paths */

#define WALKED UW_EV_DIR

static const struct path_row {
	const char *title;
	unsigned int flags;
	const char *name, *dir;
	int dfd;
	const char *cwd; /* NULL if none is offered */
	const char *path;
	enum uw_path_state state;
	bool wants_cwd;
	const char *root;
} paths[] = {
	{ "joins a relative name with its directory", WALKED, "a", "/srv", AT_FDCWD, NULL, "/srv/a",
	  UW_PATH_LEXICAL },
	{ "joins a name with the directory of a descriptor", WALKED, "a/b", "/srv/d", 5, NULL,
	  "/srv/d/a/b", UW_PATH_LEXICAL },
	{ "joins a relative name with the root", WALKED, "a", "", AT_FDCWD, NULL, "/a",
	  UW_PATH_LEXICAL },
	{ "leaves an absolute name as it is", WALKED, "/etc/hosts", "", AT_FDCWD, NULL,
	  "/etc/hosts", UW_PATH_LEXICAL },
	{ "guesses the root of an absolute name without a directory", 0, "/etc/hosts", "", AT_FDCWD,
	  NULL, "/etc/hosts", UW_PATH_GUESSED },
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
	{ "ends at the root for a name of dots alone", WALKED, "../..", "/srv", AT_FDCWD, NULL, "/",
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
	{ "keeps all other bytes", WALKED, "a\n\xff\x1b \"\\", "/srv", AT_FDCWD, NULL,
	  "/srv/a\n\xff\x1b \"\\", UW_PATH_LEXICAL },
	{ "puts the root of a chroot before an absolute name", WALKED, "/etc/x", "/srv/jail",
	  AT_FDCWD, NULL, "/srv/jail/etc/x", UW_PATH_LEXICAL },
	{ "takes the root of a chroot for itself", WALKED, "/", "/srv/jail", AT_FDCWD, NULL,
	  "/srv/jail", UW_PATH_LEXICAL },
	{ "keeps two dots at the beginning inside a chroot", WALKED, "/../../etc/x", "/srv/jail",
	  AT_FDCWD, NULL, "/srv/jail/etc/x", UW_PATH_LEXICAL },
	{ "keeps two dots further on inside a chroot", WALKED, "/a/../../x", "/srv/jail", AT_FDCWD,
	  NULL, "/srv/jail/x", UW_PATH_LEXICAL },
	{ "keeps a name of two dots inside a chroot", WALKED, "/..", "/srv/jail", AT_FDCWD, NULL,
	  "/srv/jail", UW_PATH_LEXICAL },
	{ "keeps two dots of a relative name inside a chroot", WALKED, "../../../x", "/srv/jail/a",
	  AT_FDCWD, NULL, "/srv/jail/x", UW_PATH_LEXICAL, .root = "/srv/jail" },
	{ "keeps two dots from the root of a chroot inside it", WALKED, "../x", "/srv/jail",
	  AT_FDCWD, NULL, "/srv/jail/x", UW_PATH_LEXICAL, .root = "/srv/jail" },
	{ "goes up at two dots from a directory outside of the chroot", WALKED, "../../x",
	  "/srv/jailed/a", 5, NULL, "/srv/x", UW_PATH_LEXICAL, .root = "/srv/jail" },
	{ "goes up at two dots from a directory above the chroot", WALKED, "../x", "/srv", 5, NULL,
	  "/x", UW_PATH_LEXICAL, .root = "/srv/jail" },
	{ "calls a path truncated if its directory was cut", WALKED | UW_EV_DIR_CUT, "a", "/tail",
	  AT_FDCWD, NULL, "/tail/a", UW_PATH_TRUNCATED },
	{ "calls a path truncated if its name was cut", WALKED | UW_EV_NAME_CUT, "abc", "/srv",
	  AT_FDCWD, NULL, "/srv/abc", UW_PATH_TRUNCATED },
	{ "calls a path truncated if its absolute name was cut", UW_EV_NAME_CUT, "/abc", "",
	  AT_FDCWD, NULL, "/abc", UW_PATH_TRUNCATED },
	{ "completes a name that was read late", WALKED | UW_EV_NAME_LATE, "a", "/srv", AT_FDCWD,
	  NULL, "/srv/a", UW_PATH_LEXICAL },
	{ "knows no path without the working directory, and asks for it", 0, "a", "", AT_FDCWD,
	  NULL, "", UW_PATH_UNKNOWN, true },
	{ "knows no path without the descriptor's directory, and asks for nothing", 0, "a", "", 5,
	  NULL, "", UW_PATH_UNKNOWN, false },
	{ "knows no path for a name that could not be read", WALKED | UW_EV_NAME_FAULT, "", "/srv",
	  AT_FDCWD, NULL, "", UW_PATH_UNKNOWN, false },
	{ "knows no path for an unread name without a directory", UW_EV_NAME_FAULT, "", "",
	  AT_FDCWD, NULL, "", UW_PATH_UNKNOWN, false },
	{ "knows no path for an empty name", WALKED, "", "/srv", AT_FDCWD, NULL, "",
	  UW_PATH_UNKNOWN, false },
	{ "joins a guessed directory and calls the path guessed", 0, "a", "", AT_FDCWD, "/home/u",
	  "/home/u/a", UW_PATH_GUESSED, true },
	{ "goes up from a guessed directory", 0, "../a/", "", AT_FDCWD, "/home/u", "/home/a",
	  UW_PATH_GUESSED, true },
	{ "joins a guessed root", 0, "a", "", AT_FDCWD, "/", "/a", UW_PATH_GUESSED, true },
	{ "calls a guessed path truncated if the name was cut", UW_EV_NAME_CUT, "abc", "", AT_FDCWD,
	  "/home/u", "/home/u/abc", UW_PATH_TRUNCATED, true },
	{ "refuses an unreachable working directory", 0, "a", "", AT_FDCWD, "(unreachable)/x", "",
	  UW_PATH_UNKNOWN, true },
	{ "refuses a relative working directory", 0, "a", "", AT_FDCWD, "home", "", UW_PATH_UNKNOWN,
	  true },
	{ "refuses an empty working directory", 0, "a", "", AT_FDCWD, "", "", UW_PATH_UNKNOWN,
	  true },
};

static void test_path(void **state)
{
	static struct uw_record r;
	const struct path_row *row = *state;
	struct strings strings = name_and_dir(row->name, row->dir);
	struct uw_event ev = model;
	unsigned char *data;
	const char *wrong;
	size_t size;

	if (row->root)
		strings.s[UW_STR_ROOT] = text(row->root);
	ev.flags = row->flags;
	ev.dfd = row->dfd;
	data = build(&ev, &strings, &size);
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	assert_int_equal(uw_record_wants_cwd(&r), row->wants_cwd);
	if (row->cwd) {
		/* Without a NUL, in memory that is freed afterwards. */
		char *cwd = malloc(strlen(row->cwd) ?: 1);

		assert_non_null(cwd);
		memcpy(cwd, row->cwd, strlen(row->cwd));
		uw_record_guess(&r, cwd, strlen(row->cwd));
		free(cwd);
		assert_int_equal(uw_record_wants_cwd(&r), row->state == UW_PATH_UNKNOWN);
	}
	if (!same(r.path, text(row->path)))
		fail_msg("the path is %.*s, not %s", (int)r.path.len, r.path.s, row->path);
	assert_int_equal(r.path_state, row->state);
	assert_int_equal(r.fspath.len, 0);
	wrong = broken(&r, data, size);
	if (wrong)
		fail_msg("%s", wrong);
	free(data);
}

/* With UW_EV_RESOLVED, `where` is the path, otherwise the directory. */
static const struct fs_row {
	const char *title;
	unsigned int flags;
	const char *name, *where, *fsroot;
	__u16 below;
	const char *path;
	enum uw_path_state state;
	const char *fspath;
	const char *root;
} fs_rows[] = {
#define FOUND (UW_EV_RESOLVED | UW_EV_FS)
	{ "takes the path that the kernel found", FOUND, "x", "/srv/a", "", 6, "/srv/a",
	  UW_PATH_RESOLVED, "/srv/a" },
	{ "takes the path that the kernel found, whatever the name", FOUND, "../..//b/./", "/srv/a",
	  "", 6, "/srv/a", UW_PATH_RESOLVED, "/srv/a" },
	{ "takes the path that the kernel found of a name that was cut", FOUND | UW_EV_NAME_CUT,
	  "x", "/srv/a", "", 6, "/srv/a", UW_PATH_RESOLVED, "/srv/a" },
	{ "takes the path that the kernel found of a name that could not be read",
	  FOUND | UW_EV_NAME_FAULT, "", "/srv/a", "", 6, "/srv/a", UW_PATH_RESOLVED, "/srv/a" },
	{ "keeps every byte of a path that the kernel found", FOUND, "x", "/\n\xff/ \\", "", 6,
	  "/\n\xff/ \\", UW_PATH_RESOLVED, "/\n\xff/ \\" },
	{ "leaves out the mount point", FOUND, "x", "/srv/a", "", 2, "/srv/a", UW_PATH_RESOLVED,
	  "/a" },
	{ "prepends the root of a bind mount", FOUND, "x", "/mnt/x/y", "/data/d", 4, "/mnt/x/y",
	  UW_PATH_RESOLVED, "/data/d/x/y" },
	{ "prepends a subvolume", FOUND, "x", "/home/u/f", "/@home", 4, "/home/u/f",
	  UW_PATH_RESOLVED, "/@home/u/f" },
	{ "places the root of a mount at what the mount shows", FOUND, "x", "/mnt", "/data", 0,
	  "/mnt", UW_PATH_RESOLVED, "/data" },
	{ "places the root of a file system at itself", FOUND, "x", "/mnt", "", 0, "/mnt",
	  UW_PATH_RESOLVED, "/" },
	{ "knows no place of a path without its file system", UW_EV_RESOLVED, "x", "/srv/a", "", 6,
	  "/srv/a", UW_PATH_RESOLVED, "" },
	{ "calls a path truncated if its beginning is missing", FOUND | UW_EV_PATH_CUT, "x", "/z/a",
	  "", 4, "/z/a", UW_PATH_TRUNCATED, "" },
	{ "knows the place of a path of which only the mount point was cut", FOUND | UW_EV_PATH_CUT,
	  "x", "/z/a", "/data", 2, "/z/a", UW_PATH_TRUNCATED, "/data/a" },
	{ "takes a path that was cut within a component", FOUND | UW_EV_PATH_CUT, "x", "z/a", "", 3,
	  "z/a", UW_PATH_TRUNCATED, "" },
	{ "keeps dots inside a mount, which no kernel reports", FOUND, "x", "/m/a/../../../b",
	  "/data", 13, "/m/a/../../../b", UW_PATH_RESOLVED, "/data/b" },
#define PLACED (UW_EV_DIR | UW_EV_FS)
	{ "places a name below its directory", PLACED, "a", "/srv/d", "", 2, "/srv/d/a",
	  UW_PATH_LEXICAL, "/d/a" },
	{ "places a name below its directory in a bind mount", PLACED, "a/./b", "/mnt/d", "/data",
	  2, "/mnt/d/a/b", UW_PATH_LEXICAL, "/data/d/a/b" },
	{ "places a name below the root of a mount", PLACED, "a", "/mnt", "/data", 0, "/mnt/a",
	  UW_PATH_LEXICAL, "/data/a" },
	{ "places a name below the root", PLACED, "a", "", "", 0, "/a", UW_PATH_LEXICAL, "/a" },
	{ "places a name that goes up within the mount", PLACED, "../a", "/mnt/d", "/data", 2,
	  "/mnt/a", UW_PATH_LEXICAL, "/data/a" },
	{ "places a name that goes up to the root of the mount", PLACED, "..", "/mnt/d", "", 2,
	  "/mnt", UW_PATH_LEXICAL, "/" },
	{ "knows no place of a name that leaves the mount", PLACED, "../../a", "/mnt/d", "/data", 2,
	  "/a", UW_PATH_LEXICAL, "" },
	{ "knows no place of a name that leaves the mount and comes back", PLACED, "../../mnt/a",
	  "/mnt/d", "/data", 2, "/mnt/a", UW_PATH_LEXICAL, "" },
	{ "knows no place of a name that would leave the root", PLACED, "../../a", "/d", "", 2,
	  "/a", UW_PATH_LEXICAL, "" },
	{ "knows no place of a name that would leave a chroot", PLACED, "../../a", "/srv/jail/d",
	  "", 11, "/srv/jail/a", UW_PATH_LEXICAL, "", "/srv/jail" },
	{ "places an absolute name below the root", PLACED, "/etc/x", "", "", 0, "/etc/x",
	  UW_PATH_LEXICAL, "/etc/x" },
	{ "places an absolute name below the root of a chroot", PLACED, "/../etc/x", "/srv/jail",
	  "/vol", 5, "/srv/jail/etc/x", UW_PATH_LEXICAL, "/vol/jail/etc/x" },
	{ "knows no place of a name that was cut", PLACED | UW_EV_NAME_CUT, "a", "/srv", "", 4,
	  "/srv/a", UW_PATH_TRUNCATED, "" },
	{ "knows no place below a directory that was cut", PLACED | UW_EV_DIR_CUT, "a", "/srv", "",
	  4, "/srv/a", UW_PATH_TRUNCATED, "" },
	{ "knows the place below a directory of which only the mount point was cut",
	  PLACED | UW_EV_DIR_CUT, "a", "/m/d", "/data", 2, "/m/d/a", UW_PATH_TRUNCATED,
	  "/data/d/a" },
	{ "knows no place of a name that could not be read", PLACED | UW_EV_NAME_FAULT, "", "/srv",
	  "", 4, "", UW_PATH_UNKNOWN, "" },
};

static void test_fs(void **state)
{
	static struct uw_record r;
	const struct fs_row *row = *state;
	struct strings strings = name_and_dir(row->name, "");
	struct uw_event ev = model;
	unsigned char *data;
	const char *wrong;
	size_t size;

	strings.s[row->flags & UW_EV_RESOLVED ? UW_STR_PATH : UW_STR_DIR] = text(row->where);
	strings.s[UW_STR_FSROOT] = text(row->fsroot);
	if (row->root)
		strings.s[UW_STR_ROOT] = text(row->root);
	ev.flags = row->flags;
	ev.below = row->below;
	data = build(&ev, &strings, &size);
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	if (!same(r.path, text(row->path)))
		fail_msg("the path is %.*s, not %s", (int)r.path.len, r.path.s, row->path);
	if (!same(r.fspath, text(row->fspath)))
		fail_msg("the path in the file system is %.*s, not %s", (int)r.fspath.len,
			 r.fspath.s, row->fspath);
	assert_int_equal(r.path_state, row->state);
	assert_false(uw_record_wants_cwd(&r));
	wrong = broken(&r, data, size);
	if (wrong)
		fail_msg("%s", wrong);
	free(data);
}

/* What a rename makes of its two names, and of them exchanged. */
static void test_rename(void **state)
{
	static const enum uw_op ops[] = { UW_OP_RENAME, UW_OP_MOVE, UW_OP_EXCHANGE };
	static struct uw_record r;

	(void)state;
	for (size_t i = 0; i < LEN(ops); i++) {
		struct strings strings = strings_of(RENAME);
		struct uw_event ev = event_of(RENAME);
		unsigned char *data;
		size_t size;

		ev.op = (__u8)ops[i];
		ev.ret = 0;
		ev.flags |= UW_EV_OTHER_FS | UW_EV_OTHER_MOVES_DIR;
		strings.s[UW_STR_OTHER_NAME] = text("new");
		if (ops[i] == UW_OP_MOVE)
			strings.s[UW_STR_OTHER_UPPER].len = 0;
		data = build(&ev, &strings, &size);
		assert_int_equal(uw_record_decode(data, size, &r), 0);
		assert_int_equal(uw_record_other_counts(&r), ops[i] != UW_OP_MOVE);
		assert_true(same(r.path, text("/a/b")) && same(r.fspath, text("/vol/a/b")));
		assert_true(same(r.other.path, text("/old")));
		assert_true(same(r.other.fspath, text("/vol/old")));
		assert_true(!r.moves_dir && r.other.moves_dir);
		assert_true(r.ino == 131 && r.other.file.ino == 132);
		uw_record_swap(&r);
		assert_true(same(r.path, text("/old")) && same(r.fspath, text("/vol/old")));
		assert_true(same(r.other.path, text("/a/b")));
		assert_true(same(r.name, text(ops[i] == UW_OP_RENAME ? "file" : "new")));
		assert_true(same(r.other.name, text(ops[i] == UW_OP_RENAME ? "new" : "file")));
		assert_int_equal(r.dfd, ops[i] == UW_OP_RENAME ? AT_FDCWD : 5);
		assert_true(same(r.upper, text(ops[i] == UW_OP_MOVE ? "" : "/wrk")));
		assert_true(same(r.other.upper, text("/upr")));
		assert_true(r.moves_dir && !r.other.moves_dir);
		assert_true(r.ino == 132 && r.bytes == 5 && r.mode == (S_IFDIR | 0750));
		assert_true(r.owner == 1004 && r.other.file.ino == 131);
		assert_int_equal(r.links, ops[i] == UW_OP_RENAME ? 0 : 3);
		uw_record_swap(&r);
		assert_true(same(r.path, text("/a/b")) && r.ino == 131 && r.links_known);
		assert_null(broken(&r, data, size));
		free(data);
	}
}

/*
 * A rename whose target was found, but could not be placed, is about the new name. That starts at
 * its own directory, of which the file system is not known.
 */
static void test_rename_unplaced(void **state)
{
	struct strings strings = name_and_dir("a", "/srv");
	static struct uw_record r;
	struct uw_event ev = model;
	unsigned char *data;
	size_t size;

	(void)state;
	strings.s[UW_STR_OTHER_NAME] = text("../b");
	strings.s[UW_STR_OTHER_DIR] = text("/home/u");
	strings.s[UW_STR_FSROOT] = text("/vol");
	ev.op = UW_OP_RENAME;
	ev.flags |= UW_EV_OTHER_DIR | UW_EV_UNPLACED | UW_EV_INODE;
	ev.ret = 0;
	data = build(&ev, &strings, &size);
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	assert_null(broken(&r, data, size));
	assert_true(r.unplaced && !r.found && r.path_state == UW_PATH_LEXICAL);
	assert_true(same(r.path, text("/home/b")) && same(r.dir, text("/home/u")));
	assert_true(same(r.other.path, text("/srv/a")) && !r.fspath.len);
	assert_true(r.dfd == 5 && r.other.dfd == AT_FDCWD && r.ino == 131 && r.links == 1);
	free(data);
	/* A kernel thread's event has one name, which is that of the record. */
	strings = name_and_dir("b", "");
	ev.flags = UW_EV_UNPLACED;
	ev.via = UW_VIA_KERNEL;
	data = build(&ev, &strings, &size);
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	assert_true(same(r.name, text("b")) && !r.other.name.len);
	free(data);
}

/* Names that the kernel did not resolve: each starts at its own directory. */
static void test_rename_by_names(void **state)
{
	struct strings strings = name_and_dir("a", "/srv");
	static struct uw_record r;
	struct uw_event ev = model;
	unsigned char *data;
	size_t size;

	(void)state;
	strings.s[UW_STR_OTHER_NAME] = text("../b");
	strings.s[UW_STR_OTHER_DIR] = text("/home/u");
	ev.op = UW_OP_MOVE;
	ev.flags |= UW_EV_OTHER_DIR;
	ev.ret = -EXDEV;
	data = build(&ev, &strings, &size);
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	assert_true(same(r.path, text("/srv/a")) && same(r.other.path, text("/home/b")));
	assert_int_equal(r.other.path_state, UW_PATH_LEXICAL);
	/* It may be a directory. It has replaced nothing. */
	assert_true(r.moves_dir && !uw_record_other_counts(&r));
	free(data);
	ev.ret = 0;
	data = build(&ev, &strings, &size);
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	assert_true(uw_record_other_counts(&r));
	free(data);
	/* Without the directories, both are guessed. */
	strings.s[UW_STR_DIR] = strings.s[UW_STR_OTHER_DIR] = text("");
	ev.flags = 0;
	ev.other_dfd = AT_FDCWD;
	data = build(&ev, &strings, &size);
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	assert_true(uw_record_wants_cwd(&r) && !r.path.len && !r.other.path.len);
	uw_record_guess(&r, "/home/u", 7);
	assert_true(same(r.path, text("/home/u/a")) && same(r.other.path, text("/home/b")));
	assert_int_equal(r.other.path_state, UW_PATH_GUESSED);
	free(data);
}

/* None begins with a slash, so all get one, and the buffers are full to the last byte. */
static void test_longest(void **state)
{
	static char name[LONGEST], dir[LONGEST], fsroot[LONGEST];
	static struct uw_record r;
	struct strings strings = { 0 };
	struct uw_event ev = model;
	unsigned char *data;
	size_t size;

	(void)state;
	memset(name, 'n', sizeof(name));
	memset(dir, 'd', sizeof(dir));
	memset(fsroot, 'f', sizeof(fsroot));
	strings.s[UW_STR_NAME] = (struct uw_str){ name, LONGEST };
	strings.s[UW_STR_DIR] = (struct uw_str){ dir, LONGEST };
	strings.s[UW_STR_FSROOT] = (struct uw_str){ fsroot, LONGEST };
	ev.below = LONGEST;
	data = build(&ev, &strings, &size);
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	assert_int_equal(r.path.len, sizeof(r.buffer));
	assert_int_equal(r.path.s[0], '/');
	assert_memory_equal(r.path.s + 1, dir, sizeof(dir));
	assert_int_equal(r.path.s[1 + LONGEST], '/');
	assert_memory_equal(r.path.s + 2 + LONGEST, name, sizeof(name));
	assert_int_equal(r.fspath.len, sizeof(r.fsbuffer));
	assert_int_equal(r.fspath.s[0], '/');
	assert_memory_equal(r.fspath.s + 1, fsroot, sizeof(fsroot));
	assert_memory_equal(r.fspath.s + UW_PATH_MAX, r.path.s, r.path.len);
	free(data);
}

static void test_most_components(void **state)
{
	static char name[LONGEST], dir[LONGEST];
	static struct uw_record r;
	struct strings strings = { 0 };
	struct uw_event ev = model;
	unsigned char *data;
	const char *wrong;
	size_t size, i;

	(void)state;
	for (i = 0; i < LONGEST; i++) {
		name[i] = i % 2 ? '/' : 'n';
		dir[i] = i % 2 ? 'd' : '/';
	}
	strings.s[UW_STR_NAME] = (struct uw_str){ name, LONGEST };
	strings.s[UW_STR_DIR] = (struct uw_str){ dir, LONGEST };
	ev.below = LONGEST;
	data = build(&ev, &strings, &size);
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	wrong = broken(&r, data, size);
	if (wrong)
		fail_msg("%s", wrong);
	/* 2047 of the directory without its last slash, 2048 of the name, each with its slash. */
	assert_int_equal(r.path.len, 2 * (2047 + 2048));
	assert_true(same(r.fspath, r.path));
	free(data);
}

static void test_longest_guess(void **state)
{
	static char name[LONGEST], cwd[UW_PATH_MAX];
	static struct uw_record r;
	struct strings strings = { 0 };
	struct uw_event ev = model;
	unsigned char *data;
	size_t size;

	(void)state;
	memset(name, 'n', sizeof(name));
	memset(cwd, 'd', sizeof(cwd));
	cwd[0] = '/';
	strings.s[UW_STR_NAME] = (struct uw_str){ name, LONGEST };
	ev.flags = 0;
	data = build(&ev, &strings, &size);
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	uw_record_guess(&r, cwd, sizeof(cwd));
	assert_int_equal(r.path_state, UW_PATH_UNKNOWN);
	uw_record_guess(&r, cwd, LONGEST);
	assert_int_equal(r.path_state, UW_PATH_GUESSED);
	assert_int_equal(r.path.len, LONGEST + 1 + LONGEST);
	free(data);
}

/* A path within the file system, all of it below the root. */
static struct uw_event of_kthread(struct strings *strings, const char *path, const char *by)
{
	struct uw_event ev = model;

	*strings = name_and_dir("x", "");
	strings->s[UW_STR_PATH] = text(path);
	strings->s[UW_STR_OTHER] = text(by);
	ev.op = *by ? UW_OP_RENAME : UW_OP_UNLINK;
	ev.via = UW_VIA_KERNEL;
	ev.flags = UW_EV_RESOLVED | UW_EV_FS;
	if (*by)
		ev.flags |= UW_EV_OTHER_FS;
	ev.below = (__u16)strlen(path);
	ev.other_below = (__u16)strlen(by);
	return ev;
}

static void test_kthread(void **state)
{
	static struct uw_record r;
	struct strings strings;
	struct uw_event ev = of_kthread(&strings, "/d/x", "/e/y");
	unsigned char *data;
	size_t size;

	(void)state;
	data = build(&ev, &strings, &size);
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	assert_true(r.found && same(r.fspath, text("/d/x")) && same(r.other.fspath, text("/e/y")));
	assert_true(r.path_state == UW_PATH_UNKNOWN && !r.path.len && !r.other.path.len);
	assert_false(uw_record_wants_cwd(&r));
	uw_record_place(&r, text("/srv/d/x"), text("/srv/e/y"));
	assert_int_equal(r.path_state, UW_PATH_RESOLVED);
	assert_true(same(r.path, text("/srv/d/x")) && same(r.other.path, text("/srv/e/y")));
	free(data);
}

static void test_kthread_cut(void **state)
{
	static struct uw_record r;
	struct strings strings;
	struct uw_event ev = of_kthread(&strings, "/d/x", "/e/y");
	unsigned char *data;
	size_t size;

	(void)state;
	ev.flags |= UW_EV_PATH_CUT | UW_EV_OTHER_CUT;
	data = build(&ev, &strings, &size);
	assert_int_equal(uw_record_decode(data, size, &r), 0);
	assert_true(r.found && !r.fspath.len && !r.other.fspath.len && !r.other.path_cut);
	free(data);
}

/* Facts that the kernel side cannot know about a kernel thread's deletion. */
static void test_kthread_refused(void **state)
{
	struct strings strings;
	struct uw_event ev = of_kthread(&strings, "/d/x", "");
	unsigned char *data;
	size_t size;

	(void)state;
	ev.below = 2;
	data = build(&ev, &strings, &size);
	check_refused(data, size);
	free(data);
	ev.below = 4;
	strings.s[UW_STR_FSROOT] = text("/vol");
	data = build(&ev, &strings, &size);
	check_refused(data, size);
	free(data);
	strings = name_and_dir("x", "/d");
	ev.flags = UW_EV_DIR;
	data = build(&ev, &strings, &size);
	check_refused(data, size);
	free(data);
}

static void test_state_names(void **state)
{
	(void)state;
	assert_string_equal(uw_path_state_name(UW_PATH_UNKNOWN), "unknown");
	assert_string_equal(uw_path_state_name(UW_PATH_RESOLVED), "resolved");
	assert_string_equal(uw_path_state_name(UW_PATH_LEXICAL), "lexical");
	assert_string_equal(uw_path_state_name(UW_PATH_TRUNCATED), "truncated");
	assert_string_equal(uw_path_state_name(UW_PATH_GUESSED), "guessed");
	assert_string_equal(uw_path_state_name(UW_PATH_DETACHED), "detached");
}

/* ---- random events, with a fixed seed */

static uint64_t seed;

static uint64_t any(uint64_t below)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (seed * UINT64_C(0x2545f4914f6cdd1d) >> 16) % below;
}

static size_t any_text(char *to, size_t max)
{
	static const char letters[] = "//////......ab\n\xff";
	size_t len = any(32) ? any(40) : any(max + 1), i;

	for (i = 0; i < len; i++)
		to[i] = letters[any(sizeof(letters) - 1)];
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
		wrong = uw_record_wants_cwd(&r) ? "it cannot be guessed" : broken(&r, data, size);
	}
	if (wrong)
		fail_msg("%s: %.*s", wrong, (int)r.path.len, r.path.s);
}

/* Random strings for an event, most of which fit its flags. */
static void any_strings(struct uw_event *ev, struct strings *strings)
{
	static char text_of[UW_STR_MAX][UW_PATH_MAX];
	size_t i;

	for (i = 0; i < UW_STR_MAX; i++) {
		size_t max = max_of((enum uw_string)i);

		strings->s[i] = (struct uw_str){ text_of[i], any_text(text_of[i], max) };
	}
	strings->s[UW_STR_ANCESTORS].len -=
		strings->s[UW_STR_ANCESTORS].len % sizeof(struct uw_ancestor);
	strings->s[UW_STR_CLIENT].len -= strings->s[UW_STR_CLIENT].len % sizeof(struct uw_client);
	if (!any(8))
		return;
	if (any(2)) {
		ev->flags &= ~(unsigned int)(UW_EV_DIR | UW_EV_DIR_CUT);
		ev->flags |= UW_EV_RESOLVED;
		text_of[UW_STR_PATH][0] = '/';
		strings->s[UW_STR_PATH].len = strings->s[UW_STR_PATH].len ?: 1;
		strings->s[UW_STR_DIR].len = 0;
	} else {
		ev->flags &= ~(unsigned int)(UW_EV_RESOLVED | UW_EV_PATH_CUT);
		ev->flags |= UW_EV_DIR;
		strings->s[UW_STR_PATH].len = 0;
	}
	if (ev->flags & UW_EV_FS)
		ev->below =
			(__u16)any(1 + strings->s[UW_STR_PATH].len + strings->s[UW_STR_DIR].len);
	else
		strings->s[UW_STR_FSROOT].len = 0;
	text_of[UW_STR_OTHER][0] = '/';
	if (ev->flags & UW_EV_RESOLVED) {
		ev->flags &= ~(unsigned int)(UW_EV_OTHER_DIR | UW_EV_OTHER_DIR_CUT);
		ev->other_below = (__u16)any(1 + strings->s[UW_STR_OTHER].len);
		strings->s[UW_STR_OTHER_DIR].len = 0;
	} else {
		ev->flags &= ~(unsigned int)(UW_EV_OTHER_CUT | UW_EV_OTHER_FS);
		ev->flags |= UW_EV_OTHER_DIR;
		strings->s[UW_STR_OTHER].len = 0;
	}
	text_of[UW_STR_UPPER][0] = text_of[UW_STR_OTHER_UPPER][0] = '/';
	if (!(ev->flags & (UW_EV_RESOLVED | UW_EV_UNPLACED)))
		strings->s[UW_STR_UPPER].len = 0;
	if (!strings->s[UW_STR_UPPER].len || (ev->op != UW_OP_RENAME && ev->op != UW_OP_EXCHANGE))
		strings->s[UW_STR_OTHER_UPPER].len = 0;
	if (!(ev->flags & UW_EV_RESOLVED))
		ev->flags &= ~(unsigned int)(UW_EV_DETACHED | UW_EV_CASEFOLD);
	if (!is_rename((enum uw_op)ev->op)) {
		ev->flags &= ~(unsigned int)(UW_EV_OTHER_CUT | UW_EV_OTHER_FS | UW_EV_OTHER_DIR |
					     UW_EV_OTHER_DIR_CUT | UW_EV_OTHER_NAME_CUT |
					     UW_EV_OTHER_NAME_FAULT | UW_EV_OTHER_MOVES_DIR |
					     UW_EV_MOVES_DIR);
		strings->s[UW_STR_OTHER].len = strings->s[UW_STR_OTHER_NAME].len =
			strings->s[UW_STR_OTHER_DIR].len = 0;
	}
	strings->s[UW_STR_OTHER_FILE].len =
		is_rename((enum uw_op)ev->op) && ev->flags & UW_EV_RESOLVED ? sizeof(struct uw_file)
									    : 0;
}

static void test_mutations(void **state)
{
	enum { ROUNDS = 200000 };
	size_t accepted = 0, size, n, i, k;
	unsigned char *data, *shorter;
	struct strings strings;
	struct uw_event ev;

	(void)state;
	seed = 0x756e6c696e6b; /* any but 0 */
	for (i = 0; i < ROUNDS; i++) {
		ev = model;
		ev.op = (__u8)(1 + any(UW_OP_MAX - 1));
		ev.probe = (__u8)(1 + any(UW_PROBE_MAX - 1));
		ev.via = (__u8)(1 + any(UW_VIA_MAX - 1));
		ev.flags = (__u32)any(UW_EV_FLAGS + 1ULL);
		any_strings(&ev, &strings);
		data = build(&ev, &strings, &size);
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
	/* Without many events of both kinds the test would be worthless. */
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
	TEST("refuses a wrong length of every string", test_wrong_lengths),
	TEST("refuses a path in a layer of no file system", test_upper_without_device),
	TEST("refuses a NUL in a name or a control group, and no other", test_nuls),
	TEST("drops directories of names that were torn", test_torn_dirs),
	TEST("accepts every string at its maximum, and no byte more", test_maxima),
	TEST("decodes every valid combination of flags, field by field", test_every_flag),
	TEST("finds the place of a name that leads into a mount", test_in_mount),
	TEST("decodes every operation, probe and via, field by field", test_every_kind),
	TEST("decodes the largest number in every field", test_extreme_numbers),
	TEST("knows no login and no session where none is set", test_unset_audit),
	TEST("computes the number of links left", test_links),
	TEST("knows no device 0", test_no_device),
	TEST("calls no empty string cut", test_cut_of_nothing),
	TEST("reads 16 bytes of a comm or file system type without a NUL", test_names_without_nul),
	TEST("decodes both names of a rename, and exchanges them", test_rename),
	TEST("takes the new name of a rename whose target has no place", test_rename_unplaced),
	TEST("joins both names of a rename that was not resolved", test_rename_by_names),
	TEST("holds the longest strings of a path to the last byte", test_longest),
	TEST("holds as many components as there can be", test_most_components),
	TEST("accepts the longest working directory and none that is longer", test_longest_guess),
	TEST("treats a kernel thread's path as one within the file system until it is placed",
	     test_kthread),
	TEST("knows no place for a kernel thread's path that was cut", test_kthread_cut),
	TEST("refuses facts that cannot be known of a kernel thread's deletion",
	     test_kthread_refused),
	TEST("names every state of a path", test_state_names),
	TEST("survives 200,000 mutations of a valid event", test_mutations),
	TEST("refuses 50,000 buffers of random bytes without reading outside", test_random_bytes),
};

int main(void)
{
	static struct CMUnitTest tests[LEN(rejected) + LEN(contradictions) + LEN(torn_rows) +
				       LEN(paths) + LEN(fs_rows) + LEN(others)];
	size_t n = 0, i;

	for (i = 0; i < LEN(rejected); i++)
		tests[n++] = (struct CMUnitTest){ rejected[i].title, test_rejected, NULL, NULL,
						  (void *)(uintptr_t)&rejected[i] };
	for (i = 0; i < LEN(contradictions); i++)
		tests[n++] = (struct CMUnitTest){ contradictions[i].title, test_contradiction, NULL,
						  NULL, (void *)(uintptr_t)&contradictions[i] };
	for (i = 0; i < LEN(torn_rows); i++)
		tests[n++] = (struct CMUnitTest){ torn_rows[i].title, test_torn, NULL, NULL,
						  (void *)(uintptr_t)&torn_rows[i] };
	for (i = 0; i < LEN(paths); i++)
		tests[n++] = (struct CMUnitTest){ paths[i].title, test_path, NULL, NULL,
						  (void *)(uintptr_t)&paths[i] };
	for (i = 0; i < LEN(fs_rows); i++)
		tests[n++] = (struct CMUnitTest){ fs_rows[i].title, test_fs, NULL, NULL,
						  (void *)(uintptr_t)&fs_rows[i] };
	for (i = 0; i < LEN(others); i++)
		tests[n++] = others[i];
	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
