// SPDX-License-Identifier: MIT
/*
 * Reads files and drop-ins, splits them into sections and assignments, and fills struct uw_config.
 * config_keys.c has the keys and their values, config_error.c collects the mistakes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "config/config_internal.h"

/* RingBufferSize=auto: */
#define RING_PER_CPU ((size_t)8 << 20)
#define RING_LEAST   ((size_t)16 << 20)
#define RING_MOST    ((size_t)64 << 20)

#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

static int draft_init(struct uw_draft *draft, const struct uw_names *names)
{
	*draft = (struct uw_draft){ .names = names, .config = uw_config_defaults };
	draft->rules = calloc(UW_RULES_MAX, sizeof(*draft->rules));
	return draft->rules ? 0 : -ENOMEM;
}

static void rule_done(struct uw_rule *rule)
{
	for (size_t i = 0; i < rule->path.n; i++)
		free(rule->path.path[i]);
	for (size_t i = 0; i < rule->exclude.n; i++)
		free(rule->exclude.path[i]);
	for (size_t i = 0; i < rule->ancestor.n; i++)
		free(rule->ancestor.comm[i]);
	free(rule->ancestor.comm);
	free(rule->path.path);
	free(rule->exclude.path);
	free(rule->user.range);
	free(rule->exclude_user.range);
	free(rule->name);
}

static void draft_done(struct uw_draft *draft)
{
	for (size_t i = 0; i < draft->n_rules; i++)
		rule_done(&draft->rules[i].rule);
	free(draft->rules);
	for (size_t i = 0; i < draft->n_files; i++)
		free(draft->files[i]);
	free(draft->files);
	for (size_t i = 0; i < draft->n_mistakes; i++)
		free(draft->mistakes[i].text);
	free(draft->mistakes);
}

static int draft_begin_file(struct uw_draft *draft, const char *name)
{
	if (!uw_array_room(draft->files, draft->n_files))
		return -ENOMEM;
	draft->files[draft->n_files] = strdup(name);
	if (!draft->files[draft->n_files])
		return -ENOMEM;
	draft->place = (struct uw_place){ .file = draft->n_files };
	draft->n_files++;
	draft->section = UW_SECTION_NONE;
	draft->rule = NULL;
	return 0;
}

const char *uw_section_name(enum uw_section section)
{
	switch (section) {
	case UW_SECTION_DAEMON:
		return "Daemon";
	case UW_SECTION_STORM:
		return "Storm";
	case UW_SECTION_NONE:
	case UW_SECTION_SKIPPED:
	case UW_SECTION_WATCH:
		break;
	}
	return "Watch";
}

static int draft_add_rule(struct uw_draft *draft, const char *name)
{
	struct uw_draft_rule *rule;

	if (draft->n_rules == UW_RULES_MAX) {
		draft->section = UW_SECTION_SKIPPED;
		return uw_draft_mistake(draft,
					"more than %d rules; merge some, as a rule takes many "
					"paths and users",
					UW_RULES_MAX);
	}
	rule = &draft->rules[draft->n_rules];
	*rule = (struct uw_draft_rule){ .rule = uw_rule_defaults };
	if (name) {
		rule->rule.name = strdup(name);
		if (!rule->rule.name)
			return -ENOMEM;
	}
	draft->n_rules++;
	draft->rule = rule;
	return 0;
}

/* A second section of the same name continues its rule. */
static int begin_named_rule(struct uw_draft *draft, const char *name)
{
	size_t len = strlen(name);

	if (len > UW_CONFIG_NAME_MAX || name[strspn(name, NAME_CHARS)] != '\0') {
		draft->section = UW_SECTION_SKIPPED;
		return uw_draft_mistake(draft,
					"\"%s\" is no name for a rule; use 1 to %d of the "
					"characters A-Z a-z 0-9 . _ -",
					UW_SHOWN(name), UW_CONFIG_NAME_MAX);
	}
	if (!strncmp(name, "rule", 4) && len > 4 && strspn(name + 4, "0123456789") == len - 4) {
		draft->section = UW_SECTION_SKIPPED;
		return uw_draft_mistake(draft,
					"\"%s\" is what a rule without a name is called; choose "
					"another name",
					UW_SHOWN(name));
	}
	for (size_t i = 0; i < draft->n_rules; i++) {
		if (draft->rules[i].rule.name && !strcmp(draft->rules[i].rule.name, name)) {
			draft->rule = &draft->rules[i];
			return 0;
		}
	}
	return draft_add_rule(draft, name);
}

static int unknown_section(struct uw_draft *draft, const char *word, const char *rest)
{
	static const char *const known[] = { "Watch", "Daemon", "Storm" };
	const char *space = *rest ? " " : "";

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (uw_looks_like(word, known[i]))
			return uw_draft_mistake(draft,
						"unknown section [%s%s%s]; did you mean [%s%s%s]?",
						UW_SHOWN(word), space, UW_SHOWN(rest), known[i],
						space, UW_SHOWN(rest));
	return uw_draft_mistake(draft,
				"unknown section [%s%s%s]; known are [Watch], [Watch NAME], "
				"[Daemon] and [Storm]",
				UW_SHOWN(word), space, UW_SHOWN(rest));
}

