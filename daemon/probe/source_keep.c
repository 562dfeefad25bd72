// SPDX-License-Identifier: MIT
/*
 * Sources that outlive the process: each descriptor that holds a map, a program or a probe is kept
 * under a name of its own, "sSERIAL.KIND.NAME", and a struct uw_source_info under
 * "sSERIAL.manifest".
 */
#include "probe/source_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#define MAP	 'm'
#define PROGRAM	 'p'
#define LINK	 'l' /* followed by its number, and the event that was made for it */
#define VFS_LINK 'v' /* the same */
#define MODULES	 "s%" PRIu64 ".modules"
#define MANIFEST "s%" PRIu64 ".manifest"

static void name_part(const struct uw_source *s, char kind, const char *name,
		      char ret[UW_FDSTORE_NAME_MAX])
{
	snprintf(ret, UW_FDSTORE_NAME_MAX, "s%" PRIu64 ".%c.%s", s->serial, kind, name);
}

static void name_link(const struct uw_source *s, char kind, size_t i, const char *event,
		      char ret[UW_FDSTORE_NAME_MAX])
{
	snprintf(ret, UW_FDSTORE_NAME_MAX, "s%" PRIu64 ".%c%zu.%s", s->serial, kind, i, event);
}

/* Returns 0 or -errno. */
typedef int (*part_fn)(const struct uw_fdstore *store, const char *name, int fd);

static int with_link(const struct uw_source *s, char kind, size_t i,
		     const struct uw_source_link *link, part_fn fn)
{
	char name[UW_FDSTORE_NAME_MAX];

	name_link(s, kind, i, link->event, name);
	return fn(s->store, name, link->fd);
}

static void add_error(int *error, int r)
{
	if (r < 0 && *error >= 0)
		*error = r;
}

/* Calls fn for the name and the descriptor of each part. Returns 0 or the first -errno. */
static int for_each(const struct uw_source *s, part_fn fn)
{
	char name[UW_FDSTORE_NAME_MAX];
	int error = 0;
	size_t i;

	for (i = 0; i < s->n_maps; i++) {
		name_part(s, MAP, s->maps[i].name, name);
		add_error(&error, fn(s->store, name, s->maps[i].fd));
	}
	for (i = 0; i < s->n_programs; i++) {
		name_part(s, PROGRAM, s->programs[i].name, name);
		add_error(&error, fn(s->store, name, s->programs[i].fd));
	}
	for (i = 0; i < s->n_links; i++)
		add_error(&error, with_link(s, LINK, i, &s->links[i], fn));
	for (i = 0; i < s->vfs.n; i++)
		add_error(&error, with_link(s, VFS_LINK, i, &s->vfs.link[i], fn));
	snprintf(name, sizeof(name), MODULES, s->serial);
	if (s->vfs.module_load >= 0)
		add_error(&error, fn(s->store, name, s->vfs.module_load));
	return error;
}

static int forget(const struct uw_fdstore *store, const char *name, int fd)
{
	(void)fd;
	uw_fdstore_remove(store, name);
	return 0;
}

