// SPDX-License-Identifier: MIT
/*
 * The probes for deletions by kernel threads, which are attached and detached while the source
 * runs; see bpf/vfs.bpf.c.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "helper/tracefs.h"
#include "probe/bpf_map.h"
#include "probe/source_internal.h"

struct probe {
	const char *program;
	const char *function;
	bool leave; /* at the return */
};

/* Returns first, so that no entry waits for a return that is not probed. */
#define RETURNS 4

static const struct probe probes[UW_VFS_PROBES] = {
	{ "uw_leave_vfs", "vfs_unlink", .leave = true },
	{ "uw_leave_vfs", "vfs_rmdir", .leave = true },
	{ "uw_leave_vfs", "vfs_rename", .leave = true },
	{ "uw_leave_symlink", "vfs_symlink", .leave = true },
	{ "uw_enter_vfs_unlink", "vfs_unlink" },
	{ "uw_enter_vfs_rmdir", "vfs_rmdir" },
	{ "uw_enter_vfs_rename", "vfs_rename" },
	{ "uw_enter_vfs_symlink", "vfs_symlink" },
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
	int fd = uw_source_program(s, "uw_enter_vfs"), r;
	__u32 zero = 0;

	r = uw_bpf_map_update(uw_source_map(s, "uw_vfs_next"), &zero, &fd);
	if (r < 0)
		return r;
	/*
	 * If it cannot be attached, as without CONFIG_MODULES, uw_kthreads_check() only notices
	 * later.
	 */
	s->vfs.module_load =
		bpf_raw_tracepoint_open("module_load", uw_source_program(s, "uw_module_load"));
	return 0;
}

int uw_source_vfs_read(struct uw_source *s)
{
	struct epoll_event event = { .events = EPOLLIN };
	int map = uw_source_map(s, "uw_modules");

	s->modules = ring_buffer__new(map, on_module, s, NULL);
	if (!s->modules || epoll_ctl(uw_source_fd(s), EPOLL_CTL_ADD, map, &event) < 0)
		return -errno;
	return 0;
}

void uw_source_on_module(struct uw_source *s, uw_source_module_fn fn, void *userdata)
{
	s->on_module = fn;
	s->module_userdata = userdata;
}

static void detach(struct uw_source *s, size_t keep)
{
	struct uw_source_vfs *vfs = &s->vfs;

	while (vfs->n > keep) {
		vfs->n--;
		uw_source_forget_vfs(s, vfs->n);
		uw_source_detach_link(s, &vfs->link[vfs->n]);
	}
}

int uw_source_watch_kthreads(struct uw_source *s)
{
	struct uw_source_vfs *vfs = &s->vfs;
	int r = 0;

	/* Probes that another process has left come first. */
	while (vfs->n < UW_VFS_PROBES && r >= 0) {
		const struct probe *p = &probes[vfs->n];

		r = uw_source_attach_function(s, p->program, p->function, p->leave,
					      &vfs->link[vfs->n]);
		if (r >= 0)
			uw_source_keep_vfs(s, vfs->n++);
	}
	if (r < 0)
		detach(s, 0);
	return r;
}

bool uw_source_watches_kthreads(const struct uw_source *s)
{
	return s->vfs.n == UW_VFS_PROBES;
}

void uw_source_leave_kthreads(struct uw_source *s)
{
	detach(s, 0);
}

void uw_source_vfs_stop(struct uw_source *s, bool keep_returns)
{
	if (s->vfs.module_load >= 0)
		close(s->vfs.module_load);
	s->vfs.module_load = -EBADF;
	detach(s, keep_returns ? RETURNS : 0);
}
