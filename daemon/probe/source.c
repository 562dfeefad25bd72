// SPDX-License-Identifier: MIT
#include "probe/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "base/cpus.h"
#include "base/hash.h"
#include "base/priority.h"
#include "helper/helper_client.h"
#include "probe/event_next.h"
#include "probe/attachments.h"
#include "probe/rawtp.h"
#include "probe/source_internal.h"
#include "unlinkwatch.skel.h"
#include "unlinkwatch_plain.skel.h"
#include "unlinkwatch_raw.skel.h"

#define STOP_STEPS   20
#define STOP_STEP_NS 5000000

/* A source of another version gets longer, since its deletions in flight cannot be taken over. */
#define FOREIGN_STEPS 400

/* The first warning of libbpf, which says more about a failure than an errno. */
static char libbpf_said[256];

static int keep_warning(enum libbpf_print_level level, const char *format, va_list args)
{
	if (getenv("UNLINKWATCH_LIBBPF_LOG"))
		return vfprintf(stderr, format, args);
	if (level == LIBBPF_WARN && !libbpf_said[0])
		vsnprintf(libbpf_said, sizeof(libbpf_said), format, args);
	return 0;
}

int uw_source_explain(char **ret_why, int error, const char *what, const char *name)
{
	libbpf_said[strcspn(libbpf_said, "\n")] = '\0';
	if (asprintf(ret_why, "%s%s%s: %s%s%s%s", what, name ? " " : "", name ? name : "",
		     strerror(-error), libbpf_said[0] ? " (" : "", libbpf_said,
		     libbpf_said[0] ? ")" : "") < 0)
		*ret_why = NULL;
	return error;
}

/* The user has so much more room again. */
static void give_back(struct uw_source *s, const struct uw_event *ev, size_t room)
{
	struct uw_share *share = uw_source_share(s, ev->account);

	__atomic_add_fetch(&share->all.taken, (__s64)room, __ATOMIC_RELAXED);
	if (ev->ret)
		__atomic_add_fetch(&share->failed.taken, (__s64)room, __ATOMIC_RELAXED);
}

static void take_whole(struct uw_source *s, const void *data, size_t size)
{
	size_t converted = 0;

	if (s->retiring)
		converted = uw_event_schema_convert(&s->schema, data, size, s->converted);
	if (converted)
		s->on_event(s->converted, converted, s->userdata);
	else if (!s->retiring || size >= s->schema.event_size)
		s->on_event(data, size, s->userdata);
	else if (size >= sizeof(struct uw_next))
		s->on_event(data, 0, s->userdata); /* a part of an event of another version */
}

static void take_sample(struct uw_source *s, const void *data, size_t size)
{
	size_t room = uw_ring_room((__u32)size);
	const struct uw_whole *first;

	if (!s->whole || !uw_event_is_next(data, size)) {
		if (s->whole)
			uw_event_remember(s->whole, s->n_whole, data, size);
		if (!s->retiring && size >= sizeof(struct uw_event))
			give_back(s, data, room);
		take_whole(s, data, size);
		return;
	}
	first = uw_event_first(s->whole, s->n_whole, data, size);
	if (!first) {
		s->on_event(data, 0, s->userdata);
		return;
	}
	if (!s->retiring)
		give_back(s, &first->ev, room);
	if (!s->on_next || !s->on_next(data, &first->ev, s->userdata))
		take_whole(s, &s->made_whole, uw_event_make_whole(first, data, &s->made_whole));
}

static int on_sample(void *ctx, void *data, size_t size)
{
	struct uw_source *s = ctx;

	if (s->persistent)
		uw_persistent_next(s->persistent,
				   (struct uw_taken){ s->serial,
						      *s->consumed + uw_ring_room((__u32)size) });
	take_sample(s, data, size);
	if (s->persistent)
		uw_persistent_next(s->persistent, (struct uw_taken){ 0 });
	s->read++;
	/* A negative value ends ring_buffer__consume() after this event. */
	return s->enough || s->read == s->budget ||
			       (long)(*s->consumed + uw_ring_room((__u32)size) - s->until) >= 0
		       ? -ECANCELED
		       : 0;
}

static bool wants(const struct uw_plan *plan, const char *program)
{
	size_t i;

	for (i = 0; i < UW_N_ATTACHMENTS; i++)
		if (uw_attachment_belongs(&uw_attachments[i], plan) &&
		    !strcmp(uw_attachments[i].program, program))
			return true;
	return !strcmp(program, "uw_thread_exit") || !strcmp(program, "uw_read_tree") ||
	       !strcmp(program, "uw_whoami") || (plan->kthreads && uw_source_vfs_wants(program));
}

