// SPDX-License-Identifier: MIT
/*
 * Files and drop-ins -> struct uw_config. Sections are in config_section.c, their keys in
 * config_keys.c, the lists of a rule in config_lists.c, messages in config_error.c.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config_draft.h"

/* A FIFO without a writer counts as empty, it must not stop the daemon. */
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
	size_t size = 0, room = 4096;
	char *text = NULL, *grown;
	ssize_t n;
	int fd, r = 0;

	fd = open_file(path, ret_st);
	if (fd < 0)
		return fd;
	for (;;) {
		grown = realloc(text, room);
		r = grown ? 0 : -ENOMEM;
		if (r < 0)
			break;
		text = grown;
		do
			n = read(fd, text + size, room - size);
		while (n < 0 && errno == EINTR);
		r = n < 0 ? -errno : 0;
		if (n <= 0)
			break;
		size += (size_t)n;
		r = size > UW_CONFIG_FILE_MAX ? -EFBIG : 0;
		if (r < 0)
			break;
		if (size == room)
			room *= 2;
	}
	close(fd);
	if (r < 0) {
		free(text);
		return r;
	}
	*ret = text;
	*ret_size = size;
	return 0;
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

/* Whoever can write it decides what is watched: of the system's configuration, that is root alone. */
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
	struct stat st;
	char *text;
	size_t size;
	int r;

	r = uw_draft_begin_file(draft, path);
	if (r < 0)
		return r;
	r = read_file(path, &text, &size, &st);
	if (r == -ENOENT && optional)
		return 0;
	if (r < 0)
		return unreadable(draft, r);
	r = check_trust(draft, &st);
	if (r == 0)
		r = uw_draft_take_text(draft, text, size);
	free(text);
	return r;
}

static int is_dropin(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && !strcmp(entry->d_name + len - 5, ".conf");
}

/* Not alphasort(3), which follows the locale. */
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
		r = uw_draft_begin_file(draft, dir);
		if (r == 0)
			r = check_trust(draft, &st);
	}
	if (error < 0 && error != -ENOENT) {
		r = uw_draft_begin_file(draft, dir);
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
		r = uw_draft_add_rule(draft, NULL);
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

/* Moves the rules out of the draft. */
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
	config->rules = calloc(draft->n_rules, sizeof(*config->rules));
	if (!config->rules) {
		free(config);
		return -ENOMEM;
	}
	for (size_t i = 0; i < draft->n_rules; i++)
		config->rules[i] = draft->rules[i].rule;
	config->n_rules = draft->n_rules;
	config->probe = draft->probe;
	config->detail = draft->detail;
	config->ring_size = draft->ring_size;
	config->queue_size = draft->queue_size;
	config->storm = draft->storm;
	draft->n_rules = 0;
	*ret = config;
	return 0;
}

/* r is the outcome of reading. Takes the draft over. */
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
	uw_draft_done(draft);
	return r;
}

int uw_config_load(const char *file, bool optional, const struct uw_names *names,
		   struct uw_config **ret, struct uw_errors *errors)
{
	struct uw_draft draft;
	int r;

	*errors = (struct uw_errors){ 0 };
	r = uw_draft_init(&draft, names);
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
	r = uw_draft_init(&draft, names);
	if (r == 0)
		r = uw_draft_begin_file(&draft, name);
	if (r == 0)
		r = uw_draft_take_text(&draft, text, size);
	return finish(&draft, r, ret, errors);
}

void uw_config_free(struct uw_config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->n_rules; i++)
		uw_rule_done(&config->rules[i]);
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
