/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who deletes, and what: read from kernel memory during the deletion, as the process may be gone
 * before the daemon could look. Each string goes to the event in its slot where it is short and
 * cached. With `may_walk` the event is in the scratch space, and any string may take a walk.
 */
#ifndef UW_TASK_BPF_H
#define UW_TASK_BPF_H

#include "ancestors.bpf.h"
#include "append.bpf.h"
#include "client.bpf.h"
#include "descend.bpf.h"
#include "dir_cache.bpf.h"

static __always_inline void append_walk(const struct strings to, enum uw_string which,
					const struct walk *w)
{
	__u32 pos = w->pos & (2 * UW_PATH_MAX - 1);

	if (pos < UW_PATH_MAX)
		append(to, which, &w->text[pos], UW_PATH_MAX - pos);
}

static __always_inline struct path *path_of_file(struct file *file)
{
	return file ? (void *)file + AT(file, f_path) : NULL;
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

/*
 * Where the walk is in its file system: what the mount shows of that, and how much of it is below.
 */
static __always_inline void append_place(const struct strings to, const struct walk *w)
{
	struct super_block *sb = w->sb;
	__u32 pos = w->pos, len;

	if (!w->met || w->cut)
		return;
	to.ev->below = w->below;
	to.ev->dev = BPF_CORE_READ(sb, s_dev);
	to.ev->flags |= UW_EV_FS;
	len = UW_PATH_MAX - pos - w->below;
	if (len)
		append(to, UW_STR_FSROOT, &w->text[pos & (UW_PATH_MAX - 1)], len);
}

/* The mount namespace that the mount belongs to. */
static __always_inline void read_mount_ns(struct uw_event *ev, const void *mnt)
{
	struct mount *mount = real_mount(mnt);
	struct mnt_namespace *ns = BPF_CORE_READ(mount, mnt_ns);
	__u32 inum = BPF_CORE_READ(ns, ns.inum);	/* 0 if there is none */

	if (inum && inum != MNT_NS_ANON_INO)
		ev->mntns = inum;
	else
		ev->flags |= UW_EV_DETACHED;
}

/* Takes back what append_place() and read_mount_ns() said, where no path follows it. */
static __always_inline void drop_place(struct uw_event *ev)
{
	ev->size -= ev->len[UW_STR_FSROOT];
	ev->len[UW_STR_FSROOT] = 0;
	ev->flags &= ~(UW_EV_FS | UW_EV_DETACHED);
}

static __always_inline struct walk *append_dir(struct scratch *s, struct vfsmount *mnt,
					       struct dentry *dentry)
{
	struct walk *w = walk_dentry(s->walks, mnt, dentry, true);

	if (!w)
		return NULL;
	append_place(STRINGS_OF_SCRATCH(s), w);
	read_mount_ns(&s->ev, mnt);
	w = walk_out(s->walks, w);
	if (!w) {
		drop_place(&s->ev);
		return NULL;
	}
	append_walk(STRINGS_OF_SCRATCH(s), UW_STR_DIR, w);
	s->ev.flags |= UW_EV_DIR | (w->cut ? UW_EV_DIR_CUT : 0);
	return w;
}

/*
 * Where a name starts that the kernel did not resolve: an absolute one at the process's root. NULL
 * if that cannot be read.
 */
static __always_inline const struct path *start_of(struct task_struct *task, char first, __s32 dfd)
{
	void *fs = BPF_CORE_READ(task, fs);

	if (!first || !fs)
		return NULL;
	if (first == '/')
		return fs + AT(fs_struct, root);
	if (dfd == AT_FDCWD)
		return fs + AT(fs_struct, pwd);
	return path_of_fd(task, dfd);
}

static __always_inline void append_start(struct scratch *s, __u32 index)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	const struct path *start;
	struct dentry *dentry;
	struct vfsmount *mnt;
	struct mount *mount;
	struct walk *w;

	if (!s->ev.len[UW_STR_NAME])
		return;
	start = start_of(task, s->data[0], s->ev.dfd);
	if (!start || BPF_CORE_READ_INTO(&dentry, start, dentry) ||
	    BPF_CORE_READ_INTO(&mnt, start, mnt))
		return;
	w = append_dir(s, mnt, dentry);
	/*
	 * From the root of its namespace, a name may lead into a mount. The daemon knows the
	 * host's.
	 */
	if (!w || w->pos != UW_PATH_MAX || in_host_mntns(task))
		return;
	mount = descend(s, index, mnt);
	if (!mount)
		return;
	drop_place(&s->ev);
	s->ev.flags &= ~(UW_EV_DIR | UW_EV_DIR_CUT);
	s->ev.size -= s->ev.len[UW_STR_DIR];
	s->ev.len[UW_STR_DIR] = 0;
	if (append_dir(s, (void *)mount + AT(mount, mnt), BPF_CORE_READ(mount, mnt.mnt_root)))
		s->ev.flags |= UW_EV_DIR_IN_NAME;
}

