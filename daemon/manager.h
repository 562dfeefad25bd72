/* SPDX-License-Identifier: MIT */
/* Runs the daemon: owns the event loop, the ruleset, the probes and the output. */
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
 * Reads the configuration and attaches the best probe that works. Logs what it does, or why it
 * cannot. Returns 0; -EINVAL for a wrong configuration; -ENODEV if no probe works; or another
 * -errno.
 */
int uw_manager_start(struct uw_manager *manager);

/*
 * Tells systemd that the daemon is ready, works until SIGTERM or SIGINT, and records what was
 * deleted until then. Returns 0 or -errno.
 */
int uw_manager_run(struct uw_manager *manager);

/* Accepts NULL. */
void uw_manager_free(struct uw_manager *manager);

#endif
