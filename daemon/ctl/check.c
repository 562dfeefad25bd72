// SPDX-License-Identifier: MIT
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/commands.h"
#include "config/words.h"
#include "ctl/explain.h"
#include "ctl/resolve.h"
#include "rules/ruleset.h"

struct check {
	const struct uw_ctl_options *options;
	struct uw_rules rules;
	struct uw_filter_env env;
	uint32_t uid;
	struct uw_buf buf;
	size_t recorded;
};

/* Prints every mistake, as unlinkwatchd --check-config does. */
static int load(struct check *check)
{
	static const struct uw_ruleset empty;
	const char *file = check->options->config ?: UW_CONFIG_FILE;
	struct uw_errors errors = { 0 };
	int r;

	r = uw_ruleset_load(&empty, file, !check->options->config, &errors, &check->rules);
	for (size_t i = 0; i < errors.n; i++)
		fprintf(stderr, "%s\n", errors.line[i]);
	uw_errors_free(&errors);
	if (r == -EINVAL)
		return UW_CTL_NOTHING;
	return r < 0 ? uw_fail(file, r) : UW_CTL_FOUND;
}

static int find_user(struct check *check)
{
	const char *user = check->options->user;
	unsigned long n;
	char *end;
	uid_t uid;
	int r;

	check->uid = getuid();
	if (!user)
		return 0;
	errno = 0;
	n = strtoul(user, &end, 10);
	if (*user >= '0' && *user <= '9' && !*end && !errno && n < UINT32_MAX) {
		check->uid = (uint32_t)n;
		return 0;
	}
	r = uw_names_system.user(user, &uid);
	if (r < 0) {
		fprintf(stderr, "unlinkwatchctl: there is no such user: ");
		uw_show_text((struct uw_str){ user, strlen(user) }, &check->buf);
		fprintf(stderr, "%.*s\n", (int)check->buf.len, check->buf.p ?: "");
		return r;
	}
	check->uid = uid;
	return 0;
}

/*
 * The path that the kernel would find. A link that is the last component is not followed: it is
 * what would be removed.
 */
static char *true_path(const char *arg)
{
	char *whole = NULL, *parent = NULL, *real = NULL, *result = NULL, *cwd = NULL;
	char *slash;

	if (*arg == '/')
		whole = strdup(arg);
	else if ((cwd = getcwd(NULL, 0)) && asprintf(&whole, "%s/%s", cwd, arg) < 0)
		whole = NULL;
	free(cwd);
	if (!whole)
		return NULL;
	for (slash = whole + strlen(whole) - 1; slash > whole && *slash == '/'; slash--)
		*slash = '\0';
	slash = strrchr(whole, '/');
	parent = strndup(whole, slash == whole ? 1 : (size_t)(slash - whole));
	real = parent ? uw_resolve(parent) : NULL;
	if (real && asprintf(&result, "%s%s", strcmp(real, "/") ? real : "", slash) < 0)
		result = NULL;
	free(whole);
	free(parent);
	free(real);
	return result;
}

static void add_json(struct check *check, const struct uw_supposed *supposed, const char *rule,
		     const struct uw_verdict *verdict)
{
	struct uw_buf words = { 0 };

	uw_verdict_add(verdict, supposed, &words);
	uw_buf_puts(&check->buf, "{\"path\":");
	uw_buf_add_json(&check->buf, (struct uw_str){ supposed->path, strlen(supposed->path) });
	uw_buf_puts(&check->buf, ",\"rule\":");
	uw_buf_add_json(&check->buf, (struct uw_str){ rule, strlen(rule) });
	uw_buf_printf(&check->buf, ",\"records\":%s,\"reason\":",
		      verdict->type == UW_VERDICT_MATCH ? "true" : "false");
	uw_buf_add_json(&check->buf, (struct uw_str){ words.p ?: "", words.len });
	uw_buf_puts(&check->buf, "}\n");
	uw_buf_free(&words);
}

static void add_text(struct check *check, const struct uw_supposed *supposed, const char *rule,
		     const struct uw_verdict *verdict)
{
	const struct uw_style *style = uw_term_style();
	bool match = verdict->type == UW_VERDICT_MATCH;

	uw_buf_puts(&check->buf, "    ");
	uw_buf_add_safe(&check->buf, (struct uw_str){ rule, strlen(rule) }, ":");
	uw_buf_printf(&check->buf, " %s", match ? style->green : "");
	uw_verdict_add(verdict, supposed, &check->buf);
	uw_buf_printf(&check->buf, "%s\n", match ? style->off : "");
}

static void add_question(struct check *check, const struct uw_supposed *supposed)
{
	uw_buf_printf(&check->buf, "%s of ", uw_word_of(uw_op_words, (int)supposed->op));
	uw_buf_add_safe(&check->buf, (struct uw_str){ supposed->path, strlen(supposed->path) }, "");
	uw_buf_printf(&check->buf, " by uid %" PRIu32 ", %s:\n", supposed->uid,
		      supposed->success ? "with success" : "which fails");
}

static int explain(struct check *check, const char *arg)
{
	const struct uw_ctl_options *o = check->options;
	char *path = true_path(arg);
	struct uw_supposed supposed = { .path = path,
					.uid = check->uid,
					.op = o->operation_set ? o->operation : UW_OP_UNLINK,
					.success = o->results & UW_RESULT_SUCCESS };
	struct uw_verdict verdict;
	bool recorded = false;
	struct stat st;
	int r = path ? 0 : -ENOMEM;

	/* unlink(2) does not remove a directory. */
	if (r == 0 && !o->operation_set && lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
		supposed.op = UW_OP_RMDIR;
	if (r == 0 && !o->json)
		add_question(check, &supposed);
	for (size_t i = 0; i < check->rules.config->n_rules && r == 0; i++) {
		r = uw_explain(check->rules.filter, &check->env, i, &supposed, &verdict);
		if (r < 0)
			break;
		recorded |= verdict.type == UW_VERDICT_MATCH;
		(o->json ? add_json : add_text)(check, &supposed, check->rules.names[i], &verdict);
	}
	check->recorded += recorded;
	free(path);
	return r;
}

/* Says for each path whether it would be recorded. */
static int explain_all(struct check *check)
{
	int r;

	r = find_user(check);
	if (r < 0)
		return UW_CTL_ERROR;
	check->env = check->rules.filter->path_rules.env;
	uw_buf_reset(&check->buf);
	for (size_t i = 0; i < check->options->n_args && r == 0; i++)
		r = explain(check, check->options->args[i]);
	if (r < 0)
		return uw_fail("cannot check", r);
	uw_term_style(); /* before there is a pager */
	if (!check->options->no_pager)
		uw_pager_open();
	uw_term_write(&check->buf);
	uw_pager_close();
	return check->recorded == check->options->n_args ? UW_CTL_FOUND : UW_CTL_NOTHING;
}

int uw_cmd_check(const struct uw_ctl_options *options)
{
	struct check check = { .options = options };
	struct uw_ruleset none = { 0 };
	int status = load(&check);

	if (status == UW_CTL_FOUND && options->n_args)
		status = explain_all(&check);
	uw_ruleset_discard(&none, &check.rules);
	uw_buf_free(&check.buf);
	return status;
}
