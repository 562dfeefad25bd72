// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/commands.h"
#include "ctl/journal_scan.h"
#include "ctl/resolve.h"

struct search {
	const struct uw_ctl_options *options;
	struct uw_reader *reader;
	struct uw_query query;
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

/* If a path was a removed directory, also ask for what was in it. */
static int find_directories(struct search *s)
{
	size_t n = s->query.n_exact;
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++) {
		r = uw_reader_select(s->reader, &s->query.exact[i], 1, true);
		if (r >= 0)
			r = uw_reader_seek(s->reader, UINT64_MAX);
		if (r >= 0)
			r = uw_reader_previous(s->reader);
		if (r > 0)
			r = uw_query_widen(&s->query, i);
	}
	return r < 0 ? r : uw_query_seal(&s->query);
}

static int show(struct search *s, struct uw_reader *reader)
{
	if (uw_reader_read(reader, &s->found) < 0)
		return 0; /* a damaged record */
	if (s->n++ && !s->options->json && !s->options->brief)
		uw_buf_puts(&s->buf, "\n");
	uw_add_record(s->options, &s->show, &s->found, !s->options->brief, &s->buf);
	return uw_term_write(&s->buf);
}

/* The index finds exact paths. This machine's own journal is in the order of time. */
static int find_exact(struct search *s)
{
	struct uw_reader *reader = s->reader;
	int r = uw_reader_select(reader, s->query.exact, s->query.n_exact, false);

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
	int r = uw_journal_scan_open(s->reader, &s->query, o->since_us, o->until_us, &scan);

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
			fprintf(stderr, "No such deletion is in the journal.\n");
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
	r = build_query(&s);
	if (r == 0) {
		uw_buf_reset(&s.buf);
		status = search(&s);
	} else if (r != -EINVAL) {
		status = uw_fail("cannot search", r);
	}
	uw_query_done(&s.query);
	uw_journal_record_done(&s.found);
	uw_buf_free(&s.buf);
	uw_reader_close(s.reader);
	return status;
}
