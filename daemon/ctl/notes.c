// SPDX-License-Identifier: MIT
/* Notes beside the answer: how much of the time asked about the journal covers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "ctl/commands.h"
#include "ctl/coverage.h"
#include "ctl/timespec.h"
#include "record/message_ids.h"

#define SHOWN	 5 /* of gaps and of losses, the newest */
#define LOSS_LEN 512

struct loss {
	uint64_t us;
	char text[LOSS_LEN];
};

struct notes {
	struct uw_coverage coverage;
	struct uw_mark *mark; /* newest first, while they are read */
	size_t n_marks;
	struct loss loss[SHOWN];
	size_t n_losses;
};

static int add_mark(struct notes *notes, enum uw_mark_type type, uint64_t us)
{
	if (!uw_array_room(notes->mark, notes->n_marks))
		return -ENOMEM;
	notes->mark[notes->n_marks++] = (struct uw_mark){ .type = type, .us = us };
	return 0;
}

static void add_loss(struct notes *notes, const struct uw_journal_record *found)
{
	struct uw_buf text = { 0 };
	struct loss *loss;

	if (notes->n_losses++ >= SHOWN)
		return;
	loss = &notes->loss[notes->n_losses - 1];
	uw_show_text(found->value[UW_JOURNAL_RECORD_MESSAGE], &text);
	loss->us = found->realtime_us;
	snprintf(loss->text, sizeof(loss->text), "%.*s", (int)text.len, text.p ?: "");
	uw_buf_free(&text);
}

/* systemd reports control processes of the unit, too. Only the main process counts. */
static bool is_main_process(const struct uw_journal_record *found)
{
	static const char text[] = "Main process";
	struct uw_str message = found->value[UW_JOURNAL_RECORD_MESSAGE];

	return message.s && memmem(message.s, message.len, text, sizeof(text) - 1);
}

static int add_note(struct notes *notes, const struct uw_journal_record *found)
{
	bool asked = found->realtime_us >= notes->coverage.since_us;

	if (uw_journal_record_is(found, UW_JOURNAL_RECORD_MESSAGE_ID, UW_ID_STARTED))
		return add_mark(notes, UW_MARK_STARTED, found->realtime_us);
	if (uw_journal_record_is(found, UW_JOURNAL_RECORD_MESSAGE_ID, UW_ID_CONTINUED))
		return add_mark(notes, UW_MARK_CONTINUED, found->realtime_us);
	if (uw_journal_record_is(found, UW_JOURNAL_RECORD_MESSAGE_ID, UW_ID_STOPPED))
		return add_mark(notes, UW_MARK_STOPPED, found->realtime_us);
	if (uw_journal_record_is(found, UW_JOURNAL_RECORD_MESSAGE_ID, UW_READER_ID_PROCESS_EXIT))
		return is_main_process(found) ? add_mark(notes, UW_MARK_DIED, found->realtime_us)
					      : 0;
	if (asked)
		add_loss(notes, found);
	return 0;
}

static bool is_start(const struct uw_mark *mark)
{
	return mark->type == UW_MARK_STARTED || mark->type == UW_MARK_CONTINUED;
}

/*
 * Reads back to the last start before the time asked about, which tells whether the daemon ran
 * then.
 */
static int read_notes(struct notes *notes, struct uw_reader *reader)
{
	struct uw_journal_record found = { 0 };
	int r;

	r = uw_reader_select_notes(reader);
	if (r >= 0)
		r = uw_reader_seek(reader, notes->coverage.until_us);
	while (r >= 0 && (r = uw_reader_previous(reader)) > 0) {
		if (uw_reader_read(reader, &found) < 0)
			continue; /* a damaged record */
		r = add_note(notes, &found);
		if (r < 0 || (notes->n_marks && found.realtime_us < notes->coverage.since_us &&
			      is_start(&notes->mark[notes->n_marks - 1])))
			break;
	}
	uw_journal_record_done(&found);
	return r < 0 ? r : 0;
}

static void reverse(struct notes *notes)
{
	for (size_t i = 0; i < notes->n_marks / 2; i++) {
		struct uw_mark mark = notes->mark[i];

		notes->mark[i] = notes->mark[notes->n_marks - 1 - i];
		notes->mark[notes->n_marks - 1 - i] = mark;
	}
}

/* The time of the daemon's last record up to us, or 0. */
static int last_alive(struct uw_reader *reader, uint64_t us, uint64_t *ret)
{
	int r = uw_reader_seek(reader, us);

	*ret = 0;
	if (r >= 0)
		r = uw_reader_previous(reader);
	if (r > 0)
		*ret = uw_reader_time(reader);
	return r < 0 ? r : 0;
}

/* If a start has no stop before it, the last record tells how long the previous daemon lived. */
static int complete(struct notes *notes, struct uw_reader *reader)
{
	struct uw_coverage *c = &notes->coverage;
	int r = uw_reader_select_source(reader);
	uint64_t last = 0;

	for (size_t i = 0; i < notes->n_marks && r >= 0; i++) {
		struct uw_mark *mark = &notes->mark[i];

		if (mark->type == UW_MARK_STARTED && (i == 0 || is_start(&notes->mark[i - 1])))
			r = last_alive(reader, mark->us - 1, &mark->alive_us);
	}
	if (r >= 0)
		r = last_alive(reader, c->until_us, &last);
	c->any = last > 0;
	/* It ended with the system at the latest: its last record is from before the boot.
	 */
	if (last && c->until_us == UINT64_MAX && uw_reader_is_local(reader) &&
	    !uw_reader_is_this_boot(reader))
		c->ended_us = last;
	c->mark = notes->mark;
	return r;
}

