/* NetFlow v9 and IPFIX messages: headers, sets, records of fixed and variable length, cuts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "decode_build.h"

#define FIVE_TUPLE "8:4 12:4 7:2 11:2 4:1 1:4 2:4"

static void put_five_tuple(uint32_t src, uint32_t bytes)
{
	put_uint(src, 4);
	put_uint(0x0a000002, 4);
	put_uint(1024, 2);
	put_uint(443, 2);
	put_uint(6, 1);
	put_uint(bytes, 4);
	put_uint(7, 4);
}

static void check_five_tuple(const struct flow *f, uint32_t src, uint32_t bytes)
{
	assert_addr(f->src_addr, v4(src));
	assert_addr(f->dst_addr, v4(0x0a000002));
	assert_int_equal(f->src_port, 1024);
	assert_int_equal(f->dst_port, 443);
	assert_int_equal(f->proto, 6);
	assert_int_equal(f->bytes, bytes);
	assert_int_equal(f->packets, 7);
	assert_int_equal(f->etype, 0x0800);
}

static void v9_records_carry_what_the_header_says(void **state)
{
	const struct flow *f;

	(void)state;
	start_v9(4711, 42);
	add_template(256, FIVE_TUPLE);
	set_begin(256);
	put_five_tuple(0x0a000001, 1500);
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	f = only_flow();
	check_five_tuple(f, 0x0a000001, 1500);
	assert_int_equal(f->type, FLOW_NETFLOW_V9);
	assert_int_equal(f->sequence_num, 4711);
	assert_int_equal(f->observation_domain_id, 42);
	assert_addr(f->sampler_address, bench.source);
	assert_int_equal(f->time_received_ns, bench.now_ns);
	assert_int_equal(f->time_flow_start_ns, EXPORT_S * NS_PER_S);
	assert_int_equal(f->time_flow_end_ns, EXPORT_S * NS_PER_S);
	assert_int_equal(counted(ACCOUNT_NETFLOW9), 1);
	assert_int_equal(counted(ACCOUNT_DECODED), 1);
	assert_int_equal(counted(ACCOUNT_RECORDS_DATA), 1);
	assert_int_equal(counted(ACCOUNT_FLOWS), 1);
	assert_int_equal(counted(ACCOUNT_TEMPLATES_LEARNT), 1);
}

static void ipfix_records_carry_what_the_header_says(void **state)
{
	(void)state;
	start_ipfix(99, 0xfffffffe);
	add_template(256, FIVE_TUPLE);
	set_begin(256);
	put_five_tuple(0x0a000001, 1500);
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	check_five_tuple(only_flow(), 0x0a000001, 1500);
	assert_int_equal(only_flow()->type, FLOW_IPFIX);
	assert_int_equal(only_flow()->sequence_num, 99);
	assert_int_equal(only_flow()->observation_domain_id, 0xfffffffe);
	assert_int_equal(counted(ACCOUNT_IPFIX), 1);
}

static void an_export_time_of_zero_gives_the_arrival(void **state)
{
	(void)state;
	start_ipfix(0, 0);
	memset(msg + 4, 0, 4);
	add_template(256, FIVE_TUPLE);
	set_begin(256);
	put_five_tuple(0x0a000001, 1);
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	assert_int_equal(only_flow()->time_flow_start_ns, bench.now_ns);
	assert_int_equal(only_flow()->time_flow_end_ns, bench.now_ns);
}

static void many_records_through_a_small_batch(void **state)
{
	(void)state;
	bench_open(3);
	start_ipfix(0, 1);
	add_template(256, FIVE_TUPLE);
	set_begin(256);
	for (uint32_t i = 0; i < 100; i++)
		put_five_tuple(i, i);
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	assert_int_equal(bench.n, 100);
	for (uint32_t i = 0; i < 100; i++)
		check_five_tuple(&bench.flows[i], i, i);
	assert_int_equal(counted(ACCOUNT_RECORDS_DATA), 100);
}

static void several_sets_of_several_templates(void **state)
{
	(void)state;
	start_v9(1, 1);
	set_begin(0);
	put_template(256, FIVE_TUPLE);
	put_template(300, "27:16 28:16 1:8");
	set_end();
	set_begin(300);
	put_v6(1);
	put_v6(2);
	put_uint(1ull << 40, 8);
	set_end();
	set_begin(256);
	put_five_tuple(0x0a000001, 5);
	put_zeros(3);
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	assert_int_equal(bench.n, 2);
	assert_addr(bench.flows[0].src_addr, v6(1));
	assert_addr(bench.flows[0].dst_addr, v6(2));
	assert_int_equal(bench.flows[0].bytes, 1ull << 40);
	assert_int_equal(bench.flows[0].etype, 0x86dd);
	check_five_tuple(&bench.flows[1], 0x0a000001, 5);
}

static void padding_shorter_than_a_record_is_not_one(void **state)
{
	(void)state;
	start_ipfix(0, 1);
	add_template(256, FIVE_TUPLE);
	set_begin(256);
	put_five_tuple(0x0a000001, 5);
	for (int i = 0; i < 20; i++) /* a record has 21 bytes; padding may be anything */
		put_uint(0xff, 1);
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	only_flow();
}

