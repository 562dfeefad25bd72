// SPDX-License-Identifier: MIT
#include "state/queue.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* A length that marks where the ring continues at its beginning. */
#define WRAPPED UINT32_MAX

#define HEADER sizeof(struct uw_queue_entry)

/* An empty queue gives its memory back only if it has used more than this. */
#define KEPT ((size_t)128 << 10)

_Static_assert(HEADER % 8 == 0, "records are aligned to headers");

static size_t room_for(size_t len)
{
	return HEADER + (len + 7) / 8 * 8;
}

static struct uw_queue_entry *at(const struct uw_queue *q, size_t offset)
{
	return (struct uw_queue_entry *)(void *)(q->ring + offset);
}

void uw_queue_init(struct uw_queue *q, char *ring, size_t size)
{
	*q = (struct uw_queue){ .ring = ring, .size = size / HEADER * HEADER };
}

/* True if the records wrap around the end of the ring: the free space is between tail and head. */
static bool is_wrapped(const struct uw_queue *q)
{
	return q->n && q->tail <= q->head;
}

bool uw_queue_fits(const struct uw_queue *q, size_t len)
{
	size_t room;

	if (len >= q->size)
		return false;
	room = room_for(len);
	if (is_wrapped(q))
		return q->head - q->tail >= room;
	return q->size - q->tail >= room || q->head >= room;
}

bool uw_queue_push(struct uw_queue *q, struct uw_queue_tag tag, const void *data, size_t len)
{
	size_t room = room_for(len);
	struct uw_queue_entry *entry;

	if (!uw_queue_fits(q, len))
		return false;
	if (!is_wrapped(q) && q->size - q->tail < room) {
		/* Offsets are multiples of 8, not of HEADER: the mark may not fit. */
		if (q->size - q->tail >= HEADER)
			at(q, q->tail)->len = WRAPPED;
		q->tail = 0;
	}
	entry = at(q, q->tail);
	*entry = (struct uw_queue_entry){ .tag = tag, .len = (uint32_t)len };
	memcpy(entry->data, data, len);
	q->tail += room;
	q->used += room;
	q->n++;
	if (q->tail > q->high)
		q->high = q->tail;
	return true;
}

/* The offset of the record that follows one that ends at `offset`. */
static size_t from(const struct uw_queue *q, size_t offset)
{
	if (q->size - offset < HEADER || at(q, offset)->len == WRAPPED)
		return 0;
	return offset;
}

const struct uw_queue_entry *uw_queue_first(const struct uw_queue *q)
{
	return q->n ? at(q, q->head) : NULL;
}

const struct uw_queue_entry *uw_queue_next(const struct uw_queue *q,
					   const struct uw_queue_entry *entry)
{
	size_t end = (size_t)((const char *)entry - q->ring) + room_for(entry->len);

	return end == q->tail ? NULL : at(q, from(q, end));
}

void uw_queue_pop(struct uw_queue *q)
{
	size_t room = room_for(at(q, q->head)->len);

	q->used -= room;
	if (--q->n) {
		q->head = from(q, q->head + room);
		return;
	}
	q->head = q->tail = 0;
}

void uw_queue_trim(struct uw_queue *q)
{
	if (q->n || q->high <= KEPT)
		return;
	madvise(q->ring, q->size, MADV_REMOVE);
	q->high = 0;
}

int uw_queue_copy(const struct uw_queue *q, struct uw_queue *other)
{
	const struct uw_queue_entry *entry;

	for (entry = uw_queue_first(q); entry; entry = uw_queue_next(q, entry))
		if (!uw_queue_push(other, entry->tag, entry->data, entry->len))
			return -ENOSPC;
	return 0;
}
