/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The target of a deletion: where the kernel has resolved the name, the path rules decide, and what
 * is left gets its true path. A rename has two.
 *
 * The short way takes the directory's path from the directory cache and appends the last component,
 * in the slot. The long way walks, in the scratch space.
 */
#ifndef UW_TARGET_BPF_H
#define UW_TARGET_BPF_H

#include "deletion.bpf.h"
#include "dir_cache.bpf.h"
#include "overlay.bpf.h"
#include "rules.bpf.h"
#include "slot.bpf.h"
#include "task.bpf.h"

/* How often a walk is tried while directories above are renamed. */
#define WALKS 8

/*
 * The deletion in the slot, which comes to its target, or one without a slot; or NULL. The kernel
 * may come to another target afterwards: where a file system answers ESTALE, which a user's FUSE
 * server can do, it looks the name up once more. `sp` is that of a kernel thread, or 0.
 */
static __always_inline struct uw_slot *begin_targeted(struct uw_slot *slot, __u32 op, __u32 probe,
						      __u32 index, __u64 sp)
{
	if (!slot)
		return get_slot(uw_begin_unslotted(op, probe, index, sp));
	if (!is_of_call(&slot->ev, op))
		return NULL;
	if (slot->targeted)
		forget_target(slot);
	slot->targeted = 1;
	return slot;
}

/* After the target is known. */
static __always_inline void leave_target(struct uw_slot *slot, __u32 index)
{
	if (slot->at >= UW_SLOTS)
		uw_end_unslotted(slot->at, index);
}

/* Leaves the deletion to these rules, until the next target. Returns false if none is left. */
static __always_inline bool narrow(struct uw_slot *slot, __u64 rules)
{
	slot->of_target &= rules;
	return uw_slot_rules(slot);
}

/*
 * Gives the directory's entry its path: that of the event in the scratch space without the last
 * component.
 */
static __always_inline void cache_dir(struct scratch *s, struct dir_cache_entry *k, __u32 name)
{
	__u32 start = s->ev.len[UW_STR_NAME] & (UW_PATH_MAX - 1), fsroot = s->ev.len[UW_STR_FSROOT];
	__u32 path = s->ev.len[UW_STR_PATH], last = name + 1;

	if (!(s->ev.flags & UW_EV_FS) || s->ev.flags & (UW_EV_PATH_CUT | UW_EV_DETACHED) ||
	    s->ev.below < last || path < last)
		return;
	k->dev = s->ev.dev;
	k->below = s->ev.below - last;
	dir_cache_set_path(k, &s->then, s->target.mnt, &s->data[start], fsroot,
			   fsroot + path - last);
}

/* The path of the target, by that of its directory. False where it does not fit the slot. */
static __always_inline bool append_target(struct scratch *s, struct uw_slot *slot,
					  const struct dir_cache_entry *k, struct dentry *dentry,
					  const bool typed)
{
	__u32 size = slot->ev.size, path;

	if (slot->long_slot != UW_NO_SLOT)
		return false;
	if (!append_child(STRINGS_OF_SLOT(slot), k, dentry, typed)) {
		slot->ev.size = size;
		return false;
	}
	path = slot->ev.size - size - k->fsroot;
	if (k->overlay && !append_cached_upper(s, slot, k, dentry)) {
		slot->ev.size = size;
		return false;
	}
	slot->ev.len[UW_STR_FSROOT] = k->fsroot;
	slot->ev.len[UW_STR_PATH] = path;
	slot->ev.below = k->below + path + k->fsroot - k->len;
	slot->ev.dev = k->dev;
	slot->ev.flags |= UW_EV_FS | UW_EV_RESOLVED;
	return true;
}

/*
 * The entry of the directory that the walk has found, with what the rules say of it unless `gen` is
 * 0. NULL where it cannot be cached.
 */
static __always_inline struct dir_cache_entry *
cache_rules(struct scratch *s, struct dentry *dir, __u64 rules, __u32 gen)
{
	struct dir_cache_entry *k = dir_cache_find(s, dir);

	if (!dir_cache_valid(s, k, dir, false) &&
	    !dir_cache_insert(s, k, dir, &s->then, s->target.overlay))
		return NULL;
	if (gen) {
		k->rules = rules;
		k->rules_gen = gen;
	}
	return k;
}

/* Whether a path there may be written in other cases, so that its text decides nothing. */
static __always_inline bool ignores_case(const struct scratch *s)
{
	return s->target.d_flags & (DCACHE_OP_HASH | DCACHE_OP_COMPARE);
}

