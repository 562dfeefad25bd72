// SPDX-License-Identifier: MIT
/* Tests of daemon/base/fdpass.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdpass.h"

struct message {
	int number;
	char text[20];
};

static const struct message sent = { 42, "a message" };

static int setup(void **state)
{
	static int pair[2];

	*state = pair;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int teardown(void **state)
{
	int *pair = *state;

	close(pair[0]);
	close(pair[1]);
	return 0;
}

/* The number of the next descriptor, which changes if one was left open. */
static int next_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	close(fd);
	return fd;
}

static void test_alone(void **state)
{
	int *pair = *state, fd = 0;
	struct message got;

	assert_int_equal(uw_fdpass_send(pair[0], &sent, sizeof(sent), -EBADF), 0);
	assert_int_equal(uw_fdpass_receive(pair[1], &got, sizeof(got), &fd), 0);
	assert_memory_equal(&got, &sent, sizeof(got));
	assert_int_equal(fd, -EBADF);
}

static void test_with_fd(void **state)
{
	int *pair = *state, fd, null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct stat a, b;
	struct message got;

	assert_int_equal(uw_fdpass_send(pair[0], &sent, sizeof(sent), null), 0);
	assert_int_equal(uw_fdpass_receive(pair[1], &got, sizeof(got), &fd), 0);
	assert_memory_equal(&got, &sent, sizeof(got));
	assert_int_equal(fstat(fd, &a), 0);
	assert_int_equal(fstat(null, &b), 0);
	assert_true(a.st_dev == b.st_dev && a.st_ino == b.st_ino && fd != null);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	close(null);
}

/* The descriptor of a refused message is closed. */
static void test_size(void **state)
{
	int *pair = *state, fd, free_fd = next_fd();
	struct message got;
	char larger[sizeof(got) + 1] = "";

	assert_int_equal(uw_fdpass_send(pair[0], &sent, sizeof(sent) - 1, pair[0]), 0);
	assert_int_equal(uw_fdpass_receive(pair[1], &got, sizeof(got), &fd), -EPROTO);
	assert_int_equal(fd, -EBADF);
	assert_int_equal(uw_fdpass_send(pair[0], larger, sizeof(larger), pair[0]), 0);
	assert_int_equal(uw_fdpass_receive(pair[1], &got, sizeof(got), &fd), -EPROTO);
	assert_int_equal(fd, -EBADF);
	assert_int_equal(next_fd(), free_fd);
}

/* If the other side sends several descriptors, one arrives. */
static void test_several(void **state)
{
	int *pair = *state, fd, fds[] = { pair[0], pair[0], pair[0] };
	struct iovec part = { (void *)&sent, sizeof(sent) };
	union {
		char bytes[CMSG_SPACE(sizeof(fds))];
		struct cmsghdr header;
	} control = {
		.header = { CMSG_LEN(sizeof(fds)), SOL_SOCKET, SCM_RIGHTS },
	};
	struct msghdr msg = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_LEN(sizeof(fds)),
	};
	int free_fd = next_fd();
	struct message got;

	memcpy(CMSG_DATA(&control.header), fds, sizeof(fds));
	assert_int_equal(sendmsg(pair[0], &msg, 0), sizeof(sent));
	assert_int_equal(uw_fdpass_receive(pair[1], &got, sizeof(got), &fd), 0);
	assert_int_equal(fd, free_fd);
	close(fd);
	assert_int_equal(next_fd(), free_fd);
}

static void test_gone(void **state)
{
	int *pair = *state, fd;
	struct message got;

	shutdown(pair[1], SHUT_RDWR);
	assert_int_equal(uw_fdpass_send(pair[0], &sent, sizeof(sent), -EBADF), -ECONNRESET);
	assert_int_equal(uw_fdpass_receive(pair[0], &got, sizeof(got), &fd), -ECONNRESET);
	assert_int_equal(fd, -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_with_fd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_size, setup, teardown),
		cmocka_unit_test_setup_teardown(test_several, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
