// SPDX-License-Identifier: MIT
#include "record/fields.h"

#include <string.h>

#include "record/cgroup.h"
#include "record/cmdline.h"

/* A path that lost its beginning gets three dots in its place: whole ones begin with a slash. */
_Static_assert(UW_FIELD_ROOM >= UW_PATH_MAX + 3, "room");

static struct uw_value none(void)
{
	return (struct uw_value){ .type = UW_VALUE_NONE };
}

static struct uw_value number(uint64_t u)
{
	return (struct uw_value){ .type = UW_VALUE_UINT, .u = u };
}

static struct uw_value number_if(bool known, uint64_t u)
{
	return known ? number(u) : none();
}

static struct uw_value bytes(struct uw_str s)
{
	return (struct uw_value){ .type = UW_VALUE_STR, .s = s };
}

static struct uw_value bytes_if_any(struct uw_str s)
{
	return s.len ? bytes(s) : none();
}

static struct uw_value text(const char *s)
{
	return s ? bytes((struct uw_str){ s, strlen(s) }) : none();
}

static struct uw_value path_cut_if(bool cut, struct uw_str path, char *room)
{
	if (!cut)
		return bytes_if_any(path);
	memcpy(room, "...", 3);
	memcpy(room + 3, path.s, path.len);
	return bytes((struct uw_str){ room, path.len + 3 });
}

static struct uw_value get_time(struct uw_ask *a)
{
	return (struct uw_value){ .type = UW_VALUE_TIME, .u = a->entry->time_ns };
}

static struct uw_value get_op(struct uw_ask *a)
{
	static const char *const names[UW_OP_MAX] = {
		[UW_OP_UNLINK] = "unlink",
		[UW_OP_RMDIR] = "rmdir",
		[UW_OP_RENAME] = "rename",
	};

	return a->record->op < UW_OP_MAX ? text(names[a->record->op]) : none();
}

static struct uw_value get_via(struct uw_ask *a)
{
	static const char *const names[UW_VIA_MAX] = {
		[UW_VIA_SYSCALL] = "syscall",
		[UW_VIA_IO_URING] = "io_uring",
		[UW_VIA_KERNEL] = "kernel",
	};

	return a->record->via < UW_VIA_MAX ? text(names[a->record->via]) : none();
}

/* "unknown" in the journal, null in JSON: a missed return is neither success nor failure. */
static struct uw_value get_ret(struct uw_ask *a)
{
	if (!a->record->ret_known)
		return (struct uw_value){ .type = UW_VALUE_UNKNOWN };
	return (struct uw_value){ .type = UW_VALUE_INT, .n = a->record->ret };
}

static struct uw_value get_errno(struct uw_ask *a)
{
	return a->record->ret < 0 ? text(strerrorname_np(-a->record->ret)) : none();
}

static struct uw_value get_pid(struct uw_ask *a)
{
	return number(a->record->pid);
}

static struct uw_value get_tid(struct uw_ask *a)
{
	return number(a->record->tid);
}

static struct uw_value get_ppid(struct uw_ask *a)
{
	return number_if(a->record->task_known, a->record->ppid);
}

static struct uw_value get_comm(struct uw_ask *a)
{
	return bytes(a->record->comm);
}

static struct uw_value get_exe(struct uw_ask *a)
{
	return bytes_if_any(a->record->exe);
}

static struct uw_value get_cmdline(struct uw_ask *a)
{
	const struct uw_record *r = a->record;

	if (!r->cmdline.len)
		return none();
	return bytes(
		(struct uw_str){ a->room, uw_cmdline_quote(r->cmdline, r->cmdline_cut, a->room) });
}

static struct uw_value get_cwd(struct uw_ask *a)
{
	return path_cut_if(a->record->cwd_cut, a->record->cwd, a->room);
}

static struct uw_value get_root(struct uw_ask *a)
{
	return bytes_if_any(a->record->root);
}

static struct uw_value get_uid(struct uw_ask *a)
{
	return number(a->record->uid);
}

static struct uw_value get_gid(struct uw_ask *a)
{
	return number(a->record->gid);
}

