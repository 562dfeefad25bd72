// SPDX-License-Identifier: MIT
/*
 * Applies rules like a matcher without tables. The input is a configuration, a line %%, mountinfo
 * (empty if the mounts are not known), a line %%, and one deletion in each line:
 *
 *     OP RESULT UID PLACE PATH        unlink -13 1000 8:1 /srv/a
 *
 * The first letter of OP counts. RESULT is ? if it is not known. PLACE is - if the kernel did not
 * report the file system; otherwise PATH is the path within it.
 */
#include "config/config_helper.h"
#include "glob.h"
#include "rules/kernel_table.h"

struct rules {
	struct uw_config *config;
	struct uw_mounts *mounts;
	struct uw_filter *filter;
};

static bool in_list(const struct uw_uids *uids, uint32_t uid)
{
	for (size_t i = 0; i < uids->n; i++)
		if (uids->range[i].first <= uid && uid <= uids->range[i].last)
			return true;
	return false;
}

static bool wants_who_and_what(const struct uw_rule *rule, const struct uw_record *record)
{
	unsigned int result = record->ret < 0 ? UW_RESULT_FAILURE : UW_RESULT_SUCCESS;

	return (rule->user.any || in_list(&rule->user, record->uid) ||
		in_list(&rule->user, record->fsuid)) &&
	       !(in_list(&rule->exclude_user, record->uid) &&
		 in_list(&rule->exclude_user, record->fsuid)) &&
	       (rule->operations & 1u << record->op) &&
	       (!record->ret_known || (rule->results & result));
}

static bool any_covers(const struct uw_paths *paths, struct uw_str path)
{
	for (size_t i = 0; i < paths->n; i++)
		if (glob_covers(text(paths->path[i]), path))
			return true;
	return false;
}

static bool is_at_or_below(struct uw_str path, struct uw_str dir)
{
	return path.len >= dir.len && (dir.len == 0 || !memcmp(path.s, dir.s, dir.len)) &&
	       (path.len == dir.len || path.s[dir.len] == '/');
}

/* Whether the mount is hidden, or a visible one with a longer mount point holds the path. */
static bool is_hidden(const struct uw_mounts *mounts, const struct uw_mount *mount,
		      struct uw_str path)
{
	if (!mount->visible)
		return true;
	for (size_t i = 0; i < mounts->n; i++) {
		const struct uw_mount *m = &mounts->mount[i];

		if (m->visible && m->point_len > mount->point_len &&
		    is_at_or_below(path, (struct uw_str){ m->point, m->point_len }))
			return true;
	}
	return false;
}

/* Whether the rule matches a place by any of its paths on the host. */
static bool wants_place(const struct uw_rule *rule, const struct uw_mounts *mounts,
			const struct uw_record *record)
{
	bool included = rule->path.n == 0, excluded = false;
	struct uw_str inner = record->fspath;
	char path[2 * GLOB_MAX];

	while (inner.len > 0 && inner.s[inner.len - 1] == '/')
		inner.len--;
	for (size_t i = 0; i < mounts->n; i++) {
		const struct uw_mount *m = &mounts->mount[i];
		struct uw_str host = { path, 0 };

		if (m->dev != record->dev || !m->root ||
		    !is_at_or_below(inner, (struct uw_str){ m->root, m->root_len }))
			continue;
		memcpy(path, m->point, m->point_len);
		host.len = m->point_len + inner.len - m->root_len;
		memcpy(path + m->point_len, inner.s + m->root_len, inner.len - m->root_len);
		included = included || any_covers(&rule->path, host);
		excluded = excluded ||
			   (!is_hidden(mounts, m, host) && any_covers(&rule->exclude, host));
	}
	return included && !excluded;
}

static bool wants_path(const struct uw_rule *rule, const struct uw_mounts *mounts,
		       const struct uw_record *record)
{
	if (mounts && record->dev_known)
		return wants_place(rule, mounts, record);
	return (rule->path.n == 0 || any_covers(&rule->path, record->path)) &&
	       !any_covers(&rule->exclude, record->path);
}

static void check_deletion(const struct rules *rules, const struct uw_record *record)
{
	uint64_t expected = 0, kernel;

	for (size_t i = 0; i < rules->config->n_rules; i++)
		if (wants_who_and_what(&rules->config->rules[i], record) &&
		    wants_path(&rules->config->rules[i], rules->mounts, record))
			expected |= (uint64_t)1 << i;
	CHECK(uw_filter_match(rules->filter, record) == expected);
	if (!record->dev_known)
		return;
	kernel = look_up(rules->filter, record->dev, record->fspath.s, record->fspath.len, false);
	CHECK((expected & ~kernel) == 0);
}

static bool parse_deletion(struct uw_str line, struct uw_record *record)
{
	struct uw_str op = take(&line, " "), result = take(&line, " "), uid = take(&line, " "),
		      place = take(&line, " ");
	char *number, *end;
	unsigned int major, minor;

	if (op.len == 0 || line.len == 0 || line.len >= UW_PATH_MAX || line.s[0] != '/' ||
	    memchr(line.s, '\0', line.len))
		return false;
	memset(record, 0, sizeof(*record));
	record->op = op.s[0] == 'u' ? UW_OP_UNLINK : UW_OP_RENAME;
	if (op.s[0] == 'r' && op.len > 1 && op.s[1] == 'm')
		record->op = UW_OP_RMDIR;
	else if (op.s[0] == 'm')
		record->op = UW_OP_MOVE;
	record->rules = UINT64_MAX;
	record->ret_known = !same(result, text("?"));
	number = string_of(result);
	record->ret = record->ret_known && atoi(number) < 0 ? -EACCES : 0;
	free(number);
	number = string_of(uid);
	/* UID, or UID:FSUID */
	record->uid = record->fsuid = (uint32_t)strtoul(number, &end, 10);
	if (*end == ':')
		record->fsuid = (uint32_t)strtoul(end + 1, NULL, 10);
	free(number);
	record->path = record->fspath = line;
	record->path_state = UW_PATH_RESOLVED;
	record->found = true;
	number = string_of(place);
	if (sscanf(number, "%4u:%7u", &major, &minor) == 2 && major < 4096 && minor < 1 << 20) {
		record->dev_known = true;
		record->dev = major << 20 | minor;
	}
	free(number);
	return true;
}

static bool compile(struct rules *rules, struct uw_str config, struct uw_str mounts)
{
	struct uw_filter_env env = { 0 };
	struct uw_errors errors;

	*rules = (struct rules){ 0 };
	if (uw_config_parse("conf", config.s, config.len, &fake_names, &rules->config, &errors) <
	    0) {
		uw_errors_free(&errors);
		return false;
	}
	if (mounts.len > 0)
		CHECK(uw_mounts_parse(mounts.s, mounts.len, &rules->mounts) == 0);
	env.mounts = rules->mounts;
	CHECK(uw_filter_new(rules->config, 7, &env, &rules->filter) == 0);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct uw_record record;
	struct uw_str input = { (const char *)data, size };
	struct uw_str config = take(&input, "%%\n"), mounts = take(&input, "%%\n");
	struct rules rules;

	if (!compile(&rules, config, mounts))
		return 0;
	while (input.len > 0)
		if (parse_deletion(take(&input, "\n"), &record))
			check_deletion(&rules, &record);
	uw_filter_free(rules.filter);
	uw_mounts_free(rules.mounts);
	uw_config_free(rules.config);
	return 0;
}
