/* SPDX-License-Identifier: MIT */
/*
 * Watches deletions by kernel threads while nfsd, ksmbd or cachefiles is there. Not always: these
 * probes cost every process that deletes.
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
 * Starts, and checks again whenever a module is loaded. Must not be moved; source and output must
 * outlive it.
 */
void uw_kthreads_init(struct uw_kthreads *kthreads, const struct uw_plan *plan,
		      struct uw_source *source, struct uw_output *output);

/* Attaches or detaches the probes if that is due, and logs it. */
void uw_kthreads_check(struct uw_kthreads *kthreads);

#endif
