/* SPDX-License-Identifier: MIT */
/* The summary of a storm as journal fields, as a line of JSON, as a line for a person. Pure. */
#ifndef UW_SUMMARY_H
#define UW_SUMMARY_H

#include "record/format.h"
#include "record/storm.h"

/* A summary and what the daemon adds to it. Everything is borrowed. */
struct uw_summary_entry {
	const struct uw_summary *summary;
	uint64_t realtime_offset_ns; /* CLOCK_REALTIME less CLOCK_BOOTTIME */
	int priority;		     /* syslog priority */
	const char *const *rules;    /* names of the rules that asked for it */
	size_t n_rules;
	const char *user; /* name of the uid, or NULL */
};

/* How many deletions it stands for. */
uint64_t uw_summary_count(const struct uw_summary *summary);

/* As uw_format_journal(), uw_format_json() and uw_format_text(). */
void uw_summary_journal(const struct uw_summary_entry *entry, struct uw_buf *buf);
void uw_summary_json(const struct uw_summary_entry *entry, struct uw_buf *buf);
void uw_summary_text(const struct uw_summary_entry *entry, struct uw_buf *buf);

#endif
