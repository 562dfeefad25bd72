// SPDX-License-Identifier: MIT
/*
 * The keys of all sections. One table says what values each key takes and where they go; below it
 * are the functions that read those values.
 */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "config/config_internal.h"
#include "config/pattern.h"
#include "config/words.h"

#define RING_MIN   ((uint64_t)64 << 10) /* a multiple of any page size */
#define QUEUE_MIN  ((uint64_t)1 << 20)	/* a few of the largest records */
#define SIZE_LIMIT ((uint64_t)1 << 30)
#define UID_LAST   (UINT32_MAX - 1) /* (uid_t)-1 means "none" to the kernel */
#define DIGITS	   "0123456789"

const struct uw_rule uw_rule_defaults = {
	.user.any = true,
	.operations = UW_OPERATIONS_ALL,
	.results = UW_RESULT_ANY,
	.priority = UW_PRIORITY_DEFAULT,
};

const struct uw_config uw_config_defaults = {
	.probe = UW_CHOOSE_AUTO,
	.detail = UW_DETAIL_DEFAULT,
	.command_line = 1,
	.ring_size = UW_RING_SIZE_DEFAULT,
	.queue_size = UW_QUEUE_SIZE_DEFAULT,
	.storm = { UW_BURST_DEFAULT, UW_INTERVAL_DEFAULT, .names = 1 },
};

enum type {
	PATHS,	/* struct uw_paths: a list; assignments add to it */
	USERS,	/* struct uw_uids: likewise */
	COMMS,	/* struct uw_comms: likewise */
	FLAGS,	/* unsigned int: a list of words, each the number of a bit; the last type of list */
	CHOICE, /* int or enum: one choice */
	SIZE,	/* size_t: a power of two, or a word */
	COUNT,	/* unsigned int */
};

/* The keys of [Watch] set members of struct uw_rule, the others members of struct uw_config. */
#define RULE(member)   UW_SECTION_WATCH, offsetof(struct uw_rule, member)
#define DAEMON(member) UW_SECTION_DAEMON, offsetof(struct uw_config, member)
#define STORM(member)  UW_SECTION_STORM, offsetof(struct uw_config, storm.member)

static const struct key {
	const char *name;
	enum uw_section section;
	size_t offset;
	enum type type;
	const struct uw_word *words;
	const char *hint; /* what to write: the choices, or the smallest size */
	uint64_t min, max;
	size_t place; /* where struct uw_draft_rule keeps the place of the last assignment, or 0 */
} keys[] = {
	{ "Path", RULE(path), PATHS },
	{ "ExcludePath", RULE(exclude), PATHS,
	  .place = offsetof(struct uw_draft_rule, exclude_place) },
	{ "User", RULE(user), USERS },
	{ "ExcludeUser", RULE(exclude_user), USERS,
	  .place = offsetof(struct uw_draft_rule, exclude_user_place) },
	{ "Ancestor", RULE(ancestor), COMMS,
	  .place = offsetof(struct uw_draft_rule, ancestor_place) },
	{ "Operation", RULE(operations), FLAGS, uw_operation_words,
	  "unlink, rmdir, rename or move" },
	{ "Result", RULE(results), FLAGS, uw_result_words, "success or failure" },
	{ "Priority", RULE(priority), CHOICE, uw_priority_words,
	  "emerg, alert, crit, err, warning, notice, info, debug or 0 to 7" },
	{ "Probe", DAEMON(probe), CHOICE, uw_probe_words, "auto, kprobe, fentry or tracepoint" },
	{ "Detail", DAEMON(detail), CHOICE, uw_detail_words, "minimal, standard or full" },
	{ "CommandLine", DAEMON(command_line), CHOICE, uw_yes_no_words, "yes or no" },
	{ "RingBufferSize", DAEMON(ring_size), SIZE, uw_auto_words, "64K", .min = RING_MIN },
	{ "QueueSize", DAEMON(queue_size), SIZE, .hint = "1M", .min = QUEUE_MIN },
	{ "Burst", STORM(burst), COUNT, .min = 0, .max = 1000000 },
	{ "IntervalSec", STORM(interval_s), COUNT, .min = 1, .max = 3600 },
	{ "Names", STORM(names), CHOICE, uw_yes_no_words, "yes or no" },
};

