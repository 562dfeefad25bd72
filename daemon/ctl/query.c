// SPDX-License-Identifier: MIT
#include "ctl/query.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/path_index.h"

const char *const uw_query_fields[] = {
	"UNLINK_PATH",		"UNLINK_HOST_PATH",   "UNLINK_UPPER_PATH",	 "UNLINK_MOVED_TO",
	"UNLINK_HOST_MOVED_TO", "UNLINK_REPLACED_BY", "UNLINK_HOST_REPLACED_BY", NULL,
};

static const char dotdot[] = "a .. component that cannot be followed; write the path without it";

static int add_exact(struct uw_query *query, char *path)
{

	for (size_t i = 0; i < query->n_exact; i++) {
		if (!strcmp(query->exact[i], path)) {
			free(path);
			return 0;
		}
	}
	if (!uw_array_room(query->exact, query->n_exact)) {
		free(path);
		return -ENOMEM;
	}
	query->exact[query->n_exact++] = path;
	return 0;
}

/* Adds a pattern and takes over its text, whose first `fixed` bytes stand for themselves. */
static int add_wide(struct uw_query *query, char *text, size_t fixed)
{
	if (!uw_array_room(query->wide, query->n_wide)) {
		free(text);
		return -ENOMEM;
	}
	query->wide[query->n_wide++] = (struct uw_pattern){ .text = text, .fixed = fixed };
	return 0;
}

/* All that is below a directory. */
static int add_tree(struct uw_query *query, const char *path)
{
	char *text = strdup(strcmp(path, "/") ? path : "");

	return text ? add_wide(query, text, strlen(text)) : -ENOMEM;
}

/* Drops empty and `.` components of an absolute path. False if it has a `..`, which text alone
 * cannot follow. */
static bool tidy(char *path)
{
	char *out = path, *in = path;

	while (*in) {
		size_t len;

		in++; /* the slash */
		len = strcspn(in, "/");
		if (len == 2 && !memcmp(in, "..", 2))
			return false;
		if (len > 0 && !(len == 1 && *in == '.')) {
			*out++ = '/';
			memmove(out, in, len);
			out += len;
		}
		in += len;
	}
	if (out == path)
		*out++ = '/';
	*out = '\0';
	return true;
}

/* Adds a glob, and the same glob with the links in its directory followed. `path` is absolute. */
static int add_glob(struct uw_query *query, const char *path, const struct uw_query_env *env,
		    const char **ret_problem)
{
	struct uw_pattern pattern;
	char *text = strdup(path), *dir, *real, *whole;
	int r;

	if (!text)
		return -ENOMEM;
	r = uw_pattern_normalize(text, ret_problem);
	if (r < 0) {
		free(text);
		return r;
	}
	pattern = uw_pattern_of(text);
	dir = env->resolve && pattern.fixed ? strndup(text, pattern.fixed) : NULL;
	r = add_wide(query, text, pattern.fixed);
	if (r < 0 || !dir) {
		free(dir);
		return r;
	}
	real = env->resolve(dir);
	r = real ? 0 : -ENOMEM;
	if (real && strcmp(real, dir)) {
		if (!strcmp(real, "/"))
			*real = '\0';
		r = asprintf(&whole, "%s%s", real, text + pattern.fixed) < 0
			    ? -ENOMEM
			    : add_wide(query, whole, strlen(real));
	}
	free(real);
	free(dir);
	return r;
}

/* The path with links followed, but not in its last component, which is what was deleted. */
static char *resolve_parent(const char *path, const struct uw_query_env *env)
{
	const char *slash = strrchr(path, '/');
	char *parent, *real, *whole = NULL;

	parent = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	real = parent ? env->resolve(parent) : NULL;
	if (real && asprintf(&whole, "%s%s", strcmp(real, "/") ? real : "", slash) < 0)
		whole = NULL;
	free(parent);
	free(real);
	return whole;
}

/* Adds a path, which it frees, and if asked for, everything below it. */
static int add_literal(struct uw_query *query, char *path, bool below)
{
	int r = 0;

	if (!path)
		return -ENOMEM;
	if (below)
		r = add_tree(query, path);
	if (r < 0) {
		free(path);
		return r;
	}
	return add_exact(query, path);
}

