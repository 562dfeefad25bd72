/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds the mount that a name leads into, for a name that the kernel did not resolve, in a mount
 * namespace that is not the host's. The daemon could not find it: by then the process and its
 * namespace may be gone. Only the text is compared; links and dots in the name are not followed.
 * This runs for failed attempts alone.
 */
#ifndef UW_DESCEND_BPF_H
#define UW_DESCEND_BPF_H

#include "scratch.bpf.h"
#include "walk.bpf.h"

/* How many mounts on one mount are looked at, and on how many levels. */
#define CHILDREN 128
#define LEVELS 6

/* The longest mount point that is compared, and how much of it in one call. */
#define POINT_MAX 255
#define PART 16

static __always_inline struct descent *get_descent(__u32 index)
{
	struct scratch *s = get_scratch(index);

	return s ? &s->descent : NULL;
}

/*
 * Compares PART bytes of the name, from this one on, with the mount point, whose path of len bytes
 * the second walk has, and checks that the name goes on behind the mount point. A global function,
 * so that the verifier checks it once and not for each part.
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

/* Compares all parts. A name that does not begin with a slash lacks the first byte. */
static __always_inline bool leads_into(const struct descent *d, __u32 index, __u32 len)
{
	__u32 i;

	for (i = 0; i < POINT_MAX && i < len; i += PART)
		if (!uw_leads_on(index, len, d->relative + i))
			return false;
	return true;
}

/* Looks at the next mount on d->mount. Returns 1 after the last. */
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
	w = walk_dentry(s->walks + 1, (void *)mount + AT(mount, mnt), point, false);
	if (!w || w->cut)
		return 0;
	len = UW_PATH_MAX - w->pos;
	/* A mount upon another one has the same path, comes later and is on top. */
	if (len && len >= d->len && leads_into(d, index, len)) {
		d->found = child;
		d->len = len;
	}
	return 0;
}

/* Looks at all mounts on d->mount. Returns 1 where the name leads into none of them. */
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
 * The mount that the name leads into, for a name that starts at the root of mnt, which is the root
 * of its namespace; NULL where it stays in mnt. Needs the name in the scratch space and overwrites
 * the second walk.
 */
static __always_inline struct mount *descend(struct scratch *s, __u32 index,
					     struct vfsmount *mnt)
{
	struct descent *d = get_descent(index);
	int i, done = 0;

	if (!d || !mnt)
		return NULL;
	d->mount = real_mount(mnt);
	d->len = 0;
	d->relative = s->data[0] != '/';
	for (i = 0; i < LEVELS && !done; i++)
		done = uw_descend_level(index);
	return d->len ? d->mount : NULL;
}

#endif
