// SPDX-License-Identifier: MIT
/* Opens the journal, and reads it as a whole or file by file. */
#include "base/array.h"
#include "ctl/reader_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>

#include "record/message_ids.h"

#define USER	   "unlinkwatchd"
#define FIRST_USER 1000 /* users of packages have smaller uids, people have not */

/* ---- Reading a journal file by file. */

/* See https://systemd.io/JOURNAL_FILE_FORMAT. Inherited descriptors are not close-on-exec. */
static bool is_journal(int fd)
{
	static const char magic[8] = { 'L', 'P', 'K', 'S', 'H', 'H', 'R', 'H' };
	char head[sizeof(magic)];
	int flags = fcntl(fd, F_GETFD);

	return flags >= 0 && flags & FD_CLOEXEC &&
	       pread(fd, head, sizeof(head), 0) == sizeof(head) &&
	       !memcmp(head, magic, sizeof(magic));
}

struct file_id {
	dev_t dev;
	ino_t ino;
};

/* Whether the file is new: another reader has the same ones open. Returns 1, 0 or -ENOMEM. */
static int add_file_id(struct file_id **ids, size_t n, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		if ((*ids)[i].dev == st.st_dev && (*ids)[i].ino == st.st_ino)
			return 0;
	if (!uw_array_room(*ids, n))
		return -ENOMEM;
	(*ids)[n] = (struct file_id){ st.st_dev, st.st_ino };
	return 1;
}

