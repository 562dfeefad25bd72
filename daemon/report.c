// SPDX-License-Identifier: MIT
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>
#include <systemd/sd-daemon.h>

#include "clock.h"
#include "ids.h"
#include "status.h"

void uw_report_stats(const struct uw_report *report, struct uw_stats *ret)
{
	const struct uw_outlet_counts *counts = uw_sink_counts(report->sink);

	*ret = *report->recorder->stats;
	/* Those of a kernel that does not tell are those of the last time. */
	memcpy(ret->kernel, report->ledger->words->reported.kernel, sizeof(ret->kernel));
	uw_ladder_counters(report->ladder, ret->kernel);
	ret->recorded = counts->sent[UW_KIND_RECORD];
	ret->queued = counts->queued[UW_KIND_RECORD];
	ret->sink_failed = counts->failed[UW_KIND_RECORD] + counts->failed[UW_KIND_SUMMARY];
	ret->summarised -= counts->failed[UW_KIND_SUMMARY];
}

static void report_losses(struct uw_report *report, const struct uw_stats *now)
{
	uint64_t lost;

	uw_buf_reset(&report->text);
	uw_buf_reset(&report->fields);
	lost = uw_stats_loss_report(&report->ledger->words->reported, now, &report->text,
				    &report->fields);
	if (lost)
		uw_sink_note_fields(report->sink, UW_ID_LOSS, LOG_WARNING, &report->fields,
				    "deletions not recorded: %" PRIu64 " (%.*s)", lost,
				    (int)report->text.len, report->text.p);
}

/* PID 1 need not hear every two seconds that nothing has happened. */
static void tell_systemd(struct uw_report *report, const struct uw_balance *b)
{
	struct uw_buf *text = &report->text;

	uw_buf_reset(text);
	uw_buf_printf(
		text, "STATUS=%s %s: %" PRIu64 " seen, %" PRIu64 " recorded, %" PRIu64 " lost",
		report->ladder->blind ? "BLIND, trying again;" : "Watching by",
		report->ladder->blind ? "until now" : uw_probe_name(report->ladder->plan.probe),
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
	uw_ledger_begin(report->ledger);
	report_losses(report, &now);
	report->ledger->words->reported = now;
	uw_ledger_commit(report->ledger);
	uw_sink_flush(report->sink);
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
	const char *detail = uw_plan_detail(&report->ladder->plan);
	struct uw_source_usage usage;
	struct uw_status status = {
		.pid = (uint32_t)getpid(),
		.started_us = report->started_us,
		.now_us = now_us(),
		.probe = uw_probe_name(report->ladder->plan.probe),
		.probe_detail = detail + strspn(detail, " "),
		.not_covered = report->ladder->plan.not_covered,
		.config_file = report->config_file,
		.config = report->book->now.config,
		.generation = report->book->now.gen,
	};

	uw_report_stats(report, &status.stats);
	uw_source_usage(report->ladder->source, &usage);
	status.ring = (struct uw_usage){ usage.ring_size, usage.ring_used };
	status.states = (struct uw_usage){ UW_STATES, uw_source_in_flight(report->ladder->source) };
	uw_sink_usage(report->sink, &status.queue.size, &status.queue.used);
	uw_status_json(&status, buf);
}

void uw_report_start(struct uw_report *report, sd_event *event)
{
	/* Also keeps a daemon that is started by hand away from the service's socket. */
	const char *directory = getenv("RUNTIME_DIRECTORY");
	char path[256];
	int r;

	report->started_us = now_us();
	if (!directory) {
		uw_sink_note(report->sink, NULL, LOG_DEBUG,
			     "no status socket: there is no runtime directory");
		return;
	}
	snprintf(path, sizeof(path), "%s/status", directory);
	r = uw_listener_new(event, path, tell_status, report, &report->listener);
	if (r < 0)
		uw_sink_note(report->sink, NULL, LOG_WARNING, "no status socket: %s", strerror(-r));
}

void uw_report_done(struct uw_report *report)
{
	uw_listener_free(report->listener);
	uw_buf_free(&report->text);
	uw_buf_free(&report->fields);
	uw_buf_free(&report->status);
}
