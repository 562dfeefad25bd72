// SPDX-License-Identifier: MIT
/*
 * A name in a manifest has the same fields whatever was before it. The event before it differs in
 * one byte, so that a field which is remembered though it has changed is found.
 */
#include "events.h"
#include "record/manifest.h"
#include "record/names.h"

static struct uw_summary summaries[2];

/* What the daemon adds to a record, from the bytes of the event. */
static struct uw_entry entry_of(const struct uw_record *r)
{
	static const char *const rules[] = { "all", "a.b_c-d", "rule3" };

	return (struct uw_entry){
		.record = r,
		.time_ns = r->exit_ns,
		.priority = 6,
		.matches = r->rules,
		.rules = rules,
		.n_rules = r->rules % 4,
		.user = r->fsuid % 2 ? "alice" : NULL,
		.host_path = r->pid % 2 ? r->fspath : (struct uw_str){ "", 0 },
		.detail = UW_DETAIL_FULL,
	};
}

static bool add(struct uw_manifest *manifest, const void *event, size_t size, bool swapped,
		struct uw_series *series, struct uw_summary *summary)
{
	static struct uw_record record;
	struct uw_entry entry;

	if (uw_record_decode(event, size, &record) < 0)
		return false;
	if (swapped)
		uw_record_swap(&record);
	entry = entry_of(&record);
	return uw_manifest_add(manifest, &entry, series, summary) || summary->unnamed == 0;
}

/* The last name of the summary. */
static void read_last(const struct uw_summary *summary, struct uw_names_reader *reader,
		      struct uw_name *ret)
{
	struct uw_name name;
	size_t n = 0;
	int r;

	uw_names_reader_begin(reader, (struct uw_str){ summary->names, summary->names_len });
	for (; (r = uw_names_read(reader, &name)) > 0; n++)
		*ret = name;
	CHECK(r == 0 && n > 0);
}

static void check_same(const struct uw_name *a, const struct uw_name *b)
{
	CHECK(same(a->fields, b->fields) && same(a->more, b->more));
	CHECK(same(a->dir, b->dir) && same(a->host_dir, b->host_dir));
	CHECK(same(a->name, b->name) && a->by_path == b->by_path);
	CHECK(a->op == b->op && a->failed == b->failed && a->error == b->error);
	CHECK(a->file_known == b->file_known && a->ino == b->ino && a->bytes == b->bytes);
}

/* Where it needs no record, another deletion of a series is what its record would say. */
static void check_series(const void *event, size_t size, struct uw_series *series,
			 const struct uw_name *whole)
{
	static struct uw_record record;
	struct uw_entry entry;
	struct uw_name name;
	struct uw_str path, host;

	if (!uw_series_goes_on(series, event, size, &name, &path))
		return;
	CHECK(uw_record_decode(event, size, &record) == 0 && same(record.path, path));
	entry = entry_of(&record);
	/* `..` in a path, which the kernel never has, breaks what the caller promises. */
	host = uw_shown_host_path(&entry);
	if (!host.len == !name.host_dir.len &&
	    (!host.len || same((struct uw_str){ host.s, name.host_dir.len }, name.host_dir)))
		check_same(&name, whole);
}

static void check(const void *before, const void *event, size_t size, size_t top, bool swapped)
{
	static struct uw_record record;
	struct uw_manifest *manifest[2] = { uw_manifest_new(), uw_manifest_new() };
	struct uw_names_reader *reader[2] = { uw_names_reader_new(), uw_names_reader_new() };
	struct uw_series series[2] = { 0 };
	struct uw_entry entry;
	struct uw_name name[2];

	for (size_t i = 0; i < 2; i++) {
		CHECK(manifest[i] && reader[i]);
		summaries[i].unnamed = 0;
		summaries[i].names_len = 0;
	}
	if (add(manifest[0], before, size, false, &series[0], &summaries[0]) && !swapped) {
		CHECK(uw_record_decode(before, size, &record) == 0);
		entry = entry_of(&record);
		top = record.path.len ? top % record.path.len : 0;
		uw_series_set_top(&series[0], &entry, top, uw_shown_host_path(&entry));
	}
	if (add(manifest[1], event, size, swapped, &series[1], &summaries[1])) {
		read_last(&summaries[1], reader[1], &name[1]);
		check_series(event, size, &series[0], &name[1]);
	}
	if (add(manifest[0], event, size, swapped, &series[0], &summaries[0]) &&
	    summaries[1].names_len) {
		read_last(&summaries[0], reader[0], &name[0]);
		check_same(&name[0], &name[1]);
		CHECK(name[0].time_us == name[1].time_us);
	}
	for (size_t i = 0; i < 2; i++) {
		uw_manifest_free(manifest[i]);
		uw_names_reader_free(reader[i]);
		uw_series_done(&series[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = size > 2 ? (size_t)data[size - 1] << 8 | data[size - 2] : 0;
	unsigned char *event, *before;

	event = repaired_event(data, size, &size);
	if (!event)
		return 0;
	before = copy_of(event, size);
	before[at % size] ^= 1 + (unsigned char)(at >> 13);
	check(before, event, size, at >> 4, false);
	check(event, event, size, at >> 4, false);
	check(event, event, size, at, true);
	free(before);
	free(event);
	return 0;
}
