/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Appends strings to an event, in its slot or in the scratch space. They have to come in the order
 * of enum uw_string.
 *
 *	| struct uw_event | name | fsroot | path | exe |           |
 *	                  text                          text + ev->size
 *
 * Every function returns false where the string does not fit. That only happens in a slot; the
 * event is then put together in the scratch space.
 */
#ifndef UW_APPEND_BPF_H
#define UW_APPEND_BPF_H

#include "scratch.bpf.h"

struct strings {
	struct uw_event *ev;
	char *text;
	__u32 starts;	/* every string starts before this offset, */
	__u32 longest;	/* and is shorter than this: powers of two */
};

#define STRINGS_OF_SLOT(slot) \
	(struct strings){ &(slot)->ev, (slot)->data, UW_SLOT_STARTS, UW_SLOT_STRING }
#define STRINGS_OF_SCRATCH(s) \
	(struct strings){ &(s)->ev, (s)->data, DATA_STARTS, UW_PATH_MAX }

_Static_assert(UW_SLOT_STARTS + UW_SLOT_STRING <= UW_SLOT_DATA, "the last string of a slot fits");
_Static_assert(UW_CMDLINE_MAX <= UW_SLOT_STRING, "and so does a command line");

static __always_inline bool append_bytes(const struct strings to, const void *text, __u32 len)
{
	__u32 at = to.ev->size;

	if (at >= to.starts || len >= to.longest)
		return false;
	/*
	 * The verifier of 5.10 forgets the comparisons when it spills a register. It keeps the
	 * masks.
	 */
	asm volatile("" : "+r"(at), "+r"(len));
	at &= to.starts - 1;
	len &= to.longest - 1;
	if (bpf_probe_read_kernel(&to.text[at], len, text))
		return false;
	to.ev->size = at + len;
	return true;
}

static __always_inline bool append(const struct strings to, enum uw_string which, const void *text,
				   __u32 len)
{
	if (!append_bytes(to, text, len))
		return false;
	to.ev->len[which] = len;
	return true;
}

/* A slash and the name of a dentry, as a part of a path. */
static __always_inline bool append_name(const struct strings to, const void *name, __u32 len)
{
	__u32 at = to.ev->size;

	if (at >= to.starts || len >= to.longest)
		return false;
	asm volatile("" : "+r"(at), "+r"(len));
	at &= to.starts - 1;
	len &= to.longest - 1;
	to.text[at] = '/';
	if (bpf_probe_read_kernel(&to.text[at + 1], len, name))
		return false;
	to.ev->size = at + 1 + len;
	return true;
}

/* A command line behind this offset is cut to one byte, so that the string behind it has room. */
#define UW_CMDLINE_STARTS (DATA_STARTS - UW_PATH_MAX - UW_CMDLINE_MAX)

/* Where the arguments of the current process are in its memory. */
static __always_inline void find_arguments(__u64 *start, __u64 *end)
{
	struct mm_struct *mm;

	if (TYPED_TASK) {
		mm = bpf_get_current_task_btf()->mm;
		*start = mm->arg_start;
		*end = mm->arg_end;
	} else {
		*start = CURRENT(mm, arg_start);
		*end = CURRENT(mm, arg_end);
	}
}

/* The arguments, as they stand there. */
static __always_inline bool append_cmdline(const struct strings to, struct scratch *s)
{
	__u64 start, end;
	__u32 at = to.ev->size, last;
	bool cut;

	if (at >= to.starts)
		return false;
	find_arguments(&start, &end);
	s->texts.arg_start = start;
	s->texts.arg_end = end;
	last = end - start - 1;
	cut = end - start > UW_CMDLINE_MAX;
	if (end <= start)
		return true;
	if (cut)
		last = UW_CMDLINE_MAX - 1;
	/* Eight strings of 4095 bytes leave no room for more than one. */
	if (at > UW_CMDLINE_STARTS) {
		last = 0;
		cut = true;
	}
	asm volatile("" : "+r"(at), "+r"(last));
	at &= to.starts - 1;
	last &= UW_CMDLINE_MAX - 1;
	if (bpf_probe_read_user(&to.text[at], last + 1, (void *)start))
		return true;
	if (cut)
		to.ev->flags |= UW_EV_CMDLINE_CUT;
	/* The NUL behind the last argument says nothing. A process may have written over it. */
	to.ev->len[UW_STR_CMDLINE] = cut || to.text[at + last] ? last + 1 : last;
	to.ev->size = at + to.ev->len[UW_STR_CMDLINE];
	return true;
}

#endif