#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

/* The member that holds the value of the key. */
static void *value_of(struct uw_draft *draft, const struct key *key)
{
	char *base = key->section == UW_SECTION_WATCH ? (char *)&draft->rule->rule
						      : (char *)&draft->config;

	return base + key->offset;
}

static int choose(struct uw_draft *draft, const struct key *key, const char *word, int *ret)
{
	int value;

	if (uw_word_find(key->words, word, &value)) {
		*ret = key->type == FLAGS ? (int)((unsigned int)*ret | 1u << value) : value;
		return 0;
	}
	return uw_draft_mistake(draft, "\"%s\" is not known; use %s", UW_SHOWN(word), key->hint);
}

/*
 * Reads a number and returns the text after it. A number that exceeds every limit stops growing at
 * about 34 bits, so it cannot overflow.
 */
static const char *digits(const char *s, uint64_t *ret)
{
	*ret = 0;
	for (; isdigit((unsigned char)*s); s++)
		if (*ret <= SIZE_LIMIT)
			*ret = *ret * 10 + (uint64_t)(*s - '0');
	return s;
}

/* Takes one of key->words, or a power of two from key->min, which key->hint spells, to 1G. */
static int take_size(struct uw_draft *draft, const struct key *key, const char *word, size_t *ret)
{
	uint64_t size;
	const char *s = digits(word, &size);
	int value;

	if (key->words && uw_word_find(key->words, word, &value)) {
		*ret = (size_t)value;
		return 0;
	}
	if (s == word || (*s && (!strchr("KMG", *s) || s[1])))
		return uw_draft_mistake(draft,
					"\"%s\" is not a size; write a number and K, M or G, as 4M",
					UW_SHOWN(word));
	size <<= *s == 'G' ? 30 : *s == 'M' ? 20 : *s == 'K' ? 10 : 0;
	if (size < key->min || size > SIZE_LIMIT || (size & (size - 1)))
		return uw_draft_mistake(draft,
					"\"%s\" is not a power of two from %s to 1G; write 4M, "
					"for example",
					UW_SHOWN(word), key->hint);
	*ret = (size_t)size;
	return 0;
}

static int take_count(struct uw_draft *draft, const struct key *key, const char *word,
		      unsigned int *ret)
{
	uint64_t n;
	const char *s = digits(word, &n);

	if (s == word || *s || n < key->min || n > key->max)
		return uw_draft_mistake(draft, "\"%s\" is not a number from %u to %u",
					UW_SHOWN(word), (unsigned int)key->min,
					(unsigned int)key->max);
	*ret = (unsigned int)n;
	return 0;
}

static int add_path(struct uw_draft *draft, struct uw_paths *paths, char *word)
{
	const char *problem;
	int r;

	if (word[0] != '/' && !strchr(word, '/'))
		return uw_draft_mistake(draft,
					"\"%s\" is not absolute; write /**/%s for that name "
					"anywhere",
					UW_SHOWN(word), UW_SHOWN(word));
	if (strlen(word) >= UW_PATH_MAX)
		return uw_draft_mistake(draft,
					"\"%s\" is longer than %d bytes; name a directory above it",
					UW_SHOWN(word), UW_PATH_MAX - 1);
	r = uw_pattern_normalize(word, &problem);
	if (r < 0)
		return uw_draft_mistake(draft, "\"%s\": %s", UW_SHOWN(word), problem);
	if (draft->n_paths > UW_CONFIG_PATHS_MAX)
		return 0; /* already reported */
	if (draft->n_paths++ == UW_CONFIG_PATHS_MAX)
		return uw_draft_mistake(draft,
					"more than %d paths in all rules; name directories above "
					"them or use globs",
					UW_CONFIG_PATHS_MAX);
	if (!uw_array_room(paths->path, paths->n))
		return -ENOMEM;
	paths->path[paths->n] = strdup(word);
	if (!paths->path[paths->n])
		return -ENOMEM;
	paths->n++;
	return 0;
}

