/* SPDX-License-Identifier: MIT */
/* How fields make their values. For the tables of fields only. */
#ifndef UW_VALUES_H
#define UW_VALUES_H

#include <string.h>

#include "record/fields.h"

static inline struct uw_value none(void)
{
	return (struct uw_value){ .type = UW_VALUE_NONE };
}

static inline struct uw_value number(uint64_t u)
{
	return (struct uw_value){ .type = UW_VALUE_UINT, .u = u };
}

static inline struct uw_value number_if(bool known, uint64_t u)
{
	return known ? number(u) : none();
}

static inline struct uw_value bytes(struct uw_str s)
{
	return (struct uw_value){ .type = UW_VALUE_STR, .s = s };
}

static inline struct uw_value bytes_if_any(struct uw_str s)
{
	return s.len ? bytes(s) : none();
}

static inline struct uw_value text(const char *s)
{
	return s ? bytes((struct uw_str){ s, strlen(s) }) : none();
}

/* Fields of records and of summaries. */
struct uw_value uw_get_user(struct uw_ask *ask);
struct uw_value uw_get_rule(struct uw_ask *ask);

#endif
