/* SPDX-License-Identifier: MIT */
/* The words that enumerations have in the configuration, in options and in records. */
#ifndef UW_WORDS_H
#define UW_WORDS_H

#include <stdbool.h>

/* A table of these ends with a word that is NULL. */
struct uw_word {
	const char *word;
	int value;
};

extern const struct uw_word uw_op_words[];	 /* enum uw_op */
extern const struct uw_word uw_result_words[];	 /* bits of enum uw_result, by number */
extern const struct uw_word uw_via_words[];	 /* enum uw_via */
extern const struct uw_word uw_probe_words[];	 /* enum uw_probe_choice */
extern const struct uw_word uw_detail_words[];	 /* enum uw_detail */
extern const struct uw_word uw_priority_words[]; /* syslog's, by name and by number */

/* Finds the value of a word. False, with *ret untouched, where the table does not have the word. */
bool uw_word_find(const struct uw_word *words, const char *word, int *ret);

/* The first word of the value, or NULL. */
const char *uw_word_of(const struct uw_word *words, int value);

#endif
