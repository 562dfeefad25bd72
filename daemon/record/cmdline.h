/* SPDX-License-Identifier: MIT */
/*
 * A command line as a person can paste it. By hand: the C library quotes nothing for a shell, what
 * systemd has for it is not in libsystemd, and GLib would be a library more for thirty lines. Pure.
 */
#ifndef UW_CMDLINE_H
#define UW_CMDLINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "unlinkwatch.h"

/* The longest line: every byte is a quote, which takes four, with quotes around and the mark
 * behind. */
#define UW_CMDLINE_ROOM (4 * UW_CMDLINE_MAX + 16)

/*
 * Writes arguments, at most UW_CMDLINE_MAX bytes with a NUL between two of them, as a line for a
 * shell: an argument with anything but letters, digits and ._/:=,@%+- is quoted. A command line
 * that was cut ends in ` (cut)`, which no quoted argument looks like, and which keeps a shell from
 * running the line. Returns the length.
 */
size_t uw_cmdline_quote(struct uw_str cmdline, bool cut, char room[UW_CMDLINE_ROOM]);

#endif
