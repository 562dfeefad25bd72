/* SPDX-License-Identifier: MIT */
/*
 * Growing arrays. The capacity is not stored. It is always a power of two, so an array that holds a
 * power of two of items is full.
 */
#ifndef UW_ARRAY_H
#define UW_ARRAY_H

#include <stdbool.h>
#include <stdlib.h>

/* Returns the array, perhaps moved, with room for item n, the next one; NULL if out of memory. */
static inline void *uw_array_grow(void *array, size_t n, size_t item_size)
{
	return n & (n - 1) ? array : reallocarray(array, n ? 2 * n : 1, item_size);
}

/* Makes room for item n of `array`, a pointer to items. False if out of memory; nothing changes. */
#define uw_array_room(array, n)                                               \
	({                                                                    \
		void *grown_ = uw_array_grow((array), (n), sizeof(*(array))); \
                                                                              \
		if (grown_)                                                   \
			(array) = grown_;                                     \
		grown_ != NULL;                                               \
	})

#endif
