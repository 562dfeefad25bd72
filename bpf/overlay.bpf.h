/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * overlayfs shows the files of other directories, its layers. It deletes and renames a file in the
 * upper layer, which may be a place that a rule watches, and asks no security module about that. So
 * a file on overlayfs has two places. One that is in a lower layer alone has none there: it is
 * hidden by a whiteout in the upper layer, and stays.
 */
#ifndef UW_OVERLAY_BPF_H
#define UW_OVERLAY_BPF_H

#include "dir_cache.bpf.h"
#include "rules.bpf.h"
#include "slot.bpf.h"
#include "task.bpf.h"

/* How many overlays can be stacked: FILESYSTEM_MAX_STACK_DEPTH of the kernel. */
#define OVERLAYS 2

/* A directory's text and the last component of the target. */
static __always_inline bool append_child(const struct strings to, const struct dir_cache_entry *k,
					 struct dentry *dentry, const bool typed)
{
	const unsigned char *name;
	__u32 len;

	if (typed) {
		len = dentry->d_name.len;
		name = dentry->d_name.name;
	} else {
		struct dentry_core core;

		if (read_dentry(&core, dentry))
			return false;
		len = core.len;
		name = core.name;
	}
	return append_bytes(to, k->text, k->len) && append_name(to, name, len);
}

/* The place of the target in the upper layer of overlayfs, if the cache has its directory. */
static __always_inline bool append_cached_upper(struct scratch *s, struct uw_slot *slot,
						const struct dir_cache_entry *k,
						struct dentry *dentry)
{
	struct dentry *dir = (void *)k->upper;
	struct dir_cache_entry *upper;
	__u32 size = slot->ev.size;

	if (!dir || !upper_of(BPF_CORE_READ(dentry, d_inode)))
		return true;
	upper = dir_cache_find(s, dir);
	if (!dir_cache_valid(s, upper, dir, false) || upper->overlay ||
	    upper->mnt != upper->is.sb ||
	    !append_child(STRINGS_OF_SLOT(slot), upper, dentry, false))
		return false;
	slot->ev.len[UW_STR_UPPER] = slot->ev.size - size;
	slot->ev.upper_dev = upper->dev;
	return true;
}

/*
 * On overlayfs: decides by the place of the target, or of the other name, in the upper layer, and
 * leaves the walk to it in the second walk. Where that layer is an overlay, a rule may want the
 * place in its upper layer, too. s->target.upper tells whether the file is there.
 */
__noinline int uw_walk_upper(__u32 index, __u32 which, __u32 other)
{
	struct scratch *s = get_scratch(index);
	struct dentry *dentry, *dir;
	const unsigned char *name;
	struct decision d;
	struct walk *w;
	__u32 len;
	int i;

	if (!s)
		return 0;
	dentry = (void *)(other ? s->target.other : s->target.dentry);
	dir = BPF_CORE_READ(dentry, d_parent);
	name = BPF_CORE_READ(dentry, d_name.name);
	len = BPF_CORE_READ(dentry, d_name.len);
	s->target.upper = 0;
	d = (struct decision){ .holds = true };
	for (i = 0; i < OVERLAYS && !d.rules; i++) {
		dir = upper_of(BPF_CORE_READ(dir, d_inode));
		dentry = upper_of(BPF_CORE_READ(dentry, d_inode));
		if (!dir)
			break;
		w = walk_name(s->walks + 1, dir, name, len);
		d = (struct decision){ .rules = ~0ULL };
		if (w)
			d = decide(which, w);
		s->target.upper = w && !w->cut && dentry;
		if (!is_overlay(BPF_CORE_READ(dir, d_sb)))
			break;
		d.holds = false;
	}
	s->target.upper_decision[other & 1] = d;
	return 0;
}

/* Caches the path of the directory in the upper layer, by that of the target there. */
static __always_inline void cache_upper(struct scratch *s, const struct walk *w)
{
	struct dentry *dentry = (void *)s->target.dentry, *dir;
	__u32 len = UW_PATH_MAX - w->pos, last = w->last + 1;
	struct dir_cache_entry *upper;

	dir = upper_of(BPF_CORE_READ(dentry, d_parent, d_inode));
	if (!dir || len <= last)
		return;
	upper = dir_cache_find(s, dir);
	if (!dir_cache_valid(s, upper, dir, false) &&
	    !dir_cache_insert(s, upper, dir, &s->then, is_overlay(BPF_CORE_READ(dir, d_sb))))
		return;
	upper->dev = s->ev.upper_dev;
	dir_cache_set_upper(upper, upper->is.sb, &w->text[w->pos & (UW_PATH_MAX - 1)], len - last);
}

/* Appends the place in the upper layer that the second walk leads to. */
__noinline int uw_append_upper(__u32 index, __u32 which)
{
	struct scratch *s = get_scratch(index);
	struct super_block *sb;
	struct walk *w;
	__u32 number;

	if (!s || !s->target.upper)
		return 0;
	number = s->walks + 1;
	w = bpf_map_lookup_elem(&uw_walks, &number);
	if (!w)
		return 0;
	sb = w->sb;
	s->ev.upper_dev = BPF_CORE_READ(sb, s_dev);
	if (which == UW_STR_OTHER_UPPER) {
		append_walk(STRINGS_OF_SCRATCH(s), UW_STR_OTHER_UPPER, w);
	} else {
		append_walk(STRINGS_OF_SCRATCH(s), UW_STR_UPPER, w);
		cache_upper(s, w);
	}
	return 0;
}

#endif
