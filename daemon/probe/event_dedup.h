/* SPDX-License-Identifier: MIT */
/*
 * While one source replaces another, both see all deletions. A thread is in one deletion at a time,
 * so two events of one thread whose times overlap are the same deletion.
 */
#ifndef UW_EVENT_DEDUP_H
#define UW_EVENT_DEDUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uw_event_dedup_span {
	uint32_t tid;
	bool used;
	size_t next; /* in the same bucket, from 1 */
	uint64_t enter_ns, exit_ns;
};

#define UW_EVENT_DEDUP_BUCKETS 1024

struct uw_event_dedup {
	struct uw_event_dedup_span *spans;
	size_t n, room;
	size_t buckets[UW_EVENT_DEDUP_BUCKETS]; /* the last span of each, from 1, or 0 */
};

/*
 * Adds a deletion that the old source has seen. False if memory is short. Zeroes are an empty set.
 */
bool uw_event_dedup_add(struct uw_event_dedup *overlap, uint32_t tid, uint64_t enter_ns,
			uint64_t exit_ns);

/* Whether the old source has seen this deletion of the new source, too. If so, removes it. */
bool uw_event_dedup_take(struct uw_event_dedup *overlap, uint32_t tid, uint64_t enter_ns,
			 uint64_t exit_ns);

void uw_event_dedup_done(struct uw_event_dedup *overlap);

#endif
