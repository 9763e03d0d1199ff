/* An AF_XDP socket on one receive queue.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_XSK_H
#define WEIR_XSK_H

#include <stddef.h>

#include "rx.h"

struct xsk;

/* What the kernel lost before it reached the ring (XDP_STATISTICS). */
struct xsk_stats {
	uint64_t dropped;    /* frame did not fit, or no memory */
	uint64_t ring_full;  /* we did not take frames fast enough */
	uint64_t fill_empty; /* we did not give frames back fast enough */
	uint64_t invalid;    /* fill ring entries that the kernel refused */
};

/* Opens a socket on `queue` of the interface with a UMEM of o->frames frames of o->frame_size, and
 * puts it into the XSKMAP `xsks_fd` (xdp_xsks_fd()), from which moment it receives. `frags`
 * (xdp_frags()): frames may come in several descriptors. Zero-copy is tried first where
 * o->zero_copy; one log line says what was got. Returns 0, or a negative errno and one line for the
 * operator in `error`; -ENOBUFS: the UMEM does not fit RLIMIT_MEMLOCK. */
int xsk_open(struct xsk **out, const struct rx_options *o, const char *ifname, unsigned queue,
	     int xsks_fd, bool frags, char *error, size_t error_size);
void xsk_close(struct xsk *x);

/* Fills up to `max` datagrams and returns how many; never waits. Their bytes stay valid until
 * xsk_release(), which must be called before the next xsk_receive(), even if this returned 0.
 * Counts RX_XDP and RX_BYTES for these, RX_BAD_CHECKSUM or RX_BAD_FRAME for each frame left out. */
unsigned xsk_receive(struct xsk *x, struct datagram *out, unsigned max, struct account *a);
void xsk_release(struct xsk *x);

/* To poll for input. */
int xsk_fd(const struct xsk *x);
bool xsk_zero_copy(const struct xsk *x);
/* The interface was removed since xsk_open(). Tells it once. */
bool xsk_is_gone(const struct xsk *x);
/* All zero where the kernel does not tell. */
void xsk_statistics(const struct xsk *x, struct xsk_stats *stats);

#endif
