// SPDX-License-Identifier: MIT
#include "ctl/show.h"

#include <inttypes.h>
#include <string.h>

#include "ctl/timespec.h"

#define LABEL "    %-9s"

static void add_name(struct uw_buf *buf, const struct uw_journal_record *found,
		     enum uw_journal_record_field field)
{
	uw_buf_add_safe(buf, found->value[field], ",;()");
}

/* Adds text that needs no quotes, such as a number or a command line that is quoted already. */
void uw_show_text(struct uw_str text, struct uw_buf *buf)
{
	size_t start = buf->len;

	uw_buf_add_safe(buf, text, "");
	if (buf->failed || buf->len - start < 2 || buf->p[start] != '"')
		return;
	memmove(buf->p + start, buf->p + start + 1, buf->len - start - 2);
	buf->len -= 2;
}

static void add_uid(const struct uw_show *show, struct uw_buf *buf, uint64_t uid)
{
	const char *name = show->user ? show->user(uid) : NULL;

	if (name)
		uw_buf_add_safe(buf, (struct uw_str){ name, strlen(name) }, ",;()");
	else
		uw_buf_printf(buf, "uid %" PRIu64, uid);
}

static void begin(struct uw_buf *buf, const struct uw_show *show, const char *label)
{
	uw_buf_puts(buf, show->style->dim);
	uw_buf_printf(buf, LABEL, label);
	uw_buf_puts(buf, show->style->off);
}

/* With su or sudo, another user had logged in. */
static void add_user(const struct uw_show *show, const struct uw_journal_record *found,
		     struct uw_buf *buf)
{
	uint64_t uid = 0, euid, login, session;
	bool known = uw_journal_record_uint(found, UW_JOURNAL_RECORD_UID, &uid);

	begin(buf, show, "user");
	if (uw_journal_record_has(found, UW_JOURNAL_RECORD_USER))
		add_name(buf, found, UW_JOURNAL_RECORD_USER);
	else if (known)
		add_uid(show, buf, uid);
	else
		uw_buf_puts(buf, "not known");
	if (uw_journal_record_uint(found, UW_JOURNAL_RECORD_EUID, &euid) && known && euid != uid) {
		uw_buf_puts(buf, ", with the rights of ");
		add_uid(show, buf, euid);
	}
	if (uw_journal_record_uint(found, UW_JOURNAL_RECORD_LOGINUID, &login)) {
		uw_buf_puts(buf, known && login != uid ? show->style->bold : "");
		uw_buf_puts(buf, ", logged in as ");
		add_uid(show, buf, login);
		uw_buf_puts(buf, known && login != uid ? show->style->off : "");
	}
	if (uw_journal_record_uint(found, UW_JOURNAL_RECORD_SESSION, &session))
		uw_buf_printf(buf, " in session %" PRIu64, session);
	uw_buf_puts(buf, "\n");
}

static void add_process(const struct uw_show *show, const struct uw_journal_record *found,
			struct uw_buf *buf)
{
	uint64_t n;

	if (uw_journal_record_has(found, UW_JOURNAL_RECORD_CMDLINE)) {
		begin(buf, show, "command");
		uw_show_text(found->value[UW_JOURNAL_RECORD_CMDLINE], buf);
		uw_buf_puts(buf, "\n");
	}
	begin(buf, show, "process");
	add_name(buf, found, UW_JOURNAL_RECORD_COMM);
	if (uw_journal_record_uint(found, UW_JOURNAL_RECORD_PID, &n))
		uw_buf_printf(buf, ", pid %" PRIu64, n);
	if (uw_journal_record_uint(found, UW_JOURNAL_RECORD_PPID, &n))
		uw_buf_printf(buf, ", parent %" PRIu64, n);
	if (uw_journal_record_has(found, UW_JOURNAL_RECORD_EXE)) {
		uw_buf_puts(buf, ", ");
		add_name(buf, found, UW_JOURNAL_RECORD_EXE);
	}
	uw_buf_puts(buf, "\n");
}

static void add_unit(const struct uw_show *show, const struct uw_journal_record *found,
		     struct uw_buf *buf)
{
	bool container = uw_journal_record_has(found, UW_JOURNAL_RECORD_CONTAINER);

	if (!uw_journal_record_has(found, UW_JOURNAL_RECORD_UNIT) && !container)
		return;
	begin(buf, show, "unit");
	if (uw_journal_record_has(found, UW_JOURNAL_RECORD_UNIT))
		add_name(buf, found, UW_JOURNAL_RECORD_UNIT);
	if (container) {
		uw_buf_puts(buf, uw_journal_record_has(found, UW_JOURNAL_RECORD_UNIT)
					 ? ", container "
					 : "container ");
		add_name(buf, found, UW_JOURNAL_RECORD_CONTAINER);
	}
	uw_buf_puts(buf, "\n");
}

