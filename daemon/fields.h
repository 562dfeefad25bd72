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

#include "cmdline.h"
#include "format.h"

/* The longest text that is put together: a command line. */
#define UW_FIELD_ROOM UW_CMDLINE_ROOM

enum uw_value_type {
	UW_VALUE_NONE,	  /* the record has no such field */
	UW_VALUE_UNKNOWN, /* it has, but nobody knows the value */
	UW_VALUE_INT,	  /* n */
	UW_VALUE_UINT,	  /* u */
	UW_VALUE_TIME,	  /* u, nanoseconds since 1970 */
	UW_VALUE_STR,	  /* s: any byte but NUL */
};

struct uw_value {
	enum uw_value_type type;
	union {
		int64_t n;
		uint64_t u;
		struct uw_str s;
	};
};

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
