/* Records as makers of exporters document them, whose elements only make sense together.
 * SPDX-License-Identifier: Apache-2.0 */
#include "decode_build.h"

static const uint64_t NS_PER_MS = 1000000;

static void finish(void)
{
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
}

/* Cisco ASA (NSEL): the end of a translated connection, with the octets of both ways, ACL ids of 12
 * bytes and a user name of fixed length. */
static void asa_teardown(void **state)
{
	const struct flow *f = &bench.flows[0], *back = &bench.flows[1];

	(void)state;
	start_v9(1, 0);
	add_template(263,
		     "148:4 8:4 7:2 10:2 12:4 11:2 14:2 4:1 176:1 177:1 225:4 226:4 227:2 228:2 "
		     "233:1 33002:2 323:8 152:8 231:4 232:4 33000:12 33001:12 40000:20");
	set_begin(263);
	put_uint(77, 4);
	put_uint(0x0a010101, 4);
	put_uint(40000, 2);
	put_uint(3, 2);
	put_uint(0xc6336401, 4);
	put_uint(443, 2);
	put_uint(2, 2);
	put_uint(6, 1);
	put_zeros(2);
	put_uint(0xcb007101, 4);
	put_uint(0xc6336401, 4);
	put_uint(1025, 2);
	put_uint(443, 2);
	put_uint(2, 1);
	put_uint(2031, 2);
	put_uint(1699999999500u, 8);
	put_uint(1699999990000u, 8);
	put_uint(1500, 4);
	put_uint(90000, 4);
	put_zeros(24);
	put_bytes("alice\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
	finish();
	assert_int_equal(bench.n, 2);
	assert_addr(f->src_addr, v4(0x0a010101));
	assert_int_equal(f->bytes, 1500);
	assert_int_equal(f->time_flow_start_ns, 1699999990000u * NS_PER_MS);
	assert_int_equal(f->time_flow_end_ns, EXPORT_S * NS_PER_S);
	assert_addr(f->ext->post_nat_src_addr, v4(0xcb007101));
	assert_int_equal(f->ext->post_nat_src_port, 1025);
	assert_int_equal(f->ext->firewall_event, 2);
	assert_int_equal(f->ext->firewall_ext_event, 2031);
	assert_text(&f->ext->src_user, "alice");
	assert_int_equal(f->icmp_type, 0);

	assert_addr(back->src_addr, v4(0xc6336401));
	assert_int_equal(back->src_port, 443);
	assert_int_equal(back->in_if, 2);
	assert_int_equal(back->bytes, 90000);
	assert_int_equal(back->packets, 0);
	assert_addr(back->ext->post_nat_dst_addr, v4(0xcb007101));
	assert_text(&back->ext->dst_user, "alice");
}

/* Cisco IOS-XE (AVC): both ways in octets and packets, with an application whose name is in the
 * options, among enterprise elements. */
static void iosxe_application_records(void **state)
{
	const struct flow *f = &bench.flows[0], *back = &bench.flows[1];

	(void)state;
	start_ipfix(1, 6);
	add_options_template(300, "95:4", "96:24 94:55");
	set_begin(300);
	put_uint(0x0d0001c5, 4); /* engine 13, selector 453 */
	put_bytes("ssl\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24);
	put_zeros(55);
	finish();
	start_ipfix(2, 6);
	add_template(260, "60:1 4:1 8:4 12:4 7:2 11:2 61:1 10:4 9.12236:4 9.12237:4 95:4 "
			  "231:8 298:8 232:8 299:8 152:8 153:8 9.9273:4");
	set_begin(260);
	put_uint(4, 1);
	put_uint(6, 1);
	put_uint(0x0a000001, 4);
	put_uint(0xc6336402, 4);
	put_uint(50000, 2);
	put_uint(443, 2);
	put_uint(0, 1);
	put_uint(7, 4);
	put_uint(0x0a000001, 4);
	put_uint(0xc6336402, 4);
	put_uint(0x0d0001c5, 4);
	put_uint(1000, 8);
	put_uint(10, 8);
	put_uint(20000, 8);
	put_uint(20, 8);
	put_uint(1699999990000u, 8);
	put_uint(1699999995000u, 8);
	put_uint(33, 4);
	finish();
	assert_int_equal(bench.n, 2);
	assert_int_equal(f->bytes, 1000);
	assert_int_equal(f->packets, 10);
	assert_int_equal(f->ext->application_id, 0x0d0001c5);
	assert_text(&f->ext->application_name, "ssl");
	assert_int_equal(f->flow_direction, 1);
	assert_int_equal(back->bytes, 20000);
	assert_int_equal(back->packets, 20);
	assert_int_equal(back->out_if, 7);
	assert_int_equal(back->time_flow_end_ns, 1699999995000u * NS_PER_MS);
	assert_text(&back->ext->application_name, "ssl");
	assert_int_equal(back->flow_direction, 0);
}

/* Cisco ASR 1000 (high-speed logging of NAT): an event has no counters and no time but its own. */
static void asr_nat_event(void **state)
{
	const struct flow *f;

	(void)state;
	start_v9(1, 16777216);
	add_template(256, "323:8 230:1 234:4 8:4 225:4 12:4 226:4 7:2 227:2 11:2 228:2 4:1");
	set_begin(256);
	put_uint(1699999999000u, 8);
	put_uint(1, 1);
	put_uint(12, 4);
	put_uint(0x0a000001, 4);
	put_uint(0xcb007107, 4);
	put_uint(0xc6336402, 4);
	put_uint(0xc6336402, 4);
	put_uint(50000, 2);
	put_uint(1030, 2);
	put_uint(53, 2);
	put_uint(53, 2);
	put_uint(17, 1);
	finish();
	f = only_flow();
	assert_int_equal(f->bytes, 0);
	assert_int_equal(f->packets, 0);
	assert_int_equal(f->etype, 0x0800);
	assert_int_equal(f->proto, 17);
	assert_int_equal(f->time_flow_start_ns, EXPORT_S * NS_PER_S);
	assert_int_equal(f->ext->nat_event, 1);
	assert_int_equal(f->ext->ingress_vrf_id, 12);
	assert_addr(f->ext->post_nat_src_addr, v4(0xcb007107));
	assert_int_equal(f->ext->post_nat_src_port, 1030);
}

/* Juniper (inline-jflow, MPLS-IPv4): labels before the addresses, rate and time of start in the
 * options of the whole process. */
static void juniper_mpls_ipv4(void **state)
{
	const struct flow *f;

	(void)state;
	start_ipfix(1, 524288);
	add_options_template(512, "144:4", "41:8 42:8 160:8 130:4 34:4 36:2 37:2 214:1 215:1");
	set_begin(512);
	put_uint(9, 4);
	put_zeros(16);
	put_uint(1690000000000u, 8);
	put_uint(0x0a000009, 4);
	put_uint(1000, 4);
	put_uint(60, 2);
	put_uint(60, 2);
	put_uint(10, 1);
	put_uint(17, 1);
	finish();
	start_ipfix(2, 524288);
	add_template(257,
		     "70:3 71:3 72:3 10:4 14:4 136:1 47:4 8:4 12:4 5:1 4:1 7:2 11:2 32:2 6:1 16:4 "
		     "17:4 15:4 1:8 2:8 22:4 21:4");
	set_begin(257);
	put_uint(299776u << 4, 3);
	put_uint(16u << 4 | 7u << 1 | 1, 3);
	put_uint(0, 3);
	put_uint(601, 4);
	put_uint(602, 4);
	put_uint(3, 1);
	put_uint(0x0a0000fe, 4);
	put_uint(0x0a000001, 4);
	put_uint(0xc6336402, 4);
	put_uint(0xb8, 1);
	put_uint(1, 1);
	put_zeros(4);
	put_uint(0x0301, 2);
	put_zeros(1);
	put_uint(64500, 4);
	put_uint(4200000000u, 4);
	put_uint(0xc0000209, 4);
	put_uint(84, 8);
	put_uint(1, 8);
	put_uint(1410065408 - 5000, 4); /* has wrapped twice */
	put_uint(1410065408 - 3500, 4);
	finish();
	f = only_flow();
	assert_int_equal(f->sampling_rate, 1000);
	assert_int_equal(f->sampling_origin, SAMPLING_OPTIONS);
	assert_int_equal(f->time_flow_start_ns, EXPORT_S * NS_PER_S - 5000 * NS_PER_MS);
	assert_int_equal(f->time_flow_end_ns, EXPORT_S * NS_PER_S - 3500 * NS_PER_MS);
	assert_int_equal(f->ext->n_mpls, 2);
	assert_int_equal(f->ext->mpls_label[0], 299776);
	assert_int_equal(f->ext->mpls_exp[1], 7);
	assert_addr(f->ext->mpls_ip, v4(0x0a0000fe));
	assert_int_equal(f->flow_end_reason, 3);
	assert_int_equal(f->icmp_type, 3);
	assert_int_equal(f->icmp_code, 1);
	assert_int_equal(f->dst_as, 4200000000u);
	assert_addr(f->next_hop, v4(0xc0000209));
	assert_addr(f->sampler_address, bench.source);
}

/* MikroTik RouterOS: the time of start is in each record, IPv6 and translated IPv4 in one export.
 */
static void mikrotik_translated(void **state)
{
	const struct flow *f;

	(void)state;
	start_ipfix(1, 0);
	add_template(259,
		     "60:1 160:8 22:4 21:4 2:4 1:4 10:4 14:4 8:4 12:4 4:1 7:2 11:2 15:4 9:1 13:1 "
		     "5:1 6:1 80:6 56:6 32:1 33:1 225:4 226:4 227:2 228:2");
	set_begin(259);
	put_uint(4, 1);
	put_uint(1699000000000u, 8);
	put_uint(5000, 4);
	put_uint(9000, 4);
	put_uint(3, 4);
	put_uint(180, 4);
	put_uint(1, 4);
	put_uint(2, 4);
	put_uint(0xc0a85802, 4);
	put_uint(0xc6336402, 4);
	put_uint(6, 1);
	put_uint(50000, 2);
	put_uint(443, 2);
	put_uint(0xcb007101, 4);
	put_uint(24, 1);
	put_zeros(2);
	put_uint(0x12, 1);
	put_uint(0x001122334455u, 6);
	put_uint(0x0a0b0c0d0e0fu, 6);
	put_zeros(2); /* type of ICMP in one byte: no IE 32 */
	put_uint(0xcb007102, 4);
	put_uint(0xc6336402, 4);
	put_uint(50001, 2);
	put_uint(443, 2);
	finish();
	f = only_flow();
	assert_int_equal(f->time_flow_start_ns, 1699000005000u * NS_PER_MS);
	assert_int_equal(f->time_flow_end_ns, 1699000009000u * NS_PER_MS);
	assert_int_equal(f->src_net, 24);
	assert_int_equal(f->dst_mac, 0x001122334455u);
	assert_int_equal(f->src_mac, 0x0a0b0c0d0e0fu);
	assert_int_equal(f->tcp_flags, 0x12);
	assert_addr(f->ext->post_nat_src_addr, v4(0xcb007102));
	assert_int_equal(f->ext->post_nat_src_port, 50001);
}

/* Huawei NetStream: an index of the sampler in each record, which options explain, 16-bit AS
 * numbers and padding of zeros between and behind the fields. */
static void huawei_sampler(void **state)
{
	const struct flow *f;

	(void)state;
	start_v9(1, 257);
	add_options_template(301, "1:4", "48:1 49:1 50:4");
	set_begin(301);
	put_zeros(4);
	put_uint(5, 1);
	put_uint(2, 1);
	put_uint(4096, 4);
	put_zeros(2);
	finish();
	start_v9(2, 257);
	add_template(1400,
		     "8:4 12:4 15:4 10:4 14:4 2:4 1:4 22:4 21:4 7:2 11:2 16:2 17:2 6:1 4:1 5:1 9:1 "
		     "13:1 61:1 48:1 89:1");
	set_begin(1400);
	put_uint(0x0a000001, 4);
	put_uint(0xc6336402, 4);
	put_zeros(4);
	put_uint(11, 4);
	put_uint(12, 4);
	put_uint(1, 4);
	put_uint(60, 4);
	put_uint(0xffffff00, 4); /* sysUpTime has wrapped since */
	put_uint(UPTIME_MS, 4);
	put_uint(1, 2);
	put_uint(2, 2);
	put_uint(64500, 2);
	put_uint(64501, 2);
	put_uint(0x10, 1);
	put_uint(6, 1);
	put_zeros(1);
	put_uint(24, 1);
	put_uint(16, 1);
	put_uint(1, 1);
	put_uint(5, 1);
	put_uint(0x40, 1);
	put_zeros(3);
	finish();
	f = only_flow();
	assert_int_equal(f->sampling_rate, 4096);
	assert_int_equal(f->src_as, 64500);
	assert_int_equal(f->flow_direction, 2);
	assert_int_equal(f->forwarding_status, 0x40);
	assert_int_equal(f->time_flow_end_ns, EXPORT_S * NS_PER_S);
	assert_int_equal(f->time_flow_start_ns,
			 EXPORT_S * NS_PER_S - (UPTIME_MS + 256) * NS_PER_MS);
}

/* CERT YAF: a biflow whose TCP details are in a list of records by another template. */
static void yaf_biflow_with_list(void **state)
{
	const struct flow *f = &bench.flows[0], *back = &bench.flows[1];

	(void)state;
	start_ipfix(1, 0);
	add_template(49155, "184:4 6871.14:2 29305.184:4");
	add_template(45873,
		     "152:8 153:8 85:8 29305.85:8 86:8 29305.86:8 8:4 12:4 7:2 11:2 4:1 136:1 "
		     "29305.6871:2 6871.21:4 293:v");
	set_begin(45873);
	put_uint(1699999990000u, 8);
	put_uint(1699999991000u, 8);
	put_uint(400, 8);
	put_uint(800, 8);
	put_uint(4, 8);
	put_uint(5, 8);
	put_uint(0x0a000001, 4);
	put_uint(0xc6336402, 4);
	put_uint(50000, 2);
	put_uint(80, 2);
	put_uint(6, 1);
	put_uint(1, 1);
	put_zeros(6);
	put_uint(1 + 4 + 10, 1);
	put_uint(3, 1);
	put_uint(49155, 2);
	put_uint(14, 2);
	put_zeros(10);
	finish();
	assert_int_equal(bench.n, 2);
	assert_int_equal(f->bytes, 400);
	assert_int_equal(f->biflow_direction, 1);
	assert_int_equal(back->bytes, 800);
	assert_int_equal(back->packets, 5);
	assert_int_equal(back->src_port, 80);
	assert_int_equal(back->biflow_direction, 2);
	assert_int_equal(back->time_flow_start_ns, 1699999990000u * NS_PER_MS);
}

/* Palo Alto: names of application and user in strings of fixed length that nothing but their types,
 * beyond IANA's numbers, explains. */
static void palo_alto_strings(void **state)
{
	const struct flow *f;

	(void)state;
	start_v9(1, 1);
	add_template(
		256,
		"1:8 2:8 4:1 5:1 6:1 7:2 8:4 10:4 11:2 12:4 14:4 15:4 21:4 22:4 32:2 61:1 148:4 "
		"233:1 346:4 56701:32 56702:64");
	set_begin(256);
	put_uint(1000, 8);
	put_uint(2, 8);
	put_uint(17, 1);
	put_zeros(2);
	put_uint(5353, 2);
	put_uint(0x0a000001, 4);
	put_uint(1, 4);
	put_uint(53, 2);
	put_uint(0xc6336402, 4);
	put_uint(2, 4);
	put_zeros(4);
	put_uint(UPTIME_MS, 4);
	put_uint(UPTIME_MS - 10, 4);
	put_zeros(3);
	put_uint(9, 4);
	put_uint(2, 1);
	put_uint(25461, 4);
	put_bytes("kerberos\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32);
	put_bytes("corp\\bob", 8);
	put_zeros(64 - 8);
	finish();
	f = only_flow();
	assert_int_equal(f->bytes, 1000);
	assert_int_equal(f->ext->firewall_event, 2);
	assert_int_equal(f->flow_direction, 1);
	assert_text(&f->ext->application_name, "kerberos");
	assert_text(&f->ext->src_user, "corp\\bob");
	assert_int_equal(f->time_flow_start_ns, EXPORT_S * NS_PER_S - 10 * NS_PER_MS);
}

/* VMware: the segment of an overlay with its type in the upper bits. */
static void vmware_segment(void **state)
{
	(void)state;
	start_ipfix(1, 1);
	add_template(261,
		     "8:4 12:4 2:8 1:8 152:8 153:8 7:2 11:2 10:4 14:4 4:1 136:1 6:1 60:1 192:1 5:1 "
		     "210:6 239:1 351:8 6876.888:2");
	set_begin(261);
	put_uint(0x0a000001, 4);
	put_uint(0x0a000002, 4);
	put_uint(7, 8);
	put_uint(700, 8);
	put_uint(1699999990000u, 8);
	put_uint(1699999991000u, 8);
	put_uint(1, 2);
	put_uint(2, 2);
	put_uint(3, 4);
	put_uint(4, 4);
	put_uint(6, 1);
	put_uint(1, 1);
	put_uint(2, 1);
	put_uint(4, 1);
	put_uint(63, 1);
	put_zeros(1 + 6);
	put_uint(1, 1);
	put_uint(0x0100000000001389u, 8);
	put_uint(2, 2);
	finish();
	assert_int_equal(only_ext()->vxlan_vni, 5001);
	assert_int_equal(only_flow()->ip_ttl, 63);
	assert_int_equal(only_flow()->etype, 0x0800);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bench_test(asa_teardown),	  bench_test(iosxe_application_records),
		bench_test(asr_nat_event),	  bench_test(juniper_mpls_ipv4),
		bench_test(mikrotik_translated),  bench_test(huawei_sampler),
		bench_test(yaf_biflow_with_list), bench_test(palo_alto_strings),
		bench_test(vmware_segment),
	};

	return RUN_TESTS(tests);
}
