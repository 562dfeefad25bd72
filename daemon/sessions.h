/* SPDX-License-Identifier: MIT */
/*
 * Where the sessions of users come from, as logind tells by files in /run: no call of this waits
 * for another process. See sd-login(3).
 */
#ifndef UW_SESSIONS_H
#define UW_SESSIONS_H

#include <stdint.h>

#include "base/str.h"
#include "record/fields.h"

/* Caches sessions by their ids. An id may be given to another session, if logind starts again. */
struct uw_sessions;

/* Returns 0 or -ENOMEM. */
int uw_sessions_new(struct uw_sessions **ret);

/* Accepts NULL. */
void uw_sessions_free(struct uw_sessions *sessions);

/* The session with this id, valid until the next call. now_ns is the time on any monotonic clock. */
struct uw_session uw_sessions_find(struct uw_sessions *sessions, struct uw_str id, uint64_t now_ns);

#endif
