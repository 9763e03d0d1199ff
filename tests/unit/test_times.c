/* Times of flows: every element that tells them, wraps, eras, and which of them counts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "decode_build.h"

static const uint64_t EXPORT_NS = 1700000000u * 1000000000ull;
static const uint64_t NTP_1970 = 2208988800u;

static void start_data(bool v9, const char *spec)
{
	if (v9)
		start_v9(0, 1);
	else
		start_ipfix(0, 1);
	add_template(256, spec);
	set_begin(256);
}

static void finish(void)
{
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
}

static void check(uint64_t start_ns, uint64_t end_ns)
{
	assert_int_equal(only_flow()->time_flow_start_ns, start_ns);
	assert_int_equal(only_flow()->time_flow_end_ns, end_ns);
}

static void seconds_and_milliseconds(void **state)
{
	(void)state;
	start_data(false, "150:4 151:4");
	put_uint(1600000000, 4);
	put_uint(0xffffffff, 4);
	finish();
	check(1600000000 * NS_PER_S, 0xffffffffu * NS_PER_S);

	start_data(false, "152:8 153:8");
	put_uint(1600000000123, 8);
	put_uint(1600000000999, 8);
	finish();
	check(1600000000123000000, 1600000000999000000);
}

/* RFC 7011 section 6.1.9: an NTP fraction of which the lower 11 bits say nothing. */
static void ntp_fractions(void **state)
{
	(void)state;
	start_data(false, "154:8 155:8");
	put_uint(NTP_1970 + 1600000000, 4);
	put_uint(0x80000000, 4);
	put_uint(NTP_1970 + 1600000001, 4);
	put_uint(0xffffffff, 4);
	finish();
	check(1600000000500000000, 1600000001999999000);

	start_data(false, "156:8 157:8");
	put_uint(NTP_1970 + 1600000000, 4);
	put_uint(0x40000000, 4);
	put_uint(NTP_1970 + 1600000001, 4);
	put_uint(0xffffffff, 4);
	finish();
	check(1600000000250000000, 1600000001999999999);
}

static void ntp_eras(void **state)
{
	(void)state;
	start_data(false, "156:8 157:8");
	put_uint(0xffffffff, 4); /* the last second of era 0, in 2036 */
	put_uint(0, 4);
	put_uint(0, 4); /* the first of era 1 */
	put_uint(0x80000000, 4);
	finish();
	check((0xffffffff - NTP_1970) * NS_PER_S, ((1ull << 32) - NTP_1970) * NS_PER_S + 500000000);
}

static void no_ntp_time_is_no_time(void **state)
{
	(void)state;
	start_data(false, "156:8 157:8");
	put_zeros(16);
	finish();
	check(0, 0);
}

static void uptime_of_v9_wraps(void **state)
{
	(void)state;
	start_data(true, "22:4 21:4");
	memset(msg + 4, 0, 4);
	patch16(6, 1000);
	put_uint(0xffffffff - 999, 4);
	put_uint(1001, 4); /* written after the header's */
	finish();
	check(EXPORT_NS - 2000 * 1000000ull, EXPORT_NS + 1000000);
}

/* IPFIX has no sysUpTime in its header: IE 160 in the record or in options tells when it was 0. */
static void uptime_of_ipfix_needs_the_time_of_init(void **state)
{
	const uint64_t init_ms = EXPORT_S * 1000ull - 5000;

	(void)state;
	start_data(false, "22:4 21:4");
	put_uint(1000, 4);
	put_uint(4000, 4);
	finish();
	check(EXPORT_NS, EXPORT_NS);

	start_data(false, "22:4 160:8 21:4");
	put_uint(1000, 4);
	put_uint(init_ms, 8);
	put_uint(4000, 4);
	finish();
	check((init_ms + 1000) * 1000000, (init_ms + 4000) * 1000000);

	start_data(false, "22:4 160:v 21:4"); /* the same in a record of variable length */
	put_uint(1000, 4);
	put_uint(8, 1);
	put_uint(init_ms, 8);
	put_uint(4000, 4);
	finish();
	check((init_ms + 1000) * 1000000, (init_ms + 4000) * 1000000);

	bench_open(BATCH_ROWS); /* told by options before the data, in the same message */
	start_ipfix(0, 1);
	add_options_template(257, "149:4", "160:8");
	add_template(256, "22:4 21:4");
	set_begin(257);
	put_uint(1, 4);
	put_uint(init_ms, 8);
	set_end();
	set_begin(256);
	put_uint(1000, 4);
	put_uint(4000, 4);
	finish();
	check((init_ms + 1000) * 1000000, (init_ms + 4000) * 1000000);

	start_ipfix(0, 1); /* and remembered */
	set_begin(256);
	put_uint(1001, 4);
	put_uint(4001, 4);
	finish();
	check((init_ms + 1001) * 1000000, (init_ms + 4001) * 1000000);

	start_ipfix(0, 2); /* but not for another domain */
	add_template(256, "22:4 21:4");
	set_begin(256);
	put_uint(1001, 4);
	put_uint(4001, 4);
	finish();
	check(EXPORT_NS, EXPORT_NS);
}

