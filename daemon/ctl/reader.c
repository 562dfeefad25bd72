// SPDX-License-Identifier: MIT
#include "ctl/reader_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <systemd/sd-id128.h>

/* ---- opening */

/*
 * Whom the records may be of. Of a name that this machine has no user of, as in another's journal,
 * the records still have the name.
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
	/*
	 * SD_JOURNAL_SYSTEM goes by the names of files: it leaves out those of other hosts, and
	 * those that have what users wrote.
	 */
	return sd_journal_open(ret, (o->merge ? 0 : SD_JOURNAL_LOCAL_ONLY) |
					    (o->merge || o->any_source ? 0 : SD_JOURNAL_SYSTEM));
}

/* Without the right to read the files, libsystemd opens a journal of none, and says nothing. */
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

/* ---- reading */

int uw_reader_seek(struct uw_reader *reader, uint64_t us)
{
	if (us == UINT64_MAX)
		return sd_journal_seek_tail(reader->journal);
	return sd_journal_seek_realtime_usec(reader->journal, us);
}

int uw_reader_previous(struct uw_reader *reader)
{
	return sd_journal_previous(reader->journal);
}

int uw_reader_seek_span(struct uw_reader *reader, uint64_t since_us, uint64_t until_us)
{
	/* Of all that there is, nothing is left out, and looking would open each file. */
	if (!reader->looked && (since_us || until_us != UINT64_MAX)) {
		reader->mixed = uw_reader_has_mixed(reader);
		reader->looked = true;
	}
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
	return sd_journal_next(reader->journal);
}

uint64_t uw_reader_time(struct uw_reader *reader)
{
	uint64_t us;

	return sd_journal_get_realtime_usec(reader->journal, &us) < 0 ? 0 : us;
}

bool uw_reader_covers_value(const struct uw_query *query, const char *data, size_t len)
{
	for (size_t i = 0; uw_reader_path_fields[i]; i++) {
		size_t n = strlen(uw_reader_path_fields[i]);

		if (len > n && data[n] == '=' && !memcmp(data, uw_reader_path_fields[i], n))
			return uw_query_covers(query, data + n + 1, len - n - 1);
	}
	return false;
}

/* One pass over all fields: sd_journal_get_data() takes as long for each one that it is asked for. */
bool uw_reader_covers(struct uw_reader *reader, const struct uw_query *query)
{
	const void *data;
	size_t len;

	sd_journal_restart_data(reader->journal);
	while (sd_journal_enumerate_available_data(reader->journal, &data, &len) > 0)
		if (uw_reader_covers_value(query, data, len))
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
