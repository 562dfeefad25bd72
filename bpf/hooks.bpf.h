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


static __always_inline int enter_outer(enum uw_probe probe, enum scratch_index index, __u32 op, __s32 dfd,
				       struct filename *name)
{
	struct attempt a = { .op = op, .probe = probe, .index = index, .dfd = dfd, .name = name };

	return enter(&a);
}

static __always_inline int leave_outer(enum scratch_index index, __u32 op, __s32 ret)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct uw_slot *slot = find(id);

	tree_change_ends(id);
	if (slot && slot->ev.op == op)
		finish(id, slot, ret, 0, index);
	return 0;
}

/* The deletion that is under way on this thread, if it still lacks its target. */
static __always_inline struct uw_slot *awaiting(__u64 id, __u32 op)
{
	struct uw_slot *slot = find(id);

	return slot && slot->ev.op == op && !(slot->ev.flags & UW_EV_RESOLVED) ? slot : NULL;
}

/*
 * The rules that decide the path of the deletion, and the state of the host's tree that this goes by; NULL
 * where the daemon decides.
 */
static __always_inline struct uw_rule_masks *path_ruleset(const struct uw_slot *slot, __u32 *tree)
{
	struct uw_rule_masks *set = &uw_shared.set[slot->set & (UW_RULESETS - 1)];

	/* Two reloads later it is of other rules. */
	if (set->gen != slot->ev.gen || slot->ev.flags & UW_EV_SELFTEST)
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
static __always_inline bool narrow(__u64 id, struct uw_slot *slot, __u64 rules)
{
	slot->on_success &= rules;
	slot->on_failure &= rules;
	if (slot->on_success | slot->on_failure)
		return true;
	if (!slot->depth) {	/* otherwise its return finds it without rules */
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

/* Remembers the path of the directory, which the event in the scratch space has before that of its last component. */
static __always_inline void insert_dir(struct scratch *s, struct dir_cache_entry *k, const struct snapshot *m, __u64 mnt,
					 __u32 name)
{
	__u32 start = s->ev.len[UW_STR_NAME] & (UW_PATH_MAX - 1), fsroot = s->ev.len[UW_STR_FSROOT];
	__u32 path = s->ev.len[UW_STR_PATH], last = name + 1;

	if (!(s->ev.flags & UW_EV_FS) || s->ev.flags & UW_EV_PATH_CUT || s->ev.below < last || path < last)
		return;
	k->dev = s->ev.dev;
	k->below = s->ev.below - last;
	dir_cache_set_path(k, m, mnt, &s->data[start], fsroot, fsroot + path - last);
}

/*
 * Takes down the target that s->target says: by a walk, in the scratch space. Global, so that the verifier checks it
 * once; what it takes has no type any more.
 */
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
	struct snapshot now;
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
	now = take_snapshot();
	w = kthread ? walk_within(s->walks, dentry) : walk_dentry(s->walks, (void *)s->target.mnt, dentry, true);
	value = set && w && !s->target.decided ? look_up(slot->set, w) : NULL;
	if (value) {
		if (!kthread && holds_for_dir(value, w, name)) {
			known = known || dir_cache_insert(s, k, dir, &now);
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
		put_place(s, w);
		w = kthread ? w : walk_out(s->walks, w);
	}
	if (w && w->pos < UW_PATH_MAX) {
		put_walk(s, UW_STR_PATH, w);
		s->ev.flags |= UW_EV_RESOLVED | (w->cut ? UW_EV_PATH_CUT : 0);
		if (!kthread && (known || dir_cache_insert(s, k, dir, &now)))
			insert_dir(s, k, &now, s->target.mnt, name);
	} else {
		s->ev.flags &= ~UW_EV_FS;
		s->ev.len[UW_STR_FSROOT] = 0;
		s->ev.size = s->ev.len[UW_STR_NAME];
	}
	if (kthread)
		w = walk_within(s->walks, (void *)s->target.source);
	else
		w = walk_dentry(s->walks, (void *)s->target.source_mnt, (void *)s->target.source, false);
	if (w) {
		put_walk(s, UW_STR_SOURCE, w);
		s->ev.flags |= w->cut ? UW_EV_SOURCE_CUT : 0;
	}
	if (uw_shared.control.detail >= UW_DETAIL_STANDARD)
		read_inode(s, &s->ev, dentry, inode, uw_shared.control.detail, false);
	if (keep(slot, s))
		slot->name_ptr = 0;
	else	/* Without its strings it is recorded as if the kernel had not resolved it. */
		count(UW_CNT_LONG_FULL);
	return 0;
}

/*
 * Takes down the target in `dir`, if it exists. With `typed`, the verifier knows the types of what `dir` and `dentry`
 * point to.
 */
static __always_inline void resolve(enum scratch_index index, __u64 id, struct uw_slot *slot, const struct path *dir,
				    struct dentry *dentry, const bool typed)
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
		if (inode && add_target(slot, k, dentry, typed)) {
			fill_who(&slot->ev, slot);
			slot->ev.tree = tree;
			if (uw_shared.control.detail >= UW_DETAIL_STANDARD)
				read_inode(s, &slot->ev, dentry, inode, uw_shared.control.detail, typed);
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

/* The same of a rename, where both paths take a walk. */
static __always_inline void resolve_rename(enum scratch_index index, __u64 id, const struct path *from, struct dentry *source,
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

/* The same of what a kernel thread calls, which has no directories, in which a mount would be known. */
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

static __always_inline int on_path_remove(enum scratch_index index, __u32 op, const struct path *dir,
				       struct dentry *dentry, const bool typed)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct uw_slot *slot = awaiting(id, op);

	tree_on_remove(id, op, dir, dentry, index);
	if (slot)
		resolve(index, id, slot, dir, dentry, typed);
	return 0;
}

/* Only a rename over another file deletes; one between two links of a file does nothing at all. */
static __always_inline int on_path_rename(enum scratch_index index, const struct path *from,
				       struct dentry *source, const struct path *to,
				       struct dentry *victim, unsigned int flags)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct uw_slot *slot = awaiting(id, UW_OP_RENAME);
	struct inode *inode;

	tree_on_rename(id, from, source, to, victim, index);
	if (!slot || flags & RENAME_EXCHANGE)
		return 0;
	inode = BPF_CORE_READ(victim, d_inode);
	if (!inode || inode == BPF_CORE_READ(source, d_inode))
		return 0;
	if (!slot->victim)	/* the kernel may try again */
		count_end(slot, UW_CNT_SEEN);
	slot->victim = 1;
	resolve_rename(index, id, from, source, to, victim);
	return 0;
}

#endif
