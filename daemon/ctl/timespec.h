/* SPDX-License-Identifier: MIT */
/* Times as people type them, and as they are shown. Pure, but for the time zone of the process. */
#ifndef UW_CTL_TIMESPEC_H
#define UW_CTL_TIMESPEC_H

#include <stdint.h>

#include "base/buf.h"

#define UW_USEC_PER_S UINT64_C(1000000)

/*
 * Reads a point in time, in local time unless it ends in " UTC", relative to now_us, all in
 * microseconds since 1970:
 *
 *   2026-11-21 10:00:05.25   with or without the seconds and their fraction, "T" for the space
 *   2026-11-21               midnight
 *   10:00, 10:00:05          today
 *   now, today, yesterday, tomorrow   (but for now: midnight)
 *   -1h, +5min, -1h 30min    from now
 *   2 hours ago
 *   @1795250874              seconds since 1970
 *
 * The spans have the units of systemd.time(7). Returns 0, or -EINVAL where it is none of these, or
 * a time that does not exist. *ret is only touched on success.
 */
int uw_timespec_parse(const char *text, uint64_t now_us, uint64_t *ret_us);

/* Adds the local time, as journalctl's output "short-full" has it: "Sat 2026-11-21 10:00:05 CET". */
void uw_timespec_add(struct uw_buf *buf, uint64_t us);

/* Adds the local time of day, "10:00:05", with the date before it if that is another than of `day`.
 */
void uw_timespec_add_time(struct uw_buf *buf, uint64_t us, uint64_t day_us);

/* Adds a time in nanoseconds as a JSON string in UTC, as the daemon has it. */
void uw_timespec_add_utc(struct uw_buf *buf, uint64_t ns);

/* Adds a span in its two largest units: "2h 5min", "3 days 1h", "12s", "0s". */
void uw_timespec_add_span(struct uw_buf *buf, uint64_t us);

/* Adds the local date and hour of a time: "2026-11-21 10h". */
void uw_timespec_add_hour(struct uw_buf *buf, uint64_t us);

/* The beginning of the hour, in local time, that us is in. */
uint64_t uw_timespec_hour(uint64_t us);

#endif
