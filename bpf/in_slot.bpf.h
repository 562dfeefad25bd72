/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The short way: an event that grows in its slot, from what is known already, without a walk and without a copy. Whatever
 * does not fit there goes the long way, through the scratch space.
 */
#ifndef UW_IN_SLOT_BPF_H
#define UW_IN_SLOT_BPF_H

#include "task.bpf.h"

/*
 * Takes down the target in the slot, of whose directory all is known: its path is that of the directory and the last
 * component. False where it does not fit there.
 */
static __always_inline bool add_target(struct uw_slot *slot, const struct dir_cache_entry *k, struct dentry *dentry,
				       const bool typed)
{
	__u32 at = slot->ev.size, dir = k->len, len;
	const unsigned char *name;

	if (slot->long_slot != UW_NO_SLOT || slot->name_ptr || at >= UW_SLOT_STARTS || dir > DIR_CACHE_PATH)
		return false;
	if (typed) {
		len = dentry->d_name.len;
		name = dentry->d_name.name;
	} else {
		struct dentry_core core;

		if (read_dentry(&core, dentry))
			return false;
		len = core.len;
		name = core.name;
	}
	asm volatile("" : "+r"(at), "+r"(dir), "+r"(len));
	at &= UW_SLOT_STARTS - 1;
	dir &= 2 * DIR_CACHE_PATH - 1;
	len &= NAME_BYTES;
	if (bpf_probe_read_kernel(&slot->data[at], dir, k->text))
		return false;
	at += dir;
	slot->data[at] = '/';
	if (bpf_probe_read_kernel(&slot->data[at + 1], len, name))
		return false;
	slot->ev.len[UW_STR_FSROOT] = k->fsroot;
	slot->ev.len[UW_STR_PATH] = dir - k->fsroot + 1 + len;
	slot->ev.size = at + 1 + len;
	slot->ev.below = k->below + 1 + len;
	slot->ev.dev = k->dev;
	slot->ev.flags |= UW_EV_FS | UW_EV_RESOLVED;
	return true;
}

/* Adds a string to the event in the slot. False where it does not fit there. */
static __always_inline bool add(struct uw_slot *slot, enum uw_string which, const void *text, __u32 len)
{
	__u32 at = slot->ev.size;

	if (at >= UW_SLOT_STARTS || len >= UW_SLOT_STRING)
		return false;
	/* The comparisons are forgotten where 5.10 spills a register. */
	asm volatile("" : "+r"(at), "+r"(len));
	at &= UW_SLOT_STARTS - 1;
	len &= UW_SLOT_STRING - 1;
	if (bpf_probe_read_kernel(&slot->data[at], len, text))
		return false;
	slot->ev.len[which] = len;
	slot->ev.size = at + len;
	return true;
}

static __always_inline bool add_cmdline(struct uw_slot *slot)
{
	unsigned long start = CURRENT(mm, arg_start), end = CURRENT(mm, arg_end);
	__u32 at = slot->ev.size, last = end - start - 1;

	if (at >= UW_SLOT_STARTS || end - start - 1 >= UW_SLOT_STRING)
		return false;
	asm volatile("" : "+r"(at), "+r"(last));
	at &= UW_SLOT_STARTS - 1;
	last &= UW_SLOT_STRING - 1;
	if (bpf_probe_read_user(&slot->data[at], last + 1, (void *)start))
		return false;
	/* The NUL behind the last argument says nothing; a process may have written over it. */
	slot->ev.len[UW_STR_CMDLINE] = slot->data[at + last] ? last + 1 : last;
	slot->ev.size += slot->ev.len[UW_STR_CMDLINE];
	return true;
}

/* As read_task(), in the slot. False where not all strings fit, or one would take a walk. */
static __always_inline bool add_task(struct uw_slot *slot, struct scratch *s, __u32 detail)
{
	struct cgroup_cache_entry *g;
	struct dir_cache_entry *k;

	read_namespace(&slot->ev);
	if (detail < UW_DETAIL_STANDARD)
		return true;
	read_ids(&slot->ev);
	if (CURRENT(mm)) {
		k = find_exe(s);
		if (!k || !add(slot, UW_STR_EXE, k->text, k->len) || !add_cmdline(slot))
			return false;
	}
	g = find_group(s);
	return g->len && add(slot, UW_STR_CGROUP, g->text, g->len);
}

#endif
