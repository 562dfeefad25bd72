// SPDX-License-Identifier: MIT
/* Tests of daemon/base/users.c and worker.c, with look-ups of the test's own. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/users.h"

#define MS UINT64_C(1000000)

/* Far less than a wait for each user, on a busy machine, too. */
#define SOON_NS (20 * UW_NS_PER_S)

static atomic_uint looked_up;
static atomic_bool hangs, blocks_signals;

static void look_up(uid_t uid, char name[UW_USER_NAME_MAX])
{
	sigset_t mask;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	blocks_signals = sigismember(&mask, SIGTERM) && sigismember(&mask, SIGHUP);
	looked_up++;
	while (hangs)
		usleep(1000);
	name[0] = '\0';
	if (uid != 7)
		snprintf(name, UW_USER_NAME_MAX, "u%u", uid);
}

static struct uw_users *users_new(uint64_t budget_ns)
{
	struct uw_users *users;

	looked_up = 0;
	hangs = false;
	assert_int_equal(uw_users_new(look_up, budget_ns, &users), 0);
	return users;
}

static void test_quick(void **state)
{
	struct uw_users *users = users_new(10 * UW_NS_PER_S);

	(void)state;
	assert_string_equal(uw_users_name(users, 5, 1), "u5");
	assert_null(uw_users_name(users, 7, 2));
	assert_null(uw_users_name(users, 7, 3));
	assert_int_equal(looked_up, 2);
	assert_true(blocks_signals);
	uw_users_free(users);
}

static void test_age(void **state)
{
	struct uw_users *users = users_new(10 * UW_NS_PER_S);

	(void)state;
	uw_users_name(users, 5, 1);
	uw_users_name(users, 5, 1 + 60 * UW_NS_PER_S);
	assert_int_equal(looked_up, 1);
	assert_string_equal(uw_users_name(users, 5, 2 + 60 * UW_NS_PER_S), "u5");
	assert_int_equal(looked_up, 2);
	uw_users_free(users);
}

static void test_subordinate(void **state)
{
	struct uw_users *users = users_new(10 * UW_NS_PER_S);

	(void)state;
	for (unsigned int round = 0; round < 3; round++)
		for (uid_t i = 0; i < 64; i++)
			assert_non_null(uw_users_name(users, 100000 + 65536 * i, 1));
	assert_int_equal(looked_up, 64);
	uw_users_free(users);
}

static void test_hangs(void **state)
{
	struct uw_users *users = users_new(50 * MS);
	uint64_t begin_ns, now_ns;

	(void)state;
	hangs = true;
	begin_ns = uw_clock_ns(CLOCK_MONOTONIC);
	for (uid_t uid = 0; uid < 65536; uid++)
		assert_null(uw_users_name(users, uid, 1));
	now_ns = uw_clock_ns(CLOCK_MONOTONIC);
	assert_true(now_ns - begin_ns >= 50 * MS);
	assert_true(now_ns - begin_ns < SOON_NS);
	assert_int_equal(looked_up, 1);
	/* A tenth of the second that has passed, but not more than the budget. */
	begin_ns = now_ns;
	assert_null(uw_users_name(users, 1u << 20, 1 + UW_NS_PER_S));
	assert_true(uw_clock_ns(CLOCK_MONOTONIC) - begin_ns < SOON_NS);
	begin_ns = uw_clock_ns(CLOCK_MONOTONIC);
	uw_users_free(users);
	assert_true(uw_clock_ns(CLOCK_MONOTONIC) - begin_ns < SOON_NS);
	hangs = false;
	usleep(20000); /* the thread frees what it has */
}

static void test_late(void **state)
{
	struct uw_users *users = users_new(1);
	const char *name = NULL;

	(void)state;
	hangs = true;
	assert_null(uw_users_name(users, 5, 1));
	hangs = false;
	for (int i = 0; i < 1000 && !name; i++) {
		usleep(1000);
		name = uw_users_name(users, 5, 2);
	}
	assert_string_equal(name, "u5");
	assert_int_equal(looked_up, 1);
	uw_users_free(users);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "a quick look-up gives the name at the first record; none is kept, too",
		  test_quick },
		{ "a name is looked up again after a minute", test_age },
		{ "uids that differ by 65,536 do not displace each other", test_subordinate },
		{ "a look-up that hangs costs 65,536 uids the budget once, and no stop waits",
		  test_hangs },
		{ "a name that comes late is used from then on", test_late },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
