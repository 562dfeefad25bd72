/* SPDX-License-Identifier: MIT */
/* --doctor: what this host offers, each probe tried for real, and what is to be done. */
#ifndef UW_DOCTOR_H
#define UW_DOCTOR_H

#include "config/config.h"

/*
 * Prints the findings on standard output, as lines of JSON or as text. The probes that `choice`
 * allows are attached one after the other, prove themselves, and are detached, with the ring size
 * of config. Returns 0 where a probe works that covers all that one can, 1 where something is
 * lacking for that, or -errno.
 */
int uw_doctor(const struct uw_config *config, enum uw_probe_choice choice, bool json);

#endif
