// SPDX-License-Identifier: MIT
/* unlinkwatchctl: asks the journal and the daemon. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "base/users.h"
#include "ctl/commands.h"
#include "ctl/timespec.h"

uint64_t uw_now_us(void)
{
	return uw_clock_ns(CLOCK_REALTIME) / 1000;
}

int uw_fail(const char *what, int error)
{
	fprintf(stderr, "unlinkwatchctl: %s: %s\n", what, strerror(-error));
	return UW_CTL_ERROR;
}

/* What a command waits for the names of users, in all. */
#define NAMES_NS (2 * UW_NS_PER_S)

static const char *user_name(uint64_t uid)
{
	static struct uw_users *users;

	if (!users && uw_users_new(uw_users_system, NAMES_NS, &users) < 0)
		return NULL;
	return uw_users_name(users, (uid_t)uid, uw_clock_ns(CLOCK_BOOTTIME));
}

struct uw_show uw_show_for(const struct uw_ctl_options *options, const struct uw_reader *reader)
{
	return (struct uw_show){
		.style = uw_term_style(),
		.with_host = options->directory || options->files || options->merge,
		.now_us = uw_now_us(),
		.user = uw_reader_is_local(reader) ? user_name : NULL,
	};
}

void uw_add_record(const struct uw_ctl_options *options, const struct uw_show *show,
		   const struct uw_journal_record *found, bool paragraph, struct uw_buf *buf)
{
	if (options->json)
		uw_journal_record_json(found, show->with_host, buf);
	else if (paragraph)
		uw_show_paragraph(show, found, buf);
	else
		uw_show_line(show, found, buf);
}

/* Raise the limit of open files: a journal may have more files than a shell's default allows. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char *argv[])
{
	static int (*const run[UW_CMD_MAX])(const struct uw_ctl_options *) = {
		[UW_CMD_WHO] = uw_cmd_who,     [UW_CMD_WHERE] = uw_cmd_where,
		[UW_CMD_TAIL] = uw_cmd_tail,   [UW_CMD_TOP] = uw_cmd_top,
		[UW_CMD_STATS] = uw_cmd_stats, [UW_CMD_STATUS] = uw_cmd_status,
		[UW_CMD_CHECK] = uw_cmd_check, [UW_CMD_METRICS] = uw_cmd_metrics,
	};
	struct uw_ctl_options options;
	int status;

	/* For the characters of the terminal; dates and numbers are the same everywhere. */
	setlocale(LC_CTYPE, "");
	raise_file_limit();
	if (!uw_ctl_options_parse(argc, argv, uw_now_us(), &options, &status))
		status = run[options.command](&options);
	uw_ctl_options_done(&options);
	return status;
}
