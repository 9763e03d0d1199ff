/* Sampled packets: the one parser for sFlow raw headers and IPFIX dataLinkFrameSection (IE 315).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PACKET_H
#define WEIR_PACKET_H

#include "../flow.h"

/* Where a sampled header begins: sFlow's header_protocol numbers. */
enum packet_start {
	PACKET_ETHERNET = 1,
	PACKET_IPV4 = 11,
	PACKET_IPV6 = 12,
	PACKET_MPLS = 13,
};

/* Fills what the first `len` bytes of a packet tell: addresses, ports, VLANs, MPLS, tunnels, layer
 * stack. Outer headers go to the plain fields, the first encapsulated packet to the inner_ fields
 * of f->ext, which the caller has attached and zeroed. What is cut off is left unset; never reads
 * beyond len. Ethertype 802.1Q and 802.1ad, MPLS with EoMPLS (RFC 4448, with or without control
 * word), IPv4, IPv6 with extension headers and segment routing (RFC 8754), GRE (RFC 2784, 2890),
 * VXLAN (RFC 7348), Geneve (RFC 8926), IP in IP, Teredo (RFC 4380), TCP, UDP, ICMP. */
void packet_parse(struct flow *f, enum packet_start start, const uint8_t *p, uint32_t len);

#endif