static void variable_length_in_both_forms(void **state)
{
	char name[300];

	(void)state;
	memset(name, 'x', sizeof(name));
	start_ipfix(0, 1);
	add_template(256, "8:4 371:v 1:4 82:v");
	set_begin(256);
	put_uint(0x0a000001, 4);
	put_variable("alice", 5, false);
	put_uint(100, 4);
	put_variable("eth0\0\0", 6, true); /* padded with NULs */
	put_uint(0x0a000002, 4);
	put_variable(name, sizeof(name), true);
	put_uint(200, 4);
	put_variable("", 0, false);
	put_zeros(3);
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	assert_int_equal(bench.n, 2);
	assert_int_equal(bench.flows[0].bytes, 100);
	assert_text(&bench.flows[0].ext->src_user, "alice");
	assert_text(&bench.flows[0].ext->in_if_name, "eth0");
	assert_int_equal(bench.flows[1].bytes, 200);
	assert_int_equal(bench.flows[1].ext->src_user.len, sizeof(name));
	assert_memory_equal(bench.flows[1].ext->src_user.p, name, sizeof(name));
	assert_null(bench.flows[1].ext->in_if_name.p);
}

/* RFC 7011 section 7 allows any element to be sent with a variable length. */
static void numbers_and_addresses_of_variable_length(void **state)
{
	const uint8_t src[] = {10, 0, 0, 1}, bytes[] = {1, 2, 3};

	(void)state;
	start_ipfix(0, 1);
	add_template(256, "8:v 27:v 1:v 4:v");
	set_begin(256);
	put_variable(src, 4, false);
	put_variable("", 0, false);
	put_variable(bytes, 3, true);
	put_variable("123456789", 9, false); /* no number has nine bytes */
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	assert_addr(only_flow()->src_addr, v4(0x0a000001));
	assert_int_equal(only_flow()->bytes, 0x010203);
	assert_int_equal(only_flow()->proto, 0);
	assert_int_equal(only_flow()->etype, 0x0800);
}

static void a_variable_length_beyond_the_set_ends_it(void **state)
{
	(void)state;
	start_ipfix(0, 1);
	add_template(256, "8:4 371:v");
	set_begin(256);
	put_uint(0x0a000001, 4);
	put_variable("bob", 3, false);
	put_uint(0x0a000002, 4);
	put_uint(200, 1);
	put_bytes("short", 5);
	set_end();
	set_begin(256); /* what follows is read */
	put_uint(0x0a000003, 4);
	put_variable("carol", 5, false);
	set_end();
	assert_int_equal(send_message(), DECODE_BAD_RECORD);
	assert_int_equal(bench.n, 2);
	assert_addr(bench.flows[1].src_addr, v4(0x0a000003));
	assert_int_equal(counted(ACCOUNT_SETS_MALFORMED), 1);
	assert_int_equal(counted(ACCOUNT_DECODED_PARTLY), 1);
	assert_int_equal(counted(ACCOUNT_RECORDS_DATA), 2);
}

static void fields_of_length_zero_fill_nothing(void **state)
{
	(void)state;
	start_ipfix(0, 1);
	add_template(256, "1:0 8:4 85:4 7:0");
	set_begin(256);
	put_uint(0x0a000001, 4);
	put_uint(77, 4);
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	assert_addr(only_flow()->src_addr, v4(0x0a000001));
	assert_int_equal(only_flow()->bytes, 77);
	assert_int_equal(only_flow()->src_port, 0);
}

