/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The target of a deletion: where the kernel has resolved the name, the path rules decide, and what
 * is left gets its true path.
 *
 * The short way takes the directory's path from the directory cache and appends the last component,
 * in the slot. The long way walks, in the scratch space.
 */
#ifndef UW_TARGET_BPF_H
#define UW_TARGET_BPF_H

#include "deletion.bpf.h"
#include "dir_cache.bpf.h"
#include "rules.bpf.h"
#include "slot.bpf.h"
#include "task.bpf.h"

/* The deletion that is under way on this thread, if it still lacks its target. */
static __always_inline struct uw_slot *find_unresolved(__u64 id, __u32 op)
{
	struct uw_slot *slot = find(id);

	return slot && slot->ev.op == op && !(slot->ev.flags & UW_EV_RESOLVED) ? slot : NULL;
}

/* Leaves the deletion to these rules. Without any, it ends here, and this returns false. */
static __always_inline bool narrow(__u64 id, struct uw_slot *slot, __u64 rules)
{
	slot->on_success &= rules;
	slot->on_failure &= rules;
	if (slot->on_success | slot->on_failure)
		return true;
	if (!slot->depth) {	/* or else the calls inside need it, and its return counts it */
		count(UW_CNT_FILTERED);
		free_slot(id, slot);
	}
	return false;
}

/* The name, and what else the entry has kept. False where it is lost. */
static __always_inline bool load_or_read(struct scratch *s, const struct uw_slot *slot)
{
	long n;

	if (load(s, slot))
		return false;
	if (!slot->name_ptr)
		return true;
	n = bpf_probe_read_kernel_str(s->data, UW_PATH_MAX, (const void *)slot->name_ptr);
	begin_strings(&s->ev, n > 0 ? n - 1 : 0);
	s->ev.flags |= n > 0 ? 0 : UW_EV_NAME_FAULT;
	return true;
}

/*
 * Gives the directory's entry its path: that of the event in the scratch space without the last
 * component.
 */
static __always_inline void cache_dir(struct scratch *s, struct dir_cache_entry *k,
				      const struct snapshot *then, __u64 mnt, __u32 name)
{
	__u32 start = s->ev.len[UW_STR_NAME] & (UW_PATH_MAX - 1), fsroot = s->ev.len[UW_STR_FSROOT];
	__u32 path = s->ev.len[UW_STR_PATH], last = name + 1;

	if (!(s->ev.flags & UW_EV_FS) || s->ev.flags & UW_EV_PATH_CUT || s->ev.below < last ||
	    path < last)
		return;
	k->dev = s->ev.dev;
	k->below = s->ev.below - last;
	dir_cache_set_path(k, then, mnt, &s->data[start], fsroot, fsroot + path - last);
}

/* The path of the target, by that of its directory. False where it does not fit the slot. */
static __always_inline bool append_target(struct uw_slot *slot, const struct dir_cache_entry *k,
					  struct dentry *dentry, const bool typed)
{
	const struct strings to = STRINGS_OF_SLOT(slot);
	__u32 size = slot->ev.size, len;
	const unsigned char *name;

	if (slot->long_slot != UW_NO_SLOT || slot->name_ptr)
		return false;
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
	if (!append_bytes(to, k->text, k->len) || !append_name(to, name, len)) {
		slot->ev.size = size;
		return false;
	}
	slot->ev.len[UW_STR_FSROOT] = k->fsroot;
	slot->ev.len[UW_STR_PATH] = slot->ev.size - size - k->fsroot;
	slot->ev.below = k->below + slot->ev.size - size - k->len;
	slot->ev.dev = k->dev;
	slot->ev.flags |= UW_EV_FS | UW_EV_RESOLVED;
	return true;
}

