/* Building Ethernet frames for tests.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_PACKETS_H
#define WEIR_TESTS_PACKETS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { PACKET_MAX = 66000 };

struct packet {
	uint32_t len;
	uint8_t b[PACKET_MAX];
};

/* What to build; zero is the plain case: IPv4, no tags, 10.0.0.1:5000 to 10.0.0.2:2055. */
struct wanted {
	bool v6;
	unsigned tags;		/* VLAN tags; the outer of two is 802.1ad */
	uint8_t protocol;	/* UDP */
	unsigned options;	/* bytes of IPv4 options, or of each IPv6 extension header */
	uint8_t extensions[12]; /* IPv6: header types in order */
	unsigned n_extensions;
	uint16_t fragment; /* IPv4: as on the wire; IPv6: the same, where 44 is an extension */
	uint32_t src4, dst4;
	uint8_t src6_last, dst6_last; /* fd00::N */
	uint16_t sport, dport;
	unsigned payload; /* bytes, zero but for `data` */
	const void *data;
	unsigned data_len;
	int udp_length_wrong; /* added to the UDP length */
	int ip_length_wrong;
};

static inline uint16_t packet_sum(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static inline uint8_t *packet_add(struct packet *p, unsigned n)
{
	uint8_t *at = p->b + p->len;

	memset(at, 0, n);
	p->len += n;
	return at;
}

static inline void packet_16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static inline void packet_32(uint8_t *at, uint32_t v)
{
	packet_16(at, v >> 16);
	packet_16(at + 2, v & 0xffff);
}

static inline void packet_ipv4(struct packet *p, const struct wanted *w, unsigned udp_len)
{
	unsigned header = 20 + w->options;
	uint8_t *ip = packet_add(p, header);

	ip[0] = (uint8_t)(0x40 | header / 4);
	packet_16(ip + 2, (unsigned)((int)(header + udp_len) + w->ip_length_wrong));
	packet_16(ip + 6, w->fragment);
	ip[8] = 64;
	ip[9] = w->protocol ? w->protocol : IPPROTO_UDP;
	packet_32(ip + 12, w->src4 ? w->src4 : 0x0a000001);
	packet_32(ip + 16, w->dst4 ? w->dst4 : 0x0a000002);
	memset(ip + 20, 1, w->options); /* no-operation */
	packet_16(ip + 10, (uint16_t)~packet_sum(0, ip, header));
}

static inline void packet_ipv6(struct packet *p, const struct wanted *w, unsigned udp_len)
{
	uint8_t *ip = packet_add(p, 40), *next = ip + 6;
	unsigned start = p->len;

	ip[0] = 0x60;
	ip[7] = 64;
	ip[8] = ip[24] = 0xfd;
	ip[23] = w->src6_last ? w->src6_last : 1;
	ip[39] = w->dst6_last ? w->dst6_last : 2;
	for (unsigned i = 0; i < w->n_extensions; i++) {
		bool fragment = w->extensions[i] == IPPROTO_FRAGMENT;
		unsigned size = fragment || !w->options ? 8 : w->options;
		uint8_t *e = packet_add(p, size);

		*next = w->extensions[i];
		next = e;
		if (fragment)
			packet_16(e + 2, (unsigned)(w->fragment & 0x1fff) << 3 |
						 (w->fragment & 0x2000 ? 1 : 0));
		else
			e[1] = (uint8_t)(size / 8 - 1);
	}
	*next = w->protocol ? w->protocol : IPPROTO_UDP;
	packet_16(ip + 4, (unsigned)((int)(p->len - start + udp_len) + w->ip_length_wrong));
}

static inline void packet_build(struct packet *p, const struct wanted *w)
{
	unsigned payload = w->payload > w->data_len ? w->payload : w->data_len;
	unsigned udp_len = 8 + payload, ip;
	uint8_t *eth, *udp;
	uint32_t sum;

	p->len = 0;
	eth = packet_add(p, 12);
	memset(eth, 2, 12);
	for (unsigned i = 0; i < w->tags; i++) {
		uint8_t *tag = packet_add(p, 4);

		packet_16(tag, i + 1 < w->tags ? 0x88a8 : 0x8100);
		packet_16(tag + 2, 100 + i);
	}
	packet_16(packet_add(p, 2), w->v6 ? 0x86dd : 0x0800);
	ip = p->len;
	if (w->v6)
		packet_ipv6(p, w, udp_len);
	else
		packet_ipv4(p, w, udp_len);
	udp = packet_add(p, udp_len);
	packet_16(udp, w->sport ? w->sport : 5000);
	packet_16(udp + 2, w->dport ? w->dport : 2055);
	packet_16(udp + 4, (unsigned)((int)udp_len + w->udp_length_wrong));
	if (w->data)
		memcpy(udp + 8, w->data, w->data_len);
	sum = IPPROTO_UDP + udp_len;
	sum = packet_sum(sum, p->b + ip + (w->v6 ? 8 : 12), w->v6 ? 32 : 8);
	sum = (uint16_t)~packet_sum(sum, udp, udp_len);
	packet_16(udp + 6, sum ? sum : 0xffff);
}

#endif