static void reset_paths(struct uw_draft *draft, struct uw_paths *paths)
{
	draft->n_paths -= paths->n;
	for (size_t i = 0; i < paths->n; i++)
		free(paths->path[i]);
	free(paths->path);
	*paths = (struct uw_paths){ 0 };
}

static void reset_uids(struct uw_draft *draft, struct uw_uids *uids)
{
	draft->n_uids -= uids->n;
	free(uids->range);
	uids->range = NULL;
	uids->n = 0;
}

static int add_range(struct uw_draft *draft, struct uw_uids *uids, uid_t first, uid_t last)
{
	struct uw_uid_range *previous = uids->n ? &uids->range[uids->n - 1] : NULL;

	if (previous && first > previous->first && first - 1 <= previous->last) {
		if (last > previous->last)
			previous->last = last;
		return 0;
	}
	if (draft->n_uids > UW_CONFIG_UIDS_MAX)
		return 0; /* already reported */
	if (draft->n_uids++ == UW_CONFIG_UIDS_MAX)
		return uw_draft_mistake(draft,
					"more than %d users in all rules; use ranges of uids",
					UW_CONFIG_UIDS_MAX);
	if (!uw_array_room(uids->range, uids->n))
		return -ENOMEM;
	uids->range[uids->n++] = (struct uw_uid_range){ first, last };
	return 0;
}

/* Returns 1, 0 if it has noted a mistake, or -ENOMEM. */
static int parse_uid(struct uw_draft *draft, const char *digits, size_t len, uid_t *ret)
{
	uint64_t value = 0;

	if (len > 1 && digits[0] == '0')
		return uw_draft_mistake(draft,
					"uid \"%.*s\" has a leading zero; uids are decimal, write "
					"it without",
					len > 20 ? 20 : (int)len, digits);
	for (size_t i = 0; i < len && value <= UINT32_MAX; i++)
		value = value * 10 + (uint64_t)(digits[i] - '0');
	if (value > UID_LAST)
		return uw_draft_mistake(draft, "uid \"%.*s\" is not valid; the largest is %u",
					len > 20 ? 20 : (int)len, digits, UID_LAST);
	*ret = (uid_t)value;
	return 1;
}

static int add_number(struct uw_draft *draft, struct uw_uids *uids, const char *word)
{
	size_t len = strspn(word, DIGITS);
	const char *second = word + len + 1;
	uid_t first = 0, last = 0;
	int r;

	r = parse_uid(draft, word, len, &first);
	if (r <= 0)
		return r;
	if (word[len] == '\0')
		return add_range(draft, uids, first, first);
	if (*second == '\0' || second[strspn(second, DIGITS)] != '\0')
		return uw_draft_mistake(draft,
					"\"%s\" is not a range of uids; write FIRST-LAST, as "
					"1000-1999",
					UW_SHOWN(word));
	r = parse_uid(draft, second, strlen(second), &last);
	if (r <= 0)
		return r;
	if (first > last)
		return uw_draft_mistake(draft, "the range %s runs backwards; write %u-%u",
					UW_SHOWN(word), last, first);
	return add_range(draft, uids, first, last);
}

static int compare_uids(const void *a, const void *b)
{
	uid_t x = *(const uid_t *)a, y = *(const uid_t *)b;

	return (x > y) - (x < y);
}

