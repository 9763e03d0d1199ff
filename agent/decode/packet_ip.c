/* Sampled packets: IP, transports, and the tunnels in them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "packet_steps.h"

enum {
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

	SRH_TYPE = 4, /* RFC 8754 */
};

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
	if (size < packet_left(s))
		s->end = s->p + size;
}

enum step packet_ipv4(struct parser *s)
{
	const uint8_t *p = s->p;
	uint32_t size, total;
	uint16_t fragment;

	if (packet_left(s) < IPV4_HEADER || p[0] >> 4 != 4)
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
	packet_layer(s, LAYER_IPV4, size);
	total = be16(p + 2);
	if (total >= size) /* less: 0 with segmentation offload */
		trim(s, total);
	if (!packet_skip(s, size) || fragment & 0x1fff)
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
	for (uint32_t at = 8; n && at + 16 <= size; at += 16, n--) {
		if (e->n_segments < FLOW_SEGMENTS_MAX)
			memcpy(e->segments[e->n_segments++].b, p + at, 16);
		else
			e->left_out++;
	}
}

/* Walks the extension headers (RFC 8200 section 4). Returns false where the upper layer cannot be
 * seen. */
static bool extension_headers(struct parser *s)
{
	for (;;) {
		const uint8_t *p = s->p;
		uint32_t size, here = packet_left(s);

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
			packet_layer(s, LAYER_IPV6_ROUTING, size);
			segments(s, p, size < here ? size : here);
		}
		if (s->proto == PROTO_FRAGMENT) {
			uint16_t fragment = be16(p + 2);

			packet_layer(s, LAYER_IPV6_FRAGMENT, size);
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
		if (!packet_skip(s, size))
			return false;
	}
}

enum step packet_ipv6(struct parser *s)
{
	const uint8_t *p = s->p;
	uint32_t payload;
	bool visible;

	if (packet_left(s) < IPV6_HEADER || p[0] >> 4 != 6)
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
	packet_layer(s, LAYER_IPV6, IPV6_HEADER);
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
	if (packet_left(s) < 4)
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
	packet_layer(s, LAYER_TCP, packet_left(s) > 12 ? (s->p[12] >> 4) * 4u : packet_left(s));
	if (packet_left(s) >= 14 && s->packets == 1)
		s->f->tcp_flags = be16(s->p + 12) & 0xfff;
	return STEP_END;
}

static enum step icmp(struct parser *s, enum flow_layer layer)
{
	if (packet_left(s) < 2)
		return STEP_END;
	packet_layer(s, layer, 8);
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
	if (packet_left(s) < 8 || (s->p[0] & 0x7f) != 0x08 || s->p[7])
		return STEP_END;
	network_identifier(s, s->p + 4);
	packet_layer(s, LAYER_CUSTOM, 8);
	s->p += 8;
	return STEP_ETHERNET;
}

/* RFC 8926 section 3.4. */
static enum step geneve(struct parser *s)
{
	const uint8_t *p = s->p;
	uint32_t size;

	if (packet_left(s) < 8 || p[0] >> 6)
		return STEP_END;
	size = 8 + (p[0] & 63u) * 4;
	network_identifier(s, p + 4);
	packet_layer(s, LAYER_GENEVE, size);
	if (!packet_skip(s, size))
		return STEP_END;
	return packet_etype(s, be16(p + 2));
}

/* RFC 4380 section 5.1.1: authentication and origin indications may stand before the packet. */
static enum step teredo(struct parser *s)
{
	const uint8_t *start = s->p;

	if (packet_left(s) >= 4 && be16(s->p) == 1 && !packet_skip(s, 4u + s->p[2] + s->p[3] + 9))
		return STEP_END;
	if (packet_left(s) >= 8 && be16(s->p) == 0)
		s->p += 8;
	if (!packet_left(s) || s->p[0] >> 4 != 6)
		return STEP_END;
	packet_layer(s, LAYER_TEREDO, (uint32_t)(s->p - start));
	return STEP_IPV6;
}

static enum step udp(struct parser *s)
{
	uint16_t src, dst;

	if (!ports(s, &src, &dst))
		return STEP_END;
	packet_layer(s, LAYER_UDP, 8);
	if (!packet_skip(s, 8))
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

	if (packet_left(s) < 4)
		return STEP_END;
	flags = be16(p);
	if (flags & 0x8000)
		size += 4;
	if (flags & 0x2000) {
		if (packet_left(s) >= size + 4 && s->packets == 1)
			s->e->gre_key = be32(p + size);
		size += 4;
	}
	if (flags & 0x1000)
		size += 4;
	packet_layer(s, LAYER_GRE, size);
	if (flags & 0x4007 || !packet_skip(s, size))
		return STEP_END;
	return packet_etype(s, be16(p + 2));
}

enum step packet_upper_layer(struct parser *s)
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
