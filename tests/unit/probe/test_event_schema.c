// SPDX-License-Identifier: MIT
/* Tests of daemon/probe/event_schema.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "probe/event_schema.h"

static struct uw_event *converted;

static int set_up(void **state)
{
	(void)state;
	converted = malloc(UW_EVENT_MAX);
	return converted ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	free(converted);
	return 0;
}

static void test_own(void **state)
{
	struct {
		struct uw_event ev;
		char text[16];
	} old = { 0 };
	const struct uw_event *ev = converted;
	struct uw_event_schema schema;

	(void)state;
	uw_event_schema_describe(&schema);
	old.ev.size = sizeof(old.ev) + 9;
	old.ev.abi = UW_ABI;
	old.ev.op = UW_OP_RMDIR;
	old.ev.gen = 5;
	old.ev.tree = 6;
	old.ev.pid = 4242;
	old.ev.tid = 4243;
	old.ev.ret = -13;
	old.ev.file.ino = UINT64_C(1) << 40;
	old.ev.fsuid = 1001;
	old.ev.flags = UW_EV_RESOLVED | UW_EV_TASK;
	strcpy(old.ev.comm, "rm");
	old.ev.len[UW_STR_NAME] = 3;
	old.ev.len[UW_STR_PATH] = 6;
	memcpy(old.text, "a/b/srv/b", 9);
	assert_int_equal(uw_event_schema_convert(&schema, &old, sizeof(old.ev) + 9, converted),
			 sizeof(*ev) + 9);
	assert_int_equal(ev->op, UW_OP_RMDIR);
	assert_int_equal(ev->pid, 4242);
	assert_int_equal(ev->tid, 4243);
	assert_int_equal(ev->ret, -13);
	assert_int_equal(ev->fsuid, 1001);
	assert_int_equal(ev->file.ino, UINT64_C(1) << 40);
	assert_int_equal(ev->flags, UW_EV_RESOLVED | UW_EV_TASK);
	assert_string_equal(ev->comm, "rm");
	assert_memory_equal(ev + 1, "a/b/srv/b", 9);
	/* These are another kernel side's. */
	assert_int_equal(ev->gen, 0);
	assert_int_equal(ev->tree, 0);
}

/* Strings and flags in another order, one member moved, one of another size, some that are new. */
static void test_other(void **state)
{
	static const char bytes[] = "\x92\x10\0\0" /* pid */
				    "\x07"	   /* op, which has become smaller */
				    "\x03"	   /* flags as a byte? no: see below */
				    "\0\0"
				    "\x05\0\0\0" /* flags: two of them */
				    "\x02\0\x03\0\x04\0\0\0"
				    "xx"
				    "nnn"
				    "pppp";
	struct uw_event_schema schema = {
		.event_size = 20,
		.n_members = 3,
		.n_strings = 3,
		.n_flags = 3,
		.len_offset = 12,
		.member = { { "pid", 0, 4 }, { "dfd", 4, 2 }, { "flags", 8, 4 } },
		.string = { "unheard-of", "name", "path" },
		.flag = { "name_cut", "resolved", "task" },
	};
	const struct uw_event *ev = converted;

	(void)state;
	assert_int_equal(uw_event_schema_convert(&schema, bytes, sizeof(bytes) - 1, converted),
			 sizeof(*ev) + 7);
	assert_int_equal(ev->pid, 4242);
	assert_int_equal(ev->dfd, 0);
	assert_int_equal(ev->flags, UW_EV_NAME_CUT | UW_EV_TASK);
	assert_int_equal(ev->len[UW_STR_NAME], 3);
	assert_int_equal(ev->len[UW_STR_PATH], 4);
	assert_memory_equal(ev + 1, "nnnpppp", 7);
	assert_int_equal(ev->abi, UW_ABI);
}

/* Whatever the bytes, and whatever the schema says, nothing beyond them is read or written. */
static void test_nonsense(void **state)
{
	unsigned int seed = 4711;
	struct uw_event_schema schema;
	int step;
	size_t i;

	(void)state;
	for (step = 0; step < 20000; step++) {
		size_t size = (size_t)rand_r(&seed) % 400, flips = (size_t)rand_r(&seed) % 4;
		unsigned char *bytes = malloc(size ? size : 1);

		assert_non_null(bytes);
		uw_event_schema_describe(&schema);
		for (i = 0; i < size; i++)
			bytes[i] = rand_r(&seed) % 3 ? 0 : (unsigned char)rand_r(&seed);
		for (i = 0; i < flips; i++)
			((unsigned char *)&schema)[(size_t)rand_r(&seed) % sizeof(schema)] =
				(unsigned char)rand_r(&seed);
		assert_true(uw_event_schema_convert(&schema, bytes, size, converted) <=
			    UW_EVENT_MAX);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "an event of this version stays as it is, but for generation and tree", test_own,
		  NULL, NULL, NULL },
		{ "members, strings and flags of another version are found by name", test_other,
		  NULL, NULL, NULL },
		{ "bytes and layouts that make no sense do no harm", test_nonsense, NULL, NULL,
		  NULL },
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
