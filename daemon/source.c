// SPDX-License-Identifier: MIT
#include "source.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attachments.h"
#include "rawtp.h"
#include "source_maps.h"
#include "tracefs.h"
#include "unlinkwatch.skel.h"
#include "unlinkwatch_plain.skel.h"
#include "unlinkwatch_raw.skel.h"

#define STOP_STEPS   20
#define STOP_STEP_NS 5000000

/* The last warning of libbpf, as it says more about a failure than an errno. */
static char libbpf_said[256];

static int keep_warning(enum libbpf_print_level level, const char *format, va_list args)
{
	if (getenv("UNLINKWATCH_LIBBPF_LOG"))
		return vfprintf(stderr, format, args);
	if (level == LIBBPF_WARN && !libbpf_said[0])
		vsnprintf(libbpf_said, sizeof(libbpf_said), format, args);
	return 0;
}

static int explain(char **ret_why, int error, const char *what, const char *name)
{
	libbpf_said[strcspn(libbpf_said, "\n")] = '\0';
	if (asprintf(ret_why, "%s%s%s: %s%s%s%s", what, name ? " " : "", name ? name : "",
		     strerror(-error), libbpf_said[0] ? " (" : "", libbpf_said,
		     libbpf_said[0] ? ")" : "") < 0)
		*ret_why = NULL;
	return error;
}

static int on_sample(void *ctx, void *data, size_t size)
{
	struct uw_source *s = ctx;

	s->on_event(data, size, s->userdata);
	s->read++;
	/* A negative value ends ring_buffer__consume() after this event. */
	return s->enough || s->read == s->budget ? -ECANCELED : 0;
}

static bool belongs(const struct uw_attachment *a, const struct uw_plan *plan)
{
	return a->probe == plan->probe && a->raw == plan->raw;
}

static bool wants(const struct uw_plan *plan, const char *program)
{
	size_t i;

	for (i = 0; i < UW_N_ATTACHMENTS; i++)
		if (belongs(&uw_attachments[i], plan) &&
		    !strcmp(uw_attachments[i].program, program))
			return true;
	return !strcmp(program, "uw_thread_exit") || !strcmp(program, "uw_read_tree") ||
	       !strcmp(program, "uw_whoami") || (plan->kthreads && uw_source_vfs_wants(program));
}

