/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Directory -> absolute path, from the dentries and mounts themselves, up to the root of the mount
 * namespace. Written backwards from the end of a per-CPU buffer, as the walk goes upwards.
 *
 * One step is a global function on purpose: the verifier checks such a function once, however often it
 * is called (256 inlined steps exceed what 5.10 and 6.1 are ready to check). Before 5.12 a global
 * function takes no pointer to memory, hence the state in a map. bpf_loop() needs 5.17, and
 * bpf_d_path() is not for kprobes.
 */
#ifndef UW_WALK_BPF_H
#define UW_WALK_BPF_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "kernel.bpf.h"
#include "unlinkwatch.h"

struct walk {
	struct dentry *dentry;
	struct mount *mount;
	__u32 pos;	/* the path is text[pos .. UW_PATH_MAX) */
	__u32 failed;	/* a read failed: there is no path */
	__u32 cut;	/* too long or too deep: the beginning is missing */
	__u32 reserved;
	/* A component is at most 255 bytes: the slack keeps every masked write inside. */
	char text[UW_PATH_MAX + 256];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct walk);
} uw_walks SEC(".maps");

/* One dentry upwards, or one mount. Returns 1 when the walk is over. */
__noinline int uw_walk_step(void)
{
	struct dentry *dentry, *root = NULL, *parent = NULL;
	struct mount *mount, *up = NULL;
	const unsigned char *name = NULL;
	__u32 zero = 0, len = 0, pos;
	struct walk *w;

	w = bpf_map_lookup_elem(&uw_walks, &zero);
	if (!w)
		return 1;
	/* In variables: what stands in a CO-RE read is relocated, and struct walk is no kernel's. */
	dentry = w->dentry;
	mount = w->mount;

	if (BPF_CORE_READ_INTO(&root, mount, mnt.mnt_root))
		goto failed;
	if (dentry == root) {
		if (BPF_CORE_READ_INTO(&up, mount, mnt_parent) ||
		    BPF_CORE_READ_INTO(&dentry, mount, mnt_mountpoint))
			goto failed;
		if (up == mount)
			return 1;
		w->dentry = dentry;
		w->mount = up;
		return 0;
	}

	if (BPF_CORE_READ_INTO(&parent, dentry, d_parent) ||
	    BPF_CORE_READ_INTO(&len, dentry, d_name.len) ||
	    BPF_CORE_READ_INTO(&name, dentry, d_name.name))
		goto failed;
	if (parent == dentry)	/* the root of a file system, above what is mounted of it */
		return 1;

	len &= 255;
	pos = w->pos;
	if (pos < len + 1) {
		w->cut = 1;
		return 1;
	}
	pos = (pos - len - 1) & (UW_PATH_MAX - 1);
	w->text[pos] = '/';
	if (bpf_probe_read_kernel(&w->text[pos + 1], len, name))
		goto failed;
	w->pos = pos;
	w->dentry = parent;
	return 0;

failed:
	w->failed = 1;
	return 1;
}

/* The path of a directory, without a trailing slash: empty for the root. NULL where it has none. */
static __always_inline struct walk *uw_walk(const struct path *path)
{
	struct dentry *dentry = NULL;
	struct vfsmount *mnt = NULL;
	struct walk *w;
	__u32 zero = 0;
	int i, done = 0;

	w = bpf_map_lookup_elem(&uw_walks, &zero);
	if (!w)
		return NULL;
	w->pos = UW_PATH_MAX;
	w->failed = 0;
	w->cut = 0;
	if (BPF_CORE_READ_INTO(&dentry, path, dentry) || BPF_CORE_READ_INTO(&mnt, path, mnt) ||
	    !dentry || !mnt)
		return NULL;
	w->dentry = dentry;
	w->mount = (struct mount *)((char *)mnt - bpf_core_field_offset(struct mount, mnt));

	for (i = 0; i < UW_WALK_STEPS && !done; i++)
		done = uw_walk_step();
	if (!done)
		w->cut = 1;
	return w->failed ? NULL : w;
}

#endif