/* The line begins with a bracket. Modifies it. */
static int begin_section(struct uw_draft *draft, char *line)
{
	char *word, *rest;
	size_t len = strlen(line);

	draft->rule = NULL;
	draft->section = UW_SECTION_SKIPPED;
	if (line[len - 1] != ']')
		return uw_draft_mistake(draft, "a section begins with [ and ends with ]; a comment "
					       "takes a line of its own");
	line[len - 1] = '\0';
	word = uw_ini_strip(line + 1);
	rest = word + strcspn(word, UW_INI_SPACE);
	if (*rest)
		*rest++ = '\0';
	rest = uw_ini_strip(rest);
	if (!strcmp(word, "Watch")) {
		draft->section = UW_SECTION_WATCH;
		return *rest ? begin_named_rule(draft, rest) : draft_add_rule(draft, NULL);
	}
	if (!strcmp(word, "Daemon"))
		draft->section = UW_SECTION_DAEMON;
	else if (!strcmp(word, "Storm") || !strcmp(word, "Flood"))
		draft->section = UW_SECTION_STORM;
	else
		return unknown_section(draft, word, rest);
	if (*rest)
		return uw_draft_mistake(draft, "section [%s] takes no name; write [%s]", word,
					word);
	return 0;
}

static int take_assignment(struct uw_draft *draft, const struct uw_ini *ini)
{
	char *equals = strchr(ini->line, '='), *key, *value;

	if (draft->section == UW_SECTION_SKIPPED)
		return 0;
	if (!equals)
		return uw_draft_mistake(draft,
					"\"%s\" is neither KEY=VALUE nor a [Section]; a comment "
					"begins with # or ;",
					UW_SHOWN(ini->line));
	*equals = '\0';
	key = uw_ini_strip(ini->line);
	value = uw_ini_strip(equals + 1);
	if (*key == '\0')
		return uw_draft_mistake(draft, "there is no key before the =; write KEY=VALUE");
	if (draft->section == UW_SECTION_NONE)
		return uw_draft_mistake(draft,
					"\"%s\" stands before any section; write [Watch], "
					"[Daemon] or [Storm] above it",
					UW_SHOWN(key));
	return uw_draft_assign(draft, ini, key, value);
}

static int take_line(struct uw_draft *draft, const struct uw_ini *ini, int error)
{
	draft->place.line = uw_ini_first_line(ini);
	switch (error) {
	case -EILSEQ:
		return uw_draft_mistake(draft, "holds a NUL byte; save the file as plain text");
	case -EMSGSIZE:
		return uw_draft_mistake(draft,
					"is longer than 1 MiB; split it, as lists add up over "
					"repeated keys");
	}
	return ini->line[0] == '[' ? begin_section(draft, ini->line) : take_assignment(draft, ini);
}

static int draft_take_text(struct uw_draft *draft, const char *text, size_t size)
{
	struct uw_ini ini = { .text = text, .size = size };
	int r, error;

	do {
		r = error = uw_ini_next(&ini);
		if (error != 0 && error != -ENOMEM)
			r = take_line(draft, &ini, error);
		else
			break;
		/* A file with NUL bytes is not text: further messages would only be noise. */
	} while (r == 0 && error != -EILSEQ);
	uw_ini_done(&ini);
	return r;
}

/* Opening a FIFO that has no writer must not block the daemon: it counts as empty. */
static int open_file(const char *path, struct stat *st)
{
	int fd, r;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, st) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	if (S_ISFIFO(st->st_mode))
		fcntl(fd, F_SETFL, 0);
	return fd;
}

static int read_file(const char *path, char **ret, size_t *ret_size, struct stat *ret_st)
{
	_cleanup_close_ int fd = open_file(path, ret_st);

	return fd < 0 ? fd : uw_file_read_all(fd, UW_CONFIG_FILE_MAX, ret, ret_size);
}

static int unreadable(struct uw_draft *draft, int error)
{
	switch (error) {
	case -ENOMEM:
		return error;
	case -ENOENT:
		return uw_draft_mistake(draft, "does not exist; create it, or name another file");
	case -EISDIR:
		return uw_draft_mistake(draft, "is a directory; name a file");
	case -EFBIG:
		return uw_draft_mistake(draft, "is larger than 16 MiB; no configuration should be");
	case -EACCES:
	case -EPERM:
		return uw_draft_mistake(draft, "cannot be read: %s; check its owner and mode",
					strerror(-error));
	default:
		return uw_draft_mistake(draft, "cannot be read: %s; replace it by a file that can",
					strerror(-error));
	}
}

/* Only root may change what is watched, so nobody else may be able to write the file. */
static int check_trust(struct uw_draft *draft, const struct stat *st)
{
	if (!draft->trusted)
		return 0;
	if (st->st_uid && st->st_uid != geteuid())
		return uw_draft_mistake(draft, "belongs to user %u; make it root's, with chown",
					(unsigned int)st->st_uid);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return uw_draft_mistake(draft, "can be written by others; take that away, with "
					       "chmod go-w");
	return 0;
}

