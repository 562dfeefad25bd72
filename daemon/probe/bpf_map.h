/* SPDX-License-Identifier: MIT */
/*
 * Reads and changes elements of BPF maps without hiding deletions of other tasks.
 *
 * While bpf(2) changes an element, the kernel runs no kprobe program on that CPU
 * (bpf_disable_instrumentation(), trace_call_bpf()). A kernel that preempts tasks in the kernel, as
 * all do from 7.0 on, may run another task at that moment, whose deletions are then unseen. So the
 * caller takes real-time priority for a call, or a few in a row: nothing then runs in its place.
 *
 * That takes CAP_SYS_NICE or an RLIMIT_RTPRIO of 1, which the unit sets. Without it the call is
 * made all the same, and the kernel counts what it skips.
 *
 * Each returns 0, or a negative errno.
 */
#ifndef UW_BPF_MAP_H
#define UW_BPF_MAP_H

#include <stddef.h>

/* `key` and `value` have the sizes that the map was made with; a stack has no key: NULL. */
int uw_bpf_map_lookup(int map, const void *key, void *ret_value);
int uw_bpf_map_update(int map, const void *key, const void *value);
/* Adds `n` elements, whose keys, if any, and values are `stride` bytes from each other. */
int uw_bpf_map_fill(int map, const void *keys, const void *values, size_t stride, size_t n);
int uw_bpf_map_delete(int map, const void *key);

#endif
