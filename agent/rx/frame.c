/* From an Ethernet frame to the UDP datagram in it.
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include "../bytes.h"
#include "frame.h"

enum { TAGS_MAX = 2, TAG_SIZE = 4, IPV4_SIZE = 20, IPV6_SIZE = 40, UDP_SIZE = 8 };

/* A packet as its IP header describes it. */
struct packet {
	const uint8_t *udp;
	uint32_t left;	    /* bytes that IP carries */
	uint64_t addresses; /* checksum sum over both */
	bool v6;
};

/* The sum of 16-bit words in memory order (RFC 1071: the result needs no byte swap as long as it is
 * only compared with what was summed alike). Does not overflow for the 64 KiB of a datagram. */
static uint64_t sum_words(const uint8_t *p, uint32_t len)
{
	uint64_t sum = 0;
	uint32_t word, i;
	uint16_t half;

	for (i = 0; i + 4 <= len; i += 4) {
		memcpy(&word, p + i, 4);
		sum += word;
	}
	if (len & 2) {
		memcpy(&half, p + i, 2);
		sum += half;
		i += 2;
	}
	if (len & 1)
		sum += p[i];
	return sum;
}

static uint16_t fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static enum frame_status parse_ipv4(const uint8_t *ip, uint32_t len, struct packet *p,
				    struct datagram *out)
{
	uint16_t total;

	if (len < IPV4_SIZE || ip[0] != 0x45 || ip[9] != IPPROTO_UDP || be16(ip + 6) & 0x3fff)
		return FRAME_BAD;
	total = be16(ip + 2);
	if (total < IPV4_SIZE || total > len)
		return FRAME_BAD;
	if (fold(sum_words(ip, IPV4_SIZE)) != 0xffff)
		return FRAME_BAD_CHECKSUM;
	ip_from_v4(&out->src, ip + 12);
	ip_from_v4(&out->dst, ip + 16);
	*p = (struct packet){ip + IPV4_SIZE, total - IPV4_SIZE, sum_words(ip + 12, 8), false};
	return FRAME_OK;
}

static enum frame_status parse_ipv6(const uint8_t *ip, uint32_t len, struct packet *p,
				    struct datagram *out)
{
	uint16_t left;

	if (len < IPV6_SIZE || ip[0] >> 4 != 6 || ip[6] != IPPROTO_UDP)
		return FRAME_BAD;
	left = be16(ip + 4);
	if (left > len - IPV6_SIZE)
		return FRAME_BAD;
	memcpy(out->src.b, ip + 8, 16);
	memcpy(out->dst.b, ip + 24, 16);
	*p = (struct packet){ip + IPV6_SIZE, left, sum_words(ip + 8, 32), true};
	return FRAME_OK;
}

/* A sender on this host, or a virtual machine's, leaves the checksum to the hardware, and over veth
 * and virtio there is none: the field then holds the sum over the pseudo-header alone, not
 * inverted. The kernel knows such packets by a flag that does not reach us, so the value itself has
 * to do. A corrupt datagram passes by this with a probability of 2^-16, twice that of the checksum
 * alone. */
static bool checksum_is_right(const struct packet *p, uint16_t udp_len)
{
	uint64_t pseudo = p->addresses + htons(IPPROTO_UDP) + htons(udp_len);
	uint16_t sent;

	memcpy(&sent, p->udp + 6, 2);
	if (sent == 0)
		return !p->v6; /* RFC 768: none was computed; RFC 8200: there must be one */
	return fold(pseudo + sum_words(p->udp, udp_len)) == 0xffff || sent == fold(pseudo);
}

enum frame_status frame_parse(const uint8_t *frame, uint32_t len, struct datagram *out)
{
	uint32_t at = ETH_HLEN;
	enum frame_status s;
	struct packet p;
	uint16_t type, udp_len;

	if (len < ETH_HLEN)
		return FRAME_BAD;
	type = be16(frame + ETH_HLEN - 2);
	for (int i = 0; i < TAGS_MAX && (type == ETH_P_8021Q || type == ETH_P_8021AD); i++) {
		at += TAG_SIZE;
		if (len < at)
			return FRAME_BAD;
		type = be16(frame + at - 2);
	}
	if (type == ETH_P_IP)
		s = parse_ipv4(frame + at, len - at, &p, out);
	else if (type == ETH_P_IPV6)
		s = parse_ipv6(frame + at, len - at, &p, out);
	else
		s = FRAME_BAD;
	if (s != FRAME_OK)
		return s;
	if (p.left < UDP_SIZE)
		return FRAME_BAD;
	udp_len = be16(p.udp + 4);
	if (udp_len < UDP_SIZE || udp_len > p.left)
		return FRAME_BAD;
	if (!checksum_is_right(&p, udp_len))
		return FRAME_BAD_CHECKSUM;
	out->src_port = be16(p.udp);
	out->dst_port = be16(p.udp + 2);
	out->data = p.udp + UDP_SIZE;
	out->len = udp_len - UDP_SIZE;
	out->via = VIA_XDP;
	return FRAME_OK;
}
