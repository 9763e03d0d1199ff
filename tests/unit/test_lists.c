/* What one record holds beside plain fields: lists in it (RFC 6313), and the way back (RFC 5103).
 * SPDX-License-Identifier: Apache-2.0 */
#include "decode_build.h"

static void start_data(const char *spec)
{
	start_ipfix(0, 1);
	add_template(256, spec);
	set_begin(256);
}

static void finish(void)
{
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
}

/* A variable-length field whose content is being put: the three-byte length is filled in later. */
static uint32_t list_begin(void)
{
	put_uint(255, 1);
	put_uint(0, 2);
	return msg_len;
}

static void list_end(uint32_t at)
{
	patch16(at - 2, msg_len - at);
}

static void put_basic_list(uint16_t id, uint16_t length)
{
	put_uint(3, 1); /* allOf */
	put_uint(id, 2);
	put_uint(length, 2);
}

/* Biflows. */

static void reverse_elements_make_a_second_flow(void **state)
{
	const struct flow *f = bench.flows;

	(void)state;
	start_data("8:4 12:4 7:2 11:2 4:1 10:4 14:4 16:4 17:4 9:1 13:1 58:2 59:2 56:6 80:6 1:8 2:8 "
		   "6:1 5:1 152:8 153:8 29305.1:8 29305.2:8 29305.6:1 29305.5:1 29305.152:8 "
		   "15:4 234:4 235:4");
	for (int i = 0; i < 2; i++) {
		put_uint(0x0a000001, 4);
		put_uint(0x0a000002, 4);
		put_uint(1024, 2);
		put_uint(443, 2);
		put_uint(6, 1);
		put_uint(11, 4);
		put_uint(12, 4);
		put_uint(64496, 4);
		put_uint(64497, 4);
		put_uint(24, 1);
		put_uint(25, 1);
		put_uint(100, 2);
		put_uint(200, 2);
		put_uint(1, 6);
		put_uint(2, 6);
		put_uint(1000 + (uint64_t)i, 8);
		put_uint(10, 8);
		put_uint(0x02, 1);
		put_uint(0xb8, 1);
		put_uint(1600000000000, 8);
		put_uint(1600000009000, 8);
		put_uint(5000 + (uint64_t)i, 8);
		put_uint(50, 8);
		put_uint(0x12, 1);
		put_uint(0x20, 1);
		put_uint(1600000000500, 8);
		put_uint(0x0a0000fe, 4);
		put_uint(71, 4);
		put_uint(72, 4);
	}
	finish();
	assert_int_equal(bench.n, 4); /* forward of both, then the way back of both */
	assert_int_equal(counted(ACCOUNT_RECORDS_DATA), 2);
	assert_int_equal(counted(ACCOUNT_FLOWS), 4);
	assert_int_equal(f[0].biflow_direction, 1);
	assert_int_equal(f[0].bytes, 1000);
	assert_int_equal(f[1].bytes, 1001);
	assert_int_equal(f[0].packets, 10);
	assert_int_equal(f[0].tcp_flags, 0x02);
	assert_int_equal(f[0].time_flow_start_ns, 1600000000000000000);
	assert_addr(f[0].next_hop, v4(0x0a0000fe));

	assert_int_equal(f[2].biflow_direction, 2);
	assert_int_equal(f[2].bytes, 5000);
	assert_int_equal(f[3].bytes, 5001);
	assert_int_equal(f[2].packets, 50);
	assert_int_equal(f[2].tcp_flags, 0x12);
	assert_int_equal(f[2].ip_tos, 0x20);
	assert_addr(f[2].src_addr, v4(0x0a000002));
	assert_addr(f[2].dst_addr, v4(0x0a000001));
	assert_int_equal(f[2].src_port, 443);
	assert_int_equal(f[2].dst_port, 1024);
	assert_int_equal(f[2].proto, 6);
	assert_int_equal(f[2].etype, 0x0800);
	assert_int_equal(f[2].in_if, 12);
	assert_int_equal(f[2].out_if, 11);
	assert_int_equal(f[2].src_as, 64497);
	assert_int_equal(f[2].dst_as, 64496);
	assert_int_equal(f[2].src_net, 25);
	assert_int_equal(f[2].dst_net, 24);
	assert_int_equal(f[2].src_vlan, 200);
	assert_int_equal(f[2].dst_vlan, 100);
	assert_int_equal(f[2].src_mac, 2);
	assert_int_equal(f[2].dst_mac, 1);
	assert_int_equal(f[2].time_flow_start_ns, 1600000000500000000);
	assert_int_equal(f[2].time_flow_end_ns, 1600000009000000000);
	assert_true(ip_is_unset(&f[2].next_hop)); /* it was the other direction's */
	assert_int_equal(f[2].ext->ingress_vrf_id, 72);
	assert_int_equal(f[2].ext->egress_vrf_id, 71);
	assert_int_equal(f[0].ext->ingress_vrf_id, 71); /* not changed by the copy */
}

