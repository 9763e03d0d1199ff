/* What is remembered of exporters: limits, expiry of spoofed sources, bounded memory.
 * SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>

#include "decode/template.h"
#include "decode_build.h"

static enum decode_status send_template(uint32_t domain)
{
	start_ipfix(0, domain);
	add_template(256, "1:4");
	return send_message();
}

static void send_flow(uint32_t domain)
{
	start_ipfix(0, domain);
	add_template(256, "1:4");
	set_begin(256);
	put_uint(1, 4);
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	only_flow();
}

static void expire_after(uint64_t seconds)
{
	bench.now_ns += seconds * NS_PER_S;
	exporter_store_expire(bench.store, bench.now_ns, &bench.account);
	rcu_quiescent_state();
}

static bool count_exporter(struct exporter *e, void *arg)
{
	(void)e;
	++*(unsigned *)arg;
	return true;
}

static bool count_domain(struct domain *d, void *arg)
{
	(void)d;
	++*(unsigned *)arg;
	return true;
}

static unsigned exporters(void)
{
	unsigned n = 0;

	exporter_each(bench.store, count_exporter, &n);
	return n;
}

static unsigned domains(void)
{
	unsigned n = 0;

	domain_each(bench.store, count_domain, &n);
	return n;
}

static bool stop_at_two(struct domain *d, void *arg)
{
	(void)d;
	return ++*(unsigned *)arg < 2;
}

/* The clock jumps by this much, and the exporters send on as if nothing had been. */
static void set_clock(int64_t seconds)
{
	int64_t by = seconds * (int64_t)NS_PER_S;

	bench.now_ns += (uint64_t)by;
	exporter_store_clock_set(bench.store, by, bench.now_ns);
	expire_after(0);
}

static void a_clock_that_is_set_makes_nothing_old(void **state)
{
	(void)state;
	send_flow(1);
	send_template(2);
	set_clock(86400);
	assert_int_equal(domains(), 2);
	set_clock(-2 * 86400);
	assert_int_equal(domains(), 2);
	assert_int_equal(bench.account.n[ACCOUNT_TEMPLATES_EXPIRED], 0);
	/* … nor young: what is not sent again expires in its time on the new clock. */
	expire_after(decode_defaults.template_timeout - 1);
	assert_int_equal(bench.account.n[ACCOUNT_TEMPLATES_EXPIRED], 0);
	expire_after(2);
	assert_int_equal(bench.account.n[ACCOUNT_TEMPLATES_EXPIRED], 2);
}

static void counts_are_kept_per_exporter_and_worker(void **state)
{
	struct exporter *x;

	(void)state;
	send_flow(1);
	start_ipfix(0, 1);
	set_begin(999);
	put_zeros(70000 % 4000);
	set_end();
	send_message();
	send_bytes((const uint8_t *)"\0\x09xx", 4); /* too short */
	bench.decoder.context.worker = 1;
	bench.now_ns += 5;
	send_flow(2);
	x = exporter_get(bench.store, &bench.source, 0);
	assert_int_equal(x->counts[0].datagrams, 3);
	assert_int_equal(x->counts[0].flows, 1);
	assert_int_equal(x->counts[0].records, 1);
	assert_int_equal(x->counts[0].malformed, 1);
	assert_int_equal(x->counts[0].versions, 1u << FLOW_IPFIX | 1u << FLOW_NETFLOW_V9);
	assert_int_equal(x->counts[1].datagrams, 1);
	assert_int_equal(x->counts[1].flows, 1);
	assert_int_equal(x->counts[1].bytes, msg_len);
	assert_int_equal(x->counts[1].last_seen_ns, bench.now_ns);
	assert_int_equal(exporters(), 1);
	assert_int_equal(domains(), 2);
}

static void walks_stop_when_told_to(void **state)
{
	unsigned n = 0;

	(void)state;
	for (uint32_t i = 0; i < 5; i++)
		send_flow(i);
	bench.source = v4(0xc0000202);
	send_flow(0);
	domain_each(bench.store, stop_at_two, &n);
	assert_int_equal(n, 2);
}

