// SPDX-License-Identifier: MIT
/* Tests of daemon/probe/event_dedup.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "probe/event_dedup.h"

static void test_same(void **state)
{
	struct uw_event_dedup o = { 0 };

	(void)state;
	assert_true(uw_event_dedup_add(&o, 7, 100, 200));
	/* The two probes look at the clock one after the other. */
	assert_true(uw_event_dedup_take(&o, 7, 101, 199));
	assert_false(uw_event_dedup_take(&o, 7, 101, 199));
	uw_event_dedup_done(&o);
}

static void test_other(void **state)
{
	struct uw_event_dedup o = { 0 };

	(void)state;
	assert_true(uw_event_dedup_add(&o, 7, 100, 200));
	assert_false(uw_event_dedup_take(&o, 8, 100, 200));
	assert_false(uw_event_dedup_take(&o, 7 + UW_EVENT_DEDUP_BUCKETS, 100, 200));
	assert_false(uw_event_dedup_take(&o, 7, 201, 300));
	assert_false(uw_event_dedup_take(&o, 7, 10, 99));
	assert_true(uw_event_dedup_take(&o, 7, 150, 300));
	uw_event_dedup_done(&o);
}

/* One without an end is matched by the first that follows, not by those behind it. */
static void test_endless(void **state)
{
	struct uw_event_dedup o = { 0 };

	(void)state;
	assert_true(uw_event_dedup_add(&o, 7, 100, UINT64_MAX));
	assert_true(uw_event_dedup_take(&o, 7, 110, 5000));
	assert_false(uw_event_dedup_take(&o, 7, 6000, 7000));
	uw_event_dedup_done(&o);
}

static void test_many(void **state)
{
	struct uw_event_dedup o = { 0 };
	uint32_t i;

	(void)state;
	for (i = 0; i < 100000; i++)
		assert_true(uw_event_dedup_add(&o, i % 5000, i * 10, i * 10 + 9));
	for (i = 0; i < 100000; i++)
		assert_true(uw_event_dedup_take(&o, i % 5000, i * 10 + 1, i * 10 + 8));
	for (i = 0; i < 100000; i++)
		assert_false(uw_event_dedup_take(&o, i % 5000, i * 10 + 1, i * 10 + 8));
	uw_event_dedup_done(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "events of a thread that overlap are one, once", test_same, NULL, NULL, NULL },
		{ "others are not: of another thread, before and after", test_other, NULL, NULL,
		  NULL },
		{ "one that has no end stands for the next one only", test_endless, NULL, NULL,
		  NULL },
		{ "it grows, and each is found again", test_many, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
