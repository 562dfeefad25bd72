/* SPDX-License-Identifier: MIT */
/* The terminal, its width and its colours, and the pager. */
#ifndef UW_CTL_TERM_H
#define UW_CTL_TERM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Escape sequences, all of them "" where there are to be no colours. */
struct uw_style {
	const char *bold, *dim, *red, *green, *yellow, *off;
};

/*
 * Those for standard output: as $SYSTEMD_COLORS and $NO_COLOR have it, else by whether it is a
 * terminal.
 */
const struct uw_style *uw_term_style(void);

/* Columns and rows of standard output; 80 and 24 where that is not known. */
void uw_term_size(size_t *ret_columns, size_t *ret_rows);

/* Whether the locale has the characters of histograms. */
bool uw_term_utf8(void);

/*
 * Has standard output, and standard error if it is a terminal too, go through a pager, where
 * standard output is a terminal: that of $SYSTEMD_PAGER or $PAGER, otherwise less(1).
 * uw_pager_close() waits for its end. The style is to be asked for before.
 */
void uw_pager_open(void);
void uw_pager_close(void);

/*
 * Writes buf to standard output and empties it. Returns 0, or -errno: -EPIPE if the reader has
 * gone.
 */
int uw_term_write(struct uw_buf *buf);

#endif
