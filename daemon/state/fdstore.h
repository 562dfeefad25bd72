/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that systemd keeps for the next process of the service (sd_notify(3), FDSTORE=1): it
 * hands them over at the start, with their names, however the process before has ended, and closes
 * them when the service is stopped for good.
 */
#ifndef UW_FDSTORE_H
#define UW_FDSTORE_H

#include <stdbool.h>
#include <stddef.h>

#define UW_FDSTORE_NAME_MAX 128

struct uw_fdstore_item {
	char name[UW_FDSTORE_NAME_MAX];
	int fd;
};

struct uw_fdstore {
	bool enabled;		      /* somebody keeps descriptors */
	struct uw_fdstore_item *left; /* handed over and not yet taken, or NULL */
	size_t n;
};

/*
 * Learns what was handed over; that is once in a process. Where `wanted` is false, or the process
 * is not a service, nothing is kept. Release with uw_fdstore_done(), which leaves what is kept.
 */
void uw_fdstore_open(struct uw_fdstore *ret, bool wanted);
void uw_fdstore_done(struct uw_fdstore *store);

/* Has a duplicate of the descriptor kept under the name. */
void uw_fdstore_put(const struct uw_fdstore *store, const char *name, int fd);

/* Has it no longer kept. */
void uw_fdstore_remove(const struct uw_fdstore *store, const char *name);

/* A descriptor that was handed over by that name; it is the caller's then. -ENOENT: there is none. */
int uw_fdstore_take(struct uw_fdstore *store, const char *name);

/* Closes what nobody has taken, and has it no longer kept. */
void uw_fdstore_clear(struct uw_fdstore *store);

#endif
