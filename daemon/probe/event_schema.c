// SPDX-License-Identifier: MIT
#include "probe/event_schema.h"

#include <stdio.h>
#include <string.h>

static const struct member {
	const char *name;
	size_t offset, size;
} members[] = {
#define MEMBER(m)                                                                   \
	{                                                                           \
#m, offsetof(struct uw_event, m), sizeof(((struct uw_event *)0)->m) \
	}
	MEMBER(op),	 MEMBER(probe),	      MEMBER(flags),	MEMBER(rules),	 MEMBER(enter_ns),
	MEMBER(exit_ns), MEMBER(ret),	      MEMBER(dfd),	MEMBER(pid),	 MEMBER(tid),
	MEMBER(uid),	 MEMBER(gid),	      MEMBER(fsuid),	MEMBER(fsgid),	 MEMBER(account),
	MEMBER(ppid),	 MEMBER(euid),	      MEMBER(loginuid), MEMBER(session), MEMBER(mntns),
	MEMBER(dev),	 MEMBER(upper_dev),   MEMBER(exe_ino),	MEMBER(exe_dev), MEMBER(other_dfd),
	MEMBER(below),	 MEMBER(other_below), MEMBER(via),	MEMBER(fstype),	 MEMBER(comm),
	MEMBER(tty),
#undef MEMBER
#define OF_FILE(m)                                                                            \
	{                                                                                     \
#m, offsetof(struct uw_event, file.m), sizeof(((struct uw_event *)0)->file.m) \
	}
	OF_FILE(ino),	 OF_FILE(bytes),      OF_FILE(mode),	OF_FILE(owner),	 OF_FILE(nlink),
#undef OF_FILE
};

#define N_MEMBERS (sizeof(members) / sizeof(members[0]))

static const char *const strings[UW_STR_MAX] = {
	[UW_STR_NAME] = "name",	    [UW_STR_OTHER_NAME] = "other_name",
	[UW_STR_FSROOT] = "fsroot", [UW_STR_PATH] = "path",
	[UW_STR_OTHER] = "by",	    [UW_STR_OTHER_FILE] = "other_file",
	[UW_STR_UPPER] = "upper",   [UW_STR_OTHER_UPPER] = "other_upper",
	[UW_STR_DIR] = "dir",	    [UW_STR_OTHER_DIR] = "other_dir",
	[UW_STR_ROOT] = "root",	    [UW_STR_CWD] = "cwd",
	[UW_STR_EXE] = "exe",	    [UW_STR_CMDLINE] = "cmdline",
	[UW_STR_CGROUP] = "cgroup", [UW_STR_ANCESTORS] = "ancestors",
	[UW_STR_CLIENT] = "client",
};

/* By bit, as in enum uw_event_flag. */
static const char *const flags[] = {
	"ret_unknown",
	"name_cut",
	"name_fault",
	"name_late",
	"resolved",
	"path_cut",
	"by_cut",
	"dir",
	"dir_cut",
	"task",
	"inode",
	"loginuid",
	"cmdline_cut",
	"cwd_cut",
	"fs",
	"dir_in_name",
	"selftest",
	"othername_cut",
	"othername_fault",
	"other_dir",
	"other_dir_cut",
	"moves_dir",
	"other_moves_dir",
	"other_fs",
	"detached",
	"unplaced",
	"private_mnt",
	"exe",
	"exe_deleted",
	"exe_private",
	"casefold",
};

#define N_FLAGS (sizeof(flags) / sizeof(flags[0]))

_Static_assert(UW_EV_FLAGS == (1u << N_FLAGS) - 1, "a name for each flag");
_Static_assert(N_MEMBERS <= UW_EVENT_SCHEMA_MEMBERS && UW_STR_MAX <= UW_EVENT_SCHEMA_STRINGS,
	       "room");

