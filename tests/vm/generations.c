// SPDX-License-Identifier: MIT
/*
 * Processes with names of their own, each with ten children that delete a file and end, so that the
 * numbers of parents and children are soon used again. The name of a file tells whose it is:
 * genN-PID-CHILD.
 *
 * generations DIRECTORY DELETIONS
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 10 };

static void die(const char *what)
{
	perror(what);
	_exit(1);
}

/* Waits for the only child. */
static void wait_for(pid_t pid)
{
	int status;

	if (pid < 0)
		die("fork");
	if (waitpid(pid, &status, 0) != pid || status) {
		fprintf(stderr, "process %d failed\n", (int)pid);
		_exit(1);
	}
}

static void delete_by_child(const char *name, int i)
{
	char file[64];
	pid_t pid;

	snprintf(file, sizeof(file), "%s-%d-%d", name, (int)getpid(), i);
	if (close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)))
		die(file);
	pid = fork();
	if (!pid)
		_exit(unlink(file) ? 1 : 0);
	wait_for(pid);
}

int main(int argc, char *argv[])
{
	char name[16];
	int n;

	if (argc != 3) {
		fprintf(stderr, "usage: generations DIRECTORY DELETIONS\n");
		return 64;
	}
	if (chdir(argv[1]))
		die(argv[1]);
	for (n = 0; n < atoi(argv[2]); n += CHILDREN) {
		pid_t pid = fork();

		if (!pid) {
			snprintf(name, sizeof(name), "gen%d", n);
			prctl(PR_SET_NAME, name);
			for (int i = 0; i < CHILDREN; i++)
				delete_by_child(name, i);
			_exit(0);
		}
		wait_for(pid);
	}
	return 0;
}
