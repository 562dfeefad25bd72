// SPDX-License-Identifier: MIT
#include "ctl/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/words.h"
#include "ctl/status_client.h"
#include "ctl/timespec.h"

#define BIT(command) (1u << UW_CMD_##command)
#define JOURNAL	     (BIT(WHO) | BIT(TAIL) | BIT(TOP) | BIT(STATS))
#define SOURCES	     (JOURNAL | BIT(WHERE))
#define ARGUMENTS    (BIT(WHO) | BIT(WHERE) | BIT(CHECK))
#define PAGED	     (BIT(WHO) | BIT(STATS) | BIT(STATUS) | BIT(CHECK))
#define ALL	     ((1u << UW_CMD_MAX) - 1)

#define OPERATIONS "unlink, rmdir, rename, move, exchange"

static const struct {
	const char *name, *args, *help;
} commands[UW_CMD_MAX] = {
	[UW_CMD_WHO] = { "who", "PATH...",
			 "show who deleted or moved PATH, when and how, newest first" },
	[UW_CMD_WHERE] = { "where", "FILE...", "say where FILE is now, or how it ended" },
	[UW_CMD_TAIL] = { "tail", "", "show deletions and moves as they happen" },
	[UW_CMD_TOP] = { "top", "", "show live who deletes and moves most" },
	[UW_CMD_STATS] = { "stats", "", "count by hour, user, unit, operation and so on" },
	[UW_CMD_STATUS] = { "status", "", "show what the daemon watches, recorded and lost" },
	[UW_CMD_CHECK] = { "check", "[PATH...]",
			   "check the configuration, and whether it records PATH" },
	[UW_CMD_METRICS] = { "metrics", "", "print the daemon's counters in OpenMetrics format" },
};

enum {
	OPT_FILE = 256,
	OPT_HOST,
	OPT_ANY_SOURCE,
	OPT_USER,
	OPT_RULE,
	OPT_UNDER,
	OPT_OP,
	OPT_FAILED,
	OPT_BRIEF,
	OPT_ALL,
	OPT_BY,
	OPT_JSON,
	OPT_NO_PAGER,
	OPT_SOCKET,
	OPT_TEXTFILE,
	OPT_OPERATION,
	OPT_RESULT,
};

static const struct option_def {
	const char *name;
	const char *arg; /* what --help calls its argument, NULL: it takes none */
	int letter;	 /* its short form, or one of the above */
	unsigned int commands;
	const char *help;
} options_table[] = {
	{ "since", "TIME", 'S', BIT(WHO) | BIT(TOP) | BIT(STATS),
	  "from TIME on: 2026-11-21 10:00, -1h, yesterday" },
	{ "until", "TIME", 'U', BIT(WHO) | BIT(STATS), "up to TIME" },
	{ "user", "USER", OPT_USER, JOURNAL | BIT(CHECK),
	  "of USER, a name or uid; who, tail, top, stats: also as logged in" },
	{ "unit", "UNIT", 'u', JOURNAL, "by processes of UNIT" },
	{ "rule", "RULE", OPT_RULE, JOURNAL, "that RULE asked for" },
	{ "under", "PROCESS", OPT_UNDER, JOURNAL, "by PROCESS, a name or pid, or below it" },
	{ "op", "OPERATION,...", OPT_OP, JOURNAL, "of these operations: " OPERATIONS },
	{ "failed", NULL, OPT_FAILED, JOURNAL, "failed attempts only" },
	{ "lines", "N", 'n', JOURNAL, "N at the most: records, rows" },
	{ "brief", NULL, OPT_BRIEF, BIT(WHO), "a line for each" },
	{ "all", NULL, OPT_ALL, BIT(WHO), "each of the many names that a process deleted" },
	{ "by", "WHAT", OPT_BY, BIT(TOP) | BIT(STATS),
	  "process, user, unit, directory or ancestor" },
	{ "directory", "DIR", 'D', SOURCES, "read the journal files in DIR" },
	{ "file", "FILE", OPT_FILE, SOURCES, "read a journal file; can be given again" },
	{ "merge", NULL, 'm', SOURCES, "read the journals of all hosts that are here" },
	{ "host", "HOST", OPT_HOST, SOURCES, "on HOST" },
	{ "any-source", NULL, OPT_ANY_SOURCE, SOURCES,
	  "whoever wrote the record, not only the daemon" },
	{ "config", "FILE", 'c', BIT(CHECK), "FILE and FILE.d/*.conf (" UW_CONFIG_FILE ")" },
	{ "operation", "OPERATION", OPT_OPERATION, BIT(CHECK), "unlink, rmdir, rename or move" },
	{ "result", "RESULT", OPT_RESULT, BIT(CHECK), "success or failure" },
	{ "socket", "SOCKET", OPT_SOCKET, BIT(STATUS) | BIT(METRICS), "ask the daemon at SOCKET" },
	{ "textfile", "FILE", OPT_TEXTFILE, BIT(METRICS), "write FILE for node_exporter" },
	{ "json", NULL, OPT_JSON, ALL & ~BIT(METRICS) & ~BIT(TOP), "lines of JSON" },
	{ "no-pager", NULL, OPT_NO_PAGER, PAGED, "do not pipe into a pager" },
	{ "help", NULL, 'h', ALL, "print this help, and exit" },
	{ "version", NULL, 'V', ALL, "print the version, and exit" },
};

