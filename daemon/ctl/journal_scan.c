// SPDX-License-Identifier: MIT
#include "ctl/journal_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define STEP 1024

struct file {
	int fd;
	uint64_t last_us;	  /* none of its records is later */
	struct uw_reader *reader; /* NULL: closed */
	size_t n_hits;		  /* still to be returned */
};

struct hit {
	uint64_t us;
	uint64_t number;
	size_t file;
};

struct uw_journal_scan {
	struct uw_reader *whole;
	const struct uw_query *query;
	uint64_t since_us, until_us;
	struct file *file; /* the newest first */
	size_t n_files;
	size_t n_sifted;
	struct hit *hit; /* the newest last, once sorted */
	size_t n_hits;
	struct hit returned; /* the last one */
	char *identity;	     /* of that */
	struct uw_buf value;
};

static int compare_files(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	return x->last_us < y->last_us ? 1 : x->last_us > y->last_us ? -1 : 0;
}

static int compare_hits(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	if (x->us != y->us)
		return x->us < y->us ? -1 : 1;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->file < y->file ? -1 : x->file > y->file;
}

static int list_files(struct uw_journal_scan *scan)
{
	size_t n = 0;
	int *fd = NULL;
	int r = uw_reader_files(&fd, &n);

	if (r < 0)
		return r;
	scan->file = calloc(n ?: 1, sizeof(*scan->file));
	if (!scan->file)
		r = -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++) {
		struct uw_reader *reader;

		/* A file that is too damaged to be opened is skipped. */
		if (uw_reader_open_file(scan->whole, fd[i], &reader) < 0)
			continue;
		scan->file[scan->n_files++] =
			(struct file){ .fd = fd[i], .last_us = uw_reader_last(reader) };
		uw_reader_close(reader);
	}
	free(fd);
	if (r == 0)
		qsort(scan->file, scan->n_files, sizeof(*scan->file), compare_files);
	return r;
}

int uw_journal_scan_open(struct uw_reader *whole, const struct uw_query *query, uint64_t since_us,
			 uint64_t until_us, struct uw_journal_scan **ret)
{
	struct uw_journal_scan *scan = calloc(1, sizeof(*scan));
	int r;

	if (!scan)
		return -ENOMEM;
	*scan = (struct uw_journal_scan){
		.whole = whole, .query = query, .since_us = since_us, .until_us = until_us
	};
	uw_buf_reset(&scan->value);
	r = list_files(scan);
	if (r < 0) {
		uw_journal_scan_close(scan);
		return r;
	}
	*ret = scan;
	return 0;
}

/* ---- one file */

static int add_hit(struct uw_journal_scan *scan, size_t file, uint64_t us)
{
	struct hit *hit;
	int r;

	if (!uw_array_room(scan->hit, scan->n_hits))
		return -ENOMEM;
	hit = &scan->hit[scan->n_hits];
	*hit = (struct hit){ .us = us, .file = file };
	r = uw_reader_number(scan->file[file].reader, &hit->number);
	if (r < 0)
		return r;
	scan->n_hits++;
	scan->file[file].n_hits++;
	return 0;
}

/* Adds the selected records; where all had to be read, only those that the query wants. */
static int add_hits(struct uw_journal_scan *scan, size_t file, bool all)
{
	struct uw_reader *reader = scan->file[file].reader;
	int r = uw_reader_seek_span(reader, scan->since_us, scan->until_us);

	while (r >= 0 && (r = uw_reader_previous_in_span(reader)) > 0)
		if (!all || uw_reader_covers(reader, scan->query))
			r = add_hit(scan, file, uw_reader_time(reader));
	return r;
}

static int add_by_value(struct uw_journal_scan *scan, size_t file)
{
	struct uw_reader *reader = scan->file[file].reader;
	const char *data;
	size_t len;
	int r;

	for (size_t i = 0; (r = uw_reader_values(reader, i)) > 0; i++) {
		while ((r = uw_reader_next_value(reader, &data, &len)) > 0) {
			if (!uw_query_covers_field(scan->query, data, len))
				continue;
			uw_buf_reset(&scan->value);
			uw_buf_add(&scan->value, data, len);
			r = scan->value.failed ? -ENOMEM
					       : uw_reader_select_value(reader, scan->value.p, len);
			if (r >= 0)
				r = add_hits(scan, file, false);
			if (r < 0)
				return r;
		}
		if (r < 0)
			return r;
	}
	return r;
}

