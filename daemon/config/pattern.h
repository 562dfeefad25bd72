/* SPDX-License-Identifier: MIT */
/*
 * Path patterns: what Path= and ExcludePath= hold. Pure.
 *
 * A pattern covers a path that it matches, and everything below. `*`, `?` and `[...]` match within
 * one component, hidden names included; a component `**` matches any number of components, none
 * included. Names are bytes here, as they are for the kernel: `?` is one byte, a backslash is just
 * a backslash.
 *
 * Why not fnmatch(3): it has no `**`, its answer depends on the locale, it fails on names that are
 * not valid in that locale, and a hostile name can make it take exponential time.
 */
#ifndef UW_PATTERN_H
#define UW_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/path_index.h"
#include "config/config.h"

/* One pattern. The text is borrowed. */
struct uw_pattern {
	const char *text; /* normalised */
	size_t fixed;	  /* so many bytes of whole components have no wildcard: compared first */
};

/*
 * Brings an absolute path or glob to its normal form, in place: without empty and `.` components
 * and without a trailing slash. Returns 0, or -EINVAL with what is wrong, and what to write
 * instead, in *ret_problem.
 */
int uw_pattern_normalize(char *text, const char **ret_problem);

bool uw_pattern_is_glob(const char *text);

/* Text as uw_pattern_normalize() left it. */
struct uw_pattern uw_pattern_of(const char *text);

/*
 * Whether pattern covers a path, given with its length and absolute. Costs O(pattern * path) at the
 * most, whatever an attacker names a file.
 */
bool uw_pattern_covers(const struct uw_pattern *pattern, const char *path, size_t len);

/* Many patterns. Those without wildcards cost one binary search, however many there are. */
struct uw_pattern_set {
	struct uw_path_index literals; /* group 0; none covers another */
	struct uw_pattern *globs;
	size_t n_globs;
};

/* The texts stay borrowed. Returns 0 or -ENOMEM; *ret is only touched on success. */
int uw_pattern_set_init(const struct uw_paths *paths, struct uw_pattern_set *ret);

/*
 * The same of patterns, whose `fixed` part may hold the characters of wildcards: it stands for
 * itself. Where that is the whole text, a pattern is one without wildcards.
 */
int uw_pattern_set_of(const struct uw_pattern *patterns, size_t n, struct uw_pattern_set *ret);

void uw_pattern_set_done(struct uw_pattern_set *set);

/* Whether any pattern of the set covers the path. */
bool uw_pattern_set_covers(const struct uw_pattern_set *set, const char *path, size_t len);

#endif
