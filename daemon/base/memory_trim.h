/* SPDX-License-Identifier: MIT */
/* Keeps the resident memory of the daemon small. */
#ifndef UW_MEMORY_TRIM_H
#define UW_MEMORY_TRIM_H

/*
 * Returns memory to the kernel that was needed only to start or to attach probes: the heap that
 * libbpf has freed (malloc_trim(3)), and the constant data of the program and its libraries, the
 * BPF objects included, which the kernel can read from the files again. Takes a few milliseconds.
 */
void uw_memory_trim(void);

/*
 * Call it at the start. khugepaged would replace the few pages of the heap that are in use by a
 * huge one at some time, and 1.7 MB more would be resident. Large arrays, such as those for
 * thousands of mounts, are returned to the kernel when they are freed.
 */
void uw_memory_limit_heap(void);

#endif
