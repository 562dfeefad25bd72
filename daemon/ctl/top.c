// SPDX-License-Identifier: MIT
/* A live table, drawn anew each second. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/commands.h"
#include "ctl/records.h"
#include "ctl/table.h"
#include "ctl/timespec.h"

#define REDRAW_NS UW_NS_PER_S

/* The alternate screen, without a cursor, and lines that are too long cut; and back. */
#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"

struct top {
	const struct uw_ctl_options *options;
	struct uw_reader *reader;
	struct uw_records *records;
	struct uw_counts counts[UW_BY_ERROR]; /* by all that can be switched to */
	enum uw_counts_by by;
	struct uw_totals totals;
	uint64_t since_us;
	uint64_t drawn_ns, recent_ns; /* recent_ns: how long `recent` counts for */
	struct termios saved;
	bool is_tty;
	int signals;
	struct uw_journal_record found;
	struct uw_buf buf, key;
};

/* ---- the terminal */

/* Keys come one by one; ^C stays a signal. */
static int enter(struct top *top)
{
	struct termios raw;

	top->is_tty = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	if (!top->is_tty || tcgetattr(STDIN_FILENO, &top->saved) < 0) {
		fprintf(stderr, "unlinkwatchctl: top takes a terminal; see tail and stats\n");
		return -ENOTTY;
	}
	raw = top->saved;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) < 0)
		return -errno;
	uw_buf_puts(&top->buf, ENTER);
	return uw_term_write(&top->buf);
}

static void leave(struct top *top)
{
	uw_buf_reset(&top->buf);
	uw_buf_puts(&top->buf, LEAVE);
	uw_term_write(&top->buf);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &top->saved);
}

/* Signals are read from a descriptor, so that the terminal is always restored. */
static int catch_signals(struct top *top)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(&set, numbers[i]);
	signal(SIGPIPE, SIG_IGN);
	/* ^Z would leave the terminal unrestored. */
	signal(SIGTSTP, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	top->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return top->signals < 0 ? -errno : 0;
}

/* ---- the table */

static void draw(struct top *top)
{
	const struct uw_style *style = uw_term_style();
	struct uw_table table = { .by = top->by, .style = style, .recent = true };
	uint64_t now_ns = uw_clock_ns(CLOCK_MONOTONIC);
	size_t columns, rows;

	uw_term_size(&columns, &rows);
	table.columns = columns;
	table.rows = rows > 5 ? rows - 5 : 1;
	if (top->options->lines < table.rows)
		table.rows = top->options->lines;
	table.span_ns = now_ns - top->recent_ns;
	uw_buf_puts(&top->buf, "\033[H");
	uw_totals_print(&top->totals, &top->buf);
	uw_buf_puts(&top->buf, ", in ");
	uw_timespec_add_span(&top->buf, uw_now_us() - top->since_us);
	uw_buf_puts(&top->buf, "\033[K\n");
	uw_buf_printf(
		&top->buf,
		"%sp%srocess  %su%sser  %ss%service unit  %sd%sirectory  %sq%suit\033[K\n\033[K\n",
		style->bold, style->off, style->bold, style->off, style->bold, style->off,
		style->bold, style->off, style->bold, style->off);
	uw_table_add(&table, &top->counts[top->by], &top->buf);
	uw_buf_puts(&top->buf, "\033[J");
	top->drawn_ns = now_ns;
}

static void forget(struct top *top)
{
	for (size_t i = 0; i < UW_BY_ERROR; i++)
		uw_counts_forget(&top->counts[i]);
	top->recent_ns = uw_clock_ns(CLOCK_MONOTONIC);
}

static int count(struct top *top)
{
	uint64_t failed, n;
	int r = 0;

	n = uw_totals_add(&top->totals, &top->found, &failed);
	for (size_t i = 0; i < UW_BY_ERROR && r == 0; i++) {
		enum uw_counts_by by = (enum uw_counts_by)i;

		r = uw_counts_add_record(&top->counts[i], &top->found, by, n, failed, &top->key);
	}
	return r;
}

