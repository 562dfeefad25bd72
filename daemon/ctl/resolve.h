/* SPDX-License-Identifier: MIT */
/* Resolves a path as the kernel would, though part of it may no longer exist. */
#ifndef UW_CTL_RESOLVE_H
#define UW_CTL_RESOLVE_H

/*
 * The absolute path with symbolic links, `.` and `..` followed as far as it exists. The caller
 * frees it. NULL if memory is short.
 */
char *uw_resolve(const char *path);

#endif
