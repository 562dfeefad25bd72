/* SPDX-License-Identifier: MIT */
/*
 * The names that a storm keeps: the value of the field UNLINK_NAMES. A storm has no record for each
 * deletion. Its names are packed into one field, from which each deletion's record can be made
 * again: all its fields but UNLINK_DURATION_NS, its time in microseconds. docs/manifest.md
 * describes the format for others, with a decoder.
 *
 *   names    = entry...
 *   entry    = 'F' number string...                  new fields, and their number of strings
 *            | 'S' number                            fields that an earlier 'F' has brought
 *            | 'D' number string                     the directory
 *            | 'H' number string                     the directory in the host's tree
 *            | head [error] [inode size] time string [number string...]
 *   head     = a byte: 0x80, the operation in the low three bits, and UW_NAME_* below
 *   error    = number: a positive error number; 0: the result is not known
 *   inode    = signed: what it is above the last one
 *   size     = number: bytes
 *   time     = signed: the same, in microseconds since 1970
 *   string   = number bytes: the last is the name, or in 'F' and at the end NAME=value
 *   number   = seven bits a byte, the lowest first, all but the last with 0x80
 *   signed   = number: 2 n if n >= 0, otherwise -2 n - 1
 *
 * Fields hold for all names that follow, until others are brought or selected. The first 'F' has
 * the number 0, the next one 1. Those at the end of an entry hold for it alone, before those of the
 * same name in 'F'. Directories, the last inode and the last time belong to the fields that hold,
 * and begin as "", "", 0 and 0. A directory is what the one before begins with, up to a number of
 * bytes, and the string. The path is the directory, a slash and the name; there is none if the name
 * is empty, and no path on the host if that directory is.
 *
 * Pure. The reader trusts no byte.
 */
#ifndef UW_NAMES_H
#define UW_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define UW_NAME_ERROR	0x08 /* it failed, or the result is not known */
#define UW_NAME_FILE	0x10 /* inode and size are known */
#define UW_NAME_BY_PATH 0x20 /* UNLINK_FILENAME is the path, and otherwise the name */
#define UW_NAME_MORE	0x40 /* further fields come at the end */

/* How many sets of fields one value can have. */
#define UW_NAMES_SETS 64

/* One deletion. Strings are valid until the next call. */
struct uw_name {
	unsigned int op; /* enum uw_op */
	bool failed;	 /* or the result is not known */
	int error;	 /* positive; 0: not known, if `failed` */
	bool file_known;
	uint64_t ino, bytes;
	uint64_t time_us; /* since 1970 */
	struct uw_str dir, host_dir;
	struct uw_str name; /* the last component, or "" */
	bool by_path;
	struct uw_str fields; /* of all names of that set: strings as above */
	struct uw_str more;   /* of this one alone */
};

/* Takes the first string, "NAME=value", off `fields`. False if there is none left. */
bool uw_names_field(struct uw_str *fields, struct uw_str *ret);

/* Adds a field to the bytes that are such strings. */
void uw_names_add_field(struct uw_buf *fields, const char *name, struct uw_str value);

/* ---- writing */

struct uw_names_writer;

/* Returns NULL if memory is short; free with uw_names_writer_free(), which accepts NULL. */
struct uw_names_writer *uw_names_writer_new(void);
void uw_names_writer_free(struct uw_names_writer *writer);

/* Begins a new value: what was written before has no meaning for it. */
void uw_names_writer_reset(struct uw_names_writer *writer);

/* Whether a deletion with new fields had no room any more. */
bool uw_names_writer_is_full(const struct uw_names_writer *writer);

/*
 * Appends the entries of one deletion to buf; UNLINK_PATH is dir and name. Returns false if they
 * take more than `room` bytes or memory is short: buf is as before, and a new value has to begin.
 */
bool uw_names_write(struct uw_names_writer *writer, const struct uw_name *name, size_t room,
		    struct uw_buf *buf);

/* ---- reading */

struct uw_names_reader;

/* The value is borrowed. Returns NULL if memory is short. */
struct uw_names_reader *uw_names_reader_new(void);
void uw_names_reader_free(struct uw_names_reader *reader);
void uw_names_reader_begin(struct uw_names_reader *reader, struct uw_str value);

/* The next deletion. Returns 1, 0 at the end, -EBADMSG, or -ENOMEM. */
int uw_names_read(struct uw_names_reader *reader, struct uw_name *ret);

#endif
