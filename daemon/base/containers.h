/* SPDX-License-Identifier: MIT */
/*
 * What the host's runtimes call a container, from files in their default directories that only root
 * writes: docker, containerd (Kubernetes, k3s, nerdctl), CRI-O, and root's podman. These are
 * local, and no call waits for another process.
 */
#ifndef UW_CONTAINERS_H
#define UW_CONTAINERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"

/* The length of the ids that these runtimes give. */
#define UW_CONTAINER_ID 64

/* The longest text below. A longer one in a file counts as unknown. */
#define UW_CONTAINER_TEXT_MAX 511

/* NULL: not known. Who creates a container chooses these; any byte but NUL. */
struct uw_container {
	const char *name, *image; /* as they were typed, or as Kubernetes has them */
	const char *pod, *pod_namespace;
};

static inline bool uw_container_is_id(struct uw_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!s.s[i] || !strchr("0123456789abcdef", s.s[i]))
			return false;
	return s.len == UW_CONTAINER_ID;
}

/* Caches containers by their ids, which no other container gets. */
struct uw_containers;

/*
 * `root` (borrowed) comes before each path: "" in the daemon. Files count if `owner` owns them and
 * nobody else may write them. Returns 0 or -ENOMEM.
 */
int uw_containers_new(const char *root, uid_t owner, struct uw_containers **ret);

/* Accepts NULL. */
void uw_containers_free(struct uw_containers *containers);

/*
 * The container with this id, valid until the next call. Nothing is known of one whose files are
 * missing, too large or malformed, or whose id is not of the form above. now_ns is the time on any
 * monotonic clock.
 */
struct uw_container uw_containers_find(struct uw_containers *containers, struct uw_str id,
				       uint64_t now_ns);

#endif
