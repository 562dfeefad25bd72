// SPDX-License-Identifier: MIT
/* The maps of a source: rules to the kernel, deletions in flight and counters from it. */
#include "probe/source_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/clock.h"
#include "base/cpus.h"
#include "base/procfs.h"
#include "probe/bpf_map.h"

static int find(const struct uw_source_part *parts, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(parts[i].name, name))
			return parts[i].fd;
	return -ENOENT;
}

int uw_source_map(const struct uw_source *s, const char *name)
{
	return find(s->maps, s->n_maps, name);
}

int uw_source_program(const struct uw_source *s, const char *name)
{
	return find(s->programs, s->n_programs, name);
}

int uw_source_run(const struct uw_source *s, const char *program)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	return bpf_prog_test_run_opts(uw_source_program(s, program), &opts);
}

/* The entries of a table such as struct uw_uid_entry and struct uw_path_entry. */
struct entries {
	const char *map;
	enum bpf_map_type type;
	const void *first;
	size_t n, size, key_size, value_size, value_offset;
};

static struct bpf_map_info info_of(int map)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(map, &info, &len))
		info = (struct bpf_map_info){ 0 };
	return info;
}

/* Puts a new table into the slot; the kernel waits for programs that still use the old one. */
static int push_table(const struct uw_source *s, __u32 slot, const struct entries *e)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts,
		    .map_flags = e->type == BPF_MAP_TYPE_LPM_TRIE ? BPF_F_NO_PREALLOC : 0);
	int fd, r = 0;

	fd = bpf_map_create(e->type, "uw_table", (__u32)e->key_size, (__u32)e->value_size,
			    e->n ? (__u32)e->n : 1, &opts);
	if (fd < 0)
		return -errno;
	if (e->n)
		r = uw_bpf_map_fill(fd, e->first, (const char *)e->first + e->value_offset, e->size,
				    e->n);
	if (!r)
		r = uw_bpf_map_update(uw_source_map(s, e->map), &slot, &fd);
	close(fd);
	return r;
}

int uw_source_set_tables(struct uw_source *s, const struct uw_rule_tables *tables,
			 enum uw_detail detail)
{
	struct uw_control *control = &s->shared->control;
	__u32 slot = (s->active + 1) % UW_RULESETS;
	int r;
	const struct entries uids = {
		.map = "uw_uids",
		.type = BPF_MAP_TYPE_LPM_TRIE,
		.first = tables->uids,
		.n = tables->n_uids,
		.size = sizeof(struct uw_uid_entry),
		.key_size = sizeof(struct uw_uid_key),
		.value_size = sizeof(struct uw_uid_value),
		.value_offset = offsetof(struct uw_uid_entry, value),
	};
	const struct entries paths = {
		.map = "uw_paths",
		.type = BPF_MAP_TYPE_LPM_TRIE,
		.first = tables->paths,
		.n = tables->n_paths,
		.size = sizeof(struct uw_path_entry),
		.key_size = sizeof(struct uw_path_key),
		.value_size = sizeof(struct uw_path_value),
		.value_offset = offsetof(struct uw_path_entry, value),
	};

	/*
	 * No later rule set, in any process, may have this number: the directory cache may hold it.
	 */
	if (s->persistent && s->persistent->words->gen < tables->masks.gen)
		s->persistent->words->gen = tables->masks.gen;
	r = push_table(s, slot, &uids);
	if (!r)
		r = push_table(s, slot, &paths);
	if (r < 0)
		return r;
	s->shared->set[slot] = tables->masks;
	control->detail = (__u32)detail;
	control->preempts = s->kernel->root.preemption != UW_PREEMPTION_NONE;
	__atomic_store_n(&control->active, slot, __ATOMIC_SEQ_CST);
	s->active = slot;
	return 0;
}

void uw_source_set_selftest(struct uw_source *s, bool out)
{
	__atomic_store_n(&s->shared->control.selftest, out, __ATOMIC_SEQ_CST);
}

void uw_source_ignore(const struct uw_source *s)
{
	size_t at = s->retiring ? s->schema.stopping_offset
				: offsetof(struct uw_shared, control.stopping);

	/* The memory may be that of another version. */
	if (at + sizeof(__u32) <= s->shared_size)
		__atomic_store_n((__u32 *)((char *)s->shared + at), 1, __ATOMIC_SEQ_CST);
}

