/* The packet parser over packets built here: each encapsulation, and each cut.
 * SPDX-License-Identifier: Apache-2.0 */
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

static void start(void)
{
	len = 0;
}

static void put(const void *p, uint32_t n)
{
	memcpy(pkt + len, p, n);
	len += n;
}

static void put8(unsigned v)
{
	pkt[len++] = (uint8_t)v;
}

static void put16(unsigned v)
{
	put8(v >> 8);
	put8(v & 0xff);
}

static void put32(uint32_t v)
{
	put16(v >> 16);
	put16(v & 0xffff);
}

static void put_ethernet(uint8_t dst, uint8_t src, unsigned etype)
{
	const uint8_t macs[12] = {dst, 1, 2, 3, 4, 5, src, 7, 8, 9, 10, 11};

	put(macs, 12);
	put16(etype);
}

static void put_vlan(unsigned tci, unsigned etype)
{
	put16(tci);
	put16(etype);
}

static void put_mpls(unsigned label, unsigned exp, bool bottom, unsigned ttl)
{
	put32(label << 12 | exp << 9 | (bottom ? 1u << 8 : 0) | ttl);
}

/* An IPv4 header with a right checksum, `payload` bytes to follow. */
static void put_ipv4(const char *src, const char *dst, unsigned proto, unsigned payload)
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

static void put_ipv6(const char *src, const char *dst, unsigned next, unsigned payload)
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

static void put_tcp(unsigned src, unsigned dst, unsigned flags)
{
	put16(src);
	put16(dst);
	put32(1);
	put32(2);
	put16(5u << 12 | flags);
	put16(100);
	put32(0);
}

static void put_udp(unsigned src, unsigned dst, unsigned payload)
{
	put16(src);
	put16(dst);
	put16(8 + payload);
	put16(0);
}

static void parse_n(enum packet_start from, uint32_t n)
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

static void parse(enum packet_start from)
{
	parse_n(from, len);
}

static void assert_ip(const struct ip_addr *a, const char *text)
{
	char got[INET6_ADDRSTRLEN] = "";

	if (ip_is_v4(a))
		inet_ntop(AF_INET, a->b + 12, got, sizeof(got));
	else
		inet_ntop(AF_INET6, a->b, got, sizeof(got));
	assert_string_equal(got, text);
}

static void assert_layers(unsigned n, const uint32_t *layers, const uint32_t *sizes)
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

static const uint32_t *layers_of(const uint32_t pairs[][2], unsigned n, unsigned which)
{
	static uint32_t out[2][FLOW_LAYERS_MAX];

	for (unsigned i = 0; i < n; i++)
		out[which][i] = pairs[i][which];
	return out[which];
}

static void test_ipv4_tcp(void **state)
{
	(void)state;
	start();
	put_ethernet(0x02, 0x04, 0x0800);
	put_ipv4("192.0.2.1", "198.51.100.2", 6, 20);
	put_tcp(443, 50000, 0x112);
	parse(PACKET_ETHERNET);
	assert_true(f.dst_mac == 0x020102030405 && f.src_mac == 0x040708090a0b);
	assert_int_equal(f.etype, 0x0800);
	assert_ip(&f.src_addr, "192.0.2.1");
	assert_ip(&f.dst_addr, "198.51.100.2");
	assert_int_equal(f.proto, 6);
	assert_int_equal(f.ip_tos, 0xb8);
	assert_int_equal(f.ip_ttl, 61);
	assert_int_equal(f.ip_flags, 2);
	assert_int_equal(f.fragment_id, 0x1234);
	assert_int_equal(f.src_port, 443);
	assert_int_equal(f.dst_port, 50000);
	assert_int_equal(f.tcp_flags, 0x112);
	assert_true(ip_is_unset(&ext.inner_src_addr));
	LAYERS({LAYER_ETHERNET, 14}, {LAYER_IPV4, 20}, {LAYER_TCP, 20});
}

