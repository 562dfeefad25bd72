/* SPDX-License-Identifier: MIT */
/*
 * What deletes on kernel threads here, where the functions for that have their parameters, and where
 * the servers among them have the addresses of their clients. Only reads BTF and looks for files.
 */
#ifndef UW_VFS_H
#define UW_VFS_H

#include <stdbool.h>
#include <stdint.h>

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

/* Sets those of the offsets that the BTF has: of nfsd, or of ksmbd, or of neither. */
void uw_vfs_find_servers(const struct btf *btf, struct uw_server_offsets *ret);

/*
 * Numbers that tell whether nfsd and ksmbd are still the modules that they were, in this order; 0
 * for one that is not there.
 */
#define UW_SERVERS 2

struct uw_servers_loaded {
	uint64_t number[UW_SERVERS];
};

void uw_vfs_servers_loaded(const char *sys_module, struct uw_servers_loaded *ret);

/*
 * Reads the offsets from the BTF of the modules that are loaded, or where there is none, as before
 * Linux 5.11, from that of the kernel. What they do not have is 0.
 */
void uw_vfs_read_servers(const struct uw_servers_loaded *loaded, struct uw_server_offsets *ret);

#endif
