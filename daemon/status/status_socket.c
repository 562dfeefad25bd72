// SPDX-License-Identifier: MIT
#include "status/status_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Further clients wait in the kernel's backlog. */
#define CLIENTS 8
#define BACKLOG 16

/* A client that has not read everything by then is dropped. */
#define CLIENT_USEC 5000000

struct client {
	struct uw_status_socket *socket;
	int fd; /* -EBADF: free */
	struct uw_buf buf;
	size_t sent;
	sd_event_source *writable, *timer;
};

struct uw_status_socket {
	sd_event *event;
	int fd;
	char *path;
	uw_status_socket_fn tell;
	void *userdata;
	sd_event_source *readable;
	struct client clients[CLIENTS];
};

static void hang_up(struct client *c)
{
	if (c->fd < 0)
		return;
	sd_event_source_disable_unref(c->writable);
	sd_event_source_disable_unref(c->timer);
	c->writable = c->timer = NULL;
	close(c->fd);
	c->fd = -EBADF;
	uw_buf_free(&c->buf);
	sd_event_source_set_enabled(c->socket->readable, SD_EVENT_ON);
}

/* False if the client has read everything, or has gone. */
static bool more(struct client *c)
{
	ssize_t n;

	while (c->sent < c->buf.len) {
		n = send(c->fd, c->buf.p + c->sent, c->buf.len - c->sent,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		c->sent += (size_t)n;
	}
	return false;
}

static int on_writable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source, (void)fd, (void)revents;
	if (!more(userdata))
		hang_up(userdata);
	return 0;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source, (void)usec;
	hang_up(userdata);
	return 0;
}

static struct client *free_place(struct uw_status_socket *l)
{
	size_t i;

	for (i = 0; i < CLIENTS; i++)
		if (l->clients[i].fd < 0)
			return &l->clients[i];
	return NULL;
}

static int on_connect(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct uw_status_socket *l = userdata;
	struct client *c = free_place(l);
	int r;

	(void)revents;
	if (!c) {
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
		return 0;
	}
	c->fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (c->fd < 0) {
		c->fd = -EBADF;
		return 0;
	}
	c->socket = l;
	c->sent = 0;
	l->tell(&c->buf, l->userdata);
	if (c->buf.failed || !more(c)) {
		hang_up(c);
		return 0;
	}
	r = sd_event_add_io(l->event, &c->writable, c->fd, EPOLLOUT, on_writable, c);
	if (r >= 0)
		r = sd_event_add_time_relative(l->event, &c->timer, CLOCK_MONOTONIC, CLIENT_USEC, 0,
					       on_timeout, c);
	if (r < 0)
		hang_up(c);
	return 0;
}

static int listen_at(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, r;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlink(path);
	mask = umask(0117); /* 0660 */
	r = bind(fd, (const struct sockaddr *)&addr, sizeof(addr));
	umask(mask);
	if (r < 0 || listen(fd, BACKLOG) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

int uw_status_socket_new(sd_event *event, const char *path, uw_status_socket_fn tell,
			 void *userdata, struct uw_status_socket **ret)
{
	struct uw_status_socket *l = calloc(1, sizeof(*l));
	size_t i;
	int r;

	if (!l)
		return -ENOMEM;
	for (i = 0; i < CLIENTS; i++)
		l->clients[i].fd = -EBADF;
	l->event = event;
	l->tell = tell;
	l->userdata = userdata;
	l->path = strdup(path);
	l->fd = l->path ? listen_at(path) : -ENOMEM;
	r = l->fd;
	if (r >= 0)
		r = sd_event_add_io(event, &l->readable, l->fd, EPOLLIN, on_connect, l);
	if (r < 0) {
		uw_status_socket_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

void uw_status_socket_free(struct uw_status_socket *l)
{
	size_t i;

	if (!l)
		return;
	for (i = 0; i < CLIENTS; i++)
		hang_up(&l->clients[i]);
	sd_event_source_disable_unref(l->readable);
	if (l->fd >= 0) {
		unlink(l->path);
		close(l->fd);
	}
	free(l->path);
	free(l);
}