static struct uw_value get_euid(struct uw_ask *a)
{
	return number_if(a->record->task_known, a->record->euid);
}

static struct uw_value get_user(struct uw_ask *a)
{
	return text(a->entry->user);
}

static struct uw_value get_loginuid(struct uw_ask *a)
{
	return number_if(a->record->loginuid_known, a->record->loginuid);
}

static struct uw_value get_session(struct uw_ask *a)
{
	return number_if(a->record->session_known, a->record->session);
}

static struct uw_value get_cgroup(struct uw_ask *a)
{
	return bytes_if_any(a->record->cgroup);
}

/* The last answer is kept: the fields ask one after the other, and deletions come in bursts. */
static const struct uw_cgroup *parse_cgroup(const struct uw_ask *a)
{
	static struct {
		char path[UW_PATH_MAX], room[UW_CGROUP_NAME_MAX];
		size_t len;
		struct uw_cgroup cgroup;
	} last;
	struct uw_str path = a->record->cgroup;

	if (!path.len)
		path.s = "";
	if (path.len != last.len || memcmp(path.s, last.path, path.len)) {
		memcpy(last.path, path.s, path.len);
		last.len = path.len;
		uw_cgroup_parse((struct uw_str){ last.path, path.len }, last.room, &last.cgroup);
	}
	return &last.cgroup;
}

static struct uw_value get_unit(struct uw_ask *a)
{
	return bytes_if_any(parse_cgroup(a)->unit);
}

static struct uw_value get_slice(struct uw_ask *a)
{
	return bytes_if_any(parse_cgroup(a)->slice);
}

static struct uw_value get_container(struct uw_ask *a)
{
	return bytes_if_any(parse_cgroup(a)->container);
}

static struct uw_value get_mntns(struct uw_ask *a)
{
	return number_if(a->record->task_known, a->record->mntns);
}

static struct uw_value get_filename(struct uw_ask *a)
{
	return a->record->name_known ? bytes(a->record->name) : text("");
}

static struct uw_value get_path(struct uw_ask *a)
{
	return bytes_if_any(a->record->path);
}

static struct uw_value get_path_state(struct uw_ask *a)
{
	return text(uw_path_state_name(a->record->path_state));
}

/* Only where it says more than the path does. */
static struct uw_value get_host_path(struct uw_ask *a)
{
	const struct uw_str *host = &a->entry->host_path, *path = &a->record->path;

	if (!host->len || (host->len == path->len && !memcmp(host->s, path->s, path->len)))
		return none();
	return bytes(*host);
}

static struct uw_value get_replaced_by(struct uw_ask *a)
{
	return path_cut_if(a->record->by_cut, a->record->by, a->room);
}

/* Writes a number in front of `at`; returns where it begins. */
static char *put_digits(char *at, uint32_t value, uint32_t base)
{
	do
		*--at = (char)('0' + value % base);
	while (value /= base);
	return at;
}

static struct uw_value between(const char *start, const char *end)
{
	return bytes((struct uw_str){ start, (size_t)(end - start) });
}

static struct uw_value get_dev(struct uw_ask *a)
{
	char *end = a->room + sizeof(a->room), *at = end;

	if (!a->record->inode_known || !a->record->dev_known)
		return none();
	/* Not by printf(3), which takes longer than all other numbers together. */
	at = put_digits(at, a->record->dev_minor, 10);
	*--at = ':';
	at = put_digits(at, a->record->dev_major, 10);
	return between(at, end);
}

static struct uw_value get_inode(struct uw_ask *a)
{
	return number_if(a->record->inode_known, a->record->ino);
}

static struct uw_value get_mode(struct uw_ask *a)
{
	char *end = a->room + sizeof(a->room), *at = end;

	if (!a->record->inode_known)
		return none();
	at = put_digits(at, a->record->mode, 8);
	if (a->record->mode)
		*--at = '0';
	return between(at, end);
}

static struct uw_value get_owner(struct uw_ask *a)
{
	return number_if(a->record->inode_known, a->record->owner);
}

static struct uw_value get_size(struct uw_ask *a)
{
	return number_if(a->record->inode_known, a->record->bytes);
}