/* Appends the path of the walk to the root of the namespace; false where it has none. */
static __always_inline bool append_target_walk(struct scratch *s, struct walk *w)
{
	bool kthread = s->target.kthread;
	struct super_block *sb;

	if (w) {
		append_place(STRINGS_OF_SCRATCH(s), w);
		if (!kthread && (w->met || w->cut)) {
			read_mount_ns(&s->ev, (void *)s->target.mnt);
			w = walk_out(s->walks, w);
		} else if (!kthread) {
			/* The directory was moved out of what the mount shows. */
			s->ev.below = UW_PATH_MAX - w->pos;
			sb = w->sb;
			s->ev.dev = BPF_CORE_READ(sb, s_dev);
			s->ev.flags |= UW_EV_FS | UW_EV_DETACHED;
		}
	}
	if (w && w->pos < UW_PATH_MAX) {
		append_walk(STRINGS_OF_SCRATCH(s), UW_STR_PATH, w);
		s->ev.flags |= UW_EV_RESOLVED | (w->cut ? UW_EV_PATH_CUT : 0);
		if (ignores_case(s))
			s->ev.flags |= UW_EV_CASEFOLD;
		return true;
	}
	drop_place(&s->ev);
	s->ev.flags |= UW_EV_UNPLACED;
	return false;
}

static __always_inline struct walk *walk_target(struct scratch *s, __u64 dentry)
{
	if (s->target.kthread)
		return walk_within(s->walks, (void *)dentry);
	return walk_dentry(s->walks, (void *)s->target.mnt, (void *)dentry, true);
}

/* The sum of a walk; never 0, which stands for no walk yet. */
static __always_inline __u64 sum_of(const struct walk *w)
{
	return w ? w->sum | 1 : 1;
}

/*
 * Whether the walks have seen one state of the tree: no directory has moved meanwhile, or they have
 * found the same dentries and names as those just before. A user who renames directories all the
 * time so delays only the walks below them.
 */
static __always_inline bool is_steady(struct scratch *s, __u64 sum)
{
	volatile struct uw_rename_seq *seq = &uw_shared.rename_seq;
	__u64 last = s->target.sum;

	if (s->then.rename_seq && seq->begun == s->then.rename_seq &&
	    !(s->target.d_flags & DCACHE_OP_REVALIDATE))
		return true;
	s->target.sum = sum;
	return sum == last;
}

/*
 * What the rules say of the target, or of the other name, to which the first walk leads; all may
 * want it where that is not known.
 */
static __always_inline struct decision decide_target(const struct scratch *s, __u32 which,
						     struct walk *w, const bool other)
{
	struct decision d = { .rules = ~0ULL };

	if (!w || ignores_case(s))
		return d;
	d = decide(which, w);
	if (s->target.overlay) {
		d.rules |= s->target.upper_decision[other].rules;
		d.holds &= s->target.upper_decision[other].holds;
		d.below |= s->target.upper_decision[other].below;
	}
	return d;
}

enum walked { WALK_AGAIN, WALK_UPPER, WALKED, WALKED_AND_KEEP };

/*
 * Keeps the event in its slot. Where that takes a long slot and none is free, or where the deletion
 * has no slot, the event is sent at once.
 */
__noinline int uw_keep_target(__u32 at, __u32 index)
{
	struct scratch *s = get_scratch(index);
	struct uw_slot *slot = get_slot(at);

	if (!s || !slot || (at < UW_SLOTS && keep(slot, s)))
		return 0;
	if (at < UW_SLOTS)
		count(UW_CNT_LONG_FULL);
	return uw_send_now(at, index);
}

/*
 * What is known of a target below directories that are renamed all the time: its last component. Any
 * rule may want it.
 */
__noinline int uw_unplace(__u32 at, __u32 index)
{
	struct scratch *s = get_scratch(index);
	struct uw_slot *slot = get_slot(at);
	struct dentry *dentry;
	__u32 size, len;

	if (!s || !slot)
		return 0;
	dentry = (void *)s->target.dentry;
	size = slot->ev.size;
	len = BPF_CORE_READ(dentry, d_name.len);
	slot->ev.flags |= UW_EV_UNPLACED;
	if (slot->long_slot == UW_NO_SLOT &&
	    append_name(STRINGS_OF_SLOT(slot), BPF_CORE_READ(dentry, d_name.name), len)) {
		slot->ev.len[UW_STR_PATH] = slot->ev.size - size;
		slot->ev.flags |= UW_EV_RESOLVED | UW_EV_PATH_CUT;
	}
	fill_who(&slot->ev, slot);
	read_inode(s, &slot->ev, dentry, BPF_CORE_READ(dentry, d_inode), false);
	return 0;
}

