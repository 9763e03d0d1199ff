/* All ways in of an agent.
 * SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../loaders/xdp.h"
#include "handover.h"
#include "kept.h"
#include "log.h"
#include "receivers.h"
#include "rx/link.h"
#include "rx/udp.h"
#include "rx/xsk.h"

/* One AF_XDP socket. */
struct ring {
	struct xsk *xsk;
	unsigned interface, queue, worker;
};

/* What became of an interface. The main thread writes it, the ops thread reads gone and back. */
struct fate {
	bool gone; /* it was removed */
	bool back; /* there is one of its name again, to which we are not attached */
	struct link_watch watch;
	uint64_t back_said, fault_said;
};

struct receivers {
	struct rx_options options; /* the allow list belongs to the settings and is not looked at */
	struct xdp *xdp;	   /* NULL: UDP sockets only */
	struct udp_group *udp;
	struct ring *rings;
	unsigned n_rings, n_workers;
	struct fate fates[RX_INTERFACES_MAX];
	uint64_t reasons_before[REASON_MAX];
};

static unsigned queues_in_all(const struct xdp *x)
{
	unsigned n = 0;

	for (unsigned i = 0; i < xdp_interfaces(x); i++)
		n += xdp_queues(x, i);
	return n;
}

static unsigned udp_workers(const struct rx_options *o)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = o->workers ? o->workers : cores > 0 ? (unsigned)cores : 1;

	return n < RX_WORKERS_MAX ? n : RX_WORKERS_MAX;
}

/* Without XDP after all. */
static int fall_back(struct receivers *r, const char *why)
{
	log_warning("%s; xdp.mode is auto: going on with UDP sockets only", why);
	if (r->xdp)
		xdp_close(r->xdp, false);
	r->xdp = NULL;
	return 0;
}

static int open_xdp(struct receivers *r)
{
	char error[400];
	int err;

	if (!r->options.n_interfaces || r->options.mode == RX_UDP)
		return 0;
	err = xdp_open(&r->xdp, &r->options, error, sizeof(error));
	if (!err)
		return 0;
	r->xdp = NULL;
	/* A name that is no interface is a mistake in the settings, not a lack of XDP. */
	if (r->options.mode == RX_AUTO && err != -ENODEV)
		return fall_back(r, error);
	log_error("%s", error);
	return err;
}

static int open_udp(struct receivers *r)
{
	int streams = r->xdp ? xdp_map_fd(r->xdp, XDP_MAP_STREAMS) : -1;
	unsigned queues = r->xdp ? queues_in_all(r->xdp) : 0;
	char error[400];
	int err;

	if (r->xdp)
		r->n_workers = queues < RX_WORKERS_MAX ? queues : RX_WORKERS_MAX;
	else
		r->n_workers = udp_workers(&r->options);
	err = udp_open(&r->udp, &r->options, r->n_workers, streams, error, sizeof(error));
	if (err)
		log_error("%s", error);
	return err;
}

struct receivers *receivers_open(const struct rx_options *o)
{
	struct receivers *r = calloc(1, sizeof(*r));

	if (!r) {
		log_error("out of memory");
		return NULL;
	}
	r->options = *o;
	if (open_xdp(r) || open_udp(r)) {
		receivers_close(r);
		return NULL;
	}
	return r;
}

unsigned receivers_workers(const struct receivers *r)
{
	return r->n_workers;
}

void receivers_close_rings(struct receivers *r)
{
	for (unsigned i = 0; i < r->n_rings; i++)
		xsk_close(r->rings[i].xsk);
	free(r->rings);
	r->rings = NULL;
	r->n_rings = 0;
}

static int open_rings(struct receivers *r, char *error, size_t size)
{
	r->rings = calloc(queues_in_all(r->xdp), sizeof(*r->rings));
	if (!r->rings) {
		snprintf(error, size, "AF_XDP sockets: out of memory");
		return -ENOMEM;
	}
	for (unsigned i = 0; i < xdp_interfaces(r->xdp); i++)
		for (unsigned q = 0; q < xdp_queues(r->xdp, i); q++) {
			struct ring *ring = &r->rings[r->n_rings];
			int err = xsk_open(&ring->xsk, &r->options, xdp_interface_name(r->xdp, i),
					   q, xdp_xsks_fd(r->xdp, i), xdp_frags(r->xdp, i), error,
					   size);

			if (err)
				return err;
			ring->interface = i;
			ring->queue = q;
			ring->worker = (xdp_worker_base(r->xdp, i) + q) % r->n_workers;
			r->n_rings++;
		}
	return 0;
}

