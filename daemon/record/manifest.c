// SPDX-License-Identifier: MIT
#include "record/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "record/names.h"

struct uw_manifest {
	struct uw_names_writer *writer;
	struct uw_buf more, text, packed;
};

struct uw_manifest *uw_manifest_new(void)
{
	struct uw_manifest *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->writer = uw_names_writer_new();
	if (!m->writer) {
		free(m);
		return NULL;
	}
	return m;
}

void uw_manifest_free(struct uw_manifest *m)
{
	if (!m)
		return;
	uw_names_writer_free(m->writer);
	uw_buf_free(&m->more);
	uw_buf_free(&m->text);
	uw_buf_free(&m->packed);
	free(m);
}

static void add_field(struct uw_buf *fields, const char *name, const struct uw_value *value,
		      struct uw_buf *text)
{
	uw_buf_reset(text);
	uw_value_add(value, text);
	uw_names_add_field(fields, name, uw_buf_str(text));
}

/* Splits a path before its last component. False if there is none: both are empty. */
static bool split(struct uw_str path, struct uw_str *ret_dir, struct uw_str *ret_name)
{
	const char *slash = path.len ? memrchr(path.s, '/', path.len) : NULL;
	size_t dir = slash ? (size_t)(slash - path.s) : 0;

	*ret_dir = *ret_name = (struct uw_str){ "", 0 };
	if (!slash || dir + 1 == path.len)
		return false;
	*ret_dir = (struct uw_str){ path.s, dir };
	*ret_name = (struct uw_str){ slash + 1, path.len - dir - 1 };
	return true;
}

/* What an entry has a form of its own for; what does not fit is a further field. */
static void take_own(struct uw_manifest *m, const struct uw_entry *entry, struct uw_name *name)
{
	const struct uw_record *r = entry->record;
	struct uw_str filename = r->name_known ? r->name : (struct uw_str){ "", 0 };
	struct uw_str host = uw_shown_host_path(entry), dir, last;

	name->op = r->op;
	name->failed = !r->ret_known || r->ret;
	name->error = r->ret_known ? -r->ret : 0;
	name->time_us = entry->time_ns / 1000;
	if (r->inode_known && entry->detail >= UW_DETAIL_STANDARD) {
		name->file_known = true;
		name->ino = r->ino;
		name->bytes = r->bytes;
	}
	if (!split(r->path, &name->dir, &name->name) && r->path.len)
		uw_names_add_field(&m->more, "UNLINK_PATH", r->path);
	if (split(host, &dir, &last) && dir.len && uw_str_equal(last, name->name))
		name->host_dir = dir;
	else if (host.len)
		uw_names_add_field(&m->more, "UNLINK_HOST_PATH", host);
	name->by_path = name->name.len && uw_str_equal(filename, r->path);
	if (!name->by_path && !uw_str_equal(filename, name->name))
		uw_names_add_field(&m->more, "UNLINK_FILENAME", filename);
}

/* Adds the fields of one kind. */
static void add_fields(struct uw_buf *fields, enum uw_packed packed, struct uw_ask *ask,
		       struct uw_buf *text)
{
	const struct uw_field *field = uw_first_field(ask, ask->entry);
	struct uw_value value;
	size_t i;

	for (; field->name; field++) {
		for (i = 0; field->packed == packed && (!i || field->many); i++) {
			value = uw_field_value(field, ask, i);
			if (value.type == UW_VALUE_NONE)
				break;
			add_field(fields, field->name, &value, text);
		}
	}
}

/* All other fields. */
static void take_fields(struct uw_manifest *m, const struct uw_entry *entry,
			struct uw_series *series)
{
	struct uw_value priority = { .type = UW_VALUE_INT, .n = entry->priority };
	struct uw_ask ask = { .entry = entry };

	if (uw_op_is_rename(entry->record->op) || entry->upper_path.len)
		add_fields(&m->more, UW_PACKED_MORE, &ask, &m->text);
	if (uw_series_has(series, entry))
		return;
	add_field(&series->fields, "PRIORITY", &priority, &m->text);
	add_fields(&series->fields, UW_PACKED_SET, &ask, &m->text);
}

bool uw_manifest_add_next(struct uw_manifest *m, const struct uw_name *name,
			  struct uw_summary *summary)
{
	size_t room = sizeof(summary->names) - summary->names_len;

	uw_buf_reset(&m->packed);
	if (!uw_names_write(m->writer, name, room, &m->packed)) {
		summary->unnamed++;
		return false;
	}
	memcpy(summary->names + summary->names_len, m->packed.p, m->packed.len);
	summary->names_len += m->packed.len;
	return summary->names_len < UW_STORM_NAMES && !uw_names_writer_is_full(m->writer);
}

bool uw_manifest_add(struct uw_manifest *m, const struct uw_entry *entry, struct uw_series *series,
		     struct uw_summary *summary)
{
	struct uw_name name = { .host_dir = { "", 0 } };

	uw_buf_reset(&m->more);
	uw_buf_reset(&m->text);
	take_own(m, entry, &name);
	take_fields(m, entry, series);
	if (series->fields.failed || m->more.failed || m->text.failed) {
		uw_series_done(series);
		summary->unnamed++;
		return false;
	}
	name.fields = uw_buf_str(&series->fields);
	name.more = uw_buf_str(&m->more);
	return uw_manifest_add_next(m, &name, summary);
}
