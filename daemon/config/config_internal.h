/* SPDX-License-Identifier: MIT */
/*
 * A configuration while it is being read. Only the config*.c files include this; everyone else
 * includes config.h.
 */
#ifndef UW_CONFIG_INTERNAL_H
#define UW_CONFIG_INTERNAL_H

#include "config/config.h"
#include "config/ini.h"

#define UW_CONFIG_FILE_MAX   ((size_t)16 << 20)
#define UW_CONFIG_PATHS_MAX  65536 /* Path= and ExcludePath= of all rules */
#define UW_CONFIG_UIDS_MAX   65536 /* ranges of User= and ExcludeUser= of all rules */
#define UW_CONFIG_COMMS_MAX  64	   /* names in Ancestor= of one rule */
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
	struct uw_rule rule; /* rule.name is NULL until the end if it is unnamed */
	unsigned int given;  /* assigned keys, a bit by index in the table of keys */
	bool uses_groups;    /* its uids may change while the configuration does not */
	bool broken;	     /* has a mistake: is not checked for an empty match */
	struct uw_place exclude_place, exclude_user_place, ancestor_place; /* the last one */
};

enum uw_section {
	UW_SECTION_NONE,    /* before the first one */
	UW_SECTION_SKIPPED, /* an unknown one: its lines are ignored */
	UW_SECTION_WATCH,
	UW_SECTION_DAEMON,
	UW_SECTION_STORM, /* [Flood] was its name once */
};

struct uw_draft {
	const struct uw_names *names;
	char **files;
	size_t n_files;
	struct uw_draft_rule *rules; /* room for UW_RULES_MAX */
	size_t n_rules;
	bool trusted;		 /* refuse files that others can write */
	struct uw_config config; /* without rules */
	size_t n_paths, n_uids;	 /* of all rules */

	/* the reader's position */
	struct uw_place place;
	enum uw_section section;
	struct uw_draft_rule *rule; /* of the current [Watch] */
	const char *key;	    /* of the current assignment, or NULL */

	struct uw_mistake *mistakes;
	size_t n_mistakes;
};

/* The name of a section, for messages. */
const char *uw_section_name(enum uw_section section);

/*
 * Notes a mistake at draft->place, or at place, as `FILE:LINE: KEY: message`, with KEY if
 * draft->key is set. Escapes bytes that would garble a terminal. Returns 0 or -ENOMEM.
 */
int uw_draft_mistake(struct uw_draft *draft, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int uw_draft_mistake_at(struct uw_draft *draft, struct uw_place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Moves the mistakes to *ret, sorted by file and line. Returns 0 or -ENOMEM. */
int uw_draft_take_mistakes(struct uw_draft *draft, struct uw_errors *ret);

/* The text for a message, shortened if it is long. */
#define UW_SHOWN_MAX 128
const char *uw_shown(char buffer[UW_SHOWN_MAX], const char *text);
#define UW_SHOWN(text) uw_shown((char[UW_SHOWN_MAX]){ 0 }, text)

/* True if `written` may be a typing error for `wanted`: other case, or up to two other letters. */
bool uw_looks_like(const char *written, const char *wanted);

/*
 * Carries out the assignment KEY=VALUE of the current line of ini. Notes mistakes and modifies the
 * value. Returns 0 or -ENOMEM.
 */
int uw_draft_assign(struct uw_draft *draft, const struct uw_ini *ini, const char *key, char *value);

/* The values of keys that are not assigned. */
extern const struct uw_rule uw_rule_defaults;
extern const struct uw_config uw_config_defaults;

/* Notes a mistake for each rule that can match nothing. Returns 0 or -ENOMEM. */
int uw_draft_check_rules(struct uw_draft *draft);

#endif
