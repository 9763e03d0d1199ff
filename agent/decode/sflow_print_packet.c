/* The headers of a sampled packet as IANA elements.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What packet.c makes of a packet is for flows; here is each outer header field as it was sent. */
#include "sflow_print.h"

enum { FRAGMENT = 44, AUTHENTICATION = 51 };

void sflow_print_key(struct buffer *out, const char *key)
{
	if (out->len && out->p[out->len - 1] != '{')
		buffer_char(out, ',');
	buffer_char(out, '"');
	buffer_string(out, key);
	buffer_string(out, "\":");
}

void sflow_print_number(struct buffer *out, const char *key, uint64_t value)
{
	sflow_print_key(out, key);
	buffer_uint(out, value);
}

static void quoted_mac(struct buffer *out, const char *key, const uint8_t *mac)
{
	sflow_print_key(out, key);
	buffer_char(out, '"');
	buffer_mac(out, mac);
	buffer_char(out, '"');
}

static void quoted_address(struct buffer *out, const char *key, const uint8_t *p, bool v6)
{
	sflow_print_key(out, key);
	buffer_char(out, '"');
	if (v6)
		buffer_ipv6(out, p);
	else
		buffer_ipv4(out, p);
	buffer_char(out, '"');
}

void sflow_print_ethernet(struct buffer *out, const struct sflow_ethernet *e)
{
	quoted_mac(out, "sourceMacAddress", e->src_mac);
	quoted_mac(out, "destinationMacAddress", e->dst_mac);
	sflow_print_number(out, "ethernetType", e->type);
}

static void addresses(struct buffer *out, const uint8_t *src, const uint8_t *dst, bool v6)
{
	quoted_address(out, v6 ? "sourceIPv6Address" : "sourceIPv4Address", src, v6);
	quoted_address(out, v6 ? "destinationIPv6Address" : "destinationIPv4Address", dst, v6);
}

void sflow_print_ip(struct buffer *out, const struct sflow_ip *ip, bool v6)
{
	sflow_print_number(out, "ipTotalLength", ip->length);
	sflow_print_number(out, "protocolIdentifier", ip->protocol);
	addresses(out, ip->src.b + (v6 ? 0 : 12), ip->dst.b + (v6 ? 0 : 12), v6);
	sflow_print_number(out, "sourceTransportPort", ip->src_port);
	sflow_print_number(out, "destinationTransportPort", ip->dst_port);
	sflow_print_number(out, "tcpControlBits", ip->tcp_flags);
	sflow_print_number(out, "ipClassOfService", ip->tos);
}

static void transport(struct buffer *out, uint8_t protocol, const uint8_t *p, uint32_t n)
{
	switch (protocol) {
	case 6:	  /* TCP */
	case 17:  /* UDP */
	case 33:  /* DCCP */
	case 132: /* SCTP */
	case 136: /* UDP-Lite */
		if (n < 4)
			return;
		sflow_print_number(out, "sourceTransportPort", be16(p));
		sflow_print_number(out, "destinationTransportPort", be16(p + 2));
		if (protocol == 6 && n >= 14)
			sflow_print_number(out, "tcpControlBits", be16(p + 12) & 0xfff);
		return;
	case 1:
	case 58:
		if (n < 2)
			return;
		sflow_print_number(out, protocol == 1 ? "icmpTypeIPv4" : "icmpTypeIPv6", p[0]);
		sflow_print_number(out, protocol == 1 ? "icmpCodeIPv4" : "icmpCodeIPv6", p[1]);
	}
}

static void ipv4(struct buffer *out, const uint8_t *p, uint32_t n)
{
	uint32_t size;

	if (n < 20 || p[0] >> 4 != 4)
		return;
	sflow_print_number(out, "ipVersion", 4);
	sflow_print_number(out, "ipClassOfService", p[1]);
	sflow_print_number(out, "ipTotalLength", be16(p + 2));
	sflow_print_number(out, "ipTTL", p[8]);
	sflow_print_number(out, "protocolIdentifier", p[9]);
	addresses(out, p + 12, p + 16, false);
	size = (p[0] & 15u) * 4;
	if (size < 20 || size > n || be16(p + 6) & 0x1fff)
		return;
	transport(out, p[9], p + size, n - size);
}

