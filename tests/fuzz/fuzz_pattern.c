// SPDX-License-Identifier: MIT
/*
 * Matches like another matcher, within a bound of calls. The input has a pattern in each line and a
 * path in the last. A second build of pattern.c counts its calls.
 */
#include "glob.h"
#include "config/pattern.h"

#define PATTERNS 8

void __cyg_profile_func_enter(void *function, void *caller);
void __cyg_profile_func_exit(void *function, void *caller);

static size_t calls;

__attribute__((no_instrument_function)) void __cyg_profile_func_enter(void *function, void *caller)
{
	(void)function;
	(void)caller;
	calls++;
}

__attribute__((no_instrument_function)) void __cyg_profile_func_exit(void *function, void *caller)
{
	(void)function;
	(void)caller;
}

/* Returns the line up to a NUL as an absolute path. */
static char *path_of(struct uw_str line)
{
	char *path;

	if (line.len > GLOB_MAX - 2)
		line.len = GLOB_MAX - 2;
	path = malloc(line.len + 2);
	CHECK(path);
	path[0] = '/';
	if (line.len > 0)
		memcpy(path + 1, line.s, line.len);
	path[line.len + 1] = '\0';
	return path;
}

static void check_normal(char *pattern)
{
	char *again = string_of(text(pattern));
	const char *problem = NULL;

	CHECK(pattern[0] == '/' && !strstr(pattern, "//") && !strstr(pattern, "/./"));
	CHECK(pattern[1] == '\0' || pattern[strlen(pattern) - 1] != '/');
	CHECK(uw_pattern_normalize(again, &problem) == 0 && !problem);
	CHECK(!strcmp(again, pattern));
	free(again);
}

/* The calls are bounded by a few for each pair of a byte of the path and one of the pattern. */
static void check_work(const struct uw_pattern *pattern, struct uw_str path)
{
	size_t bound = 8 * (strlen(pattern->text) + 2) * (path.len + 2);

	calls = 0;
	uw_pattern_covers(pattern, path.s, path.len);
	CHECK(calls > 0 && calls <= bound);
}

static void check_covers(char **patterns, size_t n, struct uw_str path)
{
	struct uw_paths paths = { patterns, n };
	struct uw_pattern_set set;
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		struct uw_pattern pattern = uw_pattern_of(patterns[i]);
		bool covers = glob_covers(text(patterns[i]), path);

		CHECK(uw_pattern_covers(&pattern, path.s, path.len) == covers);
		any = any || covers;
		check_work(&pattern, path);
	}
	CHECK(uw_pattern_set_init(&paths, &set) == 0);
	CHECK(uw_pattern_set_covers(&set, path.s, path.len) == any);
	uw_pattern_set_done(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct uw_str input = { (const char *)data, size }, line = take(&input, "\n");
	char *patterns[PATTERNS], *last, *path;
	const char *problem;
	size_t n = 0;

	while (input.len > 0 && n < PATTERNS) {
		problem = NULL;
		last = path_of(line);
		line = take(&input, "\n");
		if (uw_pattern_normalize(last, &problem) == 0) {
			check_normal(last);
			patterns[n++] = last;
		} else {
			CHECK(problem);
			free(last);
		}
	}
	last = path_of(line);
	path = copy_of(last, strlen(last)); /* without a NUL at the end */
	check_covers(patterns, n, (struct uw_str){ path, strlen(last) });
	while (n > 0)
		free(patterns[--n]);
	free(last);
	free(path);
	return 0;
}
