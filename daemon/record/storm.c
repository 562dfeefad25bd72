// SPDX-License-Identifier: MIT
#include "record/storm.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"

/* The table of programs. In each bucket a new program replaces the one that has been idle longest. */
#define BUCKETS 256
#define WAYS	8

#define SUMMARIES UW_STORM_SUMMARIES

/* What counts together. */
enum counted_by {
	BY_PARENT,  /* deletions by one program under one parent */
	BY_PROCESS, /* deletions by one process */
	BY_ACCOUNT, /* all failed attempts of one user */
	BY_USER,    /* the deletions of one user that belong to no storm of a program */
};

/* Who deletes, or tries to. */
struct who {
	uint32_t by;	  /* enum counted_by */
	uint32_t uid;	  /* that the file system checked, or the account */
	uint32_t process; /* the parent or the process itself; 0: all */
	uint32_t reserved;
	uint64_t program; /* a hash of the executable or comm; 0: all */
};

struct program {
	bool used;
	bool storming;
	struct who who;
	uint64_t since_ns; /* begin of the present interval */
	uint64_t last_ns;
	uint64_t n; /* deletions in the interval */
};

/* The owner of a summary, kept apart so that a search does not touch the large summaries. */
struct slot {
	bool used;
	bool due;
	struct who who;
};

struct uw_storm {
	struct program programs[BUCKETS][WAYS];
	struct slot slots[SUMMARIES];
	uint64_t serial;
	size_t n_used;
	size_t n_undo;
	struct {
		uint64_t slot; /* from 1 */
		bool used;
		uint64_t succeeded, failed, unknown, unnamed;
		size_t names_len;
	} undo[UW_STORM_TAKES];
	struct uw_summary summaries[SUMMARIES]; /* of each slot */
};

uint64_t uw_summary_count(const struct uw_summary *s)
{
	return s->succeeded + s->failed + s->unknown;
}

struct uw_str uw_summary_dir(const struct uw_summary *s)
{
	return s->dir.len ? uw_storm_str(&s->dir) : (struct uw_str){ "/", 1 };
}

size_t uw_storm_size(void)
{
	return sizeof(struct uw_storm);
}

void uw_storm_recover(struct uw_storm *f, bool undo, uint64_t written)
{
	struct uw_summary *summary;
	size_t i;

	for (i = undo && f->n_undo <= UW_STORM_TAKES ? f->n_undo : 0; i--;) {
		if (!f->undo[i].slot || f->undo[i].slot > SUMMARIES)
			continue;
		f->slots[f->undo[i].slot - 1].used = f->undo[i].used;
		summary = &f->summaries[f->undo[i].slot - 1];
		summary->succeeded = f->undo[i].succeeded;
		summary->failed = f->undo[i].failed;
		summary->unknown = f->undo[i].unknown;
		summary->unnamed = f->undo[i].unnamed;
		summary->names_len = f->undo[i].names_len;
	}
	if (written && written <= SUMMARIES)
		f->slots[written - 1].used = false;
	f->n_used = 0;
	for (i = 0; i < SUMMARIES; i++) {
		f->n_used += f->slots[i].used;
		f->slots[i].due = f->slots[i].used;
	}
}

