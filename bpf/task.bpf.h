/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who deletes, and what: read from kernel memory while the deletion is under way, as the process may be
 * gone before the daemon could look.
 */
#ifndef UW_TASK_BPF_H
#define UW_TASK_BPF_H

#include "descend.bpf.h"
#include "maps.bpf.h"
#include "walk.bpf.h"

#define PF_IO_WORKER 0x10
#define PF_KTHREAD 0x200000

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

/* Where in its file system the walk is: what the mount shows of that, and how much of the path is below. */
static __always_inline void put_place(struct scratch *s, const struct walk *w)
{
	struct super_block *sb = w->sb;
	__u32 pos = w->pos, len;

	if (!w->met || w->cut)
		return;
	s->ev.below = w->below;
	s->ev.dev = BPF_CORE_READ(sb, s_dev);
	s->ev.flags |= UW_EV_FS;
	len = UW_PATH_MAX - pos - w->below;
	if (len)
		put(s, UW_STR_FSROOT, &w->text[pos & (UW_PATH_MAX - 1)], len);
}

static __always_inline struct walk *put_dir(struct scratch *s, struct vfsmount *mnt, struct dentry *dentry)
{
	struct walk *w = walk_dentry(s->walks, mnt, dentry, true);

	if (!w)
		return NULL;
	put_place(s, w);
	w = walk_out(s->walks, w);
	if (!w)
		return NULL;
	put_walk(s, UW_STR_DIR, w);
	s->ev.flags |= UW_EV_DIR | (w->cut ? UW_EV_DIR_CUT : 0);
	return w;
}

/* A name that starts at the root of its namespace may lead into a mount. The host's, the daemon knows. */
static __always_inline void put_mount(struct scratch *s, enum bank bank, struct vfsmount *mnt)
{
	struct mount *mount = descend(s, bank, mnt);

	if (!mount)
		return;
	s->ev.flags &= ~(UW_EV_DIR | UW_EV_DIR_CUT | UW_EV_FS);
	s->ev.len[UW_STR_FSROOT] = 0;
	s->ev.len[UW_STR_DIR] = 0;
	s->ev.size = s->ev.len[UW_STR_NAME];
	if (put_dir(s, mount_of(mount), BPF_CORE_READ(mount, mnt.mnt_root)))
		s->ev.flags |= UW_EV_DIR_IN_NAME;
}

/* Where a name starts that the kernel did not resolve: for an absolute one, the process's root. */
static __always_inline void put_start(struct scratch *s, enum bank bank, struct task_struct *task, void *fs)
{
	const struct path *start;
	struct dentry *dentry;
	struct vfsmount *mnt;
	struct walk *w;

	if (!s->ev.len[UW_STR_NAME] || !fs)
		return;
	if (s->data[0] == '/')
		start = fs + bpf_core_field_offset(struct fs_struct, root);
	else if (s->ev.dfd == AT_FDCWD)
		start = fs + bpf_core_field_offset(struct fs_struct, pwd);
	else
		start = path_of_fd(task, s->ev.dfd);
	if (!start || BPF_CORE_READ_INTO(&dentry, start, dentry) || BPF_CORE_READ_INTO(&mnt, start, mnt))
		return;
	w = put_dir(s, mnt, dentry);
	if (w && w->pos == UW_PATH_MAX && !is_at_home(task))
		put_mount(s, bank, mnt);
}

/*
 * Whom a kernel thread deletes for: nfsd and ksmbd take on the ids that they have mapped their client's user to,
 * for access to files alone. As bpf_get_current_uid_gid() has them: the group in the upper half.
 */
static __always_inline __u64 client_ids(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 gid = BPF_CORE_READ(task, cred, fsgid.val);

	return gid << 32 | BPF_CORE_READ(task, cred, fsuid.val);
}

