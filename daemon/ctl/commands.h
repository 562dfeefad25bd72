/* SPDX-License-Identifier: MIT */
/* The commands. Each says what it has to say, and returns the exit status. */
#ifndef UW_CTL_COMMANDS_H
#define UW_CTL_COMMANDS_H

#include "ctl/options.h"
#include "ctl/reader.h"
#include "ctl/show.h"

int uw_cmd_who(const struct uw_ctl_options *options);
int uw_cmd_tail(const struct uw_ctl_options *options);
int uw_cmd_top(const struct uw_ctl_options *options);
int uw_cmd_stats(const struct uw_ctl_options *options);
int uw_cmd_status(const struct uw_ctl_options *options);
int uw_cmd_check(const struct uw_ctl_options *options);
int uw_cmd_metrics(const struct uw_ctl_options *options);

/* ---- what they share */

/* Microseconds since 1970. */
uint64_t uw_now_us(void);

/* How records of this journal are shown. */
struct uw_show uw_show_for(const struct uw_ctl_options *options, const struct uw_reader *reader);

/* Adds the record as the options have it: a line of JSON, a line, or a paragraph. */
void uw_add_record(const struct uw_ctl_options *options, const struct uw_show *show,
		   const struct uw_journal_record *found, bool paragraph, struct uw_buf *buf);

/* Says on standard error that something failed. Returns UW_CTL_ERROR. */
int uw_fail(const char *what, int error);

/*
 * Says on standard error what the journal cannot know of the time that the options ask about: when
 * the daemon did not run, what it lost. Returns 0 or -errno.
 */
int uw_say_notes(const struct uw_ctl_options *options, struct uw_reader *reader);

/*
 * The same of the summaries that may stand for what the query asks about: who deletes a great deal
 * at once has no record of each. Returns 0 or -errno.
 */
int uw_say_floods(const struct uw_ctl_options *options, struct uw_reader *reader,
		  const struct uw_query *query);

#endif
