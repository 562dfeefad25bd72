/* SPDX-License-Identifier: MIT */
/* Time in nanoseconds, as the BPF programs count it. */
#ifndef UW_CLOCK_H
#define UW_CLOCK_H

#include <stdint.h>
#include <time.h>

#define UW_NS_PER_S UINT64_C(1000000000)

/* Reads the clock, which must be one that every kernel has: then it cannot fail. */
static inline uint64_t uw_clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * UW_NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* How long to wait after one more failure: first `first`, then twice as long, at most `most`. */
static inline uint64_t uw_clock_back_off(uint64_t wait, uint64_t first, uint64_t most)
{
	if (!wait)
		return first;
	return wait < most / 2 ? 2 * wait : most;
}

#endif