static int add_group(struct uw_draft *draft, struct uw_uids *uids, const char *group)
{
	_cleanup_free_ uid_t *members = NULL;
	size_t n = 0;
	int r;

	if (*group == '\0')
		return uw_draft_mistake(draft, "\"@\" lacks the name of a group; write @GROUP");
	r = draft->names->group(group, &members, &n);
	if (r == -ENOMEM)
		return r;
	if (r == -ENOENT)
		return uw_draft_mistake(draft,
					"unknown group \"%s\"; create it, or list its members",
					UW_SHOWN(group));
	if (r < 0)
		return uw_draft_mistake(draft,
					"cannot look up group \"%s\": %s; list its members by uid",
					UW_SHOWN(group), strerror(-r));
	draft->rule->uses_groups = true;
	/* Sorted, so that adjacent uids become one range. */
	if (n > 0)
		qsort(members, n, sizeof(*members), compare_uids);
	for (size_t i = 0; i < n && r == 0; i++)
		if (i == 0 || members[i] != members[i - 1])
			r = add_range(draft, uids, members[i], members[i]);
	return r;
}

static int add_user(struct uw_draft *draft, struct uw_uids *uids, char *word)
{
	uid_t uid;
	int r;

	if (word[0] == '@')
		return add_group(draft, uids, word + 1);
	if (strspn(word, DIGITS) > 0 && word[strspn(word, DIGITS "-")] == '\0')
		return add_number(draft, uids, word);
	r = draft->names->user(word, &uid);
	if (r == -ENOMEM)
		return r;
	if (r == -ENOENT)
		return uw_draft_mistake(draft, "unknown user \"%s\"; create it, or write a uid",
					UW_SHOWN(word));
	if (r < 0)
		return uw_draft_mistake(draft, "cannot look up user \"%s\": %s; write the uid",
					UW_SHOWN(word), strerror(-r));
	return add_range(draft, uids, uid, uid);
}

/* The kernel cuts the name of a process, so a longer one means what is left of it. */
static int add_comm(struct uw_draft *draft, struct uw_comms *comms, const char *word)
{
	if (strchr(word, '/'))
		return uw_draft_mistake(draft,
					"\"%s\" is a path; write the command of a process, as in "
					"UNLINK_COMM",
					UW_SHOWN(word));
	if (comms->n == UW_CONFIG_COMMS_MAX)
		return uw_draft_mistake(draft, "more than %d names in one rule; use several rules",
					UW_CONFIG_COMMS_MAX);
	if (!uw_array_room(comms->comm, comms->n))
		return -ENOMEM;
	comms->comm[comms->n] = strndup(word, UW_COMM_LEN - 1);
	if (!comms->comm[comms->n])
		return -ENOMEM;
	comms->n++;
	return 0;
}

static void reset_comms(struct uw_comms *comms)
{
	for (size_t i = 0; i < comms->n; i++)
		free(comms->comm[i]);
	free(comms->comm);
	*comms = (struct uw_comms){ 0 };
}

static size_t size_of(enum type type)
{
	switch (type) {
	case PATHS:
		return sizeof(struct uw_paths);
	case USERS:
		return sizeof(struct uw_uids);
	case COMMS:
		return sizeof(struct uw_comms);
	case SIZE:
		return sizeof(size_t);
	case FLAGS:
	case CHOICE:
	case COUNT:
		break;
	}
	static_assert(sizeof(enum uw_probe_choice) == sizeof(int) &&
			      sizeof(enum uw_detail) == sizeof(int),
		      "a choice is written as an int");
	return sizeof(int);
}

/* Gives the key its default value. */
static void reset(struct uw_draft *draft, const struct key *key)
{
	const char *defaults = key->section == UW_SECTION_WATCH ? (const char *)&uw_rule_defaults
								: (const char *)&uw_config_defaults;
	void *value = value_of(draft, key);

	if (key->type == PATHS)
		reset_paths(draft, value);
	else if (key->type == USERS)
		reset_uids(draft, value);
	else if (key->type == COMMS)
		reset_comms(value);
	memcpy(value, defaults + key->offset, size_of(key->type));
	if (key->section == UW_SECTION_WATCH)
		draft->rule->given &= ~(1u << (key - keys));
}

