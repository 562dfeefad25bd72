// SPDX-License-Identifier: MIT
#include "ctl/journal_history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include "ctl/manifest_index.h"
#include "ctl/query.h"
#include "ctl/timespec.h"

/* How far the order of the journal may differ from that of the records' own times. */
#define LAG_US (10 * UW_USEC_PER_S)

struct uw_journal_history {
	struct uw_reader *reader;
	struct uw_manifest_index *manifests; /* NULL: not asked for yet */
};

struct nearest {
	struct uw_reader *reader;
	struct uw_str host;
	const char *path;
	const struct uw_record_key *key;
	bool before;
	struct uw_journal_record *best; /* if `found` */
	struct uw_record_key best_key;
	bool found;
	struct uw_journal_record record;
};

static bool is_of_host(const struct nearest *n, const struct uw_journal_record *record)
{
	struct uw_str host = record->value[UW_JOURNAL_RECORD_HOSTNAME];

	return !n->host.len || uw_str_equal(host, n->host);
}

/* Takes the record if it is nearer. */
static void compare(struct nearest *n, struct uw_journal_record *record)
{
	struct uw_record_key key = uw_record_key_of(record);
	struct uw_journal_record swap;
	int order = n->before ? -1 : 1;

	if (!is_of_host(n, record) || uw_touch_of(record, n->path).type == UW_TOUCH_NONE)
		return;
	if (uw_record_key_compare(&key, n->key) != order ||
	    (n->found && uw_record_key_compare(&n->best_key, &key) != order))
		return;
	swap = *n->best;
	*n->best = *record;
	*record = swap;
	n->best_key = key;
	n->found = true;
}

/* The same for the record that the reader is at. */
static void consider(struct nearest *n)
{
	uint64_t number;

	if (uw_reader_read(n->reader, &n->record) < 0 || uw_reader_number(n->reader, &number) < 0)
		return; /* a damaged record */
	n->record.number = number << UW_MANIFEST_NAMES_BITS;
	compare(n, &n->record);
}

static int go_back(struct nearest *n)
{
	uint64_t us = n->key->arrived_us, until = us > UINT64_MAX - LAG_US ? us : us + LAG_US;
	bool mixed = uw_reader_is_mixed(n->reader);
	int r = uw_reader_seek_span(n->reader, 0, n->before ? until : UINT64_MAX);

	while (r >= 0 && (r = uw_reader_previous_in_span(n->reader)) > 0) {
		if (n->found && n->before && !mixed &&
		    uw_reader_time(n->reader) + LAG_US < n->best_key.ns / 1000)
			break;
		consider(n);
	}
	return r;
}

static int go_forward(struct nearest *n)
{
	uint64_t us = n->key->ns / 1000;
	int r = uw_reader_seek(n->reader, us > LAG_US ? us - LAG_US : 0);

	while (r >= 0 && (r = uw_reader_next(n->reader)) > 0) {
		if (n->found && uw_reader_time(n->reader) > n->best_key.arrived_us + LAG_US)
			break;
		consider(n);
	}
	return r;
}

/* ---- names in manifests */

static int consider_name(struct uw_manifest_search *search, struct uw_journal_record *record)
{
	struct nearest *n = search->ctx;

	compare(n, record);
	if (n->found && n->before)
		search->since_us = n->best_key.ns / 1000;
	else if (n->found)
		search->until_us = n->best_key.ns / 1000;
	return 0;
}

/* Manifests that were written after the first question are not seen. */
static int search(struct uw_journal_history *history, struct uw_manifest_search *how)
{
	int r = 0;

	if (!history->manifests)
		r = uw_manifest_index_open(history->reader, &history->manifests);
	return r < 0 ? r : uw_manifest_index_search(history->manifests, how);
}

static int search_names(struct uw_journal_history *history, struct nearest *n,
			const struct uw_query *query)
{
	uint64_t key_us = n->key->ns / 1000, best_us = n->found ? n->best_key.ns / 1000 : 0;
	struct uw_manifest_search how = {
		.query = query,
		.since_us = n->before ? best_us : key_us,
		.until_us = n->before  ? key_us
			    : n->found ? best_us
				       : UINT64_MAX,
		.forward = !n->before,
		.found = consider_name,
		.ctx = n,
	};

	return search(history, &how);
}

