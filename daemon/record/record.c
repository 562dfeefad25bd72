// SPDX-License-Identifier: MIT
#include "record/record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_ERRNO  4095 /* include/linux/err.h */
#define MINOR_BITS 20	/* include/linux/kdev_t.h */

/* loginuid and session before anybody has logged in (include/linux/audit.h). */
#define UNSET UINT32_MAX

/* Room for the longest path that joining builds: each of the strings, and a slash before it. */
_Static_assert(sizeof(((struct uw_record *)0)->buffer) >= 2 * UW_PATH_MAX, "room for the path");
_Static_assert(sizeof(((struct uw_record *)0)->fsbuffer) >= 3 * UW_PATH_MAX, "room for the path");

/*
 * Appends the components of text to the normalised path in buf, without empty and `.` components.
 * Like in a root directory, `..` stops at floor; *ret_left tells whether it would have gone higher.
 */
static size_t append(char *buf, size_t at, size_t floor, struct uw_str text, bool *ret_left)
{
	size_t i = 0, len;
	const char *s;

	while (i < text.len) {
		const char *slash = memchr(text.s + i, '/', text.len - i);

		s = text.s + i;
		len = slash ? (size_t)(slash - s) : text.len - i;
		i += len + 1;
		if (!len || (len == 1 && s[0] == '.'))
			continue;
		if (len == 2 && s[0] == '.' && s[1] == '.') {
			*ret_left = *ret_left || at <= floor;
			while (at > floor && buf[--at] != '/')
				;
			continue;
		}
		buf[at++] = '/';
		memcpy(buf + at, s, len);
		at += len;
	}
	return at;
}

static struct uw_str whole(char *buf, size_t len)
{
	if (!len)
		buf[len++] = '/';
	return (struct uw_str){ buf, len };
}

/* Returns the length of the process's root, which `..` does not leave, in the buffer. */
static size_t floor_of(const struct uw_record *r, size_t len)
{
	size_t root = r->root.len;

	/* An absolute name starts at the process's root. */
	if (r->name.s[0] == '/')
		return len;
	if (root > len || memcmp(r->buffer, r->root.s, root))
		return 0;
	return root == len || r->buffer[root] == '/' ? root : 0;
}

/* Joins dir and the name. Returns false if `..` of a relative name tried to leave a root. */
static bool complete(struct uw_record *r, struct uw_str dir, enum uw_path_state state)
{
	bool left = false, absolute = r->name.s[0] == '/';
	size_t len = append(r->buffer, 0, 0, dir, &left);

	left = false;
	len = append(r->buffer, len, floor_of(r, len), r->name, &left);
	r->path = whole(r->buffer, len);
	r->path_state = state;
	if (r->dir_cut || r->name_cut)
		r->path_state = UW_PATH_TRUNCATED;
	return absolute || !left;
}

/*
 * Builds the path within the file system: the root of the mount, the last `below` bytes of path,
 * which are below the mount point, and the name. The name is empty if path is the target itself.
 * Sets nothing if the beginning of those bytes was cut, or if `..` leaves the mount.
 */
static void complete_fspath(struct uw_record *r, struct uw_str fsroot, struct uw_str path,
			    size_t below, bool cut, struct uw_str name)
{
	struct uw_str tail = { path.s + path.len - below, below };
	bool left = false, absolute = name.len && name.s[0] == '/';
	size_t root, len;

	if (cut && below == path.len)
		return;
	root = append(r->fsbuffer, 0, 0, fsroot, &left);
	len = append(r->fsbuffer, root, root, tail, &left);
	left = false;
	len = append(r->fsbuffer, len, absolute ? len : root, name, &left);
	if (absolute || !left)
		r->fspath = whole(r->fsbuffer, len);
}

/* Splits the bytes behind the event into its strings. Returns false if they do not fit. */
static bool split(const struct uw_event *ev, const char *strings, size_t size,
		  struct uw_str ret[UW_STR_MAX])
{
	size_t at = 0, i;

	for (i = 0; i < UW_STR_MAX; i++) {
		size_t len = ev->len[i],
		       max = i == UW_STR_CMDLINE ? UW_CMDLINE_MAX : UW_PATH_MAX - 1;

		if (len > max || len > size - at)
			return false;
		ret[i] = (struct uw_str){ strings + at, len };
		if (i != UW_STR_CMDLINE && memchr(strings + at, '\0', len))
			return false;
		at += len;
	}
	return at == size;
}

/* A path that is whole begins with a slash. */
static bool valid_path(struct uw_str path, bool cut)
{
	return path.len && (cut || path.s[0] == '/');
}

/* Length of the directory at the beginning of a name; a relative name lacks the leading slash. */
static size_t dir_in_name(struct uw_str name, size_t dir_len)
{
	return name.len && name.s[0] == '/' ? dir_len : dir_len - 1;
}

/* Whether the name begins with its directory, which is not the root. */
static bool has_dir(struct uw_str name, struct uw_str dir)
{
	size_t len = dir.len ? dir_in_name(name, dir.len) : 0;

	return dir.len && name.len > len && name.s[len] == '/' &&
	       !memcmp(name.s, dir.s + dir.len - len, len);
}

