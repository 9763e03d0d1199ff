/* Data sets that come before their template: decoded later, within limits, or counted lost.
 * SPDX-License-Identifier: Apache-2.0 */
#include "decode/waiting.h"
#include "decode_build.h"

static void send_data(uint32_t domain, uint16_t id, uint32_t value, uint32_t n)
{
	start_ipfix(value, domain);
	set_begin(id);
	for (uint32_t i = 0; i < n; i++)
		put_uint(value + i, 4);
	set_end();
	assert_int_equal(send_message(), DECODE_NO_TEMPLATE);
	assert_int_equal(bench.n, 0);
}

static void send_template(uint32_t domain, uint16_t id, const char *spec)
{
	start_ipfix(0, domain);
	add_template(id, spec);
	assert_int_equal(send_message(), DECODE_OK);
}

static void data_is_decoded_when_its_template_comes(void **state)
{
	const uint64_t sent_ns = bench.now_ns;

	(void)state;
	send_data(1, 256, 100, 2);
	send_data(1, 257, 900, 1); /* waits for another */
	send_data(1, 256, 200, 1);
	assert_int_equal(counted(ACCOUNT_SETS_WAITING), 3);
	assert_int_equal(counted(ACCOUNT_DECODED), 3);
	assert_int_equal(counted(ACCOUNT_FLOWS), 0);
	bench.now_ns += 5 * NS_PER_S;
	send_template(1, 256, "1:4");
	assert_int_equal(bench.n, 3);
	assert_int_equal(bench.flows[0].bytes, 100);
	assert_int_equal(bench.flows[1].bytes, 101);
	assert_int_equal(bench.flows[2].bytes, 200);	    /* oldest first */
	assert_int_equal(bench.flows[2].sequence_num, 200); /* of its own message */
	assert_int_equal(bench.flows[0].time_received_ns, sent_ns);
	assert_int_equal(counted(ACCOUNT_SETS_RESUMED), 2);
	assert_int_equal(counted(ACCOUNT_RECORDS_DATA), 3);
	assert_int_equal(counted(ACCOUNT_FLOWS), 3);
	send_template(1, 257, "2:4");
	assert_int_equal(only_flow()->packets, 900);
	assert_int_equal(counted(ACCOUNT_SETS_RESUMED), 3);
	assert_int_equal(bench.store->waiting_bytes, 0);
	assert_int_equal(counted(ACCOUNT_SETS_NO_TEMPLATE), 0);
}

static void the_template_may_follow_in_the_same_message(void **state)
{
	(void)state;
	start_ipfix(0, 1);
	set_begin(256);
	put_uint(5, 4);
	put_variable("frank", 5, false);
	set_end();
	add_template(256, "1:4 371:v");
	set_begin(256);
	put_uint(6, 4);
	put_variable("grace", 5, false);
	set_end();
	assert_int_equal(send_message(), DECODE_NO_TEMPLATE);
	assert_int_equal(bench.n, 2);
	assert_int_equal(bench.flows[0].bytes, 5);
	assert_text(&bench.flows[0].ext->src_user, "frank");
	assert_int_equal(bench.flows[1].bytes, 6);
	assert_text(&bench.flows[1].ext->src_user, "grace");
}

static void options_that_waited_are_learnt(void **state)
{
	(void)state;
	start_ipfix(0, 1);
	set_begin(300);
	put_uint(1, 4);
	put_uint(1000, 4);
	put_uint(EXPORT_S * 1000ull - 5000, 8);
	set_end();
	send_message();
	start_ipfix(0, 1);
	add_options_template(300, "149:4", "34:4 160:8");
	add_template(256, "22:4");
	set_begin(256);
	put_uint(1000, 4);
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	assert_int_equal(counted(ACCOUNT_RECORDS_OPTIONS), 1);
	assert_int_equal(only_flow()->sampling_rate, 1000);
	assert_int_equal(only_flow()->time_flow_start_ns, (EXPORT_S - 4) * NS_PER_S);
}

static void other_domains_and_exporters_do_not_wait_for_it(void **state)
{
	(void)state;
	send_data(1, 256, 1, 1);
	send_template(2, 256, "1:4");
	assert_int_equal(bench.n, 0);
	bench.source = v4(0xc0000202);
	send_template(1, 256, "1:4");
	assert_int_equal(bench.n, 0);
	assert_int_equal(counted(ACCOUNT_SETS_RESUMED), 0);
}

