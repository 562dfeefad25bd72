/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What leaves the kernel side: events through the ring buffer, and the counters. Every deletion
 * that is counted as seen also ends in exactly one of the other counters; see enum uw_counter.
 */
#ifndef UW_OUTPUT_BPF_H
#define UW_OUTPUT_BPF_H

#include "kernel.bpf.h"
#include "unlinkwatch.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);	/* RingBufferSize= replaces it */
} uw_events SEC(".maps");

/* Global data, which the daemon maps as memory. */
struct uw_shared uw_shared;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64[UW_CNT_MAX]);
} uw_counters SEC(".maps");

/* By account: who lost events; see struct uw_lost. The daemon empties it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, UW_LOST_USERS);
	__type(key, __u32);
	__type(value, struct uw_lost);
} uw_lost SEC(".maps");

static __always_inline void count(enum uw_counter which)
{
	__u32 zero = 0;
	__u64 *counters = bpf_map_lookup_elem(&uw_counters, &zero);

	/* Atomic, as another program on the same CPU may preempt this one. */
	if (counters)
		__sync_fetch_and_add(&counters[which], 1);
}

/*
 * Counts what becomes of a deletion. The daemon's self-test is left out, unless it is lost. The
 * daemon makes two records of an exchange.
 */
static __always_inline void count_end(const struct uw_slot *slot, enum uw_counter which)
{
	if (slot->ev.flags & UW_EV_SELFTEST) {
		if (which != UW_CNT_RECORDED && which != UW_CNT_STALE)
			count(UW_CNT_SELFTEST_FULL);
		return;
	}
	count(which);
	if (which == UW_CNT_RECORDED && slot->ev.op == UW_OP_EXCHANGE) {
		count(UW_CNT_SEEN);
		count(UW_CNT_RECORDED);
	}
}

static __always_inline struct uw_share *share_of(__u32 account)
{
	return &uw_shared.share[uw_share_of(uw_shared.control.seed, account) & (UW_SHARES - 1)];
}

/* Counts a deletion that begins, and that ends at once where no rule can want it. */
static __always_inline void count_entry(bool filtered)
{
	__u32 zero = 0;
	__u64 *counters = bpf_map_lookup_elem(&uw_counters, &zero);

	if (!counters)
		return;
	__sync_fetch_and_add(&counters[UW_CNT_SEEN], 1);
	if (filtered)
		__sync_fetch_and_add(&counters[UW_CNT_FILTERED], 1);
}

static __always_inline enum uw_counter lose(struct uw_share *share, __u32 account,
					    enum uw_counter cause)
{
	__sync_fetch_and_add(&share->lost, 1);
	share->uid = account;
	return cause;
}

/* The same of an event that is complete. Keeps the beginning of the user's first one. */
static __always_inline enum uw_counter lose_event(struct uw_share *share, const struct uw_event *ev,
						  enum uw_counter cause)
{
	__u32 account = ev->account;

	if (!bpf_map_lookup_elem(&uw_lost, &account))
		bpf_map_update_elem(&uw_lost, &account, ev, BPF_NOEXIST);
	return lose(share, account, cause);
}

static __always_inline bool has_share(const struct uw_pending *pending, __u32 room, __u64 most)
{
	return pending->given - pending->taken + room <= (__s64)most;
}

/*
 * Sends `size` bytes for an event and returns what becomes of it. The verifier needs `max`, the most
 * it can be, as a constant.
 */
static __always_inline enum uw_counter output(void *event, __u64 size, const __u64 max,
					      const struct uw_event *ev)
{
	struct uw_share *share = share_of(ev->account);
	__u32 room = uw_ring_room(size);
	__u64 left = uw_shared.control.ring_size -
		     bpf_ringbuf_query(&uw_events, BPF_RB_AVAIL_DATA);

	if (!has_share(&share->all, room, UW_SHARE_TIMES * left) ||
	    (ev->ret && !has_share(&share->failed, room, left / UW_SHARE_OF_FAILURES)))
		return lose_event(share, ev, UW_CNT_RING_SHARE);
	/*
	 * Always true. In assembly, since clang compares one copy of the size and passes another,
	 * which the verifier rejects.
	 */
	asm volatile("if %0 <= %1 goto +1; %0 = 0" : "+r"(size) : "i"(max));
	if (bpf_ringbuf_output(&uw_events, event, size, 0))
		return lose_event(share, ev, UW_CNT_RING_FULL);
	__sync_fetch_and_add(&share->all.given, room);
	if (ev->ret)
		__sync_fetch_and_add(&share->failed.given, room);
	return UW_CNT_RECORDED;
}

/* The same of an event whose strings are all in its slot. */
static __always_inline enum uw_counter output_slot(struct uw_slot *slot)
{
	__u32 size = slot->ev.size + sizeof(slot->ev);

	slot->ev.size = size;
	asm volatile("" : "+r"(size));
	return output(&slot->ev, size & (UW_SLOT_EVENT - 1), UW_SLOT_EVENT, &slot->ev);
}

#endif
