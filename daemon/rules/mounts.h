/* SPDX-License-Identifier: MIT */
/*
 * Translates paths of the host to paths within file systems, and back, by the lines of
 * /proc/PID/mountinfo (proc_pid_mountinfo(5)). Only uw_mounts_read() reads the file; the
 * rest is pure.
 *
 * A mount is visible if a walk from the root directory reaches it. The kernel finds a mount by the
 * directory that it is mounted on, and this module by the ids of the parents: a mount at /a hides
 * the directory below it and any mount at /a/b with the same parent, whichever came first.
 *
 * Hidden places keep their paths. A process that opened a directory before another mount hid it, or
 * that is in another mount namespace, still reaches what is below.
 */
#ifndef UW_MOUNTS_H
#define UW_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/path_index.h"
#include "unlinkwatch.h"

/*
 * The host's mounts; the daemon's own are those of its sandbox. Anybody may read the file. poll(2)
 * reports POLLPRI when something is mounted or unmounted.
 */
#define UW_MOUNTINFO "/proc/1/mountinfo"

struct uw_mount {
	uint32_t id, parent;
	uint32_t dev;	   /* of the super block, in the kernel's form: major << 20 | minor */
	const char *root;  /* path within the file system of what the mount shows, NULL if none */
	size_t root_len;   /* 0: the whole file system */
	const char *point; /* mount point */
	size_t point_len;  /* 0: the root directory */
	size_t on;	   /* index of the mount that it is mounted on, or SIZE_MAX */
	bool visible;	   /* a walk from the root directory reaches its root */
	bool partly;	   /* but not all of it, as another visible mount is below its point */
};

struct uw_mounts {
	struct uw_mount *mount;
	size_t n;
	struct uw_path_index points; /* visible mounts by mount point; no two have the same one */
	struct uw_path_index all;    /* all mounts by mount point */
	struct uw_path_index roots;  /* all mounts by dev and root */
	char *text;		     /* of mountinfo, unescaped; the mounts point into it */
	char *original;		     /* the same as it was read, or NULL */
	size_t size;
};

/*
 * Parses size bytes of mountinfo and skips lines that it cannot parse. Returns 0 or -ENOMEM. *ret,
 * which the caller frees, is only touched on success.
 */
int uw_mounts_parse(const char *text, size_t size, struct uw_mounts **ret);

/*
 * Parses UW_MOUNTINFO, unless it still has the text of `known`, which may be NULL. Returns 1 if it
 * has parsed another text, 0 if the text is the same, or -errno; -ENODATA if it has no mount. *ret
 * is only touched if it returns 1.
 */
int uw_mounts_read(const struct uw_mounts *known, struct uw_mounts **ret);

/* Frees what only serves as `known`. */
void uw_mounts_drop_original(struct uw_mounts *mounts);

/* About how many bytes the mounts take. */
size_t uw_mounts_memory(const struct uw_mounts *mounts);

/*
 * Parses the lines alone, in the order of the file, into an array that the caller frees. It
 * unescapes the text in place, and the array points into the text. Does not set `on` and `visible`.
 * Returns 0 or -ENOMEM.
 */
int uw_mountinfo_parse(char *text, size_t size, struct uw_mount **ret, size_t *ret_n);

/* Accepts NULL. */
void uw_mounts_free(struct uw_mounts *mounts);

/* Returns the visible mount that holds an absolute path of the host, or NULL. */
const struct uw_mount *uw_mounts_find(const struct uw_mounts *mounts, const char *path, size_t len);

/*
 * Writes to buf the path within the file system of a host path that the mount holds. It has no
 * trailing slash, so the root of the file system is "". Returns the length, or SIZE_MAX if the
 * mount has no root or the path does not fit in size bytes.
 */
size_t uw_mount_inner(const struct uw_mount *mount, const char *path, size_t len, char *buf,
		      size_t size);

/* Whether some mount of the host, visible or hidden, has the file system dev or a part of it. */
bool uw_mounts_know(const struct uw_mounts *mounts, uint32_t dev);

/* Iterates over the host's paths of one file. */
struct uw_host_paths {
	const struct uw_mounts *mounts;
	const char *inner;
	size_t len;
	size_t at; /* in mounts->roots */
	bool hidden;
	/* Of the path that uw_host_paths_next() found: */
	const struct uw_mount *mount;
	bool visible; /* no other mount hides it */
	char path[4 * UW_PATH_MAX];
};

/*
 * uw_host_paths_begin() starts at the path `inner` (borrowed) within the file system dev. `hidden`
 * includes the paths that another mount hides. Each uw_host_paths_next() puts a path in
 * paths->path, or returns false after the last one.
 */
void uw_host_paths_begin(struct uw_host_paths *paths, const struct uw_mounts *mounts, uint32_t dev,
			 const char *inner, size_t len, bool hidden);
bool uw_host_paths_next(struct uw_host_paths *paths, size_t *ret_len);

/* Puts one path in paths->path: a visible one, or else a hidden one. False if there is none. */
bool uw_host_paths_one(struct uw_host_paths *paths, const struct uw_mounts *mounts, uint32_t dev,
		       const char *inner, size_t len, size_t *ret_len);

#endif
