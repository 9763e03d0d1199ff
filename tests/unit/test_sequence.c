/* Sequence numbers: what was lost before us, and what only looks so.
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "decode/sequence.h"
#include "decode_build.h"

static struct sequence seq;
static struct account account;

static int fresh(void **state)
{
	(void)state;
	memset(&seq, 0, sizeof(seq));
	memset(&account, 0, sizeof(account));
	return 0;
}

static void see(uint32_t number, uint32_t units)
{
	sequence_see(&seq, number, units, true, 0, &account);
}

static void check(uint64_t lost, uint64_t gaps, uint64_t late, uint64_t restarts)
{
	assert_int_equal(sequence_lost(&seq), lost);
	assert_int_equal(account_get(&account, ACCOUNT_SEQUENCE_LOST), gaps);
	assert_int_equal(account_get(&account, ACCOUNT_SEQUENCE_LATE), late);
	assert_int_equal(account_get(&account, ACCOUNT_SEQUENCE_RESTARTS), restarts);
	assert_int_equal(seq.restarts, restarts);
}

static void nothing_is_lost_in_order(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		see(4000 + i * 30, 30);
	check(0, 0, 0, 0);
}

static void a_gap_is_lost(void **state)
{
	(void)state;
	see(1, 1);
	see(2, 1);
	see(5, 1);
	see(6, 1);
	check(2, 2, 0, 0);
}

static void a_late_datagram_mends_it(void **state)
{
	(void)state;
	see(1, 1);
	see(4, 1);
	check(2, 2, 0, 0);
	see(3, 1);
	check(1, 2, 1, 0);
	see(2, 1);
	check(0, 2, 2, 0);
	see(5, 1);
	check(0, 2, 2, 0);
}

static void numbers_wrap(void **state)
{
	(void)state;
	see(0xfffffffe, 1);
	see(0xffffffff, 1);
	see(0, 1);
	see(2, 1);
	check(1, 1, 0, 0);
	see(1, 1);
	check(0, 1, 1, 0);
	fresh(NULL);
	see(0xfffffff0, 30);
	see(14, 30);
	see(60, 30);
	check(16, 16, 0, 0);
}

static void a_restart_is_told_by_uptime(void **state)
{
	(void)state;
	sequence_see(&seq, 5000, 1, true, 900000000, &account);
	sequence_see(&seq, 5003, 1, true, 900001000, &account);
	sequence_see(&seq, 5, 1, true, 1000, &account);
	sequence_see(&seq, 6, 1, true, 2000, &account);
	check(2, 2, 0, 1); /* what was lost before stays */
	sequence_see(&seq, 8, 1, true, 3000, &account);
	check(3, 3, 0, 1);
}

static void a_wrap_of_uptime_is_no_restart(void **state)
{
	(void)state;
	sequence_see(&seq, 5000, 1, true, 0xffffff00, &account);
	sequence_see(&seq, 5001, 1, true, 100, &account);
	sequence_see(&seq, 5002, 1, true, 0xffffff80, &account); /* out of order */
	check(0, 0, 0, 0);
}

static void a_restart_without_uptime_is_seen_after_a_while(void **state)
{
	(void)state;
	see(50000, 1);
	for (uint32_t i = 0; i < 100; i++)
		see(i, 1);
	assert_int_equal(seq.restarts, 1);
	assert_int_equal(sequence_lost(&seq), 0);
	see(102, 1);
	assert_int_equal(sequence_lost(&seq), 2);
}

static void a_great_leap_is_a_restart(void **state)
{
	(void)state;
	see(100, 1);
	see(0x70000000, 1);
	check(0, 0, 0, 1);
	see(0x70000001, 1);
	see(100, 1); /* and back */
	check(0, 0, 0, 2);
}

/* The units of one that lies before the first must not stand for others that are missing. */
static void a_late_one_from_before_the_first_extends_the_stream(void **state)
{
	(void)state;
	see(124, 25);
	see(100, 24);
	assert_int_equal(sequence_lost(&seq), 0);
	see(174, 25);
	assert_int_equal(sequence_lost(&seq), 25);
}

