// SPDX-License-Identifier: MIT
#include "base/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

struct list {
	struct uw_job *first, **end;
};

struct uw_worker {
	pthread_mutex_t lock;
	pthread_cond_t given, done;
	struct list queue, finished;
	size_t most, n; /* the jobs in both lists and in the thread; only the owner's */
	bool started, abandoned;
};

static void add(struct list *list, struct uw_job *job)
{
	job->next = NULL;
	*list->end = job;
	list->end = &job->next;
}

static struct uw_job *take(struct list *list)
{
	struct uw_job *job = list->first;

	if (!job)
		return NULL;
	list->first = job->next;
	if (!list->first)
		list->end = &list->first;
	return job;
}

static void worker_destroy(struct uw_worker *worker)
{
	struct uw_job *job;

	while ((job = take(&worker->queue)) || (job = take(&worker->finished)))
		free(job);
	pthread_cond_destroy(&worker->done);
	pthread_cond_destroy(&worker->given);
	pthread_mutex_destroy(&worker->lock);
	free(worker);
}

/* The thread: it frees the worker if it is abandoned. */
static void *work(void *userdata)
{
	struct uw_worker *worker = userdata;
	struct uw_job *job;

	pthread_mutex_lock(&worker->lock);
	while (!worker->abandoned) {
		job = take(&worker->queue);
		if (!job) {
			pthread_cond_wait(&worker->given, &worker->lock);
			continue;
		}
		pthread_mutex_unlock(&worker->lock);
		job->run(job);
		pthread_mutex_lock(&worker->lock);
		add(&worker->finished, job);
		pthread_cond_signal(&worker->done);
	}
	pthread_mutex_unlock(&worker->lock);
	worker_destroy(worker);
	return NULL;
}

/* SCHED_RESET_ON_FORK, which the daemon sets, gives the thread a normal priority. */
static bool start(struct uw_worker *worker)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;

	if (pthread_attr_init(&attr))
		return false;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	worker->started = !pthread_create(&thread, &attr, work, worker);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return worker->started;
}

int uw_worker_new(size_t most, struct uw_worker **ret)
{
	struct uw_worker *worker = calloc(1, sizeof(*worker));
	pthread_mutexattr_t inherit;
	pthread_condattr_t monotonic;

	if (!worker)
		return -ENOMEM;
	worker->most = most;
	worker->queue.end = &worker->queue.first;
	worker->finished.end = &worker->finished.first;
	/* The thread may be preempted with the lock while the real-time owner waits for that. */
	pthread_mutexattr_init(&inherit);
	pthread_mutexattr_setprotocol(&inherit, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&worker->lock, &inherit);
	pthread_mutexattr_destroy(&inherit);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&worker->given, NULL);
	pthread_cond_init(&worker->done, &monotonic);
	pthread_condattr_destroy(&monotonic);
	*ret = worker;
	return 0;
}

void uw_worker_free(struct uw_worker *worker)
{
	bool started;

	if (!worker)
		return;
	pthread_mutex_lock(&worker->lock);
	worker->abandoned = true;
	started = worker->started;
	pthread_cond_signal(&worker->given);
	pthread_mutex_unlock(&worker->lock);
	if (!started)
		worker_destroy(worker);
}

bool uw_worker_give(struct uw_worker *worker, struct uw_job *job)
{
	if (worker->n == worker->most || (!worker->started && !start(worker)))
		return false;
	worker->n++;
	pthread_mutex_lock(&worker->lock);
	add(&worker->queue, job);
	pthread_cond_signal(&worker->given);
	pthread_mutex_unlock(&worker->lock);
	return true;
}

struct uw_job *uw_worker_take(struct uw_worker *worker, uint64_t wait_ns)
{
	uint64_t until_ns = uw_clock_ns(CLOCK_MONOTONIC) + wait_ns;
	struct timespec until = { (time_t)(until_ns / UW_NS_PER_S),
				  (long)(until_ns % UW_NS_PER_S) };
	struct uw_job *job;

	if (!worker->n)
		return NULL;
	pthread_mutex_lock(&worker->lock);
	while (!(job = take(&worker->finished)) && wait_ns)
		if (pthread_cond_timedwait(&worker->done, &worker->lock, &until) == ETIMEDOUT)
			wait_ns = 0;
	pthread_mutex_unlock(&worker->lock);
	if (job)
		worker->n--;
	return job;
}