/* The same for the other name of a rename, without its place in the file system. */
static __always_inline void append_other_start(struct scratch *s)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 at = s->ev.len[UW_STR_NAME];
	const struct path *start;
	struct walk *w;

	if (!s->ev.len[UW_STR_OTHER_NAME])
		return;
	asm volatile("" : "+r"(at));
	start = start_of(task, s->data[at & (UW_PATH_MAX - 1)], s->ev.other_dfd);
	w = start ? walk_path(s->walks, start) : NULL;
	if (!w)
		return;
	append_walk(STRINGS_OF_SCRATCH(s), UW_STR_OTHER_DIR, w);
	s->ev.flags |= UW_EV_OTHER_DIR | (w->cut ? UW_EV_OTHER_DIR_CUT : 0);
}

/* For the names of an event that the kernel did not resolve. */
static __always_inline void append_starts(struct scratch *s, __u32 index)
{
	append_start(s, index);
	append_other_start(s);
}

/* The device of the controlling terminal, as tty_devnum() of the kernel has it. */
static __always_inline __u32 tty_of(struct tty_struct *tty)
{
	struct tty_driver *driver;

	if (TYPED_TASK)
		return tty->driver->major << 20 | (tty->driver->minor_start + tty->index);
	driver = BPF_CORE_READ(tty, driver);
	return BPF_CORE_READ(driver, major) << 20 |
	       (BPF_CORE_READ(driver, minor_start) + BPF_CORE_READ(tty, index));
}

static __always_inline void read_ids(struct uw_event *ev)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	bool audit = bpf_core_field_exists(task->loginuid);
	struct tty_struct *tty;

	ev->flags |= UW_EV_TASK | (audit ? UW_EV_LOGINUID : 0);
	if (TYPED_TASK) {	/* one call of the helper for all */
		task = bpf_get_current_task_btf();
		ev->ppid = task->real_parent->tgid;
		ev->euid = task->cred->euid.val;
		if (audit) {
			ev->loginuid = task->loginuid.val;
			ev->session = task->sessionid;
		}
		if (task->signal->tty)
			ev->tty = tty_of(task->signal->tty);
		return;
	}
	ev->ppid = CURRENT(real_parent, tgid);
	ev->euid = CURRENT(cred, euid.val);
	if (audit) {
		ev->loginuid = CURRENT(loginuid.val);
		ev->session = CURRENT(sessionid);
	}
	tty = CURRENT(signal, tty);
	if (tty)
		ev->tty = tty_of(tty);
}

/* The entry of the executable in the directory cache, if it has the path, and its links. */
static __always_inline struct dir_cache_entry *find_exe(struct scratch *s, __u32 *nlink)
{
	struct dir_cache_entry *k;
	struct dentry *dentry;
	struct file *file;
	__u64 mnt;
	bool known;

	if (TYPED_TASK) {
		file = bpf_get_current_task_btf()->mm->exe_file;
		dentry = file->f_path.dentry;
		mnt = (__u64)file->f_path.mnt;
		k = dir_cache_find(s, dentry);
		known = dir_cache_valid(s, k, dentry, true);
		*nlink = dentry->d_inode->i_nlink;
	} else {
		dentry = CURRENT(mm, exe_file, f_path.dentry);
		mnt = (__u64)CURRENT(mm, exe_file, f_path.mnt);
		k = dir_cache_find(s, dentry);
		known = dir_cache_valid(s, k, dentry, false);
		*nlink = BPF_CORE_READ(dentry, d_inode, i_nlink);
	}
	return known && dir_cache_has_path(k, mnt) ? k : NULL;
}

/* Its text, by what it does not change without. */
static __always_inline void identify_exe(struct texts *texts, const struct dir_cache_entry *k)
{
	texts->exe_turn = k->turn;
	texts->exe_mnt = k->mnt;
	texts->exe_event = k->event;
}

