/* From captured frames to UDP: link headers, IPv4 and IPv6 with their extension headers.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_RX_IP_H
#define WEIR_RX_IP_H

#include "pcap.h"

/* What these return beside the reasons to skip a packet. */
enum { IP_OK = PCAP_SKIP_MAX };

/* A packet after its IP headers. `data` points into the frame. */
struct ip_packet {
	struct ip_addr src, dst;
	const uint8_t *data;
	uint32_t len;
	uint8_t protocol;
	bool cut; /* the capture holds less than the packet had */
	bool fragment, more;
	uint32_t id, offset; /* of a fragment; offset in bytes */
};

/* Reads the frame's link header and the IP headers. IP_OK or an enum pcap_skip. */
int ip_parse_frame(struct ip_packet *ip, uint32_t link, const uint8_t *p, uint32_t len);

/* Passes over IPv6 extension headers at ip->data, as after reassembly. */
int ip_skip_extensions(struct ip_packet *ip);

/* Reads the UDP header at ip->data; sets the datagram's addresses, ports and payload. */
int ip_parse_udp(const struct ip_packet *ip, struct datagram *dg);

#endif
