/* SPDX-License-Identifier: MIT */
/* Messages of a fixed size, each with at most one descriptor, over a SOCK_SEQPACKET socket. */
#ifndef UW_FDPASS_H
#define UW_FDPASS_H

#include <stddef.h>

/*
 * Sends the message, with a duplicate of the descriptor unless it is negative. Returns 0 or -errno;
 * -ECONNRESET if the other side has closed the socket.
 */
int uw_fdpass_send(int socket, const void *message, size_t size, int fd);

/*
 * Waits for a message of exactly this size. Stores the descriptor that came with it, or -EBADF, in
 * *ret_fd; the caller closes it. Returns 0 or -errno; -ECONNRESET if the other side has closed the
 * socket, -EPROTO if the message has another size.
 */
int uw_fdpass_receive(int socket, void *ret, size_t size, int *ret_fd);

#endif
