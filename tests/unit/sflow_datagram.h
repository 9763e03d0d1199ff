/* What the tests of sFlow share: building a datagram, decoding and printing it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TEST_SFLOW_H
#define WEIR_TEST_SFLOW_H

#include <arpa/inet.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "decode/exporter.h"
#include "decode/sflow_counters.h"
#include "decode/sflow_print.h"

/* A datagram in the making: lengths are filled in when a part is closed. */
static uint8_t data[4096];
static uint32_t len, sample_at, record_at, samples_at, records_at;

static inline void put32(uint32_t v)
{
	v = htonl(v);
	memcpy(data + len, &v, 4);
	len += 4;
}

static inline void set32(uint32_t at, uint32_t v)
{
	v = htonl(v);
	memcpy(data + at, &v, 4);
}

static inline void add32(uint32_t at, uint32_t by)
{
	set32(at, be32(data + at) + by);
}

static inline void put(const void *p, uint32_t n)
{
	memcpy(data + len, p, n);
	memset(data + len + n, 0, 4);
	len += (n + 3) & ~3u;
}

static inline void put_text(const char *s)
{
	put32((uint32_t)strlen(s));
	put(s, (uint32_t)strlen(s));
}

static inline void put_v4(const char *s)
{
	uint8_t a[4];

	assert_int_equal(inet_pton(AF_INET, s, a), 1);
	put(a, 4);
}

static inline void put_address(const char *s)
{
	uint8_t a[16];

	if (strchr(s, ':')) {
		assert_int_equal(inet_pton(AF_INET6, s, a), 1);
		put32(2);
		put(a, 16);
	} else {
		put32(1);
		put_v4(s);
	}
}

static inline void begin(const char *agent, uint32_t sub_agent, uint32_t sequence)
{
	len = 0;
	put32(5);
	put_address(agent);
	put32(sub_agent);
	put32(sequence);
	put32(1000); /* uptime */
	samples_at = len;
	put32(0);
}

static inline void begin_sample(uint32_t format)
{
	add32(samples_at, 1);
	put32(format);
	sample_at = len;
	put32(0);
}

static inline void end_sample(void)
{
	set32(sample_at, len - sample_at - 4);
}

static inline void begin_records(void)
{
	records_at = len;
	put32(0);
}

static inline void begin_record(uint32_t format)
{
	add32(records_at, 1);
	put32(format);
	record_at = len;
	put32(0);
}

static inline void end_record(void)
{
	set32(record_at, len - record_at - 4);
}

static inline void begin_flow(uint32_t rate, uint32_t in, uint32_t out)
{
	begin_sample(SFLOW_FLOW_SAMPLE);
	put32(77);	     /* sequence */
	put32(2u << 24 | 9); /* source */
	put32(rate);
	put32(123456);
	put32(3); /* drops */
	put32(in);
	put32(out);
	begin_records();
}

static const uint8_t udp_frame[] = {
	2,    1,    2, 3,  4, 5,  4, 7, 8,  9,	10, 11, 8,   0,			    /* Ethernet */
	0x45, 0,    0, 32, 0, 1,  0, 0, 64, 17, 0,  0,	192, 0, 2, 1, 192, 0, 2, 2, /* IPv4 */
	0x30, 0x39, 0, 53, 0, 12, 0, 0, /* UDP 12345 → 53 */
};

static inline void put_header(uint32_t frame_length)
{
	begin_record(SFLOW_SAMPLED_HEADER);
	put32(1);
	put32(frame_length);
	put32(4);
	put32(sizeof(udp_frame));
	put(udp_frame, sizeof(udp_frame));
	end_record();
}

static inline void put_sampled_ethernet(void)
{
	begin_record(SFLOW_SAMPLED_ETHERNET);
	put32(120);
	put(udp_frame + 6, 6);
	put(udp_frame, 6);
	put32(0x0800);
	end_record();
}

