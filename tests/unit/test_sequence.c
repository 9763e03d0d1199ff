/* Sequence numbers: what is lost, what is late, what began anew.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "decode/sequence.h"

static struct sequence s;
static struct account account;

static int setup(void **state)
{
	(void)state;
	memset(&s, 0, sizeof(s));
	memset(&account, 0, sizeof(account));
	return 0;
}

static void see(uint32_t number, uint32_t units)
{
	sequence_see(&s, number, units, true, 0, &account);
}

static void a_gap_is_lost_until_it_is_filled(void **state)
{
	(void)state;
	see(100, 10);
	see(110, 10);
	see(140, 10);
	assert_int_equal(sequence_lost(&s), 20);
	assert_int_equal(account_get(&account, ACCOUNT_SEQUENCE_LOST), 20);
	see(120, 20);
	assert_int_equal(sequence_lost(&s), 0);
	assert_int_equal(account_get(&account, ACCOUNT_SEQUENCE_LATE), 20);
}

static void numbers_wrap(void **state)
{
	(void)state;
	see(0xfffffff0, 10);
	see(0xfffffffa, 10);
	see(4, 10);
	assert_int_equal(sequence_lost(&s), 0);
	see(24, 10);
	assert_int_equal(sequence_lost(&s), 10);
}

/* The units of one that lies before the first must not stand for others that are missing. */
static void a_late_one_from_before_the_first_extends_the_stream(void **state)
{
	(void)state;
	see(124, 25);
	see(100, 24);
	assert_int_equal(sequence_lost(&s), 0);
	see(174, 25);
	assert_int_equal(sequence_lost(&s), 25);
}

static void a_late_one_does_not_hide_that_units_are_unknown(void **state)
{
	(void)state;
	/* The first to come has no template yet, and overtook the one that holds it. */
	sequence_see(&s, 24, 0, false, 0, &account);
	see(0, 24);
	see(49, 25);
	see(74, 25);
	assert_int_equal(sequence_lost(&s), 0);
	assert_int_equal(account_get(&account, ACCOUNT_SEQUENCE_LOST), 0);
}

/* Fragments take the slow path, which may fall behind by any number of datagrams. */
static void many_late_ones_that_were_missing_are_no_restart(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < 400; n += 2)
		see(n, 1);
	assert_int_equal(sequence_lost(&s), 199);
	for (uint32_t n = 1; n < 399; n += 2)
		see(n, 1);
	assert_int_equal(sequence_lost(&s), 0);
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
	assert_int_equal(sequence_lost(&s), 0);
}

static void a_jump_is_a_restart_and_keeps_what_was_lost_before(void **state)
{
	(void)state;
	see(1000, 1);
	see(1005, 1);
	see(900000000, 1);
	assert_int_equal(sequence_lost(&s), 4);
	assert_int_equal(account_get(&account, ACCOUNT_SEQUENCE_RESTARTS), 1);
	see(900000001, 1);
	assert_int_equal(sequence_lost(&s), 4);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		T(a_gap_is_lost_until_it_is_filled),
		T(numbers_wrap),
		T(a_late_one_from_before_the_first_extends_the_stream),
		T(a_late_one_does_not_hide_that_units_are_unknown),
		T(many_late_ones_that_were_missing_are_no_restart),
		T(late_ones_that_nobody_missed_are_a_restart),
		T(a_jump_is_a_restart_and_keeps_what_was_lost_before),
	};

	return cmocka_run_group_tests_name("sequence", tests, NULL, NULL);
}