void uw_source_set_state(struct uw_source *s, const struct uw_rule_tables *tables)
{
	s->shared->set[s->active] = tables->masks;
}

int uw_source_set_path_deps(struct uw_source *s, const struct uw_path_deps *deps)
{
	/* Only keys count, so the value may be any bytes. */
	const struct entries path = {
		.map = "uw_path_deps",
		.type = BPF_MAP_TYPE_HASH,
		.first = deps->path,
		.n = deps->n_paths,
		.size = sizeof(*deps->path),
		.key_size = sizeof(*deps->path),
		.value_size = sizeof(__u32),
	};
	const struct entries name = {
		.map = "uw_dep_names",
		.type = BPF_MAP_TYPE_HASH,
		.first = deps->name,
		.n = deps->n_names,
		.size = sizeof(*deps->name),
		.key_size = sizeof(*deps->name),
		.value_size = sizeof(__u32),
	};
	int r;

	if (uw_source_map(s, "uw_path_deps") < 0)
		return 0; /* a kernel side without kernel reads */
	r = push_table(s, 0, &path);
	if (!r)
		r = push_table(s, 0, &name);
	if (r < 0)
		return r;
	__atomic_store_n(&s->shared->control.links, (__u32)deps->links, __ATOMIC_SEQ_CST);
	return 0;
}

uint32_t uw_source_dep_changes(const struct uw_source *s)
{
	return __atomic_load_n(&s->shared->tree.begun, __ATOMIC_ACQUIRE);
}

int uw_source_tree(const struct uw_source *s, struct uw_host_tree *ret)
{
	int r;

	*ret = (struct uw_host_tree){ .settled = 1 };
	if (uw_source_program(s, "uw_read_tree") < 0)
		return 0;
	r = uw_source_run(s, "uw_read_tree");
	if (r < 0)
		return r;
	*ret = s->shared->tree;
	return 0;
}

/* Puts the numbers from the first up to before the end on the stack. */
static int free_slots(const struct uw_source *s, const char *stack, __u32 first, __u32 end)
{
	__u32 slot[UW_SLOTS], n = 0;

	if (end - first > UW_SLOTS)
		end = first + UW_SLOTS;
	while (end > first)
		slot[n++] = --end;
	return uw_bpf_map_fill(uw_source_map(s, stack), NULL, slot, sizeof(*slot), n);
}

int uw_source_prepare_maps(struct uw_source *s)
{
	__u32 cpus = (__u32)uw_cpus_end();
	int r = free_slots(s, "uw_slot_free", UW_DIRECT_SLOTS, UW_SLOTS);

	if (!r)
		r = free_slots(s, "uw_long_free", 0, UW_LONG_SLOTS);
	return r ? r : free_slots(s, "uw_scratch_free", cpus, cpus + UW_SHARED_SCRATCHES(cpus));
}

