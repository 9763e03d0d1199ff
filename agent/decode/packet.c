/* Sampled packets: from header bytes to flow fields.
 * SPDX-License-Identifier: Apache-2.0 */
#include "../bytes.h"
#include "packet.h"

enum {
	HEADERS_MAX = 32, /* steps through one packet; each consumes at least one header */

	ETYPE_IPV4 = 0x0800,
	ETYPE_ARP = 0x0806,
	ETYPE_TEB = 0x6558, /* Ethernet inside GRE or Geneve */
	ETYPE_DOT1Q = 0x8100,
	ETYPE_IPV6 = 0x86dd,
	ETYPE_MPLS = 0x8847,
	ETYPE_MPLS_UPSTREAM = 0x8848,
	ETYPE_PPPOE = 0x8864,
	ETYPE_DOT1AD = 0x88a8,
	ETYPE_QINQ_OLD = 0x9100,
	ETYPE_LENGTH_MAX = 1500, /* up to here it is the length of an IEEE 802.3 frame */

	PROTO_HOPOPTS = 0,
	PROTO_ICMP = 1,
	PROTO_IPV4 = 4,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_DCCP = 33,
	PROTO_IPV6 = 41,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_GRE = 47,
	PROTO_AH = 51,
	PROTO_ICMPV6 = 58,
	PROTO_DSTOPTS = 60,
	PROTO_SCTP = 132,
	PROTO_MOBILITY = 135,
	PROTO_UDPLITE = 136,
	PROTO_MPLS = 137, /* RFC 4023 */
	PROTO_HIP = 139,
	PROTO_SHIM6 = 140,
	PROTO_ETHERNET = 143, /* RFC 8986 */

	PORT_TEREDO = 3544,
	PORT_VXLAN = 4789,
	PORT_GENEVE = 6081,
	PORT_MPLS = 6635,	 /* RFC 7510 */
	PORT_VXLAN_LINUX = 8472, /* the default of Linux, older than the assignment */

	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	ETHERNET_HEADER = 14,
	SRH_TYPE = 4, /* RFC 8754 */
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

static uint32_t left(const struct parser *s)
{
	return (uint32_t)(s->end - s->p);
}

static uint64_t mac(const uint8_t *p)
{
	return be_uint(p, 6);
}

static void add_layer(struct parser *s, enum flow_layer layer, uint32_t size)
{
	struct flow_ext *e = s->e;

	if (e->n_layers == FLOW_LAYERS_MAX)
		return;
	e->layer_stack[e->n_layers] = layer;
	e->layer_size[e->n_layers++] = size;
}

/* Steps over n bytes, or to the end when they are cut off. */
static bool skip(struct parser *s, uint32_t n)
{
	if (n > left(s)) {
		s->p = s->end;
		return false;
	}
	s->p += n;
	return true;
}

/* Takes a new EtherType: of the frame while no IP packet was met, else of what is encapsulated. */
static enum step next_etype(struct parser *s, uint16_t etype)
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

	if (left(s) < ETHERNET_HEADER)
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
	add_layer(s, LAYER_ETHERNET, ETHERNET_HEADER);
	s->p += ETHERNET_HEADER;
	return next_etype(s, be16(p + 12));
}

/* IEEE 802.1Q: vlan_id is the outer tag of the frame; the second is the customer's. */
static enum step vlan(struct parser *s)
{
	uint16_t id;

	if (left(s) < 4)
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
	add_layer(s, LAYER_DOT1Q, 4);
	s->p += 4;
	return next_etype(s, be16(s->p - 2));
}

/* RFC 2516: six bytes of header, then the PPP protocol. */
static enum step pppoe(struct parser *s)
{
	uint16_t protocol;

