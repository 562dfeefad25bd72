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
#include "rules.bpf.h"
#include "slot.bpf.h"
#include "task.bpf.h"

/* The deletion that is under way on this thread, if it still lacks its target. */
static __always_inline struct uw_slot *find_unresolved(__u64 id, __u32 op)
{
	struct uw_slot *slot = find(id);

	if (!slot || slot->ev.flags & UW_EV_RESOLVED || !is_of_call(&slot->ev, op))
		return NULL;
	return slot;
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

	if (slot->long_slot != UW_NO_SLOT)
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

/*
 * The entry of the directory that the walk has found, with what the rules say of it. NULL where it
 * cannot be cached.
 */
static __always_inline struct dir_cache_entry *
cache_rules(struct scratch *s, struct dentry *dir, const struct snapshot *then,
	    const struct uw_path_value *value, __u32 gen)
{
	struct dir_cache_entry *k = dir_cache_find(s, dir);

	if (!dir_cache_valid(s, k, dir, false) && !dir_cache_insert(s, k, dir, then))
		return NULL;
	if (value) {
		k->rules = value->rules;
		k->rules_gen = gen;
	}
	return k;
}

/* Appends the path of the walk to the root of the namespace; false where it has none. */
static __always_inline bool append_target_walk(struct scratch *s, struct walk *w, bool kthread)
{
	if (w) {
		append_place(STRINGS_OF_SCRATCH(s), w);
		w = kthread ? w : walk_out(s->walks, w);
	}
	if (w && w->pos < UW_PATH_MAX) {
		append_walk(STRINGS_OF_SCRATCH(s), UW_STR_PATH, w);
		s->ev.flags |= UW_EV_RESOLVED | (w->cut ? UW_EV_PATH_CUT : 0);
		return true;
	}
	s->ev.size -= s->ev.len[UW_STR_FSROOT];
	s->ev.len[UW_STR_FSROOT] = 0;
	s->ev.flags &= ~UW_EV_FS;
	return false;
}

static __always_inline void keep_target(struct uw_slot *slot, const struct scratch *s)
{
	/* If it fails, the record has no strings, as if the kernel had not resolved the name. */
	if (!keep(slot, s))
		count(UW_CNT_LONG_FULL);
}

static __always_inline struct walk *walk_target(struct scratch *s, __u32 which, __u64 dentry)
{
	if (s->target.kthread)
		return walk_within(which, (void *)dentry);
	return walk_dentry(which, (void *)s->target.mnt, (void *)dentry, true);
}

/* The long way, for s->target. A global function, so that the verifier checks it once. */
__noinline int uw_walk_target(__u64 id, __u32 index)
{
	struct scratch *s = get_scratch(index);
	struct uw_slot *slot = find(id);
	struct dir_cache_entry *k = NULL;
	struct uw_path_value *value;
	struct dentry *dentry, *dir;
	struct inode *inode;
	struct uw_rule_masks *set;
	struct snapshot then;
	__u32 tree = 0, name;
	struct walk *w;
	bool kthread;

	if (!s || !slot)
		return 0;
	kthread = s->target.kthread;
	dentry = (void *)s->target.dentry;
	dir = (void *)s->target.dir;
	name = BPF_CORE_READ(dentry, d_name.len);
	set = path_ruleset(slot, &tree);
	then = take_snapshot();
	w = walk_target(s, s->walks, s->target.dentry);
	value = set && w && !s->target.decided ? look_up_path(slot->set, w) : NULL;
	if (value) {
		if (!kthread && holds_for_dir(value, w, name))
			k = cache_rules(s, dir, &then, value, set->gen);
		if (!narrow(id, slot, value->rules))
			return 0;
	}
	inode = BPF_CORE_READ(dentry, d_inode);
	if (!inode || load(s, slot))
		return 0;
	fill_who(&s->ev, slot);
	s->ev.tree = tree;
	if (append_target_walk(s, w, kthread) && !kthread) {
		if (!k)
			k = cache_rules(s, dir, &then, NULL, 0);
		if (k)
			cache_dir(s, k, &then, s->target.mnt, name);
	}
	read_inode(s, &s->ev, dentry, inode, false);
	keep_target(slot, s);
	return 0;
}

/* The names that the entry kept, old and new, become those that the record has. */
static __always_inline bool load_names(struct scratch *s, const struct uw_slot *slot)
{
	__u32 old, new;

	if (load(s, slot))
		return false;
	old = s->ev.len[UW_STR_NAME];
	new = s->ev.len[UW_STR_OTHER_NAME];
	s->ev.op = s->target.op;
	if (s->ev.op == UW_OP_EXCHANGE)
		return true;
	if (s->ev.op == UW_OP_RENAME && !slot->sp) {
		asm volatile("" : "+r"(old), "+r"(new));
		if (bpf_probe_read_kernel(s->data, new & (UW_PATH_MAX - 1),
					  &s->data[old & (UW_PATH_MAX - 1)]))
			return false;
		s->ev.len[UW_STR_NAME] = new;
		s->ev.dfd = s->ev.other_dfd;
		s->ev.flags &= ~(UW_EV_NAME_FAULT | UW_EV_NAME_CUT);
		if (s->ev.flags & UW_EV_OTHER_NAME_FAULT)
			s->ev.flags |= UW_EV_NAME_FAULT;
		if (s->ev.flags & UW_EV_OTHER_NAME_CUT)
			s->ev.flags |= UW_EV_NAME_CUT;
	}
	s->ev.flags &= ~(UW_EV_OTHER_NAME_FAULT | UW_EV_OTHER_NAME_CUT);
	s->ev.len[UW_STR_OTHER_NAME] = 0;
	s->ev.size = s->ev.len[UW_STR_NAME];
	return true;
}

/* The rules that want the target of the walk to lose its name; all where that is not known. */
static __always_inline __u64 rules_of_walk(struct scratch *s, const struct uw_rule_masks *set,
					   __u32 which, struct walk *w, __u64 dir, __u64 dentry,
					   const struct snapshot *then)
{
	struct dentry *target = (void *)dentry;
	struct uw_path_value *value;

	value = set && w ? look_up_path(which, w) : NULL;
	if (!value)
		return ~0ULL;
	if (dir && holds_for_dir(value, w, BPF_CORE_READ(target, d_name.len)))
		cache_rules(s, (void *)dir, then, value, set->gen);
	/* With a directory, all names below it move. */
	if (file_type(target, false) == S_IFDIR && has_rules_below(value, w))
		return ~0ULL;
	return value->rules;
}

/*
 * The same for a rename: s->target.dentry loses its name, and s->target.other is the other one. A
 * rule may want either, unless the rename is a plain move.
 */
__noinline int uw_walk_rename(__u64 id, __u32 index)
{
	struct scratch *s = get_scratch(index);
	struct uw_slot *slot = find(id);
	struct dentry *dentry, *other;
	struct uw_rule_masks *set;
	struct snapshot then;
	struct inode *inode;
	__u32 tree = 0;
	struct walk *w;
	bool kthread;
	__u64 rules;

	if (!s || !slot)
		return 0;
	kthread = s->target.kthread;
	dentry = (void *)s->target.dentry;
	other = (void *)s->target.other;
	set = path_ruleset(slot, &tree);
	then = take_snapshot();
	if (set && !s->target.decided) {
		w = walk_target(s, s->walks, s->target.dentry);
		rules = rules_of_walk(s, set, slot->set, w, s->target.dir, s->target.dentry, &then);
		if (s->target.op != UW_OP_MOVE) {
			w = walk_target(s, s->walks, s->target.other);
			rules |= rules_of_walk(s, set, slot->set, w, s->target.other_dir,
					       s->target.other, &then);
		}
		if (!narrow(id, slot, rules))
			return 0;
	}
	if (!load_names(s, slot))
		return 0;
	fill_who(&s->ev, slot);
	s->ev.tree = tree;
	w = walk_target(s, s->walks, s->target.dentry);
	if (!append_target_walk(s, w, kthread))
		return 0;
	w = walk_target(s, s->walks, s->target.other);
	if (w && w->met && !w->cut) {
		s->ev.other_below = w->below;
		s->ev.flags |= UW_EV_OTHER_FS;
	}
	w = w && !kthread ? walk_out(s->walks, w) : w;
	if (w) {
		append_walk(STRINGS_OF_SCRATCH(s), UW_STR_OTHER, w);
		s->ev.flags |= w->cut ? UW_EV_OTHER_CUT : 0;
	}
	read_inode(s, &s->ev, dentry, BPF_CORE_READ(dentry, d_inode), false);
	inode = BPF_CORE_READ(other, d_inode);
	if (inode && s->ev.flags & UW_EV_INODE) {
		read_file(s, &s->file, other, inode, false);
		append(STRINGS_OF_SCRATCH(s), UW_STR_OTHER_FILE, &s->file, sizeof(s->file));
	}
	if (s->ev.op != UW_OP_RENAME && file_type(dentry, false) == S_IFDIR)
		s->ev.flags |= UW_EV_MOVES_DIR;
	if (s->ev.op != UW_OP_MOVE && file_type(other, false) == S_IFDIR)
		s->ev.flags |= UW_EV_OTHER_MOVES_DIR;
	keep_target(slot, s);
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
			read_inode(s, &slot->ev, dentry, inode, typed);
			return;
		}
	}
	s->target.kthread = 0;
	s->target.dir = (__u64)parent;
	s->target.mnt = mnt;
	s->target.dentry = (__u64)dentry;
	uw_walk_target(id, index);
}

