// SPDX-License-Identifier: MIT
#include "record/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "unlinkwatch.h"

#define HEAD	0x80
#define OP_MASK 0x07

/* The longest directory that is accepted, more than any that the daemon joins. */
#define DIR_MAX ((size_t)4 * UW_PATH_MAX)

/* What belongs to one set of fields. */
struct set {
	struct uw_buf fields;	/* of a writer, its own copy */
	struct uw_str borrowed; /* of a reader, the value's bytes */
	uint64_t hash;
	struct uw_buf dir, host_dir;
	uint64_t ino, time_us;
};

struct sets {
	struct set set[UW_NAMES_SETS];
	size_t n;
	struct set *now; /* NULL: none yet */
};

static void reset_sets(struct sets *sets)
{
	sets->n = 0;
	sets->now = NULL;
}

static void free_sets(struct sets *sets)
{
	size_t i;

	for (i = 0; i < UW_NAMES_SETS; i++) {
		uw_buf_free(&sets->set[i].fields);
		uw_buf_free(&sets->set[i].dir);
		uw_buf_free(&sets->set[i].host_dir);
	}
}

/* Begins the next set; the caller has tested that there is room for one. */
static struct set *add_set(struct sets *sets)
{
	struct set *set = &sets->set[sets->n++];

	uw_buf_reset(&set->fields);
	uw_buf_reset(&set->dir);
	uw_buf_reset(&set->host_dir);
	set->borrowed = (struct uw_str){ "", 0 };
	set->ino = set->time_us = 0;
	sets->now = set;
	return set;
}

/* ---- numbers and strings */

/* The most bytes that a number takes. */
#define NUMBER_MAX 10

/* Returns the end. */
static unsigned char *encode(unsigned char *p, uint64_t n)
{
	for (; n > 0x7f; n >>= 7)
		*p++ = (unsigned char)(n & 0x7f) | 0x80;
	*p++ = (unsigned char)n;
	return p;
}

/* Modulo 2^64, so that any two numbers have a difference. */
static unsigned char *encode_difference(unsigned char *p, uint64_t n, uint64_t before)
{
	uint64_t difference = n - before, sign = difference >> 63 ? UINT64_MAX : 0;

	return encode(p, difference << 1 ^ sign);
}

static void put_number(struct uw_buf *buf, uint64_t n)
{
	unsigned char bytes[NUMBER_MAX];

	uw_buf_add(buf, bytes, (size_t)(encode(bytes, n) - bytes));
}

static void put_string(struct uw_buf *buf, struct uw_str s)
{
	put_number(buf, s.len);
	uw_buf_add(buf, s.s, s.len);
}

/* Each of these takes something off the front, and returns false if it is not whole. */
static bool take_number(struct uw_str *from, uint64_t *ret)
{
	uint64_t n = 0;
	unsigned int shift;

	for (shift = 0; from->len && shift < 64; shift += 7) {
		unsigned char byte = (unsigned char)*from->s;

		from->s++;
		from->len--;
		if (shift == 63 && byte > 1)
			return false;
		n |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = n;
			return true;
		}
	}
	return false;
}

static bool take_difference(struct uw_str *from, uint64_t before, uint64_t *ret)
{
	uint64_t n;

	if (!take_number(from, &n))
		return false;
	*ret = before + (n >> 1 ^ (n & 1 ? UINT64_MAX : 0));
	return true;
}

static bool take_string(struct uw_str *from, struct uw_str *ret)
{
	uint64_t len;

	if (!take_number(from, &len) || len > from->len)
		return false;
	*ret = (struct uw_str){ from->s, (size_t)len };
	from->s += len;
	from->len -= (size_t)len;
	return true;
}

/* A number of strings, which stay where they are. */
static bool take_strings(struct uw_str *from, struct uw_str *ret)
{
	struct uw_str string;
	const char *start;
	uint64_t n;

	if (!take_number(from, &n))
		return false;
	start = from->s;
	while (n--)
		if (!take_string(from, &string))
			return false;
	*ret = (struct uw_str){ start, (size_t)(from->s - start) };
	return true;
}

bool uw_names_field(struct uw_str *fields, struct uw_str *ret)
{
	return take_string(fields, ret);
}

