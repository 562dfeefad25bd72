// SPDX-License-Identifier: MIT
/*
 * Several processes make many deletions of all kinds, each in a directory of its own: names that
 * exist and names that do not, directories, renames that replace a file, fail, or move one away,
 * and names that need a long slot of the kernel side. Prints how many deletions succeeded and how
 * many failed.
 *
 * churn DIRECTORY PROCESSES DELETIONS
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Lengths of names. The kernel accepts up to 4095 bytes. */
enum { LONG = 600, LONGEST = 4000 };

struct counts {
	long succeeded, failed;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void make(const char *name)
{
	int fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0)
		die(name);
	close(fd);
}

/* ./././name */
static const char *lengthen(const char *name, size_t len)
{
	static char path[LONGEST + 1];
	size_t i, start = len - strlen(name);

	start -= start % 2;
	for (i = 0; i < start; i++)
		path[i] = i % 2 ? '/' : '.';
	strcpy(path + start, name);
	return path;
}

/* Makes the deletion number i. Returns 0 or -1 like the system call. */
static int delete_next(long i)
{
	switch (i % 16) {
	case 0:
	case 1:
	case 2:
	case 3:
		return unlink("none");
	case 4:
	case 5:
	case 6:
		make("old");
		make("new");
		return rename("old", "new");
	case 7:
		make("old");
		return rename("old", "directory");
	case 8:
		if (mkdir("below", 0700))
			die("mkdir");
		return rmdir("below");
	case 9:
		make("file");
		return unlink(lengthen("file", i / 16 % 2 ? LONG : LONGEST));
	case 10:
		make("file");
		return rename("file", "moved");
	case 11:
		return unlink("moved");
	default:
		make("file");
		return unlink("file");
	}
}

static void churn(const char *dir, int number, long n, struct counts *counts)
{
	char name[32];
	long i;

	snprintf(name, sizeof(name), "process%d", number);
	if (chdir(dir) || (mkdir(name, 0700) && errno != EEXIST) || chdir(name) ||
	    (mkdir("directory", 0700) && errno != EEXIST))
		die(name);
	for (i = 0; i < n; i++)
		if (delete_next(i))
			counts->failed++;
		else
			counts->succeeded++;
}

int main(int argc, char *argv[])
{
	struct counts *counts, sum = { 0 };
	int processes, p, status, bad = 0;
	long n;

	if (argc != 4) {
		fprintf(stderr, "usage: churn DIRECTORY PROCESSES DELETIONS\n");
		return 64;
	}
	processes = atoi(argv[2]);
	n = atol(argv[3]);
	counts = mmap(NULL, (size_t)processes * sizeof(*counts), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		die("mmap");
	for (p = 0; p < processes; p++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (!pid) {
			churn(argv[1], p, n / processes + (p < n % processes), &counts[p]);
			_exit(0);
		}
	}
	while (wait(&status) > 0)
		bad |= status;
	for (p = 0; p < processes; p++) {
		sum.succeeded += counts[p].succeeded;
		sum.failed += counts[p].failed;
	}
	printf("%ld %ld\n", sum.succeeded, sum.failed);
	return bad ? 1 : 0;
}
