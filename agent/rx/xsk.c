/* An AF_XDP socket on one receive queue.
 * SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../clock.h"
#include "../log.h"
#include "frame.h"
#include "xsk.h"

#ifndef AF_XDP
#define AF_XDP 44
#endif
#ifndef SOL_XDP
#define SOL_XDP 283
#endif
/* Multi-buffer, Linux 6.6; not yet in the headers of Debian 12. */
#ifndef XDP_USE_SG
#define XDP_USE_SG (1 << 4)
#endif
#ifndef XDP_PKT_CONTD
#define XDP_PKT_CONTD (1 << 0)
#endif

enum {
	SCRATCH_SIZE = 4 * 65536, /* where frames in several parts are put together, per batch */
	FRAME_MAX = 65536,
	BIND_PATIENCE_MS = 1000,
	BIND_PAUSE_MS = 2,
	COMPLETION_SIZE = 2, /* we never send, but the kernel asks for the ring */
};

/* Our side of a ring in memory shared with the kernel. */
struct ring {
	uint32_t *producer, *consumer, *flags;
	void *entries;
	uint32_t size, mask;
	void *map;
	size_t map_size;
};

/* Who owns a frame of the UMEM: the kernel while its address is in the fill ring, and while a
 * packet is written into it; we from the moment its descriptor is in the receive ring. The
 * descriptors of a batch stay in the receive ring until xsk_release(), which copies their addresses
 * to the fill ring and only then lets the kernel reuse their places. So a frame is always in
 * exactly one of the two rings, and there is no list of free frames. The fill ring has a place for
 * every frame of the UMEM and cannot be full. */
struct xsk {
	struct ring fill, receive;
	uint8_t *umem;
	size_t umem_size;
	uint32_t frame_size;
	uint32_t taken; /* descriptors of the batch */
	uint8_t *scratch;
	int fd;
	bool zero_copy;
	char name[RX_INTERFACE_NAME];
};

static int fail(char *error, size_t error_size, int code, const struct xsk *x, unsigned queue,
		const char *what)
{
	snprintf(error, error_size, "%s queue %u: %s: %s", x->name, queue, what, strerror(code));
	return -code;
}

static uint32_t ring_producer(const struct ring *r)
{
	return __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
}

static int map_ring(struct ring *r, int fd, const struct xdp_ring_offset *o, uint32_t size,
		    size_t entry, off_t offset)
{
	uint8_t *p;

	r->map_size = o->desc + size * entry;
	p = mmap(NULL, r->map_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);
	if (p == MAP_FAILED)
		return -errno;
	r->map = p;
	r->producer = (uint32_t *)(void *)(p + o->producer);
	r->consumer = (uint32_t *)(void *)(p + o->consumer);
	r->flags = (uint32_t *)(void *)(p + o->flags);
	r->entries = p + o->desc;
	r->size = size;
	r->mask = size - 1;
	return 0;
}

