// SPDX-License-Identifier: MIT
#include "probe/vfs_btf.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/btf.h>

/* Parameters that are passed in registers, on x86-64; the programs reach no others. */
#define PARAMETERS_MAX 6

static const struct btf_type *prototype(const struct btf *btf, const char *function)
{
	int id = btf__find_by_name_kind(btf, function, BTF_KIND_FUNC);

	return id < 0 ? NULL : btf__type_by_id(btf, btf__type_by_id(btf, (__u32)id)->type);
}

static bool find_parameter(const struct btf *btf, const char *function, const char *name,
			   __u32 *ret)
{
	const struct btf_type *type = prototype(btf, function);
	__u32 i;

	for (i = 0; type && i < btf_vlen(type) && i < PARAMETERS_MAX; i++) {
		if (!strcmp(btf__name_by_offset(btf, btf_params(type)[i].name_off), name)) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static bool has_member(const struct btf *btf, const struct btf_type *type, const char *name)
{
	__u32 i;

	for (i = 0; i < btf_vlen(type); i++)
		if (!strcmp(btf__name_by_offset(btf, btf_members(type)[i].name_off), name))
			return true;
	return false;
}

/* True where vfs_rename() has a single parameter, which holds all that is needed. */
static bool takes_renamedata(const struct btf *btf)
{
	const struct btf_type *type = prototype(btf, "vfs_rename");
	int id = btf__find_by_name_kind(btf, "renamedata", BTF_KIND_STRUCT);

	if (!type || btf_vlen(type) != 1 || id < 0)
		return false;
	type = btf__type_by_id(btf, (__u32)id);
	return has_member(btf, type, "old_dentry") && has_member(btf, type, "new_dentry") &&
	       has_member(btf, type, "flags");
}

bool uw_vfs_find(const struct btf *btf, struct uw_vfs_args *ret)
{
	struct uw_vfs_args args = { 0 };

	if (!find_parameter(btf, "vfs_unlink", "dentry", &args.unlink_dentry) ||
	    !find_parameter(btf, "vfs_rmdir", "dentry", &args.rmdir_dentry) ||
	    !find_parameter(btf, "vfs_symlink", "dentry", &args.symlink_dentry))
		return false;
	if (!takes_renamedata(btf)) {
		args.rename_plain = 1;
		if (!find_parameter(btf, "vfs_rename", "old_dentry", &args.rename_source) ||
		    !find_parameter(btf, "vfs_rename", "new_dentry", &args.rename_victim) ||
		    !find_parameter(btf, "vfs_rename", "flags", &args.rename_flags))
			return false;
	}
	*ret = args;
	return true;
}

const char *uw_vfs_deleter(const char *sys_module)
{
	static const char *const names[] = { "nfsd", "ksmbd", "cachefiles" };
	char path[256];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", sys_module, names[i]);
		if (!access(path, F_OK))
			return names[i];
	}
	return NULL;
}
