/* SPDX-License-Identifier: MIT */
/*
 * Most events of a storm are sent as a struct uw_next, which has what differs from an earlier
 * event. This makes them whole. The earlier events are in memory that outlives the daemon with the
 * ring buffer, so that the next process can do the same. Pure.
 */
#ifndef UW_EVENT_NEXT_H
#define UW_EVENT_NEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "unlinkwatch.h"

/* Whether the bytes are a struct uw_next, or should be. */
bool uw_event_is_next(const void *data, size_t size);

/*
 * Remembers the event, if others may follow it: before it is handled, so that a process that is
 * killed in between finds it, or reads it once more. There are `n` in `whole`, by origin.
 */
void uw_event_remember(struct uw_whole *whole, size_t n, const void *data, size_t size);

/* The event that a struct uw_next follows. NULL if the bytes make no sense, or it is not there. */
const struct uw_whole *uw_event_first(const struct uw_whole *whole, size_t n, const void *data,
				      size_t size);

/* Room for the strings of a part, and for those of the event that it follows. */
struct uw_made_whole {
	struct uw_event ev;
	char data[2 * UW_SLOT_DATA];
};

/* Makes a struct uw_next that follows `first` whole in `to`. Returns the size. */
size_t uw_event_make_whole(const struct uw_whole *first, const struct uw_next *next,
			   struct uw_made_whole *to);

#endif