void uw_storm_mark(struct uw_storm *f)
{
	f->n_undo = 0;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* Saves the counts for uw_storm_recover(). Everything else may be done twice without harm. */
static void remember(struct uw_storm *f, size_t i)
{
	size_t n = f->n_undo;

	assert(n < UW_STORM_TAKES);
	f->undo[n].slot = i + 1;
	f->undo[n].used = f->slots[i].used;
	f->undo[n].succeeded = f->summaries[i].succeeded;
	f->undo[n].failed = f->summaries[i].failed;
	f->undo[n].unknown = f->summaries[i].unknown;
	f->undo[n].unnamed = f->summaries[i].unnamed;
	f->undo[n].names_len = f->summaries[i].names_len;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	f->n_undo = n + 1;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static struct who who_is(const struct uw_record *r)
{
	struct uw_str program = r->exe.len ? r->exe : r->comm;
	struct who who = { 0 };

	if (r->ret_known && r->ret) {
		who.by = BY_ACCOUNT;
		who.uid = r->account;
		return who;
	}
	who.uid = r->fsuid;
	who.by = r->task_known && r->ppid > 1 ? BY_PARENT : BY_PROCESS;
	who.process = who.by == BY_PARENT ? r->ppid : r->pid;
	/* A user who makes the hashes of two programs collide only merges his own two storms. */
	who.program = uw_hash(UW_HASH_START, program.s, program.len);
	return who;
}

static bool same(const struct who *a, const struct who *b)
{
	return a->by == b->by && a->uid == b->uid && a->process == b->process &&
	       a->program == b->program;
}

/* Completes the summaries of a program, which are then due. */
static void close_slots(struct uw_storm *f, const struct who *who)
{
	size_t i;

	for (i = 0; i < SUMMARIES && f->n_used; i++)
		if (f->slots[i].used && same(&f->slots[i].who, who))
			f->slots[i].due = true;
}

static struct program *bucket_of(struct uw_storm *f, const struct who *who)
{
	uint64_t h = uw_hash_number(who->program, (uint64_t)who->by << 32 | who->uid);

	h = uw_hash_number(h, who->process);
	return f->programs[(h ^ h >> 32) % BUCKETS];
}

/* NULL if it is not there. */
static struct program *look_up(struct program *bucket, const struct who *who)
{
	size_t i;

	for (i = 0; i < WAYS; i++)
		if (bucket[i].used && same(&bucket[i].who, who))
			return &bucket[i];
	return NULL;
}

static struct program *find_program(struct uw_storm *f, const struct who *who, uint64_t now_ns)
{
	struct program *bucket = bucket_of(f, who), *victim = look_up(bucket, who);
	size_t i;

	if (victim)
		return victim;
	victim = bucket;
	for (i = 0; i < WAYS; i++) {
		if (victim->used && (!bucket[i].used || bucket[i].last_ns < victim->last_ns))
			victim = &bucket[i];
	}
	if (victim->used && victim->storming)
		close_slots(f, &victim->who);
	*victim = (struct program){ .used = true, .who = *who, .since_ns = now_ns };
	return victim;
}

/* Not root, whose programs are those of the system. */
static bool is_limited(const struct uw_record *r)
{
	return r->account != 0;
}

static uint64_t limit_of(const struct program *p, const struct uw_storm_limit *limit)
{
	return p->who.by == BY_USER ? UW_STORM_USER_TIMES * (uint64_t)limit->burst : limit->burst;
}

static bool is_over(uint64_t since_ns, const struct uw_storm_limit *limit, uint64_t now_ns)
{
	/* Events of several CPUs do not arrive in order of time. */
	return now_ns > since_ns && now_ns - since_ns >= limit->interval_s * UW_NS_PER_S;
}

/* A storm ends with an interval of at most as many deletions as the budget has. */
static void next_interval(struct uw_storm *f, struct program *p, const struct uw_storm_limit *limit,
			  uint64_t now_ns)
{
	if (p->storming)
		close_slots(f, &p->who);
	p->storming = p->storming && p->n > limit_of(p, limit);
	p->since_ns = now_ns;
	p->n = 0;
}

static void set_text(struct uw_storm_text *text, struct uw_str s)
{
	text->len = s.len < sizeof(text->s) ? s.len : sizeof(text->s);
	memcpy(text->s, s.s ? s.s : "", text->len);
}

/* Returns the length of the path of its directory; 0 is the root. */
static size_t parent_of(struct uw_str path)
{
	const char *slash = path.len ? memrchr(path.s, '/', path.len) : NULL;

	return slash ? (size_t)(slash - path.s) : 0;
}

/* Shortens dir until it contains path. */
static void narrow(struct uw_storm_text *dir, struct uw_str path)
{
	size_t parent, n = 0, i;

	/* Most often it does already. */
	if (dir->len < path.len && path.s[dir->len] == '/' && !memcmp(dir->s, path.s, dir->len))
		return;
	parent = parent_of(path);
	for (i = 0; i < dir->len && i < parent && dir->s[i] == path.s[i]; i++)
		if (dir->s[i] == '/')
			n = i;
	/* One of them is whole, and a component of the other ends there. */
	if ((i == dir->len && (i == parent || path.s[i] == '/')) ||
	    (i == parent && dir->s[i] == '/'))
		n = i;
	dir->len = n;
}

/* Returns the open slot of `who` and the rules, otherwise a free one, otherwise SUMMARIES. */
static size_t find_slot(const struct uw_storm *f, const struct who *who, uint64_t rules)
{
	size_t i, used = 0, free_slot = SUMMARIES;

	for (i = 0; i < SUMMARIES && !(free_slot < SUMMARIES && used == f->n_used); i++) {
		const struct slot *slot = &f->slots[i];

		used += slot->used;
		if (slot->used && !slot->due && f->summaries[i].rules == rules &&
		    same(&slot->who, who))
			return i;
		if (!slot->used && free_slot == SUMMARIES)
			free_slot = i;
	}
	return free_slot;
}

static void begin_summary(struct uw_summary *s, const struct uw_record *r, uint64_t rules,
			  uint64_t serial)
{
	struct uw_str path = r->path.len ? r->path : r->name;

	s->succeeded = s->failed = s->unknown = s->unnamed = 0;
	s->serial = serial;
	s->names_len = 0;
	s->begin_ns = r->exit_ns;
	s->rules = rules;
	s->uid = r->uid;
	s->fsuid = r->fsuid;
	s->moves = s->mixed = false;
	s->ppid = r->ppid;
	s->ppid_known = r->task_known;
	s->n_pids = 0;
	set_text(&s->comm, r->comm);
	set_text(&s->exe, r->exe);
	set_text(&s->cgroup, r->cgroup);
	set_text(&s->first, path);
	s->dir_known = true;
	set_text(&s->dir, (struct uw_str){ r->path.s, parent_of(r->path) });
}

static void add_pid(struct uw_summary *s, uint32_t pid)
{
	size_t i;

	/* Most often it is the last one. */
	for (i = s->n_pids; i; i--)
		if (s->pids[i - 1] == pid)
			return;
	if (s->n_pids < UW_STORM_PIDS)
		s->pids[s->n_pids++] = pid;
}

/* Returns whether it has the same text. If not, it is empty from now on. */
static bool keep_common(struct uw_storm_text *text, struct uw_str s)
{
	bool same_text = uw_str_equal(uw_storm_str(text), s);

	if (!same_text)
		text->len = 0;
	return same_text;
}

/* Keeps what all deletions of one account have in common. */
static void mix(struct uw_summary *s, const struct uw_record *r)
{
	s->mixed |= !keep_common(&s->comm, r->comm);
	s->mixed |= !keep_common(&s->exe, r->exe);
	keep_common(&s->cgroup, r->cgroup);
	s->ppid_known = s->ppid_known && r->task_known && s->ppid == r->ppid;
	if (s->uid != r->uid || s->fsuid != r->fsuid)
		s->uid = s->fsuid = r->account;
}

static void add_time(struct uw_summary *s, uint64_t exit_ns)
{
	if (exit_ns > s->end_ns)
		s->end_ns = exit_ns;
	if (exit_ns < s->begin_ns)
		s->begin_ns = exit_ns;
}

static void add(struct uw_summary *s, const struct uw_record *r)
{
	if (!r->ret_known)
		s->unknown++;
	else if (r->ret)
		s->failed++;
	else
		s->succeeded++;
	s->moves |= uw_op_is_move(r->op);
	add_time(s, r->exit_ns);
	add_pid(s, r->pid);
	set_text(&s->last, r->path.len ? r->path : r->name);
	/* A path that was cut lacks its beginning. */
	if (!r->path.len || r->path.s[0] != '/')
		s->dir_known = false;
	else if (s->dir_known)
		narrow(&s->dir, r->path);
}

/* Counts the deletion against one budget. Returns whether that is exceeded. */
static bool count(struct uw_storm *f, const struct uw_storm_limit *limit, const struct who *who,
		  uint64_t now_ns)
{
	struct program *p = find_program(f, who, now_ns);

	if (is_over(p->since_ns, limit, now_ns))
		next_interval(f, p, limit, now_ns);
	p->last_ns = now_ns;
	if (++p->n > limit_of(p, limit))
		p->storming = true;
	return p->storming;
}

struct uw_summary *uw_storm_take(struct uw_storm *f, const struct uw_storm_limit *limit,
				 const struct uw_record *r, uint64_t rules)
{
	struct who who;
	struct slot *slot;
	bool storming;
	size_t i;

	if (!limit->burst)
		return NULL;
	who = who_is(r);
	storming = count(f, limit, &who, r->exit_ns);
	if (!storming && who.by != BY_ACCOUNT && is_limited(r)) {
		who = (struct who){ .by = BY_USER, .uid = r->account };
		storming = count(f, limit, &who, r->exit_ns);
	}
	if (!storming)
		return NULL;
	i = find_slot(f, &who, rules);
	if (i == SUMMARIES)
		return NULL; /* no room: write a record rather than lose the deletion */
	remember(f, i);
	slot = &f->slots[i];
	if (!slot->used) {
		slot->used = true;
		slot->due = false;
		slot->who = who;
		f->summaries[i].end_ns = 0;
		begin_summary(&f->summaries[i], r, rules, ++f->serial);
		f->n_used++;
	}
	if (who.by == BY_ACCOUNT || who.by == BY_USER)
		mix(&f->summaries[i], r);
	add(&f->summaries[i], r);
	return &f->summaries[i];
}

struct uw_summary *uw_storm_take_next(struct uw_storm *f, const struct uw_storm_limit *limit,
				      uint64_t slot, uint64_t serial, uint64_t exit_ns,
				      struct uw_str path)
{
	struct uw_summary *summary = &f->summaries[slot - 1];
	const struct slot *s = &f->slots[slot - 1];
	struct program *p;

	if (summary->serial != serial || !s->used || s->due || s->who.by == BY_USER)
		return NULL;
	p = look_up(bucket_of(f, &s->who), &s->who);
	if (!p || !p->storming || is_over(p->since_ns, limit, exit_ns))
		return NULL;
	p->last_ns = exit_ns;
	p->n++;
	remember(f, slot - 1);
	summary->succeeded++;
	add_time(summary, exit_ns);
	set_text(&summary->last, path);
	if (summary->dir_known)
		narrow(&summary->dir, path);
	return summary;
}

void uw_storm_close(struct uw_storm *f, const struct uw_summary *summary)
{
	f->slots[summary - f->summaries].due = true;
}

bool uw_storm_has_room(const struct uw_storm *f)
{
	return f->n_used + UW_STORM_TAKES <= SUMMARIES;
}

/* Names must not be long in coming. */
static bool has_waited(const struct uw_summary *s, uint64_t now_ns)
{
	return s->names_len && now_ns > s->begin_ns && now_ns - s->begin_ns >= UW_STORM_WAIT_NS;
}

const struct uw_summary *uw_storm_due(struct uw_storm *f, const struct uw_storm_limit *limit,
				      uint64_t now_ns)
{
	struct program *p;
	size_t i;

	for (i = 0; i < SUMMARIES && f->n_used; i++) {
		struct slot *slot = &f->slots[i];

		if (!slot->used)
			continue;
		if (!slot->due) {
			p = find_program(f, &slot->who, now_ns);
			if (is_over(p->since_ns, limit, now_ns))
				next_interval(f, p, limit, now_ns);
		}
		if (slot->due || has_waited(&f->summaries[i], now_ns))
			return &f->summaries[i];
	}
	return NULL;
}

const struct uw_summary *uw_storm_oldest(struct uw_storm *f)
{
	const struct uw_summary *oldest = NULL;
	size_t i;

	for (i = 0; i < SUMMARIES && f->n_used; i++)
		if (f->slots[i].used && (!oldest || f->summaries[i].begin_ns < oldest->begin_ns))
			oldest = &f->summaries[i];
	return oldest;
}

uint64_t uw_storm_slot(const struct uw_storm *f, const struct uw_summary *summary)
{
	return (uint64_t)(summary - f->summaries) + 1;
}

void uw_storm_release(struct uw_storm *f, const struct uw_summary *summary)
{
	f->slots[summary - f->summaries].used = false;
	f->n_used--;
}

void uw_storm_end_all(struct uw_storm *f)
{
	size_t i;

	memset(f->programs, 0, sizeof(f->programs));
	for (i = 0; i < SUMMARIES; i++)
		f->slots[i].due = f->slots[i].used;
}