/* Whether flags and strings agree. */
static bool consistent(const struct uw_event *ev, const struct uw_str *s)
{
	bool resolved = ev->flags & UW_EV_RESOLVED, dir = ev->flags & UW_EV_DIR;
	bool fs = ev->flags & UW_EV_FS, by = s[UW_STR_SOURCE].len || ev->flags & UW_EV_SOURCE_CUT;

	if (resolved ? !valid_path(s[UW_STR_PATH], ev->flags & UW_EV_PATH_CUT)
		     : s[UW_STR_PATH].len || ev->flags & UW_EV_PATH_CUT)
		return false;
	if (dir ? resolved : s[UW_STR_DIR].len || ev->flags & UW_EV_DIR_CUT)
		return false;
	if (fs ? !resolved && !dir : s[UW_STR_FSROOT].len > 0)
		return false;
	if (fs && ev->below > s[resolved ? UW_STR_PATH : UW_STR_DIR].len)
		return false;
	/* A kernel thread's path starts at the root of the file system; its mount is not known. */
	if (ev->via == UW_VIA_KERNEL &&
	    (dir || s[UW_STR_FSROOT].len || (fs && ev->below != s[UW_STR_PATH].len)))
		return false;
	if (by && ev->op != UW_OP_RENAME)
		return false;
	if (ev->flags & UW_EV_DIR_IN_NAME &&
	    (!dir || ev->flags & UW_EV_DIR_CUT || !has_dir(s[UW_STR_NAME], s[UW_STR_DIR])))
		return false;
	return !s[UW_STR_SOURCE].len || valid_path(s[UW_STR_SOURCE], ev->flags & UW_EV_SOURCE_CUT);
}

static bool valid(const struct uw_event *ev, size_t size)
{
	if (ev->abi != UW_ABI || ev->size != size)
		return false;
	if (!ev->op || ev->op >= UW_OP_MAX || !ev->probe || ev->probe >= UW_PROBE_MAX || !ev->via ||
	    ev->via >= UW_VIA_MAX)
		return false;
	if (ev->flags & ~(__u32)UW_EV_FLAGS || ev->ret < -MAX_ERRNO || ev->ret > 0)
		return false;
	return ev->exit_ns >= ev->enter_ns;
}

static void take_who(struct uw_record *r, const struct uw_event *ev, const struct uw_str *s)
{
	r->pid = ev->pid;
	r->tid = ev->tid;
	r->uid = ev->uid;
	r->gid = ev->gid;
	r->task_known = ev->flags & UW_EV_TASK;
	r->ppid = ev->ppid;
	r->euid = ev->euid;
	r->mntns = ev->mntns;
	r->loginuid_known = ev->flags & UW_EV_LOGINUID && ev->loginuid != UNSET;
	r->loginuid = ev->loginuid;
	r->session_known = ev->flags & UW_EV_LOGINUID && ev->session != UNSET;
	r->session = ev->session;
	r->exe = s[UW_STR_EXE];
	r->cgroup = s[UW_STR_CGROUP];
	r->cmdline = s[UW_STR_CMDLINE];
	r->cmdline_cut = ev->flags & UW_EV_CMDLINE_CUT && r->cmdline.len;
	r->cwd = s[UW_STR_CWD];
	r->cwd_cut = ev->flags & UW_EV_CWD_CUT && r->cwd.len;
	r->root = s[UW_STR_ROOT];
}

/* The event has the count before the deletion. A removed directory loses its own dot, too. */
static uint32_t links_left(const struct uw_event *ev)
{
	if (ev->ret < 0)
		return ev->nlink;
	if (S_ISDIR(ev->mode))
		return 0;
	return ev->nlink ? ev->nlink - 1 : 0;
}

static void take_what(struct uw_record *r, const struct uw_event *ev)
{
	r->inode_known = ev->flags & UW_EV_INODE;
	r->dev_known = ev->dev && ev->flags & (UW_EV_INODE | UW_EV_FS);
	r->dev = ev->dev;
	r->dev_major = ev->dev >> MINOR_BITS;
	r->dev_minor = ev->dev & ((1U << MINOR_BITS) - 1);
	r->ino = ev->ino;
	r->bytes = ev->bytes;
	r->mode = ev->mode;
	r->owner = ev->owner;
	r->links_known = r->inode_known && r->ret_known;
	r->links = links_left(ev);
}

/* For a name that starts at the root of its namespace and leads into a mount. */
static void take_name_in_mount(struct uw_record *r, const struct uw_event *ev, struct uw_str fsroot)
{
	size_t len = dir_in_name(r->name, r->dir.len);
	struct uw_str rest = { r->name.s + len, r->name.len - len };

	/* Relative to the mount, `..` may leave it. */
	while (rest.len && rest.s[0] == '/') {
		rest.s++;
		rest.len--;
	}
	if (ev->flags & UW_EV_FS && !r->name_cut)
		complete_fspath(r, fsroot, r->dir, ev->below, false, rest);
	complete(r, (struct uw_str){ "", 0 }, UW_PATH_LEXICAL);
}

