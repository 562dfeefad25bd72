// SPDX-License-Identifier: MIT
/* The probes of a source that see kernel threads delete; see bpf/vfs.bpf.h. They come and go. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "source_maps.h"
#include "tracefs.h"

struct probe {
	const char *program;
	const char *function;
	bool leave; /* at the return */
};

/* Returns first: no entry may wait for one that nobody sees. */
#define RETURNS 3

static const struct probe probes[UW_VFS_PROBES] = {
	{ "uw_leave_vfs", "vfs_unlink", .leave = true },
	{ "uw_leave_vfs", "vfs_rmdir", .leave = true },
	{ "uw_leave_vfs", "vfs_rename", .leave = true },
	{ "uw_enter_vfs_unlink", "vfs_unlink" },
	{ "uw_enter_vfs_rmdir", "vfs_rmdir" },
	{ "uw_enter_vfs_rename", "vfs_rename" },
};

bool uw_source_vfs_wants(const char *program)
{
	size_t i;

	for (i = 0; i < UW_VFS_PROBES; i++)
		if (!strcmp(probes[i].program, program))
			return true;
	return !strcmp(program, "uw_enter_vfs") || !strcmp(program, "uw_module_load");
}

int uw_source_vfs_prepare(struct uw_source *s)
{
	struct bpf_map *args = bpf_object__find_map_by_name(s->object, ".rodata.vfs");
	struct bpf_map *modules = bpf_object__find_map_by_name(s->object, "uw_modules");
	int r;

	r = bpf_map__set_initial_value(args, &s->kernel->vfs_args, sizeof(s->kernel->vfs_args));
	if (r < 0)
		return r;
	return bpf_map__set_max_entries(modules, (__u32)sysconf(_SC_PAGESIZE));
}

static int on_module(void *ctx, void *data, size_t size)
{
	struct uw_source *s = ctx;

	(void)data, (void)size;
	if (s->on_module)
		s->on_module(s->module_userdata);
	return 0;
}

int uw_source_vfs_start(struct uw_source *s)
{
	struct bpf_program *enter, *module_load;
	__u32 zero = 0;
	int r, fd;

	enter = bpf_object__find_program_by_name(s->object, "uw_enter_vfs");
	module_load = bpf_object__find_program_by_name(s->object, "uw_module_load");
	fd = bpf_program__fd(enter);
	r = bpf_map_update_elem(uw_source_map(s, "uw_vfs_next"), &zero, &fd, BPF_ANY);
	if (r >= 0)
		r = ring_buffer__add(s->ring, uw_source_map(s, "uw_modules"), on_module, s);
	/* Where it cannot be attached, as without CONFIG_MODULES, uw_kthreads_check() is only late.
	 */
	s->vfs.module_load = r < 0 ? NULL : bpf_program__attach(module_load);
	return r;
}

void uw_source_on_module(struct uw_source *s, uw_source_module_fn fn, void *userdata)
{
	s->on_module = fn;
	s->module_userdata = userdata;
}

static int attach_one(struct uw_source *s, const struct probe *probe)
{
	struct uw_source_vfs *vfs = &s->vfs;
	char *event = vfs->event[vfs->n];
	int r;

	r = uw_tracefs_add(s->kernel->tracefs, probe->function, probe->leave, event);
	if (r < 0)
		return r;
	vfs->link[vfs->n] = uw_source_attach_event(
		s, bpf_object__find_program_by_name(s->object, probe->program), event);
	return vfs->link[vfs->n++] ? 0 : -errno;
}

static void detach(struct uw_source *s, size_t keep)
{
	struct uw_source_vfs *vfs = &s->vfs;

	while (vfs->n > keep) {
		vfs->n--;
		bpf_link__destroy(vfs->link[vfs->n]);
		uw_tracefs_remove(s->kernel->tracefs, vfs->event[vfs->n]);
	}
}

int uw_source_watch_kthreads(struct uw_source *s)
{
	size_t i;
	int r = 0;

	for (i = 0; i < UW_VFS_PROBES && r >= 0; i++)
		r = attach_one(s, &probes[i]);
	if (r < 0)
		detach(s, 0);
	return r;
}

void uw_source_leave_kthreads(struct uw_source *s)
{
	detach(s, 0);
}

void uw_source_vfs_stop(struct uw_source *s, bool keep_returns)
{
	bpf_link__destroy(s->vfs.module_load);
	s->vfs.module_load = NULL;
	detach(s, keep_returns ? RETURNS : 0);
}
