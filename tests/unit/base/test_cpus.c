// SPDX-License-Identifier: MIT
/* Tests of daemon/base/cpus.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cpus.h"

static void test_lists(void **state)
{
	static const struct {
		const char *list;
		size_t end;
	} lists[] = {
		{ "0\n", 1 },	  { "0-1\n", 2 },
		{ "0-127", 128 }, { "0,2,4-7\n", 8 },
		{ "0,9\n", 10 },  { "", 0 },
		{ "\n", 0 },	  { "-", 0 },
		{ "0-\n", 0 },	  { "0,\n", 0 },
		{ "0x3\n", 0 },	  { "0-3\n\n", 0 },
		{ " 1\n", 0 },	  { "99999999999999\n", 0 },
		{ "0\n1\n", 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		if (uw_cpus_end_of(lists[i].list) != lists[i].end)
			fail_msg("\"%s\": %zu, not %zu", lists[i].list,
				 uw_cpus_end_of(lists[i].list), lists[i].end);
}

static void test_this_machine(void **state)
{
	(void)state;
	assert_true(uw_cpus_end() >= (size_t)sysconf(_SC_NPROCESSORS_ONLN));
}

#define TEST(title, function)                     \
	{                                         \
		title, function, NULL, NULL, NULL \
	}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST("takes the highest number of a list, gaps or not", test_lists),
		TEST("counts at least the CPUs that are online", test_this_machine),
	};

	return cmocka_run_group_tests_name("cpus", tests, NULL, NULL);
}
