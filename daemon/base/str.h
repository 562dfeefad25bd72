/* SPDX-License-Identifier: MIT */
/* A string that may hold any byte and has no terminating NUL. */
#ifndef UW_STR_H
#define UW_STR_H

#include <stddef.h>

struct uw_str {
	const char *s;
	size_t len;
};

#endif
