// SPDX-License-Identifier: MIT
#include "record/fields.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "config/words.h"
#include "record/cgroup.h"
#include "record/values.h"

/* Three dots replace the lost beginning of a path. A whole path begins with a slash instead. */
_Static_assert(UW_FIELD_ROOM >= UW_PATH_MAX + 3, "room");

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
	return text(uw_word_of(uw_op_words, (int)a->record->op));
}

static struct uw_value get_via(struct uw_ask *a)
{
	return text(uw_word_of(uw_via_words, (int)a->record->via));
}

/* A missed return is neither a success nor a failure: "unknown" in the journal, null in JSON. */
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

static const struct uw_chain *chain_of(struct uw_ask *a)
{
	if (!a->chain)
		a->chain = uw_chain_of(a->record);
	return a->chain;
}

static struct uw_value get_ancestors(struct uw_ask *a)
{
	const struct uw_buf *text = &chain_of(a)->text;

	return text->failed ? none() : bytes_if_any(uw_buf_str(text));
}

static struct uw_value get_ancestor(struct uw_ask *a)
{
	const struct uw_chain *chain = chain_of(a);

	return a->i < chain->n ? bytes(chain->comm[a->i]) : none();
}

static struct uw_value get_comm(struct uw_ask *a)
{
	return bytes(a->record->comm);
}

static struct uw_value get_exe(struct uw_ask *a)
{
	return bytes_if_any(a->record->exe);
}

/*
 * Writes a number in front of `at` and returns where it begins. printf(3) takes longer for one
 * device number than the writers take for all other numbers of a record.
 */
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

static struct uw_value device(struct uw_ask *a, uint32_t major, uint32_t minor)
{
	char *end = a->room + sizeof(a->room), *at = put_digits(end, minor, 10);

	*--at = ':';
	at = put_digits(at, major, 10);
	return between(at, end);
}

static struct uw_value numbered(struct uw_ask *a, const char *prefix, uint32_t n)
{
	char *end = a->room + sizeof(a->room), *at = put_digits(end, n, 10);
	size_t len = strlen(prefix);

	at -= len;
	memcpy(at, prefix, len);
	return between(at, end);
}

/* A field costs journald more than all else, so below full only where the path may mislead. */
static bool shows_exe_file(const struct uw_ask *a)
{
	const struct uw_record *r = a->record;

	return r->exe_known &&
	       (r->exe_private || r->exe_deleted || a->entry->detail >= UW_DETAIL_FULL);
}

static struct uw_value get_exe_dev(struct uw_ask *a)
{
	uint32_t dev = a->record->exe_dev;

	return shows_exe_file(a) ? device(a, dev >> 20, dev & 0xfffff) : none();
}

static struct uw_value get_exe_inode(struct uw_ask *a)
{
	return number_if(shows_exe_file(a), a->record->exe_ino);
}

/* A private file may be deleted, too. That it is private says more about UNLINK_EXE. */
static struct uw_value get_exe_state(struct uw_ask *a)
{
	return text(a->record->exe_private ? "private" : a->record->exe_deleted ? "deleted" : NULL);
}

static struct uw_value get_cmdline(struct uw_ask *a)
{
	const struct uw_record *r = a->record;

	if (!r->cmdline.len || a->entry->no_cmdline)
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

static struct uw_value get_fsuid(struct uw_ask *a)
{
	return number_if(a->record->fsuid != a->record->uid, a->record->fsuid);
}

static struct uw_value get_fsgid(struct uw_ask *a)
{
	return number_if(a->record->fsgid != a->record->gid, a->record->fsgid);
}

struct uw_value uw_get_user(struct uw_ask *a)
{
	return text(a->entry->user);
}

static struct uw_value get_loginuid(struct uw_ask *a)
{
	return number_if(a->record->loginuid_known, a->record->loginuid);
}

static const struct uw_cgroup *cgroup_of(struct uw_ask *a)
{
	if (!a->cgroup)
		a->cgroup = uw_cgroup_of(a->record->cgroup);
	return a->cgroup;
}

/* Any process that has no loginuid can set one. PAM does it for a session and the user's manager. */
static struct uw_value get_login(struct uw_ask *a)
{
	const struct uw_record *r = a->record;
	const struct uw_cgroup *cgroup = cgroup_of(a);

	if (!r->loginuid_known || (cgroup->logged_in && cgroup->user == r->loginuid))
		return none();
	return text("claimed");
}

static struct uw_value get_session(struct uw_ask *a)
{
	return number_if(a->record->session_known, a->record->session);
}

static struct uw_value get_remote(struct uw_ask *a)
{
	return text(a->entry->session.remote);
}

/* Names of Documentation/admin-guide/devices.txt in the kernel's source, and other numbers. */
static struct uw_value get_tty(struct uw_ask *a)
{
	uint32_t major = a->record->tty >> 20, minor = a->record->tty & 0xfffff;