/* Whether the target turns out to be on overlayfs, of which the walk to the upper layer is missing. */
static __always_inline bool lacks_upper(struct scratch *s, const struct walk *w)
{
	struct super_block *sb;

	if (s->target.overlay != OVERLAY_UNKNOWN)
		return false;
	s->target.overlay = NO_OVERLAY;
	if (w) {
		sb = w->sb;
		s->target.overlay = is_overlay(sb);
	}
	return s->target.overlay;
}

/*
 * The long way, for s->target. Changes the slot only after the last walk. A global function, so
 * that the verifier checks it once.
 */
__noinline int uw_walk_target(__u32 at, __u32 index)
{
	struct decision d = { .rules = ~0ULL };
	struct scratch *s = get_scratch(index);
	struct uw_slot *slot = get_slot(at);
	struct dir_cache_entry *k = NULL;
	struct uw_rule_masks *set;
	struct dentry *dentry;
	struct inode *inode = NULL;
	struct walk *w;

	if (!s || !slot)
		return WALKED;
	dentry = (void *)s->target.dentry;
	set = s->target.checked ? &uw_shared.set[slot->set & (UW_RULESETS - 1)] : NULL;
	s->then = take_snapshot();
	w = walk_target(s, s->target.dentry);
	if (lacks_upper(s, w))
		return WALK_UPPER;
	if (set && !s->target.decided)
		d = decide_target(s, slot->set, w, false);
	if (uw_slot_rules(slot) & d.rules) {
		inode = BPF_CORE_READ(dentry, d_inode);
		if (!inode || load(s, slot))
			return WALKED;
		append_target_walk(s, w);
	}
	if (!is_steady(s, sum_of(w)))
		return WALK_AGAIN;
	if (d.holds && s->target.dir)
		k = cache_rules(s, (void *)s->target.dir, d.rules, set->gen);
	if (!narrow(slot, d.rules))
		return WALKED;
	fill_who(&s->ev, slot);
	s->ev.tree = s->target.tree;
	/* A record by a cached path would not tell that case is ignored. */
	if (s->ev.flags & UW_EV_RESOLVED && s->target.dir && !ignores_case(s)) {
		if (!k)
			k = cache_rules(s, (void *)s->target.dir, 0, 0);
		if (k && w)
			cache_dir(s, k, w->last);
	}
	read_inode(s, &s->ev, dentry, inode, false);
	return WALKED_AND_KEEP;
}

/* The rules that want a rename for one of its names, and adds its walk to the sum. */
static __always_inline __u64 rules_of_name(struct scratch *s, const struct uw_rule_masks *set,
					   __u32 which, const bool other, __u64 *sum)
{
	struct dentry *dentry = (void *)(other ? s->target.other : s->target.dentry);
	__u64 dir = other ? s->target.other_dir : s->target.dir;
	struct walk *w = walk_target(s, (__u64)dentry);
	struct decision d = decide_target(s, which, w, other);

	*sum += sum_of(w);
	if (dir && d.holds)
		cache_rules(s, (void *)dir, d.rules, set->gen);
	/* With a directory, all names below it move. */
	return d.below && file_type(dentry, false) == S_IFDIR ? ~0ULL : d.rules;
}

/*
 * The same for a rename: s->target.dentry loses its name, and s->target.other is the other one. A
 * rule may want either, unless the rename is a plain move.
 */
