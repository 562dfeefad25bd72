/* SPDX-License-Identifier: MIT */
/*
 * Sends records to journald. sd_journal_sendv(3) will not do: it waits while journald is stopped or
 * behind, and reports success if there is no socket, so that records vanish silently. Here a send
 * never waits, and says what became of the record.
 *
 * A record is one datagram of fields (see native.h), or, where it is larger than a datagram can be,
 * a datagram with the descriptor of a sealed memfd that holds them: the native protocol, as
 * https://systemd.io/JOURNAL_NATIVE_PROTOCOL describes it.
 *
 * The socket is connected, since the kernel reports by POLLOUT that the receiver has room again
 * only for a connected datagram socket. A restart of journald goes unnoticed, since systemd keeps
 * the other end. If that has gone, the next send connects anew to whatever listens at the path.
 */
#ifndef UW_JOURNAL_SOCKET_H
#define UW_JOURNAL_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define UW_JOURNAL_SOCKET "/run/systemd/journal/socket"

struct uw_journal_socket {
	int fd;		  /* the same from init to done */
	const char *path; /* borrowed */
	bool connected;
	struct mmsghdr *message; /* what a record is sent with, see there; borrowed */
};

/*
 * Nobody needs to listen at path yet. message is borrowed: the kernel notes the length of a record
 * in it as soon as that is sent, before the process does anything else. Returns 0 or -errno;
 * release with uw_journal_socket_done().
 */
int uw_journal_socket_init(struct uw_journal_socket *journal, const char *path,
			   struct mmsghdr *message);
void uw_journal_socket_done(struct uw_journal_socket *journal);

/*
 * Sends one record. Returns 0; -EAGAIN: the receiver is behind, fd polls POLLOUT when it has room;
 * -ENOTCONN: nobody listens or there is no memory, to be tried again later; -EMSGSIZE: this record
 * is too large for every way that there is.
 */
int uw_journal_socket_send(struct uw_journal_socket *journal, const void *data, size_t len);

#endif
