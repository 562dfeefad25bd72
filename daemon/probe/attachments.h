/* SPDX-License-Identifier: MIT */
/* The BPF programs, and what each is attached to. */
#ifndef UW_ATTACHMENTS_H
#define UW_ATTACHMENTS_H

#include <stdbool.h>

#include "probe/kernel.h"

/* One program, and what it is attached to. */
struct uw_attachment {
	enum uw_probe probe;
	const char *program;
	const char *event;	   /* of tracefs, for tracepoints */
	bool leave;		   /* at the return */
	enum uw_function function; /* for kprobes and fentry */
	bool optional; /* not every kernel has it: a system call, or CONFIG_SECURITY_PATH */
	bool raw;      /* only in plans that are raw, and the only ones there */
	bool kprobe;   /* one in a plan by fentry */
};

#define UW_N_ATTACHMENTS 36

/* The attachments of all plans, in the order in which they are made. */
extern const struct uw_attachment uw_attachments[UW_N_ATTACHMENTS];

/* Whether the attachment is one of the plan's. */
bool uw_attachment_belongs(const struct uw_attachment *attachment, const struct uw_plan *plan);

#endif
