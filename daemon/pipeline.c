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
	int r;

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
	r = uw_users_new(uw_users_system, UW_USERS_BUDGET_NS, &rec->users);
	if (r >= 0) {
		/* The first look-up loads libraries: better before there are deletions. */
		uw_users_name(rec->users, 0, uw_clock_ns(CLOCK_BOOTTIME));
		r = uw_sessions_new(&rec->sessions);
	}
	if (r >= 0)
		r = uw_peers_new(&rec->peers);
	return r < 0 ? r : uw_containers_new("", 0, &rec->containers);
}

static void forget_series(struct uw_pipeline *rec)
{
	for (size_t i = 0; i < UW_PIPELINE_SERIES; i++)
		uw_series_done(&rec->series[i]);
}

void uw_pipeline_done(struct uw_pipeline *rec)
{
	for (size_t i = 0; i < UW_STORM_SUMMARIES; i++)
		uw_manifest_free(rec->manifest[i]);
	forget_series(rec);
	uw_users_free(rec->users);
	rec->users = NULL;
	uw_sessions_free(rec->sessions);
	rec->sessions = NULL;
	uw_peers_free(rec->peers);
	rec->peers = NULL;
	uw_containers_free(rec->containers);
	rec->containers = NULL;
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

/* Where the process belongs: to a session, the client of a server, a container. */
static void find_origin(struct uw_pipeline *rec, struct uw_entry *entry)
{
	const struct uw_record *record = entry->record;
	const struct uw_cgroup *cgroup = uw_cgroup_of(record->cgroup);

	entry->session = uw_sessions_find(rec->sessions, cgroup->session, record->exit_ns);
	if (record->via != UW_VIA_KERNEL && !record->tty && !entry->session.remote &&
	    uw_str_ends(cgroup->unit, ".service"))
		entry->client = uw_peers_find(rec->peers, record);
	/* A user, or the root of a container, may give a group the id of another one. */
	if (!cgroup->of_user)
		entry->container =
			uw_containers_find(rec->containers, cgroup->outer, record->exit_ns);
}

/* An entry, and the names that it borrows. */
struct named_entry {
	struct uw_entry entry;
	const char *rules[UW_RULES_MAX];
	char real_user[UW_USER_NAME_MAX];
};

/* Of the deletion that is at hand. */
static void fill_entry(struct uw_pipeline *rec, const struct uw_rules *rules, uint64_t matches,
		       struct named_entry *ret)
{
	struct uw_record *record = &rec->record;
	struct uw_entry *entry = &ret->entry;
	size_t len;

	*entry = (struct uw_entry){
		.record = record,
		.time_ns = record->exit_ns + rec->realtime_offset_ns,
		.matches = matches,
		.rules = ret->rules,
		.detail = rules->config->detail,
		.no_cmdline = !rules->config->command_line,
	};
	name_users(rec, entry, ret->real_user, record->uid, record->fsuid, record->exit_ns);
	if (record->found)
		entry->host_other = find_host_other(rec, rules->mounts);
	entry->upper_path = find_upper(rec, rules->mounts);
	if (uw_filter_host_path(rules->filter, record, matches, &rec->host, &len)) {
		entry->host_path = (struct uw_str){ rec->host.path, len };
		if (record->via == UW_VIA_KERNEL)
			uw_record_place(record, entry->host_path, entry->host_other);
	}
	entry->n_rules = name_rules(rules, matches, ret->rules, &entry->priority);
	if (entry->detail >= UW_DETAIL_STANDARD)
		find_origin(rec, entry);
}

static void write_record(struct uw_pipeline *rec, const struct uw_rules *rules, uint64_t matches)
{
	struct named_entry named;

	fill_entry(rec, rules, matches, &named);
	uw_output_write(rec->output, &named.entry); /* counts the record, even if it is lost */
}

static struct uw_series *series_of(struct uw_pipeline *rec, const void *event)
{
	return &rec->series[uw_series_of(event, UW_PIPELINE_SERIES)];
}

/* No more names fit in. */
static void close_summary(struct uw_pipeline *rec, struct uw_summary *summary)
{
	uw_storm_close(rec->storm, summary);
	rec->full = summary;
}

/* Keeps the name of a deletion that the summary counts. */
static void keep_name(struct uw_pipeline *rec, const struct uw_rules *rules, uint64_t matches,
		      struct uw_summary *summary)
{
	struct uw_series *series = series_of(rec, rec->record.event.s);
	uint64_t slot = uw_storm_slot(rec->storm, summary);
	struct uw_manifest **manifest = &rec->manifest[slot - 1];
	struct named_entry named;
	size_t top;

	if (!*manifest)
		*manifest = uw_manifest_new();
	if (!*manifest) {
		summary->unnamed++;
		return;
	}
	fill_entry(rec, rules, matches, &named);
	if (!uw_manifest_add(*manifest, &named.entry, series, summary)) {
		close_summary(rec, summary);
		return;
	}
	if (rules != &rec->ruleset->now || !rec->record.tree)
		return;
	top = uw_filter_top(rules->filter, &rec->record);
	uw_series_set_top(series, &named.entry, top, uw_shown_host_path(&named.entry));
	series->slot = slot;
	series->serial = summary->serial;
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
 * of any state since its generation match, or, in the host's own namespace, if its path does.
 */
static uint64_t match_any(const struct uw_ruleset *ruleset, const struct uw_record *record)
{
	uint64_t matches = uw_filter_match(ruleset->now.filter, record) |
			   uw_filter_match_path(ruleset->now.filter, record);

	for (size_t i = 0; i < UW_RULES_KEPT; i++) {
		const struct uw_rules *rules = &ruleset->before[i];

		if (rules->config != ruleset->now.config)
			break;
		matches |= uw_filter_match(rules->filter, record);
		if (rules->gen <= record->gen)
			break;
	}
	return matches;
}

/* Returns the rules that want the record, and in *ret the generation that named them. */
static uint64_t decide_name(struct uw_pipeline *rec, const struct uw_rules **ret)
{
	const struct uw_rules *now = &rec->ruleset->now;
	struct uw_record *record = &rec->record;
	bool doubt;

	*ret = uw_ruleset_find(rec->ruleset, record->gen);
	if (*ret && are_for(*ret, record))
		return uw_filter_match((*ret)->filter, record);
	/* What the kernel side excluded under other rules does not count. */
	*ret = now;
	record->rules = UINT64_MAX;
	doubt = !are_for(now, record) && now->checked_ns <= record->exit_ns &&
		!rec->renew(rec->userdata);
	/* Nothing is known of the tree as it was, so no path excludes the record. */
	if (doubt || (record->tree && !are_for(now, record) && rec->ruleset->dropped &&
		      (int32_t)(rec->ruleset->dropped - record->gen) >= 0))
		return uw_filter_match_but_path(now->filter, record);
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
	uint64_t slot = uw_storm_slot(rec->storm, summary);
	struct named_entry named;
	struct uw_entry *entry = &named.entry;

	*entry = (struct uw_entry){
		.summary = summary,
		.time_ns = summary->end_ns + rec->realtime_offset_ns,
		.rules = named.rules,
	};
	name_users(rec, entry, named.real_user, summary->uid, summary->fsuid, summary->end_ns);
	entry->n_rules =
		name_rules(&rec->ruleset->now, summary->rules, named.rules, &entry->priority);
	uw_persistent_begin(rec->persistent);
	uw_output_write(rec->output, entry);
	rec->persistent->words->written = slot;
	uw_persistent_commit(rec->persistent);
	uw_storm_release(rec->storm, summary);
	rec->persistent->words->written = 0;
	uw_manifest_free(rec->manifest[slot - 1]);
	rec->manifest[slot - 1] = NULL;
}

/* The summary that is to be written next, or NULL. */
static const struct uw_summary *next_summary(struct uw_pipeline *rec)
{
	return uw_storm_due(rec->storm, &rec->ruleset->now.config->storm,
			    uw_clock_ns(CLOCK_BOOTTIME));
}

/* Each event is one change of the persistent memory, from here to end_event(). */
static void begin_event(struct uw_pipeline *rec)
{
	/* A change of its own. */
	if (!uw_storm_has_room(rec->storm))
		write_summary(rec, next_summary(rec) ?: uw_storm_oldest(rec->storm));
	uw_storm_mark(rec->storm);
	uw_persistent_begin(rec->persistent);
}

static void end_event(struct uw_pipeline *rec)
{
	struct uw_summary *full = rec->full;

	rec->full = NULL;
	uw_persistent_take(rec->persistent);
	uw_persistent_commit(rec->persistent);
	/* A change of its own. */
	if (full && uw_output_has_room(rec->output))
		write_summary(rec, full);
}

/*
 * Returns the summary of the storm that the deletion belongs to, or NULL. Deletions that replaced
 * rules decided are recorded one by one: a summary names rules, and theirs are gone.
 */
static struct uw_summary *take_storm(struct uw_pipeline *rec, const struct uw_rules *rules,
				     uint64_t matches)
{
	if (rules->config != rec->ruleset->now.config || !uw_output_sums_up(rec->output))
		return NULL;
	return uw_storm_take(rec->storm, &rules->config->storm, &rec->record, matches);
}

void uw_pipeline_tick(struct uw_pipeline *rec)
{
	const struct uw_summary *summary;

	uw_peers_tick(rec->peers);
	while (uw_output_has_room(rec->output) && (summary = next_summary(rec)))
		write_summary(rec, summary);
}

void uw_pipeline_end_storms(struct uw_pipeline *rec)
{
	const struct uw_summary *summary;

	uw_storm_end_all(rec->storm);
	forget_series(rec);
	while ((summary = uw_storm_oldest(rec->storm)))
		write_summary(rec, summary);
}

static void finish(struct uw_pipeline *rec, const struct uw_rules *rules, uint64_t matches)
{
	struct uw_summary *summary = matches ? take_storm(rec, rules, matches) : NULL;

	if (!matches)
		rec->stats->filtered++;
	else if (!summary)
		write_record(rec, rules, matches);
	else
		rec->stats->summarised++;
	if (summary && rules->config->storm.names)
		keep_name(rec, rules, matches, summary);
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

/* Keeps the name of a deletion with which a series goes on. False if its summary was written. */
static bool go_on(struct uw_pipeline *rec, struct uw_series *series, struct uw_name *name,
		  struct uw_str path, uint64_t exit_ns)
{
	struct uw_summary *summary;

	begin_event(rec);
	summary = uw_storm_take_next(rec->storm, &rec->ruleset->now.config->storm, series->slot,
				     series->serial, exit_ns, path);
	if (summary) {
		rec->stats->summarised++;
		name->time_us = (exit_ns + rec->realtime_offset_ns) / 1000;
		if (!uw_manifest_add_next(rec->manifest[series->slot - 1], name, summary))
			close_summary(rec, summary);
		end_event(rec);
	} else {
		uw_persistent_commit(rec->persistent);
	}
	return summary;
}

bool uw_pipeline_take_next(struct uw_pipeline *rec, const struct uw_next *next,
			   const struct uw_event *first)
{
	struct uw_series *series = series_of(rec, first);
	struct uw_name name;
	struct uw_str path;

	return series->gen == rec->ruleset->now.gen &&
	       uw_series_goes_on_next(series, next, first, &name, &path) &&
	       go_on(rec, series, &name, path, next->exit_ns);
}

static bool take_next(struct uw_pipeline *rec, const struct uw_event *ev, size_t size)
{
	struct uw_series *series;
	struct uw_name name;
	struct uw_str path;

	if (size < sizeof(*ev))
		return false;
	series = series_of(rec, ev);
	return series->gen == rec->ruleset->now.gen &&
	       uw_series_goes_on(series, ev, size, &name, &path) &&
	       go_on(rec, series, &name, path, ev->exit_ns);
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

	if (take_next(rec, data, size))
		return;
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
