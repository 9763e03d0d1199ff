/* The packet parser over frames, tags, labels and IP packets built here.
 * SPDX-License-Identifier: Apache-2.0 */
#include "packet_build.h"

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

/* What else a pseudowire may carry: each with and without the control word. */
static void test_pseudowire_payloads(void **state)
{
	static const struct {
		unsigned etype;
		uint8_t bytes[8];
		unsigned n;
	} payloads[] = {
		{0x88cc, {2, 7, 4, 0, 1, 2, 3, 4}, 8},	       /* LLDP */
		{0x8809, {1, 1}, 2},			       /* LACP */
		{38, {0x42, 0x42, 3, 0, 0, 0, 0, 0}, 8},       /* spanning tree */
		{100, {0xfe, 0xfe, 3, 0x83}, 4},	       /* IS-IS */
		{0x8847, {0, 0, 0x10, 64, 0, 0, 0x11, 64}, 8}, /* MPLS again */
	};

	(void)state;
	for (unsigned i = 0; i < 2 * sizeof(payloads) / sizeof(payloads[0]); i++) {
		start();
		put_mpls(1000, 0, true, 64);
		if (i & 1)
			put32(0);
		put_ethernet(0x01, 0x0a, payloads[i / 2].etype);
		put(payloads[i / 2].bytes, payloads[i / 2].n);
		parse(PACKET_MPLS);
		assert_true(ext.inner_dst_mac == 0x010102030405);
		assert_int_equal(ext.inner_etype, payloads[i / 2].etype);
		assert_int_equal(f.etype, 0);
	}
}

static void test_pseudowire_ipv6_without_control_word_like_ipv6(void **state)
{
	(void)state;
	start();
	put_mpls(1000, 0, true, 64);
	put_ethernet(0x66, 0x0a, 0x86dd);
	put_ipv6("2001:db8::1", "2001:db8::2", 17, 8);
	put_udp(1, 2, 0);
	parse(PACKET_MPLS);
	assert_true(ext.inner_dst_mac == 0x660102030405);
	assert_ip(&f.src_addr, "2001:db8::1");
	assert_int_equal(f.dst_port, 2);
}

/* RFC 4385: a first nibble of 1 is the pseudowire's own channel. */
static void test_associated_channel_is_not_followed(void **state)
{
	(void)state;
	start();
	put_mpls(1000, 0, true, 1);
	put32(0x10000021);
	put_ipv4("10.0.0.1", "10.0.0.2", 17, 8);
	put_udp(3784, 3784, 0);
	parse(PACKET_MPLS);
	assert_true(ip_is_unset(&f.src_addr));
	assert_int_equal(ext.n_layers, 1);
}

static void test_authentication_header(void **state)
{
	(void)state;
	start();
	put_ipv6("2001:db8::1", "2001:db8::2", 51, 12 + 20);
	put32(0x06010000);
	put32(1);
	put32(2);
	put_tcp(179, 1024, 0x10);
	parse(PACKET_IPV6);
	assert_int_equal(f.proto, 6);
	assert_int_equal(f.src_port, 179);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4_tcp),
		cmocka_unit_test(test_qinq_outer_tag_is_vlan),
		cmocka_unit_test(test_mpls_ip_is_plain),
		cmocka_unit_test(test_eompls),
		cmocka_unit_test(test_eompls_arp_without_control_word_like_ipv6),
		cmocka_unit_test(test_pseudowire_payloads),
		cmocka_unit_test(test_pseudowire_ipv6_without_control_word_like_ipv6),
		cmocka_unit_test(test_associated_channel_is_not_followed),
		cmocka_unit_test(test_authentication_header),
		cmocka_unit_test(test_mpls_ipv4_with_bad_checksum_is_still_ipv4),
		cmocka_unit_test(test_mpls_without_bottom_ends),
		cmocka_unit_test(test_fragment_has_no_ports),
		cmocka_unit_test(test_ipv4_options_are_stepped_over),
		cmocka_unit_test(test_ipv6_extension_headers),
		cmocka_unit_test(test_pppoe_and_snap),
		cmocka_unit_test(test_padding_is_not_payload),
		cmocka_unit_test(test_sctp_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