static void a_late_one_does_not_hide_that_units_are_unknown(void **state)
{
	(void)state;
	/* The first to come has no template yet, and overtook the one that holds it. */
	sequence_see(&seq, 24, 0, false, 0, &account);
	see(0, 24);
	see(49, 25);
	see(74, 25);
	assert_int_equal(sequence_lost(&seq), 0);
	assert_int_equal(account_get(&account, ACCOUNT_SEQUENCE_LOST), 0);
}

/* Fragments take the slow path, which may fall behind by any number of datagrams. */
static void many_late_ones_that_were_missing_are_no_restart(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < 400; n += 2)
		see(n, 1);
	assert_int_equal(sequence_lost(&seq), 199);
	for (uint32_t n = 1; n < 399; n += 2)
		see(n, 1);
	assert_int_equal(sequence_lost(&seq), 0);
	assert_int_equal(account_get(&account, ACCOUNT_SEQUENCE_RESTARTS), 0);
}

static void late_ones_that_nobody_missed_are_a_restart(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < 1000; n++)
		see(n, 1);
	for (uint32_t n = 0; n < 100; n++)
		see(n, 1);
	assert_int_equal(account_get(&account, ACCOUNT_SEQUENCE_RESTARTS), 1);
	assert_int_equal(sequence_lost(&seq), 0);
}

static void a_jump_is_a_restart_and_keeps_what_was_lost_before(void **state)
{
	(void)state;
	see(1000, 1);
	see(1005, 1);
	see(900000000, 1);
	assert_int_equal(sequence_lost(&seq), 4);
	assert_int_equal(account_get(&account, ACCOUNT_SEQUENCE_RESTARTS), 1);
	see(900000001, 1);
	assert_int_equal(sequence_lost(&seq), 4);
}

/* When a set's template is missing, its records cannot be counted. */
static void unknown_units_are_no_loss(void **state)
{
	(void)state;
	sequence_see(&seq, 0, 10, true, 0, &account);
	sequence_see(&seq, 10, 3, false, 0, &account); /* of perhaps 20 */
	sequence_see(&seq, 30, 10, true, 0, &account);
	check(0, 0, 0, 0);
	sequence_see(&seq, 45, 10, true, 0, &account);
	check(5, 5, 0, 0);
}

/* By protocol: v9 counts datagrams, IPFIX data records (of options, too), each per domain. */

static void put_records(uint32_t n)
{
	set_begin(256);
	for (uint32_t i = 0; i < n; i++)
		put_uint(i, 4);
	set_end();
}

static void v9_counts_datagrams(void **state)
{
	static const uint32_t numbers[] = {7, 8, 11, 10};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		start_v9(numbers[i], 1);
		add_template(256, "1:4");
		put_records(5);
		send_message();
	}
	assert_int_equal(counted(ACCOUNT_SEQUENCE_LOST), 2);
	assert_int_equal(counted(ACCOUNT_SEQUENCE_LATE), 1);
	start_v9(900, 2);
	send_message();
	assert_int_equal(counted(ACCOUNT_SEQUENCE_LOST), 2);
	assert_int_equal(counted(ACCOUNT_SEQUENCE_RESTARTS), 0);
}

static void ipfix_counts_records(void **state)
{
	(void)state;
	start_ipfix(1000, 1);
	add_template(256, "1:4");
	add_options_template(300, "149:4", "34:4");
	put_records(5);
	set_begin(300);
	put_uint(1, 4);
	put_uint(1, 4);
	set_end();
	assert_int_equal(send_message(), DECODE_OK);
	start_ipfix(1006, 1); /* templates are not counted */
	add_template(256, "1:4");
	assert_int_equal(send_message(), DECODE_OK);
	start_ipfix(1006, 1);
	put_records(4);
	assert_int_equal(send_message(), DECODE_OK);
	assert_int_equal(counted(ACCOUNT_SEQUENCE_LOST), 0);
	start_ipfix(1020, 1);
	put_records(1);
	assert_int_equal(send_message(), DECODE_OK);
	assert_int_equal(counted(ACCOUNT_SEQUENCE_LOST), 10);
	start_ipfix(1021, 1); /* ten records that are counted when their template comes */
	set_begin(999);
	put_zeros(40);
	set_end();
	assert_int_equal(send_message(), DECODE_NO_TEMPLATE);
	start_ipfix(1031, 1);
	put_records(1);
	assert_int_equal(send_message(), DECODE_OK);
	assert_int_equal(counted(ACCOUNT_SEQUENCE_LOST), 20);
	assert_int_equal(counted(ACCOUNT_SEQUENCE_LATE), 0);
	start_ipfix(1032, 1);
	add_template(999, "1:4");
	assert_int_equal(send_message(), DECODE_OK);
	assert_int_equal(counted(ACCOUNT_SEQUENCE_LATE), 10);
}

