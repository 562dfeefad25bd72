// SPDX-License-Identifier: MIT
/*
 * Makes one deletion or move after the steps that the caller asks for. Before it, it prints "ready"
 * and waits for a byte, so that the caller can look at this process. Afterwards it prints TID RET.
 *
 * victims [STEP...] unlink NAME | rmdir NAME | rename OLD NEW | unlinkat FD NAME FLAGS |
 *                   renameat FD OLD FD NEW | renameat2 FD OLD FD NEW FLAGS | nothing
 *
 * STEP: chroot DIR, chdir DIR, unshare (a mount namespace of its own), bind DIR DIR,
 * mount FSTYPE DIR OPTIONS, detach DIR (unmount it lazily), pivot DIR (make it the only root of
 * the namespace), open DIR (descriptor 10, 11, ...), comm NAME, setuid UID, seteuid UID,
 * setfsuid UID (the gid, too), thread (delete in another thread), via int80 | uring | sqpoll
 *
 * FD: a number, or cwd. NAME: "@fault" is an address that cannot be read.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { OP_RENAMEAT = 35, OP_UNLINKAT = 36 };

enum way { NATIVE, INT80, URING, SQPOLL };

struct deletion {
	const char *call;
	enum way way;
	int fd, from_fd;
	unsigned int flags;
	const char *name, *from;
	int tid;
	long ret;
};

static void must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(70);
}

static bool is(const char *a, const char *b)
{
	return !strcmp(a, b);
}

static int descriptor(const char *text)
{
	return is(text, "cwd") ? AT_FDCWD : atoi(text);
}

/* Copies the text to where a 32-bit pointer can reach it. */
static const char *low(const char *text)
{
	size_t size = strlen(text) + 1;
	char *p;

	if (is(text, "@fault"))
		return (const char *)1;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1,
		 0);
	must(p != MAP_FAILED, "mmap");
	return memcpy(p, text, size);
}

static long native(long nr, long a, long b, long c, long d, long e)
{
	return syscall(nr, a, b, c, d, e) ? -errno : 0;
}

static long int80(long nr, long a, long b, long c, long d, long e)
{
#ifdef __x86_64__
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)ret;
#else
	return -ENOSYS;
#endif
}

#ifdef SYS_unlink
static const struct {
	const char *call;
	long nr, nr32;
} calls[] = {
	{ "unlink", SYS_unlink, 10 },	   { "unlinkat", SYS_unlinkat, 301 },
	{ "rmdir", SYS_rmdir, 40 },	   { "rename", SYS_rename, 38 },
	{ "renameat", SYS_renameat, 302 }, { "renameat2", SYS_renameat2, 353 },
};
#endif

static long by_syscall(const struct deletion *d)
{
	long (*call)(long, long, long, long, long, long) = d->way == INT80 ? int80 : native;
	long nr = -1, name = (long)d->name, from = (long)d->from;
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (is(d->call, calls[i].call))
			nr = d->way == INT80 ? calls[i].nr32 : calls[i].nr;
	if (is(d->call, "unlink") || is(d->call, "rmdir"))
		return call(nr, name, 0, 0, 0, 0);
	if (is(d->call, "unlinkat"))
		return call(nr, d->fd, name, d->flags, 0, 0);
	if (is(d->call, "rename"))
		return call(nr, from, name, 0, 0, 0);
	return call(nr, d->from_fd, from, d->fd, name, d->flags);
}

static void *ring(int fd, size_t size, off_t which)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, which);

	must(p != MAP_FAILED, "mmap of a ring");
	return p;
}

static long by_uring(const struct deletion *d)
{
	struct io_uring_params p = { .flags = d->way == SQPOLL ? IORING_SETUP_SQPOLL : 0,
				     .sq_thread_idle = 1000 };
	int fd = (int)syscall(SYS_io_uring_setup, 4, &p);
	unsigned int *sq_tail, *array, *cq_head, *cq_tail, enter = IORING_ENTER_GETEVENTS;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	char *sq, *cq;

	must(fd >= 0, "io_uring_setup");
	sq = ring(fd, p.sq_off.array + p.sq_entries * sizeof(unsigned int), IORING_OFF_SQ_RING);
	cq = ring(fd, p.cq_off.cqes + p.cq_entries * sizeof(*cqe), IORING_OFF_CQ_RING);
	sqe = ring(fd, p.sq_entries * sizeof(*sqe), IORING_OFF_SQES);
	sq_tail = (unsigned int *)(sq + p.sq_off.tail);
	array = (unsigned int *)(sq + p.sq_off.array);
	cq_head = (unsigned int *)(cq + p.cq_off.head);
	cq_tail = (unsigned int *)(cq + p.cq_off.tail);

	memset(sqe, 0, sizeof(*sqe));
	if (is(d->call, "unlinkat")) {
		sqe->opcode = OP_UNLINKAT;
		sqe->fd = d->fd;
		sqe->addr = (uintptr_t)d->name;
	} else {
		sqe->opcode = OP_RENAMEAT;
		sqe->fd = d->from_fd;
		sqe->addr = (uintptr_t)d->from;
		sqe->len = (unsigned int)d->fd;
		sqe->off = (uintptr_t)d->name;
	}
	sqe->unlink_flags = d->flags;
	array[0] = 0;
	__atomic_store_n(sq_tail, 1, __ATOMIC_RELEASE);
	if (d->way == SQPOLL)
		enter |= IORING_ENTER_SQ_WAKEUP;
	do
		must(syscall(SYS_io_uring_enter, fd, 1, 1, enter, NULL, 0) >= 0 || errno == EINTR,
		     "io_uring_enter");
	while (__atomic_load_n(cq_tail, __ATOMIC_ACQUIRE) == *cq_head);
	cqe = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
	return cqe->res;
}

