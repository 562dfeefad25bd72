/* SPDX-License-Identifier: MIT */
/*
 * A stream socket that tells everyone who connects the same thing, and hangs up. What clients send
 * is never read. None of them can hold up the daemon: their number and their time are limited.
 */
#ifndef UW_STATUS_SOCKET_H
#define UW_STATUS_SOCKET_H

#include <systemd/sd-event.h>

#include "base/buf.h"

struct uw_status_socket;

/* Adds what a client is to be told. */
typedef void (*uw_status_socket_fn)(struct uw_buf *buf, void *userdata);

/*
 * Listens at path, where a socket that is there already is replaced: the caller knows that nobody
 * listens there. Its owner and group may connect. Returns 0 or -errno.
 */
int uw_status_socket_new(sd_event *event, const char *path, uw_status_socket_fn tell,
			 void *userdata, struct uw_status_socket **ret);

/* Hangs up on all clients, and removes the socket. Accepts NULL. */
void uw_status_socket_free(struct uw_status_socket *socket);

#endif
