/* SPDX-License-Identifier: MIT */
/*
 * The inside of a source, shared by source.c (programs), source_vfs.c (those that come and go) and
 * source_maps.c (maps).
 */
#ifndef UW_SOURCE_MAPS_H
#define UW_SOURCE_MAPS_H

#include <bpf/libbpf.h>

#include "source.h"
#include "tracefs.h"

#define LINKS_MAX     24
#define UW_VFS_PROBES 6

/* The probes that see kernel threads delete: n are attached, the returns before the entries. */
struct uw_source_vfs {
	struct bpf_link *link[UW_VFS_PROBES];
	char event[UW_VFS_PROBES][UW_EVENT_NAME_MAX]; /* of tracefs */
	size_t n;
	struct bpf_link *module_load;
};

struct uw_source {
	const struct uw_kernel *kernel;
	struct bpf_object *object;
	struct ring_buffer *ring;
	uw_source_event_fn on_event;
	void *userdata;
	unsigned int budget, read;		  /* events of the present uw_source_read() */
	bool enough;				  /* on_event wants no more */
	const unsigned long *consumed, *produced; /* positions in the ring buffer, or NULL */
	uint32_t active;			  /* slot of the rule set in force */
	uint64_t swept;				  /* deletions that a sweep took over */
	/* Shared with the programs, or NULL: */
	uint64_t *in_flight;
	struct uw_moves *moves;
	struct bpf_link *links[LINKS_MAX];
	size_t n_links;
	int entries[LINKS_MAX]; /* programs at entries: who misses one misses a deletion */
	size_t n_entries;
	char events[LINKS_MAX][UW_EVENT_NAME_MAX]; /* of tracefs, to be removed */
	size_t n_events;
	struct uw_source_vfs vfs;
	uw_source_module_fn on_module;
	void *module_userdata;
};

/*
 * Has the programs take no notice of what begins from now on. Entries are not detached for that:
 * the kernel skips the fexit programs of calls that are under way when it rebuilds a function's
 * trampoline (bpf_tramp_image_put() in kernel/bpf/trampoline.c).
 */
void uw_source_ignore(const struct uw_source *source);

/* Descriptor of the object's map of that name; the object keeps it. */
int uw_source_map(const struct uw_source *source, const char *name);

/* Maps the positions of the ring buffer, for uw_source_usage(). Returns 0 or -errno. */
int uw_source_map_positions(struct uw_source *source);
void uw_source_unmap_positions(struct uw_source *source);

/* Once after loading: free slots, and what is shared with the programs. Returns 0 or -errno. */
int uw_source_prepare_maps(struct uw_source *source);
void uw_source_release_maps(struct uw_source *source);

/* From now on both probes of moves are attached. */
void uw_source_trust_moves(struct uw_source *source);

/* Attaches the program to an event of tracefs. NULL on failure, with errno set. */
struct bpf_link *uw_source_attach_event(const struct uw_source *source, struct bpf_program *program,
					const char *event);

/*
 * Of source_vfs.c: whether the program is one of its own; what is due before the programs are
 * loaded, and after, if they are wanted; and the end, in one step or two, more are harmless.
 */
bool uw_source_vfs_wants(const char *program);
int uw_source_vfs_prepare(struct uw_source *source);
int uw_source_vfs_start(struct uw_source *source);
void uw_source_vfs_stop(struct uw_source *source, bool keep_returns);

#endif