static void what_does_not_fit_is_counted_lost(void **state)
{
	const uint32_t one = (uint32_t)sizeof(struct waiting_set) + 40;

	(void)state;
	bench.options.max_waiting_bytes_per_exporter = 3 * one;
	bench.options.max_waiting_bytes = 5 * one;
	bench_open(BATCH_ROWS);
	for (uint32_t i = 0; i < 5; i++)
		send_data(i, 256, 1, 10);
	assert_int_equal(counted(ACCOUNT_SETS_WAITING), 3);
	assert_int_equal(counted(ACCOUNT_SETS_NO_TEMPLATE), 2);
	bench.source = v4(0xc0000202);
	for (uint32_t i = 0; i < 5; i++)
		send_data(i, 256, 1, 10);
	assert_int_equal(counted(ACCOUNT_SETS_WAITING), 5);
	assert_int_equal(counted(ACCOUNT_SETS_NO_TEMPLATE), 5);
	assert_int_equal(bench.store->waiting_bytes, 5 * one);
	/* room is made of the exporter's part and of the whole */
	bench.source = v4(0xc0000201);
	send_template(0, 256, "1:4");
	assert_int_equal(bench.n, 10);
	send_data(9, 256, 1, 10);
	send_data(9, 256, 1, 10);
	assert_int_equal(counted(ACCOUNT_SETS_WAITING), 6);
	assert_int_equal(counted(ACCOUNT_SETS_NO_TEMPLATE), 6);
}

static void what_waits_too_long_is_counted_lost(void **state)
{
	const uint64_t begin = bench.now_ns, timeout = bench.options.waiting_timeout * NS_PER_S;

	(void)state;
	send_data(1, 256, 1, 1);
	bench.now_ns = begin + timeout / 2;
	send_data(1, 256, 2, 1);
	exporter_store_expire(bench.store, begin + timeout - 1, &bench.account);
	assert_int_equal(counted(ACCOUNT_SETS_NO_TEMPLATE), 0);
	exporter_store_expire(bench.store, begin + timeout, &bench.account);
	assert_int_equal(counted(ACCOUNT_SETS_NO_TEMPLATE), 1);
	send_template(1, 256, "1:4");
	assert_int_equal(only_flow()->bytes, 2);
}

/* Every set that waited ends in one account: resumed or lost. */
static void an_exporter_that_goes_takes_its_sets_with_it(void **state)
{
	(void)state;
	send_data(1, 256, 1, 1);
	send_data(2, 256, 1, 1);
	exporter_store_expire(bench.store, bench.now_ns + 1000000 * NS_PER_S, &bench.account);
	assert_int_equal(bench.store->waiting_bytes, 0);
	assert_int_equal(counted(ACCOUNT_SETS_WAITING), 2);
	assert_int_equal(counted(ACCOUNT_SETS_NO_TEMPLATE), 2);
}

/* Where the table of exporters is nearly full, those without flows go before their data does. */
static void an_exporter_that_makes_room_has_its_sets_counted(void **state)
{
	(void)state;
	bench.options.max_exporters = 4;
	bench_open(BATCH_ROWS);
	for (uint32_t i = 0; i < 4; i++) {
		bench.source = v4(0x0a000000 + i);
		send_data(1, 256, 1, 1);
	}
	exporter_store_expire(bench.store, bench.now_ns + 100 * NS_PER_S, &bench.account);
	assert_int_equal(bench.store->waiting_bytes, 0);
	assert_int_equal(counted(ACCOUNT_SETS_WAITING), 4);
	assert_int_equal(counted(ACCOUNT_SETS_NO_TEMPLATE), 4);
}

static void a_waiting_set_that_does_not_fit_its_template(void **state)
{
	(void)state;
	send_data(1, 256, 0xffffffff, 1);
	send_template(1, 256, "1:4 371:v"); /* 4 bytes of number, then no text */
	assert_int_equal(bench.n, 0);
	assert_int_equal(counted(ACCOUNT_SETS_RESUMED), 1);
	assert_int_equal(bench.store->waiting_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bench_test(data_is_decoded_when_its_template_comes),
		bench_test(the_template_may_follow_in_the_same_message),
		bench_test(options_that_waited_are_learnt),
		bench_test(other_domains_and_exporters_do_not_wait_for_it),
		bench_test(what_does_not_fit_is_counted_lost),
		bench_test(what_waits_too_long_is_counted_lost),
		bench_test(an_exporter_that_goes_takes_its_sets_with_it),
		bench_test(an_exporter_that_makes_room_has_its_sets_counted),
		bench_test(a_waiting_set_that_does_not_fit_its_template),
	};

	return RUN_TESTS(tests);
}
