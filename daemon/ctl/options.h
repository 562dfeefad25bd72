/* SPDX-License-Identifier: MIT */
/* The command line of unlinkwatchctl: one table of options, with the commands that take each. */
#ifndef UW_CTL_OPTIONS_H
#define UW_CTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "ctl/counts.h"

/* Exit statuses: as grep(1) has them. */
enum {
	UW_CTL_FOUND = 0,
	UW_CTL_NOTHING = 1,
	UW_CTL_ERROR = 2,
};

enum uw_command {
	UW_CMD_WHO,
	UW_CMD_WHERE,
	UW_CMD_TAIL,
	UW_CMD_TOP,
	UW_CMD_STATS,
	UW_CMD_STATUS,
	UW_CMD_CHECK,
	UW_CMD_METRICS,
	UW_CMD_MAX,
};

#define UW_LINES_ALL SIZE_MAX

struct uw_ctl_options {
	enum uw_command command;
	char **args; /* what is not an option, NULL at the end */
	size_t n_args;

	/* whose records */
	const char *directory;
	const char **files; /* NULL at the end; NULL: none given */
	size_t n_files;
	bool merge, any_source;
	const char *host;

	/* which records */
	bool since_set, until_set;
	uint64_t since_us, until_us; /* 0 and UINT64_MAX where not set */
	const char *user, *unit, *rule, *under;
	unsigned int operations; /* bits of enum uw_op; 0: any */
	bool failed;
	size_t lines; /* UW_LINES_ALL: not given */

	/* how they are shown */
	bool json, no_pager, brief, all;
	bool by_set;
	enum uw_counts_by by;

	/* of single commands */
	const char *config, *socket, *textfile;
	enum uw_op operation;
	bool operation_set;
	unsigned int results; /* enum uw_result */
};

/*
 * Reads the command line. Returns 0; or 1 with the exit status in *ret_status, after help or an
 * error message was printed. Strings belong to argv; release with uw_ctl_options_done().
 */
int uw_ctl_options_parse(int argc, char *argv[], uint64_t now_us, struct uw_ctl_options *ret,
			 int *ret_status);
void uw_ctl_options_done(struct uw_ctl_options *options);

#endif
