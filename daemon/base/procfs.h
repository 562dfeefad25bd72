/* SPDX-License-Identifier: MIT */
/* Facts about a process from /proc, after the event, for what the BPF programs could not read. */
#ifndef UW_PROCFS_H
#define UW_PROCFS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Reads the present working directory of thread tid of process pid, as a path of the daemon's mount
 * namespace, without a NUL. A process that started after before_ns, a time on CLOCK_BOOTTIME, is
 * another one that has reused the pid. Returns the length or -errno; -ENOENT or -ESRCH if the
 * process or the directory is gone.
 */
ssize_t uw_procfs_cwd(uint32_t pid, uint32_t tid, uint64_t before_ns, char *buf, size_t size);

/*
 * Reads the present name of thread tid of process pid, or of the process if tid is 0: at most
 * size - 1 bytes and a NUL; "" if the thread is gone.
 */
void uw_procfs_comm(uint32_t pid, uint32_t tid, char *buf, size_t size);

/* The resident memory of this process in bytes; 0 if it cannot be read. */
size_t uw_procfs_resident(void);

/* What fdinfo says of a descriptor under this name, such as "memlock"; 0 if it says nothing. */
uint64_t uw_procfs_fdinfo(int fd, const char *name);

#endif
