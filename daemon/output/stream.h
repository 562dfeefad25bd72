/* SPDX-License-Identifier: MIT */
/*
 * Writes to standard output or standard error without waiting for a reader. O_NONBLOCK belongs to
 * the open file, which others may share, such as the shell on a terminal. So a pipe or a terminal
 * is opened once more.
 */
#ifndef UW_STREAM_H
#define UW_STREAM_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

struct uw_stream {
	int fd;
	bool owned;	/* fd is ours to close */
	bool is_socket; /* which cannot be opened once more, but sends without waiting */
	bool may_block; /* a pipe or terminal that could not be opened: asked first, little at a
			   time */
};

/* fd must stay open until uw_stream_done(), which leaves it as it is. */
void uw_stream_init(struct uw_stream *stream, int fd);
void uw_stream_done(struct uw_stream *stream);

/*
 * Writes as much as goes without waiting. Returns how many bytes, -EAGAIN where stream->fd does not
 * poll POLLOUT, or another -errno. A regular file always takes it, at the speed of its disk.
 */
ssize_t uw_stream_write(struct uw_stream *stream, const struct iovec *iov, int n);

#endif
