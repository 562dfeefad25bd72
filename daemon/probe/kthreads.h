/* SPDX-License-Identifier: MIT */
/*
 * Watches kernel threads delete, but only while something is there that has them do so (nfsd,
 * ksmbd, cachefiles): the probes for that lie in the way of every process that deletes.
 */
#ifndef UW_KTHREADS_H
#define UW_KTHREADS_H

#include <stdbool.h>

#include "output/output.h"
#include "probe/kernel.h"
#include "probe/source.h"

struct uw_kthreads {
	struct uw_source *source; /* borrowed, as is the output */
	struct uw_output *output;
	bool possible; /* by the plan */
	bool watching;
	bool failed; /* and said so */
};

/*
 * Starts, and sees to it that every module that is loaded from now on leads to a check. Must not be
 * moved; source and output must outlive it.
 */
void uw_kthreads_init(struct uw_kthreads *kthreads, const struct uw_plan *plan,
		      struct uw_source *source, struct uw_output *output);

/* Attaches or detaches the probes where that is due, and says so in the log. */
void uw_kthreads_check(struct uw_kthreads *kthreads);

#endif
