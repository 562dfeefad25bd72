/* SPDX-License-Identifier: MIT */
/*
 * A configuration that is being read. Shared by the config*.c files alone; everyone else includes
 * config.h.
 */
#ifndef UW_CONFIG_DRAFT_H
#define UW_CONFIG_DRAFT_H

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
	bool operations_given, results_given;
	bool uses_groups; /* its uids may change without a change of the configuration */
	bool broken;	  /* has a mistake: conclusions about what is left would mislead */
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
	enum uw_probe_choice probe;
	enum uw_detail detail;
	bool trusted; /* only what nobody else can write */
	size_t ring_size, queue_size;
	struct uw_storm_limit storm;
	size_t n_paths, n_uids; /* of all rules */

	/* where the reader is */
	struct uw_place place;
	enum uw_section section;
	struct uw_draft_rule *rule; /* that of the current [Watch] */
	const char *key;	    /* of the current assignment, or NULL */

	struct uw_mistake *mistakes;
	size_t n_mistakes;
};

/* A draft without files; uw_draft_done() takes one that failed to initialise, too. 0 or -ENOMEM. */
int uw_draft_init(struct uw_draft *draft, const struct uw_names *names);
void uw_draft_done(struct uw_draft *draft);
void uw_rule_done(struct uw_rule *rule);

/* From here on, mistakes are those of the file of this name. Returns 0 or -ENOMEM. */
int uw_draft_begin_file(struct uw_draft *draft, const char *name);

/* Takes the text of a file, NULs and all. Mistakes are noted. Returns 0 or -ENOMEM. */
int uw_draft_take_text(struct uw_draft *draft, const char *text, size_t size);

/* Adds a rule with the defaults; name is NULL for one without. Returns 0 or -ENOMEM. */
int uw_draft_add_rule(struct uw_draft *draft, const char *name);

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

/* Values of the lists in [Watch]: one word, added to the list. Mistakes are noted. 0 or -ENOMEM. */
int uw_draft_add_path(struct uw_draft *draft, struct uw_paths *paths, char *word);
int uw_draft_add_user(struct uw_draft *draft, struct uw_uids *uids, char *word);
void uw_draft_reset_paths(struct uw_draft *draft, struct uw_paths *paths);
void uw_draft_reset_uids(struct uw_draft *draft, struct uw_uids *uids);

/*
 * Values that are numbers. A size is a power of two from min, which `least` is in words, to 1G; a
 * count one from min to max. Mistakes are noted, and *ret is not touched then. 0 or -ENOMEM.
 */
int uw_draft_take_size(struct uw_draft *draft, const char *word, uint64_t min, const char *least,
		       size_t *ret);
int uw_draft_take_count(struct uw_draft *draft, const char *word, unsigned int min,
			unsigned int max, unsigned int *ret);

/* Notes each rule that cannot match anything whatsoever. Returns 0 or -ENOMEM. */
int uw_draft_check_rules(struct uw_draft *draft);

#endif
