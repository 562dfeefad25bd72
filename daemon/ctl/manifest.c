// SPDX-License-Identifier: MIT
#include "ctl/manifest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config/words.h"
#include "record/message_ids.h"

bool uw_is_summary(const struct uw_journal_record *record)
{
	return uw_journal_record_is(record, UW_JOURNAL_RECORD_MESSAGE_ID, UW_ID_STORM);
}

bool uw_is_manifest(const struct uw_journal_record *record)
{
	return uw_is_summary(record) && uw_journal_record_has(record, UW_JOURNAL_RECORD_NAMES);
}

/* ---- which names */

static bool matches_fields(const struct uw_query *query, struct uw_str fields)
{
	struct uw_str field;

	while (uw_names_field(&fields, &field))
		if (uw_query_covers_field(query, field.s, field.len))
			return true;
	return false;
}

/* Compares the end first, where paths differ most. */
static bool is_path(const char *path, struct uw_str dir, struct uw_str name)
{
	return strlen(path) == dir.len + 1 + name.len && path[dir.len] == '/' &&
	       !memcmp(path + dir.len + 1, name.s, name.len) && !memcmp(path, dir.s, dir.len);
}

bool uw_name_is_at(const struct uw_name *name, const char *path)
{
	return name->name.len &&
	       (is_path(path, name->dir, name->name) ||
		(name->host_dir.len && is_path(path, name->host_dir, name->name)));
}

static bool matches_path(struct uw_name_match *match, struct uw_str dir, struct uw_str name)
{
	uw_buf_reset(&match->path);
	uw_buf_add(&match->path, dir.s, dir.len);
	uw_buf_puts(&match->path, "/");
	uw_buf_add(&match->path, name.s, name.len);
	return !match->path.failed && uw_query_covers(match->query, match->path.p, match->path.len);
}

bool uw_name_matches(struct uw_name_match *match, const struct uw_name *name)
{
	if (!match->query)
		return true;
	if (match->fields != name->fields.s) {
		match->fields = name->fields.s;
		match->fields_covered = matches_fields(match->query, name->fields);
	}
	if (match->fields_covered || matches_fields(match->query, name->more))
		return true;
	for (size_t i = 0; i < match->query->n_exact; i++)
		if (uw_name_is_at(name, match->query->exact[i]))
			return true;
	return match->query->n_wide && name->name.len &&
	       (matches_path(match, name->dir, name->name) ||
		(name->host_dir.len && matches_path(match, name->host_dir, name->name)));
}

bool uw_record_matches(const struct uw_query *query, const struct uw_journal_record *record)
{
	static const enum uw_journal_record_field fields[] = {
		UW_JOURNAL_RECORD_PATH,
		UW_JOURNAL_RECORD_HOST_PATH,
		UW_JOURNAL_RECORD_UPPER_PATH,
		UW_JOURNAL_RECORD_MOVED_TO,
		UW_JOURNAL_RECORD_HOST_MOVED_TO,
		UW_JOURNAL_RECORD_REPLACED_BY,
		UW_JOURNAL_RECORD_HOST_REPLACED_BY,
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct uw_str path = record->value[fields[i]];

		if (path.s && uw_query_covers(query, path.s, path.len))
			return true;
	}
	return false;
}

/* ---- the record of a name */

static size_t name_len(struct uw_str field)
{
	const char *equals = field.len ? memchr(field.s, '=', field.len) : NULL;

	return equals ? (size_t)(equals - field.s) : field.len;
}

/* Whether the fields of this name alone say what the field is, or that there is none. */
static bool has_more(const struct uw_name *name, const char *field, size_t len)
{
	struct uw_str rest = name->more, more;

	while (uw_names_field(&rest, &more))
		if (name_len(more) == len && !memcmp(more.s, field, len))
			return true;
	return false;
}

static void add_more(const struct uw_name *name, struct uw_journal_record *ret)
{
	struct uw_str rest = name->more, field;

	while (uw_names_field(&rest, &field))
		if (name_len(field) + 1 < field.len)
			uw_journal_record_add(ret, field.s, field.len);
}

static void add_fields(const struct uw_name *name, struct uw_journal_record *ret)
{
	struct uw_str rest = name->fields, field;

	while (uw_names_field(&rest, &field))
		if (!name->more.len || !has_more(name, field.s, name_len(field)))
			uw_journal_record_add(ret, field.s, field.len);
}

/* Adds a field that the entry itself tells. Returns whether it did. */
static bool put(const struct uw_name *name, enum uw_journal_record_field field, struct uw_str value,
		struct uw_journal_record *ret)
{
	const char *called = uw_journal_record_name(field);

	if (name->more.len && has_more(name, called, strlen(called)))
		return false;
	uw_journal_record_put(ret, field, value);
	return true;
}

static void put_text(const struct uw_name *name, enum uw_journal_record_field field,
		     const char *text, struct uw_journal_record *ret)
{
	put(name, field, (struct uw_str){ text, strlen(text) }, ret);
}

