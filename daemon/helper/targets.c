// SPDX-License-Identifier: MIT
#include "helper/targets.h"

#include <stddef.h>
#include <string.h>

const char *const uw_target_names[UW_FN_MAX][2] = {
	[UW_FN_UNLINK] = { "filename_unlinkat", "do_unlinkat" },
	[UW_FN_RMDIR] = { "filename_rmdir", "do_rmdir" },
	[UW_FN_RENAME] = { "filename_renameat2", "do_renameat2" },
	[UW_FN_PATH_UNLINK] = { "security_path_unlink" },
	[UW_FN_PATH_RMDIR] = { "security_path_rmdir" },
	[UW_FN_PATH_RENAME] = { "security_path_rename" },
	[UW_FN_SYMLINK] = { "filename_symlinkat", "do_symlinkat" },
	[UW_FN_PATH_SYMLINK] = { "security_path_symlink" },
};

bool uw_target_is_function(const char *function)
{
	int i;

	for (i = 0; i < 2 * UW_FN_MAX; i++) {
		const char *name = uw_target_names[i / 2][i % 2];

		if (name && !strcmp(name, function))
			return true;
	}
	return !strcmp(function, "vfs_unlink") || !strcmp(function, "vfs_rmdir") ||
	       !strcmp(function, "vfs_rename") || !strcmp(function, "vfs_symlink");
}

bool uw_target_is_event(const char *name)
{
	static const char *const events[] = {
		"syscalls/sys_enter_rename",	"syscalls/sys_enter_renameat",
		"syscalls/sys_enter_renameat2", "syscalls/sys_enter_rmdir",
		"syscalls/sys_enter_unlink",	"syscalls/sys_enter_unlinkat",
		"syscalls/sys_exit_rename",	"syscalls/sys_exit_renameat",
		"syscalls/sys_exit_renameat2",	"syscalls/sys_exit_rmdir",
		"syscalls/sys_exit_unlink",	"syscalls/sys_exit_unlinkat",
	};
	size_t i;

	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (!strcmp(events[i], name))
			return true;
	return false;
}
