// SPDX-License-Identifier: MIT
/*
 * What one unlink(2) costs: creates files in a directory, unlinks each, and prints the median time
 * in nanoseconds of CLOCK_MONOTONIC. In a guest whose clock counts instructions that is
 * instructions.
 *
 * unlinkcost DIRECTORY COUNT
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int compare(const void *a, const void *b)
{
	const long *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int main(int argc, char *argv[])
{
	struct timespec before, after;
	char name[4200];
	long *costs;
	int n, i;

	n = argc == 3 ? atoi(argv[2]) : 0;
	costs = n > 0 ? calloc((size_t)n, sizeof(*costs)) : NULL;
	if (!costs) {
		fprintf(stderr, "usage: unlinkcost DIRECTORY COUNT\n");
		return 64;
	}
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/file%05d", argv[1], i);
		close(open(name, O_CREAT | O_WRONLY, 0600));
		clock_gettime(CLOCK_MONOTONIC, &before);
		if (unlink(name)) {
			perror(name);
			return 1;
		}
		clock_gettime(CLOCK_MONOTONIC, &after);
		costs[i] = (after.tv_sec - before.tv_sec) * 1000000000L + after.tv_nsec -
			   before.tv_nsec;
	}
	qsort(costs, (size_t)n, sizeof(*costs), compare);
	printf("%ld\n", costs[n / 2]);
	free(costs);
	return 0;
}
