// SPDX-License-Identifier: MIT
#include "ctl/explain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/words.h"

/* Makes the record that the daemon would see of the deletion. `inner` is room for the path. */
static void make_record(const struct uw_supposed *supposed, const struct uw_filter_env *env,
			char inner[UW_PATH_MAX], struct uw_record *ret)
{
	const char *path = supposed->path;
	size_t len = strlen(path), n = SIZE_MAX;
	const struct uw_mount *mount = NULL;

	ret->op = supposed->op;
	ret->rules = UINT64_MAX;
	ret->ret_known = true;
	ret->ret = supposed->success ? 0 : -EPERM;
	ret->uid = ret->fsuid = supposed->uid;
	ret->found = true;
	ret->task_known = true;
	ret->mntns = env->mntns;
	ret->path_state = UW_PATH_RESOLVED;
	ret->path = (struct uw_str){ path, len };
	if (env->mounts)
		mount = uw_mounts_find(env->mounts, path, len);
	if (mount)
		n = uw_mount_inner(mount, path, len, inner, UW_PATH_MAX);
	if (n == SIZE_MAX)
		return;
	ret->dev_known = true;
	ret->dev = mount->dev;
	ret->fspath = (struct uw_str){ inner, n };
}

static bool has_uid(const struct uw_uids *uids, uint32_t uid)
{
	for (size_t i = 0; i < uids->n; i++)
		if (uid >= uids->range[i].first && uid <= uids->range[i].last)
			return true;
	return false;
}

/* Whether a rule with only this list as its Path= would match. */
static int list_covers(const struct uw_paths *paths, const struct uw_filter_env *env,
		       const struct uw_record *record)
{
	struct uw_rule rule = { .path = *paths };
	const struct uw_config config = { .rules = &rule, .n_rules = 1 };
	struct uw_path_rules rules;
	int r;

	r = uw_path_rules_init(&rules, &config, env);
	if (r == 0)
		r = uw_path_rules_match(&rules, record, 1) != 0;
	uw_path_rules_done(&rules);
	return r;
}

/* The first pattern of the list that covers the record; 1, 0 where none does, or -ENOMEM. */
static int find_pattern(const struct uw_paths *paths, const struct uw_filter_env *env,
			const struct uw_record *record, const char **ret)
{
	int r = paths->n ? list_covers(paths, env, record) : 0;

	for (size_t i = 0; i < paths->n && r > 0; i++) {
		const struct uw_paths one = { .path = &paths->path[i], .n = 1 };

		r = list_covers(&one, env, record);
		if (r > 0) {
			*ret = paths->path[i];
			return 1;
		}
		r = r < 0 ? r : 1;
	}
	return r < 0 ? r : 0;
}

static int explain_path(const struct uw_rule *rule, const struct uw_filter_env *env,
			const struct uw_record *record, struct uw_verdict *ret)
{
	int r = find_pattern(&rule->exclude, env, record, &ret->pattern);

	ret->type = r > 0 ? UW_VERDICT_EXCLUDED_PATH : UW_VERDICT_PATH;
	return r < 0 ? r : 0;
}

int uw_explain(const struct uw_filter *filter, const struct uw_filter_env *env, size_t i,
	       const struct uw_supposed *supposed, struct uw_verdict *ret)
{
	const struct uw_rule *rule = &filter->config->rules[i];
	struct uw_record *record = calloc(1, sizeof(*record));
	char *inner = malloc(UW_PATH_MAX);
	struct uw_verdict verdict = { .type = UW_VERDICT_MATCH };
	int r = record && inner ? 0 : -ENOMEM;

	if (r == 0)
		make_record(supposed, env, inner, record);
	if (r == 0 && uw_filter_match(filter, record) >> i & 1) {
		r = find_pattern(&rule->path, env, record, &verdict.pattern);
		r = r < 0 ? r : 0;
	} else if (r == 0 && !uw_rule_wants(rule, supposed->op)) {
		verdict.type = UW_VERDICT_OPERATION;
	} else if (r == 0 &&
		   !(rule->results & (supposed->success ? UW_RESULT_SUCCESS : UW_RESULT_FAILURE))) {
		verdict.type = UW_VERDICT_RESULT;
	} else if (r == 0 && has_uid(&rule->exclude_user, supposed->uid)) {
		verdict.type = UW_VERDICT_EXCLUDED_USER;
	} else if (r == 0 && !rule->user.any && !has_uid(&rule->user, supposed->uid)) {
		verdict.type = UW_VERDICT_USER;
	} else if (r == 0) {
		r = explain_path(rule, env, record, &verdict);
	}
	free(record);
	free(inner);
	if (r == 0)
		*ret = verdict;
	return r;
}

static void add_pattern(struct uw_buf *buf, const char *pattern)
{
	uw_buf_add_safe(buf, (struct uw_str){ pattern, strlen(pattern) }, "");
}

void uw_verdict_add(const struct uw_verdict *verdict, const struct uw_supposed *supposed,
		    struct uw_buf *buf)
{
	switch (verdict->type) {
	case UW_VERDICT_MATCH:
		uw_buf_puts(buf, "would record it");
		if (!verdict->pattern)
			return;
		uw_buf_puts(buf, ": Path=");
		add_pattern(buf, verdict->pattern);
		uw_buf_puts(buf, " covers the path");
		break;
	case UW_VERDICT_OPERATION:
		uw_buf_printf(buf, "would not: Operation= has no %s",
			      uw_word_of(uw_op_words, (int)supposed->op));
		break;
	case UW_VERDICT_RESULT:
		uw_buf_printf(buf, "would not: Result= has no %s",
			      supposed->success ? "success" : "failure");
		break;
	case UW_VERDICT_USER:
		uw_buf_printf(buf, "would not: User= does not have the uid %" PRIu32,
			      supposed->uid);
		break;
	case UW_VERDICT_EXCLUDED_USER:
		uw_buf_printf(buf, "would not: ExcludeUser= has the uid %" PRIu32, supposed->uid);
		break;
	case UW_VERDICT_PATH:
		uw_buf_puts(buf, "would not: nothing in Path= covers the path");
		break;
	case UW_VERDICT_EXCLUDED_PATH:
		uw_buf_puts(buf, "would not: ExcludePath=");
		add_pattern(buf, verdict->pattern);
		uw_buf_puts(buf, " covers the path");
		break;
	}
}
