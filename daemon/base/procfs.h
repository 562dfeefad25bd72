/* SPDX-License-Identifier: MIT */
/* What /proc still knows about a process after the event: the fallback where the kernel side may
 * not read. */
#ifndef UW_PROCFS_H
#define UW_PROCFS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The working directory that thread tid of process pid has now, as a path of this process's mount
 * namespace, without a NUL. before_ns is a time on CLOCK_BOOTTIME at which the process
 * must have existed already: one that started later has got the number of one that is gone. Returns
 * the length or -errno: -ENOENT or -ESRCH where the process or the directory is gone.
 */
ssize_t uw_procfs_cwd(uint32_t pid, uint32_t tid, uint64_t before_ns, char *buf, size_t size);

/*
 * The name of thread tid of process pid, or of the process where tid is 0, as it is now: at most
 * size - 1 bytes and a NUL, "" where the thread is gone.
 */
void uw_procfs_comm(uint32_t pid, uint32_t tid, char *buf, size_t size);

#endif
