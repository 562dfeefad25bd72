/* SPDX-License-Identifier: MIT */
/* The state of the daemon as metrics. Pure. */
#ifndef UW_CTL_OPENMETRICS_H
#define UW_CTL_OPENMETRICS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"

/*
 * Adds OpenMetrics text, or, with prometheus, the older text format of Prometheus, which is what
 * node_exporter's textfile collector reads. root is NULL if the daemon is down: then that is the
 * only metric.
 */
void uw_openmetrics_add(const json_t *root, bool prometheus, struct uw_buf *buf);

#endif
