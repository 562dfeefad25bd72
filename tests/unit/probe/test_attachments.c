// SPDX-License-Identifier: MIT
/* Tests of daemon/probe/attachments.c against what the helper permits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper/targets.h"
#include "probe/attachments.h"

static void the_helper_permits_every_event_that_is_attached(void **state)
{
	size_t i, n = 0;

	(void)state;
	for (i = 0; i < UW_N_ATTACHMENTS; i++) {
		const char *event = uw_attachments[i].event;

		/* Raw tracepoints take no helper. */
		if (!event || uw_attachments[i].raw)
			continue;
		assert_true(uw_target_is_event(event));
		n++;
	}
	assert_true(n > 0);
}

static void the_helper_permits_every_function_that_is_probed(void **state)
{
	static const char *const vfs[] = { "vfs_unlink", "vfs_rmdir", "vfs_rename" };
	size_t i;

	(void)state;
	for (i = 0; i < UW_FN_MAX; i++) {
		assert_non_null(uw_target_names[i][0]);
		assert_true(uw_target_is_function(uw_target_names[i][0]));
		if (uw_target_names[i][1])
			assert_true(uw_target_is_function(uw_target_names[i][1]));
	}
	for (i = 0; i < 3; i++)
		assert_true(uw_target_is_function(vfs[i]));
}

static void the_helper_permits_nothing_else(void **state)
{
	static const char *const others[] = { "",
					      "do_exit",
					      "do_unlinka",
					      "do_unlinkat2",
					      "vfs_unlink ",
					      "syscalls/sys_enter_unlinkat" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(uw_target_is_function(others[i]));
	assert_false(uw_target_is_event(""));
	assert_false(uw_target_is_event("syscalls/sys_enter_openat"));
	assert_false(uw_target_is_event("do_unlinkat"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_helper_permits_every_event_that_is_attached),
		cmocka_unit_test(the_helper_permits_every_function_that_is_probed),
		cmocka_unit_test(the_helper_permits_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