/* printf(3) would take a third of the time of a whole record. */
static void put_number(const struct uw_name *name, enum uw_journal_record_field field, uint64_t n,
		       const char *zeros, struct uw_journal_record *ret)
{
	char text[32], *end = text + sizeof(text), *at = end - strlen(zeros);

	memcpy(at, zeros, strlen(zeros));
	do
		*--at = (char)('0' + n % 10);
	while (n /= 10);
	put(name, field, (struct uw_str){ at, (size_t)(end - at) }, ret);
}

static void put_path(const struct uw_name *name, enum uw_journal_record_field field,
		     struct uw_str dir, struct uw_journal_record *ret)
{
	if (!name->name.len || !put(name, field, dir, ret))
		return;
	uw_journal_record_extend(ret, field, (struct uw_str){ "/", 1 });
	uw_journal_record_extend(ret, field, name->name);
}

static void put_result(const struct uw_name *name, struct uw_journal_record *ret)
{
	char text[16] = "0";

	if (name->failed && name->error)
		snprintf(text, sizeof(text), "-%d", name->error);
	put_text(name, UW_JOURNAL_RECORD_RET, name->failed && !name->error ? "unknown" : text, ret);
	if (name->error)
		put_text(name, UW_JOURNAL_RECORD_ERRNO, strerrorname_np(name->error) ?: "", ret);
}

static const char *message_id(const struct uw_name *name)
{
	if (name->failed)
		return name->error ? UW_ID_FAILED : UW_ID_UNKNOWN;
	return name->op == UW_OP_MOVE || name->op == UW_OP_EXCHANGE ? UW_ID_MOVED : UW_ID_DELETED;
}

int uw_manifest_expand(const struct uw_journal_record *manifest, const struct uw_name *name,
		       size_t i, struct uw_journal_record *ret)
{
	struct uw_str host = manifest->value[UW_JOURNAL_RECORD_HOSTNAME];

	uw_journal_record_reset(ret);
	ret->realtime_us = manifest->realtime_us;
	ret->number = manifest->number | i;
	add_more(name, ret);
	put_number(name, UW_JOURNAL_RECORD_TIME, name->time_us, "000", ret);
	put_text(name, UW_JOURNAL_RECORD_OP, uw_word_of(uw_op_words, (int)name->op) ?: "", ret);
	put_result(name, ret);
	put_path(name, UW_JOURNAL_RECORD_PATH, name->dir, ret);
	if (name->host_dir.len)
		put_path(name, UW_JOURNAL_RECORD_HOST_PATH, name->host_dir, ret);
	if (name->by_path)
		put_path(name, UW_JOURNAL_RECORD_FILENAME, name->dir, ret);
	else if (name->name.len)
		put(name, UW_JOURNAL_RECORD_FILENAME, name->name, ret);
	if (name->file_known) {
		put_number(name, UW_JOURNAL_RECORD_INODE, name->ino, "", ret);
		put_number(name, UW_JOURNAL_RECORD_SIZE, name->bytes, "", ret);
	}
	put_text(name, UW_JOURNAL_RECORD_MESSAGE_ID, message_id(name), ret);
	add_fields(name, ret);
	if (host.s)
		uw_journal_record_put(ret, UW_JOURNAL_RECORD_HOSTNAME, host);
	return uw_journal_record_finish(ret);
}

/* ---- what has no name */

static void put_count(enum uw_journal_record_field field, uint64_t n, struct uw_journal_record *ret)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	uw_journal_record_put(ret, field, (struct uw_str){ text, strlen(text) });
}

/* Whatever is put first counts. */
static void put_others(const struct uw_journal_record *manifest, struct uw_journal_record *ret)
{
	for (size_t i = 0; i < UW_JOURNAL_RECORD_MAX; i++)
		if (i != UW_JOURNAL_RECORD_NAMES && i != UW_JOURNAL_RECORD_RULE &&
		    manifest->value[i].s)
			uw_journal_record_put(ret, (enum uw_journal_record_field)i,
					      manifest->value[i]);
	for (size_t i = 0; i < manifest->n_rules; i++)
		uw_journal_record_put(ret, UW_JOURNAL_RECORD_RULE, manifest->rule[i]);
}

int uw_manifest_rest(const struct uw_journal_record *manifest, uint64_t n, uint64_t failed,
		     struct uw_journal_record *ret)
{
	uint64_t all_failed, all = uw_journal_record_count(manifest, &all_failed);
	char text[64];
	int r;

	if (all <= n)
		return 0;
	uw_journal_record_reset(ret);
	ret->realtime_us = manifest->realtime_us;
	ret->number = manifest->number;
	put_count(UW_JOURNAL_RECORD_FLOOD_COUNT, all - n, ret);
	put_count(UW_JOURNAL_RECORD_FLOOD_FAILED, all_failed > failed ? all_failed - failed : 0,
		  ret);
	if (n) {
		snprintf(text, sizeof(text), "%" PRIu64 " of these have no name: ", all - n);
		uw_journal_record_put(ret, UW_JOURNAL_RECORD_MESSAGE,
				      (struct uw_str){ text, strlen(text) });
		uw_journal_record_extend(ret, UW_JOURNAL_RECORD_MESSAGE,
					 manifest->value[UW_JOURNAL_RECORD_MESSAGE]);
	}
	put_others(manifest, ret);
	r = uw_journal_record_finish(ret);
	return r < 0 ? r : 1;
}
