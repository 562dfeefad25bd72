/* SPDX-License-Identifier: MIT */
/*
 * The inside of a source, shared by source.c (programs and probes), source_maps.c (maps),
 * source_vfs.c (probes for kernel threads) and source_keep.c (what outlives the process).
 */
#ifndef UW_SOURCE_INTERNAL_H
#define UW_SOURCE_INTERNAL_H

#include <bpf/libbpf.h>

#include "helper/tracefs.h"
#include "probe/attachments.h"
#include "probe/event_next.h"
#include "probe/source.h"

#define LINKS_MAX     24
#define PARTS_MAX     48
#define UW_VFS_PROBES 8

/* A map or a program. */
struct uw_source_part {
	char name[32];
	int fd;
};

/* An attached program; it is detached when nobody has the descriptor open any more. */
struct uw_source_link {
	int fd;
	char event[UW_EVENT_NAME_MAX]; /* of tracefs, made for it; "" none */
};

/* The probes that see kernel threads delete: n are attached, the returns before the entries. */
struct uw_source_vfs {
	struct uw_source_link link[UW_VFS_PROBES];
	size_t n;
	int module_load; /* link, or negative */
};

struct uw_source {
	const struct uw_kernel *kernel;
	struct uw_plan plan;
	struct uw_persistent *persistent;
	uint64_t serial;
	struct bpf_object *object; /* until it is loaded */
	struct uw_source_part maps[PARTS_MAX], programs[PARTS_MAX];
	size_t n_maps, n_programs;
	size_t ring_size;
	struct uw_fdstore *store; /* that it is kept in, or NULL */
	/* Of a source that is only to be read, perhaps of another version: */
	bool retiring;
	bool foreign; /* only its schema says what is in its maps */
	struct uw_event_schema schema;
	struct uw_event *converted;
	struct uw_whole *whole; /* events that others may follow; NULL: none do */
	size_t n_whole;
	struct uw_made_whole made_whole;
	struct ring_buffer *ring;
	struct ring_buffer *modules; /* what uw_source_on_module() tells of, or NULL */
	uw_source_event_fn on_event;
	uw_source_next_fn on_next;
	void *userdata;
	unsigned int budget, read; /* events of the present uw_source_read() */
	unsigned long until;	   /* it ends at this position of the ring buffer */
	bool enough;		   /* on_event wants no more */
	unsigned long *consumed;   /* positions in the ring buffer, or NULL */
	const unsigned long *produced;
	uint32_t active; /* slot of the rule set in force */
	struct uw_shared *
		shared; /* shared with the programs; of another version: NULL, or with its schema */
	size_t shared_size;
	struct uw_source_link links[LINKS_MAX];
	size_t n_links;
	struct uw_source_vfs vfs;
	uw_source_module_fn on_module;
	void *module_userdata;
};

static inline struct uw_share *uw_source_share(const struct uw_source *s, uint32_t account)
{
	return &s->shared->share[uw_share_of(s->shared->control.seed, account)];
}

/*
 * Makes the programs ignore deletions that begin from now on. Detaching the entries would not do:
 * when the kernel rebuilds a function's trampoline, it skips the fexit programs of calls under way
 * (bpf_tramp_image_put() in kernel/bpf/trampoline.c).
 */
void uw_source_ignore(const struct uw_source *source);

/* The descriptor of the map or program of that name, which the source owns; negative: none. */
int uw_source_map(const struct uw_source *source, const char *name);
int uw_source_program(const struct uw_source *source, const char *name);

/* Runs the program on this process. Returns 0 or -errno. */
int uw_source_run(const struct uw_source *source, const char *program);

/* Maps the positions of the ring buffer, for uw_source_usage(). Returns 0 or -errno. */
int uw_source_map_positions(struct uw_source *source);
void uw_source_unmap_positions(struct uw_source *source);

/* Once after loading: fills the stacks of free slots. Returns 0 or -errno. */
int uw_source_prepare_maps(struct uw_source *source);

/* Maps what is shared with the programs. Returns 0 or -errno. */
int uw_source_share_maps(struct uw_source *source);
void uw_source_release_maps(struct uw_source *source);
void uw_source_release_whole(struct uw_source *source);

/* Makes an event at the function's entry or return, and attaches. Returns 0 or -errno. */
int uw_source_attach_function(const struct uw_source *source, const char *program,
			      const char *function, bool at_return, struct uw_source_link *ret);

/* Closes it, and removes its event. */
void uw_source_detach_link(const struct uw_source *source, struct uw_source_link *link);

/* Reads the ring buffers of a source that has its maps. Returns 0 or -errno. */
int uw_source_open_rings(struct uw_source *source);

/* Allocates a source, with what the setup says and otherwise zeroes. NULL: no memory. */
struct uw_source *uw_source_alloc(const struct uw_source_setup *setup);

/* Tells the programs which process this is, and puts the rules in force. Returns 0 or -errno. */
int uw_source_introduce(struct uw_source *source, const struct uw_source_setup *setup,
			char **ret_why);
int uw_source_explain(char **ret_why, int error, const char *what, const char *name);

/* source_keep.c: has systemd keep a probe attached since uw_source_keep(), or drop one, or all. */
void uw_source_keep_vfs(const struct uw_source *source, size_t i);
void uw_source_forget_vfs(const struct uw_source *source, size_t i);
void uw_source_forget(const struct uw_source *source);

/*
 * source_vfs.c: whether a program belongs to it; what to do before the programs are loaded, after
 * that, and once the ring buffer is open; and how to stop, idempotent.
 */
bool uw_source_vfs_wants(const char *program);
int uw_source_vfs_prepare(struct uw_source *source);
int uw_source_vfs_start(struct uw_source *source);
int uw_source_vfs_read(struct uw_source *source);
void uw_source_vfs_stop(struct uw_source *source, bool keep_returns);

#endif
