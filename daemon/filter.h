/* SPDX-License-Identifier: MIT */
/*
 * Compiles rules to what the kernel side looks up, and decides, as the authority, which rules a
 * record matches. Pure: no libbpf, no libsystemd, no log.
 */
#ifndef UW_FILTER_H
#define UW_FILTER_H

#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "pattern.h"
#include "record.h"
#include "unlinkwatch.h"

struct uw_uid_entry {
	struct uw_uid_key key;
	uint64_t rules; /* the rules that accept these uids; never 0 */
};

/* The paths of one rule, compiled. */
struct uw_path_filter {
	struct uw_pattern_set path; /* empty: every path */
	struct uw_pattern_set exclude;
};

struct uw_filter {
	struct uw_ruleset set;	   /* for the kernel; gen is the caller's */
	struct uw_uid_entry *uids; /* for the kernel: disjoint prefixes, in ascending order */
	size_t n_uids;
	/* for the daemon */
	struct uw_path_filter *paths;	/* one per rule of config */
	const struct uw_config *config; /* borrowed: must outlive the filter */
};

/*
 * Compiles the rules of config, which must outlive the filter, into *ret; gen is the generation
 * that the kernel stamps on events. Returns 0 or -ENOMEM; *ret is only touched on success.
 */
int uw_filter_new(const struct uw_config *config, uint32_t gen, struct uw_filter **ret);

/* Accepts NULL. */
void uw_filter_free(struct uw_filter *filter);

/*
 * The rules that record matches, a bit each, out of record->rules; 0 means that nobody asked for
 * it. What is not known rules nothing out, as losing a record would be worse than one too many:
 * without a path, or with one that was cut, neither Path= nor ExcludePath= applies, whichever end
 * is missing, since a `..` in the missing part may lead anywhere. A guessed path counts as known. A
 * result that is not known matches any Result=.
 */
uint64_t uw_filter_match(const struct uw_filter *filter, const struct uw_record *record);

/* The rules that accept uid, by the entries that the kernel looks up. Exposed for the tests. */
uint64_t uw_filter_uid_rules(const struct uw_filter *filter, uint32_t uid);

#endif
