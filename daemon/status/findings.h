/* SPDX-License-Identifier: MIT */
/*
 * Turns facts about a host into findings, each with what to do about it. unlinkwatchd(8) explains
 * every finding under its id. Pure.
 */
#ifndef UW_FINDINGS_H
#define UW_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/kernel.h"
#include "probe/selftest.h"

enum uw_answer { UW_UNKNOWN, UW_NO, UW_YES };

/* How a function stands in the kernel's table of symbols. */
enum uw_symbol {
	UW_SYMBOL_UNKNOWN, /* the table cannot be read */
	UW_SYMBOL_ABSENT,  /* inlined everywhere, or under another name */
	UW_SYMBOL_CHANGED, /* only in parts, or with other arguments: name.isra.0, name.part.0 ... */
	UW_SYMBOL_WHOLE,
};

/* Options that a kernel is built with, in this order in struct uw_facts. */
#define UW_OPTIONS_MAX 7
extern const char *const uw_options[UW_OPTIONS_MAX]; /* as CONFIG_ has them */

/* A probe that was tried. */
struct uw_trial {
	struct uw_plan plan;
	bool attached;
	uint64_t memory;	 /* of its maps and programs beside the ring buffer, in bytes */
	enum uw_verdict verdict; /* where it was attached */
	char why[512];		 /* what went wrong, safe to print */
};

struct uw_facts {
	char release[65], machine[65]; /* of uname(2) */
	struct uw_kernel kernel;
	enum uw_answer kprobes_armed;
	enum uw_answer option[UW_OPTIONS_MAX];
	enum uw_symbol symbol[UW_FN_MAX]; /* of the functions that the kernel's BTF has */
	enum uw_answer blacklisted[UW_FN_MAX];
	enum uw_answer initial_user_ns;
	uint64_t capabilities; /* effective, a bit each */
	enum uw_answer paranoid_known;
	int paranoid;			/* kernel.perf_event_paranoid */
	enum uw_answer memlock_charged; /* BPF maps count as locked memory */
	uint64_t memlock;		/* the limit of that in bytes, UINT64_MAX for none */
	size_t ring_size;		/* as configured */
	enum uw_answer cgroup2;		/* mounted */
	unsigned int instances; /* for the returns of an unlinkwatchd that runs, 0 without one */
	uint64_t missed;	/* of its returns and entries */
	struct uw_trial trials[UW_PLANS_MAX];
	size_t n_trials;
};

enum uw_level {
	UW_LEVEL_OK,
	UW_LEVEL_NOTE,	  /* worth knowing, or not known */
	UW_LEVEL_LACKING, /* something is wrong, and advice says what to do */
};

struct uw_finding {
	char id[32]; /* a stable name */
	enum uw_level level;
	char text[768];
	const char *advice; /* NULL for none; static */
};

#define UW_FINDINGS_MAX (17 + UW_PLANS_MAX)

/* "ok", "note" or "lacking". */
const char *uw_level_name(enum uw_level level);

/* Fills ret, the result last. Returns how many. */
size_t uw_findings_judge(const struct uw_facts *facts, struct uw_finding ret[UW_FINDINGS_MAX]);

/* True if a probe works that covers all that one can: the exit status is 0. */
bool uw_findings_whole(const struct uw_facts *facts);

#endif
