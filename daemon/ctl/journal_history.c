// SPDX-License-Identifier: MIT
#include "ctl/journal_history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include "ctl/query.h"
#include "ctl/timespec.h"

/* How far the order of the journal may differ from that of the records' own times. */
#define LAG_US (10 * UW_USEC_PER_S)

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

static bool is_of_host(const struct nearest *n)
{
	struct uw_str host = n->record.value[UW_JOURNAL_RECORD_HOSTNAME];

	return !n->host.len || uw_str_equal(host, n->host);
}

/* Takes the record that the reader is at, if it is nearer. */
static int consider(struct nearest *n)
{
	struct uw_journal_record swap;
	struct uw_record_key key;
	int order;

	if (uw_reader_read(n->reader, &n->record) < 0)
		return 0; /* a damaged record */
	if (!is_of_host(n) || uw_touch_of(&n->record, n->path).type == UW_TOUCH_NONE)
		return 0;
	if (uw_reader_number(n->reader, &n->record.number) < 0)
		return 0;
	key = uw_record_key_of(&n->record);
	order = n->before ? -1 : 1;
	if (uw_record_key_compare(&key, n->key) != order ||
	    (n->found && uw_record_key_compare(&n->best_key, &key) != order))
		return 0;
	swap = *n->best;
	*n->best = n->record;
	n->record = swap;
	n->best_key = key;
	n->found = true;
	return 0;
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
		r = consider(n);
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
		r = consider(n);
	}
	return r;
}

static int nearest(void *ctx, struct uw_str host, const char *path, const struct uw_record_key *key,
		   bool before, struct uw_journal_record *ret)
{
	struct nearest n = {
		.reader = ctx, .host = host, .path = path, .key = key, .before = before, .best = ret
	};
	struct uw_query query = { 0 };
	int r;

	if (*path != '/')
		return 0;
	r = uw_query_add_above(&query, path);
	if (r >= 0)
		r = uw_reader_select_changes(n.reader, query.exact, query.n_exact, 0);
	if (r >= 0)
		r = before || uw_reader_is_mixed(n.reader) ? go_back(&n) : go_forward(&n);
	uw_query_done(&query);
	uw_journal_record_done(&n.record);
	return r < 0 ? r : n.found;
}

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

	if (!uw_reader_is_local(ctx) || *path != '/')
		return UW_LOOK_UNKNOWN;
	fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? UW_LOOK_GONE : UW_LOOK_UNKNOWN;
	result = look_at(fd, id, us);
	close(fd);
	return result;
}

struct uw_follow_env uw_journal_history(struct uw_reader *reader)
{
	return (struct uw_follow_env){ .ctx = reader, .nearest = nearest, .look = look };
}