	if (left(s) < 8)
		return STEP_END;
	protocol = be16(s->p + 6);
	s->p += 8;
	add_layer(s, LAYER_CUSTOM, 8);
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
	if (s->etype <= ETYPE_LENGTH_MAX && left(s) >= 8 && !memcmp(s->p, snap, sizeof(snap))) {
		s->p += 8;
		return next_etype(s, be16(s->p - 2));
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
	uint32_t n = left(s);
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

	while (!bottom && left(s) >= 4) {
		uint32_t entry = be32(s->p);

		bottom = entry >> 8 & 1;
		if (keep && e->n_mpls < FLOW_MPLS_MAX) {
			e->mpls_label[e->n_mpls] = entry >> 12;
			e->mpls_exp[e->n_mpls] = entry >> 9 & 7;
			e->mpls_ttl[e->n_mpls++] = entry & 0xff;
		}
		s->p += 4;
	}
	if (s->p == start)
		return STEP_END;
	add_layer(s, LAYER_MPLS, (uint32_t)(s->p - start));
	if (!s->frames)
		s->frames = 1; /* an Ethernet header further in is an encapsulated one */
	return bottom ? mpls_payload(s) : STEP_END;
}

/* Notes one more IP header and says whether it is the outermost. */
static bool new_packet(struct parser *s, uint16_t etype)
{
	s->packets++;
	if (!s->frames)
		s->frames = 1;
	if (s->packets == 1)
		s->f->etype = etype;
	else if (s->packets == 2)
		s->e->inner_etype = etype;
	return s->packets == 1;
}

/* The bytes after the packet are padding of the frame. */
static void trim(struct parser *s, uint32_t size)
{
	if (size < left(s))
		s->end = s->p + size;
}

static enum step ipv4(struct parser *s)
{
	const uint8_t *p = s->p;
	uint32_t size, total;
	uint16_t fragment;

	if (left(s) < IPV4_HEADER || p[0] >> 4 != 4)
		return STEP_END;
	size = (p[0] & 15u) * 4;
	if (size < IPV4_HEADER)
		return STEP_END;
	fragment = be16(p + 6);
	s->proto = p[9];
	if (new_packet(s, ETYPE_IPV4)) {
		struct flow *f = s->f;

		ip_from_v4(&f->src_addr, p + 12);
		ip_from_v4(&f->dst_addr, p + 16);
		f->proto = p[9];
		f->ip_tos = p[1];
		f->ip_ttl = p[8];
		f->fragment_id = be16(p + 4);
		f->fragment_offset = fragment & 0x1fff;
		f->ip_flags = (uint8_t)(fragment >> 13);
	} else if (s->packets == 2) {
		ip_from_v4(&s->e->inner_src_addr, p + 12);
		ip_from_v4(&s->e->inner_dst_addr, p + 16);
		s->e->inner_proto = p[9];
	}
	add_layer(s, LAYER_IPV4, size);
	total = be16(p + 2);
	if (total >= size) /* less: 0 with segmentation offload */
		trim(s, total);
	if (!skip(s, size) || fragment & 0x1fff)
		return STEP_END;
	return STEP_PROTO;
}

/* Segment list of the outermost packet, in wire order: the last segment first (RFC 8754 section
 * 2). */
static void segments(struct parser *s, const uint8_t *p, uint32_t size)
{
	struct flow_ext *e = s->e;
	uint32_t n;

	if (s->packets != 1 || e->n_segments)
		return;
	e->segments_left = p[3];
	if (p[2] != SRH_TYPE)
		return;
	n = p[4] + 1u;
	for (uint32_t at = 8; n && at + 16 <= size && e->n_segments < FLOW_SEGMENTS_MAX;
	     at += 16, n--)
		memcpy(e->segments[e->n_segments++].b, p + at, 16);
}

/* Walks the extension headers (RFC 8200 section 4). Returns false where the upper layer cannot be
 * seen. */
static bool extension_headers(struct parser *s)
{
	for (;;) {
		const uint8_t *p = s->p;
		uint32_t size, here = left(s);

		switch (s->proto) {
		case PROTO_HOPOPTS:
		case PROTO_ROUTING:
		case PROTO_DSTOPTS:
		case PROTO_MOBILITY:
		case PROTO_HIP:
		case PROTO_SHIM6:
			if (here < 8)
				return false;
			size = 8 + p[1] * 8u;
			break;
		case PROTO_FRAGMENT:
			if (here < 8)
				return false;
			size = 8;
			break;
		case PROTO_AH:
			if (here < 8)
				return false;
			size = (p[1] + 2u) * 4;
			break;
		default:
			return true;
		}
		if (s->proto == PROTO_ROUTING) {
			add_layer(s, LAYER_IPV6_ROUTING, size);
			segments(s, p, size < here ? size : here);
		}
		if (s->proto == PROTO_FRAGMENT) {
			uint16_t fragment = be16(p + 2);

			add_layer(s, LAYER_IPV6_FRAGMENT, size);
			if (s->packets == 1) {
				s->f->fragment_id = be32(p + 4);
				s->f->fragment_offset = fragment >> 3;
				s->f->ip_flags = fragment & 7;
			}
			if (fragment >> 3) {
				s->proto = p[0];
				return false;
			}
		}
		s->proto = p[0];
		if (!skip(s, size))
			return false;
	}
}

static enum step ipv6(struct parser *s)
{
	const uint8_t *p = s->p;
	uint32_t payload;
	bool visible;