static int nearest(void *ctx, struct uw_str host, const char *path, const struct uw_record_key *key,
		   bool before, struct uw_journal_record *ret)
{
	struct uw_journal_history *history = ctx;
	struct nearest n = { .reader = history->reader,
			     .host = host,
			     .path = path,
			     .key = key,
			     .before = before,
			     .best = ret };
	struct uw_query query = { 0 };
	int r;

	if (*path != '/')
		return 0;
	r = uw_query_add_above(&query, path);
	if (r >= 0)
		r = uw_reader_select_changes(n.reader, query.exact, query.n_exact, 0);
	if (r >= 0)
		r = before || uw_reader_is_mixed(n.reader) ? go_back(&n) : go_forward(&n);
	if (r >= 0)
		r = search_names(history, &n, &query);
	uw_query_done(&query);
	uw_journal_record_done(&n.record);
	return r < 0 ? r : n.found;
}

/* ---- directories */

static bool is_directory_from(const struct uw_journal_record *record, const char *path)
{
	return uw_journal_record_is_of_directory(record) && uw_record_is_from(record, path) &&
	       !uw_journal_record_is(record, UW_JOURNAL_RECORD_OP, "rename") &&
	       uw_journal_record_is(record, UW_JOURNAL_RECORD_RET, "0");
}

static int look_for_directory(struct uw_manifest_search *search, struct uw_journal_record *record)
{
	bool *found = search->ctx;

	*found = is_directory_from(record, search->query->exact[0]);
	return *found;
}

int uw_journal_history_had_directory(struct uw_journal_history *history, char *path)
{
	static const unsigned int operations = 1u << UW_OP_RMDIR | 1u << UW_OP_MOVE |
					       1u << UW_OP_EXCHANGE;
	struct uw_query query = { .exact = &path, .n_exact = 1 };
	struct uw_journal_record record = { 0 };
	bool found = false;
	struct uw_manifest_search how = {
		.query = &query, .until_us = UINT64_MAX, .found = look_for_directory, .ctx = &found
	};
	int r = uw_reader_select_changes(history->reader, &path, 1, operations);

	if (r >= 0)
		r = uw_reader_seek(history->reader, UINT64_MAX);
	while (r >= 0 && !found && (r = uw_reader_previous(history->reader)) > 0)
		found = uw_reader_read(history->reader, &record) >= 0 &&
			is_directory_from(&record, path);
	if (r >= 0 && !found)
		r = search(history, &how);
	uw_journal_record_done(&record);
	return r < 0 ? r : found;
}

/* ---- the file system */

/*
 * Whether the file keeps its inode number, and the time at which it was made. overlayfs copies
 * files when they change; FUSE and FAT may number an inode anew each time that it is read.
 */
static bool has_stable_inode(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	return fs.f_type != OVERLAYFS_SUPER_MAGIC && fs.f_type != FUSE_SUPER_MAGIC &&
	       fs.f_type != MSDOS_SUPER_MAGIC && fs.f_type != EXFAT_SUPER_MAGIC;
}

static enum uw_look look_at(int fd, const struct uw_file_id *id, uint64_t us)
{
	struct statx st;
	char dev[sizeof(id->dev)];

	if (!has_stable_inode(fd) || statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &st) < 0)
		return UW_LOOK_THERE;
	snprintf(dev, sizeof(dev), "%u:%u", st.stx_dev_major, st.stx_dev_minor);
	/* Some file systems show another device than the kernel has. */
	if (id->known && !strcmp(id->dev, dev) && id->inode != st.stx_ino)
		return UW_LOOK_OTHER;
	/* Made later than the file was moved. */
	if (st.stx_mask & STATX_BTIME &&
	    (uint64_t)st.stx_btime.tv_sec * UW_USEC_PER_S + st.stx_btime.tv_nsec / 1000 > us)
		return UW_LOOK_OTHER;
	return UW_LOOK_THERE;
}

static enum uw_look look(void *ctx, const char *path, const struct uw_file_id *id, uint64_t us)
{
	enum uw_look result;
	int fd;

	const struct uw_journal_history *history = ctx;

	if (!uw_reader_is_local(history->reader) || *path != '/')
		return UW_LOOK_UNKNOWN;
	fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? UW_LOOK_GONE : UW_LOOK_UNKNOWN;
	result = look_at(fd, id, us);
	close(fd);
	return result;
}

int uw_journal_history_open(struct uw_reader *reader, struct uw_journal_history **ret)
{
	struct uw_journal_history *history = calloc(1, sizeof(*history));

	if (!history)
		return -ENOMEM;
	history->reader = reader;
	*ret = history;
	return 0;
}

void uw_journal_history_close(struct uw_journal_history *history)
{
	if (!history)
		return;
	uw_manifest_index_close(history->manifests);
	free(history);
}

struct uw_follow_env uw_journal_history_env(struct uw_journal_history *history)
{
	return (struct uw_follow_env){ .ctx = history, .nearest = nearest, .look = look };
}
