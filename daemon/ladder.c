// SPDX-License-Identifier: MIT
#include "ladder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

int uw_ladder_climb(const struct uw_kernel *kernel, enum uw_probe_choice choice,
		    const struct uw_config *config, const struct uw_filter *filter,
		    struct uw_sink *sink, uw_source_event_fn on_event, void *userdata,
		    struct uw_plan *ret_plan, struct uw_source **ret_source)
{
	struct uw_plan plans[UW_PLANS_MAX];
	size_t n, i;
	int r;

	n = uw_kernel_plan(kernel, choice, plans);
	for (i = 0; i < n; i++) {
		const struct uw_plan *plan = &plans[i];
		char *why = NULL;

		if (!plan->why_not) {
			r = uw_source_new(kernel, plan, config->ring_size, config->detail, filter,
					  on_event, userdata, ret_source, &why);
			if (r >= 0) {
				*ret_plan = *plan;
				return 0;
			}
			if (!why)
				why = strdup(strerror(-r));
		}
		uw_sink_note(sink, NULL, LOG_NOTICE, "%s%s cannot be used: %s",
			     uw_probe_name(plan->probe), uw_plan_detail(plan),
			     plan->why_not ? plan->why_not
			     : why	   ? why
					   : "no memory");
		free(why);
	}
	uw_sink_note(
		sink, NULL, LOG_ERR,
		"no probe can be attached, so no deletion can be seen; see unlinkwatchd(8), PROBES");
	return -ENODEV;
}