	if (!a->record->tty)
		return none();
	if (major == 136)
		return numbered(a, "pts/", minor);
	if (major == 4)
		return minor < 64 ? numbered(a, "tty", minor) : numbered(a, "ttyS", minor - 64);
	return device(a, major, minor);
}

static struct uw_value get_login_service(struct uw_ask *a)
{
	return text(a->entry->session.service);
}

static struct uw_value get_login_time(struct uw_ask *a)
{
	uint64_t ns = a->entry->session.since_ns;

	return ns ? (struct uw_value){ .type = UW_VALUE_TIME, .u = ns } : none();
}

static struct uw_value get_seat(struct uw_ask *a)
{
	return text(a->entry->session.seat);
}

static struct uw_value get_client(struct uw_ask *a)
{
	const struct uw_client *client = a->entry->client;
	struct in6_addr in6;
	bool mapped;

	if (a->record->client.len)
		client = (const struct uw_client *)a->record->client.s;
	if (!client)
		return none();
	memcpy(&in6, client, sizeof(in6));
	mapped = IN6_IS_ADDR_V4MAPPED(&in6);
	return text(inet_ntop(mapped ? AF_INET : AF_INET6, &in6.s6_addr[mapped ? 12 : 0], a->room,
			      sizeof(a->room)));
}

static struct uw_value get_client_from(struct uw_ask *a)
{
	if (a->record->client.len)
		return text("request");
	return text(a->entry->client ? "socket" : NULL);
}

static struct uw_value get_cgroup(struct uw_ask *a)
{
	return bytes_if_any(a->record->cgroup);
}

static struct uw_value get_unit(struct uw_ask *a)
{
	return bytes_if_any(cgroup_of(a)->unit);
}

static struct uw_value get_slice(struct uw_ask *a)
{
	return bytes_if_any(cgroup_of(a)->slice);
}

static struct uw_value get_container(struct uw_ask *a)
{
	return bytes_if_any(cgroup_of(a)->container);
}

static struct uw_value get_outer_container(struct uw_ask *a)
{
	const struct uw_cgroup *cgroup = cgroup_of(a);

	return uw_str_equal(cgroup->outer, cgroup->container) ? none() : bytes(cgroup->outer);
}

static struct uw_value get_container_claimed_by(struct uw_ask *a)
{
	const struct uw_cgroup *cgroup = cgroup_of(a);

	return number_if(cgroup->container.len && cgroup->of_user, cgroup->user);
}

static struct uw_value get_container_name(struct uw_ask *a)
{
	return text(a->entry->container.name);
}

static struct uw_value get_container_image(struct uw_ask *a)
{
	return text(a->entry->container.image);
}

static struct uw_value get_pod(struct uw_ask *a)
{
	return text(a->entry->container.pod);
}

static struct uw_value get_pod_namespace(struct uw_ask *a)
{
	return text(a->entry->container.pod_namespace);
}

static struct uw_value get_mnt(struct uw_ask *a)
{
	return text(a->record->private_mnt ? "private" : NULL);
}

static struct uw_value get_mntns(struct uw_ask *a)
{
	return number_if(a->record->mntns, a->record->mntns);
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

/* Left out if it equals the path, unless a reader could not know that. */
static struct uw_str shown(const struct uw_entry *entry, struct uw_str host, struct uw_str path)
{
	return uw_str_equal(host, path) && !entry->record->private_mnt ? (struct uw_str){ "", 0 }
								       : host;
}

struct uw_str uw_shown_host_path(const struct uw_entry *entry)
{
	if (entry->detail < UW_DETAIL_STANDARD)
		return (struct uw_str){ "", 0 };
	return shown(entry, entry->host_path, entry->record->path);
}

static struct uw_value get_host_path(struct uw_ask *a)
{
	return bytes_if_any(uw_shown_host_path(a->entry));
}

static struct uw_value get_upper_path(struct uw_ask *a)
{
	struct uw_str upper = a->entry->upper_path;

	if (uw_str_equal(upper, a->entry->host_path) || uw_str_equal(upper, a->record->path))
		return none();
	return bytes_if_any(upper);
}

/* The other name is where the file went, or, if it replaced another one, where it came from. */
static struct uw_value get_other(struct uw_ask *a, bool replaced)
{
	const struct uw_other *other = &a->record->other;

