// SPDX-License-Identifier: MIT
#include "probe/vfs_btf.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "probe/btf_find.h"

/* Parameters that are passed in registers, on x86-64; the programs reach no others. */
#define PARAMETERS_MAX 6

enum wanted { UNLINK, RMDIR, SYMLINK, RENAME, RENAMEDATA, N_WANTED };

/* NULL if it is not there. */
static const struct btf_type *prototype(const struct btf *btf, const struct uw_btf_wanted *function)
{
	if (!function->id)
		return NULL;
	return btf__type_by_id(btf, btf__type_by_id(btf, function->id)->type);
}

static bool find_parameter(const struct btf *btf, const struct uw_btf_wanted *function,
			   const char *name, __u32 *ret)
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
static bool takes_renamedata(const struct btf *btf, const struct uw_btf_wanted *wanted)
{
	const struct btf_type *type = prototype(btf, &wanted[RENAME]);

	if (!type || btf_vlen(type) != 1 || !wanted[RENAMEDATA].id)
		return false;
	type = btf__type_by_id(btf, wanted[RENAMEDATA].id);
	return has_member(btf, type, "old_dentry") && has_member(btf, type, "new_dentry") &&
	       has_member(btf, type, "flags");
}

bool uw_vfs_find(const struct btf *btf, struct uw_vfs_args *ret)
{
	struct uw_btf_wanted wanted[N_WANTED] = {
		[UNLINK] = { "vfs_unlink", BTF_KIND_FUNC, 0 },
		[RMDIR] = { "vfs_rmdir", BTF_KIND_FUNC, 0 },
		[SYMLINK] = { "vfs_symlink", BTF_KIND_FUNC, 0 },
		[RENAME] = { "vfs_rename", BTF_KIND_FUNC, 0 },
		[RENAMEDATA] = { "renamedata", BTF_KIND_STRUCT, 0 },
	};
	const struct uw_btf_wanted *rename = &wanted[RENAME];
	struct uw_vfs_args args = { 0 };

	uw_btf_find(btf, wanted, N_WANTED);
	if (!find_parameter(btf, &wanted[UNLINK], "dentry", &args.unlink_dentry) ||
	    !find_parameter(btf, &wanted[RMDIR], "dentry", &args.rmdir_dentry) ||
	    !find_parameter(btf, &wanted[SYMLINK], "dentry", &args.symlink_dentry))
		return false;
	if (!takes_renamedata(btf, wanted)) {
		args.rename_plain = 1;
		if (!find_parameter(btf, rename, "old_dentry", &args.rename_source) ||
		    !find_parameter(btf, rename, "new_dentry", &args.rename_victim) ||
		    !find_parameter(btf, rename, "flags", &args.rename_flags))
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