void uw_event_schema_describe(struct uw_event_schema *ret)
{
	size_t i;

	*ret = (struct uw_event_schema){
		.abi = UW_ABI,
		.event_size = sizeof(struct uw_event),
		.n_members = N_MEMBERS,
		.n_strings = UW_STR_MAX,
		.n_flags = N_FLAGS,
		.len_offset = offsetof(struct uw_event, len),
		.stopping_offset = offsetof(struct uw_shared, control.stopping),
	};
	for (i = 0; i < N_MEMBERS; i++) {
		snprintf(ret->member[i].name, UW_EVENT_SCHEMA_NAME, "%s", members[i].name);
		ret->member[i].offset = (uint32_t)members[i].offset;
		ret->member[i].size = (uint32_t)members[i].size;
	}
	for (i = 0; i < UW_STR_MAX; i++)
		snprintf(ret->string[i], UW_EVENT_SCHEMA_NAME, "%s", strings[i]);
	for (i = 0; i < N_FLAGS; i++)
		snprintf(ret->flag[i], UW_EVENT_SCHEMA_NAME, "%s", flags[i]);
}

static bool named(const char name[UW_EVENT_SCHEMA_NAME], const char *want)
{
	return !strncmp(name, want, UW_EVENT_SCHEMA_NAME);
}

/* Numbers have this machine's byte order. One of another size stays 0. */
static void copy_members(const struct uw_event_schema *l, const char *data, struct uw_event *to)
{
	size_t i, k;

	for (i = 0; i < N_MEMBERS; i++)
		for (k = 0; k < l->n_members; k++)
			if (named(l->member[k].name, members[i].name) &&
			    l->member[k].size == members[i].size &&
			    l->member[k].offset <= l->event_size &&
			    members[i].size <= l->event_size - l->member[k].offset)
				memcpy((char *)to + members[i].offset, data + l->member[k].offset,
				       members[i].size);
}

static bool has_member(const struct uw_event_schema *l, const char *name)
{
	for (size_t i = 0; i < l->n_members; i++)
		if (named(l->member[i].name, name))
			return true;
	return false;
}

static uint32_t convert_flags(const struct uw_event_schema *l, uint32_t old)
{
	uint32_t new = 0;
	size_t i, k;

	for (i = 0; i < N_FLAGS; i++)
		for (k = 0; k < l->n_flags; k++)
			if (old >> k & 1 && named(l->flag[k], flags[i]))
				new |= 1u << i;
	return new;
}

/* Appends the string `want` of the old event. False where the lengths make no sense. */
static bool copy_string(const struct uw_event_schema *l, const char *data, size_t size, size_t want,
			struct uw_event *to)
{
	size_t at = l->event_size, i;
	uint16_t len;

	for (i = 0; i < l->n_strings; i++, at += len) {
		memcpy(&len, data + l->len_offset + i * sizeof(len), sizeof(len));
		if (len > size - at)
			return false;
		if (!named(l->string[i], strings[want]))
			continue;
		if (len > UW_EVENT_MAX - to->size)
			return false;
		memcpy((char *)to + to->size, data + at, len);
		to->len[want] = len;
		to->size += len;
		return true;
	}
	return true;
}

static bool is_valid(const struct uw_event_schema *l, size_t size)
{
	return l->n_members <= UW_EVENT_SCHEMA_MEMBERS && l->n_strings <= UW_EVENT_SCHEMA_STRINGS &&
	       l->n_flags <= UW_EVENT_SCHEMA_FLAGS && l->event_size <= size &&
	       l->len_offset <= l->event_size &&
	       l->n_strings * sizeof(uint16_t) <= l->event_size - l->len_offset;
}

size_t uw_event_schema_convert(const struct uw_event_schema *l, const void *data, size_t size,
			       struct uw_event *to)
{
	size_t i;

	if (!is_valid(l, size))
		return 0;
	memset(to, 0, sizeof(*to));
	copy_members(l, data, to);
	if (!has_member(l, "fsuid")) {
		to->fsuid = to->uid;
		to->fsgid = to->gid;
	}
	if (!has_member(l, "account"))
		to->account = to->fsuid;
	to->abi = UW_ABI;
	to->flags = convert_flags(l, to->flags);
	to->size = sizeof(*to);
	for (i = 0; i < UW_STR_MAX; i++)
		if (!copy_string(l, data, size, i, to))
			return 0;
	return to->size;
}
