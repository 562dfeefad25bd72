/* SPDX-License-Identifier: MIT */
/* Messages of a fixed size, each with at most one descriptor, over a SOCK_SEQPACKET socket. */
#ifndef UW_FDPASS_H
#define UW_FDPASS_H

#include <stddef.h>

/*
 * Sends the message, and a duplicate of the descriptor where it is not negative. Returns 0 or
 * -errno; -ECONNRESET: nobody is there any more.
 */
int uw_fdpass_send(int socket, const void *message, size_t size, int fd);

/*
 * Waits for a message of exactly this size. The descriptor that came with it, or -EBADF, goes to
 * *ret_fd, which the caller closes. Returns 0 or -errno; -ECONNRESET: nobody is there any more,
 * -EPROTO: it has another size.
 */
int uw_fdpass_receive(int socket, void *ret, size_t size, int *ret_fd);

#endif
