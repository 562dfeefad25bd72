// SPDX-License-Identifier: MIT
#include "base/journal_fields.h"

#include <endian.h>
#include <string.h>

static void add_binary(struct uw_buf *buf, const char *name, struct uw_str value)
{
	uint64_t len = htole64(value.len);

	uw_buf_puts(buf, name);
	uw_buf_puts(buf, "\n");
	uw_buf_add(buf, &len, sizeof(len));
	uw_buf_add(buf, value.s, value.len);
	uw_buf_puts(buf, "\n");
}

void uw_journal_field(struct uw_buf *buf, const char *name, struct uw_str value)
{
	size_t len = strlen(name), whole = len + 1 + value.len + 1;
	char *p;

	if (value.len && memchr(value.s, '\n', value.len)) {
		add_binary(buf, name, value);
		return;
	}
	if (buf->size - buf->len < whole && !uw_buf_grow(buf, whole))
		return;
	p = buf->p + buf->len;
	memcpy(p, name, len);
	p[len] = '=';
	if (value.len)
		memcpy(p + len + 1, value.s, value.len);
	p[whole - 1] = '\n';
	buf->len += whole;
}

void uw_journal_field_text(struct uw_buf *buf, const char *name, const char *value)
{
	uw_journal_field(buf, name, (struct uw_str){ value, strlen(value) });
}

/* In one piece: a record has many numbers. */
static void add_number(struct uw_buf *buf, const char *name, bool negative, uint64_t value)
{
	char line[UW_JOURNAL_NAME_MAX + 1 + 1 + UW_DIGITS + 1], *end = line + sizeof(line), *s;
	size_t len = strlen(name);

	end[-1] = '\n';
	s = uw_digits(value, end - 1);
	if (negative)
		*--s = '-';
	*--s = '=';
	s -= len;
	memcpy(s, name, len);
	uw_buf_add(buf, s, (size_t)(end - s));
}

void uw_journal_field_uint(struct uw_buf *buf, const char *name, uint64_t value)
{
	add_number(buf, name, false, value);
}

void uw_journal_field_int(struct uw_buf *buf, const char *name, int64_t value)
{
	add_number(buf, name, value < 0, value < 0 ? -(uint64_t)value : (uint64_t)value);
}
