// SPDX-License-Identifier: MIT
#include "state/persistent.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * "uwledger", which identifies the memory in every version. VERSION has to be raised with every
 * change of its layout, that of the storms included.
 */
#define MAGIC	UINT64_C(0x7265676465776c75)
#define VERSION 5

/* The name in systemd's fd store. It stays: the next version looks for it. */
#define STORED_NAME "ledger"

/* The length of a message that the kernel has not yet accepted. */
#define UNSENT UINT_MAX

/* The ring is in one of two areas; a resized one goes to the other. Holes take no memory. */
#define AREA_SIZE ((off_t)1 << 40)

struct page {
	uint64_t magic;
	uint64_t version;
	uint64_t size;	   /* of struct uw_persistent_words */
	uint64_t changing; /* if set, words may be torn and before is valid */
	uint64_t sending;  /* words.popped + 1 when message was last about to be sent, or 0 */
	struct mmsghdr message;
	struct uw_persistent_words words, before;
};

/* Stores before this call are complete before any after it, wherever the process is killed. */
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

static int map(struct uw_persistent *p, int fd)
{
	void *page = mmap(NULL, sizeof(*p->page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	void *room = mmap(NULL, UW_PERSISTENT_ROOM, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			  (off_t)UW_PERSISTENT_ROOM);

	*p = (struct uw_persistent){
		.fd = -EBADF,
		.page = page == MAP_FAILED ? NULL : page,
		.room = room == MAP_FAILED ? NULL : room,
	};
	if (!p->page || !p->room) {
		uw_persistent_done(p);
		return -ENOMEM;
	}
	p->words = &p->page->words;
	p->message = &p->page->message;
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

void uw_persistent_done(struct uw_persistent *p)
{
	if (p->page) {
		/* The next process maps the ring again. */
		if (p->fd >= 0 && p->words->queue.ring)
			munmap(p->words->queue.ring, p->words->queue.size);
		munmap(p->page, sizeof(*p->page));
		if (p->fd >= 0)
			close(p->fd);
	}
	if (p->room)
		munmap(p->room, UW_PERSISTENT_ROOM);
	*p = (struct uw_persistent){ .fd = -EBADF };
}

void uw_persistent_begin(struct uw_persistent *p)
{
	if (p->depth++)
		return;
	p->page->before = p->page->words;
	in_order();
	p->page->changing = 1;
	in_order();
}

void uw_persistent_commit(struct uw_persistent *p)
{
	if (--p->depth)
		return;
	in_order();
	p->page->changing = 0;
	in_order();
}

bool uw_persistent_is_changing(const struct uw_persistent *p)
{
	return p->depth;
}

void uw_persistent_next(struct uw_persistent *p, struct uw_taken next)
{
	p->next = next;
}

void uw_persistent_take(struct uw_persistent *p)
{
	struct uw_taken *taken = p->words->taken;

	if (!p->next.serial)
		return;
	/* At most two sources are read at a time. */
	if (taken[1].serial == p->next.serial || taken[1].serial < taken[0].serial)
		taken++;
	if (p->words->taken[0].serial == p->next.serial)
		taken = &p->words->taken[0];
	*taken = p->next;
	p->next.serial = 0;
}

uint64_t uw_persistent_taken(const struct uw_persistent *p, uint64_t serial)
{
	size_t i;

	for (i = 0; i < 2; i++)
		if (p->words->taken[i].serial == serial)
			return p->words->taken[i].position;
	return 0;
}

void uw_persistent_sending(struct uw_persistent *p)
{
	p->message->msg_len = UNSENT;
	in_order();
	p->page->sending = p->words->popped + 1;
	in_order();
}

bool uw_persistent_was_sent(const struct uw_persistent *p)
{
	return p->page->sending == p->words->popped + 1 && p->message->msg_len != UNSENT;
}

int uw_persistent_resize_queue(struct uw_persistent *p, size_t size)
{
	struct uw_queue *q = &p->words->queue, other;
	uint64_t area = !p->words->area;
	size_t old_size = q->size;
	char *ring = NULL, *old = q->ring;
	int r;

	/* The queue rounds its size down. */
	if (size / sizeof(struct uw_queue_entry) == q->size / sizeof(struct uw_queue_entry))
		return 0;
	r = map_area(p->fd, area, size, &ring);
	if (r < 0)
		return r;
	uw_queue_init(&other, ring, size);
	r = uw_queue_copy(q, &other);
	if (r < 0) {
		madvise(ring, size, MADV_REMOVE);
		munmap(ring, size);
		return r;
	}
	uw_persistent_begin(p);
	*q = other;
	p->words->area = area;
	uw_persistent_commit(p);
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
		/* Of another version, which has tried to write its records before it ended. */
		uw_fdstore_remove(store, STORED_NAME);
		close(fd);
	}
	r = uw_persistent_new(ret, queue_size);
	if (!r)
		(void)uw_fdstore_put(store, STORED_NAME, ret->fd);
	ret->refused = refused;
	return r;
}
