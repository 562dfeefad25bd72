/* SPDX-License-Identifier: MIT */
/*
 * Growing arrays. Their capacity is not stored: it is the next power of two, so that an array grows
 * when the number of its items is one.
 */
#ifndef UW_ARRAY_H
#define UW_ARRAY_H

#include <stdbool.h>
#include <stdlib.h>

/* The array with room for item n, the next one, which may have moved it; NULL if memory is short. */
static inline void *uw_array_grow(void *array, size_t n, size_t item_size)
{
	return n & (n - 1) ? array : reallocarray(array, n ? 2 * n : 1, item_size);
}

/* Makes room for item n of `array`, a pointer to items. False, with nothing changed: no memory. */
#define uw_array_room(array, n)                                               \
	({                                                                    \
		void *grown_ = uw_array_grow((array), (n), sizeof(*(array))); \
                                                                              \
		if (grown_)                                                   \
			(array) = grown_;                                     \
		grown_ != NULL;                                               \
	})

#endif
