// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/commands.h"
#include "ctl/journal_history.h"
#include "ctl/journal_scan.h"
#include "ctl/resolve.h"

struct search {
	const struct uw_ctl_options *options;
	struct uw_reader *reader;
	struct uw_query query;
	struct uw_query above;	/* the exact paths, and all directories above them */
	struct uw_trail *trail; /* of each exact path */
	/* While the first reader steps from record to record, this one follows files. */
	struct uw_reader *second;
	struct uw_follow_env env;
	struct uw_show show;
	struct uw_journal_record found;
	struct uw_buf buf;
	size_t n; /* found */
};

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int build_query(struct search *s)
{
	bool local = uw_reader_is_local(s->reader);
	char *cwd = local ? getcwd(NULL, 0) : NULL;
	struct uw_query_env env = { .cwd = cwd,
				    .resolve = local ? uw_resolve : NULL,
				    .is_dir = local ? is_dir : NULL };
	const char *problem;
	int r = 0;

	for (size_t i = 0; i < s->options->n_args && r == 0; i++) {
		r = uw_query_add(&s->query, s->options->args[i], &env, &problem);
		if (r == -EINVAL) {
			uw_show_text((struct uw_str){ s->options->args[i],
						      strlen(s->options->args[i]) },
				     &s->buf);
			fprintf(stderr, "unlinkwatchctl: %.*s: %s\n", (int)s->buf.len,
				s->buf.p ?: "", problem);
		}
	}
	free(cwd);
	return r;
}

/* Whether the record is about a directory that was at the path. */
static bool is_of_directory(const struct uw_journal_record *record, const char *path)
{
	return uw_record_is_from(record, path) && uw_journal_record_is_of_directory(record);
}

/* If a path was a directory that was removed or moved, also ask for what was in it. */
static int find_directories(struct search *s)
{
	size_t n = s->query.n_exact;
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++) {
		bool found = false;

		r = uw_reader_select_changes(s->reader, &s->query.exact[i], 1,
					     1u << UW_OP_RMDIR | 1u << UW_OP_MOVE |
						     1u << UW_OP_EXCHANGE);
		if (r >= 0)
			r = uw_reader_seek(s->reader, UINT64_MAX);
		while (r >= 0 && !found && (r = uw_reader_previous(s->reader)) > 0)
			found = uw_reader_read(s->reader, &s->found) >= 0 &&
				is_of_directory(&s->found, s->query.exact[i]);
		if (found)
			r = uw_query_widen(&s->query, i);
	}
	return r < 0 ? r : uw_query_seal(&s->query);
}

/*
 * Finds what became of each path, in case it went with a directory above it: the record of that
 * move is then part of the answer. Queries that take a scan, such as patterns, do without.
 */
static int find_above(struct search *s)
{
	int r = 0;

	if (s->query.n_wide)
		return 0;
	s->trail = calloc(s->query.n_exact, sizeof(*s->trail));
	if (!s->trail)
		return -ENOMEM;
	for (size_t i = 0; i < s->query.n_exact && r == 0; i++) {
		r = uw_query_add_above(&s->above, s->query.exact[i]);
		if (r == 0)
			r = uw_trail_find(&s->env, s->query.exact[i], &s->trail[i]);
	}
	return r < 0 ? r : uw_query_seal(&s->above);
}

/* The trail of a path that begins with this record, if that moved a directory above it, or NULL. */
static const struct uw_trail *trail_from_above(const struct search *s)
{
	struct uw_record_key key = uw_record_key_of(&s->found), first;

	for (size_t i = 0; s->trail && i < s->query.n_exact; i++) {
		const struct uw_trail *trail = &s->trail[i];

		if (!trail->n || !trail->step[0].above || !uw_trail_is_answer(trail))
			continue;
		first = uw_record_key_of(&trail->step[0].record);
		if (!uw_record_key_compare(&key, &first))
			return trail;
	}
	return NULL;
}

/*
 * The path that the record took a file from: one that was asked for, or else the record's own. NULL
 * if it took no file from there to another place, or if memory is short. The caller frees it.
 */
static char *moved_path(const struct search *s)
{
	struct uw_str from = uw_record_path_from(&s->found);
	char *path;

	for (size_t i = 0; i < s->query.n_exact; i++)
		if (uw_touch_of(&s->found, s->query.exact[i]).type == UW_TOUCH_MOVED)
			return strdup(s->query.exact[i]);
	if (!from.len || (uw_journal_record_is(&s->found, UW_JOURNAL_RECORD_OP, "rename") &&
			  !uw_query_covers(&s->query, from.s, from.len)))
		return NULL;
	path = strndup(from.s, from.len);
	if (path && uw_touch_of(&s->found, path).type == UW_TOUCH_MOVED)
		return path;
	free(path);
	return NULL;
}

