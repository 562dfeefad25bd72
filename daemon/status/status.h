/* SPDX-License-Identifier: MIT */
/* The state of the daemon as one JSON object, for unlinkwatchctl(1) and other programs. Pure. */
#ifndef UW_STATUS_H
#define UW_STATUS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "config/config.h"
#include "state/stats.h"

/* Size of something and how much of it is in use. */
struct uw_usage {
	size_t size, used;
};

struct uw_status {
	uint32_t pid;
	uint64_t started_us, now_us; /* CLOCK_REALTIME */
	const char *probe;	     /* as Probe= has it */
	const char *probe_detail;    /* what is special about it, or "" */
	const char *not_covered;     /* deletions that it does not see */
	const char *config_file;
	const struct uw_config *config; /* the rules in force */
	uint32_t generation; /* of these, from 1; a change of the mounts makes a new one */
	struct uw_stats stats;
	struct uw_usage ring, queue; /* bytes */
	struct uw_usage states;	     /* deletions in flight */
	uint64_t resident, kernel; /* bytes without the ring: of the daemon; of maps and programs */
};

/* Adds the object, and a newline. unlinkwatchd(8), STATUS, names its members. */
void uw_status_json(const struct uw_status *status, struct uw_buf *buf);

#endif
