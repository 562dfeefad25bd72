/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who deletes, and what: read from kernel memory while the deletion is under way, as the process may be
 * gone before the daemon could look.
 */
#ifndef UW_TASK_BPF_H
#define UW_TASK_BPF_H

#include "descend.bpf.h"
#include "dir_cache.bpf.h"

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

/* The root directory, which a walk has as an empty path, where that would mean "not known". */
static __always_inline void put_root(struct scratch *s, enum uw_string which)
{
	const char root = '/';

	put(s, which, &root, 1);
}

static __always_inline void put_cmdline(struct scratch *s)
{
	unsigned long start = CURRENT(mm, arg_start), end = CURRENT(mm, arg_end);
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
static __always_inline void put_mount(struct scratch *s, enum scratch_index index, struct vfsmount *mnt)
{
	struct mount *mount = descend(s, index, mnt);

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
static __always_inline void put_start(struct scratch *s, enum scratch_index index, struct task_struct *task, void *fs)
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
	if (w && w->pos == UW_PATH_MAX && !in_host_mntns(task))
		put_mount(s, index, mnt);
}

/*
 * Whom a kernel thread deletes for: nfsd and ksmbd take on the ids that they have mapped their client's user to,
 * for access to files alone. As bpf_get_current_uid_gid() has them: the group in the upper half.
 */
static __always_inline __u64 client_ids(void)
{
	__u64 gid = CURRENT(cred, fsgid.val);

	return gid << 32 | CURRENT(cred, fsuid.val);
}

static __always_inline void read_ids(struct uw_event *ev)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	ev->ppid = CURRENT(real_parent, tgid);
	ev->euid = CURRENT(cred, euid.val);
	ev->flags |= UW_EV_TASK;
	if (!bpf_core_field_exists(task->loginuid))
		return;
	ev->flags |= UW_EV_LOGINUID;
	ev->loginuid = CURRENT(loginuid.val);
	ev->session = CURRENT(sessionid);
}

/* The executable, if its path is known. */
static __always_inline struct dir_cache_entry *find_exe(struct scratch *s)
{
	struct dir_cache_entry *k;
	struct dentry *dentry;
	bool known;

	if (TYPED_TASK) {
		dentry = bpf_get_current_task_btf()->mm->exe_file->f_path.dentry;
		k = dir_cache_find(s, dentry);
		known = dir_cache_valid(s, k, dentry, true);
	} else {
		dentry = CURRENT(mm, exe_file, f_path.dentry);
		k = dir_cache_find(s, dentry);
		known = dir_cache_valid(s, k, dentry, false);
	}
	return known && dir_cache_has_path(k, (__u64)CURRENT(mm, exe_file, f_path.mnt)) ? k : NULL;
}

static __always_inline void put_exe(struct scratch *s)
{
	struct vfsmount *mnt = CURRENT(mm, exe_file, f_path.mnt);
	struct dentry *dentry = CURRENT(mm, exe_file, f_path.dentry);
	struct dir_cache_entry *k = find_exe(s);
	struct snapshot now;
	struct walk *w;
	__u32 pos;

	if (k) {
		put(s, UW_STR_EXE, k->text, k->len);
		return;
	}
	/* Without a type for what follows. */
	mnt = (void *)as_number(s, mnt);
	dentry = (void *)as_number(s, dentry);
	now = take_snapshot();
	w = walk_dentry(s->walks + 1, mnt, dentry, false);
	if (!w)
		return;
	put_walk(s, UW_STR_EXE, w);
	pos = w->pos & (2 * UW_PATH_MAX - 1);
	k = dir_cache_find(s, dentry);
	if (pos < UW_PATH_MAX && !w->cut && dir_cache_insert(s, k, dentry, &now))
		dir_cache_set_path(k, &now, (__u64)mnt, &w->text[pos], 0, UW_PATH_MAX - pos);
}

/* Where the path of the cgroup is remembered, or else is to be: then it has no length. */
static __always_inline struct cgroup_cache_entry *find_group(struct scratch *s)
{
	__u64 kn = as_number(s, CURRENT(cgroups, dfl_cgrp, kn)), id = CURRENT(cgroups, dfl_cgrp, kn, id);
	struct cgroup_cache_entry *g = &s->cgroup_cache[hash(kn, 2) & (CGROUP_CACHE_SIZE - 1)];

	if (g->kn != kn || g->id != id)
		g->len = 0;
	g->kn = kn;
	g->id = id;
	return g;
}

