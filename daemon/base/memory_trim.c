// SPDX-License-Identifier: MIT
#include "base/memory_trim.h"

#include <elf.h>
#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define MMAP_THRESHOLD (128 << 10)

/* The kernel reads unmodified pages of a private file mapping again on the next access. */
static int release_constants(struct dl_phdr_info *object, size_t size, void *userdata)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from, to;
	ElfW(Half) i;

	(void)size, (void)userdata;
	for (i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];

		/* Skip code: a debugger or a uprobe may have modified it. */
		if (segment->p_type != PT_LOAD || segment->p_flags != PF_R)
			continue;
		from = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
		to = object->dlpi_addr + segment->p_vaddr + segment->p_filesz;
		madvise((void *)from, to - from, MADV_DONTNEED);
	}
	return 0;
}

void uw_memory_trim(void)
{
	malloc_trim(0);
	dl_iterate_phdr(release_constants, NULL);
}

void uw_memory_limit_heap(void)
{
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	/* malloc(3) would raise this to the size of the largest array that was freed. */
	mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
}