static void initiator_and_responder_make_two_flows(void **state)
{
	(void)state;
	start_data("8:4 12:4 231:4 232:4 298:4 299:4");
	put_uint(0x0a000001, 4);
	put_uint(0x0a000002, 4);
	put_uint(100, 4);
	put_uint(900, 4);
	put_uint(1, 4);
	put_uint(9, 4);
	finish();
	assert_int_equal(bench.n, 2);
	assert_int_equal(bench.flows[0].bytes, 100);
	assert_int_equal(bench.flows[0].packets, 1);
	assert_int_equal(bench.flows[0].biflow_direction, 1);
	assert_int_equal(bench.flows[1].bytes, 900);
	assert_int_equal(bench.flows[1].packets, 9);
	assert_int_equal(bench.flows[1].biflow_direction, 2);
	assert_addr(bench.flows[1].src_addr, v4(0x0a000002));
	assert_null(bench.flows[1].ext);
}

static void a_responder_without_initiator_is_no_biflow(void **state)
{
	(void)state;
	start_data("8:4 1:4 232:4 299:4");
	put_uint(0x0a000001, 4);
	put_uint(100, 4);
	put_uint(900, 4);
	put_uint(9, 4);
	finish();
	assert_int_equal(only_flow()->bytes, 100);
	assert_int_equal(only_flow()->biflow_direction, 0);
}

/* IE 239 (RFC 5103 section 6.3): 1 initiator, 2 reverse initiator, 3 perimeter. */
static void the_record_may_tell_whose_direction_it_is(void **state)
{
	static const struct {
		uint8_t told, forward, back;
	} cases[] = {{0, 1, 2}, {1, 1, 2}, {2, 2, 1}, {3, 3, 3}};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		start_data("1:4 29305.1:4 239:1");
		put_uint(10, 4);
		put_uint(20, 4);
		put_uint(cases[i].told, 1);
		finish();
		assert_int_equal(bench.n, 2);
		assert_int_equal(bench.flows[0].biflow_direction, cases[i].forward);
		assert_int_equal(bench.flows[1].biflow_direction, cases[i].back);
		start_data("1:4 239:1"); /* of one way only */
		put_uint(10, 4);
		put_uint(cases[i].told, 1);
		finish();
		assert_int_equal(only_flow()->biflow_direction, cases[i].told);
	}
}

static void reverse_elements_without_counters_are_no_biflow(void **state)
{
	(void)state;
	start_data("8:4 1:4 29305.6:1 29305.152:8");
	put_uint(0x0a000001, 4);
	put_uint(100, 4);
	put_uint(0x12, 1);
	put_uint(1, 8);
	finish();
	assert_int_equal(only_flow()->tcp_flags, 0);
	assert_int_equal(only_flow()->time_flow_start_ns, EXPORT_S * NS_PER_S);
}

static void biflows_of_variable_length_through_a_tiny_batch(void **state)
{
	(void)state;
	bench_open(3);
	start_data("8:4 1:4 371:v 29305.1:4");
	for (uint32_t i = 0; i < 5; i++) {
		put_uint(i, 4);
		put_uint(i, 4);
		put_variable("u", 1, false);
		put_uint(100 + i, 4);
	}
	finish();
	assert_int_equal(bench.n, 10);
	for (uint32_t i = 0; i < 5; i++) {
		assert_addr(bench.flows[2 * i].src_addr, v4(i));
		assert_addr(bench.flows[2 * i + 1].dst_addr, v4(i));
		assert_int_equal(bench.flows[2 * i + 1].bytes, 100 + i);
		assert_text(&bench.flows[2 * i].ext->src_user, "u");
		assert_text(&bench.flows[2 * i + 1].ext->dst_user, "u");
	}
}

/* Lists. */

static void basic_lists_fill_what_is_empty(void **state)
{
	uint32_t at;

	(void)state;
	start_data("8:4 7:2 291:v 291:v 291:v");
	put_uint(0x0a000001, 4);
	put_uint(1024, 2);
	at = list_begin();
	put_basic_list(7, 2);
	put_uint(9999, 2); /* the port is there already */
	list_end(at);
	at = list_begin();
	put_basic_list(11, 2);
	put_uint(443, 2);
	put_uint(444, 2); /* the first one fills it */
	list_end(at);
	at = list_begin();
	put_basic_list(371, 65535);
	put_variable("", 0, false);
	put_variable("dave", 4, true);
	list_end(at);
	finish();
	assert_int_equal(only_flow()->src_port, 1024);
	assert_int_equal(only_flow()->dst_port, 443);
	assert_text(&only_ext()->src_user, "dave");
}

