/* SPDX-License-Identifier: MIT */
/*
 * Reads the state of the running daemon: one JSON object, which the daemon writes to each client of
 * its socket.
 */
#ifndef UW_CTL_STATUS_CLIENT_H
#define UW_CTL_STATUS_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define UW_STATUS_CLIENT_SOCKET "/run/unlinkwatchd/status"

/*
 * Adds what the daemon writes to buf. Returns 0 or -errno: -ENOENT or -ECONNREFUSED if no daemon
 * listens, -EACCES if this user may not connect, -ETIMEDOUT if the daemon does not answer.
 */
int uw_status_client_fetch(const char *socket, struct uw_buf *buf);

/* Parses it. Returns 0 and the object, which json_decref() frees, or -EBADMSG where it is none. */
int uw_status_client_parse(const struct uw_buf *buf, json_t **ret);

/*
 * What is at member of the object, or with two, at member of the object that is there. False, NULL
 * or "" where there is no such thing, as with a daemon of another version. `second` may be NULL.
 */
bool uw_status_client_uint(const json_t *root, const char *member, const char *second,
			   uint64_t *ret);
const char *uw_status_client_text(const json_t *root, const char *member);

/*
 * A string, or bytes that are not UTF-8 as an array of numbers. They are valid until *room, in
 * which they may be put, changes.
 */
struct uw_str uw_status_client_bytes(const json_t *value, struct uw_buf *room);

#endif
