/* From captured frames to UDP.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ip.h"
#include "../bytes.h"
#include "capture.h"

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	VLAN_TAGS_MAX = 4,

	IP_UDP = 17,
	IP6_HOP_BY_HOP = 0,
	IP6_ROUTING = 43,
	IP6_FRAGMENT = 44,
	IP6_AUTHENTICATION = 51,
	IP6_DESTINATION = 60,
	IP6_MOBILITY = 135,
	IP6_HIP = 139,
	IP6_SHIM6 = 140,
	IP6_EXTENSIONS_MAX = 16,
};

static bool is_vlan(uint16_t ethertype)
{
	return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100 ||
	       ethertype == 0x9200;
}

/* Ends the header chain at the fragment header of a real fragment. One that is a whole datagram
 * (offset 0, no more: RFC 6946) is passed over like any other header. */
static int ipv6_chain(struct ip_packet *ip, bool fragment_allowed)
{
	for (unsigned i = 0; i < IP6_EXTENSIONS_MAX; i++) {
		uint32_t n;

		switch (ip->protocol) {
		case IP6_HOP_BY_HOP:
		case IP6_ROUTING:
		case IP6_DESTINATION:
		case IP6_MOBILITY:
		case IP6_HIP:
		case IP6_SHIM6:
			n = ip->len >= 8 ? 8 + 8 * (uint32_t)ip->data[1] : 8;
			break;
		case IP6_AUTHENTICATION:
			n = ip->len >= 8 ? 8 + 4 * (uint32_t)ip->data[1] : 8;
			break;
		case IP6_FRAGMENT:
			n = 8;
			break;
		default:
			return IP_OK;
		}
		if (n > ip->len)
			return ip->cut ? PCAP_SKIP_CUT_SHORT : PCAP_SKIP_BAD_IP;
		if (ip->protocol == IP6_FRAGMENT) {
			if (!fragment_allowed)
				return PCAP_SKIP_BAD_IP;
			fragment_allowed = false;
			ip->offset = be16(ip->data + 2) & 0xfff8;
			ip->more = ip->data[3] & 1;
			ip->id = be32(ip->data + 4);
			ip->fragment = ip->offset || ip->more;
		}
		ip->protocol = ip->data[0];
		ip->data += n;
		ip->len -= n;
		if (ip->fragment)
			return IP_OK;
	}
	return PCAP_SKIP_BAD_IP;
}

int ip_skip_extensions(struct ip_packet *ip)
{
	return ipv6_chain(ip, false);
}

static int parse_ipv6(struct ip_packet *ip, const uint8_t *p, uint32_t len)
{
	uint32_t payload;

	if (len < 40)
		return PCAP_SKIP_CUT_SHORT;
	payload = be16(p + 4);
	memcpy(ip->src.b, p + 8, 16);
	memcpy(ip->dst.b, p + 24, 16);
	ip->protocol = p[6];
	ip->data = p + 40;
	ip->len = len - 40;
	if (payload <= ip->len)
		ip->len = payload;
	else
		ip->cut = true;
	return ipv6_chain(ip, true);
}

static int parse_ipv4(struct ip_packet *ip, const uint8_t *p, uint32_t len)
{
	uint32_t header, total;
	uint16_t fragment;

	if (len < 20)
		return PCAP_SKIP_CUT_SHORT;
	header = (p[0] & 15) * 4u;
	total = be16(p + 2);
	if (total == 0)
		total = len; /* left for the network card to fill in */
	if (header < 20 || total < header)
		return PCAP_SKIP_BAD_IP;
	if (total > len)
		ip->cut = true;
	else
		len = total;
	if (len < header)
		return PCAP_SKIP_CUT_SHORT;
	ip_from_v4(&ip->src, p + 12);
	ip_from_v4(&ip->dst, p + 16);
	ip->protocol = p[9];
	ip->data = p + header;
	ip->len = len - header;
	fragment = be16(p + 6);
	ip->id = be16(p + 4);
	ip->offset = (fragment & 0x1fff) * 8u;
	ip->more = fragment & 0x2000;
	ip->fragment = ip->offset || ip->more;
	return IP_OK;
}

