// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/commands.h"
#include "ctl/journal_history.h"
#include "ctl/records.h"
#include "ctl/resolve.h"

struct search {
	const struct uw_ctl_options *options;
	struct uw_reader *reader;
	struct uw_query query;
	struct uw_query above;	/* the exact paths, and all directories above them */
	struct uw_trail *trail; /* of each exact path */
	/* While the first reader steps from record to record, the second one follows files. */
	struct uw_reader *second;
	struct uw_journal_history *history;
	struct uw_follow_env env;
	struct uw_show show;
	struct uw_journal_record found;
	struct uw_buf buf;
	size_t n;		    /* found */
	size_t n_shown;		    /* paragraphs */
	struct uw_stories *stories; /* NULL: each name is shown */
	struct uw_storm_notes *storms;
	bool *answered;	 /* whether a successful record is of exact path i */
	size_t n_exact;	 /* of the query, as it was asked */
	size_t *arg_end; /* the exact paths of each argument end before this one */
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
		s->arg_end[i] = s->query.n_exact;
	}
	free(cwd);
	return r;
}

/* If a path was a directory that was removed or moved, also ask for what was in it. */
static int find_directories(struct search *s)
{
	size_t n = s->query.n_exact;
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++) {
		r = uw_journal_history_had_directory(s->history, s->query.exact[i]);
		if (r > 0)
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
static const struct uw_trail *trail_from_above(const struct search *s,
					       const struct uw_journal_record *record)
{
	struct uw_record_key key = uw_record_key_of(record), first;

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
static char *moved_path(const struct search *s, const struct uw_journal_record *record)
{
	struct uw_str from = uw_record_path_from(record);
	char *path;

	for (size_t i = 0; i < s->query.n_exact; i++)
		if (uw_touch_of(record, s->query.exact[i]).type == UW_TOUCH_MOVED)
			return strdup(s->query.exact[i]);
	if (!from.len || (uw_journal_record_is(record, UW_JOURNAL_RECORD_OP, "rename") &&
			  !uw_query_covers(&s->query, from.s, from.len)))
		return NULL;
	path = strndup(from.s, from.len);
	if (path && uw_touch_of(record, path).type == UW_TOUCH_MOVED)
		return path;
	free(path);
	return NULL;
}

static void separate(struct search *s)
{
	if (s->n_shown++)
		uw_buf_puts(&s->buf, "\n");
}

static int add_paragraph(struct search *s, struct uw_journal_record *record)
{
	const struct uw_trail *above = trail_from_above(s, record);
	struct uw_trail trail = { 0 };
	char *path;
	int r = 0;

	separate(s);
	uw_show_paragraph(&s->show, record, &s->buf);
	if (above) {
		uw_show_trail(&s->show, above, &s->buf);
		return 0;
	}
	path = moved_path(s, record);
	if (path) {
		r = uw_trail_follow(&s->env, path, record, &trail);
		if (r == 0)
			uw_show_trail(&s->show, &trail, &s->buf);
	}
	uw_trail_done(&trail);
	free(path);
	return r;
}

/* Notes which of the paths the record is the answer for, or the name if it is not NULL. */
static void note_answers(struct search *s, const struct uw_name *name)
{
	if (name ? name->failed && name->error : uw_journal_record_error(&s->found))
		return;
	for (size_t i = 0; i < s->n_exact; i++) {
		struct uw_query one = { .exact = &s->query.exact[i], .n_exact = 1 };

		if (!s->answered[i])
			s->answered[i] = name ? uw_name_is_at(name, *one.exact)
					      : uw_record_matches(&one, &s->found);
	}
}

/* Reports the summaries that may include more of the answer: of what no record is found for. */
static int say_storms(const struct search *s)
{
	struct uw_query open = { .wide = s->query.wide, .n_wide = s->query.n_wide };

	open.exact = calloc(s->n_exact ?: 1, sizeof(*open.exact));
	if (!open.exact)
		return -ENOMEM;
	for (size_t arg = 0, i = 0; arg < s->options->n_args; arg++) {
		size_t first = i;
		bool answered = false;

		for (; i < s->arg_end[arg]; i++)
			answered |= s->answered[i];
		for (size_t n = first; n < i && !answered; n++)
			open.exact[open.n_exact++] = s->query.exact[n];
	}
	uw_storm_notes_say(s->storms, &open);
	free(open.exact);
	return 0;
}

static int show_record(void *ctx, struct uw_journal_record *record)
{
	struct search *s = ctx;
	int r = 0;

	if (s->options->json || s->options->brief)
		uw_add_record(s->options, &s->show, record, false, &s->buf);
	else
		r = add_paragraph(s, record);
	return r < 0 ? r : uw_term_write(&s->buf);
}

static int show_story(void *ctx, const struct uw_story *story)
{
	struct search *s = ctx;

	separate(s);
	uw_show_story(&s->show, story, &s->buf);
	return uw_term_write(&s->buf);
}

/* A summary is not part of the answer, but may include more of it. */
static int take(struct search *s, uint64_t set)
{
	bool direct = !s->trail || uw_record_matches(&s->query, &s->found);

	if (uw_is_summary(&s->found))
		return uw_storm_notes_add(&s->storms, &s->found);
	if (!direct && !trail_from_above(s, &s->found))
		return 0;
	s->n++;
	note_answers(s, NULL);
	return s->stories ? uw_stories_add(s->stories, set, &s->found) : show_record(s, &s->found);
}

/* Most names of a story take no record. */
static bool take_name(struct search *s, const struct uw_name *name, uint64_t set)
{
	if (!s->stories || s->trail || !name || !uw_stories_add_name(s->stories, set, name))
		return false;
	s->n++;
	note_answers(s, name);
	return true;
}

static int take_next(struct search *s, struct uw_records *records)
{
	uint64_t set = 0;
	const struct uw_name *name = uw_records_name(records, &set);
	int r;

	if (take_name(s, name, set))
		return 0;
	r = uw_records_take(records, &s->found);
	return r < 0 ? r : take(s, set);
}

static int take_all(struct search *s, struct uw_journal_scan *scan)
{
	struct uw_records_options options = { .reader = s->reader,
					      .scan = scan,
					      .query = s->trail ? &s->above : &s->query,
					      .since_us = s->options->since_us,
					      .until_us = s->options->until_us,
					      .numbers = s->trail };
	struct uw_records *records = NULL;
	int r = uw_records_open(&options, &records);

	while (r >= 0 && s->n < s->options->lines && (r = uw_records_step(records)) > 0)
		r = take_next(s, records);
	if (r >= 0 && s->stories)
		r = uw_stories_end(s->stories);
	uw_records_close(records);
	return r < 0 ? r : 0;
}

/* The index finds exact paths. This machine's own journal is in the order of time. */
static int find_exact(struct search *s)
{
	int r = uw_reader_select(s->reader, s->above.exact, s->above.n_exact);

	return r < 0 ? r : take_all(s, NULL);
}

static int find_in_order(struct search *s)
{
	const struct uw_ctl_options *o = s->options;
	struct uw_journal_scan *scan;
	int r = uw_journal_scan_open(s->reader, s->trail ? &s->above : &s->query, o->since_us,
				     uw_records_until(o->until_us), &scan);

	if (r < 0)
		return r;
	r = take_all(s, scan);
	uw_journal_scan_close(scan);
	return r;
}

static bool tells_stories(const struct uw_ctl_options *o)
{
	return !o->json && !o->brief && !o->all && o->lines == UW_LINES_ALL;
}

static int search(struct search *s)
{
	int r = find_directories(s);

	if (r >= 0)
		r = find_above(s);
	if (r < 0)
		return uw_fail("cannot read the journal", r);
	s->show = uw_show_for(s->options, s->reader);
	if (tells_stories(s->options)) {
		struct uw_story_env env = { s, show_record, show_story };

		s->stories = uw_stories_new(&env);
		if (!s->stories)
			return uw_fail("cannot search", -ENOMEM);
	}
	if (!s->options->no_pager)
		uw_pager_open();
	r = uw_say_notes(s->options, s->reader);
	if (r >= 0)
		r = s->query.n_wide || !uw_reader_is_local(s->reader) ? find_in_order(s)
								      : find_exact(s);
	if (r >= 0)
		r = say_storms(s);
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

/* Two readers, and what they need. */
static int open_search(struct search *s)
{
	int r;

	if (uw_reader_open(s->options, &s->reader) < 0 ||
	    uw_reader_open(s->options, &s->second) < 0)
		return -EINVAL;
	r = uw_journal_history_open(s->second, &s->history);
	if (r < 0)
		return r;
	s->env = uw_journal_history_env(s->history);
	s->arg_end = calloc(s->options->n_args, sizeof(*s->arg_end));
	r = s->arg_end ? build_query(s) : -ENOMEM;
	if (r < 0)
		return r;
	s->n_exact = s->query.n_exact;
	s->answered = calloc(s->n_exact ?: 1, sizeof(*s->answered));
	return s->answered ? 0 : -ENOMEM;
}

static void close_search(struct search *s)
{
	for (size_t i = 0; s->trail && i < s->query.n_exact; i++)
		uw_trail_done(&s->trail[i]);
	free(s->trail);
	uw_stories_free(s->stories);
	free(s->answered);
	free(s->arg_end);
	uw_storm_notes_done(s->storms);
	uw_query_done(&s->query);
	uw_query_done(&s->above);
	uw_journal_record_done(&s->found);
	uw_buf_free(&s->buf);
	uw_journal_history_close(s->history);
	uw_reader_close(s->second);
	uw_reader_close(s->reader);
}

int uw_cmd_who(const struct uw_ctl_options *options)
{
	struct search s = { .options = options };
	int status = UW_CTL_ERROR, r = open_search(&s);

	if (r == 0) {
		uw_buf_reset(&s.buf);
		status = search(&s);
	} else if (r != -EINVAL) {
		status = uw_fail("cannot search", r);
	}
	close_search(&s);
	return status;
}
