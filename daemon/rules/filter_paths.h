/* SPDX-License-Identifier: MIT */
/*
 * Judges records by Path= and ExcludePath= of all rules, for filter.c. filter.h documents what they
 * mean. Pure.
 */
#ifndef UW_FILTER_PATHS_H
#define UW_FILTER_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "config/pattern.h"
#include "record/record.h"
#include "rules/mounts.h"
#include "rules/symlinks.h"
#include "unlinkwatch.h"

/* What path rules depend on besides the configuration. */
struct uw_filter_env {
	/* The host's mounts, borrowed. If NULL, the text of a path alone decides. */
	const struct uw_mounts *mounts;
	/* Inode number of the host's mount namespace, 0 if not known. */
	uint32_t mntns;
	/*
	 * Follows symbolic links and remembers what it read. If NULL, links are not followed. Only
	 * used while the rules are compiled.
	 */
	struct uw_symlinks *links;
};

/* The patterns of one rule, as configured and with symbolic links followed. */
struct uw_path_rule {
	struct uw_pattern_set path; /* empty: every path */
	struct uw_pattern_set exclude;
};

struct uw_path_rules {
	struct uw_path_rule *rule;
	size_t n;
	uint64_t pathless; /* the rules without Path= */
	struct uw_filter_env env;
	char **text; /* of the patterns with links followed */
	size_t n_texts;
};

/* Returns 0 or -ENOMEM. Call uw_path_rules_done() in both cases. Borrows the configuration. */
int uw_path_rules_init(struct uw_path_rules *rules, const struct uw_config *config,
		       const struct uw_filter_env *env);
void uw_path_rules_done(struct uw_path_rules *rules);

/* Returns those rules of `left` that accept the place of the record. See uw_filter_match(). */
uint64_t uw_path_rules_match(const struct uw_path_rules *rules, const struct uw_record *record,
			     uint64_t left);

/* Returns those that accept the text of its path. See uw_filter_match_path(). */
uint64_t uw_path_rules_match_path(const struct uw_path_rules *rules, const struct uw_record *record,
				  uint64_t left);

/* See uw_filter_top(). */
size_t uw_path_rules_top(const struct uw_path_rules *rules, const struct uw_record *record);

/* See uw_filter_host_path(). */
bool uw_path_rules_host_path(const struct uw_path_rules *rules, const struct uw_record *record,
			     uint64_t matches, struct uw_host_paths *ret, size_t *ret_len);

#endif