/* Which file it is: anybody can mount another one over its path, in a namespace of his own. */
static __always_inline void set_exe(struct uw_event *ev, __u64 ino, __u32 dev, __u32 nlink,
				    bool foreign)
{
	ev->exe_ino = ino;
	ev->exe_dev = dev;
	ev->flags |= UW_EV_EXE | (nlink ? 0 : UW_EV_EXE_DELETED) |
		     (foreign ? UW_EV_EXE_PRIVATE : 0);
}

static __always_inline bool append_exe(const struct strings to, struct scratch *s,
				       const bool may_walk)
{
	__u32 nlink, dev;
	struct dir_cache_entry *k = find_exe(s, &nlink);
	__u64 host = uw_shared.tree.mntns;
	struct dentry *dentry;
	struct inode *inode;
	struct mount *mount;
	struct vfsmount *mnt;
	struct snapshot then;
	struct walk *w;
	__u32 pos;

	if (k) {
		identify_exe(&s->texts, k);
		/* Its mount is in the namespace of the process. */
		set_exe(to.ev, k->is.ino, k->dev, nlink, to.ev->flags & UW_EV_PRIVATE_MNT);
		return append(to, UW_STR_EXE, k->text, k->len);
	}
	if (!may_walk)
		return false;
	/* Numbers, since the verifier follows no typed pointer through what comes now. */
	mnt = (void *)as_number(s, CURRENT(mm, exe_file, f_path.mnt));
	dentry = (void *)as_number(s, CURRENT(mm, exe_file, f_path.dentry));
	mount = real_mount(mnt);
	inode = BPF_CORE_READ(dentry, d_inode);
	dev = BPF_CORE_READ(inode, i_sb, s_dev);
	set_exe(to.ev, BPF_CORE_READ(inode, i_ino), dev, BPF_CORE_READ(inode, i_nlink),
		host && (__u64)BPF_CORE_READ(mount, mnt_ns) != host);
	then = take_snapshot();
	w = walk_dentry(s->walks + 1, mnt, dentry, false);
	if (!w)
		return true;
	append_walk(to, UW_STR_EXE, w);
	pos = w->pos & (2 * UW_PATH_MAX - 1);
	k = dir_cache_find(s, dentry);
	if (pos < UW_PATH_MAX && !w->cut && dir_cache_insert(s, k, dentry, &then, false)) {
		k->dev = dev;
		dir_cache_set_path(k, &then, (__u64)mnt, &w->text[pos], 0, UW_PATH_MAX - pos);
	}
	return true;
}

static __always_inline bool append_cgroup(const struct strings to, struct scratch *s,
					  const bool may_walk)
{
	const char root = '/', *text = &root;
	struct cgroup_cache_entry *g = cgroup_cache_find(s);
	__u32 pos, len = 1;
	struct walk *w;

	s->texts.cgroup = g->id;
	if (g->len)
		return append(to, UW_STR_CGROUP, g->text, g->len);
	if (!may_walk)
		return false;
	w = walk_cgroup(s->walks + 1, (void *)bpf_get_current_task());
	if (!w || w->cut)	/* without its beginning it would look like another */
		return true;
	pos = w->pos & (2 * UW_PATH_MAX - 1);
	if (pos < UW_PATH_MAX) {
		text = &w->text[pos];
		len = UW_PATH_MAX - pos;
	}
	append(to, UW_STR_CGROUP, text, len);
	if (len < CGROUP_CACHE_PATH &&
	    !bpf_probe_read_kernel(g->text, len & (CGROUP_CACHE_PATH - 1), text))
		g->len = len;
	return true;
}

/* The root and the working directory of the process. */
static __always_inline void append_cwd(struct scratch *s)
{
	const struct strings to = STRINGS_OF_SCRATCH(s);
	struct task_struct *task = (void *)bpf_get_current_task();
	void *fs = BPF_CORE_READ(task, fs);
	const char root = '/';
	struct walk *w;

	if (!fs)
		return;
	w = walk_path(s->walks + 1, fs + AT(fs_struct, root));
	if (w)
		append_walk(to, UW_STR_ROOT, w);
	w = walk_path(s->walks + 1, fs + AT(fs_struct, pwd));
	/* The walk has the root directory as an empty path, which would mean "not known" here. */
	if (w && w->pos == UW_PATH_MAX)
		append(to, UW_STR_CWD, &root, 1);
	else if (w)
		append_walk(to, UW_STR_CWD, w);
	s->ev.flags |= w && w->cut ? UW_EV_CWD_CUT : 0;
}

