// SPDX-License-Identifier: MIT
#include "ctl/openmetrics.h"

#include <inttypes.h>
#include <string.h>

#include "ctl/status_client.h"
#include "ctl/timespec.h"

enum type { COUNTER, GAUGE, INFO };

/* Metrics of one number, and where the object has it. */
static const struct metric {
	const char *name;
	enum type type;
	const char *unit;
	const char *member, *second;
	const char *help;
} metrics[] = {
	{ "unlinkwatchd_deletions_seen", COUNTER, NULL, "counters", "seen",
	  "Deletions that the probes have seen" },
	{ "unlinkwatchd_deletions_recorded", COUNTER, NULL, "counters", "recorded",
	  "Deletions that have a record of their own" },
	{ "unlinkwatchd_deletions_filtered", COUNTER, NULL, "counters", "filtered",
	  "Deletions that no rule asked for" },
	{ "unlinkwatchd_deletions_summarised", COUNTER, NULL, "counters", "summarised",
	  "Deletions that are part of a summary" },
	{ "unlinkwatchd_missed_returns", COUNTER, NULL, "counters", "missed_returns",
	  "Deletions whose result is not known, as the kernel skipped the probe" },
	{ "unlinkwatchd_cut_strings", COUNTER, NULL, "counters", "strings_cut",
	  "Records with a name or path that was cut for want of room" },
	{ "unlinkwatchd_in_flight_deletions", GAUGE, NULL, "counters", "in_flight",
	  "Deletions that have not returned" },
	{ "unlinkwatchd_queued_deletions", GAUGE, NULL, "counters", "queued",
	  "Deletions that wait to be written" },
	{ "unlinkwatchd_ring_buffer_size_bytes", GAUGE, "bytes", "ring", "size",
	  "Size of the ring buffer between kernel and daemon" },
	{ "unlinkwatchd_ring_buffer_used_bytes", GAUGE, "bytes", "ring", "used",
	  "How much of the ring buffer is in use" },
	{ "unlinkwatchd_queue_size_bytes", GAUGE, "bytes", "queue", "size",
	  "Size of the queue of records for the journal" },
	{ "unlinkwatchd_queue_used_bytes", GAUGE, "bytes", "queue", "used",
	  "How much of the queue is in use" },
	{ "unlinkwatchd_states_size", GAUGE, NULL, "states", "size",
	  "Room for deletions in flight" },
	{ "unlinkwatchd_states_used", GAUGE, NULL, "states", "used",
	  "Deletions in flight that the kernel side holds" },
	{ "unlinkwatchd_resident_memory_bytes", GAUGE, "bytes", "memory", "resident",
	  "Resident memory of the daemon" },
	{ "unlinkwatchd_kernel_memory_bytes", GAUGE, "bytes", "memory", "kernel",
	  "The kernel's memory for BPF maps and programs beside the ring buffer" },
	{ "unlinkwatchd_config_generation", GAUGE, NULL, "generation", NULL,
	  "Generation of the rules in force" },
};

static void add_head(struct uw_buf *buf, const char *name, enum type type, const char *unit,
		     const char *help, bool prometheus)
{
	static const char *const types[] = { "counter", "gauge", "info" };
	/*
	 * In the older format a type belongs to the samples' names, suffix included, and there is
	 * no "info".
	 */
	const char *suffix = !prometheus       ? ""
			     : type == COUNTER ? "_total"
			     : type == INFO    ? "_info"
					       : "";

	uw_buf_printf(buf, "# TYPE %s%s %s\n", name, suffix,
		      types[prometheus && type == INFO ? GAUGE : type]);
	if (unit && !prometheus)
		uw_buf_printf(buf, "# UNIT %s %s\n", name, unit);
	uw_buf_printf(buf, "# HELP %s%s %s\n", name, suffix, help);
}

/* Adds a label's value, with a backslash before backslashes, quotes and newlines. */
static void add_label(struct uw_buf *buf, const char *label, const char *value)
{
	uw_buf_printf(buf, "%s=\"", label);
	for (; *value; value++) {
		if (*value == '\n')
			uw_buf_puts(buf, "\\n");
		else
			uw_buf_printf(buf, "%s%c", strchr("\\\"", *value) ? "\\" : "", *value);
	}
	uw_buf_puts(buf, "\"");
}

static void add_numbers(const json_t *root, bool prometheus, struct uw_buf *buf)
{
	uint64_t n;

	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		const struct metric *m = &metrics[i];

		if (!uw_status_client_uint(root, m->member, m->second, &n))
			continue;
		add_head(buf, m->name, m->type, m->unit, m->help, prometheus);
		uw_buf_printf(buf, "%s%s %" PRIu64 "\n", m->name,
			      m->type == COUNTER ? "_total" : "", n);
	}
}

static void add_lost(const json_t *root, bool prometheus, struct uw_buf *buf)
{
	json_t *lost = json_object_get(json_object_get(root, "counters"), "lost"), *value;
	const char *cause;

	if (!json_is_object(lost))
		return;
	add_head(buf, "unlinkwatchd_deletions_lost", COUNTER, NULL,
		 "Deletions that may have been asked for and have no record", prometheus);
	json_object_foreach(lost, cause, value)
	{
		if (!strcmp(cause, "total") || !json_is_integer(value))
			continue; /* the total would count everything twice */
		uw_buf_puts(buf, "unlinkwatchd_deletions_lost_total{");
		add_label(buf, "cause", cause);
		uw_buf_printf(buf, "} %" JSON_INTEGER_FORMAT "\n", json_integer_value(value));
	}
}

static void add_info(const json_t *root, bool prometheus, struct uw_buf *buf)
{
	uint64_t us;

	add_head(buf, "unlinkwatchd_build", INFO, NULL, "Version of the running daemon",
		 prometheus);
	uw_buf_puts(buf, "unlinkwatchd_build_info{");
	add_label(buf, "version", uw_status_client_text(root, "version"));
	uw_buf_puts(buf, "} 1\n");
	add_head(buf, "unlinkwatchd_probe", INFO, NULL, "How it hears of deletions", prometheus);
	uw_buf_puts(buf, "unlinkwatchd_probe_info{");
	add_label(buf, "probe", uw_status_client_text(root, "probe"));
	uw_buf_puts(buf, ",");
	add_label(buf, "not_covered", uw_status_client_text(root, "not_covered"));
	uw_buf_puts(buf, "} 1\n");
	add_head(buf, "unlinkwatchd_rules", GAUGE, NULL, "Rules in force", prometheus);
	uw_buf_printf(buf, "unlinkwatchd_rules %zu\n",
		      json_array_size(json_object_get(root, "rules")));
	if (!uw_status_client_uint(root, "started_us", NULL, &us))
		return;
	add_head(buf, "unlinkwatchd_start_time_seconds", GAUGE, "seconds",
		 "When it was started, since 1970", prometheus);
	uw_buf_printf(buf, "unlinkwatchd_start_time_seconds %" PRIu64 ".%06" PRIu64 "\n",
		      us / UW_USEC_PER_S, us % UW_USEC_PER_S);
}

void uw_openmetrics_add(const json_t *root, bool prometheus, struct uw_buf *buf)
{
	add_head(buf, "unlinkwatchd_up", GAUGE, NULL, "Whether the daemon runs and answers",
		 prometheus);
	uw_buf_printf(buf, "unlinkwatchd_up %d\n", root != NULL);
	if (root) {
		add_info(root, prometheus, buf);
		add_numbers(root, prometheus, buf);
		add_lost(root, prometheus, buf);
	}
	if (!prometheus)
		uw_buf_puts(buf, "# EOF\n");
}