static void test_qinq_outer_tag_is_vlan(void **state)
{
	(void)state;
	start();
	put_ethernet(2, 4, 0x88a8);
	put_vlan(0x6064, 0x8100); /* priority 3, VLAN 100 */
	put_vlan(200, 0x86dd);
	put_ipv6("2001:db8::1", "2001:db8::2", 17, 8);
	put_udp(53, 4000, 0);
	parse(PACKET_ETHERNET);
	assert_int_equal(f.vlan_id, 100);
	assert_int_equal(ext.dot1q_vlan, 100);
	assert_int_equal(ext.dot1q_cvlan, 200);
	assert_int_equal(f.etype, 0x86dd);
	assert_int_equal(f.ip_tos, 0xb8);
	assert_int_equal(f.ipv6_flow_label, 0xabcde);
	assert_int_equal(f.ip_ttl, 62);
	assert_int_equal(f.src_port, 53);
	LAYERS({LAYER_ETHERNET, 14}, {LAYER_DOT1Q, 4}, {LAYER_DOT1Q, 4}, {LAYER_IPV6, 40},
	       {LAYER_UDP, 8});
}

static void test_mpls_ip_is_plain(void **state)
{
	(void)state;
	start();
	put_ethernet(2, 4, 0x8847);
	put_mpls(16001, 5, false, 250);
	put_mpls(24, 0, true, 249);
	put_ipv4("10.0.0.1", "10.0.0.2", 1, 8);
	put32(0x08000000);
	put32(1);
	parse(PACKET_ETHERNET);
	assert_int_equal(ext.n_mpls, 2);
	assert_int_equal(ext.mpls_label[0], 16001);
	assert_int_equal(ext.mpls_exp[0], 5);
	assert_int_equal(ext.mpls_ttl[0], 250);
	assert_int_equal(ext.mpls_label[1], 24);
	assert_int_equal(f.etype, 0x0800);
	assert_ip(&f.src_addr, "10.0.0.1");
	assert_int_equal(f.icmp_type, 8);
	LAYERS({LAYER_ETHERNET, 14}, {LAYER_MPLS, 8}, {LAYER_IPV4, 20}, {LAYER_ICMP, 8});
}

/* An Ethernet pseudowire: the IP addresses are the flow's, the MAC addresses the inner ones. */
static void check_eompls(uint8_t first_octet, bool control_word)
{
	start();
	put_ethernet(2, 4, 0x8847);
	put_mpls(1000, 0, true, 64);
	if (control_word)
		put32(7);
	put_ethernet(first_octet, 0x0a, 0x8100);
	put_vlan(42, 0x0800);
	put_ipv4("10.1.0.1", "10.1.0.2", 17, 8);
	put_udp(1, 2, 0);
	parse(PACKET_ETHERNET);
	assert_ip(&f.src_addr, "10.1.0.1");
	assert_int_equal(f.etype, 0x0800);
	assert_int_equal(f.vlan_id, 0);
	assert_true(f.dst_mac == 0x020102030405);
	assert_true(ext.inner_dst_mac == ((uint64_t)first_octet << 40 | 0x0102030405));
	assert_true(ext.inner_src_mac == 0x0a0708090a0b);
	assert_int_equal(ext.inner_vlan_id, 42);
	assert_int_equal(ext.inner_etype, 0x0800);
	assert_true(ip_is_unset(&ext.inner_src_addr));
	assert_int_equal(f.dst_port, 2);
}

static void test_eompls(void **state)
{
	(void)state;
	for (unsigned octet = 0; octet < 0x100; octet += 2) {
		check_eompls((uint8_t)octet, true);
		check_eompls((uint8_t)octet, false);
	}
}

static void test_eompls_arp_without_control_word_like_ipv6(void **state)
{
	(void)state;
	start();
	put_mpls(1000, 0, true, 64);
	put_ethernet(0x60, 0x0a, 0x0806);
	put32(0x00010800);
	put32(0x06040001);
	parse(PACKET_MPLS);
	assert_int_equal(ext.inner_etype, 0x0806);
	assert_int_equal(f.proto, 0);
	assert_true(ip_is_unset(&f.src_addr));
}

