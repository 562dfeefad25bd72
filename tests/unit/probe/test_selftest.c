// SPDX-License-Identifier: MIT
/* Tests of daemon/probe/selftest.c: its files are real, and the events are made up as the kernel
 * side would. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "probe/selftest.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* Their order in struct uw_selftest. */
enum { REPLACE, UNLINKAT, UNLINK, UNLINKAT_DIR, RMDIR };

static const uint8_t ops[UW_SELFTEST_STEPS] = {
	[REPLACE] = UW_OP_RENAME,     [UNLINKAT] = UW_OP_UNLINK, [UNLINK] = UW_OP_UNLINK,
	[UNLINKAT_DIR] = UW_OP_RMDIR, [RMDIR] = UW_OP_RMDIR,
};

static const struct uw_plan kprobe = {
	.probe = UW_PROBE_KPROBE,
	.functions = { "do_unlinkat", "do_rmdir", "do_renameat2", "security_path_unlink",
		       "security_path_rmdir", "security_path_rename" },
};
static const struct uw_plan kprobe_without_hooks = {
	.probe = UW_PROBE_KPROBE,
	.functions = { "do_unlinkat", "do_rmdir", "do_renameat2" },
};
static const struct uw_plan tracepoint = { .probe = UW_PROBE_TRACEPOINT };

static char base[] = "/tmp/test_selftest.XXXXXX";
static struct uw_selftest selftest;
static struct uw_buf why;

static int setup(void **state)
{
	(void)state;
	return mkdtemp(base) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	uw_buf_free(&why);
	return rmdir(base); /* fails where a self-test deletion has left something behind */
}

static int delete_files(void **state)
{
	(void)state;
	uw_buf_reset(&why);
	return setenv("RUNTIME_DIRECTORY", base, 1) || uw_selftest_delete(&selftest);
}

/* The event of a name that was deleted, with its path where path is not NULL. */
static bool take(uint8_t op, const char *name, const char *path, uint32_t flags, int ret)
{
	struct {
		struct uw_event ev;
		char data[2 * UW_PATH_MAX];
	} event = {
		.ev = { .abi = UW_ABI,
			.op = op,
			.probe = UW_PROBE_KPROBE,
			.via = UW_VIA_SYSCALL,
			.flags = flags | (path ? UW_EV_RESOLVED : 0),
			.ret = ret,
			.pid = 1,
			.tid = 1,
			.comm = "test" },
	};

	event.ev.len[UW_STR_NAME] = (__u16)strlen(name);
	event.ev.len[UW_STR_PATH] = (__u16)(path ? strlen(path) : 0);
	sprintf(event.data, "%s%s", name, path ? path : "");
	event.ev.size = (__u32)(sizeof(event.ev) + strlen(event.data));
	return uw_selftest_take(&selftest, &event, event.ev.size);
}

/* As the kernel side would say it of this step, with the path that it really had. */
static void see(int step, bool path, uint32_t flags)
{
	assert_true(take(ops[step], selftest.path[step], path ? selftest.path[step] : NULL,
			 UW_EV_SELFTEST | flags, 0));
}

static void see_all_but(int missing, bool path)
{
	int i;

	for (i = 0; i < UW_SELFTEST_STEPS; i++)
		if (i != missing)
			see(i, path, 0);
}

static void judged(const struct uw_plan *plan, enum uw_verdict verdict, const char *text)
{
	uw_buf_reset(&why);
	assert_int_equal(uw_selftest_judge(&selftest, plan, &why), verdict);
	assert_int_equal(why.len, strlen(text));
	if (why.len)
		assert_memory_equal(why.p, text, why.len);
}

static void test_leaves_nothing(void **state)
{
	struct stat st;
	int i;

	(void)state;
	for (i = 0; i < UW_SELFTEST_STEPS; i++) {
		assert_int_equal(strncmp(selftest.path[i], base, strlen(base)), 0);
		assert_int_equal(stat(selftest.path[i], &st), -1);
		assert_int_equal(errno, ENOENT);
	}
}

static void test_other_names(void **state)
{
	char before[UW_SELFTEST_PATH_MAX];

	strcpy(before, selftest.path[RMDIR]);
	assert_int_equal(delete_files(state), 0);
	assert_string_not_equal(selftest.path[RMDIR], before);
}

static void test_elsewhere(void **state)
{
	char longest[2 * UW_SELFTEST_PATH_MAX] = "/";

	(void)state;
	memset(longest + 1, 'x', sizeof(longest) - 2);
	setenv("RUNTIME_DIRECTORY", "/none/such", 1);
	assert_int_equal(uw_selftest_delete(&selftest), 0);
	setenv("RUNTIME_DIRECTORY", longest, 1);
	assert_int_equal(uw_selftest_delete(&selftest), 0);
	unsetenv("RUNTIME_DIRECTORY");
	assert_int_equal(uw_selftest_delete(&selftest), 0);
	assert_non_null(strstr(selftest.path[RMDIR], "/unlinkwatchd."));
}

static void test_sees_all(void **state)
{
	(void)state;
	see_all_but(-1, true);
	judged(&kprobe, UW_VERDICT_SEES, "");
}

static void test_nothing(void **state)
{
	(void)state;
	judged(&kprobe, UW_VERDICT_BLIND, "it sees nothing of what the daemon deletes for a test");
}

