/* Templates: learnt, refreshed, redefined, withdrawn, refused, expired; whose they are.
 * SPDX-License-Identifier: Apache-2.0 */
#include "decode/template.h"
#include "decode_build.h"

static struct domain *domain(uint32_t version, uint32_t id)
{
	struct exporter *x = exporter_get(bench.store, &bench.source, bench.now_ns);

	assert_non_null(x);
	return domain_get(bench.store, x, version, id);
}

static bool known(uint32_t domain_id, uint16_t id)
{
	return template_find(domain(FLOW_IPFIX, domain_id), id) != NULL;
}

static enum decode_status learn(uint32_t domain_id, uint16_t id, const char *spec)
{
	start_ipfix(0, domain_id);
	add_template(id, spec);
	return send_message();
}

static void send_data(uint32_t domain_id, uint16_t id, uint64_t value, uint32_t width)
{
	start_ipfix(0, domain_id);
	set_begin(id);
	put_uint(value, width);
	set_end();
	send_message();
}

static void a_template_is_kept_and_refreshed(void **state)
{
	const struct template *t;

	(void)state;
	assert_int_equal(learn(1, 256, "8:4 9.1:2 82:v"), DECODE_OK);
	t = template_find(domain(FLOW_IPFIX, 1), 256);
	assert_non_null(t);
	assert_int_equal(t->n_fields, 3);
	assert_int_equal(t->fields[1].pen, 9);
	assert_int_equal(t->fields[1].id, 1);
	assert_int_equal(t->fields[2].length, IPFIX_VARIABLE_LENGTH);
	assert_int_equal(t->min_length, 7);
	assert_true(t->variable);
	assert_int_equal(learn(1, 256, "8:4 9.1:2 82:v"), DECODE_OK);
	assert_ptr_equal(template_find(domain(FLOW_IPFIX, 1), 256), t);
	assert_int_equal(counted(ACCOUNT_TEMPLATES_LEARNT), 1);
	assert_int_equal(counted(ACCOUNT_TEMPLATES_REFRESHED), 1);
	assert_int_equal(counted(ACCOUNT_TEMPLATES_CHANGED), 0);
}

static void a_redefinition_holds_from_then_on(void **state)
{
	(void)state;
	start_ipfix(0, 1);
	add_template(256, "1:4");
	set_begin(256);
	put_uint(5, 4);
	set_end();
	add_template(256, "2:2");
	set_begin(256);
	put_uint(6, 2);
	put_uint(7, 2);
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	assert_int_equal(bench.n, 3);
	assert_int_equal(bench.flows[0].bytes, 5);
	assert_int_equal(bench.flows[1].packets, 6);
	assert_int_equal(bench.flows[2].packets, 7);
	assert_int_equal(counted(ACCOUNT_TEMPLATES_LEARNT), 2);
	assert_int_equal(counted(ACCOUNT_TEMPLATES_CHANGED), 1);
	assert_int_equal(bench.store->n_templates, 1);
}

static void an_options_template_may_replace_a_template(void **state)
{
	(void)state;
	learn(1, 256, "34:4");
	start_ipfix(0, 1);
	add_options_template(256, "149:4", "34:4");
	set_begin(256);
	put_uint(1, 4);
	put_uint(100, 4);
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	assert_int_equal(bench.n, 0);
	assert_int_equal(counted(ACCOUNT_RECORDS_OPTIONS), 1);
	assert_int_equal(counted(ACCOUNT_TEMPLATES_CHANGED), 1);
}

/* RFC 7011 section 8.1. */
static void one_or_all_are_withdrawn(void **state)
{
	(void)state;
	learn(1, 256, "1:4");
	learn(1, 257, "1:4");
	learn(1, 258, "1:4");
	learn(2, 256, "1:4");
	start_ipfix(0, 1);
	add_options_template(300, "149:4", "34:4");
	assert_int_equal(send_message(), DECODE_OK);

	start_ipfix(0, 1);
	set_begin(2);
	put_uint(257u << 16, 4); /* one */
	put_uint(300u << 16, 4); /* not of this kind */
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	assert_true(known(1, 256) && !known(1, 257) && known(1, 258) && known(1, 300));
	assert_int_equal(counted(ACCOUNT_TEMPLATES_WITHDRAWN), 1);

	start_ipfix(0, 1);
	set_begin(2);
	put_uint(2u << 16, 4); /* all templates */
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	assert_true(!known(1, 256) && !known(1, 258) && known(1, 300) && known(2, 256));
	assert_int_equal(counted(ACCOUNT_TEMPLATES_WITHDRAWN), 3);

	start_ipfix(0, 1);
	set_begin(3);
	put_uint(3u << 16, 4); /* all options templates */
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	assert_true(!known(1, 300) && known(2, 256));
	assert_int_equal(bench.store->n_templates, 1);
	send_data(1, 256, 5, 4);
	assert_int_equal(bench.n, 0);
	assert_int_equal(counted(ACCOUNT_SETS_WAITING), 1);
}

