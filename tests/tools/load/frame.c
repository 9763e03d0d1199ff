/* Headers around the load generator's datagrams.
 * SPDX-License-Identifier: Apache-2.0 */
#include <linux/if_ether.h>
#include <string.h>

#include "load.h"

static uint32_t sum16(const uint8_t *p, size_t n, uint32_t sum)
{
	for (; n > 1; p += 2, n -= 2)
		sum += p[0] << 8 | p[1];
	return n ? sum + (p[0] << 8) : sum;
}

static uint16_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return ~((sum & 0xffff) + (sum >> 16));
}

uint8_t *put_udp(uint8_t *udp, const struct stream *s, uint16_t port, size_t payload)
{
	uint32_t sum = IPPROTO_UDP + 8 + payload;
	size_t skip = is_v6() ? 0 : 12;
	uint16_t checksum;

	put16(put16(put16(put16(udp, port), options.to_port), 8 + payload), 0);
	sum = sum16(s->address.s6_addr + skip, 16 - skip, sum);
	sum = sum16(options.to.s6_addr + skip, 16 - skip, sum);
	checksum = fold(sum16(udp, 8 + payload, sum));
	put16(udp + 6, checksum ? checksum : 0xffff);
	return udp + 8 + payload;
}

uint8_t *put_headers(uint8_t *p, const struct stream *s, bool tagged, uint32_t id, size_t offset,
		     size_t len, bool more)
{
	static const uint8_t source[6] = {2, 0, 0, 0, 0, 1};
	bool fragment = offset || more;
	uint8_t *ip;

	memcpy(p, options.mac, 6);
	memcpy(p + 6, source, 6);
	p += 12;
	for (unsigned i = 0; tagged && i < options.n_vlans; i++)
		p = put16(put16(p, i + 1 < options.n_vlans ? ETH_P_8021AD : ETH_P_8021Q),
			  options.vlans[i]);
	if (is_v6()) {
		p = put16(p, ETH_P_IPV6);
		p = put16(put32(p, 0x60000000), len + (fragment ? 8 : 0));
		p = put16(p, (fragment ? IPPROTO_FRAGMENT : IPPROTO_UDP) << 8 | 64);
		memcpy(p, &s->address, 16);
		memcpy(p + 16, &options.to, 16);
		p += 32;
		if (fragment)
			p = put32(put16(put16(p, IPPROTO_UDP << 8), offset | more), id);
		return p;
	}
	ip = put16(p, ETH_P_IP);
	p = put16(put16(put16(ip, 0x4500), 20 + len), id);
	p = put16(put16(put16(p, more << 13 | offset / 8), 64 << 8 | IPPROTO_UDP), 0);
	memcpy(p, &s->address.s6_addr[12], 4);
	memcpy(p + 4, &options.to.s6_addr[12], 4);
	put16(ip + 10, fold(sum16(ip, 20, 0)));
	return p + 8;
}
