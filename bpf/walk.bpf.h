/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a dentry to its absolute path, as prepend_path() of the kernel does it: up through dentries
 * and mounts to the root of the mount namespace. Also from a kernfs node to the path of a cgroup. A
 * walk goes upwards, so it writes the path backwards, from the end of the buffer:
 *
 *	| free                  | /srv/data/report.csv | slack           |
 *	text                    text + pos             text + UW_PATH_MAX
 *
 * A step is a global function, which the verifier checks once and not for every call: hundreds of
 * inlined steps exceed what 5.10 and 6.1 will check. Before 5.12 a global function takes no pointer
 * to memory, so the walk is in a map. bpf_loop() needs 5.17, and kprobes may not call bpf_d_path().
 */
#ifndef UW_WALK_BPF_H
#define UW_WALK_BPF_H

#include "kernel.bpf.h"
#include "unlinkwatch.h"

/* Levels of cgroups that a walk goes through. */
#define CGROUP_STEPS 32

/* A call costs as much as half a step. */
#define STEPS_PER_CALL 8

/*
 * What the walk needs of a dentry, or of a mount, is contiguous in all kernels so far and takes one
 * read. libbpf decides when it loads the program, by the offsets in BTF.
 */
struct dentry_core {
	struct dentry *parent;
	__u32 hash, len;	/* together aligned to 8 bytes */
	const unsigned char *name;
};

struct mount_core {
	struct mount *up;
	struct dentry *mountpoint;
	struct dentry *root;
	struct super_block *sb;
};

struct walk {
	struct dentry *dentry;
	/*
	 * The mount that the walk is in, as long as it is to leave it at its root; else root is
	 * NULL.
	 */
	struct mount *mount, *up;
	struct dentry *mountpoint, *root;
	struct super_block *sb;	/* of the first mount */
	const struct kernfs_node *node;
	/* Where a step reads, as the stack is short. */
	struct dentry_core dentry_core;
	struct mount_core mount_core;
	__u32 pos;		/* the path is text[pos .. UW_PATH_MAX) */
	__u32 below;		/* how much of it is below the root of the first mount */
	__u32 last;		/* length of the last component, where the walk began */
	__u64 sum;		/* of the dentries and names on the way */
	__u8 within;		/* stay within the file system */
	__u8 met;		/* the root of the first mount was met */
	__u8 failed;		/* a read failed: there is no path */
	__u8 cut;		/* too long or too deep: the beginning is missing */
	char lead[sizeof(struct uw_path_key) - UW_KEY_PATH];	/* see look_up_path() */
	/* The slack keeps every masked write, and a key that begins anywhere, inside. */
	char text[UW_PATH_MAX + NAME_BYTES + 1];
};

/*
 * Two for each scratch space. The path of the target stays in the first while the second is used.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct walk);
} uw_walks SEC(".maps");

/* Puts a slash and a name before the path. Returns 1 where the walk has to end. */
static __always_inline int prepend_name(struct walk *w, const void *name, __u32 len)
{
	__u32 pos = w->pos;
	bool longer = len > NAME_BYTES;

	if (longer) {
		name += len - NAME_BYTES;
		len = NAME_BYTES;
		w->cut = 1;
	}
	asm volatile("" : "+r"(len));
	len &= NAME_BYTES;
	if (pos < len + 2) {	/* at most 4095 bytes: a length of 4096 would be masked to 0 */
		w->cut = 1;
		return 1;
	}
	pos = (pos - len - 1) & (UW_PATH_MAX - 1);
	w->text[pos] = '/';
	if (bpf_probe_read_kernel(&w->text[pos + 1], len, name)) {
		w->failed = 1;
		return 1;
	}
	w->pos = pos;
	return longer;
}

static __always_inline long read_dentry(struct dentry_core *core, struct dentry *dentry)
{
	if (AT(dentry, d_name.len) == AT(dentry, d_parent) + 12 &&
	    AT(dentry, d_name.name) == AT(dentry, d_parent) + 16)
		return bpf_probe_read_kernel(core, sizeof(*core),
					     (void *)dentry + AT(dentry, d_parent));
	return BPF_CORE_READ_INTO(&core->parent, dentry, d_parent) ||
	       BPF_CORE_READ_INTO(&core->hash, dentry, d_name.hash) ||
	       BPF_CORE_READ_INTO(&core->len, dentry, d_name.len) ||
	       BPF_CORE_READ_INTO(&core->name, dentry, d_name.name);
}