/* It has waited for nothing: what is missing by then is not held against the network. */
static void what_expires_uncounted_is_not_lost(void **state)
{
	struct sequence s = {0};
	struct account a = {0};

	(void)state;
	sequence_see(&s, 100, 0, true, 0, &a);
	sequence_see(&s, 120, 5, true, 0, &a);
	assert_int_equal(sequence_lost(&s), 20);
	sequence_write_off(&s);
	assert_int_equal(sequence_lost(&s), 0);
	sequence_see(&s, 128, 5, true, 0, &a);
	assert_int_equal(sequence_lost(&s), 3);
}

/* Threads: each number comes once, from one of two threads; in the end none is missing. */

enum { NUMBERS = 200000 };

static pthread_barrier_t barrier;

static void *feed(void *arg)
{
	struct account mine = {0};
	uint32_t first = *(uint32_t *)arg;

	pthread_barrier_wait(&barrier);
	for (uint32_t i = first; i < NUMBERS; i += 2) {
		sequence_see(&seq, 0xffff0000u + i, 1, true, 0, &mine);
		/* kept in step as two queues of one card are: never far apart */
		if (i % 16 < 2)
			pthread_barrier_wait(&barrier);
	}
	return NULL;
}

static void two_threads_feed_one_stream(void **state)
{
	uint32_t starts[2] = {0, 1};
	pthread_t threads[2];

	(void)state;
	assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, feed, &starts[i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&barrier);
	assert_int_equal(seq.restarts, 0);
	assert_int_equal(sequence_lost(&seq), 0);
	assert_int_equal(seq.end, (1ull << 32) + 0xffff0000u + NUMBERS);
}

static pthread_barrier_t start_line;

static void *feed_one(void *arg)
{
	struct account mine = {0};

	pthread_barrier_wait(&start_line);
	sequence_see(&seq, *(uint32_t *)arg, 1, true, 0, &mine);
	return NULL;
}

/* Who comes first may be the later one: neither of the two is lost for the other. */
static void two_threads_begin_one_stream(void **state)
{
	uint32_t numbers[2] = {1, 2};

	(void)state;
	assert_int_equal(pthread_barrier_init(&start_line, NULL, 2), 0);
	for (int round = 0; round < 2000; round++) {
		pthread_t threads[2];

		fresh(NULL);
		for (int i = 0; i < 2; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, feed_one, &numbers[i]),
					 0);
		for (int i = 0; i < 2; i++)
			pthread_join(threads[i], NULL);
		see(3, 1);
		assert_int_equal(sequence_lost(&seq), 0);
		assert_int_equal(seq.restarts, 0);
	}
	pthread_barrier_destroy(&start_line);
}

int main(void)
{
#define sequence_test(f) cmocka_unit_test_setup(f, fresh)
	const struct CMUnitTest tests[] = {
		sequence_test(nothing_is_lost_in_order),
		sequence_test(a_gap_is_lost),
		sequence_test(a_late_datagram_mends_it),
		sequence_test(numbers_wrap),
		sequence_test(a_restart_is_told_by_uptime),
		sequence_test(a_wrap_of_uptime_is_no_restart),
		sequence_test(a_restart_without_uptime_is_seen_after_a_while),
		sequence_test(a_great_leap_is_a_restart),
		sequence_test(a_late_one_from_before_the_first_extends_the_stream),
		sequence_test(a_late_one_does_not_hide_that_units_are_unknown),
		sequence_test(many_late_ones_that_were_missing_are_no_restart),
		sequence_test(late_ones_that_nobody_missed_are_a_restart),
		sequence_test(a_jump_is_a_restart_and_keeps_what_was_lost_before),
		sequence_test(unknown_units_are_no_loss),
		bench_test(v9_counts_datagrams),
		bench_test(ipfix_counts_records),
		sequence_test(what_expires_uncounted_is_not_lost),
		sequence_test(two_threads_feed_one_stream),
		sequence_test(two_threads_begin_one_stream),
	};

	return RUN_TESTS(tests);
}
