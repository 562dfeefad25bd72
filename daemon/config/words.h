/* SPDX-License-Identifier: MIT */
/* The words for the values of enumerations, in the configuration, in options and in records. */
#ifndef UW_WORDS_H
#define UW_WORDS_H

#include <stdbool.h>

/* A table of words ends with NULL. */
struct uw_word {
	const char *word;
	int value;
};

extern const struct uw_word uw_operation_words[]; /* Operation=: bit numbers; see uw_rule_wants() */
extern const struct uw_word uw_op_words[];	  /* enum uw_op */
extern const struct uw_word uw_result_words[];	  /* bit numbers of enum uw_result */
extern const struct uw_word uw_via_words[];	  /* enum uw_via */
extern const struct uw_word uw_probe_words[];	  /* enum uw_probe_choice */
extern const struct uw_word uw_detail_words[];	  /* enum uw_detail */
extern const struct uw_word uw_auto_words[];	  /* 0 */
extern const struct uw_word uw_yes_no_words[];	  /* 1 or 0, as systemd writes them */
extern const struct uw_word uw_priority_words[];  /* of syslog(3), by name and by number */

/* Looks up the value of a word. False, with *ret untouched, if the table does not have the word. */
bool uw_word_find(const struct uw_word *words, const char *word, int *ret);

/* Returns the first word for the value, or NULL. */
const char *uw_word_of(const struct uw_word *words, int value);

#endif
