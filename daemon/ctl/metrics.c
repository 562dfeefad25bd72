// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/commands.h"
#include "ctl/openmetrics.h"
#include "ctl/status_client.h"

static int write_all(int fd, const struct uw_buf *buf)
{
	size_t at = 0;
	ssize_t n;

	while (at < buf->len) {
		n = write(fd, buf->p + at, buf->len - at);
		if (n < 0 && errno != EINTR)
			return -errno;
		at += n < 0 ? 0 : (size_t)n;
	}
	return 0;
}

/*
 * Write to another name and rename, so that the collector, which reads *.prom, never sees half a
 * file. Anybody may read the file, since the collector is not root.
 */
static int write_textfile(const char *path, const struct uw_buf *buf)
{
	char *temporary;
	int fd, r;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		r = -errno;
		free(temporary);
		return r;
	}
	r = write_all(fd, buf);
	if (r == 0 && fchmod(fd, 0644) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(temporary);
	free(temporary);
	return r;
}

int uw_cmd_metrics(const struct uw_ctl_options *options)
{
	struct uw_buf text = { 0 }, metrics = { 0 };
	json_t *root = NULL;
	int r;

	r = uw_status_client_fetch(options->socket, &text);
	if (r >= 0)
		r = uw_status_client_parse(&text, &root);
	/* No permission is an error; a daemon that does not run is a metric. */
	if (r == -EACCES || r == -ENOMEM || r == -ENAMETOOLONG) {
		uw_buf_free(&text);
		return uw_fail(options->socket, r);
	}
	uw_openmetrics_add(root, options->textfile, &metrics);
	json_decref(root);
	if (options->textfile)
		r = metrics.failed ? -ENOMEM : write_textfile(options->textfile, &metrics);
	else
		r = uw_term_write(&metrics);
	uw_buf_free(&text);
	uw_buf_free(&metrics);
	return r < 0 ? uw_fail(options->textfile ?: "cannot write", r) : UW_CTL_FOUND;
}
