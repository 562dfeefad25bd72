// SPDX-License-Identifier: MIT
/*
 * Processes with several threads each delete different names in one directory, as fast as they
 * can or with a pause before each deletion. Every FAILth name does not exist. Prints what happened,
 * one line for each deletion: TID NAME RET.
 *
 * deleters DIRECTORY PROCESSES THREADS DELETIONS FAIL [PAUSE_US]
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct deletion {
	int tid;
	int ret;
};

static struct deletion *deletions; /* shared by all processes */
static pthread_barrier_t *barrier;
static int threads, workers, total, dir;

static bool name_of(int i, int fail, char name[32])
{
	bool there = i % fail != fail - 1;

	snprintf(name, 32, "%s%d", there ? "file" : "none", i);
	return there;
}

static int fail_every;
static useconds_t pause_us;

static void *work(void *arg)
{
	int worker = (int)(long)arg, tid = (int)syscall(SYS_gettid), i;
	char name[32];

	pthread_barrier_wait(barrier);
	for (i = worker; i < total; i += workers) {
		name_of(i, fail_every, name);
		if (pause_us)
			usleep(pause_us);
		deletions[i].tid = tid;
		deletions[i].ret = unlinkat(dir, name, 0) ? -errno : 0;
	}
	return NULL;
}

static int process(int number)
{
	pthread_t thread[64];
	int t;

	for (t = 0; t < threads; t++)
		if (pthread_create(&thread[t], NULL, work, (void *)(long)(number * threads + t)))
			return 1;
	for (t = 0; t < threads; t++)
		pthread_join(thread[t], NULL);
	return 0;
}

static void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

int main(int argc, char *argv[])
{
	int processes, p, i, status, bad = 0;
	pthread_barrierattr_t attr;
	char name[32];

	if (argc != 6 && argc != 7) {
		fprintf(stderr, "usage: deleters DIRECTORY PROCESSES THREADS DELETIONS FAIL "
				"[PAUSE_US]\n");
		return 64;
	}
	processes = atoi(argv[2]);
	threads = atoi(argv[3]);
	total = atoi(argv[4]);
	fail_every = atoi(argv[5]);
	pause_us = argc > 6 ? (useconds_t)atoi(argv[6]) : 0;
	workers = processes * threads;
	dir = open(argv[1], O_RDONLY | O_DIRECTORY);
	if (dir < 0 || threads > 64 || fail_every < 1) {
		perror(argv[1]);
		return 1;
	}
	deletions = shared((size_t)total * sizeof(*deletions));
	barrier = shared(sizeof(*barrier));
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(barrier, &attr, (unsigned int)workers);
	for (i = 0; i < total; i++)
		if (name_of(i, fail_every, name))
			close(openat(dir, name, O_CREAT | O_WRONLY, 0600));

	for (p = 0; p < processes; p++) {
		pid_t pid = fork();

		if (pid < 0) {
			perror("fork");
			return 1;
		}
		if (!pid)
			_exit(process(p));
	}
	while (wait(&status) > 0)
		bad |= status;
	for (i = 0; i < total; i++) {
		name_of(i, fail_every, name);
		printf("%d %s %d\n", deletions[i].tid, name, deletions[i].ret);
	}
	return bad ? 1 : 0;
}