/* libsystemd does not say which files make up a journal, but has them open. */
int uw_reader_files(int **ret, size_t *ret_n)
{
	DIR *dir = opendir("/proc/self/fd");
	struct file_id *ids = NULL;
	int *files = NULL, r = 0;
	struct dirent *entry;
	size_t n = 0;

	if (!dir)
		return -errno;
	while (r >= 0 && (entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (*entry->d_name == '.' || !is_journal(fd))
			continue;
		r = add_file_id(&ids, n, fd);
		if (r > 0 && !uw_array_room(files, n))
			r = -ENOMEM;
		if (r > 0)
			files[n++] = fd;
	}
	closedir(dir);
	free(ids);
	if (r < 0) {
		free(files);
		return r;
	}
	*ret = files;
	*ret_n = n;
	return 0;
}

static bool is_mixed(struct uw_reader *file)
{
	int n = 0, r = sd_journal_query_unique(file->journal, "_MACHINE_ID");
	const void *data;
	size_t len;

	if (r < 0)
		return false;
	while (n < 2 && sd_journal_enumerate_available_unique(file->journal, &data, &len) > 0)
		n++;
	return n > 1;
}

int uw_reader_open_file(const struct uw_reader *whole, int fd, struct uw_reader **ret)
{
	struct uw_reader *reader = calloc(1, sizeof(*reader));
	char path[32];
	const char *paths[] = { path, NULL };
	int r;

	if (!reader)
		return -ENOMEM;
	reader->options = whole->options;
	memcpy(reader->uid, whole->uid, sizeof(reader->uid));
	reader->service_known = whole->service_known;
	reader->service = whole->service;
	/* Not sd_journal_open_files_fd(), which has been seen to close the descriptors. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = sd_journal_open_files(&reader->journal, paths, 0);
	if (r >= 0)
		r = sd_journal_set_data_threshold(reader->journal, 0); /* all of each value */
	if (r < 0) {
		uw_reader_close(reader);
		return r;
	}
	reader->looked = true;
	reader->mixed = !uw_reader_is_local(whole) && is_mixed(reader);
	*ret = reader;
	return 0;
}

static bool has_mixed(const struct uw_reader *whole)
{
	bool mixed = false;
	int *fd = NULL;
	size_t n = 0;

	if (uw_reader_is_local(whole) || uw_reader_files(&fd, &n) < 0)
		return false;
	for (size_t i = 0; i < n && !mixed; i++) {
		struct uw_reader *file;

		if (uw_reader_open_file(whole, fd[i], &file) < 0)
			continue;
		mixed = file->mixed;
		uw_reader_close(file);
	}
	free(fd);
	return mixed;
}

uint64_t uw_reader_last(struct uw_reader *reader)
{
	uint64_t from, to;

	if (reader->mixed)
		return UINT64_MAX;
	return sd_journal_get_cutoff_realtime_usec(reader->journal, &from, &to) > 0 ? to : 0;
}

int uw_reader_values(struct uw_reader *reader, size_t i)
{
	int r;

	if (!uw_query_fields[i])
		return 0;
	r = sd_journal_query_unique(reader->journal, uw_query_fields[i]);
	return r < 0 ? r : 1;
}

int uw_reader_next_value(struct uw_reader *reader, const char **ret_data, size_t *ret_len)
{
	const void *data;
	int r = sd_journal_enumerate_available_unique(reader->journal, &data, ret_len);

	*ret_data = data;
	return r;
}

int uw_reader_number(struct uw_reader *reader, uint64_t *ret)
{
	char *cursor;
	int r = sd_journal_get_cursor(reader->journal, &cursor);

	if (r < 0)
		return r;
	if (sscanf(cursor, "s=%32[0-9a-f];i=%" SCNx64, reader->seqnum_id, ret) != 2)
		r = -EBADMSG;
	free(cursor);
	return r;
}

int uw_reader_go_to(struct uw_reader *reader, uint64_t number)
{
	char cursor[80];
	int r;

	snprintf(cursor, sizeof(cursor), "s=%s;i=%" PRIx64, reader->seqnum_id, number);
	sd_journal_flush_matches(reader->journal);
	r = sd_journal_seek_cursor(reader->journal, cursor);
	if (r >= 0)
		r = sd_journal_next(reader->journal);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

/*
 * A cursor without the sequence, which each writer of files has of its own: boot, both times, and a
 * hash over all fields.
 */
char *uw_reader_identity(struct uw_reader *reader)
{
	char *cursor, *boot, *identity = NULL;

	if (sd_journal_get_cursor(reader->journal, &cursor) < 0)
		return NULL;
	boot = strstr(cursor, ";b=");
	if (boot)
		identity = strdup(boot);
	free(cursor);
	return identity;
}

/* ---- opening */

/*
 * Looks up the uid of --user. A user of another machine may be unknown here; the records then still
 * have the name.
 */
static void look_up_user(struct uw_reader *reader)
{
	const char *user = reader->options->user;
	uid_t uid;

	if (!user)
		return;
	if (strspn(user, "0123456789") == strlen(user) && strlen(user) < sizeof(reader->uid))
		strcpy(reader->uid, user);
	else if (uw_reader_is_local(reader) && uw_names_system.user(user, &uid) == 0)
		snprintf(reader->uid, sizeof(reader->uid), "%u", uid);
}

static int open_journal(const struct uw_ctl_options *o, sd_journal **ret)
{
	if (o->directory)
		return sd_journal_open_directory(ret, o->directory, 0);
	if (o->files)
		return sd_journal_open_files(ret, o->files, 0);
	/* SD_JOURNAL_SYSTEM selects files by name, without those of other hosts and of users. */
	return sd_journal_open(ret, (o->merge ? 0 : SD_JOURNAL_LOCAL_ONLY) |
					    (o->merge || o->any_source ? 0 : SD_JOURNAL_SYSTEM));
}

/* Without the right to read the files, libsystemd silently opens an empty journal. */
static int check_access(struct uw_reader *reader)
{
	uint64_t bytes = 0;
	int r = sd_journal_get_usage(reader->journal, &bytes);

	if (r < 0 || bytes)
		return r;
	if (geteuid() != 0 && uw_reader_is_local(reader))
		fprintf(stderr, "unlinkwatchctl: there is no journal that you may read; "
				"be root, or a member of the group systemd-journal\n");
	else
		fprintf(stderr, "unlinkwatchctl: there is no journal\n");
	return -ENOENT;
}

int uw_reader_open(const struct uw_ctl_options *options, struct uw_reader **ret)
{
	struct uw_reader *reader = calloc(1, sizeof(*reader));
	int r;

	if (!reader)
		return -ENOMEM;
	reader->options = options;
	r = open_journal(options, &reader->journal);
	if (r < 0)
		fprintf(stderr, "unlinkwatchctl: cannot open the journal: %s\n", strerror(-r));
	else
		r = check_access(reader);
	if (r >= 0)
		r = sd_journal_set_data_threshold(reader->journal, 0); /* all of each value */
	if (r < 0) {
		uw_reader_close(reader);
		return r;
	}
	look_up_user(reader);
	reader->service_known = uw_reader_is_local(reader) &&
				uw_names_system.user(USER, &reader->service) == 0;
	*ret = reader;
	return 0;
}

void uw_reader_close(struct uw_reader *reader)
{
	if (!reader)
		return;
	sd_journal_close(reader->journal);
	uw_buf_free(&reader->match);
	free(reader);
}

bool uw_reader_is_local(const struct uw_reader *reader)
{
	const struct uw_ctl_options *o = reader->options;

	return !o->directory && !o->files && !o->merge && !o->host;
}

const struct uw_ctl_options *uw_reader_options(const struct uw_reader *reader, const char **ret_uid)
{
	*ret_uid = reader->uid;
	return reader->options;
}

/* ---- reading */

int uw_reader_seek(struct uw_reader *reader, uint64_t us)
{
	if (us == UINT64_MAX)
		return sd_journal_seek_tail(reader->journal);
	return sd_journal_seek_realtime_usec(reader->journal, us);
}

/*
 * If a process has ended, journald may read the unit of the next one with its number. The kernel
 * sends the uid with the record. The user of the service may have another uid on another machine.
 */
static bool is_by_service(struct uw_reader *reader)
{
	const void *data;
	size_t len;
	uint64_t uid;

	if (reader->options->any_source)
		return true;
	if (sd_journal_get_data(reader->journal, "_UID", &data, &len) < 0 ||
	    !uw_parse_uint((struct uw_str){ (const char *)data + 5, len - 5 }, &uid))
		return false;
	return uid == 0 || (reader->service_known ? uid == reader->service : uid < FIRST_USER);
}

static int step(struct uw_reader *reader, int (*to)(sd_journal *))
{
	int r;

	while ((r = to(reader->journal)) > 0 && !is_by_service(reader))
		;
	return r;
}

int uw_reader_previous(struct uw_reader *reader)
{
	return step(reader, sd_journal_previous);
}

bool uw_reader_is_mixed(struct uw_reader *reader)
{
	if (!reader->looked)
		reader->mixed = has_mixed(reader);
	reader->looked = true;
	return reader->mixed;
}

int uw_reader_seek_span(struct uw_reader *reader, uint64_t since_us, uint64_t until_us)
{
	/* If everything is asked for, nothing is left out, and the test would open each file. */
	if (since_us || until_us != UINT64_MAX)
		uw_reader_is_mixed(reader);
	reader->since_us = since_us;
	reader->until_us = until_us;
	return uw_reader_seek(reader, reader->mixed ? UINT64_MAX : until_us);
}

int uw_reader_previous_in_span(struct uw_reader *reader)
{
	int r;

	while ((r = uw_reader_previous(reader)) > 0) {
		uint64_t us = uw_reader_time(reader);

		if (us >= reader->since_us && us <= reader->until_us)
			return 1;
		if (us < reader->since_us && !reader->mixed)
			return 0;
	}
	return r;
}

int uw_reader_next(struct uw_reader *reader)
{
	return step(reader, sd_journal_next);
}

uint64_t uw_reader_time(struct uw_reader *reader)
{
	uint64_t us;

	return sd_journal_get_realtime_usec(reader->journal, &us) < 0 ? 0 : us;
}

/* One pass over all fields, since sd_journal_get_data() takes as long for each single one. */
bool uw_reader_covers(struct uw_reader *reader, const struct uw_query *query)
{
	const void *data;
	size_t len;

	sd_journal_restart_data(reader->journal);
	while (sd_journal_enumerate_available_data(reader->journal, &data, &len) > 0)
		if (uw_query_covers_field(query, data, len) ||
		    uw_str_is((struct uw_str){ data, len }, UW_READER_STORM))
			return true;
	return false;
}

int uw_reader_read(struct uw_reader *reader, struct uw_journal_record *ret)
{
	const void *data;
	size_t len;
	int r;

	uw_journal_record_reset(ret);
	ret->realtime_us = uw_reader_time(reader);
	sd_journal_restart_data(reader->journal);
	while ((r = sd_journal_enumerate_available_data(reader->journal, &data, &len)) > 0)
		uw_journal_record_add(ret, data, len);
	return r < 0 ? r : uw_journal_record_finish(ret);
}

uint64_t uw_reader_first(struct uw_reader *reader)
{
	uint64_t from, to;

	if (sd_journal_get_cutoff_realtime_usec(reader->journal, &from, &to) <= 0)
		return UINT64_MAX;
	return from;
}

size_t uw_reader_hosts(struct uw_reader *reader)
{
	const void *data;
	size_t len, n = 0;

	if (uw_reader_is_local(reader) || reader->options->host ||
	    sd_journal_query_unique(reader->journal, "_HOSTNAME") < 0)
		return 1;
	while (sd_journal_enumerate_available_unique(reader->journal, &data, &len) > 0)
		n++;
	return n;
}

bool uw_reader_is_this_boot(struct uw_reader *reader)
{
	sd_id128_t record, now;
	uint64_t us;

	return sd_journal_get_monotonic_usec(reader->journal, &us, &record) >= 0 &&
	       sd_id128_get_boot(&now) >= 0 && sd_id128_equal(record, now);
}

int uw_reader_fd(struct uw_reader *reader, short *ret_events)
{
	int fd = sd_journal_get_fd(reader->journal);
	int events = fd < 0 ? fd : sd_journal_get_events(reader->journal);

	if (events < 0)
		return events;
	*ret_events = (short)events;
	return fd;
}

int uw_reader_changed(struct uw_reader *reader)
{
	return sd_journal_process(reader->journal);
}
