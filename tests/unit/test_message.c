/* The pool of messages: bounds, and memory that follows the load.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "publish/message.h"

enum { CAPACITY = 512 << 10, MAX = 16 << 20, BUFFERS = 200, IN_FLIGHT = 160 };

/* Bytes of the pool that have memory. */
static size_t resident(const struct message_pool *p)
{
	size_t pages = p->stride * p->n / 4096, n = 0;
	unsigned char *in = malloc(pages);

	assert_int_equal(mincore(p->memory, p->stride * p->n, in), 0);
	for (size_t i = 0; i < pages; i++)
		n += in[i] & 1;
	free(in);
	return n * 4096;
}

static struct message *fill(struct message_pool *p, uint32_t len)
{
	struct message *m = message_take(p, false);

	assert_non_null(m);
	assert_int_equal(m->len, 0);
	memset(m->bytes, 7, len);
	m->len = len;
	m->rows = 1;
	message_sent(p, m);
	return m;
}

enum { SECOND = 1000000000 };

/* Many small messages are on their way at a time, then some large ones, time and again: in the end
 * every buffer has been large once. */
static void memory_follows_the_load(void **state)
{
	struct message_pool p;
	struct message *m[IN_FLIGHT];

	(void)state;
	assert_int_equal(message_pool_init(&p, CAPACITY, BUFFERS, MAX), 0);
	for (unsigned round = 0; round < 40; round++) {
		for (unsigned i = 0; i < IN_FLIGHT; i++)
			m[i] = fill(&p, (i + round * 7) % IN_FLIGHT < 24 ? CAPACITY : 2000);
		for (unsigned i = 0; i < IN_FLIGHT; i++)
			message_give_back(&p, m[i]);
		assert_true(resident(&p) < MAX + MAX / 4 + IN_FLIGHT * 2 * 4096 + CAPACITY);
		message_pool_trim(&p, (2 * round + 1) * (uint64_t)SECOND);
		message_pool_trim(&p, (2 * round + 2) * (uint64_t)SECOND);
		assert_true(resident(&p) < MAX / 4 + IN_FLIGHT * 2 * 4096 + CAPACITY);
	}
	assert_int_equal(message_pool_sent_flows(&p), 0);
	message_pool_free(&p);
}

/* Load comes and goes within a second: what it needs is not given back and asked for again. */
static void what_is_needed_time_and_again_keeps_its_memory(void **state)
{
	enum { N = MAX / CAPACITY };
	struct message_pool p;
	struct message *m[N];
	size_t before = 0;

	(void)state;
	assert_int_equal(message_pool_init(&p, CAPACITY, BUFFERS, MAX), 0);
	for (unsigned round = 1; round < 10; round++) {
		for (unsigned i = 0; i < N; i++)
			m[i] = fill(&p, CAPACITY);
		for (unsigned i = 0; i < N; i++)
			message_give_back(&p, m[i]);
		message_pool_trim(&p, round * (uint64_t)SECOND);
		if (round > 1)
			assert_int_equal(resident(&p), before);
		before = resident(&p);
		message_pool_trim(&p, round * (uint64_t)SECOND + SECOND / 2); /* too early */
		assert_int_equal(resident(&p), before);
	}
	assert_true(before >= (size_t)N * CAPACITY);
	/* No more load: of what is free a quarter stays, and all can be had as before. */
	message_pool_trim(&p, 11 * (uint64_t)SECOND);
	assert_true(resident(&p) <= MAX / 4 + N * 4096 * 2);
	for (unsigned i = 0; i < N; i++)
		m[i] = fill(&p, CAPACITY);
	assert_int_equal(p.used, N);
	for (unsigned i = 0; i < N; i++)
		message_give_back(&p, m[i]);
	message_pool_free(&p);
}

static void a_buffer_that_is_used_again_keeps_its_memory(void **state)
{
	struct message_pool p;
	struct message *m, *first;
	size_t before;

	(void)state;
	assert_int_equal(message_pool_init(&p, CAPACITY, BUFFERS, MAX), 0);
	first = fill(&p, CAPACITY);
	message_give_back(&p, first);
	before = resident(&p);
	assert_true(before >= CAPACITY);
	m = fill(&p, 10);
	assert_ptr_equal(m, first);
	message_give_back(&p, m);
	assert_int_equal(resident(&p), before);
	message_pool_free(&p);
}

static void what_is_on_its_way_is_bounded(void **state)
{
	struct message_pool p;
	struct message *m[BUFFERS], *reserved;
	unsigned n = 0;

	(void)state;
	assert_int_equal(message_pool_init(&p, CAPACITY, BUFFERS, MAX), 0);
	while (n < MAX / CAPACITY)
		m[n++] = fill(&p, CAPACITY);
	assert_null(message_take(&p, false));
	assert_int_equal(message_pool_fill(&p), 100);
	reserved = message_take_reserved(&p);
	assert_non_null(reserved);
	message_discard(&p, reserved);
	message_give_back(&p, m[--n]);
	assert_true(message_pool_fill(&p) < 100);
	m[n++] = fill(&p, 1);
	while (n)
		message_give_back(&p, m[--n]);
	assert_int_equal(message_pool_fill(&p), 0);
	message_pool_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_follows_the_load),
		cmocka_unit_test(what_is_needed_time_and_again_keeps_its_memory),
		cmocka_unit_test(a_buffer_that_is_used_again_keeps_its_memory),
		cmocka_unit_test(what_is_on_its_way_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