static void a_withdrawal_and_a_new_definition_in_one_set(void **state)
{
	(void)state;
	learn(1, 256, "1:4");
	start_ipfix(0, 1);
	set_begin(2);
	put_uint(256u << 16, 4);
	put_template(256, "2:4");
	put_zeros(3);
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	send_data(1, 256, 5, 4);
	assert_int_equal(only_flow()->packets, 5);
}

static void one_id_in_two_exporters_domains_and_versions(void **state)
{
	(void)state;
	learn(1, 256, "1:4");
	learn(2, 256, "2:4");
	start_v9(0, 1);
	add_template(256, "85:4 7:2");
	send_message();
	bench.source = v4(0xc0000202);
	learn(1, 256, "10:4");
	send_data(1, 256, 5, 4);
	assert_int_equal(only_flow()->in_if, 5);
	bench.source = v4(0xc0000201);
	send_data(1, 256, 5, 4);
	assert_int_equal(only_flow()->bytes, 5);
	send_data(2, 256, 5, 4);
	assert_int_equal(only_flow()->packets, 5);
	start_v9(0, 1);
	set_begin(256);
	put_uint(5, 4);
	put_uint(80, 2);
	set_end();
	send_message();
	assert_int_equal(only_flow()->bytes, 5);
	assert_int_equal(only_flow()->src_port, 80);
	assert_int_equal(bench.store->n_templates, 4);
	assert_int_equal(counted(ACCOUNT_TEMPLATES_CHANGED), 0);
}

static void limits_per_exporter_and_in_all(void **state)
{
	(void)state;
	bench.options.max_templates_per_exporter = 3;
	bench.options.max_templates = 5;
	bench_open(BATCH_ROWS);
	for (uint16_t i = 0; i < 3; i++)
		assert_int_equal(learn(i, 256, "1:4"), DECODE_OK);
	assert_int_equal(learn(0, 257, "1:4"), DECODE_TOO_MANY_TEMPLATES);
	assert_int_equal(learn(0, 256, "2:4"), DECODE_OK); /* a change needs no room */
	assert_int_equal(counted(ACCOUNT_TEMPLATES_REFUSED), 1);
	bench.source = v4(0xc0000202);
	assert_int_equal(learn(0, 256, "1:4"), DECODE_OK);
	assert_int_equal(learn(0, 257, "1:4"), DECODE_OK);
	assert_int_equal(learn(0, 258, "1:4"), DECODE_TOO_MANY_TEMPLATES);
	assert_int_equal(counted(ACCOUNT_TEMPLATES_REFUSED), 2);
	start_ipfix(0, 0); /* a withdrawal makes room */
	set_begin(2);
	put_uint(257u << 16, 4);
	set_end();
	send_message();
	assert_int_equal(learn(0, 258, "1:4"), DECODE_OK);
}

static void a_refused_template_does_not_touch_its_neighbours(void **state)
{
	(void)state;
	bench.options.max_fields = 2;
	bench_open(BATCH_ROWS);
	start_ipfix(0, 1);
	set_begin(2);
	put_template(256, "1:4");
	put_template(257, "1:4 2:4 7:2");
	put_template(258, "2:4");
	set_end();
	assert_int_equal(send_message(), DECODE_TOO_MANY_FIELDS);
	assert_true(known(1, 256) && !known(1, 257) && known(1, 258));
	assert_int_equal(counted(ACCOUNT_TEMPLATES_REFUSED), 1);
	assert_int_equal(counted(ACCOUNT_TEMPLATES_LEARNT), 2);
}

