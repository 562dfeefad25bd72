/* SPDX-License-Identifier: MIT */
/*
 * Elements of BPF maps, read and changed so that no deletion of another task is missed meanwhile.
 *
 * While bpf(2) has an element in hand, the kernel runs no program of a kprobe on that CPU
 * (bpf_disable_instrumentation(), trace_call_bpf()). Where it preempts a task in the kernel, as it
 * always does from 7.0 on, the caller may have to wait in this moment, and what runs in its place
 * is not seen for as long. A task of real-time priority does not wait for others: the caller has
 * one for the single call, or for a few in a row.
 *
 * That takes CAP_SYS_NICE or an RLIMIT_RTPRIO of 1, as the unit has it. Without, the call is made
 * all the same, and what is missed is counted by the kernel.
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
