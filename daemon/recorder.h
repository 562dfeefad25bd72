/* SPDX-License-Identifier: MIT */
/* The way of an event through the daemon: bytes, record, rules, sink; and the count of each end. */
#ifndef UW_RECORDER_H
#define UW_RECORDER_H

#include <stddef.h>
#include <stdint.h>

#include "flood.h"
#include "record.h"
#include "rulebook.h"
#include "sink.h"
#include "stats.h"
#include "users.h"

/*
 * Called for an event in a state of the host's tree that the rules in force are not known to be
 * for. Has the rulebook up to date when it returns.
 */
typedef void (*uw_recorder_renew_fn)(void *userdata);

struct uw_recorder {
	struct uw_sink *sink;		/* borrowed */
	const struct uw_rulebook *book; /* borrowed */
	uw_recorder_renew_fn renew;
	void *userdata;
	struct uw_users *users;
	struct uw_flood *flood;	  /* in the ledger */
	struct uw_ledger *ledger; /* borrowed */
	/* The ledger's: .filtered, .summarised and .undecodable; the sink counts its own. */
	struct uw_stats *stats;
	struct uw_record record;
	struct uw_host_paths host, host_by;
	uint64_t realtime_offset_ns; /* CLOCK_REALTIME less CLOCK_BOOTTIME */
};

/*
 * With the counts and the floods of the ledger, which is also the sink's. Returns 0 or -ENOMEM;
 * release with uw_recorder_done().
 */
int uw_recorder_init(struct uw_recorder *recorder, struct uw_ledger *ledger, struct uw_sink *sink,
		     const struct uw_rulebook *book, uw_recorder_renew_fn renew, void *userdata);
void uw_recorder_done(struct uw_recorder *recorder);

/* To be called before the events of a batch: the clock may have been set. */
void uw_recorder_set_clock(struct uw_recorder *recorder);

/*
 * Decodes one event, and puts its record in the sink if a rule wants it and it is not part of a
 * flood. With that, the event counts as taken in the ledger.
 */
void uw_recorder_take(struct uw_recorder *recorder, const void *data, size_t size);

/* Writes the summaries of floods whose interval is over, as far as the sink has room for them. */
void uw_recorder_tick(struct uw_recorder *recorder);

/* Ends all floods and writes their summaries: before other rules, or other limits, come into force.
 */
void uw_recorder_end_floods(struct uw_recorder *recorder);

#endif
