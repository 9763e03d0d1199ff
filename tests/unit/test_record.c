/* From elements to fields: widths, precedence, addresses of two families, tunnels, MPLS, NAT.
 * SPDX-License-Identifier: Apache-2.0 */
#include "decode_build.h"

static void start_data(const char *spec)
{
	start_ipfix(0, 1);
	add_template(256, spec);
	set_begin(256);
}

static void start_data_v9(const char *spec)
{
	start_v9(0, 1);
	add_template(256, spec);
	set_begin(256);
}

static void finish(void)
{
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
}

/* RFC 7011 section 6.2: a number may be sent in fewer bytes than its type has; and exporters send
 * more than ours has. */
static void numbers_of_every_width(void **state)
{
	(void)state;
	for (uint32_t width = 1; width <= 8; width++) {
		const uint64_t value = 0x0102030405060708u, mask = ~0ull >> (64 - 8 * width);
		const struct flow *f;
		char spec[128];

		bench_open(BATCH_ROWS);
		snprintf(spec, sizeof(spec), "1:%u 10:%u 7:%u 4:%u 95:%u 234:%u", width, width,
			 width, width, width, width);
		start_data(spec);
		for (int i = 0; i < 6; i++)
			put_uint(value, width);
		finish();
		f = only_flow();
		assert_int_equal(f->bytes, value & mask);
		assert_int_equal(f->in_if, (uint32_t)(value & mask));
		assert_int_equal(f->src_port, (uint16_t)(value & mask));
		assert_int_equal(f->proto, 8);
		assert_int_equal(f->ext->application_id, value & mask);
		assert_int_equal(f->ext->ingress_vrf_id, (uint32_t)(value & mask));
	}
}

static void values_of_impossible_size_fill_nothing(void **state)
{
	(void)state;
	start_data("8:5 12:16 27:4 1:9 56:8 154:4 32:1 225:2 4:1");
	for (int i = 0; i < 5 + 16 + 4 + 9 + 8 + 4 + 1 + 2; i++)
		put_uint(0xaa, 1);
	put_uint(6, 1);
	finish();
	assert_true(ip_is_unset(&only_flow()->src_addr));
	assert_true(ip_is_unset(&only_flow()->dst_addr));
	assert_int_equal(only_flow()->bytes, 0);
	assert_int_equal(only_flow()->src_mac, 0);
	assert_int_equal(only_flow()->icmp_type, 0);
	assert_int_equal(only_flow()->time_flow_start_ns, EXPORT_S * NS_PER_S);
	assert_int_equal(only_flow()->proto, 6);
}

static void what_a_router_tells_of_layers_two_to_four(void **state)
{
	const struct flow *f;

	(void)state;
	start_data("56:6 80:6 58:2 59:2 5:1 6:2 15:4 18:4 16:4 17:4 9:1 13:1 14:4 192:1 54:4 88:2 "
		   "197:1 31:4 89:1 61:1 128:4 129:4 138:8 136:1 52:1 53:1 256:2");
	put_uint(0x001122334455, 6);
	put_uint(0x66778899aabb, 6);
	put_uint(100, 2);
	put_uint(200, 2);
	put_uint(0xb8, 1);
	put_uint(0x1c2, 2);
	put_uint(0x0a0000fe, 4);
	put_uint(0x0a0000fd, 4);
	put_uint(4200000001, 4);
	put_uint(4200000002, 4);
	put_uint(24, 1);
	put_uint(32, 1);
	put_uint(70000, 4);
	put_uint(61, 1);
	put_uint(0xabcdef01, 4);
	put_uint(185, 2);
	put_uint(0x60, 1); /* DF and MF */
	put_uint(0x12345, 4);
	put_uint(66, 1);
	put_uint(1, 1);
	put_uint(64500, 4);
	put_uint(64501, 4);
	put_uint(12, 8);
	put_uint(2, 1);
	put_uint(60, 1);
	put_uint(64, 1);
	put_uint(0x0806, 2);
	finish();
	f = only_flow();
	assert_int_equal(f->src_mac, 0x001122334455);
	assert_int_equal(f->dst_mac, 0x66778899aabb);
	assert_int_equal(f->src_vlan, 100);
	assert_int_equal(f->vlan_id, 100);
	assert_int_equal(f->dst_vlan, 200);
	assert_int_equal(f->ip_tos, 0xb8);
	assert_int_equal(f->tcp_flags, 0x1c2);
	assert_addr(f->next_hop, v4(0x0a0000fe));
	assert_addr(f->bgp_next_hop, v4(0x0a0000fd));
	assert_int_equal(f->src_as, 4200000001);
	assert_int_equal(f->dst_as, 4200000002);
	assert_int_equal(f->src_net, 24);
	assert_int_equal(f->dst_net, 32);
	assert_int_equal(f->out_if, 70000);
	assert_int_equal(f->ip_ttl, 61);
	assert_int_equal(f->fragment_id, 0xabcdef01);
	assert_int_equal(f->fragment_offset, 185);
	assert_int_equal(f->ip_flags, 3);
	assert_int_equal(f->ipv6_flow_label, 0x12345);
	assert_int_equal(f->forwarding_status, 66);
	assert_int_equal(f->flow_direction, 2);
	assert_int_equal(f->next_hop_as, 64500);
	assert_int_equal(f->ext->prev_hop_as, 64501);
	assert_int_equal(f->observation_point_id, 12);
	assert_int_equal(f->flow_end_reason, 2);
	assert_int_equal(f->ext->min_ttl, 60);
	assert_int_equal(f->ext->max_ttl, 64);
	assert_int_equal(f->etype, 0x0806);
}

