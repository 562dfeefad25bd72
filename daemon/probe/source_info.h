/* SPDX-License-Identifier: MIT */
/*
 * What a source that systemd keeps says of itself to the next process. Its descriptor is stored
 * last, so a source without this information is incomplete.
 */
#ifndef UW_SOURCE_INFO_H
#define UW_SOURCE_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "probe/event_schema.h"

/* Never changes, so that each version can read that of any other. */
struct uw_source_info {
	uint64_t magic; /* UW_SOURCE_INFO_MAGIC */
	uint64_t build; /* hash of the BPF object */
	uint64_t serial;
	uint64_t ring_size;
	uint32_t choice; /* enum uw_probe_choice, as configured */
	uint32_t probe;	 /* enum uw_probe */
	uint32_t kernel_reads, raw, kthreads;
	uint32_t second_best; /* a better one went blind */
	uint32_t maps, programs, links;
	uint32_t reserved;
	struct uw_event_schema schema; /* of its events */
};

#define UW_SOURCE_INFO_MAGIC UINT64_C(0x7365666e616d7775)

#endif
