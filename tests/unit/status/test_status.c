// SPDX-License-Identifier: MIT
/* Tests of daemon/status/status.c: whole objects, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "status/status.h"

#define HEAD                                                                                        \
	"{\"version\":\"" UW_VERSION "\",\"pid\":7,\"started_us\":1700000000000000,"                \
	"\"now_us\":1700000000000001,\"probe\":\"kprobe\",\"probe_detail\":\"\","                   \
	"\"not_covered\":\"nothing\",\"detail\":\"standard\",\"config\":\"/etc/unlinkwatch.conf\"," \
	"\"generation\":3,\"rules\":["
#define TAIL                                                                                                      \
	"],\"counters\":{\"seen\":10,\"recorded\":5,\"filtered\":2,\"summarised\":0,"                             \
	"\"in_flight\":0,\"queued\":1,\"lost\":{\"ring_full\":2,\"ring_share\":0,\"state_full\":0,"               \
	"\"skipped\":0,\"undecodable\":0,\"sink_failed\":0,\"total\":2},\"missed_returns\":1,\"strings_cut\":4}," \
	"\"ring\":{\"size\":4096,\"used\":8},\"queue\":{\"size\":100,\"used\":0},"                                \
	"\"states\":{\"size\":9,\"used\":1},\"memory\":{\"resident\":4096,\"kernel\":8192}}\n"

static void check(const struct uw_config *config, const char *rules)
{
	struct uw_status status = {
		.pid = 7,
		.started_us = UINT64_C(1700000000000000),
		.now_us = UINT64_C(1700000000000001),
		.probe = "kprobe",
		.probe_detail = "",
		.not_covered = "nothing",
		.config_file = "/etc/unlinkwatch.conf",
		.config = config,
		.generation = 3,
		.stats = { .kernel = { [UW_CNT_SEEN] = 10,
				       [UW_CNT_RECORDED] = 6,
				       [UW_CNT_FILTERED] = 2,
				       [UW_CNT_RING_FULL] = 2,
				       [UW_CNT_STALE] = 1,
				       [UW_CNT_LONG_FULL] = 4 },
			   .recorded = 5 },
		.ring = { 4096, 8 },
		.queue = { 100, 0 },
		.states = { 9, 1 },
		.resident = 4096,
		.kernel = 8192,
	};
	struct uw_buf buf = { 0 };
	char want[2048];

	snprintf(want, sizeof(want), HEAD "%s" TAIL, rules);
	uw_status_json(&status, &buf);
	assert_false(buf.failed);
	if (buf.len != strlen(want) || memcmp(buf.p, want, buf.len))
		fail_msg("got:  %.*s\nwant: %s", (int)buf.len, buf.p, want);
	uw_buf_free(&buf);
}

static void test_plain(void **state)
{
	static char name[] = "all";
	struct uw_rule rule = { .name = name,
				.user.any = true,
				.operations = UW_OPERATIONS_ALL,
				.results = UW_RESULT_ANY,
				.priority = 6 };
	struct uw_config config = { .rules = &rule, .n_rules = 1, .detail = UW_DETAIL_STANDARD };

	(void)state;
	check(&config,
	      "{\"name\":\"all\",\"paths\":[],\"exclude_paths\":[],\"users\":null,"
	      "\"exclude_users\":[],\"operations\":[\"unlink\",\"rmdir\",\"rename\",\"move\"],"
	      "\"results\":[\"success\",\"failure\"],\"priority\":6}");
}

static void test_lists(void **state)
{
	static char first[] = "a", second[] = "b", quoted[] = "/srv/a\"b\\\n", odd[] = "/\xff";
	char *paths[] = { quoted, odd };
	struct uw_uid_range users[] = { { 0, 0 }, { 1000, 1999 } };
	struct uw_rule rules[] = {
		{ .name = first,
		  .path = { paths, 2 },
		  .user = { .range = users, .n = 2 },
		  .exclude_user = { .range = users, .n = 1 },
		  .operations = 1u << UW_OP_RMDIR,
		  .results = UW_RESULT_FAILURE,
		  .priority = 0 },
		/* A group without members: nobody, which is not everyone. */
		{ .name = second,
		  .exclude = { paths, 1 },
		  .operations = 1u << UW_OP_UNLINK,
		  .results = UW_RESULT_SUCCESS,
		  .priority = 7 },
	};
	struct uw_config config = { .rules = rules, .n_rules = 2, .detail = UW_DETAIL_STANDARD };

	(void)state;
	check(&config,
	      "{\"name\":\"a\",\"paths\":[\"/srv/a\\\"b\\\\\\u000a\",[47,255]],\"exclude_paths\":[],"
	      "\"users\":[\"0\",\"1000-1999\"],\"exclude_users\":[\"0\"],"
	      "\"operations\":[\"rmdir\"],\"results\":[\"failure\"],\"priority\":0},"
	      "{\"name\":\"b\",\"paths\":[],\"exclude_paths\":[\"/srv/a\\\"b\\\\\\u000a\"],"
	      "\"users\":[],\"exclude_users\":[],\"operations\":[\"unlink\"],"
	      "\"results\":[\"success\"],\"priority\":7}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "writes a rule with the defaults", test_plain, NULL, NULL, NULL },
		{ "writes lists, whatever bytes they hold", test_lists, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
