/* SPDX-License-Identifier: MIT */
/*
 * The real-time priority of the calling thread. Any number of busy processes must not keep the
 * daemon from reading the ring buffer. Only a real-time priority counts against those in other
 * control groups and sessions, too. The lowest one does: the daemon sleeps when it has nothing to
 * read, and the kernel leaves a part of each CPU to other tasks (kernel.sched_rt_runtime_us).
 */
#ifndef UW_PRIORITY_H
#define UW_PRIORITY_H

#include <stdbool.h>

/* Takes the lowest one. Takes CAP_SYS_NICE or an RLIMIT_RTPRIO of 1. Returns 0 or -errno. */
int uw_priority_take(void);

/* Gives it up, for work that takes seconds. Returns whether there was one. */
bool uw_priority_drop(void);

#endif
