// SPDX-License-Identifier: MIT
#include "recorder.h"

#include <errno.h>
#include <syslog.h>
#include <time.h>

#include "clock.h"
#include "procfs.h"

int uw_recorder_init(struct uw_recorder *rec, struct uw_ledger *ledger, struct uw_sink *sink,
		     const struct uw_rulebook *book, uw_recorder_renew_fn renew, void *userdata)
{

	rec->sink = sink;
	rec->book = book;
	rec->renew = renew;
	rec->userdata = userdata;
	rec->ledger = ledger;
	rec->stats = &ledger->words->stats;
	if (uw_flood_size() > UW_LEDGER_ROOM)
		return -ENOMEM;
	rec->flood = ledger->room;
	uw_flood_recover(rec->flood, ledger->interrupted, ledger->words->written);
	ledger->words->written = 0;
	return uw_users_new(&rec->users);
}

void uw_recorder_done(struct uw_recorder *rec)
{
	uw_users_free(rec->users);
	rec->users = NULL;
}

void uw_recorder_set_clock(struct uw_recorder *rec)
{
	rec->realtime_offset_ns = uw_clock_ns(CLOCK_REALTIME) - uw_clock_ns(CLOCK_BOOTTIME);
}

/* The names of the rules in a mask, and their most urgent priority. */
static size_t name_rules(const struct uw_rules *rules, uint64_t mask,
			 const char *names[UW_RULES_MAX], int *ret_priority)
{
	size_t i, n = 0;

	*ret_priority = LOG_DEBUG;
	for (i = 0; i < rules->config->n_rules; i++) {
		if (!(mask >> i & 1))
			continue;
		names[n++] = rules->names[i];
		if (rules->config->rules[i].priority < *ret_priority)
			*ret_priority = rules->config->rules[i].priority;
	}
	return n;
}

/* See uw_record_place(). */
static void place(struct uw_recorder *rec, const struct uw_mounts *mounts, struct uw_str path)
{
	struct uw_record *record = &rec->record;
	struct uw_str by = { "", 0 };
	size_t len;

	if (record->fsby.len) {
		uw_host_paths_begin(&rec->host_by, mounts, record->dev, record->fsby.s,
				    record->fsby.len, false);
		if (uw_host_paths_next(&rec->host_by, &len))
			by = (struct uw_str){ rec->host_by.path, len };
	}
	uw_record_place(record, path, by);
}

static void write_record(struct uw_recorder *rec, const struct uw_rules *rules, uint64_t matches)
{
	const char *names[UW_RULES_MAX];
	struct uw_entry entry = {
		.record = &rec->record,
		.time_ns = rec->record.exit_ns + rec->realtime_offset_ns,
		.rules = names,
		.user = uw_users_name(rec->users, rec->record.uid, rec->record.exit_ns),
		.detail = rules->config->detail,
	};
	size_t len;

	if (uw_filter_host_path(rules->filter, &rec->record, matches, &rec->host, &len)) {
		entry.host_path = (struct uw_str){ rec->host.path, len };
		if (rec->record.via == UW_VIA_KERNEL)
			place(rec, rules->mounts, entry.host_path);
	}
	entry.n_rules = name_rules(rules, matches, names, &entry.priority);
	uw_sink_write(rec->sink, &entry); /* which counts it, also where it is lost */
}

/* Whether rules can decide the record: they are for the host's tree as it was then, or may be. */
static bool are_for(const struct uw_rules *rules, const struct uw_record *record)
{
	if (record->tree)
		return uw_rules_are_for(rules, record->tree);
	/* A device that is not known may have been mounted a moment ago. */
	return !record->dev_known || uw_mounts_know(rules->mounts, record->dev);
}

/*
 * The tree has changed twice, and nobody has seen what it was in between: what was before or is now
 * may be right. In the host's own namespace, the path tells.
 */
static uint64_t match_any(const struct uw_rulebook *book, const struct uw_record *record)
{
	uint64_t matches = uw_filter_match(book->now.filter, record) |
			   uw_filter_match_path(book->now.filter, record);

	if (book->before[0].config == book->now.config)
		matches |= uw_filter_match(book->before[0].filter, record);
	return matches;
}

