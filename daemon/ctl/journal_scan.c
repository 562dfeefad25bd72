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

static int list_files(struct uw_journal_scan *sift)
{
	size_t n = 0;
	int *fd = NULL;
	int r = uw_reader_files(&fd, &n);

	if (r < 0)
		return r;
	sift->file = calloc(n ?: 1, sizeof(*sift->file));
	if (!sift->file)
		r = -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++) {
		struct uw_reader *reader;

		/* One that is damaged too much to be opened has nothing to say. */
		if (uw_reader_open_file(sift->whole, fd[i], &reader) < 0)
			continue;
		sift->file[sift->n_files++] =
			(struct file){ .fd = fd[i], .last_us = uw_reader_last(reader) };
		uw_reader_close(reader);
	}
	free(fd);
	if (r == 0)
		qsort(sift->file, sift->n_files, sizeof(*sift->file), compare_files);
	return r;
}

int uw_journal_scan_open(struct uw_reader *whole, const struct uw_query *query, uint64_t since_us,
			 uint64_t until_us, struct uw_journal_scan **ret)
{
	struct uw_journal_scan *sift = calloc(1, sizeof(*sift));
	int r;

	if (!sift)
		return -ENOMEM;
	*sift = (struct uw_journal_scan){
		.whole = whole, .query = query, .since_us = since_us, .until_us = until_us
	};
	uw_buf_reset(&sift->value);
	r = list_files(sift);
	if (r < 0) {
		uw_journal_scan_close(sift);
		return r;
	}
	*ret = sift;
	return 0;
}

/* ---- one file */

static int add_hit(struct uw_journal_scan *sift, size_t file, uint64_t us)
{
	struct hit *hit;
	int r;

	if (!uw_array_room(sift->hit, sift->n_hits))
		return -ENOMEM;
	hit = &sift->hit[sift->n_hits];
	*hit = (struct hit){ .us = us, .file = file };
	r = uw_reader_number(sift->file[file].reader, &hit->number);
	if (r < 0)
		return r;
	sift->n_hits++;
	sift->file[file].n_hits++;
	return 0;
}

/* Adds what is selected, and, where all have to be read for it, is asked for. */
static int add_hits(struct uw_journal_scan *sift, size_t file, bool all)
{
	struct uw_reader *reader = sift->file[file].reader;
	int r = uw_reader_seek_span(reader, sift->since_us, sift->until_us);

	while (r >= 0 && (r = uw_reader_previous_in_span(reader)) > 0)
		if (!all || uw_reader_covers(reader, sift->query))
			r = add_hit(sift, file, uw_reader_time(reader));
	return r;
}

static int add_by_value(struct uw_journal_scan *sift, size_t file)
{
	struct uw_reader *reader = sift->file[file].reader;
	const char *data;
	size_t len;
	int r;

	for (size_t i = 0; (r = uw_reader_values(reader, i)) > 0; i++) {
		while ((r = uw_reader_next_value(reader, &data, &len)) > 0) {
			if (!uw_reader_covers_value(sift->query, data, len))
				continue;
			uw_buf_reset(&sift->value);
			uw_buf_add(&sift->value, data, len);
			r = sift->value.failed ? -ENOMEM
					       : uw_reader_select_value(reader, sift->value.p, len);
			if (r >= 0)
				r = add_hits(sift, file, false);
			if (r < 0)
				return r;
		}
		if (r < 0)
			return r;
	}
	return r;
}

/* Of a damaged list of values, what can be read of the records is left. */
static int sift_file(struct uw_journal_scan *sift, size_t i)
{
	struct file *file = &sift->file[i];
	size_t before = sift->n_hits;
	int r = uw_reader_open_file(sift->whole, file->fd, &file->reader);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	if (!sift->query->n_wide) {
		r = uw_reader_select(file->reader, sift->query->exact, sift->query->n_exact, false);
		if (r >= 0)
			r = add_hits(sift, i, false);
	} else {
		r = add_by_value(sift, i);
	}
	if (r < 0 && r != -ENOMEM) {
		sift->n_hits = before;
		file->n_hits = 0;
		r = uw_reader_select(file->reader, NULL, 0, false);
		if (r >= 0)
			r = add_hits(sift, i, true);
	}
	return r == -ENOMEM ? r : 0;
}

/* ---- in the order of time */

static void close_file(struct file *file)
{
	uw_reader_close(file->reader);
	file->reader = NULL;
}

/* Sifts the files that may have a record that is newer than all that was found. */
static int sift_newest(struct uw_journal_scan *sift)
{
	uint64_t newest = sift->n_hits ? sift->hit[sift->n_hits - 1].us : 0;
	size_t start = sift->n_sifted;
	int r;

	while (sift->n_sifted < sift->n_files) {
		struct file *file = &sift->file[sift->n_sifted];
		size_t n = sift->n_hits;

		if (file->last_us < sift->since_us || (n && newest > file->last_us))
			break;
		r = sift_file(sift, sift->n_sifted++);
		if (r < 0)
			return r;
		for (; n < sift->n_hits; n++)
			if (sift->hit[n].us > newest)
				newest = sift->hit[n].us;
		if (!file->n_hits)
			close_file(file);
	}
	if (sift->n_sifted > start && sift->n_hits)
		qsort(sift->hit, sift->n_hits, sizeof(*sift->hit), compare_hits);
	return 0;
}

/* Whether it was returned last: by another of its fields, or from another file. */
static bool is_repeated(struct uw_journal_scan *sift, const struct hit *hit, const char *identity)
{
	const struct hit *last = &sift->returned;

	if (!sift->identity || hit->us != last->us)
		return false;
	return (hit->file == last->file && hit->number == last->number) ||
	       !strcmp(sift->identity, identity);
}

int uw_journal_scan_previous(struct uw_journal_scan *sift, struct uw_reader **ret)
{
	struct file *last = sift->identity ? &sift->file[sift->returned.file] : NULL;
	int r;

	if (last && !last->n_hits)
		close_file(last);
	while ((r = sift_newest(sift)) == 0 && sift->n_hits) {
		struct hit hit = sift->hit[--sift->n_hits];
		struct file *file = &sift->file[hit.file];
		char *identity = NULL;

		file->n_hits--;
		if (uw_reader_go_to(file->reader, hit.number) == 0)
			identity = uw_reader_identity(file->reader);
		if (!identity || is_repeated(sift, &hit, identity)) {
			free(identity);
			continue;
		}
		free(sift->identity);
		sift->identity = identity;
		sift->returned = hit;
		*ret = file->reader;
		return 1;
	}
	return r;
}

void uw_journal_scan_close(struct uw_journal_scan *sift)
{
	if (!sift)
		return;
	for (size_t i = 0; i < sift->n_files; i++)
		uw_reader_close(sift->file[i].reader);
	free(sift->file);
	free(sift->hit);
	free(sift->identity);
	uw_buf_free(&sift->value);
	free(sift);
}