/* The long way, for s->target. A global function, so that the verifier checks it once. */
__noinline int uw_walk_target(__u64 id, __u32 index)
{
	struct scratch *s = get_scratch(index);
	struct uw_slot *slot = find(id);
	struct uw_path_value *value;
	struct dentry *dentry, *dir;
	struct uw_rule_masks *set;
	struct dir_cache_entry *k;
	struct inode *inode;
	bool known, kthread;
	struct snapshot then;
	__u32 tree = 0, name;
	struct walk *w;

	if (!s || !slot)
		return 0;
	kthread = s->target.kthread;
	dentry = (void *)s->target.dentry;
	dir = (void *)s->target.dir;
	name = BPF_CORE_READ(dentry, d_name.len);
	set = path_ruleset(slot, &tree);
	k = dir_cache_find(s, dir);
	known = !kthread && dir_cache_valid(s, k, dir, false);
	then = take_snapshot();
	w = kthread ? walk_within(s->walks, dentry)
		    : walk_dentry(s->walks, (void *)s->target.mnt, dentry, true);
	value = set && w && !s->target.decided ? look_up_path(slot->set, w) : NULL;
	if (value) {
		if (!kthread && holds_for_dir(value, w, name)) {
			known = known || dir_cache_insert(s, k, dir, &then);
			if (known) {
				k->rules = value->rules;
				k->rules_gen = set->gen;
			}
		}
		if (!narrow(id, slot, value->rules))
			return 0;
	}
	inode = BPF_CORE_READ(dentry, d_inode);
	if (!inode || !load_or_read(s, slot))
		return 0;
	fill_who(&s->ev, slot);
	s->ev.tree = tree;
	if (w) {
		append_place(STRINGS_OF_SCRATCH(s), w);
		w = kthread ? w : walk_out(s->walks, w);
	}
	if (w && w->pos < UW_PATH_MAX) {
		append_walk(STRINGS_OF_SCRATCH(s), UW_STR_PATH, w);
		s->ev.flags |= UW_EV_RESOLVED | (w->cut ? UW_EV_PATH_CUT : 0);
		if (!kthread && (known || dir_cache_insert(s, k, dir, &then)))
			cache_dir(s, k, &then, s->target.mnt, name);
	} else {
		s->ev.flags &= ~UW_EV_FS;
		s->ev.len[UW_STR_FSROOT] = 0;
		s->ev.size = s->ev.len[UW_STR_NAME];
	}
	if (kthread)
		w = walk_within(s->walks, (void *)s->target.source);
	else
		w = walk_dentry(s->walks, (void *)s->target.source_mnt, (void *)s->target.source,
				false);
	if (w) {
		append_walk(STRINGS_OF_SCRATCH(s), UW_STR_SOURCE, w);
		s->ev.flags |= w->cut ? UW_EV_SOURCE_CUT : 0;
	}
	if (uw_shared.control.detail >= UW_DETAIL_STANDARD)
		read_inode(s, &s->ev, dentry, inode, uw_shared.control.detail, false);
	if (keep(slot, s))
		slot->name_ptr = 0;
	else	/* the record has no strings, as if the kernel had not resolved the name */
		count(UW_CNT_LONG_FULL);
	return 0;
}

/*
 * Resolves the target in `dir`, if it exists. With `typed`, the verifier knows the types of what
 * `dir` and `dentry` point to.
 */
static __always_inline void resolve(enum scratch_index index, __u64 id, struct uw_slot *slot,
				    const struct path *dir, struct dentry *dentry, const bool typed)
{
	struct scratch *s = get_scratch(index);
	struct uw_rule_masks *set;
	struct dir_cache_entry *k;
	struct dentry *parent;
	struct inode *inode;
	__u32 tree = 0;
	__u64 mnt;
	bool known;

	if (!s)
		return;
	if (typed) {
		parent = dir->dentry;
		mnt = (__u64)dir->mnt;
	} else {
		struct path at;

		if (bpf_probe_read_kernel(&at, sizeof(at), dir))
			return;
		parent = at.dentry;
		mnt = (__u64)at.mnt;
	}
	s->target.decided = 0;
	set = path_ruleset(slot, &tree);
	k = dir_cache_find(s, parent);
	known = dir_cache_valid(s, k, parent, typed);
	if (known && set && k->rules_gen == set->gen) {
		if (!narrow(id, slot, k->rules))
			return;
		s->target.decided = 1;
	}
	if (known && (!set || s->target.decided) && dir_cache_has_path(k, mnt)) {
		inode = typed ? dentry->d_inode : BPF_CORE_READ(dentry, d_inode);
		if (inode && append_target(slot, k, dentry, typed)) {
			fill_who(&slot->ev, slot);
			slot->ev.tree = tree;
			if (uw_shared.control.detail >= UW_DETAIL_STANDARD)
				read_inode(s, &slot->ev, dentry, inode,
					   uw_shared.control.detail, typed);
			return;
		}
	}
	s->target.kthread = 0;
	s->target.dir = (__u64)parent;
	s->target.mnt = mnt;
	s->target.dentry = (__u64)dentry;
	s->target.source = 0;
	uw_walk_target(id, index);
}

/* Resolves the target of a rename. Both paths take a walk. */
static __always_inline void resolve_rename(enum scratch_index index, __u64 id,
					   const struct path *from, struct dentry *source,
					   const struct path *to, struct dentry *victim)
{
	struct scratch *s = get_scratch(index);

	if (!s)
		return;
	s->target.kthread = 0;
	s->target.decided = 0;
	s->target.dir = (__u64)BPF_CORE_READ(to, dentry);
	s->target.mnt = (__u64)BPF_CORE_READ(to, mnt);
	s->target.dentry = (__u64)victim;
	s->target.source_mnt = (__u64)BPF_CORE_READ(from, mnt);
	s->target.source = (__u64)source;
	uw_walk_target(id, index);
}

/* Resolves the target of a kernel thread, s->call. A dentry alone tells no mount. */
static __always_inline void resolve_kthread(enum scratch_index index, __u64 id)
{
	struct scratch *s = get_scratch(index);

	if (!s)
		return;
	s->target.kthread = 1;
	s->target.decided = 0;
	s->target.dir = 0;
	s->target.dentry = (__u64)s->call.victim;
	s->target.source = (__u64)s->call.source;
	uw_walk_target(id, index);
}

#endif
