/* SPDX-License-Identifier: MIT */
/*
 * Reports losses to the journal, counts to systemd, and the whole state to whoever connects to the
 * status socket.
 */
#ifndef UW_REPORT_H
#define UW_REPORT_H

#include <systemd/sd-event.h>

#include "base/users.h"
#include "output/output.h"
#include "probe/probe_select.h"
#include "rules/ruleset.h"
#include "state/stats.h"
#include "status/status_socket.h"

struct uw_report {
	const struct uw_probe_select *probe_select; /* borrowed, as all of these */
	const char *config_file;
	const struct uw_ruleset *ruleset;
	struct uw_output *output;
	struct uw_persistent *persistent;
	struct uw_users *users;

	uint64_t started_us; /* CLOCK_REALTIME */
	struct uw_buf text, fields, whose, status;
	struct uw_status_socket *socket;
};

/*
 * Opens the status socket in the runtime directory that systemd gave to the daemon. Without one, or
 * on failure, there is no socket. Release with uw_report_done().
 */
void uw_report_start(struct uw_report *report, sd_event *event);
void uw_report_done(struct uw_report *report);

/* The counters of both sides as they are now; see uw_stats_balance(). */
void uw_report_stats(const struct uw_report *report, struct uw_stats *ret);

/*
 * Reports what was lost since the last report, and tells systemd the counts where they have
 * changed.
 */
void uw_report_renew(struct uw_report *report);

#endif