#define N_OPTIONS (sizeof(options_table) / sizeof(options_table[0]))

static void print_option(const struct option_def *def)
{
	char left[32];

	if (def->letter < OPT_FILE)
		snprintf(left, sizeof(left), "-%c, --%s%s%s", def->letter, def->name,
			 def->arg ? "=" : "", def->arg ?: "");
	else
		snprintf(left, sizeof(left), "    --%s%s%s", def->name, def->arg ? "=" : "",
			 def->arg ?: "");
	printf("  %-25s %s\n", left, def->help);
}

static void print_help(const char *program, int command)
{
	if (command >= 0)
		printf("Usage: %s %s [OPTION]... %s\nPurpose: %s.\n\n", program,
		       commands[command].name, commands[command].args, commands[command].help);
	else
		printf("Usage: %s COMMAND [OPTION]... [PATH]...\n"
		       "Who deleted this file? Asks the records of unlinkwatchd.\n\n",
		       program);
	for (int i = 0; i < UW_CMD_MAX && command < 0; i++)
		printf("  %-7s %-17s %s\n", commands[i].name, commands[i].args, commands[i].help);
	if (command < 0)
		printf("\nOptions, each for some of these (COMMAND --help):\n");
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (command < 0 || options_table[i].commands >> command & 1)
			print_option(&options_table[i]);
	printf("\nExit status: 0 found, well; 1 nothing found, not well; 2 wrong usage, failure.\n"
	       "See unlinkwatchctl(1).\n");
}

static int find_command(const char *name)
{
	for (int i = 0; i < UW_CMD_MAX; i++)
		if (!strcmp(commands[i].name, name))
			return i;
	return -1;
}

/* Those that the command takes, in the forms that getopt_long(3) wants. Room for one more each. */
static void build(enum uw_command command, struct option *ret_long, char *ret_short)
{
	size_t n = 0;

	for (size_t i = 0; i < N_OPTIONS; i++) {
		const struct option_def *def = &options_table[i];

		if (!(def->commands >> command & 1))
			continue;
		ret_long[n++] = (struct option){ def->name,
						 def->arg ? required_argument : no_argument, NULL,
						 def->letter };
		if (def->letter < OPT_FILE) {
			*ret_short++ = (char)def->letter;
			if (def->arg)
				*ret_short++ = ':';
		}
	}
	ret_long[n] = (struct option){ 0 };
	*ret_short = '\0';
}

/* ---- values */

static int bad_value(const char *option, const char *value, const char *wanted)
{
	fprintf(stderr, "unlinkwatchctl: --%s: \"%s\" is not %s\n", option, value, wanted);
	return -EINVAL;
}