static __always_inline long read_mount(struct mount_core *core, struct mount *mount)
{
	if (AT(mount, mnt_mountpoint) == AT(mount, mnt_parent) + 8 &&
	    AT(mount, mnt.mnt_root) == AT(mount, mnt_parent) + 16 &&
	    AT(mount, mnt.mnt_sb) == AT(mount, mnt_parent) + 24)
		return bpf_probe_read_kernel(core, sizeof(*core),
					     (void *)mount + AT(mount, mnt_parent));
	return BPF_CORE_READ_INTO(&core->up, mount, mnt_parent) ||
	       BPF_CORE_READ_INTO(&core->mountpoint, mount, mnt_mountpoint) ||
	       BPF_CORE_READ_INTO(&core->root, mount, mnt.mnt_root) ||
	       BPF_CORE_READ_INTO(&core->sb, mount, mnt.mnt_sb);
}

static __always_inline int fail(struct walk *w)
{
	w->failed = 1;
	return 1;
}

static __always_inline int enter_mount(struct walk *w, struct mount *mount)
{
	const struct mount_core *core = &w->mount_core;

	if (read_mount(&w->mount_core, mount))
		return fail(w);
	w->mount = mount;
	w->up = core->up;
	w->mountpoint = core->mountpoint;
	w->root = core->root;
	if (!w->sb)
		w->sb = core->sb;
	return 0;
}

/* As follow_up() of the kernel: from the root of a mount to its mount point. */
static __always_inline int follow_up(struct walk *w)
{
	if (w->up == w->mount)	/* the root of the namespace */
		return 1;
	w->dentry = w->mountpoint;
	return enter_mount(w, w->up);
}

static __always_inline int prepend_step(struct walk *w)
{
	struct dentry *dentry = w->dentry;
	const struct dentry_core *core = &w->dentry_core;

	if (dentry == w->root) {
		if (!w->met) {
			w->met = 1;
			w->below = UW_PATH_MAX - w->pos;
		}
		if (!w->within)
			return follow_up(w);
		w->root = NULL;
	}
	if (read_dentry(&w->dentry_core, dentry))
		return fail(w);
	if (core->parent == dentry)	/* IS_ROOT(): the root of the file system */
		return 1;
	w->dentry = core->parent;
	if (w->pos == UW_PATH_MAX)
		w->last = core->len;
	w->sum = 31 * w->sum + (__u64)core->parent + *(const __u64 *)&core->hash;
	return prepend_name(w, core->name, core->len);
}

/* A few dentries or mounts upwards. Returns 1 when the walk is over. */
__noinline int uw_walk_step(__u32 which)
{
	struct walk *w = bpf_map_lookup_elem(&uw_walks, &which);
	int i;

	if (!w)
		return 1;
#pragma unroll
	for (i = 0; i < STEPS_PER_CALL; i++)
		if (prepend_step(w))
			return 1;
	return 0;
}

/* One cgroup upwards. Returns 1 when the walk is over. */
__noinline int uw_cgroup_step(__u32 which)
{
	struct walk *w = bpf_map_lookup_elem(&uw_walks, &which);
	const struct kernfs_node___6_15 *new_node;
	const struct kernfs_node *node, *parent = NULL;
	char *name;
	long n;

	if (!w)
		return 1;
	node = w->node;
	new_node = (const void *)node;
	if (bpf_core_field_exists(new_node->__parent))
		BPF_CORE_READ_INTO(&parent, new_node, __parent);
	else
		BPF_CORE_READ_INTO(&parent, node, parent);
	if (!parent)		/* the root, whose path is "/" */
		return 1;
	name = &w->text[UW_PATH_MAX];	/* the slack, which prepend_name() does not write */
	n = bpf_probe_read_kernel_str(name, NAME_BYTES + 1, BPF_CORE_READ(node, name));
	if (n < 1)
		return fail(w);
	w->node = parent;
	return prepend_name(w, name, n - 1);
}

