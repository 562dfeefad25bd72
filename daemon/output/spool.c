// SPDX-License-Identifier: MIT
#include "output/spool.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/clock.h"
#include "output/journal_socket.h"
#include "output/stream.h"

/* The interval of new attempts while the kernel cannot report that one would succeed. */
#define RETRY_USEC 200000
#define RETRY_MS   (RETRY_USEC / 1000)

/* Lines per write. */
#define LINES 64

struct uw_spool {
	struct uw_persistent *persistent;
	struct uw_queue *queue; /* these are of the persistent memory */
	struct uw_spool_counts *counts;
	bool to_journal;
	struct uw_journal_socket journal;
	struct uw_stream stream;
	size_t written;			   /* bytes of the first line that have been written */
	bool torn;			   /* the last line was written in part */
	sd_event_source *writable, *retry; /* NULL before uw_spool_attach() */
	uw_spool_fn moved;
	void *userdata;
};

static struct uw_spool *new (struct uw_persistent *persistent)
{
	struct uw_spool *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->persistent = persistent;
	o->queue = &persistent->words->queue;
	o->counts = &persistent->words->counts;
	return o;
}

/* Removes the first record and counts it in `counts`. */
static void pop(struct uw_spool *o, uint64_t counts[UW_KINDS])
{
	const struct uw_queue_tag *tag = &uw_queue_first(o->queue)->tag;

	uw_persistent_begin(o->persistent);
	counts[tag->kind] += tag->weight;
	o->counts->queued[tag->kind] -= tag->weight;
	uw_queue_pop(o->queue);
	o->persistent->words->popped++;
	uw_persistent_commit(o->persistent);
	o->written = 0;
}

int uw_spool_to_journal(const char *path, struct uw_persistent *persistent, struct uw_spool **ret)
{
	struct uw_spool *o = new (persistent);
	int r;

	if (!o)
		return -ENOMEM;
	o->to_journal = true;
	/* The previous process sent the record and was killed before it could note that. */
	if (uw_queue_first(o->queue) && uw_persistent_was_sent(persistent))
		pop(o, o->counts->sent);
	r = uw_journal_socket_init(&o->journal, path, persistent->message);
	if (r < 0) {
		uw_spool_free(o);
		return r;
	}
	*ret = o;
	return 0;
}

int uw_spool_to_stream(int fd, struct uw_persistent *persistent, struct uw_spool **ret)
{
	struct uw_spool *o = new (persistent);

	if (!o)
		return -ENOMEM;
	uw_stream_init(&o->stream, fd);
	*ret = o;
	return 0;
}

void uw_spool_free(struct uw_spool *o)
{
	if (!o)
		return;
	sd_event_source_unref(o->writable);
	sd_event_source_unref(o->retry);
	if (o->to_journal)
		uw_journal_socket_done(&o->journal);
	else
		uw_stream_done(&o->stream);
	free(o);
}

static int send_records(struct uw_spool *o)
{
	const struct uw_queue_entry *entry;
	int r;

	while ((entry = uw_queue_first(o->queue))) {
		uw_persistent_sending(o->persistent);
		r = uw_journal_socket_send(&o->journal, entry->data, entry->len);
		if (r < 0 && r != -EMSGSIZE)
			return r;
		pop(o, r ? o->counts->failed : o->counts->sent);
	}
	return 0;
}

/* The lines that wait, without the written part of the first one. */
static int gather(const struct uw_spool *o, struct iovec iov[LINES])
{
	const struct uw_queue_entry *entry = uw_queue_first(o->queue);
	size_t out = o->written;
	int n = 0;

	for (; entry && n < LINES; entry = uw_queue_next(o->queue, entry)) {
		iov[n].iov_base = (char *)entry->data + out;
		iov[n++].iov_len = entry->len - out;
		out = 0;
	}
	return n;
}

/* Drops what the output did not take. Ends a line that was written in part.
 */
static void give_up(struct uw_spool *o)
{
	o->torn |= o->written > 0;
	while (uw_queue_first(o->queue))
		pop(o, o->counts->failed);
	if (o->torn)
		uw_queue_push(o->queue, (struct uw_queue_tag){ 0 }, "\n", 1);
}

static int send_lines(struct uw_spool *o)
{
	struct iovec iov[LINES];
	size_t left;
	ssize_t n;

	while (uw_queue_first(o->queue)) {
		n = uw_stream_write(&o->stream, iov, gather(o, iov));
		if (n == -EAGAIN)
			return -EAGAIN;
		if (n < 0) {
			give_up(o);
			return (int)n;
		}
		o->written += (size_t)n;
		while (uw_queue_first(o->queue) && o->written >= uw_queue_first(o->queue)->len) {
			left = o->written - uw_queue_first(o->queue)->len;
			pop(o, o->counts->sent);
			o->written = left;
			o->torn = false;
		}
	}
	return 0;
}

