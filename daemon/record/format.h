/* SPDX-License-Identifier: MIT */
/*
 * A record as journal fields, as a line of JSON, as a line for a person. One table says which fields
 * there are, what they are called and where they come from; all three outputs follow it. Pure.
 */
#ifndef UW_FORMAT_H
#define UW_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "record/record.h"

/* A record and what the daemon adds to it. Everything is borrowed. */
struct uw_entry {
	const struct uw_record *record;
	uint64_t time_ns;	  /* CLOCK_REALTIME of the return */
	int priority;		  /* syslog priority */
	const char *const *rules; /* names of the rules that asked for it */
	size_t n_rules;
	const char *user;	 /* name of the uid, or NULL */
	struct uw_str host_path; /* of the target in the host's tree, "" not known or not there */
	enum uw_detail detail;	 /* fields of a higher one are left out */
};

/*
 * Adds the fields of the entry in the journal's native protocol (see native.h). As with the other
 * two, buf->failed says afterwards whether there was memory for it.
 */
void uw_format_journal(const struct uw_entry *entry, struct uw_buf *buf);

/*
 * Adds the entry as one line of JSON, newline included. Keys are the journal's field names without
 * UNLINK_ in lower case; numbers are numbers; see uw_buf_add_json() for strings.
 */
void uw_format_json(const struct uw_entry *entry, struct uw_buf *buf);

/* Adds the entry as one line of text with the local time, newline included. */
void uw_format_text(const struct uw_entry *entry, struct uw_buf *buf);

/* Adds the local time, as text has it: nanoseconds since 1970. */
void uw_format_time(uint64_t time_ns, struct uw_buf *buf);

/* Adds the sentence that MESSAGE holds. */
void uw_format_message(const struct uw_entry *entry, struct uw_buf *buf);

/* The name of field i of the table, or NULL behind the last: for the tests of the documentation. */
const char *uw_format_field(size_t i);

/* The lowest enum uw_detail at which field i is written, or -EINVAL. */
int uw_format_field_detail(size_t i);

#endif
