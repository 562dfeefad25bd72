/* SPDX-License-Identifier: MIT */
/*
 * What deletes on kernel threads here, and where the functions for that have their parameters. Only
 * reads BTF and looks for files.
 */
#ifndef UW_VFS_H
#define UW_VFS_H

#include <stdbool.h>

#include "unlinkwatch.h"

struct btf;

/*
 * Finds the parameters that the BPF programs need of vfs_unlink(), vfs_rmdir() and vfs_rename(), by
 * their names: their number has changed, in distributions' kernels also without the version. False,
 * with *ret untouched, where one is missing.
 */
bool uw_vfs_find(const struct btf *btf, struct uw_vfs_args *ret);

/*
 * The name of a part of the kernel that deletes for others, such as "nfsd", and has a directory in
 * sys_module, which is UW_SYS_MODULE but in tests; NULL where there is none. It is a module that is
 * loaded, or one that is built in, in use or not.
 */
#define UW_SYS_MODULE "/sys/module"

const char *uw_vfs_deleter(const char *sys_module);

#endif
