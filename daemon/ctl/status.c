// SPDX-License-Identifier: MIT
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/commands.h"
#include "ctl/status_client.h"
#include "ctl/timespec.h"

#define LABEL "%12s: "

struct status {
	const json_t *root;
	const struct uw_style *style;
	struct uw_buf *buf;
	struct uw_buf room;
};

static void begin(struct status *s, const char *label)
{
	uw_buf_puts(s->buf, s->style->dim);
	uw_buf_printf(s->buf, LABEL, label);
	uw_buf_puts(s->buf, s->style->off);
}

/* Prints a line with the text, or none if it is empty. */
static void add_text(struct status *s, const char *label, const char *member)
{
	const char *text = uw_status_client_text(s->root, member);

	if (!*text)
		return;
	begin(s, label);
	uw_show_text((struct uw_str){ text, strlen(text) }, s->buf);
	uw_buf_puts(s->buf, "\n");
}

static void add_head(struct status *s)
{
	uint64_t pid = 0, started, now;

	uw_buf_printf(s->buf, "%sunlinkwatchd%s ", s->style->bold, s->style->off);
	uw_show_text(uw_status_client_bytes(json_object_get(s->root, "version"), &s->room), s->buf);
	uw_status_client_uint(s->root, "pid", NULL, &pid);
	uw_buf_printf(s->buf, " is %srunning%s, pid %" PRIu64 "\n", s->style->green, s->style->off,
		      pid);
	if (uw_status_client_uint(s->root, "started_us", NULL, &started) &&
	    uw_status_client_uint(s->root, "now_us", NULL, &now) && now >= started) {
		begin(s, "since");
		uw_timespec_add(s->buf, started);
		uw_buf_puts(s->buf, ", for ");
		uw_timespec_add_span(s->buf, now - started);
		uw_buf_puts(s->buf, "\n");
	}
	add_text(s, "probe", "probe");
	add_text(s, "", "probe_detail");
	add_text(s, "not covered", "not_covered");
	add_text(s, "detail", "detail");
	add_text(s, "config", "config");
}

/* ---- rules */

/* Prints a list as Path= has it; nothing if it is empty or null. */
static void add_list(struct status *s, const json_t *rule, const char *member, const char *key)
{
	const json_t *list = json_object_get(rule, member), *value;
	size_t i;

	if (!json_is_array(list) || !json_array_size(list))
		return;
	uw_buf_printf(s->buf, " %s=", key);
	json_array_foreach(list, i, value)
	{
		uw_buf_puts(s->buf, i ? " " : "");
		uw_buf_add_safe(s->buf, uw_status_client_bytes(value, &s->room), "");
	}
}

/* A list that has all values is not worth a line. */
static void add_unless_all(struct status *s, const json_t *rule, const char *member,
			   const char *key, size_t all)
{
	if (json_array_size(json_object_get(rule, member)) < all)
		add_list(s, rule, member, key);
}

static void add_rule(struct status *s, const json_t *rule)
{
	size_t start;
	uint64_t priority;

	begin(s, "rule");
	uw_buf_add_safe(s->buf, uw_status_client_bytes(json_object_get(rule, "name"), &s->room),
			":");
	uw_buf_puts(s->buf, ":");
	start = s->buf->len;
	add_list(s, rule, "paths", "Path");
	add_list(s, rule, "exclude_paths", "ExcludePath");
	add_list(s, rule, "users", "User");
	add_list(s, rule, "exclude_users", "ExcludeUser");
	add_unless_all(s, rule, "operations", "Operation", 4);
	add_unless_all(s, rule, "results", "Result", 2);
	if (uw_status_client_uint(rule, "priority", NULL, &priority) &&
	    priority != UW_PRIORITY_DEFAULT)
		uw_buf_printf(s->buf, " Priority=%" PRIu64, priority);
	uw_buf_puts(s->buf, s->buf->len == start ? " everything\n" : "\n");
}

/* ---- numbers */

static void add_count(struct status *s, const char *member, const char *what, bool always)
{
	uint64_t n;

	if (!uw_status_client_uint(s->root, "counters", member, &n) || (!n && !always))
		return;
	uw_buf_printf(s->buf, "%s%" PRIu64 " %s", strcmp(member, "seen") ? ", " : "", n, what);
}

static void add_lost(struct status *s)
{
	json_t *lost = json_object_get(json_object_get(s->root, "counters"), "lost"), *value;
	json_int_t total = json_integer_value(json_object_get(lost, "total"));
	const char *cause, *separator = " (";

	begin(s, "lost");
	uw_buf_printf(s->buf, "%s%" JSON_INTEGER_FORMAT "%s", total ? s->style->red : "", total,
		      total ? s->style->off : "");
	json_object_foreach(lost, cause, value)
	{
		if (!strcmp(cause, "total") || !json_integer_value(value))
			continue;
		uw_buf_puts(s->buf, separator);
		uw_show_text((struct uw_str){ cause, strlen(cause) }, s->buf);
		uw_buf_printf(s->buf, ": %" JSON_INTEGER_FORMAT, json_integer_value(value));
		separator = ", ";
	}
	uw_buf_puts(s->buf, *separator == ',' ? ")\n" : "\n");
}

