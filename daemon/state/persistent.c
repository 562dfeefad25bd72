// SPDX-License-Identifier: MIT
#include "state/persistent.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* "uwledger", and to be raised with every change of what is in the memory, the storms included. */
#define MAGIC	UINT64_C(0x7265676465776c75)
#define VERSION 2

/* What systemd keeps it as: the next version looks for this name. */
#define STORED_NAME "ledger"

/* The kernel has not taken the message. */
#define UNSENT UINT_MAX

/* The queue's ring is in one of two areas, the other one is for its successor. Holes take nothing. */
#define AREA_SIZE ((off_t)1 << 40)

struct page {
	uint64_t magic;
	uint64_t version;
	uint64_t size;	   /* of the words */
	uint64_t changing; /* the words are not to be trusted, but before */
	uint64_t sending;  /* words.popped + 1 when message was about to be sent, or 0 */
	struct mmsghdr message;
	struct uw_persistent_words words, before;
};

/* Whoever is killed has done what stands before in the program, and nothing that stands behind. */
static void in_order(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static off_t area_start(uint64_t area)
{
	return (off_t)(area + 1) * AREA_SIZE;
}

static int map_area(int fd, uint64_t area, size_t size, char **ret)
{
	void *ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, area_start(area));

	if (ring == MAP_FAILED)
		return -errno;
	*ret = ring;
	return 0;
}

static int map(struct uw_persistent *l, int fd)
{
	void *page = mmap(NULL, sizeof(*l->page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	void *room = mmap(NULL, UW_PERSISTENT_ROOM, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			  (off_t)UW_PERSISTENT_ROOM);

	*l = (struct uw_persistent){
		.fd = -EBADF,
		.page = page == MAP_FAILED ? NULL : page,
		.room = room == MAP_FAILED ? NULL : room,
	};
	if (!l->page || !l->room) {
		uw_persistent_done(l);
		return -ENOMEM;
	}
	l->words = &l->page->words;
	l->message = &l->page->message;
	return 0;
}

int uw_persistent_new(struct uw_persistent *ret, size_t queue_size)
{
	int fd = memfd_create("unlinkwatchd-ledger", MFD_CLOEXEC), r;
	char *ring = NULL;

	if (fd < 0)
		return -errno;
	r = ftruncate(fd, area_start(2)) ? -errno : map(ret, fd);
	if (r < 0) {
		close(fd);
		return r;
	}
	ret->fd = fd;
	r = map_area(fd, 0, queue_size, &ring);
	if (r < 0) {
		uw_persistent_done(ret);
		return r;
	}
	uw_queue_init(&ret->words->queue, ring, queue_size);
	ret->page->version = VERSION;
	ret->page->size = sizeof(*ret->words);
	in_order();
	ret->page->magic = MAGIC;
	return 0;
}

int uw_persistent_adopt(struct uw_persistent *ret, int fd)
{
	struct uw_persistent_words *words;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size != area_start(2))
		return -EPROTO;
	r = map(ret, fd);
	if (r < 0)
		return r;
	words = ret->words;
	if (ret->page->magic != MAGIC || ret->page->version != VERSION ||
	    ret->page->size != sizeof(*words)) {
		uw_persistent_done(ret);
		return -EPROTO;
	}
	ret->interrupted = ret->page->changing;
	if (ret->interrupted)
		*words = ret->page->before;
	in_order();
	ret->page->changing = 0;
	r = map_area(fd, words->area, words->queue.size, &words->queue.ring);
	if (r < 0) {
		words->queue.ring = NULL;
		uw_persistent_done(ret);
		return r;
	}
	ret->fd = fd;
	ret->adopted = true;
	return 0;
}

void uw_persistent_done(struct uw_persistent *l)
{
	if (l->page) {
		/* The next process maps it anew. */
		if (l->fd >= 0 && l->words->queue.ring)
			munmap(l->words->queue.ring, l->words->queue.size);
		munmap(l->page, sizeof(*l->page));
		if (l->fd >= 0)
			close(l->fd);
	}
	if (l->room)
		munmap(l->room, UW_PERSISTENT_ROOM);
	*l = (struct uw_persistent){ .fd = -EBADF };
}

void uw_persistent_begin(struct uw_persistent *l)
{
	if (l->depth++)
		return;
	l->page->before = l->page->words;
	in_order();
	l->page->changing = 1;
	in_order();
}

void uw_persistent_commit(struct uw_persistent *l)
{
	if (--l->depth)
		return;
	in_order();
	l->page->changing = 0;
	in_order();
}

bool uw_persistent_is_changing(const struct uw_persistent *l)
{
	return l->depth;
}

void uw_persistent_next(struct uw_persistent *l, struct uw_taken next)
{
	l->next = next;
}

void uw_persistent_take(struct uw_persistent *l)
{
	struct uw_taken *taken = l->words->taken;

	if (!l->next.serial)
		return;
	/* At most two sources are read at a time. */
	if (taken[1].serial == l->next.serial || taken[1].serial < taken[0].serial)
		taken++;
	if (l->words->taken[0].serial == l->next.serial)
		taken = &l->words->taken[0];
	*taken = l->next;
	l->next.serial = 0;
}

uint64_t uw_persistent_taken(const struct uw_persistent *l, uint64_t serial)
{
	size_t i;

	for (i = 0; i < 2; i++)
		if (l->words->taken[i].serial == serial)
			return l->words->taken[i].position;
	return 0;
}

void uw_persistent_sending(struct uw_persistent *l)
{
	l->message->msg_len = UNSENT;
	in_order();
	l->page->sending = l->words->popped + 1;
	in_order();
}

bool uw_persistent_was_sent(const struct uw_persistent *l)
{
	return l->page->sending == l->words->popped + 1 && l->message->msg_len != UNSENT;
}

int uw_persistent_resize_queue(struct uw_persistent *l, size_t size)
{
	struct uw_queue *q = &l->words->queue, other;
	uint64_t area = !l->words->area;
	size_t old_size = q->size;
	char *ring = NULL, *old = q->ring;
	int r;

	/* The queue rounds it down. */
	if (size / sizeof(struct uw_queue_entry) == q->size / sizeof(struct uw_queue_entry))
		return 0;
	r = map_area(l->fd, area, size, &ring);
	if (r < 0)
		return r;
	uw_queue_init(&other, ring, size);
	r = uw_queue_copy(q, &other);
	if (r < 0) {
		madvise(ring, size, MADV_REMOVE);
		munmap(ring, size);
		return r;
	}
	uw_persistent_begin(l);
	*q = other;
	l->words->area = area;
	uw_persistent_commit(l);
	madvise(old, old_size, MADV_REMOVE);
	munmap(old, old_size);
	return 0;
}

int uw_persistent_open(struct uw_fdstore *store, size_t queue_size, struct uw_persistent *ret)
{
	int fd = uw_fdstore_take(store, STORED_NAME), r;
	bool refused = fd >= 0;

	if (fd >= 0) {
		r = uw_persistent_adopt(ret, fd);
		if (!r)
			return 0;
		/* Of another version, which has written its records before it ended, if it could. */
		uw_fdstore_remove(store, STORED_NAME);
		close(fd);
	}
	r = uw_persistent_new(ret, queue_size);
	if (!r)
		uw_fdstore_put(store, STORED_NAME, ret->fd);
	ret->refused = refused;
	return r;
}
