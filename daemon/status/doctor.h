/* SPDX-License-Identifier: MIT */
/* --doctor: examines the host, tries each probe, and says what to do. */
#ifndef UW_DOCTOR_H
#define UW_DOCTOR_H

#include "config/config.h"

/*
 * Prints the findings on standard output, as lines of JSON or as text. Attaches each probe that
 * `choice` allows, with the ring size of config, runs its self-test, and detaches it. Returns 0 if
 * a probe works that covers all that one can, 1 if something is lacking for that, or -errno.
 */
int uw_doctor(const struct uw_config *config, enum uw_probe_choice choice, bool json);

#endif
