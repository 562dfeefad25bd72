/* SPDX-License-Identifier: MIT */
/*
 * The way out for records: a queue, and behind it journald's socket or a stream. What cannot be
 * sent now waits in the queue, in order, and the event loop sends it when there is room, or when
 * journald is back. Nothing here ever waits, but uw_spool_drain().
 */
#ifndef UW_SPOOL_H
#define UW_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "state/persistent.h"

struct uw_spool;

/*
 * Called from the event loop where the spool has moved: it may have room now. error is 0, or that
 * of a stream that did not take what was lost by it (-EPIPE: its reader has gone).
 */
typedef void (*uw_spool_fn)(int error, void *userdata);

/*
 * An spool to the journal's socket at path, or to a stream, with the queue and the counts of the
 * persistent, which may hold what another process has left; path and persistent are borrowed. Both
 * return 0 or -errno; free with uw_spool_free(), which accepts NULL.
 */
int uw_spool_to_journal(const char *path, struct uw_persistent *persistent, struct uw_spool **ret);
int uw_spool_to_stream(int fd, struct uw_persistent *persistent, struct uw_spool **ret);
void uw_spool_free(struct uw_spool *spool);

/* From here on, what waits is sent by the event loop. Returns 0 or -errno. */
int uw_spool_attach(struct uw_spool *spool, sd_event *event, uw_spool_fn moved, void *userdata);

/*
 * Takes one record, which is kept back until uw_spool_flush(). Returns 0; or -ENOBUFS, where it is
 * lost and counted as failed.
 */
int uw_spool_put(struct uw_spool *spool, enum uw_kind kind, uint64_t weight, const void *data,
		 size_t len);

/* Counts a record that could not even be put together as failed. */
void uw_spool_lose(struct uw_spool *spool, enum uw_kind kind, uint64_t weight);

/* Sends what can be sent without waiting. Returns 0, or -errno of a stream that lost lines. */
int uw_spool_flush(struct uw_spool *spool);

/*
 * Sends everything, and gives up when nothing has moved for timeout_ms; calls moving(), which may
 * be NULL, about once a second while something does. Returns 0, -ETIMEDOUT with what is left in the
 * queue, or -errno as uw_spool_flush().
 */
int uw_spool_drain(struct uw_spool *spool, unsigned int timeout_ms, void (*moving)(void));

/* True where a record of len bytes has room. */
bool uw_spool_fits(const struct uw_spool *spool, size_t len);

const struct uw_spool_counts *uw_spool_counts(const struct uw_spool *spool);

/* Size of the queue, and how much of it is in use, in bytes. */
void uw_spool_usage(const struct uw_spool *spool, size_t *ret_size, size_t *ret_used);

/* See uw_queue_trim(). Not for each record: what is used again is cleared by the kernel. */
void uw_spool_trim(struct uw_spool *spool);

/* See uw_persistent_resize_queue(). */
int uw_spool_resize(struct uw_spool *spool, size_t size);

#endif
