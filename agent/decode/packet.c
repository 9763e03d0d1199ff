/* Sampled packets: from header bytes to flow fields. Frames, tags and labels are here.
 * SPDX-License-Identifier: Apache-2.0 */
#include "packet_steps.h"

enum {
	HEADERS_MAX = 32, /* steps through one packet; each consumes at least one header */

	ETYPE_ARP = 0x0806,
	ETYPE_TEB = 0x6558, /* Ethernet inside GRE or Geneve */
	ETYPE_DOT1Q = 0x8100,
	ETYPE_MPLS = 0x8847,
	ETYPE_MPLS_UPSTREAM = 0x8848,
	ETYPE_PPPOE = 0x8864,
	ETYPE_DOT1AD = 0x88a8,
	ETYPE_QINQ_OLD = 0x9100,
	ETYPE_LENGTH_MAX = 1500, /* up to here it is the length of an IEEE 802.3 frame */

	ETHERNET_HEADER = 14,
};

static uint64_t mac(const uint8_t *p)
{
	return be_uint(p, 6);
}

enum step packet_etype(struct parser *s, uint16_t etype)
{
	s->etype = etype;
	if (s->frames <= 1 && !s->packets)
		s->f->etype = etype;
	else if (s->packets <= 1 && s->frames <= 2)
		s->e->inner_etype = etype;
	return STEP_ETYPE;
}

static enum step ethernet(struct parser *s)
{
	const uint8_t *p = s->p;

	if (packet_left(s) < ETHERNET_HEADER)
		return STEP_END;
	s->frames++;
	s->tags = 0;
	if (s->frames == 1) {
		s->f->dst_mac = mac(p);
		s->f->src_mac = mac(p + 6);
	} else if (s->frames == 2) {
		s->e->inner_dst_mac = mac(p);
		s->e->inner_src_mac = mac(p + 6);
	}
	packet_layer(s, LAYER_ETHERNET, ETHERNET_HEADER);
	s->p += ETHERNET_HEADER;
	return packet_etype(s, be16(p + 12));
}

/* IEEE 802.1Q: vlan_id is the outer tag of the frame; the second is the customer's. */
static enum step vlan(struct parser *s)
{
	uint16_t id;

	if (packet_left(s) < 4)
		return STEP_END;
	id = be16(s->p) & 0xfff;
	s->tags++;
	if (s->frames <= 1 && !s->packets) {
		if (s->tags == 1) {
			s->f->vlan_id = id;
			s->e->dot1q_vlan = id;
		} else if (s->tags == 2) {
			s->e->dot1q_cvlan = id;
		}
	} else if (s->tags == 1 && !s->e->inner_vlan_id) {
		s->e->inner_vlan_id = id;
	}
	packet_layer(s, LAYER_DOT1Q, 4);
	s->p += 4;
	return packet_etype(s, be16(s->p - 2));
}

/* RFC 2516: six bytes of header, then the PPP protocol. */
static enum step pppoe(struct parser *s)
{
	uint16_t protocol;

	if (packet_left(s) < 8)
		return STEP_END;
	protocol = be16(s->p + 6);
	s->p += 8;
	packet_layer(s, LAYER_CUSTOM, 8);
	if (protocol == 0x0021)
		return STEP_IPV4;
	return protocol == 0x0057 ? STEP_IPV6 : STEP_END;
}

static enum step by_etype(struct parser *s)
{
	static const uint8_t snap[6] = {0xaa, 0xaa, 0x03};

	switch (s->etype) {
	case ETYPE_IPV4:
		return STEP_IPV4;
	case ETYPE_IPV6:
		return STEP_IPV6;
	case ETYPE_MPLS:
	case ETYPE_MPLS_UPSTREAM:
		return STEP_MPLS;
	case ETYPE_DOT1Q:
	case ETYPE_DOT1AD:
	case ETYPE_QINQ_OLD:
		return vlan(s);
	case ETYPE_TEB:
		return STEP_ETHERNET;
	case ETYPE_PPPOE:
		return pppoe(s);
	}
	/* IEEE 802.3 with LLC and SNAP: the EtherType follows. */
	if (s->etype <= ETYPE_LENGTH_MAX && packet_left(s) >= 8 &&
	    !memcmp(s->p, snap, sizeof(snap))) {
		s->p += 8;
		return packet_etype(s, be16(s->p - 2));
	}
	return STEP_END;
}

/* True when n bytes begin with an IPv4 header that holds together. Its checksum proves it; a header
 * that was cut off cannot be proven. */
