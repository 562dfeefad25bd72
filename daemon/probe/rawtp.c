// SPDX-License-Identifier: MIT
#include "probe/rawtp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#define SECTION "uw_raw/"

static int restore_calls(struct bpf_program *program, struct bpf_prog_load_opts *opts, long cookie)
{
	size_t n = bpf_program__insn_cnt(program), i;
	struct bpf_insn *insns;
	int r;

	(void)opts, (void)cookie;
	insns = malloc(n * sizeof(*insns));
	if (!insns)
		return -ENOMEM;
	memcpy(insns, bpf_program__insns(program), n * sizeof(*insns));
	for (i = 0; i < n; i++)
		if (insns[i].code == (BPF_JMP | BPF_CALL) && !insns[i].src_reg &&
		    insns[i].imm == BPF_FUNC_probe_read_str)
			insns[i].imm = BPF_FUNC_probe_read_user_str;
	r = bpf_program__set_insns(program, insns, n);
	free(insns);
	return r;
}

int uw_rawtp_register(void)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, opts, .prog_prepare_load_fn = restore_calls);
	static int id;

	if (!id)
		id = libbpf_register_prog_handler(SECTION, BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP,
						  &opts);
	return id < 0 ? id : 0;
}

int uw_rawtp_prepare(struct bpf_object *object)
{
	struct bpf_program *program;
	const char *section;
	int r;

	bpf_object__for_each_program(program, object)
	{
		section = bpf_program__section_name(program);
		if (strncmp(section, SECTION, strlen(SECTION)))
			continue;
		r = bpf_program__set_attach_target(program, 0, section + strlen(SECTION));
		if (r < 0)
			return r;
	}
	return 0;
}
