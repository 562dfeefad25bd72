// SPDX-License-Identifier: MIT
#include "ctl/follow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/path_index.h"

/* A name that was never there would otherwise be sought through each move of its directory. */
#define GUESSES 16

/* ---- one record */

static struct uw_str host_path(const struct uw_journal_record *record,
			       enum uw_journal_record_field host, enum uw_journal_record_field own)
{
	return record->value[record->value[host].s ? host : own];
}

struct uw_str uw_record_path_from(const struct uw_journal_record *record)
{
	if (uw_journal_record_is(record, UW_JOURNAL_RECORD_OP, "rename"))
		return host_path(record, UW_JOURNAL_RECORD_HOST_REPLACED_BY,
				 UW_JOURNAL_RECORD_REPLACED_BY);
	return host_path(record, UW_JOURNAL_RECORD_HOST_PATH, UW_JOURNAL_RECORD_PATH);
}

bool uw_record_is_from(const struct uw_journal_record *record, const char *path)
{
	struct uw_str from = uw_record_path_from(record);

	return uw_str_is(from, path) ||
	       (!uw_journal_record_is(record, UW_JOURNAL_RECORD_OP, "rename") &&
		uw_str_is(record->value[UW_JOURNAL_RECORD_UPPER_PATH], path));
}

static struct uw_str path_to(const struct uw_journal_record *record)
{
	if (uw_journal_record_is(record, UW_JOURNAL_RECORD_OP, "rename"))
		return host_path(record, UW_JOURNAL_RECORD_HOST_PATH, UW_JOURNAL_RECORD_PATH);
	return host_path(record, UW_JOURNAL_RECORD_HOST_MOVED_TO, UW_JOURNAL_RECORD_MOVED_TO);
}

static bool covers(struct uw_str dir, const char *path)
{
	return dir.len > 1 && *dir.s == '/' &&
	       uw_path_index_covers(dir.s, dir.len, path, strlen(path));
}

struct uw_touch uw_touch_of(const struct uw_journal_record *record, const char *path)
{
	struct uw_str from = uw_record_path_from(record), to = path_to(record);
	struct uw_str upper = record->value[UW_JOURNAL_RECORD_UPPER_PATH];
	bool rename = uw_journal_record_is(record, UW_JOURNAL_RECORD_OP, "rename"),
	     exchange = uw_journal_record_is(record, UW_JOURNAL_RECORD_OP, "exchange"), leaves;
	struct uw_touch touch = { 0 };

	/* The path in the upper directory stands for UNLINK_PATH where somebody asks for it. */
	if (covers(upper, path) && rename)
		to = upper;
	else if (covers(upper, path))
		from = upper;
	touch.to = to;
	leaves = covers(from, path);
	if (!uw_journal_record_is(record, UW_JOURNAL_RECORD_RET, "0") ||
	    (!leaves && !covers(to, path)))
		return touch;
	touch.rest = leaves ? from.len : to.len;
	touch.above = path[touch.rest];
	if (leaves && to.len) {
		touch.type = UW_TOUCH_MOVED;
	} else if (leaves) {
		touch.type = touch.above ? UW_TOUCH_ABSENT : UW_TOUCH_REMOVED;
	} else if (exchange) {
		touch.type = UW_TOUCH_MOVED;
		touch.far = true;
		touch.to = from;
	} else {
		/* Only an empty directory is replaced. */
		touch.type = rename && !touch.above ? UW_TOUCH_REPLACED : UW_TOUCH_ABSENT;
	}
	return touch;
}

struct uw_record_key uw_record_key_of(const struct uw_journal_record *record)
{
	struct uw_record_key key = { .arrived_us = record->realtime_us, .number = record->number };

	if (!uw_journal_record_uint(record, UW_JOURNAL_RECORD_TIME, &key.ns))
		key.ns = record->realtime_us * 1000;
	return key;
}

