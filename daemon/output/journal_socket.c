// SPDX-License-Identifier: MIT
#include "output/journal_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The size that libsystemd asks for. The kernel grants what net.core.wmem_max allows. */
#define SNDBUF (8 << 20)

/* journald accepts only a memfd that is sealed. */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

int uw_journal_socket_init(struct uw_journal_socket *j, const char *path, struct mmsghdr *message)
{
	int size = SNDBUF;

	*j = (struct uw_journal_socket){ .fd = -EBADF, .path = path, .message = message };
	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return -ENAMETOOLONG;
	j->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (j->fd < 0)
		return -errno;
	/* More datagrams can be on their way. If it fails, records wait in the queue instead. */
	setsockopt(j->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return 0;
}

void uw_journal_socket_done(struct uw_journal_socket *j)
{
	if (j->fd >= 0)
		close(j->fd);
	j->fd = -EBADF;
}

static int reconnect(struct uw_journal_socket *j)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	memcpy(addr.sun_path, j->path, strlen(j->path) + 1);
	j->connected = !connect(j->fd, (const struct sockaddr *)&addr, sizeof(addr));
	return j->connected ? 0 : -ENOTCONN;
}

static int write_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* A sealed memfd with the record, or -errno. */
static int store(const void *data, size_t len)
{
	int fd, r;

	fd = memfd_create("unlinkwatchd-record", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	r = write_all(fd, data, len);
	if (!r && fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		r = -errno;
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

/*
 * With sendmsg(2), a process that is killed here would leave no trace of whether the record was
 * sent.
 */
static int send_message(const struct uw_journal_socket *j, const struct msghdr *msg)
{
	j->message->msg_hdr = *msg;
	return sendmmsg(j->fd, j->message, 1, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int send_fd(const struct uw_journal_socket *j, int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr msg = { .msg_control = &control, .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return send_message(j, &msg);
}

static int send_large(const struct uw_journal_socket *j, const void *data, size_t len)
{
	int fd, r;

	fd = store(data, len);
	if (fd == -ENOMEM || fd == -EMFILE || fd == -ENFILE || fd == -ENOSPC)
		return -ENOTCONN;
	if (fd < 0)
		return -EMSGSIZE;
	r = send_fd(j, fd);
	close(fd);
	return r;
}

static int send_once(struct uw_journal_socket *j, const void *data, size_t len)
{
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int r;

	r = j->connected ? 0 : reconnect(j);
	if (!r)
		r = send_message(j, &msg);
	if (r == -EMSGSIZE || r == -ENOBUFS)
		r = send_large(j, data, len);
	if (r < 0 && r != -EAGAIN && r != -EMSGSIZE)
		j->connected = false;
	return r;
}

int uw_journal_socket_send(struct uw_journal_socket *j, const void *data, size_t len)
{
	bool was_connected = j->connected;
	int r;

	do
		r = send_once(j, data, len);
	while (r == -EINTR);
	/* The other end has gone. Another one may have taken its name. */
	if (r < 0 && !j->connected && was_connected)
		r = send_once(j, data, len);
	return r < 0 && r != -EAGAIN && r != -EMSGSIZE ? -ENOTCONN : r;
}
