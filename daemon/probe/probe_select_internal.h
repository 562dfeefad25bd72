/* SPDX-License-Identifier: MIT */
/* The inside of a probe_select, shared by probe_select.c and probe_select_start.c. */
#ifndef UW_PROBE_SELECT_INTERNAL_H
#define UW_PROBE_SELECT_INTERNAL_H

#include "probe/probe_select.h"

/* Of a source that is to see, or with tables NULL, of one that is only to be read. */
struct uw_source_setup uw_probe_select_setup(struct uw_probe_select *probe_select,
					     const struct uw_plan *plan,
					     const struct uw_config *config,
					     const struct uw_rule_tables *tables);

/*
 * Whether the source sees, as far as that is known. Otherwise false, with the reason in *ret_why,
 * which the caller frees.
 */
bool uw_probe_select_proves(struct uw_probe_select *probe_select, const struct uw_plan *plan,
			    struct uw_source *source, char **ret_why);

/* Puts the source in the place of those before, which are done with then. Returns 0 or -errno. */
int uw_probe_select_use(struct uw_probe_select *probe_select, const struct uw_plan *plan,
			struct uw_source *source);

/* Takes what a source still has, its counters included, and frees it. Accepts NULL. */
void uw_probe_select_retire(struct uw_probe_select *probe_select, struct uw_source *source);

/* An event of ours while there is an old source: it is kept until that one has been read. */
void uw_probe_select_hold(struct uw_probe_select *probe_select, const void *data, size_t size);

/* Hands on those of the events kept that the old source has not seen. */
void uw_probe_select_let_go(struct uw_probe_select *probe_select);

/* An event of the old source. */
void uw_probe_select_old_sample(const void *data, size_t size, void *userdata);

/* Whether the old source has seen this one, too, and its event has been taken: this one is done. */
bool uw_probe_select_seen_before(struct uw_probe_select *probe_select, const struct uw_event *ev);

#endif
