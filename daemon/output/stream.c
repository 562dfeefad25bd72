// SPDX-License-Identifier: MIT
#include "output/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void uw_stream_init(struct uw_stream *s, int fd)
{
	char path[32];
	struct stat st;
	int own;

	*s = (struct uw_stream){ .fd = fd };
	if (fstat(fd, &st) < 0)
		return;
	s->is_socket = S_ISSOCK(st.st_mode);
	if (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode))
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	s->may_block = own < 0;
	if (own >= 0) {
		s->fd = own;
		s->owned = true;
	}
}

void uw_stream_done(struct uw_stream *s)
{
	if (s->owned)
		close(s->fd);
	*s = (struct uw_stream){ .fd = -EBADF };
}

/* When a pipe polls POLLOUT, it has room for PIPE_BUF bytes. */
static ssize_t write_little(int fd, const struct iovec *iov)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	if (poll(&pfd, 1, 0) <= 0) {
		errno = EAGAIN;
		return -1;
	}
	return write(fd, iov->iov_base, iov->iov_len < PIPE_BUF ? iov->iov_len : PIPE_BUF);
}

ssize_t uw_stream_write(struct uw_stream *s, const struct iovec *iov, int n)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n };
	ssize_t done;

	do
		done = s->is_socket   ? sendmsg(s->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL)
		       : s->may_block ? write_little(s->fd, iov)
				      : writev(s->fd, iov, n);
	while (done < 0 && errno == EINTR);
	return done < 0 ? -errno : done;
}
