// SPDX-License-Identifier: MIT
#include "base/cpus.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define CPU_NUMBERS_MAX 65536 /* far more than any kernel has */

size_t uw_cpus_end_of(const char *list)
{
	unsigned long last;
	char *end;

	if (!*list || list[strspn(list, "0123456789,-\n")])
		return 0;
	do {
		last = strtoul(list, &end, 10);
		if (end == list || last >= CPU_NUMBERS_MAX)
			return 0;
		list = end + 1;
	} while (*end == ',' || *end == '-');
	return !*end || (*end == '\n' && !end[1]) ? last + 1 : 0;
}

size_t uw_cpus_end(void)
{
	char text[4096];

	if (uw_file_read_small(AT_FDCWD, "/sys/devices/system/cpu/possible", text, sizeof(text)) <=
	    0)
		return 0;
	return uw_cpus_end_of(text);
}