static void take_name(struct uw_record *r, const struct uw_event *ev, const struct uw_str *s)
{
	bool stays;

	r->dfd = ev->dfd;
	r->name_known = !(ev->flags & UW_EV_NAME_FAULT);
	r->name_cut = ev->flags & UW_EV_NAME_CUT;
	r->name_late = ev->flags & UW_EV_NAME_LATE;
	r->name = s[UW_STR_NAME];
	r->dir_known = ev->flags & UW_EV_DIR;
	r->dir_cut = ev->flags & UW_EV_DIR_CUT;
	r->dir = s[UW_STR_DIR];
	r->found = ev->flags & UW_EV_RESOLVED;
	r->by = s[UW_STR_SOURCE];
	r->by_cut = ev->flags & UW_EV_SOURCE_CUT && r->by.len;
	r->fsby = (struct uw_str){ r->by.s, 0 };
	r->path = (struct uw_str){ r->buffer, 0 };
	r->fspath = (struct uw_str){ r->fsbuffer, 0 };
	r->path_state = UW_PATH_UNKNOWN;

	if (r->found && ev->flags & UW_EV_FS)
		complete_fspath(r, s[UW_STR_FSROOT], s[UW_STR_PATH], ev->below,
				ev->flags & UW_EV_PATH_CUT, (struct uw_str){ "", 0 });
	if (ev->via == UW_VIA_KERNEL) {
		r->fsby.len = r->by_cut ? 0 : r->by.len;
		r->by.len = 0;
		r->by_cut = false;
		return;
	}
	if (r->found) {
		r->path = s[UW_STR_PATH];
		r->path_state = UW_PATH_RESOLVED;
		if (ev->flags & UW_EV_PATH_CUT)
			r->path_state = UW_PATH_TRUNCATED;
		return;
	}
	if (!r->name_known || !r->name.len || (!r->dir_known && r->name.s[0] != '/'))
		return;
	if (ev->flags & UW_EV_DIR_IN_NAME) {
		take_name_in_mount(r, ev, s[UW_STR_FSROOT]);
		return;
	}
	/* If the root is not known, an absolute name is assumed to start at that of the namespace. */
	stays = complete(r, r->dir, r->dir_known ? UW_PATH_LEXICAL : UW_PATH_GUESSED);
	if (stays && ev->flags & UW_EV_FS && !r->name_cut)
		complete_fspath(r, s[UW_STR_FSROOT], r->dir, ev->below, r->dir_cut, r->name);
}

int uw_record_decode(const void *data, size_t size, struct uw_record *ret)
{
	const char *strings = (const char *)data + sizeof(struct uw_event);
	struct uw_str s[UW_STR_MAX];
	struct uw_record *r = ret;
	struct uw_event ev;

	if (size < sizeof(ev) || size > UW_EVENT_MAX)
		return -EBADMSG;
	memcpy(&ev, data, sizeof(ev));
	if (!valid(&ev, size) || !split(&ev, strings, size - sizeof(ev), s) || !consistent(&ev, s))
		return -EBADMSG;

	r->op = ev.op;
	r->probe = ev.probe;
	r->via = ev.via;
	r->gen = ev.gen;
	r->tree = ev.tree;
	r->rules = ev.rules;
	r->enter_ns = ev.enter_ns;
	r->exit_ns = ev.exit_ns;
	r->ret_known = !(ev.flags & UW_EV_RET_UNKNOWN);
	r->ret = r->ret_known ? (int)ev.ret : 0;
	take_who(r, &ev, s);
	take_what(r, &ev);
	take_name(r, &ev, s);
	r->comm = (struct uw_str){ (const char *)data + offsetof(struct uw_event, comm),
				   strnlen(ev.comm, sizeof(ev.comm)) };
	r->fstype = (struct uw_str){ (const char *)data + offsetof(struct uw_event, fstype),
				     strnlen(ev.fstype, sizeof(ev.fstype)) };
	return 0;
}

bool uw_record_wants_cwd(const struct uw_record *r)
{
	return r->path_state == UW_PATH_UNKNOWN && r->name_known && r->name.len &&
	       r->dfd == AT_FDCWD && r->via != UW_VIA_KERNEL;
}

void uw_record_guess(struct uw_record *r, const char *cwd, size_t len)
{
	if (len && len < UW_PATH_MAX && cwd[0] == '/')
		complete(r, (struct uw_str){ cwd, len }, UW_PATH_GUESSED);
}

void uw_record_place(struct uw_record *r, struct uw_str path, struct uw_str by)
{
	r->path = path;
	r->path_state = UW_PATH_RESOLVED;
	r->by = by;
}

const char *uw_path_state_name(enum uw_path_state state)
{
	static const char *const names[] = {
		[UW_PATH_UNKNOWN] = "unknown", [UW_PATH_RESOLVED] = "resolved",
		[UW_PATH_LEXICAL] = "lexical", [UW_PATH_TRUNCATED] = "truncated",
		[UW_PATH_GUESSED] = "guessed",
	};

	return names[state];
}