static int parse_ip(struct ip_packet *ip, const uint8_t *p, uint32_t len)
{
	if (len == 0)
		return PCAP_SKIP_CUT_SHORT;
	if (p[0] >> 4 == 4)
		return parse_ipv4(ip, p, len);
	if (p[0] >> 4 == 6)
		return parse_ipv6(ip, p, len);
	return PCAP_SKIP_NOT_IP;
}

/* What an ethertype announces. A header whose version belies it is not IP. */
static int parse_ethertype(struct ip_packet *ip, uint16_t type, const uint8_t *p, uint32_t len)
{
	for (unsigned i = 0; i < VLAN_TAGS_MAX && is_vlan(type); i++) {
		if (len < 4)
			return PCAP_SKIP_CUT_SHORT;
		type = be16(p + 2);
		p += 4;
		len -= 4;
	}
	if (type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6)
		return PCAP_SKIP_NOT_IP;
	if (len && p[0] >> 4 != (type == ETHERTYPE_IPV4 ? 4 : 6))
		return PCAP_SKIP_BAD_IP;
	return parse_ip(ip, p, len);
}

/* BSD loopback: the address family in the byte order of the host that captured. */
static int parse_family(struct ip_packet *ip, const uint8_t *p, uint32_t len)
{
	uint32_t family;

	if (len < 4)
		return PCAP_SKIP_CUT_SHORT;
	family = be32(p);
	if (family > 0xffff)
		family = __builtin_bswap32(family);
	switch (family) {
	case 2:	 /* IPv4 */
	case 10: /* IPv6 of Linux, BSD/OS and NetBSD, FreeBSD, Darwin */
	case 24:
	case 28:
	case 30:
		return parse_ip(ip, p + 4, len - 4);
	}
	return PCAP_SKIP_NOT_IP;
}

int ip_parse_frame(struct ip_packet *ip, uint32_t link, const uint8_t *p, uint32_t len)
{
	memset(ip, 0, sizeof(*ip));
	switch (link) {
	case LINK_ETHERNET:
		if (len < 14)
			return PCAP_SKIP_CUT_SHORT;
		return parse_ethertype(ip, be16(p + 12), p + 14, len - 14);
	case LINK_LINUX_SLL:
		if (len < 16)
			return PCAP_SKIP_CUT_SHORT;
		return parse_ethertype(ip, be16(p + 14), p + 16, len - 16);
	case LINK_LINUX_SLL2:
		if (len < 20)
			return PCAP_SKIP_CUT_SHORT;
		return parse_ethertype(ip, be16(p), p + 20, len - 20);
	case LINK_NULL:
	case LINK_LOOP:
		return parse_family(ip, p, len);
	case LINK_RAW:
	case LINK_RAW_BSD:
	case LINK_RAW_OPENBSD:
	case LINK_IPV4:
	case LINK_IPV6:
		return parse_ip(ip, p, len);
	}
	return PCAP_SKIP_LINK_TYPE;
}

int ip_parse_udp(const struct ip_packet *ip, struct datagram *dg)
{
	uint32_t len;

	if (ip->protocol != IP_UDP)
		return PCAP_SKIP_NOT_UDP;
	if (ip->len < 8)
		return ip->cut ? PCAP_SKIP_CUT_SHORT : PCAP_SKIP_BAD_UDP;
	len = be16(ip->data + 4);
	if (len < 8)
		return PCAP_SKIP_BAD_UDP;
	if (len > ip->len)
		return ip->cut ? PCAP_SKIP_CUT_SHORT : PCAP_SKIP_BAD_UDP;
	dg->src = ip->src;
	dg->dst = ip->dst;
	dg->src_port = be16(ip->data);
	dg->dst_port = be16(ip->data + 2);
	dg->data = ip->data + 8;
	dg->len = len - 8;
	return IP_OK;
}
