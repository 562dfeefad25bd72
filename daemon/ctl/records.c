// SPDX-License-Identifier: MIT
#include "ctl/records.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "config/words.h"
#include "ctl/timespec.h"
#include "record/message_ids.h"

#define LATE_US (2 * 3600 * UW_USEC_PER_S)

/* Records that are held back, if the times in them are far from those of the journal. */
#define HELD_MAX 10000

struct item {
	struct uw_name name; /* its texts are in the batch */
	size_t i;	     /* which one it is */
	size_t set;	     /* of its fields */
};

/* A record of the journal: one of a deletion, or a manifest with those of its names that count. */
struct batch {
	uint64_t us;	 /* of the next one to be returned */
	uint64_t serial; /* in the order in which they were read */
	struct uw_journal_record record;
	struct item *item; /* the oldest first */
	size_t first, n;   /* those from `first` on are left, up to n; 0: it is the record itself */
	char **text;	   /* the directories of the names */
	size_t n_texts;
	struct uw_str dir, host_dir; /* the last ones */
};

/* Whether names of a set of fields are wanted: 1, -1, or 0 if that is not known yet. */
struct set {
	const char *fields;
	signed char wanted[UW_OP_MAX][3]; /* of success, failure, unknown */
};

struct uw_records {
	struct uw_records_options options;
	struct uw_names_reader *names;
	struct uw_name_match match;
	struct set set[UW_NAMES_SETS];
	size_t n_sets;
	struct uw_journal_record expanded;
	struct batch **heap; /* the next one first */
	size_t n;
	struct batch *now;   /* what was stepped to, which is not in the heap */
	struct batch *spare; /* memory to be used again */
	uint64_t horizon_us; /* what is still to be read is not later */
	bool ended;
	size_t steps;
};

uint64_t uw_records_until(uint64_t until_us)
{
	return until_us > UINT64_MAX - LATE_US ? until_us : until_us + LATE_US;
}

/* ---- batches */

static struct batch *new_batch(struct uw_records *r)
{
	struct batch *b = r->spare ?: calloc(1, sizeof(*b));

	r->spare = NULL;
	if (b)
		b->serial = r->steps;
	return b;
}

/* Keeps the memory of the record. */
static void clear_batch(struct batch *b)
{
	for (size_t i = 0; i < b->n_texts; i++)
		free(b->text[i]);
	free(b->text);
	free(b->item);
	*b = (struct batch){ .record = b->record };
}

static void free_batch(struct batch *b)
{
	if (!b)
		return;
	clear_batch(b);
	uw_journal_record_done(&b->record);
	free(b);
}

static void drop_batch(struct uw_records *r, struct batch *b)
{
	clear_batch(b);
	free_batch(r->spare);
	r->spare = b;
}

/* Whether a comes before b. Of the same time, those that the journal has first come first. */
static bool is_before(const struct uw_records *r, const struct batch *a, const struct batch *b)
{
	if (a->us != b->us)
		return (a->us < b->us) == r->options.forward;
	return a->serial < b->serial;
}

static void swap(struct batch **a, struct batch **b)
{
	struct batch *c = *a;

	*a = *b;
	*b = c;
}

