// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/commands.h"
#include "ctl/journal_history.h"
#include "ctl/resolve.h"

struct where {
	const struct uw_ctl_options *options;
	struct uw_reader *reader;
	struct uw_journal_history *history;
	struct uw_follow_env env;
	struct uw_show show;
	struct uw_buf buf;
	size_t found;
};

/*
 * Adds the path of the file, with the links in its directory followed, and as it was typed. A name
 * without a slash is one in the working directory, and no character is special.
 */
static int add_paths(struct where *w, const char *arg, struct uw_query *query)
{
	char *cwd = uw_reader_is_local(w->reader) ? getcwd(NULL, 0) : NULL, *text = NULL;
	struct uw_query_env env = { .cwd = cwd, .resolve = cwd ? uw_resolve : NULL };
	const char *problem = NULL;
	int r = 0;

	if (!strchr(arg, '/') && *arg && asprintf(&text, "./%s", arg) < 0)
		r = -ENOMEM;
	if (r == 0)
		r = uw_query_add(query, text ?: arg, &env, &problem);
	if (r == -EINVAL) {
		uw_buf_reset(&w->buf);
		uw_show_text((struct uw_str){ arg, strlen(arg) }, &w->buf);
		fprintf(stderr, "unlinkwatchctl: %.*s: %s\n", (int)w->buf.len, w->buf.p ?: "",
			problem);
	}
	free(text);
	free(cwd);
	return r;
}

static void add_json_record(const struct where *w, const struct uw_journal_record *record,
			    struct uw_buf *buf)
{
	uw_journal_record_json(record, w->show.with_host, buf);
	if (buf->len)
		buf->len--; /* the newline */
}

static void add_json(const struct where *w, const struct uw_trail *trail, struct uw_buf *buf)
{
	static const char *const states[] = { [UW_TRAIL_NO_RECORD] = "unknown",
					      [UW_TRAIL_THERE] = "there",
					      [UW_TRAIL_REMOVED] = "removed",
					      [UW_TRAIL_REPLACED] = "replaced",
					      [UW_TRAIL_LOST] = "unknown" };
	static const char *const exists[] = { [UW_LOOK_UNKNOWN] = "null",
					      [UW_LOOK_THERE] = "true",
					      [UW_LOOK_OTHER] = "true",
					      [UW_LOOK_GONE] = "false" };
	size_t moves = uw_trail_moves(trail);

	uw_buf_puts(buf, "{\"asked\":");
	uw_buf_add_json(buf, (struct uw_str){ trail->asked, strlen(trail->asked) });
	uw_buf_printf(buf, ",\"exists\":%s,\"state\":\"%s\",\"path\":", exists[trail->asked_look],
		      states[trail->end]);
	if (uw_trail_is_answer(trail))
		uw_buf_add_json(buf, (struct uw_str){ uw_trail_path(trail),
						      strlen(uw_trail_path(trail)) });
	else
		uw_buf_puts(buf, "null");
	uw_buf_puts(buf, ",\"moves\":[");
	for (size_t i = 0; i < moves; i++) {
		uw_buf_puts(buf, i ? "," : "");
		add_json_record(w, &trail->step[i].record, buf);
	}
	uw_buf_puts(buf, "],\"end\":");
	if (moves < trail->n)
		add_json_record(w, &trail->step[moves].record, buf);
	else
		uw_buf_puts(buf, "null");
	uw_buf_puts(buf, "}\n");
}

static int answer(struct where *w, const char *arg)
{
	struct uw_query query = { 0 };
	struct uw_trail trail = { 0 };
	int r = add_paths(w, arg, &query);

	for (size_t i = 0; i < query.n_exact && r == 0 && !uw_trail_is_answer(&trail); i++) {
		uw_trail_done(&trail);
		r = uw_trail_find(&w->env, query.exact[i], &trail);
	}
	if (r == 0) {
		w->found += uw_trail_is_answer(&trail);
		if (w->options->json)
			add_json(w, &trail, &w->buf);
		else
			uw_show_where(&w->show, &trail, &w->buf);
		r = uw_term_write(&w->buf);
	}
	uw_trail_done(&trail);
	uw_query_done(&query);
	return r;
}

int uw_cmd_where(const struct uw_ctl_options *options)
{
	struct where w = { .options = options };
	int r = 0;

	if (uw_reader_open(options, &w.reader) < 0)
		return UW_CTL_ERROR;
	r = uw_journal_history_open(w.reader, &w.history);
	if (r == 0)
		w.env = uw_journal_history_env(w.history);
	w.show = uw_show_for(options, w.reader);
	for (size_t i = 0; i < options->n_args && r == 0; i++)
		r = answer(&w, options->args[i]);
	uw_buf_free(&w.buf);
	uw_journal_history_close(w.history);
	uw_reader_close(w.reader);
	if (r < 0 && r != -EPIPE)
		return r == -EINVAL ? UW_CTL_ERROR : uw_fail("cannot read the journal", r);
	return w.found ? UW_CTL_FOUND : UW_CTL_NOTHING;
}
