// SPDX-License-Identifier: MIT
#include "format.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ids.h"

#define NS_PER_S UINT64_C(1000000000)

struct value {
	enum { V_NONE, V_INT, V_STR, V_TIME, V_NULL } type;
	int64_t n;
	struct uw_str s;
};

static struct value none(void)
{
	return (struct value){ .type = V_NONE };
}

static struct value num(int64_t n)
{
	return (struct value){ .type = V_INT, .n = n };
}

static struct value str(const char *s)
{
	if (!s)
		return none();
	return (struct value){ .type = V_STR, .s = { s, strlen(s) } };
}

static struct value bytes(struct uw_str s)
{
	return (struct value){ .type = V_STR, .s = s };
}

static const char *op_name(enum uw_op op)
{
	static const char *const names[UW_OP_MAX] = {
		[UW_OP_UNLINK] = "unlink",
		[UW_OP_RMDIR] = "rmdir",
		[UW_OP_RENAME] = "rename",
	};

	return op < UW_OP_MAX ? names[op] : NULL;
}

static struct value get_time(const struct uw_entry *e, size_t i)
{
	(void)i;
	return (struct value){ .type = V_TIME, .n = (int64_t)e->time_ns };
}

static struct value get_op(const struct uw_entry *e, size_t i)
{
	(void)i;
	return str(op_name(e->record->op));
}

static struct value get_filename(const struct uw_entry *e, size_t i)
{
	(void)i;
	return e->record->name_known ? bytes(e->record->name) : str("");
}

static struct value get_path(const struct uw_entry *e, size_t i)
{
	(void)i;
	return e->record->path.len ? bytes(e->record->path) : none();
}

static struct value get_path_state(const struct uw_entry *e, size_t i)
{
	(void)i;
	return str(uw_path_state_name(e->record->path_state));
}

/* "unknown" in the journal, null in JSON: a missed return is neither success nor failure. */
static struct value get_ret(const struct uw_entry *e, size_t i)
{
	(void)i;
	if (!e->record->ret_known)
		return (struct value){ .type = V_NULL };
	return num(e->record->ret);
}

static struct value get_errno(const struct uw_entry *e, size_t i)
{
	(void)i;
	return e->record->ret < 0 ? str(strerrorname_np(-e->record->ret)) : none();
}

static struct value get_pid(const struct uw_entry *e, size_t i)
{
	(void)i;
	return num(e->record->pid);
}

static struct value get_tid(const struct uw_entry *e, size_t i)
{
	(void)i;
	return num(e->record->tid);
}

static struct value get_ppid(const struct uw_entry *e, size_t i)
{
	(void)i;
	return e->record->ppid_known ? num(e->record->ppid) : none();
}

static struct value get_comm(const struct uw_entry *e, size_t i)
{
	(void)i;
	return bytes(e->record->comm);
}

static struct value get_uid(const struct uw_entry *e, size_t i)
{
	(void)i;
	return num(e->record->uid);
}

static struct value get_gid(const struct uw_entry *e, size_t i)
{
	(void)i;
	return num(e->record->gid);
}

static struct value get_user(const struct uw_entry *e, size_t i)
{
	(void)i;
	return str(e->user);
}

static struct value get_rule(const struct uw_entry *e, size_t i)
{
	return i < e->n_rules ? str(e->rules[i]) : none();
}

static struct value get_duration(const struct uw_entry *e, size_t i)
{
	(void)i;
	if (!e->record->ret_known)
		return none();
	return num((int64_t)(e->record->exit_ns - e->record->enter_ns));
}

/* The one table. `many` fields are asked again, with i = 1, 2, ..., until there is no value. */
static const struct field {
	const char *name;
	struct value (*get)(const struct uw_entry *e, size_t i);
	bool many;
} fields[] = {
	{ "UNLINK_TIME", get_time },
	{ "UNLINK_OP", get_op },
	{ "UNLINK_RET", get_ret },
	{ "UNLINK_ERRNO", get_errno },
	{ "UNLINK_PID", get_pid },
	{ "UNLINK_TID", get_tid },
	{ "UNLINK_PPID", get_ppid },
	{ "UNLINK_COMM", get_comm },
	{ "UNLINK_UID", get_uid },
	{ "UNLINK_GID", get_gid },
	{ "UNLINK_USER", get_user },
	{ "UNLINK_FILENAME", get_filename },
	{ "UNLINK_PATH", get_path },
	{ "UNLINK_PATH_STATE", get_path_state },
	{ "UNLINK_DURATION_NS", get_duration },
	{ "UNLINK_RULE", get_rule, .many = true },
};

#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

/* MESSAGE, MESSAGE_ID and PRIORITY come on top. */
_Static_assert(N_FIELDS + 3 + UW_RULES_MAX <= UW_FIELDS_MAX, "room for every field");

const char *uw_format_field(size_t i)
{
	return i < N_FIELDS ? fields[i].name : NULL;
}

