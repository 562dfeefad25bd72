/* SPDX-License-Identifier: MIT */
/*
 * Turns PATH arguments, as typed, into what to look for in the records. Pure: it asks the system
 * through a struct uw_query_env.
 */
#ifndef UW_CTL_QUERY_H
#define UW_CTL_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "config/pattern.h"

struct uw_query_env {
	const char *cwd; /* absolute; NULL: relative paths are refused */
	/* As in struct uw_filter_env; NULL for the journal of another machine. */
	char *(*resolve)(const char *path);
	bool (*is_dir)(const char *path); /* NULL where resolve is */
};

/*
 * A record has the true path of a file, or if there was no file, the path as it was passed, so a
 * path here is looked for as both. The journal's index finds those in `exact`. Those in `wide` take
 * a scan: everything below a directory, globs, and names anywhere.
 */
struct uw_query {
	char **exact;
	size_t n_exact;
	struct uw_pattern *wide; /* texts are ours */
	size_t n_wide;
	struct uw_pattern_set set; /* of wide */
};

/*
 * Adds an argument: a path, absolute or relative to env->cwd; a glob as in unlinkwatch.conf(5); or
 * a name without a slash, which means that name anywhere. A directory that exists, or a path with a
 * slash at its end, means everything below it. Returns 0, -ENOMEM, or -EINVAL with what is wrong in
 * *ret_problem.
 */
int uw_query_add(struct uw_query *query, const char *arg, const struct uw_query_env *env,
		 const char **ret_problem);

/* Adds everything below exact path i, which turned out to be a directory. Returns 0 or -ENOMEM. */
int uw_query_widen(struct uw_query *query, size_t exact);

/* Adds a path, absolute and tidy, and the directories above it, all as exact. 0 or -ENOMEM. */
int uw_query_add_above(struct uw_query *query, const char *path);

/* Call it after each series of changes. Returns 0 or -ENOMEM. */
int uw_query_seal(struct uw_query *query);

/* Whether the query wants a path: it is one of `exact`, or `wide` covers it. */
bool uw_query_covers(const struct uw_query *query, const char *path, size_t len);

/* The names of the journal fields that hold a path that somebody may ask for; ends with NULL. */
extern const char *const uw_query_fields[];

/* Whether a journal field, "NAME=value", is one of these: then *ret is its value. */
bool uw_query_field(const char *data, size_t len, struct uw_str *ret);

/* Whether it is, and the query wants the path. */
bool uw_query_covers_field(const struct uw_query *query, const char *data, size_t len);

/*
 * Whether something that the query asks for may be, or have been, below the directory.
 */
bool uw_query_reaches(const struct uw_query *query, const char *dir, size_t len);

void uw_query_done(struct uw_query *query);

#endif
