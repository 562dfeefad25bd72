/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rules, each a bit of a mask: by operation and result in struct uw_rule_masks, by uid and by
 * path in tables. The kernel side only rules out; the daemon matches what is left.
 */
#ifndef UW_RULES_BPF_H
#define UW_RULES_BPF_H

#include <bpf/bpf_endian.h>

#include "output.bpf.h"
#include "scratch.bpf.h"
#if UW_KERNEL_READS
#include "host_tree.bpf.h"
#endif

struct uid_table {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1);	/* the daemon replaces it by one as large as the rules need */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	/* Sizes, not types: clang leaves the types of an inner map out of the BTF. */
	__uint(key_size, sizeof(struct uw_uid_key));
	__uint(value_size, sizeof(struct uw_uid_value));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, UW_RULESETS);
	__type(key, __u32);
	__array(values, struct uid_table);
} uw_uids SEC(".maps");

struct path_table {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct uw_path_key));
	__uint(value_size, sizeof(struct uw_path_value));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, UW_RULESETS);
	__type(key, __u32);
	__array(values, struct path_table);
} uw_paths SEC(".maps");

static __always_inline struct uw_uid_value look_up_uid(__u32 which, __u32 uid)
{
	struct uw_uid_key key = { .prefixlen = 32, .uid = bpf_htonl(uid) };
	struct uw_uid_value none = {}, *value;
	void *table = bpf_map_lookup_elem(&uw_uids, &which);

	value = table ? bpf_map_lookup_elem(table, &key) : NULL;
	return value ? *value : none;
}

/*
 * Deletions come in a row, so each CPU keeps the last answer. A global function, for want of stack
 * in its callers.
 */
__noinline __u64 uw_find_uid_rules(__u32 which, __u32 gen, __u32 uid, __u32 fsuid)
{
	__u32 index = 0;
	struct scratch *s = take_scratch(&index);
	struct uw_uid_value real, checked;
	__u64 rules = ~0ULL;

	if (s && (s->uid_gen != gen || s->uid != uid || s->fsuid != fsuid)) {
		checked = real = look_up_uid(which, uid);
		if (fsuid != uid)
			checked = look_up_uid(which, fsuid);
		s->uid_rules = uw_uid_rules(&real, &checked);
		s->uid = uid;
		s->fsuid = fsuid;
		s->uid_gen = gen;
	}
	if (s)
		rules = s->uid_rules;
	leave_scratch(s, index);
	return rules;
}

/*
 * The rules of this set that accept the real user and the one that the file system checks, mostly
 * the same. That no rule accepts a user is kept for all CPUs, in one word.
 */
static __always_inline __u64 uid_rules(__u32 which, __u32 gen, __u32 uid, __u32 fsuid)
{
	volatile __u64 *refused = &uw_shared.refused[uid & (UW_REFUSED - 1)];
	__u64 word = (__u64)gen << 32 | uid, rules;

	if (uid == fsuid && *refused == word)
		return 0;
	rules = uw_find_uid_rules(which, gen, uid, fsuid);
	if (!rules && uid == fsuid)
		*refused = word;
	return rules;
}

#if UW_KERNEL_READS
/*
 * The rules that decide the path of the deletion, and the state of the host's tree that they are
 * for. NULL where the daemon has to decide.
 */
static __always_inline struct uw_rule_masks *path_ruleset(const struct uw_slot *slot, __u32 *tree)
{
	struct uw_rule_masks *set = &uw_shared.set[slot->set & (UW_RULESETS - 1)];

	/* Two reloads after the entry, the set holds other rules. */
	if (set->gen != slot->ev.gen || slot->ev.flags & UW_EV_SELFTEST)
		return NULL;
	if (set->tree)
		*tree = host_tree_state();
	return set->check_paths && *tree == set->tree ? set : NULL;
}

/*
 * Looks the target of the walk up in the path table, by its device and its path within that file
 * system. NULL where the table does not know them.
 */
static __always_inline struct uw_path_value *look_up_path(__u32 which, struct walk *w)
{
	__u32 pos = w->pos, len = UW_PATH_MAX + 1 - pos;
	struct super_block *sb = w->sb;
	struct uw_path_key *key;
	void *table;

	table = bpf_map_lookup_elem(&uw_paths, &which);
	if (!table || w->cut || pos >= UW_PATH_MAX)
		return NULL;
	/*
	 * The key is made around the path where it stands. A walk overwrites what is put before it.
	 */
	w->text[UW_PATH_MAX] = '/';
	/* Or clang drops the mask, whose use the verifier sees and clang does not. */
	asm volatile("" : "+r"(pos));
	key = (void *)&w->text[pos & (UW_PATH_MAX - 1)] - sizeof(w->lead);
	if (len > UW_KEY_PATH)
		len = UW_KEY_PATH;
	key->prefixlen = 8 * (sizeof(key->dev) + len);
	key->dev = BPF_CORE_READ(sb, s_dev);
	return bpf_map_lookup_elem(table, key);
}

/* Whether rules are about what is below the target itself. */
static __always_inline bool has_rules_below(const struct uw_path_value *v, const struct walk *w)
{
	__u32 len = UW_PATH_MAX + 1 - w->pos;

	return len > UW_KEY_PATH || (v->len == len && v->deeper);
}

/* Whether the answer for a name in a directory holds for all names in it. */
static __always_inline bool holds_for_dir(const struct uw_path_value *v, const struct walk *w)
{
	__u32 file = UW_PATH_MAX + 1 - w->pos, dir = file - w->last - 1;

	return file <= UW_KEY_PATH && (v->len < dir || (v->len == dir && !v->deeper));
}

/* What the table says of the place that the walk leads to. */
static __always_inline struct decision decide(__u32 which, struct walk *w)
{
	struct decision d = { .rules = ~0ULL };
	struct uw_path_value *value = look_up_path(which, w);

	if (value) {
		d.rules = value->rules;
		d.holds = holds_for_dir(value, w);
		d.below = has_rules_below(value, w);
	}
	return d;
}
#endif

#endif
