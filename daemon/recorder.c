// SPDX-License-Identifier: MIT
#include "recorder.h"

#include <syslog.h>
#include <time.h>

#include "clock.h"
#include "procfs.h"

int uw_recorder_init(struct uw_recorder *rec, struct uw_sink *sink, const struct uw_rulebook *book,
		     uw_recorder_remount_fn remount, void *userdata)
{
	rec->sink = sink;
	rec->book = book;
	rec->remount = remount;
	rec->userdata = userdata;
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

int uw_recorder_flush(struct uw_recorder *rec)
{
	size_t lost;
	int r = uw_sink_flush(rec->sink, &lost);

	rec->stats.written -= lost;
	rec->stats.sink_failed += lost;
	return r;
}

static void write_record(struct uw_recorder *rec, const struct uw_rules *rules, uint64_t matches)
{
	const char *names[UW_RULES_MAX];
	struct uw_entry entry = {
		.record = &rec->record,
		.time_ns = rec->record.exit_ns + rec->realtime_offset_ns,
		.priority = LOG_DEBUG,
		.rules = names,
		.user = uw_users_name(rec->users, rec->record.uid, rec->record.exit_ns),
		.detail = rules->config->detail,
	};
	size_t i, len;

	if (uw_filter_host_path(rules->filter, &rec->record, matches, &rec->host, &len))
		entry.host_path = (struct uw_str){ rec->host.path, len };
	for (i = 0; i < rules->config->n_rules; i++) {
		if (!(matches >> i & 1))
			continue;
		names[entry.n_rules++] = rules->names[i];
		/* The most urgent of the rules that asked for it. */
		if (rules->config->rules[i].priority < entry.priority)
			entry.priority = rules->config->rules[i].priority;
	}
	if (uw_sink_write(rec->sink, &entry) < 0)
		rec->stats.sink_failed++;
	else
		rec->stats.written++;
}

/* The rules that decide the record. Those that the kernel ruled out under others mean nothing then.
 */
static const struct uw_rules *rules_for(struct uw_recorder *rec)
{
	struct uw_record *record = &rec->record;
	const struct uw_rules *rules = uw_rulebook_find(rec->book, record->gen);

	if (!rules) {
		rules = &rec->book->now; /* it was in flight for two generations */
		record->rules = UINT64_MAX;
	}
	if (record->dev_known && !uw_mounts_know(rules->mounts, record->dev) &&
	    (uw_mounts_know(rec->book->now.mounts, record->dev) || rec->remount(rec->userdata))) {
		rules = &rec->book->now;
		record->rules = UINT64_MAX;
	}
	return rules;
}

void uw_recorder_take(struct uw_recorder *rec, const void *data, size_t size)
{
	struct uw_record *record = &rec->record;
	const struct uw_rules *rules;
	char cwd[UW_PATH_MAX];
	uint64_t matches;
	ssize_t n;

	if (uw_record_decode(data, size, record) < 0) {
		rec->stats.undecodable++;
		return;
	}
	if (uw_record_wants_cwd(record)) {
		n = uw_procfs_cwd(record->pid, record->tid, record->enter_ns, cwd, sizeof(cwd));
		if (n > 0)
			uw_record_guess(record, cwd, (size_t)n);
	}
	rules = rules_for(rec);
	matches = uw_filter_match(rules->filter, record);
	if (matches)
		write_record(rec, rules, matches);
	else
		rec->stats.filtered++;
}