static void test_one_missing(void **state)
{
	static const char *const text[] = {
		"rename is not seen", "unlinkat is not seen",
		"unlink is not seen", "unlinkat of a directory is not seen",
		"rmdir is not seen",
	};
	int i;

	for (i = 0; i < UW_SELFTEST_STEPS; i++) {
		assert_int_equal(delete_files(state), 0);
		see_all_but(i, true);
		judged(&kprobe, UW_VERDICT_BLIND, text[i]);
	}
}

static void test_no_path(void **state)
{
	(void)state;
	see_all_but(UNLINK, true);
	see(UNLINK, false, 0);
	judged(&kprobe, UW_VERDICT_BLIND, "unlink is seen without its path");
}

static void test_no_hooks(void **state)
{
	(void)state;
	see_all_but(REPLACE, false);
	judged(&kprobe_without_hooks, UW_VERDICT_SEES, "");
	judged(&tracepoint, UW_VERDICT_SEES, "");
}

static void test_no_result(void **state)
{
	(void)state;
	see_all_but(RMDIR, true);
	see(RMDIR, true, UW_EV_RET_UNKNOWN);
	judged(&kprobe, UW_VERDICT_NO_RESULT, "rmdir is seen without its result");
}

static void test_blind_prevails(void **state)
{
	(void)state;
	see(REPLACE, true, UW_EV_RET_UNKNOWN);
	see(UNLINKAT, true, 0);
	see(UNLINK, true, UW_EV_RET_UNKNOWN);
	see(RMDIR, true, 0);
	judged(&kprobe, UW_VERDICT_BLIND,
	       "rename is seen without its result, unlink is seen without its result, "
	       "unlinkat of a directory is not seen");
}

static void test_result_after_all(void **state)
{
	(void)state;
	see_all_but(-1, true);
	see(UNLINK, true, UW_EV_RET_UNKNOWN);
	judged(&kprobe, UW_VERDICT_SEES, "");
}

static void test_wrong_result(void **state)
{
	(void)state;
	see_all_but(UNLINK, true);
	assert_true(take(UW_OP_UNLINK, selftest.path[UNLINK], selftest.path[UNLINK], UW_EV_SELFTEST,
			 -ENOENT));
	judged(&kprobe, UW_VERDICT_NO_RESULT, "unlink is seen without its result");
}

static void test_wrong_path(void **state)
{
	(void)state;
	see_all_but(UNLINK, true);
	assert_true(take(UW_OP_UNLINK, selftest.path[UNLINK], selftest.path[UNLINKAT],
			 UW_EV_SELFTEST, 0));
	judged(&kprobe, UW_VERDICT_BLIND, "unlink is seen without its path");
	/* Where the path begins is a matter of the mount namespace. */
	assert_true(
		take(UW_OP_UNLINK, selftest.path[UNLINK], "/elsewhere/file", UW_EV_SELFTEST, 0));
	judged(&kprobe, UW_VERDICT_SEES, "");
}

static void test_of_another_test(void **state)
{
	struct uw_selftest before = selftest;
	int i;

	assert_int_equal(delete_files(state), 0);
	for (i = 0; i < UW_SELFTEST_STEPS; i++)
		assert_true(take(ops[i], before.path[i], before.path[i], UW_EV_SELFTEST, 0));
	judged(&kprobe, UW_VERDICT_BLIND, "it sees nothing of what the daemon deletes for a test");
}

static void test_imitation(void **state)
{
	(void)state;
	assert_false(take(UW_OP_UNLINK, selftest.path[UNLINK], selftest.path[UNLINK], 0, 0));
	judged(&kprobe, UW_VERDICT_BLIND, "it sees nothing of what the daemon deletes for a test");
}

static void test_nonsense(void **state)
{
	struct uw_event ev = { .flags = UW_EV_SELFTEST };

	(void)state;
	assert_true(uw_selftest_take(&selftest, &ev, sizeof(ev)));
	assert_false(uw_selftest_take(&selftest, &ev, sizeof(ev) - 1));
	assert_false(uw_selftest_take(&selftest, &ev, 0));
	judged(&kprobe, UW_VERDICT_BLIND, "it sees nothing of what the daemon deletes for a test");
}

#define TEST(title, function)                             \
	{                                                 \
		title, function, delete_files, NULL, NULL \
	}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST("deletes all that it makes", test_leaves_nothing),
		TEST("uses other names each time", test_other_names),
		TEST("finds a place where the runtime directory is none", test_elsewhere),
		TEST("is content where each step came with result and path", test_sees_all),
		TEST("is not content with nothing", test_nothing),
		TEST("names the step that did not come", test_one_missing),
		TEST("wants the path where the plan has hooks for it", test_no_path),
		TEST("wants neither path nor rename where it has none", test_no_hooks),
		TEST("tells a missed return from blindness", test_no_result),
		TEST("takes one step unseen for blindness whatever else is missing",
		     test_blind_prevails),
		TEST("keeps the better of two events", test_result_after_all),
		TEST("does not take a wrong result for one", test_wrong_result),
		TEST("compares the path with the name", test_wrong_path),
		TEST("does not take the events of another test", test_of_another_test),
		TEST("leaves the same deletion by another thread to the pipeline", test_imitation),
		TEST("swallows a self-test deletion that does not decode, and nothing shorter",
		     test_nonsense),
	};

	return cmocka_run_group_tests_name("selftest", tests, setup, teardown);
}
