// SPDX-License-Identifier: MIT
#include "state/stats.h"

#include <inttypes.h>
#include <stddef.h>

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
		n = value(now, &causes[i]) - value(before, &causes[i]);
		if (!n)
			continue;
		uw_buf_printf(text, "%s%" PRIu64 " %s", sum ? ", " : "", n, causes[i].text);
		uw_journal_field_uint(fields, causes[i].field, n);
		sum += n;
	}
	if (sum)
		uw_journal_field_uint(fields, "UNLINK_LOST", sum);
	return sum;
}
