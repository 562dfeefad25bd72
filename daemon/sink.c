// SPDX-License-Identifier: MIT
/* No CODE_FILE= and CODE_LINE= in every record: they say nothing about a deletion. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "sink.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

struct uw_sink {
	enum uw_output output;
	struct uw_buf buf;
	struct iovec iov[UW_FIELDS_MAX];
};

/* As sd_journal_stream_fd(3) and systemd.exec(5) have it: JOURNAL_STREAM names the stream's inode. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	if (!stream || sscanf(stream, "%llu:%llu", &dev, &ino) != 2 || fstat(STDERR_FILENO, &st))
		return false;
	return st.st_dev == dev && st.st_ino == ino;
}

int uw_sink_new(enum uw_output output, struct uw_sink **ret)
{
	struct uw_sink *sink = calloc(1, sizeof(*sink));

	if (!sink)
		return -ENOMEM;
	if (output == UW_OUTPUT_AUTO)
		output = stderr_is_journal() ? UW_OUTPUT_JOURNAL : UW_OUTPUT_TEXT;
	sink->output = output;
	*ret = sink;
	return 0;
}

void uw_sink_free(struct uw_sink *sink)
{
	if (!sink)
		return;
	uw_sink_flush(sink, NULL);
	uw_buf_free(&sink->buf);
	free(sink);
}

int uw_sink_write(struct uw_sink *sink, const struct uw_entry *entry)
{
	size_t n, before = sink->buf.len;
	int r;

	switch (sink->output) {
	case UW_OUTPUT_JOURNAL:
		r = uw_format_journal(entry, &sink->buf, sink->iov, &n);
		return r < 0 ? r : sd_journal_sendv(sink->iov, (int)n);
	case UW_OUTPUT_JSON:
		uw_format_json(entry, &sink->buf);
		break;
	case UW_OUTPUT_TEXT:
	case UW_OUTPUT_AUTO:
		uw_format_text(entry, &sink->buf);
		break;
	}
	if (sink->buf.failed) {
		sink->buf.len = before;
		sink->buf.failed = false;
		return -ENOMEM;
	}
	return 0;
}

static size_t count_lines(const char *text, size_t len)
{
	size_t lines = 0, i;

	for (i = 0; i < len; i++)
		lines += text[i] == '\n';
	return lines;
}

int uw_sink_flush(struct uw_sink *sink, size_t *ret_lost)
{
	size_t at = 0, lost = 0;
	ssize_t n;
	int r = 0;

	while (sink->output != UW_OUTPUT_JOURNAL && at < sink->buf.len) {
		n = write(STDOUT_FILENO, sink->buf.p + at, sink->buf.len - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			r = -errno;
			lost = count_lines(sink->buf.p + at, sink->buf.len - at);
			break;
		}
		at += (size_t)n;
	}
	uw_buf_reset(&sink->buf);
	if (ret_lost)
		*ret_lost = lost;
	return r;
}

void uw_sink_note(struct uw_sink *sink, const char *message_id, int priority, const char *format,
		  ...)
{
	va_list args;
	char *text;
	int r;

	va_start(args, format);
	r = vasprintf(&text, format, args);
	va_end(args);
	if (r < 0)
		return;
	if (sink->output != UW_OUTPUT_JOURNAL)
		fprintf(stderr, "unlinkwatchd: %s\n", text);
	else if (message_id)
		sd_journal_send("MESSAGE=%s", text, "MESSAGE_ID=%s", message_id, "PRIORITY=%d",
				priority, NULL);
	else
		sd_journal_send("MESSAGE=%s", text, "PRIORITY=%d", priority, NULL);
	free(text);
}
