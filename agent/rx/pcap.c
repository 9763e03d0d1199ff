/* Datagrams from capture files.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture.h"
#include "ip.h"
#include "pcap.h"
#include "reassembly.h"

/* Frames are read straight into the arena and stay there until the release; a datagram put together
 * from fragments is copied into it. There is always room for one of each. */
enum {
	ARENA = 4 << 20,
	ARENA_LEAST = FRAME_MAX + RX_DATAGRAM_MAX,
};

struct pcap {
	struct capture capture;
	struct reassembly *reassembly;
	uint64_t skipped[PCAP_SKIP_MAX];
	uint16_t ports[RX_PORTS_MAX];
	unsigned n_ports;
	uint32_t used; /* bytes of the arena */
	uint8_t *arena;
};

int pcap_open(struct pcap **out, const char *path, const struct rx_options *o, char *error,
	      size_t size)
{
	struct pcap *p = calloc(1, sizeof(*p));
	int err = -ENOMEM;

	*out = NULL;
	if (!p)
		goto out_of_memory;
	p->arena = malloc(ARENA);
	p->reassembly = reassembly_new();
	if (!p->arena || !p->reassembly)
		goto out_of_memory;
	if (o) {
		memcpy(p->ports, o->ports, sizeof(p->ports));
		p->n_ports = o->n_ports;
	}
	err = capture_open(&p->capture, path);
	if (err) {
		snprintf(error, size, "%s", p->capture.problem);
		pcap_close(p);
		return err;
	}
	*out = p;
	return 0;

out_of_memory:
	snprintf(error, size, "%s: out of memory", path);
	pcap_close(p);
	return err;
}

void pcap_close(struct pcap *p)
{
	if (!p)
		return;
	capture_close(&p->capture);
	reassembly_free(p->reassembly);
	free(p->arena);
	free(p);
}

static bool port_wanted(const struct pcap *p, uint16_t port)
{
	for (unsigned i = 0; i < p->n_ports; i++)
		if (p->ports[i] == port)
			return true;
	return p->n_ports == 0;
}

/* Gives the fragment to the reassembly; the whole, if this completes it, goes into the arena at
 * `spare` and takes the packet's place. */
static int join_fragments(struct pcap *p, struct ip_packet *ip, uint64_t time_ns, uint8_t *spare)
{
	const struct fragment f = {
		.src = ip->src,
		.dst = ip->dst,
		.time_ns = time_ns,
		.data = ip->data,
		.len = ip->len,
		.id = ip->id,
		.offset = ip->offset,
		.protocol = ip->protocol,
		.more = ip->more,
	};
	const uint8_t *whole;

	if (ip->cut)
		return PCAP_SKIP_CUT_SHORT;
	switch (reassembly_add(p->reassembly, &f, &whole, &ip->len, &ip->protocol)) {
	case REASSEMBLY_BAD:
		return PCAP_SKIP_BAD_FRAGMENT;
	case REASSEMBLY_OVERLAP:
		return PCAP_SKIP_FRAGMENTS_OVERLAP;
	case REASSEMBLY_PENDING:
		return -EAGAIN;
	case REASSEMBLY_DONE:
		break;
	}
	memcpy(spare, whole, ip->len);
	ip->data = spare;
	return ip_is_v4(&ip->src) ? IP_OK : ip_skip_extensions(ip);
}

/* One frame to one datagram: IP_OK, an enum pcap_skip, or -EAGAIN for a fragment put aside. */
static int take_frame(struct pcap *p, const struct frame *frame, uint8_t *bytes,
		      struct datagram *dg)
{
	struct ip_packet ip;
	int result = ip_parse_frame(&ip, frame->link, bytes, frame->len);

	if (result == IP_OK && ip.fragment)
		result = join_fragments(p, &ip, frame->time_ns, bytes + frame->len);
	if (result == IP_OK)
		result = ip_parse_udp(&ip, dg);
	if (result == IP_OK && !port_wanted(p, dg->dst_port))
		result = PCAP_SKIP_OTHER_PORT;
	dg->received_ns = frame->time_ns;
	dg->via = VIA_PCAP;
	return result;
}

unsigned pcap_receive(struct pcap *p, struct datagram *out, unsigned max, struct account *account)
{
	struct frame frame;
	uint64_t octets = 0;
	unsigned n = 0;

	while (n < max && ARENA - p->used >= ARENA_LEAST) {
		uint8_t *bytes = p->arena + p->used;
		int result;

		if (!capture_next(&p->capture, bytes, &frame)) {
			reassembly_flush(p->reassembly);
			break;
		}
		result = take_frame(p, &frame, bytes, &out[n]);
		if (result == IP_OK) {
			p->used = (uint32_t)(out[n].data + out[n].len - p->arena);
			octets += out[n++].len;
		} else if (result >= 0) {
			p->skipped[result]++;
		}
	}
	account_add(account, ACCOUNT_RX_PCAP, n);
	account_add(account, ACCOUNT_RX_BYTES, octets);
	return n;
}

void pcap_release(struct pcap *p)
{
	p->used = 0;
}

const char *pcap_problem(const struct pcap *p)
{
	return p->capture.problem[0] ? p->capture.problem : NULL;
}

uint64_t pcap_packets(const struct pcap *p)
{
	return p->capture.frames;
}

uint64_t pcap_skipped(const struct pcap *p, enum pcap_skip why)
{
	const struct reassembly_counts *c = reassembly_counts(p->reassembly);

	if (why == PCAP_SKIP_FRAGMENTS_MISSING)
		return c->timed_out;
	if (why == PCAP_SKIP_FRAGMENTS_LIMIT)
		return c->evicted;
	return p->skipped[why];
}

const char *pcap_skip_text(enum pcap_skip why)
{
	static const char *const texts[PCAP_SKIP_MAX] = {
#define S(name, text) [PCAP_SKIP_##name] = text,
		PCAP_SKIPS(S)
#undef S
	};

	return texts[why];
}
