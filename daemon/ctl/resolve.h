/* SPDX-License-Identifier: MIT */
/* A path as the kernel would find it, where a part of it may not exist any more. */
#ifndef UW_CTL_RESOLVE_H
#define UW_CTL_RESOLVE_H

/*
 * The absolute path with symbolic links, `.` and `..` followed in as much of it as exists; the
 * caller frees it. NULL where memory is short.
 */
char *uw_resolve(const char *path);

#endif