void uw_format_message(const struct uw_entry *e, struct uw_buf *buf)
{
	const struct uw_record *r = e->record;
	const char *what = r->op == UW_OP_RMDIR ? "directory " : "";

	uw_buf_add_safe(buf, r->comm, "[]()");
	uw_buf_printf(buf, "[%" PRIu32 "] (", r->pid);
	if (e->user)
		uw_buf_add_safe(buf, (struct uw_str){ e->user, strlen(e->user) }, "()");
	else
		uw_buf_printf(buf, "uid %" PRIu32, r->uid);
	uw_buf_printf(buf, ") %s %s",
		      !r->ret_known ? "tried to remove" :
		      r->ret	    ? "could not remove" :
				      "removed",
		      what);
	if (r->path.len)
		uw_buf_add_safe(buf, r->path, "");
	else if (r->name_known)
		uw_buf_add_safe(buf, r->name, "");
	else
		uw_buf_puts(buf, "a file whose name could not be read");
	if (r->name_known && !r->path.len)
		uw_buf_puts(buf, " (in a directory that is not known)");
	if (!r->ret_known)
		uw_buf_puts(buf, ": the result is not known");
	else if (r->ret < 0)
		uw_buf_printf(buf, ": %s (%s)", strerrordesc_np(-r->ret) ?: "Unknown error",
			      strerrorname_np(-r->ret) ?: "?");
}

struct iov_builder {
	struct uw_buf *buf;
	struct iovec *iov; /* iov_base is an offset until the end, as the buffer may move */
	size_t n;
};

static void begin(struct iov_builder *b, const char *name)
{
	b->iov[b->n].iov_len = b->buf->len;
	uw_buf_puts(b->buf, name);
	uw_buf_puts(b->buf, "=");
}

static void end(struct iov_builder *b)
{
	b->iov[b->n].iov_len = b->buf->len - b->iov[b->n].iov_len;
	b->n++;
}

static void journal_field(struct iov_builder *b, const char *name, const struct value *v)
{
	begin(b, name);
	if (v->type == V_STR)
		uw_buf_add(b->buf, v->s.s, v->s.len);
	else if (v->type == V_NULL)
		uw_buf_puts(b->buf, "unknown");
	else
		uw_buf_printf(b->buf, "%" PRId64, v->n);
	end(b);
}

static const char *message_id(const struct uw_record *r)
{
	if (!r->ret_known)
		return UW_ID_UNKNOWN;
	return r->ret ? UW_ID_FAILED : UW_ID_DELETED;
}

int uw_format_journal(const struct uw_entry *e, struct uw_buf *buf, struct iovec iov[UW_FIELDS_MAX],
		      size_t *ret_n)
{
	struct iov_builder b = { .buf = buf, .iov = iov };
	struct value v;
	size_t f, i;
	char *at;

	uw_buf_reset(buf);
	begin(&b, "MESSAGE");
	uw_format_message(e, buf);
	end(&b);
	begin(&b, "MESSAGE_ID");
	uw_buf_puts(buf, message_id(e->record));
	end(&b);
	v = num(e->priority);
	journal_field(&b, "PRIORITY", &v);

	for (f = 0; f < N_FIELDS; f++) {
		for (i = 0; !i || (fields[f].many && i < UW_RULES_MAX); i++) {
			v = fields[f].get(e, i);
			if (v.type == V_NONE)
				break;
			journal_field(&b, fields[f].name, &v);
		}
	}
	if (buf->failed)
		return -ENOMEM;
	for (i = 0, at = buf->p; i < b.n; at += iov[i++].iov_len)
		iov[i].iov_base = at;
	*ret_n = b.n;
	return 0;
}

static void json_time(struct uw_buf *buf, uint64_t ns)
{
	time_t s = (time_t)(ns / NS_PER_S);
	char text[32];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	uw_buf_printf(buf, "\"%s.%09" PRIu64 "Z\"", text, ns % NS_PER_S);
}

static void json_value(struct uw_buf *buf, const struct value *v)
{
	switch (v->type) {
	case V_INT:
		uw_buf_printf(buf, "%" PRId64, v->n);
		break;
	case V_STR:
		uw_buf_add_json(buf, v->s);
		break;
	case V_TIME:
		json_time(buf, (uint64_t)v->n);
		break;
	case V_NULL:
	case V_NONE:
		uw_buf_puts(buf, "null");
		break;
	}
}

static void json_key(struct uw_buf *buf, const char *name)
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
	struct value v;
	size_t f, i;

	uw_buf_puts(buf, "{");
	for (f = 0; f < N_FIELDS; f++) {
		v = fields[f].get(e, 0);
		if (v.type == V_NONE)
			continue;
		json_key(buf, fields[f].name);
		uw_buf_puts(buf, fields[f].many ? "[" : "");
		json_value(buf, &v);
		for (i = 1; fields[f].many; i++) {
			v = fields[f].get(e, i);
			if (v.type == V_NONE)
				break;
			uw_buf_puts(buf, ",");
			json_value(buf, &v);
		}
		uw_buf_puts(buf, fields[f].many ? "]," : ",");
	}
	uw_buf_printf(buf, "\"priority\":%d}\n", e->priority);
}

void uw_format_text(const struct uw_entry *e, struct uw_buf *buf)
{
	const struct uw_record *r = e->record;
	time_t s = (time_t)(e->time_ns / NS_PER_S);
	char text[32] = "", zone[8] = "";
	struct tm tm;

	if (localtime_r(&s, &tm)) {
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
		strftime(zone, sizeof(zone), "%z", &tm);
	}
	uw_buf_printf(buf, "%s.%06" PRIu64 "%s ", text, e->time_ns % NS_PER_S / 1000, zone);
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
