// SPDX-License-Identifier: MIT
#include "reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>

#include "ids.h"

#define UNIT   "unlinkwatchd.service"
#define SOURCE "_SYSTEMD_UNIT=" UNIT

struct uw_reader {
	const struct uw_ctl_options *options;
	sd_journal *journal;
	struct uw_buf match;
	char uid[16]; /* of --user, where it is one of this machine, otherwise "" */
};

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

/* ---- selecting. Matches of one field are alternatives, those of different fields are all needed. */

static int match(struct uw_reader *reader, const char *field, const char *value)
{
	uw_buf_reset(&reader->match);
	uw_buf_puts(&reader->match, field);
	uw_buf_puts(&reader->match, "=");
	uw_buf_puts(&reader->match, value);
	if (reader->match.failed)
		return -ENOMEM;
	return sd_journal_add_match(reader->journal, reader->match.p, reader->match.len);
}

/* The field has the value, or else one of those that follow. */
static int match_any(struct uw_reader *reader, const char *const *fields, const char *value)
{
	int r = 0;

	for (size_t i = 0; fields[i] && r >= 0; i++) {
		r = i ? sd_journal_add_disjunction(reader->journal) : 0;
		if (r >= 0)
			r = match(reader, fields[i], value);
	}
	return r;
}

static int match_source(struct uw_reader *reader)
{
	int r = 0;

	sd_journal_flush_matches(reader->journal);
	if (!reader->options->any_source)
		r = sd_journal_add_match(reader->journal, SOURCE, 0);
	if (r >= 0 && reader->options->host)
		r = match(reader, "_HOSTNAME", reader->options->host);
	return r;
}

/* Who deleted, or had logged in to. */
static int match_user(struct uw_reader *reader)
{
	static const char *const uids[] = { "UNLINK_UID", "UNLINK_LOGINUID", NULL };
	static const char *const names[] = { "UNLINK_USER", NULL };
	const char *user = reader->options->user;
	int r = 0;

	if (reader->uid[0])
		r = match_any(reader, uids, reader->uid);
	if (r >= 0 && reader->uid[0])
		r = sd_journal_add_disjunction(reader->journal);
	if (r >= 0)
		r = match_any(reader, names, user);
	return r < 0 ? r : sd_journal_add_conjunction(reader->journal);
}

static int match_unit(struct uw_reader *reader)
{
	const char *unit = reader->options->unit;
	char name[256];

	snprintf(name, sizeof(name), "%s%s", unit, strchr(unit, '.') ? "" : ".service");
	return match(reader, "UNLINK_UNIT", name);
}

static int match_filters(struct uw_reader *reader)
{
	const struct uw_ctl_options *o = reader->options;
	int r;

	r = match(reader, "MESSAGE_ID", UW_ID_FAILED);
	if (r >= 0 && !o->failed)
		r = match(reader, "MESSAGE_ID", UW_ID_DELETED);
	if (r >= 0 && !o->failed)
		r = match(reader, "MESSAGE_ID", UW_ID_UNKNOWN);
	if (r >= 0 && !o->failed && o->command != UW_CMD_WHO)
		r = match(reader, "MESSAGE_ID", UW_READER_ID_FLOOD);
	if (r >= 0 && o->unit)
		r = match_unit(reader);
	if (r >= 0 && o->rule)
		r = match(reader, "UNLINK_RULE", o->rule);
	if (r >= 0)
		r = sd_journal_add_conjunction(reader->journal);
	if (r >= 0 && o->user)
		r = match_user(reader);
	return r;
}

int uw_reader_select(struct uw_reader *reader, char *const *paths, size_t n, bool rmdir)
{
	static const char *const fields[] = { "UNLINK_PATH", "UNLINK_HOST_PATH",
					      "UNLINK_REPLACED_BY", NULL };
	int r;

	r = match_source(reader);
	if (r >= 0)
		r = match_filters(reader);
	if (r >= 0 && rmdir)
		r = match(reader, "UNLINK_OP", "rmdir");
	if (r >= 0 && rmdir)
		r = sd_journal_add_conjunction(reader->journal);
	for (size_t i = 0; i < n && r >= 0; i++) {
		r = i ? sd_journal_add_disjunction(reader->journal) : 0;
		if (r >= 0)
			r = match_any(reader, fields, paths[i]);
	}
	return r;
}

/* What systemd says of the unit's process: process 1 is trusted as the daemon is. */
static int match_process_exit(struct uw_reader *reader)
{
	int r = 0;

	if (!reader->options->any_source)
		r = match(reader, "_PID", "1");
	if (r >= 0)
		r = match(reader, "UNIT", UNIT);
	if (r >= 0)
		r = match(reader, "MESSAGE_ID", UW_READER_ID_PROCESS_EXIT);
	if (r >= 0 && reader->options->host)
		r = match(reader, "_HOSTNAME", reader->options->host);
	return r;
}

int uw_reader_select_notes(struct uw_reader *reader)
{
	static const char *const ids[] = { UW_ID_STARTED, UW_ID_STOPPED, UW_ID_LOSS };
	int r = match_source(reader);

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]) && r >= 0; i++)
		r = match(reader, "MESSAGE_ID", ids[i]);
	if (r >= 0)
		r = sd_journal_add_disjunction(reader->journal);
	return r < 0 ? r : match_process_exit(reader);
}

int uw_reader_select_floods(struct uw_reader *reader)
{
	int r = match_source(reader);

	return r < 0 ? r : match(reader, "MESSAGE_ID", UW_READER_ID_FLOOD);
}

int uw_reader_select_source(struct uw_reader *reader)
{
	return match_source(reader);
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

int uw_reader_next(struct uw_reader *reader)
{
	return sd_journal_next(reader->journal);
}

uint64_t uw_reader_time(struct uw_reader *reader)
{
	uint64_t us;

	return sd_journal_get_realtime_usec(reader->journal, &us) < 0 ? 0 : us;
}

static bool covers(const struct uw_query *query, const char *data, size_t len)
{
	static const char *const names[] = { "UNLINK_PATH=", "UNLINK_HOST_PATH=",
					     "UNLINK_REPLACED_BY=" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t n = strlen(names[i]);

		if (len >= n && !memcmp(data, names[i], n))
			return uw_query_covers(query, data + n, len - n);
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
		if (covers(query, data, len))
			return true;
	return false;
}

int uw_reader_read(struct uw_reader *reader, struct uw_found *ret)
{
	const void *data;
	size_t len;
	int r;

	uw_found_reset(ret);
	ret->realtime_us = uw_reader_time(reader);
	sd_journal_restart_data(reader->journal);
	while ((r = sd_journal_enumerate_available_data(reader->journal, &data, &len)) > 0)
		uw_found_add(ret, data, len);
	return r < 0 ? r : uw_found_finish(ret);
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
