/* SPDX-License-Identifier: MIT */
/*
 * The rules in force and those before them. A generation is a configuration compiled for the host's
 * tree as it is at a moment; either changing makes a new one. Events carry the generation that
 * decided them, and may still be on their way when the next one is in force. Not a word is logged
 * here.
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

/* Generations that are kept while events of theirs may wait in the ring buffer. Of older ones, the
 * rules in force decide. */
#define UW_RULES_KEPT 256

/* States of the host's tree that rules are remembered to be for. */
#define UW_STATES_KEPT 16

/*
 * For no state, as the first mounts are counted before any program runs: the kernel side leaves all
 * that paths could exclude to the daemon.
 */
#define UW_NO_STATE 1

struct uw_rules {
	struct uw_config *config; /* may be shared with other generations */
	struct uw_mounts *mounts;
	struct uw_symlinks *links;
	struct uw_path_deps places;
	struct uw_filter *filter;
	uint32_t gen;
	/*
	 * States of the host's tree (see struct uw_host_tree) in which mounts and links were found
	 * to be these, the last ones of n_states; and when they last were these for sure, or were
	 * read, by CLOCK_BOOTTIME.
	 */
	uint32_t states[UW_STATES_KEPT];
	size_t n_states;
	uint64_t checked_ns;
	const char *names[UW_RULES_MAX]; /* by bit of a mask; they belong to config */
};

struct uw_ruleset {
	struct uw_rules now, before[UW_RULES_KEPT]; /* the last one first; those that are not there
						       have no config */
};

/*
 * Compiles the next generation from the files; see uw_config_load() for the results and the errors.
 * The ruleset is not changed until uw_ruleset_commit(), which takes over what is in *ret, or
 * uw_ruleset_discard(), which frees it.
 */
int uw_ruleset_load(const struct uw_ruleset *ruleset, const char *file, bool optional,
		    struct uw_errors *errors, struct uw_rules *ret);

/* The same from the configuration in force and the host's tree as it is now. Returns 0 or -errno. */
int uw_ruleset_renew(const struct uw_ruleset *ruleset, struct uw_rules *ret);

void uw_ruleset_commit(struct uw_ruleset *ruleset, struct uw_rules *rules);
void uw_ruleset_discard(struct uw_ruleset *ruleset, struct uw_rules *rules);

/* Once all events are read: none of a generation before the last one can be on its way but what is
 * still in flight. */
void uw_ruleset_trim(struct uw_ruleset *ruleset);

/* Whether mounts and links still are what the rules in force were compiled for: reads them. */
bool uw_ruleset_holds(struct uw_ruleset *ruleset);

/*
 * Takes down which state of the tree the rules in force are for: 0 where the kernel does not tell,
 * and UW_NO_STATE where it changed while they were read. What the kernel is to compare with is in
 * now.filter->tables.masks.
 */
void uw_ruleset_confirm(struct uw_ruleset *ruleset, uint32_t state);

/* Whether the rules are known to be for that state. */
bool uw_rules_are_for(const struct uw_rules *rules, uint32_t state);

/* The rules of a generation; NULL where they are not kept. */
const struct uw_rules *uw_ruleset_find(const struct uw_ruleset *ruleset, uint32_t gen);

/* Frees what it holds. */
void uw_ruleset_done(struct uw_ruleset *ruleset);

#endif
