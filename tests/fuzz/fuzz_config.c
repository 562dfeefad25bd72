// SPDX-License-Identifier: MIT
/*
 * A configuration of any bytes: mistakes that can be printed, or rules that mean the same when they
 * are written down and read again, and that can be compiled.
 */
#include <errno.h>

#include "config/config_helper.h"
#include "rules/filter.h"
#include "fuzz.h"
#include "config/pattern.h"

static void check_errors(const struct uw_errors *errors)
{
	CHECK(errors->n > 0);
	for (size_t i = 0; i < errors->n; i++) {
		const char *line = errors->line[i], *message = strchr(line + 5, ' ');

		CHECK(!strncmp(line, "conf:", 5) && atoi(line + 5) > 0 && message);
		CHECK(is_printable(text(line)));
	}
}

static void check_paths(const struct uw_paths *paths)
{
	for (size_t i = 0; i < paths->n; i++) {
		char *again = string_of(text(paths->path[i]));
		const char *problem;

		CHECK(strlen(again) < UW_PATH_MAX);
		CHECK(uw_pattern_normalize(again, &problem) == 0 && !strcmp(again, paths->path[i]));
		free(again);
	}
}

static void check_uids(const struct uw_uids *uids)
{
	for (size_t i = 0; i < uids->n; i++)
		CHECK(uids->range[i].first <= uids->range[i].last &&
		      uids->range[i].last != UINT32_MAX);
}

static void write_paths(FILE *f, const char *key, const struct uw_paths *paths)
{
	for (size_t i = 0; i < paths->n; i++) {
		fprintf(f, "%s=", key);
		for (const char *s = paths->path[i]; *s; s++)
			fprintf(f, *s == '/' ? "/" : "\\x%02x", (unsigned char)*s);
		fputc('\n', f);
	}
}

static void write_uids(FILE *f, const char *key, const struct uw_uids *uids)
{
	/* Nobody at all can only be said with a group. */
	if (uids->n == 0 && !uids->any)
		fprintf(f, "%s=@nobodies\n", key);
	for (size_t i = 0; i < uids->n; i++)
		fprintf(f, "%s=%u-%u\n", key, uids->range[i].first, uids->range[i].last);
}

static void write_rule(FILE *f, const struct uw_rule *rule, size_t number)
{
	char name[16];

	snprintf(name, sizeof(name), "rule%zu", number);
	fprintf(f, "[Watch %s]\n", strcmp(rule->name, name) ? rule->name : "");
	write_paths(f, "Path", &rule->path);
	write_paths(f, "ExcludePath", &rule->exclude);
	write_uids(f, "User", &rule->user);
	write_uids(f, "ExcludeUser", &rule->exclude_user);
	/* With a group in it, a rule may well leave nothing to match. */
	fputs("ExcludeUser=@nobodies\n", f);
	fprintf(f, "Operation=%s %s %s %s\n", rule->operations & 1u << UW_OP_UNLINK ? "unlink" : "",
		rule->operations & 1u << UW_OP_RMDIR ? "rmdir" : "",
		rule->operations & 1u << UW_OP_RENAME ? "rename" : "",
		rule->operations & 1u << UW_OP_MOVE ? "move" : "");
	fprintf(f, "Result=%s %s\n", rule->results & UW_RESULT_SUCCESS ? "success" : "",
		rule->results & UW_RESULT_FAILURE ? "failure" : "");
	fprintf(f, "Priority=%d\n", rule->priority);
}

static char *write_config(const struct uw_config *config, size_t *ret_size)
{
	static const char *const probes[] = { [UW_CHOOSE_AUTO] = "auto",
					      [UW_CHOOSE_KPROBE] = "kprobe",
					      [UW_CHOOSE_TRACEPOINT] = "tracepoint" };
	static const char *const details[] = { "minimal", "standard", "full" };
	char *written = NULL;
	FILE *f = open_memstream(&written, ret_size);

	CHECK(f);
	fprintf(f, "[Daemon]\nProbe=%s\nDetail=%s\nCommandLine=%d\n", probes[config->probe],
		details[config->detail], config->command_line);
	if (config->ring_size)
		fprintf(f, "RingBufferSize=%zu\n", config->ring_size);
	for (size_t i = 0; i < config->n_rules; i++)
		write_rule(f, &config->rules[i], i + 1);
	fclose(f);
	return written;
}

static void check_again(const struct uw_config *config)
{
	struct uw_config *again = NULL;
	struct uw_errors errors;
	size_t size;
	char *written = write_config(config, &size), *first, *second;

	if (uw_config_parse("again", written, size, &fake_names, &again, &errors) < 0) {
		fprintf(stderr, "%s\n%s", errors.line[0], written);
		abort();
	}
	first = config_text(config);
	second = config_text(again);
	CHECK(!strcmp(first, second));
	uw_config_free(again);
	free(written);
	free(first);
	free(second);
}

static void check_config(const struct uw_config *config)
{
	struct uw_filter *filter;

	CHECK(config->n_rules > 0 && config->n_rules <= UW_RULES_MAX);
	/* 0: by the number of CPUs */
	CHECK(!config->ring_size ||
	      (config->ring_size >= 4096 && (config->ring_size & (config->ring_size - 1)) == 0));
	for (size_t i = 0; i < config->n_rules; i++) {
		const struct uw_rule *rule = &config->rules[i];

		CHECK(rule->operations && !(rule->operations & ~UW_OPERATIONS_ALL));
		CHECK(rule->results && !(rule->results & ~(unsigned int)UW_RESULT_ANY));
		CHECK(rule->priority >= 0 && rule->priority <= 7);
		CHECK(!rule->exclude_user.any);
		check_paths(&rule->path);
		check_paths(&rule->exclude);
		check_uids(&rule->user);
		check_uids(&rule->exclude_user);
	}
	CHECK(uw_filter_new(config, 1, NULL, &filter) == 0);
	uw_filter_free(filter);
	check_again(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct uw_config *config = NULL;
	struct uw_errors errors;
	char *bytes = copy_of(data, size);
	int r = uw_config_parse("conf", bytes, size, &fake_names, &config, &errors);

	CHECK(r == 0 || r == -EINVAL);
	if (r == 0) {
		CHECK(errors.n == 0);
		check_config(config);
	} else {
		CHECK(!config);
		check_errors(&errors);
	}
	uw_config_free(config);
	uw_errors_free(&errors);
	free(bytes);
	return 0;
}
