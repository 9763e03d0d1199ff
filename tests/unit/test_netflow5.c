/* NetFlow v5: header, records, times, what is cut or wrong.
 * SPDX-License-Identifier: Apache-2.0 */
#include "decode_build.h"

static void start_v5(uint32_t count, uint32_t uptime_ms, uint32_t sampling)
{
	msg_len = 0;
	put_uint(5, 2);
	put_uint(count, 2);
	put_uint(uptime_ms, 4);
	put_uint(EXPORT_S, 4);
	put_uint(123456789, 4);
	put_uint(1000, 4); /* flow sequence */
	put_uint(0x0102, 2);
	put_uint(sampling, 2);
}

static void put_record(uint32_t first_ms, uint32_t last_ms, uint8_t proto, uint16_t dst_port)
{
	put_uint(0x0a000001, 4);
	put_uint(0x0a000002, 4);
	put_uint(0x0a0000fe, 4);
	put_uint(11, 2);
	put_uint(12, 2);
	put_uint(0xfffffffe, 4); /* packets */
	put_uint(0xffffffff, 4); /* octets */
	put_uint(first_ms, 4);
	put_uint(last_ms, 4);
	put_uint(1024, 2);
	put_uint(dst_port, 2);
	put_uint(0xee, 1);
	put_uint(0x1b, 1);
	put_uint(proto, 1);
	put_uint(0xb8, 1);
	put_uint(64496, 2);
	put_uint(64511, 2);
	put_uint(24, 1);
	put_uint(17, 1);
	put_uint(0xeeee, 2);
}

static void every_field_of_a_record(void **state)
{
	const uint64_t export_ns = EXPORT_S * NS_PER_S + 123456789;
	const struct flow *f;

	(void)state;
	start_v5(1, UPTIME_MS, 0);
	put_record(UPTIME_MS - 3000, UPTIME_MS - 1, 6, 443);
	assert_int_equal(send_message(), DECODE_OK);
	f = only_flow();
	assert_int_equal(f->type, FLOW_NETFLOW_V5);
	assert_addr(f->src_addr, v4(0x0a000001));
	assert_addr(f->dst_addr, v4(0x0a000002));
	assert_addr(f->next_hop, v4(0x0a0000fe));
	assert_addr(f->sampler_address, bench.source);
	assert_int_equal(f->in_if, 11);
	assert_int_equal(f->out_if, 12);
	assert_int_equal(f->packets, 0xfffffffe);
	assert_int_equal(f->bytes, 0xffffffff);
	assert_int_equal(f->time_flow_start_ns, export_ns - 3000000000);
	assert_int_equal(f->time_flow_end_ns, export_ns - 1000000);
	assert_int_equal(f->time_received_ns, bench.now_ns);
	assert_int_equal(f->src_port, 1024);
	assert_int_equal(f->dst_port, 443);
	assert_int_equal(f->tcp_flags, 0x1b);
	assert_int_equal(f->proto, 6);
	assert_int_equal(f->ip_tos, 0xb8);
	assert_int_equal(f->src_as, 64496);
	assert_int_equal(f->dst_as, 64511);
	assert_int_equal(f->src_net, 24);
	assert_int_equal(f->dst_net, 17);
	assert_int_equal(f->etype, 0x0800);
	assert_int_equal(f->sequence_num, 1000);
	assert_int_equal(f->icmp_type, 0);
	assert_int_equal(f->sampling_rate, 1);
	assert_int_equal(f->sampling_origin, SAMPLING_ASSUMED);
	assert_int_equal(counted(ACCOUNT_NETFLOW5), 1);
	assert_int_equal(counted(ACCOUNT_DECODED), 1);
	assert_int_equal(counted(ACCOUNT_RECORDS_DATA), 1);
	assert_int_equal(counted(ACCOUNT_FLOWS), 1);
}

static void icmp_type_and_code_come_from_the_port(void **state)
{
	(void)state;
	start_v5(1, UPTIME_MS, 0);
	put_record(1, 2, 1, 3 << 8 | 13);
	assert_int_equal(send_message(), DECODE_OK);
	assert_int_equal(only_flow()->icmp_type, 3);
	assert_int_equal(only_flow()->icmp_code, 13);
}

static void uptime_may_wrap_between_flow_and_export(void **state)
{
	const uint64_t export_ns = EXPORT_S * NS_PER_S + 123456789;

	(void)state;
	start_v5(1, 1000, 0); /* wrapped a second ago */
	put_record(0xffffffff - 999, 500, 6, 443);
	assert_int_equal(send_message(), DECODE_OK);
	assert_int_equal(only_flow()->time_flow_start_ns, export_ns - 2000 * 1000000ull);
	assert_int_equal(only_flow()->time_flow_end_ns, export_ns - 500 * 1000000ull);
}

