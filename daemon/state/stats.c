// SPDX-License-Identifier: MIT
#include "state/stats.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/journal_fields.h"

static const struct cause {
	size_t offset;
	const char *name, *field, *text;
} causes[] = {
	{ offsetof(struct uw_stats, kernel[UW_CNT_RING_FULL]), "ring_full", "UNLINK_LOST_RING_FULL",
	  "as the ring buffer was full" },
	{ offsetof(struct uw_stats, kernel[UW_CNT_RING_SHARE]), "ring_share",
	  "UNLINK_LOST_RING_SHARE", "as others of the same user filled the ring buffer" },
	{ offsetof(struct uw_stats, kernel[UW_CNT_STATE_FULL]), "state_full",
	  "UNLINK_LOST_STATE_FULL", "as too many deletions were in flight" },
	{ offsetof(struct uw_stats, kernel[UW_CNT_SKIPPED]), "skipped", "UNLINK_LOST_SKIPPED",
	  "as the kernel skipped the probe" },
	{ offsetof(struct uw_stats, undecodable), "undecodable", "UNLINK_LOST_UNDECODABLE",
	  "as their bytes could not be decoded" },
	{ offsetof(struct uw_stats, sink_failed), "sink_failed", "UNLINK_LOST_SINK_FAILED",
	  "as the output did not take them" },
};

#define N_CAUSES (sizeof(causes) / sizeof(causes[0]))

void uw_stats_count_once(uint64_t kernel[UW_CNT_MAX])
{
	uint64_t n = kernel[UW_CNT_NO_SLOT];

	/* The counters of all CPUs are not read at one instant. */
	if (n > kernel[UW_CNT_STATE_FULL])
		n = kernel[UW_CNT_STATE_FULL];
	kernel[UW_CNT_SEEN] -= n;
	kernel[UW_CNT_STATE_FULL] -= n;
}

static uint64_t value(const struct uw_stats *stats, const struct cause *cause)
{
	return *(const uint64_t *)(const void *)((const char *)stats + cause->offset);
}

bool uw_stats_cause(const struct uw_stats *stats, size_t i, const char **ret_name,
		    uint64_t *ret_lost)
{
	if (i >= N_CAUSES)
		return false;
	*ret_name = causes[i].name;
	*ret_lost = value(stats, &causes[i]);
	return true;
}

uint64_t uw_stats_lost(const struct uw_stats *stats)
{
	uint64_t lost = 0;
	size_t i;

	for (i = 0; i < N_CAUSES; i++)
		lost += value(stats, &causes[i]);
	return lost;
}

void uw_stats_balance(const struct uw_stats *stats, struct uw_balance *ret)
{
	const uint64_t *kernel = stats->kernel;
	uint64_t taken = stats->recorded + stats->queued + stats->filtered + stats->summarised +
			 stats->undecodable + stats->sink_failed;
	/* The BPF programs count an event just after they have put it into the ring buffer. */
	uint64_t passed = kernel[UW_CNT_RECORDED] > taken ? kernel[UW_CNT_RECORDED] : taken;

	*ret = (struct uw_balance){
		.seen = kernel[UW_CNT_SEEN],
		.recorded = stats->recorded,
		.filtered = kernel[UW_CNT_FILTERED] + stats->filtered,
		.summarised = stats->summarised,
		.lost = uw_stats_lost(stats),
		.in_flight = kernel[UW_CNT_SEEN] - kernel[UW_CNT_FILTERED] -
			     kernel[UW_CNT_RING_FULL] - kernel[UW_CNT_RING_SHARE] -
			     kernel[UW_CNT_STATE_FULL] - kernel[UW_CNT_SKIPPED] - passed,
		.queued = stats->queued + passed - taken,
	};
}

uint64_t uw_stats_loss_report(const struct uw_stats *before, const struct uw_stats *now,
			      struct uw_buf *text, struct uw_buf *fields)
{
	uint64_t sum = 0, n;
	size_t i;

	for (i = 0; i < N_CAUSES; i++) {
		if (value(now, &causes[i]) <= value(before, &causes[i]))
			continue;
		n = value(now, &causes[i]) - value(before, &causes[i]);
		uw_buf_printf(text, "%s%" PRIu64 " %s", sum ? ", " : "", n, causes[i].text);
		uw_journal_field_uint(fields, causes[i].field, n);
		sum += n;
	}
	if (sum)
		uw_journal_field_uint(fields, "UNLINK_LOST", sum);
	return sum;
}

