// SPDX-License-Identifier: MIT
/*
 * The keys of each section: one table, and what each of them takes.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_draft.h"

#define RING_MIN  ((uint64_t)64 << 10) /* a multiple of any page size */
#define QUEUE_MIN ((uint64_t)1 << 20)  /* a few of the largest records */

struct choice {
	const char *name;
	int value;
};

static const struct choice operations[] = {
	{ "unlink", 1 << UW_OP_UNLINK },
	{ "rmdir", 1 << UW_OP_RMDIR },
	{ "rename", 1 << UW_OP_RENAME },
	{ 0 },
};

static const struct choice results[] = {
	{ "success", UW_RESULT_SUCCESS },
	{ "failure", UW_RESULT_FAILURE },
	{ 0 },
};

static const struct choice priorities[] = {
	{ "emerg", 0 },	 { "alert", 1 }, { "crit", 2 },	 { "err", 3 }, { "warning", 4 },
	{ "notice", 5 }, { "info", 6 },	 { "debug", 7 }, { "0", 0 },   { "1", 1 },
	{ "2", 2 },	 { "3", 3 },	 { "4", 4 },	 { "5", 5 },   { "6", 6 },
	{ "7", 7 },	 { 0 },
};

static const struct choice probes[] = {
	{ "auto", UW_CHOOSE_AUTO },
	{ "kprobe", UW_CHOOSE_KPROBE },
	{ "fentry", UW_CHOOSE_FENTRY },
	{ "tracepoint", UW_CHOOSE_TRACEPOINT },
	{ 0 },
};

static const struct choice details[] = {
	{ "minimal", UW_DETAIL_MINIMAL },
	{ "standard", UW_DETAIL_STANDARD },
	{ "full", UW_DETAIL_FULL },
	{ 0 },
};

/* Returns 1; 0 with a mistake noted, which names the choices; or -ENOMEM. */
static int choose(struct uw_draft *draft, const struct choice *choices, const char *remedy,
		  const char *word, int *ret)
{
	for (; choices->name; choices++) {
		if (strcmp(choices->name, word))
			continue;
		*ret = choices->value;
		return 1;
	}
	return uw_draft_mistake(draft, "\"%s\" is not known; use %s", UW_SHOWN(word), remedy);
}

static int take_path(struct uw_draft *draft, char *word)
{
	return uw_draft_add_path(draft, &draft->rule->rule.path, word);
}

static void reset_path(struct uw_draft *draft)
{
	uw_draft_reset_paths(draft, &draft->rule->rule.path);
}

static void begin_exclude(struct uw_draft *draft)
{
	draft->rule->exclude_place = draft->place;
}

static int take_exclude(struct uw_draft *draft, char *word)
{
	return uw_draft_add_path(draft, &draft->rule->rule.exclude, word);
}

static void reset_exclude(struct uw_draft *draft)
{
	uw_draft_reset_paths(draft, &draft->rule->rule.exclude);
}

static void begin_user(struct uw_draft *draft)
{
	draft->rule->rule.user.any = false;
}

static int take_user(struct uw_draft *draft, char *word)
{
	return uw_draft_add_user(draft, &draft->rule->rule.user, word);
}

static void reset_user(struct uw_draft *draft)
{
	uw_draft_reset_uids(draft, &draft->rule->rule.user);
	draft->rule->rule.user.any = true;
}

static void begin_exclude_user(struct uw_draft *draft)
{
	draft->rule->exclude_user_place = draft->place;
}

static int take_exclude_user(struct uw_draft *draft, char *word)
{
	return uw_draft_add_user(draft, &draft->rule->rule.exclude_user, word);
}

static void reset_exclude_user(struct uw_draft *draft)
{
	uw_draft_reset_uids(draft, &draft->rule->rule.exclude_user);
}

/* The first assignment replaces the default, which is all of them; later ones add up. */
static void begin_operation(struct uw_draft *draft)
{
	if (!draft->rule->operations_given)
		draft->rule->rule.operations = 0;
	draft->rule->operations_given = true;
}

static int take_operation(struct uw_draft *draft, char *word)
{
	int value = 0, r;

	r = choose(draft, operations, "unlink, rmdir or rename", word, &value);
	if (r > 0)
		draft->rule->rule.operations |= (unsigned int)value;
	return r < 0 ? r : 0;
}

static void reset_operation(struct uw_draft *draft)
{
	draft->rule->operations_given = false;
	draft->rule->rule.operations = UW_OPERATIONS_ALL;
}

static void begin_result(struct uw_draft *draft)
{
	if (!draft->rule->results_given)
		draft->rule->rule.results = 0;
	draft->rule->results_given = true;
}

static int take_result(struct uw_draft *draft, char *word)
{
	int value = 0, r;

	r = choose(draft, results, "success or failure", word, &value);
	if (r > 0)
		draft->rule->rule.results |= (unsigned int)value;
	return r < 0 ? r : 0;
}

static void reset_result(struct uw_draft *draft)
{
	draft->rule->results_given = false;
	draft->rule->rule.results = UW_RESULT_ANY;
}

