// SPDX-License-Identifier: MIT
/* Tests of daemon/base/procfs.c, with processes and threads of the test's own; none needs root. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/procfs.h"
#include "unlinkwatch.h"

static char base[UW_PATH_MAX]; /* a directory of the test's own, as /proc shows it */
static char other[UW_PATH_MAX + 16];

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

static uint32_t own_pid(void)
{
	return (uint32_t)getpid();
}

static uint32_t own_tid(void)
{
	return (uint32_t)syscall(SYS_gettid);
}

static int setup(void **state)
{
	char name[] = "/tmp/test_procfs.XXXXXX";

	(void)state;
	if (!mkdtemp(name) || !realpath(name, base))
		return -1;
	snprintf(other, sizeof(other), "%s/other", base);
	return mkdir(other, 0700);
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(other) || rmdir(base) ? -1 : 0;
}

/* Starts a process that sleeps in this directory under this name until it is killed, at the latest
 * with the test. */
static pid_t rest(const char *dir, const char *comm)
{
	int fds[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (chdir(dir) || (comm && prctl(PR_SET_NAME, comm)) || write(fds[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &c, 1), 1);
	close(fds[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void check_cwd(pid_t pid, uint64_t before_ns, const char *want)
{
	char cwd[UW_PATH_MAX];
	ssize_t n = uw_procfs_cwd((uint32_t)pid, (uint32_t)pid, before_ns, cwd, sizeof(cwd));

	if (n < 0)
		fail_msg("%s for %s", strerrorname_np((int)-n), want);
	if ((size_t)n != strlen(want) || memcmp(cwd, want, (size_t)n))
		fail_msg("%.*s, not %s", (int)n, cwd, want);
}

static ssize_t cwd_of(uint32_t pid, uint32_t tid, uint64_t before_ns)
{
	char cwd[UW_PATH_MAX];

	return uw_procfs_cwd(pid, tid, before_ns, cwd, sizeof(cwd));
}

static void test_own(void **state)
{
	char want[UW_PATH_MAX];

	(void)state;
	assert_non_null(getcwd(want, sizeof(want)));
	check_cwd(getpid(), now_ns(), want);
}

static void test_other(void **state)
{
	pid_t pid = rest(other, NULL);

	(void)state;
	check_cwd(pid, now_ns(), other);
	check_cwd(pid, UINT64_MAX, other);
	end(pid);
}

static void test_root(void **state)
{
	pid_t pid = rest("/", NULL);

	(void)state;
	check_cwd(pid, now_ns(), "/");
	end(pid);
}

/* ---- threads */

static struct {
	pthread_barrier_t barrier;
	uint32_t tid;
	int err;
} thread;

static void *thread_elsewhere(void *arg)
{
	thread.tid = own_tid();
	thread.err = unshare(CLONE_FS) || chdir(arg) ? errno : 0;
	pthread_barrier_wait(&thread.barrier);
	pthread_barrier_wait(&thread.barrier);
	return NULL;
}

static void test_thread(void **state)
{
	char cwd[UW_PATH_MAX], want[UW_PATH_MAX];
	pthread_t id;
	ssize_t n;

	(void)state;
	assert_non_null(getcwd(want, sizeof(want)));
	assert_int_equal(pthread_barrier_init(&thread.barrier, NULL, 2), 0);
	assert_int_equal(pthread_create(&id, NULL, thread_elsewhere, other), 0);
	pthread_barrier_wait(&thread.barrier);
	n = thread.err ? -thread.err
		       : uw_procfs_cwd(own_pid(), thread.tid, now_ns(), cwd, sizeof(cwd));
	pthread_barrier_wait(&thread.barrier);
	pthread_join(id, NULL);
	pthread_barrier_destroy(&thread.barrier);
	assert_int_equal(n, strlen(other));
	assert_memory_equal(cwd, other, strlen(other));
	check_cwd(getpid(), now_ns(), want);
}

static void *thread_short(void *arg)
{
	*(uint32_t *)arg = own_tid();
	return NULL;
}

static void test_thread_gone(void **state)
{
	pthread_t id;
	uint32_t tid;
	int i;

	(void)state;
	assert_int_equal(pthread_create(&id, NULL, thread_short, &tid), 0);
	pthread_join(id, NULL);
	/* pthread_join() returns shortly before the kernel has removed the thread. */
	for (i = 0; i < 5000 && !syscall(SYS_tgkill, getpid(), tid, 0); i++)
		usleep(1000);
	assert_int_equal(cwd_of(own_pid(), tid, now_ns()), -ENOENT);
}

static void test_foreign_thread(void **state)
{
	pid_t pid = rest(other, NULL);

	(void)state;
	assert_int_equal(cwd_of(own_pid(), (uint32_t)pid, now_ns()), -ENOENT);
	end(pid);
}

/* ---- processes that are gone, or whose pid was reused */

static void test_process_gone(void **state)
{
	pid_t pid = rest(other, NULL);

	(void)state;
	end(pid);
	assert_int_equal(cwd_of((uint32_t)pid, (uint32_t)pid, now_ns()), -ENOENT);
}

static void test_zombie(void **state)
{
	pid_t pid = rest(other, NULL);
	siginfo_t info;

	(void)state;
	kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(cwd_of((uint32_t)pid, (uint32_t)pid, now_ns()), -ENOENT);
	waitpid(pid, NULL, 0);
}

static void test_no_such_number(void **state)
{
	(void)state;
	assert_int_equal(cwd_of(0, 0, now_ns()), -ENOENT);
	assert_int_equal(cwd_of(UINT32_MAX, UINT32_MAX, now_ns()), -ENOENT);
}

static void test_time_zero(void **state)
{
	pid_t pid = rest(other, NULL);

	(void)state;
	assert_int_equal(cwd_of((uint32_t)pid, (uint32_t)pid, 0), -ESRCH);
	end(pid);
}

static void test_started_later(void **state)
{
	uint64_t before = now_ns();
	pid_t pid;

	(void)state;
	usleep(50000); /* the kernel rounds the start time down to a hundredth of a second */
	pid = rest(other, NULL);
	assert_int_equal(cwd_of((uint32_t)pid, (uint32_t)pid, before), -ESRCH);
	check_cwd(pid, now_ns(), other);
	end(pid);
}

/* ---- hostile names */

/* The numbers follow the last bracket; each of these names contains some of its own. */
static void test_comm(void **state)
{
	static const char *const comms[] = {
		") (",	   ")", "((((", ") S 1 1 1 1 (", "a) R 0 0 0 0", "1 2 3 4 5 6 7",
		"\n) S\n", " ", ""
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(comms) / sizeof(comms[0]); i++) {
		uint64_t before = now_ns();
		pid_t pid;

		usleep(30000);
		pid = rest(other, comms[i]);
		check_cwd(pid, now_ns(), other);
		assert_int_equal(cwd_of((uint32_t)pid, (uint32_t)pid, before), -ESRCH);
		end(pid);
	}
}

static void test_deleted(void **state)
{
	char dir[sizeof(base) + 16];
	pid_t pid;

	(void)state;
	snprintf(dir, sizeof(dir), "%s/gone", base);
	assert_int_equal(mkdir(dir, 0700), 0);
	pid = rest(dir, NULL);
	check_cwd(pid, now_ns(), dir);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(cwd_of((uint32_t)pid, (uint32_t)pid, now_ns()), -ENOENT);
	end(pid);
}

static void test_names_with_deleted(void **state)
{
	static const char *const names[] = { "(deleted)",    "x(deleted)", "x (deleted) y",
					     "x (deleted)y", "(deleted) ", "x\n(deleted)" };
	char dir[sizeof(base) + 32];
	pid_t pid;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(dir, sizeof(dir), "%s/%s", base, names[i]);
		assert_int_equal(mkdir(dir, 0700), 0);
		pid = rest(dir, NULL);
		check_cwd(pid, now_ns(), dir);
		end(pid);
		rmdir(dir);
	}
}

/* Such a name looks like a deleted directory: better no path than that of another directory. */
static void test_name_like_deleted(void **state)
{
	char dir[sizeof(base) + 32];
	ssize_t n;
	pid_t pid;

	(void)state;
	snprintf(dir, sizeof(dir), "%s/x (deleted)", base);
	assert_int_equal(mkdir(dir, 0700), 0);
	pid = rest(dir, NULL);
	n = cwd_of((uint32_t)pid, (uint32_t)pid, now_ns());
	end(pid);
	rmdir(dir);
	assert_int_equal(n, -ENOENT);
}

/* ---- the caller's memory */

static void test_size(void **state)
{
	size_t len = strlen(other), size;
	pid_t pid = rest(other, NULL);
	ssize_t n;
	char *buf;

	(void)state;
	for (size = 1; size <= len + 1; size++) {
		buf = malloc(size); /* the address sanitizer sees writes beyond it */
		assert_non_null(buf);
		n = uw_procfs_cwd((uint32_t)pid, (uint32_t)pid, now_ns(), buf, size);
		if (size <= len)
			assert_int_equal(n, -ENAMETOOLONG);
		else
			assert_true(n == (ssize_t)len && !memcmp(buf, other, len));
		free(buf);
	}
	end(pid);
}

static void test_memory(void **state)
{
	int fds[2];

	(void)state;
	assert_true(uw_procfs_resident() > 65536 && !(uw_procfs_resident() % 4096));
	assert_int_equal(pipe(fds), 0);
	assert_true(uw_procfs_fdinfo(fds[0], "mnt_id") > 0);
	assert_int_equal(uw_procfs_fdinfo(fds[0], "mnt"), 0);
	assert_int_equal(uw_procfs_fdinfo(fds[0], "memlock"), 0);
	close(fds[0]);
	assert_int_equal(uw_procfs_fdinfo(fds[0], "mnt_id"), 0);
	close(fds[1]);
}

#define TEST(title, function)                     \
	{                                         \
		title, function, NULL, NULL, NULL \
	}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST("finds the directory of this process", test_own),
		TEST("finds the directory of another process", test_other),
		TEST("finds the root as a directory", test_root),
		TEST("finds the directory that a thread has for itself", test_thread),
		TEST("says that a thread is gone (ENOENT)", test_thread_gone),
		TEST("takes no thread of another process (ENOENT)", test_foreign_thread),
		TEST("says that a process is gone (ENOENT)", test_process_gone),
		TEST("says that a zombie has no directory any more (ENOENT)", test_zombie),
		TEST("finds no process of a number that there cannot be", test_no_such_number),
		TEST("refuses a process that started after the event (ESRCH)", test_started_later),
		TEST("refuses every process for an event at time 0 (ESRCH)", test_time_zero),
		TEST("finds the start behind a comm with brackets and numbers", test_comm),
		TEST("says that the directory was deleted (ENOENT)", test_deleted),
		TEST("takes directories that have (deleted) somewhere in their names",
		     test_names_with_deleted),
		TEST("takes a directory named like a deleted one for deleted, not for another",
		     test_name_like_deleted),
		TEST("writes no more than the caller has room for", test_size),
		TEST("reads its own memory, and what a descriptor takes", test_memory),
	};

	return cmocka_run_group_tests_name("procfs", tests, setup, teardown);
}