/* `path` is absolute, and ends in a slash if it means a directory. */
static int add_path(struct uw_query *query, const char *path, const struct uw_query_env *env,
		    const char **ret_problem)
{
	size_t len = strlen(path);
	char *text = strdup(path), *real;
	bool below, followed;
	int r = 0;

	if (!text)
		return -ENOMEM;
	followed = tidy(text);
	below = path[len - 1] == '/' || (env->is_dir && env->is_dir(followed ? text : path));
	if (env->resolve && strcmp(text, "/")) {
		/* Only the file system can follow a `..`, if the directory exists. */
		real = followed ? resolve_parent(text, env) : env->resolve(path);
		if (real && !tidy(real)) {
			free(real);
			free(text);
			*ret_problem = dotdot;
			return -EINVAL;
		}
		r = add_literal(query, real, below);
		if (r == 0 && below && followed)
			r = add_literal(query, env->resolve(text), true);
	} else if (!followed) {
		*ret_problem = dotdot;
		r = -EINVAL;
	}
	if (r == 0 && followed)
		return add_literal(query, text, below);
	free(text);
	return r;
}

int uw_query_add(struct uw_query *query, const char *arg, const struct uw_query_env *env,
		 const char **ret_problem)
{
	bool bare = !strchr(arg, '/') && strcmp(arg, ".") && strcmp(arg, "..");
	char *path;
	int r;

	if (!*arg) {
		*ret_problem = "an empty path";
		return -EINVAL;
	}
	if (*arg != '/' && !bare && !env->cwd) {
		*ret_problem =
			"a relative path, but the working directory is not known, or of another "
			"machine; write an absolute one";
		return -EINVAL;
	}
	if (*arg == '/')
		path = strdup(arg);
	else if (asprintf(&path, "%s/%s", bare ? "/**" : env->cwd, arg) < 0)
		path = NULL;
	if (!path)
		return -ENOMEM;
	r = 0;
	if (bare || uw_pattern_is_glob(path))
		r = add_glob(query, path, env, ret_problem);
	/* It may still be the name of a file, as it is. */
	if (r == -EINVAL && !bare)
		r = 0;
	if (r == 0 && !bare)
		r = add_path(query, path, env, ret_problem);
	free(path);
	return r;
}

int uw_query_widen(struct uw_query *query, size_t exact)
{
	return add_tree(query, query->exact[exact]);
}

int uw_query_add_above(struct uw_query *query, const char *path)
{
	size_t len = strlen(path);
	int r = 0;

	while (len && r == 0) {
		char *copy = strndup(path, len);

		r = copy ? add_exact(query, copy) : -ENOMEM;
		while (len && path[--len] != '/')
			;
	}
	return r;
}

int uw_query_seal(struct uw_query *query)
{
	uw_pattern_set_done(&query->set);
	return uw_pattern_set_of(query->wide, query->n_wide, &query->set);
}

bool uw_query_covers(const struct uw_query *query, const char *path, size_t len)
{
	for (size_t i = 0; i < query->n_exact; i++)
		if (strlen(query->exact[i]) == len && !memcmp(query->exact[i], path, len))
			return true;
	return uw_pattern_set_covers(&query->set, path, len);
}

bool uw_query_field(const char *data, size_t len, struct uw_str *ret)
{
	for (size_t i = 0; uw_query_fields[i]; i++) {
		size_t n = strlen(uw_query_fields[i]);

		if (len > n && data[n] == '=' && !memcmp(data, uw_query_fields[i], n)) {
			*ret = (struct uw_str){ data + n + 1, len - n - 1 };
			return true;
		}
	}
	return false;
}

bool uw_query_covers_field(const struct uw_query *query, const char *data, size_t len)
{
	struct uw_str path;

	return uw_query_field(data, len, &path) && uw_query_covers(query, path.s, path.len);
}

bool uw_query_reaches(const struct uw_query *query, const char *dir, size_t len)
{
	if (len == 1 && *dir == '/')
		len = 0; /* as uw_path_index_covers() has the root */
	for (size_t i = 0; i < query->n_exact; i++) {
		const char *exact = query->exact[i];

		if (uw_path_index_covers(dir, len, exact, strlen(exact)) ||
		    uw_path_index_covers(exact, strlen(exact), dir, len))
			return true;
	}
	for (size_t i = 0; i < query->n_wide; i++) {
		const struct uw_pattern *wide = &query->wide[i];

		if (uw_path_index_covers(dir, len, wide->text, wide->fixed) ||
		    uw_path_index_covers(wide->text, wide->fixed, dir, len))
			return true;
	}
	return false;
}

void uw_query_done(struct uw_query *query)
{
	for (size_t i = 0; i < query->n_exact; i++)
		free(query->exact[i]);
	for (size_t i = 0; i < query->n_wide; i++)
		free((char *)query->wide[i].text);
	free(query->exact);
	free(query->wide);
	uw_pattern_set_done(&query->set);
	*query = (struct uw_query){ 0 };
}
