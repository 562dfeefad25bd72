/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who deletes, and what: read from kernel memory while the deletion is under way, as the process may be
 * gone before the daemon could look.
 */
#ifndef UW_TASK_BPF_H
#define UW_TASK_BPF_H

#include "maps.bpf.h"
#include "walk.bpf.h"

#define PF_IO_WORKER 0x10

/* Adds a string to the event; they have to come in the order of enum uw_string. */
static __always_inline void put(struct scratch *s, enum uw_string which, const void *text, __u32 len)
{
	__u32 at = s->ev.size & (DATA_STARTS - 1);

	len &= UW_PATH_MAX - 1;
	if (bpf_probe_read_kernel(&s->data[at], len, text))
		return;
	s->ev.len[which] = len;
	s->ev.size = at + len;
}

/* The same of a path that was walked. */
static __always_inline void put_walk(struct scratch *s, enum uw_string which, const struct walk *w)
{
	__u32 pos = w->pos & (2 * UW_PATH_MAX - 1);

	if (pos < UW_PATH_MAX)
		put(s, which, &w->text[pos], UW_PATH_MAX - pos);
}

static __always_inline void put_path(struct scratch *s, enum uw_string which, const struct path *path)
{
	struct walk *w = walk_path(s->walks + 1, path);

	if (w)
		put_walk(s, which, w);
}

/* The root directory, which a walk has as an empty path, where that would mean "not known". */
static __always_inline void put_root(struct scratch *s, enum uw_string which)
{
	const char root = '/';

	put(s, which, &root, 1);
}

static __always_inline void put_cmdline(struct scratch *s, struct mm_struct *mm)
{
	unsigned long start = BPF_CORE_READ(mm, arg_start), end = BPF_CORE_READ(mm, arg_end);
	__u32 at = s->ev.size & (DATA_STARTS - 1), len;

	if (end <= start)
		return;
	if (end - start > UW_CMDLINE_MAX) {
		len = UW_CMDLINE_MAX;
		s->ev.flags |= UW_EV_CMDLINE_CUT;
	} else {
		len = end - start;
	}
	if (bpf_probe_read_user(&s->data[at], len & (2 * UW_CMDLINE_MAX - 1), (void *)start)) {
		s->ev.flags &= ~UW_EV_CMDLINE_CUT;
		return;
	}
	/* The NUL behind the last argument says nothing; a process may have written over it. */
	if (!(s->ev.flags & UW_EV_CMDLINE_CUT) && !s->data[(at + len - 1) & (DATA_STARTS - 1)])
		len--;
	s->ev.len[UW_STR_CMDLINE] = len;
	s->ev.size = at + len;
}

static __always_inline struct path *path_of_file(struct file *file)
{
	return file ? (void *)file + bpf_core_field_offset(struct file, f_path) : NULL;
}

