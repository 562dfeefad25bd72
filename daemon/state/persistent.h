/* SPDX-License-Identifier: MIT */
/*
 * The memory that outlives the process: the records that wait, the counts, the storms, and how far
 * the ring buffer has been read. It is shared memory that systemd keeps (see state/fdstore.h). The
 * next process takes it over as it was after the last complete change.
 *
 * uw_persistent_begin() copies the words, and uw_persistent_commit() drops the copy. If the process
 * is killed in between, the next one restores the copy, so that nothing has changed.
 */
#ifndef UW_PERSISTENT_H
#define UW_PERSISTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "state/fdstore.h"
#include "state/queue.h"
#include "state/stats.h"

/* What a record is, for the counts. */
enum uw_kind {
	UW_KIND_NOTE,	 /* what the daemon says of itself */
	UW_KIND_RECORD,	 /* a deletion */
	UW_KIND_SUMMARY, /* many of them */
	UW_KINDS,
};

/* Sums of weights, by kind. Each record that was put is sent, failed or still queued. */
struct uw_spool_counts {
	uint64_t sent[UW_KINDS], failed[UW_KINDS], queued[UW_KINDS];
};

/* How far a ring buffer has been read. Nothing before the position is read again. */
struct uw_taken {
	uint64_t serial; /* of the source, from 1 */
	uint64_t position;
};

struct uw_persistent_words {
	struct uw_queue queue;
	uint64_t area;	 /* where in the memory the queue's ring is: 0 or 1 */
	uint64_t popped; /* records that have left the queue */
	struct uw_spool_counts counts;
	struct uw_stats stats;	     /* the pipeline's */
	struct uw_stats reported;    /* losses up to these have been reported */
	uint64_t before[UW_CNT_MAX]; /* counters of the sources before the present one */
	uint64_t swept;		     /* deletions that a sweep took over */
	uint64_t written; /* slot of a summary that is in the queue and not yet released, or 0 */
	struct uw_taken taken[2];
	uint64_t serial;  /* of the last source */
	uint64_t retired; /* that of the last one whose counters are in `before` */
	uint64_t gen;	  /* of the last rules */
};

struct uw_persistent {
	int fd;
	struct uw_persistent_words *words;
	struct mmsghdr
		*message; /* what sendmmsg(2) is to be called with; see uw_persistent_sending() */
	void *room;	  /* for the storms, UW_PERSISTENT_ROOM bytes of zeroes at first */
	bool adopted;	  /* there was a process before this one */
	bool interrupted; /* which was killed between begin and commit */
	bool refused;	  /* there was one of another version, which could not be read */
	/* private */
	struct page *page;
	unsigned int depth;
	struct uw_taken next;
};

#define UW_PERSISTENT_ROOM ((size_t)16 << 20)

/*
 * Makes new memory with an empty queue of queue_size bytes. Returns 0 or -errno; release with
 * uw_persistent_done().
 */
int uw_persistent_new(struct uw_persistent *ret, size_t queue_size);

/*
 * Takes over the memory of another process, which has ended, and the descriptor. Returns 0; or
 * -EPROTO where another version of this program has laid it out; or another -errno. The descriptor
 * is still the caller's then.
 */
int uw_persistent_adopt(struct uw_persistent *ret, int fd);

/*
 * Takes over the memory that systemd has kept, or makes new memory with a queue of queue_size
 * bytes, and has systemd keep that. Returns 0 or -errno.
 */
int uw_persistent_open(struct uw_fdstore *store, size_t queue_size, struct uw_persistent *ret);

/* Accepts zeroes. The memory lives on as long as another process has it. */
void uw_persistent_done(struct uw_persistent *persistent);

/* They nest; the outermost commit counts. */
void uw_persistent_begin(struct uw_persistent *persistent);
void uw_persistent_commit(struct uw_persistent *persistent);

/* Between the two. */
bool uw_persistent_is_changing(const struct uw_persistent *persistent);

/*
 * Says where in the ring buffer the event ends that is handed on next; serial 0: there is none. The
 * change that decides what becomes of the event calls uw_persistent_take().
 */
void uw_persistent_next(struct uw_persistent *persistent, struct uw_taken next);
void uw_persistent_take(struct uw_persistent *persistent);

/* The position up to which the ring buffer of that source has been read, 0 for nothing. */
uint64_t uw_persistent_taken(const struct uw_persistent *persistent, uint64_t serial);

/*
 * Call it before the first record of the queue is sent with `message`. The kernel writes the length
 * that it sent into `message` before sendmmsg(2) returns. So the next process learns from
 * uw_persistent_was_sent() whether the record was sent, even if this one is killed in the call.
 */
void uw_persistent_sending(struct uw_persistent *persistent);
bool uw_persistent_was_sent(const struct uw_persistent *persistent);

/*
 * Moves what is in the queue to memory of another size. 0; -ENOSPC where it does not fit; -errno.
 */
int uw_persistent_resize_queue(struct uw_persistent *persistent, size_t size);

#endif
