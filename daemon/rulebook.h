/* SPDX-License-Identifier: MIT */
/*
 * The rules in force and those before them. A generation is a configuration compiled for the host's
 * tree as it is at a moment; either changing makes a new one. Events carry the generation that
 * decided them, and may still be on their way when the next one is in force. Not a word is logged
 * here.
 */
#ifndef UW_RULEBOOK_H
#define UW_RULEBOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "filter.h"
#include "links.h"
#include "mounts.h"
#include "places.h"

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
	struct uw_links *links;
	struct uw_places places;
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

struct uw_rulebook {
	struct uw_rules now, before[UW_RULES_KEPT]; /* the last one first; those that are not there
						       have no config */
};

/*
 * Compiles the next generation from the files; see uw_config_load() for the results and the errors.
 * The rulebook is not changed until uw_rulebook_commit(), which takes over what is in *ret, or
 * uw_rulebook_discard(), which frees it.
 */
int uw_rulebook_load(const struct uw_rulebook *book, const char *file, bool optional,
		     struct uw_errors *errors, struct uw_rules *ret);

/* The same from the configuration in force and the host's tree as it is now. Returns 0 or -errno. */
int uw_rulebook_renew(const struct uw_rulebook *book, struct uw_rules *ret);

void uw_rulebook_commit(struct uw_rulebook *book, struct uw_rules *rules);
void uw_rulebook_discard(struct uw_rulebook *book, struct uw_rules *rules);

/* Once all events are read: none of a generation before the last one can be on its way but what is
 * still in flight. */
void uw_rulebook_trim(struct uw_rulebook *book);

/* Whether mounts and links still are what the rules in force were compiled for: reads them. */
bool uw_rulebook_holds(struct uw_rulebook *book);

/*
 * Takes down which state of the tree the rules in force are for: 0 where the kernel does not tell,
 * and UW_NO_STATE where it changed while they were read. What the kernel is to compare with is in
 * now.filter->set.
 */
void uw_rulebook_confirm(struct uw_rulebook *book, uint32_t state);

/* Whether the rules are known to be for that state. */
bool uw_rules_are_for(const struct uw_rules *rules, uint32_t state);

/* The rules of a generation; NULL where they are not kept. */
const struct uw_rules *uw_rulebook_find(const struct uw_rulebook *book, uint32_t gen);

/* Frees what it holds. */
void uw_rulebook_done(struct uw_rulebook *book);

#endif