static void test_mpls_ipv4_with_bad_checksum_is_still_ipv4(void **state)
{
	(void)state;
	start();
	put_mpls(1000, 0, true, 64);
	put_ipv4("10.1.0.1", "10.1.0.2", 17, 8);
	pkt[14] ^= 1;
	put_udp(1, 2, 0);
	parse(PACKET_MPLS);
	assert_ip(&f.dst_addr, "10.1.0.2");
	assert_int_equal(f.src_port, 1);
}

static void test_mpls_without_bottom_ends(void **state)
{
	(void)state;
	start();
	for (unsigned i = 0; i < 20; i++)
		put_mpls(i + 16, 0, false, 1);
	parse(PACKET_MPLS);
	assert_int_equal(ext.n_mpls, FLOW_MPLS_MAX);
	assert_int_equal(ext.mpls_label[FLOW_MPLS_MAX - 1], 15 + FLOW_MPLS_MAX);
	assert_int_equal(ext.n_layers, 1);
}

static void test_fragment_has_no_ports(void **state)
{
	(void)state;
	start();
	put_ipv4("10.1.0.1", "10.1.0.2", 17, 8);
	pkt[6] = 0x20;
	pkt[7] = 0xb9; /* more fragments, offset 185 */
	put_udp(1, 2, 0);
	parse(PACKET_IPV4);
	assert_int_equal(f.fragment_offset, 185);
	assert_int_equal(f.ip_flags, 1);
	assert_int_equal(f.proto, 17);
	assert_int_equal(f.src_port, 0);
}

static void test_ipv4_options_are_stepped_over(void **state)
{
	(void)state;
	start();
	put_ipv4("10.1.0.1", "10.1.0.2", 17, 12);
	pkt[0] = 0x46;
	put32(0x01010100);
	put_udp(7, 9, 0);
	parse(PACKET_IPV4);
	assert_int_equal(f.src_port, 7);
	assert_int_equal(f.dst_port, 9);
}

static void test_ipv6_extension_headers(void **state)
{
	(void)state;
	start();
	put_ipv6("2001:db8::1", "2001:db8::2", 0, 8 + 8 + 8 + 20);
	put8(60); /* hop by hop */
	put8(0);
	put16(0);
	put32(0);
	put8(44); /* destination options */
	put8(0);
	put16(0);
	put32(0);
	put8(6); /* fragment: first of several */
	put8(0);
	put16(1);
	put32(0xdeadbeef);
	put_tcp(80, 81, 0x10);
	parse(PACKET_IPV6);
	assert_int_equal(f.proto, 6);
	assert_int_equal(f.fragment_id, 0xdeadbeef);
	assert_int_equal(f.fragment_offset, 0);
	assert_int_equal(f.ip_flags, 1);
	assert_int_equal(f.dst_port, 81);
	LAYERS({LAYER_IPV6, 40}, {LAYER_IPV6_FRAGMENT, 8}, {LAYER_TCP, 20});

	pkt[40 + 16 + 3] = 0x09; /* offset 1 */
	parse(PACKET_IPV6);
	assert_int_equal(f.proto, 6);
	assert_int_equal(f.fragment_offset, 1);
	assert_int_equal(f.dst_port, 0);
}

static void test_srv6(void **state)
{
	(void)state;
	start();
	put_ipv6("2001:db8::1", "2001:db8:f::2", 43, 8 + 32 + 20 + 8);
	put8(4); /* IPv4 inside */
	put8(4); /* 32 bytes of segments */
	put8(4);
	put8(1); /* segments left */
	put8(1); /* last entry */
	put8(0);
	put16(0);
	assert_int_equal(inet_pton(AF_INET6, "2001:db8:f::3", pkt + len), 1);
	len += 16;
	assert_int_equal(inet_pton(AF_INET6, "2001:db8:f::2", pkt + len), 1);
	len += 16;
	put_ipv4("10.9.0.1", "10.9.0.2", 17, 8);
	put_udp(5, 6, 0);
	parse(PACKET_IPV6);
	assert_int_equal(ext.n_segments, 2);
	assert_int_equal(ext.segments_left, 1);
	assert_ip(&ext.segments[0], "2001:db8:f::3");
	assert_ip(&ext.segments[1], "2001:db8:f::2");
	assert_ip(&f.dst_addr, "2001:db8:f::2");
	assert_int_equal(f.proto, 4);
	assert_int_equal(f.src_port, 0);
	assert_ip(&ext.inner_src_addr, "10.9.0.1");
	assert_int_equal(ext.inner_proto, 17);
	assert_int_equal(ext.inner_dst_port, 6);
	LAYERS({LAYER_IPV6, 40}, {LAYER_IPV6_ROUTING, 40}, {LAYER_IPV4, 20}, {LAYER_UDP, 8});
}

