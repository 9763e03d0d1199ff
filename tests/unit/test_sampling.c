/* Sampling rates: from records, options, settings; names that options tell beside them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "decode/names.h"
#include "decode/options.h"
#include "decode/sampler.h"
#include "decode_build.h"

static void check(uint64_t rate, enum sampling_origin origin)
{
	assert_int_equal(only_flow()->sampling_rate, rate);
	assert_int_equal(only_flow()->sampling_origin, origin);
}

/* A data record of these fields, with template 256; the caller puts the values, then check(). */
static void start_data(bool v9, uint32_t domain, const char *spec)
{
	if (v9)
		start_v9(0, domain);
	else
		start_ipfix(0, domain);
	add_template(256, spec);
	set_begin(256);
}

static void finish(void)
{
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
}

/* Of a record with this one field of four bytes. */
static void check_of(uint32_t domain, const char *spec, uint32_t value, uint64_t rate,
		     enum sampling_origin origin)
{
	start_data(false, domain, spec);
	put_uint(value, 4);
	finish();
	check(rate, origin);
}

/* An options record: template 300 with this scope and these fields of four bytes each. */
static void tell(uint32_t domain, const char *scope, const char *spec, const uint32_t *values,
		 unsigned n)
{
	start_ipfix(0, domain);
	add_options_template(300, scope, spec);
	set_begin(300);
	for (unsigned i = 0; i < n; i++)
		put_uint(values[i], 4);
	finish();
	assert_int_equal(bench.n, 0);
}

