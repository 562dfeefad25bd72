// SPDX-License-Identifier: MIT
/*
 * Selects records by the journal's index. Matches of one field are alternatives; those of different
 * fields must all be true.
 */
#include "ctl/reader_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/words.h"

#define UNIT   "unlinkwatchd.service"
#define SOURCE "_SYSTEMD_UNIT=" UNIT

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

/* Matches any of the fields with the value. */
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

/* Ends a term that the names in a summary decide, not its fields. */
static int or_storm(struct uw_reader *reader)
{
	int r = sd_journal_add_disjunction(reader->journal);

	if (r >= 0)
		r = sd_journal_add_match(reader->journal, UW_READER_STORM, 0);
	return r < 0 ? r : sd_journal_add_conjunction(reader->journal);
}

/* The user who deleted, for whom a server deleted, or who had logged in. */
static int match_user(struct uw_reader *reader)
{
	static const char *const uids[] = { "UNLINK_UID", "UNLINK_FSUID", "UNLINK_LOGINUID", NULL };
	static const char *const names[] = { "UNLINK_USER", NULL };
	const char *user = reader->options->user;
	int r = 0;

	if (reader->uid[0])
		r = match_any(reader, uids, reader->uid);
	if (r >= 0 && reader->uid[0])
		r = sd_journal_add_disjunction(reader->journal);
	return r < 0 ? r : match_any(reader, names, user);
}

static int match_unit(struct uw_reader *reader)
{
	const char *unit = reader->options->unit;
	char name[256];

	snprintf(name, sizeof(name), "%s%s", unit, strchr(unit, '.') ? "" : ".service");
	return match(reader, "UNLINK_UNIT", name);
}

/* The index has commands of ancestors, and no numbers. */
static int match_under(struct uw_reader *reader)
{
	static const char *const comms[] = { "UNLINK_ANCESTOR", "UNLINK_COMM", NULL };
	const char *under = reader->options->under;
	char comm[UW_COMM_LEN];
	int r;

	if (!under || uw_is_pid(under))
		return 0;
	snprintf(comm, sizeof(comm), "%s", under);
	r = match_any(reader, comms, comm);
	return r < 0 ? r : or_storm(reader);
}

/* Bits of enum uw_op; 0: any. */
static int match_operations(struct uw_reader *reader, unsigned int operations)
{
	int r = 0;

	for (const struct uw_word *op = uw_op_words; op->word && r >= 0; op++)
		if (operations >> op->value & 1)
			r = match(reader, "UNLINK_OP", op->word);
	return r;
}

static int match_ids(struct uw_reader *reader)
{
	static const char *const ids[] = { UW_ID_FAILED, UW_ID_STORM, UW_ID_DELETED, UW_ID_MOVED,
					   UW_ID_UNKNOWN };
	size_t n = reader->options->failed ? 2 : sizeof(ids) / sizeof(ids[0]);
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++)
		r = match(reader, "MESSAGE_ID", ids[i]);
	return r < 0 ? r : sd_journal_add_conjunction(reader->journal);
}

static int match_filters(struct uw_reader *reader)
{
	const struct uw_ctl_options *o = reader->options;
	int r = match_ids(reader);

	if (r >= 0 && o->unit)
		r = match_unit(reader);
	if (r >= 0 && o->rule)
		r = match(reader, "UNLINK_RULE", o->rule);
	if (r >= 0)
		r = match_operations(reader, o->operations);
	if (r >= 0 && (o->unit || o->rule || o->operations))
		r = or_storm(reader);
	if (r >= 0 && o->user)
		r = match_user(reader);
	if (r >= 0 && o->user)
		r = or_storm(reader);
	return r < 0 ? r : match_under(reader);
}

static int match_paths(struct uw_reader *reader, char *const *paths, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++) {
		r = i ? sd_journal_add_disjunction(reader->journal) : 0;
		if (r >= 0)
			r = match_any(reader, uw_query_fields, paths[i]);
	}
	return r;
}

int uw_reader_select(struct uw_reader *reader, char *const *paths, size_t n)
{
	int r;

	r = match_source(reader);
	if (r >= 0)
		r = match_filters(reader);
	if (r >= 0)
		r = match_paths(reader, paths, n);
	return r >= 0 && n ? or_storm(reader) : r;
}

int uw_reader_select_changes(struct uw_reader *reader, char *const *paths, size_t n,
			     unsigned int operations)
{
	int r = match_source(reader);

	if (r >= 0)
		r = match(reader, "MESSAGE_ID", UW_ID_DELETED);
	if (r >= 0)
		r = match(reader, "MESSAGE_ID", UW_ID_MOVED);
	if (r >= 0)
		r = match_operations(reader, operations);
	if (r >= 0)
		r = sd_journal_add_conjunction(reader->journal);
	return r < 0 ? r : match_paths(reader, paths, n);
}

int uw_reader_select_value(struct uw_reader *reader, const char *data, size_t len)
{
	int r = match_source(reader);

	if (r >= 0)
		r = match_filters(reader);
	return r < 0 ? r : sd_journal_add_match(reader->journal, data, len);
}

/* systemd's records about the unit's process. Process 1 is trusted as the daemon is. */
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

int uw_reader_select_storms(struct uw_reader *reader)
{
	int r = match_source(reader);

	return r < 0 ? r : sd_journal_add_match(reader->journal, UW_READER_STORM, 0);
}

int uw_reader_select_source(struct uw_reader *reader)
{
	return match_source(reader);
}
