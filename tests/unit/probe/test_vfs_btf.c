// SPDX-License-Identifier: MIT
/*
 * Tests of daemon/probe/vfs_btf.c. The BTF of a kernel is made here, as each of the kernels of the
 * last years has it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <cmocka.h>

#include "probe/vfs_btf.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

struct kernel {
	const char *title;
	/* names of the parameters, or of the members */
	const char *unlink, *rmdir, *rename, *renamedata;
	bool found;
	struct uw_vfs_args args;
};

#define RENAMEDATA "old_dir old_dentry new_dir new_dentry delegated_inode flags"
#define PLAIN	   "old_dir old_dentry new_dir new_dentry delegated_inode flags"

static const struct kernel kernels[] = {
	{ "finds them in 5.10",
	  "dir dentry delegated_inode",
	  "dir dentry",
	  PLAIN,
	  NULL,
	  true,
	  { 1, 1, 1, 1, 3, 5, 1 } },
	{ "finds them in a 5.10 with later changes",
	  "dir dentry delegated_inode",
	  "dir dentry",
	  "rd",
	  RENAMEDATA,
	  true,
	  { 1, 1, 0, 0, 0, 0, 1 } },
	{ "finds them in 6.1",
	  "mnt_userns dir dentry delegated_inode",
	  "mnt_userns dir dentry",
	  "rd",
	  "old_mnt_userns old_dir old_dentry new_mnt_userns new_dir new_dentry delegated_inode flags",
	  true,
	  { 2, 2, 0, 0, 0, 0, 2 } },
	{ "finds them in 7.2",
	  "idmap dir dentry delegated_inode",
	  "idmap dir dentry delegated_inode",
	  "rd",
	  "mnt_idmap old_parent old_dentry new_parent new_dentry delegated_inode flags",
	  true,
	  { 2, 2, 0, 0, 0, 0, 2 } },
	{ "says so where a function is missing", "dir dentry", NULL, "rd", RENAMEDATA, false, { 0 } },
	{ "says so where a parameter has another name",
	  "dir victim",
	  "dir dentry",
	  "rd",
	  RENAMEDATA,
	  false,
	  { 0 } },
	{ "says so where a member has another name",
	  "dir dentry",
	  "dir dentry",
	  "rd",
	  "old_dentry new_dentry how",
	  false,
	  { 0 } },
	{ "says so where a parameter is not in a register",
	  "dir dentry",
	  "a b c d e f dentry",
	  "rd",
	  RENAMEDATA,
	  false,
	  { 0 } },
	{ "says so where the one parameter of vfs_rename() is of no known type",
	  "dir dentry",
	  "dir dentry",
	  "rd",
	  NULL,
	  false,
	  { 0 } },
};

/* Calls add for each of the words. */
static void for_words(const char *text, struct btf *btf, int type,
		      void (*add)(struct btf *btf, const char *word, int type, size_t i))
{
	char *copy = strdup(text), *save = NULL, *word;
	size_t i = 0;

	assert_non_null(copy);
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		add(btf, word, type, i++);
	free(copy);
}

static void add_param(struct btf *btf, const char *word, int type, size_t i)
{
	(void)i;
	assert_int_equal(btf__add_func_param(btf, word, type), 0);
}

static void add_member(struct btf *btf, const char *word, int type, size_t i)
{
	assert_int_equal(btf__add_field(btf, word, type, (__u32)(32 * i), 0), 0);
}

static void add_function(struct btf *btf, const char *name, const char *params, int type)
{
	int proto;

	if (!params)
		return;
	proto = btf__add_func_proto(btf, type);
	assert_true(proto > 0);
	for_words(params, btf, type, add_param);
	assert_true(btf__add_func(btf, name, BTF_FUNC_GLOBAL, proto) > 0);
}

static void test_find(void **state)
{
	const struct kernel *k = *state;
	struct uw_vfs_args args, untouched;
	struct btf *btf = btf__new_empty();
	int type;

	assert_non_null(btf);
	type = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	assert_true(type > 0);
	if (k->renamedata) {
		assert_true(btf__add_struct(btf, "renamedata", 64) > 0);
		for_words(k->renamedata, btf, type, add_member);
	}
	add_function(btf, "vfs_unlink", k->unlink, type);
	add_function(btf, "vfs_rmdir", k->rmdir, type);
	add_function(btf, "vfs_rename", k->rename, type);
	/* Its first parameters are those of vfs_rmdir(). */
	add_function(btf, "vfs_symlink", k->rmdir, type);
	memset(&args, 0xa5, sizeof(args));
	untouched = args;
	assert_int_equal(uw_vfs_find(btf, &args), k->found);
	assert_memory_equal(&args, k->found ? &k->args : &untouched, sizeof(args));
	btf__free(btf);
}

#define ADDRESS "__kernel_sockaddr_storage"

/* A structure with an int, two pointers and an address, with the names that are given. */
static void add_struct(struct btf *btf, const char *name, const char *a, const char *b,
		       const char *address)
{
	int type = btf__find_by_name_kind(btf, "int", BTF_KIND_INT);
	int pointer = btf__add_ptr(btf, type), storage;

	storage = btf__find_by_name_kind(btf, ADDRESS, BTF_KIND_STRUCT);
	assert_true(btf__add_struct(btf, name, 256) > 0);
	assert_int_equal(btf__add_field(btf, "first", type, 0, 0), 0);
	assert_int_equal(btf__add_field(btf, a, pointer, 64, 0), 0);
	assert_int_equal(btf__add_field(btf, b, pointer, 128, 0), 0);
	assert_int_equal(btf__add_field(btf, address, storage, 192, 0), 0);
}

static struct btf *new_btf(size_t address_size)
{
	struct btf *btf = btf__new_empty();

