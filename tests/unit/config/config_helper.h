/* SPDX-License-Identifier: MIT */
/*
 * Helpers for tests that read configurations: users and groups that do not depend on the machine,
 * and a configuration as text, which tables of expected results can hold.
 */
#ifndef UW_TEST_CONFIG_HELPER_H
#define UW_TEST_CONFIG_HELPER_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"

static inline int fake_user(const char *name, uid_t *ret_uid)
{
	static const struct {
		const char *name;
		uid_t uid;
	} users[] = {
		{ "root", 0 },	    { "backup", 34 },  { "alice", 1000 },  { "bob", 1001 },
		{ "www-data", 33 }, { "na me", 1002 }, { "carol", 70000 }, { "1st", 1003 },
	};

	if (!strcmp(name, "ldap"))
		return -EIO;
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		if (!strcmp(users[i].name, name)) {
			*ret_uid = users[i].uid;
			return 0;
		}
	}
	return -ENOENT;
}

static inline int fake_group(const char *name, uid_t **ret_uids, size_t *ret_n)
{
	static const uid_t staff[] = { 1001, 5000, 1000, 1001, 1002 };

	if (!strcmp(name, "ldap"))
		return -EIO;
	if (!strcmp(name, "nobodies")) {
		*ret_uids = NULL;
		*ret_n = 0;
		return 0;
	}
	if (strcmp(name, "staff"))
		return -ENOENT;
	*ret_uids = malloc(sizeof(staff));
	assert_non_null(*ret_uids);
	memcpy(*ret_uids, staff, sizeof(staff));
	*ret_n = sizeof(staff) / sizeof(staff[0]);
	return 0;
}

static const struct uw_names fake_names = { .user = fake_user, .group = fake_group };

static inline void print_uids(FILE *f, const char *key, const struct uw_uids *uids)
{
	fprintf(f, " %s=", key);
	for (size_t i = 0; i < uids->n; i++) {
		fprintf(f, "%s%u", i ? "," : "", uids->range[i].first);
		if (uids->range[i].last != uids->range[i].first)
			fprintf(f, "-%u", uids->range[i].last);
	}
}

static inline void print_paths(FILE *f, const char *key, const struct uw_paths *paths)
{
	for (size_t i = 0; i < paths->n; i++)
		fprintf(f, " %s=%s", key, paths->path[i]);
}

static inline void print_rule(FILE *f, const struct uw_rule *rule)
{
	fprintf(f, "%s:", rule->name);
	print_paths(f, "Path", &rule->path);
	print_paths(f, "ExcludePath", &rule->exclude);
	if (!rule->user.any)
		print_uids(f, "User", &rule->user);
	if (rule->exclude_user.n > 0)
		print_uids(f, "ExcludeUser", &rule->exclude_user);
	for (size_t i = 0; i < rule->ancestor.n; i++)
		fprintf(f, " Ancestor=%s", rule->ancestor.comm[i]);
	if (rule->operations != UW_OPERATIONS_ALL)
		fprintf(f, " Operation=%s%s%s%s", rule->operations & 1u << UW_OP_UNLINK ? "u" : "",
			rule->operations & 1u << UW_OP_RMDIR ? "d" : "",
			rule->operations & 1u << UW_OP_RENAME ? "r" : "",
			rule->operations & 1u << UW_OP_MOVE ? "m" : "");
	if (rule->results != UW_RESULT_ANY)
		fprintf(f, " Result=%s",
			rule->results == UW_RESULT_SUCCESS ? "success" : "failure");
	if (rule->priority != UW_PRIORITY_DEFAULT)
		fprintf(f, " Priority=%d", rule->priority);
	fputc('\n', f);
}

/* One line a rule, then the keys of [Daemon]; what has its default is left out. */
static inline char *config_text(const struct uw_config *config)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	for (size_t i = 0; i < config->n_rules; i++)
		print_rule(f, &config->rules[i]);
	if (config->probe != UW_CHOOSE_AUTO)
		fprintf(f, "Probe=%s\n",
			config->probe == UW_CHOOSE_KPROBE   ? "kprobe"
			: config->probe == UW_CHOOSE_FENTRY ? "fentry"
							    : "tracepoint");
	if (config->detail != UW_DETAIL_STANDARD)
		fprintf(f, "Detail=%s\n", config->detail == UW_DETAIL_MINIMAL ? "minimal" : "full");
	if (!config->command_line)
		fprintf(f, "CommandLine=no\n");
	if (config->ring_size != UW_RING_SIZE_DEFAULT)
		fprintf(f, "RingBufferSize=%zu\n", config->ring_size);
	if (config->storm.burst != UW_BURST_DEFAULT)
		fprintf(f, "Burst=%u\n", config->storm.burst);
	if (config->storm.interval_s != UW_INTERVAL_DEFAULT)
		fprintf(f, "IntervalSec=%u\n", config->storm.interval_s);
	if (!config->storm.names)
		fprintf(f, "Names=no\n");
	if (config->queue_size != UW_QUEUE_SIZE_DEFAULT)
		fprintf(f, "QueueSize=%zu\n", config->queue_size);
	fclose(f);
	return text;
}

/* All mistakes, a line each. */
static inline char *errors_text(const struct uw_errors *errors)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	for (size_t i = 0; i < errors->n; i++)
		fprintf(f, "%s\n", errors->line[i]);
	fclose(f);
	return text;
}

/* The outcome of reading, as text: the configuration where r is 0, otherwise the mistakes. Frees
 * both. */
static inline char *outcome(int r, struct uw_config *config, struct uw_errors *errors)
{
	char *text;

	assert_true(r == 0 || r == -EINVAL);
	assert_int_equal(r == 0, errors->n == 0);
	text = r == 0 ? config_text(config) : errors_text(errors);
	uw_config_free(config);
	uw_errors_free(errors);
	return text;
}

static inline char *parse_outcome(const char *text, size_t size)
{
	struct uw_config *config = NULL;
	struct uw_errors errors;
	int r;

	r = uw_config_parse("conf", text, size, &fake_names, &config, &errors);
	return outcome(r, config, &errors);
}

#endif
