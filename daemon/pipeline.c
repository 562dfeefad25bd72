// SPDX-License-Identifier: MIT
#include "pipeline.h"

#include <errno.h>
#include <stdio.h>
#include <syslog.h>
#include <time.h>

#include "base/clock.h"
#include "base/procfs.h"

int uw_pipeline_init(struct uw_pipeline *rec, struct uw_persistent *persistent,
		     struct uw_output *output, const struct uw_ruleset *ruleset,
		     uw_pipeline_renew_fn renew, void *userdata)
{

	rec->output = output;
	rec->ruleset = ruleset;
	rec->renew = renew;
	rec->userdata = userdata;
	rec->persistent = persistent;
	rec->stats = &persistent->words->stats;
	if (uw_storm_size() > UW_PERSISTENT_ROOM)
		return -ENOMEM;
	rec->storm = persistent->room;
	uw_storm_recover(rec->storm, persistent->interrupted, persistent->words->written);
	persistent->words->written = 0;
	return uw_users_new(&rec->users);
}

void uw_pipeline_done(struct uw_pipeline *rec)
{
	uw_users_free(rec->users);
	rec->users = NULL;
}

void uw_pipeline_set_clock(struct uw_pipeline *rec)
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

/* Names the users in the entry. The real one is in `room`, as uw_users_name() keeps only one. */
static void name_users(struct uw_pipeline *rec, struct uw_entry *entry, char room[UW_USER_NAME_MAX],
		       uint32_t uid, uint32_t fsuid, uint64_t now_ns)
{
	const char *name;

	if (uid != fsuid) {
		name = uw_users_name(rec->users, uid, now_ns);
		snprintf(room, UW_USER_NAME_MAX, "%s", name ? name : "");
		entry->real_user = name ? room : NULL;
	}
	entry->user = uw_users_name(rec->users, fsuid, now_ns);
}

/* A path of the host for the other name of a rename, "" if it has none. */
static struct uw_str find_host_other(struct uw_pipeline *rec, const struct uw_mounts *mounts)
{
	const struct uw_record *record = &rec->record;
	struct uw_str fspath = record->other.fspath;
	size_t len;

	if (!fspath.len || !mounts || !record->dev_known)
		return (struct uw_str){ "", 0 };
	if (!uw_host_paths_one(&rec->host_other, mounts, record->dev, fspath.s, fspath.len, &len))
		return (struct uw_str){ "", 0 };
	return (struct uw_str){ rec->host_other.path, len };
}

/* A path of the host for the file in the upper directory of an overlayfs, "" if it has none. */
static struct uw_str find_upper(struct uw_pipeline *rec, const struct uw_mounts *mounts)
{
	const struct uw_record *record = &rec->record;
	struct uw_str upper = record->upper;
	size_t len;

	if (!upper.len || !mounts ||
	    !uw_host_paths_one(&rec->upper, mounts, record->upper_dev, upper.s, upper.len, &len))
		return (struct uw_str){ "", 0 };
	return (struct uw_str){ rec->upper.path, len };
}

static void write_record(struct uw_pipeline *rec, const struct uw_rules *rules, uint64_t matches)
{
	const char *names[UW_RULES_MAX];
	struct uw_record *record = &rec->record;
	struct uw_entry entry = {
		.record = record,
		.time_ns = record->exit_ns + rec->realtime_offset_ns,
		.rules = names,
		.detail = rules->config->detail,
		.no_cmdline = !rules->config->command_line,
	};
	char real_user[UW_USER_NAME_MAX];
	size_t len;

	name_users(rec, &entry, real_user, record->uid, record->fsuid, record->exit_ns);
	if (record->found)
		entry.host_other = find_host_other(rec, rules->mounts);
	entry.upper_path = find_upper(rec, rules->mounts);
	if (uw_filter_host_path(rules->filter, record, matches, &rec->host, &len)) {
		entry.host_path = (struct uw_str){ rec->host.path, len };
		if (record->via == UW_VIA_KERNEL)
			uw_record_place(record, entry.host_path, entry.host_other);
	}
	entry.n_rules = name_rules(rules, matches, names, &entry.priority);
	uw_output_write(rec->output, &entry); /* counts the record, even if it is lost */
}

/*
 * Whether the rules were, or may have been, compiled for the host's tree as it was at the deletion.
 */
static bool are_for(const struct uw_rules *rules, const struct uw_record *record)
{
	if (record->tree)
		return uw_rules_are_for(rules, record->tree);
	/* An unknown device may have been mounted a moment ago. */
	return (!record->dev_known || uw_mounts_know(rules->mounts, record->dev)) &&
	       (!record->upper.len || uw_mounts_know(rules->mounts, record->upper_dev));
}

/*
 * The tree has changed twice, and its state in between is unknown. So a record matches if the rules
 * before or after match, or, in the host's own namespace, if its path does.
 */
static uint64_t match_any(const struct uw_ruleset *ruleset, const struct uw_record *record)
{
	uint64_t matches = uw_filter_match(ruleset->now.filter, record) |
			   uw_filter_match_path(ruleset->now.filter, record);

	if (ruleset->before[0].config == ruleset->now.config)
		matches |= uw_filter_match(ruleset->before[0].filter, record);
	return matches;
}