static int take_file(struct uw_draft *draft, const char *path, bool optional)
{
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t size;
	int r;

	r = draft_begin_file(draft, path);
	if (r < 0)
		return r;
	r = read_file(path, &text, &size, &st);
	if (r == -ENOENT && optional)
		return 0;
	if (r < 0)
		return unreadable(draft, r);
	r = check_trust(draft, &st);
	return r < 0 ? r : draft_take_text(draft, text, size);
}

static int is_dropin(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && !strcmp(entry->d_name + len - 5, ".conf");
}

/* alphasort(3) would follow the locale. */
static int compare_entries(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int take_dropin(struct uw_draft *draft, const char *dir, const char *name)
{
	char *path;
	int r;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return -ENOMEM;
	r = take_file(draft, path, false);
	free(path);
	return r;
}

static int take_dropins(struct uw_draft *draft, const char *file)
{
	struct dirent **entries = NULL;
	struct stat st;
	char *dir;
	int n, error, r = 0;

	if (asprintf(&dir, "%s.d", file) < 0)
		return -ENOMEM;
	n = scandir(dir, &entries, is_dropin, compare_entries);
	error = n < 0 ? -errno : 0;
	if (n > 0 && stat(dir, &st) == 0) {
		r = draft_begin_file(draft, dir);
		if (r == 0)
			r = check_trust(draft, &st);
	}
	if (error < 0 && error != -ENOENT) {
		r = draft_begin_file(draft, dir);
		if (r == 0)
			r = unreadable(draft, error);
	}
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = take_dropin(draft, dir, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	free(dir);
	return r;
}

static int name_rules(struct uw_draft *draft)
{
	int r;

	if (draft->n_rules == 0) {
		r = draft_add_rule(draft, NULL);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < draft->n_rules; i++) {
		struct uw_rule *rule = &draft->rules[i].rule;

		if (rule->name)
			continue;
		if (asprintf(&rule->name, "rule%zu", i + 1) < 0) {
			rule->name = NULL;
			return -ENOMEM;
		}
	}
	return 0;
}

/* Moves the rules from the draft to *ret. */
static int draft_take_config(struct uw_draft *draft, struct uw_config **ret)
{
	struct uw_config *config;
	int r;

	r = name_rules(draft);
	if (r < 0)
		return r;
	config = calloc(1, sizeof(*config));
	if (!config)
		return -ENOMEM;
	*config = draft->config;
	config->rules = calloc(draft->n_rules, sizeof(*config->rules));
	if (!config->rules) {
		free(config);
		return -ENOMEM;
	}
	for (size_t i = 0; i < draft->n_rules; i++)
		config->rules[i] = draft->rules[i].rule;
	config->n_rules = draft->n_rules;
	draft->n_rules = 0;
	*ret = config;
	return 0;
}

size_t uw_ring_size_for(size_t cpus)
{
	size_t size = RING_LEAST;

	while (size < cpus * RING_PER_CPU && size < RING_MOST)
		size *= 2;
	return size;
}

size_t uw_config_ring_size(const struct uw_config *config)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (config->ring_size)
		return config->ring_size;
	return uw_ring_size_for(cpus > 0 ? (size_t)cpus : 1);
}

/* r is the result of reading. Frees the draft. */
static int finish(struct uw_draft *draft, int r, struct uw_config **ret, struct uw_errors *errors)
{
	if (r == 0)
		r = uw_draft_check_rules(draft);
	if (r == 0 && draft->n_mistakes > 0) {
		r = uw_draft_take_mistakes(draft, errors);
		if (r == 0)
			r = -EINVAL;
	}
	if (r == 0)
		r = draft_take_config(draft, ret);
	draft_done(draft);
	return r;
}

int uw_config_load(const char *file, bool optional, const struct uw_names *names,
		   struct uw_config **ret, struct uw_errors *errors)
{
	struct uw_draft draft;
	int r;

	*errors = (struct uw_errors){ 0 };
	r = draft_init(&draft, names);
	draft.trusted = optional;
	if (r == 0)
		r = take_file(&draft, file, optional);
	if (r == 0)
		r = take_dropins(&draft, file);
	return finish(&draft, r, ret, errors);
}

int uw_config_parse(const char *name, const char *text, size_t size, const struct uw_names *names,
		    struct uw_config **ret, struct uw_errors *errors)
{
	struct uw_draft draft;
	int r;

	*errors = (struct uw_errors){ 0 };
	r = draft_init(&draft, names);
	if (r == 0)
		r = draft_begin_file(&draft, name);
	if (r == 0)
		r = draft_take_text(&draft, text, size);
	return finish(&draft, r, ret, errors);
}

void uw_config_free(struct uw_config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->n_rules; i++)
		rule_done(&config->rules[i]);
	free(config->rules);
	free(config);
}

void uw_errors_free(struct uw_errors *errors)
{
	if (!errors)
		return;
	for (size_t i = 0; i < errors->n; i++)
		free(errors->line[i]);
	free(errors->line);
	*errors = (struct uw_errors){ 0 };
}
