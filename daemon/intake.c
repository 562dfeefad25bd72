// SPDX-License-Identifier: MIT
#include "intake.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>

/* Events handled before the loop looks at signals and the watchdog again. */
#define BATCH 512

/*
 * While a flood is under way, events are left to gather between two reads, or the daemon would wake
 * up, and interrupt who deletes, for each. For as long as a quarter of the ring buffer takes to
 * fill at 512 MB/s, which is more than a million events a second, and nobody notices.
 */
#define REST_BYTES_PER_USEC 2048
#define REST_USEC_MAX	    10000
#define ACCURACY_USEC	    1 /* 0 would be 250 ms */

void uw_intake_take(const void *data, size_t size, void *userdata)
{
	struct uw_intake *in = userdata;

	uw_recorder_take(in->recorder, data, size);
	if (in->ladder->source && !uw_sink_has_room(in->sink))
		uw_source_enough(in->ladder->source);
}

int uw_intake_read(struct uw_intake *in, unsigned int max)
{
	int n = 0;

	if (uw_sink_has_room(in->sink)) {
		uw_recorder_set_clock(in->recorder);
		n = uw_source_read(in->ladder->source, max);
	}
	if (uw_sink_flush(in->sink) == -EPIPE)
		sd_event_exit(in->event, 0); /* the reader of the output has gone */
	return n;
}

/* Takes deletions that never returned, as far as there is room. Returns how many, or -errno. */
static int sweep(struct uw_intake *in, uint64_t age_ns)
{
	if (!uw_sink_has_room(in->sink))
		return 0;
	uw_recorder_set_clock(in->recorder);
	return uw_source_sweep(in->ladder->source, age_ns);
}

void uw_intake_tick(struct uw_intake *in, uint64_t age_ns)
{
	/* With events held up in the ring buffer, a flood would seem to have ended. */
	if (!uw_sink_has_room(in->sink))
		return;
	sweep(in, age_ns);
	uw_recorder_tick(in->recorder);
	uw_sink_flush(in->sink);
	uw_sink_trim(in->sink);
}

/* For how long to rest after a read of n events, of which so many are only part of a summary. */
static uint64_t rest_usec(const struct uw_intake *in, int n, uint64_t summarised)
{
	struct uw_source_usage usage;

	/* Without reads of the kernel, /proc is asked about processes before they are gone. */
	if (!summarised || n >= BATCH || !in->ladder->plan.kernel_reads)
		return 0;
	uw_source_usage(in->ladder->source, &usage);
	if (usage.ring_size / REST_BYTES_PER_USEC > REST_USEC_MAX)
		return REST_USEC_MAX;
	return usage.ring_size / REST_BYTES_PER_USEC;
}

static void rest(struct uw_intake *in, uint64_t usec)
{
	if (sd_event_source_set_time_relative(in->rested, usec) >= 0 &&
	    sd_event_source_set_enabled(in->rested, SD_EVENT_ONESHOT) >= 0)
		sd_event_source_set_enabled(in->readable, SD_EVENT_OFF);
}

/* Takes what is there, and says when to come back: at once, later, or when there is room. */
static void take_batch(struct uw_intake *in)
{
	const uint64_t *summarised = &in->recorder->stats->summarised;
	uint64_t before = *summarised, usec;
	int n = uw_intake_read(in, BATCH);

	/* An error returned here would only turn this source off, and leave the daemon blind. */
	if (n < 0) {
		uw_sink_note(in->sink, NULL, LOG_ERR, "cannot read the ring buffer: %s",
			     strerror(-n));
		sd_event_exit(in->event, n);
	}
	usec = rest_usec(in, n, *summarised - before);
	if (!uw_sink_has_room(in->sink))
		sd_event_source_set_enabled(in->readable, SD_EVENT_OFF);
	else if (usec)
		rest(in, usec);
	else
		sd_event_source_set_enabled(in->readable, SD_EVENT_ON);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source, (void)fd, (void)revents;
	take_batch(userdata);
	return 0;
}

static int on_rested(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source, (void)usec;
	take_batch(userdata);
	return 0;
}

static void on_moved(int error, void *userdata)
{
	struct uw_intake *in = userdata;

	if (error == -EPIPE)
		sd_event_exit(in->event, 0);
	if (uw_sink_has_room(in->sink))
		sd_event_source_set_enabled(in->readable, SD_EVENT_ON);
}

int uw_intake_start(struct uw_intake *in, sd_event *event)
{
	int r;

	in->event = event;
	r = sd_event_add_io(event, &in->readable, in->ladder->epoll, EPOLLIN, on_readable, in);
	if (r >= 0)
		r = sd_event_add_time(event, &in->rested, CLOCK_MONOTONIC, 0, ACCURACY_USEC,
				      on_rested, in);
	if (r >= 0)
		r = sd_event_source_set_enabled(in->rested, SD_EVENT_OFF);
	return r < 0 ? r : uw_sink_attach(in->sink, event, on_moved, in);
}

/* A journal that is slow, but takes records, is worth waiting for, beyond TimeoutStopSec=. */
static void ask_for_time(void)
{
	sd_notify(0, "EXTEND_TIMEOUT_USEC=60000000");
}

int uw_intake_finish(struct uw_intake *in, unsigned int timeout_ms)
{
	int n = 0, swept = 0, r;

	uw_source_stop(in->ladder->source);
	do {
		r = uw_sink_has_room(in->sink) ? 0
					       : uw_sink_drain(in->sink, timeout_ms, ask_for_time);
		if (r < 0)
			break;
		n = uw_intake_read(in, BATCH);
		swept = sweep(in, 0);
	} while (n > 0 || swept > 0);
	if (r < 0)
		timeout_ms = 0; /* it has been given its time */
	uw_recorder_end_floods(in->recorder);
	r = uw_sink_drain(in->sink, timeout_ms, ask_for_time);
	return n < 0 ? n : r;
}

void uw_intake_leave(struct uw_intake *in, unsigned int timeout_ms)
{
	/* The next process may be of another version, that does not know them. */
	uw_recorder_end_floods(in->recorder);
	uw_sink_drain(in->sink, timeout_ms, ask_for_time);
}

void uw_intake_done(struct uw_intake *in)
{
	sd_event_source_unref(in->readable);
	in->readable = NULL;
	sd_event_source_unref(in->rested);
	in->rested = NULL;
}
