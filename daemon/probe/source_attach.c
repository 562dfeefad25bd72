// SPDX-License-Identifier: MIT
/* The probes of a source: each is held by one descriptor, whatever its kind. */
#include "probe/source_internal.h"

#include <errno.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "helper/helper_client.h"

bool uw_source_belongs(const struct uw_attachment *a, const struct uw_plan *plan)
{
	return a->probe == plan->probe && a->raw == plan->raw;
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

/* To what it was loaded for, or to the raw tracepoint. */
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

int uw_source_attach(struct uw_source *s, const struct uw_plan *plan, char **ret_why)
{
	int r, renames = 0;
	size_t i;

	r = attach_raw(s, "uw_thread_exit", plan->raw ? NULL : "sched_process_exit",
		       &s->links[s->n_links]);
	if (r < 0)
		return uw_source_explain(ret_why, r, "cannot attach to", "sched_process_exit");
	s->n_links++;

	for (i = 0; i < UW_N_ATTACHMENTS; i++) {
		const struct uw_attachment *a = &uw_attachments[i];

		if (!uw_source_belongs(a, plan))
			continue;
		r = attach_one(s, plan, a);
		renames += a->first && r >= 0;
		if (r < 0 && (a->first || (a->optional && (r == -ENOENT || a->kprobe))))
			continue;
		if (r < 0)
			return uw_source_explain(ret_why, r, "cannot attach to",
						 a->event ? a->event
							  : plan->functions[a->function]);
	}
	if (renames == 2)
		uw_source_trust_renames(s);
	return 0;
}

void uw_source_detach_link(const struct uw_source *s, struct uw_source_link *link)
{
	close(link->fd);
	link->fd = -EBADF;
	if (link->event[0])
		uw_helper_remove(&s->kernel->root, link->event);
}
