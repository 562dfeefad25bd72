/* SPDX-License-Identifier: MIT */
/* Tries a source with canaries. */
#ifndef UW_PROVE_H
#define UW_PROVE_H

#include "canary.h"
#include "source.h"

/*
 * Deletes canaries until the plan's source sees all of it, three times at the most, which takes
 * some milliseconds, and adds to why what it does not see, or why that is not known. Reads
 * events, a thousand a time at most: what canary does not take is the source's on_event's, which
 * must ask uw_canary_take() first. To be called by the thread that made the source.
 */
enum uw_verdict uw_prove(struct uw_source *source, const struct uw_plan *plan,
			 struct uw_canary *canary, struct uw_buf *why);

#endif