/* Sets the functions that fentry programs are loaded for. */
static int set_targets(struct uw_source *s, const struct uw_plan *plan)
{
	int r = 0;
	size_t i;

	for (i = 0; i < UW_N_ATTACHMENTS && r >= 0; i++) {
		const struct uw_attachment *a = &uw_attachments[i];
		struct bpf_program *program;

		if (!uw_attachment_belongs(a, plan) || a->kprobe)
			continue;
		program = bpf_object__find_program_by_name(s->object, a->program);
		if (plan->functions[a->function])
			r = bpf_program__set_attach_target(program, 0,
							   plan->functions[a->function]);
		else
			bpf_program__set_autoload(program, false);
	}
	return r;
}

static int resize(struct uw_source *s, const char *map, size_t entries)
{
	return bpf_map__set_max_entries(bpf_object__find_map_by_name(s->object, map),
					(__u32)entries);
}

/* Sizes the maps that have an entry for each scratch space. */
static int size_scratch(struct uw_source *s)
{
	size_t cpus = uw_cpus_end(), shared = UW_SHARED_SCRATCHES(cpus), n = cpus + shared;
	int r;

	if (!cpus)
		return -ENODATA;
	r = resize(s, "uw_scratch", n);
	if (r >= 0)
		r = resize(s, "uw_scratch_free", shared);
	if (r >= 0)
		r = resize(s, "uw_slots", UW_SLOTS + n);
	if (r < 0 || !bpf_object__find_map_by_name(s->object, "uw_whole"))
		return r;
	r = resize(s, "uw_whole", n);
	return r < 0 ? r : resize(s, "uw_walks", 2 * n);
}

static const void *object_of(const struct uw_plan *plan, size_t *ret_size)
{
	return plan->raw	    ? unlinkwatch_raw_bpf__elf_bytes(ret_size)
	       : plan->kernel_reads ? unlinkwatch_bpf__elf_bytes(ret_size)
				    : unlinkwatch_plain_bpf__elf_bytes(ret_size);
}

uint64_t uw_source_build(const struct uw_plan *plan)
{
	size_t size;
	const void *object = object_of(plan, &size);

	return uw_hash(UW_HASH_START, object, size);
}

static int open_object(struct uw_source *s, const struct uw_plan *plan, size_t ring_size,
		       char **ret_why)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "unlinkwatch");
	struct bpf_program *program;
	const void *bytes;
	size_t size;
	int r;

	if (plan->raw && uw_rawtp_register() < 0)
		return uw_source_explain(ret_why, -errno, "cannot prepare for raw tracepoints",
					 NULL);
	bytes = object_of(plan, &size);
	s->object = bpf_object__open_mem(bytes, size, &opts);
	if (!s->object)
		return uw_source_explain(ret_why, -errno, "cannot open the BPF object", NULL);

	bpf_object__for_each_program(program, s->object)
		bpf_program__set_autoload(program, wants(plan, bpf_program__name(program)));
	r = plan->raw ? uw_rawtp_prepare(s->object) : 0;
	if (r < 0)
		return uw_source_explain(ret_why, r,
					 "cannot find the tracepoints of all system calls", NULL);
	r = plan->probe == UW_PROBE_FENTRY ? set_targets(s, plan) : 0;
	if (r < 0)
		return uw_source_explain(ret_why, r, "cannot find the functions", NULL);
	r = resize(s, "uw_events", ring_size);
	if (r < 0)
		return uw_source_explain(ret_why, r, "cannot set the size of the ring buffer",
					 NULL);
	r = size_scratch(s);
	if (r < 0)
		return uw_source_explain(ret_why, r, "cannot set the number of CPUs", NULL);
	r = plan->kthreads ? uw_source_vfs_prepare(s) : 0;
	return r < 0 ? uw_source_explain(ret_why, r, "cannot prepare for kernel threads", NULL) : 0;
}

static int add_part(struct uw_source_part parts[PARTS_MAX], size_t *n, const char *name, int fd)
{
	if (fd < 0 || *n == PARTS_MAX)
		return 0;
	snprintf(parts[*n].name, sizeof(parts[*n].name), "%s", name);
	parts[*n].fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (parts[*n].fd < 0)
		return -errno;
	(*n)++;
	return 0;
}

/*
 * Takes our maps, the programs' global data, and the loaded programs out of the object, and frees
 * it: libbpf keeps a copy of all instructions there.
 */
static int take_parts(struct uw_source *s)
{
	struct bpf_program *program = NULL;
	struct bpf_map *map = NULL;
	int r = 0;

	while (!r && (map = bpf_object__next_map(s->object, map)))
		if (!strncmp(bpf_map__name(map), "uw_", 3))
			r = add_part(s->maps, &s->n_maps, bpf_map__name(map), bpf_map__fd(map));
	map = bpf_object__find_map_by_name(s->object, ".bss");
	if (!r)
		r = add_part(s->maps, &s->n_maps, "uw_shared", map ? bpf_map__fd(map) : -ENOENT);
	while (!r && (program = bpf_object__next_program(s->object, program)))
		r = add_part(s->programs, &s->n_programs, bpf_program__name(program),
			     bpf_program__fd(program));
	bpf_object__close(s->object);
	s->object = NULL;
	return r;
}

