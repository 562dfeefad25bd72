/* SPDX-License-Identifier: MIT */
/* The memory that the daemon holds while it works. */
#ifndef UW_MEMORY_TRIM_H
#define UW_MEMORY_TRIM_H

/*
 * Gives memory back that was only needed to start, or to attach probes: what libbpf has freed of
 * the kernel's types, and the constants of the program and its libraries, the BPF objects among
 * them, which are read from the file again if need be. Takes a few milliseconds at the most.
 */
void uw_memory_trim(void);

#endif
