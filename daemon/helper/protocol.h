/* SPDX-License-Identifier: MIT */
/*
 * What the daemon asks the helper, and what the helper answers.
 *
 * While a package is replaced, the daemon of one version talks to the helper of another: new
 * requests may be added here, but those that exist keep their numbers and their layout.
 */
#ifndef UW_HELPER_PROTOCOL_H
#define UW_HELPER_PROTOCOL_H

#include <stdint.h>

#define UW_HELPER_SOCKET   "/run/unlinkwatchd-attach"
#define UW_HELPER_NAME_MAX 64

enum uw_helper_op {
	UW_HELPER_FACTS,   /* read the facts that root alone may read; fd: the root of tracefs */
	UW_HELPER_PROBE,   /* probe the function `name` with the BPF program; fd: what holds it */
	UW_HELPER_ATTACH,  /* attach the BPF program to the event `name`; fd: what holds it */
	UW_HELPER_REMOVE,  /* remove the event `name`, of a probe whose descriptor is closed */
	UW_HELPER_CLEAN,   /* remove the events of processes that are gone */
	UW_HELPER_RESTART, /* 1 if systemd is restarting the daemon */
};

/* Comes with the descriptor of the program, if it is about one. */
struct uw_helper_request {
	uint32_t op;
	int32_t max_active; /* returns in flight; 0: probe the entry */
	char name[UW_HELPER_NAME_MAX];
};

/* Comes with a descriptor, if the request asks for one. */
struct uw_helper_reply {
	int32_t result; /* 0 or more, or -errno */
	uint8_t kprobe_events;
	uint8_t syscall_events;
	uint8_t lockdown;	       /* enum uw_lockdown */
	uint8_t preemption;	       /* enum uw_preemption */
	char name[UW_HELPER_NAME_MAX]; /* of the event that was made */
};

#endif