static void ids_of_sets_are_no_template_ids(void **state)
{
	(void)state;
	start_ipfix(0, 1);
	set_begin(2);
	put_template(255, "1:4");
	put_template(256, "1:4");
	set_end();
	assert_int_equal(send_message(), DECODE_BAD_TEMPLATE);
	assert_false(known(1, 255));
	assert_int_equal(counted(ACCOUNT_TEMPLATES_REFUSED), 1);
	assert_int_equal(bench.store->n_templates, known(1, 256));
}

static void records_of_no_or_too_many_bytes_are_refused(void **state)
{
	(void)state;
	assert_int_equal(learn(1, 256, "1:0"), DECODE_BAD_TEMPLATE);
	assert_int_equal(learn(1, 256, "1:0 2:0"), DECODE_BAD_TEMPLATE);
	assert_int_equal(learn(1, 256, "1:65534 2:2"), DECODE_BAD_TEMPLATE);
	assert_int_equal(learn(1, 256, "1:65534 82:v"), DECODE_OK);
	start_v9(0, 1);
	set_begin(0);
	put_uint(256, 2);
	put_uint(0, 2); /* v9 has no withdrawals */
	set_end();
	assert_int_equal(send_message(), DECODE_BAD_TEMPLATE);
	assert_int_equal(counted(ACCOUNT_TEMPLATES_REFUSED), 4);
}

static void more_scope_than_fields_is_refused(void **state)
{
	(void)state;
	start_ipfix(0, 1);
	set_begin(3);
	put_uint(256, 2);
	put_uint(1, 2);
	put_uint(2, 2);
	put_fields("149:4", true);
	set_end();
	assert_int_equal(send_message(), DECODE_BAD_TEMPLATE);
	assert_int_equal(counted(ACCOUNT_TEMPLATES_REFUSED), 1);
	assert_false(known(1, 256));
}

/* RFC 3954 section 6.1: lengths in bytes, so they could be no whole number of fields. */
static void odd_lengths_of_v9_options_are_refused(void **state)
{
	(void)state;
	for (int odd = 1; odd < 3; odd++) {
		bench_open(BATCH_ROWS);
		start_v9(0, 1);
		add_options_template(256, "1:4", "34:4");
		msg[set_at + 7] = odd == 1 ? 5 : 4;
		msg[set_at + 9] = odd == 2 ? 6 : 4;
		assert_int_equal(send_message(), DECODE_BAD_TEMPLATE);
		assert_null(template_find(domain(FLOW_NETFLOW_V9, 1), 256));
		assert_int_equal(counted(ACCOUNT_TEMPLATES_REFUSED), 1);
	}
}

static void padding_after_templates_is_none(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < 12; n++)
		for (int kind = 0; kind < 4; kind++) {
			bench_open(BATCH_ROWS);
			if (kind & 1)
				start_v9(0, 1);
			else
				start_ipfix(0, 1);
			if (kind & 2)
				add_options_template(256, "1:4", "34:4");
			else
				add_template(256, "1:4");
			put_zeros(n);
			set_end();
			assert_int_equal(send_message(), DECODE_OK);
			assert_int_equal(counted(ACCOUNT_TEMPLATES_LEARNT), 1);
			assert_int_equal(counted(ACCOUNT_TEMPLATES_REFUSED), 0);
		}
}

/* Each cut of a set of two templates: the first is learnt once it is whole, the second is refused
 * and counted. */
static void a_truncated_definition_is_refused(void **state)
{
	(void)state;
	for (int options = 0; options < 2; options++) {
		uint32_t begin, first, whole;

		start_ipfix(0, 1);
		set_begin(options ? 3 : 2);
		begin = msg_len;
		for (uint16_t id = 256; id < 258; id++) {
			if (options)
				put_options_template(id, "149:4", "9.34:4 34:4");
			else
				put_template(id, "1:4 9.2:4 82:v");
			if (id == 256)
				first = msg_len;
		}
		whole = msg_len;
		for (msg_len = begin; msg_len < whole; msg_len++) {
			uint32_t rest = (msg_len < first ? msg_len - begin : msg_len - first);

			bench_open(BATCH_ROWS);
			set_end();
			/* fewer than four bytes are padding */
			assert_int_equal(send_message(),
					 rest < 4 ? DECODE_OK : DECODE_BAD_TEMPLATE);
			assert_int_equal(known(1, 256), msg_len >= first);
			assert_false(known(1, 257));
			assert_int_equal(counted(ACCOUNT_TEMPLATES_REFUSED), rest >= 4);
		}
	}
}

