/* SPDX-License-Identifier: MIT */
/* What may be probed: the helper refuses everything else. Pure. */
#ifndef UW_TARGETS_H
#define UW_TARGETS_H

#include <stdbool.h>

/* The kernel's functions that are probed. */
enum uw_function {
	UW_FN_UNLINK, /* do_unlinkat or filename_unlinkat, and so on */
	UW_FN_RMDIR,
	UW_FN_RENAME,
	UW_FN_PATH_UNLINK, /* security_path_unlink and so on, with CONFIG_SECURITY_PATH */
	UW_FN_PATH_RMDIR,
	UW_FN_PATH_RENAME,
	UW_FN_SYMLINK, /* do_symlinkat or filename_symlinkat */
	UW_FN_PATH_SYMLINK,
	UW_FN_MAX,
};

/* Their names: from 7.0, and before; NULL where there is no second one. */
extern const char *const uw_target_names[UW_FN_MAX][2];

/* Whether a kernel function, or an event of tracefs, of this name may be probed. */
bool uw_target_is_function(const char *name);
bool uw_target_is_event(const char *name);

#endif
