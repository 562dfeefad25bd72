// SPDX-License-Identifier: MIT
#include "record/value.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/journal_fields.h"

void uw_value_journal(struct uw_buf *buf, const char *name, const struct uw_value *v)
{
	switch (v->type) {
	case UW_VALUE_STR:
		uw_journal_field(buf, name, v->s);
		break;
	case UW_VALUE_INT:
		uw_journal_field_int(buf, name, v->n);
		break;
	case UW_VALUE_UINT:
	case UW_VALUE_TIME:
		uw_journal_field_uint(buf, name, v->u);
		break;
	case UW_VALUE_UNKNOWN:
	case UW_VALUE_NONE:
		uw_journal_field_text(buf, name, "unknown");
		break;
	}
}

static void json_time(struct uw_buf *buf, uint64_t ns)
{
	time_t s = (time_t)(ns / UW_NS_PER_S);
	char text[32];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	uw_buf_printf(buf, "\"%s.%09" PRIu64 "Z\"", text, ns % UW_NS_PER_S);
}

void uw_value_json(struct uw_buf *buf, const struct uw_value *v)
{
	switch (v->type) {
	case UW_VALUE_INT:
		uw_buf_printf(buf, "%" PRId64, v->n);
		break;
	case UW_VALUE_UINT:
		uw_buf_printf(buf, "%" PRIu64, v->u);
		break;
	case UW_VALUE_STR:
		uw_buf_add_json(buf, v->s);
		break;
	case UW_VALUE_TIME:
		json_time(buf, v->u);
		break;
	case UW_VALUE_UNKNOWN:
	case UW_VALUE_NONE:
		uw_buf_puts(buf, "null");
		break;
	}
}

void uw_value_json_key(struct uw_buf *buf, const char *name)
{
	const char *s = name + strlen("UNLINK_");

	uw_buf_puts(buf, "\"");
	for (; *s; s++) {
		char c = (char)tolower(*s);

		uw_buf_add(buf, &c, 1);
	}
	uw_buf_puts(buf, "\":");
}
