// SPDX-License-Identifier: MIT
#include "sink.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "journal.h"
#include "native.h"

/* More than the largest record takes: nine strings of 4 KB, each byte of which JSON makes six of. */
#define RECORD_ROOM ((size_t)384 << 10)

/* Kept for the daemon's own notes, as those about a configuration with many mistakes. */
#define NOTES_ROOM ((size_t)64 << 10)

/* Queue of standard error, which gets nothing but notes. */
#define STDERR_QUEUE ((size_t)256 << 10)

/* How long the end of the daemon waits for what it has said last. */
#define LAST_WORDS_MS 5000

struct uw_sink {
	enum uw_output output;
	struct uw_outlet *records;
	struct uw_outlet *notes; /* NULL where these go the way of the records */
	struct uw_ledger ledger; /* of the notes */
	uint64_t notes_lost;	 /* as reported */
	struct uw_buf buf;
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

enum uw_output uw_sink_choose(enum uw_output output)
{
	if (output != UW_OUTPUT_AUTO)
		return output;
	return stderr_is_journal() ? UW_OUTPUT_JOURNAL : UW_OUTPUT_TEXT;
}

int uw_sink_new(enum uw_output output, struct uw_ledger *ledger, struct uw_sink **ret)
{
	struct uw_sink *sink = calloc(1, sizeof(*sink));
	int r;

	if (!sink)
		return -ENOMEM;
	sink->output = output;
	if (output == UW_OUTPUT_JOURNAL) {
		r = uw_outlet_to_journal(UW_JOURNAL_SOCKET, ledger, &sink->records);
	} else {
		r = uw_outlet_to_stream(STDOUT_FILENO, ledger, &sink->records);
		if (r >= 0)
			r = uw_ledger_new(&sink->ledger, STDERR_QUEUE);
		if (r >= 0)
			r = uw_outlet_to_stream(STDERR_FILENO, &sink->ledger, &sink->notes);
	}
	if (r < 0) {
		uw_sink_free(sink);
		return r;
	}
	*ret = sink;
	return 0;
}

void uw_sink_free(struct uw_sink *sink)
{
	if (!sink)
		return;
	if (sink->records)
		uw_outlet_drain(sink->records, LAST_WORDS_MS, NULL);
	if (sink->notes)
		uw_outlet_drain(sink->notes, LAST_WORDS_MS, NULL);
	uw_outlet_free(sink->records);
	uw_outlet_free(sink->notes);
	uw_ledger_done(&sink->ledger);
	uw_buf_free(&sink->buf);
	free(sink);
}

/* Standard error may go away while standard output is read. */
static void on_stderr(int error, void *userdata)
{
	(void)error, (void)userdata;
}

int uw_sink_attach(struct uw_sink *sink, sd_event *event, uw_outlet_fn moved, void *userdata)
{
	int r = uw_outlet_attach(sink->records, event, moved, userdata);

	if (r >= 0 && sink->notes)
		r = uw_outlet_attach(sink->notes, event, on_stderr, NULL);
	return r;
}

int uw_sink_resize(struct uw_sink *sink, size_t queue_size)
{
	return uw_outlet_resize(sink->records, queue_size);
}

bool uw_sink_has_room(const struct uw_sink *sink)
{
	return uw_outlet_fits(sink->records, RECORD_ROOM + NOTES_ROOM);
}

/* What every record has; libsystemd would add it. */
static void begin(struct uw_sink *sink)
{
	uw_buf_reset(&sink->buf);
	if (sink->output == UW_OUTPUT_JOURNAL)
		uw_native_add_text(&sink->buf, "SYSLOG_IDENTIFIER", "unlinkwatchd");
}

static int put(struct uw_sink *sink, struct uw_outlet *outlet, enum uw_kind kind, uint64_t weight)
{
	if (!sink->buf.failed)
		return uw_outlet_put(outlet, kind, weight, sink->buf.p, sink->buf.len);
	uw_outlet_lose(outlet, kind, weight);
	return -ENOMEM;
}

int uw_sink_write(struct uw_sink *sink, const struct uw_entry *entry)
{
	begin(sink);
	switch (sink->output) {
	case UW_OUTPUT_JOURNAL:
		uw_format_journal(entry, &sink->buf);
		break;
	case UW_OUTPUT_JSON:
		uw_format_json(entry, &sink->buf);
		break;
	case UW_OUTPUT_TEXT:
	case UW_OUTPUT_AUTO:
		uw_format_text(entry, &sink->buf);
		break;
	}
	return put(sink, sink->records, UW_KIND_RECORD, 1);
}

int uw_sink_write_summary(struct uw_sink *sink, const struct uw_summary_entry *entry)
{
	begin(sink);
	switch (sink->output) {
	case UW_OUTPUT_JOURNAL:
		uw_summary_journal(entry, &sink->buf);
		break;
	case UW_OUTPUT_JSON:
		uw_summary_json(entry, &sink->buf);
		break;
	case UW_OUTPUT_TEXT:
	case UW_OUTPUT_AUTO:
		uw_summary_text(entry, &sink->buf);
		break;
	}
	return put(sink, sink->records, UW_KIND_SUMMARY, uw_summary_count(entry->summary));
}

int uw_sink_flush(struct uw_sink *sink)
{
	if (sink->notes)
		uw_outlet_flush(sink->notes);
	return uw_outlet_flush(sink->records);
}

int uw_sink_drain(struct uw_sink *sink, unsigned int timeout_ms, void (*moving)(void))
{
	return uw_outlet_drain(sink->records, timeout_ms, moving);
}

const struct uw_outlet_counts *uw_sink_counts(const struct uw_sink *sink)
{
	return uw_outlet_counts(sink->records);
}

void uw_sink_usage(const struct uw_sink *sink, size_t *ret_size, size_t *ret_used)
{
	uw_outlet_usage(sink->records, ret_size, ret_used);
}

void uw_sink_trim(struct uw_sink *sink)
{
	uw_outlet_trim(sink->records);
}

/* One note, which is text alone on standard error. */
static int put_note(struct uw_sink *sink, const char *message_id, int priority,
		    const struct uw_buf *fields, struct uw_str text)
{
	begin(sink);
	if (sink->notes) {
		uw_buf_puts(&sink->buf, "unlinkwatchd: ");
		uw_buf_add(&sink->buf, text.s, text.len);
		uw_buf_puts(&sink->buf, "\n");
	} else {
		uw_native_add(&sink->buf, "MESSAGE", text);
		if (message_id)
			uw_native_add_text(&sink->buf, "MESSAGE_ID", message_id);
		uw_native_add_int(&sink->buf, "PRIORITY", priority);
		if (fields)
			uw_buf_add(&sink->buf, fields->p, fields->len);
	}
	return put(sink, sink->notes ? sink->notes : sink->records, UW_KIND_NOTE, 1);
}

/* Even the room for notes may have been used up: the next one that has any says so first. */
static void say_lost_notes(struct uw_sink *sink)
{
	struct uw_outlet *outlet = sink->notes ? sink->notes : sink->records;
	uint64_t lost = uw_outlet_counts(outlet)->failed[UW_KIND_NOTE] - sink->notes_lost;
	char text[64];
	int n;

	if (!lost || !uw_outlet_fits(outlet, NOTES_ROOM))
		return;
	n = snprintf(text, sizeof(text), "messages of this daemon that had no room: %" PRIu64,
		     lost);
	if (!put_note(sink, NULL, LOG_WARNING, NULL, (struct uw_str){ text, (size_t)n }))
		sink->notes_lost += lost;
}

static void note(struct uw_sink *sink, const char *message_id, int priority,
		 const struct uw_buf *fields, const char *format, va_list args)
{
	char *text;
	int n;

	/* The journal's readers choose by priority, a terminal cannot. */
	if (sink->notes && priority == LOG_DEBUG)
		return;
	n = vasprintf(&text, format, args);
	if (n < 0)
		return;
	say_lost_notes(sink);
	put_note(sink, message_id, priority, fields, (struct uw_str){ text, (size_t)n });
	free(text);
	uw_outlet_flush(sink->notes ? sink->notes : sink->records);
}

void uw_sink_note(struct uw_sink *sink, const char *message_id, int priority, const char *format,
		  ...)
{
	va_list args;

	va_start(args, format);
	note(sink, message_id, priority, NULL, format, args);
	va_end(args);
}

void uw_sink_note_fields(struct uw_sink *sink, const char *message_id, int priority,
			 const struct uw_buf *fields, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	note(sink, message_id, priority, fields, format, args);
	va_end(args);
}
