// SPDX-License-Identifier: MIT
#include "config/words.h"

#include <stddef.h>
#include <string.h>

#include "config/config.h"

const struct uw_word uw_operation_words[] = {
	{ "unlink", UW_OP_UNLINK },
	{ "rmdir", UW_OP_RMDIR },
	{ "rename", UW_OP_RENAME },
	{ "move", UW_OP_MOVE },
	{ 0 },
};

const struct uw_word uw_op_words[] = {
	{ "unlink", UW_OP_UNLINK }, { "rmdir", UW_OP_RMDIR },	    { "rename", UW_OP_RENAME },
	{ "move", UW_OP_MOVE },	    { "exchange", UW_OP_EXCHANGE }, { 0 },
};

const struct uw_word uw_result_words[] = {
	{ "success", 0 },
	{ "failure", 1 },
	{ 0 },
};

const struct uw_word uw_via_words[] = {
	{ "syscall", UW_VIA_SYSCALL },
	{ "io_uring", UW_VIA_IO_URING },
	{ "kernel", UW_VIA_KERNEL },
	{ 0 },
};

const struct uw_word uw_probe_words[] = {
	{ "auto", UW_CHOOSE_AUTO },
	{ "kprobe", UW_CHOOSE_KPROBE },
	{ "fentry", UW_CHOOSE_FENTRY },
	{ "tracepoint", UW_CHOOSE_TRACEPOINT },
	{ 0 },
};

const struct uw_word uw_detail_words[] = {
	{ "minimal", UW_DETAIL_MINIMAL },
	{ "standard", UW_DETAIL_STANDARD },
	{ "full", UW_DETAIL_FULL },
	{ 0 },
};

const struct uw_word uw_yes_no_words[] = {
	{ "yes", 1 }, { "no", 0 }, { "true", 1 }, { "false", 0 }, { "on", 1 },
	{ "off", 0 }, { "1", 1 },  { "0", 0 },	  { 0 },
};

const struct uw_word uw_auto_words[] = {
	{ "auto", 0 },
	{ 0 },
};

const struct uw_word uw_priority_words[] = {
	{ "emerg", 0 },	 { "alert", 1 }, { "crit", 2 },	 { "err", 3 }, { "warning", 4 },
	{ "notice", 5 }, { "info", 6 },	 { "debug", 7 }, { "0", 0 },   { "1", 1 },
	{ "2", 2 },	 { "3", 3 },	 { "4", 4 },	 { "5", 5 },   { "6", 6 },
	{ "7", 7 },	 { 0 },
};

bool uw_word_find(const struct uw_word *words, const char *word, int *ret)
{
	for (; words->word; words++) {
		if (strcmp(words->word, word))
			continue;
		*ret = words->value;
		return true;
	}
	return false;
}

const char *uw_word_of(const struct uw_word *words, int value)
{
	for (; words->word; words++)
		if (words->value == value)
			return words->word;
	return NULL;
}