/*
 * What a rename does, once the kernel has resolved both names. Ends it here, and returns 0, where
 * it does nothing, since both are links of one file, or where no rule wants what it does.
 */
static __always_inline __u32 decide_rename(__u64 id, struct uw_slot *slot, struct inode *source,
					   struct inode *victim)
{
	const struct uw_rule_masks *set = &uw_shared.set[slot->set & (UW_RULESETS - 1)];
	__u32 op = slot->ev.op == UW_OP_MOVE && victim ? UW_OP_RENAME : slot->ev.op;
	bool decides = set->gen == slot->ev.gen && !(slot->ev.flags & UW_EV_SELFTEST);
	__u64 rules = decides ? set->op[op & (UW_OPS - 1)] : ~0ULL;

	return narrow(id, slot, source == victim ? 0 : rules) ? op : 0;
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
static __always_inline void resolve_rename(enum scratch_index index, __u64 id,
					   struct uw_slot *slot, const struct path *from,
					   struct dentry *source, const struct path *to,
					   struct dentry *victim, __u32 op, const bool typed)
{
	struct scratch *s = get_scratch(index);
	struct dentry *old_dir, *new_dir;
	struct uw_rule_masks *set;
	bool replaces = op == UW_OP_RENAME;
	__u64 rules = 0;
	__u32 tree = 0;

