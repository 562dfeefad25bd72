// SPDX-License-Identifier: MIT
/*
 * The lists of a rule: paths and users, and whether they leave anything to match.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_draft.h"
#include "config/pattern.h"

#define UID_LAST (UINT32_MAX - 1) /* (uid_t)-1 means "none" to the kernel */
#define DIGITS	 "0123456789"

int uw_draft_add_path(struct uw_draft *draft, struct uw_paths *paths, char *word)
{
	const char *problem;
	char **grown;
	int r;

	if (word[0] != '/' && !strchr(word, '/'))
		return uw_draft_mistake(draft,
					"\"%s\" is not absolute; write /**/%s for that name "
					"anywhere",
					UW_SHOWN(word), UW_SHOWN(word));
	if (strlen(word) >= UW_PATH_MAX)
		return uw_draft_mistake(draft,
					"\"%s\" is longer than %d bytes; name a directory above it",
					UW_SHOWN(word), UW_PATH_MAX - 1);
	r = uw_pattern_normalize(word, &problem);
	if (r < 0)
		return uw_draft_mistake(draft, "\"%s\": %s", UW_SHOWN(word), problem);
	if (draft->n_paths > UW_CONFIG_PATHS_MAX)
		return 0; /* has been said */
	if (draft->n_paths++ == UW_CONFIG_PATHS_MAX)
		return uw_draft_mistake(draft,
					"more than %d paths in all rules; name directories above "
					"them or use globs",
					UW_CONFIG_PATHS_MAX);

	/* No capacity is kept: the array grows whenever its length reaches a power of two. */
	if ((paths->n & (paths->n - 1)) == 0) {
		grown = reallocarray(paths->path, paths->n ? 2 * paths->n : 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		paths->path = grown;
	}
	paths->path[paths->n] = strdup(word);
	if (!paths->path[paths->n])
		return -ENOMEM;
	paths->n++;
	return 0;
}

void uw_draft_reset_paths(struct uw_draft *draft, struct uw_paths *paths)
{
	draft->n_paths -= paths->n;
	for (size_t i = 0; i < paths->n; i++)
		free(paths->path[i]);
	free(paths->path);
	*paths = (struct uw_paths){ 0 };
}

void uw_draft_reset_uids(struct uw_draft *draft, struct uw_uids *uids)
{
	draft->n_uids -= uids->n;
	free(uids->range);
	uids->range = NULL;
	uids->n = 0;
}

static int add_range(struct uw_draft *draft, struct uw_uids *uids, uid_t first, uid_t last)
{
	struct uw_uid_range *grown, *previous = uids->n ? &uids->range[uids->n - 1] : NULL;

	if (previous && first > previous->first && first - 1 <= previous->last) {
		if (last > previous->last)
			previous->last = last;
		return 0;
	}
	if (draft->n_uids > UW_CONFIG_UIDS_MAX)
		return 0; /* has been said */
	if (draft->n_uids++ == UW_CONFIG_UIDS_MAX)
		return uw_draft_mistake(draft,
					"more than %d users in all rules; use ranges of uids",
					UW_CONFIG_UIDS_MAX);
	if ((uids->n & (uids->n - 1)) == 0) {
		grown = reallocarray(uids->range, uids->n ? 2 * uids->n : 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		uids->range = grown;
	}
	uids->range[uids->n++] = (struct uw_uid_range){ first, last };
	return 0;
}

/* Notes a mistake and returns 0, or returns 1, or -ENOMEM. */
static int parse_uid(struct uw_draft *draft, const char *digits, size_t len, uid_t *ret)
{
	uint64_t value = 0;

	if (len > 1 && digits[0] == '0')
		return uw_draft_mistake(draft,
					"uid \"%.*s\" has a leading zero; uids are decimal, write "
					"it without",
					len > 20 ? 20 : (int)len, digits);
	for (size_t i = 0; i < len && value <= UINT32_MAX; i++)
		value = value * 10 + (uint64_t)(digits[i] - '0');
	if (value > UID_LAST)
		return uw_draft_mistake(draft, "uid \"%.*s\" is not valid; the largest is %u",
					len > 20 ? 20 : (int)len, digits, UID_LAST);
	*ret = (uid_t)value;
	return 1;
}

static int add_number(struct uw_draft *draft, struct uw_uids *uids, const char *word)
{
	size_t len = strspn(word, DIGITS);
	const char *second = word + len + 1;
	uid_t first = 0, last = 0;
	int r;

	r = parse_uid(draft, word, len, &first);
	if (r <= 0)
		return r;
	if (word[len] == '\0')
		return add_range(draft, uids, first, first);
	if (*second == '\0' || second[strspn(second, DIGITS)] != '\0')
		return uw_draft_mistake(draft,
					"\"%s\" is not a range of uids; write FIRST-LAST, as "
					"1000-1999",
					UW_SHOWN(word));
	r = parse_uid(draft, second, strlen(second), &last);
	if (r <= 0)
		return r;
	if (first > last)
		return uw_draft_mistake(draft, "the range %s runs backwards; write %u-%u",
					UW_SHOWN(word), last, first);
	return add_range(draft, uids, first, last);
}

static int compare_uids(const void *a, const void *b)
{
	uid_t x = *(const uid_t *)a, y = *(const uid_t *)b;

	return (x > y) - (x < y);
}

static int add_group(struct uw_draft *draft, struct uw_uids *uids, const char *group)
{
	uid_t *members = NULL;
	size_t n = 0;
	int r;

	if (*group == '\0')
		return uw_draft_mistake(draft, "\"@\" lacks the name of a group; write @GROUP");
	r = draft->names->group(group, &members, &n);
	if (r == -ENOMEM)
		return r;
	if (r == -ENOENT)
		return uw_draft_mistake(draft,
					"unknown group \"%s\"; create it, or list its members",
					UW_SHOWN(group));
	if (r < 0)
		return uw_draft_mistake(draft,
					"cannot look up group \"%s\": %s; list its members by uid",
					UW_SHOWN(group), strerror(-r));
	draft->rule->uses_groups = true;
	/* In order, so that neighbours become one range. */
	if (n > 0)
		qsort(members, n, sizeof(*members), compare_uids);
	for (size_t i = 0; i < n && r == 0; i++)
		if (i == 0 || members[i] != members[i - 1])
			r = add_range(draft, uids, members[i], members[i]);
	free(members);
	return r;
}

int uw_draft_add_user(struct uw_draft *draft, struct uw_uids *uids, char *word)
{
	uid_t uid;
	int r;

	if (word[0] == '@')
		return add_group(draft, uids, word + 1);
	if (strspn(word, DIGITS) > 0 && word[strspn(word, DIGITS "-")] == '\0')
		return add_number(draft, uids, word);
	r = draft->names->user(word, &uid);
	if (r == -ENOMEM)
		return r;
	if (r == -ENOENT)
		return uw_draft_mistake(draft, "unknown user \"%s\"; create it, or write a uid",
					UW_SHOWN(word));
	if (r < 0)
		return uw_draft_mistake(draft, "cannot look up user \"%s\": %s; write the uid",
					UW_SHOWN(word), strerror(-r));
	return add_range(draft, uids, uid, uid);
}

static bool excludes_glob(const struct uw_pattern_set *exclude, const char *glob)
{
	struct uw_pattern pattern = uw_pattern_of(glob);

	if (uw_pattern_set_covers(exclude, pattern.text, pattern.fixed))
		return true;
	for (size_t i = 0; i < exclude->n_globs; i++)
		if (!strcmp(exclude->globs[i].text, glob))
			return true;
	return false;
}

/* Only what is certain: globs may cover each other in ways that are not looked for. */
static int excludes_all_paths(const struct uw_rule *rule, bool *ret)
{
	struct uw_pattern_set exclude;
	bool all;
	int r;

	r = uw_pattern_set_init(&rule->exclude, &exclude);
	if (r < 0)
		return r;
	all = rule->path.n > 0 || uw_pattern_set_covers(&exclude, "/", 1);
	for (size_t i = 0; i < rule->path.n && all; i++) {
		const char *path = rule->path.path[i];

		all = uw_pattern_is_glob(path)
			      ? excludes_glob(&exclude, path)
			      : uw_pattern_set_covers(&exclude, path, strlen(path));
	}
	uw_pattern_set_done(&exclude);
	*ret = all;
	return 0;
}

static bool excludes_range(const struct uw_uids *exclude, uint64_t first, uint64_t last)
{
	while (first <= last) {
		size_t i = 0;

		while (i < exclude->n &&
		       (first < exclude->range[i].first || first > exclude->range[i].last))
			i++;
		if (i == exclude->n)
			return false;
		first = (uint64_t)exclude->range[i].last + 1;
	}
	return true;
}

static bool excludes_all_users(const struct uw_rule *rule)
{
	if (rule->exclude_user.n == 0)
		return false;
	if (rule->user.any)
		return excludes_range(&rule->exclude_user, 0, UID_LAST);
	for (size_t i = 0; i < rule->user.n; i++)
		if (!excludes_range(&rule->exclude_user, rule->user.range[i].first,
				    rule->user.range[i].last))
			return false;
	return true;
}

int uw_draft_check_rules(struct uw_draft *draft)
{
	static const char never[] =
		"nothing is left for the rule to match; narrow %s or remove the rule";
	bool all = false;
	int r = 0;

	draft->rule = NULL;
	for (size_t i = 0; i < draft->n_rules && r == 0; i++) {
		const struct uw_draft_rule *rule = &draft->rules[i];

		if (rule->broken)
			continue;
		if (rule->rule.exclude.n > 0) {
			r = excludes_all_paths(&rule->rule, &all);
			if (r < 0)
				return r;
			draft->key = "ExcludePath";
			if (all)
				r = uw_draft_mistake_at(draft, rule->exclude_place, never,
							draft->key);
		}
		/* Members come and go: what is left today says nothing about tomorrow. */
		if (r == 0 && !rule->uses_groups && excludes_all_users(&rule->rule)) {
			draft->key = "ExcludeUser";
			r = uw_draft_mistake_at(draft, rule->exclude_user_place, never, draft->key);
		}
	}
	draft->key = NULL;
	return r;
}
