/* What the XDP program and user space share: keys, values, reasons, limits.
 * SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * Addresses are 16 bytes in network order, IPv4 as ::ffff:a.b.c.d. Ports are in network order where
 * only programs read them and in host order where `bpftool map dump` shows them to people. */
#ifndef WEIR_STEER_H
#define WEIR_STEER_H

#include <linux/types.h>

/* What became of a frame: R(ID, name, "meaning"). The table is the index of map `reasons`, the
 * members of struct reason_counts, the metric label and the documentation.
 *
 * A frame the program does not understand is passed to the kernel; only policy drops. Each datagram
 * to a listener is counted once: under FRAGMENT when its first fragment comes, and what follows
 * under FRAGMENT_REST. */
#define STEER_REASONS(R)                                                                        \
	R(STEERED, steered, "redirected to the AF_XDP socket of its queue")                     \
	R(NO_SOCKET, no_socket, "passed: its queue has no AF_XDP socket")                       \
	R(FRAGMENT, fragment, "passed: first fragment of a datagram to a listener")             \
	R(FRAGMENT_REST, fragment_rest,                                                         \
	  "passed: later UDP fragment to a listener's address; not a datagram of its own")      \
	R(IP_OPTIONS, ip_options, "passed: IPv4 header with options")                           \
	R(EXTENSION_HEADERS, extension_headers, "passed: IPv6 extension headers")               \
	R(OVERSIZE, oversize, "passed: frame larger than a UMEM frame")                         \
	R(BAD_UDP_LENGTH, bad_udp_length, "passed: UDP length below 8 or beyond its IP packet") \
	R(TRUNCATED, truncated,                                                                 \
	  "passed: an IP or UDP header, or what IP says it carries, runs past the frame")       \
	R(DENIED, denied, "dropped: exporter is not in the allow list")                         \
	R(RATE_LIMITED, rate_limited, "dropped: exporter is over its rate")                     \
	R(NOT_OURS, not_ours, "passed: not UDP to a listener")

enum reason {
#define R(id, name, help) REASON_##id,
	STEER_REASONS(R)
#undef R
		REASON_MAX
};

/* One counter for each reason, in the order of the enum: an array whose places have names. */
struct reason_counts {
#define R(id, name, help) __u64 name;
	STEER_REASONS(R)
#undef R
};

enum {
	STEER_QUEUES_MAX = 1024, /* receive queues of an interface */
	STEER_LISTENERS_MAX = 2048,
	STEER_ALLOW_MAX = 65536, /* prefixes */
	STEER_DENIED_MAX = 4096, /* sources remembered */
	STEER_TAGS_MAX = 2,	 /* VLAN tags before the IP header */
	STEER_EXTENSIONS_MAX = 8,
	STEER_XDP_HEADROOM = 256,  /* the kernel keeps these bytes of a UMEM frame */
	STEER_GAP_MAX = 1 << 16,   /* a sequence that jumps further began anew */
	STEER_PLAIN_MTU_MAX = 3498 /* above, an interface needs the program for fragments */
};

/* Protocols seen from an exporter, bits of exporter_counts.versions. */
enum {
	STEER_NETFLOW5 = 1 << 0,
	STEER_NETFLOW9 = 1 << 1,
	STEER_IPFIX = 1 << 2,
	STEER_SFLOW5 = 1 << 3,
	STEER_OTHER = 1 << 4,
};

/* Where datagrams are for us. Address all zero: any, and that is also what a host that routes only
 * passes on: there, addresses should be named. Port 0: no listener, but says that the address has
 * some, which is how later fragments are told from other people's. */
struct listener_key {
	__u8 address[16];
	__be16 port;
};

/* BPF_MAP_TYPE_LPM_TRIE: number of leading bits, then the address. */
struct allow_key {
	__u32 prefix_len; /* of 128: an IPv4 /24 is 120 */
	__u8 address[16];
};

struct exporter_key {
	__u8 address[16];
	__u16 port; /* the port of ours it sends to, host order */
};

struct exporter_counts {
	__u64 datagrams;    /* to a listener, whatever became of them */
	__u64 bytes;	    /* of their UDP payload */
	__u64 last_seen_ns; /* CLOCK_MONOTONIC */
	/* Units missing between two datagrams of a stream: flows for NetFlow v5, datagrams for v9.
	 * An early hint; the agent's account is the exact one. */
	__u64 sequence_gaps;
	struct reason_counts reasons; /* their sum is `datagrams` */
	__u32 versions;
	__u32 unused;
};

struct denied_counts {
	__u64 datagrams;
	__u64 last_seen_ns; /* CLOCK_MONOTONIC */
};

/* A stream: what one exporter sends from one port. The network card keeps it on one queue. */
struct stream_key {
	__u8 address[16];
	__be16 port; /* of the exporter */
};

enum { STEER_NO_WORKER = 0xffffffff };

struct stream {
	__u32 worker; /* that gets it from AF_XDP; STEER_NO_WORKER: none yet */
	__u32 sequence_domain, sequence_next; /* of its last datagram, NetFlow v5 and v9 */
};

enum {
	STEER_ALLOW_IN_USE = 1 << 0, /* without it everybody is allowed */
};

/* What can be changed while the program runs. */
struct steer_settings {
	__u64 rate_interval_ns; /* between datagrams of an exporter at its full rate; 0: no limit */
	__u64 rate_burst_ns;	/* how far it may run ahead of that */
	__u32 flags;
	__u32 unused;
};

#endif
