/* SPDX-License-Identifier: MIT */
/*
 * Compiles rules to tables for the kernel side, and decides which rules a record matches. The
 * kernel side only filters in advance; the decision here is final. Pure.
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
		tables;	      /* for the kernel; the caller sets tables.masks.gen and .tree */
	bool by_path;	      /* some rule has Path= or ExcludePath= */
	uint64_t by_ancestor; /* rules that have Ancestor= */
	struct uw_path_rules path_rules;
	const struct uw_config *config; /* borrowed: must outlive the filter */
};

/*
 * Compiles the rules of config into *ret. The kernel stamps the generation gen on events. env may
 * be NULL, which is the same as all zeroes. The configuration and env->mounts must outlive the
 * filter. After a change of the mounts or of a symbolic link the caller needs a new filter. Returns
 * 0 or -ENOMEM; *ret is only touched on success.
 *
 * A path of a rule is a path of the host's tree. It stands for a place: a file system and a path
 * within it, which a process may reach by other paths. The kernel side looks places up in
 * tables.paths. It finds every rule that may want a place, and more rules than uw_filter_match()
 * only for globs and for paths of more than UW_KEY_PATH bytes. tables.masks.check_paths is 0 if the
 * look-up would never exclude anything.
 */
int uw_filter_new(const struct uw_config *config, uint32_t gen, const struct uw_filter_env *env,
		  struct uw_filter **ret);

/* Sets env->mntns, for a caller that learns it later. */
void uw_filter_set_mntns(struct uw_filter *filter, uint32_t mntns);

/* Frees the table of paths, which only the kernel side needs. */
void uw_filter_drop_paths(struct uw_filter *filter);

/* Accepts NULL. */
void uw_filter_free(struct uw_filter *filter);

/*
 * Returns those of record->rules that the record matches, one bit each; 0 means that no rule asks
 * for it. Unknown values exclude nothing, since a lost record is worse than one too many: an
 * unknown result matches any Result=.
 *
 * The user is the real one and the one that the file system checked: User= has to have one of them,
 * and ExcludeUser= both. A rename is judged by record->path alone; see uw_record_swap().
 *
 * Path= and ExcludePath= decide as follows:
 * - With a directory that moves, the names below it move, so a path of Path= below it counts, too.
 * - If a place has several paths in the host's tree, one that Path= covers is enough, and so is one
 *   that ExcludePath= covers. ExcludePath= wins. A path that another mount hides counts for Path=
 *   alone.
 * - A place outside the host's tree, such as one in a container's own file system, matches the
 *   rules without Path= and no others. ExcludePath= does not apply to it.
 * - A file on overlayfs has a second place, in the upper directory. A rule that accepts either of
 *   the two wants the record.
 * - On a file system that is not among the mounts yet, the text of the path decides if it is on a
 *   mount of the host's namespace.
 * - If upper and lower case may be the same, Path= ignores case, and ExcludePath= does not. See
 *   uw_pattern_set_may_cover().
 * - For a name that did not resolve, its text decides, starting at the host's path of the directory
 *   that it is relative to. A guessed path counts as known.
 * - If the kernel did not report the file system, the text of the path decides.
 * - If the kernel found the target and only the beginning of its path is missing, every rule
 * matches with a path that may be on the target's file system. ExcludePath= does not apply.
 * - If neither the place nor the whole path is known otherwise, the two keys exclude nothing: a
 * `..` in the missing part may lead anywhere. The same holds for a record that is `unplaced`, and
 * for a detached one whose file system is not among the mounts: it may have been the host's a
 * moment ago.
 */
uint64_t uw_filter_match(const struct uw_filter *filter, const struct uw_record *record);

/* The same without regard to paths. */
uint64_t uw_filter_match_but_path(const struct uw_filter *filter, const struct uw_record *record);

/*
 * The same by the text of the path alone, for a record from before the mounts changed, when its
 * place had other paths. In the host's mount namespace the kernel reported the path that held then.
 * Returns 0 for records of other namespaces.
 */
uint64_t uw_filter_match_path(const struct uw_filter *filter, const struct uw_record *record);

/*
 * Puts a host path of the record's place into ret->path: one that Path= of a rule in `matches`
 * covers, otherwise any, and a visible one rather than a hidden one. Returns false if the place is
 * not known or not in the host's tree.
 */
bool uw_filter_host_path(const struct uw_filter *filter, const struct uw_record *record,
			 uint64_t matches, struct uw_host_paths *ret, size_t *ret_len);

/*
 * Returns the length of a directory of the record's path. All that is below it, and differs from
 * the record in the path alone, matches the same rules, and has the host path that replaces the
 * same beginning of its path. 0 if there is none.
 */
size_t uw_filter_top(const struct uw_filter *filter, const struct uw_record *record);

/* Returns the rules that accept the two users, by the kernel's table. Public for the tests. */
uint64_t uw_filter_uid_rules(const struct uw_filter *filter, uint32_t uid, uint32_t fsuid);

#endif