static void say(const struct uw_style *style, const char *text, size_t len)
{
	fprintf(stderr, "%s-- %.*s%s\n", style->yellow, (int)len, text, style->off);
}

static void say_gaps(const struct uw_gap *gaps, size_t n, const struct uw_style *style)
{
	struct uw_buf buf = { 0 };

	for (size_t i = 0; i < n && i < SHOWN; i++) {
		uw_buf_reset(&buf);
		uw_gap_describe(&gaps[n - 1 - i], &buf);
		say(style, buf.p ?: "", buf.len);
	}
	if (n > SHOWN) {
		uw_buf_reset(&buf);
		uw_buf_printf(&buf, "and %zu times before that", n - SHOWN);
		say(style, buf.p ?: "", buf.len);
	}
	uw_buf_free(&buf);
}

static void say_losses(const struct notes *notes, const struct uw_style *style)
{
	struct uw_buf buf = { 0 };

	for (size_t i = 0; i < notes->n_losses && i < SHOWN; i++) {
		uw_buf_reset(&buf);
		uw_timespec_add(&buf, notes->loss[i].us);
		uw_buf_printf(&buf, ": %s", notes->loss[i].text);
		say(style, buf.p ?: "", buf.len);
	}
	if (notes->n_losses > SHOWN) {
		uw_buf_reset(&buf);
		uw_buf_printf(&buf, "and %zu more reports of losses", notes->n_losses - SHOWN);
		say(style, buf.p ?: "", buf.len);
	}
	uw_buf_free(&buf);
}

int uw_say_notes(const struct uw_ctl_options *options, struct uw_reader *reader)
{
	struct notes notes = { .coverage = { .since_us = options->since_us,
					     .until_us = options->until_us,
					     .first_us = uw_reader_first(reader) } };
	const struct uw_style *style = uw_term_style();
	struct uw_gap *gaps = NULL;
	size_t n = 0;
	int r;

	if (uw_reader_hosts(reader) > 1) {
		static const char text[] = "the journals are of several hosts: whether each was "
					   "watched all the time takes --host=HOST";

		say(style, text, sizeof(text) - 1);
		return 0;
	}
	r = read_notes(&notes, reader);
	reverse(&notes);
	notes.coverage.n_marks = notes.n_marks;
	if (r >= 0)
		r = complete(&notes, reader);
	if (r >= 0)
		r = uw_coverage_gaps(&notes.coverage, &gaps, &n);
	if (r >= 0) {
		say_gaps(gaps, n, style);
		say_losses(&notes, style);
	}
	free(gaps);
	free(notes.mark);
	return r;
}

/* ---- storms */

struct storm {
	uint64_t us;
	char *dir; /* NULL: not known */
	char *text;
};

struct uw_storm_notes {
	struct storm *storm; /* the newest first */
	size_t n;
};

static void free_storm(struct storm *storm)
{
	free(storm->dir);
	free(storm->text);
}

int uw_storm_notes_add(struct uw_storm_notes **notes, const struct uw_journal_record *summary)
{
	struct uw_str dir = summary->value[UW_JOURNAL_RECORD_FLOOD_DIR];
	struct storm storm = { .us = summary->realtime_us };
	struct uw_buf text = { 0 };

	if (!*notes)
		*notes = calloc(1, sizeof(**notes));
	uw_show_text(summary->value[UW_JOURNAL_RECORD_MESSAGE], &text);
	uw_buf_add(&text, "", 1);
	storm.text = text.failed ? NULL : text.p;
	storm.dir = dir.s ? strndup(dir.s, dir.len) : NULL;
	if (!*notes || !storm.text || (dir.s && !storm.dir) ||
	    !uw_array_room((*notes)->storm, (*notes)->n)) {
		uw_buf_free(&text);
		free(storm.dir);
		return -ENOMEM;
	}
	(*notes)->storm[(*notes)->n++] = storm;
	return 0;
}

static void say_storm(const struct storm *storm, const struct uw_style *style)
{
	struct uw_buf buf = { 0 };

	uw_timespec_add(&buf, storm->us);
	uw_buf_puts(&buf, ": perhaps among others: ");
	uw_buf_puts(&buf, storm->text);
	say(style, buf.p ?: "", buf.len);
	uw_buf_free(&buf);
}

void uw_storm_notes_say(const struct uw_storm_notes *notes, const struct uw_query *query)
{
	const struct uw_style *style = uw_term_style();
	size_t n = 0;

	for (size_t i = 0; notes && i < notes->n; i++) {
		const struct storm *storm = &notes->storm[i];

		if (storm->dir && !uw_query_reaches(query, storm->dir, strlen(storm->dir)))
			continue;
		if (n++ < SHOWN)
			say_storm(storm, style);
	}
	if (n > SHOWN)
		fprintf(stderr, "%s-- and %zu more summaries%s\n", style->yellow, n - SHOWN,
			style->off);
}

void uw_storm_notes_done(struct uw_storm_notes *notes)
{
	for (size_t i = 0; notes && i < notes->n; i++)
		free_storm(&notes->storm[i]);
	if (notes)
		free(notes->storm);
	free(notes);
}
