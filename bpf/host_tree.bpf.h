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
 */
#ifndef UW_HOST_TREE_BPF_H
#define UW_HOST_TREE_BPF_H

#include "output.bpf.h"
#include "scratch.bpf.h"
#include "walk.bpf.h"

/* The threads that are changing such a place. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, UW_TREE_CHANGES);
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

/* Room for a key, for each scratch index. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, UW_SCRATCHES + UW_FENTRY_SCRATCHES);
	__type(key, __u32);
	__type(value, struct uw_path_key);
} uw_dep_keys SEC(".maps");

/* The mount namespace of this process, and the count of mounts and unmounts in it. */
static __always_inline __u64 mount_event(__u64 *ret_ns)
{
	struct mnt_namespace *ns = CURRENT(nsproxy, mnt_ns);

	*ret_ns = (__u64)ns;
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
	struct uw_path_key *key = bpf_map_lookup_elem(&uw_dep_keys, &index);
	struct scratch *s = get_scratch(index);
	__u32 zero = 0, pos, len;
	struct dentry *dentry;
	struct walk *w;
	void *deps;

	deps = bpf_map_lookup_elem(&uw_path_deps, &zero);
	if (!key || !s || !deps)
		return 0;
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

/* Whether rules depend on what the dentry is. */
static __always_inline bool is_path_dep(struct dentry *dentry, enum scratch_index index)
{
	struct scratch *s = get_scratch(index);

	if (!s)
		return false;
	s->dep[0] = (__u64)dentry;
	return uw_is_path_dep(index, 0);
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

/* Before the thread changes such a place. */
static __always_inline void tree_change_begins(__u64 id)
{
	struct uw_host_tree *tree = &uw_shared.tree;
	__u32 one = 1;
	long r;

	/* The note comes first, so that the end finds it, whenever it comes. */
	r = bpf_map_update_elem(&uw_changes, &id, &one, BPF_NOEXIST);
	__sync_fetch_and_add(&tree->begun, 1);
	/*
	 * Where the thread has a note already, or the table is full, nothing tells the end. The
	 * daemon reads the tree again by itself.
	 */
	if (r)
		__sync_fetch_and_add(&tree->ended, 1);
}

/* Before a dentry moves to the place of another. */
static __always_inline void tree_on_move(struct dentry *dentry, struct dentry *target,
					 enum scratch_index index)
{
	struct scratch *s = get_scratch(index);

	if (!s)
		return;
	s->dep[0] = (__u64)dentry;
	s->dep[1] = (__u64)target;
	if (uw_is_path_dep(index, 0) || uw_is_path_dep(index, 1))
		tree_change_begins(bpf_get_current_pid_tgid());
}

/* After the change, or when the thread ends. */
static __always_inline void tree_change_ends(__u64 id)
{
	struct uw_host_tree *tree = &uw_shared.tree;

	if (tree->begun == tree->ended || bpf_map_delete_elem(&uw_changes, &id))
		return;
	__sync_fetch_and_add(&tree->ended, 1);
	report_tree_change(tree);
}

#endif