	if ((a->record->op == UW_OP_RENAME) != replaced)
		return none();
	return path_cut_if(other->path_cut, other->path, a->room);
}

static struct uw_value get_host_other(struct uw_ask *a, bool replaced)
{
	if ((a->record->op == UW_OP_RENAME) != replaced)
		return none();
	return bytes_if_any(shown(a->entry, a->entry->host_other, a->record->other.path));
}

static struct uw_value get_moved_to(struct uw_ask *a)
{
	return get_other(a, false);
}

static struct uw_value get_host_moved_to(struct uw_ask *a)
{
	return get_host_other(a, false);
}

static struct uw_value get_replaced_by(struct uw_ask *a)
{
	return get_other(a, true);
}

static struct uw_value get_host_replaced_by(struct uw_ask *a)
{
	return get_host_other(a, true);
}

static struct uw_value get_replaced_by_inode(struct uw_ask *a)
{
	const struct uw_record *r = a->record;

	return number_if(r->op == UW_OP_RENAME && r->other.file_known, r->other.file.ino);
}

static struct uw_value get_dev(struct uw_ask *a)
{
	if (!a->record->inode_known || !a->record->dev_known)
		return none();
	return device(a, a->record->dev_major, a->record->dev_minor);
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

struct uw_value uw_get_rule(struct uw_ask *a)
{
	return a->i < a->entry->n_rules && a->i < UW_RULES_MAX ? text(a->entry->rules[a->i])
							       : none();
}

const struct uw_field uw_record_fields[] = {
	{ "UNLINK_TIME", get_time, UW_DETAIL_MINIMAL, .packed = UW_PACKED_NAME },
	{ "UNLINK_OP", get_op, UW_DETAIL_MINIMAL, .packed = UW_PACKED_NAME },
	{ "UNLINK_VIA", get_via, UW_DETAIL_MINIMAL },
	{ "UNLINK_RET", get_ret, UW_DETAIL_MINIMAL, .packed = UW_PACKED_NAME },
	{ "UNLINK_ERRNO", get_errno, UW_DETAIL_MINIMAL, .packed = UW_PACKED_NAME },
	{ "UNLINK_PID", get_pid, UW_DETAIL_MINIMAL },
	{ "UNLINK_TID", get_tid, UW_DETAIL_STANDARD },
	{ "UNLINK_PPID", get_ppid, UW_DETAIL_STANDARD },
	{ "UNLINK_ANCESTORS", get_ancestors, UW_DETAIL_STANDARD },
	{ "UNLINK_ANCESTOR", get_ancestor, UW_DETAIL_STANDARD, .many = true },
	{ "UNLINK_COMM", get_comm, UW_DETAIL_MINIMAL },
	{ "UNLINK_EXE", get_exe, UW_DETAIL_STANDARD },
	{ "UNLINK_EXE_DEV", get_exe_dev, UW_DETAIL_STANDARD },
	{ "UNLINK_EXE_INODE", get_exe_inode, UW_DETAIL_STANDARD },
	{ "UNLINK_EXE_STATE", get_exe_state, UW_DETAIL_STANDARD },
	{ "UNLINK_CMDLINE", get_cmdline, UW_DETAIL_STANDARD },
	{ "UNLINK_CWD", get_cwd, UW_DETAIL_FULL },
	{ "UNLINK_ROOT", get_root, UW_DETAIL_FULL },
	{ "UNLINK_UID", get_uid, UW_DETAIL_MINIMAL },
	{ "UNLINK_GID", get_gid, UW_DETAIL_STANDARD },
	{ "UNLINK_EUID", get_euid, UW_DETAIL_STANDARD },
	{ "UNLINK_FSUID", get_fsuid, UW_DETAIL_MINIMAL },
	{ "UNLINK_FSGID", get_fsgid, UW_DETAIL_STANDARD },
	{ "UNLINK_USER", uw_get_user, UW_DETAIL_MINIMAL },
	{ "UNLINK_LOGINUID", get_loginuid, UW_DETAIL_STANDARD },
	{ "UNLINK_LOGIN", get_login, UW_DETAIL_STANDARD },
	{ "UNLINK_SESSION", get_session, UW_DETAIL_STANDARD },
	{ "UNLINK_REMOTE", get_remote, UW_DETAIL_STANDARD },
	{ "UNLINK_TTY", get_tty, UW_DETAIL_STANDARD },
	{ "UNLINK_LOGIN_SERVICE", get_login_service, UW_DETAIL_FULL },
	{ "UNLINK_LOGIN_TIME", get_login_time, UW_DETAIL_FULL },
	{ "UNLINK_SEAT", get_seat, UW_DETAIL_FULL },
	{ "UNLINK_CLIENT", get_client, UW_DETAIL_STANDARD },
	{ "UNLINK_CLIENT_FROM", get_client_from, UW_DETAIL_STANDARD },
	{ "UNLINK_CGROUP", get_cgroup, UW_DETAIL_FULL },
	{ "UNLINK_UNIT", get_unit, UW_DETAIL_STANDARD },
	{ "UNLINK_SLICE", get_slice, UW_DETAIL_FULL },
	{ "UNLINK_CONTAINER", get_container, UW_DETAIL_STANDARD },
	{ "UNLINK_OUTER_CONTAINER", get_outer_container, UW_DETAIL_STANDARD },
	{ "UNLINK_CONTAINER_CLAIMED_BY", get_container_claimed_by, UW_DETAIL_STANDARD },
	{ "UNLINK_CONTAINER_NAME", get_container_name, UW_DETAIL_STANDARD },
	{ "UNLINK_CONTAINER_IMAGE", get_container_image, UW_DETAIL_STANDARD },
	{ "UNLINK_POD", get_pod, UW_DETAIL_STANDARD },
	{ "UNLINK_POD_NAMESPACE", get_pod_namespace, UW_DETAIL_STANDARD },
	{ "UNLINK_MNT", get_mnt, UW_DETAIL_STANDARD },
	{ "UNLINK_MNTNS", get_mntns, UW_DETAIL_FULL },
	{ "UNLINK_FILENAME", get_filename, UW_DETAIL_MINIMAL, .packed = UW_PACKED_NAME },
	{ "UNLINK_PATH", get_path, UW_DETAIL_MINIMAL, .packed = UW_PACKED_NAME },
	{ "UNLINK_PATH_STATE", get_path_state, UW_DETAIL_MINIMAL },
	{ "UNLINK_HOST_PATH", get_host_path, UW_DETAIL_STANDARD, .packed = UW_PACKED_NAME },
	{ "UNLINK_UPPER_PATH", get_upper_path, UW_DETAIL_STANDARD, .packed = UW_PACKED_MORE },
	{ "UNLINK_MOVED_TO", get_moved_to, UW_DETAIL_MINIMAL, .packed = UW_PACKED_MORE },
	{ "UNLINK_HOST_MOVED_TO", get_host_moved_to, UW_DETAIL_STANDARD, .packed = UW_PACKED_MORE },
	{ "UNLINK_REPLACED_BY", get_replaced_by, UW_DETAIL_MINIMAL, .packed = UW_PACKED_MORE },
	{ "UNLINK_HOST_REPLACED_BY", get_host_replaced_by, UW_DETAIL_STANDARD,
	  .packed = UW_PACKED_MORE },
	{ "UNLINK_REPLACED_BY_INODE", get_replaced_by_inode, UW_DETAIL_STANDARD,
	  .packed = UW_PACKED_MORE },
	{ "UNLINK_DEV", get_dev, UW_DETAIL_STANDARD },
	{ "UNLINK_INODE", get_inode, UW_DETAIL_STANDARD, .packed = UW_PACKED_NAME },
	{ "UNLINK_MODE", get_mode, UW_DETAIL_STANDARD },
	{ "UNLINK_OWNER", get_owner, UW_DETAIL_STANDARD },
	{ "UNLINK_SIZE", get_size, UW_DETAIL_STANDARD, .packed = UW_PACKED_NAME },
	{ "UNLINK_NLINK", get_nlink, UW_DETAIL_STANDARD },
	{ "UNLINK_FSTYPE", get_fstype, UW_DETAIL_FULL },
	{ "UNLINK_DURATION_NS", get_duration, UW_DETAIL_FULL, .packed = UW_PACKED_NAME },
	{ "UNLINK_RULE", uw_get_rule, UW_DETAIL_MINIMAL, .many = true },
	{ .name = NULL },
};

/* ---- values */

const struct uw_field *uw_first_field(struct uw_ask *ask, const struct uw_entry *entry)
{
	ask->entry = entry;
	ask->record = entry->record;
	ask->summary = entry->summary;
	ask->cgroup = NULL;
	ask->chain = NULL;
	return entry->summary ? uw_summary_fields : uw_record_fields;
}

void uw_value_add(const struct uw_value *value, struct uw_buf *buf)
{
	switch (value->type) {
	case UW_VALUE_STR:
		uw_buf_add(buf, value->s.s, value->s.len);
		break;
	case UW_VALUE_INT:
		if (value->n < 0)
			uw_buf_puts(buf, "-");
		uw_buf_add_uint(buf, value->n < 0 ? -(uint64_t)value->n : (uint64_t)value->n);
		break;
	case UW_VALUE_UINT:
	case UW_VALUE_TIME:
		uw_buf_add_uint(buf, value->u);
		break;
	case UW_VALUE_UNKNOWN:
	case UW_VALUE_NONE:
		uw_buf_puts(buf, "unknown");
		break;
	}
}
