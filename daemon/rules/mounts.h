/* SPDX-License-Identifier: MIT */
/*
 * The host's tree: which path of it is which path of which file system, and back. From the text of
 * /proc/PID/mountinfo (proc_pid_mountinfo(5)). Pure, but for uw_mounts_read() and
 * uw_mounts_hold().
 *
 * Only what a walk from the root directory reaches counts. Like the kernel, which looks a mount up
 * by what it is mounted on, this goes by the ids of the parents: a mount at /a hides one of the
 * same parent at /a/b, and what it is mounted upon, whichever came first.
 */
#ifndef UW_MOUNTS_H
#define UW_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/path_index.h"
#include "unlinkwatch.h"

/*
 * The host's mounts, not those that a sandbox gives the daemon; no right is needed to read it. Its
 * descriptor reports POLLPRI when a mount has come or gone.
 */
#define UW_MOUNTINFO "/proc/1/mountinfo"

struct uw_mount {
	uint32_t id, parent;
	uint32_t dev;	  /* of the super block, as the kernel holds it: major << 20 | minor */
	const char *root; /* what it shows, as a path within the file system; NULL: that has none */
	size_t root_len;  /* 0: all of it */
	const char *point; /* where it is mounted */
	size_t point_len;  /* 0: the root directory */
};

struct uw_mounts {
	struct uw_mount *mount; /* those that can be reached, no two at the same point */
	size_t n;
	struct uw_path_index points; /* of all, by where they are mounted */
	struct uw_path_index roots;  /* by dev and root */
	char *text, *original; /* of mountinfo; what the mounts point into, and as it was read */
	size_t size;
};

/*
 * Reads size bytes of mountinfo. Lines that are none of it are skipped. Returns 0 or -ENOMEM; *ret,
 * which the caller frees, is only touched on success.
 */
int uw_mounts_parse(const char *text, size_t size, struct uw_mounts **ret);

/* The same from UW_MOUNTINFO. Returns also another -errno; -ENODATA where no mount is in it. */
int uw_mounts_read(struct uw_mounts **ret);

/* Whether mountinfo still reads the same. */
bool uw_mounts_hold(const struct uw_mounts *mounts);

/*
 * The lines alone, in the order of the file: an array that the caller frees. The text is changed,
 * and what is returned points into it.
 */
int uw_mountinfo_parse(char *text, size_t size, struct uw_mount **ret, size_t *ret_n);

/* Accepts NULL. */
void uw_mounts_free(struct uw_mounts *mounts);

/* The mount that an absolute path of the host is in, or NULL. */
const struct uw_mount *uw_mounts_find(const struct uw_mounts *mounts, const char *path, size_t len);

/*
 * The path within the mount's file system of a path of the host that is in the mount, without a
 * trailing slash, so that the whole file system is "". Returns its length, or SIZE_MAX where it
 * does not fit in size bytes or has no such path.
 */
size_t uw_mount_inner(const struct uw_mount *mount, const char *path, size_t len, char *buf,
		      size_t size);

/* Whether any of the file system is to be seen in the host's tree. */
bool uw_mounts_know(const struct uw_mounts *mounts, uint32_t dev);

/* Goes through the host's paths of one place in a file system. */
struct uw_host_paths {
	const struct uw_mounts *mounts;
	const char *inner;
	size_t len;
	size_t at; /* in mounts->roots */
	bool hidden;
	char path[4 * UW_PATH_MAX];
};

/*
 * Begins with the place that has the path `inner` (borrowed) within the file system dev; with
 * `hidden`, those are included where another mount is in the way. Then each call of the other one
 * gives a path, valid until the next, and false after the last.
 */
void uw_host_paths_begin(struct uw_host_paths *paths, const struct uw_mounts *mounts, uint32_t dev,
			 const char *inner, size_t len, bool hidden);
bool uw_host_paths_next(struct uw_host_paths *paths, size_t *ret_len);

#endif
