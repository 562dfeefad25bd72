/* SPDX-License-Identifier: MIT */
/*
 * Reads events from the source while the output has room for their records, and writes when it has
 * read them all. While there is no room, as when journald is stopped for long, events stay in the
 * ring buffer. When that is full, too, the kernel side counts what it drops.
 */
#ifndef UW_EVENT_READER_H
#define UW_EVENT_READER_H

#include <systemd/sd-event.h>

#include "output/output.h"
#include "pipeline.h"
#include "probe/probe_select.h"
#include "rules/mountwatch.h"

struct uw_event_reader {
	sd_event *event;		      /* borrowed, as all of these */
	struct uw_probe_select *probe_select; /* whose source it takes them from */
	struct uw_pipeline *pipeline;
	struct uw_output *output;
	struct uw_mountwatch *mountwatch;
	sd_event_source *readable; /* owned */
	sd_event_source *rested;   /* owned; a timer */
};

/* A uw_source_event_fn; userdata is the reader, whose borrowed members are set. */
void uw_event_reader_take(const void *data, size_t size, void *userdata);

/* A uw_source_next_fn, for storms. */
bool uw_event_reader_take_next(const struct uw_next *next, const struct uw_event *first,
			       void *userdata);

/* From now on the event loop reads events and writes records. Returns 0 or -errno. */
int uw_event_reader_start(struct uw_event_reader *reader, sd_event *event);

/*
 * Reads at most max of the events that have arrived, after a look at the mounts if one is owed.
 * Returns how many, or -errno. Ends the event loop if the output has lost its reader.
 */
int uw_event_reader_read(struct uw_event_reader *reader, unsigned int max);

/*
 * Call it now and then. Takes over the deletions that began more than age_ns ago and never
 * returned, writes the summaries of storms that are due, as far as there is room, and gives unused
 * memory of the queue back.
 */
void uw_event_reader_tick(struct uw_event_reader *reader, uint64_t age_ns);

/*
 * Detaches the probes, records all that is left, the summaries of storms last, and waits for the
 * output. Gives up when the output has taken nothing for timeout_ms. Returns 0, -ETIMEDOUT or
 * another -errno.
 */
int uw_event_reader_finish(struct uw_event_reader *reader, unsigned int timeout_ms);

/*
 * Leaves the probes, and what they see from now on, to the next process. Only ends the storms and
 * waits for the output, as above.
 */
void uw_event_reader_leave(struct uw_event_reader *reader, unsigned int timeout_ms);

void uw_event_reader_done(struct uw_event_reader *reader);

#endif
