// SPDX-License-Identifier: MIT
#include "event_reader.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>

/* Events handled before the loop looks at signals and the watchdog again. */
#define BATCH 512

/*
 * During a storm the daemon lets events gather between two reads. Otherwise each event would wake
 * it up and interrupt the process that deletes. It rests for the time in which a quarter of the
 * ring buffer fills at 512 MB/s, more than a million events a second.
 */
#define REST_BYTES_PER_USEC 2048
#define REST_USEC_MAX	    10000
#define ACCURACY_USEC	    1 /* 0 would mean 250 ms */

/* How often events that wait for a look at the mounts are reconsidered. */
#define WAIT_USEC 10000

static void check_room(struct uw_event_reader *in)
{
	if (!uw_output_has_room(in->output))
		uw_probe_select_enough(in->probe_select);
}

void uw_event_reader_take(const void *data, size_t size, void *userdata)
{
	struct uw_event_reader *in = userdata;

	uw_pipeline_take(in->pipeline, data, size);
	check_room(in);
}

bool uw_event_reader_take_next(const struct uw_next *next, const struct uw_event *first,
			       void *userdata)
{
	struct uw_event_reader *in = userdata;

	if (!uw_pipeline_take_next(in->pipeline, next, first))
		return false;
	check_room(in);
	return true;
}

/* Whether the events in the ring buffer cannot wait any longer. */
static bool is_pressed(const struct uw_event_reader *in)
{
	struct uw_source_usage usage;

	uw_source_usage(in->probe_select->source, &usage);
	return usage.ring_used > usage.ring_size / 2;
}

static int read_until(struct uw_event_reader *in, unsigned int max, unsigned long until)
{
	int n = 0;

	if (uw_output_has_room(in->output)) {
		uw_pipeline_set_clock(in->pipeline);
		n = uw_source_read_until(in->probe_select->source, max, until);
	}
	/* Records can wait in the queue, events only as long as the ring buffer has room. */
	if (n == (int)max && uw_output_has_room(in->output))
		return n;
	if (uw_output_flush(in->output) == -EPIPE)
		sd_event_exit(in->event, 0); /* the reader of the output has gone */
	return n;
}

int uw_event_reader_read(struct uw_event_reader *in, unsigned int max)
{
	return read_until(in, max, uw_mountwatch_reach(in->mountwatch, true));
}

/*
 * Takes over deletions that never returned, as far as there is room. Returns how many, or -errno.
 */
static int sweep(struct uw_event_reader *in, uint64_t age_ns)
{
	if (!uw_output_has_room(in->output))
		return 0;
	uw_pipeline_set_clock(in->pipeline);
	return uw_source_sweep(in->probe_select->source, age_ns);
}

void uw_event_reader_tick(struct uw_event_reader *in, uint64_t age_ns)
{
	/* While events wait in the ring buffer, a storm would only seem to have ended. */
	if (!uw_output_has_room(in->output))
		return;
	sweep(in, age_ns);
	uw_pipeline_tick(in->pipeline);
	uw_output_flush(in->output);
	uw_output_trim(in->output);
}

/* How long to rest after a read of n events, some of which only belong to a summary. */
static uint64_t rest_usec(const struct uw_event_reader *in, int n, uint64_t summarised)
{
	struct uw_source_usage usage;

	/* A kernel side that cannot read the kernel needs /proc before the process is gone. */
	if (!summarised || n >= BATCH || !in->probe_select->plan.kernel_reads)
		return 0;
	uw_source_usage(in->probe_select->source, &usage);
	if (usage.ring_size / REST_BYTES_PER_USEC > REST_USEC_MAX)
		return REST_USEC_MAX;
	return usage.ring_size / REST_BYTES_PER_USEC;
}

static void rest(struct uw_event_reader *in, uint64_t usec)
{
	if (sd_event_source_set_time_relative(in->rested, usec) >= 0 &&
	    sd_event_source_set_enabled(in->rested, SD_EVENT_ONESHOT) >= 0)
		sd_event_source_set_enabled(in->readable, SD_EVENT_OFF);
}

/* Reads a batch, and arranges for the next one: at once, later, or when there is room. */
static void take_batch(struct uw_event_reader *in)
{
	const uint64_t *summarised = &in->pipeline->stats->summarised;
	uint64_t before = *summarised, usec;
	unsigned long reach = uw_mountwatch_reach(in->mountwatch, is_pressed(in));
	int n = read_until(in, BATCH, reach);

	/* Returning an error would disable this event source and leave the daemon blind. */
	if (n < 0) {
		uw_output_note(in->output, NULL, LOG_ERR, "cannot read the ring buffer: %s",
			       strerror(-n));
		sd_event_exit(in->event, n);
	}
	usec = rest_usec(in, n, *summarised - before);
	if (uw_source_has_read(in->probe_select->source, reach)) {
		uw_mountwatch_trim(in->mountwatch);
		if (uw_source_written(in->probe_select->source) != reach &&
		    uw_mountwatch_is_owed(in->mountwatch))
			usec = WAIT_USEC;
	}
	if (!uw_output_has_room(in->output))
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
	struct uw_event_reader *in = userdata;

	if (error == -EPIPE)
		sd_event_exit(in->event, 0);
	if (uw_output_has_room(in->output))
		sd_event_source_set_enabled(in->readable, SD_EVENT_ON);
}

int uw_event_reader_start(struct uw_event_reader *in, sd_event *event)
{
	int r;

	in->event = event;
	r = sd_event_add_io(event, &in->readable, in->probe_select->epoll, EPOLLIN, on_readable,
			    in);
	if (r >= 0)
		r = sd_event_add_time(event, &in->rested, CLOCK_MONOTONIC, 0, ACCURACY_USEC,
				      on_rested, in);
	if (r >= 0)
		r = sd_event_source_set_enabled(in->rested, SD_EVENT_OFF);
	return r < 0 ? r : uw_output_attach(in->output, event, on_moved, in);
}

/* Wait beyond TimeoutStopSec= for a journal that is slow but takes records. */
static void ask_for_time(void)
{
	sd_notify(0, "EXTEND_TIMEOUT_USEC=60000000");
}

int uw_event_reader_finish(struct uw_event_reader *in, unsigned int timeout_ms)
{
	int n = 0, swept = 0, r;

	uw_source_stop(in->probe_select->source);
	do {
		r = uw_output_has_room(in->output)
			    ? 0
			    : uw_output_drain(in->output, timeout_ms, ask_for_time);
		if (r < 0)
			break;
		n = uw_event_reader_read(in, BATCH);
		swept = sweep(in, 0);
	} while (n > 0 || swept > 0);
	if (r < 0)
		timeout_ms = 0; /* it has had its time */
	uw_pipeline_end_storms(in->pipeline);
	r = uw_output_drain(in->output, timeout_ms, ask_for_time);
	return n < 0 ? n : r;
}

void uw_event_reader_leave(struct uw_event_reader *in, unsigned int timeout_ms)
{
	/* The next process may be of another version, which cannot read the storms, nor parts. */
	uw_source_send_whole(in->probe_select->source);
	uw_event_reader_read(in, UINT_MAX);
	uw_pipeline_end_storms(in->pipeline);
	uw_output_drain(in->output, timeout_ms, ask_for_time);
}

void uw_event_reader_done(struct uw_event_reader *in)
{
	sd_event_source_unref(in->readable);
	in->readable = NULL;
	sd_event_source_unref(in->rested);
	in->rested = NULL;
}
