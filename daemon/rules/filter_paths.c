// SPDX-License-Identifier: MIT
#include "rules/filter_paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- rules */

/* Appends to ret the pattern with the links in its fixed part followed, if it has any. */
static int follow(struct uw_path_rules *rules, const struct uw_pattern *pattern,
		  struct uw_pattern *ret, size_t *ret_n)
{
	char *prefix, *real, *text;
	bool same;
	int len, r;

	if (pattern->fixed == 0)
		return 0;
	prefix = strndup(pattern->text, pattern->fixed);
	if (!prefix)
		return -ENOMEM;
	r = uw_symlinks_follow(rules->env.links, prefix, &real);
	same = r == 0 && !strcmp(real, prefix);
	free(prefix);
	if (r < 0)
		return r;
	if (same) {
		free(real);
		return 0;
	}
	if (!strcmp(real, "/"))
		*real = '\0';
	len = asprintf(&text, "%s%s", real, pattern->text + pattern->fixed);
	if (len >= 0) {
		rules->text[rules->n_texts++] = text;
		ret[(*ret_n)++] = (struct uw_pattern){ .text = text, .fixed = strlen(real) };
	}
	free(real);
	return len < 0 ? -ENOMEM : 0;
}

static int compile_set(struct uw_path_rules *rules, const struct uw_paths *paths,
		       struct uw_pattern_set *ret)
{
	struct uw_pattern *patterns = calloc(2 * paths->n + 1, sizeof(*patterns));
	size_t n = 0;
	int r = 0;

	if (!patterns)
		return -ENOMEM;
	for (size_t i = 0; i < paths->n && r == 0; i++) {
		struct uw_pattern pattern = uw_pattern_of(paths->path[i]);

		patterns[n++] = pattern;
		if (rules->env.links)
			r = follow(rules, &pattern, patterns, &n);
	}
	if (r == 0)
		r = uw_pattern_set_of(patterns, n, ret);
	free(patterns);
	return r;
}

int uw_path_rules_init(struct uw_path_rules *rules, const struct uw_config *config,
		       const struct uw_filter_env *env)
{
	size_t texts = 1;
	int r = 0;

	*rules = (struct uw_path_rules){ .n = config->n_rules };
	if (env)
		rules->env = *env;
	for (size_t i = 0; i < config->n_rules; i++)
		texts += config->rules[i].path.n + config->rules[i].exclude.n;
	rules->rule = calloc(rules->n + 1, sizeof(*rules->rule));
	rules->text = calloc(texts, sizeof(*rules->text));
	if (!rules->rule || !rules->text)
		return -ENOMEM;
	for (size_t i = 0; i < config->n_rules && r == 0; i++) {
		const struct uw_rule *rule = &config->rules[i];

		r = compile_set(rules, &rule->path, &rules->rule[i].path);
		if (r == 0)
			r = compile_set(rules, &rule->exclude, &rules->rule[i].exclude);
		if (rule->path.n == 0)
			rules->pathless |= (uint64_t)1 << i;
	}
	return r;
}

void uw_path_rules_done(struct uw_path_rules *rules)
{
	for (size_t i = 0; rules->rule && i < rules->n; i++) {
		uw_pattern_set_done(&rules->rule[i].path);
		uw_pattern_set_done(&rules->rule[i].exclude);
	}
	for (size_t i = 0; i < rules->n_texts; i++)
		free(rules->text[i]);
	free(rules->rule);
	free(rules->text);
	*rules = (struct uw_path_rules){ 0 };
}

/* ---- records */

/*
 * A place may have many paths. One that Path= or ExcludePath= covers is enough. A path that another
 * mount hides still leads there for a process that opened a directory before, so it counts for
 * Path=. It does not count for ExcludePath=: who hides a place could exclude it.
 */
struct verdict {
	const struct uw_path_rules *rules;
	bool moves_dir; /* what is below the place goes with it */
	bool casefold;	/* upper and lower case may be the same there */
	uint64_t left, included, excluded;
};

static struct verdict new_verdict(const struct uw_path_rules *rules, const struct uw_record *record,
				  uint64_t left)
{
	return (struct verdict){
		.rules = rules,
		.moves_dir = record->moves_dir,
		.casefold = record->casefold,
		.left = left,
	};
}

static uint64_t accepted(const struct verdict *verdict)
{
	return verdict->left & (verdict->rules->pathless | verdict->included) & ~verdict->excluded;
}

static uint64_t lowest(uint64_t bits, unsigned int *ret_rule)
{
	*ret_rule = (unsigned int)__builtin_ctzll(bits);
	return bits & (bits - 1);
}

static bool includes(const struct verdict *verdict, const struct uw_pattern_set *set,
		     const char *path, size_t len)
{
	return uw_pattern_set_covers(set, path, len) ||
	       (verdict->moves_dir && uw_pattern_set_reaches_below(set, path, len)) ||
	       (verdict->casefold && uw_pattern_set_may_cover(set, path, len, verdict->moves_dir));
}

