// SPDX-License-Identifier: MIT
/* Tests of daemon/ctl/query.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/query.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* /link leads to /srv/real, and /srv/../x is /x. */
static char *resolve(const char *path)
{
	char *result;

	if (!strncmp(path, "/link", 5) && (path[5] == '/' || !path[5])) {
		assert_true(asprintf(&result, "/srv/real%s", path + 5) > 0);
		return result;
	}
	return strdup(!strncmp(path, "/srv/../", 8) ? path + 7 : path);
}

static bool is_dir(const char *path)
{
	return !strcmp(path, "/srv") || !strcmp(path, "/link") || !strcmp(path, "/");
}

static const struct uw_query_env here = { .cwd = "/srv", .resolve = resolve, .is_dir = is_dir };
static const struct uw_query_env elsewhere = { 0 };

static struct uw_query ask(const struct uw_query_env *env, const char *arg)
{
	struct uw_query query = { 0 };
	const char *problem = "";

	if (uw_query_add(&query, arg, env, &problem))
		fail_msg("%s: %s", arg, problem);
	assert_int_equal(uw_query_seal(&query), 0);
	return query;
}

static void need(const struct uw_query_env *env, const char *arg, const char *path, bool expected)
{
	struct uw_query query = ask(env, arg);

	if (uw_query_covers(&query, path, strlen(path)) != expected)
		fail_msg("%s: %s", arg, path);
	uw_query_done(&query);
}

static void the_directories_above_a_path_are_exact_paths(void **state)
{
	struct uw_query query = { 0 };

	(void)state;
	assert_int_equal(uw_query_add_above(&query, "/srv/data/a"), 0);
	assert_int_equal(uw_query_add_above(&query, "/srv/b"), 0);
	assert_int_equal(query.n_exact, 4);
	assert_string_equal(query.exact[0], "/srv/data/a");
	assert_string_equal(query.exact[1], "/srv/data");
	assert_string_equal(query.exact[2], "/srv");
	assert_string_equal(query.exact[3], "/srv/b");
	uw_query_done(&query);
}

static void arguments_cover_what_they_should(void **state)
{
	static const struct {
		const char *arg, *covered, *not_covered;
	} rows[] = {
		{ "/srv/a", "/srv/a", "/srv/a/b" },
		{ "/srv/a", "/srv/a", "/srv/ab" },
		{ "/srv//./a", "/srv/a", "/srv" },
		{ "/srv/a/", "/srv/a/b", "/srv/ab" },
		{ "./a", "/srv/a", "/a" },
		{ "d/a", "/srv/d/a", "/x/d/a" },
		{ "../x", "/x", "/srv/x" },
		{ "a", "/x/a", "/x/ab" },
		{ "a", "/x/a/b", "/x/b" }, /* a directory of that name */
		{ "*.c", "/x/y.c", "/x/y.h" },
		{ "/srv/*.c", "/srv/y.c", "/srv/d/y.c" },
		{ "/srv/**/*.c", "/srv/d/e/y.c", "/x/y.c" },
		{ "/srv", "/srv/x", "/srvx" }, /* a directory that is there */
		{ ".", "/srv/x", "/x" },
		{ "/", "/x", "x" },
		{ "/link", "/link", "/srv" },	       /* the link itself */
		{ "/link", "/srv/real/x", "/srv/x" },  /* and where it leads */
		{ "/link/x", "/srv/real/x", "/link" }, /* on the way it is followed */
		{ "/link/x", "/link/x", "/link" },     /* a record that was not resolved */
		{ "/link/*.c", "/srv/real/y.c", "/srv/real/y.h" },
		{ "/srv/x[", "/srv/x[", "/srv/x" }, /* no pattern, but a name */
		{ "/srv/a[1]", "/srv/a[1]", "/srv/a2" },
		{ "/srv/a[1]", "/srv/a1", "/srv/a2" },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		need(&here, rows[i].arg, rows[i].covered, true);
		need(&here, rows[i].arg, rows[i].not_covered, false);
	}
}