static void a_set_longer_than_the_message_is_read_to_its_end(void **state)
{
	(void)state;
	start_v9(1, 1);
	add_template(256, FIVE_TUPLE);
	set_begin(256);
	put_five_tuple(0x0a000001, 5);
	put_five_tuple(0x0a000002, 6);
	set_end();
	patch16(set_at + 2, 5000);
	assert_int_equal(send_message(), DECODE_BAD_SET_LENGTH);
	assert_int_equal(bench.n, 2);
	assert_int_equal(counted(ACCOUNT_DECODED_PARTLY), 1);
	assert_int_equal(counted(ACCOUNT_SETS_MALFORMED), 1);
}

static void a_set_length_under_four_ends_the_message(void **state)
{
	(void)state;
	for (uint32_t length = 0; length < 4; length++) {
		bench_open(BATCH_ROWS);
		start_ipfix(0, 1);
		add_template(256, FIVE_TUPLE);
		set_begin(256);
		put_five_tuple(0x0a000001, 5);
		set_end();
		set_begin(256);
		put_five_tuple(0x0a000001, 5);
		patch16(set_at + 2, length);
		assert_int_equal(send_message(), DECODE_BAD_SET_LENGTH);
		only_flow();
	}
}

static void reserved_set_ids_are_stepped_over(void **state)
{
	static const uint16_t ids_v9[] = {2, 3, 4, 255}, ids_ipfix[] = {0, 1, 4, 255};

	(void)state;
	for (int v9 = 0; v9 < 2; v9++)
		for (int i = 0; i < 4; i++) {
			bench_open(BATCH_ROWS);
			if (v9)
				start_v9(1, 1);
			else
				start_ipfix(1, 1);
			add_template(256, FIVE_TUPLE);
			set_begin(v9 ? ids_v9[i] : ids_ipfix[i]);
			put_template(256, "8:4");
			set_end();
			set_begin(256);
			put_five_tuple(0x0a000001, 5);
			set_end();
			assert_int_equal(send_message(), DECODE_BAD_SET_ID);
			check_five_tuple(only_flow(), 0x0a000001, 5);
			assert_int_equal(counted(ACCOUNT_SETS_MALFORMED), 1);
		}
}

static void bytes_beyond_the_ipfix_length_are_ignored(void **state)
{
	(void)state;
	start_ipfix(0, 1);
	add_template(256, FIVE_TUPLE);
	set_begin(256);
	put_five_tuple(0x0a000001, 5);
	set_end();
	patch16(2, msg_len);
	set_begin(256);
	put_five_tuple(0x0a000001, 5);
	set_end();
	assert_int_equal(send_bytes(msg, msg_len), DECODE_OK);
	only_flow();
}

static void an_ipfix_length_beyond_the_datagram_is_said_but_read(void **state)
{
	(void)state;
	start_ipfix(0, 1);
	add_template(256, FIVE_TUPLE);
	set_begin(256);
	put_five_tuple(0x0a000001, 5);
	set_end();
	patch16(2, msg_len + 1);
	assert_int_equal(send_bytes(msg, msg_len), DECODE_BAD_LENGTH);
	only_flow();
	patch16(2, 15);
	assert_int_equal(send_bytes(msg, msg_len), DECODE_BAD_LENGTH);
	assert_int_equal(bench.n, 0);
	assert_int_equal(counted(ACCOUNT_DECODED_PARTLY), 1);
	assert_int_equal(counted(ACCOUNT_MALFORMED), 1);
}

/* v9 and IPFIX ids, enterprise numbers of IPFIX only. */
static void the_enterprise_bit_means_nothing_in_v9(void **state)
{
	(void)state;
	start_v9(1, 1);
	set_begin(0);
	put_uint(256, 2);
	put_uint(3, 2);
	put_fields("8:4", true);
	put_uint(33002, 2); /* Cisco's extended firewall event */
	put_uint(2, 2);
	put_fields("1:4", true);
	set_end();
	set_begin(256);
	put_uint(0x0a000001, 4);
	put_uint(1002, 2);
	put_uint(50, 4);
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	assert_int_equal(only_ext()->firewall_ext_event, 1002);
	assert_int_equal(only_flow()->bytes, 50);
}

static void enterprise_elements_do_not_pass_for_ianas(void **state)
{
	(void)state;
	start_ipfix(0, 1);
	add_template(256, "9.8:4 8:4 9.1:8 2:4 9.82:v");
	set_begin(256);
	put_uint(0x01020304, 4);
	put_uint(0x0a000001, 4);
	put_uint(9999, 8);
	put_uint(3, 4);
	put_variable("x", 1, false);
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	assert_addr(only_flow()->src_addr, v4(0x0a000001));
	assert_int_equal(only_flow()->bytes, 0);
	assert_int_equal(only_flow()->packets, 3);
	assert_null(only_flow()->ext);
}

