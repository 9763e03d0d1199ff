/* Datagrams from UDP sockets: beside AF_XDP for what XDP leaves to the kernel, or instead of it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For each local address (or any IPv4 and any IPv6) and port there is a socket for each worker, all
 * in one SO_REUSEPORT group with a program that keeps an exporter on one worker. */
#ifndef WEIR_RX_UDP_H
#define WEIR_RX_UDP_H

#include <stddef.h>

#include "rx.h"

struct udp;	  /* the sockets of one worker */
struct udp_group; /* those of all workers */

/* How exporters are kept on their workers. */
enum udp_steering {
	UDP_ONE_WORKER,	  /* nothing to choose */
	UDP_STEER_STREAM, /* the worker of the stream's AF_XDP queue, else by a hash of the address
			   */
	UDP_STEER_SOURCE, /* classic BPF, for want of privileges: by the source address alone */
};

/* Opens the sockets for o->ports on o->addresses. streams_fd is the XDP program's map of streams,
 * or -1. Returns 0, or a negative errno with one line for the operator in error (-EADDRINUSE:
 * somebody has the port). */
int udp_open(struct udp_group **out, const struct rx_options *o, unsigned workers, int streams_fd,
	     char *error, size_t size);
void udp_close(struct udp_group *g);

struct udp *udp_of_worker(struct udp_group *g, unsigned worker);
enum udp_steering udp_steering(const struct udp_group *g);

/* Replaces the allow list of exporters; n = 0: everybody. Returns 0 or -ENOMEM. Readers are RCU
 * readers; waits until they have let go of the old one. */
int udp_set_allow(struct udp_group *g, const struct rx_prefix *allow, unsigned n);

/* Gives the sockets to the service manager to keep: what the kernel receives while no agent runs
 * waits in them for the next one, which takes them in udp_open(). */
void udp_keep(const struct udp_group *g);

/* Their descriptors, up to max, to be shown to another agent: returns how many. They stay ours. */
unsigned udp_sockets(const struct udp_group *g, int *to, unsigned max);

/* While workers receive: another port (0, or a negative errno with one line in error, and nothing
 * of it is open), and one port less. o->addresses are those of the start. The caller is no RCU
 * reader. */
bool udp_has_port(const struct udp_group *g, uint16_t port);
int udp_add_port(struct udp_group *g, uint16_t port, const struct rx_options *o, int streams_fd,
		 char *error, size_t size);
void udp_drop_port(struct udp_group *g, uint16_t port);

/* Up to `max` (at most RX_BATCH) datagrams, without waiting; 0: none is there. received_ns is the
 * time of the call. The calling thread is an RCU reader. */
unsigned udp_receive(struct udp *u, struct datagram *out, unsigned max, struct account *account);
void udp_release(struct udp *u);
int udp_fd(struct udp *u); /* readable when there is something to receive */

/* Datagrams that the kernel dropped at this worker's sockets, because their buffers were full or a
 * checksum was wrong. Any thread may ask. */
uint64_t udp_dropped(const struct udp *u);

#endif
