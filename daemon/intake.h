/* SPDX-License-Identifier: MIT */
/*
 * Takes events from the source, as long as the sink has room for the records. Where it has not, as
 * while journald is stopped, events stay in the ring buffer: what the queue and the ring buffer can
 * hold is kept, and the kernel side counts what comes when both are full.
 */
#ifndef UW_INTAKE_H
#define UW_INTAKE_H

#include <systemd/sd-event.h>

#include "ladder.h"
#include "recorder.h"
#include "sink.h"

struct uw_intake {
	sd_event *event;	  /* borrowed, as all of these */
	struct uw_ladder *ladder; /* whose source it takes them from */
	struct uw_recorder *recorder;
	struct uw_sink *sink;
	sd_event_source *readable; /* owned */
	sd_event_source *rested;   /* owned; a timer */
};

/* A uw_source_event_fn; userdata is the intake, whose ladder, recorder and sink are set. */
void uw_intake_take(const void *data, size_t size, void *userdata);

/* Reads events from now on, and has the loop write what waits. Returns 0 or -errno. */
int uw_intake_start(struct uw_intake *intake, sd_event *event);

/*
 * Takes at most max events. Returns how many, or -errno. When the output has lost its reader it
 * ends the loop.
 */
int uw_intake_read(struct uw_intake *intake, unsigned int max);

/*
 * To be called now and then: takes the deletions that began more than age_ns ago and never
 * returned, and writes the summaries of floods that are due, as far as there is room. Gives memory
 * back that the queue needs no more.
 */
void uw_intake_tick(struct uw_intake *intake, uint64_t age_ns);

/*
 * Detaches the probes, takes and writes all that is left, and waits for the output to take it;
 * gives up when nothing has moved for timeout_ms. The summaries of floods
 * are the last. Returns 0, -ETIMEDOUT or another -errno.
 */
int uw_intake_finish(struct uw_intake *intake, unsigned int timeout_ms);

/*
 * Leaves the probes, and what they see from now on, to the next process: only ends the floods and
 * waits for the output to take what is there, as above.
 */
void uw_intake_leave(struct uw_intake *intake, unsigned int timeout_ms);

void uw_intake_done(struct uw_intake *intake);

#endif
