// SPDX-License-Identifier: MIT
#include "base/priority.h"

#include <errno.h>
#include <sched.h>

int uw_priority_take(void)
{
	const struct sched_param lowest = { .sched_priority = 1 };

	return sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &lowest) ? -errno : 0;
}

bool uw_priority_drop(void)
{
	const struct sched_param none = { 0 };

	if (sched_getscheduler(0) != (SCHED_FIFO | SCHED_RESET_ON_FORK))
		return false;
	return !sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &none);
}
