/* For tests of the decoder: builds NetFlow and IPFIX messages, sends them, keeps the flows.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TEST_DECODE_BUILD_H
#define WEIR_TEST_DECODE_BUILD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <urcu-qsbr.h>

#include <cmocka.h>

#include "decode/decoder.h"
#include "decode/exporter.h"

enum { FLOWS_MAX = 2048, BATCH_ROWS = 64 };

static const uint64_t NS_PER_S = 1000000000u;
static const uint32_t EXPORT_S = 1700000000u; /* export time of the messages built here */
static const uint32_t UPTIME_MS = 500000;

/* A datagram in the making. */
static uint8_t msg[65536];
static uint32_t msg_len, set_at;

/* What the tests work with: a decoder over a fresh store, and the flows of the last send(). */
static struct {
	struct decode_options options; /* in force from the next bench_open() on */
	struct exporter_store *store;
	struct account account;
	struct decoder decoder;
	struct flow_batch batch;
	struct ip_addr source;
	uint64_t now_ns;
	struct flow flows[FLOWS_MAX];
	struct flow_ext exts[FLOWS_MAX];
	uint32_t n;
	char texts[65536]; /* the flows' texts, each with a NUL */
	uint32_t texts_len;
} bench;

/* Building. */

static inline void put_uint(uint64_t v, uint32_t width)
{
	assert_true(msg_len + width <= sizeof(msg));
	while (width--)
		msg[msg_len++] = (uint8_t)(v >> 8 * width);
}

static inline void put_bytes(const void *p, uint32_t n)
{
	assert_true(msg_len + n <= sizeof(msg));
	memcpy(msg + msg_len, p, n);
	msg_len += n;
}

static inline void put_double(double d)
{
	uint64_t bits;

	memcpy(&bits, &d, sizeof(bits));
	put_uint(bits, 8);
}

/* 2001:db8::<last> */
static inline void put_v6(uint8_t last)
{
	const uint8_t a[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = last};

	put_bytes(a, sizeof(a));
}

static inline void put_zeros(uint32_t n)
{
	while (n--)
		put_uint(0, 1);
}

/* A variable-length value with the short, or (long_form) the three-byte length. */
static inline void put_variable(const void *p, uint32_t n, bool long_form)
{
	if (long_form || n > 254) {
		put_uint(255, 1);
		put_uint(n, 2);
	} else {
		put_uint(n, 1);
	}
	put_bytes(p, n);
}

static inline void start_v9(uint32_t sequence, uint32_t source_id)
{
	msg_len = 0;
	put_uint(9, 2);
	put_uint(1, 2);
	put_uint(UPTIME_MS, 4);
	put_uint(EXPORT_S, 4);
	put_uint(sequence, 4);
	put_uint(source_id, 4);
}

static inline void start_ipfix(uint32_t sequence, uint32_t domain)
{
	msg_len = 0;
	put_uint(10, 2);
	put_uint(0, 2);
	put_uint(EXPORT_S, 4);
	put_uint(sequence, 4);
	put_uint(domain, 4);
}

static inline bool is_v9(void)
{
	return msg[1] == 9;
}

static inline void patch16(uint32_t at, uint32_t v)
{
	msg[at] = (uint8_t)(v >> 8);
	msg[at + 1] = (uint8_t)v;
}

static inline void set_begin(uint16_t id)
{
	set_at = msg_len;
	put_uint(id, 2);
	put_uint(0, 2);
}

static inline void set_end(void)
{
	patch16(set_at + 2, msg_len - set_at);
}

/* Fields as text: "8:4 12:4 29305.1:8 315:v", an element with its length (v: variable), before a
 * point its enterprise number. Returns how many there are; writes them if `write`. */
static inline uint32_t put_fields(const char *spec, bool write)
{
	uint32_t n = 0;

	while (*spec) {
		char *end;
		unsigned long id = strtoul(spec, &end, 10), pen = 0, length = 65535;

		if (*end == '.') {
			pen = id;
			id = strtoul(end + 1, &end, 10);
		}
		assert_int_equal(*end, ':');
		if (end[1] == 'v')
			end += 2;
		else
			length = strtoul(end + 1, &end, 10);
		if (write) {
			put_uint(pen ? id | 0x8000 : id, 2);
			put_uint(length, 2);
			if (pen)
				put_uint(pen, 4);
		}
		n++;
		while (*end == ' ')
			end++;
		spec = end;
	}
	return n;
}

static inline void put_template(uint16_t id, const char *spec)
{
	put_uint(id, 2);
	put_uint(put_fields(spec, false), 2);
	put_fields(spec, true);
}

static inline void put_options_template(uint16_t id, const char *scope, const char *spec)
{
	uint32_t n_scope = put_fields(scope, false), n = put_fields(spec, false);

	put_uint(id, 2);
	if (is_v9()) {
		put_uint(n_scope * 4, 2);
		put_uint(n * 4, 2);
	} else {
		put_uint(n_scope + n, 2);
		put_uint(n_scope, 2);
	}
	put_fields(scope, true);
	put_fields(spec, true);
}

/* Sets of one template. */
static inline void add_template(uint16_t id, const char *spec)
{
	set_begin(is_v9() ? 0 : 2);
	put_template(id, spec);
	set_end();
}

