/* SPDX-License-Identifier: MIT */
/*
 * The way out for records: a queue, and behind it journald's socket or a stream. What cannot be
 * sent now waits in the queue, in order, and the event loop sends it when there is room, or when
 * journald is back. Nothing here ever waits, but uw_outlet_drain().
 */
#ifndef UW_OUTLET_H
#define UW_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "ledger.h"

struct uw_outlet;

/*
 * Called from the event loop where the outlet has moved: it may have room now. error is 0, or that
 * of a stream that did not take what was lost by it (-EPIPE: its reader has gone).
 */
typedef void (*uw_outlet_fn)(int error, void *userdata);

/*
 * An outlet to the journal's socket at path, or to a stream, with the queue and the counts of the
 * ledger, which may hold what another process has left; path and ledger are borrowed. Both return 0
 * or -errno; free with uw_outlet_free(), which accepts NULL.
 */
int uw_outlet_to_journal(const char *path, struct uw_ledger *ledger, struct uw_outlet **ret);
int uw_outlet_to_stream(int fd, struct uw_ledger *ledger, struct uw_outlet **ret);
void uw_outlet_free(struct uw_outlet *outlet);

/* From here on, what waits is sent by the event loop. Returns 0 or -errno. */
int uw_outlet_attach(struct uw_outlet *outlet, sd_event *event, uw_outlet_fn moved, void *userdata);

/*
 * Takes one record, which is kept back until uw_outlet_flush(). Returns 0; or -ENOBUFS, where it is
 * lost and counted as failed.
 */
int uw_outlet_put(struct uw_outlet *outlet, enum uw_kind kind, uint64_t weight, const void *data,
		  size_t len);

/* Counts a record that could not even be put together as failed. */
void uw_outlet_lose(struct uw_outlet *outlet, enum uw_kind kind, uint64_t weight);

/* Sends what can be sent without waiting. Returns 0, or -errno of a stream that lost lines. */
int uw_outlet_flush(struct uw_outlet *outlet);

/*
 * Sends everything, and gives up when nothing has moved for timeout_ms; calls moving(), which may
 * be NULL, about once a second while something does. Returns 0, -ETIMEDOUT with what is left in the
 * queue, or -errno as uw_outlet_flush().
 */
int uw_outlet_drain(struct uw_outlet *outlet, unsigned int timeout_ms, void (*moving)(void));

/* True where a record of len bytes has room. */
bool uw_outlet_fits(const struct uw_outlet *outlet, size_t len);

const struct uw_outlet_counts *uw_outlet_counts(const struct uw_outlet *outlet);

/* Size of the queue, and how much of it is in use, in bytes. */
void uw_outlet_usage(const struct uw_outlet *outlet, size_t *ret_size, size_t *ret_used);

/* See uw_queue_trim(). Not for each record: what is used again is cleared by the kernel. */
void uw_outlet_trim(struct uw_outlet *outlet);

/* See uw_ledger_resize_queue(). */
int uw_outlet_resize(struct uw_outlet *outlet, size_t size);

#endif
