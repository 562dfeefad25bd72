/* SPDX-License-Identifier: MIT */
/* A value of a record, and how the outputs write it. Pure. */
#ifndef UW_VALUE_H
#define UW_VALUE_H

#include <stdint.h>

#include "base/buf.h"

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

/* Adds the field in the journal's native protocol. */
void uw_value_journal(struct uw_buf *buf, const char *name, const struct uw_value *value);

/* Adds the key, with its colon: the field's name in lower case without UNLINK_. And the value. */
void uw_value_json_key(struct uw_buf *buf, const char *name);
void uw_value_json(struct uw_buf *buf, const struct uw_value *value);

#endif