static int push(struct uw_records *r, struct batch *b)
{
	size_t i = r->n;

	if (!uw_array_room(r->heap, r->n)) {
		free_batch(b);
		return -ENOMEM;
	}
	r->heap[r->n++] = b;
	for (; i && is_before(r, r->heap[i], r->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&r->heap[i], &r->heap[(i - 1) / 2]);
	return 0;
}

static struct batch *pop(struct uw_records *r)
{
	struct batch *top = r->heap[0];
	size_t i = 0, child;

	r->heap[0] = r->heap[--r->n];
	while ((child = 2 * i + 1) < r->n) {
		if (child + 1 < r->n && is_before(r, r->heap[child + 1], r->heap[child]))
			child++;
		if (!is_before(r, r->heap[child], r->heap[i]))
			break;
		swap(&r->heap[i], &r->heap[child]);
		i = child;
	}
	return top;
}

/* ---- what the options want, as the index has it: see uw_reader_select() */

static bool is_by_user(const struct uw_journal_record *record, const char *user, const char *uid)
{
	return uw_journal_record_is(record, UW_JOURNAL_RECORD_USER, user) ||
	       (*uid && (uw_journal_record_is(record, UW_JOURNAL_RECORD_UID, uid) ||
			 uw_journal_record_is(record, UW_JOURNAL_RECORD_FSUID, uid) ||
			 uw_journal_record_is(record, UW_JOURNAL_RECORD_LOGINUID, uid)));
}

static bool is_of_unit(const struct uw_journal_record *record, const char *unit)
{
	char name[256];

	snprintf(name, sizeof(name), "%s%s", unit, strchr(unit, '.') ? "" : ".service");
	return uw_journal_record_is(record, UW_JOURNAL_RECORD_UNIT, name);
}

static bool has_rule(const struct uw_journal_record *record, const char *rule)
{
	for (size_t i = 0; i < record->n_rules; i++)
		if (uw_str_is(record->rule[i], rule))
			return true;
	return false;
}

static bool has_operation(const struct uw_journal_record *record, unsigned int operations)
{
	for (const struct uw_word *op = uw_op_words; op->word; op++)
		if (operations >> op->value & 1 &&
		    uw_journal_record_is(record, UW_JOURNAL_RECORD_OP, op->word))
			return true;
	return false;
}

/* Of a summary, deletions without a name are meant: who wants any for a note. */
static bool wants(const struct uw_records *r, const struct uw_journal_record *record)
{
	const char *uid;
	const struct uw_ctl_options *o = uw_reader_options(r->options.reader, &uid);

	if (o->command == UW_CMD_WHO && uw_is_summary(record))
		return true;
	return (!o->failed ||
		uw_journal_record_is(record, UW_JOURNAL_RECORD_MESSAGE_ID, UW_ID_FAILED)) &&
	       (!o->unit || is_of_unit(record, o->unit)) &&
	       (!o->rule || has_rule(record, o->rule)) &&
	       (!o->under || uw_journal_record_is_under(record, o->under)) &&
	       (!o->operations || has_operation(record, o->operations)) &&
	       (!o->user || is_by_user(record, o->user, uid));
}

/* ---- the names of a manifest */

static size_t set_of(struct uw_records *r, const struct uw_name *name)
{
	for (size_t i = r->n_sets; i-- > 0;)
		if (r->set[i].fields == name->fields.s)
			return i;
	r->set[r->n_sets] = (struct set){ .fields = name->fields.s };
	return r->n_sets++;
}

static int judge(struct uw_records *r, const struct batch *b, const struct uw_name *name)
{
	int result = uw_manifest_expand(&b->record, name, 0, &r->expanded);

	return result < 0 ? result : wants(r, &r->expanded);
}

/* Its own fields may also contradict the path. */
static int judge_alone(struct uw_records *r, const struct batch *b, const struct uw_name *name)
{
	const struct uw_query *query = r->options.query;
	int result = judge(r, b, name);

	return result > 0 && query ? uw_record_matches(query, &r->expanded) : result;
}

/* Whether the name counts: 1, 0 or -ENOMEM. Names that differ only in the file are judged once. */
static int is_wanted(struct uw_records *r, const struct batch *b, const struct uw_name *name)
{
	signed char *wanted;
	int result;

	if (name->time_us < r->options.since_us || name->time_us > r->options.until_us ||
	    !uw_name_matches(&r->match, name))
		return 0;
	if (name->more.len)
		return judge_alone(r, b, name);
	wanted = &r->set[set_of(r, name)].wanted[name->op][!name->failed ? 0 : name->error ? 1 : 2];
	if (!*wanted) {
		result = judge(r, b, name);
		if (result < 0)
			return result;
		*wanted = result ? 1 : -1;
	}
	return *wanted > 0;
}

/* A copy of a text, which is the last one if they are equal. */
static int keep_text(struct batch *b, struct uw_str text, struct uw_str *last)
{
	char *copy;

	if (uw_str_equal(text, *last))
		return 0;
	copy = text.len ? malloc(text.len) : NULL;
	if (text.len && (!copy || !uw_array_room(b->text, b->n_texts))) {
		free(copy);
		return -ENOMEM;
	}
	*last = (struct uw_str){ "", 0 };
	if (!copy)
		return 0;
	b->text[b->n_texts++] = memcpy(copy, text.s, text.len);
	*last = (struct uw_str){ copy, text.len };
	return 0;
}

static int add_item(struct batch *b, const struct uw_name *name, size_t i, size_t set)
{
	if (!uw_array_room(b->item, b->n) || keep_text(b, name->dir, &b->dir) < 0 ||
	    keep_text(b, name->host_dir, &b->host_dir) < 0)
		return -ENOMEM;
	b->item[b->n] = (struct item){ .name = *name, .i = i, .set = set };
	b->item[b->n].name.dir = b->dir;
	b->item[b->n].name.host_dir = b->host_dir;
	b->n++;
	return 0;
}

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->name.time_us != y->name.time_us)
		return x->name.time_us < y->name.time_us ? -1 : 1;
	return x->i < y->i ? -1 : x->i > y->i;
}

