/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of the host's tree: what is mounted where, where symbolic links lead, and what the
 * directories above are called. Path rules are compiled for one state. In any other state the
 * daemon decides.
 *
 * The kernel counts mounts and unmounts itself, for poll(2) of mountinfo: in each mount namespace
 * that they touch, also by propagation, and before anybody can look a name up in what is new. What
 * is mounted in other namespaces does not count for the host's. The programs read that counter.
 * This takes no probe, misses nothing, and gives a hostile container nothing to do.
 *
 * The kernel does not count renamed directories or changed symbolic links. The programs count them,
 * at the places that rules depend on: above mounts and in the paths of rules. A change counts when
 * it begins and again when it has ended, since the daemon may read either state in between.
 *
 * The programs also count every directory that moves, for dir_cache.bpf.h.
 */
#ifndef UW_HOST_TREE_BPF_H
#define UW_HOST_TREE_BPF_H

#include "output.bpf.h"
#include "scratch.bpf.h"
#include "walk.bpf.h"

/* What the threads are changing at the moment: UW_CHANGES_TREE, UW_MOVES_DIR. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, UW_CHANGES);
	__type(key, __u64);
	__type(value, __u32);
} uw_changes SEC(".maps");

struct dep_table {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);	/* the daemon replaces it by one as large as it needs */
	__uint(key_size, sizeof(struct uw_path_key));
	__uint(value_size, sizeof(__u32));
};

struct dep_name_table {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct uw_name_key));
	__uint(value_size, sizeof(__u32));
};

/* The places that rules depend on, */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct dep_table);
} uw_path_deps SEC(".maps");

/* and their last components. Few other names are the same, so most dentries take no walk. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct dep_name_table);
} uw_dep_names SEC(".maps");

/* The mount namespace of this process, and the count of mounts and unmounts in it. */
static __always_inline __u64 mount_event(__u64 *ret_ns)
{
	struct mnt_namespace *ns;

	if (TYPED_TASK) {
		ns = bpf_get_current_task_btf()->nsproxy->mnt_ns;
		*ret_ns = (__u64)ns;
		return ns->event;
	}
	*ret_ns = (__u64)CURRENT(nsproxy, mnt_ns);
	return CURRENT(nsproxy, mnt_ns, event);
}

/* A number that grows with every change; 0 where it cannot be known. */
static __always_inline __u32 tree_state(const struct uw_host_tree *tree)
{
	struct mnt_namespace *host = (void *)tree->mntns;
	__u64 ns, event = mount_event(&ns);

	if (!host || (ns != (__u64)host && BPF_CORE_READ_INTO(&event, host, event)))
		return 0;
	return (__u32)event + tree->begun;
}

static __always_inline __u32 host_tree_state(void)
{
	return tree_state(&uw_shared.tree);
}

static __always_inline bool in_host_mntns(struct task_struct *task)
{
	return uw_shared.tree.mntns == (__u64)BPF_CORE_READ(task, nsproxy, mnt_ns);
}

static __always_inline bool has_dep_name(struct dentry *dentry)
{
	struct uw_name_key key = { .len = BPF_CORE_READ(dentry, d_name.len) };
	__u32 zero = 0;
	void *names = bpf_map_lookup_elem(&uw_dep_names, &zero);

	if (bpf_probe_read_kernel_str(key.start, sizeof(key.start),
				      BPF_CORE_READ(dentry, d_name.name)) < 0)
		return false;
	return names && bpf_map_lookup_elem(names, &key);
}

/* A global function, as several programs call it, some of them twice. */
__noinline int uw_is_path_dep(__u32 index, __u32 which)
{
	struct scratch *s = get_scratch(index);
	__u32 zero = 0, pos, len;
	struct uw_path_key *key;
	struct dentry *dentry;
	struct walk *w;
	void *deps;

	deps = bpf_map_lookup_elem(&uw_path_deps, &zero);
	if (!s || !deps)
		return 0;
	key = &s->dep_key;
	dentry = (void *)s->dep[which & 1];
	if (!has_dep_name(dentry))
		return 0;
	w = walk_within(s->walks, dentry);
	if (!w)
		return 0;
	__builtin_memset(key, 0, sizeof(*key));
	key->dev = BPF_CORE_READ(dentry, d_sb, s_dev);
	pos = w->pos & (UW_PATH_MAX - 1);
	len = UW_PATH_MAX - pos;
	if (len > UW_KEY_PATH - 1)
		len = UW_KEY_PATH - 1;
	asm volatile("" : "+r"(len));
	len &= 255;
	if (len >= UW_KEY_PATH || bpf_probe_read_kernel(key->path, len, &w->text[pos]))
		return 0;
	return bpf_map_lookup_elem(deps, key) != NULL;
}

