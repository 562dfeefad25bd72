/* SPDX-License-Identifier: MIT */
/*
 * A queue of records, and behind it journald's socket or a stream. A record that cannot be sent now
 * waits in the queue, in order. The event loop sends it when there is room, or when journald is
 * back. Only uw_spool_drain() waits.
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
 * The event loop calls it when the spool has sent something, and so may have room. error is 0, or
 * why a stream lost lines (-EPIPE: its reader has gone).
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

/* From now on the event loop sends the records that wait. Returns 0 or -errno. */
int uw_spool_attach(struct uw_spool *spool, sd_event *event, uw_spool_fn moved, void *userdata);

/*
 * Queues one record, which uw_spool_flush() sends. Returns 0; or -ENOBUFS, with the record lost and
 * counted as failed.
 */
int uw_spool_put(struct uw_spool *spool, enum uw_kind kind, uint64_t weight, const void *data,
		 size_t len);

/* Counts a record as failed that could not be formatted. */
void uw_spool_lose(struct uw_spool *spool, enum uw_kind kind, uint64_t weight);

/* Sends what can be sent without waiting. Returns 0, or -errno if a stream lost lines. */
int uw_spool_flush(struct uw_spool *spool);

/*
 * Sends everything, and gives up when nothing was taken for timeout_ms. Calls moving(), which may
 * be NULL, about once a second while it makes progress. Returns 0; -ETIMEDOUT with the rest still
 * queued; or -errno as uw_spool_flush().
 */
int uw_spool_drain(struct uw_spool *spool, unsigned int timeout_ms, void (*moving)(void));

/* True if there is room for a record of len bytes. */
bool uw_spool_fits(const struct uw_spool *spool, size_t len);

const struct uw_spool_counts *uw_spool_counts(const struct uw_spool *spool);

/* The size of the queue, and how much of it is in use, in bytes. */
void uw_spool_usage(const struct uw_spool *spool, size_t *ret_size, size_t *ret_used);

/*
 * See uw_queue_trim(). Do not call it for each record: the kernel clears each page that is used
 * again.
 */
void uw_spool_trim(struct uw_spool *spool);

/* See uw_persistent_resize_queue(). */
int uw_spool_resize(struct uw_spool *spool, size_t size);

#endif
