// SPDX-License-Identifier: MIT
#include "stats.h"

#include <inttypes.h>
#include <stddef.h>

static const struct cause {
	size_t offset;
	const char *text;
} causes[] = {
	{ offsetof(struct uw_stats, kernel[UW_CNT_RING_FULL]), "as the ring buffer was full" },
	{ offsetof(struct uw_stats, kernel[UW_CNT_STATE_FULL]),
	  "as too many deletions were in flight" },
	{ offsetof(struct uw_stats, kernel[UW_CNT_SKIPPED]), "as the kernel skipped the probe" },
	{ offsetof(struct uw_stats, undecodable), "as their bytes could not be decoded" },
	{ offsetof(struct uw_stats, sink_failed), "as the output did not take them" },
};

#define N_CAUSES (sizeof(causes) / sizeof(causes[0]))

static uint64_t value(const struct uw_stats *stats, const struct cause *cause)
{
	return *(const uint64_t *)(const void *)((const char *)stats + cause->offset);
}

uint64_t uw_stats_lost(const struct uw_stats *stats)
{
	uint64_t lost = 0;
	size_t i;

	for (i = 0; i < N_CAUSES; i++)
		lost += value(stats, &causes[i]);
	return lost;
}

uint64_t uw_stats_loss_report(const struct uw_stats *before, const struct uw_stats *now,
			      struct uw_buf *buf)
{
	uint64_t sum = 0, n;
	size_t i;

	for (i = 0; i < N_CAUSES; i++) {
		n = value(now, &causes[i]) - value(before, &causes[i]);
		if (!n)
			continue;
		uw_buf_printf(buf, "%s%" PRIu64 " %s", sum ? ", " : "", n, causes[i].text);
		sum += n;
	}
	return sum;
}
