// SPDX-License-Identifier: MIT
/* Tests of daemon/state/fdstore.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "state/fdstore.h"

static void test_no_service(void **state)
{
	struct uw_fdstore store = { .enabled = false };

	(void)state;
	assert_int_equal(uw_fdstore_put(&store, "x", 0), 0);
}

static void test_nobody_listens(void **state)
{
	struct uw_fdstore store = { .enabled = true };

	(void)state;
	setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
	assert_true(uw_fdstore_put(&store, "x", 0) < 0);
	unsetenv("NOTIFY_SOCKET");
}

#define TEST(title, function)                     \
	{                                         \
		title, function, NULL, NULL, NULL \
	}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST("keeps nothing where systemd does not", test_no_service),
		TEST("says that a descriptor could not be handed over", test_nobody_listens),
	};

	return cmocka_run_group_tests_name("fdstore", tests, NULL, NULL);
}
