/* SPDX-License-Identifier: MIT */
/*
 * Takes events from the source, as long as the output has room for the records. Where it has not,
 * as while journald is stopped, events stay in the ring buffer: what the queue and the ring buffer
 * can hold is kept, and the kernel side counts what comes when both are full.
 */
#ifndef UW_EVENT_READER_H
#define UW_EVENT_READER_H

#include <systemd/sd-event.h>

#include "output/output.h"
#include "pipeline.h"
#include "probe/probe_select.h"

struct uw_event_reader {
	sd_event *event;		      /* borrowed, as all of these */
	struct uw_probe_select *probe_select; /* whose source it takes them from */
	struct uw_pipeline *pipeline;
	struct uw_output *output;
	sd_event_source *readable; /* owned */
	sd_event_source *rested;   /* owned; a timer */
};

/* A uw_source_event_fn; userdata is the reader, whose probe_select, pipeline and output are set. */
void uw_event_reader_take(const void *data, size_t size, void *userdata);

/* Reads events from now on, and has the loop write what waits. Returns 0 or -errno. */
int uw_event_reader_start(struct uw_event_reader *reader, sd_event *event);

/*
 * Takes at most max events. Returns how many, or -errno. When the output has lost its reader it
 * ends the loop.
 */
int uw_event_reader_read(struct uw_event_reader *reader, unsigned int max);

/*
 * To be called now and then: takes the deletions that began more than age_ns ago and never
 * returned, and writes the summaries of storms that are due, as far as there is room. Gives memory
 * back that the queue needs no more.
 */
void uw_event_reader_tick(struct uw_event_reader *reader, uint64_t age_ns);

/*
 * Detaches the probes, takes and writes all that is left, and waits for the output to take it;
 * gives up when nothing has moved for timeout_ms. The summaries of storms
 * are the last. Returns 0, -ETIMEDOUT or another -errno.
 */
int uw_event_reader_finish(struct uw_event_reader *reader, unsigned int timeout_ms);

/*
 * Leaves the probes, and what they see from now on, to the next process: only ends the storms and
 * waits for the output to take what is there, as above.
 */
void uw_event_reader_leave(struct uw_event_reader *reader, unsigned int timeout_ms);

void uw_event_reader_done(struct uw_event_reader *reader);

#endif
