/* Where datagrams come from: options that all receivers share.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each receiver (xsk, udp, pcap) has the same three calls: X_receive() fills up to `max` datagrams
 * and returns how many, X_release() gives their bytes back, X_fd() is what to poll. */
#ifndef WEIR_RX_H
#define WEIR_RX_H

#include "../account.h"
#include "../flow.h"

enum {
	RX_BATCH = 64,
	RX_PORTS_MAX = 32,
	RX_ADDRESSES_MAX = 32,
	RX_INTERFACES_MAX = 16,
	RX_INTERFACE_NAME = 16,
	RX_DATAGRAM_MAX = 65535,
	RX_WORKERS_MAX = 64,
};

enum rx_mode { RX_AUTO, RX_NATIVE, RX_GENERIC, RX_UDP };

/* What to do when an interface that was removed is back. */
enum rx_when_back { RX_STAY, RX_EXIT };

/* A prefix of exporters; IPv4 is ::ffff:a.b.c.d with prefix_len + 96. */
struct rx_prefix {
	struct ip_addr address;
	uint8_t prefix_len;
};

struct rx_options {
	char interfaces[RX_INTERFACES_MAX][RX_INTERFACE_NAME];
	unsigned n_interfaces; /* 0: UDP sockets only */
	uint16_t ports[RX_PORTS_MAX];
	unsigned n_ports;
	struct ip_addr addresses[RX_ADDRESSES_MAX]; /* local addresses; none: any */
	unsigned n_addresses;
	struct rx_prefix *allow; /* exporters; none: all */
	unsigned n_allow;
	enum rx_mode mode;	/* RX_AUTO tries native, generic, UDP in turn */
	uint32_t rate_limit;	/* datagrams/s per exporter in XDP; 0: none */
	uint32_t rate_burst;	/* datagrams */
	uint32_t frames;	/* UMEM frames per queue, power of two */
	uint32_t frame_size;	/* 2048 or 4096 */
	uint32_t ring_size;	/* descriptors, power of two */
	uint32_t max_exporters; /* entries of the kernel's per-exporter table */
	uint32_t socket_buffer; /* bytes, SO_RCVBUF of UDP sockets */
	uint32_t workers;	/* UDP only; with AF_XDP there is one per queue; 0: one per core */
	bool zero_copy;		/* try it first */
	bool keep_attached;	/* leave pins and program when the agent stops */
	enum rx_when_back when_back;
	char pin_path[256]; /* /sys/fs/bpf/weir */
};

#endif
