// SPDX-License-Identifier: MIT
/*
 * Which records are selected, by the journal's index. Matches of one field are alternatives, those
 * of different fields are all needed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/reader_private.h"
#include "record/message_ids.h"

#define UNIT   "unlinkwatchd.service"
#define SOURCE "_SYSTEMD_UNIT=" UNIT

const char *const uw_reader_path_fields[] = { "UNLINK_PATH", "UNLINK_HOST_PATH",
					      "UNLINK_REPLACED_BY", NULL };

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
			r = match_any(reader, uw_reader_path_fields, paths[i]);
	}
	return r;
}

int uw_reader_select_value(struct uw_reader *reader, const char *data, size_t len)
{
	int r = match_source(reader);

	if (r >= 0)
		r = match_filters(reader);
	return r < 0 ? r : sd_journal_add_match(reader->journal, data, len);
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
	static const char *const ids[] = { UW_ID_STARTED, UW_ID_CONTINUED, UW_ID_STOPPED,
					   UW_ID_LOSS };
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