/* Waits until the next attempt may succeed. */
static void arm(struct uw_spool *o, int r)
{
	if (o->writable)
		sd_event_source_set_enabled(o->writable, r == -EAGAIN ? SD_EVENT_ON : SD_EVENT_OFF);
	if (!o->retry)
		return;
	if (r == -ENOTCONN || (r == -EAGAIN && !o->writable)) {
		sd_event_source_set_time_relative(o->retry, RETRY_USEC);
		sd_event_source_set_enabled(o->retry, SD_EVENT_ONESHOT);
	} else {
		sd_event_source_set_enabled(o->retry, SD_EVENT_OFF);
	}
}

/* Also returns -EAGAIN and -ENOTCONN. */
static int try(struct uw_spool *o)
{
	int r = o->to_journal ? send_records(o) : send_lines(o);

	arm(o, r);
	return r;
}

int uw_spool_flush(struct uw_spool *o)
{
	int r;

	/* What is sent cannot be undone. */
	if (uw_persistent_is_changing(o->persistent))
		return 0;
	r = try(o);

	return r == -EAGAIN || r == -ENOTCONN ? 0 : r;
}

static int on_writable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct uw_spool *o = userdata;

	(void)source, (void)fd, (void)revents;
	o->moved(uw_spool_flush(o), o->userdata);
	return 0;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct uw_spool *o = userdata;

	(void)source, (void)usec;
	o->moved(uw_spool_flush(o), o->userdata);
	return 0;
}

int uw_spool_attach(struct uw_spool *o, sd_event *event, uw_spool_fn moved, void *userdata)
{
	int r;

	o->moved = moved;
	o->userdata = userdata;
	r = sd_event_add_io(event, &o->writable, o->to_journal ? o->journal.fd : o->stream.fd,
			    EPOLLOUT, on_writable, o);
	/* A regular file cannot be polled and never blocks. */
	if (r >= 0 || r == -EPERM)
		r = sd_event_add_time_relative(event, &o->retry, CLOCK_MONOTONIC, RETRY_USEC, 0,
					       on_retry, o);
	if (r < 0)
		return r;
	/* Both stay off until the next flush says which one is needed. */
	try(o);
	return 0;
}

int uw_spool_put(struct uw_spool *o, enum uw_kind kind, uint64_t weight, const void *data,
		 size_t len)
{
	struct uw_queue_tag tag = { (uint32_t)kind, weight };
	bool pushed;

	uw_persistent_begin(o->persistent);
	pushed = uw_queue_push(o->queue, tag, data, len);
	(pushed ? o->counts->queued : o->counts->failed)[kind] += weight;
	uw_persistent_commit(o->persistent);
	return pushed ? 0 : -ENOBUFS;
}

void uw_spool_lose(struct uw_spool *o, enum uw_kind kind, uint64_t weight)
{
	o->counts->failed[kind] += weight;
}

int uw_spool_drain(struct uw_spool *o, unsigned int timeout_ms, void (*moving)(void))
{
	struct pollfd pfd = { .fd = o->to_journal ? o->journal.fd : o->stream.fd,
			      .events = POLLOUT };
	uint64_t timeout_ns = timeout_ms * UINT64_C(1000000), now, moved, told = 0;
	size_t before;
	int r;

	moved = uw_clock_ns(CLOCK_MONOTONIC);
	for (;;) {
		before = o->queue->used + o->written;
		r = try(o);
		if (r != -EAGAIN && r != -ENOTCONN)
			return r;
		now = uw_clock_ns(CLOCK_MONOTONIC);
		if (o->queue->used + o->written != before)
			moved = now;
		if (moving && moved == now && now - told >= UW_NS_PER_S) {
			told = now;
			moving();
		}
		if (now - moved >= timeout_ns)
			return -ETIMEDOUT;
		/* Without a receiver, POLLOUT means nothing. */
		poll(&pfd, r == -EAGAIN, RETRY_MS);
	}
}

bool uw_spool_fits(const struct uw_spool *o, size_t len)
{
	return uw_queue_fits(o->queue, len);
}

const struct uw_spool_counts *uw_spool_counts(const struct uw_spool *o)
{
	return o->counts;
}

void uw_spool_usage(const struct uw_spool *o, size_t *ret_size, size_t *ret_used)
{
	*ret_size = o->queue->size;
	*ret_used = o->queue->used;
}

void uw_spool_trim(struct uw_spool *o)
{
	uw_queue_trim(o->queue);
}

int uw_spool_resize(struct uw_spool *o, size_t size)
{
	return uw_persistent_resize_queue(o->persistent, size);
}