	if (left(s) < IPV6_HEADER || p[0] >> 4 != 6)
		return STEP_END;
	if (new_packet(s, ETYPE_IPV6)) {
		struct flow *f = s->f;

		memcpy(f->src_addr.b, p + 8, 16);
		memcpy(f->dst_addr.b, p + 24, 16);
		f->ip_tos = (uint8_t)(be16(p) >> 4);
		f->ip_ttl = p[7];
		f->ipv6_flow_label = be32(p) & 0xfffff;
	} else if (s->packets == 2) {
		memcpy(s->e->inner_src_addr.b, p + 8, 16);
		memcpy(s->e->inner_dst_addr.b, p + 24, 16);
	}
	add_layer(s, LAYER_IPV6, IPV6_HEADER);
	s->proto = p[6];
	payload = be16(p + 4);
	s->p += IPV6_HEADER;
	if (payload) /* 0: a jumbogram, or segmentation offload */
		trim(s, payload);
	visible = extension_headers(s);
	if (s->packets == 1)
		s->f->proto = s->proto;
	else if (s->packets == 2)
		s->e->inner_proto = s->proto;
	return visible ? STEP_PROTO : STEP_END;
}

/* Source and destination port, which all these transports have in their first four bytes. */
static bool ports(struct parser *s, uint16_t *src, uint16_t *dst)
{
	if (left(s) < 4)
		return false;
	*src = be16(s->p);
	*dst = be16(s->p + 2);
	if (s->packets == 1) {
		s->f->src_port = *src;
		s->f->dst_port = *dst;
	} else if (s->packets == 2) {
		s->e->inner_src_port = *src;
		s->e->inner_dst_port = *dst;
	}
	return true;
}

static enum step tcp(struct parser *s)
{
	uint16_t src, dst;

	if (!ports(s, &src, &dst))
		return STEP_END;
	add_layer(s, LAYER_TCP, left(s) > 12 ? (s->p[12] >> 4) * 4u : left(s));
	if (left(s) >= 14 && s->packets == 1)
		s->f->tcp_flags = be16(s->p + 12) & 0xfff;
	return STEP_END;
}

static enum step icmp(struct parser *s, enum flow_layer layer)
{
	if (left(s) < 2)
		return STEP_END;
	add_layer(s, layer, 8);
	if (s->packets == 1) {
		s->f->icmp_type = s->p[0];
		s->f->icmp_code = s->p[1];
	}
	return STEP_END;
}

static void network_identifier(struct parser *s, const uint8_t *p)
{
	if (s->packets == 1)
		s->e->vxlan_vni = (uint32_t)be_uint(p, 3);
}

/* RFC 7348: the I flag says that the VNI is valid. Of the reserved bits, extensions use only the
 * top one, so the rest tell other traffic on these ports apart. */
static enum step vxlan(struct parser *s)
{
	if (left(s) < 8 || (s->p[0] & 0x7f) != 0x08 || s->p[7])
		return STEP_END;
	network_identifier(s, s->p + 4);
	add_layer(s, LAYER_CUSTOM, 8);
	s->p += 8;
	return STEP_ETHERNET;
}

/* RFC 8926 section 3.4. */
static enum step geneve(struct parser *s)
{
	const uint8_t *p = s->p;
	uint32_t size;

