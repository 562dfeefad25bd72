// SPDX-License-Identifier: MIT
/* Deletions that never returned: taken over from the kernel side, with an unknown result. */
#include "source_maps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "clock.h"
#include "procfs.h"

/* Takes the state from the map, so that nobody else finishes it. -ENOENT where somebody has. */
static int take(struct uw_source *s, const __u64 *key, struct uw_state *value)
{
	int fd = uw_source_map(s, "uw_states"), r = bpf_map_lookup_and_delete_elem(fd, key, value);

	/* Hash maps have it from 5.14. Before, an entry that is minutes old is not in a race. */
	if (r < 0 && r != -ENOENT) {
		r = bpf_map_lookup_elem(fd, key, value);
		if (!r)
			r = bpf_map_delete_elem(fd, key);
	}
	if (!r)
		__atomic_sub_fetch(s->in_flight, 1, __ATOMIC_SEQ_CST);
	return r;
}

/*
 * What the state has in its slot, as the beginning of an event: it has room for the largest. The
 * slot is free then.
 */
static int take_slot(const struct uw_source *s, __u32 slot, struct uw_event *ev)
{
	bool big = slot & UW_BIG_SLOT;
	int slots = uw_source_map(s, big ? "uw_big_slots" : "uw_small_slots");
	int stack = uw_source_map(s, big ? "uw_big_free" : "uw_small_free");
	int r;

	slot &= ~UW_BIG_SLOT;
	r = bpf_map_lookup_elem(slots, &slot, ev);
	if (r < 0)
		return r;
	return bpf_map_update_elem(stack, NULL, &slot, BPF_ANY);
}

static void take_name(const struct uw_state *st, struct uw_event *ev)
{
	memset(ev, 0, sizeof(*ev));
	if (st->name_ptr) {
		ev->flags = UW_EV_NAME_FAULT;
		return;
	}
	memcpy(ev + 1, st->name, st->name_len);
	ev->len[UW_STR_NAME] = st->name_len;
	ev->size = st->name_len;
}

/* The kernel side only asks who it is once the deletion interests somebody. */
static void take_who(const struct uw_state *st, struct uw_event *ev)
{
	static const char worker[] = "iou-wrk-";

	ev->via = st->via;
	memcpy(ev->comm, st->comm, sizeof(ev->comm));
	if (st->via)
		return;
	ev->via = UW_VIA_SYSCALL;
	uw_procfs_comm(ev->pid, ev->tid, ev->comm, sizeof(ev->comm));
	if (!strncmp(ev->comm, worker, sizeof(worker) - 1)) {
		ev->via = UW_VIA_IO_URING;
		uw_procfs_comm(ev->pid, 0, ev->comm, sizeof(ev->comm));
	}
}

/* As the kernel side would hand it over, with what is known of a deletion in flight. */
static int sweep_one(struct uw_source *s, __u64 key, struct uw_big_slot *slot)
{
	struct uw_event *ev = &slot->ev;
	struct uw_state st;
	int r;

	r = take(s, &key, &st);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (st.slot == UW_NO_SLOT)
		take_name(&st, ev);
	else if ((r = take_slot(s, st.slot, ev)) < 0)
		return r;
	if ((st.op == UW_OP_RENAME && !st.victim) || st.canary)
		return 0;
	ev->size += (__u32)sizeof(*ev);
	ev->abi = UW_ABI;
	ev->op = st.op;
	ev->probe = st.probe;
	ev->flags |= st.flags | UW_EV_RET_UNKNOWN;
	ev->gen = st.gen;
	ev->rules = st.on_success | st.on_failure;
	ev->enter_ns = st.enter_ns;
	ev->exit_ns = st.enter_ns;
	ev->dfd = st.dfd;
	ev->pid = (__u32)(key >> 32);
	ev->tid = (__u32)key;
	ev->uid = st.uid;
	ev->gid = st.gid;
	take_who(&st, ev);
	s->on_event(ev, ev->size, s->userdata);
	if (s->ledger)
		s->ledger->words->swept++;
	return 1;
}

int uw_source_sweep(struct uw_source *s, uint64_t age_ns)
{
	int fd = uw_source_map(s, "uw_states"), swept = 0, r = 0, i;
	struct uw_big_slot *slot = NULL;
	struct uw_state st;
	__u64 key, next, now;
	bool more;

	now = uw_clock_ns(CLOCK_BOOTTIME);
	more = !bpf_map_get_next_key(fd, NULL, &next);
	s->enough = false;
	/* Bounded, as a key that vanishes meanwhile makes the walk start again. */
	for (i = 0; more && !s->enough && i < 2 * UW_STATES; i++) {
		key = next;
		more = !bpf_map_get_next_key(fd, &key, &next);
		if (bpf_map_lookup_elem(fd, &key, &st) || now < st.enter_ns + age_ns)
			continue;
		if (!slot && !(slot = malloc(sizeof(*slot))))
			return -ENOMEM;
		r = sweep_one(s, key, slot);
		if (r < 0)
			break;
		swept += r;
	}
	free(slot);
	return r < 0 ? r : swept;
}