void uw_stats_set_reported(struct uw_stats *reported, const struct uw_stats *now)
{
	const struct uw_stats before = *reported;
	uint64_t was, is;
	size_t i;

	*reported = *now;
	for (i = 0; i < N_CAUSES; i++) {
		was = value(&before, &causes[i]);
		is = value(now, &causes[i]);
		if (was <= is)
			continue;
		*(uint64_t *)(void *)((char *)reported + causes[i].offset) = was;
		/* The sum of all outcomes stays right. */
		reported->kernel[UW_CNT_SEEN] += was - is;
	}
}

/* ---- the users who lost most */

void uw_losers_add(struct uw_losers *losers, uint32_t uid, uint64_t lost)
{
	size_t at = losers->n < UW_LOSERS ? losers->n++ : UW_LOSERS - 1;

	if (losers->user[at].lost >= lost)
		return; /* only where all places are taken */
	for (; at && losers->user[at - 1].lost < lost; at--)
		losers->user[at] = losers->user[at - 1];
	losers->user[at] = (struct uw_loser){ .uid = uid, .lost = lost };
}

/* The beginning of a string of the event, as far as it was kept. */
static struct uw_str kept_of(const struct uw_lost *lost, enum uw_string which)
{
	size_t start = 0, len = lost->ev.len[which], i;

	for (i = 0; i < which; i++)
		start += lost->ev.len[i];
	if (start >= sizeof(lost->data))
		return (struct uw_str){ "", 0 };
	if (len > sizeof(lost->data) - start)
		len = sizeof(lost->data) - start;
	return (struct uw_str){ lost->data + start, len };
}

void uw_loser_set_first(struct uw_loser *loser, const struct uw_lost *lost)
{
	const struct uw_event *ev = &lost->ev;
	struct uw_str path = kept_of(lost, UW_STR_PATH), exe = kept_of(lost, UW_STR_EXE);

	loser->pid = ev->pid;
	memcpy(loser->comm, ev->comm, sizeof(loser->comm) - 1);
	if (exe.len == ev->len[UW_STR_EXE])
		memcpy(loser->exe, exe.s, exe.len);
	/* A kernel thread's path is within its file system. */
	if (!(ev->flags & UW_EV_RESOLVED) || ev->via == UW_VIA_KERNEL || !path.len ||
	    path.s[0] != '/')
		return;
	while (path.s[path.len - 1] != '/')
		path.len--;
	memcpy(loser->dir, path.s, path.len > 1 ? path.len - 1 : 1);
}

static void add_first(const struct uw_loser *loser, struct uw_buf *text)
{
	if (!*loser->comm)
		return;
	uw_buf_puts(text, ", first by ");
	uw_buf_add_safe(text, (struct uw_str){ loser->comm, strlen(loser->comm) }, "()");
	uw_buf_printf(text, " (pid %" PRIu32 ")", loser->pid);
	if (!*loser->dir)
		return;
	uw_buf_puts(text, " below ");
	uw_buf_add_safe(text, (struct uw_str){ loser->dir, strlen(loser->dir) }, "()");
}

static void add_fields(const struct uw_loser *loser, struct uw_buf *fields)
{
	uw_journal_field_uint(fields, "UNLINK_LOST_UID", loser->uid);
	if (*loser->name)
		uw_journal_field_text(fields, "UNLINK_LOST_USER", loser->name);
	if (!*loser->comm)
		return;
	uw_journal_field_uint(fields, "UNLINK_LOST_PID", loser->pid);
	uw_journal_field_text(fields, "UNLINK_LOST_COMM", loser->comm);
	if (*loser->exe)
		uw_journal_field_text(fields, "UNLINK_LOST_EXE", loser->exe);
	if (*loser->dir)
		uw_journal_field_text(fields, "UNLINK_LOST_DIR", loser->dir);
}

void uw_losers_report(const struct uw_losers *losers, uint64_t lost, struct uw_buf *text,
		      struct uw_buf *fields)
{
	const struct uw_loser *most = losers->user;
	size_t i;

	for (i = 0; i < losers->n; i++)
		add_fields(&most[i], fields);
	if (!losers->n)
		return;
	uw_buf_puts(text, most->lost > lost / 2 ? ", mostly of " : ", among others of ");
	if (*most->name) {
		uw_buf_add_safe(text, (struct uw_str){ most->name, strlen(most->name) }, "()");
		uw_buf_printf(text, " (uid %" PRIu32 ")", most->uid);
	} else {
		uw_buf_printf(text, "uid %" PRIu32, most->uid);
	}
	add_first(most, text);
}
