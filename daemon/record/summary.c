// SPDX-License-Identifier: MIT
#include "record/summary.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/journal_fields.h"
#include "record/cgroup.h"
#include "record/message_ids.h"
#include "record/value.h"

struct ask {
	const struct uw_summary_entry *entry;
	const struct uw_summary *summary; /* the entry's */
	size_t i;			  /* which of the values, of a field with many */
	char room[UW_CGROUP_NAME_MAX];
};

uint64_t uw_summary_count(const struct uw_summary *s)
{
	return s->succeeded + s->failed + s->unknown;
}

static struct uw_value none(void)
{
	return (struct uw_value){ .type = UW_VALUE_NONE };
}

static struct uw_value number(uint64_t u)
{
	return (struct uw_value){ .type = UW_VALUE_UINT, .u = u };
}

static struct uw_value bytes(struct uw_str s)
{
	return s.len ? (struct uw_value){ .type = UW_VALUE_STR, .s = s } : none();
}

static struct uw_str str(const struct uw_storm_text *text)
{
	return (struct uw_str){ text->s, text->len };
}

static struct uw_value text(const char *s)
{
	return s ? bytes((struct uw_str){ s, strlen(s) }) : none();
}

static struct uw_value when(const struct ask *a, uint64_t boottime_ns)
{
	return (struct uw_value){ .type = UW_VALUE_TIME,
				  .u = boottime_ns + a->entry->realtime_offset_ns };
}

/* "" in the summary is the root. */
static struct uw_str dir_of(const struct uw_summary *s)
{
	return s->dir.len ? str(&s->dir) : (struct uw_str){ "/", 1 };
}

static struct uw_value get_count(struct ask *a)
{
	return number(uw_summary_count(a->summary));
}

static struct uw_value get_succeeded(struct ask *a)
{
	return number(a->summary->succeeded);
}

static struct uw_value get_failed(struct ask *a)
{
	return number(a->summary->failed);
}

static struct uw_value get_unknown(struct ask *a)
{
	return number(a->summary->unknown);
}

static struct uw_value get_begin(struct ask *a)
{
	return when(a, a->summary->begin_ns);
}

static struct uw_value get_end(struct ask *a)
{
	return when(a, a->summary->end_ns);
}

static struct uw_value get_dir(struct ask *a)
{
	return a->summary->dir_known ? bytes(dir_of(a->summary)) : none();
}

static struct uw_value get_first(struct ask *a)
{
	return bytes(str(&a->summary->first));
}

static struct uw_value get_last(struct ask *a)
{
	return bytes(str(&a->summary->last));
}

static struct uw_value get_pid(struct ask *a)
{
	return a->i < a->summary->n_pids ? number(a->summary->pids[a->i]) : none();
}

static struct uw_value get_ppid(struct ask *a)
{
	return a->summary->ppid_known ? number(a->summary->ppid) : none();
}

static struct uw_value get_comm(struct ask *a)
{
	return bytes(str(&a->summary->comm));
}

static struct uw_value get_exe(struct ask *a)
{
	return bytes(str(&a->summary->exe));
}

static struct uw_value get_uid(struct ask *a)
{
	return number(a->summary->uid);
}

static struct uw_value get_user(struct ask *a)
{
	return text(a->entry->user);
}

static struct uw_value get_unit(struct ask *a)
{
	struct uw_cgroup cgroup;

	uw_cgroup_parse(str(&a->summary->cgroup), a->room, &cgroup);
	return bytes(cgroup.unit);
}

static struct uw_value get_rule(struct ask *a)
{
	return a->i < a->entry->n_rules ? text(a->entry->rules[a->i]) : none();
}