static bool is_ipv4(const uint8_t *p, uint32_t n)
{
	uint32_t size, sum = 0;

	if (n < IPV4_HEADER || p[0] >> 4 != 4)
		return false;
	size = (p[0] & 15u) * 4;
	if (size < IPV4_HEADER || size > n || be16(p + 2) < size)
		return false;
	for (uint32_t i = 0; i < size; i += 2)
		sum += be16(p + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

enum guess { GUESS_NO, GUESS_MAYBE, GUESS_SURE };

/* How much n bytes look like an Ethernet frame: SURE when its payload proves the EtherType. */
static enum guess is_ethernet(const uint8_t *p, uint32_t n)
{
	uint32_t at = 12;
	uint16_t etype;

	if (n < ETHERNET_HEADER)
		return GUESS_NO;
	etype = be16(p + at);
	for (int tags = 0; tags < 2 && at + 6 <= n; tags++) {
		if (etype != ETYPE_DOT1Q && etype != ETYPE_DOT1AD && etype != ETYPE_QINQ_OLD)
			break;
		at += 4;
		etype = be16(p + at);
	}
	p += at + 2;
	n -= at + 2;
	switch (etype) {
	case ETYPE_IPV4:
		return is_ipv4(p, n) ? GUESS_SURE : n && p[0] >> 4 == 4 ? GUESS_MAYBE : GUESS_NO;
	case ETYPE_IPV6:
		return n >= IPV6_HEADER && p[0] >> 4 == 6 ? GUESS_SURE : GUESS_NO;
	case ETYPE_ARP:
		return n >= 8 && be32(p) == 0x00010800 && be16(p + 4) == 0x0604 ? GUESS_SURE
										: GUESS_NO;
	case ETYPE_MPLS:
	case ETYPE_DOT1Q:
	case ETYPE_DOT1AD:
	case ETYPE_QINQ_OLD:
	case ETYPE_PPPOE:
	case 0x8863: /* PPPoE discovery */
	case 0x8809: /* LACP */
	case 0x88cc: /* LLDP */
	case 0x8902: /* CFM */
		return GUESS_MAYBE;
	}
	/* LLC: spanning tree, IS-IS, SNAP. */
	if (etype <= ETYPE_LENGTH_MAX && n >= 3 && p[0] == p[1] && p[2] == 0x03 &&
	    (p[0] == 0x42 || p[0] == 0xfe || p[0] == 0xaa))
		return GUESS_SURE;
	return GUESS_NO;
}

/* Nothing in a label stack says what it carries, so it is guessed. The first nibble tells IPv4 (4),
 * IPv6 (6) and a pseudowire control word (0, RFC 4385) apart, but it may as well be that of a
 * destination MAC address when an Ethernet pseudowire has no control word: then a frame whose
 * EtherType is proven by what follows wins, unless the IPv4 checksum proves the other. */
static enum step mpls_payload(struct parser *s)
{
	const uint8_t *p = s->p;
	uint32_t n = packet_left(s);
	enum guess plain, after_word;

	if (!n)
		return STEP_END;
	plain = is_ethernet(p, n);
	switch (p[0] >> 4) {
	case 4:
		return is_ipv4(p, n) || plain != GUESS_SURE ? STEP_IPV4 : STEP_ETHERNET;
	case 6:
		return plain != GUESS_SURE ? STEP_IPV6 : STEP_ETHERNET;
	case 0:
		/* A tagged frame without a control word reads as an untagged one after it, but
		 * hardly the other way round. */
		after_word = n > 4 ? is_ethernet(p + 4, n - 4) : GUESS_NO;
		if (plain != GUESS_SURE && after_word != GUESS_NO) {
			s->p += 4;
			return STEP_ETHERNET;
		}
		break;
	}
	return plain != GUESS_NO ? STEP_ETHERNET : STEP_END;
}

/* RFC 3032. Labels are kept of the outermost stack only. */
static enum step mpls(struct parser *s)
{
	struct flow_ext *e = s->e;
	bool keep = !s->packets && !e->n_mpls, bottom = false;
	const uint8_t *start = s->p;

	while (!bottom && packet_left(s) >= 4) {
		uint32_t entry = be32(s->p);

		bottom = entry >> 8 & 1;
		if (keep && e->n_mpls < FLOW_MPLS_MAX) {
			e->mpls_label[e->n_mpls] = entry >> 12;
			e->mpls_exp[e->n_mpls] = entry >> 9 & 7;
			e->mpls_ttl[e->n_mpls++] = entry & 0xff;
			e->n_mpls_ttl = e->n_mpls;
		} else if (keep) {
			e->left_out++;
		}
		s->p += 4;
	}
	if (s->p == start)
		return STEP_END;
	packet_layer(s, LAYER_MPLS, (uint32_t)(s->p - start));
	if (!s->frames)
		s->frames = 1; /* an Ethernet header further in is an encapsulated one */
	return bottom ? mpls_payload(s) : STEP_END;
}

void packet_parse(struct flow *f, enum packet_start start, const uint8_t *p, uint32_t len)
{
	struct parser s = {.f = f, .e = f->ext, .p = p, .end = p + len};
	enum step step = start == PACKET_ETHERNET ? STEP_ETHERNET
			 : start == PACKET_IPV4	  ? STEP_IPV4
			 : start == PACKET_IPV6	  ? STEP_IPV6
						  : STEP_MPLS;

	for (int i = 0; i < HEADERS_MAX && step != STEP_END; i++) {
		switch (step) {
		case STEP_ETHERNET:
			step = ethernet(&s);
			break;
		case STEP_ETYPE:
			step = by_etype(&s);
			break;
		case STEP_MPLS:
			step = mpls(&s);
			break;
		case STEP_IPV4:
			step = packet_ipv4(&s);
			break;
		case STEP_IPV6:
			step = packet_ipv6(&s);
			break;
		case STEP_PROTO:
			step = packet_upper_layer(&s);
			break;
		case STEP_END:
			break;
		}
	}
}
