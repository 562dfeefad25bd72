// SPDX-License-Identifier: MIT
#include "record/format.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/journal_fields.h"
#include "record/message_ids.h"

/* ---- MESSAGE */

static void add_one_user(const char *name, uint32_t uid, struct uw_buf *buf)
{
	if (name)
		uw_buf_add_safe(buf, (struct uw_str){ name, strlen(name) }, "()");
	else
		uw_buf_printf(buf, "uid %" PRIu32, uid);
}

/*
 * The real user, and the one that the file system checked if that is another: a server acts for
 * her, or a program acts as root.
 */
static void add_user(const struct uw_entry *e, uint32_t uid, uint32_t fsuid, struct uw_buf *buf)
{
	if (fsuid != uid) {
		add_one_user(e->real_user, uid, buf);
		uw_buf_puts(buf, fsuid ? " for " : " as ");
	}
	add_one_user(e->user, fsuid, buf);
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

static void add_other(const struct uw_record *r, const char *preposition, struct uw_buf *buf)
{
	if (!r->other.path.len)
		return;
	uw_buf_puts(buf, preposition);
	uw_buf_puts(buf, r->other.path_cut ? "..." : "");
	uw_buf_add_safe(buf, r->other.path, "");
}

/* What is done to the name: it was `done`, or could not `be` done. */
struct verb {
	const char *done, *be;
	const char *preposition; /* before the other name of a rename */
};

static const struct verb *verb_of(enum uw_op op)
{
	static const struct verb remove = { "removed", "remove", "" },
				 replace = { "replaced", "replace", " with " },
				 move = { "moved", "move", " to " },
				 exchange = { "exchanged", "exchange", " with " };

	switch (op) {
	case UW_OP_RENAME:
		return &replace;
	case UW_OP_MOVE:
		return &move;
	case UW_OP_EXCHANGE:
		return &exchange;
	case UW_OP_UNLINK:
	case UW_OP_RMDIR:
	case UW_OP_MAX:
		break;
	}
	return &remove;
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

static void add_deletion(const struct uw_entry *e, struct uw_buf *buf)
{
	const struct uw_record *r = e->record;
	const struct verb *verb = verb_of(r->op);
	bool dir = r->op == UW_OP_RMDIR || (r->inode_known && S_ISDIR(r->mode));

	uw_buf_add_safe(buf, r->comm, "[]()");
	uw_buf_puts(buf, "[");
	uw_buf_add_uint(buf, r->pid);
	uw_buf_puts(buf, "] (");
	add_user(e, r->uid, r->fsuid, buf);
	uw_buf_puts(buf, !r->ret_known ? ") tried to " : r->ret ? ") could not " : ") ");
	uw_buf_puts(buf, r->ret_known && !r->ret ? verb->done : verb->be);
	uw_buf_puts(buf, dir ? " directory " : " ");
	add_name(r, buf);
	add_other(r, verb->preposition, buf);
	uw_buf_puts(buf, via(r));
	if (!r->ret_known)
		uw_buf_puts(buf, ": the result is not known");
	else if (r->ret < 0)
		uw_buf_printf(buf, ": %s (%s)", strerrordesc_np(-r->ret) ?: "Unknown error",
			      strerrorname_np(-r->ret) ?: "?");
}

static void add_storm(const struct uw_entry *e, struct uw_buf *buf)
{
	const struct uw_summary *s = e->summary;

	bool attempts = s->failed && !s->succeeded && !s->unknown;
	uint64_t n = attempts ? s->failed : s->succeeded;

	if (s->mixed)
		uw_buf_puts(buf, "several programs");
	else
		uw_buf_add_safe(buf, uw_storm_str(&s->comm), "[]()");
	uw_buf_puts(buf, " (");
	add_user(e, s->uid, s->fsuid, buf);
	if (attempts)
		uw_buf_printf(buf, ") could not remove%s", s->moves ? " or move" : "");
	else
		uw_buf_printf(buf, ") %s", s->moves ? "removed or moved" : "removed");
	uw_buf_printf(buf, " %" PRIu64 " more %s", n, n == 1 ? "name" : "names");
	if (s->dir_known) {
		uw_buf_puts(buf, " below ");
		uw_buf_add_safe(buf, uw_summary_dir(s), "");
	}
	uw_buf_printf(buf, " within %.1f s", (double)(s->end_ns - s->begin_ns) / UW_NS_PER_S);
	if (s->failed && !attempts)
		uw_buf_printf(buf, "; %s %" PRIu64, s->moves ? "failed:" : "could not remove",
			      s->failed);
	if (s->unknown)
		uw_buf_printf(buf, "; results not known: %" PRIu64, s->unknown);
}

void uw_format_message(const struct uw_entry *e, struct uw_buf *buf)
{
	if (e->summary)
		add_storm(e, buf);
	else
		add_deletion(e, buf);
}

static const char *message_id(const struct uw_entry *e)
{
	if (e->summary)
		return UW_ID_STORM;
	if (!e->record->ret_known)
		return UW_ID_UNKNOWN;
	if (e->record->ret)
		return UW_ID_FAILED;
	return uw_op_is_move(e->record->op) ? UW_ID_MOVED : UW_ID_DELETED;
}

/* ---- fields */

static void add_journal_value(struct uw_buf *buf, const char *name, const struct uw_value *v)
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

void uw_format_journal(const struct uw_entry *e, struct uw_buf *buf)
{
	struct uw_ask ask;
	struct uw_value v;
	size_t i;

	/* uw_format_message() escapes newlines, so the short form of a field does. */
	uw_buf_puts(buf, "MESSAGE=");
	uw_format_message(e, buf);
	uw_buf_puts(buf, "\n");
	uw_journal_field_text(buf, "MESSAGE_ID", message_id(e));
	uw_journal_field_int(buf, "PRIORITY", e->priority);
	for (const struct uw_field *field = uw_first_field(&ask, e); field->name; field++)
		for (i = 0; !i || field->many; i++) {
			v = uw_field_value(field, &ask, i);
			if (v.type == UW_VALUE_NONE)
				break;
			add_journal_value(buf, field->name, &v);
		}
}

static void add_json_time(struct uw_buf *buf, uint64_t ns)
{
	time_t s = (time_t)(ns / UW_NS_PER_S);
	char text[32];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	uw_buf_printf(buf, "\"%s.%09" PRIu64 "Z\"", text, ns % UW_NS_PER_S);
}

static void add_json_value(struct uw_buf *buf, const struct uw_value *v)
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
		add_json_time(buf, v->u);
		break;
	case UW_VALUE_UNKNOWN:
	case UW_VALUE_NONE:
		uw_buf_puts(buf, "null");
		break;
	}
}