/* Reads new records, for no longer than the screen may wait. */
static int read_new(struct top *top)
{
	uint64_t start = uw_clock_ns(CLOCK_MONOTONIC);
	int r = 1;

	while (r > 0 && uw_clock_ns(CLOCK_MONOTONIC) - start < REDRAW_NS / 2) {
		r = uw_records_next(top->records, &top->found);
		if (r > 0) {
			int counted = count(top);

			r = counted < 0 ? counted : r;
		}
	}
	return r;
}

/* ---- the loop */

/* Returns 1 if it is to end. */
static int on_key(struct top *top)
{
	char key;
	ssize_t n = read(STDIN_FILENO, &key, 1);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		return 1; /* the terminal has gone */
	if (n < 0)
		return 0;
	switch (key) {
	case 'p':
		top->by = UW_BY_PROCESS;
		break;
	case 'u':
		top->by = UW_BY_USER;
		break;
	case 's':
		top->by = UW_BY_UNIT;
		break;
	case 'd':
		top->by = UW_BY_DIRECTORY;
		break;
	case 'a':
		top->by = UW_BY_ANCESTOR;
		break;
	case 'q':
		return 1;
	default:
		return 0;
	}
	draw(top);
	return 0;
}

static int on_signal(struct top *top)
{
	struct signalfd_siginfo si;

	if (read(top->signals, &si, sizeof(si)) != sizeof(si))
		return 0;
	if (si.ssi_signo != SIGWINCH)
		return 1;
	uw_buf_puts(&top->buf, "\033[2J");
	draw(top);
	return 0;
}

static int loop(struct top *top)
{
	struct pollfd pfd[] = { { .fd = STDIN_FILENO, .events = POLLIN },
				{ .fd = top->signals, .events = POLLIN },
				{ .events = 0 } };
	uint64_t elapsed;
	int r, end = 0;

	pfd[2].fd = uw_reader_fd(top->reader, &pfd[2].events);
	if (pfd[2].fd < 0)
		return pfd[2].fd;
	for (;;) {
		int more = read_new(top);

		if (more < 0)
			return more;
		elapsed = uw_clock_ns(CLOCK_MONOTONIC) - top->drawn_ns;
		if (elapsed >= REDRAW_NS) {
			draw(top);
			forget(top);
			elapsed = 0;
		}
		r = uw_term_write(&top->buf);
		if (r < 0)
			return r;
		r = poll(pfd, 3, more ? 0 : (int)((REDRAW_NS - elapsed) / 1000000) + 1);
		if (r < 0 && errno != EINTR)
			return -errno;
		if (pfd[0].revents)
			end = on_key(top);
		if (!end && pfd[1].revents)
			end = on_signal(top);
		if (end)
			return 0;
		r = uw_reader_changed(top->reader);
		if (r < 0)
			return r;
	}
}

static int start(struct top *top)
{
	struct uw_records_options options = { .reader = top->reader,
					      .until_us = UINT64_MAX,
					      .forward = true };
	int r;

	top->since_us = top->options->since_set ? top->options->since_us : uw_now_us();
	top->by = top->options->by;
	options.since_us = top->since_us;
	r = uw_reader_select(top->reader, NULL, 0);
	if (r >= 0)
		r = uw_reader_seek(top->reader, top->since_us);
	return r < 0 ? r : uw_records_open(&options, &top->records);
}

int uw_cmd_top(const struct uw_ctl_options *options)
{
	struct top top = { .options = options, .signals = -EBADF };
	int r, status = UW_CTL_FOUND;

	if (uw_reader_open(options, &top.reader) < 0)
		return UW_CTL_ERROR;
	r = start(&top);
	if (r >= 0)
		r = catch_signals(&top);
	if (r >= 0)
		r = enter(&top);
	if (r >= 0) {
		forget(&top);
		r = loop(&top);
		leave(&top);
	}
	if (r < 0 && r != -ENOTTY)
		uw_fail("cannot go on", r);
	if (r < 0)
		status = UW_CTL_ERROR;
	if (top.signals >= 0)
		close(top.signals);
	for (size_t i = 0; i < UW_BY_ERROR; i++)
		uw_counts_done(&top.counts[i]);
	uw_records_close(top.records);
	uw_journal_record_done(&top.found);
	uw_buf_free(&top.buf);
	uw_buf_free(&top.key);
	uw_reader_close(top.reader);
	return status;
}
