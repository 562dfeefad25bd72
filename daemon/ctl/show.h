/* SPDX-License-Identifier: MIT */
/* A record for a person's eyes: as a paragraph, as a line. Pure. */
#ifndef UW_CTL_SHOW_H
#define UW_CTL_SHOW_H

#include <stdint.h>

#include "ctl/follow.h"
#include "ctl/story.h"
#include "ctl/term.h"

struct uw_show {
	const struct uw_style *style;
	bool with_host;
	uint64_t now_us;
	/*
	 * The name of a user of this machine, or NULL; itself NULL for records of other machines.
	 */
	const char *(*user)(uint64_t uid);
};

/* Adds a paragraph with all that answers "who deleted this, when, how, did it work". */
void uw_show_paragraph(const struct uw_show *show, const struct uw_journal_record *found,
		       struct uw_buf *buf);

/* Adds a paragraph about the many names that a process deleted. */
void uw_show_story(const struct uw_show *show, const struct uw_story *story, struct uw_buf *buf);

/* Adds what is known of a record in one line. */
void uw_show_line(const struct uw_show *show, const struct uw_journal_record *found,
		  struct uw_buf *buf);

/* Adds what became of the file after the first step of the trail: lines of its paragraph. */
void uw_show_trail(const struct uw_show *show, const struct uw_trail *trail, struct uw_buf *buf);

/* Adds one line that says where the file is that was asked for, or how it ended. */
void uw_show_where(const struct uw_show *show, const struct uw_trail *trail, struct uw_buf *buf);

/*
 * Adds a message from outside as a line of its own, unquoted, with everything escaped that could
 * harm a terminal.
 */
void uw_show_text(struct uw_str text, struct uw_buf *buf);

#endif