static int add_paragraph(struct search *s)
{
	const struct uw_trail *above = trail_from_above(s);
	struct uw_trail trail = { 0 };
	char *path;
	int r = 0;

	if (s->n > 1)
		uw_buf_puts(&s->buf, "\n");
	uw_show_paragraph(&s->show, &s->found, &s->buf);
	if (above) {
		uw_show_trail(&s->show, above, &s->buf);
		return 0;
	}
	path = moved_path(s);
	if (path) {
		r = uw_trail_follow(&s->env, path, &s->found, &trail);
		if (r == 0)
			uw_show_trail(&s->show, &trail, &s->buf);
	}
	uw_trail_done(&trail);
	free(path);
	return r;
}

static int show(struct search *s, struct uw_reader *reader)
{
	bool direct = !s->trail || uw_reader_covers(reader, &s->query);
	int r = 0;

	if (uw_reader_read(reader, &s->found) < 0)
		return 0; /* a damaged record */
	if (!direct && (uw_reader_number(reader, &s->found.number) < 0 || !trail_from_above(s)))
		return 0;
	s->n++;
	if (s->options->json || s->options->brief)
		uw_add_record(s->options, &s->show, &s->found, false, &s->buf);
	else
		r = add_paragraph(s);
	return r < 0 ? r : uw_term_write(&s->buf);
}

/* The index finds exact paths. This machine's own journal is in the order of time. */
static int find_exact(struct search *s)
{
	struct uw_reader *reader = s->reader;
	int r = uw_reader_select(reader, s->above.exact, s->above.n_exact);

	if (r >= 0)
		r = uw_reader_seek_span(reader, s->options->since_us, s->options->until_us);
	while (r >= 0 && s->n < s->options->lines && (r = uw_reader_previous_in_span(reader)) > 0)
		r = show(s, reader);
	return r < 0 ? r : 0;
}

static int find_in_order(struct search *s)
{
	const struct uw_ctl_options *o = s->options;
	struct uw_reader *reader;
	struct uw_journal_scan *scan;
	int r = uw_journal_scan_open(s->reader, s->trail ? &s->above : &s->query, o->since_us,
				     o->until_us, &scan);

	if (r < 0)
		return r;
	while (r >= 0 && s->n < o->lines && (r = uw_journal_scan_previous(scan, &reader)) > 0)
		r = show(s, reader);
	uw_journal_scan_close(scan);
	return r < 0 ? r : 0;
}

static int search(struct search *s)
{
	int r = find_directories(s);

	if (r >= 0)
		r = find_above(s);
	if (r < 0)
		return uw_fail("cannot read the journal", r);
	s->show = uw_show_for(s->options, s->reader);
	if (!s->options->no_pager)
		uw_pager_open();
	r = uw_say_notes(s->options, s->reader);
	if (r >= 0)
		r = uw_say_floods(s->options, s->reader, &s->query);
	if (r >= 0)
		r = s->query.n_wide || !uw_reader_is_local(s->reader) ? find_in_order(s)
								      : find_exact(s);
	if (r < 0 && r != -EPIPE) {
		r = uw_fail("cannot read the journal", r);
	} else {
		if (!s->n)
			fprintf(stderr, "No such deletion or move is in the journal.\n");
		r = s->n ? UW_CTL_FOUND : UW_CTL_NOTHING;
	}
	uw_pager_close();
	return r;
}

int uw_cmd_who(const struct uw_ctl_options *options)
{
	struct search s = { .options = options };
	int status = UW_CTL_ERROR, r;

	if (uw_reader_open(options, &s.reader) < 0)
		return UW_CTL_ERROR;
	if (uw_reader_open(options, &s.second) < 0) {
		uw_reader_close(s.reader);
		return UW_CTL_ERROR;
	}
	s.env = uw_journal_history(s.second);
	r = build_query(&s);
	if (r == 0) {
		uw_buf_reset(&s.buf);
		status = search(&s);
	} else if (r != -EINVAL) {
		status = uw_fail("cannot search", r);
	}
	for (size_t i = 0; s.trail && i < s.query.n_exact; i++)
		uw_trail_done(&s.trail[i]);
	free(s.trail);
	uw_query_done(&s.query);
	uw_query_done(&s.above);
	uw_journal_record_done(&s.found);
	uw_buf_free(&s.buf);
	uw_reader_close(s.second);
	uw_reader_close(s.reader);
	return status;
}
