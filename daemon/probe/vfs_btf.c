// SPDX-License-Identifier: MIT
#include "probe/vfs_btf.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "probe/btf_find.h"

/* Parameters that are passed in registers, on x86-64; the programs reach no others. */
#define PARAMETERS_MAX 6

enum wanted { UNLINK, RMDIR, SYMLINK, RENAME, RENAMEDATA, N_WANTED };

enum server_struct { RQST, WORK, CONN, TRANSPORT, N_STRUCTS };

static const char *const servers[UW_SERVERS] = { "nfsd", "ksmbd" };

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

/* Its offset in bytes. False unless it has this size; 0: any. */
static bool find_member(const struct btf *btf, const struct uw_btf_wanted *of, const char *name,
			size_t size, __u32 *ret)
{
	const struct btf_type *type = of->id ? btf__type_by_id(btf, of->id) : NULL;
	__u32 i;

	for (i = 0; type && i < btf_vlen(type); i++) {
		const struct btf_member *m = &btf_members(type)[i];

		if (strcmp(btf__name_by_offset(btf, m->name_off), name))
			continue;
		*ret = btf_member_bit_offset(type, i) / 8;
		return !btf_member_bitfield_size(type, i) &&
		       (!size || btf__resolve_size(btf, m->type) == (__s64)size);
	}
	return false;
}

void uw_vfs_find_servers(const struct btf *btf, struct uw_server_offsets *ret)
{
	const size_t address = sizeof(struct sockaddr_storage), pointer = sizeof(__u64);
	struct uw_btf_wanted wanted[N_STRUCTS] = {
		[RQST] = { "svc_rqst", BTF_KIND_STRUCT, 0 },
		[WORK] = { "ksmbd_work", BTF_KIND_STRUCT, 0 },
		[CONN] = { "ksmbd_conn", BTF_KIND_STRUCT, 0 },
		[TRANSPORT] = { "tcp_transport", BTF_KIND_STRUCT, 0 },
	};
	struct uw_server_offsets nfsd = *ret, ksmbd;
	__u32 transport;

	uw_btf_find(btf, wanted, N_STRUCTS);
	if (find_member(btf, &wanted[RQST], "rq_addr", address, &nfsd.rqst_addr) &&
	    find_member(btf, &wanted[RQST], "rq_task", pointer, &nfsd.rqst_task))
		*ret = nfsd;
	ksmbd = *ret;
	if (find_member(btf, &wanted[WORK], "work", 0, &ksmbd.work) &&
	    find_member(btf, &wanted[WORK], "conn", pointer, &ksmbd.work_conn) &&
	    find_member(btf, &wanted[CONN], "transport", pointer, &ksmbd.conn_transport) &&
	    find_member(btf, &wanted[TRANSPORT], "transport", 0, &transport) &&
	    find_member(btf, &wanted[TRANSPORT], "sock", pointer, &ksmbd.sock) &&
	    ksmbd.sock > transport) {
		ksmbd.sock -= transport;
		*ret = ksmbd;
	}
}

void uw_vfs_read_servers(const struct uw_servers_loaded *loaded, struct uw_server_offsets *ret)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL); /* a missing BTF is no error */
	struct btf *kernel = btf__load_vmlinux_btf(), *module;
	size_t i;

	*ret = (struct uw_server_offsets){ 0 };
	for (i = 0; i < UW_SERVERS && kernel; i++) {
		if (!loaded->number[i])
			continue;
		module = btf__load_module_btf(servers[i], kernel);
		uw_vfs_find_servers(module ? module : kernel, ret);
		btf__free(module);
	}
	btf__free(kernel);
	libbpf_set_print(print);
}

/* A module that is loaded again has another directory, whose inode has another number. */
void uw_vfs_servers_loaded(const char *sys_module, struct uw_servers_loaded *ret)
{
	char path[256];
	struct stat st;
	size_t i;

	for (i = 0; i < UW_SERVERS; i++) {
		snprintf(path, sizeof(path), "%s/%s", sys_module, servers[i]);
		ret->number[i] = stat(path, &st) < 0 ? 0 : st.st_ino;
	}
}