int uw_record_key_compare(const struct uw_record_key *a, const struct uw_record_key *b)
{
	if (a->ns != b->ns)
		return a->ns < b->ns ? -1 : 1;
	if (a->arrived_us != b->arrived_us)
		return a->arrived_us < b->arrived_us ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

/*
 * Whether they are copies of one record, or the two of one exchange, of which a manifest may have
 * one, with its time in microseconds.
 */
static bool is_same_event(const struct uw_journal_record *a, const struct uw_journal_record *b)
{
	struct uw_str a_from = uw_record_path_from(a), a_to = path_to(a),
		      b_from = uw_record_path_from(b), b_to = path_to(b);

	return uw_record_key_of(a).ns / 1000 == uw_record_key_of(b).ns / 1000 &&
	       uw_str_equal(a->value[UW_JOURNAL_RECORD_PID], b->value[UW_JOURNAL_RECORD_PID]) &&
	       uw_str_equal(a->value[UW_JOURNAL_RECORD_OP], b->value[UW_JOURNAL_RECORD_OP]) &&
	       ((uw_str_equal(a_from, b_from) && uw_str_equal(a_to, b_to)) ||
		(uw_journal_record_is(a, UW_JOURNAL_RECORD_OP, "exchange") &&
		 uw_str_equal(a_from, b_to) && uw_str_equal(a_to, b_from)));
}

/*
 * The identity of the file that the touch is about, if the record has it. overlayfs, whose device
 * has the major number 0, may number a directory anew.
 */
static struct uw_file_id id_of(const struct uw_journal_record *record, const struct uw_touch *touch)
{
	bool source = touch->type == UW_TOUCH_MOVED &&
		      uw_journal_record_is(record, UW_JOURNAL_RECORD_OP, "rename");
	struct uw_str dev = record->value[UW_JOURNAL_RECORD_DEV];
	struct uw_file_id id = { 0 };

	if (touch->above || touch->far || touch->type == UW_TOUCH_ABSENT ||
	    (uw_journal_record_is_of_directory(record) && dev.len > 2 && !memcmp(dev.s, "0:", 2)))
		return id;
	id.known = uw_journal_record_uint(
		record, source ? UW_JOURNAL_RECORD_REPLACED_BY_INODE : UW_JOURNAL_RECORD_INODE,
		&id.inode);
	if (id.known && dev.len < sizeof(id.dev) && dev.s)
		memcpy(id.dev, dev.s, dev.len);
	return id;
}

static bool is_other_file(const struct uw_file_id *a, const struct uw_file_id *b)
{
	if (!a->known || !b->known)
		return false;
	return a->inode != b->inode || (*a->dev && *b->dev && strcmp(a->dev, b->dev));
}

/* ---- a trail */

/* Adds a step, and takes the record over. Returns 0 or -ENOMEM. */
static int add_step(struct uw_trail *trail, const char *path, struct uw_journal_record *record)
{
	struct uw_touch touch = uw_touch_of(record, path);
	struct uw_file_id id = id_of(record, &touch);
	struct uw_trail_step step = { .type = touch.type, .above = touch.above };

	if (is_other_file(&trail->id, &id))
		step.type = UW_TOUCH_ABSENT;
	else if (id.known)
		trail->id = id;
	if (step.type != UW_TOUCH_MOVED)
		step.path = strdup(path);
	else if (asprintf(&step.path, "%.*s%s", (int)touch.to.len, touch.to.s, path + touch.rest) <
		 0)
		step.path = NULL;
	if (!step.path || !uw_array_room(trail->step, trail->n)) {
		free(step.path);
		return -ENOMEM;
	}
	step.record = *record;
	*record = (struct uw_journal_record){ 0 };
	trail->step[trail->n++] = step;
	return 0;
}

/*
 * Reads the nearest record. If it is the one of an exchange that is about the other file, reads the
 * one about this file instead, if there is one.
 */
static int read_nearest(const struct uw_follow_env *env, struct uw_str host, const char *path,
			const struct uw_record_key *key, bool before, struct uw_journal_record *ret)
{
	struct uw_journal_record twin = { 0 };
	struct uw_record_key far;
	int r = env->nearest(env->ctx, host, path, key, before, ret);

	if (r <= 0 || !uw_touch_of(ret, path).far)
		return r;
	far = uw_record_key_of(ret);
	r = env->nearest(env->ctx, host, path, &far, before, &twin);
	if (r > 0 && is_same_event(ret, &twin) && !uw_touch_of(&twin, path).far) {
		uw_journal_record_done(ret);
		*ret = twin;
		return 1;
	}
	uw_journal_record_done(&twin);
	return r < 0 ? r : 1;
}

/* Adds steps until the file ends, or no record is left. Each is later than the one before. */
static int follow_on(const struct uw_follow_env *env, struct uw_trail *trail)
{
	struct uw_record_key key = uw_record_key_of(&trail->step[0].record);
	struct uw_str host = trail->step[0].record.value[UW_JOURNAL_RECORD_HOSTNAME];
	struct uw_journal_record next = { 0 };
	int r = 0;

	while (r >= 0 && trail->step[trail->n - 1].type == UW_TOUCH_MOVED) {
		const struct uw_trail_step *last = &trail->step[trail->n - 1];

		r = read_nearest(env, host, last->path, &key, false, &next);
		if (r <= 0)
			break;
		key = uw_record_key_of(&next);
		if (!is_same_event(&next, &last->record))
			r = add_step(trail, last->path, &next);
	}
	uw_journal_record_done(&next);
	return r < 0 ? r : 0;
}

int uw_trail_follow(const struct uw_follow_env *env, const char *path,
		    struct uw_journal_record *record, struct uw_trail *ret)
{
	const struct uw_trail_step *last;
	int r;

	*ret = (struct uw_trail){ .asked = strdup(path), .end = UW_TRAIL_THERE };
	r = ret->asked ? add_step(ret, path, record) : -ENOMEM;
	if (r == 0)
		r = follow_on(env, ret);
	if (r < 0)
		return r;
	last = &ret->step[ret->n - 1];
	if (last->type == UW_TOUCH_REMOVED)
		ret->end = UW_TRAIL_REMOVED;
	else if (last->type == UW_TOUCH_REPLACED)
		ret->end = UW_TRAIL_REPLACED;
	else if (last->type == UW_TOUCH_ABSENT)
		ret->end = UW_TRAIL_LOST;
	else
		ret->look = env->look(env->ctx, last->path, &ret->id,
				      uw_journal_record_time(&last->record));
	if (ret->look == UW_LOOK_GONE || ret->look == UW_LOOK_OTHER)
		ret->end = UW_TRAIL_LOST;
	return 0;
}

static bool is_certain(const struct uw_trail *trail)
{
	for (size_t i = 0; i < trail->n; i++)
		if (!trail->step[i].above && trail->step[i].type != UW_TOUCH_ABSENT)
			return true;
	return false;
}

bool uw_trail_is_answer(const struct uw_trail *trail)
{
	return trail->end == UW_TRAIL_LOST ? !trail->n || is_certain(trail)
					   : trail->end != UW_TRAIL_NO_RECORD;
}

const char *uw_trail_path(const struct uw_trail *trail)
{
	return trail->n ? trail->step[trail->n - 1].path : trail->asked;
}

size_t uw_trail_moves(const struct uw_trail *trail)
{
	if (!trail->n || trail->step[trail->n - 1].type == UW_TOUCH_MOVED)
		return trail->n;
	return trail->n - 1;
}

void uw_trail_done(struct uw_trail *trail)
{
	for (size_t i = 0; i < trail->n; i++) {
		uw_journal_record_done(&trail->step[i].record);
		free(trail->step[i].path);
	}
	free(trail->step);
	free(trail->asked);
	*trail = (struct uw_trail){ 0 };
}

/* ---- which file lost the name */

struct search {
	const struct uw_follow_env *env;
	const char *path;
	struct uw_str host; /* of the newest record; ours */
	/* Moves of directories above the name that may have taken a file along, newest first. */
	struct uw_journal_record *guess;
	size_t n_guesses;
	struct uw_journal_record loss; /* the newest one that certainly took a file from there */
	bool found;
	bool occupied; /* the records have another file come to the name later than that */
};

static int add_guess(struct search *s, struct uw_journal_record *record)
{
	if (!uw_array_room(s->guess, s->n_guesses))
		return -ENOMEM;
	s->guess[s->n_guesses++] = *record;
	*record = (struct uw_journal_record){ 0 };
	return 0;
}

/* A file was at the name since this record, so the first move after it took that file along. */
static bool confirm_guess(struct search *s)
{
	if (!s->n_guesses)
		return false;
	s->loss = s->guess[--s->n_guesses];
	return true;
}

/* Goes back through the records of the name up to the newest certain loss. */
static int find_loss(struct search *s)
{
	struct uw_record_key key = { UINT64_MAX, UINT64_MAX, UINT64_MAX };
	struct uw_journal_record record = { 0 };
	int r = 0;

	while (!s->found && r >= 0 &&
	       (r = read_nearest(s->env, s->host, s->path, &key, true, &record)) > 0) {
		struct uw_touch touch = uw_touch_of(&record, s->path);
		bool moved = touch.type == UW_TOUCH_MOVED,
		     comes = touch.type == UW_TOUCH_ABSENT || touch.type == UW_TOUCH_REPLACED ||
			     (moved &&
			      uw_journal_record_is(&record, UW_JOURNAL_RECORD_OP, "exchange"));

		if (!s->host.s) {
			struct uw_str host = record.value[UW_JOURNAL_RECORD_HOSTNAME];

			s->host = (struct uw_str){ strndup(host.s ?: "", host.len), host.len };
		}
		key = uw_record_key_of(&record);
		if (!touch.above && comes && confirm_guess(s)) {
			s->found = true;
		} else if (touch.above) {
			r = moved ? add_guess(s, &record) : 0;
		} else if (touch.type == UW_TOUCH_ABSENT) {
			s->occupied = true;
		} else {
			s->loss = record;
			record = (struct uw_journal_record){ 0 };
			s->found = true;
		}
	}
	uw_journal_record_done(&record);
	return r < 0 ? r : 0;
}

/*
 * Whether a file went with the directory. If the name is known to have been lost before, only the
 * file system can tell: records of the new name may be about a file that was made there later.
 */
static bool is_believed(const struct uw_trail *trail, bool found)
{
	return (trail->end == UW_TRAIL_THERE && trail->look == UW_LOOK_THERE) ||
	       (!found && is_certain(trail));
}

/* Follows the newest move of a directory that took a file along. Returns 1 if there is one, or 0.
 */
static int try_guesses(struct search *s, struct uw_trail *ret)
{
	struct uw_trail first = { 0 };
	bool believed = false;
	int r = 0;

	for (size_t i = 0; i < s->n_guesses && i < GUESSES && r == 0 && !believed; i++) {
		struct uw_trail trail;

		r = uw_trail_follow(s->env, s->path, &s->guess[i], &trail);
		believed = r == 0 && is_believed(&trail, s->found);
		if (!i || believed) {
			uw_trail_done(&first);
			first = trail;
		} else {
			uw_trail_done(&trail);
		}
	}
	/* The records of another machine are all that there is. Here, say where it is not. */
	if (r < 0 || (!believed && (s->found || !first.n))) {
		uw_trail_done(&first);
		return r;
	}
	*ret = first;
	return 1;
}

int uw_trail_find(const struct uw_follow_env *env, const char *path, struct uw_trail *ret)
{
	static const struct uw_file_id any;
	struct search s = { .env = env, .path = path };
	enum uw_look look = env->look(env->ctx, path, &any, UINT64_MAX);
	int r = find_loss(&s);

	*ret = (struct uw_trail){ 0 };
	if (r == 0)
		r = try_guesses(&s, ret);
	/* A guess that leads nowhere is no answer about a file that is there. */
	if (r > 0 && !uw_trail_is_answer(ret) && look == UW_LOOK_THERE) {
		uw_trail_done(ret);
		r = 0;
	}
	if (r == 0 && s.found) {
		r = uw_trail_follow(env, path, &s.loss, ret);
	} else if (r == 0) {
		*ret = (struct uw_trail){ .asked = strdup(path), .look = look };
		r = ret->asked ? 0 : -ENOMEM;
		if (look == UW_LOOK_THERE || (s.occupied && look == UW_LOOK_UNKNOWN))
			ret->end = UW_TRAIL_THERE;
		else if (s.occupied)
			ret->end = UW_TRAIL_LOST;
	}
	ret->asked_look = look;
	for (size_t i = 0; i < s.n_guesses; i++)
		uw_journal_record_done(&s.guess[i]);
	free(s.guess);
	free((char *)s.host.s);
	uw_journal_record_done(&s.loss);
	return r < 0 ? r : 0;
}
