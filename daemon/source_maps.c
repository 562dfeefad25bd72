// SPDX-License-Identifier: MIT
/* The maps of a source: rules to the kernel, deletions in flight and counters from it. */
#include "source_maps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "clock.h"

int uw_source_map(const struct uw_source *s, const char *name)
{
	return bpf_object__find_map_fd_by_name(s->object, name);
}

/* Entries of a longest-prefix table, laid out as struct uw_uid_entry and struct uw_path_entry are. */
struct entries {
	const char *map;
	const void *first;
	size_t n, size, key_size, rules_offset;
};

/* A new table in the slot; the kernel waits for programs that still use the old one. */
static int push_table(const struct uw_source *s, __u32 slot, const struct entries *e)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	const char *at = e->first;
	int fd, r = 0;
	size_t i;

	fd = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "uw_table", (__u32)e->key_size, sizeof(__u64),
			    e->n ? (__u32)e->n : 1, &opts);
	if (fd < 0)
		return -errno;
	for (i = 0; i < e->n && !r; i++, at += e->size)
		r = bpf_map_update_elem(fd, at, at + e->rules_offset, BPF_ANY);
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
		.first = filter->uids,
		.n = filter->n_uids,
		.size = sizeof(struct uw_uid_entry),
		.key_size = sizeof(struct uw_uid_key),
		.rules_offset = offsetof(struct uw_uid_entry, rules),
	};
	const struct entries paths = {
		.map = "uw_paths",
		.first = filter->paths,
		.n = filter->n_paths,
		.size = sizeof(struct uw_path_entry),
		.key_size = sizeof(struct uw_path_key),
		.rules_offset = offsetof(struct uw_path_entry, rules),
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

/* Takes the state from the map, so that nobody else finishes it. -ENOENT where somebody has. */
static int take(int fd, const __u64 *key, void *value)
{
	int r = bpf_map_lookup_and_delete_elem(fd, key, value);

	/* Hash maps have it from 5.14. Before, an entry that is minutes old is not in a race. */
	if (r < 0 && r != -ENOENT) {
		r = bpf_map_lookup_elem(fd, key, value);
		if (!r)
			r = bpf_map_delete_elem(fd, key);
	}
	return r;
}

/* As the kernel side would hand it over, with what is known of a deletion in flight. */
static int sweep_one(struct uw_source *s, __u64 key, struct uw_big_state *big)
{
	struct uw_small_state st;
	struct uw_event *ev = &st.ev;
	int r;

	r = take(uw_source_map(s, "uw_states"), &key, &st);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (st.head.big && !take(uw_source_map(s, "uw_big_states"), &key, big)) {
		big->ev = st.ev;
		ev = &big->ev;
	} else if (st.head.big) {
		memset(ev->len, 0, sizeof(ev->len));
		ev->size = 0;
		ev->flags = UW_EV_NAME_FAULT;
	}
	if (ev->op == UW_OP_RENAME && !st.head.victim)
		return 0;
	if (st.head.name_ptr)
		ev->flags |= UW_EV_NAME_FAULT;
	ev->size += (__u32)sizeof(*ev);
	ev->flags |= UW_EV_RET_UNKNOWN;
	ev->rules = st.head.on_success | st.head.on_failure;
	ev->exit_ns = ev->enter_ns;
	s->on_event(ev, ev->size, s->userdata);
	s->swept++;
	return 1;
}

int uw_source_sweep(struct uw_source *s, uint64_t age_ns)
{
	int fd = uw_source_map(s, "uw_states"), swept = 0, r, i;
	struct uw_big_state *big = NULL;
	struct uw_small_state st;
	__u64 key, next, now;
	bool more;

	now = uw_clock_ns(CLOCK_BOOTTIME);
	more = !bpf_map_get_next_key(fd, NULL, &next);
	/* Bounded, as a key that vanishes meanwhile makes the walk start again. */
	for (i = 0; more && i < 2 * UW_SMALL_STATES; i++) {
		key = next;
		more = !bpf_map_get_next_key(fd, &key, &next);
		if (bpf_map_lookup_elem(fd, &key, &st) || now < st.ev.enter_ns + age_ns)
			continue;
		if (!big && !(big = malloc(sizeof(*big))))
			return -ENOMEM;
		r = sweep_one(s, key, big);
		if (r < 0) {
			free(big);
			return r;
		}
		swept += r;
	}
	free(big);
	return swept;
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
	}
	free(values);
	return r;
}