/* They nearly are: the daemon has them from several CPUs. */
static void sort_items(struct batch *b)
{
	for (size_t i = 1; i < b->n; i++) {
		if (b->item[i].name.time_us < b->item[i - 1].name.time_us) {
			qsort(b->item, b->n, sizeof(*b->item), compare_items);
			return;
		}
	}
}

/* Reads the names that count. What is behind damaged bytes has no name. 0 or -ENOMEM. */
static int read_names(struct uw_records *r, struct batch *b, uint64_t *ret_n, uint64_t *ret_failed)
{
	struct uw_name name;
	int result;

	r->n_sets = 0;
	r->match.fields = NULL;
	*ret_n = *ret_failed = 0;
	uw_names_reader_begin(r->names, b->record.value[UW_JOURNAL_RECORD_NAMES]);
	while ((result = uw_names_read(r->names, &name)) > 0) {
		result = is_wanted(r, b, &name);
		if (result > 0)
			result = add_item(b, &name, *ret_n, set_of(r, &name));
		if (result < 0)
			return result;
		++*ret_n;
		*ret_failed += name.failed && name.error;
	}
	sort_items(b);
	return result == -ENOMEM ? result : 0;
}

/* ---- reading */

static const struct item *next_item(const struct uw_records *r, const struct batch *b)
{
	return b->n ? &b->item[r->options.forward ? b->first : b->n - 1] : NULL;
}

/* Puts it where its next record belongs; drops it if there is none. */
static int queue(struct uw_records *r, struct batch *b)
{
	b->us = b->n ? next_item(r, b)->name.time_us : uw_journal_record_time(&b->record);
	return push(r, b);
}

/* The deletions of a summary that have no name. */
static int add_rest(struct uw_records *r, const struct batch *manifest, uint64_t n, uint64_t failed)
{
	struct batch *b = new_batch(r);
	int result = b ? uw_manifest_rest(&manifest->record, n, failed, &b->record) : -ENOMEM;

	if (result > 0 && b->record.realtime_us <= r->options.until_us && wants(r, &b->record))
		return queue(r, b);
	if (b)
		drop_batch(r, b);
	return result < 0 ? result : 0;
}

static int add_manifest(struct uw_records *r, struct batch *b)
{
	uint64_t n, failed;
	int result = read_names(r, b, &n, &failed);

	if (result == 0)
		result = add_rest(r, b, n, failed);
	if (result < 0 || !b->n) {
		drop_batch(r, b);
		return result;
	}
	return queue(r, b);
}

/* Whether the record that was read counts, unless it is a manifest. */
static bool counts(const struct uw_records *r, const struct uw_journal_record *record)
{
	const char *uid;
	const struct uw_ctl_options *o = uw_reader_options(r->options.reader, &uid);

	if (record->realtime_us > r->options.until_us)
		return false;
	/* The index does not know the numbers of ancestors. */
	return uw_is_summary(record) ? wants(r, record)
				     : !o->under || uw_journal_record_is_under(record, o->under);
}

