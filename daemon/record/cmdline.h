/* SPDX-License-Identifier: MIT */
/*
 * Quotes a command line so that it can be pasted into a shell. The C library and libsystemd have no
 * function for that, and GLib would be one more dependency for thirty lines. Pure.
 */
#ifndef UW_CMDLINE_H
#define UW_CMDLINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "unlinkwatch.h"

/* The longest result: each byte is a quote, which takes four, plus quotes around and " (cut)". */
#define UW_CMDLINE_ROOM (4 * UW_CMDLINE_MAX + 16)

/*
 * Writes arguments, at most UW_CMDLINE_MAX bytes with a NUL between two of them, as a line for a
 * shell. It quotes an argument with anything but letters, digits and ._/:=,@%+-. A command line
 * that was cut ends in ` (cut)`, which no argument looks like, and which is a syntax error in a
 * shell. Returns the length.
 */
size_t uw_cmdline_quote(struct uw_str cmdline, bool cut, char room[UW_CMDLINE_ROOM]);

#endif