static __always_inline void put_cgroup(struct scratch *s)
{
	const char root = '/', *text = &root;
	struct cgroup_cache_entry *g = find_group(s);
	__u32 pos, len = 1;
	struct walk *w;

	if (g->len) {
		put(s, UW_STR_CGROUP, g->text, g->len);
		return;
	}
	w = walk_cgroup(s->walks + 1, (void *)bpf_get_current_task());
	if (!w || w->cut)	/* without its beginning it would look like another */
		return;
	pos = w->pos & (2 * UW_PATH_MAX - 1);
	if (pos < UW_PATH_MAX) {
		text = &w->text[pos];
		len = UW_PATH_MAX - pos;
	}
	put(s, UW_STR_CGROUP, text, len);
	if (len < CGROUP_CACHE_PATH && !bpf_probe_read_kernel(g->text, len & (CGROUP_CACHE_PATH - 1), text))
		g->len = len;
}

/* What a record has at every Detail. Path rules ask whether the mount namespace is the host's. */
static __always_inline void read_namespace(struct uw_event *ev)
{
	ev->mntns = CURRENT(nsproxy, mnt_ns, ns.inum);
	if (!ev->tree)
		ev->tree = host_tree_state();
}

/* All that is read at the return, of a deletion that will be recorded. */
static __always_inline void read_task(struct scratch *s, enum scratch_index index, __u32 detail)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct walk *w;
	void *fs = NULL;

	if (!(s->ev.flags & UW_EV_RESOLVED) || detail >= UW_DETAIL_FULL)
		fs = BPF_CORE_READ(task, fs);
	if (!(s->ev.flags & UW_EV_RESOLVED))
		put_start(s, index, task, fs);
	read_namespace(&s->ev);
	if (detail < UW_DETAIL_STANDARD)
		return;
	read_ids(&s->ev);
	if (detail >= UW_DETAIL_FULL && fs) {
		w = walk_path(s->walks + 1, fs + bpf_core_field_offset(struct fs_struct, root));
		if (w)
			put_walk(s, UW_STR_ROOT, w);
		w = walk_path(s->walks + 1, fs + bpf_core_field_offset(struct fs_struct, pwd));
		if (w && w->pos == UW_PATH_MAX)
			put_root(s, UW_STR_CWD);
		else if (w)
			put_walk(s, UW_STR_CWD, w);
		s->ev.flags |= w && w->cut ? UW_EV_CWD_CUT : 0;
	}
	if (CURRENT(mm)) {
		put_exe(s);
		put_cmdline(s);
	}
	put_cgroup(s);
}

/* Whether as much of an inode as is read at once holds it: so it is on all kernels so far. */
#define INODE_HAS(member, size) (AT(inode, member) + (size) <= sizeof(((struct scratch *)0)->inode))

/* The target, just before it goes: at the return its inode may be freed. */
static __always_inline void read_inode(struct scratch *s, struct uw_event *ev, struct dentry *dentry,
				       struct inode *inode, __u32 detail, const bool typed)
{
	struct super_block *sb = typed ? dentry->d_sb : BPF_CORE_READ(dentry, d_sb);
	void *at = s->inode;

	ev->flags |= UW_EV_INODE;
	if (detail >= UW_DETAIL_FULL)
		bpf_probe_read_kernel_str(ev->fstype, sizeof(ev->fstype),
					  BPF_CORE_READ(sb, s_type, name));
	if (typed) {
		inode = dentry->d_inode;
		ev->dev = sb->s_dev;
		ev->mode = inode->i_mode;
		ev->owner = inode->i_uid.val;
		ev->ino = inode->i_ino;
		ev->nlink = inode->i_nlink;
		ev->bytes = inode->i_size;
		return;
	}
	ev->dev = BPF_CORE_READ(sb, s_dev);
	if (INODE_HAS(i_mode, 2) && INODE_HAS(i_uid.val, 4) && INODE_HAS(i_ino, 8) &&
	    INODE_HAS(i_nlink, 4) && INODE_HAS(i_size, 8) &&
	    !bpf_probe_read_kernel(s->inode, sizeof(s->inode), inode)) {
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
}

#endif
