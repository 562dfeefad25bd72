// SPDX-License-Identifier: MIT
/* A journal file by file. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/reader_private.h"

#define STEP 64

/* As https://systemd.io/JOURNAL_FILE_FORMAT has it. What was inherited is not closed on exec. */
static bool is_journal(int fd)
{
	static const char magic[8] = { 'L', 'P', 'K', 'S', 'H', 'H', 'R', 'H' };
	char head[sizeof(magic)];
	int flags = fcntl(fd, F_GETFD);

	return flags >= 0 && flags & FD_CLOEXEC &&
	       pread(fd, head, sizeof(head), 0) == sizeof(head) &&
	       !memcmp(head, magic, sizeof(magic));
}

/* libsystemd knows best which files make up a journal, but does not tell: it has them open. */
int uw_reader_files(int **ret, size_t *ret_n)
{
	DIR *dir = opendir("/proc/self/fd");
	int *files = NULL, *more;
	struct dirent *entry;
	size_t n = 0;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (*entry->d_name == '.' || !is_journal(fd))
			continue;
		if (n % STEP == 0) {
			more = reallocarray(files, n + STEP, sizeof(*files));
			if (!more) {
				free(files);
				closedir(dir);
				return -ENOMEM;
			}
			files = more;
		}
		files[n++] = fd;
	}
	closedir(dir);
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
	/* Not sd_journal_open_files_fd(): it has been seen to close what it is given. */
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

bool uw_reader_has_mixed(const struct uw_reader *whole)
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

	if (!uw_reader_path_fields[i])
		return 0;
	r = sd_journal_query_unique(reader->journal, uw_reader_path_fields[i]);
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

/* A cursor without the sequence, which each writer of files has of its own: boot, both times, and a
 * hash over all fields. */
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