/* The first assignment replaces a default that means everything; later ones add to it. */
static void begin(struct uw_draft *draft, const struct key *key)
{
	struct uw_draft_rule *rule = draft->rule;

	if (key->section != UW_SECTION_WATCH)
		return;
	if (key->place)
		*(struct uw_place *)((char *)rule + key->place) = draft->place;
	if (key->type == USERS)
		((struct uw_uids *)value_of(draft, key))->any = false;
	if (key->type == FLAGS && !(rule->given >> (key - keys) & 1))
		*(unsigned int *)value_of(draft, key) = 0;
	rule->given |= 1u << (key - keys);
}

static int take_word(struct uw_draft *draft, const struct key *key, char *word)
{
	void *value = value_of(draft, key);

	switch (key->type) {
	case PATHS:
		return add_path(draft, value, word);
	case USERS:
		return add_user(draft, value, word);
	case COMMS:
		return add_comm(draft, value, word);
	case FLAGS:
	case CHOICE:
		return choose(draft, key, word, value);
	case SIZE:
		return take_size(draft, key, word, value);
	case COUNT:
		return take_count(draft, key, word, value);
	}
	assert(false);
	return -EINVAL;
}

static int unknown_key(struct uw_draft *draft, const char *name)
{
	const char *section = uw_section_name(draft->section);
	struct uw_buf known = { 0 };
	int r = -ENOMEM;

	for (size_t i = 0; i < N_KEYS; i++) {
		if (!strcmp(keys[i].name, name))
			return uw_draft_mistake(draft,
						"%s belongs to section [%s], not to [%s]; move it "
						"there",
						name, uw_section_name(keys[i].section), section);
		if (keys[i].section == draft->section && uw_looks_like(name, keys[i].name))
			return uw_draft_mistake(draft,
						"unknown key \"%s\" in section [%s]; did you mean "
						"%s?",
						UW_SHOWN(name), section, keys[i].name);
	}
	for (size_t i = 0; i < N_KEYS; i++)
		if (keys[i].section == draft->section)
			uw_buf_printf(&known, "%s%s", known.len ? ", " : "", keys[i].name);
	if (!known.failed)
		r = uw_draft_mistake(draft, "unknown key \"%s\" in section [%s]; known are %.*s",
				     UW_SHOWN(name), section, (int)known.len, known.p);
	uw_buf_free(&known);
	return r;
}

static int bad_word(struct uw_draft *draft, const struct uw_ini_words *words, int error)
{
	char escaped = words->fault[1];

	if (error == -EBADMSG)
		return uw_draft_mistake(draft,
					"the quote %c is not closed; close it, or write \\%c for "
					"the character itself",
					words->quote, words->quote);
	if (error == -ERANGE)
		return uw_draft_mistake(draft, "an escape stands for NUL or for no character; "
					       "a name cannot hold it");
	if (escaped && strchr("*?[", escaped))
		return uw_draft_mistake(draft,
					"unknown escape \\%c; write [%c] for the character itself",
					escaped, escaped);
	if (escaped && strchr(UW_INI_SPACE, escaped))
		return uw_draft_mistake(draft,
					"a backslash before a space; write \\s, or put quotes "
					"around the word");
	return uw_draft_mistake(draft,
				"the escape that begins with \\%.1s is not known; write \\\\ for "
				"a backslash",
				words->fault + 1);
}

static int take_words(struct uw_draft *draft, const struct uw_ini *ini, const struct key *key,
		      char *value)
{
	struct uw_ini_words words = { .next = value };
	int r;

	while ((r = uw_ini_next_word(&words)) > 0) {
		draft->place.line = uw_ini_line_of(ini, words.start);
		if (words.word[0] == '#' || words.word[0] == ';')
			return uw_draft_mistake(draft,
						"\"%s\" begins no comment here; a comment takes a "
						"line of its own",
						UW_SHOWN(words.word));
		if (words.word[0] == '\0')
			r = uw_draft_mistake(draft, "an empty word; leave out the quotes, an empty "
						    "value alone resets the list");
		else
			r = take_word(draft, key, words.word);
		if (r < 0)
			return r;
	}
	if (r == 0)
		return 0;
	draft->place.line = uw_ini_line_of(ini, words.fault);
	return bad_word(draft, &words, r);
}