static int take_time(const char *option, const char *value, uint64_t now_us, bool *ret_set,
		     uint64_t *ret_us)
{
	if (uw_timespec_parse(value, now_us, ret_us) < 0)
		return bad_value(
			option, value,
			"a time; write it as \"2026-11-21 10:00:05\", \"10:00\", \"today\", "
			"\"-1h\" or \"2 hours ago\"");
	*ret_set = true;
	return 0;
}

/* Returns 0, or -EINVAL where the value is none of the words. */
static int take_word(const char *option, const char *value, const struct uw_word *words,
		     const char *wanted, int *ret)
{
	return uw_word_find(words, value, ret) ? 0 : bad_value(option, value, wanted);
}

static int take_lines(const char *value, size_t *ret)
{
	unsigned long n;
	char *end;

	if (!strcmp(value, "all")) {
		*ret = UW_LINES_ALL;
		return 0;
	}
	errno = 0;
	n = strtoul(value, &end, 10);
	if (errno || *end || *value < '0' || *value > '9')
		return bad_value("lines", value, "a number, or \"all\"");
	*ret = n;
	return 0;
}

static int take_file(struct uw_ctl_options *o, const char *value)
{
	const char **files = reallocarray(o->files, o->n_files + 2, sizeof(const char *));

	if (!files)
		return -ENOMEM;
	o->files = files;
	files[o->n_files++] = value;
	files[o->n_files] = NULL;
	return 0;
}

/* Those whose value is one of a few words. */
static int take_choice(struct uw_ctl_options *o, int letter, const char *text)
{
	static const struct uw_word bys[] = {
		{ "process", UW_BY_PROCESS },	{ "user", UW_BY_USER },
		{ "unit", UW_BY_UNIT },		{ "directory", UW_BY_DIRECTORY },
		{ "ancestor", UW_BY_ANCESTOR }, { 0 },
	};
	int value = 0, r = -EINVAL;

	switch (letter) {
	case OPT_BY:
		r = take_word("by", text, bys, "process, user, unit, directory or ancestor",
			      &value);
		o->by = (enum uw_counts_by)value;
		o->by_set = true;
		break;
	case OPT_OPERATION:
		r = take_word("operation", text, uw_operation_words,
			      "unlink, rmdir, rename or move", &value);
		o->operation = (enum uw_op)value;
		o->operation_set = true;
		break;
	case OPT_RESULT:
		r = take_word("result", text, uw_result_words, "success or failure", &value);
		o->results = 1u << value;
		break;
	}
	return r;
}

/* Adds the operations of a list with commas. */
static int take_operations(struct uw_ctl_options *o, const char *list)
{
	int r = 0;

	while (r == 0) {
		size_t len = strcspn(list, ",");
		char *word = strndup(list, len);
		int op = 0;

		r = word ? take_word("op", word, uw_op_words, OPERATIONS, &op) : -ENOMEM;
		free(word);
		if (r == 0)
			o->operations |= 1u << op;
		if (!list[len])
			break;
		list += len + 1;
	}
	return r;
}

static int take(struct uw_ctl_options *o, int letter, const char *value, uint64_t now_us)
{
	switch (letter) {
	case 'S':
		return take_time("since", value, now_us, &o->since_set, &o->since_us);
	case 'U':
		return take_time("until", value, now_us, &o->until_set, &o->until_us);
	case 'n':
		return take_lines(value, &o->lines);
	case OPT_FILE:
		return take_file(o, value);
	case OPT_BY:
	case OPT_OPERATION:
	case OPT_RESULT:
		return take_choice(o, letter, value);
	case OPT_OP:
		return take_operations(o, value);
	case 'u':
		o->unit = value;
		break;
	case 'D':
		o->directory = value;
		break;
	case 'm':
		o->merge = true;
		break;
	case 'c':
		o->config = value;
		break;
	case OPT_USER:
		o->user = value;
		break;
	case OPT_RULE:
		o->rule = value;
		break;
	case OPT_UNDER:
		o->under = value;
		break;
	case OPT_HOST:
		o->host = value;
		break;
	case OPT_ANY_SOURCE:
		o->any_source = true;
		break;
	case OPT_FAILED:
		o->failed = true;
		break;
	case OPT_BRIEF:
		o->brief = true;
		break;
	case OPT_ALL:
		o->all = true;
		break;
	case OPT_JSON:
		o->json = true;
		break;
	case OPT_NO_PAGER:
		o->no_pager = true;
		break;
	case OPT_SOCKET:
		o->socket = value;
		break;
	case OPT_TEXTFILE:
		o->textfile = value;
		break;
	}
	return 0;
}

