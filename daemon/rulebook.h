/* SPDX-License-Identifier: MIT */
/*
 * The rules in force and those before them. A generation is a configuration compiled against the
 * mounts of a moment; either changing makes a new one. Events carry the generation that decided
 * them, and may still be on their way when the next one is in force. Not a word is logged here.
 */
#ifndef UW_RULEBOOK_H
#define UW_RULEBOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "filter.h"
#include "mounts.h"

struct uw_rules {
	struct uw_config *config; /* may be shared with the generation before */
	struct uw_mounts *mounts;
	struct uw_filter *filter;
	uint32_t gen;
	const char *names[UW_RULES_MAX]; /* by bit of a mask; they belong to config */
};

struct uw_rulebook {
	struct uw_rules now, before;
};

/*
 * Compiles the next generation from the files; see uw_config_load() for the results and the errors.
 * The rulebook is not changed until uw_rulebook_commit(), which takes over what is in *ret, or
 * uw_rulebook_discard(), which frees it.
 */
int uw_rulebook_load(const struct uw_rulebook *book, const char *file, bool optional,
		     struct uw_errors *errors, struct uw_rules *ret);

/* The same from the configuration in force and the mounts as they are now. Returns 0 or -errno. */
int uw_rulebook_remount(const struct uw_rulebook *book, struct uw_rules *ret);

void uw_rulebook_commit(struct uw_rulebook *book, struct uw_rules *rules);
void uw_rulebook_discard(struct uw_rulebook *book, struct uw_rules *rules);

/* The rules of a generation; NULL where neither is of it. */
const struct uw_rules *uw_rulebook_find(const struct uw_rulebook *book, uint32_t gen);

/* Frees what it holds. */
void uw_rulebook_done(struct uw_rulebook *book);

#endif
