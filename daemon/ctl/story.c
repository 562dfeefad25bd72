// SPDX-License-Identifier: MIT
#include "ctl/story.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/hash.h"
#include "ctl/timespec.h"

#define GAP_US	(600 * UW_USEC_PER_S)
#define BUCKETS 1024
#define SETS	256

/* Records and stories that wait for others. More are shown before it is known what they are. */
#define WAITING_MAX 4096

struct run {
	struct run *next; /* in the bucket */
	struct uw_buf key;
	uint64_t hash;
	bool ended; /* what comes later is another run */
	struct uw_story story;
	struct uw_journal_record few[UW_STORY_NAMES];
	uint64_t n;	 /* records so far */
	size_t n_queued; /* entries */
};

/* A place in the order of the answer: of one of the few, which is that of the story if i is 0. */
struct entry {
	struct entry *next;
	struct run *run;
	size_t i;
};

/* The run of the names that have the same fields. */
struct set {
	uint64_t set;
	struct run *run; /* NULL: not known */
	bool last_link;	 /* they are files of which no name is left */
};

struct uw_stories {
	struct uw_story_env env;
	struct set set[SETS];
	struct run *bucket[BUCKETS];
	struct entry *head, **tail;
	size_t n; /* entries */
	uint64_t now_us;
	bool ended;
	struct uw_buf key;
	uint64_t seed;
};

static bool is_story(const struct run *run)
{
	return run->n > UW_STORY_NAMES;
}

/* ---- runs */

static void make_key(const struct uw_journal_record *record, struct uw_buf *key)
{
	static const enum uw_journal_record_field fields[] = {
		UW_JOURNAL_RECORD_HOSTNAME, UW_JOURNAL_RECORD_PID,     UW_JOURNAL_RECORD_COMM,
		UW_JOURNAL_RECORD_EXE,	    UW_JOURNAL_RECORD_UID,     UW_JOURNAL_RECORD_EUID,
		UW_JOURNAL_RECORD_FSUID,    UW_JOURNAL_RECORD_USER,    UW_JOURNAL_RECORD_LOGINUID,
		UW_JOURNAL_RECORD_LOGIN,    UW_JOURNAL_RECORD_SESSION, UW_JOURNAL_RECORD_CLIENT,
	};

	uw_buf_reset(key);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct uw_str value = record->value[fields[i]];

		uw_buf_add(key, &value.len, sizeof(value.len));
		uw_buf_add(key, value.s, value.len);
	}
}

static bool is_over(const struct uw_stories *stories, const struct run *run)
{
	return stories->ended || run->ended || run->story.first_us > stories->now_us + GAP_US;
}

static struct run *find_run(const struct uw_stories *stories, uint64_t hash)
{
	struct run *run = stories->bucket[hash % BUCKETS];

	for (; run; run = run->next)
		if (run->hash == hash && run->key.len == stories->key.len &&
		    !memcmp(run->key.p, stories->key.p, run->key.len) && !is_over(stories, run))
			return run;
	return NULL;
}

static struct run *new_run(struct uw_stories *stories, uint64_t hash)
{
	struct run *run = calloc(1, sizeof(*run));

	if (!run)
		return NULL;
	run->key = stories->key;
	stories->key = (struct uw_buf){ 0 };
	run->hash = hash;
	run->story.first_us = UINT64_MAX;
	run->next = stories->bucket[hash % BUCKETS];
	stories->bucket[hash % BUCKETS] = run;
	return run;
}

static void free_run(struct uw_stories *stories, struct run *run)
{
	struct run **at = &stories->bucket[run->hash % BUCKETS];

	while (*at != run)
		at = &(*at)->next;
	*at = run->next;
	for (size_t i = 0; i < SETS; i++)
		if (stories->set[i].run == run)
			stories->set[i].run = NULL;
	for (size_t i = 0; i < UW_STORY_NAMES; i++)
		uw_journal_record_done(&run->few[i]);
	uw_journal_record_done(&run->story.record);
	uw_buf_free(&run->story.first);
	uw_buf_free(&run->story.last);
	uw_buf_free(&run->story.largest);
	uw_buf_free(&run->key);
	free(run);
}

