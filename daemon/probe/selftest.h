/* SPDX-License-Identifier: MIT */
/*
 * Tests that a probe sees: the daemon deletes files of its own in each way that the probe covers,
 * and checks that the events arrive. An attached probe may still be blind: kprobes can be disarmed,
 * and the kernel may have inlined a function that its symbols still name. The kernel side knows
 * these deletions by the ids of the thread, and marks their events with UW_EV_SELFTEST.
 *
 * The test also renames a directory, which the programs must count. This empties the directory
 * cache: so a move that they missed while they were disarmed leads to wrong paths only until the
 * next test.
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

/* How much of one deletion the probe has seen, from nothing to all. */
enum uw_sight {
	UW_SIGHT_NONE,
	UW_SIGHT_ENTRY,	 /* the attempt, not its result */
	UW_SIGHT_RESULT, /* also the result */
	UW_SIGHT_PATH,	 /* also the file that the kernel found */
};

enum uw_verdict {
	UW_VERDICT_SEES,
	UW_VERDICT_NO_RESULT, /* sees all but results */
	UW_VERDICT_BLIND,     /* does not see all that the plan covers */
	UW_VERDICT_BUSY,      /* unknown: too many events, or no room for the test's own */
	UW_VERDICT_UNKNOWN,   /* unknown: the test could not be run */
};

struct uw_selftest {
	char path[UW_SELFTEST_STEPS][UW_SELFTEST_PATH_MAX]; /* as passed to the system calls */
	enum uw_sight seen[UW_SELFTEST_STEPS];
	struct uw_record record;
};

/*
 * Makes files in a new directory below $RUNTIME_DIRECTORY, or without one below /run, /tmp or
 * /dev/shm, and deletes them and the directory. Returns 0 or -errno.
 */
int uw_selftest_delete(struct uw_selftest *selftest);

/*
 * True if the event is that of a self-test: the pipeline must not get it. Notes it if it is one of
 * the last uw_selftest_delete(), decodes, and says what was done.
 */
bool uw_selftest_take(struct uw_selftest *selftest, const void *data, size_t size);

/*
 * Judges, when all events of the last uw_selftest_delete() have been taken, whether the probe sees
 * all that the plan covers. Adds what is missing to why. Never returns BUSY or UNKNOWN.
 */
enum uw_verdict uw_selftest_judge(const struct uw_selftest *selftest, const struct uw_plan *plan,
				  struct uw_buf *why);

/*
 * Runs the test up to three times until the source sees everything, which takes a few milliseconds,
 * and adds to why what it does not see, or why that is unknown. Reads up to a thousand events each
 * time: the source's on_event gets all of them, and must call uw_selftest_take() first. Call it in
 * the thread that made the source.
 */
enum uw_verdict uw_selftest_run(struct uw_source *source, const struct uw_plan *plan,
				struct uw_selftest *selftest, struct uw_buf *why);

#endif