int uw_source_open_rings(struct uw_source *s)
{
	int r;

	s->ring = ring_buffer__new(uw_source_map(s, "uw_events"), on_sample, s, NULL);
	r = s->ring ? uw_source_map_positions(s) : -errno;
	return r < 0 || !s->plan.kthreads ? r : uw_source_vfs_read(s);
}

static int load(struct uw_source *s, const struct uw_plan *plan, size_t ring_size, char **ret_why)
{
	int r = open_object(s, plan, ring_size, ret_why);
	bool had_priority;

	if (r < 0)
		return r;
	/* The verifier takes seconds. */
	had_priority = uw_priority_drop();
	r = bpf_object__load(s->object);
	if (had_priority)
		uw_priority_take();
	if (r < 0)
		return uw_source_explain(ret_why, r, "the kernel does not accept the BPF programs",
					 NULL);
	r = take_parts(s);
	if (r >= 0)
		r = uw_source_prepare_maps(s);
	if (r >= 0)
		r = uw_source_share_maps(s);
	if (r < 0)
		return uw_source_explain(ret_why, r, "cannot prepare the maps", NULL);
	s->shared->rename_seq.begun = s->shared->rename_seq.done = 1;
	s->shared->control.ring_size = ring_size;
	if (getrandom(&s->shared->control.seed, sizeof(s->shared->control.seed), GRND_NONBLOCK) < 0)
		s->shared->control.seed = uw_clock_ns(CLOCK_MONOTONIC);
	r = uw_source_open_rings(s);
	if (r < 0)
		return uw_source_explain(ret_why, r, "cannot map the ring buffer", NULL);
	r = plan->kthreads ? uw_source_vfs_start(s) : 0;
	return r < 0 ? uw_source_explain(ret_why, r, "cannot watch for modules", NULL) : 0;
}

/* Tells the programs which process and thread this is. */
int uw_source_introduce(struct uw_source *s, const struct uw_source_setup *setup, char **ret_why)
{
	int r = uw_source_run(s, "uw_whoami");

	if (r < 0)
		return uw_source_explain(
			ret_why, r, "the kernel does not run a BPF program for the daemon", NULL);
	r = uw_source_set_tables(s, setup->tables, setup->detail);
	return r < 0 ? uw_source_explain(ret_why, r, "cannot hand the rules to the kernel", NULL)
		     : 0;
}

int uw_source_attach_function(const struct uw_source *s, const char *program, const char *function,
			      bool at_return, struct uw_source_link *ret)
{
	struct uw_source_link link;

	link.fd = uw_helper_probe(&s->kernel->root, function, at_return,
				  uw_source_program(s, program), link.event);
	if (link.fd < 0)
		return link.fd;
	*ret = link;
	return 0;
}

/* Attaches the program to what it was loaded for, or to the raw tracepoint. */
static int attach_raw(const struct uw_source *s, const char *program, const char *tracepoint,
		      struct uw_source_link *ret)
{
	int fd = bpf_raw_tracepoint_open(tracepoint, uw_source_program(s, program));

	if (fd < 0)
		return fd;
	*ret = (struct uw_source_link){ .fd = fd };
	return 0;
}

static int attach_one(struct uw_source *s, const struct uw_plan *plan,
		      const struct uw_attachment *a)
{
	struct uw_source_link *link = &s->links[s->n_links];
	int r;

	if (uw_source_program(s, a->program) < 0 || s->n_links == LINKS_MAX)
		return -ENOENT;
	if (!a->raw && !a->event && !plan->functions[a->function])
		return -ENOENT;
	if (a->raw || (a->probe == UW_PROBE_FENTRY && !a->kprobe)) {
		r = attach_raw(s, a->program, NULL, link);
	} else if (a->event) {
		r = uw_helper_attach(&s->kernel->root, a->event, uw_source_program(s, a->program));
		*link = (struct uw_source_link){ .fd = r };
	} else {
		r = uw_source_attach_function(s, a->program, plan->functions[a->function], a->leave,
					      link);
	}
	s->n_links += r >= 0;
	return r;
}

