/* SPDX-License-Identifier: MIT */
/*
 * Proof that a probe sees: files of the daemon's own, deleted in each way that a probe covers,
 * whose events must come back. That a probe is attached proves nothing: kprobes may be disarmed,
 * the kernel may have inlined a function that its symbols still name. The kernel side lets these
 * deletions pass with UW_EV_SELFTEST, told by the ids of the thread, which nobody else can have.
 * Pure.
 */
#ifndef UW_SELFTEST_H
#define UW_SELFTEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "probe/kernel.h"
#include "probe/source.h"
#include "record/record.h"

#define UW_SELFTEST_STEPS    5
#define UW_SELFTEST_PATH_MAX 256

/* What is known of one deletion, from nothing to all. */
enum uw_sight {
	UW_SIGHT_NONE,
	UW_SIGHT_ENTRY,	 /* that it was tried, not what came of it */
	UW_SIGHT_RESULT, /* and its result */
	UW_SIGHT_PATH,	 /* and what the kernel found */
};

enum uw_verdict {
	UW_VERDICT_SEES,
	UW_VERDICT_NO_RESULT, /* all that is missing are results */
	UW_VERDICT_BLIND,     /* to some of what the plan covers */
	UW_VERDICT_BUSY,      /* not known: too many events, or no room for those that count */
	UW_VERDICT_UNKNOWN,   /* not known: it could not be tried */
};

struct uw_selftest {
	char path[UW_SELFTEST_STEPS][UW_SELFTEST_PATH_MAX]; /* as passed to the system calls */
	enum uw_sight seen[UW_SELFTEST_STEPS];
	struct uw_record record;
};

/*
 * Makes the files in a new directory below $RUNTIME_DIRECTORY, or where systemd has given none,
 * /run, /tmp or /dev/shm, and deletes all of it. Returns 0, or -errno where that is not possible.
 */
int uw_selftest_delete(struct uw_selftest *selftest);

/*
 * True where the event is a self-test deletion: it is not for the pipeline then. One of the last
 * release is noted; it must decode, and say what was done.
 */
bool uw_selftest_take(struct uw_selftest *selftest, const void *data, size_t size);

/*
 * Judges, once all events of the last release were taken, whether the plan's probe sees all that it
 * claims to. Adds what is missing to why. Never BUSY or
 * UNKNOWN.
 */
enum uw_verdict uw_selftest_judge(const struct uw_selftest *selftest, const struct uw_plan *plan,
				  struct uw_buf *why);

/*
 * Deletes self-test deletions until the plan's source sees all of it, three times at the most,
 * which takes some milliseconds, and adds to why what it does not see, or why that is not known.
 * Reads events, a thousand a time at most: what selftest does not take is the source's on_event's,
 * which must ask uw_selftest_take() first. To be called by the thread that made the source.
 */
enum uw_verdict uw_selftest_run(struct uw_source *source, const struct uw_plan *plan,
				struct uw_selftest *selftest, struct uw_buf *why);

#endif