static void provider_bridges_and_vrfs(void **state)
{
	(void)state;
	start_data("58:2 243:2 245:2 254:2 255:2 234:4 235:4 236:v 351:8 249:4");
	put_uint(9, 2);
	put_uint(10, 2);
	put_uint(11, 2);
	put_uint(12, 2);
	put_uint(13, 2);
	put_uint(20, 4);
	put_uint(21, 4);
	put_variable("blue", 4, false);
	put_uint(0x01000000ffabcdefu, 8); /* type 1: VXLAN; 24 bits count */
	put_uint(4711, 4);
	finish();
	assert_int_equal(only_flow()->vlan_id, 10);
	assert_int_equal(only_flow()->src_vlan, 9);
	assert_int_equal(only_ext()->dot1q_vlan, 10);
	assert_int_equal(only_ext()->dot1q_cvlan, 11);
	assert_int_equal(only_ext()->post_dot1q_vlan, 12);
	assert_int_equal(only_ext()->post_dot1q_cvlan, 13);
	assert_int_equal(only_ext()->ingress_vrf_id, 20);
	assert_int_equal(only_ext()->egress_vrf_id, 21);
	assert_text(&only_ext()->ingress_vrf_name, "blue");
	assert_int_equal(only_ext()->vxlan_vni, 0xabcdef);
	assert_int_equal(only_ext()->mpls_pseudowire_id, 4711);
}

/* Precedence: each element wins over those after it, wherever they stand in the template. */
static void check_precedence(const char *const *specs, unsigned n, size_t member)
{
	for (unsigned best = 0; best < n; best++)
		for (unsigned other = best + 1; other < n; other++)
			for (int order = 0; order < 2; order++) {
				char spec[64];
				uint64_t got;

				bench_open(BATCH_ROWS);
				snprintf(spec, sizeof(spec), "%s:4 %s:4",
					 specs[order ? other : best], specs[order ? best : other]);
				start_data(spec);
				put_uint(order ? 111 : 222, 4);
				put_uint(order ? 222 : 111, 4);
				finish();
				memcpy(&got, (const uint8_t *)only_flow() + member, sizeof(got));
				assert_int_equal(got, 222);
			}
}

static void octets_and_packets_by_precedence(void **state)
{
	static const char *const octets[] = {"1", "85", "231", "352", "23"};
	static const char *const packets[] = {"2", "86", "298", "24"};

	(void)state;
	check_precedence(octets, 5, offsetof(struct flow, bytes));
	check_precedence(packets, 4, offsetof(struct flow, packets));
}

static void logical_interfaces_before_physical(void **state)
{
	(void)state;
	start_data("252:4 10:4 253:4");
	put_uint(5, 4);
	put_uint(6, 4);
	put_uint(7, 4);
	finish();
	assert_int_equal(only_flow()->in_if, 6);
	assert_int_equal(only_flow()->out_if, 7);
}

/* Addresses. */

