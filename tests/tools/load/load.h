/* What the files of the load generator share.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_LOAD_H
#define WEIR_LOAD_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BATCH = 32,
	SLOT = 66 * 1024, /* bytes for one datagram and its headers */
	FRAMES_MAX = 2048,
	TEMPLATE_ID = 300,
	PAYLOAD_MAX = 65507,
	PORTS_MAX = 64,
	TEMPLATES_MAX = 4096, /* of one exporter */
	HEADERS = 14 + 20 + 8,
	UPTIME = 3600000, /* ms, of each exporter */
};

enum protocol { NETFLOW5, NETFLOW9, IPFIX, SFLOW5 };

/* One exporter. */
struct stream {
	struct in6_addr address; /* IPv4 in the last four bytes */
	uint32_t sequence;
	uint64_t datagrams;
	int fd[PORTS_MAX]; /* with UDP sockets: one for each source port */
};

/* From the command line. */
extern struct options {
	enum protocol protocol;
	int family;
	struct in6_addr to, from;
	uint16_t to_port, from_port;
	char interface[IFNAMSIZ]; /* empty: UDP sockets */
	const char *write;	  /* file of frames, instead of sending */
	bool live, pass;
	unsigned cycle; /* frames that are made for it */
	unsigned batch; /* datagrams sent at once */
	uint8_t mac[6];
	size_t size;
	uint64_t count, rate;
	unsigned exporters, ports, template_every;
	unsigned templates; /* of each exporter, used in turn */
	uint32_t time;	    /* s since 1970, of all datagrams; 0: when the run began */
	unsigned spread;    /* bits: the hosts are in so many addresses from 1.0.0.0 on */
	unsigned hosts;	    /* between which the flows are; 0: another one for each flow */
	bool zipf;	    /* a host has as much traffic as its rank is low, by Zipf's law */
	unsigned vlans[2], n_vlans, vlan_every;
	size_t fragment; /* bytes of IP payload in each; 0: none */
	unsigned fragment_every;
} options;

extern struct sent {
	uint64_t datagrams, payload, records, bytes, packets, tagged, fragmented, frames;
} sent;

extern uint32_t start_seconds; /* when the run began, s since 1970 */

_Noreturn void die(const char *what, const char *text);
void report(uint64_t start);
uint64_t now_ns(void);
bool is_v6(void);

/* How many are to be sent now, at most `most`: 0 after a short sleep. What was missed for longer
 * than 20 ms, as where the machine stood still, is not made up for: the rate stays what was asked
 * for. */
uint64_t due_now(uint64_t start, uint64_t done, uint64_t count, uint64_t most);

static inline uint8_t *put16(uint8_t *p, uint32_t v)
{
	p[0] = v >> 8;
	p[1] = v;
	return p + 2;
}

static inline uint8_t *put32(uint8_t *p, uint32_t v)
{
	return put16(put16(p, v >> 16), v);
}

static inline uint8_t *put64(uint8_t *p, uint64_t v)
{
	return put32(put32(p, v >> 32), v);
}

/* generate.c: the stream's next datagram. Returns its bytes. */
size_t build(struct stream *s, uint8_t *p);

/* A datagram of nothing but templates, from `first` on; *n becomes how many. */
size_t build_templates(struct stream *s, uint8_t *start, size_t size, unsigned first, unsigned *n);

/* frame.c: a UDP header before `payload` bytes that are there already. Returns their end. */
uint8_t *put_udp(uint8_t *udp, const struct stream *s, uint16_t port, size_t payload);

/* Ethernet, tags and IP for `len` bytes of UDP that begin at `offset` of the datagram. Returns
 * where these bytes go. */
uint8_t *put_headers(uint8_t *p, const struct stream *s, bool tagged, uint32_t id, size_t offset,
		     size_t len, bool more);

/* made.c: frames made beforehand, sent by the kernel or written to a capture. */
void run_live(struct stream *streams);
void write_capture(struct stream *streams);

#endif
