// SPDX-License-Identifier: MIT
#include "probe/peers.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory_trim.h"
#include "peers.skel.h"
#include "record/ancestors.h"

#define SLOTS	    16
#define GENERATIONS 3 /* above the process */
#define PER_SECOND  200

/* Ancestors above the parent are those of at most this long ago. See bpf/ancestors.bpf.h. */
#define ANCESTORS_NS UW_NS_PER_S

struct slot {
	uint32_t pid; /* 0: free */
	int pidfd;
	bool asked;
	bool resolved;		     /* the ancestors have been asked too */
	bool serves;		     /* this client */
	uint64_t start_ns, alive_ns; /* it lived from one to the other, at least */
	struct uw_client client;
};

struct uw_peers {
	struct slot slot[SLOTS];
	struct peers_bpf *bpf;
	bool impossible;
	uint64_t second; /* in which `looks` were made */
	unsigned int looks;
};

int uw_peers_new(struct uw_peers **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

static void forget(struct slot *slot)
{
	if (slot->pid)
		close(slot->pidfd);
	slot->pid = 0;
}

void uw_peers_free(struct uw_peers *peers)
{
	if (!peers)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		forget(&peers->slot[i]);
	peers_bpf__destroy(peers->bpf);
	free(peers);
}

void uw_peers_tick(struct uw_peers *peers)
{
	for (size_t i = 0; i < SLOTS; i++) {
		if (!peers->slot[i].asked)
			forget(&peers->slot[i]);
		peers->slot[i].asked = false;
	}
}

/* Whether the process of the slot is the one that had its number at ns. */
static bool lived(struct slot *slot, uint64_t ns)
{
	struct pollfd p = { .fd = slot->pidfd, .events = POLLIN };
	uint64_t now;

	if (slot->start_ns >= ns)
		return false;
	if (slot->alive_ns >= ns)
		return true;
	now = uw_clock_ns(CLOCK_BOOTTIME);
	if (poll(&p, 1, 0))
		return false;
	slot->alive_ns = now;
	return true;
}

static bool load(struct uw_peers *peers)
{
	if (peers->bpf || peers->impossible)
		return !peers->impossible;
	peers->bpf = peers_bpf__open_and_load();
	peers->impossible = !peers->bpf;
	uw_memory_trim();
	return peers->bpf;
}

/*
 * Opens the iterator for a process. Returns a descriptor or -errno: -E2BIG before 6.1, which knows
 * only the first four bytes of the information, and would take a thread for no limit at all.
 */
static int iterate(struct uw_peers *peers, uint32_t pid)
{
	union bpf_iter_link_info info = { .task = { .pid = pid } };
	LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = &info, .iter_info_len = sizeof(info));
	int link = bpf_link_create(bpf_program__fd(peers->bpf->progs.uw_peers), 0, BPF_TRACE_ITER,
				   &opts);
	int fd;

	if (link < 0)
		return link;
	fd = bpf_iter_create(link);
	close(link);
	return fd;
}

/* Returns false if the process is not there. */
static bool read_peers(struct uw_peers *peers, struct slot *slot, uint32_t pid)
{
	_cleanup_close_ int fd = iterate(peers, pid);
	struct uw_peer peer[32];
	bool found = false, ambiguous = false;
	ssize_t n;

	peers->impossible = fd == -E2BIG || fd == -EINVAL;
	if (fd < 0)
		return false;
	slot->serves = false;
	while ((n = read(fd, peer, sizeof(peer))) > 0)
		for (size_t i = 0; i < (size_t)n / sizeof(peer[0]); i++) {
			if (peer[i].type == UW_PEER_PROCESS) {
				slot->start_ns = peer[i].start_ns;
				found = true;
				continue;
			}
			ambiguous |= peer[i].type == UW_PEER_LISTENS ||
				     (slot->serves &&
				      memcmp(&slot->client, &peer[i].client, sizeof(slot->client)));
			slot->client = peer[i].client;
			slot->serves = true;
		}
	slot->serves &= !ambiguous;
	return found;
}

static bool may_look(struct uw_peers *peers, uint64_t now_ns)
{
	uint64_t second = now_ns / UW_NS_PER_S;

	if (second != peers->second) {
		peers->second = second;
		peers->looks = 0;
	}
	return peers->looks < PER_SECOND && ++peers->looks;
}

/* The process that had this number at ns, if it lives, or lived when it was asked for later. */
static struct slot *find(struct uw_peers *peers, uint32_t pid, uint64_t ns)
{
	struct slot *slot = &peers->slot[pid % SLOTS];

	slot->asked = true;
	if (slot->pid != pid || !lived(slot, ns)) {
		forget(slot);
		if (!may_look(peers, ns))
			return NULL;
		slot->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (slot->pidfd < 0)
			return NULL;
		slot->pid = pid;
		slot->resolved = false;
		slot->alive_ns = 0;
		if (!read_peers(peers, slot, pid) || !lived(slot, ns)) {
			forget(slot);
			return NULL;
		}
	}
	return slot;
}

/* Finds the nearest ancestor that has a client, and remembers that for the process. */
static const struct uw_client *ask_ancestors(struct uw_peers *peers, const struct uw_record *r)
{
	struct slot *slot = &peers->slot[r->pid % SLOTS];
	const struct slot *other = NULL;
	struct uw_str comm;
	uint32_t pid;

	for (size_t i = 0; i < GENERATIONS; i++) {
		if (!uw_record_ancestor(r, i, &comm, &pid) || pid <= 1)
			break;
		other = find(peers, pid, i ? r->exit_ns - ANCESTORS_NS : r->exit_ns);
		if (other && other->serves)
			break;
	}
	if (slot->pid == r->pid && slot != other) {
		slot->resolved = true;
		slot->serves = other && other->serves;
		if (slot->serves)
			slot->client = other->client;
	}
	return other && other->serves ? &other->client : NULL;
}

const struct uw_client *uw_peers_find(struct uw_peers *peers, const struct uw_record *r)
{
	const struct slot *slot;

	if (!load(peers))
		return NULL;
	slot = find(peers, r->pid, r->exit_ns);
	if (slot && slot->serves)
		return &slot->client;
	return slot && slot->resolved ? NULL : ask_ancestors(peers, r);
}
