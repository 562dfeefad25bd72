/* SPDX-License-Identifier: MIT */
/*
 * Makes programs for BTF tracepoints load under lockdown=confidentiality.
 *
 * libbpf asks whether the kernel has bpf_probe_read_kernel() (5.5) by loading a program that calls
 * it. Lockdown refuses that, so libbpf takes the kernel for an older one, and replaces
 * bpf_probe_read_user_str(), which lockdown allows, by bpf_probe_read_str(), which it does not. A
 * handler for a section name of our own gets the program after that, and puts the call back.
 */
#ifndef UW_RAWTP_H
#define UW_RAWTP_H

struct bpf_object;

/* Makes libbpf know sections "uw_raw/TRACEPOINT". Once is enough, more is harmless. 0 or -errno. */
int uw_rawtp_register(void);

/*
 * Sets the attach targets of the opened object's programs by their sections. Returns 0 or -errno.
 */
int uw_rawtp_prepare(struct bpf_object *object);

#endif
