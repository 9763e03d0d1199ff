/* What the tests of the packet parser share: building a packet, parsing it and each of its
 * prefixes. SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TEST_PACKET_H
#define WEIR_TEST_PACKET_H

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "decode/packet.h"

static struct flow f;
static struct flow_ext ext;

/* A packet in the making. */
static uint8_t pkt[512];
static uint32_t len;

static inline void start(void)
{
	len = 0;
}

static inline void put(const void *p, uint32_t n)
{
	memcpy(pkt + len, p, n);
	len += n;
}

static inline void put8(unsigned v)
{
	pkt[len++] = (uint8_t)v;
}

static inline void put16(unsigned v)
{
	put8(v >> 8);
	put8(v & 0xff);
}

static inline void put32(uint32_t v)
{
	put16(v >> 16);
	put16(v & 0xffff);
}

static inline void put_ethernet(uint8_t dst, uint8_t src, unsigned etype)
{
	const uint8_t macs[12] = {dst, 1, 2, 3, 4, 5, src, 7, 8, 9, 10, 11};

	put(macs, 12);
	put16(etype);
}

static inline void put_vlan(unsigned tci, unsigned etype)
{
	put16(tci);
	put16(etype);
}

static inline void put_mpls(unsigned label, unsigned exp, bool bottom, unsigned ttl)
{
	put32(label << 12 | exp << 9 | (bottom ? 1u << 8 : 0) | ttl);
}

/* An IPv4 header with a right checksum, `payload` bytes to follow. */
static inline void put_ipv4(const char *src, const char *dst, unsigned proto, unsigned payload)
{
	uint8_t *at = pkt + len;
	uint32_t sum = 0;

	put8(0x45);
	put8(0xb8);
	put16(20 + payload);
	put16(0x1234);
	put16(0x4000);
	put8(61);
	put8(proto);
	put16(0);
	assert_int_equal(inet_pton(AF_INET, src, pkt + len), 1);
	len += 4;
	assert_int_equal(inet_pton(AF_INET, dst, pkt + len), 1);
	len += 4;
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)(at[i] << 8 | at[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	at[10] = (uint8_t)(~sum >> 8);
	at[11] = (uint8_t)~sum;
}

static inline void put_ipv6(const char *src, const char *dst, unsigned next, unsigned payload)
{
	put32(0x6b8abcde); /* class 0xb8, label 0xabcde */
	put16(payload);
	put8(next);
	put8(62);
	assert_int_equal(inet_pton(AF_INET6, src, pkt + len), 1);
	len += 16;
	assert_int_equal(inet_pton(AF_INET6, dst, pkt + len), 1);
	len += 16;
}

static inline void put_tcp(unsigned src, unsigned dst, unsigned flags)
{
	put16(src);
	put16(dst);
	put32(1);
	put32(2);
	put16(5u << 12 | flags);
	put16(100);
	put32(0);
}

static inline void put_udp(unsigned src, unsigned dst, unsigned payload)
{
	put16(src);
	put16(dst);
	put16(8 + payload);
	put16(0);
}

static inline void parse_n(enum packet_start from, uint32_t n)
{
	/* An exact copy, so that the sanitizer sees a read beyond it. */
	uint8_t *copy = malloc(n ? n : 1);

	memcpy(copy, pkt, n);
	memset(&f, 0, sizeof(f));
	memset(&ext, 0, sizeof(ext));
	f.ext = &ext;
	packet_parse(&f, from, copy, n);
	free(copy);
}

/* The whole packet, after all that begin like it and are cut off. */
static inline void parse(enum packet_start from)
{
	for (uint32_t n = 0; n <= len; n++)
		parse_n(from, n);
}

static inline void assert_ip(const struct ip_addr *a, const char *text)
{
	char got[INET6_ADDRSTRLEN] = "";

	if (ip_is_v4(a))
		inet_ntop(AF_INET, a->b + 12, got, sizeof(got));
	else
		inet_ntop(AF_INET6, a->b, got, sizeof(got));
	assert_string_equal(got, text);
}

static inline void assert_layers(unsigned n, const uint32_t *layers, const uint32_t *sizes)
{
	assert_int_equal(ext.n_layers, n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(ext.layer_stack[i], layers[i]);
		assert_int_equal(ext.layer_size[i], sizes[i]);
	}
}

#define LAYERS(...)                                                           \
	assert_layers(sizeof((uint32_t[][2]){__VA_ARGS__}) / 8,               \
		      layers_of((uint32_t[][2]){__VA_ARGS__},                 \
				sizeof((uint32_t[][2]){__VA_ARGS__}) / 8, 0), \
		      layers_of((uint32_t[][2]){__VA_ARGS__},                 \
				sizeof((uint32_t[][2]){__VA_ARGS__}) / 8, 1))

static inline const uint32_t *layers_of(const uint32_t pairs[][2], unsigned n, unsigned which)
{
	static uint32_t out[2][FLOW_LAYERS_MAX];

	for (unsigned i = 0; i < n; i++)
		out[which][i] = pairs[i][which];
	return out[which];
}

#endif