static void a_template_expires_when_it_is_not_refreshed(void **state)
{
	const uint64_t timeout = bench.options.template_timeout * NS_PER_S;
	const uint64_t begin = bench.now_ns;

	(void)state;
	learn(1, 256, "1:4");
	learn(1, 257, "1:4");
	bench.now_ns = begin + timeout / 2;
	learn(1, 256, "1:4");
	bench.now_ns = begin + timeout - NS_PER_S;
	send_data(1, 257, 5, 4); /* data is no refresh */
	exporter_store_expire(bench.store, bench.now_ns, &bench.account);
	assert_int_equal(counted(ACCOUNT_TEMPLATES_EXPIRED), 0);
	exporter_store_expire(bench.store, begin + timeout + NS_PER_S, &bench.account);
	assert_int_equal(counted(ACCOUNT_TEMPLATES_EXPIRED), 1);
	assert_true(known(1, 256));
	assert_false(known(1, 257));
	assert_int_equal(bench.store->n_templates, 1);
}

static void a_timeout_of_zero_is_none(void **state)
{
	(void)state;
	bench.options.template_timeout = 0;
	bench_open(BATCH_ROWS);
	learn(1, 256, "1:4");
	send_data(1, 256, 5, 4);
	exporter_store_expire(bench.store, bench.now_ns + 1000000 * NS_PER_S, &bench.account);
	assert_true(known(1, 256));
}

/* What would take the memory of many counts as many: 64 fields are more than a KiB, 8 are not. */
static void large_templates_count_as_several(void **state)
{
	char spec[2000] = "";
	uint32_t small;

	(void)state;
	bench.options.max_templates_per_exporter = 4;
	bench_open(BATCH_ROWS);
	for (unsigned i = 0; i < 160; i++)
		snprintf(spec + strlen(spec), sizeof(spec) - strlen(spec), "%u:4 ", 100 + i);
	start_ipfix(0, 1);
	add_template(300, spec);
	add_template(301, spec);
	add_template(302, spec);
	assert_int_equal(send_message(), DECODE_TOO_MANY_TEMPLATES);
	small = bench.store->n_templates;
	assert_in_range(small, 1, 2);
	assert_in_range(bench.store->template_kib, 2 * small, 4);
	/* One that becomes smaller always may, and makes room. */
	start_ipfix(0, 1);
	add_template(300, "1:4");
	add_template(303, "1:4");
	assert_int_equal(send_message(), DECODE_OK);
	assert_int_equal(bench.store->n_templates, small + 1);
	/* One that becomes larger needs room for the rest. */
	start_ipfix(0, 1);
	add_template(304, "1:4");
	send_message();
	start_ipfix(0, 1);
	add_template(303, spec);
	assert_int_equal(send_message(), DECODE_TOO_MANY_TEMPLATES);
	exporter_store_expire(bench.store,
			      bench.now_ns + NS_PER_S * (bench.options.template_timeout + 1),
			      &bench.account);
	assert_int_equal(bench.store->template_kib, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bench_test(large_templates_count_as_several),
		bench_test(a_template_is_kept_and_refreshed),
		bench_test(a_redefinition_holds_from_then_on),
		bench_test(an_options_template_may_replace_a_template),
		bench_test(one_or_all_are_withdrawn),
		bench_test(a_withdrawal_and_a_new_definition_in_one_set),
		bench_test(one_id_in_two_exporters_domains_and_versions),
		bench_test(limits_per_exporter_and_in_all),
		bench_test(a_refused_template_does_not_touch_its_neighbours),
		bench_test(ids_of_sets_are_no_template_ids),
		bench_test(records_of_no_or_too_many_bytes_are_refused),
		bench_test(more_scope_than_fields_is_refused),
		bench_test(odd_lengths_of_v9_options_are_refused),
		bench_test(padding_after_templates_is_none),
		bench_test(a_truncated_definition_is_refused),
		bench_test(a_template_expires_when_it_is_not_refreshed),
		bench_test(a_timeout_of_zero_is_none),
	};

	return RUN_TESTS(tests);
}
