/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which state the host's tree is in: what is mounted where, where symbolic links lead, and how the directories
 * above are called. The rules are compiled for one state; where it is another one now, the daemon decides.
 *
 * The kernel counts mounts and umounts itself, for poll(2) of mountinfo: in each mount namespace they touch, those
 * of propagation included, and before anybody can look a name up in what is new. Mounts of other namespaces
 * do not count for the host's. That counter is read here, which takes no probe, misses nothing, and
 * leaves nothing to a hostile container.
 *
 * Renamed directories and symbolic links are not counted by anybody. A few places matter: above mounts and in the
 * paths of rules. A change there is counted twice, when it begins and when it has ended: what the daemon
 * reads in between may be either way.
 */
#ifndef UW_MOUNTS_BPF_H
#define UW_MOUNTS_BPF_H

#include "maps.bpf.h"
#include "walk.bpf.h"

/* Changes under way at a place that matters, by thread. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, UW_TREE_CHANGES);
	__type(key, __u64);
	__type(value, __u32);
} uw_changes SEC(".maps");

struct dep_table {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);	/* the daemon makes them as large as it takes */
	__uint(key_size, sizeof(struct uw_path_key));
	__uint(value_size, sizeof(__u32));
};

struct dep_name_table {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct uw_name_key));
	__uint(value_size, sizeof(__u32));
};

/* The places that matter, and their last components: few directories are called like one of them. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct dep_table);
} uw_path_deps SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct dep_name_table);
} uw_dep_names SEC(".maps");

/* Room for a key. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, UW_SCRATCHES + UW_FENTRY_SCRATCHES);
	__type(key, __u32);
	__type(value, struct uw_path_key);
} uw_dep_keys SEC(".maps");

/* The mount namespace of this process, and how often something was mounted or unmounted there. */
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

/* Whether the directory entry has the name of a place that matters. */
static __always_inline bool has_dep_name(struct dentry *dentry)
{
	struct uw_name_key key = { .len = BPF_CORE_READ(dentry, d_name.len) };
	__u32 zero = 0;
	void *names = bpf_map_lookup_elem(&uw_dep_names, &zero);

	if (bpf_probe_read_kernel_str(key.start, sizeof(key.start), BPF_CORE_READ(dentry, d_name.name)) < 0)
		return false;
	return names && bpf_map_lookup_elem(names, &key);
}

/* A global function, as several programs need it, and some twice. */
__noinline int uw_is_path_dep(__u32 index)
{
	struct uw_path_key *key = bpf_map_lookup_elem(&uw_dep_keys, &index);
	struct scratch *s = get_scratch(index);
	__u32 zero = 0, pos, len;
	struct dentry *dentry;
	void *places;
	struct walk *w;

	places = bpf_map_lookup_elem(&uw_path_deps, &zero);
	if (!key || !s || !places)
		return 0;
	dentry = (void *)s->dentry;
	if (!has_dep_name(dentry))
		return 0;
	w = walk_dentry(s->walks, (void *)s->mnt, dentry, true);
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
	return bpf_map_lookup_elem(places, key) != NULL;
}

static __always_inline bool is_path_dep(const struct path *dir, struct dentry *dentry, enum scratch_index index)
{
	struct scratch *s = get_scratch(index);

	if (!s)
		return false;
	s->mnt = (__u64)BPF_CORE_READ(dir, mnt);
	s->dentry = (__u64)dentry;
	return uw_is_path_dep(index);
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

/* Before the thread changes a place that matters. */
static __always_inline void tree_change_begins(__u64 id)
{
	struct uw_host_tree *tree = &uw_shared.tree;
	__u32 one = 1;
	long r;

	/* First the note, so that the end is found, whenever it comes. */
	r = bpf_map_update_elem(&uw_changes, &id, &one, BPF_NOEXIST);
	__sync_fetch_and_add(&tree->begun, 1);
	/* There is one already, or the table is full: then the daemon finds what it has read too early by itself. */
	if (r)
		__sync_fetch_and_add(&tree->ended, 1);
}

/* After it, or when the thread ends. */
static __always_inline void tree_change_ends(__u64 id)
{
	struct uw_host_tree *tree = &uw_shared.tree;

	if (tree->begun == tree->ended || bpf_map_delete_elem(&uw_changes, &id))
		return;
	__sync_fetch_and_add(&tree->ended, 1);
	report_tree_change(tree);
}

/* Of one name: a link removed where a rule led through it, a directory removed that is mounted elsewhere. */
static __always_inline void tree_on_remove(__u64 id, __u32 op, const struct path *dir,
					      struct dentry *dentry, enum scratch_index index)
{
	if ((op == UW_OP_RMDIR || uw_shared.control.links) && is_path_dep(dir, dentry, index))
		tree_change_begins(id);
}

static __always_inline void tree_on_rename(__u64 id, const struct path *from, struct dentry *source,
					     const struct path *to, struct dentry *target, enum scratch_index index)
{
	if (is_path_dep(from, source, index) || is_path_dep(to, target, index))
		tree_change_begins(id);
}

/*
 *	int security_path_symlink(const struct path *dir, struct dentry *dentry, const char *old_name)
 *
 * on the way of do_symlinkat(), which is filename_symlinkat() from 7.0.
 */
SEC("kprobe")
int uw_target_symlink(struct pt_regs *ctx)
{
	if (is_path_dep((void *)PT_REGS_PARM1(ctx), (void *)PT_REGS_PARM2(ctx), SCRATCH_PROBE))
		tree_change_begins(bpf_get_current_pid_tgid());
	return 0;
}

SEC("kprobe")
int uw_leave_symlink(struct pt_regs *ctx)
{
	tree_change_ends(bpf_get_current_pid_tgid());
	return 0;
}

/* Run by the daemon itself: finds the host's mount namespace, that of process 1, and reads the state. */
SEC("raw_tp")
int uw_read_tree(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct uw_host_tree *tree = &uw_shared.tree;
	struct mnt_namespace *ns;

	ns = BPF_CORE_READ(task, nsproxy, pid_ns_for_children, child_reaper, nsproxy, mnt_ns);
	tree->mntns = (__u64)ns;
	tree->inum = BPF_CORE_READ(ns, ns.inum);
	tree->told = 0;
	tree->settled = tree->begun == tree->ended;
	tree->state = tree_state(tree);
	return 0;
}

#endif
