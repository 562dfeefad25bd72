/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What kprobes and fentry programs do alike. Outer functions, whose return value is the result:
 *
 *	int do_unlinkat(int dfd, struct filename *name)			5.10 to 6.18
 *	int do_rmdir(int dfd, struct filename *name)
 *	int do_renameat2(int olddfd, struct filename *from, int newdfd, struct filename *to,
 *			 unsigned int flags)
 *
 * named filename_unlinkat, filename_rmdir and filename_renameat2 from 7.0. Up to 6.12 the names are freed
 * inside, so that they cannot be read at the return. Hooks on the way, the same from 5.10 to 7.2, where the
 * kernel has resolved the name, holds the parent's lock, and asks its security modules:
 *
 *	int security_path_unlink(const struct path *dir, struct dentry *dentry)
 *	int security_path_rmdir(const struct path *dir, struct dentry *dentry)
 *	int security_path_rename(const struct path *old_dir, struct dentry *old_dentry,
 *				 const struct path *new_dir, struct dentry *new_dentry,
 *				 unsigned int flags)
 *
 * overlayfs goes through them once, for the file that the user sees: what it does with its layers
 * calls vfs_unlink() and so on.
 */
#ifndef UW_HOOKS_BPF_H
#define UW_HOOKS_BPF_H

#include "known_dir.bpf.h"

static __always_inline int enter_outer(enum uw_probe probe, enum bank bank, __u32 op, __s32 dfd,
				       struct filename *name)
{
	struct attempt a = { .op = op, .probe = probe, .bank = bank, .dfd = dfd, .name = name };

	return enter(&a);
}

static __always_inline int leave_outer(enum bank bank, __u32 op, __s32 ret)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct uw_state *st = find(id);

	tree_change_ends(id);
	if (st && st->op == op)
		finish(id, st, ret, 0, bank);
	return 0;
}

/* The deletion that is under way on this thread, if it still lacks its target. */
static __always_inline struct uw_state *awaiting(__u64 id, __u32 op)
{
	struct uw_state *st = find(id);

	return st && st->op == op && !(st->flags & UW_EV_RESOLVED) ? st : NULL;
}

/*
 * The rules that decide the path of the deletion, and the state of the host's tree that this goes by; NULL
 * where the daemon decides.
 */
static __always_inline struct uw_ruleset *path_ruleset(const struct uw_state *st, __u32 *tree)
{
	__u32 slot = st->set;
	struct uw_ruleset *set = bpf_map_lookup_elem(&uw_rulesets, &slot);

	/* Two reloads later the slot holds other rules. */
	if (!set || set->gen != st->gen || st->canary)
		return NULL;
	if (set->tree)
		*tree = host_tree_state();
	return set->check_paths && *tree == set->tree ? set : NULL;
}

/*
 * What the table says of the target which `w` has walked from, by its place in the host's tree: its
 * device, and its path within that file system. NULL where that is not known.
 */
static __always_inline struct uw_path_value *look_up(__u32 slot, struct walk *w)
{
	__u32 pos = w->pos, len = UW_PATH_MAX + 1 - pos;
	struct super_block *sb = w->sb;
	struct uw_path_key *key;
	void *table;

	table = bpf_map_lookup_elem(&uw_paths, &slot);
	if (!table || w->cut || pos >= UW_PATH_MAX)
		return NULL;
	/* The key is made around the path where it stands; what is written before it, a walk overwrites. */
	w->text[UW_PATH_MAX] = '/';
	/* Or clang drops the mask, as it knows better than the verifier. */
	asm volatile("" : "+r"(pos));
	key = (void *)&w->text[pos & (UW_PATH_MAX - 1)] - sizeof(w->lead);
	if (len > UW_KEY_PATH)
		len = UW_KEY_PATH;
	key->prefixlen = 8 * (sizeof(key->dev) + len);
	key->dev = BPF_CORE_READ(sb, s_dev);
	return bpf_map_lookup_elem(table, key);
}

/* Whether the answer for a name in the directory is the one for all that is in it. */
static __always_inline bool holds_for_dir(const struct uw_path_value *v, const struct walk *w, __u32 name)
{
	__u32 file = UW_PATH_MAX + 1 - w->pos, dir = file - name - 1;

	return file <= UW_KEY_PATH && (v->len < dir || (v->len == dir && !v->deeper));
}

/* Leaves the deletion to these rules. False where they are none: it is done with then. */
static __always_inline bool narrow(__u64 id, struct uw_state *st, __u64 rules)
{
	st->on_success &= rules;
	st->on_failure &= rules;
	if (st->on_success | st->on_failure)
		return true;
	if (!st->depth) {	/* otherwise its return finds it without rules */
		count(UW_CNT_FILTERED);
		forget(id, st);
	}
	return false;
}