	if (left(s) < 8 || p[0] >> 6)
		return STEP_END;
	size = 8 + (p[0] & 63u) * 4;
	network_identifier(s, p + 4);
	add_layer(s, LAYER_GENEVE, size);
	if (!skip(s, size))
		return STEP_END;
	return next_etype(s, be16(p + 2));
}

/* RFC 4380 section 5.1.1: authentication and origin indications may stand before the packet. */
static enum step teredo(struct parser *s)
{
	const uint8_t *start = s->p;

	if (left(s) >= 4 && be16(s->p) == 1 && !skip(s, 4u + s->p[2] + s->p[3] + 9))
		return STEP_END;
	if (left(s) >= 8 && be16(s->p) == 0)
		s->p += 8;
	if (!left(s) || s->p[0] >> 4 != 6)
		return STEP_END;
	add_layer(s, LAYER_TEREDO, (uint32_t)(s->p - start));
	return STEP_IPV6;
}

static enum step udp(struct parser *s)
{
	uint16_t src, dst;

	if (!ports(s, &src, &dst))
		return STEP_END;
	add_layer(s, LAYER_UDP, 8);
	if (!skip(s, 8))
		return STEP_END;
	if (dst == PORT_VXLAN || dst == PORT_VXLAN_LINUX)
		return vxlan(s);
	if (dst == PORT_GENEVE)
		return geneve(s);
	if (dst == PORT_MPLS)
		return STEP_MPLS;
	if (src == PORT_TEREDO || dst == PORT_TEREDO)
		return teredo(s);
	return STEP_END;
}

/* RFC 2784 with the key and sequence number of RFC 2890. Version 1 (PPTP) and the routing field of
 * RFC 1701 are not followed. */
static enum step gre(struct parser *s)
{
	const uint8_t *p = s->p;
	uint32_t size = 4;
	uint16_t flags;

	if (left(s) < 4)
		return STEP_END;
	flags = be16(p);
	if (flags & 0x8000)
		size += 4;
	if (flags & 0x2000) {
		if (left(s) >= size + 4 && s->packets == 1)
			s->e->gre_key = be32(p + size);
		size += 4;
	}
	if (flags & 0x1000)
		size += 4;
	add_layer(s, LAYER_GRE, size);
	if (flags & 0x4007 || !skip(s, size))
		return STEP_END;
	return next_etype(s, be16(p + 2));
}

static enum step by_proto(struct parser *s)
{
	uint16_t src, dst;

	switch (s->proto) {
	case PROTO_TCP:
		return tcp(s);
	case PROTO_UDP:
		return udp(s);
	case PROTO_ICMP:
		return icmp(s, LAYER_ICMP);
	case PROTO_ICMPV6:
		return icmp(s, LAYER_ICMPV6);
	case PROTO_SCTP:
	case PROTO_DCCP:
	case PROTO_UDPLITE:
		ports(s, &src, &dst);
		return STEP_END;
	case PROTO_IPV4:
		return STEP_IPV4;
	case PROTO_IPV6:
		return STEP_IPV6;
	case PROTO_GRE:
		return gre(s);
	case PROTO_MPLS:
		return STEP_MPLS;
	case PROTO_ETHERNET:
		return STEP_ETHERNET;
	}
	return STEP_END;
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
			step = ipv4(&s);
			break;
		case STEP_IPV6:
			step = ipv6(&s);
			break;
		case STEP_PROTO:
			step = by_proto(&s);
			break;
		case STEP_END:
			break;
		}
	}
}