static __always_inline void read_ids(struct uw_event *ev, struct task_struct *task)
{
	const struct cred *cred = BPF_CORE_READ(task, cred);
	__u32 audit[2];
	__s32 ppid = 0;

	if (BPF_CORE_READ_INTO(&ppid, task, real_parent, tgid))
		return;
	ev->ppid = ppid;
	ev->euid = BPF_CORE_READ(cred, euid.val);
	ev->flags |= UW_EV_TASK;
	if (!bpf_core_field_exists(task->loginuid))
		return;
	ev->flags |= UW_EV_LOGINUID;
	if (AT(task_struct, sessionid) == AT(task_struct, loginuid) + 4 &&
	    !bpf_probe_read_kernel(audit, sizeof(audit), (void *)task + AT(task_struct, loginuid))) {
		ev->loginuid = audit[0];
		ev->session = audit[1];
	} else {
		ev->loginuid = BPF_CORE_READ(task, loginuid.val);
		ev->session = BPF_CORE_READ(task, sessionid);
	}
}

/* All that is read at the return, of a deletion that will be recorded. */
static __always_inline void read_task(struct scratch *s, enum bank bank, __u32 detail)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct mm_struct *mm;
	struct path *exe;
	struct walk *w;
	void *fs = NULL;

	if (!(s->ev.flags & UW_EV_RESOLVED) || detail >= UW_DETAIL_FULL)
		fs = BPF_CORE_READ(task, fs);
	if (!(s->ev.flags & UW_EV_RESOLVED))
		put_start(s, bank, task, fs);
	/* Also where it is no field of the record: path rules ask whether it is the host's. */
	s->ev.mntns = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
	if (!s->ev.tree)
		s->ev.tree = host_tree_state();
	if (detail < UW_DETAIL_STANDARD)
		return;
	read_ids(&s->ev, task);
	if (detail >= UW_DETAIL_FULL && fs) {
		put_path(s, UW_STR_ROOT, fs + bpf_core_field_offset(struct fs_struct, root));
		w = walk_path(s->walks + 1, fs + bpf_core_field_offset(struct fs_struct, pwd));
		if (w && w->pos == UW_PATH_MAX)
			put_root(s, UW_STR_CWD);
		else if (w)
			put_walk(s, UW_STR_CWD, w);
		s->ev.flags |= w && w->cut ? UW_EV_CWD_CUT : 0;
	}
	mm = BPF_CORE_READ(task, mm);
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

/* As much of an inode as holds what is read of it, on all kernels so far. */
#define INODE_BYTES 96
#define INODE_HAS(member, size) (AT(inode, member) + (size) <= INODE_BYTES)

/* The target, just before it goes: at the return its inode may be freed. */
static __always_inline void read_inode(struct uw_event *ev, struct dentry *dentry, struct inode *inode,
				       __u32 detail)
{
	struct super_block *sb = BPF_CORE_READ(dentry, d_sb);
	__u64 block[INODE_BYTES / 8];
	void *at = block;

	ev->dev = BPF_CORE_READ(sb, s_dev);
	if (detail >= UW_DETAIL_FULL)
		bpf_probe_read_kernel_str(ev->fstype, sizeof(ev->fstype),
					  BPF_CORE_READ(sb, s_type, name));
	if (INODE_HAS(i_mode, 2) && INODE_HAS(i_uid.val, 4) && INODE_HAS(i_ino, 8) &&
	    INODE_HAS(i_nlink, 4) && INODE_HAS(i_size, 8) &&
	    !bpf_probe_read_kernel(block, sizeof(block), inode)) {
		ev->mode = *(__u16 *)(at + AT(inode, i_mode));
		ev->owner = *(__u32 *)(at + AT(inode, i_uid.val));
		ev->ino = *(__u64 *)(at + AT(inode, i_ino));
		ev->nlink = *(__u32 *)(at + AT(inode, i_nlink));
		ev->bytes = *(__u64 *)(at + AT(inode, i_size));
	} else {
		ev->mode = BPF_CORE_READ(inode, i_mode);
		ev->owner = BPF_CORE_READ(inode, i_uid.val);
		ev->ino = BPF_CORE_READ(inode, i_ino);
		ev->nlink = BPF_CORE_READ(inode, i_nlink);
		ev->bytes = BPF_CORE_READ(inode, i_size);
	}
	ev->flags |= UW_EV_INODE;
}

#endif