static void the_family_that_is_not_zero_counts(void **state)
{
	const struct flow *f = bench.flows;

	(void)state;
	start_data("27:16 28:16 8:4 12:4 29:1 30:1 9:1 13:1 62:16 15:4 63:16 18:4");
	put_zeros(32); /* an IPv4 flow */
	put_uint(0x0a000001, 4);
	put_uint(0x0a000002, 4);
	put_uint(0, 2);
	put_uint(24 << 8 | 25, 2);
	put_zeros(16);
	put_uint(0x0a0000fe, 4);
	put_zeros(16);
	put_uint(0x0a0000fd, 4);
	put_v6(1); /* an IPv6 flow */
	put_v6(2);
	put_zeros(8);
	put_uint(48 << 8 | 64, 2);
	put_uint(0, 2);
	put_v6(0xfe);
	put_zeros(4);
	put_v6(0xfd);
	put_zeros(4);
	finish();
	assert_int_equal(bench.n, 2);
	assert_addr(f[0].src_addr, v4(0x0a000001));
	assert_addr(f[0].dst_addr, v4(0x0a000002));
	assert_int_equal(f[0].etype, 0x0800);
	assert_int_equal(f[0].src_net, 24);
	assert_int_equal(f[0].dst_net, 25);
	assert_addr(f[0].next_hop, v4(0x0a0000fe));
	assert_addr(f[0].bgp_next_hop, v4(0x0a0000fd));
	assert_addr(f[1].src_addr, v6(1));
	assert_addr(f[1].dst_addr, v6(2));
	assert_int_equal(f[1].etype, 0x86dd);
	assert_int_equal(f[1].src_net, 48);
	assert_int_equal(f[1].dst_net, 64);
	assert_addr(f[1].next_hop, v6(0xfe));
	assert_addr(f[1].bgp_next_hop, v6(0xfd));
}

/* DHCP's 0.0.0.0 and the unspecified address of duplicate address detection. */
static void one_zero_end_does_not_change_the_family(void **state)
{
	static const char *const specs[] = {"8:4 12:4 27:16 28:16", "27:16 28:16 8:4 12:4"};

	(void)state;
	for (int v6_first = 0; v6_first < 2; v6_first++) {
		bench_open(BATCH_ROWS);
		start_data(specs[v6_first]);
		for (int r = 0; r < 3; r++) { /* 0.0.0.0 to 255.255.255.255; :: to v6; all zero */
			if (!v6_first)
				put_uint(r == 0 ? 0xffffffff : 0, 8);
			put_zeros(16);
			if (r == 1)
				put_v6(2);
			else
				put_zeros(16);
			if (v6_first)
				put_uint(r == 0 ? 0xffffffff : 0, 8);
		}
		finish();
		assert_int_equal(bench.n, 3);
		assert_addr(bench.flows[0].src_addr, v4(0));
		assert_addr(bench.flows[0].dst_addr, v4(0xffffffff));
		assert_int_equal(bench.flows[0].etype, 0x0800);
		assert_true(ip_is_unset(&bench.flows[1].src_addr));
		assert_addr(bench.flows[1].dst_addr, v6(2));
		assert_int_equal(bench.flows[1].etype, 0x86dd);
		assert_addr(bench.flows[2].src_addr, v4(0));
		assert_int_equal(bench.flows[2].etype, 0x0800);
	}
}

static void the_ethertype_is_told_by_version_or_family(void **state)
{
	(void)state;
	start_data("60:1 27:16 8:4"); /* ipVersion decides */
	put_uint(6, 1);
	put_zeros(20);
	put_uint(4, 1);
	put_zeros(20);
	put_uint(0, 1); /* it says nothing: the address does */
	put_v6(1);
	put_zeros(4);
	put_uint(0, 1);
	put_zeros(16);
	put_uint(0x0a000001, 4);
	finish();
	assert_int_equal(bench.n, 4);
	assert_int_equal(bench.flows[0].etype, 0x86dd);
	assert_int_equal(bench.flows[1].etype, 0x0800);
	assert_int_equal(bench.flows[2].etype, 0x86dd);
	assert_int_equal(bench.flows[3].etype, 0x0800);

	start_data("256:2 8:4"); /* zero is no EtherType */
	put_uint(0, 2);
	put_uint(0x0a000001, 4);
	finish();
	assert_int_equal(only_flow()->etype, 0x0800);

	start_data("1:4");
	put_uint(5, 4);
	finish();
	assert_int_equal(only_flow()->etype, 0);
}