static void set_path(struct uw_buf *buf, struct uw_str dir, const char *slash, struct uw_str name)
{
	uw_buf_reset(buf);
	uw_buf_add(buf, dir.s, dir.len);
	uw_buf_puts(buf, slash);
	uw_buf_add(buf, name.s, name.len);
}

/* What a story adds up of one name. */
struct sum {
	uint64_t us;
	bool failed, unknown, moved;
	uint64_t bytes; /* of a file whose last name was removed */
	struct uw_str dir, name;
	const char *slash; /* between these */
};

static void add_to_story(struct uw_story *story, const struct sum *sum)
{
	if (sum->us < story->first_us) {
		story->first_us = sum->us;
		set_path(&story->first, sum->dir, sum->slash, sum->name);
	}
	if (sum->us >= story->last_us) {
		story->last_us = sum->us;
		set_path(&story->last, sum->dir, sum->slash, sum->name);
	}
	story->failed += sum->failed;
	story->unknown += sum->unknown;
	if (sum->failed || sum->unknown)
		return;
	*(sum->moved ? &story->moved : &story->removed) += 1;
	story->bytes += sum->bytes;
	if (sum->bytes > story->largest_bytes) {
		story->largest_bytes = sum->bytes;
		set_path(&story->largest, sum->dir, sum->slash, sum->name);
	}
}

static bool has_last_link(const struct uw_journal_record *record)
{
	return uw_journal_record_is(record, UW_JOURNAL_RECORD_NLINK, "0") &&
	       !uw_journal_record_is_of_directory(record);
}

static struct sum sum_of(const struct uw_journal_record *record)
{
	bool path = uw_journal_record_has(record, UW_JOURNAL_RECORD_PATH);
	struct sum sum = {
		.us = uw_journal_record_time(record),
		.failed = uw_journal_record_error(record),
		.unknown = uw_journal_record_is(record, UW_JOURNAL_RECORD_RET, "unknown"),
		.moved = uw_journal_record_is(record, UW_JOURNAL_RECORD_OP, "move") ||
			 uw_journal_record_is(record, UW_JOURNAL_RECORD_OP, "exchange"),
		.dir = { "", 0 },
		.name = record->value[path ? UW_JOURNAL_RECORD_PATH : UW_JOURNAL_RECORD_FILENAME],
		.slash = "",
	};

	if (sum.moved || !has_last_link(record) ||
	    !uw_journal_record_uint(record, UW_JOURNAL_RECORD_SIZE, &sum.bytes))
		sum.bytes = 0;
	return sum;
}

bool uw_stories_add_name(struct uw_stories *stories, uint64_t number, const struct uw_name *name)
{
	struct set *set = &stories->set[number % SETS];
	struct sum sum = { .us = name->time_us,
			   .failed = name->failed && name->error,
			   .unknown = name->failed && !name->error,
			   .moved = name->op == UW_OP_MOVE || name->op == UW_OP_EXCHANGE,
			   .dir = name->dir,
			   .name = name->name,
			   .slash = "/" };

	if (set->set != number || !set->run || !is_story(set->run) || !name->name.len)
		return false;
	stories->now_us = name->time_us;
	if (is_over(stories, set->run))
		return false;
	if (!sum.moved && name->op != UW_OP_RMDIR && set->last_link)
		sum.bytes = name->bytes;
	add_to_story(&set->run->story, &sum);
	set->run->n++;
	return true;
}

/* ---- the order of the answer */

static int add_entry(struct uw_stories *stories, struct run *run, size_t i)
{
	struct entry *entry = malloc(sizeof(*entry));

	if (!entry)
		return -ENOMEM;
	*entry = (struct entry){ .run = run, .i = i };
	*stories->tail = entry;
	stories->tail = &entry->next;
	stories->n++;
	run->n_queued++;
	return 0;
}

static struct entry *take_entry(struct uw_stories *stories)
{
	struct entry *entry = stories->head;

	stories->head = entry->next;
	if (!stories->head)
		stories->tail = &stories->head;
	stories->n--;
	return entry;
}

