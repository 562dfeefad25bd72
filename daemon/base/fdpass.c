// SPDX-License-Identifier: MIT
#include "base/fdpass.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for one descriptor. CMSG_SPACE() would have room for two where a long has 64 bits. */
union control {
	char bytes[CMSG_LEN(sizeof(int))];
	struct cmsghdr align;
};

static int gone(int error)
{
	return error == EPIPE || error == ECONNREFUSED ? -ECONNRESET : -error;
}

int uw_fdpass_send(int socket, const void *message, size_t size, int fd)
{
	struct iovec part = { .iov_base = (void *)message, .iov_len = size };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };
	union control control = { 0 };

	if (fd >= 0) {
		control.align = (struct cmsghdr){
			.cmsg_len = CMSG_LEN(sizeof(fd)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		};
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control.bytes);
	}
	return sendmsg(socket, &msg, MSG_NOSIGNAL) < 0 ? gone(errno) : 0;
}

int uw_fdpass_receive(int socket, void *ret, size_t size, int *ret_fd)
{
	struct iovec part = { .iov_base = ret, .iov_len = size };
	union control control = { 0 };
	struct msghdr msg = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n;

	*ret_fd = -EBADF;
	do
		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return gone(errno);
	if (msg.msg_controllen >= sizeof(control.bytes) && control.align.cmsg_level == SOL_SOCKET &&
	    control.align.cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(&control.align), sizeof(*ret_fd));
	if ((size_t)n == size && !(msg.msg_flags & MSG_TRUNC))
		return 0;
	if (*ret_fd >= 0)
		close(*ret_fd);
	*ret_fd = -EBADF;
	return n == 0 ? -ECONNRESET : -EPROTO;
}