static void ipv6(struct buffer *out, const uint8_t *p, uint32_t n)
{
	uint8_t next;
	uint32_t size;
	bool first = true; /* fragment */

	if (n < 40 || p[0] >> 4 != 6)
		return;
	sflow_print_number(out, "ipVersion", 6);
	sflow_print_number(out, "ipClassOfService", be16(p) >> 4 & 0xff);
	sflow_print_number(out, "flowLabelIPv6", be32(p) & 0xfffff);
	sflow_print_number(out, "ipv6PayloadLength", be16(p + 4));
	sflow_print_number(out, "ipTTL", p[7]);
	addresses(out, p + 8, p + 24, true);
	next = p[6];
	p += 40;
	n -= 40;
	while (first && n >= 8 &&
	       (next == 0 || next == 43 || next == FRAGMENT || next == AUTHENTICATION ||
		next == 60 || next == 135 || next == 139 || next == 140)) {
		size = next == FRAGMENT		? 8
		       : next == AUTHENTICATION ? (p[1] + 2u) * 4
						: 8 + p[1] * 8u;
		if (next == FRAGMENT && be16(p + 2) >> 3)
			first = false;
		next = p[0];
		if (size > n)
			size = n;
		p += size;
		n -= size;
	}
	sflow_print_number(out, "protocolIdentifier", next);
	if (first)
		transport(out, next, p, n);
}

/* A repeated element is an array in wire order. */
static void tags(struct buffer *out, const char *key, const uint16_t *tci, unsigned n,
		 bool priority)
{
	sflow_print_key(out, key);
	if (n > 1)
		buffer_char(out, '[');
	for (unsigned i = 0; i < n; i++) {
		if (i)
			buffer_char(out, ',');
		buffer_uint(out, priority ? tci[i] >> 13 : tci[i] & 0xfff);
	}
	if (n > 1)
		buffer_char(out, ']');
}

/* The labels, and the packet that they stand before where its first half byte tells its version
 * (RFC 4928): a pseudowire's does not. */
static void mpls(struct buffer *out, const uint8_t *p, uint32_t n)
{
	bool bottom = false;

	sflow_print_key(out, "_mplsLabels");
	buffer_char(out, '[');
	for (const char *comma = ""; !bottom && n >= 4; comma = ",") {
		buffer_string(out, comma);
		buffer_uint(out, be32(p) >> 12);
		bottom = p[2] & 1;
		p += 4;
		n -= 4;
	}
	buffer_char(out, ']');
	if (!bottom || !n)
		return;
	if (p[0] >> 4 == 4)
		ipv4(out, p, n);
	else if (p[0] >> 4 == 6)
		ipv6(out, p, n);
}

static void ethernet(struct buffer *out, const uint8_t *p, uint32_t n)
{
	enum { TAGS_MAX = 8 };
	uint16_t tci[TAGS_MAX], etype;
	unsigned n_tags = 0;

	if (n < 14)
		return;
	quoted_mac(out, "destinationMacAddress", p);
	quoted_mac(out, "sourceMacAddress", p + 6);
	etype = be16(p + 12);
	p += 14;
	n -= 14;
	while ((etype == 0x8100 || etype == 0x88a8 || etype == 0x9100) && n >= 4 &&
	       n_tags < TAGS_MAX) {
		tci[n_tags++] = be16(p);
		etype = be16(p + 2);
		p += 4;
		n -= 4;
	}
	if (n_tags) {
		tags(out, "vlanId", tci, n_tags, false);
		tags(out, "dot1qPriority", tci, n_tags, true);
	}
	sflow_print_number(out, "ethernetType", etype);
	if (etype == 0x0800)
		ipv4(out, p, n);
	else if (etype == 0x86dd)
		ipv6(out, p, n);
	else if (etype == 0x8847 || etype == 0x8848)
		mpls(out, p, n);
}

void sflow_print_packet(struct buffer *out, uint32_t protocol, const uint8_t *p, uint32_t n)
{
	switch (protocol) {
	case PACKET_ETHERNET:
		ethernet(out, p, n);
		break;
	case PACKET_IPV4:
		ipv4(out, p, n);
		break;
	case PACKET_IPV6:
		ipv6(out, p, n);
		break;
	case PACKET_MPLS:
		mpls(out, p, n);
		break;
	}
}