/*
 * What a record has at every Detail=: path rules ask whether the mount namespace is the host's. That
 * of the mount may be another than that of the process, by /proc/PID/root or a descriptor.
 */
static __always_inline void read_namespace(struct uw_event *ev)
{
	__u64 host = uw_shared.tree.mntns, mine;
	struct mnt_namespace *ns;
	__u32 inum;

	if (TYPED_TASK) {
		ns = bpf_get_current_task_btf()->nsproxy->mnt_ns;
		mine = (__u64)ns;
		inum = ns->ns.inum;
	} else {
		mine = (__u64)CURRENT(nsproxy, mnt_ns);
		inum = CURRENT(nsproxy, mnt_ns, ns.inum);
	}
	if (!ev->mntns && !(ev->flags & UW_EV_DETACHED))
		ev->mntns = inum;
	if (host && mine != host)
		ev->flags |= UW_EV_PRIVATE_MNT;
	if (!ev->tree)
		ev->tree = host_tree_state();
}

/* What is read of the process at the return, for a deletion that will be recorded. */
static __always_inline bool append_task(const struct strings to, struct scratch *s, __u32 index,
					__u32 detail, const bool may_walk)
{
	read_namespace(to.ev);
	if (detail < UW_DETAIL_STANDARD)
		return true;
	read_ids(to.ev);
	s->texts.start = CURRENT(start_boottime);
	if (may_walk && detail >= UW_DETAIL_FULL)
		append_cwd(s);
	if (CURRENT(mm) && (!append_exe(to, s, may_walk) || !append_cmdline(to, s)))
		return false;
	if (!append_cgroup(to, s, may_walk))
		return false;
	/* Ancestors of a kernel thread would say nothing. */
	return CURRENT(flags) & PF_KTHREAD ? append_client(to, s, index)
					   : append_ancestors(to, s, index);
}

/* Whether one read of the beginning of an inode gets the member, as on all kernels so far. */
#define INODE_HAS(member, size) (AT(inode, member) + (size) <= sizeof(((struct scratch *)0)->inode))

/* A file, before it loses its name: at the return its inode may be freed. */
static __always_inline void read_file(struct scratch *s, struct uw_file *file,
				      struct dentry *dentry, struct inode *inode, const bool typed)
{
	void *at = s->inode;

	if (typed) {
		inode = dentry->d_inode;
		file->mode = inode->i_mode;
		file->owner = inode->i_uid.val;
		file->ino = inode->i_ino;
		file->nlink = inode->i_nlink;
		file->bytes = inode->i_size;
		return;
	}
	if (INODE_HAS(i_mode, 2) && INODE_HAS(i_uid.val, 4) && INODE_HAS(i_ino, 8) &&
	    INODE_HAS(i_nlink, 4) && INODE_HAS(i_size, 8) &&
	    !bpf_probe_read_kernel(s->inode, sizeof(s->inode), inode)) {
		file->mode = *(__u16 *)(at + AT(inode, i_mode));
		file->owner = *(__u32 *)(at + AT(inode, i_uid.val));
		file->ino = *(__u64 *)(at + AT(inode, i_ino));
		file->nlink = *(__u32 *)(at + AT(inode, i_nlink));
		file->bytes = *(__u64 *)(at + AT(inode, i_size));
	} else {
		file->mode = BPF_CORE_READ(inode, i_mode);
		file->owner = BPF_CORE_READ(inode, i_uid.val);
		file->ino = BPF_CORE_READ(inode, i_ino);
		file->nlink = BPF_CORE_READ(inode, i_nlink);
		file->bytes = BPF_CORE_READ(inode, i_size);
	}
}

static __always_inline void read_inode(struct scratch *s, struct uw_event *ev,
				       struct dentry *dentry, struct inode *inode, const bool typed)
{
	__u32 detail = uw_shared.control.detail;
	struct super_block *sb;

	if (detail < UW_DETAIL_STANDARD)
		return;
	sb = typed ? dentry->d_sb : BPF_CORE_READ(dentry, d_sb);
	ev->flags |= UW_EV_INODE;
	if (detail >= UW_DETAIL_FULL)
		bpf_probe_read_kernel_str(ev->fstype, sizeof(ev->fstype),
					  BPF_CORE_READ(sb, s_type, name));
	ev->dev = typed ? sb->s_dev : BPF_CORE_READ(sb, s_dev);
	read_file(s, &ev->file, dentry, inode, typed);
}

#endif