/* Names the functions for the programs, which are loaded for these. */
static int set_targets(struct uw_source *s, const struct uw_plan *plan)
{
	int r = 0;
	size_t i;

	for (i = 0; i < UW_N_ATTACHMENTS && r >= 0; i++) {
		const struct uw_attachment *a = &uw_attachments[i];
		struct bpf_program *program;

		if (!belongs(a, plan) || a->kprobe)
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

/* The working spaces that the plan's programs use. */
static int make_banks(struct uw_source *s, const struct uw_plan *plan)
{
	bool fentry = plan->probe == UW_PROBE_FENTRY;
	size_t cpus = (size_t)libbpf_num_possible_cpus();
	int r;

	r = resize(s, "uw_scratch", UW_BANKS * cpus);
	if (r < 0 || !fentry)
		return r;
	r = resize(s, "uw_fentry_scratch", UW_FENTRY_BANKS * cpus);
	return r < 0 ? r : resize(s, "uw_walks", 2 * (UW_BANKS + UW_FENTRY_BANKS));
}

static int load(struct uw_source *s, const struct uw_plan *plan, size_t ring_size, char **ret_why)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "unlinkwatch");
	struct bpf_program *program;
	const void *bytes;
	size_t size;
	int r;

	if (plan->raw && uw_rawtp_register() < 0)
		return explain(ret_why, -errno, "cannot prepare for raw tracepoints", NULL);
	bytes = plan->raw	     ? unlinkwatch_raw_bpf__elf_bytes(&size)
		: plan->kernel_reads ? unlinkwatch_bpf__elf_bytes(&size)
				     : unlinkwatch_plain_bpf__elf_bytes(&size);
	s->object = bpf_object__open_mem(bytes, size, &opts);
	if (!s->object)
		return explain(ret_why, -errno, "cannot open the BPF object", NULL);

	bpf_object__for_each_program(program, s->object)
		bpf_program__set_autoload(program, wants(plan, bpf_program__name(program)));
	r = plan->raw ? uw_rawtp_prepare(s->object) : 0;
	if (r < 0)
		return explain(ret_why, r, "cannot find the tracepoints of all system calls", NULL);
	r = plan->probe == UW_PROBE_FENTRY ? set_targets(s, plan) : 0;
	if (r < 0)
		return explain(ret_why, r, "cannot find the functions", NULL);
	r = resize(s, "uw_events", ring_size);
	if (r < 0)
		return explain(ret_why, r, "cannot set the size of the ring buffer", NULL);
	r = make_banks(s, plan);
	if (r < 0)
		return explain(ret_why, r, "cannot set the number of CPUs", NULL);
	r = plan->kthreads ? uw_source_vfs_prepare(s) : 0;
	if (r < 0)
		return explain(ret_why, r, "cannot prepare for kernel threads", NULL);
	r = bpf_object__load(s->object);
	if (r < 0)
		return explain(ret_why, r, "the kernel does not accept the BPF programs", NULL);

	r = uw_source_prepare_maps(s);
	if (r < 0)
		return explain(ret_why, r, "cannot prepare the maps", NULL);

	s->ring = ring_buffer__new(uw_source_map(s, "uw_events"), on_sample, s, NULL);
	r = s->ring ? uw_source_map_positions(s) : -errno;
	if (r < 0)
		return explain(ret_why, r, "cannot map the ring buffer", NULL);
	r = plan->kthreads ? uw_source_vfs_start(s) : 0;
	return r < 0 ? explain(ret_why, r, "cannot map the news of modules", NULL) : 0;
}

/* Lets the programs know which process, and which thread of it, this is. */
static int introduce(const struct uw_source *s)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct bpf_program *program = bpf_object__find_program_by_name(s->object, "uw_whoami");

	return bpf_prog_test_run_opts(bpf_program__fd(program), &opts);
}

static int keep_link(struct uw_source *s, struct bpf_link *link)
{
	if (!link)
		return -errno;
	s->links[s->n_links++] = link;
	return 0;
}

struct bpf_link *uw_source_attach_event(const struct uw_source *s, struct bpf_program *program,
					const char *event)
{
	struct bpf_link *link;
	int fd, error;

	fd = uw_tracefs_open_event(s->kernel->tracefs, event);
	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	link = bpf_program__attach_perf_event(program, fd);
	if (!link) {
		error = errno;
		close(fd);
		errno = error;
	}
	return link;
}

static int attach_one(struct uw_source *s, const struct uw_plan *plan,
		      const struct uw_attachment *a)
{
	struct bpf_program *program = bpf_object__find_program_by_name(s->object, a->program);
	int r;

	if (!program || s->n_links == LINKS_MAX)
		return -ENOENT;
	if (a->raw)
		return keep_link(s, bpf_program__attach_trace(program));
	if (a->event)
		return keep_link(s, uw_source_attach_event(s, program, a->event));

	if (!plan->functions[a->function])
		return -ENOENT;
	if (a->probe == UW_PROBE_FENTRY && !a->kprobe)
		return keep_link(s, bpf_program__attach_trace(program));
	r = uw_tracefs_add(s->kernel->tracefs, plan->functions[a->function], a->leave,
			   s->events[s->n_events]);
	if (r < 0)
		return r;
	return keep_link(s, uw_source_attach_event(s, program, s->events[s->n_events++]));
}

static int program_fd(const struct uw_source *s, const struct uw_attachment *a)
{
	return bpf_program__fd(bpf_object__find_program_by_name(s->object, a->program));
}