/* Whether rules may depend on what the dentry is. */
static __always_inline bool is_path_dep(struct dentry *dentry)
{
	__u32 index = 0;
	struct scratch *s = take_scratch(&index);
	bool dep = true;

	if (s) {
		s->dep[0] = (__u64)dentry;
		dep = uw_is_path_dep(index, 0);
	}
	leave_scratch(s, index);
	return dep;
}

/* Once, until the daemon asks: a link that changes all the time must not fill the ring buffer. */
static __always_inline void report_tree_change(struct uw_host_tree *tree)
{
	struct uw_tree_change change = {};

	if (tree->told)
		return;
	tree->told = 1;
	if (bpf_ringbuf_output(&uw_events, &change, sizeof(change), 0))
		tree->told = 0;
}

/* Before the thread changes such a place, or moves a directory. */
static __always_inline void change_begins(__u64 id, __u32 what)
{
	struct uw_rename_seq *seq = &uw_shared.rename_seq;
	struct uw_host_tree *tree = &uw_shared.tree;
	__u32 *noted, before = 0;
	bool full = false;

	/*
	 * The note comes first, so that the end finds it, whenever it comes. The thread may have one
	 * already: the kernel looks names up again after some errors.
	 */
	noted = bpf_map_lookup_elem(&uw_changes, &id);
	if (noted) {
		before = *noted;
		*noted = before | what;
	} else if (bpf_map_update_elem(&uw_changes, &id, &what, BPF_NOEXIST)) {
		full = true;
	} else {
		__sync_fetch_and_add(&uw_shared.changes, 1);
	}
	if (what & UW_CHANGES_TREE) {
		__sync_fetch_and_add(&tree->begun, 1);
		/* Nothing will tell this end. The daemon reads the tree again by itself. */
		if (full || before & UW_CHANGES_TREE)
			__sync_fetch_and_add(&tree->ended, 1);
	}
	if (what & UW_MOVES_DIR && !(before & UW_MOVES_DIR)) {
		if (full)
			seq->trusted = 0;
		__sync_fetch_and_add(&seq->begun, 1);
		if (full)
			__sync_fetch_and_add(&seq->done, 1);
	}
}

/* Before such a place may change, which is no directory that moves. */
static __always_inline void path_dep_changes(__u64 id, struct dentry *dentry)
{
	if (is_path_dep(dentry))
		change_begins(id, UW_CHANGES_TREE);
}

static __always_inline __u32 file_type(struct dentry *dentry, const bool typed)
{
	return (typed ? dentry->d_inode->i_mode : BPF_CORE_READ(dentry, d_inode, i_mode)) & S_IFMT;
}

/*
 * Whether a server decides where the directory is, as for NFS and FUSE. It is never cached, and the
 * server decides how long a rename takes. A stacked file system may have both kinds.
 */
static __always_inline bool is_served(struct dentry *dentry, const bool typed)
{
	if (typed)
		return dentry->d_flags & DCACHE_OP_REVALIDATE && !dentry->d_sb->s_stack_depth;
	return BPF_CORE_READ(dentry, d_flags) & DCACHE_OP_REVALIDATE &&
	       !BPF_CORE_READ(dentry, d_sb, s_stack_depth);
}

/* Before a rename. Of files only symbolic links matter; those that go, only if a rule needs one. */
static __always_inline void rename_begins(__u64 id, struct dentry *source, struct dentry *target,
					  __u32 flags, const bool typed)
{
	bool both = flags & RENAME_EXCHANGE || uw_shared.control.links;
	__u32 type = file_type(source, typed), other = 0, what = 0, index = 0;
	struct scratch *s;

	if (both)
		other = file_type(target, typed);
	if (type != S_IFDIR && type != S_IFLNK && other != S_IFDIR && other != S_IFLNK)
		return;
	if ((type == S_IFDIR || other == S_IFDIR) && !is_served(source, typed))
		what = UW_MOVES_DIR;
	s = take_scratch(&index);
	if (s) {
		s->dep[0] = as_number(s, source);
		s->dep[1] = as_number(s, target);
	}
	if (!s || uw_is_path_dep(index, 0) || uw_is_path_dep(index, 1))
		what |= UW_CHANGES_TREE;
	leave_scratch(s, index);
	if (what)
		change_begins(id, what);
}

/* After the change, or when the thread ends. */
static __always_inline void change_ends(__u64 id)
{
	struct uw_host_tree *tree = &uw_shared.tree;
	__u32 *noted, what;

	if (!uw_shared.changes)
		return;
	noted = bpf_map_lookup_elem(&uw_changes, &id);
	if (!noted)
		return;
	what = *noted;
	bpf_map_delete_elem(&uw_changes, &id);
	__sync_fetch_and_add(&uw_shared.changes, -1);
	if (what & UW_MOVES_DIR)
		__sync_fetch_and_add(&uw_shared.rename_seq.done, 1);
	if (what & UW_CHANGES_TREE) {
		__sync_fetch_and_add(&tree->ended, 1);
		report_tree_change(tree);
	}
}

#endif
