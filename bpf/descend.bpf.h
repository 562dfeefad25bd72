/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A name that the kernel did not find, in a mount namespace that is not the host's: which of the mounts there
 * does it lead into? The daemon cannot ask, as the process and its namespace may be gone by then. Only the
 * text is compared: links and dots in it are not followed. This runs for failed attempts alone.
 */
#ifndef UW_DESCEND_BPF_H
#define UW_DESCEND_BPF_H

#include "mounts.bpf.h"

/* Mounts that are mounted on one, those that are looked at; and how deep they are nested. */
#define CHILDREN 128
#define LEVELS 6

/* A longer mount point is not compared; and how much of one at a time. */
#define POINT_MAX 255
#define PART 16

struct descent {
	struct mount *mount;	/* the name leads into it, or is to be looked for on it */
	struct mount *found;	/* of those that are mounted on it, and the name leads into */
	struct list_head *next;
	__u32 len;		/* of the path of `found`, or of `mount` */
	__u32 relative;		/* 1: the name has no slash at its beginning */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, UW_SCRATCHES + UW_FENTRY_SCRATCHES);
	__type(key, __u32);
	__type(value, struct descent);
} uw_descents SEC(".maps");

static __always_inline struct descent *get_descent(__u32 index)
{
	return bpf_map_lookup_elem(&uw_descents, &index);
}

static __always_inline struct vfsmount *mount_of(struct mount *mount)
{
	return (void *)mount + AT(mount, mnt);
}

/*
 * Whether the name has the same bytes as the mount point, whose path of len bytes the second walk has, from this one of the
 * path on: PART of them, or up to the end, where the name goes on below it. The verifier checks that once, not for each part.
 */
__noinline int uw_leads_on(__u32 index, __u32 len, __u32 from)
{
	struct descent *d = get_descent(index);
	struct scratch *s = get_scratch(index);
	__u32 which, i, at;
	struct walk *w;

	if (!s || !d || len > POINT_MAX)
		return 0;
	which = s->walks + 1;
	w = bpf_map_lookup_elem(&uw_walks, &which);
	if (!w || len - d->relative >= s->ev.len[UW_STR_NAME] ||
	    s->data[(len - d->relative) & (UW_PATH_MAX - 1)] != '/')
		return 0;
	for (i = 0; i < PART; i++) {
		at = from + i;
		if (at < len && w->text[(UW_PATH_MAX - len + at) & (UW_PATH_MAX - 1)] !=
				s->data[(at - d->relative) & (UW_PATH_MAX - 1)])
			return 0;
	}
	return 1;
}

/* All of its parts. A name without a slash at its beginning lacks the first byte. */
static __always_inline bool leads_into(const struct descent *d, __u32 index, __u32 len)
{
	__u32 i;

	for (i = 0; i < POINT_MAX && i < len; i += PART)
		if (!uw_leads_on(index, len, d->relative + i))
			return false;
	return true;
}

/* One of those that are mounted on d->mount. Returns 1 after the last. */
__noinline int uw_descend_step(__u32 index)
{
	struct descent *d = get_descent(index);
	struct scratch *s = get_scratch(index);
	struct dentry *point = NULL;
	struct mount *child, *mount;
	struct list_head *at;
	struct walk *w;
	__u32 len;

	if (!d || !s)
		return 1;
	mount = d->mount;
	at = d->next;
	if (!at || (void *)at == (void *)mount + AT(mount, mnt_mounts))
		return 1;
	child = (void *)at - AT(mount, mnt_child);
	d->next = BPF_CORE_READ(at, next);
	if (BPF_CORE_READ_INTO(&point, child, mnt_mountpoint))
		return 1;
	w = walk_dentry(s->walks + 1, mount_of(mount), point, false);
	if (!w || w->cut)
		return 0;
	len = UW_PATH_MAX - w->pos;
	/* What is mounted upon another one has the same path, and is on top. */
	if (len && len >= d->len && leads_into(d, index, len)) {
		d->found = child;
		d->len = len;
	}
	return 0;
}

/* All that is mounted on d->mount. Returns 1 where the name leads into none of that. */
__noinline int uw_descend_level(__u32 index)
{
	struct descent *d = get_descent(index);
	struct mount *mount;
	int i, done = 0;

	if (!d)
		return 1;
	mount = d->mount;
	d->found = NULL;
	d->next = BPF_CORE_READ(mount, mnt_mounts.next);
	for (i = 0; i < CHILDREN && !done; i++)
		done = uw_descend_step(index);
	if (!d->found)
		return 1;
	d->mount = d->found;
	return 0;
}

/*
 * The mount that a name leads into which starts at the root of that mount and namespace; NULL where it
 * stays in the mount. Needs the name, and overwrites the second walk.
 */
static __always_inline struct mount *descend(struct scratch *s, enum scratch_index index, struct vfsmount *mnt)
{
	struct descent *d = get_descent(index);
	int i, done = 0;

	if (!d || !mnt)
		return NULL;
	d->mount = (void *)mnt - AT(mount, mnt);
	d->len = 0;
	d->relative = s->data[0] != '/';
	for (i = 0; i < LEVELS && !done; i++)
		done = uw_descend_level(index);
	return d->len ? d->mount : NULL;
}

/* Whether the task is in the host's mount namespace. */
static __always_inline bool in_host_mntns(struct task_struct *task)
{
	return uw_shared.tree.mntns == (__u64)BPF_CORE_READ(task, nsproxy, mnt_ns);
}

#endif
