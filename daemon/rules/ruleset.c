// SPDX-License-Identifier: MIT
#include "rules/ruleset.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

static bool is_used(const struct uw_ruleset *ruleset, const struct uw_config *config)
{
	bool used = ruleset->now.config == config;

	for (size_t i = 0; i < UW_RULES_KEPT && !used; i++)
		used = ruleset->before[i].config == config;
	return used;
}

/* Frees the rules, and their configuration if no generation of the ruleset uses it. */
static void rules_done(const struct uw_ruleset *ruleset, struct uw_rules *rules)
{
	struct uw_config *config = rules->config;

	if (!config)
		return;
	uw_filter_free(rules->filter);
	uw_path_deps_done(&rules->deps);
	uw_symlinks_free(rules->links);
	uw_mounts_free(rules->mounts);
	*rules = (struct uw_rules){ 0 };
	if (!is_used(ruleset, config))
		uw_config_free(config);
}

/* Returns the inode number of process 1's mount namespace, or 0 if the daemon may not read it. */
static uint32_t host_mntns(void)
{
	char text[64];
	ssize_t n = readlink("/proc/1/ns/mnt", text, sizeof(text) - 1);
	unsigned int inode = 0;

	text[n > 0 ? n : 0] = '\0';
	return sscanf(text, "mnt:[%u]", &inode) == 1 ? inode : 0;
}

/* Compiles rules->config for the mounts and links that it has. */
static int compile(struct uw_rules *rules)
{
	struct uw_filter_env env = {
		.mounts = rules->mounts,
		.links = rules->links,
		.mntns = host_mntns(),
	};
	int r;

	r = uw_filter_new(rules->config, rules->gen, &env, &rules->filter);
	if (r == 0)
		r = uw_path_deps_init(rules->mounts, rules->links, &rules->deps);
	if (r < 0)
		return r;
	/* The daemon decides about paths until uw_ruleset_confirm(). */
	if (rules->filter->by_path)
		rules->filter->tables.masks.tree = UW_NO_STATE;
	for (size_t i = 0; i < rules->config->n_rules; i++)
		rules->names[i] = rules->config->rules[i].name;
	return 0;
}

/*
 * Reads the mounts and compiles. Returns 1, or 0 if mounts and links are those of `known`, which
 * may be NULL, or -errno.
 */
static int read_and_compile(struct uw_rules *rules, const struct uw_rules *known)
{
	int r;

	rules->checked_ns = uw_clock_ns(CLOCK_BOOTTIME);
	r = uw_mounts_read(known && uw_symlinks_hold(known->links) ? known->mounts : NULL,
			   &rules->mounts);
	if (r <= 0)
		return r;
	r = uw_symlinks_new(uw_symlinks_system, &rules->links);
	if (r == 0)
		r = compile(rules);
	return r < 0 ? r : 1;
}

int uw_ruleset_load(const struct uw_ruleset *ruleset, const char *file, bool optional,
		    struct uw_errors *errors, struct uw_rules *ret)
{
	struct uw_rules rules = { .gen = ruleset->now.gen + 1 };
	int r;

	r = uw_config_load(file, optional, &uw_names_system, &rules.config, errors);
	if (r < 0)
		return r;
	r = read_and_compile(&rules, NULL);
	if (r < 0) {
		rules_done(ruleset, &rules);
		return r;
	}
	*ret = rules;
	return 0;
}

int uw_ruleset_renew(struct uw_ruleset *ruleset, bool anyway, struct uw_rules *ret)
{
	struct uw_rules rules = { .gen = ruleset->now.gen + 1, .config = ruleset->now.config };
	int r;

	r = read_and_compile(&rules, anyway ? NULL : &ruleset->now);
	if (r == 0)
		ruleset->now.checked_ns = rules.checked_ns;
	if (r < 0)
		rules_done(ruleset, &rules);
	if (r > 0)
		*ret = rules;
	return r;
}

/* Drops what an earlier generation does not need to decide. */
static void slim(struct uw_rules *rules)
{
	uw_path_deps_done(&rules->deps);
	uw_filter_drop_paths(rules->filter);
	uw_mounts_drop_original(rules->mounts);
}

/* Frees the oldest generations until the others take few enough bytes. */
static void limit(struct uw_ruleset *ruleset)
{
	size_t bytes = 0;

	for (size_t i = 0; i < UW_RULES_KEPT && ruleset->before[i].config; i++) {
		bytes += uw_mounts_memory(ruleset->before[i].mounts);
		if (!i || bytes <= UW_RULES_BYTES)
			continue;
		if (!ruleset->dropped || ruleset->before[i].gen > ruleset->dropped)
			ruleset->dropped = ruleset->before[i].gen;
		rules_done(ruleset, &ruleset->before[i]);
	}
}

void uw_ruleset_commit(struct uw_ruleset *ruleset, struct uw_rules *rules, unsigned long until)
{
	struct uw_rules *last = &ruleset->before[UW_RULES_KEPT - 1];

	if (last->config)
		ruleset->dropped = last->gen;
	rules_done(ruleset, last);
	memmove(&ruleset->before[1], &ruleset->before[0],
		sizeof(ruleset->before) - sizeof(ruleset->before[0]));
	ruleset->before[0] = ruleset->now;
	ruleset->before[0].until = until;
	ruleset->now = *rules;
	*rules = (struct uw_rules){ 0 };
	if (ruleset->before[0].config)
		slim(&ruleset->before[0]);
	limit(ruleset);
}

void uw_ruleset_trim(struct uw_ruleset *ruleset, unsigned long consumed)
{
	bool read = false;

	/* The events of each one end after those of the older ones. */
	for (size_t i = 1; i < UW_RULES_KEPT; i++) {
		read = read || (long)(consumed - ruleset->before[i].until) >= 0;
		if (read)
			rules_done(ruleset, &ruleset->before[i]);
	}
}

void uw_ruleset_discard(struct uw_ruleset *ruleset, struct uw_rules *rules)
{
	rules_done(ruleset, rules);
}

void uw_ruleset_confirm(struct uw_ruleset *ruleset, uint32_t state)
{
	struct uw_rules *now = &ruleset->now;

	if (now->filter->by_path)
		now->filter->tables.masks.tree = state;
	if (state > UW_NO_STATE && !uw_rules_are_for(now, state))
		now->states[now->n_states++ % UW_STATES_KEPT] = state;
}

bool uw_rules_are_for(const struct uw_rules *rules, uint32_t state)
{
	for (size_t i = 0; i < rules->n_states && i < UW_STATES_KEPT; i++)
		if (rules->states[i] == state)
			return true;
	return false;
}

const struct uw_rules *uw_ruleset_find(const struct uw_ruleset *ruleset, uint32_t gen)
{
	if (ruleset->now.config && ruleset->now.gen == gen)
		return &ruleset->now;
	for (size_t i = 0; i < UW_RULES_KEPT && ruleset->before[i].config; i++)
		if (ruleset->before[i].gen == gen)
			return &ruleset->before[i];
	return NULL;
}

void uw_ruleset_done(struct uw_ruleset *ruleset)
{
	for (size_t i = 0; i < UW_RULES_KEPT; i++)
		rules_done(ruleset, &ruleset->before[i]);
	rules_done(ruleset, &ruleset->now);
}