static int make_umem(struct xsk *x, const struct rx_options *o, unsigned queue, char *error,
		     size_t error_size)
{
	struct xdp_umem_reg reg = {.chunk_size = o->frame_size};

	x->umem_size = (size_t)o->frames * o->frame_size;
	x->umem = mmap(NULL, x->umem_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	if (x->umem == MAP_FAILED) {
		x->umem = NULL;
		return fail(error, error_size, errno, x, queue, "no memory for the UMEM");
	}
	madvise(x->umem, x->umem_size, MADV_HUGEPAGE); /* before the kernel pins it; may fail */
	reg.addr = (uintptr_t)x->umem;
	reg.len = x->umem_size;
	if (setsockopt(x->fd, SOL_XDP, XDP_UMEM_REG, &reg, sizeof(reg)) == 0)
		return 0;
	if (errno != ENOBUFS)
		return fail(error, error_size, errno, x, queue, "cannot register the UMEM");
	snprintf(
		error, error_size,
		"%s queue %u: a UMEM of %zu KiB does not fit RLIMIT_MEMLOCK: grant CAP_IPC_LOCK, "
		"raise the limit (LimitMEMLOCK=infinity, ulimit -l), or lower the number of frames",
		x->name, queue, x->umem_size >> 10);
	return -ENOBUFS;
}

static int make_rings(struct xsk *x, const struct rx_options *o, unsigned queue, char *error,
		      size_t error_size)
{
	const struct {
		int option;
		uint32_t size;
		const char *what;
	} rings[] = {{XDP_UMEM_FILL_RING, o->frames, "cannot make the fill ring"},
		     {XDP_UMEM_COMPLETION_RING, COMPLETION_SIZE, "cannot make the completion ring"},
		     {XDP_RX_RING, o->ring_size, "cannot make the receive ring"}};
	struct xdp_mmap_offsets offsets;
	socklen_t size = sizeof(offsets);
	int r;

	for (unsigned i = 0; i < sizeof(rings) / sizeof(*rings); i++)
		if (setsockopt(x->fd, SOL_XDP, rings[i].option, &rings[i].size,
			       sizeof(rings[i].size)) < 0)
			return fail(error, error_size, errno, x, queue, rings[i].what);
	if (getsockopt(x->fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &size) < 0)
		return fail(error, error_size, errno, x, queue, "cannot read the ring offsets");
	if (size != sizeof(offsets))
		return fail(error, error_size, EPROTO, x, queue,
			    "ring offsets without flags (weir needs Linux 5.4)");
	r = map_ring(&x->fill, x->fd, &offsets.fr, o->frames, sizeof(uint64_t),
		     (off_t)XDP_UMEM_PGOFF_FILL_RING);
	if (r == 0)
		r = map_ring(&x->receive, x->fd, &offsets.rx, o->ring_size, sizeof(struct xdp_desc),
			     XDP_PGOFF_RX_RING);
	return r == 0 ? 0 : fail(error, error_size, -r, x, queue, "cannot map a ring");
}

static void fill_all(struct xsk *x, uint32_t frames)
{
	uint64_t *entries = x->fill.entries;

	for (uint32_t i = 0; i < frames; i++)
		entries[i] = (uint64_t)i * x->frame_size;
	__atomic_store_n(x->fill.producer, frames, __ATOMIC_RELEASE);
}

/* The kernel lets go of a queue a moment after its socket was closed, by an agent that this one
 * takes over from or that was ended just before: that is waited for. */
static int bind_patiently(int fd, const struct sockaddr_xdp *address)
{
	const struct timespec pause = {.tv_nsec = BIND_PAUSE_MS * 1000000};

	for (unsigned i = 0;; i++) {
		if (!bind(fd, (const struct sockaddr *)address, sizeof(*address)))
			return 0;
		if (errno != EBUSY || i == BIND_PATIENCE_MS / BIND_PAUSE_MS)
			return -1;
		nanosleep(&pause, NULL);
	}
}

static int bind_queue(struct xsk *x, const struct rx_options *o, unsigned queue, bool frags,
		      char *error, size_t error_size)
{
	struct sockaddr_xdp address = {.sxdp_family = AF_XDP, .sxdp_queue_id = queue};
	uint16_t flags = (uint16_t)(XDP_USE_NEED_WAKEUP | (frags ? XDP_USE_SG : 0));
	int why = 0;

	address.sxdp_ifindex = if_nametoindex(x->name);
	if (!address.sxdp_ifindex)
		return fail(error, error_size, errno, x, queue, "no such interface");
	if (o->zero_copy) {
		address.sxdp_flags = flags | XDP_ZEROCOPY;
		x->zero_copy = !bind_patiently(x->fd, &address);
		why = errno;
	}
	address.sxdp_flags = flags | XDP_COPY;
	if (!x->zero_copy && bind_patiently(x->fd, &address) < 0)
		return fail(error, error_size, errno, x, queue,
			    errno == EBUSY ? "another AF_XDP socket has this queue"
					   : "cannot bind the AF_XDP socket");
	if (o->zero_copy && !x->zero_copy)
		log_info("%s queue %u: AF_XDP in copy mode%s (zero-copy: %s)", x->name, queue,
			 frags ? ", frames in parts" : "", strerror(why));
	else
		log_info("%s queue %u: AF_XDP in %s mode%s", x->name, queue,
			 x->zero_copy ? "zero-copy" : "copy", frags ? ", frames in parts" : "");
	return 0;
}

static bool is_power_of_two(uint32_t n)
{
	return n && !(n & (n - 1));
}

int xsk_open(struct xsk **out, const struct rx_options *o, const char *ifname, unsigned queue,
	     int xsks_fd, bool frags, char *error, size_t error_size)
{
	struct xsk *x = calloc(1, sizeof(*x));
	int r;

	if (!x) {
		snprintf(error, error_size, "out of memory");
		return -ENOMEM;
	}
	x->frame_size = o->frame_size;
	snprintf(x->name, sizeof(x->name), "%s", ifname);
	x->fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (x->fd < 0) {
		r = fail(error, error_size, errno, x, queue,
			 errno == EPERM ? "AF_XDP needs CAP_NET_RAW" : "cannot open AF_XDP socket");
		goto failed;
	}
	r = -EINVAL;
	if (!is_power_of_two(o->frames) || !is_power_of_two(o->ring_size)) {
		fail(error, error_size, EINVAL, x, queue, "frames and ring size: powers of two");
		goto failed;
	}
	x->scratch = frags ? malloc(SCRATCH_SIZE) : NULL;
	if (frags && !x->scratch) {
		r = fail(error, error_size, ENOMEM, x, queue, "no memory");
		goto failed;
	}
	r = make_umem(x, o, queue, error, error_size);
	if (r == 0)
		r = make_rings(x, o, queue, error, error_size);
	if (r < 0)
		goto failed;
	fill_all(x, o->frames);
	r = bind_queue(x, o, queue, frags, error, error_size);
	if (r < 0)
		goto failed;
	r = bpf_map_update_elem(xsks_fd, &queue, &x->fd, BPF_ANY);
	if (r < 0) {
		fail(error, error_size, -r, x, queue, "cannot enter the socket into the map");
		goto failed;
	}
	*out = x;
	return 0;
failed:
	xsk_close(x);
	return r;
}

void xsk_close(struct xsk *x)
{
	if (!x)
		return;
	if (x->receive.map)
		munmap(x->receive.map, x->receive.map_size);
	if (x->fill.map)
		munmap(x->fill.map, x->fill.map_size);
	if (x->fd >= 0)
		close(x->fd);
	if (x->umem)
		munmap(x->umem, x->umem_size);
	free(x->scratch);
	free(x);
}

/* The descriptors of the packet at `first`: their number, and its length in *len. 0: it is not all
 * there yet. */
static uint32_t packet_parts(const struct xsk *x, uint32_t first, uint32_t available, uint64_t *len)
{
	const struct xdp_desc *descs = x->receive.entries, *d;

	*len = 0;
	for (uint32_t n = 0; n < available;) {
		d = &descs[(first + n++) & x->receive.mask];
		*len += d->len;
		if (!(d->options & XDP_PKT_CONTD))
			return n;
	}
	return 0;
}

static void join_parts(const struct xsk *x, uint32_t first, uint32_t parts, uint8_t *to)
{
	const struct xdp_desc *descs = x->receive.entries, *d;

	for (uint32_t n = 0; n < parts; n++) {
		d = &descs[(first + n) & x->receive.mask];
		memcpy(to, x->umem + d->addr, d->len);
		to += d->len;
	}
}

unsigned xsk_receive(struct xsk *x, struct datagram *out, unsigned max, struct account *a)
{
	const struct xdp_desc *descs = x->receive.entries;
	uint32_t first = *x->receive.consumer, available = ring_producer(&x->receive) - first;
	uint32_t parts, used = 0, n = 0;
	uint64_t len, bytes = 0, received_ns;
	const uint8_t *frame;
	enum frame_status s;

	x->taken = 0;
	if (!available)
		return 0;
	received_ns = clock_real_ns();
	while (x->taken < available && n < max) {
		uint32_t at = first + x->taken;

		if (x->taken + 1 < available)
			__builtin_prefetch(x->umem + descs[(at + 1) & x->receive.mask].addr);
		parts = packet_parts(x, at, available - x->taken, &len);
		if (!parts) {
			/* The rest comes, unless the ring is full of this one packet. */
			if (available < x->receive.size)
				break;
			parts = available - x->taken;
			len = FRAME_MAX + 1;
		}
		frame = x->umem + descs[at & x->receive.mask].addr;
		if (parts > 1 && len <= FRAME_MAX) {
			if (used + len > SCRATCH_SIZE)
				break;
			join_parts(x, at, parts, x->scratch + used);
			frame = x->scratch + used;
			used += (uint32_t)len;
		}
		x->taken += parts;
		s = len <= FRAME_MAX ? frame_parse(frame, (uint32_t)len, &out[n]) : FRAME_BAD;
		if (s == FRAME_OK) {
			out[n].received_ns = received_ns;
			bytes += out[n++].len;
		} else {
			account_add(a,
				    s == FRAME_BAD ? ACCOUNT_RX_BAD_FRAME : ACCOUNT_RX_BAD_CHECKSUM,
				    1);
		}
	}
	account_add(a, ACCOUNT_RX_XDP, n);
	account_add(a, ACCOUNT_RX_BYTES, bytes);
	return n;
}

void xsk_release(struct xsk *x)
{
	const struct xdp_desc *descs = x->receive.entries;
	uint32_t first = *x->receive.consumer, to = *x->fill.producer;
	const uint64_t frame_mask = ~(uint64_t)(x->frame_size - 1);
	uint64_t *entries = x->fill.entries;

	if (!x->taken)
		return;
	for (uint32_t i = 0; i < x->taken; i++)
		entries[(to + i) & x->fill.mask] = descs[(first + i) & x->receive.mask].addr &
						   frame_mask;
	__atomic_store_n(x->fill.producer, to + x->taken, __ATOMIC_RELEASE);
	__atomic_store_n(x->receive.consumer, first + x->taken, __ATOMIC_RELEASE);
	x->taken = 0;
	if (__atomic_load_n(x->fill.flags, __ATOMIC_RELAXED) & XDP_RING_NEED_WAKEUP)
		recvfrom(x->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
}

int xsk_fd(const struct xsk *x)
{
	return x->fd;
}

bool xsk_zero_copy(const struct xsk *x)
{
	return x->zero_copy;
}

bool xsk_is_gone(const struct xsk *x)
{
	socklen_t size = sizeof(int);
	int err = 0;

	return !getsockopt(x->fd, SOL_SOCKET, SO_ERROR, &err, &size) && err == ENETDOWN;
}

void xsk_statistics(const struct xsk *x, struct xsk_stats *stats)
{
	struct xdp_statistics s = {};
	socklen_t size = sizeof(s);

	if (getsockopt(x->fd, SOL_XDP, XDP_STATISTICS, &s, &size) < 0)
		memset(&s, 0, sizeof(s));
	stats->dropped = s.rx_dropped;
	stats->ring_full = s.rx_ring_full;
	stats->fill_empty = s.rx_fill_ring_empty_descs;
	stats->invalid = s.rx_invalid_descs;
}