/* The name, and what else the entry has kept. False where it is lost. */
static __always_inline bool load_or_read(struct scratch *s, const struct uw_state *st)
{
	long n;

	if (!st->name_ptr)
		return !load(s, st);
	n = bpf_probe_read_kernel_str(s->data, UW_PATH_MAX, (const void *)st->name_ptr);
	begin_strings(&s->ev, n > 0 ? n - 1 : 0);
	s->ev.flags = n > 0 ? 0 : UW_EV_NAME_FAULT;
	return true;
}

/*
 * Takes down the target, if it exists: `by` is the source of a rename. A kernel thread has no directories,
 * in which a mount would be known.
 */
static __always_inline void resolve(enum bank bank, __u64 id, struct uw_state *st, const bool kthread,
				    const struct path *dir, struct dentry *dentry,
				    const struct path *by_dir, struct dentry *by)
{
	struct scratch *s = get_scratch(bank);
	struct uw_control *control = get_control();
	struct uw_path_value *value;
	__u64 rules = ~0ULL, moved;
	struct uw_ruleset *set;
	struct inode *inode;
	struct path at = {};
	struct walk *w;
	__u32 tree = 0;

	if (!s || !control || (!kthread && bpf_probe_read_kernel(&at, sizeof(at), dir)))
		return;
	set = path_ruleset(st, &tree);
	if (!kthread && set && recall(&s->dir, set->gen, at.dentry, &rules)) {
		if (!narrow(id, st, rules))
			return;
		set = NULL;
	}
	moved = before_walk();
	w = kthread ? walk_within(s->walks, dentry) : walk_dentry(s->walks, at.mnt, dentry, true);
	value = set && w ? look_up(st->set, w) : NULL;
	if (value) {
		rules = value->rules;
		if (!kthread && holds_for_dir(value, w, BPF_CORE_READ(dentry, d_name.len)))
			remember(&s->dir, set->gen, at.dentry, moved, rules);
		if (!narrow(id, st, rules))
			return;
	}
	inode = BPF_CORE_READ(dentry, d_inode);
	if (!inode || !load_or_read(s, st))
		return;
	fill_who(st);
	s->ev.tree = tree;
	if (w) {
		put_place(s, w);
		w = kthread ? w : walk_out(s->walks, w);
	}
	if (w && w->pos < UW_PATH_MAX) {
		put_walk(s, UW_STR_PATH, w);
		s->ev.flags |= UW_EV_RESOLVED | (w->cut ? UW_EV_PATH_CUT : 0);
	} else {
		s->ev.flags &= ~UW_EV_FS;
		s->ev.len[UW_STR_FSROOT] = 0;
		s->ev.size = s->ev.len[UW_STR_NAME];
	}
	if (kthread)
		w = walk_within(s->walks, by);
	else
		w = by ? walk_dentry(s->walks, BPF_CORE_READ(by_dir, mnt), by, false) : NULL;
	if (w) {
		put_walk(s, UW_STR_BY, w);
		s->ev.flags |= w->cut ? UW_EV_BY_CUT : 0;
	}
	if (control->detail >= UW_DETAIL_STANDARD)
		read_inode(&s->ev, dentry, inode, control->detail);
	if (!keep(st, s)) {
		/* Without its strings it is recorded as if the kernel had not resolved it. */
		count(UW_CNT_BIG_FULL);
		return;
	}
	st->flags |= s->ev.flags & UW_EV_RESOLVED;
	st->name_ptr = 0;
}

static __always_inline int meet_target(enum bank bank, __u32 op, const struct path *dir,
				       struct dentry *dentry)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct uw_state *st = awaiting(id, op);

	tree_meet_removal(id, op, dir, dentry, bank);
	if (st)
		resolve(bank, id, st, false, dir, dentry, NULL, NULL);
	return 0;
}

/* Only a rename over another file deletes; one between two links of a file does nothing at all. */
static __always_inline int meet_victim(enum bank bank, const struct path *from,
				       struct dentry *source, const struct path *to,
				       struct dentry *victim, unsigned int flags)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct uw_state *st = awaiting(id, UW_OP_RENAME);
	struct inode *inode;

	tree_meet_rename(id, from, source, to, victim, bank);
	if (!st || flags & RENAME_EXCHANGE)
		return 0;
	inode = BPF_CORE_READ(victim, d_inode);
	if (!inode || inode == BPF_CORE_READ(source, d_inode))
		return 0;
	if (!st->victim)	/* the kernel may try again */
		count_end(st->canary, UW_CNT_SEEN);
	st->victim = 1;
	resolve(bank, id, st, false, to, victim, from, source);
	return 0;
}

#endif
