/* SPDX-License-Identifier: MIT */
/*
 * What there is to say of a record: the one table of fields, which all outputs follow. Used by
 * format.c, which writes them. Pure.
 */
#ifndef UW_FIELDS_H
#define UW_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/cgroup.h"
#include "record/cmdline.h"
#include "record/format.h"
#include "record/value.h"

/* The longest text that is put together: a command line. */
#define UW_FIELD_ROOM UW_CMDLINE_ROOM

/* A question for a field. The answer may lie in `room`, until the next question. */
struct uw_ask {
	const struct uw_entry *entry;
	const struct uw_record *record; /* the entry's */
	size_t i;			/* which of the values, of a field with many */
	char room[UW_FIELD_ROOM];
};

struct uw_field {
	const char *name;
	struct uw_value (*get)(struct uw_ask *ask);
	enum uw_detail detail; /* the lowest Detail= with which it is written */
	bool many;	       /* asked again, with i = 1, 2, ..., until there is no value */
};

/* Field i of the table, or NULL behind the last. */
const struct uw_field *uw_field_at(size_t i);

#endif
