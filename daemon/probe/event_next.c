// SPDX-License-Identifier: MIT
#include "probe/event_next.h"

#include <string.h>

#define OWN (UW_STR_PATH + 1)

bool uw_event_is_next(const void *data, size_t size)
{
	const struct uw_next *next = data;

	return size >= sizeof(*next) && next->abi == UW_ABI_NEXT;
}

static size_t own_strings(const __u16 len[OWN])
{
	size_t sum = 0, i;

	for (i = 0; i < OWN; i++)
		sum += len[i];
	return sum;
}

void uw_event_remember(struct uw_whole *whole, size_t n, const void *data, size_t size)
{
	const struct uw_event *ev = data;

	if (size < sizeof(*ev) || size > sizeof(*whole) || ev->size != size || !ev->file.origin ||
	    ev->file.origin > n || own_strings(ev->len) > size - sizeof(*ev))
		return;
	memcpy(&whole[ev->file.origin - 1], data, size);
}

const struct uw_whole *uw_event_first(const struct uw_whole *whole, size_t n, const void *data,
				      size_t size)
{
	const struct uw_next *next = data;
	size_t own = own_strings(next->len);
	const struct uw_event *ev;

	if (next->size != size || own != size - sizeof(*next) || own > UW_SLOT_DATA ||
	    !next->origin || next->origin > n)
		return NULL;
	whole += next->origin - 1;
	ev = &whole->ev;
	if (ev->exit_ns != next->since || ev->file.origin != next->origin)
		return NULL;
	return whole;
}

size_t uw_event_make_whole(const struct uw_whole *first, const struct uw_next *next,
			   struct uw_made_whole *to)
{
	size_t own = own_strings(next->len), before = own_strings(first->ev.len);
	size_t rest = first->ev.size - sizeof(first->ev) - before;
	struct uw_event *ev = &to->ev;

	*ev = first->ev;
	ev->size = (__u32)(sizeof(*ev) + own + rest);
	ev->enter_ns = next->enter_ns;
	ev->exit_ns = next->exit_ns;
	ev->below = next->below;
	ev->file.ino = next->ino;
	ev->file.bytes = next->bytes;
	ev->file.nlink = next->nlink;
	memcpy(ev->len, next->len, sizeof(next->len));
	memcpy(to->data, next + 1, own);
	memcpy(to->data + own, first->data + before, rest);
	return ev->size;
}