static void one_too_many_is_refused_and_counted(void **state)
{
	(void)state;
	bench.options.max_exporters = 10;
	bench_open(BATCH_ROWS);
	for (uint32_t i = 0; i < 12; i++) {
		bench.source = v4(0x0a000000 + i);
		assert_int_equal(send_template(1), i < 10 ? DECODE_OK : DECODE_TOO_MANY_EXPORTERS);
	}
	assert_int_equal(counted(ACCOUNT_EXPORTER_LIMIT), 2);
	assert_int_equal(counted(ACCOUNT_DECODED), 10);
	assert_int_equal(exporters(), 10);
	bench.source = v4(0x0a000003); /* who is known goes on */
	send_flow(1);
}

static void domains_are_bounded(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < decode_defaults.max_domains_per_exporter + 3; i++)
		send_template(i);
	assert_int_equal(domains(), decode_defaults.max_domains_per_exporter);
	assert_int_equal(counted(ACCOUNT_MALFORMED), 3);
	bench.options.max_exporters = 1; /* then there are few in all, too */
	bench_open(BATCH_ROWS);
	for (uint32_t i = 0; i < 100; i++)
		send_template(i);
	assert_in_range(domains(), 1, 99);
}

static void spoofed_sources_go_soon(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		bench.source = v4(0x0a000000 + i);
		send_bytes((const uint8_t *)"\0\x0axxxx", 6);
	}
	bench.source = v4(0xc0000201);
	send_flow(1);
	bench.source = v4(0xc0000202);
	send_template(1);
	assert_int_equal(exporters(), 1002);
	expire_after(59);
	assert_int_equal(exporters(), 1002);
	expire_after(2);
	assert_int_equal(exporters(), 2);
	expire_after(bench.options.template_timeout);
	assert_int_equal(exporters(), 0);
	assert_int_equal(domains(), 0);
	assert_int_equal(counted(ACCOUNT_TEMPLATES_EXPIRED), 2);
	assert_int_equal(bench.store->n_templates, 0);
	assert_int_equal(bench.store->n_domains, 0);
}

/* Where the table fills up with sources that send templates only, flows tell who is real. */
static void only_templates_are_no_reason_to_stay_in_a_crowd(void **state)
{
	(void)state;
	bench.options.max_exporters = 100;
	bench_open(BATCH_ROWS);
	bench.source = v4(0xc0000201);
	send_flow(1);
	for (uint32_t i = 0; i < 99; i++) {
		bench.source = v4(0x0a000000 + i);
		send_template(1);
	}
	assert_int_equal(exporters(), 100);
	expire_after(61);
	assert_int_equal(exporters(), 1);
	bench.source = v4(0xc0000201);
	send_flow(1);
	assert_int_equal(counted(ACCOUNT_TEMPLATES_EXPIRED), 99);
	assert_int_equal(counted(ACCOUNT_TEMPLATES_LEARNT), 100);
	assert_int_equal(counted(ACCOUNT_TEMPLATES_REFRESHED), 1);
}

/* Exporters that are busy sending templates and nothing else give way after a while. */
static void a_busy_flood_of_templates_does_not_stay(void **state)
{
	uint32_t flood = 0;

	(void)state;
	bench.options.max_exporters = 16;
	bench.options.max_templates = 256;
	bench_open(BATCH_ROWS);
	for (unsigned second = 0; second <= 60; second++) {
		bench.now_ns += NS_PER_S;
		for (uint32_t i = 0; i < 4; i++) {
			bench.source = v4(0x0a000000 + i);
			start_ipfix(0, 1);
			for (unsigned t = 0; t < 8; t++)
				add_template((uint16_t)(256 + flood++ % 60000), "1:4 2:4 7:2");
			send_message();
		}
		if (second == 30)
			assert_true(counted(ACCOUNT_TEMPLATES_REFUSED) > 0);
		exporter_store_expire(bench.store, bench.now_ns, &bench.account);
	}
	assert_int_equal(exporters(), 0);
	assert_int_equal(bench.store->n_templates, 0);
	assert_int_equal(bench.store->template_kib, 0);
	assert_int_equal(bench.store->shared_kib, 0);
}