int receivers_start(struct receivers *r)
{
	char error[400];
	int err;

	if (!r->xdp)
		return 0;
	/* Not before: an agent that we take over from had its sockets in place until now. */
	xdp_read_reasons(xdp_map_fd(r->xdp, XDP_MAP_REASONS), r->reasons_before);
	err = open_rings(r, error, sizeof(error));
	if (!err)
		return 0;
	receivers_close_rings(r);
	/* There are as many workers as there would have been queues, which does no harm. */
	if (r->options.mode == RX_AUTO)
		return fall_back(r, error);
	log_error("%s", error);
	return err;
}

static unsigned take_ring(void *of, struct datagram *out, unsigned max, struct account *account)
{
	return xsk_receive(of, out, max, account);
}

static void release_ring(void *of)
{
	xsk_release(of);
}

static int ring_fd(void *of)
{
	return xsk_fd(of);
}

static unsigned take_udp(void *of, struct datagram *out, unsigned max, struct account *account)
{
	return udp_receive(of, out, max, account);
}

static void release_udp(void *of)
{
	udp_release(of);
}

static int socket_fd(void *of)
{
	return udp_fd(of);
}

unsigned receivers_of(struct receivers *r, unsigned worker, struct receiver *to, unsigned max)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->n_rings && n < max; i++)
		if (r->rings[i].worker == worker)
			to[n++] = (struct receiver){
				.of = r->rings[i].xsk,
				.receive = take_ring,
				.release = release_ring,
				.fd = ring_fd,
				.in_memory = true,
			};
	if (n < max)
		to[n++] = (struct receiver){
			.of = udp_of_worker(r->udp, worker),
			.receive = take_udp,
			.release = release_udp,
			.fd = socket_fd,
		};
	return n;
}

static bool has_port(const struct rx_options *o, uint16_t port)
{
	for (unsigned i = 0; i < o->n_ports; i++)
		if (o->ports[i] == port)
			return true;
	return false;
}

/* Sockets first, so that what XDP passes of a new port arrives; the other way round for an old one.
 */
static void change_ports(struct receivers *r, const struct rx_options *o)
{
	int streams = r->xdp ? xdp_map_fd(r->xdp, XDP_MAP_STREAMS) : -1, err = 0;
	struct rx_options before = r->options;
	char error[400];

	r->options.n_ports = 0;
	for (unsigned i = 0; i < o->n_ports; i++) {
		if (!udp_has_port(r->udp, o->ports[i]) &&
		    udp_add_port(r->udp, o->ports[i], &r->options, streams, error, sizeof(error)))
			log_error("%s; the port is left out", error);
		else
			r->options.ports[r->options.n_ports++] = o->ports[i];
	}
	if (r->xdp)
		err = xdp_set_listeners(r->xdp, &r->options);
	if (err)
		log_error("listen.ports are not in force everywhere: %s", strerror(-err));
	for (unsigned i = 0; i < before.n_ports; i++)
		if (!has_port(&r->options, before.ports[i]))
			udp_drop_port(r->udp, before.ports[i]);
	udp_keep(r->udp);
}

void receivers_keep(const struct receivers *r)
{
	udp_keep(r->udp);
}

int receivers_give(const struct receivers *r, int connection)
{
	int fds[KEPT_MAX];
	unsigned n = udp_sockets(r->udp, fds, KEPT_MAX);

	return handover_give(connection, fds, n, r->xdp ? xdp_pins_fd(r->xdp) : -1);
}

void receivers_leave_pins(struct receivers *r)
{
	r->options.keep_attached = true;
}

void receivers_reload(struct receivers *r, const struct rx_options *o)
{
	int err;

	r->options.when_back = o->when_back;
	change_ports(r, o);
	err = udp_set_allow(r->udp, o->allow, o->n_allow);

	if (!err && r->xdp)
		err = xdp_set_allow(r->xdp, o->allow, o->n_allow);
	if (err)
		log_error("exporters.allow is not in force everywhere: %s", strerror(-err));
	err = r->xdp ? xdp_set_rate(r->xdp, o->rate_limit, o->rate_burst) : 0;
	if (err)
		log_error("exporters.rate_limit is not in force: %s", strerror(-err));
}

int receivers_map_fd(const struct receivers *r)
{
	return r->xdp ? xdp_map_fd(r->xdp, XDP_MAP_REASONS) : -1;
}

void receivers_stop(struct receivers *r)
{
	for (unsigned i = 0; i < r->n_rings; i++) {
		const struct ring *ring = &r->rings[i];

		bpf_map_delete_elem(xdp_xsks_fd(r->xdp, ring->interface), &ring->queue);
	}
}

