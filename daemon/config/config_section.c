// SPDX-License-Identifier: MIT
/*
 * Text -> draft of a configuration: sections and assignments, one file after the other.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_draft.h"

#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

int uw_draft_init(struct uw_draft *draft, const struct uw_names *names)
{
	*draft = (struct uw_draft){
		.names = names,
		.probe = UW_CHOOSE_AUTO,
		.detail = UW_DETAIL_DEFAULT,
		.ring_size = UW_RING_SIZE_DEFAULT,
		.queue_size = UW_QUEUE_SIZE_DEFAULT,
		.storm = { UW_BURST_DEFAULT, UW_INTERVAL_DEFAULT },
	};
	draft->rules = calloc(UW_RULES_MAX, sizeof(*draft->rules));
	return draft->rules ? 0 : -ENOMEM;
}

void uw_rule_done(struct uw_rule *rule)
{
	for (size_t i = 0; i < rule->path.n; i++)
		free(rule->path.path[i]);
	for (size_t i = 0; i < rule->exclude.n; i++)
		free(rule->exclude.path[i]);
	free(rule->path.path);
	free(rule->exclude.path);
	free(rule->user.range);
	free(rule->exclude_user.range);
	free(rule->name);
}

void uw_draft_done(struct uw_draft *draft)
{
	for (size_t i = 0; i < draft->n_rules; i++)
		uw_rule_done(&draft->rules[i].rule);
	free(draft->rules);
	for (size_t i = 0; i < draft->n_files; i++)
		free(draft->files[i]);
	free(draft->files);
	for (size_t i = 0; i < draft->n_mistakes; i++)
		free(draft->mistakes[i].text);
	free(draft->mistakes);
}

int uw_draft_begin_file(struct uw_draft *draft, const char *name)
{
	char **files;

	files = reallocarray(draft->files, draft->n_files + 1, sizeof(*files));
	if (!files)
		return -ENOMEM;
	draft->files = files;
	files[draft->n_files] = strdup(name);
	if (!files[draft->n_files])
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
	case UW_SECTION_FLOOD:
		return "Flood";
	case UW_SECTION_NONE:
	case UW_SECTION_SKIPPED:
	case UW_SECTION_WATCH:
		break;
	}
	return "Watch";
}

int uw_draft_add_rule(struct uw_draft *draft, const char *name)
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
	*rule = (struct uw_draft_rule){
		.rule = {
			.user.any = true,
			.operations = UW_OPERATIONS_ALL,
			.results = UW_RESULT_ANY,
			.priority = UW_PRIORITY_DEFAULT,
		},
	};
	if (name) {
		rule->rule.name = strdup(name);
		if (!rule->rule.name)
			return -ENOMEM;
	}
	draft->n_rules++;
	draft->rule = rule;
	return 0;
}

/* A name that comes again continues its rule. */
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
	return uw_draft_add_rule(draft, name);
}

static int unknown_section(struct uw_draft *draft, const char *word, const char *rest)
{
	static const char *const known[] = { "Watch", "Daemon", "Flood" };
	const char *space = *rest ? " " : "";

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (uw_looks_like(word, known[i]))
			return uw_draft_mistake(draft,
						"unknown section [%s%s%s]; did you mean [%s%s%s]?",
						UW_SHOWN(word), space, UW_SHOWN(rest), known[i],
						space, UW_SHOWN(rest));
	return uw_draft_mistake(draft,
				"unknown section [%s%s%s]; known are [Watch], [Watch NAME], "
				"[Daemon] and [Flood]",
				UW_SHOWN(word), space, UW_SHOWN(rest));
}

/* Overwrites the line, which begins with a bracket. */
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
		return *rest ? begin_named_rule(draft, rest) : uw_draft_add_rule(draft, NULL);
	}
	if (!strcmp(word, "Daemon"))
		draft->section = UW_SECTION_DAEMON;
	else if (!strcmp(word, "Flood"))
		draft->section = UW_SECTION_FLOOD;
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
					"[Daemon] or [Flood] above it",
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

int uw_draft_take_text(struct uw_draft *draft, const char *text, size_t size)
{
	struct uw_ini ini = { .text = text, .size = size };
	int r, error;

	do {
		r = error = uw_ini_next(&ini);
		if (error != 0 && error != -ENOMEM)
			r = take_line(draft, &ini, error);
		else
			break;
		/* A file with NUL bytes is no text: what follows would only add noise. */
	} while (r == 0 && error != -EILSEQ);
	uw_ini_done(&ini);
	return r;
}
