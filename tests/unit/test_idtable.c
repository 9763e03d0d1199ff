/* The table of numbers to pointers: put, replace, filter, growth; readers beside a writer.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <urcu-qsbr.h>

#include <cmocka.h>

#include "decode/idtable.h"

static void *value_of(uint64_t key)
{
	return (void *)(uintptr_t)(key * 2 + 1);
}

static void put(struct idtable *t, uint64_t key, void *value, void *old_expected)
{
	void *old;

	assert_int_equal(idtable_put(t, key, value, &old), 0);
	assert_ptr_equal(old, old_expected);
}

static void an_empty_table_has_nothing(void **state)
{
	struct idtable t = {0};

	(void)state;
	assert_null(idtable_get(&t, 0));
	assert_int_equal(idtable_count(&t), 0);
	assert_int_equal(idtable_filter(&t, NULL, NULL), 0);
	idtable_each(&t, NULL, NULL);
	idtable_free(&t);
}

static void every_key_is_found_through_growth(void **state)
{
	struct idtable t = {0};

	(void)state;
	for (uint64_t i = 0; i < 20000; i++) {
		uint64_t key = i * 0x100000001u; /* zero is a key, too */

		put(&t, key, value_of(i), NULL);
		assert_int_equal(idtable_count(&t), i + 1);
	}
	for (uint64_t i = 0; i < 20000; i++)
		assert_ptr_equal(idtable_get(&t, i * 0x100000001u), value_of(i));
	assert_null(idtable_get(&t, 3));
	assert_null(idtable_get(&t, ~0ull));
	idtable_free(&t);
	assert_null(idtable_get(&t, 0));
}

static void a_value_is_replaced(void **state)
{
	struct idtable t = {0};

	(void)state;
	put(&t, 5, value_of(1), NULL);
	put(&t, 5, value_of(2), value_of(1));
	assert_ptr_equal(idtable_get(&t, 5), value_of(2));
	assert_int_equal(idtable_count(&t), 1);
	idtable_free(&t);
}

static bool keep_odd(uint64_t key, void *value, void *arg)
{
	assert_ptr_equal(value, value_of(key));
	++*(unsigned *)arg;
	return key & 1;
}

static bool stop_at_ten(uint64_t key, void *value, void *arg)
{
	assert_ptr_equal(value, value_of(key));
	return ++*(unsigned *)arg < 10;
}

static void a_filter_keeps_the_rest(void **state)
{
	struct idtable t = {0};
	unsigned calls = 0;

	(void)state;
	for (uint64_t key = 0; key < 1001; key++)
		put(&t, key, value_of(key), NULL);
	assert_int_equal(idtable_filter(&t, keep_odd, &calls), 501);
	assert_int_equal(calls, 1001);
	assert_int_equal(idtable_count(&t), 500);
	for (uint64_t key = 0; key < 1001; key++)
		assert_ptr_equal(idtable_get(&t, key), key & 1 ? value_of(key) : NULL);
	put(&t, 4, value_of(4), NULL); /* what went may come back */
	assert_ptr_equal(idtable_get(&t, 4), value_of(4));
	calls = 0;
	idtable_each(&t, stop_at_ten, &calls);
	assert_int_equal(calls, 10);
	idtable_free(&t);
}

static void the_seed_does_not_change(void **state)
{
	(void)state;
	assert_int_equal(idtable_seed(), idtable_seed());
	assert_int_not_equal(idtable_mix(1, 2, 3), idtable_mix(1, 2, 4));
	assert_int_not_equal(idtable_mix(1, 2, 3), idtable_mix(1, 3, 3));
}

/* Readers beside a writer who puts, replaces, grows and filters. Keys under 1000 are there from
 * the beginning to the end, with one of two values; a key's value is never another key's. */

enum { STEADY = 1000, ROUNDS = 300 };

static struct idtable shared;
static bool done;

static bool keep_steady(uint64_t key, void *value, void *arg)
{
	(void)value;
	(void)arg;
	return key < STEADY;
}

static void *read_all_the_time(void *arg)
{
	uint64_t *wrong = arg, reads = 0;

	rcu_register_thread();
	while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE) || !reads) {
		for (uint64_t key = 0; key < 2 * STEADY; key++) {
			uintptr_t v = (uintptr_t)idtable_get(&shared, key);

			if ((v ? v >> 8 : key) != key || (!v && key < STEADY))
				++*wrong;
		}
		reads++;
		rcu_quiescent_state();
	}
	rcu_unregister_thread();
	return NULL;
}

static void readers_see_whole_entries_all_the_time(void **state)
{
	pthread_t readers[2];
	uint64_t wrong[2] = {0};
	void *old;

	(void)state;
	for (uint64_t key = 0; key < STEADY; key++)
		idtable_put(&shared, key, (void *)(uintptr_t)(key << 8 | 1), &old);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_all_the_time, &wrong[i]),
				 0);
	for (uintptr_t round = 0; round < ROUNDS; round++) {
		for (uint64_t key = round % 7; key < 2 * STEADY; key += 7)
			assert_int_equal(
				idtable_put(&shared, key,
					    (void *)(uintptr_t)(key << 8 | (1 + round % 255)),
					    &old),
				0);
		if (round % 10 == 9)
			assert_true(idtable_filter(&shared, keep_steady, NULL) > 0);
		rcu_quiescent_state();
	}
	__atomic_store_n(&done, true, __ATOMIC_RELEASE);
	rcu_thread_offline();
	for (int i = 0; i < 2; i++)
		pthread_join(readers[i], NULL);
	rcu_thread_online();
	assert_int_equal(wrong[0], 0);
	assert_int_equal(wrong[1], 0);
	rcu_barrier();
	idtable_free(&shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_table_has_nothing),
		cmocka_unit_test(every_key_is_found_through_growth),
		cmocka_unit_test(a_value_is_replaced),
		cmocka_unit_test(a_filter_keeps_the_rest),
		cmocka_unit_test(the_seed_does_not_change),
		cmocka_unit_test(readers_see_whole_entries_all_the_time),
	};
	int failed;

	rcu_register_thread();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_unregister_thread();
	return failed;
}
