/* The steps of the packet parser, for packet.c and packet_ip.c only.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PACKET_STEPS_H
#define WEIR_PACKET_STEPS_H

#include "../bytes.h"
#include "packet.h"

enum {
	ETYPE_IPV4 = 0x0800,
	ETYPE_IPV6 = 0x86dd,
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
};

enum step {
	STEP_END,
	STEP_ETHERNET,
	STEP_ETYPE, /* what parser.etype says */
	STEP_MPLS,
	STEP_IPV4,
	STEP_IPV6,
	STEP_PROTO, /* what parser.proto says */
};

/* Where we are in the packet. `frames` and `packets` count the Ethernet and IP headers met, this
 * one included: the first goes to the plain fields, the second to the inner ones, more nowhere. */
struct parser {
	struct flow *f;
	struct flow_ext *e;
	const uint8_t *p, *end;
	unsigned frames, packets, tags;
	uint16_t etype;
	uint8_t proto;
};

static inline uint32_t packet_left(const struct parser *s)
{
	return (uint32_t)(s->end - s->p);
}

/* Steps over n bytes, or to the end when they are cut off. */
static inline bool packet_skip(struct parser *s, uint32_t n)
{
	if (n > packet_left(s)) {
		s->p = s->end;
		return false;
	}
	s->p += n;
	return true;
}

/* Notes a header of `size` bytes in the layer stack. */
static inline void packet_layer(struct parser *s, enum flow_layer layer, uint32_t size)
{
	struct flow_ext *e = s->e;

	if (e->n_layers == FLOW_LAYERS_MAX) {
		e->left_out++;
		return;
	}
	e->layer_stack[e->n_layers] = layer;
	e->layer_size[e->n_layers++] = size;
}

/* Takes a new EtherType: of the frame while no IP packet was met, else of what is encapsulated. */
enum step packet_etype(struct parser *s, uint16_t etype);

/* What stands at s->p is an IP header, or what s->proto says. Each returns what comes next. */
enum step packet_ipv4(struct parser *s);
enum step packet_ipv6(struct parser *s);
enum step packet_upper_layer(struct parser *s);

#endif
