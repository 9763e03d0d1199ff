/* The XDP program: attach, pin, update, read, detach.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pins are <pin_path>/MAP for the maps that all interfaces share and <pin_path>/IF/{link,xsks} for
 * each interface (a '.' in its name is written ':', which bpffs asks for and no interface has).
 * They outlive the process: who opens them again finds the counts as they were. A lock on the
 * directory keeps a second agent out. */
#ifndef WEIR_XDP_H
#define WEIR_XDP_H

#include <stddef.h>

#include "../agent/rx/rx.h"
#include "steer.h"

struct xdp;

/* The shared maps by name. Their keys and values are in bpf/steer.h. */
#define XDP_MAPS(M)             \
	M(LISTENERS, listeners) \
	M(ALLOW, allow)         \
	M(EXPORTERS, exporters) \
	M(DENIED, denied)       \
	M(REASONS, reasons)     \
	M(SETTINGS, settings)   \
	M(BUCKETS, buckets)     \
	M(STREAMS, streams)

enum xdp_map {
#define M(id, name) XDP_MAP_##id,
	XDP_MAPS(M)
#undef M
		XDP_MAP_MAX
};

/* Loads the program for each of o->interfaces and attaches it, in the mode that o->mode allows
 * (RX_AUTO: native, else generic). What is pinned from before is taken over: maps with their
 * counts, and the link, whose program is replaced without a gap. Until sockets are put into
 * xdp_xsks_fd(), datagrams go to the kernel's UDP sockets: open those first.
 *
 * Returns 0, or a negative errno and one line for the operator in `error`; then nothing that this
 * call attached stays. -EBUSY: another program or another weir has it; -ERANGE: MTU; -EPERM:
 * capabilities; -ENOTSUP: the pin path is not on a BPF file system; -ESTALE: pinned maps of other
 * sizes. */
int xdp_open(struct xdp **out, const struct rx_options *o, char *error, size_t error_size);

/* Closes. Unless keep_attached, interfaces are detached and pins removed, the shared maps (and
 * their counts) when no other interface uses them. */
void xdp_close(struct xdp *x, bool keep_attached);

/* Of interface i of the options. Its queues are numbered from 0; the worker of its queue q is
 * xdp_worker_base() + q, as map streams has it. */
unsigned xdp_interfaces(const struct xdp *x);
const char *xdp_interface_name(const struct xdp *x, unsigned i);
unsigned xdp_queues(const struct xdp *x, unsigned i);
unsigned xdp_worker_base(const struct xdp *x, unsigned i);
int xdp_xsks_fd(const struct xdp *x, unsigned i);	    /* XSKMAP: queue -> socket */
bool xdp_frags(const struct xdp *x, unsigned i);	    /* sockets need XDP_USE_SG */
enum rx_mode xdp_mode_got(const struct xdp *x, unsigned i); /* RX_NATIVE or RX_GENERIC */

/* The descriptor of a shared map; it belongs to x. */
int xdp_map_fd(const struct xdp *x, enum xdp_map map);

/* The directory of the pins, with its lock; it belongs to x. Whom it is given to has the lock as
 * well (kept.h: KEPT_PINS). */
int xdp_pins_fd(const struct xdp *x);

/* Change the settings of the running program; each returns 0 or a negative errno. */
int xdp_set_listeners(struct xdp *x, const struct rx_options *o); /* addresses × ports */
int xdp_set_allow(struct xdp *x, const struct rx_prefix *allow, unsigned n); /* none: everybody */
int xdp_set_rate(struct xdp *x, uint32_t per_second, uint32_t burst);	     /* 0: no limit */

/* For those who only look (status): the pinned maps, read-only. Returns a descriptor, or a negative
 * errno; the caller closes it. */
int xdp_pinned_map(const char *pin_path, enum xdp_map map);

/* Metric label and meaning of a reason. */
const char *xdp_reason_name(enum reason r);
const char *xdp_reason_help(enum reason r);

/* The counts of map `reasons`, summed over the CPUs. Returns 0 or a negative errno. */
int xdp_read_reasons(int map_fd, uint64_t counts[REASON_MAX]);

/* Calls `each` for every exporter of map `exporters`, its counts summed over the CPUs, until it
 * returns false. The map may change meanwhile: an exporter can be missed. Returns the number of
 * calls, or a negative errno. */
typedef bool (*xdp_exporter_seen)(const struct exporter_key *key, const struct exporter_counts *n,
				  void *arg);
int xdp_read_exporters(int map_fd, xdp_exporter_seen each, void *arg);

/* Prints what is attached and counted under pin_path. `interface` NULL: all. Returns 0 or a
 * negative errno (-ENOENT: nothing is there) with a line in `error`. */
struct buffer;
int xdp_status(const char *pin_path, const char *interface, struct buffer *out, char *error,
	       size_t error_size);

/* Detaches one interface (NULL: all) and removes its pins, whoever made them. Refused with -EBUSY
 * while a weir holds the lock. Returns how many were detached, or a negative errno. */
int xdp_detach(const char *pin_path, const char *interface, char *error, size_t error_size);

#endif
