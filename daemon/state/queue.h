/* SPDX-License-Identifier: MIT */
/*
 * Records that wait, first in, first out, in a ring of bytes of a fixed size. Memory is only used
 * up to where the queue has grown, and given back when it is empty again. Pure.
 */
#ifndef UW_QUEUE_H
#define UW_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a record is to its owner: the queue only keeps it. */
struct uw_queue_tag {
	uint32_t kind;
	uint64_t weight;
};

/* A record in the queue; it stays where it is until it is popped or the queue is resized. */
struct uw_queue_entry {
	struct uw_queue_tag tag;
	uint32_t len;
	uint32_t reserved;
	char data[];
};

struct uw_queue {
	char *ring;
	size_t size;	   /* bytes */
	size_t head, tail; /* the first record, and where the next one goes */
	size_t n;	   /* records */
	size_t used;	   /* bytes of these, their headers included */
	size_t high;	   /* how far the ring has been written since it was last empty */
};

/* In size bytes, at least 4096, of memory of the caller's: shared, and aligned to a page. */
void uw_queue_init(struct uw_queue *queue, char *ring, size_t size);

/* True where a record of len bytes has room now. If it has, every smaller one has. */
bool uw_queue_fits(const struct uw_queue *queue, size_t len);

/* Appends a copy of the record. False where it has no room. */
bool uw_queue_push(struct uw_queue *queue, struct uw_queue_tag tag, const void *data, size_t len);

/* The first record, and the one behind `entry`; NULL where there is none. */
const struct uw_queue_entry *uw_queue_first(const struct uw_queue *queue);
const struct uw_queue_entry *uw_queue_next(const struct uw_queue *queue,
					   const struct uw_queue_entry *entry);

/* Removes the first record. There must be one. Its bytes stay until uw_queue_trim(). */
void uw_queue_pop(struct uw_queue *queue);

/* Gives memory back, if the queue is empty and has used much of it. */
void uw_queue_trim(struct uw_queue *queue);

/* Appends what is in the queue to another one. Returns 0, or -ENOSPC where not all of it fits. */
int uw_queue_copy(const struct uw_queue *queue, struct uw_queue *other);

#endif