__noinline int uw_walk_rename(__u32 at, __u32 index)
{
	struct scratch *s = get_scratch(index);
	struct uw_slot *slot = get_slot(at);
	struct dentry *dentry, *other;
	struct uw_rule_masks *set;
	__u64 rules = ~0ULL, sum = 0;
	struct inode *inode;
	struct walk *w;

	if (!s || !slot)
		return WALKED;
	dentry = (void *)s->target.dentry;
	other = (void *)s->target.other;
	set = s->target.checked ? &uw_shared.set[slot->set & (UW_RULESETS - 1)] : NULL;
	s->then = take_snapshot();
	if (set && !s->target.decided) {
		rules = rules_of_name(s, set, slot->set, false, &sum);
		if (s->target.op != UW_OP_MOVE)
			rules |= rules_of_name(s, set, slot->set, true, &sum);
		if (!(uw_slot_rules(slot) & rules)) {
			if (!is_steady(s, sum))
				return WALK_AGAIN;
			narrow(slot, rules);
			return WALKED;
		}
	}
	if (load(s, slot))
		return WALKED;
	fill_who(&s->ev, slot);
	s->ev.tree = s->target.tree;
	w = walk_target(s, s->target.dentry);
	sum = sum_of(w);
	if (append_target_walk(s, w)) {
		w = walk_target(s, s->target.other);
		sum += sum_of(w);
		if (w && w->met && !w->cut) {
			s->ev.other_below = w->below;
			s->ev.flags |= UW_EV_OTHER_FS;
		}
		w = w && !s->target.kthread ? walk_out(s->walks, w) : w;
		if (w) {
			append_walk(STRINGS_OF_SCRATCH(s), UW_STR_OTHER, w);
			s->ev.flags |= w->cut ? UW_EV_OTHER_CUT : 0;
		}
	}
	if (!is_steady(s, sum))
		return WALK_AGAIN;
	narrow(slot, rules);
	read_inode(s, &s->ev, dentry, BPF_CORE_READ(dentry, d_inode), false);
	inode = BPF_CORE_READ(other, d_inode);
	if (inode && s->ev.flags & UW_EV_INODE && s->ev.flags & UW_EV_RESOLVED) {
		read_file(s, &s->file, other, inode, false);
		append(STRINGS_OF_SCRATCH(s), UW_STR_OTHER_FILE, &s->file, sizeof(s->file));
	}
	if (s->ev.flags & UW_EV_RESOLVED) {
		if (s->ev.op != UW_OP_RENAME && file_type(dentry, false) == S_IFDIR)
			s->ev.flags |= UW_EV_MOVES_DIR;
		if (s->ev.op != UW_OP_MOVE && file_type(other, false) == S_IFDIR)
			s->ev.flags |= UW_EV_OTHER_MOVES_DIR;
	}
	return WALKED_AND_KEEP;
}

/* Walks until the tree is steady, and keeps what the slot needs. */
static __always_inline void walk_steadily(struct uw_slot *slot, struct scratch *s,
					  __u32 index, const bool rename)
{
	int i, r = WALK_AGAIN;

	for (i = 0; i < WALKS && r < WALKED; i++) {
		if (s->target.overlay == OVERLAY && rename && s->target.op != UW_OP_MOVE)
			uw_walk_upper(index, slot->set, 1);
		if (s->target.overlay == OVERLAY)
			uw_walk_upper(index, slot->set, 0);
		r = rename ? uw_walk_rename(slot->at, index) : uw_walk_target(slot->at, index);
	}
	if (r == WALKED)
		return;
	if (r < WALKED) {
		uw_unplace(slot->at, index);
		return;
	}
	if (s->target.overlay)
		uw_append_upper(index, UW_STR_UPPER);
	if (s->target.overlay && rename && s->target.op != UW_OP_MOVE) {
		uw_walk_upper(index, slot->set, 1);
		uw_append_upper(index, UW_STR_OTHER_UPPER);
	}
	uw_keep_target(slot->at, index);
}

/* Of what the walks need to know, a kprobe reads as little as it can: a read costs 50 instructions. */
static __always_inline void begin_target(struct scratch *s, struct dentry *dentry,
					 const struct uw_rule_masks *set, __u32 tree,
					 const bool typed)
{
	s->target.sum = 0;
	s->target.checked = set != NULL;
	s->target.tree = tree;
	s->target.dentry = (__u64)dentry;
	if (typed) {
		s->target.d_flags = dentry->d_flags;
		s->target.overlay = dentry->d_sb->s_magic == OVERLAYFS_SUPER_MAGIC;
	} else {
		s->target.d_flags = BPF_CORE_READ(dentry, d_flags);
		s->target.overlay = OVERLAY_UNKNOWN;
	}
}

/*
 * Resolves the target in `dir`, if it exists. With `typed`, the verifier knows the types of what
 * `dir` and `dentry` point to.
 */
static __always_inline void resolve(struct scratch *s, __u32 index, struct uw_slot *slot,
				    const struct path *dir, struct dentry *dentry, const bool typed)
{
	struct uw_rule_masks *set;
	struct dir_cache_entry *k;
	struct dentry *parent;
	struct inode *inode;
	__u32 tree = 0;
	__u64 mnt;
	bool known;

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
		if (!narrow(slot, k->rules))
			return;
		s->target.decided = 1;
	}
	if (known && (!set || s->target.decided) && dir_cache_has_path(k, mnt)) {
		inode = typed ? dentry->d_inode : BPF_CORE_READ(dentry, d_inode);
		if (inode && append_target(s, slot, k, dentry, typed)) {
			fill_who(&slot->ev, slot);
			slot->ev.tree = tree;
			read_inode(s, &slot->ev, dentry, inode, typed);
			return;
		}
	}
	begin_target(s, dentry, set, tree, typed);
	s->target.kthread = 0;
	s->target.dir = (__u64)parent;
	s->target.mnt = mnt;
	walk_steadily(slot, s, index, false);
}

