/* SPDX-License-Identifier: MIT */
/* Turns arbitrary bytes into events, for targets that need events which the decoder accepts. */
#ifndef UW_FUZZ_EVENTS_H
#define UW_FUZZ_EVENTS_H

#include "fuzz.h"

/* Reduces numbers with few valid values to these, and lengths to the bytes that there are. */
static inline void repair_head(struct uw_event *ev, size_t strings)
{
	size_t left = strings;

	ev->size = (__u32)(sizeof(*ev) + strings);
	ev->abi = UW_ABI;
	ev->op = (__u8)(1 + ev->op % (UW_OP_MAX - 1));
	ev->probe = (__u8)(1 + ev->probe % (UW_PROBE_MAX - 1));
	ev->via = (__u8)(1 + ev->via % (UW_VIA_MAX - 1));
	ev->flags &= UW_EV_FLAGS;
	ev->ret = -(__s32)((__u32)ev->ret % 4096);
	if (ev->exit_ns < ev->enter_ns)
		ev->exit_ns = ev->enter_ns;
	for (size_t i = 0; i < UW_STR_MAX; i++) {
		size_t max = i == UW_STR_CMDLINE ? UW_CMDLINE_MAX : UW_PATH_MAX - 1;

		max = left < max ? left : max;
		if (ev->len[i] > max)
			ev->len[i] = (__u16)max;
		left -= ev->len[i];
	}
	ev->size -= (__u32)left;
}

/* Returns an event with as many of the bytes as fit, or NULL for too few. The caller frees it. */
static inline void *repaired_event(const uint8_t *data, size_t size, size_t *ret_size)
{
	struct uw_event ev;
	char *event;

	if (size < sizeof(ev) || size > UW_EVENT_MAX)
		return NULL;
	memcpy(&ev, data, sizeof(ev));
	repair_head(&ev, size - sizeof(ev));
	event = copy_of(data, ev.size);
	memcpy(event, &ev, sizeof(ev));
	*ret_size = ev.size;
	return event;
}

#endif