	if (!s)
		return;
	old_dir = typed ? from->dentry : BPF_CORE_READ(from, dentry);
	new_dir = typed ? to->dentry : BPF_CORE_READ(to, dentry);
	s->target.decided = 0;
	set = path_ruleset(slot, &tree);
	if (set && rules_of_dir(s, set->gen, old_dir, typed, &rules) &&
	    (op == UW_OP_MOVE || rules_of_dir(s, set->gen, new_dir, typed, &rules))) {
		if (!narrow(id, slot, rules))
			return;
		s->target.decided = 1;
	}
	s->target.op = op;
	s->target.kthread = 0;
	s->target.mnt = (__u64)BPF_CORE_READ(from, mnt);
	s->target.dir = (__u64)(replaces ? new_dir : old_dir);
	s->target.other_dir = (__u64)(replaces ? old_dir : new_dir);
	s->target.dentry = (__u64)(replaces ? victim : source);
	s->target.other = (__u64)(replaces ? source : victim);
	uw_walk_rename(id, index);
}

/* Resolves the target of a kernel thread, s->call. A dentry alone tells no mount. */
static __always_inline void resolve_kthread(enum scratch_index index, __u64 id)
{
	struct scratch *s = get_scratch(index);
	bool moves;

	if (!s)
		return;
	moves = uw_op_is_move(s->call.op);
	s->target.op = s->call.op;
	s->target.kthread = 1;
	s->target.decided = 0;
	s->target.dir = 0;
	s->target.other_dir = 0;
	s->target.dentry = (__u64)(moves ? s->call.source : s->call.victim);
	s->target.other = (__u64)(moves ? s->call.victim : s->call.source);
	if (uw_op_is_rename(s->call.op))
		uw_walk_rename(id, index);
	else
		uw_walk_target(id, index);
}

#endif
