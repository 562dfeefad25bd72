// SPDX-License-Identifier: MIT
/* Tests of daemon/state/persistent.c. The process that is killed is a child, or only simulated. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "state/persistent.h"

#define SIZE 65536

/* Takes over the same memory as another process would. */
static void succeed(const struct uw_persistent *l, struct uw_persistent *ret)
{
	int fd = dup(l->fd);

	assert_true(fd >= 0);
	assert_int_equal(uw_persistent_adopt(ret, fd), 0);
}

static void test_complete(void **state)
{
	struct uw_persistent l, next;

	(void)state;
	assert_int_equal(uw_persistent_new(&l, SIZE), 0);
	uw_persistent_begin(&l);
	uw_queue_push(&l.words->queue, (struct uw_queue_tag){ 1, 2 }, "abc", 3);
	l.words->stats.filtered = 7;
	uw_persistent_begin(&l);
	uw_persistent_commit(&l);
	assert_true(uw_persistent_is_changing(&l));
	uw_persistent_commit(&l);
	memcpy(l.room, "flood", 6);
	succeed(&l, &next);
	assert_true(next.adopted);
	assert_false(next.interrupted);
	assert_int_equal(next.words->stats.filtered, 7);
	assert_string_equal(next.room, "flood");
	assert_int_equal(uw_queue_first(&next.words->queue)->len, 3);
	assert_memory_equal(uw_queue_first(&next.words->queue)->data, "abc", 3);
	uw_persistent_done(&next);
	l.fd = -EBADF; /* so that uw_persistent_done() does not unmap the queue */
	uw_persistent_done(&l);
}

static void test_interrupted(void **state)
{
	struct uw_persistent l, next;

	(void)state;
	assert_int_equal(uw_persistent_new(&l, SIZE), 0);
	uw_persistent_next(&l, (struct uw_taken){ 3, 100 });
	uw_persistent_begin(&l);
	uw_persistent_take(&l);
	uw_persistent_commit(&l);
	uw_persistent_next(&l, (struct uw_taken){ 3, 200 });
	uw_persistent_begin(&l);
	uw_queue_push(&l.words->queue, (struct uw_queue_tag){ 0 }, "abc", 3);
	l.words->counts.queued[UW_KIND_RECORD]++;
	uw_persistent_take(&l);
	succeed(&l, &next);
	assert_true(next.interrupted);
	assert_null(uw_queue_first(&next.words->queue));
	assert_int_equal(next.words->counts.queued[UW_KIND_RECORD], 0);
	assert_int_equal(uw_persistent_taken(&next, 3), 100);
	assert_int_equal(uw_persistent_taken(&next, 4), 0);
	uw_persistent_done(&next);
	l.fd = -EBADF;
	uw_persistent_done(&l);
}

static void test_taken(void **state)
{
	struct uw_persistent l;
	uint64_t i;

	(void)state;
	assert_int_equal(uw_persistent_new(&l, SIZE), 0);
	for (i = 1; i <= 6; i++) {
		/* Two at a time, in turns. */
		uw_persistent_next(&l, (struct uw_taken){ 4 + i / 3 + i % 2, i });
		uw_persistent_take(&l);
		uw_persistent_take(&l);
		assert_int_equal(uw_persistent_taken(&l, 4 + i / 3 + i % 2), i);
	}
	assert_int_equal(uw_persistent_taken(&l, 6), 6);
	uw_persistent_done(&l);
}

static void test_resize(void **state)
{
	struct uw_persistent l, next;
	char record[1000] = "x";
	int i;

	(void)state;
	assert_int_equal(uw_persistent_new(&l, SIZE), 0);
	for (i = 0; i < 50; i++)
		assert_true(uw_queue_push(&l.words->queue, (struct uw_queue_tag){ 0, (uint64_t)i },
					  record, sizeof(record)));
	assert_int_equal(uw_persistent_resize_queue(&l, SIZE / 2), -ENOSPC);
	assert_int_equal(uw_persistent_resize_queue(&l, SIZE), 0);
	assert_int_equal(uw_persistent_resize_queue(&l, 4 * SIZE), 0);
	assert_int_equal(uw_persistent_resize_queue(&l, 2 * SIZE), 0);
	succeed(&l, &next);
	for (i = 0; i < 50; i++) {
		assert_int_equal(uw_queue_first(&next.words->queue)->tag.weight, i);
		uw_queue_pop(&next.words->queue);
	}
	uw_persistent_done(&next);
	l.fd = -EBADF;
	uw_persistent_done(&l);
}

static void test_foreign(void **state)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	struct uw_persistent l;

	(void)state;
	assert_int_equal(uw_persistent_adopt(&l, fd), -EPROTO);
	assert_int_equal(ftruncate(fd, (off_t)3 << 40), 0);
	assert_int_equal(uw_persistent_adopt(&l, fd), -EPROTO);
	close(fd);
}

/* Queues consecutive numbers, and sends each to the socket. */
static void work(struct uw_persistent *l, int fd)
{
	const struct uw_queue_entry *entry;
	struct iovec iov;
	uint64_t number;

	for (;;) {
		number = uw_persistent_taken(l, 1) + 1;
		uw_persistent_next(l, (struct uw_taken){ 1, number });
		uw_persistent_begin(l);
		uw_queue_push(&l->words->queue, (struct uw_queue_tag){ 0 }, &number,
			      sizeof(number));
		uw_persistent_take(l);
		uw_persistent_commit(l);
		while ((entry = uw_queue_first(&l->words->queue))) {
			if (!uw_persistent_was_sent(l)) {
				iov = (struct iovec){ (void *)(uintptr_t)entry->data, entry->len };
				l->message->msg_hdr =
					(struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 };
				uw_persistent_sending(l);
				while (sendmmsg(fd, l->message, 1, 0) < 1)
					;
			}
			uw_persistent_begin(l);
			uw_queue_pop(&l->words->queue);
			l->words->popped++;
			uw_persistent_commit(l);
		}
	}
}

/* Kills 300 processes in turn. Together they must send each number once, in order. */
static void test_killed(void **state)
{
	uint64_t number, want = 0;
	int pair[2], i, status;
	struct uw_persistent l;
	unsigned int seed = 4711;

	(void)state;
	assert_int_equal(uw_persistent_new(&l, SIZE), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	for (i = 0; i < 300; i++) {
		struct timespec nap = { .tv_nsec = 20000 + rand_r(&seed) % 500000 };
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (!pid) {
			struct uw_persistent mine;

			if (uw_persistent_adopt(&mine, dup(l.fd)))
				_exit(1);
			work(&mine, pair[0]);
		}
		nanosleep(&nap, NULL);
		while (recv(pair[1], &number, sizeof(number), MSG_DONTWAIT) > 0)
			assert_int_equal(number, ++want);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
	}
	while (recv(pair[1], &number, sizeof(number), MSG_DONTWAIT) > 0)
		assert_int_equal(number, ++want);
	assert_true(want > 300);
	close(pair[0]);
	close(pair[1]);
	l.fd = -EBADF;
	uw_persistent_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "the next process finds complete changes", test_complete, NULL, NULL, NULL },
		{ "an incomplete change is undone", test_interrupted, NULL, NULL, NULL },
		{ "the positions in two ring buffers are kept", test_taken, NULL, NULL, NULL },
		{ "a resized queue keeps its records", test_resize, NULL, NULL, NULL },
		{ "memory of another version is refused", test_foreign, NULL, NULL, NULL },
		{ "processes that are killed at any moment send everything exactly once",
		  test_killed, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
