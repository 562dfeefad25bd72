// SPDX-License-Identifier: MIT
#include "probe/bpf_map.h"

#include <sched.h>

#include <bpf/bpf.h>

/*
 * Elements per row, which take a fraction of a millisecond. Other tasks may run between two rows.
 */
#define AT_ONCE 64

/* Returns the policy for end() to restore, or -1 if nothing was changed. */
static int begin(void)
{
	const struct sched_param lowest = { .sched_priority = 1 };
	int policy = sched_getscheduler(0);

	if (policy != SCHED_OTHER && policy != SCHED_BATCH && policy != SCHED_IDLE)
		return -1;
	return sched_setscheduler(0, SCHED_FIFO, &lowest) ? -1 : policy;
}

static void end(int policy)
{
	const struct sched_param none = { 0 };

	if (policy >= 0)
		sched_setscheduler(0, policy, &none);
}

int uw_bpf_map_lookup(int map, const void *key, void *ret_value)
{
	int policy = begin(), r = bpf_map_lookup_elem(map, key, ret_value);

	end(policy);
	return r;
}

int uw_bpf_map_fill(int map, const void *keys, const void *values, size_t stride, size_t n)
{
	const char *key = keys, *value = values;
	int policy = begin(), r = 0;

	for (size_t i = 0; i < n && !r; i++) {
		if (i && i % AT_ONCE == 0) {
			end(policy);
			policy = begin();
		}
		r = bpf_map_update_elem(map, key, value, BPF_ANY);
		key = key ? key + stride : NULL;
		value += stride;
	}
	end(policy);
	return r;
}

int uw_bpf_map_update(int map, const void *key, const void *value)
{
	return uw_bpf_map_fill(map, key, value, 0, 1);
}

int uw_bpf_map_delete(int map, const void *key)
{
	int policy = begin(), r = bpf_map_delete_elem(map, key);

	end(policy);
	return r;
}