/* ---- the whole */

static int check(const struct uw_ctl_options *o)
{
	const char *problem = NULL;

	if (o->command == UW_CMD_WHO && !o->n_args)
		problem = "what was deleted? Give a PATH";
	else if (o->command == UW_CMD_WHERE && !o->n_args)
		problem = "where is what? Give a FILE";
	else if (o->n_args && !(ARGUMENTS >> o->command & 1))
		problem = "takes no argument";
	else if (!!o->directory + !!o->files + o->merge > 1)
		problem = "--directory, --file and --merge exclude each other";
	else if (o->since_us > o->until_us)
		problem = "--since is after --until";
	if (!problem)
		return 0;
	fprintf(stderr, "unlinkwatchctl: %s: %s; try 'unlinkwatchctl %s --help'\n",
		commands[o->command].name, problem, commands[o->command].name);
	return -EINVAL;
}

static int parse_options(int argc, char *argv[], uint64_t now_us, struct uw_ctl_options *o,
			 int *ret_status)
{
	struct option long_options[N_OPTIONS + 1];
	char letters[2 * N_OPTIONS + 1];
	int c;

	build(o->command, long_options, letters);
	*ret_status = EXIT_SUCCESS;
	while ((c = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
		if (c == 'h') {
			print_help("unlinkwatchctl", (int)o->command);
			return 1;
		}
		if (c == 'V') {
			puts("unlinkwatchctl " UW_VERSION);
			return 1;
		}
		*ret_status = UW_CTL_ERROR;
		if (c == '?') {
			fprintf(stderr, "Try 'unlinkwatchctl %s --help'.\n",
				commands[o->command].name);
			return 1;
		}
		if (take(o, c, optarg, now_us) < 0)
			return 1;
	}
	o->args = argv + optind;
	o->n_args = (size_t)(argc - optind);
	*ret_status = UW_CTL_ERROR;
	return check(o) < 0;
}

int uw_ctl_options_parse(int argc, char *argv[], uint64_t now_us, struct uw_ctl_options *ret,
			 int *ret_status)
{
	int command = argc > 1 ? find_command(argv[1]) : -1;
	const char *word = argc > 1 ? argv[1] : "";

	*ret = (struct uw_ctl_options){
		.until_us = UINT64_MAX,
		.lines = UW_LINES_ALL,
		.by = UW_BY_PROCESS,
		.socket = UW_STATUS_CLIENT_SOCKET,
		.results = UW_RESULT_SUCCESS,
	};
	*ret_status = EXIT_SUCCESS;
	if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
		print_help("unlinkwatchctl", -1);
		return 1;
	}
	if (!strcmp(word, "--version") || !strcmp(word, "-V")) {
		puts("unlinkwatchctl " UW_VERSION);
		return 1;
	}
	if (command < 0) {
		fprintf(stderr, "unlinkwatchctl: %s; try 'unlinkwatchctl --help'\n",
			argc > 1 ? "the first argument is no command" : "which command?");
		*ret_status = UW_CTL_ERROR;
		return 1;
	}
	ret->command = (enum uw_command)command;
	argv[1] = argv[0]; /* what messages of getopt_long(3) begin with */
	return parse_options(argc - 1, argv + 1, now_us, ret, ret_status);
}

void uw_ctl_options_done(struct uw_ctl_options *options)
{
	free(options->files);
	options->files = NULL;
}
