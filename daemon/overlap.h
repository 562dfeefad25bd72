/* SPDX-License-Identifier: MIT */
/*
 * While one source takes the place of another, both see all deletions. A thread is in one deletion
 * at a time: two events of one thread whose times overlap are the same one. Pure.
 */
#ifndef UW_OVERLAP_H
#define UW_OVERLAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uw_overlap_span {
	uint32_t tid;
	bool used;
	size_t next; /* in the same bucket, from 1 */
	uint64_t enter_ns, exit_ns;
};

#define UW_OVERLAP_BUCKETS 1024

struct uw_overlap {
	struct uw_overlap_span *spans;
	size_t n, room;
	size_t buckets[UW_OVERLAP_BUCKETS]; /* the last span of each, from 1, or 0 */
};

/* One that the old source has seen. False for no memory. Zeroes are an empty set. */
bool uw_overlap_add(struct uw_overlap *overlap, uint32_t tid, uint64_t enter_ns, uint64_t exit_ns);

/* Whether the old source has seen this one, which the new source has seen. It is forgotten then. */
bool uw_overlap_take(struct uw_overlap *overlap, uint32_t tid, uint64_t enter_ns, uint64_t exit_ns);

void uw_overlap_done(struct uw_overlap *overlap);

#endif
