/* SPDX-License-Identifier: MIT */
/*
 * The text dialect of systemd's configuration files. Joins physical lines into logical ones and
 * splits values into words. Knows nothing of sections or keys. Pure.
 */
#ifndef UW_INI_H
#define UW_INI_H

#include <stddef.h>

#define UW_INI_SPACE	" \t\n\r"
#define UW_INI_LINE_MAX ((size_t)1 << 20) /* LONG_LINE_MAX of systemd */

/* Where a physical line begins within the logical one. */
struct uw_ini_piece {
	size_t offset;
	unsigned int line;
};

/* Set text and size, zero the rest; release with uw_ini_done(). */
struct uw_ini {
	const char *text;
	size_t size;
	size_t pos;
	unsigned int physical; /* number of the physical line read last, from 1 */
	char *line;	       /* the logical line read last: stripped, NUL terminated, writable */
	size_t len;
	struct uw_ini_piece *pieces;
	size_t n_pieces;
};

/*
 * Reads the next logical line that is neither empty nor a comment. A backslash at the end of a line
 * continues it: it becomes a space, and the leading space of the next line is dropped. Comment
 * lines in between are skipped.
 *
 * Returns 1; 0 at the end of the text; -EMSGSIZE for a line longer than UW_INI_LINE_MAX, which is
 * skipped; -EILSEQ at a NUL byte; -ENOMEM. uw_ini_first_line() is valid for each but 0 and -ENOMEM.
 */
int uw_ini_next(struct uw_ini *ini);

/* The number of the physical line on which the logical line begins, and of the one at p. */
unsigned int uw_ini_first_line(const struct uw_ini *ini);
unsigned int uw_ini_line_of(const struct uw_ini *ini, const char *p);

void uw_ini_done(struct uw_ini *ini);

/* Removes white space at both ends, in place. */
char *uw_ini_strip(char *text);

/* Splits a value into words. Set next to its beginning. */
struct uw_ini_words {
	char *next;  /* the rest of the value */
	char *start; /* where the word, quotes included, begins in the value */
	char *word;  /* without quotes and escapes, NUL terminated */
	char *fault; /* after an error: the quote or the backslash that caused it */
	char quote;  /* after -EBADMSG: which quote */
};

/*
 * Reads the next word as systemd's extract_first_word() does with UNQUOTE and CUNESCAPE: quotes may
 * stand anywhere in a word, and escapes work inside and outside of them. Works in place, and
 * overwrites the value up to the end of the word.
 *
 * Returns 1; 0 when nothing is left; -EBADMSG for a quote that is not closed; -EINVAL for an escape
 * that C does not have; -ERANGE for one that stands for NUL or for no character. After an error the
 * rest of the value is lost.
 */
int uw_ini_next_word(struct uw_ini_words *words);

#endif
