// SPDX-License-Identifier: MIT
/* Command line and exit status. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "config/words.h"
#include "helper/helper.h"
#include "manager.h"
#include "status/doctor.h"

static const char help[] =
	"Usage: unlinkwatchd [OPTION]...\n"
	"Record who deleted which file, and whether it worked.\n"
	"\n"
	"  -c, --config=FILE     read FILE and FILE.d/*.conf (" UW_CONFIG_FILE ")\n"
	"      --check-config [FILE]\n"
	"                        report every mistake in the configuration, and exit\n"
	"      --attach          attach probes for the daemon, as systemd has it; not for users\n"
	"      --doctor          say what this host lacks for it, try each probe, and exit\n"
	"  -p, --probe=PROBE     auto, kprobe, fentry or tracepoint, whatever Probe= says\n"
	"  -o, --output=OUTPUT   journal, json or text (journal under systemd, else text)\n"
	"  -h, --help            print this help, and exit\n"
	"  -V, --version         print the version, and exit\n"
	"\n"
	"Exit status: 0 stopped as asked, 1 failure, 64 wrong usage, 78 wrong configuration\n"
	"(1 with --check-config). With --doctor, 0: a probe works in full, 1: something is\n"
	"lacking. See unlinkwatchd(8) and unlinkwatch.conf(5).\n";

enum { OPT_CHECK_CONFIG = 256, OPT_ATTACH, OPT_DOCTOR };

static const struct uw_word outputs[] = {
	{ "journal", UW_OUTPUT_JOURNAL },
	{ "json", UW_OUTPUT_JSON },
	{ "text", UW_OUTPUT_TEXT },
	{ NULL, 0 },
};

static int choose(const struct uw_word *words, const char *option, const char *word)
{
	const struct uw_word *w;
	int value;

	if (uw_word_find(words, word, &value))
		return value;
	fprintf(stderr, "unlinkwatchd: %s: unknown value; choose one of:", option);
	for (w = words; w->word; w++)
		fprintf(stderr, " %s", w->word);
	fputc('\n', stderr);
	exit(EX_USAGE);
}

/* Prints every mistake. The caller frees *ret_config, which is NULL on failure. */
static int load_config(const struct uw_options *options, struct uw_config **ret_config)
{
	struct uw_errors errors = { 0 };
	size_t i;
	int r;

	*ret_config = NULL;
	r = uw_config_load(options->config, options->config_optional, &uw_names_system, ret_config,
			   &errors);
	for (i = 0; i < errors.n; i++)
		fprintf(stderr, "%s\n", errors.line[i]);
	if (r < 0 && r != -EINVAL)
		fprintf(stderr, "unlinkwatchd: %s: %s\n", options->config, strerror(-r));
	uw_errors_free(&errors);
	return r;
}

static int check_config(const struct uw_options *options)
{
	struct uw_config *config;
	int r = load_config(options, &config);

	uw_config_free(config);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int examine(const struct uw_options *options)
{
	struct uw_config *config;
	int r = load_config(options, &config);

	if (r < 0)
		return EX_CONFIG;
	r = uw_doctor(config, options->probe_set ? options->probe : UW_CHOOSE_AUTO,
		      options->output == UW_OUTPUT_JSON);
	uw_config_free(config);
	if (r < 0)
		fprintf(stderr, "unlinkwatchd: %s\n", strerror(-r));
	return r ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int help_daemon(void)
{
	int r = uw_helper_serve();

	if (r == -ENOTCONN)
		fputs("unlinkwatchd: --attach is for unlinkwatchd-attach@.service\n", stderr);
	else if (r < 0)
		fprintf(stderr, "unlinkwatchd: %s\n", strerror(-r));
	return r == -ENOTCONN ? EX_USAGE : r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int work(const struct uw_options *options)
{
	struct uw_manager *manager = NULL;
	int r, status = EXIT_FAILURE;

	r = uw_manager_new(options, &manager);
	if (r >= 0)
		r = uw_manager_start(manager);
	if (r >= 0)
		r = uw_manager_run(manager);
	if (r >= 0)
		status = EXIT_SUCCESS;
	else if (r == -EINVAL)
		status = EX_CONFIG;
	else if (r != -ENODEV)
		fprintf(stderr, "unlinkwatchd: %s\n", strerror(-r));
	uw_manager_free(manager);
	/* A look-up may hang in a thread: see uw_worker_free(). */
	_exit(status);
}

int main(int argc, char *argv[])
{
	static const struct option long_options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", no_argument, NULL, OPT_CHECK_CONFIG },
		{ "attach", no_argument, NULL, OPT_ATTACH },
		{ "doctor", no_argument, NULL, OPT_DOCTOR },
		{ "probe", required_argument, NULL, 'p' },
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct uw_options options = { .config = UW_CONFIG_FILE, .config_optional = true };
	bool attach = false, check = false, doctor = false;
	int c;

	while ((c = getopt_long(argc, argv, "c:p:o:hV", long_options, NULL)) != -1) {
		switch (c) {
		case 'c':
			options.config = optarg;
			options.config_optional = false;
			break;
		case OPT_CHECK_CONFIG:
			check = true;
			break;
		case OPT_ATTACH:
			attach = true;
			break;
		case OPT_DOCTOR:
			doctor = true;
			break;
		case 'p':
			options.probe =
				(enum uw_probe_choice)choose(uw_probe_words, "--probe", optarg);
			options.probe_set = true;
			break;
		case 'o':
			options.output = (enum uw_output_format)choose(outputs, "--output", optarg);
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_SUCCESS;
		case 'V':
			puts("unlinkwatchd " UW_VERSION);
			return EXIT_SUCCESS;
		default:
			fputs("Try 'unlinkwatchd --help'.\n", stderr);
			return EX_USAGE;
		}
	}
	if (check && optind < argc) {
		options.config = argv[optind++];
		options.config_optional = false;
	}
	if (optind < argc) {
		fprintf(stderr,
			"unlinkwatchd: unexpected argument '%s'; try 'unlinkwatchd --help'\n",
			argv[optind]);
		return EX_USAGE;
	}
	if (attach)
		return help_daemon();
	if (doctor)
		return examine(&options);
	return check ? check_config(&options) : work(&options);
}