int uw_draft_assign(struct uw_draft *draft, const struct uw_ini *ini, const char *name, char *value)
{
	const struct key *key = keys;
	int r;

	while (key < keys + N_KEYS && (key->section != draft->section || strcmp(key->name, name)))
		key++;
	if (key == keys + N_KEYS)
		return unknown_key(draft, name);
	if (*value == '\0') {
		reset(draft, key);
		return 0;
	}
	draft->key = key->name;
	begin(draft, key);
	r = key->type <= FLAGS ? take_words(draft, ini, key, value) : take_word(draft, key, value);
	draft->key = NULL;
	return r;
}

static bool excludes_glob(const struct uw_pattern_set *exclude, const char *glob)
{
	struct uw_pattern pattern = uw_pattern_of(glob);

	if (uw_pattern_set_covers(exclude, pattern.text, pattern.fixed))
		return true;
	for (size_t i = 0; i < exclude->n_globs; i++)
		if (!strcmp(exclude->globs[i].text, glob))
			return true;
	return false;
}

/* True only if it is certain. Globs may cover each other in ways that this does not detect. */
static int excludes_all_paths(const struct uw_rule *rule, bool *ret)
{
	struct uw_pattern_set exclude;
	bool all;
	int r;

	r = uw_pattern_set_init(&rule->exclude, &exclude);
	if (r < 0)
		return r;
	all = rule->path.n > 0 || uw_pattern_set_covers(&exclude, "/", 1);
	for (size_t i = 0; i < rule->path.n && all; i++) {
		const char *path = rule->path.path[i];

		all = uw_pattern_is_glob(path)
			      ? excludes_glob(&exclude, path)
			      : uw_pattern_set_covers(&exclude, path, strlen(path));
	}
	uw_pattern_set_done(&exclude);
	*ret = all;
	return 0;
}

static bool excludes_range(const struct uw_uids *exclude, uint64_t first, uint64_t last)
{
	while (first <= last) {
		size_t i = 0;

		while (i < exclude->n &&
		       (first < exclude->range[i].first || first > exclude->range[i].last))
			i++;
		if (i == exclude->n)
			return false;
		first = (uint64_t)exclude->range[i].last + 1;
	}
	return true;
}

static bool excludes_all_users(const struct uw_rule *rule)
{
	if (rule->exclude_user.n == 0)
		return false;
	if (rule->user.any)
		return excludes_range(&rule->exclude_user, 0, UID_LAST);
	for (size_t i = 0; i < rule->user.n; i++)
		if (!excludes_range(&rule->exclude_user, rule->user.range[i].first,
				    rule->user.range[i].last))
			return false;
	return true;
}

int uw_draft_check_rules(struct uw_draft *draft)
{
	static const char never[] =
		"nothing is left for the rule to match; narrow %s or remove the rule";
	bool all = false;
	int r = 0;

	draft->rule = NULL;
	for (size_t i = 0; i < draft->n_rules && r == 0; i++) {
		const struct uw_draft_rule *rule = &draft->rules[i];

		if (rule->broken)
			continue;
		if (rule->rule.exclude.n > 0) {
			r = excludes_all_paths(&rule->rule, &all);
			if (r < 0)
				return r;
			draft->key = "ExcludePath";
			if (all)
				r = uw_draft_mistake_at(draft, rule->exclude_place, never,
							draft->key);
		}
		/* Members of groups change: a rule that matches nobody today may match tomorrow. */
		if (r == 0 && !rule->uses_groups && excludes_all_users(&rule->rule)) {
			draft->key = "ExcludeUser";
			r = uw_draft_mistake_at(draft, rule->exclude_user_place, never, draft->key);
		}
		if (r == 0 && rule->rule.ancestor.n && draft->config.detail < UW_DETAIL_STANDARD) {
			draft->key = "Ancestor";
			r = uw_draft_mistake_at(draft, rule->ancestor_place,
						"the ancestors are not known at Detail=minimal; "
						"use standard or full");
		}
	}
	draft->key = NULL;
	return r;
}
