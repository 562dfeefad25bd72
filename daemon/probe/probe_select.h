/* SPDX-License-Identifier: MIT */
/*
 * Selects the best probe that passes its self-test, and another one when it goes blind. A probe can
 * stop seeing at any time without a word: a file of debugfs disarms everybody's kprobes, and so
 * does the sysctl that turns ftrace off.
 */
#ifndef UW_PROBE_SELECT_H
#define UW_PROBE_SELECT_H

#include <time.h>

#include "config/config.h"
#include "output/output.h"
#include "probe/event_dedup.h"
#include "probe/kernel.h"
#include "probe/selftest.h"
#include "probe/source.h"

struct uw_probe_select {
	enum uw_probe_choice choice; /* set before uw_probe_select_start() */
	int epoll;		     /* polls readable when the source has events */
	struct uw_source *source;    /* while blind it is stopped, but still answers */
	struct uw_plan plan;	     /* the source's */
	bool blind;
	bool continues; /* went on without a gap from another process */
	/* private */
	struct uw_kernel kernel;
	struct uw_output *output;
	uw_source_event_fn on_event;
	uw_source_next_fn on_next;
	void *userdata;
	struct uw_selftest selftest;
	struct uw_buf why;
	struct uw_persistent *persistent;
	struct uw_fdstore *store;
	struct uw_source *reading;     /* whose events arrive, where that is not `source` */
	struct uw_source *old;	       /* of another process, until ours is attached */
	struct uw_event_dedup overlap; /* what it saw while ours was attached, too */
	struct uw_buf held;	       /* what ours saw until the old one had been read */
	uint64_t overlap_begin_ns;     /* CLOCK_BOOTTIME */
	time_t overlap_until;
	time_t tested_at;	 /* the last self-test that was passed */
	unsigned int resultless; /* self-tests in a row */
	bool untested;		 /* the last self-test could not be run, and the log says so */
};

/*
 * Call it first, on zeroes, which uw_probe_select_done() accepts, too. on_event gets every event
 * but those of self-tests, and those that on_next took in part. Returns 0 or -errno.
 */
int uw_probe_select_init(struct uw_probe_select *probe_select, struct uw_persistent *persistent,
			 struct uw_fdstore *store, struct uw_output *output,
			 uw_source_event_fn on_event, uw_source_next_fn on_next, void *userdata);
void uw_probe_select_done(struct uw_probe_select *probe_select);

/*
 * Starts with the probe that the process before this one has left, if it is the best one and passes
 * its self-test. Otherwise attaches the best probe that is allowed and passes, before the old one
 * is detached, with the ring size and the detail of config, and logs why each better one does not.
 * Events may arrive before it returns. Returns 0, or -ENODEV if none works.
 */
int uw_probe_select_start(struct uw_probe_select *probe_select, const struct uw_config *config,
			  const struct uw_rule_tables *tables);

/*
 * Tests that the probe still sees; call it every ten seconds or so. If it does not, logs that and
 * selects another one, at every call until one works. Reads events.
 */
void uw_probe_select_check(struct uw_probe_select *probe_select, const struct uw_config *config,
			   const struct uw_rule_tables *tables);

/* Called by on_event: the present read of whatever source it is ends after this event. */
void uw_probe_select_enough(struct uw_probe_select *probe_select);

/* Adds a description of the probe in use, as "kprobe on do_unlinkat, do_rmdir and do_renameat2". */
void uw_probe_select_describe(const struct uw_probe_select *probe_select, struct uw_buf *buf);

/* The counters of all sources so far, as uw_source_counters() has them. */
int uw_probe_select_counters(const struct uw_probe_select *probe_select, uint64_t ret[UW_CNT_MAX]);

#endif