/* The rules that want the record, and those that it is to be written by. */
static uint64_t decide(struct uw_recorder *rec, const struct uw_rules **ret)
{
	const struct uw_rules *now = &rec->book->now;
	struct uw_record *record = &rec->record;

	*ret = uw_rulebook_find(rec->book, record->gen);
	if (*ret && are_for(*ret, record))
		return uw_filter_match((*ret)->filter, record);
	/* What the kernel ruled out under other rules means nothing. */
	*ret = now;
	record->rules = UINT64_MAX;
	if (!are_for(now, record) && now->checked_ns <= record->exit_ns)
		rec->renew(rec->userdata);
	if (record->tree && !are_for(now, record))
		return match_any(rec->book, record);
	return uw_filter_match(now->filter, record);
}

static void write_summary(struct uw_recorder *rec, const struct uw_summary *summary)
{
	const char *names[UW_RULES_MAX];
	struct uw_summary_entry entry = {
		.summary = summary,
		.realtime_offset_ns = rec->realtime_offset_ns,
		.rules = names,
		.user = uw_users_name(rec->users, summary->uid, summary->end_ns),
	};

	entry.n_rules = name_rules(&rec->book->now, summary->rules, names, &entry.priority);
	uw_ledger_begin(rec->ledger);
	uw_sink_write_summary(rec->sink, &entry);
	rec->ledger->words->written = uw_flood_slot(rec->flood, summary);
	uw_ledger_commit(rec->ledger);
	uw_flood_release(rec->flood, summary);
	rec->ledger->words->written = 0;
}

/* What becomes of an event is one change of the ledger, from here to end_event(). */
static void begin_event(struct uw_recorder *rec)
{
	/* Which is another one. */
	if (!uw_flood_has_room(rec->flood))
		write_summary(rec, uw_flood_oldest(rec->flood));
	uw_flood_mark(rec->flood);
	uw_ledger_begin(rec->ledger);
}

static void end_event(struct uw_recorder *rec)
{
	uw_ledger_take(rec->ledger);
	uw_ledger_commit(rec->ledger);
}

/* What rules decided that have been replaced is recorded: their names would mean nothing later. */
static bool is_flood(struct uw_recorder *rec, const struct uw_rules *rules, uint64_t matches)
{
	if (rules->config != rec->book->now.config)
		return false;
	return uw_flood_take(rec->flood, &rules->config->flood, &rec->record, matches);
}

void uw_recorder_tick(struct uw_recorder *rec)
{
	const struct uw_summary *summary;
	uint64_t now = uw_clock_ns(CLOCK_BOOTTIME);

	while (uw_sink_has_room(rec->sink) &&
	       (summary = uw_flood_due(rec->flood, &rec->book->now.config->flood, now)))
		write_summary(rec, summary);
}

void uw_recorder_end_floods(struct uw_recorder *rec)
{
	const struct uw_summary *summary;

	uw_flood_end_all(rec->flood);
	while ((summary = uw_flood_oldest(rec->flood)))
		write_summary(rec, summary);
}

void uw_recorder_take(struct uw_recorder *rec, const void *data, size_t size)
{
	struct uw_record *record = &rec->record;
	const struct uw_rules *rules;
	char cwd[UW_PATH_MAX];
	uint64_t matches;
	ssize_t n;

	if (uw_record_decode(data, size, record) < 0) {
		begin_event(rec);
		rec->stats->undecodable++;
		end_event(rec);
		return;
	}
	if (uw_record_wants_cwd(record)) {
		n = uw_procfs_cwd(record->pid, record->tid, record->enter_ns, cwd, sizeof(cwd));
		if (n > 0)
			uw_record_guess(record, cwd, (size_t)n);
	}
	matches = decide(rec, &rules);
	begin_event(rec);
	if (!matches)
		rec->stats->filtered++;
	else if (is_flood(rec, rules, matches))
		rec->stats->summarised++;
	else
		write_record(rec, rules, matches);
	end_event(rec);
}
