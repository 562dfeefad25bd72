// SPDX-License-Identifier: MIT
/*
 * Measures the cost of one unlink(2): creates files, unlinks each, and prints the median CPU time
 * that the call took this thread, in nanoseconds, less the time to read the clock. In a guest whose
 * clock counts instructions these are instructions. Other tasks that run in between do not count.
 *
 * unlinkcost [-m | -r] [-t SECONDS] [-u CPU.STAT]... COUNT DIRECTORY...
 *
 * The files are in each directory in turn. With -m no file exists and each call fails (ENOENT).
 * With -r it measures rename(2) to a new name in the same directory instead.
 * With -t it waits SECONDS before the first and after the last call, and also prints the time per
 * call for which the CPUs were busy in between. With -u it prints the CPU time of a cgroup, too.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define UNITS_MAX 4

/* Column of "cpuN" in /proc/schedstat: nanoseconds in which the CPU ran any task. */
#define BUSY_COLUMN 7

struct reading {
	double busy, units[UNITS_MAX];
};

struct plan {
	const char *units[UNITS_MAX];
	int n_units;
	unsigned int wait;
	bool missing, rename;
	char **dirs;
	int n_dirs, count;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int compare(const void *a, const void *b)
{
	const long *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static double read_busy(void)
{
	FILE *file = fopen("/proc/schedstat", "re");
	char line[4096], *word, *rest;
	double sum = 0;
	int i;

	if (!file)
		die("/proc/schedstat");
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, "cpu", 3))
			continue;
		for (i = 0, word = strtok_r(line, " ", &rest); word && i < BUSY_COLUMN; i++)
			word = strtok_r(NULL, " ", &rest);
		sum += word ? strtod(word, NULL) : 0;
	}
	fclose(file);
	return sum;
}

static double read_unit(const char *path)
{
	FILE *file = fopen(path, "re");
	double usec = 0;

	if (!file || fscanf(file, "usage_usec %lf", &usec) != 1)
		die(path);
	fclose(file);
	return usec * 1000;
}

static void take_reading(const struct plan *plan, struct reading *ret)
{
	int i;

	if (!plan->wait)
		return;
	sleep(plan->wait);
	/* The kernel adds this task's own time when it is scheduled next, after the reading. */
	ret->busy = read_busy();
	for (i = 0; i < plan->n_units; i++)
		ret->units[i] = read_unit(plan->units[i]);
}

static void name_file(const struct plan *plan, int i, char *name, size_t size)
{
	snprintf(name, size, "%s/file%06d", plan->dirs[i % plan->n_dirs], i);
}

static void create(const struct plan *plan)
{
	char name[4200];
	int i, fd;

	for (i = 0; i < plan->count; i++) {
		name_file(plan, i, name, sizeof(name));
		fd = open(name, O_CREAT | O_WRONLY, 0600);
		if (fd < 0)
			die(name);
		close(fd);
	}
}

static long measure(const struct plan *plan)
{
	long *costs = calloc((size_t)plan->count, sizeof(*costs)), median, start, before;
	char name[4200], to[4210];
	int i, r;

	if (!costs)
		die("calloc");
	for (i = 0; i < plan->count; i++) {
		name_file(plan, i, name, sizeof(name));
		snprintf(to, sizeof(to), "%s.moved", name);
		start = now();
		before = now();
		r = plan->rename ? rename(name, to) : unlink(name);
		costs[i] = now() - before - (before - start);
		if ((r < 0) != plan->missing)
			die(name);
		if (plan->rename && unlink(to))
			die(to);
	}
	qsort(costs, (size_t)plan->count, sizeof(*costs), compare);
	median = costs[plan->count / 2];
	free(costs);
	return median;
}

static void parse(int argc, char *argv[], struct plan *plan)
{
	int option;

	while ((option = getopt(argc, argv, "mrt:u:")) > 0) {
		if (option == 'm')
			plan->missing = true;
		else if (option == 'r')
			plan->rename = true;
		else if (option == 't')
			plan->wait = (unsigned int)atoi(optarg);
		else if (option == 'u' && plan->n_units < UNITS_MAX)
			plan->units[plan->n_units++] = optarg;
		else
			break;
	}
	plan->count = option < 0 && optind < argc ? atoi(argv[optind]) : 0;
	plan->dirs = argv + optind + 1;
	plan->n_dirs = argc - optind - 1;
	if (plan->count < 1 || plan->n_dirs < 1) {
		fprintf(stderr, "usage: unlinkcost [-m | -r] [-t SECONDS] [-u CPU.STAT]... COUNT "
				"DIRECTORY...\n");
		exit(64);
	}
}

int main(int argc, char *argv[])
{
	struct reading before = {}, after = {};
	struct plan plan = {};
	int i;

	parse(argc, argv, &plan);
	if (!plan.missing)
		create(&plan);
	take_reading(&plan, &before);
	printf("%ld", measure(&plan));
	take_reading(&plan, &after);
	if (plan.wait)
		printf(" %.0f", (after.busy - before.busy) / plan.count);
	for (i = 0; plan.wait && i < plan.n_units; i++)
		printf(" %.0f", (after.units[i] - before.units[i]) / plan.count);
	printf("\n");
	return 0;
}