static void paths_of_another_machine_are_text(void **state)
{
	struct uw_query query = ask(&elsewhere, "/link/x");

	(void)state;
	assert_int_equal(query.n_exact, 1);
	assert_string_equal(query.exact[0], "/link/x");
	assert_int_equal(query.n_wide, 0);
	uw_query_done(&query);
}

static void a_path_takes_no_reading_of_all_records(void **state)
{
	struct uw_query query = ask(&here, "/link/x");

	(void)state;
	assert_int_equal(query.n_exact, 2);
	assert_int_equal(query.n_wide, 0);
	uw_query_done(&query);
}

static void a_directory_that_was_removed_widens(void **state)
{
	struct uw_query query = ask(&here, "/srv/old");

	(void)state;
	assert_false(uw_query_covers(&query, "/srv/old/x", 10));
	assert_int_equal(uw_query_widen(&query, 0), 0);
	assert_int_equal(uw_query_seal(&query), 0);
	assert_true(uw_query_covers(&query, "/srv/old/x", 10));
	assert_false(uw_query_covers(&query, "/srv/older", 10));
	uw_query_done(&query);
}

static void a_summary_may_stand_for_what_is_asked_about(void **state)
{
	static const struct {
		const char *arg, *dir;
		bool expected;
	} reach[] = {
		{ "/srv/a/b", "/srv/a", true },	   { "/srv/a/b", "/", true },
		{ "/srv/a/b", "/srv/ab", false },  { "/srv/a/b", "/srv/a/b/c", true },
		{ "/srv/a/", "/srv/a/b/c", true }, { "/srv/*/x", "/srv/a", true },
		{ "/srv/*/x", "/etc", false },	   { "name", "/etc", true },
	};

	(void)state;
	for (size_t i = 0; i < LEN(reach); i++) {
		struct uw_query query = ask(&here, reach[i].arg);

		if (uw_query_reaches(&query, reach[i].dir, strlen(reach[i].dir)) !=
		    reach[i].expected)
			fail_msg("%s, %s", reach[i].arg, reach[i].dir);
		uw_query_done(&query);
	}
}

static void many_paths_are_one_query(void **state)
{
	struct uw_query query = { 0 };
	const char *problem;
	char arg[32];

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(arg, sizeof(arg), "/srv/%d", i);
		assert_int_equal(uw_query_add(&query, arg, &here, &problem), 0);
		assert_int_equal(uw_query_add(&query, arg, &here, &problem), 0);
		snprintf(arg, sizeof(arg), "name%d", i);
		assert_int_equal(uw_query_add(&query, arg, &here, &problem), 0);
	}
	assert_int_equal(uw_query_seal(&query), 0);
	assert_int_equal(query.n_exact, 100); /* no path twice */
	assert_true(uw_query_covers(&query, "/srv/99", 7));
	assert_true(uw_query_covers(&query, "/x/name99", 9));
	uw_query_done(&query);
}

static void what_means_nothing_is_refused(void **state)
{
	static const struct {
		const struct uw_query_env *env;
		const char *arg, *problem;
	} rows[] = {
		{ &here, "", "empty" },
		{ &here, "x[", "not closed" },
		{ &elsewhere, "./x", "relative" },
		{ &elsewhere, "/srv/../x", ".." },
	};
	struct uw_query query = { 0 };
	const char *problem;

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		problem = "";
		assert_int_equal(uw_query_add(&query, rows[i].arg, rows[i].env, &problem), -EINVAL);
		if (!strstr(problem, rows[i].problem))
			fail_msg("%s: %s", rows[i].arg, problem);
	}
	uw_query_done(&query);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_directories_above_a_path_are_exact_paths),
		cmocka_unit_test(arguments_cover_what_they_should),
		cmocka_unit_test(paths_of_another_machine_are_text),
		cmocka_unit_test(a_path_takes_no_reading_of_all_records),
		cmocka_unit_test(a_directory_that_was_removed_widens),
		cmocka_unit_test(a_summary_may_stand_for_what_is_asked_about),
		cmocka_unit_test(many_paths_are_one_query),
		cmocka_unit_test(what_means_nothing_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
