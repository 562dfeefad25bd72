// SPDX-License-Identifier: MIT
#include "output/output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/journal_fields.h"
#include "output/journal_socket.h"

/*
 * More than the largest record takes: nine strings of 4 KB, each byte of which JSON makes six of.
 */
#define RECORD_ROOM ((size_t)384 << 10)

/* Room that is kept for notes, such as those about a configuration with many mistakes. */
#define NOTES_ROOM ((size_t)64 << 10)

/* The size of standard error's queue, which gets only notes. */
#define STDERR_QUEUE ((size_t)256 << 10)

/* How long the daemon waits for its last notes when it ends. */
#define LAST_WORDS_MS 5000

struct uw_output {
	enum uw_output_format format;
	struct uw_spool *records;
	struct uw_spool *notes;		 /* NULL if notes go where the records go */
	struct uw_persistent persistent; /* of the notes */
	uint64_t notes_lost;		 /* as reported */
	struct uw_buf buf;
};

/* systemd.exec(5): JOURNAL_STREAM has device and inode of the stream. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	if (!stream || sscanf(stream, "%llu:%llu", &dev, &ino) != 2 || fstat(STDERR_FILENO, &st))
		return false;
	return st.st_dev == dev && st.st_ino == ino;
}

enum uw_output_format uw_output_choose(enum uw_output_format format)
{
	if (format != UW_OUTPUT_AUTO)
		return format;
	return stderr_is_journal() ? UW_OUTPUT_JOURNAL : UW_OUTPUT_TEXT;
}

int uw_output_new(enum uw_output_format format, struct uw_persistent *persistent,
		  struct uw_output **ret)
{
	struct uw_output *output = calloc(1, sizeof(*output));
	int r;

	if (!output)
		return -ENOMEM;
	output->format = format;
	if (format == UW_OUTPUT_JOURNAL) {
		r = uw_spool_to_journal(UW_JOURNAL_SOCKET, persistent, &output->records);
	} else {
		r = uw_spool_to_stream(STDOUT_FILENO, persistent, &output->records);
		if (r >= 0)
			r = uw_persistent_new(&output->persistent, STDERR_QUEUE);
		if (r >= 0)
			r = uw_spool_to_stream(STDERR_FILENO, &output->persistent, &output->notes);
	}
	if (r < 0) {
		uw_output_free(output);
		return r;
	}
	*ret = output;
	return 0;
}

void uw_output_free(struct uw_output *output)
{
	if (!output)
		return;
	if (output->records)
		uw_spool_drain(output->records, LAST_WORDS_MS, NULL);
	if (output->notes)
		uw_spool_drain(output->notes, LAST_WORDS_MS, NULL);
	uw_spool_free(output->records);
	uw_spool_free(output->notes);
	uw_persistent_done(&output->persistent);
	uw_buf_free(&output->buf);
	free(output);
}

/* Standard error may be closed while standard output is still read. */
static void on_stderr(int error, void *userdata)
{
	(void)error, (void)userdata;
}

int uw_output_attach(struct uw_output *output, sd_event *event, uw_spool_fn moved, void *userdata)
{
	int r = uw_spool_attach(output->records, event, moved, userdata);

	if (r >= 0 && output->notes)
		r = uw_spool_attach(output->notes, event, on_stderr, NULL);
	return r;
}

int uw_output_resize(struct uw_output *output, size_t queue_size)
{
	return uw_spool_resize(output->records, queue_size);
}

bool uw_output_sums_up(const struct uw_output *output)
{
	return output->format == UW_OUTPUT_JOURNAL;
}

bool uw_output_has_room(const struct uw_output *output)
{
	return uw_spool_fits(output->records, RECORD_ROOM + NOTES_ROOM);
}

/* The fields that libsystemd adds to every record. */
static void begin(struct uw_output *output)
{
	uw_buf_reset(&output->buf);
	if (output->format == UW_OUTPUT_JOURNAL)
		uw_journal_field_text(&output->buf, "SYSLOG_IDENTIFIER", "unlinkwatchd");
}

