/* Two decoders and an expiry over one store at once: the accounts close, nothing is torn.
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "decode_build.h"

enum { WORKERS = 2, MESSAGES = 8, EXPORTERS = 3, ROUNDS = 20000 };

static struct {
	uint8_t *p;
	uint32_t len;
} messages[MESSAGES];
static uint32_t n_messages;

struct worker {
	unsigned number;
	struct account account;
	struct flow_batch batch;
	uint64_t flows, torn;
};

static bool finished;
static uint64_t horizon; /* s that the clock of the expiry runs ahead */

static void keep_message(void)
{
	if (msg[1] == 10)
		patch16(2, msg_len);
	messages[n_messages].p = malloc(msg_len);
	memcpy(messages[n_messages].p, msg, msg_len);
	messages[n_messages++].len = msg_len;
}

/* A template, another of the same id and record length, data, options, a withdrawal. Whatever is in
 * force, each record's 12 bytes make sense: all bytes of a number are the same. */
static void build_messages(void)
{
	for (int kind = 0; kind < 2; kind++) {
		start_ipfix(0, 1);
		add_template(256, kind ? "1:4 10:4 371:v" : "2:4 14:4 16:4");
		keep_message();
	}
	for (int n = 1; n < 4; n++) {
		start_ipfix(0, 1);
		set_begin(256);
		for (int i = 0; i < 10 * n; i++) {
			put_uint(0x11111111u, 4);
			put_uint(0x22222222u, 4);
			put_variable("abc", 3, false);
		}
		set_end();
		keep_message();
	}
	start_ipfix(0, 1);
	add_options_template(300, "10:4", "34:4 82:4");
	set_begin(300);
	put_uint(0x22222222u, 4);
	put_uint(0x33333333u, 4);
	put_bytes("name", 4);
	set_end();
	keep_message();
	start_ipfix(0, 1);
	set_begin(2);
	put_uint(256u << 16, 4);
	set_end();
	keep_message();
	start_v9(0, 1);
	add_template(256, "1:4");
	set_begin(256);
	put_uint(0x11111111u, 4);
	set_end();
	keep_message();
	assert_int_equal(n_messages, MESSAGES);
}

static bool odd(uint64_t value, uint64_t one)
{
	return value && value != one;
}

static void check_flows(struct flow_batch *b, void *arg)
{
	struct worker *w = arg;

	for (uint32_t i = 0; i < b->n; i++) {
		const struct flow *f = &b->rows[i];

		w->torn += odd(f->bytes, 0x11111111u) || odd(f->packets, 0x11111111u) ||
			   odd(f->in_if, 0x22222222u) || odd(f->out_if, 0x22222222u) ||
			   (f->sampling_rate != 1 && f->sampling_rate != 0x33333333u);
		if (f->ext && f->ext->in_if_name.p)
			w->torn += memcmp(f->ext->in_if_name.p, "name", 4) != 0;
	}
	w->flows += b->n;
	b->n = b->n_exts = b->n_samples = 0;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct decoder d;
	uint32_t random = 2463534242u + w->number;

	rcu_register_thread();
	w->batch.full = check_flows;
	w->batch.arg = w;
	decoder_init(&d, &bench.store->options, bench.store, &w->account, w->number);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct datagram dg = {.received_ns = bench.now_ns + i * 1000000ull};

		random ^= random << 13;
		random ^= random >> 17;
		random ^= random << 5;
		dg.data = messages[random % MESSAGES].p;
		dg.len = messages[random % MESSAGES].len;
		dg.src = v4(0x0a000000 + (random >> 16) % EXPORTERS);
		decoder_datagram(&d, &dg, &w->batch);
		check_flows(&w->batch, w);
		rcu_quiescent_state();
	}
	rcu_unregister_thread();
	return NULL;
}

static void *expire(void *arg)
{
	struct account *account = arg;
	uint64_t s = 0;

	rcu_register_thread();
	while (!__atomic_load_n(&finished, __ATOMIC_ACQUIRE)) {
		exporter_store_expire(bench.store, bench.now_ns + s++ % horizon * NS_PER_S,
				      account);
		rcu_quiescent_state();
	}
	rcu_unregister_thread();
	return NULL;
}

static uint64_t sum(const struct worker *w, const struct account *expiry, enum account_id id)
{
	return account_get(&w[0].account, id) + account_get(&w[1].account, id) +
	       account_get(expiry, id);
}

static void decode_and_expire(bool exporters_go)
{
	struct worker w[WORKERS] = {0};
	struct account expiry = {0};
	pthread_t threads[WORKERS], expirer;
	uint64_t waited, ended;

	horizon = exporters_go ? 100 : 40;
	finished = false;
	n_messages = 0;
	bench.options.template_timeout = 50;
	bench.options.waiting_timeout = 30;
	bench.options.max_waiting_bytes_per_exporter = bench.options.max_waiting_bytes = 1 << 30;
	bench_open(BATCH_ROWS);
	build_messages();
	for (unsigned i = 0; i < WORKERS; i++) {
		w[i].number = i;
		assert_int_equal(flow_batch_init(&w[i].batch, 16, 1), 0);
		assert_int_equal(pthread_create(&threads[i], NULL, work, &w[i]), 0);
	}
	assert_int_equal(pthread_create(&expirer, NULL, expire, &expiry), 0);
	rcu_thread_offline();
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	__atomic_store_n(&finished, true, __ATOMIC_RELEASE);
	pthread_join(expirer, NULL);
	rcu_thread_online();
	exporter_store_expire(bench.store, bench.now_ns + 10000 * NS_PER_S, &expiry);

	for (unsigned i = 0; i < WORKERS; i++) {
		assert_int_equal(w[i].torn, 0);
		assert_int_equal(w[i].flows, account_get(&w[i].account, ACCOUNT_FLOWS));
		assert_true(w[i].flows > 0);
		flow_batch_free(&w[i].batch);
	}
	assert_int_equal(sum(w, &expiry, ACCOUNT_DECODED) +
				 sum(w, &expiry, ACCOUNT_DECODED_PARTLY) +
				 sum(w, &expiry, ACCOUNT_MALFORMED) +
				 sum(w, &expiry, ACCOUNT_EXPORTER_LIMIT),
			 WORKERS * ROUNDS);
	waited = sum(w, &expiry, ACCOUNT_SETS_WAITING);
	ended = sum(w, &expiry, ACCOUNT_SETS_RESUMED) + sum(w, &expiry, ACCOUNT_SETS_NO_TEMPLATE);
	assert_true(waited > 0);
	/* nothing may wait any more where the exporter is just being removed */
	assert_true(exporters_go ? ended >= waited : ended == waited);
	assert_int_equal(bench.store->n_templates, 0);
	assert_int_equal(bench.store->waiting_bytes, 0);
	for (uint32_t i = 0; i < MESSAGES; i++)
		free(messages[i].p);
}

static void accounts_close_over_a_shared_store(void **state)
{
	(void)state;
	decode_and_expire(false);
}

static void exporters_are_removed_while_they_send(void **state)
{
	(void)state;
	decode_and_expire(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bench_test(accounts_close_over_a_shared_store),
		bench_test(exporters_are_removed_while_they_send),
	};

	return RUN_TESTS(tests);
}