void uw_names_add_field(struct uw_buf *fields, const char *name, struct uw_str value)
{
	size_t len = strlen(name);

	put_number(fields, len + 1 + value.len);
	uw_buf_add(fields, name, len);
	uw_buf_puts(fields, "=");
	uw_buf_add(fields, value.s, value.len);
}

static size_t count_strings(struct uw_str strings)
{
	struct uw_str string;
	size_t n = 0;

	while (take_string(&strings, &string))
		n++;
	return n;
}

/* ---- writing */

struct uw_names_writer {
	struct sets sets;
};

struct uw_names_writer *uw_names_writer_new(void)
{
	return calloc(1, sizeof(struct uw_names_writer));
}

void uw_names_writer_free(struct uw_names_writer *writer)
{
	if (!writer)
		return;
	free_sets(&writer->sets);
	free(writer);
}

void uw_names_writer_reset(struct uw_names_writer *writer)
{
	reset_sets(&writer->sets);
}

bool uw_names_writer_is_full(const struct uw_names_writer *writer)
{
	return writer->sets.n == UW_NAMES_SETS;
}

static bool has_fields(const struct set *set, uint64_t hash, struct uw_str fields)
{
	return set->hash == hash && uw_str_equal(uw_buf_str(&set->fields), fields);
}

/* Makes the set with these fields the present one. False if there is no room for another. */
static bool select_fields(struct sets *sets, struct uw_str fields, struct uw_buf *buf)
{
	struct set *set;
	uint64_t hash;
	size_t i;

	/* Most often they are those of the last name. */
	if (sets->now && uw_str_equal(uw_buf_str(&sets->now->fields), fields))
		return true;
	hash = uw_hash(UW_HASH_START, fields.s, fields.len);
	for (i = 0; i < sets->n; i++) {
		if (!has_fields(&sets->set[i], hash, fields))
			continue;
		sets->now = &sets->set[i];
		uw_buf_puts(buf, "S");
		put_number(buf, i);
		return true;
	}
	if (sets->n == UW_NAMES_SETS)
		return false;
	set = add_set(sets);
	set->hash = hash;
	uw_buf_add(&set->fields, fields.s, fields.len);
	uw_buf_puts(buf, "F");
	put_number(buf, count_strings(fields));
	uw_buf_add(buf, fields.s, fields.len);
	return !set->fields.failed;
}

static bool select_dir(struct uw_buf *now, struct uw_str dir, const char *type, struct uw_buf *buf)
{
	size_t common = 0;

	if (uw_str_equal(uw_buf_str(now), dir))
		return true;
	while (common < now->len && common < dir.len && now->p[common] == dir.s[common])
		common++;
	uw_buf_puts(buf, type);
	put_number(buf, common);
	put_string(buf, (struct uw_str){ dir.s + common, dir.len - common });
	now->len = common;
	uw_buf_add(now, dir.s + common, dir.len - common);
	return !now->failed;
}

static void put_name(struct set *set, const struct uw_name *name, struct uw_buf *buf)
{
	unsigned char bytes[1 + 5 * NUMBER_MAX], *p = bytes;

	*p = (unsigned char)(HEAD | (name->op & OP_MASK));
	*p |= name->failed ? UW_NAME_ERROR : 0;
	*p |= name->file_known ? UW_NAME_FILE : 0;
	*p |= name->by_path ? UW_NAME_BY_PATH : 0;
	*p++ |= name->more.len ? UW_NAME_MORE : 0;
	if (name->failed)
		p = encode(p, (uint64_t)name->error);
	if (name->file_known) {
		p = encode_difference(p, name->ino, set->ino);
		p = encode(p, name->bytes);
		set->ino = name->ino;
	}
	p = encode_difference(p, name->time_us, set->time_us);
	set->time_us = name->time_us;
	p = encode(p, name->name.len);
	uw_buf_add(buf, bytes, (size_t)(p - bytes));
	uw_buf_add(buf, name->name.s, name->name.len);
	if (name->more.len) {
		put_number(buf, count_strings(name->more));
		uw_buf_add(buf, name->more.s, name->more.len);
	}
}

