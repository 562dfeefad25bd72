/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that systemd keeps for the next process of the service (sd_notify(3), FDSTORE=1): it
 * hands them over at the start, with their names, however the process before has ended, and closes
 * them when the service is stopped for good.
 */
#ifndef UW_STORE_H
#define UW_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "ledger.h"

#define UW_STORE_NAME_MAX 128

struct uw_stored {
	char name[UW_STORE_NAME_MAX];
	int fd;
};

struct uw_store {
	bool enabled;		/* somebody keeps descriptors */
	struct uw_stored *left; /* handed over and not yet taken, or NULL */
	size_t n;
};

/*
 * Learns what was handed over; that is once in a process. Where `wanted` is false, or the process
 * is not a service, nothing is kept. Release with uw_store_done(), which leaves what is kept.
 */
void uw_store_open(struct uw_store *ret, bool wanted);
void uw_store_done(struct uw_store *store);

/* Has a duplicate of the descriptor kept under the name. */
void uw_store_put(const struct uw_store *store, const char *name, int fd);

/* Has it no longer kept. */
void uw_store_remove(const struct uw_store *store, const char *name);

/*
 * The ledger that was handed over, or a new one with a queue of queue_size bytes, which is kept
 * from now on. Returns 0 or -errno.
 */
int uw_store_ledger(struct uw_store *store, size_t queue_size, struct uw_ledger *ret);

/* A descriptor that was handed over by that name; it is the caller's then. -ENOENT: there is none. */
int uw_store_take(struct uw_store *store, const char *name);

/* Closes what nobody has taken, and has it no longer kept. */
void uw_store_clear(struct uw_store *store);

/*
 * Whether systemd stops this process only to start the service again, and has descriptors of it.
 * False where it does not tell.
 */
bool uw_store_is_restart(const struct uw_store *store);

#endif