static void consider(struct verdict *verdict, const char *path, size_t len, bool visible)
{
	uint64_t bits = verdict->left & ~verdict->excluded;
	unsigned int i;

	while (bits) {
		const struct uw_path_rule *rule;

		bits = lowest(bits, &i);
		rule = &verdict->rules->rule[i];
		if (visible && uw_pattern_set_covers(&rule->exclude, path, len))
			verdict->excluded |= (uint64_t)1 << i;
		else if (!(verdict->included >> i & 1) && includes(verdict, &rule->path, path, len))
			verdict->included |= (uint64_t)1 << i;
	}
}

static void consider_place(struct verdict *verdict, uint32_t dev, const char *inner, size_t len)
{
	struct uw_host_paths paths;
	size_t n;

	uw_host_paths_begin(&paths, verdict->rules->env.mounts, dev, inner, len, true);
	while (uw_host_paths_next(&paths, &n))
		consider(verdict, paths.path, n, paths.visible);
}

/*
 * The file system is known, and the beginning of the path is lost. Path= may cover the place if it
 * may cover something below a mount of that file system. The end of the path says nothing, as a
 * pattern covers everything below what it matches.
 */
static void consider_device(struct verdict *verdict, uint32_t dev)
{
	const struct uw_mounts *mounts = verdict->rules->env.mounts;

	for (size_t i = 0; i < mounts->n; i++) {
		const struct uw_mount *m = &mounts->mount[i];
		uint64_t bits = verdict->left & ~verdict->included;
		unsigned int rule;

		while (m->dev == dev && bits) {
			const struct uw_pattern_set *set;

			bits = lowest(bits, &rule);
			set = &verdict->rules->rule[rule].path;
			if (uw_pattern_set_covers(set, m->point, m->point_len) ||
			    uw_pattern_set_reaches_below(set, m->point, m->point_len))
				verdict->included |= (uint64_t)1 << rule;
		}
	}
}

/* Considers a host path, and the other paths of the place that it stands for. */
static void consider_text(struct verdict *verdict, const char *path, size_t len)
{
	const struct uw_mount *mount;
	char inner[4 * UW_PATH_MAX];
	size_t n;

	consider(verdict, path, len, true);
	mount = uw_mounts_find(verdict->rules->env.mounts, path, len);
	n = mount ? uw_mount_inner(mount, path, len, inner, sizeof(inner)) : SIZE_MAX;
	if (n != SIZE_MAX)
		consider_place(verdict, mount->dev, inner, n);
}

/*
 * The kernel did not find the name, so only its text is known. The name may cross mount points:
 * the place of the record yields the host paths, which are then looked up as texts. Below a hidden
 * mount it crosses none of the visible ones.
 */
static void consider_lexical(struct verdict *verdict, const struct uw_record *record)
{
	struct uw_host_paths paths;
	size_t n;

	uw_host_paths_begin(&paths, verdict->rules->env.mounts, record->dev, record->fspath.s,
			    record->fspath.len, true);
	while (uw_host_paths_next(&paths, &n))
		if (paths.mount->visible)
			consider_text(verdict, paths.path, n);
		else
			consider(verdict, paths.path, n, false);
}

static bool placed(const struct uw_record *record)
{
	return record->dev_known && record->fspath.len > 0;
}

static bool has_whole_path(const struct uw_record *record)
{
	return record->path_state != UW_PATH_UNKNOWN && record->path_state != UW_PATH_TRUNCATED;
}

/* Whether the path is on a mount of the host's namespace. */
static bool is_at_home(const struct uw_filter_env *env, const struct uw_record *record)
{
	/* For a kernel thread the mount is not known, whatever its namespace. */
	return env->mntns && record->mntns == env->mntns && !record->detached &&
	       record->via != UW_VIA_KERNEL;
}

/* Returns false if too little is known to exclude anything. */
static bool consider_record(struct verdict *verdict, const struct uw_record *record)
{
	const struct uw_filter_env *env = &verdict->rules->env;
	bool whole = has_whole_path(record), at_home = is_at_home(env, record), known;

	if (record->unplaced)
		return false;
	if (!env->mounts || !record->dev_known) {
		if (whole && !record->detached)
			consider(verdict, record->path.s, record->path.len, true);
		return whole && !record->detached;
	}
	known = uw_mounts_know(env->mounts, record->dev);
	if (placed(record) && record->found && known) {
		consider_place(verdict, record->dev, record->fspath.s, record->fspath.len);
		return true;
	}
	/* Paths of the host hold on the host, also on a mount not known yet. */
	if (at_home && whole) {
		if (record->found)
			consider(verdict, record->path.s, record->path.len, true);
		else
			consider_text(verdict, record->path.s, record->path.len);
		return true;
	}
	/* The host may have unmounted a moment ago what is detached now. */
	if (!known)
		return !at_home && !record->detached;
	if (record->found) {
		consider_device(verdict, record->dev);
		return true;
	}
	if (placed(record))
		consider_lexical(verdict, record);
	else if (whole)
		consider_text(verdict, record->path.s, record->path.len);
	return placed(record) || whole;
}

