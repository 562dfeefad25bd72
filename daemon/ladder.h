/* SPDX-License-Identifier: MIT */
/* The ways in, tried one after the other. */
#ifndef UW_LADDER_H
#define UW_LADDER_H

#include "config.h"
#include "kernel.h"
#include "sink.h"
#include "source.h"

/*
 * Attaches the best probe that `choice` allows and that works, with the ring size and the detail of
 * config, and says in the log why any better one does not. Returns 0 with the plan and the source,
 * which the caller frees and for which kernel must live on; -ENODEV where none works.
 */
int uw_ladder_climb(const struct uw_kernel *kernel, enum uw_probe_choice choice,
		    const struct uw_config *config, const struct uw_filter *filter,
		    struct uw_sink *sink, uw_source_event_fn on_event, void *userdata,
		    struct uw_plan *ret_plan, struct uw_source **ret_source);

#endif
