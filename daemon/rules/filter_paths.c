// SPDX-License-Identifier: MIT
/*
 * Where a deletion was, and which rules want that.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/filter_paths.h"

/* ---- rules */

/* The pattern with its fixed part as the links in it lead, in *ret, if that makes a difference. */
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

/* One place may have many paths: one covered by Path= is enough, and so is one excluded. */
struct verdict {
	const struct uw_path_rules *rules;
	uint64_t left, included, excluded;
};

static uint64_t lowest(uint64_t bits, unsigned int *ret_rule)
{
	*ret_rule = (unsigned int)__builtin_ctzll(bits);
	return bits & (bits - 1);
}

static void consider(struct verdict *verdict, const char *path, size_t len)
{
	uint64_t bits = verdict->left & ~verdict->excluded;
	unsigned int i;

	while (bits) {
		const struct uw_path_rule *rule;

		bits = lowest(bits, &i);
		rule = &verdict->rules->rule[i];
		if (uw_pattern_set_covers(&rule->exclude, path, len))
			verdict->excluded |= (uint64_t)1 << i;
		else if (!(verdict->included >> i & 1) &&
			 uw_pattern_set_covers(&rule->path, path, len))
			verdict->included |= (uint64_t)1 << i;
	}
}

static void consider_place(struct verdict *verdict, uint32_t dev, const char *inner, size_t len)
{
	struct uw_host_paths paths;
	size_t n;

	uw_host_paths_begin(&paths, verdict->rules->env.mounts, dev, inner, len, false);
	while (uw_host_paths_next(&paths, &n))
		consider(verdict, paths.path, n);
}

/* A path of the host, as a text, stands for a place, which may have other paths, too. */
static void consider_text(struct verdict *verdict, const char *path, size_t len)
{
	const struct uw_mount *mount;
	char inner[4 * UW_PATH_MAX];
	size_t n;

	consider(verdict, path, len);
	mount = uw_mounts_find(verdict->rules->env.mounts, path, len);
	n = mount ? uw_mount_inner(mount, path, len, inner, sizeof(inner)) : SIZE_MAX;
	if (n != SIZE_MAX)
		consider_place(verdict, mount->dev, inner, n);
}

/*
 * A name that was not found: all is text. It may lead across mount points, so the one mount that
 * the directory is in only gives the path to begin with.
 */
static void consider_lexical(struct verdict *verdict, const struct uw_record *record)
{
	struct uw_host_paths paths;
	size_t n;

	uw_host_paths_begin(&paths, verdict->rules->env.mounts, record->dev, record->fspath.s,
			    record->fspath.len, true);
	while (uw_host_paths_next(&paths, &n))
		consider_text(verdict, paths.path, n);
}

static bool placed(const struct uw_record *record)
{
	return record->dev_known && record->fspath.len > 0;
}

static bool has_whole_path(const struct uw_record *record)
{
	return record->path_state != UW_PATH_UNKNOWN && record->path_state != UW_PATH_TRUNCATED;
}

/* What its process sees is the host's tree. */
static bool is_at_home(const struct uw_filter_env *env, const struct uw_record *record)
{
	/* A kernel thread is nowhere: the mount that it was asked through is not known. */
	return env->mntns && record->mntns == env->mntns && record->via != UW_VIA_KERNEL;
}

/* Returns false where too little is known to rule anything out. */
static bool consider_record(struct verdict *verdict, const struct uw_record *record)
{
	const struct uw_filter_env *env = &verdict->rules->env;
	bool whole = has_whole_path(record), at_home = is_at_home(env, record);

	if (!env->mounts || !record->dev_known) {
		if (whole)
			consider(verdict, record->path.s, record->path.len);
		return whole;
	}
	if (placed(record) && record->found && uw_mounts_know(env->mounts, record->dev)) {
		consider_place(verdict, record->dev, record->fspath.s, record->fspath.len);
		return true;
	}
	/* What the host's own processes see is the host's; with a new mount, before it is known. */
	if (at_home && whole) {
		if (record->found)
			consider(verdict, record->path.s, record->path.len);
		else
			consider_text(verdict, record->path.s, record->path.len);
		return true;
	}
	if (!uw_mounts_know(env->mounts, record->dev))
		return !at_home;
	if (placed(record))
		consider_lexical(verdict, record);
	else if (whole)
		consider_text(verdict, record->path.s, record->path.len);
	return placed(record) || whole;
}

uint64_t uw_path_rules_match(const struct uw_path_rules *rules, const struct uw_record *record,
			     uint64_t left)
{
	struct verdict verdict = { .rules = rules, .left = left };

	if (!consider_record(&verdict, record))
		return left;
	return left & (rules->pathless | verdict.included) & ~verdict.excluded;
}

uint64_t uw_path_rules_match_path(const struct uw_path_rules *rules, const struct uw_record *record,
				  uint64_t left)
{
	struct verdict verdict = { .rules = rules, .left = left };

	if (!is_at_home(&rules->env, record) || !has_whole_path(record))
		return 0;
	consider(&verdict, record->path.s, record->path.len);
	return left & (rules->pathless | verdict.included) & ~verdict.excluded;
}

bool uw_path_rules_host_path(const struct uw_path_rules *rules, const struct uw_record *record,
			     uint64_t matches, struct uw_host_paths *ret, size_t *ret_len)
{
	const struct uw_mounts *mounts = rules->env.mounts;
	struct verdict verdict;

	if (!mounts || !placed(record) || !record->found)
		return false;
	uw_host_paths_begin(ret, mounts, record->dev, record->fspath.s, record->fspath.len, false);
	while (uw_host_paths_next(ret, ret_len)) {
		verdict = (struct verdict){ .rules = rules, .left = matches };
		consider(&verdict, ret->path, *ret_len);
		if (verdict.included)
			return true;
	}
	uw_host_paths_begin(ret, mounts, record->dev, record->fspath.s, record->fspath.len, false);
	return uw_host_paths_next(ret, ret_len);
}
