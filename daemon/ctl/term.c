// SPDX-License-Identifier: MIT
#include "ctl/term.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

static pid_t pager;

static bool is_false(const char *word)
{
	static const char *const words[] = { "0", "no", "n", "false", "f", "off" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcasecmp(word, words[i]))
			return true;
	return false;
}

static bool wants_colours(void)
{
	const char *colours = getenv("SYSTEMD_COLORS"), *none = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (colours && *colours)
		return !is_false(colours);
	return !(none && *none) && isatty(STDOUT_FILENO) && term && strcmp(term, "dumb");
}

const struct uw_style *uw_term_style(void)
{
	static const struct uw_style plain = { "", "", "", "", "", "" };
	static const struct uw_style colours = { "\033[1m",  "\033[2m",	 "\033[31m",
						 "\033[32m", "\033[33m", "\033[0m" };
	static const struct uw_style *chosen;

	/* Once: after uw_pager_open() it is a pipe. */
	if (!chosen)
		chosen = wants_colours() ? &colours : &plain;
	return chosen;
}

void uw_term_size(size_t *ret_columns, size_t *ret_rows)
{
	struct winsize size = { 0 };

	*ret_columns = 80;
	*ret_rows = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return;
	if (size.ws_col)
		*ret_columns = size.ws_col;
	if (size.ws_row)
		*ret_rows = size.ws_row;
}

bool uw_term_utf8(void)
{
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

/* ---- the pager */

/* Whether a terminal that this writes to or reads from belongs to another user. */
static bool is_on_terminal_of_another(void)
{
	struct stat st;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (isatty(fd) && fstat(fd, &st) == 0 && st.st_uid != getuid())
			return true;
	return false;
}

/* Whether another user had logged in. Without a login, or if it is not known: false. */
static bool is_login_of_another(void)
{
	char text[16];
	uid_t uid;

	if (uw_file_read_small(AT_FDCWD, "/proc/self/loginuid", text, sizeof(text)) <= 0)
		return false;
	uid = (uid_t)strtoul(text, NULL, 10);
	return uid != (uid_t)-1 && uid != getuid();
}

/*
 * As in systemd: a user who runs this with the rights of another must not get a shell from the
 * pager. less(1) has a mode without shells; other pagers may not. Programs that change the user
 * leave a variable, and su(1) a terminal and a login of the first user.
 */
static bool is_secure(void)
{
	const char *asked = getenv("SYSTEMD_PAGERSECURE");

	if (asked && *asked)
		return !is_false(asked);
	return getauxval(AT_SECURE) || geteuid() != getuid() || getegid() != getgid() ||
	       getenv("SUDO_UID") || getenv("DOAS_USER") || getenv("PKEXEC_UID") ||
	       is_on_terminal_of_another() || is_login_of_another();
}

static const char *find_pager(bool secure)
{
	const char *command = getenv("SYSTEMD_PAGER");

	if (!command)
		command = getenv("PAGER");
	if (!command || (secure && *command && strcmp(command, "cat")))
		return "less";
	return command;
}

static void run_pager(const char *command, bool secure)
{
	const char *less = getenv("SYSTEMD_LESS"), *charset = getenv("SYSTEMD_LESSCHARSET");

	setenv("LESS", less ?: "FRSXMK", 1);
	if (charset || uw_term_utf8())
		setenv("LESSCHARSET", charset ?: "utf-8", 1);
	setenv("LESSSECURE", secure ? "1" : "0", 1);
	execlp("sh", "sh", "-c", command, NULL);
	_exit(127);
}

void uw_pager_open(void)
{
	bool secure = is_secure();
	const char *command = find_pager(secure);
	int fd[2];

	if (pager || !isatty(STDOUT_FILENO) || !*command || !strcmp(command, "cat") || pipe(fd) < 0)
		return;
	fflush(stdout);
	pager = fork();
	if (pager == 0) {
		dup2(fd[0], STDIN_FILENO);
		close(fd[0]);
		close(fd[1]);
		run_pager(command, secure);
	}
	if (pager > 0) {
		dup2(fd[1], STDOUT_FILENO);
		if (isatty(STDERR_FILENO))
			dup2(fd[1], STDERR_FILENO);
	}
	close(fd[0]);
	close(fd[1]);
}

void uw_pager_close(void)
{
	if (pager <= 0)
		return;
	fflush(stdout);
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	/* ^C is then the pager's, which does not end on it. */
	signal(SIGINT, SIG_IGN);
	while (waitpid(pager, NULL, 0) < 0 && errno == EINTR)
		;
}

int uw_term_write(struct uw_buf *buf)
{
	size_t at = 0;
	ssize_t n;
	int r = buf->failed ? -ENOMEM : 0;

	while (at < buf->len && r == 0) {
		n = write(STDOUT_FILENO, buf->p + at, buf->len - at);
		if (n >= 0)
			at += (size_t)n;
		else if (errno != EINTR)
			r = -errno;
	}
	uw_buf_reset(buf);
	return r;
}