static void add_place(const struct uw_show *show, const struct uw_journal_record *found,
		      struct uw_buf *buf)
{
	if (uw_journal_record_has(found, UW_JOURNAL_RECORD_HOST_PATH)) {
		begin(buf, show, "on host");
		add_name(buf, found, UW_JOURNAL_RECORD_HOST_PATH);
		uw_buf_puts(buf, "\n");
	}
	if (uw_journal_record_has(found, UW_JOURNAL_RECORD_PATH_STATE) &&
	    !uw_journal_record_is(found, UW_JOURNAL_RECORD_PATH_STATE, "resolved")) {
		begin(buf, show, "path is");
		add_name(buf, found, UW_JOURNAL_RECORD_PATH_STATE);
		uw_buf_puts(buf, "; typed as ");
		add_name(buf, found, UW_JOURNAL_RECORD_FILENAME);
		uw_buf_puts(buf, "\n");
	}
}

static void add_file(const struct uw_show *show, const struct uw_journal_record *found,
		     struct uw_buf *buf)
{
	uint64_t n;

	if (!uw_journal_record_has(found, UW_JOURNAL_RECORD_INODE))
		return;
	begin(buf, show, "file");
	uw_buf_puts(buf, "inode ");
	add_name(buf, found, UW_JOURNAL_RECORD_INODE);
	if (uw_journal_record_has(found, UW_JOURNAL_RECORD_DEV)) {
		uw_buf_puts(buf, " on ");
		add_name(buf, found, UW_JOURNAL_RECORD_DEV);
	}
	if (uw_journal_record_uint(found, UW_JOURNAL_RECORD_SIZE, &n))
		uw_buf_printf(buf, ", %" PRIu64 " bytes", n);
	if (uw_journal_record_uint(found, UW_JOURNAL_RECORD_OWNER, &n)) {
		uw_buf_puts(buf, ", of ");
		add_uid(show, buf, n);
	}
	if (uw_journal_record_uint(found, UW_JOURNAL_RECORD_NLINK, &n) &&
	    !uw_journal_record_error(found)) {
		if (n)
			uw_buf_printf(buf, ", names left: %" PRIu64, n);
		else
			uw_buf_puts(buf, ", no name left");
	}
	uw_buf_puts(buf, "\n");
}

static void add_rules(const struct uw_show *show, const struct uw_journal_record *found,
		      struct uw_buf *buf)
{
	if (!found->n_rules)
		return;
	begin(buf, show, "rule");
	for (size_t i = 0; i < found->n_rules; i++) {
		uw_buf_puts(buf, i ? ", " : "");
		uw_buf_add_safe(buf, found->rule[i], ",");
	}
	uw_buf_puts(buf, "\n");
}

static void add_host(const struct uw_show *show, const struct uw_journal_record *found,
		     struct uw_buf *buf)
{
	if (!show->with_host || !uw_journal_record_has(found, UW_JOURNAL_RECORD_HOSTNAME))
		return;
	uw_buf_add_safe(buf, found->value[UW_JOURNAL_RECORD_HOSTNAME], ":");
	uw_buf_puts(buf, " ");
}

static void add_sentence(const struct uw_show *show, const struct uw_journal_record *found,
			 struct uw_buf *buf)
{
	bool failed = uw_journal_record_error(found),
	     unknown = uw_journal_record_is(found, UW_JOURNAL_RECORD_RET, "unknown");

	uw_buf_puts(buf, failed ? show->style->red : unknown ? show->style->yellow : "");
	if (uw_journal_record_has(found, UW_JOURNAL_RECORD_FLOOD_COUNT))
		uw_show_text(found->value[UW_JOURNAL_RECORD_MESSAGE], buf);
	else
		uw_journal_record_sentence(found, buf);
	uw_buf_puts(buf, failed || unknown ? show->style->off : "");
	uw_buf_puts(buf, "\n");
}

static void add_time(const struct uw_show *show, uint64_t us, struct uw_buf *buf)
{
	uw_buf_puts(buf, show->style->green);
	uw_timespec_add(buf, us);
	uw_buf_puts(buf, show->style->off);
}

void uw_show_line(const struct uw_show *show, const struct uw_journal_record *found,
		  struct uw_buf *buf)
{
	add_time(show, uw_journal_record_time(found), buf);
	uw_buf_puts(buf, " ");
	add_host(show, found, buf);
	add_sentence(show, found, buf);
}

void uw_show_paragraph(const struct uw_show *show, const struct uw_journal_record *found,
		       struct uw_buf *buf)
{
	uint64_t us = uw_journal_record_time(found);

	add_time(show, us, buf);
	if (us <= show->now_us) {
		uw_buf_puts(buf, ", ");
		uw_timespec_add_span(buf, show->now_us - us);
		uw_buf_puts(buf, " ago");
	}
	uw_buf_puts(buf, "\n    ");
	add_host(show, found, buf);
	add_sentence(show, found, buf);
	add_user(show, found, buf);
	add_process(show, found, buf);
	add_unit(show, found, buf);
	add_place(show, found, buf);
	add_file(show, found, buf);
	add_rules(show, found, buf);
}
