/* SPDX-License-Identifier: MIT */
/* Time in nanoseconds, as the kernel side has it. */
#ifndef UW_CLOCK_H
#define UW_CLOCK_H

#include <stdint.h>
#include <time.h>

#define UW_NS_PER_S UINT64_C(1000000000)

/* The clock in nanoseconds; it cannot fail for a clock that every kernel has. */
static inline uint64_t uw_clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * UW_NS_PER_S + (uint64_t)ts.tv_nsec;
}

#endif