/* If the list of values is damaged, the readable records remain. */
static int sift_file(struct uw_journal_scan *scan, size_t i)
{
	struct file *file = &scan->file[i];
	size_t before = scan->n_hits;
	int r = uw_reader_open_file(scan->whole, file->fd, &file->reader);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	if (!scan->query->n_wide) {
		r = uw_reader_select(file->reader, scan->query->exact, scan->query->n_exact);
		if (r >= 0)
			r = add_hits(scan, i, false);
	} else {
		r = add_by_value(scan, i);
		if (r >= 0)
			r = uw_reader_select_storms(file->reader);
		if (r >= 0)
			r = add_hits(scan, i, false);
	}
	if (r < 0 && r != -ENOMEM) {
		scan->n_hits = before;
		file->n_hits = 0;
		r = uw_reader_select(file->reader, NULL, 0);
		if (r >= 0)
			r = add_hits(scan, i, true);
	}
	return r == -ENOMEM ? r : 0;
}

/* ---- in the order of time */

static void close_file(struct file *file)
{
	uw_reader_close(file->reader);
	file->reader = NULL;
}

/* Scans the files that may have a record newer than all found so far. */
static int sift_newest(struct uw_journal_scan *scan)
{
	uint64_t newest = scan->n_hits ? scan->hit[scan->n_hits - 1].us : 0;
	size_t start = scan->n_sifted;
	int r;

	while (scan->n_sifted < scan->n_files) {
		struct file *file = &scan->file[scan->n_sifted];
		size_t n = scan->n_hits;

		if (file->last_us < scan->since_us || (n && newest > file->last_us))
			break;
		r = sift_file(scan, scan->n_sifted++);
		if (r < 0)
			return r;
		for (; n < scan->n_hits; n++)
			if (scan->hit[n].us > newest)
				newest = scan->hit[n].us;
		if (!file->n_hits)
			close_file(file);
	}
	if (scan->n_sifted > start && scan->n_hits)
		qsort(scan->hit, scan->n_hits, sizeof(*scan->hit), compare_hits);
	return 0;
}

/* Whether this record was just returned: through another of its fields, or from another file. */
static bool is_repeated(struct uw_journal_scan *scan, const struct hit *hit, const char *identity)
{
	const struct hit *last = &scan->returned;

	if (!scan->identity || hit->us != last->us)
		return false;
	return (hit->file == last->file && hit->number == last->number) ||
	       !strcmp(scan->identity, identity);
}

int uw_journal_scan_previous(struct uw_journal_scan *scan, struct uw_reader **ret)
{
	struct file *last = scan->identity ? &scan->file[scan->returned.file] : NULL;
	int r;

	if (last && !last->n_hits)
		close_file(last);
	while ((r = sift_newest(scan)) == 0 && scan->n_hits) {
		struct hit hit = scan->hit[--scan->n_hits];
		struct file *file = &scan->file[hit.file];
		char *identity = NULL;

		file->n_hits--;
		if (uw_reader_go_to(file->reader, hit.number) == 0)
			identity = uw_reader_identity(file->reader);
		if (!identity || is_repeated(scan, &hit, identity)) {
			free(identity);
			continue;
		}
		free(scan->identity);
		scan->identity = identity;
		scan->returned = hit;
		*ret = file->reader;
		return 1;
	}
	return r;
}

void uw_journal_scan_close(struct uw_journal_scan *scan)
{
	if (!scan)
		return;
	for (size_t i = 0; i < scan->n_files; i++)
		uw_reader_close(scan->file[i].reader);
	free(scan->file);
	free(scan->hit);
	free(scan->identity);
	uw_buf_free(&scan->value);
	free(scan);
}
