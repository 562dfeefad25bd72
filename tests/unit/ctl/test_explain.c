// SPDX-License-Identifier: MIT
/* Tests of daemon/ctl/explain.c: that it says what the filter decides, and why. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/explain.h"

static const char text[] = "[Watch a]\nPath=/srv /data/*.c\nExcludePath=/srv/tmp /srv/**/*.o\n"
			   "[Watch b]\nOperation=rmdir\nUser=5 10-20\nExcludeUser=15\n"
			   "[Watch c]\nResult=failure\nPath=/srv/share\n";

/* Other paths of places that the rules name. */
static const char mountinfo[] = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
				"2 1 8:1 /srv/tmp /bound rw - ext4 /dev/sda1 rw\n"
				"3 1 8:1 /srv/share /mnt rw - ext4 /dev/sda1 rw\n";

static const struct row {
	struct uw_supposed supposed;
	const char *verdict[3];
} rows[] = {
	{ { "/srv/x", 0, UW_OP_UNLINK, true },
	  { "would record it: Path=/srv covers the path", "would not: Operation= has no unlink",
	    "would not: Result= has no success" } },
	{ { "/data/y.c", 10, UW_OP_RMDIR, false },
	  { "would record it: Path=/data/*.c covers the path", "would record it",
	    "would not: nothing in Path= covers the path" } },
	{ { "/srv/tmp/x", 15, UW_OP_RMDIR, true },
	  { "would not: ExcludePath=/srv/tmp covers the path",
	    "would not: ExcludeUser= has the uid 15", "would not: Result= has no success" } },
	{ { "/srv/d/\x1b.o", 21, UW_OP_RMDIR, false },
	  { "would not: ExcludePath=/srv/**/*.o covers the path",
	    "would not: User= does not have the uid 21",
	    "would not: nothing in Path= covers the path" } },
	{ { "/srv", 5, UW_OP_RENAME, false },
	  { "would record it: Path=/srv covers the path", "would not: Operation= has no rename",
	    "would not: nothing in Path= covers the path" } },
	{ { "/else", 5, UW_OP_RMDIR, true },
	  { "would not: nothing in Path= covers the path", "would record it",
	    "would not: Result= has no success" } },
	/* Through bind mounts. */
	{ { "/bound/x", 1, UW_OP_UNLINK, false },
	  { "would not: ExcludePath=/srv/tmp covers the path",
	    "would not: Operation= has no unlink",
	    "would not: nothing in Path= covers the path" } },
	{ { "/mnt/x", 1, UW_OP_UNLINK, false },
	  { "would record it: Path=/srv covers the path", "would not: Operation= has no unlink",
	    "would record it: Path=/srv/share covers the path" } },
};

static void each_rule_says_why(void **state)
{
	struct uw_filter_env env = { .mntns = 1 };
	struct uw_config *config = NULL;
	struct uw_errors errors = { 0 };
	struct uw_mounts *mounts;
	struct uw_filter *filter;

	(void)state;
	assert_int_equal(uw_config_parse("test", text, sizeof(text) - 1, &uw_names_system, &config,
					 &errors),
			 0);
	assert_int_equal(uw_mounts_parse(mountinfo, sizeof(mountinfo) - 1, &mounts), 0);
	env.mounts = mounts;
	assert_int_equal(uw_filter_new(config, 1, &env, &filter), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t rule = 0; rule < 3; rule++) {
			struct uw_verdict verdict = { 0 };
			struct uw_buf buf = { 0 };

			assert_int_equal(
				uw_explain(filter, &env, rule, &rows[i].supposed, &verdict), 0);
			uw_verdict_add(&verdict, &rows[i].supposed, &buf);
			uw_buf_add(&buf, "", 1);
			if (strcmp(buf.p, rows[i].verdict[rule]))
				fail_msg("%s, rule %zu: %s\nexpected: %s", rows[i].supposed.path,
					 rule, buf.p, rows[i].verdict[rule]);
			uw_buf_free(&buf);
		}
	}
	uw_filter_free(filter);
	uw_mounts_free(mounts);
	uw_config_free(config);
	uw_errors_free(&errors);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