/* The name of the field in lower case, without UNLINK_. */
static void add_json_key(struct uw_buf *buf, const char *name)
{
	const char *s = name + strlen("UNLINK_");

	uw_buf_puts(buf, "\"");
	for (; *s; s++) {
		char c = (char)tolower(*s);

		uw_buf_add(buf, &c, 1);
	}
	uw_buf_puts(buf, "\":");
}

void uw_format_json(const struct uw_entry *e, struct uw_buf *buf)
{
	struct uw_ask ask;
	struct uw_value v;

	uw_buf_puts(buf, "{");
	for (const struct uw_field *field = uw_first_field(&ask, e); field->name; field++) {
		size_t i;

		for (i = 0; (v = uw_field_value(field, &ask, i)).type != UW_VALUE_NONE; i++) {
			if (i)
				uw_buf_puts(buf, ",");
			else
				add_json_key(buf, field->name);
			if (!i && field->many)
				uw_buf_puts(buf, "[");
			add_json_value(buf, &v);
		}
		if (i)
			uw_buf_puts(buf, field->many ? "]," : ",");
	}
	uw_buf_printf(buf, "\"priority\":%d}\n", e->priority);
}

/* ---- text */

/* Adds the local time. time_ns counts from 1970. */
static void add_time(uint64_t time_ns, struct uw_buf *buf)
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

	add_time(e->time_ns, buf);
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
