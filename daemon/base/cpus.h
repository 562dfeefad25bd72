/* SPDX-License-Identifier: MIT */
/* The CPUs that the kernel may ever have. Their numbers may have gaps. */
#ifndef UW_CPUS_H
#define UW_CPUS_H

#include <stddef.h>

/* The number after the highest in a list of the kernel, such as "0,2,4-7\n"; 0: not a list. */
size_t uw_cpus_end_of(const char *list);

/* The same of the possible CPUs, for what CPU numbers index. Returns 0 if that cannot be read. */
size_t uw_cpus_end(void);

#endif