static void a_flow_may_end_after_the_header_was_written(void **state)
{
	(void)state;
	start_v5(1, 1000, 0);
	put_record(900, 1001, 6, 443);
	assert_int_equal(send_message(), DECODE_OK);
	assert_int_equal(only_flow()->time_flow_end_ns, EXPORT_S * NS_PER_S + 123456789 + 1000000);
}

static void sampling_mode_is_not_part_of_the_interval(void **state)
{
	(void)state;
	start_v5(1, UPTIME_MS, 1 << 14 | 1000);
	put_record(1, 2, 6, 443);
	assert_int_equal(send_message(), DECODE_OK);
	assert_int_equal(only_flow()->sampling_rate, 1000);
	assert_int_equal(only_flow()->sampling_origin, SAMPLING_RECORD);
}

static void all_thirty_records_through_a_small_batch(void **state)
{
	(void)state;
	bench_open(7);
	start_v5(30, UPTIME_MS, 0);
	for (uint16_t i = 0; i < 30; i++)
		put_record(1, 2, 6, i);
	assert_int_equal(send_message(), DECODE_OK);
	assert_int_equal(bench.n, 30);
	for (uint16_t i = 0; i < 30; i++)
		assert_int_equal(bench.flows[i].dst_port, i);
}

static void counts_that_cannot_be_are_refused(void **state)
{
	static const uint32_t counts[] = {0, 31, 0xffff};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		start_v5(counts[i], UPTIME_MS, 0);
		for (int k = 0; k < 31; k++)
			put_record(1, 2, 6, 443);
		assert_int_equal(send_message(), DECODE_BAD_COUNT);
		assert_int_equal(bench.n, 0);
	}
	assert_int_equal(counted(ACCOUNT_MALFORMED), 3);
	assert_int_equal(counted(ACCOUNT_RECORDS_DATA), 0);
}

static void bytes_after_the_records_are_ignored(void **state)
{
	(void)state;
	start_v5(1, UPTIME_MS, 0);
	put_record(1, 2, 6, 443);
	put_record(1, 2, 6, 444);
	put_uint(0, 3);
	assert_int_equal(send_message(), DECODE_OK);
	assert_int_equal(only_flow()->dst_port, 443);
}

static void whole_records_survive_every_cut(void **state)
{
	(void)state;
	start_v5(2, UPTIME_MS, 0);
	put_record(1, 2, 6, 443);
	put_record(1, 2, 6, 444);
	for (uint32_t len = 0; len < msg_len; len++) {
		enum decode_status status;

		bench_open(BATCH_ROWS);
		status = send_bytes(msg, len);
		assert_int_equal(bench.n, len < 24 + 48 ? 0 : 1);
		if (len < 4)
			assert_int_equal(status, DECODE_UNKNOWN_VERSION);
		else
			assert_int_equal(status, len < 24 ? DECODE_TOO_SHORT : DECODE_BAD_COUNT);
		assert_int_equal(counted(ACCOUNT_DECODED), 0);
		assert_int_equal(counted(ACCOUNT_UNKNOWN_VERSION) + counted(ACCOUNT_MALFORMED) +
					 counted(ACCOUNT_DECODED_PARTLY),
				 1);
		assert_int_equal(counted(ACCOUNT_DECODED_PARTLY), bench.n);
	}
}

static void sequence_numbers_count_records_per_engine(void **state)
{
	(void)state;
	start_v5(2, UPTIME_MS, 0);
	put_record(1, 2, 6, 443);
	put_record(1, 2, 6, 443);
	send_message();
	patch16(18, 1005); /* 1002 was to come */
	send_message();
	assert_int_equal(counted(ACCOUNT_SEQUENCE_LOST), 3);
	msg[21] = 3; /* another engine */
	patch16(18, 1);
	send_message();
	assert_int_equal(counted(ACCOUNT_SEQUENCE_LOST), 3);
	assert_int_equal(counted(ACCOUNT_SEQUENCE_RESTARTS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bench_test(every_field_of_a_record),
		bench_test(icmp_type_and_code_come_from_the_port),
		bench_test(uptime_may_wrap_between_flow_and_export),
		bench_test(a_flow_may_end_after_the_header_was_written),
		bench_test(sampling_mode_is_not_part_of_the_interval),
		bench_test(all_thirty_records_through_a_small_batch),
		bench_test(counts_that_cannot_be_are_refused),
		bench_test(bytes_after_the_records_are_ignored),
		bench_test(whole_records_survive_every_cut),
		bench_test(sequence_numbers_count_records_per_engine),
	};

	return RUN_TESTS(tests);
}
