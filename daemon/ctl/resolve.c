// SPDX-License-Identifier: MIT
#include "ctl/resolve.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Leaves the last component out. */
static bool shorten(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || slash[1] == '\0')
		return false;
	slash[slash == path] = '\0';
	return true;
}

char *uw_resolve(const char *path)
{
	char *start = strdup(path), *real = NULL, *whole = NULL;

	while (start && !(real = realpath(start, NULL)) && errno != ENOMEM && shorten(start))
		;
	if (real) {
		const char *rest = path + (strcmp(start, "/") ? strlen(start) : 0);

		if (asprintf(&whole, "%s%s", *rest && !strcmp(real, "/") ? "" : real, rest) < 0)
			whole = NULL;
	}
	free(start);
	free(real);
	return whole;
}
