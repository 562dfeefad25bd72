// SPDX-License-Identifier: MIT
#include "probe/attachments.h"

/* Returns before entries, so that no entry waits for a return that is not probed. */
const struct uw_attachment uw_attachments[UW_N_ATTACHMENTS] = {
	{ UW_PROBE_KPROBE, "uw_leave_unlink", .leave = true, .function = UW_FN_UNLINK },
	{ UW_PROBE_KPROBE, "uw_leave_rmdir", .leave = true, .function = UW_FN_RMDIR },
	{ UW_PROBE_KPROBE, "uw_leave_rename", .leave = true, .function = UW_FN_RENAME },
	{ UW_PROBE_KPROBE, "uw_target_unlink", .function = UW_FN_PATH_UNLINK, .optional = true },
	{ UW_PROBE_KPROBE, "uw_target_rmdir", .function = UW_FN_PATH_RMDIR, .optional = true },
	{ UW_PROBE_KPROBE, "uw_target_rename", .function = UW_FN_PATH_RENAME, .optional = true },
	{ UW_PROBE_KPROBE, "uw_leave_symlink", .leave = true, .function = UW_FN_SYMLINK,
	  .optional = true },
	{ UW_PROBE_KPROBE, "uw_target_symlink", .function = UW_FN_PATH_SYMLINK, .optional = true },
	{ UW_PROBE_KPROBE, "uw_enter_unlink", .function = UW_FN_UNLINK },
	{ UW_PROBE_KPROBE, "uw_enter_rmdir", .function = UW_FN_RMDIR },
	{ UW_PROBE_KPROBE, "uw_enter_rename", .function = UW_FN_RENAME },
	{ UW_PROBE_FENTRY, "uw_fexit_unlink", .leave = true, .function = UW_FN_UNLINK },
	{ UW_PROBE_FENTRY, "uw_fexit_rmdir", .leave = true, .function = UW_FN_RMDIR },
	{ UW_PROBE_FENTRY, "uw_fexit_rename", .leave = true, .function = UW_FN_RENAME },
	{ UW_PROBE_FENTRY, "uw_fentry_path_unlink", .function = UW_FN_PATH_UNLINK,
	  .optional = true },
	{ UW_PROBE_FENTRY, "uw_fentry_path_rmdir", .function = UW_FN_PATH_RMDIR, .optional = true },
	{ UW_PROBE_FENTRY, "uw_fentry_path_rename", .function = UW_FN_PATH_RENAME,
	  .optional = true },
	{ UW_PROBE_FENTRY, "uw_leave_symlink", .leave = true, .function = UW_FN_SYMLINK,
	  .optional = true, .kprobe = true },
	{ UW_PROBE_FENTRY, "uw_target_symlink", .function = UW_FN_PATH_SYMLINK, .optional = true,
	  .kprobe = true },
	{ UW_PROBE_FENTRY, "uw_fentry_unlink", .function = UW_FN_UNLINK },
	{ UW_PROBE_FENTRY, "uw_fentry_rmdir", .function = UW_FN_RMDIR },
	{ UW_PROBE_FENTRY, "uw_fentry_rename", .function = UW_FN_RENAME },
	{ UW_PROBE_TRACEPOINT, "uw_sys_exit", "syscalls/sys_exit_unlinkat", .leave = true },
	{ UW_PROBE_TRACEPOINT, "uw_sys_exit", "syscalls/sys_exit_unlink", .leave = true,
	  .optional = true },
	{ UW_PROBE_TRACEPOINT, "uw_sys_exit", "syscalls/sys_exit_rmdir", .leave = true,
	  .optional = true },
	{ UW_PROBE_TRACEPOINT, "uw_sys_exit", "syscalls/sys_exit_rename", .leave = true,
	  .optional = true },
	{ UW_PROBE_TRACEPOINT, "uw_sys_exit", "syscalls/sys_exit_renameat", .leave = true,
	  .optional = true },
	{ UW_PROBE_TRACEPOINT, "uw_sys_exit", "syscalls/sys_exit_renameat2", .leave = true },
	{ UW_PROBE_TRACEPOINT, "uw_sys_enter_unlinkat", "syscalls/sys_enter_unlinkat" },
	{ UW_PROBE_TRACEPOINT, "uw_sys_enter_unlink", "syscalls/sys_enter_unlink",
	  .optional = true },
	{ UW_PROBE_TRACEPOINT, "uw_sys_enter_rmdir", "syscalls/sys_enter_rmdir", .optional = true },
	{ UW_PROBE_TRACEPOINT, "uw_sys_enter_rename", "syscalls/sys_enter_rename",
	  .optional = true },
	{ UW_PROBE_TRACEPOINT, "uw_sys_enter_renameat", "syscalls/sys_enter_renameat",
	  .optional = true },
	{ UW_PROBE_TRACEPOINT, "uw_sys_enter_renameat2", "syscalls/sys_enter_renameat2" },
	{ UW_PROBE_TRACEPOINT, "uw_raw_sys_exit", "sys_exit", .leave = true, .raw = true },
	{ UW_PROBE_TRACEPOINT, "uw_raw_sys_enter", "sys_enter", .raw = true },
};

bool uw_attachment_belongs(const struct uw_attachment *a, const struct uw_plan *plan)
{
	return a->probe == plan->probe && a->raw == plan->raw;
}
