// SPDX-License-Identifier: MIT
/* Tests of daemon/output/journal_socket.c, with a receiver of our own in journald's place. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "output/journal_socket.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

static char folder[] = "/tmp/unlinkwatch-journal-XXXXXX";
static char path[sizeof(folder) + 8];
static struct mmsghdr message;

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/socket", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

/* A receiver, which replaces the one that has the name. */
static int receiver(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	strcpy(addr.sun_path, path);
	unlink(path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void check_received(int fd, const char *want)
{
	char text[64];
	ssize_t n = recv(fd, text, sizeof(text), 0);

	assert_int_equal(n, strlen(want));
	assert_memory_equal(text, want, strlen(want));
}

static int send_text(struct uw_journal_socket *j, const char *text)
{
	return uw_journal_socket_send(j, text, strlen(text));
}

static void test_missing(void **state)
{
	struct uw_journal_socket j;
	int fd;

	(void)state;
	unlink(path);
	assert_int_equal(uw_journal_socket_init(&j, path, &message), 0);
	assert_int_equal(send_text(&j, "a"), -ENOTCONN);
	fd = receiver();
	assert_int_equal(send_text(&j, "b"), 0);
	check_received(fd, "b");
	/* A name that stays when nobody listens any more. */
	close(fd);
	assert_int_equal(send_text(&j, "c"), -ENOTCONN);
	assert_int_equal(send_text(&j, "d"), -ENOTCONN);
	unlink(path);
	assert_int_equal(send_text(&j, "e"), -ENOTCONN);
	uw_journal_socket_done(&j);
}

static void test_replaced(void **state)
{
	struct uw_journal_socket j;
	int old, fd;

	(void)state;
	old = receiver();
	assert_int_equal(uw_journal_socket_init(&j, path, &message), 0);
	assert_int_equal(send_text(&j, "a"), 0);
	check_received(old, "a");
	fd = receiver();
	close(old);
	assert_int_equal(send_text(&j, "b"), 0);
	check_received(fd, "b");
	close(fd);
	uw_journal_socket_done(&j);
}

static void test_behind(void **state)
{
	struct pollfd pfd = { .events = POLLOUT };
	struct uw_journal_socket j;
	char text[16], got[16];
	int fd, sent = 0, received = 0, r;

	(void)state;
	fd = receiver();
	assert_int_equal(uw_journal_socket_init(&j, path, &message), 0);
	pfd.fd = j.fd;
	do {
		snprintf(text, sizeof(text), "%d", sent);
		r = send_text(&j, text);
	} while (!r && ++sent < 100000);
	assert_int_equal(r, -EAGAIN);
	assert_true(sent > 0);
	/* The note of the last one that was taken is still there. */
	assert_int_equal(message.msg_len, snprintf(NULL, 0, "%d", sent - 1));
	assert_int_equal(poll(&pfd, 1, 0), 0);
	while (recv(fd, got, sizeof(got), 0) > 0)
		received++;
	assert_int_equal(received, sent);
	assert_int_equal(poll(&pfd, 1, 0), 1);
	assert_int_equal(send_text(&j, "next"), 0);
	check_received(fd, "next");
	close(fd);
	uw_journal_socket_done(&j);
}

/* Two megabytes come as a memfd that nobody can change, in a datagram without bytes. */
static void test_large(void **state)
{
	size_t len = (size_t)2 << 20;
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = { .msg_control = &control, .msg_controllen = sizeof(control) };
	char *data = malloc(len), *got = malloc(len);
	struct uw_journal_socket j;
	struct stat st;
	int fd, memfd, sndbuf = 64 << 10; /* whatever net.core.wmem_max is here */

	(void)state;
	assert_true(data && got);
	memset(data, 'x', len);
	fd = receiver();
	assert_int_equal(uw_journal_socket_init(&j, path, &message), 0);
	assert_int_equal(setsockopt(j.fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf)), 0);
	assert_int_equal(uw_journal_socket_send(&j, data, len), 0);
	assert_int_equal(recvmsg(fd, &msg, 0), 0);
	assert_non_null(CMSG_FIRSTHDR(&msg));
	assert_int_equal(CMSG_FIRSTHDR(&msg)->cmsg_type, SCM_RIGHTS);
	memcpy(&memfd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(memfd));
	assert_int_equal(fcntl(memfd, F_GET_SEALS), SEALS);
	assert_int_equal(fstat(memfd, &st), 0);
	assert_int_equal(st.st_size, len);
	assert_int_equal(pread(memfd, got, len, 0), len);
	assert_memory_equal(got, data, len);
	close(memfd);
	/* The next one is a plain datagram again. */
	assert_int_equal(send_text(&j, "small"), 0);
	check_received(fd, "small");
	close(fd);
	uw_journal_socket_done(&j);
	free(data);
	free(got);
}

static void test_long_path(void **state)
{
	char name[200];
	struct uw_journal_socket j;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(uw_journal_socket_init(&j, name, &message), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "says that nobody listens, and sends when somebody does", test_missing, NULL,
		  NULL, NULL },
		{ "sends to who has taken the name of the one that went away", test_replaced, NULL,
		  NULL, NULL },
		{ "does not wait for a receiver that is behind, and hears when it is not",
		  test_behind, NULL, NULL, NULL },
		{ "sends what is too large for a datagram as a sealed memfd", test_large, NULL,
		  NULL, NULL },
		{ "refuses a name that no socket can have", test_long_path, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("journal", tests, set_up, tear_down);
}