static void drop_entry(struct uw_stories *stories)
{
	struct entry *entry = take_entry(stories);

	if (!--entry->run->n_queued)
		free_run(stories, entry->run);
	free(entry);
}

static int show_story(struct uw_stories *stories, struct run *run)
{
	struct uw_story *story = &run->story;

	story->record = run->few[0];
	run->few[0] = (struct uw_journal_record){ 0 };
	run->ended = true;
	return stories->env.show_story(stories->env.ctx, story);
}

/* Puts the story at the end, for those that wait behind it. */
static void put_off(struct uw_stories *stories)
{
	struct entry *entry = take_entry(stories);

	entry->next = NULL;
	*stories->tail = entry;
	stories->tail = &entry->next;
	stories->n++;
}

/* Shows the first in the order. Returns 1, 0 if it is not known yet what it is, or -errno. */
static int show_first(struct uw_stories *stories, bool force)
{
	struct entry *entry = stories->head;
	struct run *run = entry->run;
	bool over = is_over(stories, run);
	int r = 0;

	if (!over && !force && !(is_story(run) && entry->i))
		return 0;
	if (!is_story(run)) {
		run->ended = true;
		r = stories->env.show_record(stories->env.ctx, &run->few[entry->i]);
	} else if (!entry->i) {
		r = show_story(stories, run);
	}
	drop_entry(stories);
	return r < 0 ? r : 1;
}

/* Too much waits: stories that go on are put off, which takes no memory; the rest is shown. */
static int make_room(struct uw_stories *stories)
{
	size_t n = stories->n;
	int r = 1;

	while (r > 0 && stories->n > WAITING_MAX) {
		const struct entry *entry = stories->head;

		if (n && is_story(entry->run) && !entry->i && !is_over(stories, entry->run)) {
			put_off(stories);
			n--;
		} else {
			r = show_first(stories, true);
		}
	}
	return r;
}

static int show_known(struct uw_stories *stories)
{
	int r = make_room(stories);

	while (r > 0 && stories->head)
		r = show_first(stories, false);
	return r < 0 ? r : 0;
}

/* A directory's record tells that by its operation, which is not one of the fields of the set. */
static void know_set(struct uw_stories *stories, uint64_t number, struct run *run,
		     const struct uw_journal_record *record)
{
	if (number && !uw_journal_record_is(record, UW_JOURNAL_RECORD_OP, "rmdir"))
		stories->set[number % SETS] = (struct set){ number, run, has_last_link(record) };
}

int uw_stories_add(struct uw_stories *stories, uint64_t set, struct uw_journal_record *record)
{
	struct sum sum = sum_of(record);
	struct run *run;
	uint64_t hash;
	int r = 0;

	stories->now_us = sum.us;
	make_key(record, &stories->key);
	if (stories->key.failed)
		return -ENOMEM;
	hash = uw_hash(stories->seed, stories->key.p, stories->key.len);
	run = find_run(stories, hash) ?: new_run(stories, hash);
	if (!run)
		return -ENOMEM;
	add_to_story(&run->story, &sum);
	know_set(stories, set, run, record);
	if (run->n < UW_STORY_NAMES) {
		run->few[run->n] = *record;
		*record = (struct uw_journal_record){ 0 };
		r = add_entry(stories, run, (size_t)run->n);
	}
	run->n++;
	return r < 0 ? r : show_known(stories);
}

int uw_stories_end(struct uw_stories *stories)
{
	stories->ended = true;
	return show_known(stories);
}

struct uw_stories *uw_stories_new(const struct uw_story_env *env)
{
	const void *random = (const void *)getauxval(AT_RANDOM);
	struct uw_stories *stories = calloc(1, sizeof(*stories));

	if (!stories)
		return NULL;
	stories->env = *env;
	stories->tail = &stories->head;
	/* Users choose what is hashed. */
	stories->seed = UW_HASH_START;
	if (random)
		memcpy(&stories->seed, random, sizeof(stories->seed));
	return stories;
}

void uw_stories_free(struct uw_stories *stories)
{
	if (!stories)
		return;
	while (stories->head)
		drop_entry(stories);
	uw_buf_free(&stories->key);
	free(stories);
}
