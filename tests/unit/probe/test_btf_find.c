// SPDX-License-Identifier: MIT
/* Tests of daemon/probe/btf_find.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <bpf/btf.h>
#include <cmocka.h>

#include "probe/btf_find.h"

static __u32 add_function(struct btf *btf, const char *name)
{
	int prototype = btf__add_func_proto(btf, 0);
	int id = btf__add_func(btf, name, BTF_FUNC_STATIC, prototype);

	assert_true(prototype > 0 && id > 0);
	return (__u32)id;
}

static void test_find(void **state)
{
	struct btf *btf = btf__new_empty();
	int structure = btf__add_struct(btf, "unlink", 8);
	__u32 first = add_function(btf, "unlink"), other = add_function(btf, "unlinkat");
	struct uw_btf_wanted wanted[] = {
		{ "unlinkat", BTF_KIND_FUNC, 7 }, { "unlink", BTF_KIND_FUNC, 7 },
		{ "unlink", BTF_KIND_STRUCT, 7 }, { "rmdir", BTF_KIND_FUNC, 7 },
		{ "unlin", BTF_KIND_FUNC, 7 },	  { NULL, BTF_KIND_FUNC, 7 },
		{ "", BTF_KIND_FUNC, 7 },
	};

	(void)state;
	add_function(btf, "unlink");
	uw_btf_find(btf, wanted, sizeof(wanted) / sizeof(wanted[0]));
	assert_int_equal(wanted[0].id, other);
	assert_int_equal(wanted[1].id, first);
	assert_int_equal(wanted[2].id, structure);
	for (size_t i = 3; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		assert_int_equal(wanted[i].id, 0);
	/* In BTF without any type there is nothing. */
	btf__free(btf);
	btf = btf__new_empty();
	uw_btf_find(btf, wanted, sizeof(wanted) / sizeof(wanted[0]));
	assert_int_equal(wanted[0].id, 0);
	btf__free(btf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "finds the first type of each name and kind", test_find, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("btf_find", tests, NULL, NULL);
}