int uw_source_keep(struct uw_source *s, struct uw_fdstore *store, const struct uw_source_info *info)
{
	struct uw_source_info m = *info;
	char name[UW_FDSTORE_NAME_MAX];
	int fd, r;

	if (!store->enabled || s->store)
		return 0;
	m.magic = UW_SOURCE_INFO_MAGIC;
	m.build = uw_source_build(&s->plan);
	m.serial = s->serial;
	m.ring_size = s->ring_size;
	m.probe = s->plan.probe;
	m.kernel_reads = s->plan.kernel_reads;
	m.raw = s->plan.raw;
	m.kthreads = s->plan.kthreads;
	m.maps = (uint32_t)s->n_maps;
	m.programs = (uint32_t)s->n_programs;
	m.links = (uint32_t)s->n_links;
	uw_event_schema_describe(&m.schema);
	fd = memfd_create("unlinkwatchd-manifest", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write(fd, &m, sizeof(m)) == sizeof(m) ? 0 : -EIO;
	if (r >= 0) {
		s->store = store;
		r = for_each(s, uw_fdstore_put);
		snprintf(name, sizeof(name), MANIFEST, s->serial);
		add_error(&r, uw_fdstore_put(store, name, fd));
	}
	close(fd);
	return r;
}

void uw_source_forget(const struct uw_source *s)
{
	char name[UW_FDSTORE_NAME_MAX];

	if (!s->store)
		return;
	/* First, since the rest is useless without it. */
	snprintf(name, sizeof(name), MANIFEST, s->serial);
	uw_fdstore_remove(s->store, name);
	for_each(s, forget);
}

void uw_source_keep_vfs(const struct uw_source *s, size_t i)
{
	if (s->store)
		with_link(s, VFS_LINK, i, &s->vfs.link[i], uw_fdstore_put);
}

void uw_source_forget_vfs(const struct uw_source *s, size_t i)
{
	if (s->store)
		with_link(s, VFS_LINK, i, &s->vfs.link[i], forget);
}

bool uw_source_find_kept(const struct uw_fdstore *store, uint64_t below, struct uw_source_info *ret)
{
	struct uw_source_info m;
	uint64_t serial;
	bool found = false;
	size_t i;
	int end;

	for (i = 0; i < store->n; i++) {
		end = 0;
		if (sscanf(store->left[i].name, MANIFEST "%n", &serial, &end) != 1 || !end)
			continue;
		if (pread(store->left[i].fd, &m, sizeof(m), 0) != sizeof(m) ||
		    m.magic != UW_SOURCE_INFO_MAGIC || m.serial != serial || serial >= below)
			continue;
		if (!found || serial > ret->serial)
			*ret = m;
		found = true;
	}
	return found;
}

/* What of the store begins so, as a part. */
static void take_parts(struct uw_source *s, struct uw_fdstore *store, char kind,
		       struct uw_source_part parts[PARTS_MAX], size_t *n)
{
	char prefix[UW_FDSTORE_NAME_MAX], name[UW_FDSTORE_NAME_MAX];
	size_t i = 0, len;

	name_part(s, kind, "", prefix);
	len = strlen(prefix);
	while (i < store->n && *n < PARTS_MAX) {
		if (strncmp(store->left[i].name, prefix, len)) {
			i++;
			continue;
		}
		strcpy(name, store->left[i].name);
		snprintf(parts[*n].name, sizeof(parts[*n].name), "%.31s", name + len);
		parts[(*n)++].fd = uw_fdstore_take(store, name);
	}
}

/* The links with the numbers from 0 on, until one is missing. */
static size_t take_links(struct uw_source *s, struct uw_fdstore *store, char kind, size_t max,
			 struct uw_source_link *links)
{
	char prefix[UW_FDSTORE_NAME_MAX], name[UW_FDSTORE_NAME_MAX];
	size_t n, i, len;

	for (n = 0; n < max; n++) {
		name_link(s, kind, n, "", prefix);
		len = strlen(prefix);
		for (i = 0; i < store->n && strncmp(store->left[i].name, prefix, len); i++)
			;
		if (i == store->n)
			break;
		strcpy(name, store->left[i].name);
		snprintf(links[n].event, sizeof(links[n].event), "%.63s", name + len);
		links[n].fd = uw_fdstore_take(store, name);
	}
	return n;
}

static void take_all(struct uw_source *s, struct uw_fdstore *store)
{
	char name[UW_FDSTORE_NAME_MAX];
	int fd;

	take_parts(s, store, MAP, s->maps, &s->n_maps);
	take_parts(s, store, PROGRAM, s->programs, &s->n_programs);
	s->n_links = take_links(s, store, LINK, LINKS_MAX, s->links);
	s->vfs.n = take_links(s, store, VFS_LINK, UW_VFS_PROBES, s->vfs.link);
	snprintf(name, sizeof(name), MODULES, s->serial);
	s->vfs.module_load = uw_fdstore_take(store, name);
	snprintf(name, sizeof(name), MANIFEST, s->serial);
	fd = uw_fdstore_take(store, name);
	if (fd >= 0)
		close(fd);
	s->store = store;
}

/* The process before this one may have been killed just before it moved the position. */
static void resume(struct uw_source *s)
{
	uint64_t taken = uw_persistent_taken(s->persistent, s->serial);

	if (taken > *s->consumed)
		__atomic_store_n(s->consumed, taken, __ATOMIC_RELEASE);
}

/* The previous process set it before it ended. */
static void reset_control(struct uw_source *s)
{
	struct uw_control *control = &s->shared->control;

	s->active = control->active;
	control->selftest = 0;
	control->stopping = 0;
	control->whole = 0;
}

int uw_source_adopt(const struct uw_source_setup *setup, struct uw_fdstore *store,
		    const struct uw_source_info *info, struct uw_source **ret, char **ret_why)
{
	struct uw_source *s = uw_source_alloc(setup);
	int r;

	*ret_why = NULL;
	if (!s)
		return -ENOMEM;
	s->serial = info->serial;
	s->ring_size = info->ring_size;
	take_all(s, store);
	/* A source that is only read needs no news of modules, nor optional parts. */
	s->plan.kthreads &= setup->tables != NULL;
	if (s->n_maps != info->maps || s->n_programs != info->programs || s->n_links != info->links)
		r = -EPROTO;
	else
		r = uw_source_share_maps(s) < 0 && setup->tables ? -errno : 0;
	if (r >= 0)
		r = uw_source_open_rings(s);
	if (r < 0) {
		uw_source_explain(ret_why, r, "what was kept is not complete", NULL);
		goto fail;
	}
	resume(s);
	if (!setup->tables) {
		s->retiring = true;
		s->foreign = info->build != uw_source_build(setup->plan);
		if (s->foreign)
			uw_source_release_whole(s); /* of another layout */
		s->schema = info->schema;
		s->converted = malloc(UW_EVENT_MAX);
		if (!s->converted) {
			r = -ENOMEM;
			goto fail;
		}
	} else {
		reset_control(s);
		r = uw_source_introduce(s, setup, ret_why);
		if (r < 0)
			goto fail;
	}
	*ret = s;
	return 0;

fail:
	uw_source_forget(s);
	s->store = NULL;
	uw_source_free(s);
	return r;
}
