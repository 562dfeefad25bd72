// SPDX-License-Identifier: MIT
#include "mapcall.h"

#include <sched.h>

#include <bpf/bpf.h>

/* Returns what end() takes: the policy to go back to, or -1 where nothing has changed. */
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

int uw_map_lookup(int map, const void *key, void *ret_value)
{
	int policy = begin(), r = bpf_map_lookup_elem(map, key, ret_value);

	end(policy);
	return r;
}

int uw_map_update(int map, const void *key, const void *value)
{
	int policy = begin(), r = bpf_map_update_elem(map, key, value, BPF_ANY);

	end(policy);
	return r;
}

int uw_map_delete(int map, const void *key)
{
	int policy = begin(), r = bpf_map_delete_elem(map, key);

	end(policy);
	return r;
}
