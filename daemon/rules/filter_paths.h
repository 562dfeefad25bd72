/* SPDX-License-Identifier: MIT */
/*
 * Path= and ExcludePath= of all rules, compiled: what filter.h promises of paths. Pure.
 */
#ifndef UW_FILTER_PATHS_H
#define UW_FILTER_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "config/pattern.h"
#include "probe/rule_tables.h"
#include "record/record.h"
#include "rules/mounts.h"
#include "rules/symlinks.h"
#include "unlinkwatch.h"

/* What rules about paths depend on beside the configuration. */
struct uw_filter_env {
	/* The host's, borrowed; NULL: not known, and every path is decided by its text alone. */
	const struct uw_mounts *mounts;
	/* Inode number of the host's mount namespace, 0 not known. */
	uint32_t mntns;
	/*
	 * Follows the symbolic links, and takes down the places on the way. NULL: links are not
	 * followed. Only used while the rules are compiled.
	 */
	struct uw_symlinks *links;
};

/* Of one rule: as it is configured, and as the links in that lead. */
struct uw_path_rule {
	struct uw_pattern_set path; /* empty: every path */
	struct uw_pattern_set exclude;
};

struct uw_path_rules {
	struct uw_path_rule *rule;
	size_t n;
	uint64_t pathless; /* the rules without Path= */
	struct uw_filter_env env;
	char **text; /* those patterns that are in no configuration */
	size_t n_texts;
};

/* Returns 0 or -ENOMEM. Either way uw_path_rules_done() is due. The configuration is borrowed. */
int uw_path_rules_init(struct uw_path_rules *rules, const struct uw_config *config,
		       const struct uw_filter_env *env);
void uw_path_rules_done(struct uw_path_rules *rules);

/*
 * What the kernel looks up, in an array that the caller frees; without an entry no rule cares for
 * the path, or nothing is known of the mounts. Returns 0 or -ENOMEM.
 */
int uw_path_rules_compile(const struct uw_path_rules *rules, struct uw_path_entry **ret,
			  size_t *ret_n);

/* Out of `left`, the rules that accept the place of the record. */
uint64_t uw_path_rules_match(const struct uw_path_rules *rules, const struct uw_record *record,
			     uint64_t left);

/* Out of `left`, the rules that accept the text of its path, see uw_filter_match_path(). */
uint64_t uw_path_rules_match_path(const struct uw_path_rules *rules, const struct uw_record *record,
				  uint64_t left);

/* See uw_filter_host_path(). */
bool uw_path_rules_host_path(const struct uw_path_rules *rules, const struct uw_record *record,
			     uint64_t matches, struct uw_host_paths *ret, size_t *ret_len);

#endif