static void test_gre_with_key_and_sequence(void **state)
{
	(void)state;
	start();
	put_ipv4("192.0.2.1", "192.0.2.2", 47, 16 + 40 + 20);
	put16(0xb000); /* checksum, key, sequence */
	put16(0x86dd);
	put32(0);
	put32(77);
	put32(1);
	put_ipv6("2001:db8::1", "2001:db8::2", 6, 20);
	put_tcp(22, 23, 2);
	parse(PACKET_IPV4);
	assert_ip(&f.src_addr, "192.0.2.1");
	assert_int_equal(f.proto, 47);
	assert_int_equal(f.etype, 0x0800);
	assert_int_equal(f.tcp_flags, 0);
	assert_int_equal(ext.gre_key, 77);
	assert_int_equal(ext.inner_etype, 0x86dd);
	assert_ip(&ext.inner_dst_addr, "2001:db8::2");
	assert_int_equal(ext.inner_proto, 6);
	assert_int_equal(ext.inner_src_port, 22);
	LAYERS({LAYER_IPV4, 20}, {LAYER_GRE, 16}, {LAYER_IPV6, 40}, {LAYER_TCP, 20});
}

static void test_gre_ethernet(void **state)
{
	(void)state;
	start();
	put_ipv4("192.0.2.1", "192.0.2.2", 47, 4 + 18 + 28);
	put32(0x6558);
	put_ethernet(0x0c, 0x0e, 0x8100);
	put_vlan(9, 0x0800);
	put_ipv4("10.0.0.1", "10.0.0.2", 17, 8);
	put_udp(3, 4, 0);
	parse(PACKET_IPV4);
	assert_true(f.src_mac == 0);
	assert_true(ext.inner_dst_mac == 0x0c0102030405);
	assert_int_equal(ext.inner_vlan_id, 9);
	assert_int_equal(ext.inner_etype, 0x0800);
	assert_ip(&ext.inner_src_addr, "10.0.0.1");
	assert_int_equal(f.vlan_id, 0);
}

static void test_vxlan(void **state)
{
	(void)state;
	start();
	put_ethernet(2, 4, 0x0800);
	put_ipv4("192.0.2.1", "192.0.2.2", 17, 8 + 8 + 14 + 40);
	put_udp(55555, 4789, 8 + 14 + 40);
	put32(0x08000000);
	put32(5001u << 8);
	put_ethernet(0x0c, 0x0e, 0x0800);
	put_ipv4("10.0.0.1", "10.0.0.2", 6, 20);
	put_tcp(1000, 2000, 0x18);
	parse(PACKET_ETHERNET);
	assert_int_equal(ext.vxlan_vni, 5001);
	assert_int_equal(f.dst_port, 4789);
	assert_true(f.src_mac == 0x040708090a0b);
	assert_true(ext.inner_src_mac == 0x0e0708090a0b);
	assert_ip(&f.dst_addr, "192.0.2.2");
	assert_ip(&ext.inner_dst_addr, "10.0.0.2");
	assert_int_equal(ext.inner_src_port, 1000);
	assert_int_equal(f.tcp_flags, 0);

	pkt[14 + 20 + 8] = 0; /* not VXLAN after all */
	parse(PACKET_ETHERNET);
	assert_int_equal(ext.vxlan_vni, 0);
	assert_true(ext.inner_src_mac == 0);
}

