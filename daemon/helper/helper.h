/* SPDX-License-Identifier: MIT */
/*
 * The helper: `unlinkwatchd --attach`. systemd starts it as root for a connection to a socket that
 * only the daemon's user and root can reach. It does what takes root and CAP_SYS_ADMIN, for the
 * daemon's own probes alone, and ends when it is idle. It sees no events.
 */
#ifndef UW_HELPER_H
#define UW_HELPER_H

/*
 * Answers on the connection that systemd has handed over, until it ends or nothing was asked for a
 * second. Returns 0, or -errno; -ENOTCONN where this is not a service for a connection.
 */
int uw_helper_serve(void);

#endif
