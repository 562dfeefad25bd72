/* SPDX-License-Identifier: MIT */
/*
 * The schema of an event, by names. When the program is replaced, the ring buffer still holds
 * events with the schema of the old version. Members, strings and flags are matched by their names;
 * the numbers of operations, probes and the like never change.
 */
#ifndef UW_EVENT_SCHEMA_H
#define UW_EVENT_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unlinkwatch.h"

#define UW_EVENT_SCHEMA_NAME	16
#define UW_EVENT_SCHEMA_MEMBERS 64
#define UW_EVENT_SCHEMA_STRINGS 32
#define UW_EVENT_SCHEMA_FLAGS	32

/* This struct never changes. */
struct uw_event_schema {
	uint32_t abi;
	uint32_t event_size; /* of the members, before the strings */
	uint32_t n_members, n_strings, n_flags;
	uint32_t len_offset;	  /* of the strings' lengths, 16 bits each */
	uint32_t stopping_offset; /* in struct uw_shared */
	struct {
		char name[UW_EVENT_SCHEMA_NAME];
		uint32_t offset, size;
	} member[UW_EVENT_SCHEMA_MEMBERS];
	char string[UW_EVENT_SCHEMA_STRINGS][UW_EVENT_SCHEMA_NAME]; /* in their order */
	char flag[UW_EVENT_SCHEMA_FLAGS][UW_EVENT_SCHEMA_NAME];	    /* by bit */
};

/* The schema of this version. */
void uw_event_schema_describe(struct uw_event_schema *ret);

/*
 * Converts an event with the schema to one of this version, of at most UW_EVENT_MAX bytes, in `to`.
 * What the old version does not have is zero. Generation and state of the tree belong to the old
 * kernel side, and become unknown. Returns the size, or 0 for bytes that make no sense.
 */
size_t uw_event_schema_convert(const struct uw_event_schema *schema, const void *data, size_t size,
			       struct uw_event *to);

#endif
