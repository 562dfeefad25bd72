/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that systemd keeps for the next process of the service (sd_notify(3), FDSTORE=1). It
 * hands them over at the start with their names, however the previous process ended, and closes
 * them when the service is stopped.
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
	bool enabled;		      /* systemd keeps descriptors */
	struct uw_fdstore_item *left; /* handed over and not yet taken, or NULL */
	size_t n;
};

/*
 * Takes the descriptors that systemd has handed over; call it once in a process. If `wanted` is
 * false, or the process is not a service, nothing will be kept. Release with uw_fdstore_done(),
 * which leaves systemd's copies alone.
 */
void uw_fdstore_open(struct uw_fdstore *ret, bool wanted);
void uw_fdstore_done(struct uw_fdstore *store);

/*
 * Has systemd keep a duplicate of the descriptor under the name. Returns 0, or -errno if it could
 * not be sent; systemd does not answer.
 */
int uw_fdstore_put(const struct uw_fdstore *store, const char *name, int fd);

/* Has systemd drop the descriptor of that name. */
void uw_fdstore_remove(const struct uw_fdstore *store, const char *name);

/* The descriptor that was handed over under that name, which the caller then owns, or -ENOENT. */
int uw_fdstore_take(struct uw_fdstore *store, const char *name);

/* Closes the descriptors that nobody has taken, and has systemd drop them. */
void uw_fdstore_clear(struct uw_fdstore *store);

#endif