/* Only the programs that read kernel memory send parts of events. */
static int share_whole(struct uw_source *s)
{
	int fd = uw_source_map(s, "uw_whole");
	size_t n = info_of(fd).max_entries;
	void *p;

	if (fd < 0)
		return 0;
	p = mmap(NULL, n * sizeof(*s->whole), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	s->whole = p;
	s->n_whole = n;
	return 0;
}

int uw_source_share_maps(struct uw_source *s)
{
	int fd = uw_source_map(s, "uw_shared");
	size_t size = info_of(fd).value_size;
	void *p;

	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	s->shared = p;
	s->shared_size = size;
	return share_whole(s);
}

void uw_source_release_whole(struct uw_source *s)
{
	if (s->whole)
		munmap(s->whole, s->n_whole * sizeof(*s->whole));
	s->whole = NULL;
}

void uw_source_release_maps(struct uw_source *s)
{
	if (s->shared)
		munmap(s->shared, s->shared_size);
	uw_source_release_whole(s);
}

void uw_source_send_whole(struct uw_source *s)
{
	__atomic_store_n(&s->shared->control.whole, 1, __ATOMIC_SEQ_CST);
}

void uw_source_set_servers(struct uw_source *s, const struct uw_server_offsets *offsets)
{
	s->shared->servers = *offsets;
}

void uw_source_trust_renames(struct uw_source *s, bool trust)
{
	struct uw_rename_seq *seq = &s->shared->rename_seq;

	trust = trust && s->plan.functions[UW_FN_PATH_RENAME];
	if (__atomic_exchange_n(&seq->trusted, trust, __ATOMIC_SEQ_CST) == trust)
		return;
	/* As if a directory had moved meanwhile: nothing that is cached may be used. */
	__atomic_add_fetch(&seq->begun, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&seq->done, 1, __ATOMIC_SEQ_CST);
}

void uw_source_moves(const struct uw_source *s, struct uw_source_moves *ret)
{
	ret->begun = __atomic_load_n(&s->shared->rename_seq.begun, __ATOMIC_SEQ_CST);
	ret->done = __atomic_load_n(&s->shared->rename_seq.done, __ATOMIC_SEQ_CST);
}

/*
 * How often the kernel skipped an entry program because it was running on the same CPU for a thread
 * that was preempted. This happens from 5.11 on, and is counted from 5.12 on.
 */
static uint64_t skipped(const struct uw_source *s)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < UW_N_ATTACHMENTS; i++) {
		const struct uw_attachment *a = &uw_attachments[i];
		struct bpf_prog_info info = { 0 };
		__u32 len = sizeof(info);

		if (!uw_attachment_belongs(a, &s->plan) || a->leave ||
		    a->function >= UW_FN_PATH_UNLINK)
			continue;
		if (!bpf_obj_get_info_by_fd(uw_source_program(s, a->program), &info, &len))
			sum += info.recursion_misses;
	}
	return sum;
}

static int sum_counters(const struct uw_source *s, uint64_t ret[UW_CNT_MAX])
{
	int cpus = libbpf_num_possible_cpus(), fd = uw_source_map(s, "uw_counters"), r, cpu;
	size_t n = info_of(fd).value_size / sizeof(uint64_t), i;
	uint64_t *values;
	__u32 zero = 0;

	if (cpus < 0)
		return cpus;
	values = calloc((size_t)cpus, n * sizeof(*values));
	if (!values)
		return -ENOMEM;
	r = uw_bpf_map_lookup(fd, &zero, values);
	if (!r) {
		memset(ret, 0, UW_CNT_MAX * sizeof(*ret));
		/* Another version may have fewer or more counters. */
		for (cpu = 0; cpu < cpus; cpu++)
			for (i = 0; i < n && i < UW_CNT_MAX; i++)
				ret[i] += values[(size_t)cpu * n + i];
	}
	free(values);
	return r;
}

int uw_source_counters(const struct uw_source *s, uint64_t ret[UW_CNT_MAX])
{
	uint64_t ends[UW_CNT_MAX], later[UW_CNT_MAX];
	int r;

	r = sum_counters(s, ends);
	if (!r)
		r = sum_counters(s, later);
	if (r < 0)
		return r;
	memcpy(ret, ends, sizeof(ends));
	ret[UW_CNT_SEEN] = later[UW_CNT_SEEN];
	ret[UW_CNT_SKIPPED] = skipped(s);
	ret[UW_CNT_SEEN] += ret[UW_CNT_SKIPPED];
	uw_stats_count_once(ret);
	return 0;
}

/* Takes the first event that each of them lost, and those of all others. */
static void take_first(const struct uw_source *s, struct uw_losers *losers)
{
	int map = uw_source_map(s, "uw_lost");
	struct uw_lost lost;
	uint32_t account;
	size_t i;

	for (i = 0; i < losers->n; i++)
		if (!uw_bpf_map_lookup(map, &losers->user[i].uid, &lost))
			uw_loser_set_first(&losers->user[i], &lost);
	for (i = 0; i < UW_LOST_USERS && !bpf_map_get_next_key(map, NULL, &account); i++)
		uw_bpf_map_delete(map, &account);
}

