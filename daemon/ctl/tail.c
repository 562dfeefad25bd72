// SPDX-License-Identifier: MIT
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "ctl/commands.h"
#include "ctl/records.h"

#define LINES	10   /* shown first, if no other number is asked for */
#define WAIT_MS 1000 /* at most, for journals where nothing tells of changes */

struct tail {
	const struct uw_ctl_options *options;
	struct uw_reader *reader;
	struct uw_records *records;
	struct uw_show how;
	struct uw_buf buf;
};

static int show(struct tail *t, const struct uw_journal_record *record)
{
	uw_add_record(t->options, &t->how, record, false, &t->buf);
	return uw_term_write(&t->buf);
}

/* The last records, the newest first. */
struct last {
	struct uw_journal_record *record;
	size_t n;
};

/* Reads at most `lines`. Returns how many records of the journal that took, or -errno. */
static int read_back(struct tail *t, size_t lines, struct last *last)
{
	struct uw_records_options options = { .reader = t->reader, .until_us = UINT64_MAX };
	int r = lines ? uw_records_open(&options, &t->records) : 0, steps = 0;

	while (r >= 0 && last->n < lines && (r = uw_records_step(t->records)) > 0) {
		if (!uw_array_room(last->record, last->n)) {
			r = -ENOMEM;
			break;
		}
		last->record[last->n] = (struct uw_journal_record){ 0 };
		r = uw_records_take(t->records, &last->record[last->n++]);
	}
	if (t->records)
		steps = (int)uw_records_steps(t->records);
	uw_records_close(t->records);
	t->records = NULL;
	return r < 0 ? r : steps;
}

/*
 * Steps forward over what was read, so that new records come next. libsystemd never steps forward
 * from the end of an empty selection, but does from a time.
 */
static int go_on(struct tail *t, int steps, uint64_t now_us)
{
	int r = 1;

	if (!steps)
		return uw_reader_seek(t->reader, now_us);
	while (--steps && r > 0)
		r = uw_reader_next(t->reader);
	return r;
}

static int show_last(struct tail *t)
{
	size_t lines = t->options->lines == UW_LINES_ALL ? LINES : t->options->lines;
	uint64_t now_us = uw_now_us();
	struct last last = { 0 };
	int r = 0, steps = read_back(t, lines, &last);

	for (size_t i = last.n; i-- > 0 && steps >= 0 && r >= 0;)
		r = show(t, &last.record[i]);
	for (size_t i = 0; i < last.n; i++)
		uw_journal_record_done(&last.record[i]);
	free(last.record);
	if (steps < 0)
		return steps;
	return r < 0 ? r : go_on(t, steps, now_us);
}

/* Shows what there is by now. */
static int show_new(struct tail *t)
{
	struct uw_journal_record found = { 0 };
	int r;

	while ((r = uw_records_next(t->records, &found)) > 0 && (r = show(t, &found)) >= 0)
		;
	uw_journal_record_done(&found);
	return r;
}

static int follow(struct tail *t)
{
	struct uw_records_options options = { .reader = t->reader,
					      .until_us = UINT64_MAX,
					      .forward = true };
	/* Notice that the output has gone even if there is nothing to write. */
	struct pollfd pfd[2] = { { .events = 0 }, { .fd = 1 } };
	int r;

	pfd[0].fd = uw_reader_fd(t->reader, &pfd[0].events);
	if (pfd[0].fd < 0)
		return pfd[0].fd;
	r = uw_reader_select(t->reader, NULL, 0);
	if (r >= 0)
		r = show_last(t);
	if (r >= 0)
		r = uw_records_open(&options, &t->records);
	while (r >= 0) {
		r = show_new(t);
		if (r >= 0 && poll(pfd, 2, WAIT_MS) < 0)
			return -errno;
		if (pfd[1].revents & (POLLERR | POLLHUP))
			return 0;
		if (r >= 0)
			r = uw_reader_changed(t->reader);
	}
	return r;
}

int uw_cmd_tail(const struct uw_ctl_options *options)
{
	struct tail t = { .options = options };
	int r, status = UW_CTL_FOUND;

	signal(SIGPIPE, SIG_IGN);
	if (uw_reader_open(options, &t.reader) < 0)
		return UW_CTL_ERROR;
	t.how = uw_show_for(options, t.reader);
	r = follow(&t);
	if (r < 0 && r != -EPIPE)
		status = uw_fail("cannot read the journal", r);
	uw_records_close(t.records);
	uw_buf_free(&t.buf);
	uw_reader_close(t.reader);
	return status;
}
