// SPDX-License-Identifier: MIT
#include "ctl/manifest_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"

/* Of 16 bits for each path, 4 are set: one manifest in 400 is read in vain. */
#define BITS_EACH 16
#define BITS_SET  4

struct entry {
	struct uw_reader *file;
	uint64_t number; /* in the file */
	char *identity;
	uint64_t first_us, last_us; /* of its names */
	uint64_t *bits;
	uint64_t n_bits;
};

struct uw_manifest_index {
	struct uw_reader **file;
	size_t n_files;
	struct entry *entry; /* by last_us */
	size_t n;
	struct uw_names_reader *names;
	struct uw_name_match match;
	struct uw_journal_record manifest, record;
	/* Of the manifest that is being read. */
	uint64_t *hash;
	size_t n_hashes;
};

/* ---- the paths of a manifest */

static int add_hash(struct uw_manifest_index *index, uint64_t hash)
{
	if (!uw_array_room(index->hash, index->n_hashes))
		return -ENOMEM;
	index->hash[index->n_hashes++] = hash;
	return 0;
}

static int add_fields(struct uw_manifest_index *index, struct uw_str fields)
{
	struct uw_str field, path;
	int r = 0;

	while (r == 0 && uw_names_field(&fields, &field))
		if (uw_query_field(field.s, field.len, &path))
			r = add_hash(index, uw_hash(UW_HASH_START, path.s, path.len));
	return r;
}

/* The directory of the last name, and the hash of its path with a slash. */
struct hashed {
	struct uw_buf dir;
	uint64_t hash;
};

static int add_path(struct uw_manifest_index *index, struct hashed *last, struct uw_str dir,
		    struct uw_str name)
{
	if (!last->dir.len || !uw_str_equal(dir, uw_buf_str(&last->dir))) {
		uw_buf_reset(&last->dir);
		uw_buf_add(&last->dir, dir.s, dir.len);
		last->hash = uw_hash(uw_hash(UW_HASH_START, dir.s, dir.len), "/", 1);
	}
	return add_hash(index, uw_hash(last->hash, name.s, name.len));
}

static int add_names(struct uw_manifest_index *index, struct entry *entry)
{
	struct hashed own = { 0 }, host = { 0 };
	const char *fields = NULL;
	struct uw_name name;
	int r;

	index->n_hashes = 0;
	uw_names_reader_begin(index->names, index->manifest.value[UW_JOURNAL_RECORD_NAMES]);
	while ((r = uw_names_read(index->names, &name)) > 0) {
		if (name.time_us < entry->first_us)
			entry->first_us = name.time_us;
		if (name.time_us > entry->last_us)
			entry->last_us = name.time_us;
		r = name.name.len ? add_path(index, &own, name.dir, name.name) : 0;
		if (r == 0 && name.name.len && name.host_dir.len)
			r = add_path(index, &host, name.host_dir, name.name);
		if (r == 0 && name.fields.s != fields)
			r = add_fields(index, name.fields);
		if (r == 0)
			r = add_fields(index, name.more);
		if (r < 0)
			break;
		fields = name.fields.s;
	}
	uw_buf_free(&own.dir);
	uw_buf_free(&host.dir);
	return r == -ENOMEM ? r : 0;
}

/* The bit of the hash, and those after it, i < BITS_SET. */
static uint64_t bit_of(const struct entry *entry, uint64_t hash, unsigned int i)
{
	return ((hash & UINT32_MAX) + i * (hash >> 32)) % entry->n_bits;
}

static int set_bits(struct uw_manifest_index *index, struct entry *entry)
{
	size_t words = index->n_hashes * BITS_EACH / 64 + 1;

	entry->bits = calloc(words, sizeof(*entry->bits));
	if (!entry->bits)
		return -ENOMEM;
	entry->n_bits = words * 64;
	for (size_t n = 0; n < index->n_hashes; n++) {
		for (unsigned int i = 0; i < BITS_SET; i++) {
			uint64_t bit = bit_of(entry, index->hash[n], i);

			entry->bits[bit / 64] |= UINT64_C(1) << bit % 64;
		}
	}
	return 0;
}

static bool may_have(const struct entry *entry, const char *path)
{
	uint64_t hash = uw_hash(UW_HASH_START, path, strlen(path));

	for (unsigned int i = 0; i < BITS_SET; i++) {
		uint64_t bit = bit_of(entry, hash, i);

		if (!(entry->bits[bit / 64] >> bit % 64 & 1))
			return false;
	}
	return true;
}

static bool may_have_any(const struct entry *entry, const struct uw_query *query)
{
	for (size_t i = 0; i < query->n_exact; i++)
		if (may_have(entry, query->exact[i]))
			return true;
	return false;
}

/* ---- all manifests */

static void free_entry(struct entry *entry)
{
	free(entry->bits);
	free(entry->identity);
}

