/* SPDX-License-Identifier: MIT */
/*
 * Watches deletions by kernel threads while nfsd, ksmbd or cachefiles is there. Not always: these
 * probes cost every process that deletes. Tells the programs where nfsd and ksmbd have the
 * addresses of their clients.
 */
#ifndef UW_KTHREADS_H
#define UW_KTHREADS_H

#include <stdbool.h>
#include <stdint.h>

#include "output/output.h"
#include "probe/kernel.h"
#include "probe/source.h"
#include "probe/vfs_btf.h"

struct uw_kthreads {
	struct uw_source *source; /* borrowed, as is the output */
	struct uw_output *output;
	bool possible; /* by the plan */
	bool watching;
	bool failed;			 /* and said so */
	uint64_t wait_ns, retry_ns;	 /* after a failure; when, on CLOCK_MONOTONIC */
	struct uw_servers_loaded loaded; /* whose offsets the programs have */
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
