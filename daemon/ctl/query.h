/* SPDX-License-Identifier: MIT */
/*
 * What files a person asks about: PATH arguments as they are typed -> what to look for in the
 * records. Pure: the system is asked through a struct uw_query_env.
 */
#ifndef UW_CTL_QUERY_H
#define UW_CTL_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "config/pattern.h"

struct uw_query_env {
	const char *cwd; /* absolute; NULL: relative paths mean nothing */
	/* As in struct uw_filter_env, and NULL where it is another machine's files. */
	char *(*resolve)(const char *path);
	bool (*is_dir)(const char *path); /* NULL where resolve is */
};

/*
 * Records have the true path of a file, or where there was none, the path as it was typed: a path
 * here stands for both. An index finds the exact ones. Those of `wide` take reading every record:
 * all that is below a directory, globs, and names wherever they are.
 */
struct uw_query {
	char **exact;
	size_t n_exact;
	struct uw_pattern *wide; /* texts are ours */
	size_t n_wide;
	struct uw_pattern_set set; /* of wide */
};

/*
 * Adds an argument: an absolute path or one relative to env->cwd; a directory, for all that is
 * below it, is one that is there or that is typed with a slash at its end; a glob as in
 * unlinkwatch.conf(5); a name without a slash is that name anywhere. Returns 0, -ENOMEM, or -EINVAL
 * with what is wrong in *ret_problem.
 */
int uw_query_add(struct uw_query *query, const char *arg, const struct uw_query_env *env,
		 const char **ret_problem);

/* Adds all that is below an exact path, by its index: it turned out to be a directory. 0 or
 * -ENOMEM. */
int uw_query_widen(struct uw_query *query, size_t exact);

/* To be called after the last change, before the next. Returns 0 or -ENOMEM. */
int uw_query_seal(struct uw_query *query);

/* Whether a path is asked for: one of the exact ones, or one that `wide` covers. */
bool uw_query_covers(const struct uw_query *query, const char *path, size_t len);

/*
 * Whether what is asked for may be below the directory, or have been one above it, which nothing
 * else may tell any more.
 */
bool uw_query_reaches(const struct uw_query *query, const char *dir, size_t len);

void uw_query_done(struct uw_query *query);

#endif