static void uptime_of_ipfix_wraps_after_49_days(void **state)
{
	const uint64_t init_ms = EXPORT_S * 1000ull - ((1ull << 32) + 7000);

	(void)state;
	start_data(false, "22:4 160:8 21:4");
	put_uint(0xffffffff, 4);
	put_uint(init_ms, 8);
	put_uint(6999, 4);
	finish();
	check(EXPORT_NS - 7001 * 1000000ull, EXPORT_NS - 1000000);
}

static void deltas_before_the_export_time(void **state)
{
	(void)state;
	start_data(false, "158:4 159:4");
	put_uint(4294967295u, 4);
	put_uint(1, 4);
	finish();
	check(EXPORT_NS - 4294967295u * 1000ull, EXPORT_NS - 1000);

	start_data(false, "158:3 159:1"); /* of reduced size */
	put_uint(0x010000, 3);
	put_uint(255, 1);
	finish();
	check(EXPORT_NS - 65536 * 1000ull, EXPORT_NS - 255000);
}

static void milliseconds_before_seconds_before_the_finer_ones(void **state)
{
	(void)state;
	start_data(true, "22:4 21:4 158:4 159:4 156:8 157:8 154:8 155:8 150:4 151:4 152:8 153:8");
	put_uint(1, 8);
	put_uint(1, 8);
	for (int i = 0; i < 4; i++)
		put_uint((NTP_1970 + 5) << 32, 8);
	put_uint(1600000000, 4);
	put_uint(1600000001, 4);
	put_uint(1700000000123, 8);
	put_uint(1700000000456, 8);
	finish();
	check(1700000000123000000, 1700000000456000000);

	start_data(true, "22:4 21:4 158:4 159:4 156:8 157:8 154:8 155:8 150:4 151:4");
	put_uint(1, 8);
	put_uint(1, 8);
	for (int i = 0; i < 4; i++)
		put_uint((NTP_1970 + 5) << 32, 8);
	put_uint(1600000000, 4);
	put_uint(1600000001, 4);
	finish();
	check(1600000000 * NS_PER_S, 1600000001 * NS_PER_S);

	start_data(true, "158:4 159:4 22:4 21:4 156:8 157:8");
	put_uint(1, 8);
	put_uint(1, 8);
	put_uint((NTP_1970 + 5) << 32, 8);
	put_uint((NTP_1970 + 6) << 32, 8);
	finish();
	check(5 * NS_PER_S, 6 * NS_PER_S);

	start_data(true, "158:4 159:4 22:4 21:4");
	put_uint(1, 8);
	put_uint(UPTIME_MS - 10, 4);
	put_uint(UPTIME_MS - 5, 4);
	finish();
	check(EXPORT_NS - 10000000, EXPORT_NS - 5000000);
}

/* Start and end are chosen each for itself. */
static void start_and_end_by_different_elements(void **state)
{
	(void)state;
	start_data(false, "152:8 151:4");
	put_uint(1600000000123, 8);
	put_uint(1600000001, 4);
	finish();
	check(1600000000123000000, 1600000001 * NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bench_test(seconds_and_milliseconds),
		bench_test(ntp_fractions),
		bench_test(ntp_eras),
		bench_test(no_ntp_time_is_no_time),
		bench_test(uptime_of_v9_wraps),
		bench_test(uptime_of_ipfix_needs_the_time_of_init),
		bench_test(uptime_of_ipfix_wraps_after_49_days),
		bench_test(deltas_before_the_export_time),
		bench_test(milliseconds_before_seconds_before_the_finer_ones),
		bench_test(start_and_end_by_different_elements),
	};

	return RUN_TESTS(tests);
}