void uw_source_take_losers(struct uw_source *s, struct uw_losers *ret)
{
	size_t i;

	*ret = (struct uw_losers){ 0 };
	/* Another version may have another layout. */
	if (!s->shared || s->shared_size != sizeof(*s->shared))
		return;
	for (i = 0; i < UW_SHARES; i++) {
		struct uw_share *share = &s->shared->share[i];
		uint64_t lost = __atomic_exchange_n(&share->lost, 0, __ATOMIC_SEQ_CST);

		if (lost)
			uw_losers_add(ret, __atomic_load_n(&share->uid, __ATOMIC_RELAXED), lost);
	}
	if (ret->n)
		take_first(s, ret);
}

/* libbpf has this only from 1.3 on. The layout is the kernel's ABI. */
int uw_source_map_positions(struct uw_source *s)
{
	int fd = uw_source_map(s, "uw_events");
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *p;

	p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	s->consumed = p;
	p = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (p == MAP_FAILED)
		return -errno;
	s->produced = p;
	return 0;
}

void uw_source_unmap_positions(struct uw_source *s)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (s->consumed)
		munmap(s->consumed, page);
	if (s->produced)
		munmap((void *)(uintptr_t)s->produced, page);
	s->consumed = NULL;
	s->produced = NULL;
}

void uw_source_usage(const struct uw_source *s, struct uw_source_usage *ret)
{
	unsigned long consumed = __atomic_load_n(s->consumed, __ATOMIC_ACQUIRE);
	unsigned long written = __atomic_load_n(s->produced, __ATOMIC_ACQUIRE);

	*ret = (struct uw_source_usage){
		.ring_size = s->ring_size,
		.ring_used = written - consumed,
		.written = written,
		.consumed = consumed,
	};
}

uint64_t uw_source_memory(const struct uw_source *s)
{
	int ring = uw_source_map(s, "uw_events");
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < s->n_maps; i++)
		if (s->maps[i].fd != ring)
			sum += uw_procfs_fdinfo(s->maps[i].fd, "memlock");
	for (i = 0; i < s->n_programs; i++)
		sum += uw_procfs_fdinfo(s->programs[i].fd, "memlock");
	return sum;
}

/* ---- Deletions that never returned: taken over from the kernel side, with an unknown result. */

/* The other strings of an event that has outgrown its slot. */
static int take_long_slot(const struct uw_source *s, const struct uw_slot *slot,
			  struct uw_long_slot *ret)
{
	int r = uw_bpf_map_lookup(uw_source_map(s, "uw_long_slots"), &slot->long_slot, ret);

	if (!r)
		r = uw_bpf_map_update(uw_source_map(s, "uw_long_free"), NULL, &slot->long_slot);
	return r;
}

/* Only the daemon uses the slot now. */
static void free_slot(struct uw_source *s, __u32 at, __u64 id, __u32 account)
{
	struct uw_owner *owner = &s->shared->owner[at];

	__atomic_store_n(&owner->id, 0, __ATOMIC_SEQ_CST);
	__atomic_sub_fetch(&owner->users, UW_OWNER_SWEPT + 1, __ATOMIC_SEQ_CST);
	if (at < UW_DIRECT_SLOTS || uw_bpf_map_delete(uw_source_map(s, "uw_slot_hash"), &id))
		return;
	__atomic_sub_fetch(&s->shared->owner[UW_DIRECT_SLOT(id)].hashed, 1, __ATOMIC_SEQ_CST);
	__atomic_sub_fetch(&uw_source_share(s, account)->slots, 1, __ATOMIC_SEQ_CST);
	__atomic_sub_fetch(&s->shared->hash_slots, 1, __ATOMIC_SEQ_CST);
	uw_bpf_map_update(uw_source_map(s, "uw_slot_free"), NULL, &at);
}

/* The kernel side only asks who it is once the deletion interests somebody. */
static void take_who(struct uw_event *ev)
{
	static const char worker[] = "iou-wrk-";

	if (ev->via)
		return;
	ev->via = UW_VIA_SYSCALL;
	uw_procfs_comm(ev->pid, ev->tid, ev->comm, sizeof(ev->comm));
	if (!strncmp(ev->comm, worker, sizeof(worker) - 1)) {
		ev->via = UW_VIA_IO_URING;
		uw_procfs_comm(ev->pid, 0, ev->comm, sizeof(ev->comm));
	}
}

/*
 * As the kernel side would hand it over, with what is known of a deletion in flight. `strings` is
 * room for it.
 */
