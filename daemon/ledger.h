/* SPDX-License-Identifier: MIT */
/*
 * What the daemon knows and may not lose when it is killed: the records that wait, the counts, the
 * floods, how far it has read. It is in shared memory, which systemd can keep (see store.h), and
 * which a later process takes over as it was after the last change that was complete.
 *
 * A change of several words is made between uw_ledger_begin() and uw_ledger_commit(), which copies
 * the words first: a process that is killed in between has changed nothing. Pure.
 */
#ifndef UW_LEDGER_H
#define UW_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "queue.h"
#include "stats.h"

/* What a record is, for the counts. */
enum uw_kind {
	UW_KIND_NOTE,	 /* what the daemon says of itself */
	UW_KIND_RECORD,	 /* a deletion */
	UW_KIND_SUMMARY, /* many of them */
	UW_KINDS,
};

/* Sums of weights, by kind. What was put is sent, failed or still queued. */
struct uw_outlet_counts {
	uint64_t sent[UW_KINDS], failed[UW_KINDS], queued[UW_KINDS];
};

/* How far a ring buffer has been read: nothing before the position is to be taken again. */
struct uw_taken {
	uint64_t serial; /* of the source, from 1 */
	uint64_t position;
};

struct uw_ledger_words {
	struct uw_queue queue;
	uint64_t area;	 /* where in the memory the queue's ring is: 0 or 1 */
	uint64_t popped; /* records that have left the queue */
	struct uw_outlet_counts counts;
	struct uw_stats stats;	     /* the recorder's */
	struct uw_stats reported;    /* losses up to these have been reported */
	uint64_t before[UW_CNT_MAX]; /* counters of the sources before the present one */
	uint64_t swept;		     /* deletions that a sweep took over */
	uint64_t written; /* slot of a summary that is in the queue and not yet released, or 0 */
	struct uw_taken taken[2];
	uint64_t serial;  /* of the last source */
	uint64_t retired; /* that of the last one whose counters are in `before` */
	uint64_t gen;	  /* of the last rules */
};

struct uw_ledger {
	int fd;
	struct uw_ledger_words *words;
	struct mmsghdr *message; /* what sendmmsg(2) is to be called with; see uw_ledger_sending() */
	void *room;		 /* for the floods, UW_LEDGER_ROOM bytes of zeroes at first */
	bool adopted;		 /* there was a process before this one */
	bool interrupted;	 /* which was killed between begin and commit */
	bool refused;		 /* there was one of another version, which could not be read */
	/* private */
	struct page *page;
	unsigned int depth;
	struct uw_taken next;
};

#define UW_LEDGER_ROOM ((size_t)8 << 20)

/* With an empty queue of queue_size bytes. Returns 0 or -errno; release with uw_ledger_done(). */
int uw_ledger_new(struct uw_ledger *ret, size_t queue_size);

/*
 * Takes over the memory of another process, which has ended, and the descriptor. Returns 0; or
 * -EPROTO where another version of this program has laid it out; or another -errno. The descriptor
 * is still the caller's then.
 */
int uw_ledger_adopt(struct uw_ledger *ret, int fd);

/* Accepts zeroes. The memory lives on where others have it. */
void uw_ledger_done(struct uw_ledger *ledger);

/* They nest; the outermost commit counts. */
void uw_ledger_begin(struct uw_ledger *ledger);
void uw_ledger_commit(struct uw_ledger *ledger);

/* Between the two. */
bool uw_ledger_is_changing(const struct uw_ledger *ledger);

/*
 * The event that is handed on next ends at this position of the ring buffer; with serial 0 there is
 * none. What becomes of it is decided in a change that has uw_ledger_take() in it.
 */
void uw_ledger_next(struct uw_ledger *ledger, struct uw_taken next);
void uw_ledger_take(struct uw_ledger *ledger);

/* Up to where the ring buffer of that source has been taken; 0 where nothing was. */
uint64_t uw_ledger_taken(const struct uw_ledger *ledger, uint64_t serial);

/*
 * To be called before the first record of the queue is sent with `message`. The kernel writes the
 * length into it before sendmmsg(2) returns, so that even where the process is killed there,
 * uw_ledger_was_sent() tells the next one.
 */
void uw_ledger_sending(struct uw_ledger *ledger);
bool uw_ledger_was_sent(const struct uw_ledger *ledger);

/* Moves what is in the queue to memory of another size. 0; -ENOSPC where it does not fit; -errno. */
int uw_ledger_resize_queue(struct uw_ledger *ledger, size_t size);

#endif
