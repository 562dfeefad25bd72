// SPDX-License-Identifier: MIT
/* The maps of a source: rules to the kernel, deletions in flight and counters from it. */
#include "source_maps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "clock.h"
#include "procfs.h"

int uw_source_map(const struct uw_source *s, const char *name)
{
	return bpf_object__find_map_fd_by_name(s->object, name);
}

/* Entries of a table, laid out as struct uw_uid_entry and struct uw_path_entry are. */
struct entries {
	const char *map;
	enum bpf_map_type type;
	const void *first;
	size_t n, size, key_size, value_size, value_offset;
};

/* A new table in the slot; the kernel waits for programs that still use the old one. */
static int push_table(const struct uw_source *s, __u32 slot, const struct entries *e)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts,
		    .map_flags = e->type == BPF_MAP_TYPE_LPM_TRIE ? BPF_F_NO_PREALLOC : 0);
	const char *at = e->first;
	int fd, r = 0;
	size_t i;

	fd = bpf_map_create(e->type, "uw_table", (__u32)e->key_size, (__u32)e->value_size,
			    e->n ? (__u32)e->n : 1, &opts);
	if (fd < 0)
		return -errno;
	for (i = 0; i < e->n && !r; i++, at += e->size)
		r = bpf_map_update_elem(fd, at, at + e->value_offset, BPF_ANY);
	if (!r)
		r = bpf_map_update_elem(uw_source_map(s, e->map), &slot, &fd, BPF_ANY);
	close(fd);
	return r;
}

int uw_source_set_filter(struct uw_source *s, const struct uw_filter *filter, enum uw_detail detail)
{
	int control_fd = uw_source_map(s, "uw_control"), r;
	struct uw_control control;
	__u32 zero = 0, slot = (s->active + 1) % UW_RULESETS;
	const struct entries uids = {
		.map = "uw_uids",
		.type = BPF_MAP_TYPE_LPM_TRIE,
		.first = filter->uids,
		.n = filter->n_uids,
		.size = sizeof(struct uw_uid_entry),
		.key_size = sizeof(struct uw_uid_key),
		.value_size = sizeof(__u64),
		.value_offset = offsetof(struct uw_uid_entry, rules),
	};
	const struct entries paths = {
		.map = "uw_paths",
		.type = BPF_MAP_TYPE_LPM_TRIE,
		.first = filter->paths,
		.n = filter->n_paths,
		.size = sizeof(struct uw_path_entry),
		.key_size = sizeof(struct uw_path_key),
		.value_size = sizeof(struct uw_path_value),
		.value_offset = offsetof(struct uw_path_entry, value),
	};

	r = push_table(s, slot, &uids);
	if (!r)
		r = push_table(s, slot, &paths);
	if (r < 0)
		return r;
	r = bpf_map_update_elem(uw_source_map(s, "uw_rulesets"), &slot, &filter->set, BPF_ANY);
	if (r < 0)
		return r;
	r = bpf_map_lookup_elem(control_fd, &zero, &control);
	if (r < 0)
		return r;
	control.active = slot;
	control.detail = (__u32)detail;
	r = bpf_map_update_elem(control_fd, &zero, &control, BPF_ANY);
	if (r < 0)
		return r;
	s->active = slot;
	return 0;
}

void uw_source_ignore(const struct uw_source *s)
{
	int fd = uw_source_map(s, "uw_control");
	struct uw_control control;
	__u32 zero = 0;

	if (bpf_map_lookup_elem(fd, &zero, &control))
		return;
	control.stopping = 1;
	bpf_map_update_elem(fd, &zero, &control, BPF_ANY);
}

int uw_source_set_state(struct uw_source *s, const struct uw_filter *filter)
{
	return bpf_map_update_elem(uw_source_map(s, "uw_rulesets"), &s->active, &filter->set,
				   BPF_ANY);
}

int uw_source_set_places(struct uw_source *s, const struct uw_places *places)
{
	int control_fd = uw_source_map(s, "uw_control"), r;
	/* Only keys count: any bytes that are there serve as the value. */
	const struct entries place = {
		.map = "uw_places",
		.type = BPF_MAP_TYPE_HASH,
		.first = places->place,
		.n = places->n_places,
		.size = sizeof(*places->place),
		.key_size = sizeof(*places->place),
		.value_size = sizeof(__u32),
	};
	const struct entries name = {
		.map = "uw_names",
		.type = BPF_MAP_TYPE_HASH,
		.first = places->name,
		.n = places->n_names,
		.size = sizeof(*places->name),
		.key_size = sizeof(*places->name),
		.value_size = sizeof(__u32),
	};
	struct uw_control control;
	__u32 zero = 0;

	if (uw_source_map(s, "uw_host_tree") < 0)
		return 0; /* a kernel side without kernel reads */
	r = push_table(s, 0, &place);
	if (!r)
		r = push_table(s, 0, &name);
	if (!r)
		r = bpf_map_lookup_elem(control_fd, &zero, &control);
	if (r < 0)
		return r;
	control.links = (__u32)places->links;
	return bpf_map_update_elem(control_fd, &zero, &control, BPF_ANY);
}