uint64_t uw_path_rules_match(const struct uw_path_rules *rules, const struct uw_record *record,
			     uint64_t left)
{
	struct verdict verdict = new_verdict(rules, record, left);
	uint64_t wanted;

	if (!consider_record(&verdict, record))
		return left;
	wanted = accepted(&verdict);
	if (!record->upper.len || !rules->env.mounts)
		return wanted;
	/* The same file has a place of its own in the upper directory. */
	verdict = new_verdict(rules, record, left);
	consider_place(&verdict, record->upper_dev, record->upper.s, record->upper.len);
	return wanted | accepted(&verdict);
}

uint64_t uw_path_rules_match_path(const struct uw_path_rules *rules, const struct uw_record *record,
				  uint64_t left)
{
	struct verdict verdict = new_verdict(rules, record, left);

	if (record->unplaced)
		return left;
	if (!is_at_home(&rules->env, record) || !has_whole_path(record))
		return 0;
	consider(&verdict, record->path.s, record->path.len, true);
	return accepted(&verdict);
}

bool uw_path_rules_host_path(const struct uw_path_rules *rules, const struct uw_record *record,
			     uint64_t matches, struct uw_host_paths *ret, size_t *ret_len)
{
	const struct uw_mounts *mounts = rules->env.mounts;
	struct uw_str inner = record->fspath;
	struct verdict verdict;

	if (!mounts || !placed(record) || !record->found)
		return false;
	for (int hidden = 0; hidden < 2 && matches & ~rules->pathless; hidden++) {
		uw_host_paths_begin(ret, mounts, record->dev, inner.s, inner.len, hidden);
		while (uw_host_paths_next(ret, ret_len)) {
			verdict = (struct verdict){
				.rules = rules,
				.casefold = record->casefold,
				.left = matches,
			};
			consider(&verdict, ret->path, *ret_len, ret->visible);
			if (verdict.included)
				return true;
		}
	}
	return uw_host_paths_one(ret, mounts, record->dev, inner.s, inner.len, ret_len);
}

/* ---- directories below which all is decided alike */

/* How many directories are tried, from the one of the file upwards. */
#define TOP_TRIES 8

/* Whether a pattern may tell apart what is below the path. */
static bool divides(const struct uw_pattern_set *set, const char *path, size_t len)
{
	return uw_pattern_set_reaches_below(set, path, len) &&
	       !uw_pattern_set_covers(set, path, len);
}

/* Whether something below a host path belongs to another mount, or a rule may tell it apart. */
static bool is_divided(const struct uw_path_rules *rules, uint64_t left, const char *path,
		       size_t len)
{
	unsigned int i;

	if (uw_path_index_has_below(&rules->env.mounts->all, 0, path, len))
		return true;
	while (left) {
		left = lowest(left, &i);
		if (divides(&rules->rule[i].path, path, len) ||
		    divides(&rules->rule[i].exclude, path, len))
			return true;
	}
	return false;
}

/* The same for a directory of a file system, by all host paths that it has. */
static bool is_place_divided(const struct uw_path_rules *rules, uint64_t left, uint32_t dev,
			     struct uw_str inner)
{
	struct uw_host_paths paths;
	size_t len;

	if (uw_path_index_has_below(&rules->env.mounts->roots, dev, inner.s, inner.len))
		return true;
	uw_host_paths_begin(&paths, rules->env.mounts, dev, inner.s, inner.len, true);
	while (uw_host_paths_next(&paths, &len))
		if (is_divided(rules, left, paths.path, len))
			return true;
	return false;
}

size_t uw_path_rules_top(const struct uw_path_rules *rules, const struct uw_record *record)
{
	const char *path = record->path.s, *inner = record->fspath.s, *slash;
	uint64_t none = rules->n < UW_RULES_MAX ? UINT64_MAX << rules->n : 0;
	uint64_t left = record->rules & ~none;
	size_t len = record->path.len, top = 0, i;

	if (!rules->env.mounts || !placed(record) || !record->found || record->unplaced ||
	    record->casefold || record->moves_dir || record->upper.len ||
	    !uw_mounts_know(rules->env.mounts, record->dev))
		return 0;
	/* Upwards while both paths end alike. */
	for (i = 0; i < TOP_TRIES; i++) {
		size_t rest;

		slash = len ? memrchr(path, '/', len) : NULL;
		if (!slash || slash == path)
			break;
		len = (size_t)(slash - path);
		rest = record->path.len - len;
		if (rest > record->fspath.len ||
		    memcmp(slash, inner + record->fspath.len - rest, rest) ||
		    is_place_divided(rules, left, record->dev,
				     (struct uw_str){ inner, record->fspath.len - rest }))
			break;
		top = len;
	}
	return top;
}