/* Returns the rules that want the record, and in *ret the generation that named them. */
static uint64_t decide_name(struct uw_pipeline *rec, const struct uw_rules **ret)
{
	const struct uw_rules *now = &rec->ruleset->now;
	struct uw_record *record = &rec->record;

	*ret = uw_ruleset_find(rec->ruleset, record->gen);
	if (*ret && are_for(*ret, record))
		return uw_filter_match((*ret)->filter, record);
	/* What the kernel side excluded under other rules does not count. */
	*ret = now;
	record->rules = UINT64_MAX;
	if (!are_for(now, record) && now->checked_ns <= record->exit_ns)
		rec->renew(rec->userdata);
	if (record->tree && !are_for(now, record))
		return match_any(rec->ruleset, record);
	return uw_filter_match(now->filter, record);
}

/*
 * The same for all names of the record. A rename that replaces a file takes two names from their
 * files, and has one record.
 */
static uint64_t decide(struct uw_pipeline *rec, const struct uw_rules **ret)
{
	uint64_t matches = decide_name(rec, ret);

	if (rec->record.op == UW_OP_EXCHANGE || !uw_record_other_counts(&rec->record))
		return matches;
	uw_record_swap(&rec->record);
	matches |= decide_name(rec, ret);
	uw_record_swap(&rec->record);
	return matches;
}

static void write_summary(struct uw_pipeline *rec, const struct uw_summary *summary)
{
	const char *names[UW_RULES_MAX];
	struct uw_entry entry = {
		.summary = summary,
		.time_ns = summary->end_ns + rec->realtime_offset_ns,
		.rules = names,
	};
	char real_user[UW_USER_NAME_MAX];

	name_users(rec, &entry, real_user, summary->uid, summary->fsuid, summary->end_ns);
	entry.n_rules = name_rules(&rec->ruleset->now, summary->rules, names, &entry.priority);
	uw_persistent_begin(rec->persistent);
	uw_output_write(rec->output, &entry);
	rec->persistent->words->written = uw_storm_slot(rec->storm, summary);
	uw_persistent_commit(rec->persistent);
	uw_storm_release(rec->storm, summary);
	rec->persistent->words->written = 0;
}

/* Each event is one change of the persistent memory, from here to end_event(). */
static void begin_event(struct uw_pipeline *rec)
{
	/* A change of its own. */
	if (!uw_storm_has_room(rec->storm))
		write_summary(rec, uw_storm_oldest(rec->storm));
	uw_storm_mark(rec->storm);
	uw_persistent_begin(rec->persistent);
}

static void end_event(struct uw_pipeline *rec)
{
	uw_persistent_take(rec->persistent);
	uw_persistent_commit(rec->persistent);
}

/*
 * Deletions that replaced rules decided are recorded one by one: a summary names rules, and theirs
 * are gone.
 */
static bool is_storm(struct uw_pipeline *rec, const struct uw_rules *rules, uint64_t matches)
{
	if (rules->config != rec->ruleset->now.config)
		return false;
	return uw_storm_take(rec->storm, &rules->config->storm, &rec->record, matches);
}

void uw_pipeline_tick(struct uw_pipeline *rec)
{
	const struct uw_summary *summary;
	uint64_t now = uw_clock_ns(CLOCK_BOOTTIME);

	while (uw_output_has_room(rec->output) &&
	       (summary = uw_storm_due(rec->storm, &rec->ruleset->now.config->storm, now)))
		write_summary(rec, summary);
}

void uw_pipeline_end_storms(struct uw_pipeline *rec)
{
	const struct uw_summary *summary;

	uw_storm_end_all(rec->storm);
	while ((summary = uw_storm_oldest(rec->storm)))
		write_summary(rec, summary);
}

static void finish(struct uw_pipeline *rec, const struct uw_rules *rules, uint64_t matches)
{
	if (!matches)
		rec->stats->filtered++;
	else if (is_storm(rec, rules, matches))
		rec->stats->summarised++;
	else
		write_record(rec, rules, matches);
}

/* Both names in one change, so that both are written or none is. */
static void take_exchange(struct uw_pipeline *rec)
{
	const struct uw_rules *rules;
	int i;

	/* Twice, as one that renews the rules may free those that the other was decided by. */
	for (i = 0; i < 2; i++) {
		decide(rec, &rules);
		uw_record_swap(&rec->record);
	}
	begin_event(rec);
	for (i = 0; i < 2; i++) {
		uint64_t matches = decide(rec, &rules);

		finish(rec, rules, matches);
		uw_record_swap(&rec->record);
	}
	end_event(rec);
}

static void refuse(struct uw_pipeline *rec, const void *data, size_t size)
{
	const struct uw_event *ev = data;

	begin_event(rec);
	rec->stats->undecodable += size < sizeof(*ev) ? 1 : uw_event_names(ev->op);
	end_event(rec);
}

void uw_pipeline_take(struct uw_pipeline *rec, const void *data, size_t size)
{
	struct uw_record *record = &rec->record;
	const struct uw_rules *rules;
	char cwd[UW_PATH_MAX];
	uint64_t matches;
	ssize_t n;

	if (uw_record_decode(data, size, record) < 0) {
		refuse(rec, data, size);
		return;
	}
	if (uw_record_wants_cwd(record)) {
		n = uw_procfs_cwd(record->pid, record->tid, record->enter_ns, cwd, sizeof(cwd));
		if (n > 0)
			uw_record_guess(record, cwd, (size_t)n);
	}
	if (record->op == UW_OP_EXCHANGE) {
		take_exchange(rec);
		return;
	}
	matches = decide(rec, &rules);
	begin_event(rec);
	finish(rec, rules, matches);
	end_event(rec);
}
