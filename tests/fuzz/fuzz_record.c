// SPDX-License-Identifier: MIT
/*
 * Decodes any bytes to a valid record, or refuses them. Then does the same with an event that is
 * built from the bytes, which is more often valid.
 */
#include <errno.h>
#include <fcntl.h>

#include "events.h"

static bool within(struct uw_str s, const void *start, size_t size)
{
	uintptr_t from = (uintptr_t)start, at = (uintptr_t)s.s;

	return at >= from && at <= from + size && s.len <= from + size - at;
}

static void check_bytes(struct uw_str s, const void *event, size_t size)
{
	CHECK(within(s, event, size));
	CHECK(s.len < UW_PATH_MAX);
	CHECK(s.len == 0 || !memchr(s.s, '\0', s.len));
}

/* A joined path is absolute and has no component that is empty or dots. */
static void check_joined(struct uw_str path)
{
	CHECK(path.len > 0 && path.s[0] == '/' && !memchr(path.s, '\0', path.len));
	if (path.len == 1)
		return;
	CHECK(path.s[path.len - 1] != '/');
	take(&path, "/");
	while (path.len > 0) {
		struct uw_str name = take(&path, "/");

		CHECK(name.len > 0 && !same(name, text(".")) && !same(name, text("..")));
	}
}

static void check_path(const struct uw_record *r, const void *event, size_t size)
{
	switch (r->path_state) {
	case UW_PATH_UNKNOWN:
		CHECK(r->path.len == 0);
		return;
	case UW_PATH_DETACHED:
		CHECK(r->detached);
		if (!r->found)
			break;
		__attribute__((fallthrough));
	case UW_PATH_RESOLVED:
		check_bytes(r->path, event, size);
		CHECK(r->path.len > 0 && r->path.s[0] == '/');
		return;
	case UW_PATH_TRUNCATED:
		CHECK(r->path.len > 0);
		if (within(r->path, event, size))
			return;
		break;
	case UW_PATH_LEXICAL:
	case UW_PATH_GUESSED:
		break;
	}
	CHECK(within(r->path, r->buffer, sizeof(r->buffer)));
	check_joined(r->path);
}

static bool is_rename(const struct uw_record *r)
{
	return r->op == UW_OP_RENAME || r->op == UW_OP_MOVE || r->op == UW_OP_EXCHANGE;
}

/* The other name of a rename. */
static void check_other(const struct uw_record *r, const void *event, size_t size)
{
	const struct uw_other *o = &r->other;

	CHECK(is_rename(r) || (o->path.len == 0 && o->fspath.len == 0 && o->name.len == 0));
	CHECK(!o->path_cut || o->path.len > 0);
	CHECK(within(o->fspath, r->other_fsbuffer, sizeof(r->other_fsbuffer)));
	if (o->fspath.len > 0)
		check_joined(o->fspath);
	if (r->found && o->path.len > 0) {
		CHECK(within(o->path, event, size) && (o->path_cut || o->path.s[0] == '/'));
	} else if (o->path.len > 0) {
		CHECK(within(o->path, r->other_buffer, sizeof(r->other_buffer)));
		check_joined(o->path);
	}
}

static void check_record(struct uw_record *r, const void *event, size_t size)
{
	const struct uw_str strings[] = { r->comm,	 r->exe,   r->cgroup,	  r->cwd,
					  r->root,	 r->name,  r->dir,	  r->fstype,
					  r->other.name, r->upper, r->other.upper };

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		check_bytes(strings[i], event, size);
	CHECK(within(r->cmdline, event, size) && r->cmdline.len <= UW_CMDLINE_MAX);
	CHECK(r->op > 0 && r->op < UW_OP_MAX && r->probe > 0 && r->probe < UW_PROBE_MAX);
	CHECK(r->via > 0 && r->via < UW_VIA_MAX);
	CHECK(r->ret <= 0 && r->ret >= -4095 && (r->ret_known || r->ret == 0));
	CHECK(r->exit_ns >= r->enter_ns);
	CHECK(r->exe_known || (!r->exe_deleted && !r->exe_private));
	CHECK(!r->detached || r->found || r->dir_known);
	CHECK(!r->dev_known || r->dev == (r->dev_major << 20 | r->dev_minor));
	check_path(r, event, size);
	check_other(r, event, size);
	CHECK(within(r->fspath, r->fsbuffer, sizeof(r->fsbuffer)));
	if (r->fspath.len > 0)
		check_joined(r->fspath);
	if (!uw_record_wants_cwd(r))
		return;
	CHECK(is_rename(r) || (r->path_state == UW_PATH_UNKNOWN && r->dfd == AT_FDCWD));
	uw_record_guess(r, r->cwd.s, r->cwd.len);
	check_path(r, event, size);
	check_other(r, event, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct uw_record record, before;
	void *event = copy_of(data, size);
	int r;

	memset(&record, 0x5a, sizeof(record));
	memcpy(&before, &record, sizeof(record));
	r = uw_record_decode(event, size, &record);
	CHECK(r == 0 || r == -EBADMSG);
	if (r == 0) {
		check_record(&record, event, size);
		before = record;
		uw_record_swap(&record);
		uw_record_swap(&record);
		CHECK(same(record.path, before.path) && same(record.fspath, before.fspath));
		CHECK(record.ino == before.ino && record.links == before.links);
	} else {
		CHECK(!memcmp(&before, &record, sizeof(record)));
	}
	free(event);
	event = repaired_event(data, size, &size);
	if (event && uw_record_decode(event, size, &record) == 0)
		check_record(&record, event, size);
	free(event);
	return 0;
}