/* Half the room is set aside in equal shares. */
static void a_newcomer_finds_room_for_templates_in_a_flood(void **state)
{
	(void)state;
	bench.options.max_exporters = 16;
	bench.options.max_templates = 64; /* shares of two */
	bench_open(BATCH_ROWS);
	bench.source = v4(0x0a000001);
	for (unsigned t = 0; t < 100; t++) {
		start_ipfix(0, 1);
		add_template((uint16_t)(256 + t), "1:4 2:4 7:2");
		send_message();
	}
	assert_int_equal(bench.store->n_templates, 2 + 32);
	for (uint32_t i = 0; i < 15; i++) {
		bench.source = v4(0xc0000201 + i);
		start_ipfix(0, 1);
		add_template(256, "1:4");
		add_template(257, "1:4");
		assert_int_equal(send_message(), DECODE_OK);
		start_ipfix(0, 1);
		add_template(258, "1:4");
		assert_int_equal(send_message(), DECODE_TOO_MANY_TEMPLATES);
	}
	assert_int_equal(bench.store->n_templates, 64);
	bench.source = v4(0x0a000001); /* what the flood gives back others may have */
	start_ipfix(0, 1);
	set_begin(2);
	put_uint(256u << 16, 4);
	set_end();
	send_message();
	bench.source = v4(0xc0000201);
	start_ipfix(0, 1);
	add_template(258, "1:4");
	assert_int_equal(send_message(), DECODE_OK);
}

static void an_exporter_that_returns_begins_anew(void **state)
{
	(void)state;
	send_flow(1);
	expire_after(bench.options.template_timeout + 1);
	assert_int_equal(exporters(), 0);
	start_ipfix(50, 1);
	set_begin(256);
	put_uint(1, 4);
	set_end();
	assert_int_equal(send_message(), DECODE_NO_TEMPLATE);
	assert_int_equal(counted(ACCOUNT_SEQUENCE_LOST), 0);
}

/* A flood of templates from random sources: what it costs is limited, and given back. */
static void a_flood_costs_bounded_memory(void **state)
{
	struct mallinfo2 before = mallinfo2(), peak, after;
	uint64_t random = 88172645463325252u;

	(void)state;
	bench.options.max_exporters = 2000;
	bench.options.max_templates = 8000;
	bench.options.max_templates_per_exporter = 100;
	bench_open(BATCH_ROWS);
	for (uint32_t i = 0; i < 300000; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		bench.source = v4((uint32_t)random % 20000);
		start_ipfix(0, random >> 32 & 3);
		set_begin(2);
		put_uint(256 + (random >> 40) % 4096, 2);
		put_uint(3, 2);
		put_uint(random & 0x00ff00ff00ffu, 6);
		put_uint(random >> 8 & 0x00ff00ff00ffu, 6);
		set_end();
		send_message();
		if (i % 1000 == 0) {
			bench.now_ns += NS_PER_S / 10;
			exporter_store_expire(bench.store, bench.now_ns, &bench.account);
		}
	}
	assert_true(bench.store->n_templates <= 8000);
	assert_true(exporters() <= 2000);
	assert_true(counted(ACCOUNT_EXPORTER_LIMIT) > 0);
	assert_true(counted(ACCOUNT_TEMPLATES_REFUSED) > 0);
	rcu_barrier();
	peak = mallinfo2();
	assert_true(peak.uordblks - before.uordblks < 16u << 20);
	expire_after(bench.options.template_timeout);
	assert_int_equal(exporters(), 0);
	rcu_barrier();
	bench_close();
	after = mallinfo2();
	assert_true(after.uordblks < before.uordblks + (64u << 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bench_test(counts_are_kept_per_exporter_and_worker),
		bench_test(walks_stop_when_told_to),
		bench_test(one_too_many_is_refused_and_counted),
		bench_test(domains_are_bounded),
		bench_test(spoofed_sources_go_soon),
		bench_test(only_templates_are_no_reason_to_stay_in_a_crowd),
		bench_test(a_busy_flood_of_templates_does_not_stay),
		bench_test(a_newcomer_finds_room_for_templates_in_a_flood),
		bench_test(an_exporter_that_returns_begins_anew),
		bench_test(a_clock_that_is_set_makes_nothing_old),
		bench_test(a_flood_costs_bounded_memory),
	};

	return RUN_TESTS(tests);
}