static void a_repeated_element_is_the_inner_packets(void **state)
{
	(void)state;
	start_data("8:4 12:4 4:1 7:2 11:2 8:4 12:4 4:1 7:2 11:2 8:4");
	put_uint(0x0a000001, 4);
	put_uint(0x0a000002, 4);
	put_uint(17, 1);
	put_uint(50000, 2);
	put_uint(4789, 2);
	put_uint(0xc0a80001, 4);
	put_uint(0xc0a80002, 4);
	put_uint(6, 1);
	put_uint(1111, 2);
	put_uint(443, 2);
	put_uint(0xdeadbeef, 4); /* a third one is nobody's */
	finish();
	assert_addr(only_flow()->src_addr, v4(0x0a000001));
	assert_addr(only_flow()->dst_addr, v4(0x0a000002));
	assert_int_equal(only_flow()->proto, 17);
	assert_int_equal(only_flow()->src_port, 50000);
	assert_int_equal(only_flow()->dst_port, 4789);
	assert_addr(only_ext()->inner_src_addr, v4(0xc0a80001));
	assert_addr(only_ext()->inner_dst_addr, v4(0xc0a80002));
	assert_int_equal(only_ext()->inner_proto, 6);
	assert_int_equal(only_ext()->inner_src_port, 1111);
	assert_int_equal(only_ext()->inner_dst_port, 443);
}

/* As SRv6 exporters send: the outer packet is IPv6, the inner IPv4. */
static void two_protocols_make_a_tunnel_in_wire_order(void **state)
{
	(void)state;
	start_data("27:16 28:16 4:1 8:4 12:4 4:1");
	put_v6(1);
	put_v6(2);
	put_uint(4, 1);
	put_uint(0x0a000001, 4);
	put_uint(0x0a000002, 4);
	put_uint(6, 1);
	finish();
	assert_addr(only_flow()->src_addr, v6(1));
	assert_addr(only_flow()->dst_addr, v6(2));
	assert_int_equal(only_flow()->proto, 4);
	assert_int_equal(only_flow()->etype, 0x86dd);
	assert_addr(only_ext()->inner_src_addr, v4(0x0a000001));
	assert_addr(only_ext()->inner_dst_addr, v4(0x0a000002));
	assert_int_equal(only_ext()->inner_proto, 6);

	start_data("8:4 12:4 4:1 27:16 28:16 4:1");
	put_uint(0x0a000001, 4);
	put_uint(0x0a000002, 4);
	put_uint(41, 1);
	put_v6(1);
	put_v6(2);
	put_uint(17, 1);
	finish();
	assert_addr(only_flow()->src_addr, v4(0x0a000001));
	assert_int_equal(only_flow()->etype, 0x0800);
	assert_addr(only_ext()->inner_src_addr, v6(1));
	assert_int_equal(only_ext()->inner_proto, 17);
}

/* ICMP. */

static void icmp_by_every_element_that_tells_it(void **state)
{
	static const char *const specs[] = {"4:1 176:1 177:1", "4:1 178:1 179:1", "4:1 32:2",
					    "4:1 139:2"};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		bench_open(BATCH_ROWS);
		start_data(specs[i]);
		put_uint(1, 1);
		put_uint(3, 1);
		put_uint(13, 1);
		finish();
		assert_int_equal(only_flow()->icmp_type, 3);
		assert_int_equal(only_flow()->icmp_code, 13);
	}
}

/* Templates for both families have the elements of both, and zeros in the other's. */
static void icmp_elements_of_both_families(void **state)
{
	(void)state;
	start_data("4:1 176:1 177:1 178:1 179:1");
	put_uint(58, 1);
	put_uint(0, 2);
	put_uint(135 << 8 | 1, 2);
	put_uint(1, 1);
	put_uint(3 << 8 | 1, 2);
	put_uint(0, 2);
	finish();
	assert_int_equal(bench.flows[0].icmp_type, 135);
	assert_int_equal(bench.flows[0].icmp_code, 1);
	assert_int_equal(bench.flows[1].icmp_type, 3);
	assert_int_equal(bench.flows[1].icmp_code, 1);

	start_data("4:1 139:2 32:2");
	put_uint(58, 1);
	put_uint(128 << 8, 2);
	put_uint(0, 2);
	put_uint(1, 1);
	put_uint(0, 2);
	put_uint(8 << 8, 2);
	finish();
	assert_int_equal(bench.flows[0].icmp_type, 128);
	assert_int_equal(bench.flows[1].icmp_type, 8);
}

