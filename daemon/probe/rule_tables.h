/* SPDX-License-Identifier: MIT */
/*
 * What the kernel side decides by: rules/ compiles it, a source writes it into the BPF maps.
 */
#ifndef UW_RULE_TABLES_H
#define UW_RULE_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include "unlinkwatch.h"

struct uw_uid_entry {
	struct uw_uid_key key;
	struct uw_uid_value value; /* never all zeroes */
};

struct uw_path_entry {
	struct uw_path_key key;
	struct uw_path_value value;
};

struct uw_rule_tables {
	struct uw_rule_masks masks;
	struct uw_uid_entry *uids; /* disjoint prefixes, in ascending order */
	size_t n_uids;
	struct uw_path_entry *paths; /* no two keys are the same */
	size_t n_paths;
};

/* What the paths of rules depend on, see rules/path_deps.h. Neither array has duplicates. */
struct uw_path_deps {
	/*
	 * The path without a trailing slash, cut to UW_KEY_PATH - 1 bytes and filled with NUL;
	 * prefixlen is 0.
	 */
	struct uw_path_key *path;
	size_t n_paths;
	struct uw_name_key *name;
	size_t n_names;
	size_t links; /* how many are symbolic links now */
};

#endif