static __always_inline struct walk *walk_begin(__u32 which)
{
	struct walk *w = bpf_map_lookup_elem(&uw_walks, &which);

	if (!w)
		return NULL;
	w->pos = UW_PATH_MAX;
	w->below = 0;
	w->sum = 0;
	w->within = 0;
	w->met = 0;
	w->failed = 0;
	w->cut = 0;
	w->root = NULL;
	w->sb = NULL;
	return w;
}

static __always_inline struct walk *walk_end(struct walk *w)
{
	if (w->failed)
		w = NULL;
	/*
	 * Or clang has callers test `failed` in place of the pointer, which the verifier cannot
	 * follow.
	 */
	asm volatile("" : "+r"(w));
	return w;
}

/* All steps. A global function, so that the verifier goes through the loop once. */
__noinline int uw_walk(__u32 which)
{
	struct walk *w;
	int i, done = 0;

	for (i = 0; i < UW_WALK_STEPS / STEPS_PER_CALL && !done; i++)
		done = uw_walk_step(which);
	w = bpf_map_lookup_elem(&uw_walks, &which);
	if (w && !done)
		w->cut = 1;
	return 0;
}

static __always_inline struct walk *walk_on(__u32 which, struct walk *w)
{
	uw_walk(which);
	return walk_end(w);
}

/*
 * The path of dentry up to the root of the mount namespace, without a trailing slash: empty for
 * that root. With `within`, up to the root of its file system: the walk leaves no mount, and
 * `below` says how much of the path is below the root of mnt. NULL where the dentry has no path.
 */
static __always_inline struct walk *walk_dentry(__u32 which, struct vfsmount *mnt,
						struct dentry *dentry, bool within)
{
	struct walk *w = walk_begin(which);

	if (!w || !mnt || !dentry)
		return NULL;
	w->dentry = dentry;
	w->within = within;
	if (enter_mount(w, real_mount(mnt)))
		return NULL;
	return walk_on(which, w);
}

/* Up to the root of the file system where no mount is known, as if its root were mounted. */
static __always_inline struct walk *walk_within(__u32 which, struct dentry *dentry)
{
	struct walk *w = walk_begin(which);

	if (!w || !dentry)
		return NULL;
	w->dentry = dentry;
	w->within = 1;
	w->sb = BPF_CORE_READ(dentry, d_sb);
	w = walk_on(which, w);
	if (w) {
		w->met = 1;
		w->below = UW_PATH_MAX - w->pos;
	}
	return w;
}

/* The same of a name in the directory. */
static __always_inline struct walk *walk_name(__u32 which, struct dentry *dir, const void *name,
					      __u32 len)
{
	struct walk *w = walk_begin(which);

	if (!w || !dir)
		return NULL;
	w->dentry = dir;
	w->within = 1;
	w->sb = BPF_CORE_READ(dir, d_sb);
	w->last = len;
	if (prepend_name(w, name, len))
		return walk_end(w);
	return walk_on(which, w);
}

/* After a walk within the file system: goes on to the root of the mount namespace. */
static __always_inline struct walk *walk_out(__u32 which, struct walk *w)
{
	if (!w->met)	/* outside of what the mount shows: the path within the file system stays */
		return w;
	w->pos = UW_PATH_MAX - w->below;
	w->within = 0;
	w->cut = 0;
	if (follow_up(w))
		return walk_end(w);
	return walk_on(which, w);
}

static __always_inline struct walk *walk_path(__u32 which, const struct path *path)
{
	struct dentry *dentry = NULL;
	struct vfsmount *mnt = NULL;

	if (BPF_CORE_READ_INTO(&dentry, path, dentry) || BPF_CORE_READ_INTO(&mnt, path, mnt))
		return NULL;
	return walk_dentry(which, mnt, dentry, false);
}

static __always_inline struct walk *walk_cgroup(__u32 which, struct task_struct *task)
{
	struct walk *w = walk_begin(which);
	int i, done = 0;

	if (!w)
		return NULL;
	w->node = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
	if (!w->node)
		return NULL;
	for (i = 0; i < CGROUP_STEPS && !done; i++)
		done = uw_cgroup_step(which);
	if (!done)
		w->cut = 1;
	return walk_end(w);
}

#endif