bool uw_names_write(struct uw_names_writer *writer, const struct uw_name *name, size_t room,
		    struct uw_buf *buf)
{
	struct sets *sets = &writer->sets;
	size_t before = buf->len;

	if (select_fields(sets, name->fields, buf) &&
	    select_dir(&sets->now->dir, name->dir, "D", buf) &&
	    select_dir(&sets->now->host_dir, name->host_dir, "H", buf)) {
		put_name(sets->now, name, buf);
		if (!buf->failed && buf->len - before <= room)
			return true;
	}
	buf->len = before;
	return false;
}

/* ---- reading */

struct uw_names_reader {
	struct sets sets;
	struct uw_str rest;
};

struct uw_names_reader *uw_names_reader_new(void)
{
	return calloc(1, sizeof(struct uw_names_reader));
}

void uw_names_reader_free(struct uw_names_reader *reader)
{
	if (!reader)
		return;
	free_sets(&reader->sets);
	free(reader);
}

void uw_names_reader_begin(struct uw_names_reader *reader, struct uw_str value)
{
	reset_sets(&reader->sets);
	reader->rest = value;
}

static int read_fields(struct uw_names_reader *reader)
{
	struct uw_str fields;

	if (reader->sets.n == UW_NAMES_SETS || !take_strings(&reader->rest, &fields))
		return -EBADMSG;
	add_set(&reader->sets)->borrowed = fields;
	return 0;
}

static int read_set(struct uw_names_reader *reader)
{
	uint64_t i;

	if (!take_number(&reader->rest, &i) || i >= reader->sets.n)
		return -EBADMSG;
	reader->sets.now = &reader->sets.set[i];
	return 0;
}

static int read_dir(struct uw_names_reader *reader, struct uw_buf *dir)
{
	struct uw_str end;
	uint64_t common;

	if (!take_number(&reader->rest, &common) || common > dir->len ||
	    !take_string(&reader->rest, &end) || end.len > DIR_MAX - common)
		return -EBADMSG;
	dir->len = (size_t)common;
	uw_buf_add(dir, end.s, end.len);
	return dir->failed ? -ENOMEM : 0;
}

static int read_name(struct uw_names_reader *reader, unsigned char head, struct uw_name *ret)
{
	struct set *set = reader->sets.now;
	struct uw_str *rest = &reader->rest;
	uint64_t error = 0;

	*ret = (struct uw_name){
		.op = head & OP_MASK,
		.failed = head & UW_NAME_ERROR,
		.file_known = head & UW_NAME_FILE,
		.by_path = head & UW_NAME_BY_PATH,
		.dir = uw_buf_str(&set->dir),
		.host_dir = uw_buf_str(&set->host_dir),
		.fields = set->borrowed,
		.more = { "", 0 },
	};
	if (ret->failed && (!take_number(rest, &error) || error > 4095))
		return -EBADMSG;
	ret->error = (int)error;
	if (ret->file_known &&
	    (!take_difference(rest, set->ino, &set->ino) || !take_number(rest, &ret->bytes)))
		return -EBADMSG;
	ret->ino = ret->file_known ? set->ino : 0;
	if (!take_difference(rest, set->time_us, &set->time_us) || !take_string(rest, &ret->name))
		return -EBADMSG;
	ret->time_us = set->time_us;
	if (head & UW_NAME_MORE && !take_strings(rest, &ret->more))
		return -EBADMSG;
	return ret->op && ret->op < UW_OP_MAX ? 1 : -EBADMSG;
}

int uw_names_read(struct uw_names_reader *reader, struct uw_name *ret)
{
	struct sets *sets = &reader->sets;

	while (reader->rest.len) {
		unsigned char type = (unsigned char)*reader->rest.s;
		int r = -EBADMSG;

		reader->rest.s++;
		reader->rest.len--;
		if (type == 'F')
			r = read_fields(reader);
		else if (type == 'S')
			r = read_set(reader);
		else if (!sets->now)
			return -EBADMSG;
		else if (type & HEAD)
			return read_name(reader, type, ret);
		else if (type == 'D')
			r = read_dir(reader, &sets->now->dir);
		else if (type == 'H')
			r = read_dir(reader, &sets->now->host_dir);
		if (r < 0)
			return r;
	}
	return 0;
}
