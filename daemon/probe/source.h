/* SPDX-License-Identifier: MIT */
/*
 * Loads and attaches the BPF programs of one plan, hands over the events in the ring buffer, swaps
 * rule sets and reads the counters. The only module that knows the BPF objects.
 */
#ifndef UW_SOURCE_H
#define UW_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "probe/kernel.h"
#include "probe/rule_tables.h"
#include "probe/source_info.h"
#include "state/fdstore.h"
#include "state/persistent.h"
#include "state/stats.h"

struct uw_source;

/* Gets the bytes of one event, which are only valid during the call. */
typedef void (*uw_source_event_fn)(const void *data, size_t size, void *userdata);

/*
 * Gets a part of an event, which follows the event `first`. Returns false to get the whole event
 * instead.
 */
typedef bool (*uw_source_next_fn)(const struct uw_next *next, const struct uw_event *first,
				  void *userdata);

/* What a source is made of. kernel and persistent must outlive it. */
struct uw_source_setup {
	const struct uw_kernel *kernel;
	const struct uw_plan *plan;
	size_t ring_size; /* bytes */
	enum uw_detail detail;
	const struct uw_rule_tables *tables;
	uw_source_event_fn on_event;
	uw_source_next_fn on_next; /* NULL: all events are whole */
	void *userdata;
	struct uw_persistent *persistent; /* where it is noted what was taken; NULL: nowhere */
};

/*
 * Loads the programs of the plan, tells them how much detail to read, puts the rules in force and
 * attaches. On failure returns -errno and a sentence that says what failed in *ret_why, which the
 * caller frees.
 */
int uw_source_new(const struct uw_source_setup *setup, struct uw_source **ret, char **ret_why);

/*
 * Has systemd keep the source for the next process. `info` says what that needs to know to choose;
 * the rest of it is filled in here. From now on only uw_source_stop() detaches the probes.
 * Returns 0, or -errno where something could not be handed to systemd.
 */
int uw_source_keep(struct uw_source *source, struct uw_fdstore *store,
		   const struct uw_source_info *info);

/*
 * Finds the newest complete source that an earlier process has kept, with a serial below `below`.
 * False if there is none.
 */
bool uw_source_find_kept(const struct uw_fdstore *store, uint64_t below,
			 struct uw_source_info *ret);

/*
 * Takes over a source that was kept: as uw_source_new(), but nothing is loaded or attached. With
 * setup->tables NULL, the source stops seeing deletions and can only be read; systemd drops its
 * descriptors when it is freed.
 */
int uw_source_adopt(const struct uw_source_setup *setup, struct uw_fdstore *store,
		    const struct uw_source_info *info, struct uw_source **ret, char **ret_why);

/* Numbers sources from 1, across processes, in the order in which they were made. */
uint64_t uw_source_serial(const struct uw_source *source);

/* A hash of the BPF object that the plan loads. */
uint64_t uw_source_build(const struct uw_plan *plan);

/*
 * Ignores deletions that begin from now on, waits at most 100 ms for those in flight, and detaches
 * the probes. Events that they wrote can still be read. Idempotent.
 */
void uw_source_stop(struct uw_source *source);

/* Detaches the probes, unless they are kept, and frees. Accepts NULL. */
void uw_source_free(struct uw_source *source);

/*
 * Attach and detach the probes for deletions by kernel threads, for a plan that has `kthreads`. The
 * first returns 0, or -errno with nothing attached. A deletion that is in flight at the second is
 * left for uw_source_sweep().
 */
int uw_source_watch_kthreads(struct uw_source *source);
void uw_source_leave_kthreads(struct uw_source *source);

/* Tells the programs where nfsd and ksmbd have the addresses of their clients. */
void uw_source_set_servers(struct uw_source *source, const struct uw_server_offsets *offsets);

/*
 * Whether the programs see every directory that moves, so that they may cache paths. Without the
 * hook of renames they never do.
 */
void uw_source_trust_renames(struct uw_source *source, bool trust);

/* How many directories have begun to move, and have moved, as far as the programs have seen. */
struct uw_source_moves {
	uint64_t begun, done;
};

void uw_source_moves(const struct uw_source *source, struct uw_source_moves *ret);

