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

static __always_inline int enter_outer(enum uw_probe probe, __u32 op, __s32 dfd,
				       struct filename *name)
{
	struct attempt a = { .op = op, .probe = probe, .dfd = dfd };

	a.name = BPF_CORE_READ(name, name);
	return enter(&a);
}

static __always_inline int leave_outer(__u32 op, __s32 ret)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct uw_small_state *st = bpf_map_lookup_elem(&uw_states, &id);

	if (!st || st->ev.op != op)
		return 0;
	finish(id, st, ret, 0, BANK_PROBE);
	return 0;
}

/* The deletion that is under way on this thread, if it still lacks its target. */
static __always_inline struct uw_small_state *awaiting(__u64 id, __u32 op)
{
	struct uw_small_state *st = bpf_map_lookup_elem(&uw_states, &id);

	return st && st->ev.op == op && !(st->ev.flags & UW_EV_RESOLVED) ? st : NULL;
}

/* Adds a piece to the key, which is `at` bytes long, or fills it. Returns how long it is then, 0 on failure. */
static __always_inline __u32 extend_key(struct scratch *s, __u32 at, const char *text, __u32 len)
{
	if (len > UW_KEY_PATH - 1)
		len = UW_KEY_PATH - 1;
	/* Or clang drops the mask, as it knows better, and 5.10 has no bound where it spills the length. */
	asm volatile("" : "+r"(len));
	len &= 255;
	at &= 255;
	if (bpf_probe_read_kernel(&s->key.path[at], len, text))
		return 0;
	return at + len;
}

/*
 * The rules that may want the target which `w` has walked from, by its place in the host's tree: its
 * device, and its path within that file system. All, where the device is not known yet.
 */
static __always_inline __u64 path_rules(struct scratch *s, __u32 slot, const struct walk *w)
{
	__u32 pos = (UW_PATH_MAX - w->below) & (UW_PATH_MAX - 1), at = 0;
	struct dentry *fsroot = w->fsroot;
	struct walk *root;
	__u64 *rules;
	void *table;

	table = bpf_map_lookup_elem(&uw_paths, &slot);
	root = fsroot ? walk_dentry(s->walks + 1, NULL, fsroot) : NULL;
	if (!table || !root || root->cut || !w->below)
		return ~0ULL;
	s->key.dev = BPF_CORE_READ(fsroot, d_sb, s_dev);
	if (root->pos < UW_PATH_MAX) {
		at = extend_key(s, 0, &root->text[root->pos & (UW_PATH_MAX - 1)], UW_PATH_MAX - root->pos);
		if (!at)
			return ~0ULL;
	}
	at = extend_key(s, at, &w->text[pos], w->below);
	if (!at)
		return ~0ULL;
	s->key.path[at & 511] = '/';
	at++;
	s->key.prefixlen = 8 * (sizeof(s->key.dev) + (at < UW_KEY_PATH ? at : UW_KEY_PATH));
	rules = bpf_map_lookup_elem(table, &s->key);
	return rules ? *rules : ~0ULL;
}

/* True where, by its place, no rule wants the target: it is done with then. */
static __always_inline bool excluded(__u64 id, struct uw_small_state *st, struct scratch *s,
				     const struct walk *w)
{
	__u32 slot = st->head.set;
	struct uw_ruleset *set = bpf_map_lookup_elem(&uw_rulesets, &slot);
	__u64 rules;

	/* Two reloads later the slot holds other rules: the daemon decides. */
	if (!set || !set->check_paths || set->gen != st->ev.gen)
		return false;
	rules = path_rules(s, slot, w);
	st->head.on_success &= rules;
	st->head.on_failure &= rules;
	if (st->head.on_success | st->head.on_failure)
		return false;
	count(UW_CNT_FILTERED);
	forget(id, st);
	return true;
}

/* Stores a state whose strings have become longer. */
static __always_inline void keep_longer(__u64 id, struct uw_small_state *st, struct scratch *s)
{
	__u32 len = s->ev.size;

	if (len <= UW_SMALL_DATA) {
		if (bpf_probe_read_kernel(st->data, len, s->data))
			return;
	} else if (bpf_map_update_elem(&uw_big_states, &id, &s->ev, BPF_ANY)) {
		/* Without its strings it is recorded as if the kernel had not resolved it. */
		count(UW_CNT_BIG_FULL);
		return;
	} else {
		st->head.big = 1;
	}
	st->ev = s->ev;
	st->head.name_ptr = 0;
}

/*
 * Takes down the target: `by` is the source of a rename. The victim's inode exists.
 */
static __always_inline void resolve(__u64 id, struct uw_small_state *st, const struct path *dir,
				    struct dentry *dentry, struct inode *inode,
				    const struct path *by_dir, struct dentry *by)
{
	struct scratch *s = get_scratch(BANK_PROBE);
	struct walk *w, *by_walk;

	if (!s)
		return;
	w = walk_dentry(s->walks, BPF_CORE_READ(dir, mnt), dentry);
	if ((w && excluded(id, st, s, w)) || load(s, id, st))
		return;
	if (st->head.name_ptr)
		set_name(s, bpf_probe_read_kernel_str(s->data, UW_PATH_MAX,
						      (const void *)st->head.name_ptr));
	if (w) {
		put_walk(s, UW_STR_PATH, w);
		if (s->ev.len[UW_STR_PATH])
			s->ev.flags |= UW_EV_RESOLVED | (w->cut ? UW_EV_PATH_CUT : 0);
	}
	by_walk = by ? walk_dentry(s->walks + 1, BPF_CORE_READ(by_dir, mnt), by) : NULL;
	if (by_walk) {
		put_walk(s, UW_STR_BY, by_walk);
		s->ev.flags |= by_walk->cut ? UW_EV_BY_CUT : 0;
	}
	if (w && s->ev.flags & UW_EV_RESOLVED)
		put_fsroot(s, s->walks + 1, w);
	read_inode(&s->ev, dentry, inode);
	keep_longer(id, st, s);
}

static __always_inline int meet_target(__u32 op, const struct path *dir, struct dentry *dentry)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct uw_small_state *st = awaiting(id, op);
	struct inode *inode;

	if (!st)
		return 0;
	inode = BPF_CORE_READ(dentry, d_inode);
	if (inode)
		resolve(id, st, dir, dentry, inode, NULL, NULL);
	return 0;
}

/* Only a rename over another file deletes; one between two links of a file does nothing at all. */
static __always_inline int meet_victim(const struct path *from, struct dentry *source,
				       const struct path *to, struct dentry *victim,
				       unsigned int flags)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct uw_small_state *st = awaiting(id, UW_OP_RENAME);
	struct inode *inode;

	if (!st || flags & RENAME_EXCHANGE)
		return 0;
	inode = BPF_CORE_READ(victim, d_inode);
	if (!inode || inode == BPF_CORE_READ(source, d_inode))
		return 0;
	count(UW_CNT_SEEN);
	st->head.victim = 1;
	resolve(id, st, to, victim, inode, from, source);
	return 0;
}

#endif
