/* SPDX-License-Identifier: MIT */
/*
 * A configuration that is being read. Shared by the config*.c files alone; everyone else includes
 * config.h.
 */
#ifndef UW_CONFIG_INTERNAL_H
#define UW_CONFIG_INTERNAL_H

#include "config/config.h"
#include "config/ini.h"

#define UW_CONFIG_FILE_MAX   ((size_t)16 << 20)
#define UW_CONFIG_PATHS_MAX  65536 /* Path= and ExcludePath= of all rules */
#define UW_CONFIG_UIDS_MAX   65536 /* ranges of User= and ExcludeUser= of all rules */
#define UW_CONFIG_NAME_MAX   64	   /* bytes of a rule's name */
#define UW_CONFIG_ERRORS_MAX 1000

/* Index of the file, in the order of reading, and line; line 0 stands for the whole file. */
struct uw_place {
	size_t file;
	unsigned int line;
};

struct uw_mistake {
	struct uw_place place;
	size_t seq; /* keeps the order of mistakes on the same line */
	char *text;
};

struct uw_draft_rule {
	struct uw_rule rule; /* rule.name is NULL until the end where it has no name */
	unsigned int given;  /* keys that are assigned, by their index in the table of keys */
	bool uses_groups;    /* its uids may change without a change of the configuration */
	bool broken;	     /* has a mistake: conclusions about what is left would mislead */
	struct uw_place exclude_place, exclude_user_place; /* the last assignment */
};

enum uw_section {
	UW_SECTION_NONE,    /* before the first one */
	UW_SECTION_SKIPPED, /* an unknown one: its lines are passed over */
	UW_SECTION_WATCH,
	UW_SECTION_DAEMON,
	UW_SECTION_FLOOD,
};

struct uw_draft {
	const struct uw_names *names;
	char **files;
	size_t n_files;
	struct uw_draft_rule *rules; /* room for UW_RULES_MAX */
	size_t n_rules;
	bool trusted;		 /* only what nobody else can write */
	struct uw_config config; /* without rules */
	size_t n_paths, n_uids;	 /* of all rules */

	/* where the reader is */
	struct uw_place place;
	enum uw_section section;
	struct uw_draft_rule *rule; /* that of the current [Watch] */
	const char *key;	    /* of the current assignment, or NULL */

	struct uw_mistake *mistakes;
	size_t n_mistakes;
};

/* Sections as they are written, for messages. */
const char *uw_section_name(enum uw_section section);

/*
 * Notes a mistake at draft->place, or at place: `FILE:LINE: KEY: message`, KEY where draft->key is
 * set. Bytes that would garble a terminal are escaped. Returns 0 or -ENOMEM.
 */
int uw_draft_mistake(struct uw_draft *draft, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int uw_draft_mistake_at(struct uw_draft *draft, struct uw_place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Moves the mistakes, in the order of files and lines, to *ret. Returns 0 or -ENOMEM. */
int uw_draft_take_mistakes(struct uw_draft *draft, struct uw_errors *ret);

/* Text as a message shows it: long ones are cut. */
#define UW_SHOWN_MAX 128
const char *uw_shown(char buffer[UW_SHOWN_MAX], const char *text);
#define UW_SHOWN(text) uw_shown((char[UW_SHOWN_MAX]){ 0 }, text)

/* Whether one would write `wanted` for `written` by a slip: case aside, or up to two letters. */
bool uw_looks_like(const char *written, const char *wanted);

/*
 * Takes the assignment KEY=VALUE; ini is where the value stands, which is overwritten. Mistakes are
 * noted. Returns 0 or -ENOMEM.
 */
int uw_draft_assign(struct uw_draft *draft, const struct uw_ini *ini, const char *key, char *value);

/* What holds where nothing is configured. */
extern const struct uw_rule uw_rule_defaults;
extern const struct uw_config uw_config_defaults;

/* Notes each rule that cannot match anything whatsoever. Returns 0 or -ENOMEM. */
int uw_draft_check_rules(struct uw_draft *draft);

#endif
