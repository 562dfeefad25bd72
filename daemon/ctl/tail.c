// SPDX-License-Identifier: MIT
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include "ctl/commands.h"

#define LINES	10   /* shown first, if no other number is asked for */
#define WAIT_MS 1000 /* at most, for journals where nothing tells of changes */

/*
 * Goes back by that many records, to the first one to show. Returns 1 if there is one, 0, or
 * -errno. libsystemd never steps forward from the end of an empty selection, but does from a time.
 */
static int go_back(const struct uw_ctl_options *options, struct uw_reader *reader)
{
	size_t lines = options->lines == UW_LINES_ALL ? LINES : options->lines, n = 0;
	uint64_t now_us = uw_now_us();
	int r = 1;

	while (n < lines && (r = uw_reader_previous(reader)) > 0)
		n++;
	if (r < 0)
		return r;
	if (!n)
		return uw_reader_seek(reader, now_us);
	return 1;
}

static int show(const struct uw_ctl_options *options, struct uw_reader *reader,
		const struct uw_show *how)
{
	struct uw_journal_record found = { 0 };
	struct uw_buf buf = { 0 };
	int r = uw_reader_read(reader, &found);

	if (r >= 0) {
		uw_add_record(options, how, &found, false, &buf);
		r = uw_term_write(&buf);
	} else {
		r = 0; /* a damaged record */
	}
	uw_journal_record_done(&found);
	uw_buf_free(&buf);
	return r;
}

static int follow(const struct uw_ctl_options *options, struct uw_reader *reader)
{
	struct uw_show how = uw_show_for(options, reader);
	/* Notice that the output has gone even if there is nothing to write. */
	struct pollfd pfd[2] = { { .events = 0 }, { .fd = 1 } };
	int r;

	pfd[0].fd = uw_reader_fd(reader, &pfd[0].events);
	if (pfd[0].fd < 0)
		return pfd[0].fd;
	r = uw_reader_select(reader, NULL, 0);
	if (r >= 0)
		r = uw_reader_seek(reader, UINT64_MAX);
	if (r >= 0)
		r = go_back(options, reader);
	if (r > 0)
		r = show(options, reader, &how);
	while (r >= 0) {
		while (r >= 0 && (r = uw_reader_next(reader)) > 0)
			r = show(options, reader, &how);
		if (r >= 0 && poll(pfd, 2, WAIT_MS) < 0)
			return -errno;
		if (pfd[1].revents & (POLLERR | POLLHUP))
			return 0;
		if (r >= 0)
			r = uw_reader_changed(reader);
	}
	return r;
}

int uw_cmd_tail(const struct uw_ctl_options *options)
{
	struct uw_reader *reader;
	int r, status = UW_CTL_FOUND;

	signal(SIGPIPE, SIG_IGN);
	if (uw_reader_open(options, &reader) < 0)
		return UW_CTL_ERROR;
	r = follow(options, reader);
	if (r < 0 && r != -EPIPE)
		status = uw_fail("cannot read the journal", r);
	uw_reader_close(reader);
	return status;
}