static void v9_without_icmp_elements_has_it_in_the_port(void **state)
{
	(void)state;
	start_data_v9("4:1 7:2 11:2");
	put_uint(58, 1);
	put_uint(0, 2);
	put_uint(129 << 8 | 2, 2);
	put_uint(6, 1);
	put_uint(0, 2);
	put_uint(443, 2);
	finish();
	assert_int_equal(bench.flows[0].icmp_type, 129);
	assert_int_equal(bench.flows[0].icmp_code, 2);
	assert_int_equal(bench.flows[1].icmp_type, 0);
	assert_int_equal(bench.flows[1].icmp_code, 0);
}

/* MPLS. */

static uint32_t label(uint32_t value, uint32_t exp, bool bottom)
{
	return value << 4 | exp << 1 | bottom;
}

static void labels_end_at_the_bottom_of_the_stack(void **state)
{
	const struct flow_ext *e;

	(void)state;
	start_data("70:3 71:3 72:3 47:4 46:1 90:8");
	put_uint(label(16001, 5, false), 3);
	put_uint(label(24, 0, true), 3);
	put_uint(label(99, 0, false), 3); /* what the exporter forgot there */
	put_uint(0x0a0a0a0a, 4);
	put_uint(4, 1);
	put_uint(0x0000fde800000064u, 8);
	finish();
	e = only_ext();
	assert_int_equal(e->n_mpls, 2);
	assert_int_equal(e->n_mpls_ttl, 0); /* nothing tells them */
	assert_int_equal(e->mpls_label[0], 16001);
	assert_int_equal(e->mpls_exp[0], 5);
	assert_int_equal(e->mpls_label[1], 24);
	assert_int_equal(e->mpls_exp[1], 0);
	assert_addr(e->mpls_ip, v4(0x0a0a0a0a));
	assert_int_equal(e->mpls_top_label_type, 4);
	assert_int_equal(e->mpls_vpn_rd, 0x0000fde800000064u);
}

static void labels_end_where_zeros_fill_up(void **state)
{
	(void)state;
	start_data("70:3 71:3 72:3");
	put_uint(label(16001, 0, false), 3);
	put_zeros(6);
	put_zeros(9);			/* no label at all */
	put_uint(label(0, 0, true), 3); /* IPv4 explicit null is one */
	put_zeros(6);
	finish();
	assert_int_equal(bench.n, 3);
	assert_int_equal(bench.flows[0].ext->n_mpls, 1);
	assert_int_equal(bench.flows[1].ext->n_mpls, 0);
	assert_int_equal(bench.flows[2].ext->n_mpls, 1);
	assert_int_equal(bench.flows[2].ext->mpls_label[0], 0);
}

static void all_ten_labels(void **state)
{
	(void)state;
	start_data("79:3 78:3 77:3 76:3 75:3 74:3 73:3 72:3 71:3 70:3");
	for (uint32_t i = 10; i > 0; i--)
		put_uint(label(i * 100, i % 8, i == 10), 3);
	finish();
	assert_int_equal(only_ext()->n_mpls, 10);
	for (uint32_t i = 0; i < 10; i++) {
		assert_int_equal(only_ext()->mpls_label[i], (i + 1) * 100);
		assert_int_equal(only_ext()->mpls_exp[i], (i + 1) % 8);
	}
}

static void labels_of_variable_length(void **state)
{
	const uint8_t one[] = {0, 1, 0x01}; /* label 16, bottom */

	(void)state;
	start_data("70:v 71:v");
	put_variable(one, 3, false);
	put_variable("", 0, false);
	put_variable("", 0, false);
	put_variable("", 0, false);
	finish();
	assert_int_equal(bench.n, 2);
	assert_int_equal(bench.flows[0].ext->n_mpls, 1);
	assert_int_equal(bench.flows[0].ext->mpls_label[0], 16);
	assert_int_equal(bench.flows[1].ext->n_mpls, 0);
}

static void a_label_stack_section(void **state)
{
	(void)state;
	start_data("316:v");
	put_uint(12, 1);
	put_uint(16001 << 12 | 3 << 9 | 62, 4);
	put_uint(24 << 12 | 0x100 | 61, 4);
	put_uint(0x45000000, 4);
	finish();
	assert_int_equal(only_ext()->n_mpls, 2);
	assert_int_equal(only_ext()->mpls_label[0], 16001);
	assert_int_equal(only_ext()->mpls_exp[0], 3);
	assert_int_equal(only_ext()->n_mpls_ttl, 2);
	assert_int_equal(only_ext()->mpls_ttl[0], 62);
	assert_int_equal(only_ext()->mpls_label[1], 24);
	assert_int_equal(only_ext()->mpls_ttl[1], 61);
}

