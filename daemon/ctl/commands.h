/* SPDX-License-Identifier: MIT */
/* The commands. Each prints its answer and returns the exit status. */
#ifndef UW_CTL_COMMANDS_H
#define UW_CTL_COMMANDS_H

#include "ctl/options.h"
#include "ctl/reader.h"
#include "ctl/show.h"

int uw_cmd_who(const struct uw_ctl_options *options);
int uw_cmd_where(const struct uw_ctl_options *options);
int uw_cmd_tail(const struct uw_ctl_options *options);
int uw_cmd_top(const struct uw_ctl_options *options);
int uw_cmd_stats(const struct uw_ctl_options *options);
int uw_cmd_status(const struct uw_ctl_options *options);
int uw_cmd_check(const struct uw_ctl_options *options);
int uw_cmd_metrics(const struct uw_ctl_options *options);

/* ---- shared by the commands */

/* Microseconds since 1970. */
uint64_t uw_now_us(void);

/* How records of this journal are shown. */
struct uw_show uw_show_for(const struct uw_ctl_options *options, const struct uw_reader *reader);

/*
 * Adds the record in the form that the options ask for: a line of JSON, a line of text, or a
 * paragraph.
 */
void uw_add_record(const struct uw_ctl_options *options, const struct uw_show *show,
		   const struct uw_journal_record *found, bool paragraph, struct uw_buf *buf);

/* Reports a failure on standard error. Returns UW_CTL_ERROR. */
int uw_fail(const char *what, int error);

/*
 * Reports on standard error when, in the time that the options ask about, the daemon did not run,
 * and what it lost. Returns 0 or -errno.
 */
int uw_say_notes(const struct uw_ctl_options *options, struct uw_reader *reader);

/* Summaries of storms that may include what is asked about, for a report. NULL: none yet. */
struct uw_storm_notes;

/* Adds one. Returns 0 or -ENOMEM. */
int uw_storm_notes_add(struct uw_storm_notes **notes, const struct uw_journal_record *summary);

/* Reports on standard error those that may include what the query asks about. */
void uw_storm_notes_say(const struct uw_storm_notes *notes, const struct uw_query *query);
void uw_storm_notes_done(struct uw_storm_notes *notes);

#endif