static int take_priority(struct uw_draft *draft, char *word)
{
	int value = 0, r;

	r = choose(draft, priorities,
		   "emerg, alert, crit, err, warning, notice, info, debug or 0 to 7", word, &value);
	if (r > 0)
		draft->rule->rule.priority = value;
	return r < 0 ? r : 0;
}

static void reset_priority(struct uw_draft *draft)
{
	draft->rule->rule.priority = UW_PRIORITY_DEFAULT;
}

static int take_probe(struct uw_draft *draft, char *word)
{
	int value = 0, r;

	r = choose(draft, probes, "auto, kprobe, fentry or tracepoint", word, &value);
	if (r > 0)
		draft->probe = (enum uw_probe_choice)value;
	return r < 0 ? r : 0;
}

static void reset_probe(struct uw_draft *draft)
{
	draft->probe = UW_CHOOSE_AUTO;
}

static int take_detail(struct uw_draft *draft, char *word)
{
	int value = 0, r;

	r = choose(draft, details, "minimal, standard or full", word, &value);
	if (r > 0)
		draft->detail = (enum uw_detail)value;
	return r < 0 ? r : 0;
}

static void reset_detail(struct uw_draft *draft)
{
	draft->detail = UW_DETAIL_DEFAULT;
}

static int take_ring_size(struct uw_draft *draft, char *word)
{
	return uw_draft_take_size(draft, word, RING_MIN, "64K", &draft->ring_size);
}

static void reset_ring_size(struct uw_draft *draft)
{
	draft->ring_size = UW_RING_SIZE_DEFAULT;
}

static int take_queue_size(struct uw_draft *draft, char *word)
{
	return uw_draft_take_size(draft, word, QUEUE_MIN, "1M", &draft->queue_size);
}

static void reset_queue_size(struct uw_draft *draft)
{
	draft->queue_size = UW_QUEUE_SIZE_DEFAULT;
}

static int take_burst(struct uw_draft *draft, char *word)
{
	return uw_draft_take_count(draft, word, 0, 1000000, &draft->storm.burst);
}

static void reset_burst(struct uw_draft *draft)
{
	draft->storm.burst = UW_BURST_DEFAULT;
}

static int take_interval(struct uw_draft *draft, char *word)
{
	return uw_draft_take_count(draft, word, 1, 3600, &draft->storm.interval_s);
}

static void reset_interval(struct uw_draft *draft)
{
	draft->storm.interval_s = UW_INTERVAL_DEFAULT;
}

static const struct key {
	const char *name;
	enum uw_section section;
	bool list;			       /* takes words; otherwise the value as it stands */
	void (*begin)(struct uw_draft *draft); /* before the first word, or NULL */
	int (*take)(struct uw_draft *draft, char *word);
	void (*reset)(struct uw_draft *draft);
} keys[] = {
	{ "Path", UW_SECTION_WATCH, true, NULL, take_path, reset_path },
	{ "ExcludePath", UW_SECTION_WATCH, true, begin_exclude, take_exclude, reset_exclude },
	{ "User", UW_SECTION_WATCH, true, begin_user, take_user, reset_user },
	{ "ExcludeUser", UW_SECTION_WATCH, true, begin_exclude_user, take_exclude_user,
	  reset_exclude_user },
	{ "Operation", UW_SECTION_WATCH, true, begin_operation, take_operation, reset_operation },
	{ "Result", UW_SECTION_WATCH, true, begin_result, take_result, reset_result },
	{ "Priority", UW_SECTION_WATCH, false, NULL, take_priority, reset_priority },
	{ "Probe", UW_SECTION_DAEMON, false, NULL, take_probe, reset_probe },
	{ "Detail", UW_SECTION_DAEMON, false, NULL, take_detail, reset_detail },
	{ "RingBufferSize", UW_SECTION_DAEMON, false, NULL, take_ring_size, reset_ring_size },
	{ "QueueSize", UW_SECTION_DAEMON, false, NULL, take_queue_size, reset_queue_size },
	{ "Burst", UW_SECTION_FLOOD, false, NULL, take_burst, reset_burst },
	{ "IntervalSec", UW_SECTION_FLOOD, false, NULL, take_interval, reset_interval },
};

#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

static int unknown_key(struct uw_draft *draft, const char *name)
{
	const char *section = uw_section_name(draft->section);
	char known[256] = "";

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
		if (keys[i].section == draft->section) {
			strcat(known, known[0] ? ", " : "");
			strcat(known, keys[i].name);
		}
	}
	return uw_draft_mistake(draft, "unknown key \"%s\" in section [%s]; known are %s",
				UW_SHOWN(name), section, known);
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
			r = key->take(draft, words.word);
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
		key->reset(draft);
		return 0;
	}
	draft->key = key->name;
	if (key->begin)
		key->begin(draft);
	r = key->list ? take_words(draft, ini, key, value) : key->take(draft, value);
	draft->key = NULL;
	return r;
}