static int attach(struct uw_source *s, const struct uw_plan *plan, char **ret_why)
{
	struct bpf_program *thread_exit;
	int r, moves = 0;
	size_t i;

	thread_exit = bpf_object__find_program_by_name(s->object, "uw_thread_exit");
	r = keep_link(s, plan->raw ? bpf_program__attach_trace(thread_exit)
				   : bpf_program__attach(thread_exit));
	if (r < 0)
		return explain(ret_why, r, "cannot attach to", "sched_process_exit");

	for (i = 0; i < UW_N_ATTACHMENTS; i++) {
		const struct uw_attachment *a = &uw_attachments[i];

		if (!belongs(a, plan))
			continue;
		r = attach_one(s, plan, a);
		moves += a->first && r >= 0;
		if (r < 0 && (a->first || (a->optional && (r == -ENOENT || a->kprobe))))
			continue;
		if (r < 0)
			return explain(ret_why, r, "cannot attach to",
				       a->event ? a->event : plan->functions[a->function]);
		if (!a->leave && a->function < UW_FN_PATH_UNLINK)
			s->entries[s->n_entries++] = program_fd(s, a);
	}
	if (moves == 2)
		uw_source_trust_moves(s);
	return 0;
}

int uw_source_new(const struct uw_kernel *kernel, const struct uw_plan *plan, size_t ring_size,
		  enum uw_detail detail, const struct uw_filter *filter,
		  uw_source_event_fn on_event, void *userdata, struct uw_source **ret,
		  char **ret_why)
{
	struct uw_source *s;
	int r;

	*ret_why = NULL;
	libbpf_said[0] = '\0';
	libbpf_set_print(keep_warning);
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->kernel = kernel;
	s->on_event = on_event;
	s->userdata = userdata;

	r = load(s, plan, ring_size, ret_why);
	if (r < 0)
		goto fail;
	r = introduce(s);
	if (r < 0) {
		explain(ret_why, r, "the kernel does not run a BPF program for the daemon", NULL);
		goto fail;
	}
	r = uw_source_set_filter(s, filter, detail);
	if (r < 0) {
		explain(ret_why, r, "cannot hand the rules to the kernel", NULL);
		goto fail;
	}
	uw_tracefs_clean(kernel->tracefs);
	r = attach(s, plan, ret_why);
	if (r < 0)
		goto fail;
	*ret = s;
	return 0;

fail:
	uw_source_free(s);
	return r;
}

static void detach(struct uw_source *s)
{
	while (s->n_links)
		bpf_link__destroy(s->links[--s->n_links]);
	while (s->n_events)
		uw_tracefs_remove(s->kernel->tracefs, s->events[--s->n_events]);
}

void uw_source_stop(struct uw_source *s)
{
	struct timespec step = { .tv_nsec = STOP_STEP_NS };
	int i, states;
	__u64 key;

	if (!s->n_links)
		return;
	uw_source_ignore(s);
	uw_source_vfs_stop(s, true);
	states = uw_source_map(s, "uw_states");
	for (i = 0; i < STOP_STEPS && (!i || !bpf_map_get_next_key(states, NULL, &key)); i++)
		nanosleep(&step, NULL);
	detach(s);
	uw_source_vfs_stop(s, false);
	/* What is left has no return any more that could tell its result. */
	uw_source_sweep(s, 0);
}

void uw_source_free(struct uw_source *s)
{
	if (!s)
		return;
	uw_source_vfs_stop(s, false);
	detach(s);
	ring_buffer__free(s->ring);
	uw_source_release_maps(s);
	uw_source_unmap_positions(s);
	bpf_object__close(s->object);
	free(s);
}

int uw_source_fd(const struct uw_source *s)
{
	return ring_buffer__epoll_fd(s->ring);
}

int uw_source_read(struct uw_source *s, unsigned int max)
{
	int r;

	s->budget = max;
	s->read = 0;
	s->enough = false;
	r = ring_buffer__consume(s->ring);
	return r == -ECANCELED ? (int)s->read : r;
}

void uw_source_enough(struct uw_source *s)
{
	s->enough = true;
}