static int attach(struct uw_source *s, const struct uw_plan *plan, char **ret_why)
{
	size_t i;
	int r;

	r = attach_raw(s, "uw_thread_exit", plan->raw ? NULL : "sched_process_exit",
		       &s->links[s->n_links]);
	if (r < 0)
		return uw_source_explain(ret_why, r, "cannot attach to", "sched_process_exit");
	s->n_links++;

	for (i = 0; i < UW_N_ATTACHMENTS; i++) {
		const struct uw_attachment *a = &uw_attachments[i];

		if (!uw_attachment_belongs(a, plan))
			continue;
		r = attach_one(s, plan, a);
		if (r < 0 && a->optional && (r == -ENOENT || a->kprobe))
			continue;
		if (r < 0)
			return uw_source_explain(ret_why, r, "cannot attach to",
						 a->event ? a->event
							  : plan->functions[a->function]);
	}
	return 0;
}

void uw_source_detach_link(const struct uw_source *s, struct uw_source_link *link)
{
	close(link->fd);
	link->fd = -EBADF;
	if (link->event[0])
		uw_helper_remove(&s->kernel->root, link->event);
}

int uw_source_new(const struct uw_source_setup *setup, struct uw_source **ret, char **ret_why)
{
	const struct uw_plan *plan = setup->plan;
	struct uw_source *s;
	int r;

	*ret_why = NULL;
	libbpf_said[0] = '\0';
	libbpf_set_print(keep_warning);
	s = uw_source_alloc(setup);
	if (!s)
		return -ENOMEM;
	if (s->persistent)
		s->serial = ++s->persistent->words->serial;

	r = load(s, plan, setup->ring_size, ret_why);
	if (r >= 0)
		r = uw_source_introduce(s, setup, ret_why);
	if (r >= 0) {
		uw_helper_clean(&setup->kernel->root);
		r = attach(s, plan, ret_why);
	}
	if (r < 0) {
		uw_source_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct uw_source *uw_source_alloc(const struct uw_source_setup *setup)
{
	struct uw_source *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->kernel = setup->kernel;
	s->plan = *setup->plan;
	s->ring_size = setup->ring_size;
	s->on_event = setup->on_event;
	s->on_next = setup->on_next;
	s->userdata = setup->userdata;
	s->persistent = setup->persistent;
	s->vfs.module_load = -EBADF;
	return s;
}

uint64_t uw_source_serial(const struct uw_source *s)
{
	return s->serial;
}

static void detach(struct uw_source *s)
{
	while (s->n_links)
		uw_source_detach_link(s, &s->links[--s->n_links]);
}

void uw_source_stop(struct uw_source *s)
{
	struct timespec step = { .tv_nsec = STOP_STEP_NS };
	int i;

	if (!s->n_links)
		return;
	uw_source_ignore(s);
	/* A probe stays attached while systemd keeps its descriptor. */
	uw_source_forget(s);
	uw_source_vfs_stop(s, true);
	for (i = 0; i < (s->foreign ? FOREIGN_STEPS : STOP_STEPS) && (!i || uw_source_in_flight(s));
	     i++)
		nanosleep(&step, NULL);
	detach(s);
	uw_source_vfs_stop(s, false);
}

static void close_parts(struct uw_source_part *parts, size_t n)
{
	while (n)
		close(parts[--n].fd);
}

void uw_source_free(struct uw_source *s)
{
	if (!s)
		return;
	/* Probes that systemd keeps are in use: their events stay. */
	if (!s->store) {
		uw_source_vfs_stop(s, false);
		detach(s);
	}
	ring_buffer__free(s->ring);
	ring_buffer__free(s->modules);
	uw_source_release_maps(s);
	uw_source_unmap_positions(s);
	close_parts(s->maps, s->n_maps);
	close_parts(s->programs, s->n_programs);
	bpf_object__close(s->object);
	free(s->converted);
	free(s);
}

int uw_source_fd(const struct uw_source *s)
{
	return ring_buffer__epoll_fd(s->ring);
}

unsigned long uw_source_written(const struct uw_source *s)
{
	return __atomic_load_n(s->produced, __ATOMIC_ACQUIRE);
}

bool uw_source_has_read(const struct uw_source *s, unsigned long position)
{
	return (long)(__atomic_load_n(s->consumed, __ATOMIC_ACQUIRE) - position) >= 0;
}

int uw_source_read_until(struct uw_source *s, unsigned int max, unsigned long until)
{
	int r = 0;

	/* Apart, since the end of one ring buffer would leave the other one unread. */
	if (s->modules)
		r = ring_buffer__consume(s->modules);
	if (r < 0 || uw_source_has_read(s, until))
		return r < 0 ? r : 0;
	s->budget = max;
	s->until = until;
	s->read = 0;
	s->enough = false;
	r = ring_buffer__consume(s->ring);
	return r == -ECANCELED ? (int)s->read : r;
}

int uw_source_read(struct uw_source *s, unsigned int max)
{
	return uw_source_read_until(s, max, uw_source_written(s));
}

void uw_source_enough(struct uw_source *s)
{
	s->enough = true;
}