void receivers_close(struct receivers *r)
{
	if (!r)
		return;
	receivers_close_rings(r);
	if (r->xdp)
		xdp_close(r->xdp, r->options.keep_attached);
	udp_close(r->udp);
	free(r);
}

static bool is_set(const bool *flag)
{
	return __atomic_load_n(flag, __ATOMIC_RELAXED);
}

static void set(bool *flag, bool to)
{
	__atomic_store_n(flag, to, __ATOMIC_RELAXED);
}

/* Interfaces may disappear with their module, or a virtual one with its peer. */
static void see_what_is_gone(struct receivers *r)
{
	for (unsigned i = 0; i < r->n_rings; i++) {
		const struct ring *ring = &r->rings[i];
		struct fate *f = &r->fates[ring->interface];

		if (!xsk_is_gone(ring->xsk) || f->gone)
			continue;
		set(&f->gone, true);
		log_error("%s: the interface was removed: what its exporters send comes through "
			  "plain UDP sockets if another way leads here; %s",
			  xdp_interface_name(r->xdp, ring->interface),
			  r->options.when_back == RX_EXIT ? "the agent ends when it is back"
							  : "restart the agent when it is back");
	}
}

/* One that comes back, even of the same name, is another, and we have given up what attaching to it
 * needs. */
static void see_whether_back(const struct receivers *r, struct fate *f, const char *name,
			     uint64_t now)
{
	int back = link_is_back(&f->watch, name, now);

	if (back < 0 && log_allowed(&f->fault_said, 3600))
		log_warning("%s: it cannot be told whether the interface is back: %s; restart the "
			    "agent when it is",
			    name, strerror(-back));
	if (back > 0 && !f->back && log_allowed(&f->back_said, 60))
		log_warning("%s is back: %s", name,
			    r->options.when_back == RX_EXIT
				    ? "the agent ends when no other is missing any more"
				    : "restart the agent, it may not attach anew by itself");
	set(&f->back, back > 0);
}

bool receivers_all_back(struct receivers *r, uint64_t now)
{
	unsigned gone = 0, back = 0;

	if (!r->xdp)
		return false;
	see_what_is_gone(r);
	for (unsigned i = 0; i < xdp_interfaces(r->xdp); i++) {
		struct fate *f = &r->fates[i];

		if (!f->gone)
			continue;
		see_whether_back(r, f, xdp_interface_name(r->xdp, i), now);
		gone++;
		back += f->back;
	}
	return gone && back == gone;
}

unsigned receivers_report(struct ops_receiver *to, unsigned max, void *arg)
{
	struct receivers *r = arg;
	unsigned n = 0;

	for (unsigned i = 0; i < r->n_rings && n < max; i++) {
		const struct ring *ring = &r->rings[i];
		struct xsk_stats lost;

		xsk_statistics(ring->xsk, &lost);
		to[n] = (struct ops_receiver){
			.worker = ring->worker,
			.queue = ring->queue,
			.mode = xdp_mode_got(r->xdp, ring->interface),
			.zero_copy = xsk_zero_copy(ring->xsk),
			.gone = is_set(&r->fates[ring->interface].gone),
			.back = is_set(&r->fates[ring->interface].back),
			.ring_size = r->options.ring_size,
			.dropped = lost.dropped + lost.ring_full,
		};
		snprintf(to[n].interface, sizeof(to[n].interface), "%s",
			 xdp_interface_name(r->xdp, ring->interface));
		n++;
	}
	for (unsigned w = 0; w < r->n_workers && n < max; w++)
		to[n++] = (struct ops_receiver){
			.worker = w,
			.mode = RX_UDP,
			.dropped = udp_dropped(udp_of_worker(r->udp, w)),
		};
	return n;
}

unsigned receivers_reasons(struct ops_reason *to, unsigned max, void *arg)
{
	struct receivers *r = arg;
	uint64_t now[REASON_MAX];
	unsigned n = 0;

	if (!r->xdp || xdp_read_reasons(xdp_map_fd(r->xdp, XDP_MAP_REASONS), now))
		return 0;
	for (; n < REASON_MAX && n < max; n++)
		to[n] = (struct ops_reason){
			.name = xdp_reason_name((enum reason)n),
			.help = xdp_reason_help((enum reason)n),
			.total = now[n],
			.since_start = now[n] - r->reasons_before[n],
		};
	return n;
}

uint64_t receivers_dropped(struct receivers *r)
{
	struct ops_receiver all[OPS_RECEIVERS_MAX];
	unsigned n = receivers_report(all, OPS_RECEIVERS_MAX, r);
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += all[i].dropped;
	return sum;
}
