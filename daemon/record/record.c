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
static size_t floor_of(const struct uw_record *r, const char *buffer, size_t len,
		       struct uw_str name)
{
	size_t root = r->root.len;

	/* An absolute name starts at the process's root. */
	if (name.s[0] == '/')
		return len;
	if (root > len || memcmp(buffer, r->root.s, root))
		return 0;
	return root == len || buffer[root] == '/' ? root : 0;
}

/*
 * Joins dir and the name in the buffer. Returns false if `..` of a relative name tried to leave a
 * root.
 */
static bool join(const struct uw_record *r, struct uw_str dir, struct uw_str name, char *buffer,
		 struct uw_str *ret)
{
	bool left = false, absolute = name.s[0] == '/';
	size_t len = append(buffer, 0, 0, dir, &left);

	left = false;
	len = append(buffer, len, floor_of(r, buffer, len, name), name, &left);
	*ret = whole(buffer, len);
	return absolute || !left;
}

static bool complete(struct uw_record *r, struct uw_str dir, enum uw_path_state state)
{
	bool stays = join(r, dir, r->name, r->buffer, &r->path);

	r->path_state = state;
	if (r->dir_cut || r->name_cut)
		r->path_state = UW_PATH_TRUNCATED;
	return stays;
}

/* The same for the other name. */
static void complete_other(struct uw_record *r, struct uw_str dir, bool cut,
			   enum uw_path_state state)
{
	struct uw_other *o = &r->other;

	join(r, dir, o->name, r->other_buffer, &o->path);
	o->path_cut = cut;
	o->path_state = cut || o->name_cut ? UW_PATH_TRUNCATED : state;
}

/*
 * Returns the path within the file system, in the buffer: the root of the mount, the last `below`
 * bytes of path, which are below the mount point, and the name. The name is empty if path is the
 * target itself. Returns "" if the beginning of those bytes was cut, or if `..` leaves the mount.
 */
static struct uw_str join_fspath(char *buffer, struct uw_str fsroot, struct uw_str path,
				 size_t below, bool cut, struct uw_str name)
{
	struct uw_str tail = { path.s + path.len - below, below }, none = { buffer, 0 };
	bool left = false, absolute = name.len && name.s[0] == '/';
	size_t root, len;

	if (cut && below == path.len)
		return none;
	root = append(buffer, 0, 0, fsroot, &left);
	len = append(buffer, root, root, tail, &left);
	left = false;
	len = append(buffer, len, absolute ? len : root, name, &left);
	return absolute || !left ? whole(buffer, len) : none;
}

#define STR(which) (1u << UW_STR_##which)

/* Strings that a walk puts together, while directories above may be renamed. */
#define WALKED                                                                             \
	(STR(FSROOT) | STR(PATH) | STR(OTHER) | STR(UPPER) | STR(OTHER_UPPER) | STR(DIR) | \
	 STR(OTHER_DIR) | STR(ROOT) | STR(CWD) | STR(EXE))

/* Strings that may hold any byte. */
#define BINARY (STR(CMDLINE) | STR(OTHER_FILE) | STR(ANCESTORS) | STR(CLIENT))

static size_t longest(enum uw_string which)
{
	switch (which) {
	case UW_STR_CMDLINE:
		return UW_CMDLINE_MAX;
	case UW_STR_OTHER_FILE:
		return sizeof(struct uw_file);
	case UW_STR_ANCESTORS:
		return UW_ANCESTORS_MAX * sizeof(struct uw_ancestor);
	case UW_STR_CLIENT:
		return sizeof(struct uw_client);
	default:
		return UW_PATH_MAX - 1;
	}
}

/*
 * Splits the bytes behind the event into its strings. Returns false if they do not fit. *ret_torn
 * tells which of those that were walked have a NUL: the kernel wrote over a name as it was read.
 */
static bool split(const struct uw_event *ev, const char *strings, size_t size,
		  struct uw_str ret[UW_STR_MAX], unsigned int *ret_torn)
{
	size_t at = 0, i;