static void communities_are_gathered(void **state)
{
	uint32_t at;

	(void)state;
	start_data("484:v 487:v 490:v");
	at = list_begin();
	put_basic_list(483, 4);
	for (uint32_t i = 0; i < FLOW_COMMUNITIES_MAX + 5; i++)
		put_uint(64496u << 16 | i, 4);
	list_end(at);
	at = list_begin();
	put_basic_list(486, 8);
	for (uint32_t i = 0; i < FLOW_EXT_COMMUNITIES_MAX + 5; i++)
		put_uint(0x0002fbf000000000u | i, 8);
	list_end(at);
	at = list_begin();
	put_basic_list(489, 12);
	for (uint32_t i = 0; i < FLOW_LARGE_COMMUNITIES_MAX + 5; i++) {
		put_uint(4200000000, 4);
		put_uint(i, 8);
	}
	list_end(at);
	finish();
	assert_int_equal(only_ext()->n_communities, FLOW_COMMUNITIES_MAX);
	assert_int_equal(only_ext()->communities[63], 64496u << 16 | 63);
	assert_int_equal(only_ext()->n_ext_communities, FLOW_EXT_COMMUNITIES_MAX);
	assert_int_equal(only_ext()->ext_communities[15], 0x0002fbf00000000fu);
	assert_int_equal(only_ext()->n_large_communities, FLOW_LARGE_COMMUNITIES_MAX);
	assert_int_equal(only_ext()->large_communities[3 * 15], 4200000000);
	assert_int_equal(only_ext()->large_communities[3 * 15 + 2], 15);
}

static void segments_of_srv6(void **state)
{
	uint32_t at;

	(void)state;
	start_data("496:v 498:1 497:32");
	at = list_begin();
	put_basic_list(494, 16);
	put_v6(1);
	put_v6(2);
	list_end(at);
	put_uint(1, 1);
	put_v6(3);
	put_v6(4);
	finish();
	assert_int_equal(only_ext()->n_segments, 4);
	for (uint8_t i = 0; i < 4; i++)
		assert_addr(only_ext()->segments[i], v6((uint8_t)(i + 1)));
	assert_int_equal(only_ext()->segments_left, 1);
}

static void sub_template_lists_by_templates_of_the_domain(void **state)
{
	uint32_t at;

	(void)state;
	start_ipfix(0, 1);
	set_begin(2);
	put_template(300, "7:2 11:2 371:v");
	put_template(301, "4:1");
	put_template(256, "8:4 292:v 293:v");
	set_end();
	set_begin(256);
	put_uint(0x0a000001, 4);
	at = list_begin();
	put_uint(4, 1);
	put_uint(300, 2);
	put_uint(1024, 2);
	put_uint(443, 2);
	put_variable("erin", 4, false);
	list_end(at);
	at = list_begin();
	put_uint(4, 1);
	put_uint(999, 2); /* nobody knows it */
	put_uint(8, 2);
	put_uint(0xffffffff, 4);
	put_uint(301, 2);
	put_uint(5, 2);
	put_uint(17, 1);
	list_end(at);
	finish();
	assert_int_equal(only_flow()->src_port, 1024);
	assert_int_equal(only_flow()->dst_port, 443);
	assert_text(&only_ext()->src_user, "erin");
	assert_int_equal(only_flow()->proto, 17);
}

static void addresses_and_times_inside_lists(void **state)
{
	uint32_t at;

	(void)state;
	start_ipfix(0, 1);
	set_begin(2);
	put_template(300, "27:16 28:16 152:8 153:8");
	put_template(256, "1:4 292:v");
	set_end();
	set_begin(256);
	put_uint(55, 4);
	at = list_begin();
	put_uint(4, 1);
	put_uint(300, 2);
	put_v6(1);
	put_v6(2);
	put_uint(1600000000000, 8);
	put_uint(1600000001000, 8);
	list_end(at);
	finish();
	assert_addr(only_flow()->src_addr, v6(1));
	assert_int_equal(only_flow()->etype, 0x86dd);
	assert_int_equal(only_flow()->time_flow_start_ns, 1600000000000000000);
	assert_int_equal(only_flow()->time_flow_end_ns, 1600000001000000000);
}

/* basicLists, each the only value of the one around it; the innermost has a port. */
static void put_nested(unsigned depth)
{
	if (depth == 1) {
		put_basic_list(11, 2);
		put_uint(443, 2);
		return;
	}
	put_basic_list(291, (uint16_t)(5 * (depth - 1) + 2));
	put_nested(depth - 1);
}

