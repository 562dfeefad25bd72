/* SPDX-License-Identifier: MIT */
/*
 * A stream socket that sends the state of the daemon to each client and hangs up. It never reads
 * what clients send. No client can hold up the daemon: their number and their time are limited.
 */
#ifndef UW_STATUS_SOCKET_H
#define UW_STATUS_SOCKET_H

#include <systemd/sd-event.h>

#include "base/buf.h"

struct uw_status_socket;

/* Adds the text for a client. */
typedef void (*uw_status_socket_fn)(struct uw_buf *buf, void *userdata);

/*
 * Listens at path, and replaces a socket that is there: the caller knows that nobody listens on it.
 * Its owner and group may connect. Returns 0 or -errno.
 */
int uw_status_socket_new(sd_event *event, const char *path, uw_status_socket_fn tell,
			 void *userdata, struct uw_status_socket **ret);

/* Hangs up on all clients, and removes the socket. Accepts NULL. */
void uw_status_socket_free(struct uw_status_socket *socket);

#endif
