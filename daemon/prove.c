// SPDX-License-Identifier: MIT
#include "prove.h"

#include <string.h>
#include <time.h>

/* Several, as a probe may miss one: a return while all its instances are in use. */
#define ROUNDS	      3
#define ROUND_STEP_NS 10000000

/* Events read at a time. Not all that there may be: the daemon has other duties, and a watchdog. */
#define EVENTS_MAX 1024

static enum uw_verdict unknown(enum uw_verdict verdict, struct uw_buf *why, const char *what,
			       int error)
{
	uw_buf_reset(why);
	uw_buf_printf(why, "%s%s%s", what, error ? ": " : "", error ? strerror(-error) : "");
	return verdict;
}

static int release(struct uw_source *source, struct uw_canary *canary)
{
	int r;

	uw_source_set_canary(source, true);
	r = uw_canary_release(canary);
	uw_source_set_canary(source, false);
	return r;
}

static enum uw_verdict prove_once(struct uw_source *source, const struct uw_plan *plan,
				  struct uw_canary *canary, struct uw_buf *why)
{
	struct uw_source_usage written, read;
	uint64_t before[UW_CNT_MAX], after[UW_CNT_MAX];
	enum uw_verdict verdict;
	int r, n;

	r = uw_source_counters(source, before);
	if (!r)
		r = release(source, canary);
	if (r < 0)
		return unknown(UW_VERDICT_UNKNOWN, why,
			       "no file of its own can be made and deleted", r);
	/* The kernel side has written them by the time that the system calls returned. */
	uw_source_usage(source, &written);
	n = uw_source_read(source, EVENTS_MAX);
	if (n < 0)
		return unknown(UW_VERDICT_UNKNOWN, why, "the ring buffer cannot be read", n);
	verdict = uw_canary_judge(canary, plan, why);
	if (verdict == UW_VERDICT_SEES)
		return verdict;
	uw_source_usage(source, &read);
	if (read.consumed < written.written)
		return unknown(UW_VERDICT_BUSY, why, "there are too many events to read", 0);
	r = uw_source_counters(source, after);
	if (r < 0)
		return unknown(UW_VERDICT_UNKNOWN, why, "the counters cannot be read", r);
	if (after[UW_CNT_CANARY_FULL] != before[UW_CNT_CANARY_FULL])
		return unknown(UW_VERDICT_BUSY, why, "there was no room for its events", 0);
	return verdict;
}

enum uw_verdict uw_prove(struct uw_source *source, const struct uw_plan *plan,
			 struct uw_canary *canary, struct uw_buf *why)
{
	const struct timespec step = { .tv_nsec = ROUND_STEP_NS };
	enum uw_verdict verdict;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (i)
			nanosleep(&step, NULL);
		uw_buf_reset(why);
		verdict = prove_once(source, plan, canary, why);
		if (verdict != UW_VERDICT_BLIND && verdict != UW_VERDICT_NO_RESULT)
			break;
	}
	return verdict;
}