/* Adds the manifest that the reader is at. Returns 0 or -ENOMEM. */
static int add_manifest(struct uw_manifest_index *index, struct uw_reader *file)
{
	struct entry entry = { .file = file, .first_us = UINT64_MAX };
	int r;

	if (uw_reader_read(file, &index->manifest) < 0 || !uw_is_manifest(&index->manifest) ||
	    uw_reader_number(file, &entry.number) < 0)
		return 0; /* a damaged record, or one without names */
	entry.identity = uw_reader_identity(file);
	r = entry.identity ? add_names(index, &entry) : -ENOMEM;
	if (r == 0)
		r = set_bits(index, &entry);
	if (r == 0 && !uw_array_room(index->entry, index->n))
		r = -ENOMEM;
	if (r < 0) {
		free_entry(&entry);
		return r;
	}
	index->entry[index->n++] = entry;
	return 0;
}

/* A damaged file is read as far as it goes. */
static int add_file(struct uw_manifest_index *index, struct uw_reader *whole, int fd)
{
	struct uw_reader *file;
	size_t before = index->n;
	int r;

	if (!uw_array_room(index->file, index->n_files))
		return -ENOMEM;
	r = uw_reader_open_file(whole, fd, &file);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	r = uw_reader_select_storms(file);
	if (r >= 0)
		r = uw_reader_seek(file, UINT64_MAX);
	while (r >= 0 && (r = uw_reader_previous(file)) > 0)
		r = add_manifest(index, file);
	if (index->n > before)
		index->file[index->n_files++] = file;
	else
		uw_reader_close(file);
	return r == -ENOMEM ? r : 0;
}

/* Most journals have no summary at all, so that no file has to be opened. */
static bool has_storms(struct uw_reader *whole)
{
	return uw_reader_select_storms(whole) >= 0 && uw_reader_seek(whole, UINT64_MAX) >= 0 &&
	       uw_reader_previous(whole) > 0;
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->last_us != y->last_us)
		return x->last_us < y->last_us ? -1 : 1;
	return strcmp(x->identity, y->identity);
}

/* Another file may have a copy. */
static void drop_copies(struct uw_manifest_index *index)
{
	size_t n = 0;

	qsort(index->entry, index->n, sizeof(*index->entry), compare_entries);
	for (size_t i = 0; i < index->n; i++) {
		if (n && !strcmp(index->entry[n - 1].identity, index->entry[i].identity))
			free_entry(&index->entry[i]);
		else
			index->entry[n++] = index->entry[i];
	}
	index->n = n;
}

int uw_manifest_index_open(struct uw_reader *reader, struct uw_manifest_index **ret)
{
	struct uw_manifest_index *index = calloc(1, sizeof(*index));
	int *fd = NULL, r = 0;
	size_t n = 0;

	if (!index)
		return -ENOMEM;
	index->names = uw_names_reader_new();
	if (!index->names)
		r = -ENOMEM;
	else if (has_storms(reader))
		r = uw_reader_files(&fd, &n);
	for (size_t i = 0; i < n && r == 0; i++)
		r = add_file(index, reader, fd[i]);
	free(fd);
	if (r < 0) {
		uw_manifest_index_close(index);
		return r;
	}
	if (index->n)
		drop_copies(index);
	free(index->hash);
	index->hash = NULL;
	*ret = index;
	return 0;
}

void uw_manifest_index_close(struct uw_manifest_index *index)
{
	if (!index)
		return;
	for (size_t i = 0; i < index->n; i++)
		free_entry(&index->entry[i]);
	for (size_t i = 0; i < index->n_files; i++)
		uw_reader_close(index->file[i]);
	free(index->entry);
	free(index->file);
	free(index->hash);
	uw_names_reader_free(index->names);
	uw_buf_free(&index->match.path);
	uw_journal_record_done(&index->manifest);
	uw_journal_record_done(&index->record);
	free(index);
}

/* ---- search */

static int search_manifest(struct uw_manifest_index *index, struct uw_manifest_search *search,
			   const struct entry *entry)
{
	struct uw_name name;
	int r, found = 0;

	if (uw_reader_go_to(entry->file, entry->number) < 0 ||
	    uw_reader_read(entry->file, &index->manifest) < 0)
		return 0; /* vacuumed meanwhile */
	index->manifest.number = entry->number << UW_MANIFEST_NAMES_BITS;
	index->match.query = search->query;
	index->match.fields = NULL;
	uw_names_reader_begin(index->names, index->manifest.value[UW_JOURNAL_RECORD_NAMES]);
	for (size_t i = 0; found == 0 && (r = uw_names_read(index->names, &name)) > 0; i++) {
		if (!uw_name_matches(&index->match, &name))
			continue;
		if (uw_manifest_expand(&index->manifest, &name, i, &index->record) < 0)
			return -ENOMEM;
		if (uw_record_matches(search->query, &index->record))
			found = search->found(search, &index->record);
	}
	return found == 0 && r == -ENOMEM ? r : found;
}

int uw_manifest_index_search(struct uw_manifest_index *index, struct uw_manifest_search *search)
{
	int r = 0;

	for (size_t i = 0; i < index->n && r == 0; i++) {
		const struct entry *entry = &index->entry[search->forward ? i : index->n - 1 - i];

		if (entry->last_us >= search->since_us && entry->first_us <= search->until_us &&
		    may_have_any(entry, search->query))
			r = search_manifest(index, search, entry);
	}
	return r < 0 ? r : 0;
}