/*
 * What a rename does, once the kernel has resolved both names. Returns false where it does nothing,
 * since both are links of one file, or where no rule wants what it does.
 */
static __always_inline bool decide_rename(struct uw_slot *slot, struct inode *source,
					  struct inode *victim)
{
	const struct uw_rule_masks *set = &uw_shared.set[slot->set & (UW_RULESETS - 1)];
	bool decides = set->gen == slot->ev.gen && !(slot->ev.flags & UW_EV_SELFTEST);

	if (slot->ev.op != UW_OP_EXCHANGE)
		slot->ev.op = victim ? UW_OP_RENAME : UW_OP_MOVE;
	if (source == victim)
		return narrow(slot, 0);
	return narrow(slot, decides ? set->op[slot->ev.op & (UW_OPS - 1)] : ~0ULL);
}

/* The rules that the cache has for a name in the directory. False where it has none. */
static __always_inline bool rules_of_dir(struct scratch *s, __u32 gen, struct dentry *dir,
					 const bool typed, __u64 *rules)
{
	struct dir_cache_entry *k = dir_cache_find(s, dir);

	if (!dir_cache_valid(s, k, dir, typed) || k->rules_gen != gen)
		return false;
	*rules |= k->rules;
	return true;
}

/* Resolves a rename of `source` in the directory `from` to `victim` in `to`. */
static __always_inline void resolve_rename(struct scratch *s, __u32 index, struct uw_slot *slot,
					   const struct path *from, struct dentry *source,
					   const struct path *to, struct dentry *victim,
					   const bool typed)
{
	struct dentry *old_dir, *new_dir;
	struct uw_rule_masks *set;
	__u32 op = slot->ev.op;
	bool replaces = op == UW_OP_RENAME;
	__u64 rules = 0;
	__u32 tree = 0;

	old_dir = typed ? from->dentry : BPF_CORE_READ(from, dentry);
	new_dir = typed ? to->dentry : BPF_CORE_READ(to, dentry);
	s->target.decided = 0;
	set = path_ruleset(slot, &tree);
	if (set && rules_of_dir(s, set->gen, old_dir, typed, &rules) &&
	    (op == UW_OP_MOVE || rules_of_dir(s, set->gen, new_dir, typed, &rules))) {
		if (!narrow(slot, rules))
			return;
		s->target.decided = 1;
	}
	begin_target(s, replaces ? victim : source, set, tree, typed);
	if (!typed)
		s->target.overlay = is_overlay(BPF_CORE_READ(source, d_sb));
	s->target.op = op;
	s->target.kthread = 0;
	s->target.mnt = (__u64)BPF_CORE_READ(from, mnt);
	s->target.dir = (__u64)(replaces ? new_dir : old_dir);
	s->target.other_dir = (__u64)(replaces ? old_dir : new_dir);
	s->target.other = (__u64)(replaces ? source : victim);
	walk_steadily(slot, s, index, true);
}

/* What a kernel thread calls; see vfs.bpf.c. */
struct kthread_call {
	__u32 op, flags;
	void *victim, *source;
};

/* Resolves its target. A dentry alone tells no mount. */
static __always_inline void resolve_kthread(struct scratch *s, __u32 index, struct uw_slot *slot,
					    const struct kthread_call *call)
{
	struct uw_rule_masks *set;
	struct dentry *victim;
	__u32 tree = 0;
	bool moves;

	victim = call->victim;
	moves = uw_op_is_move(call->op);
	set = path_ruleset(slot, &tree);
	s->target.op = call->op;
	s->target.kthread = 1;
	s->target.decided = 0;
	s->target.dir = 0;
	s->target.other_dir = 0;
	s->target.other = (__u64)(moves ? call->victim : call->source);
	begin_target(s, moves ? call->source : call->victim, set, tree, false);
	s->target.overlay = is_overlay(BPF_CORE_READ(victim, d_sb));
	walk_steadily(slot, s, index, uw_op_is_rename(call->op));
}

#endif
