/* SPDX-License-Identifier: MIT */
/*
 * The rules in force and those before them. A generation is a configuration compiled for one state
 * of the host's tree; a change of either makes a new generation. An event carries the generation
 * that the kernel applied, and may arrive when the next one is in force. Nothing here logs.
 */
#ifndef UW_RULESET_H
#define UW_RULESET_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "rules/filter.h"
#include "rules/mounts.h"
#include "rules/path_deps.h"
#include "rules/symlinks.h"

/*
 * Earlier generations that are kept, since their events may wait in the ring buffer: so many, and
 * about so many bytes of mounts. The rules in force decide about events of older ones.
 */
#define UW_RULES_KEPT  256
#define UW_RULES_BYTES (4 << 20)

/* How many states of the host's tree each generation remembers to be right for. */
#define UW_STATES_KEPT 16

/*
 * No state has this number, since the kernel counts the first mounts before any program runs. With
 * it the kernel side leaves every event that a path might exclude to the daemon.
 */
#define UW_NO_STATE 1

struct uw_rules {
	struct uw_config *config; /* may be shared with other generations */
	struct uw_mounts *mounts;
	struct uw_symlinks *links;
	struct uw_path_deps deps;
	struct uw_filter *filter;
	uint32_t gen;
	unsigned long until; /* where in the ring buffer its events end; not of the rules in force */
	/*
	 * A ring of the last states of the host's tree (see struct uw_host_tree) in which mounts
	 * and links were these; n_states counts all of them. checked_ns is the CLOCK_BOOTTIME of
	 * the last time when mounts and links were these.
	 */
	uint32_t states[UW_STATES_KEPT];
	size_t n_states;
	uint64_t checked_ns;
	const char *names[UW_RULES_MAX]; /* by bit of a mask; they belong to config */
};

struct uw_ruleset {
	struct uw_rules now;
	struct uw_rules before[UW_RULES_KEPT]; /* the latest first; an unused one has no config */
	uint32_t dropped; /* the last generation that was not kept for all of its events, or 0 */
};

/*
 * Compiles the next generation from the configuration files; uw_config_load() documents the results
 * and the errors. The ruleset stays as it is. Pass *ret to uw_ruleset_commit(), which takes it
 * over, or to uw_ruleset_discard(), which frees it.
 */
int uw_ruleset_load(const struct uw_ruleset *ruleset, const char *file, bool optional,
		    struct uw_errors *errors, struct uw_rules *ret);

/*
 * The same from the configuration in force, for the present tree. If mounts and links are those
 * that the rules in force were compiled for, compiles nothing, unless `anyway` is set. Returns 1 if
 * there is a new generation, 0 if not, or -errno.
 */
int uw_ruleset_renew(struct uw_ruleset *ruleset, bool anyway, struct uw_rules *ret);

/* `until` is where in the ring buffer the events of the rules before them end, about. */
void uw_ruleset_commit(struct uw_ruleset *ruleset, struct uw_rules *rules, unsigned long until);
void uw_ruleset_discard(struct uw_ruleset *ruleset, struct uw_rules *rules);

/*
 * Frees the earlier generations but the last whose events have been read, which is so up to that
 * position in the ring buffer. Only deletions in flight can then still be of such a generation.
 */
void uw_ruleset_trim(struct uw_ruleset *ruleset, unsigned long consumed);

/*
 * Records the state of the tree that the rules in force are for: 0 if the kernel does not number
 * states, UW_NO_STATE if the tree changed during the read. Also sets it in
 * now.filter->tables.masks, for the kernel to compare with.
 */
void uw_ruleset_confirm(struct uw_ruleset *ruleset, uint32_t state);

/* Whether the rules are known to be right for that state of the tree. */
bool uw_rules_are_for(const struct uw_rules *rules, uint32_t state);

/* Returns the rules of a generation, or NULL if they are no longer kept. */
const struct uw_rules *uw_ruleset_find(const struct uw_ruleset *ruleset, uint32_t gen);

/* Frees all generations. */
void uw_ruleset_done(struct uw_ruleset *ruleset);

#endif