static int add(struct uw_records *r, struct uw_reader *reader)
{
	struct batch *b = new_batch(r);
	uint64_t number = 0;

	if (!b)
		return -ENOMEM;
	if (uw_reader_read(reader, &b->record) < 0 ||
	    (r->options.numbers && uw_reader_number(reader, &number) < 0)) {
		drop_batch(r, b); /* a damaged record */
		return 0;
	}
	b->record.number = number << UW_MANIFEST_NAMES_BITS;
	if (uw_is_manifest(&b->record))
		return add_manifest(r, b);
	if (counts(r, &b->record))
		return queue(r, b);
	drop_batch(r, b);
	return 0;
}

/* Reads one more record of the journal. Returns 1, 0 at the end, or -errno. */
static int read_one(struct uw_records *r)
{
	struct uw_reader *reader = r->options.reader;
	int result;

	if (r->options.scan)
		result = uw_journal_scan_previous(r->options.scan, &reader);
	else
		result = r->options.forward ? uw_reader_next(reader)
					    : uw_reader_previous_in_span(reader);
	if (result <= 0)
		return result;
	r->steps++;
	r->horizon_us = uw_reader_time(reader);
	result = add(r, reader);
	return result < 0 ? result : 1;
}

/* Takes away what was stepped to. */
static int leave(struct uw_records *r)
{
	struct batch *b = r->now;

	r->now = NULL;
	if (!b)
		return 0;
	if (b->n && r->options.forward)
		b->first++;
	else if (b->n)
		b->n--;
	if (b->n > b->first)
		return queue(r, b);
	drop_batch(r, b);
	return 0;
}

int uw_records_step(struct uw_records *r)
{
	int result = leave(r);

	while (result >= 0) {
		if (r->n && (r->options.forward || r->ended || r->n > HELD_MAX ||
			     r->heap[0]->us >= r->horizon_us)) {
			r->now = pop(r);
			return 1;
		}
		if (r->ended)
			return 0;
		result = read_one(r);
		if (result == 0 && r->options.forward)
			return 0;
		r->ended = result == 0;
	}
	return result;
}

int uw_records_take(struct uw_records *r, struct uw_journal_record *ret)
{
	const struct item *item = next_item(r, r->now);
	struct uw_journal_record record;

	if (item)
		return uw_manifest_expand(&r->now->record, &item->name, item->i, ret);
	record = r->now->record;
	r->now->record = *ret;
	*ret = record;
	return 0;
}

int uw_records_next(struct uw_records *r, struct uw_journal_record *ret)
{
	int result = uw_records_step(r);

	if (result > 0 && uw_records_take(r, ret) < 0)
		return -ENOMEM;
	return result;
}

const struct uw_name *uw_records_name(const struct uw_records *r, uint64_t *ret_set)
{
	const struct item *item = next_item(r, r->now);

	if (!item || item->name.more.len)
		return NULL;
	*ret_set = r->now->serial * UW_NAMES_SETS + item->set;
	return &item->name;
}

size_t uw_records_steps(const struct uw_records *r)
{
	return r->steps;
}

int uw_records_open(const struct uw_records_options *options, struct uw_records **ret)
{
	struct uw_records *r = calloc(1, sizeof(*r));
	int result = 0;

	if (!r)
		return -ENOMEM;
	r->options = *options;
	r->match.query = options->query;
	r->names = uw_names_reader_new();
	if (!r->names)
		result = -ENOMEM;
	else if (!options->scan && !options->forward)
		result = uw_reader_seek_span(options->reader, options->since_us,
					     uw_records_until(options->until_us));
	if (result < 0) {
		uw_records_close(r);
		return result;
	}
	*ret = r;
	return 0;
}

void uw_records_close(struct uw_records *r)
{
	if (!r)
		return;
	while (r->n)
		free_batch(r->heap[--r->n]);
	free_batch(r->now);
	free_batch(r->spare);
	free(r->heap);
	uw_names_reader_free(r->names);
	uw_journal_record_done(&r->expanded);
	uw_buf_free(&r->match.path);
	free(r);
}
