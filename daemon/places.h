/* SPDX-License-Identifier: MIT */
/*
 * The places that decide what the host's paths mean, beside what is mounted: the directories above
 * what is mounted and above where that is, since the paths of both change when one is renamed; and
 * what is on the way of the rules' paths, where a symbolic link may come, go or change. The kernel
 * side tells when one of them is about to change. Pure.
 */
#ifndef UW_PLACES_H
#define UW_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#include "links.h"
#include "mounts.h"
#include "unlinkwatch.h"

/* For the kernel to look up; no two of each are the same. */
struct uw_places {
	/*
	 * The path without a trailing slash, cut to UW_KEY_PATH - 1 bytes and filled with NUL;
	 * prefixlen is 0.
	 */
	struct uw_path_key *place;
	size_t n_places;
	struct uw_name_key *name;
	size_t n_names;
	size_t links; /* how many are symbolic links now */
};

/* Returns 0 or -ENOMEM; *ret is only touched on success. Release with uw_places_done(). */
int uw_places_init(const struct uw_mounts *mounts, const struct uw_links *links,
		   struct uw_places *ret);
void uw_places_done(struct uw_places *places);

bool uw_places_same(const struct uw_places *a, const struct uw_places *b);

#endif
