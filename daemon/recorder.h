/* SPDX-License-Identifier: MIT */
/* The way of an event through the daemon: bytes, record, rules, sink; and the count of each end. */
#ifndef UW_RECORDER_H
#define UW_RECORDER_H

#include <stddef.h>
#include <stdint.h>

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
	struct uw_stats stats; /* .kernel is the caller's to fill */
	struct uw_record record;
	struct uw_host_paths host;
	uint64_t realtime_offset_ns; /* CLOCK_REALTIME less CLOCK_BOOTTIME */
};

/* Returns 0 or -ENOMEM; release with uw_recorder_done(). */
int uw_recorder_init(struct uw_recorder *recorder, struct uw_sink *sink,
		     const struct uw_rulebook *book, uw_recorder_renew_fn renew, void *userdata);
void uw_recorder_done(struct uw_recorder *recorder);

/* To be called before the events of a batch: the clock may have been set. */
void uw_recorder_set_clock(struct uw_recorder *recorder);

/*
 * To be called after the events of a batch: writes out what the sink kept back. Returns 0 or
 * -errno; the records that were lost by it are counted.
 */
int uw_recorder_flush(struct uw_recorder *recorder);

/* Decodes one event, and writes its record if a rule wants it. */
void uw_recorder_take(struct uw_recorder *recorder, const void *data, size_t size);

#endif
