// SPDX-License-Identifier: MIT
#include "status/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>
#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "base/procfs.h"
#include "record/message_ids.h"
#include "status/status.h"

void uw_report_stats(const struct uw_report *report, struct uw_stats *ret)
{
	const struct uw_spool_counts *counts = uw_output_counts(report->output);

	*ret = report->persistent->words->stats;
	/* If the kernel's counters cannot be read, use the last ones. */
	memcpy(ret->kernel, report->persistent->words->reported.kernel, sizeof(ret->kernel));
	uw_probe_select_counters(report->probe_select, ret->kernel);
	ret->recorded = counts->sent[UW_KIND_RECORD];
	ret->queued = counts->queued[UW_KIND_RECORD];
	ret->sink_failed = counts->failed[UW_KIND_RECORD] + counts->failed[UW_KIND_SUMMARY];
	ret->summarised -= counts->failed[UW_KIND_SUMMARY];
}

/* Names the users whose events found no room. */
static void name_losers(struct uw_report *report, uint64_t lost)
{
	uint64_t now_ns = uw_clock_ns(CLOCK_BOOTTIME);
	struct uw_losers losers;
	size_t i;

	uw_source_take_losers(report->probe_select->source, &losers);
	for (i = 0; i < losers.n; i++) {
		const char *name = uw_users_name(report->users, losers.user[i].uid, now_ns);

		snprintf(losers.user[i].name, sizeof(losers.user[i].name), "%s", name ?: "");
	}
	uw_losers_report(&losers, lost, &report->whose, &report->fields);
}

static void report_losses(struct uw_report *report, const struct uw_stats *now)
{
	uint64_t lost;

	uw_buf_reset(&report->whose);
	uw_buf_reset(&report->text);
	uw_buf_reset(&report->fields);
	lost = uw_stats_loss_report(&report->persistent->words->reported, now, &report->text,
				    &report->fields);
	if (!lost)
		return;
	name_losers(report, lost);
	uw_output_note_fields(report->output, UW_ID_LOSS, LOG_WARNING, &report->fields,
			      "deletions not recorded: %" PRIu64 " (%.*s)%.*s", lost,
			      (int)report->text.len, report->text.p, (int)report->whose.len,
			      report->whose.p ?: "");
}

/* Tell PID 1 only of changes. */
static void tell_systemd(struct uw_report *report, const struct uw_balance *b)
{
	struct uw_buf *text = &report->text;

	uw_buf_reset(text);
	uw_buf_printf(text,
		      "STATUS=%s %s: %" PRIu64 " seen, %" PRIu64 " recorded, %" PRIu64 " lost",
		      report->probe_select->blind ? "BLIND, trying again;" : "Watching by",
		      report->probe_select->blind ? "until now"
						  : uw_probe_name(report->probe_select->plan.probe),
		      b->seen, b->recorded, b->lost);
	if (b->queued)
		uw_buf_printf(text, ", %" PRIu64 " waiting", b->queued);
	uw_buf_add(text, "", 1);
	if (text->failed ||
	    (text->len == report->status.len && !memcmp(text->p, report->status.p, text->len)))
		return;
	sd_notify(0, text->p);
	uw_buf_reset(&report->status);
	uw_buf_add(&report->status, text->p, text->len);
}

void uw_report_renew(struct uw_report *report)
{
	struct uw_balance balance;
	struct uw_stats now;

	uw_report_stats(report, &now);
	uw_persistent_begin(report->persistent);
	report_losses(report, &now);
	uw_stats_set_reported(&report->persistent->words->reported, &now);
	uw_persistent_commit(report->persistent);
	uw_output_flush(report->output);
	uw_stats_balance(&now, &balance);
	tell_systemd(report, &balance);
}

static uint64_t now_us(void)
{
	return uw_clock_ns(CLOCK_REALTIME) / 1000;
}

static void tell_status(struct uw_buf *buf, void *userdata)
{
	const struct uw_report *report = userdata;
	const char *detail = uw_plan_detail(&report->probe_select->plan);
	struct uw_source_usage usage;
	struct uw_status status = {
		.pid = (uint32_t)getpid(),
		.started_us = report->started_us,
		.now_us = now_us(),
		.probe = uw_probe_name(report->probe_select->plan.probe),
		.probe_detail = detail + strspn(detail, " "),
		.not_covered = report->probe_select->plan.not_covered,
		.config_file = report->config_file,
		.config = report->ruleset->now.config,
		.generation = report->ruleset->now.gen,
	};

	uw_report_stats(report, &status.stats);
	uw_source_usage(report->probe_select->source, &usage);
	status.ring = (struct uw_usage){ usage.ring_size, usage.ring_used };
	status.states =
		(struct uw_usage){ UW_SLOTS, uw_source_in_flight(report->probe_select->source) };
	/* The ring buffer is mapped twice, one behind the other. */
	status.resident = uw_procfs_resident();
	if (status.resident > 2 * usage.ring_size)
		status.resident -= 2 * usage.ring_size;
	status.kernel = uw_source_memory(report->probe_select->source);
	uw_output_usage(report->output, &status.queue.size, &status.queue.used);
	uw_status_json(&status, buf);
}

void uw_report_start(struct uw_report *report, sd_event *event)
{
	/* Without it, as when started by hand, stay away from the service's socket. */
	const char *directory = getenv("RUNTIME_DIRECTORY");
	char path[256];
	int r;

	report->started_us = now_us();
	if (!directory) {
		uw_output_note(report->output, NULL, LOG_DEBUG,
			       "no status socket: there is no runtime directory");
		return;
	}
	snprintf(path, sizeof(path), "%s/status", directory);
	r = uw_status_socket_new(event, path, tell_status, report, &report->socket);
	if (r < 0)
		uw_output_note(report->output, NULL, LOG_WARNING, "no status socket: %s",
			       strerror(-r));
}

void uw_report_done(struct uw_report *report)
{
	uw_status_socket_free(report->socket);
	uw_buf_free(&report->text);
	uw_buf_free(&report->fields);
	uw_buf_free(&report->whose);
	uw_buf_free(&report->status);
}
