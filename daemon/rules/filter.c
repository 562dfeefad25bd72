// SPDX-License-Identifier: MIT
/*
 * Compiles operations and results to masks, and uids to prefixes. path_table.c compiles paths.
 */
#include <errno.h>
#include <endian.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/array.h"
#include "record/ancestors.h"
#include "rules/filter.h"
#include "rules/path_table.h"

#define UID_SPACE ((uint64_t)1 << 32)

/* At uid `at` a range of the rule's User= or ExcludeUser= begins (change is 1) or ends (-1). */
struct uid_step {
	uint64_t at;
	unsigned int rule;
	bool exclude;
	int change;
};

/* Walks the steps of all rules in ascending order, and counts the ranges that the uid is in. */
struct uid_sweep {
	struct uid_step *steps;
	size_t n_steps;
	size_t open_user[UW_RULES_MAX];
	size_t open_exclude[UW_RULES_MAX];
	struct uw_uid_value value;
};

static uint64_t all_rules(const struct uw_config *config)
{
	return config->n_rules < 64 ? ((uint64_t)1 << config->n_rules) - 1 : UINT64_MAX;
}

static int compare_steps(const void *a, const void *b)
{
	const struct uid_step *x = a, *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

static void add_steps(struct uid_sweep *sweep, const struct uw_uids *uids, size_t rule,
		      bool exclude)
{
	for (size_t i = 0; i < uids->n; i++) {
		struct uid_step step = {
			.at = uids->range[i].first,
			.rule = (unsigned int)rule,
			.exclude = exclude,
			.change = 1,
		};

		sweep->steps[sweep->n_steps++] = step;
		step.at = (uint64_t)uids->range[i].last + 1;
		step.change = -1;
		sweep->steps[sweep->n_steps++] = step;
	}
}

static int sweep_init(struct uid_sweep *sweep, const struct uw_config *config)
{
	size_t n = 1; /* calloc(0) may return NULL */

	*sweep = (struct uid_sweep){ 0 };
	for (size_t i = 0; i < config->n_rules; i++)
		n += 2 * (config->rules[i].user.n + config->rules[i].exclude_user.n);
	sweep->steps = calloc(n, sizeof(*sweep->steps));
	if (!sweep->steps)
		return -ENOMEM;
	for (size_t i = 0; i < config->n_rules; i++) {
		const struct uw_rule *rule = &config->rules[i];

		if (rule->user.any) {
			sweep->open_user[i] = 1;
			sweep->value.include |= (uint64_t)1 << i;
		} else {
			add_steps(sweep, &rule->user, i, false);
		}
		add_steps(sweep, &rule->exclude_user, i, true);
	}
	qsort(sweep->steps, sweep->n_steps, sizeof(*sweep->steps), compare_steps);
	return 0;
}

static void take_step(struct uid_sweep *sweep, const struct uid_step *step)
{
	size_t *open = step->exclude ? &sweep->open_exclude[step->rule]
				     : &sweep->open_user[step->rule];
	__u64 *mask = step->exclude ? &sweep->value.exclude : &sweep->value.include;
	uint64_t bit = (uint64_t)1 << step->rule;

	/* The steps at one uid are in no order, so the count may wrap below 0 and come back. */
	*open += (size_t)step->change;
	if (*open)
		*mask |= bit;
	else
		*mask &= ~bit;
}

static int add_entry(struct uw_filter *filter, uint64_t first, unsigned int prefixlen,
		     struct uw_uid_value value)
{
	if (!uw_array_room(filter->tables.uids, filter->tables.n_uids))
		return -ENOMEM;
	filter->tables.uids[filter->tables.n_uids++] = (struct uw_uid_entry){
		.key = { .prefixlen = prefixlen, .uid = htobe32((uint32_t)first) },
		.value = value,
	};
	return 0;
}

/* Covers the uids from first to end - 1 with the fewest prefixes. */
static int add_interval(struct uw_filter *filter, uint64_t first, uint64_t end,
			struct uw_uid_value value)
{
	int r;

	while (first < end) {
		unsigned int bits = first ? (unsigned int)__builtin_ctzll(first) : 32;

		while (((uint64_t)1 << bits) > end - first)
			bits--;
		r = add_entry(filter, first, 32 - bits, value);
		if (r < 0)
			return r;
		first += (uint64_t)1 << bits;
	}
	return 0;
}

static bool same_value(struct uw_uid_value a, struct uw_uid_value b)
{
	return a.include == b.include && a.exclude == b.exclude;
}

/* An interval of uids with the same value ends at the next change, or at the end of all uids. */
static int compile_intervals(struct uw_filter *filter, struct uid_sweep *sweep)
{
	const struct uw_uid_value none = { 0 }, all = { .include = all_rules(filter->config) };
	struct uw_uid_value value = none;
	uint64_t start = 0, at;
	size_t i = 0;
	int r;

	for (at = 0; at < UID_SPACE; at = i < sweep->n_steps ? sweep->steps[i].at : UID_SPACE) {
		for (; i < sweep->n_steps && sweep->steps[i].at == at; i++)
			take_step(sweep, &sweep->steps[i]);
		if (same_value(sweep->value, value))
			continue;
		if (!same_value(value, none)) {
			r = add_interval(filter, start, at, value);
			if (r < 0)
				return r;
		}
		start = at;
		value = sweep->value;
	}
	if (start == 0 && same_value(value, all))
		return 0; /* all rules accept all uids: no entries, check_uids stays 0 */
	filter->tables.masks.check_uids = 1;
	return same_value(value, none) ? 0 : add_interval(filter, start, UID_SPACE, value);
}

static int compile_uids(struct uw_filter *filter)
{
	struct uid_sweep sweep;
	int r;

	r = sweep_init(&sweep, filter->config);
	if (r < 0)
		return r;
	r = compile_intervals(filter, &sweep);
	free(sweep.steps);
	return r;
}

static void compile_masks(struct uw_filter *filter)
{
	for (size_t i = 0; i < filter->config->n_rules; i++) {
		const struct uw_rule *rule = &filter->config->rules[i];
		uint64_t bit = (uint64_t)1 << i;

		for (unsigned int op = 0; op < UW_OP_MAX; op++)
			if (uw_rule_wants(rule, op))
				filter->tables.masks.op[op] |= bit;
		if (rule->ancestor.n)
			filter->by_ancestor |= bit;
		if (rule->results & UW_RESULT_SUCCESS)
			filter->tables.masks.success |= bit;
		if (rule->results & UW_RESULT_FAILURE)
			filter->tables.masks.failure |= bit;
	}
}

static int compile_paths(struct uw_filter *filter, const struct uw_filter_env *env)
{
	int r;

	for (size_t i = 0; i < filter->config->n_rules; i++)
		filter->by_path |= filter->config->rules[i].path.n > 0 ||
				   filter->config->rules[i].exclude.n > 0;
	r = uw_path_rules_init(&filter->path_rules, filter->config, env);
	if (r == 0)
		r = uw_path_table_compile(&filter->path_rules, &filter->tables.paths,
					  &filter->tables.n_paths);
	filter->tables.masks.check_paths = filter->tables.n_paths > 0;
	return r;
}

int uw_filter_new(const struct uw_config *config, uint32_t gen, const struct uw_filter_env *env,
		  struct uw_filter **ret)
{
	struct uw_filter *filter;
	int r;

	filter = calloc(1, sizeof(*filter));
	if (!filter)
		return -ENOMEM;
	filter->config = config;
	filter->tables.masks.gen = gen;
	compile_masks(filter);
	r = compile_paths(filter, env);
	if (r == 0)
		r = compile_uids(filter);
	if (r < 0) {
		uw_filter_free(filter);
		return r;
	}
	*ret = filter;
	return 0;
}

void uw_filter_set_mntns(struct uw_filter *filter, uint32_t mntns)
{
	filter->path_rules.env.mntns = mntns;
}

void uw_filter_drop_paths(struct uw_filter *filter)
{
	free(filter->tables.paths);
	filter->tables.paths = NULL;
	filter->tables.n_paths = 0;
}

void uw_filter_free(struct uw_filter *filter)
{
	if (!filter)
		return;
	uw_path_rules_done(&filter->path_rules);
	free(filter->tables.paths);
	free(filter->tables.uids);
	free(filter);
}

static struct uw_uid_value look_up_uid(const struct uw_filter *filter, uint32_t uid)
{
	const struct uw_uid_value none = { 0 };
	size_t low = 0, high = filter->tables.n_uids;
	const struct uw_uid_entry *entry;

	/* The first `low` entries begin at or below uid. They are disjoint, so the last decides. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (be32toh(filter->tables.uids[middle].key.uid) <= uid)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return none;
	entry = &filter->tables.uids[low - 1];
	if ((uint64_t)uid - be32toh(entry->key.uid) >= UID_SPACE >> entry->key.prefixlen)
		return none;
	return entry->value;
}

uint64_t uw_filter_uid_rules(const struct uw_filter *filter, uint32_t uid, uint32_t fsuid)
{
	struct uw_uid_value real, checked;

	if (!filter->tables.masks.check_uids)
		return all_rules(filter->config);
	real = look_up_uid(filter, uid);
	checked = look_up_uid(filter, fsuid);
	return uw_uid_rules(&real, &checked);
}

/* The rules that want the operation, or may: a move that was not resolved may replace a file. */
static uint64_t match_op(const struct uw_filter *filter, const struct uw_record *record)
{
	const __u64 *op = filter->tables.masks.op;

	if ((unsigned int)record->op >= UW_OP_MAX)
		return 0;
	if (record->op == UW_OP_MOVE && uw_record_other_counts(record))
		return op[UW_OP_MOVE] | op[UW_OP_RENAME];
	return op[record->op];
}

static bool matches_ancestor(const struct uw_comms *comms, const struct uw_record *record)
{
	for (size_t i = 0; i < comms->n; i++)
		if (uw_record_may_be_under(record, comms->comm[i]))
			return true;
	return !comms->n;
}

/* The kernel side does not know these names. */
static uint64_t match_ancestors(const struct uw_filter *filter, const struct uw_record *record,
				uint64_t rules)
{
	uint64_t left;

	for (left = rules & filter->by_ancestor; left; left &= left - 1) {
		int i = __builtin_ctzll(left);

		if (!matches_ancestor(&filter->config->rules[i].ancestor, record))
			rules &= ~((uint64_t)1 << i);
	}
	return rules;
}

uint64_t uw_filter_match_but_path(const struct uw_filter *filter, const struct uw_record *record)
{
	uint64_t rules = record->rules & all_rules(filter->config) & match_op(filter, record);

	if (record->ret_known)
		rules &= record->ret < 0 ? filter->tables.masks.failure
					 : filter->tables.masks.success;
	rules &= uw_filter_uid_rules(filter, record->uid, record->fsuid);
	return match_ancestors(filter, record, rules);
}

uint64_t uw_filter_match(const struct uw_filter *filter, const struct uw_record *record)
{
	return uw_path_rules_match(&filter->path_rules, record,
				   uw_filter_match_but_path(filter, record));
}

uint64_t uw_filter_match_path(const struct uw_filter *filter, const struct uw_record *record)
{
	return uw_path_rules_match_path(&filter->path_rules, record,
					uw_filter_match_but_path(filter, record));
}

bool uw_filter_host_path(const struct uw_filter *filter, const struct uw_record *record,
			 uint64_t matches, struct uw_host_paths *ret, size_t *ret_len)
{
	return uw_path_rules_host_path(&filter->path_rules, record, matches, ret, ret_len);
}

size_t uw_filter_top(const struct uw_filter *filter, const struct uw_record *record)
{
	return uw_path_rules_top(&filter->path_rules, record);
}
