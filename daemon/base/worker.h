/* SPDX-License-Identifier: MIT */
/*
 * A thread for calls that may hang: whoever gives it a job waits for the answer as long as he
 * likes. It takes one job after the other, at normal priority and with all signals blocked.
 */
#ifndef UW_WORKER_H
#define UW_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first member of a job, which is one block of malloc(3). */
struct uw_job {
	struct uw_job *next;
	void (*run)(struct uw_job *job); /* called in the thread */
};

struct uw_worker;

/* At most `most` jobs are with the worker. The first job starts the thread. Returns 0 or -ENOMEM. */
int uw_worker_new(size_t most, struct uw_worker **ret);

/*
 * Accepts NULL. Never waits: a thread that hangs is left alone, and frees its job when it returns.
 * A process that must end meanwhile calls _exit(2), as exit(3) may wait for a lock of the thread.
 */
void uw_worker_free(struct uw_worker *worker);

/* Takes the job over. Returns false, and leaves it, if there are too many or there is no thread. */
bool uw_worker_give(struct uw_worker *worker, struct uw_job *job);

/* Returns a job that is done, which the caller frees, or NULL if there is none within wait_ns. */
struct uw_job *uw_worker_take(struct uw_worker *worker, uint64_t wait_ns);

#endif