static struct uw_value get_nlink(struct uw_ask *a)
{
	return number_if(a->record->links_known, a->record->links);
}

static struct uw_value get_fstype(struct uw_ask *a)
{
	return bytes_if_any(a->record->fstype);
}

static struct uw_value get_duration(struct uw_ask *a)
{
	return number_if(a->record->ret_known, a->record->exit_ns - a->record->enter_ns);
}

static struct uw_value get_rule(struct uw_ask *a)
{
	return a->i < a->entry->n_rules ? text(a->entry->rules[a->i]) : none();
}

static const struct uw_field fields[] = {
	{ "UNLINK_TIME", get_time, UW_DETAIL_MINIMAL },
	{ "UNLINK_OP", get_op, UW_DETAIL_MINIMAL },
	{ "UNLINK_VIA", get_via, UW_DETAIL_MINIMAL },
	{ "UNLINK_RET", get_ret, UW_DETAIL_MINIMAL },
	{ "UNLINK_ERRNO", get_errno, UW_DETAIL_MINIMAL },
	{ "UNLINK_PID", get_pid, UW_DETAIL_MINIMAL },
	{ "UNLINK_TID", get_tid, UW_DETAIL_STANDARD },
	{ "UNLINK_PPID", get_ppid, UW_DETAIL_STANDARD },
	{ "UNLINK_COMM", get_comm, UW_DETAIL_MINIMAL },
	{ "UNLINK_EXE", get_exe, UW_DETAIL_STANDARD },
	{ "UNLINK_CMDLINE", get_cmdline, UW_DETAIL_STANDARD },
	{ "UNLINK_CWD", get_cwd, UW_DETAIL_FULL },
	{ "UNLINK_ROOT", get_root, UW_DETAIL_FULL },
	{ "UNLINK_UID", get_uid, UW_DETAIL_MINIMAL },
	{ "UNLINK_GID", get_gid, UW_DETAIL_STANDARD },
	{ "UNLINK_EUID", get_euid, UW_DETAIL_STANDARD },
	{ "UNLINK_USER", get_user, UW_DETAIL_MINIMAL },
	{ "UNLINK_LOGINUID", get_loginuid, UW_DETAIL_STANDARD },
	{ "UNLINK_SESSION", get_session, UW_DETAIL_STANDARD },
	{ "UNLINK_CGROUP", get_cgroup, UW_DETAIL_FULL },
	{ "UNLINK_UNIT", get_unit, UW_DETAIL_STANDARD },
	{ "UNLINK_SLICE", get_slice, UW_DETAIL_FULL },
	{ "UNLINK_CONTAINER", get_container, UW_DETAIL_STANDARD },
	{ "UNLINK_MNTNS", get_mntns, UW_DETAIL_FULL },
	{ "UNLINK_FILENAME", get_filename, UW_DETAIL_MINIMAL },
	{ "UNLINK_PATH", get_path, UW_DETAIL_MINIMAL },
	{ "UNLINK_PATH_STATE", get_path_state, UW_DETAIL_MINIMAL },
	{ "UNLINK_HOST_PATH", get_host_path, UW_DETAIL_STANDARD },
	{ "UNLINK_REPLACED_BY", get_replaced_by, UW_DETAIL_MINIMAL },
	{ "UNLINK_DEV", get_dev, UW_DETAIL_STANDARD },
	{ "UNLINK_INODE", get_inode, UW_DETAIL_STANDARD },
	{ "UNLINK_MODE", get_mode, UW_DETAIL_STANDARD },
	{ "UNLINK_OWNER", get_owner, UW_DETAIL_STANDARD },
	{ "UNLINK_SIZE", get_size, UW_DETAIL_STANDARD },
	{ "UNLINK_NLINK", get_nlink, UW_DETAIL_STANDARD },
	{ "UNLINK_FSTYPE", get_fstype, UW_DETAIL_FULL },
	{ "UNLINK_DURATION_NS", get_duration, UW_DETAIL_FULL },
	{ "UNLINK_RULE", get_rule, UW_DETAIL_MINIMAL, .many = true },
};

#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

const struct uw_field *uw_field_at(size_t i)
{
	return i < N_FIELDS ? &fields[i] : NULL;
}
