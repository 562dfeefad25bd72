// SPDX-License-Identifier: MIT
/*
 * Reads any bytes as names, or refuses them. What was read is written and read again: it is the
 * same.
 */
#include <errno.h>

#include "record/names.h"
#include "fuzz.h"

static bool within(struct uw_str s, struct uw_str value)
{
	uintptr_t from = (uintptr_t)value.s, at = (uintptr_t)s.s;

	return s.len == 0 ||
	       (at >= from && at <= from + value.len && s.len <= from + value.len - at);
}

static void check_fields(struct uw_str fields, struct uw_str value)
{
	struct uw_str field;

	CHECK(within(fields, value));
	while (fields.len > 0) {
		CHECK(uw_names_field(&fields, &field));
		CHECK(within(field, value));
	}
}

static void check_name(const struct uw_name *name, struct uw_str value)
{
	CHECK(name->op > 0 && name->op < UW_OP_MAX);
	CHECK(name->error >= 0 && name->error <= 4095 && (name->failed || name->error == 0));
	CHECK(within(name->name, value));
	check_fields(name->fields, value);
	check_fields(name->more, value);
}

static void check_same(const struct uw_name *a, const struct uw_name *b)
{
	CHECK(a->op == b->op && a->failed == b->failed && a->error == b->error);
	CHECK(a->file_known == b->file_known && a->ino == b->ino && a->bytes == b->bytes);
	CHECK(a->time_us == b->time_us && a->by_path == b->by_path);
	CHECK(same(a->dir, b->dir) && same(a->host_dir, b->host_dir) && same(a->name, b->name));
	CHECK(same(a->fields, b->fields) && same(a->more, b->more));
}

static void check_again(struct uw_str value, struct uw_str written)
{
	struct uw_names_reader *first = uw_names_reader_new(), *again = uw_names_reader_new();
	struct uw_name a, b;

	CHECK(first && again);
	uw_names_reader_begin(first, value);
	uw_names_reader_begin(again, written);
	while (uw_names_read(again, &b) > 0) {
		CHECK(uw_names_read(first, &a) == 1);
		check_same(&a, &b);
	}
	CHECK(uw_names_read(first, &a) <= 0);
	uw_names_reader_free(first);
	uw_names_reader_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct uw_str value = { copy_of((const char *)data, size), size };
	struct uw_names_reader *reader = uw_names_reader_new();
	struct uw_names_writer *writer = uw_names_writer_new();
	struct uw_buf written = { 0 };
	struct uw_name name;
	int r;

	CHECK(reader && writer);
	uw_buf_reset(&written);
	uw_names_reader_begin(reader, value);
	while ((r = uw_names_read(reader, &name)) > 0) {
		size_t before = written.len;

		check_name(&name, value);
		CHECK(!uw_names_write(writer, &name, 0, &written) && written.len == before);
		uw_names_writer_reset(writer);
		uw_buf_reset(&written);
		CHECK(uw_names_write(writer, &name, SIZE_MAX, &written));
	}
	CHECK(r == 0 || r == -EBADMSG);
	uw_names_writer_reset(writer);
	uw_buf_reset(&written);
	uw_names_reader_begin(reader, value);
	while (uw_names_read(reader, &name) > 0)
		CHECK(uw_names_write(writer, &name, SIZE_MAX, &written));
	check_again(value, (struct uw_str){ written.len ? written.p : "", written.len });
	uw_buf_free(&written);
	uw_names_writer_free(writer);
	uw_names_reader_free(reader);
	free((void *)(uintptr_t)value.s);
	return 0;
}