static void *delete (void *arg)
{
	struct deletion *d = arg;

	d->tid = (int)syscall(SYS_gettid);
	d->ret = d->way == URING || d->way == SQPOLL ? by_uring(d) : by_syscall(d);
	return NULL;
}

/* Takes the step at argv[0]. Returns the number of its words, 0 for the deletion. */
static int step(char **argv, struct deletion *d, bool *threaded)
{
	static int next_fd = 10;
	int fd;

	if (is(argv[0], "chroot")) {
		must(!chroot(argv[1]), argv[1]);
	} else if (is(argv[0], "chdir")) {
		must(!chdir(argv[1]), argv[1]);
	} else if (is(argv[0], "open")) {
		fd = open(argv[1], O_PATH);
		must(fd >= 0 && dup2(fd, next_fd++) >= 0, argv[1]);
		close(fd);
	} else if (is(argv[0], "comm")) {
		must(!prctl(PR_SET_NAME, argv[1]), "comm");
	} else if (is(argv[0], "setuid")) {
		uid_t uid = (uid_t)atoi(argv[1]);

		must(!setresgid(uid, uid, uid) && !setresuid(uid, uid, uid), "setuid");
	} else if (is(argv[0], "seteuid")) {
		must(!seteuid((uid_t)atoi(argv[1])), "seteuid");
	} else if (is(argv[0], "setfsuid")) {
		uid_t uid = (uid_t)atoi(argv[1]);

		setfsgid(uid);
		setfsuid(uid);
	} else if (is(argv[0], "detach")) {
		must(!umount2(argv[1], MNT_DETACH), argv[1]);
	} else if (is(argv[0], "via")) {
		d->way = is(argv[1], "int80") ? INT80 : is(argv[1], "uring") ? URING : SQPOLL;
	} else if (is(argv[0], "bind")) {
		must(!mount(argv[1], argv[2], NULL, MS_BIND, NULL), argv[2]);
		return 3;
	} else if (is(argv[0], "mount")) {
		must(!mount("victims", argv[2], argv[1], 0, argv[3]), argv[2]);
		return 4;
	} else if (is(argv[0], "pivot")) {
		must(!mount(argv[1], argv[1], NULL, MS_BIND | MS_REC, NULL) && !chdir(argv[1]),
		     argv[1]);
		must(!syscall(SYS_pivot_root, ".", ".") && !umount2(".", MNT_DETACH), "pivot_root");
		must(!chdir("/"), "/");
	} else if (is(argv[0], "unshare")) {
		must(!unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL),
		     "unshare");
		return 1;
	} else if (is(argv[0], "thread")) {
		*threaded = true;
		return 1;
	} else {
		return 0;
	}
	return 2;
}

static void parse(int argc, char **argv, struct deletion *d)
{
	static const struct {
		const char *call;
		int args;
	} forms[] = { { "unlink", 1 },	 { "rmdir", 1 },    { "rename", 2 },
		      { "unlinkat", 3 }, { "renameat", 4 }, { "renameat2", 5 } };
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (is(argv[0], forms[i].call) && argc == forms[i].args + 1)
			break;
	if (i == sizeof(forms) / sizeof(forms[0])) {
		fprintf(stderr, "victims: no deletion\n");
		exit(64);
	}
	d->call = argv[0];
	if (i < 2) {
		d->name = low(argv[1]);
	} else if (i == 2) {
		d->from = low(argv[1]);
		d->name = low(argv[2]);
	} else if (i == 3) {
		d->fd = descriptor(argv[1]);
		d->name = low(argv[2]);
		d->flags = (unsigned int)strtoul(argv[3], NULL, 0);
	} else {
		d->from_fd = descriptor(argv[1]);
		d->from = low(argv[2]);
		d->fd = descriptor(argv[3]);
		d->name = low(argv[4]);
		d->flags = i == 5 ? (unsigned int)strtoul(argv[5], NULL, 0) : 0;
	}
}

int main(int argc, char *argv[])
{
	struct deletion d = { .fd = AT_FDCWD, .from_fd = AT_FDCWD };
	bool threaded = false;
	pthread_t thread;
	char byte;
	int i, n;

	for (i = 1; i < argc && (n = step(argv + i, &d, &threaded)); i += n)
		;
	if (i >= argc) {
		fprintf(stderr, "victims: nothing to do\n");
		return 64;
	}
	/* Tests for 32-bit system calls. A kernel without them raises SIGSEGV. */
	if (is(argv[i], "nothing")) {
		printf("%ld\n", d.way == INT80 ? int80(20, 0, 0, 0, 0, 0) : 0);
		return 0;
	}
	parse(argc - i, argv + i, &d);
	must(write(1, "ready\n", 6) == 6 && read(0, &byte, 1) == 1, "ready");
	if (threaded)
		must(!pthread_create(&thread, NULL, delete, &d) && !pthread_join(thread, NULL),
		     "thread");
	else
		delete (&d);
	printf("%d %ld\n", d.tid, d.ret);
	return 0;
}