static int put(struct uw_output *output, struct uw_spool *spool, enum uw_kind kind, uint64_t weight)
{
	if (!output->buf.failed)
		return uw_spool_put(spool, kind, weight, output->buf.p, output->buf.len);
	uw_spool_lose(spool, kind, weight);
	return -ENOMEM;
}

int uw_output_write(struct uw_output *output, const struct uw_entry *entry)
{
	begin(output);
	switch (output->format) {
	case UW_OUTPUT_JOURNAL:
		uw_format_journal(entry, &output->buf);
		break;
	case UW_OUTPUT_JSON:
		uw_format_json(entry, &output->buf);
		break;
	case UW_OUTPUT_TEXT:
	case UW_OUTPUT_AUTO:
		uw_format_text(entry, &output->buf);
		break;
	}
	if (entry->summary)
		return put(output, output->records, UW_KIND_SUMMARY,
			   uw_summary_count(entry->summary));
	return put(output, output->records, UW_KIND_RECORD, 1);
}

int uw_output_flush(struct uw_output *output)
{
	if (output->notes)
		uw_spool_flush(output->notes);
	return uw_spool_flush(output->records);
}

int uw_output_drain(struct uw_output *output, unsigned int timeout_ms, void (*moving)(void))
{
	return uw_spool_drain(output->records, timeout_ms, moving);
}

const struct uw_spool_counts *uw_output_counts(const struct uw_output *output)
{
	return uw_spool_counts(output->records);
}

void uw_output_usage(const struct uw_output *output, size_t *ret_size, size_t *ret_used)
{
	uw_spool_usage(output->records, ret_size, ret_used);
}

void uw_output_trim(struct uw_output *output)
{
	uw_spool_trim(output->records);
}

/* Writes one note, on standard error its text alone. */
static int put_note(struct uw_output *output, const char *message_id, int priority,
		    const struct uw_buf *fields, struct uw_str text)
{
	begin(output);
	if (output->notes) {
		uw_buf_puts(&output->buf, "unlinkwatchd: ");
		uw_buf_add(&output->buf, text.s, text.len);
		uw_buf_puts(&output->buf, "\n");
	} else {
		uw_journal_field(&output->buf, "MESSAGE", text);
		if (message_id)
			uw_journal_field_text(&output->buf, "MESSAGE_ID", message_id);
		uw_journal_field_int(&output->buf, "PRIORITY", priority);
		if (fields)
			uw_buf_add(&output->buf, fields->p, fields->len);
	}
	return put(output, output->notes ? output->notes : output->records, UW_KIND_NOTE, 1);
}

/* Even the room for notes can be used up. The next note that fits reports the loss first. */
static void say_lost_notes(struct uw_output *output)
{
	struct uw_spool *spool = output->notes ? output->notes : output->records;
	uint64_t lost = uw_spool_counts(spool)->failed[UW_KIND_NOTE] - output->notes_lost;
	char text[64];
	int n;

	if (!lost || !uw_spool_fits(spool, NOTES_ROOM))
		return;
	n = snprintf(text, sizeof(text), "messages of this daemon that had no room: %" PRIu64,
		     lost);
	if (!put_note(output, NULL, LOG_WARNING, NULL, (struct uw_str){ text, (size_t)n }))
		output->notes_lost += lost;
}

static void note(struct uw_output *output, const char *message_id, int priority,
		 const struct uw_buf *fields, const char *format, va_list args)
{
	char *text;
	int n;

	/* journalctl filters by priority, a terminal cannot. */
	if (output->notes && priority == LOG_DEBUG)
		return;
	n = vasprintf(&text, format, args);
	if (n < 0)
		return;
	say_lost_notes(output);
	put_note(output, message_id, priority, fields, (struct uw_str){ text, (size_t)n });
	free(text);
	uw_spool_flush(output->notes ? output->notes : output->records);
}

void uw_output_note(struct uw_output *output, const char *message_id, int priority,
		    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	note(output, message_id, priority, NULL, format, args);
	va_end(args);
}

void uw_output_note_fields(struct uw_output *output, const char *message_id, int priority,
			   const struct uw_buf *fields, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	note(output, message_id, priority, fields, format, args);
	va_end(args);
}
