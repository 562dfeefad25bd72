/* SPDX-License-Identifier: MIT */
/* Follows files through the journal: finds the records of a path, and looks at the files here. */
#ifndef UW_CTL_JOURNAL_HISTORY_H
#define UW_CTL_JOURNAL_HISTORY_H

#include "ctl/follow.h"
#include "ctl/reader.h"

struct uw_journal_history;

/* The reader is borrowed, and forgets what it has selected. Returns 0 or -ENOMEM. */
int uw_journal_history_open(struct uw_reader *reader, struct uw_journal_history **ret);
void uw_journal_history_close(struct uw_journal_history *history);

struct uw_follow_env uw_journal_history_env(struct uw_journal_history *history);

/*
 * Whether a directory was ever removed from the path, or moved away. Returns 1, 0 or -errno.
 */
int uw_journal_history_had_directory(struct uw_journal_history *history, char *path);

#endif
