// SPDX-License-Identifier: MIT
#include "record/format.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/journal_fields.h"
#include "record/fields.h"
#include "record/message_ids.h"
#include "record/value.h"

const char *uw_format_field(size_t i)
{
	const struct uw_field *field = uw_field_at(i);

	return field ? field->name : NULL;
}

int uw_format_field_detail(size_t i)
{
	const struct uw_field *field = uw_field_at(i);

	return field ? (int)field->detail : -EINVAL;
}

static void add_name(const struct uw_record *r, struct uw_buf *buf)
{
	if (r->path.len)
		uw_buf_add_safe(buf, r->path, "");
	else if (r->name_known)
		uw_buf_add_safe(buf, r->name, "");
	else
		uw_buf_puts(buf, "a file whose name could not be read");
	if (r->name_known && !r->path.len)
		uw_buf_puts(buf, " (in a directory that is not known)");
}

static void add_replaced_by(const struct uw_record *r, struct uw_buf *buf)
{
	if (!r->by.len)
		return;
	uw_buf_puts(buf, r->by_cut ? " with ..." : " with ");
	uw_buf_add_safe(buf, r->by, "");
}

static const char *via(const struct uw_record *r)
{
	switch (r->via) {
	case UW_VIA_IO_URING:
		return " by io_uring";
	case UW_VIA_KERNEL:
		return " inside the kernel";
	case UW_VIA_SYSCALL:
	case UW_VIA_MAX:
		break;
	}
	return "";
}

void uw_format_message(const struct uw_entry *e, struct uw_buf *buf)
{
	const struct uw_record *r = e->record;
	bool replace = r->op == UW_OP_RENAME;
	bool dir = r->op == UW_OP_RMDIR || (r->inode_known && S_ISDIR(r->mode));

	uw_buf_add_safe(buf, r->comm, "[]()");
	uw_buf_puts(buf, "[");
	uw_buf_add_uint(buf, r->pid);
	uw_buf_puts(buf, "] (");
	if (e->user)
		uw_buf_add_safe(buf, (struct uw_str){ e->user, strlen(e->user) }, "()");
	else
		uw_buf_printf(buf, "uid %" PRIu32, r->uid);
	if (r->ret_known && !r->ret)
		uw_buf_puts(buf, replace ? ") replaced " : ") removed ");
	else
		uw_buf_printf(buf, ") %s %s ", r->ret_known ? "could not" : "tried to",
			      replace ? "replace" : "remove");
	uw_buf_puts(buf, dir ? "directory " : "");
	add_name(r, buf);
	add_replaced_by(r, buf);
	uw_buf_puts(buf, via(r));
	if (!r->ret_known)
		uw_buf_puts(buf, ": the result is not known");
	else if (r->ret < 0)
		uw_buf_printf(buf, ": %s (%s)", strerrordesc_np(-r->ret) ?: "Unknown error",
			      strerrorname_np(-r->ret) ?: "?");
}

static struct uw_value value_of(const struct uw_field *field, struct uw_ask *ask, size_t i)
{
	if (field->detail > ask->entry->detail)
		return (struct uw_value){ .type = UW_VALUE_NONE };
	ask->i = i;
	return field->get(ask);
}

static const char *message_id(const struct uw_record *r)
{
	if (!r->ret_known)
		return UW_ID_UNKNOWN;
	return r->ret ? UW_ID_FAILED : UW_ID_DELETED;
}

void uw_format_journal(const struct uw_entry *e, struct uw_buf *buf)
{
	struct uw_ask ask;
	const struct uw_field *field;
	struct uw_value v;
	size_t f, i;

	ask.entry = e;
	ask.record = e->record;
	/* The sentence is safe to print, so it has no newline. */
	uw_buf_puts(buf, "MESSAGE=");
	uw_format_message(e, buf);
	uw_buf_puts(buf, "\n");
	uw_journal_field_text(buf, "MESSAGE_ID", message_id(e->record));
	uw_journal_field_int(buf, "PRIORITY", e->priority);
	for (f = 0; (field = uw_field_at(f)); f++) {
		for (i = 0; !i || (field->many && i < UW_RULES_MAX); i++) {
			v = value_of(field, &ask, i);
			if (v.type == UW_VALUE_NONE)
				break;
			uw_value_journal(buf, field->name, &v);
		}
	}
}

void uw_format_json(const struct uw_entry *e, struct uw_buf *buf)
{
	struct uw_ask ask;
	const struct uw_field *field;
	struct uw_value v;
	size_t f, i;

	ask.entry = e;
	ask.record = e->record;
	uw_buf_puts(buf, "{");
	for (f = 0; (field = uw_field_at(f)); f++) {
		v = value_of(field, &ask, 0);
		if (v.type == UW_VALUE_NONE)
			continue;
		uw_value_json_key(buf, field->name);
		uw_buf_puts(buf, field->many ? "[" : "");
		uw_value_json(buf, &v);
		for (i = 1; field->many; i++) {
			v = value_of(field, &ask, i);
			if (v.type == UW_VALUE_NONE)
				break;
			uw_buf_puts(buf, ",");
			uw_value_json(buf, &v);
		}
		uw_buf_puts(buf, field->many ? "]," : ",");
	}
	uw_buf_printf(buf, "\"priority\":%d}\n", e->priority);
}

void uw_format_time(uint64_t time_ns, struct uw_buf *buf)
{
	time_t s = (time_t)(time_ns / UW_NS_PER_S);
	char text[32] = "", zone[8] = "";
	struct tm tm;

	if (localtime_r(&s, &tm)) {
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
		strftime(zone, sizeof(zone), "%z", &tm);
	}
	uw_buf_printf(buf, "%s.%06" PRIu64 "%s", text, time_ns % UW_NS_PER_S / 1000, zone);
}

void uw_format_text(const struct uw_entry *e, struct uw_buf *buf)
{
	const struct uw_record *r = e->record;

	uw_format_time(e->time_ns, buf);
	uw_buf_puts(buf, " ");
	uw_format_message(e, buf);
	uw_buf_printf(buf, " pid=%" PRIu32 " comm=", r->pid);
	uw_buf_add_safe(buf, r->comm, "=");
	uw_buf_puts(buf, " filename=");
	uw_buf_add_safe(buf, r->name, "=");
	if (r->ret_known)
		uw_buf_printf(buf, " ret=%d\n", r->ret);
	else
		uw_buf_puts(buf, " ret=unknown\n");
}
