/* SPDX-License-Identifier: MIT */
/* Attributes for local variables that own something: it is released at the end of the scope. */
#ifndef UW_CLEANUP_H
#define UW_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void uw_cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void uw_cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* For pointers, NULL included. */
#define _cleanup_free_ __attribute__((cleanup(uw_cleanup_free)))

/* For descriptors, negative numbers included. */
#define _cleanup_close_ __attribute__((cleanup(uw_cleanup_close)))

#endif