static __always_inline struct path *path_of_fd(struct task_struct *task, __s32 fd)
{
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file **fds, *file = NULL;

	if (fd < 0 || (__u32)fd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	fds = BPF_CORE_READ(fdt, fd);
	if (bpf_probe_read_kernel(&file, sizeof(file), &fds[fd]))
		return NULL;
	return path_of_file(file);
}

/* What the mount shows of its file system, where that is not all of it: a bind mount, a subvolume. */
static __always_inline void put_fsroot(struct scratch *s, __u32 which, const struct walk *below)
{
	struct dentry *fsroot = below->fsroot;
	struct super_block *sb;
	struct walk *w;

	if (!fsroot || BPF_CORE_READ_INTO(&sb, fsroot, d_sb))
		return;
	s->ev.below = below->below;
	s->ev.dev = BPF_CORE_READ(sb, s_dev);
	w = walk_dentry(which, NULL, fsroot);
	if (!w || w->cut)
		return;
	put_walk(s, UW_STR_FSROOT, w);
	s->ev.flags |= UW_EV_FS;
}

/* Where a name starts that the kernel did not resolve: for an absolute one, the process's root. */
static __always_inline void put_start(struct scratch *s, struct task_struct *task, void *fs)
{
	const struct path *start;
	struct walk *w;

	if (!s->ev.len[UW_STR_NAME] || !fs)
		return;
	if (s->data[0] == '/')
		start = fs + bpf_core_field_offset(struct fs_struct, root);
	else if (s->ev.dfd == AT_FDCWD)
		start = fs + bpf_core_field_offset(struct fs_struct, pwd);
	else
		start = path_of_fd(task, s->ev.dfd);
	w = start ? walk_path(s->walks + 1, start) : NULL;
	if (!w)
		return;
	put_fsroot(s, s->walks, w);
	put_walk(s, UW_STR_DIR, w);
	s->ev.flags |= UW_EV_DIR | (w->cut ? UW_EV_DIR_CUT : 0);
}

static __always_inline void read_ids(struct uw_event *ev, struct task_struct *task)
{
	__s32 ppid = 0;

	if (BPF_CORE_READ_INTO(&ppid, task, real_parent, tgid))
		return;
	ev->ppid = ppid;
	ev->euid = BPF_CORE_READ(task, cred, euid.val);
	ev->mntns = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
	ev->flags |= UW_EV_TASK;
	if (bpf_core_field_exists(task->loginuid)) {
		ev->loginuid = BPF_CORE_READ(task, loginuid.val);
		ev->session = BPF_CORE_READ(task, sessionid);
		ev->flags |= UW_EV_LOGINUID;
	}
}

/* All that is read at the return, of a deletion that will be recorded. */
static __always_inline void read_task(struct scratch *s, __u32 detail)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	void *fs = BPF_CORE_READ(task, fs);
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	struct path *exe;
	struct walk *w;

	read_ids(&s->ev, task);
	if (!(s->ev.flags & UW_EV_RESOLVED))
		put_start(s, task, fs);
	if (fs)
		put_path(s, UW_STR_ROOT, fs + bpf_core_field_offset(struct fs_struct, root));
	if (detail < UW_DETAIL_STANDARD)
		return;
	if (detail >= UW_DETAIL_FULL && fs) {
		w = walk_path(s->walks + 1, fs + bpf_core_field_offset(struct fs_struct, pwd));
		if (w && w->pos == UW_PATH_MAX)
			put_root(s, UW_STR_CWD);
		else if (w)
			put_walk(s, UW_STR_CWD, w);
		s->ev.flags |= w && w->cut ? UW_EV_CWD_CUT : 0;
	}
	if (mm) {
		exe = path_of_file(BPF_CORE_READ(mm, exe_file));
		if (exe)
			put_path(s, UW_STR_EXE, exe);
		put_cmdline(s, mm);
	}
	w = walk_cgroup(s->walks + 1, task);
	if (w && w->pos == UW_PATH_MAX)
		put_root(s, UW_STR_CGROUP);
	else if (w && !w->cut)	/* without its beginning it would look like another */
		put_walk(s, UW_STR_CGROUP, w);
}

/* The target, just before it goes: at the return its inode may be freed. */
static __always_inline void read_inode(struct uw_event *ev, struct dentry *dentry, struct inode *inode)
{
	struct super_block *sb = BPF_CORE_READ(dentry, d_sb);

	ev->dev = BPF_CORE_READ(sb, s_dev);
	bpf_probe_read_kernel_str(ev->fstype, sizeof(ev->fstype), BPF_CORE_READ(sb, s_type, name));
	ev->ino = BPF_CORE_READ(inode, i_ino);
	ev->bytes = BPF_CORE_READ(inode, i_size);
	ev->mode = BPF_CORE_READ(inode, i_mode);
	ev->owner = BPF_CORE_READ(inode, i_uid.val);
	ev->nlink = BPF_CORE_READ(inode, i_nlink);
	ev->flags |= UW_EV_INODE;
}

#endif
