/* Interfaces that are back: the loopback interface stands for one, in time that the tests make up.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <net/if.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rx/link.h"
#include "security/security.h"

#define SECOND 1000000000ull

static void an_interface_is_known_by_its_index(void **state)
{
	(void)state;
	assert_int_not_equal(link_up("lo"), 0);
	assert_int_equal(link_up("lo"), if_nametoindex("lo"));
}

static void none_is_found_by_another_name(void **state)
{
	(void)state;
	assert_int_equal(link_up("weir-no-such"), 0);
	assert_int_equal(link_up("l"), 0);
	assert_int_equal(link_up("a-name-that-no-interface-can-have"), -ENAMETOOLONG);
}

static void one_that_comes_is_back_after_two_seconds(void **state)
{
	struct link_watch w = {0};

	(void)state;
	assert_int_equal(link_is_back(&w, "lo", 100 * SECOND), 0);
	assert_int_equal(link_is_back(&w, "lo", 102 * SECOND - 1), 0);
	assert_int_equal(link_is_back(&w, "lo", 102 * SECOND), 1);
	assert_int_equal(link_is_back(&w, "lo", 103 * SECOND), 1);
}

static void one_that_goes_again_begins_anew(void **state)
{
	struct link_watch w = {0};

	(void)state;
	assert_int_equal(link_is_back(&w, "lo", 100 * SECOND), 0);
	assert_int_equal(link_is_back(&w, "weir-no-such", 101 * SECOND), 0);
	assert_int_equal(link_is_back(&w, "lo", 102 * SECOND), 0);
	assert_int_equal(link_is_back(&w, "lo", 103 * SECOND), 0);
	assert_int_equal(link_is_back(&w, "lo", 104 * SECOND), 1);
}

/* Removed and made again between two looks. */
static void another_one_of_the_same_name_begins_anew(void **state)
{
	struct link_watch w = {.index = link_up("lo") + 1, .since_ns = 100 * SECOND};

	(void)state;
	assert_int_equal(link_is_back(&w, "lo", 103 * SECOND), 0);
	assert_int_equal(link_is_back(&w, "lo", 105 * SECOND), 1);
}

static void the_filter_of_the_running_agent_lets_it_ask(void **state)
{
	const struct security_options o = {.seccomp = FILTER_ON};
	int wanted = link_up("lo"), status;
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (!child)
		_exit(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || security_filter(&o) ||
		      link_up("lo") != wanted);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_interface_is_known_by_its_index),
		cmocka_unit_test(none_is_found_by_another_name),
		cmocka_unit_test(one_that_comes_is_back_after_two_seconds),
		cmocka_unit_test(one_that_goes_again_begins_anew),
		cmocka_unit_test(another_one_of_the_same_name_begins_anew),
		cmocka_unit_test(the_filter_of_the_running_agent_lets_it_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
