/* SPDX-License-Identifier: MIT */
/*
 * Takes an event from bytes to record, through the rules, to the output, and counts how it ended.
 */
#ifndef UW_PIPELINE_H
#define UW_PIPELINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/containers.h"
#include "base/users.h"
#include "output/output.h"
#include "probe/peers.h"
#include "record/manifest.h"
#include "record/record.h"
#include "record/series.h"
#include "record/storm.h"
#include "rules/ruleset.h"
#include "sessions.h"
#include "state/stats.h"

/*
 * Brings the ruleset up to date. Called for an event from a state of the host's tree that the rules
 * in force may not be for. Returns false if the tree has changed and cannot be read now.
 */
typedef bool (*uw_pipeline_renew_fn)(void *userdata);

/* Enough for many threads that delete at once. */
#define UW_PIPELINE_SERIES 256

struct uw_pipeline {
	struct uw_output *output;	  /* borrowed */
	const struct uw_ruleset *ruleset; /* borrowed */
	uw_pipeline_renew_fn renew;
	void *userdata;
	struct uw_users *users;
	struct uw_sessions *sessions;
	struct uw_peers *peers;
	struct uw_containers *containers;
	struct uw_storm *storm;				  /* in the persistent memory */
	struct uw_manifest *manifest[UW_STORM_SUMMARIES]; /* of each summary with names */
	struct uw_summary *full;			  /* has to be closed: no more names fit */
	struct uw_series series[UW_PIPELINE_SERIES];	  /* by uw_series_of() */
	struct uw_persistent *persistent;		  /* borrowed */
	/* The persistent's: .filtered, .summarised and .undecodable; the output counts its own. */
	struct uw_stats *stats;
	struct uw_record record;
	struct uw_host_paths host, host_other, upper;
	uint64_t realtime_offset_ns; /* CLOCK_REALTIME less CLOCK_BOOTTIME */
};

/*
 * Counts and storms are in the persistent memory, which the output uses, too. Returns 0 or -ENOMEM;
 * release with uw_pipeline_done().
 */
int uw_pipeline_init(struct uw_pipeline *pipeline, struct uw_persistent *persistent,
		     struct uw_output *output, const struct uw_ruleset *ruleset,
		     uw_pipeline_renew_fn renew, void *userdata);
void uw_pipeline_done(struct uw_pipeline *pipeline);

/* Call it before each batch of events: the clock may have been set. */
void uw_pipeline_set_clock(struct uw_pipeline *pipeline);

/*
 * Decodes one event, and writes its record, or the two of an exchange, if a rule wants it and it is
 * not part of a storm. The persistent memory notes that the event has been read.
 */
void uw_pipeline_take(struct uw_pipeline *pipeline, const void *data, size_t size);

/*
 * The same for a part of an event, which follows the event `first`, if it only belongs to a storm.
 * Else it returns false, and nothing has changed.
 */
bool uw_pipeline_take_next(struct uw_pipeline *pipeline, const struct uw_next *next,
			   const struct uw_event *first);

/* Writes the summaries of storms whose interval is over, as far as the output has room. */
void uw_pipeline_tick(struct uw_pipeline *pipeline);

/*
 * Ends all storms and writes their summaries. Call it before other rules or limits come into force.
 */
void uw_pipeline_end_storms(struct uw_pipeline *pipeline);

#endif