static void test_geneve_with_options(void **state)
{
	(void)state;
	start();
	put_ipv6("2001:db8::1", "2001:db8::2", 17, 8 + 12 + 14 + 28);
	put_udp(55555, 6081, 12 + 14 + 28);
	put16(0x0100); /* one word of options */
	put16(0x6558);
	put32(77u << 8);
	put32(0);
	put_ethernet(0x0c, 0x0e, 0x0800);
	put_ipv4("10.0.0.1", "10.0.0.2", 17, 8);
	put_udp(1, 2, 0);
	parse(PACKET_IPV6);
	assert_int_equal(ext.vxlan_vni, 77);
	assert_ip(&ext.inner_src_addr, "10.0.0.1");
	assert_true(ext.inner_dst_mac == 0x0c0102030405);
	LAYERS({LAYER_IPV6, 40}, {LAYER_UDP, 8}, {LAYER_GENEVE, 12}, {LAYER_ETHERNET, 14},
	       {LAYER_IPV4, 20}, {LAYER_UDP, 8});
}

static void test_ip_in_ip_third_packet_is_left_out(void **state)
{
	(void)state;
	start();
	put_ipv4("192.0.2.1", "192.0.2.2", 41, 40 + 28);
	put_ipv6("2001:db8::1", "2001:db8::2", 4, 28);
	put_ipv4("10.0.0.1", "10.0.0.2", 17, 8);
	put_udp(1, 2, 0);
	parse(PACKET_IPV4);
	assert_ip(&f.src_addr, "192.0.2.1");
	assert_int_equal(f.proto, 41);
	assert_ip(&ext.inner_src_addr, "2001:db8::1");
	assert_int_equal(ext.inner_proto, 4);
	assert_int_equal(ext.inner_src_port, 0);
	assert_int_equal(f.src_port, 0);
}

static void test_teredo_with_indications(void **state)
{
	(void)state;
	start();
	put_ipv4("192.0.2.1", "192.0.2.2", 17, 8 + 13 + 8 + 48);
	put_udp(3544, 40000, 13 + 8 + 48);
	put16(1); /* authentication without client id */
	put16(0);
	put32(1);
	put32(2);
	put8(0);
	put16(0); /* origin */
	put16(1);
	put32(2);
	put_ipv6("2001::1", "2001::2", 58, 8);
	put32(0x80000000);
	put32(0);
	parse(PACKET_IPV4);
	assert_ip(&ext.inner_src_addr, "2001::1");
	assert_int_equal(ext.inner_proto, 58);
	assert_int_equal(f.icmp_type, 0);
	LAYERS({LAYER_IPV4, 20}, {LAYER_UDP, 8}, {LAYER_TEREDO, 21}, {LAYER_IPV6, 40},
	       {LAYER_ICMPV6, 8});
}

static void test_mpls_in_udp_keeps_no_outer_labels(void **state)
{
	(void)state;
	start();
	put_ipv4("192.0.2.1", "192.0.2.2", 17, 8 + 4 + 28);
	put_udp(50000, 6635, 4 + 28);
	put_mpls(100, 0, true, 3);
	put_ipv4("10.0.0.1", "10.0.0.2", 17, 8);
	put_udp(1, 2, 0);
	parse(PACKET_IPV4);
	assert_int_equal(ext.n_mpls, 0);
	assert_ip(&ext.inner_src_addr, "10.0.0.1");
}

static void test_pppoe_and_snap(void **state)
{
	(void)state;
	start();
	put_ethernet(2, 4, 0x8864);
	put16(0x1100);
	put16(1);
	put16(30);
	put16(0x0021);
	put_ipv4("10.0.0.1", "10.0.0.2", 17, 8);
	put_udp(1, 2, 0);
	parse(PACKET_ETHERNET);
	assert_ip(&f.src_addr, "10.0.0.1");

	start();
	put_ethernet(2, 4, 36);
	put32(0xaaaa0300);
	put16(0);
	put16(0x0800);
	put_ipv4("10.0.0.1", "10.0.0.2", 17, 8);
	put_udp(1, 2, 0);
	parse(PACKET_ETHERNET);
	assert_ip(&f.src_addr, "10.0.0.1");
	assert_int_equal(f.etype, 0x0800);
}

