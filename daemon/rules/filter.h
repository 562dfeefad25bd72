/* SPDX-License-Identifier: MIT */
/*
 * Compiles rules to what the kernel side looks up, and decides, as the authority, which rules a
 * record matches. Pure: no libbpf, no libsystemd, no log.
 */
#ifndef UW_FILTER_H
#define UW_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "probe/rule_tables.h"
#include "record/record.h"
#include "rules/filter_paths.h"
#include "unlinkwatch.h"

struct uw_filter {
	struct uw_rule_tables
		tables; /* for the kernel; tables.masks.gen and .tree are the caller's */
	bool by_path;	/* some rule has Path= or ExcludePath= */
	/* for the daemon */
	struct uw_path_rules path_rules;
	const struct uw_config *config; /* borrowed: must outlive the filter */
};

/*
 * Compiles the rules of config into *ret; gen is the generation that the kernel stamps on events.
 * env may be NULL: nothing is known then, as if all of it were 0. The configuration and env->mounts
 * must outlive the filter. Where mounts have come or gone, or a symbolic link leads elsewhere, a
 * new filter is due. Returns 0 or -ENOMEM; *ret is only touched on success.
 *
 * A path of a rule means the host's tree: a place, that is a file system and a path in that, which
 * a process may have reached by any other path. The kernel side looks places up in `paths`, and so
 * gets every rule that may want them; it is only less exact than uw_filter_match() where there are
 * globs, or paths of more than UW_KEY_PATH bytes. set.check_paths is 0 where that decides nothing.
 */
int uw_filter_new(const struct uw_config *config, uint32_t gen, const struct uw_filter_env *env,
		  struct uw_filter **ret);

/* Replaces env->mntns, where that is only known later. */
void uw_filter_set_mntns(struct uw_filter *filter, uint32_t mntns);

/* Accepts NULL. */
void uw_filter_free(struct uw_filter *filter);

/*
 * The rules that record matches, a bit each, out of record->rules; 0 means that nobody asked for
 * it. What is not known rules nothing out, as losing a record would be worse than one too many. A
 * result that is not known matches any Result=.
 *
 * By Path= and ExcludePath=:
 * - Of a place that has several paths in the host's tree, any one may be covered by Path=, and any
 * one by ExcludePath=, which wins.
 * - A place that is not in the host's tree, as in a container's own file system, is accepted by the
 *   rules without Path=, and by no other; ExcludePath= has nothing to say about it.
 * - On a file system that the mounts do not have yet, the text of the path decides, if the process
 * is in the host's mount namespace.
 * - A name that did not resolve is taken by its text, from where the host has the directory that it
 *   starts at. A guessed path counts as known.
 * - Where the kernel did not say which file system it was, the text decides.
 * - Without a path, or with one that was cut, and no place either, both keys rule nothing out,
 *   whichever end is missing, since a `..` in the missing part may lead anywhere.
 */
uint64_t uw_filter_match(const struct uw_filter *filter, const struct uw_record *record);

/*
 * The same by the text of its path, for a record whose place the mounts cannot tell, since they
 * were others then: in the host's mount namespace, the kernel has given the host's path. 0 for
 * records of other namespaces.
 */
uint64_t uw_filter_match_path(const struct uw_filter *filter, const struct uw_record *record);

/*
 * A path of the host of the record's place: one that Path= of a rule out of `matches` covers, or
 * any. It is in ret->path. False where the place is not known, or not in the host's tree.
 */
bool uw_filter_host_path(const struct uw_filter *filter, const struct uw_record *record,
			 uint64_t matches, struct uw_host_paths *ret, size_t *ret_len);

/* The rules that accept uid, by the entries that the kernel looks up. Exposed for the tests. */
uint64_t uw_filter_uid_rules(const struct uw_filter *filter, uint32_t uid);

#endif
