// SPDX-License-Identifier: MIT
/* Attaches all programs of a BPF object and waits: attach OBJECT */
#include <stdio.h>
#include <unistd.h>

#include <bpf/libbpf.h>

int main(int argc, char *argv[])
{
	struct bpf_program *program;
	struct bpf_object *object;

	if (argc != 2) {
		fprintf(stderr, "usage: attach OBJECT\n");
		return 64;
	}
	object = bpf_object__open_file(argv[1], NULL);
	if (!object || bpf_object__load(object)) {
		perror(argv[1]);
		return 1;
	}
	bpf_object__for_each_program(program, object)
	{
		if (!bpf_program__attach(program)) {
			perror(bpf_program__name(program));
			return 1;
		}
	}
	puts("attached");
	fflush(stdout);
	pause();
	return 0;
}
