/* SPDX-License-Identifier: MIT */
/* Compiles Path= and ExcludePath= of all rules into the table that the kernel side uses. Pure. */
#ifndef UW_PATH_TABLE_H
#define UW_PATH_TABLE_H

#include <stddef.h>

#include "probe/rule_tables.h"
#include "rules/filter_paths.h"

/*
 * Puts the table into an array that the caller frees. It is empty if paths never decide, or if the
 * mounts are not known. Returns 0 or -ENOMEM.
 */
int uw_path_table_compile(const struct uw_path_rules *rules, struct uw_path_entry **ret,
			  size_t *ret_n);

#endif
