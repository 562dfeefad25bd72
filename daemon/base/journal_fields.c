// SPDX-License-Identifier: MIT
#include "base/journal_fields.h"

#include <endian.h>
#include <string.h>

static void begin(struct uw_buf *buf, const char *name)
{
	uw_buf_puts(buf, name);
	uw_buf_puts(buf, "=");
}

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

void uw_journal_field_uint(struct uw_buf *buf, const char *name, uint64_t value)
{
	begin(buf, name);
	uw_buf_add_uint(buf, value);
	uw_buf_puts(buf, "\n");
}

void uw_journal_field_int(struct uw_buf *buf, const char *name, int64_t value)
{
	begin(buf, name);
	if (value < 0)
		uw_buf_puts(buf, "-");
	uw_buf_add_uint(buf, value < 0 ? -(uint64_t)value : (uint64_t)value);
	uw_buf_puts(buf, "\n");
}
