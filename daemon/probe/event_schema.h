/* SPDX-License-Identifier: MIT */
/*
 * The schema of an event in words, for another version of this program: what is in the ring buffer
 * when the program is replaced was written with the schema of the old one. Members, strings and
 * flags are matched by their names; the numbers of operations, probes and the like never change.
 * Pure.
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

/* Never changes itself. */
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

/* That of this version. */
void uw_event_schema_describe(struct uw_event_schema *ret);

/*
 * Makes an event of this version of one that has the schema: at most UW_EVENT_MAX bytes, in `to`.
 * What is unknown to the other side is zero. Generation and state of the tree are those of another
 * kernel side, and become unknown. Returns the size, or 0 where the bytes make no sense.
 */
size_t uw_event_schema_convert(const struct uw_event_schema *schema, const void *data, size_t size,
			       struct uw_event *to);

#endif