/* The counts must balance. If not, this program or the daemon counts wrong. */
static void add_balance(struct status *s)
{
	static const char *const parts[] = { "recorded",  "filtered", "summarised",
					     "in_flight", "queued",   "lost" };
	uint64_t seen = 0, sum = 0, n;
	bool known = uw_status_client_uint(s->root, "counters", "seen", &seen);

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!uw_status_client_uint(s->root, "counters", parts[i], &n))
			n = (uint64_t)json_integer_value(json_object_get(
				json_object_get(json_object_get(s->root, "counters"), "lost"),
				"total"));
		sum += n;
	}
	begin(s, "deletions");
	add_count(s, "seen", "seen", true);
	add_count(s, "recorded", "recorded", true);
	add_count(s, "filtered", "not asked for", true);
	add_count(s, "summarised", "in summaries", false);
	add_count(s, "queued", "waiting to be written", false);
	add_count(s, "in_flight", "under way", false);
	if (known && sum != seen)
		uw_buf_printf(s->buf, "%s; %" PRIu64 " %s%s", s->style->yellow,
			      sum < seen ? seen - sum : sum - seen,
			      sum < seen ? "not accounted for" : "counted twice", s->style->off);
	uw_buf_puts(s->buf, "\n");
	add_lost(s);
	if (uw_status_client_uint(s->root, "counters", "missed_returns", &n) && n) {
		begin(s, "");
		uw_buf_printf(s->buf, "%" PRIu64 " with an unknown result\n", n);
	}
	if (uw_status_client_uint(s->root, "counters", "strings_cut", &n) && n) {
		begin(s, "");
		uw_buf_printf(s->buf, "%" PRIu64 " with names that were cut\n", n);
	}
}

static void add_level(struct status *s, const char *label, const char *member, const char *unit)
{
	uint64_t size, used;

	if (!uw_status_client_uint(s->root, member, "size", &size) || !size ||
	    !uw_status_client_uint(s->root, member, "used", &used))
		return;
	begin(s, label);
	uw_buf_printf(s->buf, "%" PRIu64 " of %" PRIu64 " %s in use (%.0f %%)\n", used, size, unit,
		      100.0 * (double)used / (double)size);
}

static void add_memory(struct status *s)
{
	uint64_t resident, kernel;

	if (!uw_status_client_uint(s->root, "memory", "resident", &resident) ||
	    !uw_status_client_uint(s->root, "memory", "kernel", &kernel))
		return;
	begin(s, "memory");
	uw_buf_printf(s->buf,
		      "%" PRIu64 " KiB, and %" PRIu64 " KiB in the kernel beside the ring "
		      "buffer\n",
		      resident / 1024, kernel / 1024);
}

static void print(const struct uw_ctl_options *options, const json_t *root, struct uw_buf *buf)
{
	struct status s = { .root = root, .style = uw_term_style(), .buf = buf };
	const json_t *rule;
	size_t i;

	uw_buf_reset(buf);
	add_head(&s);
	json_array_foreach(json_object_get(root, "rules"), i, rule) add_rule(&s, rule);
	add_balance(&s);
	add_level(&s, "ring buffer", "ring", "bytes");
	add_level(&s, "queue", "queue", "bytes");
	add_level(&s, "in flight", "states", "places");
	add_memory(&s);
	uw_buf_free(&s.room);
	if (!options->no_pager)
		uw_pager_open();
	uw_term_write(buf);
	uw_pager_close();
}

static int say_why_not(const char *socket, int error)
{
	switch (error) {
	case -ENOENT:
	case -ECONNREFUSED:
		fprintf(stderr,
			"unlinkwatchd is not running: nobody listens at %s.\n"
			"See 'systemctl status unlinkwatchd'.\n",
			socket);
		return UW_CTL_NOTHING;
	case -EACCES:
	case -EPERM:
		fprintf(stderr,
			"unlinkwatchctl: you may not connect to %s; be root, or a member of its "
			"group\n",
			socket);
		return UW_CTL_ERROR;
	case -ETIMEDOUT:
		fprintf(stderr, "unlinkwatchd runs, but does not answer at %s.\n", socket);
		return UW_CTL_NOTHING;
	case -EBADMSG:
		fprintf(stderr, "unlinkwatchctl: %s: that is no status of unlinkwatchd\n", socket);
		return UW_CTL_ERROR;
	default:
		return uw_fail(socket, error);
	}
}

int uw_cmd_status(const struct uw_ctl_options *options)
{
	struct uw_buf text = { 0 };
	json_t *root = NULL;
	int r, status = UW_CTL_FOUND;

	r = uw_status_client_fetch(options->socket, &text);
	if (r >= 0)
		r = uw_status_client_parse(&text, &root);
	if (r < 0)
		status = say_why_not(options->socket, r);
	else if (options->json)
		uw_term_write(&text);
	else
		print(options, root, &text);
	json_decref(root);
	uw_buf_free(&text);
	return status;
}