/* Whether all of them are attached, perhaps by another process. */
bool uw_source_watches_kthreads(const struct uw_source *source);

/*
 * Has uw_source_read() call fn when the kernel has loaded a module and is about to start it, for a
 * plan that has `kthreads`.
 */
typedef void (*uw_source_module_fn)(void *userdata);
void uw_source_on_module(struct uw_source *source, uw_source_module_fn fn, void *userdata);

/* A descriptor that polls readable when there are events; the source keeps it. */
int uw_source_fd(const struct uw_source *source);

/*
 * Hands at most max events to on_event, of those that have been written when it is called, so that
 * it ends however fast others come. Returns how many or -errno.
 */
int uw_source_read(struct uw_source *source, unsigned int max);

/* The same for events before a position that uw_source_written() returned. */
int uw_source_read_until(struct uw_source *source, unsigned int max, unsigned long until);

/* The position in the ring buffer, in bytes, of the next event. It may wrap. */
unsigned long uw_source_written(const struct uw_source *source);

/* Whether all events before the position have been read. */
bool uw_source_has_read(const struct uw_source *source, unsigned long position);

/* Called by on_event: the present uw_source_read() or uw_source_sweep() ends after this event. */
void uw_source_enough(struct uw_source *source);

/*
 * Puts other rules, and the detail to read, in force in one step. Each event is decided by the old
 * rules or by the new ones, and carries their generation. Returns 0, or -errno with the old rules
 * still in force.
 */
int uw_source_set_tables(struct uw_source *source, const struct uw_rule_tables *tables,
			 enum uw_detail detail);

/* Puts tables->masks in force, if nothing else of the rules has changed. */
void uw_source_set_state(struct uw_source *source, const struct uw_rule_tables *tables);

/*
 * Makes the kernel count changes of these paths instead of the previous ones. Returns 0 or -errno.
 */
int uw_source_set_path_deps(struct uw_source *source, const struct uw_path_deps *deps);

/* How many changes of path_deps have begun, modulo 2^32. Costs no system call. */
uint32_t uw_source_dep_changes(const struct uw_source *source);

/* Reads the state of the host's tree from the kernel side. Returns 0 or -errno. */
int uw_source_tree(const struct uw_source *source, struct uw_host_tree *ret);

/*
 * While out is true, deletions by the thread that made the source arrive as events with
 * UW_EV_SELFTEST, whatever the rules, and are not counted. While it is false, the kernel side
 * ignores all deletions of the daemon.
 */
void uw_source_set_selftest(struct uw_source *source, bool out);

/*
 * From now on each event is sent whole: the next process may be of another version. Events that
 * were sent before are to be read by this one.
 */
void uw_source_send_whole(struct uw_source *source);

/*
 * Hands over the deletions that began more than age_ns ago and never returned, with an unknown
 * result. Their return was missed, and their thread has deleted nothing since. Returns how many, or
 * -errno.
 */
int uw_source_sweep(struct uw_source *source, uint64_t age_ns);

/*
 * Reads the counters, summed over all CPUs, by enum uw_counter. UW_CNT_SEEN is read last, so that
 * it is never less than the sum of the outcomes. See uw_stats_count_once(). Returns 0 or -errno.
 */
int uw_source_counters(const struct uw_source *source, uint64_t ret[UW_CNT_MAX]);

/* Takes from the kernel side who has lost events since the last call. */
void uw_source_take_losers(struct uw_source *source, struct uw_losers *ret);

/* How full the ring buffer is. */
struct uw_source_usage {
	size_t ring_size, ring_used;	 /* bytes */
	unsigned long written, consumed; /* bytes since the start */
};

void uw_source_usage(const struct uw_source *source, struct uw_source_usage *ret);

/*
 * The kernel's memory for the maps beside the ring buffer, and for the programs, in bytes, as
 * fdinfo has it ("memlock").
 */
uint64_t uw_source_memory(const struct uw_source *source);

/*
 * How many deletions have a slot, of UW_SLOTS: looks at each slot. Of a source of another version:
 * 1 where there are any, or that is not known.
 */
size_t uw_source_in_flight(const struct uw_source *source);

#endif
