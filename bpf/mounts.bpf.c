// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that only keep up with the host's tree; see host_tree.bpf.h. A new symbolic link passes
 *
 *	int security_path_symlink(const struct path *dir, struct dentry *dentry,
 *				  const char *old_name)
 *
 * on the way of do_symlinkat(), which is filename_symlinkat() from 7.0.
 */
#include "host_tree.bpf.h"

SEC("kprobe")
int uw_target_symlink(struct pt_regs *ctx)
{
	path_dep_changes(bpf_get_current_pid_tgid(), (void *)PT_REGS_PARM2(ctx));
	return 0;
}

SEC("kprobe")
int uw_leave_symlink(struct pt_regs *ctx)
{
	change_ends(bpf_get_current_pid_tgid());
	return 0;
}

/*
 * The daemon runs this on itself: finds the mount namespace of process 1, the host's, and reads the
 * state.
 */
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