#define TELL(domain, scope, spec, ...)                             \
	tell(domain, scope, spec, (const uint32_t[]){__VA_ARGS__}, \
	     sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static void nobody_says_means_one(void **state)
{
	(void)state;
	check_of(1, "1:4", 5, 1, SAMPLING_ASSUMED);
}

static void the_default_fills_in(void **state)
{
	(void)state;
	bench.options.default_sampling_rate = 512;
	bench_open(BATCH_ROWS);
	check_of(1, "1:4", 5, 512, SAMPLING_CONFIGURED);
	check_of(1, "34:4", 0, 512, SAMPLING_CONFIGURED); /* zero says nothing */
	check_of(1, "34:4", 100, 100, SAMPLING_RECORD);
}

static void every_way_that_a_record_tells_it(void **state)
{
	(void)state;
	check_of(1, "34:4", 1000, 1000, SAMPLING_RECORD);
	check_of(1, "50:4", 2000, 2000, SAMPLING_RECORD);
	check_of(1, "305:4", 10, 10, SAMPLING_RECORD); /* nothing of the space between */
	check_of(1, "307:4", 10, 1, SAMPLING_ASSUMED); /* a time without the time between */
	start_data(false, 1, "307:4 308:4");
	put_uint(10, 4);
	put_uint(40, 4);
	finish();
	check(5, SAMPLING_RECORD);

	start_data(false, 1, "305:4 306:4"); /* no space between */
	put_uint(10, 4);
	put_uint(0, 4);
	finish();
	check(1, SAMPLING_RECORD);

	start_data(false, 1, "305:4 306:4"); /* 10 of 1000 */
	put_uint(10, 4);
	put_uint(990, 4);
	finish();
	check(100, SAMPLING_RECORD);

	start_data(false, 1, "309:4 310:4"); /* RFC 5477: size of population */
	put_uint(2, 4);
	put_uint(1000, 4);
	finish();
	check(500, SAMPLING_RECORD);

	start_data(false, 1, "311:8");
	put_double(0.001);
	finish();
	check(1000, SAMPLING_RECORD);

	start_data(false, 1, "311:4"); /* 0.25 as float32 */
	put_uint(0x3e800000, 4);
	finish();
	check(4, SAMPLING_RECORD);

	start_data(true, 1, "34:2");
	put_uint(64, 2);
	finish();
	check(64, SAMPLING_RECORD);
}

#define RATE_OF(...) sampling_rate_of(&(struct sampling_said){__VA_ARGS__})

static void impossible_rates_are_none(void **state)
{
	(void)state;
	assert_int_equal(RATE_OF(.space = 99, .has_space = true), 0);
	assert_int_equal(RATE_OF(.size = 10, .population = 5), 0);
	assert_int_equal(RATE_OF(.population = 100), 0);
	assert_int_equal(RATE_OF(.probability = -1), 0);
	assert_int_equal(RATE_OF(.probability = 1.5), 0);
	assert_int_equal(RATE_OF(.probability = 1e-300), 0);
	assert_int_equal(RATE_OF(.probability = 0.0 / 0.0), 0);
	assert_int_equal(RATE_OF(.interval = 1ull << 40), UINT32_MAX);
	assert_int_equal(RATE_OF(.packets = 1, .space = UINT64_MAX, .has_space = true), 0);
	assert_int_equal(RATE_OF(.packets = 1, .space = 1ull << 50, .has_space = true), UINT32_MAX);
	assert_int_equal(RATE_OF(.packets = 3, .space = 4, .has_space = true), 2); /* 7 / 3 */
	assert_true(float_of((const uint8_t *)"abc", 3) == 0);
}

static void options_for_the_whole_domain(void **state)
{
	(void)state;
	TELL(7, "149:4", "34:4", 7, 1000);
	check_of(7, "1:4", 5, 1000, SAMPLING_OPTIONS);
	check_of(8, "1:4", 5, 1, SAMPLING_ASSUMED); /* another domain */
	check_of(7, "34:4", 10, 10, SAMPLING_RECORD);
	TELL(7, "149:4", "34:4", 7, 2000); /* told anew */
	check_of(7, "1:4", 5, 2000, SAMPLING_OPTIONS);
	bench.source = v4(0xc0000202); /* another exporter */
	check_of(7, "1:4", 5, 1, SAMPLING_ASSUMED);
}

static void options_by_sampler_id(void **state)
{
	(void)state;
	TELL(1, "48:4", "49:4 50:4", 1, 2, 100);
	check_of(1, "1:4", 5, 100, SAMPLING_OPTIONS); /* the only one there is */
	TELL(1, "48:4", "49:4 50:4", 2, 2, 200);
	check_of(1, "48:4", 1, 100, SAMPLING_OPTIONS);
	check_of(1, "48:4", 2, 200, SAMPLING_OPTIONS);
	check_of(1, "48:4", 3, 1, SAMPLING_ASSUMED);
	check_of(1, "1:4", 5, 1, SAMPLING_ASSUMED); /* which of the two? */
	TELL(1, "48:4", "49:4 50:4", 1, 2, 200);    /* they agree again */
	check_of(1, "1:4", 5, 200, SAMPLING_OPTIONS);
}

static void the_only_sampler_is_not_another_that_a_record_names(void **state)
{
	(void)state;
	TELL(1, "48:4", "49:4 50:4", 1, 2, 100);
	check_of(1, "48:4", 0, 1, SAMPLING_ASSUMED);	   /* none */
	check_of(1, "48:4", 2, 1, SAMPLING_ASSUMED);	   /* not told of yet */
	check_of(1, "48:0 1:4", 5, 100, SAMPLING_OPTIONS); /* names none */
	TELL(1, "149:4", "34:4", 1, 1000);
	check_of(1, "48:4", 2, 1000, SAMPLING_OPTIONS);
}

static void an_interval_of_zero_leaves_it_to_the_random_one(void **state)
{
	(void)state;
	start_data(false, 1, "34:4 50:4");
	put_uint(0, 4);
	put_uint(512, 4);
	finish();
	check(512, SAMPLING_RECORD);
	start_data(false, 1, "50:4 34:4");
	put_uint(512, 4);
	put_uint(256, 4);
	finish();
	check(256, SAMPLING_RECORD);
}

static void options_by_selector_id(void **state)
{
	(void)state;
	TELL(1, "302:4", "304:4 305:4 306:4", 12, 1, 1, 511);
	TELL(1, "302:4", "304:4 305:4 306:4", 13, 1, 1, 1023);
	check_of(1, "302:4", 12, 512, SAMPLING_OPTIONS);
	check_of(1, "302:4", 13, 1024, SAMPLING_OPTIONS);
	TELL(1, "302:4", "304:4 309:4 310:4", 14, 3, 1, 4096);
	check_of(1, "302:4", 14, 4096, SAMPLING_OPTIONS);
}

/* Cisco IOS-XR, random n out of N: what it sends as the packet interval is n or N by release, and
 * the space is not sent. */
static void a_population_counts_before_an_interval_without_space(void **state)
{
	(void)state;
	TELL(1, "302:4", "305:4 304:4 309:4 310:4", 1, 1, 3, 1, 256);
	TELL(1, "302:4", "305:4 304:4 309:4 310:4", 2, 1024, 3, 1, 1024);
	TELL(1, "302:4", "305:4 304:4", 3, 512, 3);
	check_of(1, "302:4", 1, 256, SAMPLING_OPTIONS);
	check_of(1, "302:4", 2, 1024, SAMPLING_OPTIONS);
	check_of(1, "302:4", 3, 512, SAMPLING_OPTIONS);
}

static void options_by_interface(void **state)
{
	(void)state;
	TELL(1, "149:4", "34:4", 1, 1000);
	TELL(1, "10:4", "34:4", 5, 50);
	check_of(1, "10:4", 5, 50, SAMPLING_OPTIONS);
	check_of(1, "10:4", 6, 1000, SAMPLING_OPTIONS);
	check_of(1, "1:4", 6, 1000, SAMPLING_OPTIONS);
}

static void an_egress_flow_was_sampled_where_it_left(void **state)
{
	(void)state;
	TELL(1, "10:4", "34:4", 5, 50);
	TELL(1, "10:4", "34:4", 6, 60);
	for (uint8_t direction = 0; direction < 2; direction++) {
		start_data(false, 1, "10:4 14:4 61:1");
		put_uint(5, 4);
		put_uint(6, 4);
		put_uint(direction, 1);
		finish();
		check(direction ? 60 : 50, SAMPLING_OPTIONS);
	}
	start_data(false, 1, "10:4 14:4"); /* only one of them samples */
	put_uint(7, 4);
	put_uint(6, 4);
	finish();
	check(60, SAMPLING_OPTIONS);
}

static void options_by_template(void **state)
{
	(void)state;
	TELL(1, "145:4", "34:4", 256, 64);
	check_of(1, "1:4", 6, 64, SAMPLING_OPTIONS);
	start_ipfix(0, 1);
	add_template(257, "1:4");
	set_begin(257);
	put_uint(1, 4);
	finish();
	check(1, SAMPLING_ASSUMED);
}

/* RFC 3954 section 6.1: scope field types have numbers of their own. */
static void scopes_of_v9(void **state)
{
	static const struct {
		const char *scope;
		uint32_t id;
		const char *spec;
		uint32_t value;
		uint64_t rate;
	} cases[] = {
		{"1:4", 99, "1:4", 5, 100},  /* system */
		{"2:4", 5, "10:4", 5, 100},  /* interface */
		{"2:4", 5, "10:4", 6, 1},    /* another one */
		{"5:4", 256, "1:4", 5, 100}, /* template */
		{"5:4", 300, "1:4", 5, 1},   /* another one */
		{"3:4", 1, "1:4", 5, 100},   /* line card: no more is known of it */
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bench_open(BATCH_ROWS);
		start_v9(0, 1);
		add_options_template(300, cases[i].scope, "34:4 35:1");
		set_begin(300);
		put_uint(cases[i].id, 4);
		put_uint(100, 4);
		put_uint(2, 1);
		put_zeros(3);
		finish();
		assert_int_equal(counted(ACCOUNT_RECORDS_OPTIONS), 1);
		start_data(true, 1, cases[i].spec);
		put_uint(cases[i].value, 4);
		finish();
		check(cases[i].rate, cases[i].rate == 1 ? SAMPLING_ASSUMED : SAMPLING_OPTIONS);
	}
}

static void the_longest_override_beats_everything(void **state)
{
	static const struct sampling_override overrides[] = {
		{.prefix_len = 0, .rate = 1},
		{.prefix.b = {[10] = 0xff, 0xff, 192, 0, 2, 0}, .prefix_len = 120, .rate = 24},
		{.prefix.b = {[10] = 0xff, 0xff, 192, 0, 2, 128}, .prefix_len = 121, .rate = 25},
		{.prefix.b = {[10] = 0xff, 0xff, 192, 0, 2, 1}, .prefix_len = 128, .rate = 32},
	};
	static const struct {
		uint32_t source, rate;
	} cases[] = {{0xc0000201, 32},
		     {0xc0000202, 24},
		     {0xc0000280, 25},
		     {0xc00002ff, 25},
		     {0xc0000301, 1}};

	(void)state;
	bench.options.overrides = overrides;
	bench.options.n_overrides = 4;
	bench_open(BATCH_ROWS);
	for (unsigned i = 0; i < 5; i++) {
		bench.source = v4(cases[i].source);
		check_of(1, "34:4", 1000, cases[i].rate, SAMPLING_CONFIGURED);
	}
}

static void samplers_are_bounded(void **state)
{
	uint32_t value = 0;

	(void)state;
	start_ipfix(0, 1);
	add_options_template(300, "48:4", "50:4");
	finish();
	for (int m = 0; m < 8; m++) {
		start_ipfix(0, 1);
		set_begin(300);
		for (int i = 0; i < 1000; i++) {
			put_uint(value++, 4);
			put_uint(100 + value, 4);
		}
		finish();
	}
	/* One place is taken by what all samplers have in common. */
	assert_int_equal(counted(ACCOUNT_SAMPLERS_REFUSED),
			 8000 - decode_defaults.max_samplers + 1);
	check_of(1, "48:4", 0, 101, SAMPLING_OPTIONS);
	check_of(1, "48:4", decode_defaults.max_samplers / 2,
		 101 + decode_defaults.max_samplers / 2, SAMPLING_OPTIONS);
	check_of(1, "48:4", decode_defaults.max_samplers + 1, 1, SAMPLING_ASSUMED);
	TELL(1, "48:4", "50:4", 0, 77); /* who is known may still change */
	check_of(1, "48:4", 0, 77, SAMPLING_OPTIONS);
}

/* Names. */

static void tell_name(const char *scope, const char *spec, uint32_t id, const char *name,
		      uint32_t width)
{
	char field[100] = "";

	strcpy(field, name);
	start_ipfix(0, 1);
	add_options_template(300, scope, spec);
	set_begin(300);
	put_uint(id, 4);
	put_bytes(field, width);
	finish();
}

static void names_of_interfaces_vrfs_applications(void **state)
{
	const struct flow_ext *e;

	(void)state;
	tell_name("10:4", "82:32", 5, "ge-0/0/5", 32);
	tell_name("10:4", "82:32", 6, "ge-0/0/6", 32);
	tell_name("10:4", "83:32", 6, "to the exchange", 32);
	tell_name("234:4", "236:32", 77, "blue", 32);
	tell_name("235:4", "236:32", 78, "red", 32);
	tell_name("95:4", "96:24", 0x0d000001, "netflix", 24);
	start_data(false, 1, "10:4 14:4 234:4 235:4 95:4");
	put_uint(5, 4);
	put_uint(6, 4);
	put_uint(77, 4);
	put_uint(78, 4);
	put_uint(0x0d000001, 4);
	finish();
	e = only_ext();
	assert_text(&e->in_if_name, "ge-0/0/5");
	assert_text(&e->out_if_name, "ge-0/0/6");
	assert_text(&e->ingress_vrf_name, "blue");
	assert_text(&e->egress_vrf_name, "red");
	assert_text(&e->application_name, "netflix");
	tell_name("10:4", "82:32", 5, "xe-1/0/5", 32); /* renamed */
	start_data(false, 1, "10:4 82:v");
	put_uint(5, 4);
	put_variable("", 0, false);
	put_uint(5, 4);
	put_variable("its own word", 12, false);
	finish();
	assert_text(&bench.flows[0].ext->in_if_name, "xe-1/0/5");
	assert_text(&bench.flows[1].ext->in_if_name, "its own word");
}

static void names_of_samplers(void **state)
{
	(void)state;
	tell_name("48:4", "84:16", 3, "one in hundred", 16);
	tell_name("302:4", "335:16", 4, "random", 16);
	start_data(false, 1, "48:4");
	put_uint(3, 4);
	finish();
	assert_text(&only_ext()->sampler_name, "one in hundred");
	start_data(false, 1, "302:4");
	put_uint(4, 4);
	finish();
	assert_text(&only_ext()->sampler_name, "random");
}

static void names_are_bounded(void **state)
{
	struct exporter *x = exporter_get(bench.store, &bench.source, bench.now_ns);
	struct domain *d = domain_get(bench.store, x, FLOW_IPFIX, 1);
	struct text out = {0};
	char name[300];

	(void)state;
	memset(name, 'n', sizeof(name));
	assert_true(names_learn(bench.store, d, NAME_VRF, 1, name, sizeof(name)));
	names_find(d, NAME_VRF, 1, &out);
	assert_int_equal(out.len, decode_defaults.max_name_length);
	for (uint32_t i = 1; i < decode_defaults.max_names; i++)
		assert_true(names_learn(bench.store, d, NAME_INTERFACE, i, "x", 1));
	assert_false(names_learn(bench.store, d, NAME_INTERFACE, 1u << 20, "x", 1));
	assert_true(names_learn(bench.store, d, NAME_INTERFACE, 1, "y", 1));
	out = (struct text){0};
	names_find(d, NAME_INTERFACE, 1u << 20, &out);
	assert_null(out.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bench_test(nobody_says_means_one),
		bench_test(the_default_fills_in),
		bench_test(every_way_that_a_record_tells_it),
		bench_test(an_interval_of_zero_leaves_it_to_the_random_one),
		bench_test(impossible_rates_are_none),
		bench_test(options_for_the_whole_domain),
		bench_test(options_by_sampler_id),
		bench_test(the_only_sampler_is_not_another_that_a_record_names),
		bench_test(options_by_selector_id),
		bench_test(options_by_interface),
		bench_test(a_population_counts_before_an_interval_without_space),
		bench_test(an_egress_flow_was_sampled_where_it_left),
		bench_test(options_by_template),
		bench_test(scopes_of_v9),
		bench_test(the_longest_override_beats_everything),
		bench_test(samplers_are_bounded),
		bench_test(names_of_interfaces_vrfs_applications),
		bench_test(names_of_samplers),
		bench_test(names_are_bounded),
	};

	return RUN_TESTS(tests);
}
