/* SPDX-License-Identifier: MIT */
/*
 * The ways in: takes the best one that proves to see, and another one when it goes blind. A probe
 * can stop seeing at any time without a word: a file of debugfs disarms the kprobes of all, and so
 * does a sysctl that turns ftrace off.
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
	enum uw_probe_choice choice; /* to be set before the first climb */
	int epoll;		     /* polls readable when the source has events */
	struct uw_source *source;    /* stopped while blind, and good for everything else */
	struct uw_plan plan;	     /* the source's */
	bool blind;
	bool continues; /* what another process saw goes on without a gap */
	/* private */
	struct uw_kernel kernel;
	struct uw_output *output;
	uw_source_event_fn on_event;
	void *userdata;
	struct uw_selftest selftest;
	struct uw_buf why;
	struct uw_persistent *persistent;
	struct uw_fdstore *store;
	struct uw_source *old;	       /* of another process, until ours sees all */
	struct uw_event_dedup overlap; /* what it saw while ours was already there */
	struct uw_buf held;	       /* what ours saw before all of that was known */
	uint64_t overlap_begin_ns;     /* CLOCK_BOOTTIME */
	time_t overlap_until;
	time_t proven_at;
	unsigned int resultless; /* checks in a row */
	bool unproven;		 /* and said so */
};

/*
 * To be called first, on zeroes, which uw_probe_select_done() takes, too. What is handed on to
 * on_event has no self-test deletions in it. Returns 0 or -errno.
 */
int uw_probe_select_init(struct uw_probe_select *probe_select, struct uw_persistent *persistent,
			 struct uw_fdstore *store, struct uw_output *output,
			 uw_source_event_fn on_event, void *userdata);
void uw_probe_select_done(struct uw_probe_select *probe_select);

/*
 * At the start of a process: goes on with the probe that the one before it has left, where that is
 * the one to take and sees, and otherwise with what uw_probe_select_best() finds, which then sees
 * before the other one ends. Returns as uw_probe_select_best().
 */
int uw_probe_select_start(struct uw_probe_select *probe_select, const struct uw_config *config,
			  const struct uw_rule_tables *tables);

/*
 * Attaches the best probe that is allowed and that sees, with the ring size and the detail of
 * config, and says in the log why any better one does not do. Events may come already. Returns 0 or
 * -ENODEV where none works.
 */
int uw_probe_select_best(struct uw_probe_select *probe_select, const struct uw_config *config,
			 const struct uw_rule_tables *tables);

/*
 * Proves that the probe still sees; to be called every ten seconds or so. Where it does not, says
 * so, and climbs again, at every call until one does. Reads events.
 */
void uw_probe_select_check(struct uw_probe_select *probe_select, const struct uw_config *config,
			   const struct uw_rule_tables *tables);

/* Adds the probe in use, as "kprobe on do_unlinkat, do_rmdir and do_renameat2". */
void uw_probe_select_describe(const struct uw_probe_select *probe_select, struct uw_buf *buf);

/* Of all sources so far, as uw_source_counters(). */
int uw_probe_select_counters(const struct uw_probe_select *probe_select, uint64_t ret[UW_CNT_MAX]);

#endif