static inline void add_options_template(uint16_t id, const char *scope, const char *spec)
{
	set_begin(is_v9() ? 1 : 3);
	put_options_template(id, scope, spec);
	set_end();
}

/* Sending. */

static inline struct ip_addr v4(uint32_t a)
{
	const uint8_t b[4] = {(uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8),
			      (uint8_t)a};
	struct ip_addr r;

	ip_from_v4(&r, b);
	return r;
}

static inline struct ip_addr v6(uint8_t last)
{
	return (struct ip_addr){.b = {0x20, 0x01, 0x0d, 0xb8, [15] = last}};
}

static inline void keep_text(struct text *t)
{
	if (!t->p)
		return;
	assert_true(bench.texts_len + t->len + 1 <= sizeof(bench.texts));
	t->p = memcpy(bench.texts + bench.texts_len, t->p, t->len);
	bench.texts_len += t->len;
	bench.texts[bench.texts_len++] = 0;
}

/* The batch's full(): what the flows refer to is copied, too. */
static inline void keep_flows(struct flow_batch *b, void *arg)
{
	(void)arg;
	assert_true(b->n_exts <= b->n);
	assert_true(bench.n + b->n <= FLOWS_MAX);
	for (uint32_t i = 0; i < b->n; i++) {
		struct flow *f = &bench.flows[bench.n];

		*f = b->rows[i];
		if (f->ext) {
			struct flow_ext *e = &bench.exts[bench.n];

			*e = *f->ext;
			f->ext = e;
			keep_text(&e->application_name);
			keep_text(&e->in_if_name);
			keep_text(&e->out_if_name);
			keep_text(&e->ingress_vrf_name);
			keep_text(&e->egress_vrf_name);
			keep_text(&e->sampler_name);
			keep_text(&e->src_user);
			keep_text(&e->dst_user);
		}
		bench.n++;
	}
	b->n = b->n_exts = b->n_samples = 0;
}

static inline void bench_close(void)
{
	if (!bench.store)
		return;
	exporter_store_free(bench.store);
	flow_batch_free(&bench.batch);
	bench.store = NULL;
}

static inline void bench_open(uint32_t batch_rows)
{
	bench_close();
	memset(&bench.account, 0, sizeof(bench.account));
	bench.store = exporter_store_new(&bench.options, 2);
	assert_non_null(bench.store);
	assert_int_equal(flow_batch_init(&bench.batch, batch_rows, 1), 0);
	bench.batch.full = keep_flows;
	decoder_init(&bench.decoder, &bench.store->options, bench.store, &bench.account, 0);
	bench.source = v4(0xc0000201);
	bench.now_ns = (EXPORT_S + 1) * NS_PER_S;
}

/* cmocka's setup and teardown: default options, fresh store. */
static inline int bench_setup(void **state)
{
	(void)state;
	bench.options = decode_defaults;
	bench_open(BATCH_ROWS);
	return 0;
}

static inline int bench_teardown(void **state)
{
	(void)state;
	bench_close();
	return 0;
}

/* Decodes len bytes as one datagram; they are copied to where sanitizers see each step beyond. */
static inline enum decode_status send_bytes(const uint8_t *p, uint32_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct datagram dg = {.data = copy,
			      .len = len,
			      .src_port = 1234,
			      .dst_port = 4739,
			      .src = bench.source,
			      .received_ns = bench.now_ns};
	enum decode_status status;

	assert_non_null(copy);
	memcpy(copy, p, len);
	bench.n = bench.texts_len = 0;
	decoder_fetch(&bench.decoder, &dg, 1); /* changes nothing */
	status = decoder_datagram(&bench.decoder, &dg, &bench.batch);
	keep_flows(&bench.batch, NULL);
	free(copy);
	rcu_quiescent_state();
	return status;
}

/* The same with the message built above, whose IPFIX length is filled in. */
static inline enum decode_status send_message(void)
{
	if (msg[1] == 10)
		patch16(2, msg_len);
	return send_bytes(msg, msg_len);
}

static inline uint64_t counted(enum account_id id)
{
	return account_get(&bench.account, id);
}

/* Looking. */

/* A macro, so that a failure names the test's line. */
#define assert_addr(is, expected)                             \
	do {                                                  \
		struct ip_addr is_ = (is), exp_ = (expected); \
		assert_memory_equal(is_.b, exp_.b, 16);       \
	} while (0)

static inline void assert_text(const struct text *t, const char *expected)
{
	assert_non_null(t->p);
	assert_int_equal(t->len, strlen(expected));
	assert_memory_equal(t->p, expected, t->len);
}

/* The flow of a message that must have given exactly one. */
static inline const struct flow *only_flow(void)
{
	assert_int_equal(bench.n, 1);
	return &bench.flows[0];
}

static inline const struct flow_ext *only_ext(void)
{
	assert_non_null(only_flow()->ext);
	return only_flow()->ext;
}

#define bench_test(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

/* For main(): readers of the store must be known to RCU. */
#define RUN_TESTS(tests)                                            \
	({                                                          \
		int failed;                                         \
		rcu_register_thread();                              \
		failed = cmocka_run_group_tests(tests, NULL, NULL); \
		rcu_unregister_thread();                            \
		failed;                                             \
	})

#endif