	*ret_torn = 0;
	for (i = 0; i < UW_STR_MAX; i++) {
		size_t len = ev->len[i];

		if (len > longest((enum uw_string)i) || len > size - at)
			return false;
		ret[i] = (struct uw_str){ strings + at, len };
		if (len && !(BINARY >> i & 1) && memchr(strings + at, '\0', len)) {
			if (!(WALKED >> i & 1))
				return false;
			*ret_torn |= 1u << i;
		}
		at += len;
	}
	return at == size;
}

/*
 * Takes the torn strings out of the event, and what makes no sense without them. If one of them may
 * have told where the target is, any rule may want the event.
 */
static void drop_torn(struct uw_event *ev, struct uw_str s[UW_STR_MAX], unsigned int torn)
{
	__u32 drop = 0;
	size_t i;

	if (torn & WALKED & ~(STR(CWD) | STR(EXE) | (ev->flags & UW_EV_RESOLVED ? STR(ROOT) : 0)))
		ev->flags |= UW_EV_UNPLACED;
	if (torn & STR(PATH)) {
		torn |= STR(FSROOT) | STR(OTHER) | STR(OTHER_FILE);
		drop |= UW_EV_RESOLVED | UW_EV_PATH_CUT | UW_EV_DETACHED | UW_EV_CASEFOLD |
			UW_EV_MOVES_DIR | UW_EV_OTHER_MOVES_DIR;
	}
	/* Without the process's root, nobody knows where `..` ends. */
	if (torn & STR(ROOT))
		torn |= STR(DIR) | STR(OTHER_DIR);
	if (torn & STR(DIR) && ev->flags & UW_EV_DIR) {
		torn |= STR(FSROOT);
		drop |= UW_EV_DIR | UW_EV_DIR_CUT | UW_EV_DIR_IN_NAME | UW_EV_DETACHED;
	}
	if (torn & STR(OTHER_DIR))
		drop |= UW_EV_OTHER_DIR | UW_EV_OTHER_DIR_CUT;
	if (torn & STR(OTHER))
		drop |= UW_EV_OTHER_CUT | UW_EV_OTHER_FS;
	if (torn & STR(FSROOT))
		drop |= UW_EV_FS | UW_EV_OTHER_FS;
	ev->flags &= ~drop;
	for (i = 0; i < UW_STR_MAX; i++)
		if (torn >> i & 1)
			s[i].len = 0;
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

/* Whether flags and strings of a rename's other name agree; other events have none. */
static bool other_is_consistent(const struct uw_event *ev, const struct uw_str *s)
{
	const uint32_t of_other = UW_EV_OTHER_CUT | UW_EV_OTHER_FS | UW_EV_OTHER_DIR |
				  UW_EV_OTHER_DIR_CUT | UW_EV_OTHER_NAME_CUT |
				  UW_EV_OTHER_NAME_FAULT | UW_EV_OTHER_MOVES_DIR | UW_EV_MOVES_DIR;
	bool resolved = ev->flags & UW_EV_RESOLVED, dir = ev->flags & UW_EV_OTHER_DIR;
	struct uw_str path = s[UW_STR_OTHER];

	if (!uw_op_is_rename(ev->op))
		return !(ev->flags & of_other) && !path.len && !s[UW_STR_OTHER_NAME].len &&
		       !s[UW_STR_OTHER_DIR].len && !s[UW_STR_OTHER_FILE].len;
	if (s[UW_STR_OTHER_FILE].len &&
	    (!resolved || s[UW_STR_OTHER_FILE].len != sizeof(struct uw_file)))
		return false;
	if (!resolved && (path.len || ev->flags & (UW_EV_OTHER_CUT | UW_EV_OTHER_FS)))
		return false;
	if (dir ? resolved : s[UW_STR_OTHER_DIR].len || ev->flags & UW_EV_OTHER_DIR_CUT)
		return false;
	if (ev->flags & UW_EV_OTHER_FS && ev->other_below > path.len)
		return false;
	if (ev->via == UW_VIA_KERNEL &&
	    (dir || (ev->flags & UW_EV_OTHER_FS && ev->other_below != path.len)))
		return false;
	return !path.len || valid_path(path, ev->flags & UW_EV_OTHER_CUT);
}

/* Whether the paths in the layers of an overlay are those of a target, and of its other name. */
static bool uppers_are_consistent(const struct uw_event *ev, const struct uw_str *s)
{
	struct uw_str upper = s[UW_STR_UPPER], other = s[UW_STR_OTHER_UPPER];

	if (!upper.len && !other.len)
		return true;
	if (!(ev->flags & (UW_EV_RESOLVED | UW_EV_UNPLACED)) || !ev->upper_dev)
		return false;
	if (other.len && ev->op != UW_OP_RENAME && ev->op != UW_OP_EXCHANGE)
		return false;
	return (!upper.len || valid_path(upper, false)) && (!other.len || valid_path(other, false));
}

/* Whether flags and strings agree. */
static bool consistent(const struct uw_event *ev, const struct uw_str *s)
{
	bool resolved = ev->flags & UW_EV_RESOLVED, dir = ev->flags & UW_EV_DIR;
	bool fs = ev->flags & UW_EV_FS;

	if (!uppers_are_consistent(ev, s) || s[UW_STR_ANCESTORS].len % sizeof(struct uw_ancestor) ||
	    s[UW_STR_CLIENT].len % sizeof(struct uw_client))
		return false;
	if (resolved ? !valid_path(s[UW_STR_PATH], ev->flags & UW_EV_PATH_CUT)
		     : s[UW_STR_PATH].len || ev->flags & UW_EV_PATH_CUT)
		return false;
	if (!resolved && ev->flags & UW_EV_CASEFOLD)
		return false;
	if (ev->flags & UW_EV_DETACHED && !resolved && !dir)
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
	if (ev->flags & UW_EV_DIR_IN_NAME &&
	    (!dir || ev->flags & UW_EV_DIR_CUT || !has_dir(s[UW_STR_NAME], s[UW_STR_DIR])))
		return false;
	return other_is_consistent(ev, s);
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
	r->fsuid = ev->fsuid;
	r->fsgid = ev->fsgid;
	r->account = ev->account;
	r->task_known = ev->flags & UW_EV_TASK;
	r->ppid = ev->ppid;
	r->euid = ev->euid;
	r->private_mnt = ev->flags & UW_EV_PRIVATE_MNT;
	r->loginuid_known = ev->flags & UW_EV_LOGINUID && ev->loginuid != UNSET;
	r->loginuid = ev->loginuid;
	r->session_known = ev->flags & UW_EV_LOGINUID && ev->session != UNSET;
	r->session = ev->session;
	r->tty = ev->tty;
	r->exe = s[UW_STR_EXE];
	r->exe_known = ev->flags & UW_EV_EXE;
	r->exe_ino = ev->exe_ino;
	r->exe_dev = ev->exe_dev;
	r->exe_deleted = r->exe_known && ev->flags & UW_EV_EXE_DELETED;
	r->exe_private = r->exe_known && ev->flags & UW_EV_EXE_PRIVATE;
	r->cgroup = s[UW_STR_CGROUP];
	r->ancestors = s[UW_STR_ANCESTORS];
	r->client = s[UW_STR_CLIENT];
	r->cmdline = s[UW_STR_CMDLINE];
	r->cmdline_cut = ev->flags & UW_EV_CMDLINE_CUT && r->cmdline.len;
	r->cwd = s[UW_STR_CWD];
	r->cwd_cut = ev->flags & UW_EV_CWD_CUT && r->cwd.len;
	r->root = s[UW_STR_ROOT];
}

/*
 * The event has the count before the deletion. A removed directory loses its own dot, too. A file
 * that is moved keeps its links.
 */
static uint32_t links_left(const struct uw_record *r)
{
	if (r->ret < 0 || uw_op_is_move(r->op))
		return r->nlink;
	if (S_ISDIR(r->mode))
		return 0;
	return r->nlink ? r->nlink - 1 : 0;
}

static void take_file(struct uw_record *r, const struct uw_file *file)
{
	r->ino = file->ino;
	r->bytes = file->bytes;
	r->mode = file->mode;
	r->owner = file->owner;
	r->nlink = file->nlink;
	r->links = links_left(r);
}

static void take_what(struct uw_record *r, const struct uw_event *ev)
{
	r->inode_known = ev->flags & UW_EV_INODE;
	r->dev_known = ev->dev && ev->flags & (UW_EV_INODE | UW_EV_FS);
	r->dev = ev->dev;
	r->dev_major = ev->dev >> MINOR_BITS;
	r->dev_minor = ev->dev & ((1U << MINOR_BITS) - 1);
	r->links_known = r->inode_known && r->ret_known;
	take_file(r, &ev->file);
}

/* How reliable a directory is that is joined with the name. */
static enum uw_path_state joined_state(const struct uw_record *r)
{
	if (r->detached)
		return UW_PATH_DETACHED;
	return r->dir_known ? UW_PATH_LEXICAL : UW_PATH_GUESSED;
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
		r->fspath = join_fspath(r->fsbuffer, fsroot, r->dir, ev->below, false, rest);
	complete(r, (struct uw_str){ "", 0 }, joined_state(r));
}

#define SWAP(a, b)                     \
	do {                           \
		typeof(a) swap_ = (a); \
		(a) = (b);             \
		(b) = swap_;           \
	} while (0)

static __u32 swap_flags(__u32 flags, __u32 a, __u32 b)
{
	return (flags & ~(a | b)) | (flags & a ? b : 0) | (flags & b ? a : 0);
}

/*
 * A rename that replaces a file is about the new name. The kernel side passes what belongs to the
 * names as it was at the entry, the old one first. It passes only one name of a kernel thread.
 */
static void exchange_names(struct uw_event *ev, struct uw_str s[UW_STR_MAX])
{
	if (ev->op != UW_OP_RENAME || !(ev->flags & (UW_EV_RESOLVED | UW_EV_UNPLACED)) ||
	    !(s[UW_STR_OTHER_NAME].len || ev->flags & UW_EV_OTHER_NAME_FAULT))
		return;
	SWAP(ev->dfd, ev->other_dfd);
	SWAP(s[UW_STR_NAME], s[UW_STR_OTHER_NAME]);
	ev->flags = swap_flags(ev->flags, UW_EV_NAME_FAULT, UW_EV_OTHER_NAME_FAULT);
	ev->flags = swap_flags(ev->flags, UW_EV_NAME_CUT, UW_EV_OTHER_NAME_CUT);
	if (ev->flags & UW_EV_RESOLVED)
		return;
	SWAP(s[UW_STR_DIR], s[UW_STR_OTHER_DIR]);
	ev->flags = swap_flags(ev->flags, UW_EV_DIR, UW_EV_OTHER_DIR);
	ev->flags = swap_flags(ev->flags, UW_EV_DIR_CUT, UW_EV_OTHER_DIR_CUT);
	/* The file system is known of the old name alone. */
	ev->flags &= ~(__u32)(UW_EV_FS | UW_EV_DIR_IN_NAME | UW_EV_DETACHED);
	s[UW_STR_FSROOT].len = 0;
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
	r->unplaced = ev->flags & UW_EV_UNPLACED;
	r->detached = ev->flags & UW_EV_DETACHED;
	r->casefold = ev->flags & UW_EV_CASEFOLD;
	r->mntns = ev->mntns;
	r->upper = s[UW_STR_UPPER];
	r->upper_dev = ev->upper_dev;
	r->path = (struct uw_str){ r->buffer, 0 };
	r->fspath = (struct uw_str){ r->fsbuffer, 0 };
	r->path_state = UW_PATH_UNKNOWN;
	r->moves_dir = r->found ? ev->flags & UW_EV_MOVES_DIR : uw_op_is_rename(ev->op);

	if (r->found && ev->flags & UW_EV_FS)
		r->fspath = join_fspath(r->fsbuffer, s[UW_STR_FSROOT], s[UW_STR_PATH], ev->below,
					ev->flags & UW_EV_PATH_CUT, (struct uw_str){ "", 0 });
	if (ev->via == UW_VIA_KERNEL)
		return;
	if (r->found) {
		r->path = s[UW_STR_PATH];
		r->path_state = r->detached ? UW_PATH_DETACHED : UW_PATH_RESOLVED;
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
	stays = complete(r, r->dir, joined_state(r));
	if (stays && ev->flags & UW_EV_FS && !r->name_cut)
		r->fspath = join_fspath(r->fsbuffer, s[UW_STR_FSROOT], r->dir, ev->below,
					r->dir_cut, r->name);
}

static void take_other(struct uw_record *r, const struct uw_event *ev, const struct uw_str *s)
{
	bool dir_known = ev->flags & UW_EV_OTHER_DIR, cut = ev->flags & UW_EV_OTHER_CUT;
	struct uw_other *o = &r->other;

	*o = (struct uw_other){
		.dfd = ev->other_dfd,
		.name = s[UW_STR_OTHER_NAME],
		.name_known = uw_op_is_rename(ev->op) && !(ev->flags & UW_EV_OTHER_NAME_FAULT),
		.name_cut = ev->flags & UW_EV_OTHER_NAME_CUT,
		.upper = s[UW_STR_OTHER_UPPER],
		.path = { r->other_buffer, 0 },
		.path_state = UW_PATH_UNKNOWN,
		.fspath = { r->other_fsbuffer, 0 },
		.moves_dir = r->found ? ev->flags & UW_EV_OTHER_MOVES_DIR : uw_op_is_rename(ev->op),
	};
	if (s[UW_STR_OTHER_FILE].len) {
		o->file_known = r->inode_known;
		memcpy(&o->file, s[UW_STR_OTHER_FILE].s, sizeof(o->file));
	}
	if (!uw_op_is_rename(ev->op))
		return;
	if (ev->flags & UW_EV_FS && ev->flags & UW_EV_OTHER_FS)
		o->fspath = join_fspath(r->other_fsbuffer, s[UW_STR_FSROOT], s[UW_STR_OTHER],
					ev->other_below, cut, (struct uw_str){ "", 0 });
	if (ev->via == UW_VIA_KERNEL)
		return;
	if (r->found && s[UW_STR_OTHER].len) {
		o->path = s[UW_STR_OTHER];
		o->path_cut = cut;
		o->path_state = cut	      ? UW_PATH_TRUNCATED
				: r->detached ? UW_PATH_DETACHED
					      : UW_PATH_RESOLVED;
	}
	if (!r->found && o->name_known && o->name.len && (dir_known || o->name.s[0] == '/'))
		complete_other(r, s[UW_STR_OTHER_DIR], ev->flags & UW_EV_OTHER_DIR_CUT,
			       dir_known ? UW_PATH_LEXICAL : UW_PATH_GUESSED);
}

int uw_record_decode(const void *data, size_t size, struct uw_record *ret)
{
	const char *strings = (const char *)data + sizeof(struct uw_event);
	struct uw_str s[UW_STR_MAX];
	struct uw_record *r = ret;
	struct uw_event ev;
	unsigned int torn;

	if (size < sizeof(ev) || size > UW_EVENT_MAX)
		return -EBADMSG;
	memcpy(&ev, data, sizeof(ev));
	if (!valid(&ev, size) || !split(&ev, strings, size - sizeof(ev), s, &torn))
		return -EBADMSG;
	if (torn)
		drop_torn(&ev, s, torn);
	if (!consistent(&ev, s))
		return -EBADMSG;
	exchange_names(&ev, s);

	r->event = (struct uw_str){ data, size };
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
	take_other(r, &ev, s);
	r->comm = (struct uw_str){ (const char *)data + offsetof(struct uw_event, comm),
				   strnlen(ev.comm, sizeof(ev.comm)) };
	r->fstype = (struct uw_str){ (const char *)data + offsetof(struct uw_event, fstype),
				     strnlen(ev.fstype, sizeof(ev.fstype)) };
	return 0;
}

bool uw_record_other_counts(const struct uw_record *r)
{
	if (r->op == UW_OP_RENAME || r->op == UW_OP_EXCHANGE)
		return true;
	/* A move that was not resolved may have replaced a file, unless it failed before that. */
	return r->op == UW_OP_MOVE && !r->found &&
	       (!r->ret_known || !r->ret || r->probe == UW_PROBE_TRACEPOINT);
}

void uw_record_swap(struct uw_record *r)
{
	struct uw_file file = { r->ino, r->bytes, r->mode, r->owner, r->nlink, 0 };
	struct uw_other *o = &r->other;

	SWAP(r->dfd, o->dfd);
	SWAP(r->name, o->name);
	SWAP(r->name_known, o->name_known);
	SWAP(r->name_cut, o->name_cut);
	SWAP(r->path, o->path);
	SWAP(r->path_state, o->path_state);
	SWAP(r->fspath, o->fspath);
	SWAP(r->upper, o->upper);
	SWAP(r->moves_dir, o->moves_dir);
	SWAP(r->inode_known, o->file_known);
	SWAP(file, o->file);
	take_file(r, &file);
	r->links_known = r->inode_known && r->ret_known;
	o->path_cut = o->path_state == UW_PATH_TRUNCATED && r->found;
}

static bool wants_cwd(enum uw_path_state state, bool name_known, struct uw_str name, int dfd)
{
	return state == UW_PATH_UNKNOWN && name_known && name.len && name.s[0] != '/' &&
	       dfd == AT_FDCWD;
}

static bool path_wants_cwd(const struct uw_record *r)
{
	return wants_cwd(r->path_state, r->name_known, r->name, r->dfd);
}

static bool other_wants_cwd(const struct uw_record *r)
{
	const struct uw_other *o = &r->other;

	return !r->found && wants_cwd(o->path_state, o->name_known, o->name, o->dfd);
}

bool uw_record_wants_cwd(const struct uw_record *r)
{
	return r->via != UW_VIA_KERNEL && (path_wants_cwd(r) || other_wants_cwd(r));
}

void uw_record_guess(struct uw_record *r, const char *cwd, size_t len)
{
	struct uw_str dir = { cwd, len };

	if (!len || len >= UW_PATH_MAX || cwd[0] != '/')
		return;
	if (path_wants_cwd(r))
		complete(r, dir, UW_PATH_GUESSED);
	if (other_wants_cwd(r))
		complete_other(r, dir, false, UW_PATH_GUESSED);
}

void uw_record_place(struct uw_record *r, struct uw_str path, struct uw_str other)
{
	r->path = path;
	r->path_state = UW_PATH_RESOLVED;
	r->other.path = other;
	r->other.path_state = other.len ? UW_PATH_RESOLVED : UW_PATH_UNKNOWN;
}

const char *uw_path_state_name(enum uw_path_state state)
{
	static const char *const names[] = {
		[UW_PATH_UNKNOWN] = "unknown", [UW_PATH_RESOLVED] = "resolved",
		[UW_PATH_LEXICAL] = "lexical", [UW_PATH_TRUNCATED] = "truncated",
		[UW_PATH_GUESSED] = "guessed", [UW_PATH_DETACHED] = "detached",
	};

	return names[state];
}