/* Every prefix of a message: no step beyond its end (sanitizers look), and one account each. */
static void every_cut_of_a_message_is_accounted_for(void **state)
{
	uint32_t whole;

	(void)state;
	for (int v9 = 0; v9 < 2; v9++) {
		if (v9)
			start_v9(1, 1);
		else
			start_ipfix(1, 1);
		add_options_template(257, v9 ? "1:4" : "149:4", "34:4 82:10");
		if (v9)
			add_template(256, FIVE_TUPLE " 313:30 70:3 71:3");
		else
			add_template(256, FIVE_TUPLE " 371:v 315:v 291:v 29305.1:4 9.9:v");
		set_begin(257);
		put_uint(1, 4);
		put_uint(100, 4);
		put_bytes("ge-0/0/0\0", 10);
		set_end();
		set_begin(256);
		for (int i = 0; i < 2; i++) {
			put_five_tuple(0x0a000001, 5);
			if (v9) {
				put_zeros(36);
				continue;
			}
			put_variable("user", 4, true);
			put_variable("abcdefghijklmnopqrst", 20, false);
			put_variable("\xff\0\x08\0\4abcd", 9, false);
			put_uint(1, 4);
			put_variable("123", 3, false);
		}
		set_end();
		if (!v9)
			patch16(2, msg_len);
		whole = msg_len;
		bench_open(BATCH_ROWS);
		assert_int_equal(send_bytes(msg, whole), DECODE_OK);
		assert_int_equal(bench.n, v9 ? 2 : 4);
		for (uint32_t len = 0; len < whole; len++) {
			enum decode_status status;
			uint64_t sum = 0;

			bench_open(BATCH_ROWS);
			status = send_bytes(msg, len);
			for (int i = ACCOUNT_DECODED; i <= ACCOUNT_EXPORTER_LIMIT; i++)
				sum += counted((enum account_id)i);
			assert_int_equal(sum, 1);
			assert_int_equal(counted(ACCOUNT_FLOWS), bench.n);
			assert_true(bench.n <= (v9 ? 1 : 2));
			if (!v9)
				assert_int_not_equal(status, DECODE_OK);
		}
	}
}

static void other_versions_are_counted_as_such(void **state)
{
	static const uint8_t versions[][4] = {{0, 1, 0, 1}, {0, 6, 0, 0}, {0, 7, 0, 0},
					      {0, 8, 0, 0}, {0, 0, 0, 4}, {0, 11, 0, 0}};

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(send_bytes(versions[i], 4), DECODE_UNKNOWN_VERSION);
	assert_int_equal(counted(ACCOUNT_UNKNOWN_VERSION), 6);
}

static void every_status_has_its_text(void **state)
{
	(void)state;
	for (unsigned i = 0; i < DECODE_STATUS_MAX; i++) {
		assert_non_null(decode_reason((enum decode_status)i));
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(decode_reason((enum decode_status)i),
						decode_reason((enum decode_status)k));
	}
	assert_string_equal(decode_reason(DECODE_STATUS_MAX), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bench_test(v9_records_carry_what_the_header_says),
		bench_test(ipfix_records_carry_what_the_header_says),
		bench_test(an_export_time_of_zero_gives_the_arrival),
		bench_test(many_records_through_a_small_batch),
		bench_test(several_sets_of_several_templates),
		bench_test(padding_shorter_than_a_record_is_not_one),
		bench_test(variable_length_in_both_forms),
		bench_test(numbers_and_addresses_of_variable_length),
		bench_test(a_variable_length_beyond_the_set_ends_it),
		bench_test(fields_of_length_zero_fill_nothing),
		bench_test(a_set_longer_than_the_message_is_read_to_its_end),
		bench_test(a_set_length_under_four_ends_the_message),
		bench_test(reserved_set_ids_are_stepped_over),
		bench_test(bytes_beyond_the_ipfix_length_are_ignored),
		bench_test(an_ipfix_length_beyond_the_datagram_is_said_but_read),
		bench_test(the_enterprise_bit_means_nothing_in_v9),
		bench_test(enterprise_elements_do_not_pass_for_ianas),
		bench_test(every_cut_of_a_message_is_accounted_for),
		bench_test(other_versions_are_counted_as_such),
		bench_test(every_status_has_its_text),
	};

	return RUN_TESTS(tests);
}