	assert_non_null(btf);
	assert_true(btf__add_int(btf, "int", 4, BTF_INT_SIGNED) > 0);
	assert_true(btf__add_struct(btf, ADDRESS, (__u32)address_size) > 0);
	return btf;
}

static void need_servers(struct btf *btf, const struct uw_server_offsets *before,
			 const struct uw_server_offsets *wanted)
{
	struct uw_server_offsets got = *before;

	uw_vfs_find_servers(btf, &got);
	assert_memory_equal(&got, wanted, sizeof(got));
	btf__free(btf);
}

static void test_servers(void **state)
{
	const struct uw_server_offsets none = { 0 }, nfsd = { .rqst_addr = 24, .rqst_task = 8 };
	const struct uw_server_offsets ksmbd = { 0, 0, 16, 8, 8, 8 };
	const struct uw_server_offsets both = { 24, 8, 16, 8, 8, 8 };
	struct btf *btf = new_btf(128);

	(void)state;
	add_struct(btf, "svc_rqst", "rq_task", "rq_server", "rq_addr");
	need_servers(btf, &none, &nfsd);

	btf = new_btf(128);
	add_struct(btf, "ksmbd_work", "conn", "work", "other");
	add_struct(btf, "ksmbd_conn", "transport", "other", "addr");
	add_struct(btf, "tcp_transport", "transport", "sock", "other");
	need_servers(btf, &none, &ksmbd);

	btf = new_btf(128);
	add_struct(btf, "ksmbd_work", "conn", "work", "other");
	add_struct(btf, "ksmbd_conn", "transport", "other", "addr");
	add_struct(btf, "tcp_transport", "transport", "sock", "other");
	need_servers(btf, &nfsd, &both);
}

/* What is not as it should be leaves all of that server as it was. */
static void test_other_servers(void **state)
{
	const struct uw_server_offsets none = { 0 }, before = { 1, 2, 3, 4, 5, 6 };
	struct btf *btf;

	(void)state;
	need_servers(new_btf(128), &before, &before);

	btf = new_btf(128);
	add_struct(btf, "svc_rqst", "rq_thread", "rq_server", "rq_addr");
	add_struct(btf, "ksmbd_work", "conn", "work", "other");
	add_struct(btf, "ksmbd_conn", "transport", "other", "addr");
	need_servers(btf, &none, &none);

	btf = new_btf(16);
	add_struct(btf, "svc_rqst", "rq_task", "rq_server", "rq_addr");
	add_struct(btf, "ksmbd_work", "conn", "work", "other");
	add_struct(btf, "ksmbd_conn", "transport", "other", "addr");
	add_struct(btf, "tcp_transport", "sock", "transport", "other");
	need_servers(btf, &before, &before);

	/* Something else is a pointer, or an address. */
	btf = new_btf(128);
	add_struct(btf, "svc_rqst", "rq_addr", "rq_server", "rq_task");
	add_struct(btf, "ksmbd_work", "other", "work", "conn");
	add_struct(btf, "ksmbd_conn", "transport", "other", "addr");
	add_struct(btf, "tcp_transport", "transport", "sock", "other");
	need_servers(btf, &none, &none);
}

static void test_loaded(void **state)
{
	char top[] = "/tmp/test_vfs.XXXXXX", nfsd[64], ksmbd[64];
	struct uw_servers_loaded loaded;
	uint64_t number;

	(void)state;
	assert_non_null(mkdtemp(top));
	snprintf(nfsd, sizeof(nfsd), "%s/nfsd", top);
	snprintf(ksmbd, sizeof(ksmbd), "%s/ksmbd", top);
	uw_vfs_servers_loaded(top, &loaded);
	assert_true(!loaded.number[0] && !loaded.number[1]);
	assert_int_equal(mkdir(ksmbd, 0700), 0);
	uw_vfs_servers_loaded(top, &loaded);
	assert_true(!loaded.number[0] && loaded.number[1]);
	number = loaded.number[1];
	assert_int_equal(mkdir(nfsd, 0700), 0);
	uw_vfs_servers_loaded(top, &loaded);
	assert_true(loaded.number[0] && loaded.number[1] == number);
	assert_int_equal(rmdir(ksmbd) | rmdir(nfsd) | rmdir(top), 0);
}

static void test_deleter(void **state)
{
	static const char *const names[] = { "cachefiles", "ksmbd", "nfsd" };
	char top[] = "/tmp/test_vfs.XXXXXX", path[64];
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(top));
	assert_null(uw_vfs_deleter("/nonexistent"));
	snprintf(path, sizeof(path), "%s/nfs", top);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_null(uw_vfs_deleter(top));
	assert_int_equal(rmdir(path), 0);
	for (i = 0; i < LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", top, names[i]);
		assert_int_equal(mkdir(path, 0700), 0);
		assert_string_equal(uw_vfs_deleter(top), names[i]);
		assert_int_equal(rmdir(path), 0);
	}
	assert_null(uw_vfs_deleter(top));
	assert_int_equal(rmdir(top), 0);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		{ "knows the modules that delete, and no others", test_deleter, NULL, NULL, NULL },
		{ "finds where servers have addresses", test_servers, NULL, NULL, NULL },
		{ "takes nothing else for an address", test_other_servers, NULL, NULL, NULL },
		{ "sees servers come and go", test_loaded, NULL, NULL, NULL },
	};
	struct CMUnitTest tests[LEN(kernels) + LEN(others)];
	size_t i;

	for (i = 0; i < LEN(kernels); i++)
		tests[i] = (struct CMUnitTest){ kernels[i].title, test_find, NULL, NULL,
						(void *)(uintptr_t)&kernels[i] };
	memcpy(tests + i, others, sizeof(others));
	return cmocka_run_group_tests_name("vfs", tests, NULL, NULL);
}