static inline void put_sampled_ipv4(void)
{
	begin_record(SFLOW_SAMPLED_IPV4);
	put32(90);
	put32(6);
	put_v4("10.0.0.1");
	put_v4("10.0.0.2");
	put32(443);
	put32(50000);
	put32(0x12);
	put32(0xb8);
	end_record();
}

static inline void put_gateway(unsigned path)
{
	begin_record(SFLOW_EXTENDED_GATEWAY);
	put_address("203.0.113.9");
	put32(64500); /* own */
	put32(path ? 64999 : 0);
	put32(64501); /* peer */
	put32(path ? 2 : 0);
	if (path) {
		put32(2);
		put32(path);
		for (unsigned i = 0; i < path; i++)
			put32(65000 + i);
		put32(1);
		put32(1);
		put32(4200000000);
	}
	put32(2);
	put32(64500u << 16 | 1);
	put32(64500u << 16 | 2);
	put32(150);
	end_record();
}

/* The decoder under test. */
static struct exporter_store *store;
static struct decode_options options;
static struct account account;
static struct flow_batch batch;
static unsigned fulls;

static inline void full(struct flow_batch *b, void *arg)
{
	(void)arg;
	fulls++;
	b->n = b->n_exts = b->n_samples = 0;
}

static inline enum decode_status decode_n(const uint8_t *p, uint32_t n)
{
	static uint8_t *copy; /* exact, so that the sanitizer sees a read beyond it */
	struct decode_context c = {.options = &options, .store = store, .account = &account};
	struct datagram dg = {.len = n, .received_ns = 1700000000000000000};
	const uint8_t from[4] = {203, 0, 113, 1};

	free(copy);
	copy = malloc(n ? n : 1);
	memcpy(copy, p, n);
	dg.data = copy;
	ip_from_v4(&dg.src, from);
	memset(&account, 0, sizeof(account));
	batch.n = batch.n_exts = batch.n_samples = 0;
	c.exporter = exporter_get(store, &dg.src, dg.received_ns);
	assert_non_null(c.exporter);
	return sflow_decode(&c, &dg, &batch);
}

static inline enum decode_status decode(void)
{
	return decode_n(data, len);
}

static inline uint64_t count(enum account_id id)
{
	return account_get(&account, id);
}

static inline char *print_n(uint32_t n)
{
	struct datagram dg = {.data = data, .len = n};
	struct buffer out = {0};

	sflow_print(&out, &dg, 1);
	buffer_char(&out, 0);
	assert_false(out.failed);
	return out.p;
}

/* The one line that the datagram gives, parsed. */
static inline json_t *print(void)
{
	char *text = print_n(len);
	json_t *o;

	assert_non_null(strchr(text, '\n'));
	o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	free(text);
	return o;
}

static inline json_int_t number(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	assert_true(json_is_integer(v));
	return json_integer_value(v);
}

static inline const json_t *record(const json_t *o, size_t i)
{
	return json_array_get(json_object_get(o, "_records"), i);
}

static inline void assert_ip(const struct ip_addr *a, const char *text)
{
	char got[INET6_ADDRSTRLEN];

	inet_ntop(ip_is_v4(a) ? AF_INET : AF_INET6, ip_is_v4(a) ? a->b + 12 : a->b, got,
		  sizeof(got));
	assert_string_equal(got, text);
}

static inline int setup(void **state)
{
	(void)state;
	options = decode_defaults;
	store = exporter_store_new(&options, 1);
	assert_non_null(store);
	assert_int_equal(flow_batch_init(&batch, 4, 2), 0);
	batch.full = full;
	fulls = 0;
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	flow_batch_free(&batch);
	exporter_store_free(store);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

/* Runs the tests as a reader of the store. */
#define RUN(tests)                                                  \
	({                                                          \
		int failed;                                         \
                                                                    \
		rcu_register_thread();                              \
		failed = cmocka_run_group_tests(tests, NULL, NULL); \
		rcu_unregister_thread();                            \
		failed;                                             \
	})

#endif
