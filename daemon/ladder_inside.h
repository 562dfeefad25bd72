/* SPDX-License-Identifier: MIT */
/* The inside of a ladder, shared by ladder.c and ladder_start.c. */
#ifndef UW_LADDER_INSIDE_H
#define UW_LADDER_INSIDE_H

#include "ladder.h"

/* Of a source that is to see, or with filter NULL, of one that is only to be read. */
struct uw_source_setup uw_ladder_setup(struct uw_ladder *ladder, const struct uw_plan *plan,
				       const struct uw_config *config,
				       const struct uw_filter *filter);

/*
 * Whether the source sees, as far as that is known. Otherwise false, with the reason in *ret_why,
 * which the caller frees.
 */
bool uw_ladder_proves(struct uw_ladder *ladder, const struct uw_plan *plan,
		      struct uw_source *source, char **ret_why);

/* Puts the source in the place of those before, which are done with then. Returns 0 or -errno. */
int uw_ladder_use(struct uw_ladder *ladder, const struct uw_plan *plan, struct uw_source *source);

/* Takes what a source still has, its counters included, and frees it. Accepts NULL. */
void uw_ladder_retire(struct uw_ladder *ladder, struct uw_source *source);

/* An event of ours while there is an old source: it is kept until that one has been read. */
void uw_ladder_hold(struct uw_ladder *ladder, const void *data, size_t size);

/* Hands on those of the events kept that the old source has not seen. */
void uw_ladder_let_go(struct uw_ladder *ladder);

/* An event of the old source. */
void uw_ladder_old_sample(const void *data, size_t size, void *userdata);

/* Whether the old source has seen this one, too, and its event has been taken: this one is done. */
bool uw_ladder_seen_before(struct uw_ladder *ladder, const struct uw_event *ev);

#endif
