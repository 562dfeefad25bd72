/* SPDX-License-Identifier: MIT */
/* The daemon at work: owns the event loop, the rules in force, the source and the output. */
#ifndef UW_MANAGER_H
#define UW_MANAGER_H

#include <stdbool.h>

#include "config/config.h"
#include "output/output.h"

/* From the command line. */
struct uw_options {
	const char *config;   /* file */
	bool config_optional; /* it need not exist: the default one */
	bool probe_set;	      /* probe overrides Probe= */
	enum uw_probe_choice probe;
	enum uw_output_format output;
};

struct uw_manager;

/* Returns 0 or -errno. SIGHUP, SIGINT and SIGTERM are blocked from here on. */
int uw_manager_new(const struct uw_options *options, struct uw_manager **ret);

/*
 * Reads the configuration and attaches the best probe that works. Says in the log what it does or
 * why it cannot. Returns 0; -EINVAL where the configuration is wrong; -ENODEV where no probe
 * attaches; or another -errno.
 */
int uw_manager_start(struct uw_manager *manager);

/*
 * Tells systemd that it is ready, works until SIGTERM or SIGINT, and stops: what was
 * deleted until then is recorded. Returns 0 or -errno.
 */
int uw_manager_run(struct uw_manager *manager);

/* Accepts NULL. */
void uw_manager_free(struct uw_manager *manager);

#endif