int uw_source_tree(const struct uw_source *s, struct uw_host_tree *ret)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct bpf_program *program = bpf_object__find_program_by_name(s->object, "uw_read_tree");
	__u32 zero = 0;
	int r;

	*ret = (struct uw_host_tree){ .settled = 1 };
	if (!program)
		return 0;
	r = bpf_prog_test_run_opts(bpf_program__fd(program), &opts);
	if (r < 0)
		return r;
	return bpf_map_lookup_elem(uw_source_map(s, "uw_host_tree"), &zero, ret);
}

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
	if (st.op == UW_OP_RENAME && !st.victim)
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
	s->swept++;
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
	/* Bounded, as a key that vanishes meanwhile makes the walk start again. */
	for (i = 0; more && i < 2 * UW_STATES; i++) {
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

static int free_slots(const struct uw_source *s, const char *stack, __u32 n)
{
	int fd = uw_source_map(s, stack), r = 0;
	__u32 slot;

	for (slot = n; slot-- > 0 && !r;)
		r = bpf_map_update_elem(fd, NULL, &slot, BPF_ANY);
	return r;
}

static void *share(const struct uw_source *s, const char *map, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, uw_source_map(s, map), 0);

	return p == MAP_FAILED ? NULL : p;
}

int uw_source_prepare_maps(struct uw_source *s)
{
	int r = free_slots(s, "uw_small_free", UW_SMALL_SLOTS);

	if (!r)
		r = free_slots(s, "uw_big_free", UW_BIG_SLOTS);
	if (r < 0)
		return r;
	s->in_flight = share(s, "uw_in_flight", sizeof(*s->in_flight));
	s->moves = share(s, "uw_moves", sizeof(*s->moves));
	if (!s->in_flight || !s->moves)
		return -errno;
	s->moves->begun = 1;
	return 0;
}

void uw_source_release_maps(struct uw_source *s)
{
	if (s->in_flight)
		munmap(s->in_flight, sizeof(*s->in_flight));
	if (s->moves)
		munmap(s->moves, sizeof(*s->moves));
}

void uw_source_trust_moves(struct uw_source *s)
{
	__atomic_add_fetch(&s->moves->done, 1, __ATOMIC_SEQ_CST);
}

/*
 * How often the kernel skipped an entry program that was running already: on the same CPU, for
 * another thread, which it had preempted. Kernels count it from 5.12, where it is possible
 * from 5.11 on.
 */
static uint64_t skipped(const struct uw_source *s)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < s->n_entries; i++) {
		struct bpf_prog_info info = { 0 };
		__u32 len = sizeof(info);

		if (!bpf_obj_get_info_by_fd(s->entries[i], &info, &len))
			sum += info.recursion_misses;
	}
	return sum;
}

int uw_source_counters(const struct uw_source *s, uint64_t ret[UW_CNT_MAX])
{
	int cpus = libbpf_num_possible_cpus(), r, cpu, i;
	uint64_t(*values)[UW_CNT_MAX];
	__u32 zero = 0;

	if (cpus < 0)
		return cpus;
	values = calloc((size_t)cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	r = bpf_map_lookup_elem(uw_source_map(s, "uw_counters"), &zero, values);
	if (!r) {
		memset(ret, 0, UW_CNT_MAX * sizeof(*ret));
		for (cpu = 0; cpu < cpus; cpu++)
			for (i = 0; i < UW_CNT_MAX; i++)
				ret[i] += values[cpu][i];
		/* Taken over by the daemon, but seen by the kernel side: the sum is to balance. */
		ret[UW_CNT_RECORDED] += s->swept;
		ret[UW_CNT_STALE] += s->swept;
		ret[UW_CNT_SKIPPED] = skipped(s);
		ret[UW_CNT_SEEN] += ret[UW_CNT_SKIPPED];
	}
	free(values);
	return r;
}
