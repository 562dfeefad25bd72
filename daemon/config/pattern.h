/* SPDX-License-Identifier: MIT */
/*
 * Path patterns, the values of Path= and ExcludePath=. Pure.
 *
 * A pattern covers the paths that it matches and everything below them. `*`, `?` and `[...]` match
 * within one component, hidden names included. A component `**` matches zero or more components.
 * Names are bytes, as in the kernel: `?` matches one byte, and a backslash has no special meaning.
 *
 * fnmatch(3) is no alternative. It has no `**`, depends on the locale, fails on names that are not
 * valid in that locale, and takes exponential time for a hostile name.
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
	size_t fixed;	  /* length of the leading components without wildcards */
};

/*
 * Normalises an absolute path or glob in place: removes empty and `.` components and the trailing
 * slash. Returns 0, or -EINVAL and a message in *ret_problem that says what to write instead.
 */
int uw_pattern_normalize(char *text, const char **ret_problem);

bool uw_pattern_is_glob(const char *text);

/* Makes a pattern of a normalised text. */
struct uw_pattern uw_pattern_of(const char *text);

/*
 * True if the pattern covers the absolute path. Takes at most O(pattern * path) time, however an
 * attacker names a file.
 */
bool uw_pattern_covers(const struct uw_pattern *pattern, const char *path, size_t len);

/* Many patterns. One binary search covers all patterns without wildcards. */
struct uw_pattern_set {
	struct uw_path_index literals; /* group 0; none covers another */
	struct uw_pattern *globs;
	size_t n_globs;
};

/* Borrows the texts. Returns 0 or -ENOMEM. Sets *ret only on success. */
int uw_pattern_set_init(const struct uw_paths *paths, struct uw_pattern_set *ret);

/*
 * The same for patterns. Characters of wildcards within `fixed` are literal, so a pattern whose
 * whole text is fixed has no wildcards.
 */
int uw_pattern_set_of(const struct uw_pattern *patterns, size_t n, struct uw_pattern_set *ret);

void uw_pattern_set_done(struct uw_pattern_set *set);

/* True if any pattern of the set covers the path. */
bool uw_pattern_set_covers(const struct uw_pattern_set *set, const char *path, size_t len);

/*
 * True if any pattern may cover the path, or with `below` something below it, when some of its
 * directories ignore case. It answers true where it cannot decide: bytes beyond ASCII may equal
 * anything, since the rules for them depend on the file system, and so may `[...]` and `**`.
 */
bool uw_pattern_set_may_cover(const struct uw_pattern_set *set, const char *path, size_t len,
			      bool below);

/* True if any pattern may cover something below the path, a directory. */
bool uw_pattern_set_reaches_below(const struct uw_pattern_set *set, const char *path, size_t len);

#endif
