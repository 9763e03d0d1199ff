/* sFlow counter samples by name.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sflow_datagram.h"

static const struct counter_value *counter(const char *name)
{
	const struct counter_sample *s = &batch.samples[0];

	for (uint32_t i = 0; i < s->n_values; i++)
		if (!strcmp(s->values[i].name, name))
			return &s->values[i];
	fail_msg("no counter %s", name);
	return NULL;
}

static void put_counters(void)
{
	begin("198.51.100.7", 3, 1);
	begin_sample(SFLOW_COUNTER_SAMPLE);
	put32(88);
	put32(2u << 24 | 1);
	begin_records();
	begin_record(1005);
	put_text("eth0/1");
	end_record();
	begin_record(12345); /* of a later day */
	put32(1);
	end_record();
	begin_record(2003);
	put32(0x3f400000); /* 0.75 */
	for (int i = 1; i < 17; i++)
		put32((uint32_t)i);
	end_record();
	begin_record(2001);
	put32(2);
	put32(2);
	put32(2);
	put("\1\2\3\4\5\6\0\0", 8);
	put("\1\2\3\4\5\7\0\0", 8);
	put32(3);
	put32(0);
	end_record();
	begin_record(SFLOW_SFP);
	put32(1);
	put32(1);
	put32(3300);
	put32((uint32_t)-1500);
	put32(1);
	for (uint32_t i = 1; i <= SFLOW_LANE_FIELDS; i++)
		put32(i);
	end_record();
	end_sample();
}

static void test_counter_sample(void **state)
{
	const struct counter_sample *s = &batch.samples[0];

	(void)state;
	put_counters();
	assert_int_equal(decode(), DECODE_OK);
	assert_int_equal(batch.n, 0);
	assert_int_equal(batch.n_samples, 1);
	assert_ip(&s->sampler_address, "198.51.100.7");
	assert_int_equal(s->sub_agent_id, 3);
	assert_int_equal(s->sequence_num, 88);
	assert_int_equal(s->source_id_type, 2);
	assert_memory_equal(counter("port_name")->text.p, "eth0/1", 6);
	assert_true(counter("load_one")->f == 0.75);
	assert_int_equal(counter("contexts")->u, 16);
	assert_int_equal(counter("adapter1_ifIndex")->u, 2);
	assert_memory_equal(counter("adapter1_mac")->text.p, "\1\2\3\4\5\6", 6);
	assert_int_equal(counter("adapter2_ifIndex")->u, 3);
	assert_int_equal(counter("module_temperature")->i, -1500);
	assert_int_equal(counter("lane1_rx_wavelength")->u, 10);
	assert_int_equal(count(ACCOUNT_SAMPLES_COUNTER), 1);
	assert_int_equal(count(ACCOUNT_SFLOW_RECORDS_SKIPPED), 1);
	assert_int_equal(count(ACCOUNT_SETS_MALFORMED), 0);
}

static void test_short_counter_record_keeps_what_came_before(void **state)
{
	(void)state;
	begin("198.51.100.7", 3, 1);
	begin_sample(SFLOW_COUNTER_SAMPLE_EXPANDED);
	put32(1);
	put32(0);
	put32(5);
	begin_records();
	begin_record(1005);
	put_text("eth0");
	end_record();
	begin_record(2);
	put32(1);
	end_record();
	end_sample();
	assert_int_equal(decode(), DECODE_BAD_SAMPLE);
	assert_int_equal(batch.n_samples, 1);
	counter("port_name");
	assert_int_equal(counter("dot3StatsAlignmentErrors")->u, 1);
	assert_int_equal(batch.samples[0].n_values, 2);
	assert_int_equal(count(ACCOUNT_SETS_MALFORMED), 1);
}

static void test_counter_sample_beyond_the_datagram(void **state)
{
	(void)state;
	put_counters();
	add32(sample_at, 4);
	assert_int_equal(decode(), DECODE_BAD_SAMPLE);
	assert_int_equal(batch.n_samples, 1);
	assert_int_equal(count(ACCOUNT_SETS_MALFORMED), 1);
}

static void test_counter_names_are_unique(void **state)
{
	const char *names[1024];
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < sflow_counter_formats_count; i++)
		for (unsigned j = 0; j < sflow_counter_formats[i].n_fields; j++)
			names[n++] = sflow_counter_formats[i].fields[j].name;
	for (unsigned i = 0; i < SFLOW_LANES_MAX; i++)
		for (unsigned j = 0; j < SFLOW_LANE_FIELDS; j++)
			names[n++] = sflow_lane_fields[i][j].name;
	assert_true(n > 400 && n < 1024);
	for (unsigned i = 0; i < n; i++)
		for (unsigned j = 0; j < i; j++)
			if (!strcmp(names[i], names[j]))
				fail_msg("two counters are named %s", names[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(counter_sample),
		TEST(short_counter_record_keeps_what_came_before),
		TEST(counter_sample_beyond_the_datagram),
		TEST(counter_names_are_unique),
	};

	return RUN(tests);
}
