/* SPDX-License-Identifier: MIT */
/* Follows files through the journal: finds the records of a path, and looks at the files here. */
#ifndef UW_CTL_JOURNAL_HISTORY_H
#define UW_CTL_JOURNAL_HISTORY_H

#include "ctl/follow.h"
#include "ctl/reader.h"

/* The reader is borrowed, and forgets what it has selected. */
struct uw_follow_env uw_journal_history(struct uw_reader *reader);

#endif
