// SPDX-License-Identifier: MIT
#include "status/status.h"

#include <inttypes.h>
#include <string.h>

#include "config/words.h"

/* Begins a member, after a comma if it is not the first. */
static void key(struct uw_buf *buf, const char *name)
{
	if (buf->len && buf->p[buf->len - 1] != '{')
		uw_buf_puts(buf, ",");
	uw_buf_puts(buf, "\"");
	uw_buf_puts(buf, name);
	uw_buf_puts(buf, "\":");
}

static void add_text(struct uw_buf *buf, const char *name, const char *text)
{
	key(buf, name);
	uw_buf_add_json(buf, (struct uw_str){ text, strlen(text) });
}

static void add_uint(struct uw_buf *buf, const char *name, uint64_t n)
{
	key(buf, name);
	uw_buf_add_uint(buf, n);
}

static void add_usage(struct uw_buf *buf, const char *name, const struct uw_usage *usage)
{
	key(buf, name);
	uw_buf_puts(buf, "{");
	add_uint(buf, "size", usage->size);
	add_uint(buf, "used", usage->used);
	uw_buf_puts(buf, "}");
}

/* Begins an element of an array. */
static void begin_element(struct uw_buf *buf)
{
	if (buf->len && buf->p[buf->len - 1] != '[')
		uw_buf_puts(buf, ",");
}

static void add_paths(struct uw_buf *buf, const char *name, const struct uw_paths *paths)
{
	size_t i;

	key(buf, name);
	uw_buf_puts(buf, "[");
	for (i = 0; i < paths->n; i++) {
		begin_element(buf);
		uw_buf_add_json(buf, (struct uw_str){ paths->path[i], strlen(paths->path[i]) });
	}
	uw_buf_puts(buf, "]");
}

/* Uids and ranges in the syntax of User=, null for everyone. */
static void add_users(struct uw_buf *buf, const char *name, const struct uw_uids *users)
{
	size_t i;

	key(buf, name);
	if (users->any) {
		uw_buf_puts(buf, "null");
		return;
	}
	uw_buf_puts(buf, "[");
	for (i = 0; i < users->n; i++) {
		const struct uw_uid_range *range = &users->range[i];

		begin_element(buf);
		uw_buf_printf(buf, "\"%u", range->first);
		if (range->last != range->first)
			uw_buf_printf(buf, "-%u", range->last);
		uw_buf_puts(buf, "\"");
	}
	uw_buf_puts(buf, "]");
}

/* The words of the bits that are set. */
static void add_set(struct uw_buf *buf, const char *name, unsigned int bits,
		    const struct uw_word *words)
{
	key(buf, name);
	uw_buf_puts(buf, "[");
	for (; words->word; words++) {
		if (!(bits >> words->value & 1))
			continue;
		begin_element(buf);
		uw_buf_printf(buf, "\"%s\"", words->word);
	}
	uw_buf_puts(buf, "]");
}

static void add_rule(struct uw_buf *buf, const struct uw_rule *rule)
{
	begin_element(buf);
	uw_buf_puts(buf, "{");
	add_text(buf, "name", rule->name);
	add_paths(buf, "paths", &rule->path);
	add_paths(buf, "exclude_paths", &rule->exclude);
	add_users(buf, "users", &rule->user);
	add_users(buf, "exclude_users", &rule->exclude_user);
	add_set(buf, "operations", rule->operations, uw_operation_words);
	add_set(buf, "results", rule->results, uw_result_words);
	add_uint(buf, "priority", (uint64_t)rule->priority);
	uw_buf_puts(buf, "}");
}

static void add_counters(struct uw_buf *buf, const struct uw_stats *stats)
{
	struct uw_balance balance;
	const char *name;
	uint64_t lost;
	size_t i;

	uw_stats_balance(stats, &balance);
	key(buf, "counters");
	uw_buf_puts(buf, "{");
	add_uint(buf, "seen", balance.seen);
	add_uint(buf, "recorded", balance.recorded);
	add_uint(buf, "filtered", balance.filtered);
	add_uint(buf, "summarised", balance.summarised);
	add_uint(buf, "in_flight", balance.in_flight);
	add_uint(buf, "queued", balance.queued);
	key(buf, "lost");
	uw_buf_puts(buf, "{");
	for (i = 0; uw_stats_cause(stats, i, &name, &lost); i++)
		add_uint(buf, name, lost);
	add_uint(buf, "total", balance.lost);
	uw_buf_puts(buf, "}");
	add_uint(buf, "missed_returns", stats->kernel[UW_CNT_STALE]);
	add_uint(buf, "strings_cut", stats->kernel[UW_CNT_LONG_FULL]);
	uw_buf_puts(buf, "}");
}

static void add_memory(struct uw_buf *buf, const struct uw_status *status)
{
	uw_buf_puts(buf, "{");
	add_uint(buf, "resident", status->resident);
	add_uint(buf, "kernel", status->kernel);
	uw_buf_puts(buf, "}");
}

void uw_status_json(const struct uw_status *status, struct uw_buf *buf)
{
	size_t i;

	uw_buf_puts(buf, "{");
	add_text(buf, "version", UW_VERSION);
	add_uint(buf, "pid", status->pid);
	add_uint(buf, "started_us", status->started_us);
	add_uint(buf, "now_us", status->now_us);
	add_text(buf, "probe", status->probe);
	add_text(buf, "probe_detail", status->probe_detail);
	add_text(buf, "not_covered", status->not_covered);
	add_text(buf, "detail", uw_word_of(uw_detail_words, (int)status->config->detail));
	add_text(buf, "config", status->config_file);
	add_uint(buf, "generation", status->generation);
	key(buf, "rules");
	uw_buf_puts(buf, "[");
	for (i = 0; i < status->config->n_rules; i++)
		add_rule(buf, &status->config->rules[i]);
	uw_buf_puts(buf, "]");
	add_counters(buf, &status->stats);
	add_usage(buf, "ring", &status->ring);
	add_usage(buf, "queue", &status->queue);
	add_usage(buf, "states", &status->states);
	key(buf, "memory");
	add_memory(buf, status);
	uw_buf_puts(buf, "}\n");
}