/* NAT and firewalls. */

static void nat_events_of_ipfix(void **state)
{
	(void)state;
	start_data("230:1 8:4 12:4 225:4 226:4 7:2 11:2 227:2 228:2 4:1 281:16");
	put_uint(4, 1);
	put_uint(0x64400001, 4);
	put_uint(0x08080808, 4);
	put_uint(0xcb007101, 4);
	put_uint(0x08080808, 4);
	put_uint(40000, 2);
	put_uint(53, 2);
	put_uint(1024, 2);
	put_uint(53, 2);
	put_uint(17, 1);
	put_zeros(16);
	finish();
	assert_int_equal(only_ext()->nat_event, 4);
	assert_addr(only_ext()->post_nat_src_addr, v4(0xcb007101));
	assert_addr(only_ext()->post_nat_dst_addr, v4(0x08080808));
	assert_int_equal(only_ext()->post_nat_src_port, 1024);
	assert_int_equal(only_ext()->post_nat_dst_port, 53);
}

static void nsel_of_older_firewalls(void **state)
{
	(void)state;
	start_v9(0, 1);
	set_begin(0);
	put_template(256, "8:4 40001:4 40002:4 40003:2 40004:2 40005:1 40000:20");
	set_end();
	set_begin(256);
	put_uint(0x0a000001, 4);
	put_uint(0xcb007101, 4);
	put_uint(0x08080808, 4);
	put_uint(1024, 2);
	put_uint(53, 2);
	put_uint(2, 1);
	put_bytes("admin\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
	finish();
	assert_addr(only_ext()->post_nat_src_addr, v4(0xcb007101));
	assert_addr(only_ext()->post_nat_dst_addr, v4(0x08080808));
	assert_int_equal(only_ext()->post_nat_src_port, 1024);
	assert_int_equal(only_ext()->post_nat_dst_port, 53);
	assert_int_equal(only_ext()->firewall_event, 2);
	assert_text(&only_ext()->src_user, "admin");
}

/* Three elements for one member, in each order: the first by rank that is not zero. */
static void three_post_nat_addresses_in_any_order(void **state)
{
	static const char *const specs[] = {"225:4 281:16 40001:4", "225:4 40001:4 281:16",
					    "281:16 225:4 40001:4", "281:16 40001:4 225:4",
					    "40001:4 225:4 281:16", "40001:4 281:16 225:4"};

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		for (int set = 1; set < 8; set++) {
			const char *at = specs[i];

			bench_open(BATCH_ROWS);
			start_data_v9(specs[i]);
			for (; *at; at += strcspn(at, " "), at += *at == ' ') {
				if (at[1] == '8' && set & 2)
					put_v6(1);
				else if (at[1] == '8')
					put_zeros(16);
				else
					put_uint(at[0] == '2' ? (set & 1 ? 0x0a000001 : 0)
							      : (set & 4 ? 0x0a000003 : 0),
						 4);
			}
			finish();
			assert_addr(only_ext()->post_nat_src_addr, set & 1   ? v4(0x0a000001)
								   : set & 2 ? v6(1)
									     : v4(0x0a000003));
		}
}

/* IE 315 and 313: one parser with sFlow's headers, of which test_packet.c has more. */
static void a_frame_section_with_a_vlan(void **state)
{
	(void)state;
	start_data("10:4 312:2 315:v");
	put_uint(582, 4);
	put_uint(1514, 2);
	put_uint(46, 1);
	put_uint(0x66778899aabb, 6);
	put_uint(0x001122334455, 6);
	put_uint(0x8100, 2);
	put_uint(0x6000 | 300, 2);
	put_uint(0x0800, 2);
	put_uint(0x45000300, 4);
	put_uint(0x00004000, 4);
	put_uint(0x40060000, 4);
	put_uint(0x0a000001, 4);
	put_uint(0x0a000002, 4);
	put_uint(1024 << 16 | 443, 4);
	put_uint(0, 4);
	finish();
	assert_int_equal(only_flow()->in_if, 582);
	assert_int_equal(only_flow()->bytes, 1514);
	assert_int_equal(only_flow()->packets, 1);
	assert_int_equal(only_flow()->vlan_id, 300);
	assert_int_equal(only_ext()->dot1q_vlan, 300);
	assert_int_equal(only_flow()->src_mac, 0x001122334455);
	assert_int_equal(only_flow()->etype, 0x0800);
	assert_addr(only_flow()->src_addr, v4(0x0a000001));
	assert_int_equal(only_flow()->dst_port, 443);
}

static void an_ip_section_of_either_version(void **state)
{
	(void)state;
	start_data("313:40 1:4 2:4");
	put_uint(0x45000028, 4);
	put_uint(0, 4);
	put_uint(0x40110000, 4);
	put_uint(0x0a000001, 4);
	put_uint(0x0a000002, 4);
	put_uint(1000u << 16 | 53, 4);
	put_zeros(16);
	put_uint(1234, 4);
	put_uint(10, 4);
	put_uint(0x60000000, 4);
	put_uint(59 << 8 | 64, 4);
	put_v6(1);
	put_v6(2);
	put_uint(99, 4);
	put_uint(1, 4);
	finish();
	assert_int_equal(bench.n, 2);
	assert_int_equal(bench.flows[0].etype, 0x0800);
	assert_int_equal(bench.flows[0].dst_port, 53);
	assert_int_equal(bench.flows[0].bytes, 1234); /* the record's own word */
	assert_int_equal(bench.flows[0].packets, 10);
	assert_int_equal(bench.flows[1].etype, 0x86dd);
	assert_addr(bench.flows[1].dst_addr, v6(2));
}

static void exporter_address_elements_only_where_configured(void **state)
{
	(void)state;
	for (int on = 0; on < 2; on++) {
		bench.options.exporter_address_elements = on;
		bench_open(BATCH_ROWS);
		start_data("130:4 131:16 1:4");
		put_uint(0x0a090909, 4);
		put_zeros(16);
		put_uint(1, 4);
		put_uint(0, 4);
		put_v6(9);
		put_uint(1, 4);
		put_zeros(20);
		put_uint(1, 4);
		finish();
		assert_int_equal(bench.n, 3);
		assert_addr(bench.flows[0].sampler_address, on ? v4(0x0a090909) : bench.source);
		assert_addr(bench.flows[1].sampler_address, on ? v6(9) : bench.source);
		assert_addr(bench.flows[2].sampler_address, bench.source);
	}
}

static void the_traffic_class_by_its_other_elements(void **state)
{
	(void)state;
	start_data("195:1");
	put_uint(46, 1);
	finish();
	assert_int_equal(only_flow()->ip_tos, 0xb8);
	start_data("195:1 5:1");
	put_uint(46, 1);
	put_uint(0xb9, 1);
	finish();
	assert_int_equal(only_flow()->ip_tos, 0xb9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bench_test(numbers_of_every_width),
		bench_test(values_of_impossible_size_fill_nothing),
		bench_test(what_a_router_tells_of_layers_two_to_four),
		bench_test(provider_bridges_and_vrfs),
		bench_test(octets_and_packets_by_precedence),
		bench_test(logical_interfaces_before_physical),
		bench_test(the_family_that_is_not_zero_counts),
		bench_test(one_zero_end_does_not_change_the_family),
		bench_test(the_ethertype_is_told_by_version_or_family),
		bench_test(a_repeated_element_is_the_inner_packets),
		bench_test(two_protocols_make_a_tunnel_in_wire_order),
		bench_test(icmp_by_every_element_that_tells_it),
		bench_test(icmp_elements_of_both_families),
		bench_test(v9_without_icmp_elements_has_it_in_the_port),
		bench_test(labels_end_at_the_bottom_of_the_stack),
		bench_test(labels_end_where_zeros_fill_up),
		bench_test(all_ten_labels),
		bench_test(labels_of_variable_length),
		bench_test(a_label_stack_section),
		bench_test(nat_events_of_ipfix),
		bench_test(nsel_of_older_firewalls),
		bench_test(three_post_nat_addresses_in_any_order),
		bench_test(a_frame_section_with_a_vlan),
		bench_test(an_ip_section_of_either_version),
		bench_test(exporter_address_elements_only_where_configured),
		bench_test(the_traffic_class_by_its_other_elements),
	};

	return RUN_TESTS(tests);
}