static const struct field {
	const char *name;
	struct uw_value (*get)(struct ask *ask);
	bool many; /* asked again, with i = 1, 2, ..., until there is no value */
} fields[] = {
	{ "UNLINK_FLOOD_COUNT", get_count, false },
	{ "UNLINK_FLOOD_SUCCEEDED", get_succeeded, false },
	{ "UNLINK_FLOOD_FAILED", get_failed, false },
	{ "UNLINK_FLOOD_UNKNOWN", get_unknown, false },
	{ "UNLINK_FLOOD_BEGIN", get_begin, false },
	{ "UNLINK_FLOOD_END", get_end, false },
	{ "UNLINK_FLOOD_DIR", get_dir, false },
	{ "UNLINK_FLOOD_FIRST", get_first, false },
	{ "UNLINK_FLOOD_LAST", get_last, false },
	{ "UNLINK_FLOOD_PID", get_pid, true },
	{ "UNLINK_PPID", get_ppid, false },
	{ "UNLINK_COMM", get_comm, false },
	{ "UNLINK_EXE", get_exe, false },
	{ "UNLINK_UID", get_uid, false },
	{ "UNLINK_USER", get_user, false },
	{ "UNLINK_UNIT", get_unit, false },
	{ "UNLINK_RULE", get_rule, true },
};

#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

static void add_message(const struct uw_summary_entry *e, struct uw_buf *buf)
{
	const struct uw_summary *s = e->summary;

	uw_buf_add_safe(buf, str(&s->comm), "[]()");
	uw_buf_puts(buf, " (");
	if (e->user)
		uw_buf_add_safe(buf, (struct uw_str){ e->user, strlen(e->user) }, "()");
	else
		uw_buf_printf(buf, "uid %" PRIu32, s->uid);
	uw_buf_printf(buf, ") removed %" PRIu64 " more %s", s->succeeded,
		      s->succeeded == 1 ? "name" : "names");
	if (s->dir_known) {
		uw_buf_puts(buf, " below ");
		uw_buf_add_safe(buf, dir_of(s), "");
	}
	uw_buf_printf(buf, " within %.1f s", (double)(s->end_ns - s->begin_ns) / UW_NS_PER_S);
	if (s->failed)
		uw_buf_printf(buf, "; could not remove %" PRIu64, s->failed);
	if (s->unknown)
		uw_buf_printf(buf, "; results not known: %" PRIu64, s->unknown);
}

void uw_summary_journal(const struct uw_summary_entry *e, struct uw_buf *buf)
{
	struct ask ask = { .entry = e, .summary = e->summary };
	struct uw_value v;
	size_t f;

	/* The sentence is safe to print, so it has no newline. */
	uw_buf_puts(buf, "MESSAGE=");
	add_message(e, buf);
	uw_buf_puts(buf, "\n");
	uw_journal_field_text(buf, "MESSAGE_ID", UW_ID_STORM);
	uw_journal_field_int(buf, "PRIORITY", e->priority);
	for (f = 0; f < N_FIELDS; f++) {
		for (ask.i = 0; !ask.i || fields[f].many; ask.i++) {
			v = fields[f].get(&ask);
			if (v.type == UW_VALUE_NONE)
				break;
			uw_value_journal(buf, fields[f].name, &v);
		}
	}
}

void uw_summary_json(const struct uw_summary_entry *e, struct uw_buf *buf)
{
	struct ask ask = { .entry = e, .summary = e->summary };
	struct uw_value v;
	size_t f;

	uw_buf_puts(buf, "{");
	for (f = 0; f < N_FIELDS; f++) {
		ask.i = 0;
		v = fields[f].get(&ask);
		if (v.type == UW_VALUE_NONE)
			continue;
		uw_value_json_key(buf, fields[f].name);
		uw_buf_puts(buf, fields[f].many ? "[" : "");
		uw_value_json(buf, &v);
		for (ask.i = 1; fields[f].many; ask.i++) {
			v = fields[f].get(&ask);
			if (v.type == UW_VALUE_NONE)
				break;
			uw_buf_puts(buf, ",");
			uw_value_json(buf, &v);
		}
		uw_buf_puts(buf, fields[f].many ? "]," : ",");
	}
	uw_buf_printf(buf, "\"priority\":%d}\n", e->priority);
}

void uw_summary_text(const struct uw_summary_entry *e, struct uw_buf *buf)
{
	uw_format_time(e->summary->end_ns + e->realtime_offset_ns, buf);
	uw_buf_puts(buf, " ");
	add_message(e, buf);
	uw_buf_printf(buf, " count=%" PRIu64 "\n", uw_summary_count(e->summary));
}
