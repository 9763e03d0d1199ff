/* Which stage is said to be the bottleneck.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "clock.h"
#include "ops/pressure.h"
#include "ops/report.h"

/* An agent of two workers with a receiver each and one output that takes everything. */
struct fixture {
	struct ops_sources sources;
	struct pressure pressure;
	struct publish_options publish;
	uint64_t dropped[2];
	clockid_t clocks[2];
};

static unsigned receivers(struct ops_receiver *to, unsigned max, void *arg)
{
	const struct fixture *f = arg;

	assert_true(max >= 2);
	for (unsigned i = 0; i < 2; i++)
		to[i] = (struct ops_receiver){.worker = i, .queue = i, .dropped = f->dropped[i]};
	return 2;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->publish.n_outputs = 1;
	f->publish.outputs[0].kind = OUTPUT_NONE;
	f->publish.outputs[0].format = FORMAT_JSON;
	f->publish.outputs[0].message_bytes = 65536;
	f->publish.outputs[0].queue_bytes = 1 << 20;
	/* Clocks that stand still: idle workers. A CPU clock of this process runs when it works. */
	f->clocks[0] = f->clocks[1] = -1;
	f->sources = (struct ops_sources){
		.n_workers = 2,
		.clocks = f->clocks,
		.publisher = publisher_open(&f->publish, 2),
		.n_outputs = 1,
		.receivers = receivers,
		.arg = f,
	};
	assert_non_null(f->sources.publisher);
	pressure_sample(&f->pressure, &f->sources);
	/* As if taken ten seconds ago. */
	f->pressure.samples[0].taken_ns -= 10000000000u;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	publisher_close((struct publisher *)(uintptr_t)f->sources.publisher, 0);
	free(f);
	return 0;
}

static struct account *output(const struct fixture *f)
{
	return (struct account *)(uintptr_t)publisher_account(f->sources.publisher, 0);
}

static struct verdict judge(const struct fixture *f)
{
	struct verdict v;

	pressure_judge(&f->pressure, &f->sources, &v);
	return v;
}

static void nothing_is_lost(void **state)
{
	struct verdict v = judge(*state);

	assert_int_equal(v.stage, STAGE_NONE);
	assert_string_equal(v.why, "");
	assert_false(v.dropping);
}

static void loss_of_an_idle_worker_is_a_burst(void **state)
{
	struct fixture *f = *state;
	struct verdict v;

	f->dropped[1] = 7;
	v = judge(f);
	assert_int_equal(v.stage, STAGE_RECEIVE);
	assert_int_equal(v.ring_dropped[0], 0);
	assert_int_equal(v.ring_dropped[1], 7);
	assert_non_null(strstr(v.why, "worker 1"));
}

static void loss_of_a_busy_worker_is_for_lack_of_time(void **state)
{
	struct fixture *f = *state;
	struct verdict v;

	f->clocks[1] = CLOCK_MONOTONIC; /* never idle */
	f->pressure.samples[0].cpu_ns[1] = clock_monotonic_ns() - 9900000000u;
	v = judge(f);
	assert_int_equal(v.stage, STAGE_DECODE);
	assert_in_range(v.busy[1], 98, 100);
	f->dropped[1] = 7;
	v = judge(f);
	assert_int_equal(v.stage, STAGE_DECODE);
	assert_non_null(strstr(v.why, "lost 7 datagrams"));
}

static void an_output_that_drops_is_named(void **state)
{
	struct fixture *f = *state;
	struct verdict v;

	account_add(output(f), ACCOUNT_DROPPED_QUEUE_FULL, 3);
	v = judge(f);
	assert_int_equal(v.stage, STAGE_QUEUE);
	assert_true(v.dropping);
	assert_non_null(strstr(v.why, "3 were dropped"));
}

static void an_output_that_spools_is_named_and_does_not_drop(void **state)
{
	struct fixture *f = *state;
	struct verdict v;

	account_add(output(f), ACCOUNT_SPOOLED_FLOWS, 3);
	v = judge(f);
	assert_int_equal(v.stage, STAGE_QUEUE);
	assert_false(v.dropping);
}

static void what_was_lost_longer_ago_is_forgotten(void **state)
{
	struct fixture *f = *state;

	f->dropped[0] = 7;
	for (unsigned i = 0; i <= PRESSURE_SECONDS; i++) { /* a second passes each time */
		for (unsigned k = 0; k <= PRESSURE_SECONDS; k++)
			if (f->pressure.samples[k].taken_ns)
				f->pressure.samples[k].taken_ns -= 1000000000u;
		pressure_sample(&f->pressure, &f->sources);
	}
	assert_int_equal(judge(f).stage, STAGE_NONE);
}

#define WITH_FIXTURE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(nothing_is_lost),
		WITH_FIXTURE(loss_of_an_idle_worker_is_a_burst),
		WITH_FIXTURE(loss_of_a_busy_worker_is_for_lack_of_time),
		WITH_FIXTURE(an_output_that_drops_is_named),
		WITH_FIXTURE(an_output_that_spools_is_named_and_does_not_drop),
		WITH_FIXTURE(what_was_lost_longer_ago_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