/* Trailing bytes of a short Ethernet frame are no UDP header. */
static void test_padding_is_not_payload(void **state)
{
	(void)state;
	start();
	put_ethernet(2, 4, 0x0800);
	put_ipv4("10.0.0.1", "10.0.0.2", 17, 0);
	put32(0x00350035);
	parse(PACKET_ETHERNET);
	assert_int_equal(f.src_port, 0);
}

static void test_sctp_ports(void **state)
{
	(void)state;
	start();
	put_ipv4("10.0.0.1", "10.0.0.2", 132, 12);
	put32(2905u << 16 | 2906);
	put32(0);
	put32(0);
	parse(PACKET_IPV4);
	assert_int_equal(f.src_port, 2905);
	assert_int_equal(f.dst_port, 2906);
}

/* However a packet is cut, what is told is right, and nothing beyond is read. */
static void test_cut_at_each_byte(void **state)
{
	struct flow whole;

	(void)state;
	test_vxlan(state);
	pkt[14 + 20 + 8] = 8;
	parse(PACKET_ETHERNET);
	whole = f;
	for (uint32_t n = 0; n < len; n++) {
		parse_n(PACKET_ETHERNET, n);
		assert_int_equal(f.etype, n >= 14 ? whole.etype : 0);
		assert_true(ip_is_unset(&f.dst_addr) || ip_equal(&f.dst_addr, &whole.dst_addr));
		assert_int_equal(ip_is_unset(&f.dst_addr), n < 34);
		assert_int_equal(f.dst_port, n >= 38 ? 4789 : 0);
		assert_int_equal(ext.vxlan_vni, n >= 50 ? 5001 : 0);
		assert_int_equal(ip_is_unset(&ext.inner_dst_addr), n < 84);
	}
}

/* Nested as deep as a packet can: bounded, and nothing written beyond the lists. */
static void test_endless_nesting_ends(void **state)
{
	(void)state;
	start();
	put_ethernet(2, 4, 0x8100);
	while (len < 400)
		put_vlan(1, 0x8100);
	parse(PACKET_ETHERNET);
	assert_int_equal(ext.n_layers, FLOW_LAYERS_MAX);

	start();
	for (int i = 0; i < 24; i++)
		put_ipv4("10.0.0.1", "10.0.0.2", 4, 480 - (unsigned)i * 20);
	parse(PACKET_IPV4);
	assert_int_equal(ext.n_layers, FLOW_LAYERS_MAX);
	assert_int_equal(ext.inner_proto, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4_tcp),
		cmocka_unit_test(test_qinq_outer_tag_is_vlan),
		cmocka_unit_test(test_mpls_ip_is_plain),
		cmocka_unit_test(test_eompls),
		cmocka_unit_test(test_eompls_arp_without_control_word_like_ipv6),
		cmocka_unit_test(test_mpls_ipv4_with_bad_checksum_is_still_ipv4),
		cmocka_unit_test(test_mpls_without_bottom_ends),
		cmocka_unit_test(test_fragment_has_no_ports),
		cmocka_unit_test(test_ipv4_options_are_stepped_over),
		cmocka_unit_test(test_ipv6_extension_headers),
		cmocka_unit_test(test_srv6),
		cmocka_unit_test(test_gre_with_key_and_sequence),
		cmocka_unit_test(test_gre_ethernet),
		cmocka_unit_test(test_vxlan),
		cmocka_unit_test(test_geneve_with_options),
		cmocka_unit_test(test_ip_in_ip_third_packet_is_left_out),
		cmocka_unit_test(test_teredo_with_indications),
		cmocka_unit_test(test_mpls_in_udp_keeps_no_outer_labels),
		cmocka_unit_test(test_pppoe_and_snap),
		cmocka_unit_test(test_padding_is_not_payload),
		cmocka_unit_test(test_sctp_ports),
		cmocka_unit_test(test_cut_at_each_byte),
		cmocka_unit_test(test_endless_nesting_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
