/* The packet parser over tunnels built here: outer fields plain, the first packet inside inner.
 * SPDX-License-Identifier: Apache-2.0 */
#include "packet_build.h"

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

static void test_mpls_in_ip_and_ethernet_in_ipv6(void **state)
{
	(void)state;
	start();
	put_ipv4("192.0.2.1", "192.0.2.2", 137, 4 + 28);
	put_mpls(100, 0, true, 3);
	put_ipv4("10.0.0.1", "10.0.0.2", 17, 8);
	put_udp(1, 2, 0);
	parse(PACKET_IPV4);
	assert_ip(&ext.inner_dst_addr, "10.0.0.2");

	start();
	put_ipv6("2001:db8::1", "2001:db8::2", 143, 14 + 40);
	put_ethernet(0x0c, 0x0e, 0x86dd);
	put_ipv6("2001:db8::3", "2001:db8::4", 59, 0);
	parse(PACKET_IPV6);
	assert_true(ext.inner_src_mac == 0x0e0708090a0b);
	assert_ip(&ext.inner_src_addr, "2001:db8::3");
	assert_int_equal(ext.inner_etype, 0x86dd);
	assert_int_equal(ext.inner_proto, 59);
}

/* What only looks like one of these headers is left alone. */
static void test_wrong_versions_are_left(void **state)
{
	(void)state;
	start();
	put_ipv4("192.0.2.1", "192.0.2.2", 47, 8);
	put16(0x3001); /* PPTP */
	put16(0x880b);
	put32(0);
	parse(PACKET_IPV4);
	assert_int_equal(ext.n_layers, 2);
	assert_int_equal(ext.inner_etype, 0);

	start();
	put_ipv4("192.0.2.1", "192.0.2.2", 17, 16);
	put_udp(1, 6081, 8);
	put32(0x40006558); /* Geneve version 1 */
	put32(5u << 8);
	parse(PACKET_IPV4);
	assert_int_equal(ext.vxlan_vni, 0);

	start();
	put_ipv4("192.0.2.1", "192.0.2.2", 17, 8);
	pkt[0] = 0x44; /* header of 16 bytes */
	parse(PACKET_IPV4);
	assert_true(ip_is_unset(&f.src_addr));
	pkt[0] = 0x65;
	parse(PACKET_IPV4);
	parse(PACKET_IPV6);
	assert_true(ip_is_unset(&f.src_addr));
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
		cmocka_unit_test(test_srv6),
		cmocka_unit_test(test_gre_with_key_and_sequence),
		cmocka_unit_test(test_gre_ethernet),
		cmocka_unit_test(test_vxlan),
		cmocka_unit_test(test_geneve_with_options),
		cmocka_unit_test(test_ip_in_ip_third_packet_is_left_out),
		cmocka_unit_test(test_teredo_with_indications),
		cmocka_unit_test(test_mpls_in_udp_keeps_no_outer_labels),
		cmocka_unit_test(test_mpls_in_ip_and_ethernet_in_ipv6),
		cmocka_unit_test(test_wrong_versions_are_left),
		cmocka_unit_test(test_cut_at_each_byte),
		cmocka_unit_test(test_endless_nesting_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