static void lists_nest_up_to_the_limit(void **state)
{
	(void)state;
	for (unsigned limit = 0; limit < 5; limit++)
		for (unsigned depth = 1; depth < 7; depth++) {
			uint32_t at;

			bench.options.max_nesting = limit;
			bench_open(BATCH_ROWS);
			start_data("8:4 291:v");
			put_uint(0x0a000001, 4);
			at = list_begin();
			put_nested(depth);
			list_end(at);
			finish();
			assert_int_equal(only_flow()->dst_port, depth <= limit ? 443 : 0);
			assert_int_equal(counted(ACCOUNT_LISTS_TOO_DEEP), depth > limit);
		}
}

/* A list that does not hold together fills what came before its fault; the record stays. */
static void records_in_lists_of_as_many_fields_as_a_template_may_have(void **state)
{
	char spec[600 * 8] = "";

	(void)state;
	bench.options.max_fields = 600;
	bench_open(BATCH_ROWS);
	for (unsigned n = 511; n <= 512; n++) {
		spec[0] = 0;
		for (unsigned i = 0; i < n; i++)
			strcat(spec, "210:1 ");
		strcat(spec, "7:2");
		start_ipfix(0, 1);
		add_template(257, spec);
		add_template(256, "1:4 292:v");
		set_begin(256);
		put_uint(1, 4);
		put_uint(255, 1);
		put_uint(3 + n + 2, 2);
		put_uint(3, 1);
		put_uint(257, 2);
		put_zeros(n);
		put_uint(443, 2);
		finish();
		assert_int_equal(only_flow()->src_port, n < 512 ? 443 : 0);
		assert_int_equal(counted(ACCOUNT_LIST_VALUES_LEFT_OUT), n < 512 ? 0 : 1);
	}
}

static void broken_lists_do_not_break_the_record(void **state)
{
	static const uint8_t list[] = {3, 0, 11, 0xff, 0xff, 2, 1, 187, 255, 0, 200, 1};
	static const uint8_t multi[] = {3, 1, 44, 0, 3, 0, 0};
	uint32_t at;

	(void)state;
	for (uint32_t len = 0; len <= sizeof(list); len++) {
		bench_open(BATCH_ROWS);
		start_data("8:4 291:v 292:v 293:v 1:4");
		put_uint(0x0a000001, 4);
		put_variable(list, len, false);
		put_variable(list, len < 3 ? len : 2, false);
		put_variable(multi, len % 8, false);
		put_uint(77, 4);
		finish();
		assert_addr(only_flow()->src_addr, v4(0x0a000001));
		assert_int_equal(only_flow()->bytes, 77);
		assert_int_equal(only_flow()->dst_port, len >= 8 ? 443 : 0);
	}
	start_data("8:4 291:v 1:4"); /* values of no length, of an enterprise */
	put_uint(0x0a000001, 4);
	at = list_begin();
	put_uint(3, 1);
	put_uint(0x8000 | 11, 2);
	put_uint(0, 2);
	put_uint(9, 4);
	put_uint(0, 4);
	list_end(at);
	put_uint(77, 4);
	finish();
	assert_int_equal(only_flow()->bytes, 77);
}

static void enterprise_values_in_lists_fill_nothing(void **state)
{
	uint32_t at;

	(void)state;
	start_data("8:4 291:v");
	put_uint(0x0a000001, 4);
	at = list_begin();
	put_uint(3, 1);
	put_uint(0x8000 | 11, 2);
	put_uint(2, 2);
	put_uint(9, 4);
	put_uint(443, 2);
	list_end(at);
	finish();
	assert_int_equal(only_flow()->dst_port, 0);
}

static void lists_in_records_of_fixed_length(void **state)
{
	(void)state;
	start_data("8:4 291:9 1:4");
	put_uint(0x0a000001, 4);
	put_basic_list(11, 2);
	put_uint(443, 2);
	put_uint(80, 2);
	put_uint(77, 4);
	finish();
	assert_int_equal(only_flow()->dst_port, 443);
	assert_int_equal(only_flow()->bytes, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bench_test(reverse_elements_make_a_second_flow),
		bench_test(initiator_and_responder_make_two_flows),
		bench_test(a_responder_without_initiator_is_no_biflow),
		bench_test(the_record_may_tell_whose_direction_it_is),
		bench_test(reverse_elements_without_counters_are_no_biflow),
		bench_test(biflows_of_variable_length_through_a_tiny_batch),
		bench_test(basic_lists_fill_what_is_empty),
		bench_test(communities_are_gathered),
		bench_test(segments_of_srv6),
		bench_test(sub_template_lists_by_templates_of_the_domain),
		bench_test(addresses_and_times_inside_lists),
		bench_test(lists_nest_up_to_the_limit),
		bench_test(records_in_lists_of_as_many_fields_as_a_template_may_have),
		bench_test(broken_lists_do_not_break_the_record),
		bench_test(enterprise_values_in_lists_fill_nothing),
		bench_test(lists_in_records_of_fixed_length),
	};

	return RUN_TESTS(tests);
}
