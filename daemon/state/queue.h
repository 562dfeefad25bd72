/* SPDX-License-Identifier: MIT */
/*
 * A first-in, first-out queue of records in a ring of fixed size. It uses memory only up to the
 * highest byte written, and gives that back when it is empty. Pure.
 */
#ifndef UW_QUEUE_H
#define UW_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The owner's description of a record, which the queue only stores. */
struct uw_queue_tag {
	uint32_t kind;
	uint64_t weight;
};

/* A record in the queue. It does not move until it is popped or the queue is resized. */
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
	size_t used;	   /* bytes of all records and their headers */
	size_t high;	   /* how far the ring has been written since it was last empty */
};

/* Uses size bytes, at least 4096, of the caller's shared memory, aligned to a page. */
void uw_queue_init(struct uw_queue *queue, char *ring, size_t size);

/* True if a record of len bytes fits now. Every smaller one then fits, too. */
bool uw_queue_fits(const struct uw_queue *queue, size_t len);

/* Appends a copy of the record. False if it does not fit. */
bool uw_queue_push(struct uw_queue *queue, struct uw_queue_tag tag, const void *data, size_t len);

/* The first record, and the one after `entry`; NULL if there is none. */
const struct uw_queue_entry *uw_queue_first(const struct uw_queue *queue);
const struct uw_queue_entry *uw_queue_next(const struct uw_queue *queue,
					   const struct uw_queue_entry *entry);

/* Removes the first record, which must exist. Its bytes stay until uw_queue_trim(). */
void uw_queue_pop(struct uw_queue *queue);

/* Gives memory back if the queue is empty and has used much. */
void uw_queue_trim(struct uw_queue *queue);

/* Appends all records to another queue. Returns 0, or -ENOSPC if not all of them fit. */
int uw_queue_copy(const struct uw_queue *queue, struct uw_queue *other);

#endif