static int hand_over(struct uw_source *s, const struct uw_slot *slot, struct uw_long_slot *strings)
{
	struct uw_event *ev = &strings->ev;
	int r = 0;

	if (slot->long_slot != UW_NO_SLOT)
		r = take_long_slot(s, slot, strings);
	if (slot->ev.size > (slot->long_slot == UW_NO_SLOT ? UW_SLOT_DATA : UW_LONG_DATA))
		r = -EPROTO;
	else if (slot->long_slot == UW_NO_SLOT)
		memcpy(strings->data, slot->data, slot->ev.size);
	if (slot->sent || slot->ev.flags & UW_EV_SELFTEST)
		return 0;
	if (r < 0) {
		s->on_event(&slot->ev, 0, s->userdata); /* counted as undecodable */
		if (s->persistent)
			s->persistent->words->swept++;
		return 1;
	}
	*ev = slot->ev;
	if (slot->name_ptr)
		ev->flags |= UW_EV_NAME_FAULT | (slot->other_ptr ? UW_EV_OTHER_NAME_FAULT : 0);
	ev->size += (__u32)sizeof(*ev);
	ev->flags |= UW_EV_RET_UNKNOWN;
	ev->rules = uw_slot_rules(slot);
	ev->exit_ns = ev->enter_ns;
	take_who(ev);
	s->on_event(ev, ev->size, s->userdata);
	if (s->persistent) {
		s->persistent->words->swept++;
		/* The kernel side has not counted the second name of an exchange. */
		s->persistent->words->before[UW_CNT_SEEN] += uw_event_names(ev->op) - 1;
		s->persistent->words->before[UW_CNT_RECORDED] += uw_event_names(ev->op) - 1;
	}
	return 1;
}

struct room {
	struct uw_slot slot;
	struct uw_long_slot strings;
};

/*
 * Takes the slot if the deletion is older than that. While programs are attached this takes two
 * calls, since a program might be sending the event at this moment; otherwise one.
 */
static int sweep_one(struct uw_source *s, __u32 at, uint64_t age_ns, struct room *room)
{
	struct uw_owner *owner = &s->shared->owner[at];
	bool marked = __atomic_load_n(&owner->users, __ATOMIC_SEQ_CST) >= UW_OWNER_SWEPT, old;
	__u64 id = __atomic_load_n(&owner->id, __ATOMIC_SEQ_CST);
	int r;

	if (!id && !marked)
		return 0;
	r = uw_bpf_map_lookup(uw_source_map(s, "uw_slots"), &at, &room->slot);
	if (r < 0)
		return r;
	old = id && uw_clock_ns(CLOCK_BOOTTIME) >= room->slot.ev.enter_ns + age_ns;
	if (old && !marked)
		__atomic_add_fetch(&owner->users, UW_OWNER_SWEPT, __ATOMIC_SEQ_CST);
	if (!old && marked)
		__atomic_sub_fetch(&owner->users, UW_OWNER_SWEPT, __ATOMIC_SEQ_CST);
	if (!old || (!marked && age_ns))
		return 0;
	r = hand_over(s, &room->slot, &room->strings);
	free_slot(s, at, id, room->slot.ev.account);
	return r;
}

int uw_source_sweep(struct uw_source *s, uint64_t age_ns)
{
	struct room *room;
	int swept = 0, r = 0;
	__u32 at;

	if (!s->shared || s->foreign)
		return 0;
	room = malloc(sizeof(*room));
	if (!room)
		return -ENOMEM;
	s->enough = false;
	for (at = 0; at < UW_SLOTS && !s->enough && r >= 0; at++) {
		r = sweep_one(s, at, age_ns, room);
		swept += r > 0 ? r : 0;
	}
	free(room);
	return r < 0 ? r : swept;
}

size_t uw_source_in_flight(const struct uw_source *s)
{
	size_t n = 0, at;

	/* Another version may have another layout. */
	if (s->shared_size != sizeof(*s->shared))
		return 1;
	for (at = 0; at < UW_SLOTS; at++)
		n += __atomic_load_n(&s->shared->owner[at].id, __ATOMIC_RELAXED) != 0;
	return n;
}
