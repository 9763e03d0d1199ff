/* What is remembered of exporters and interfaces: how many, and that nobody can crowd others out.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "enrich/known.h"
#include "publish/encode.h"

static const info_writer *const writers[INFO_FORMATS] = {protobuf_info, json_info};
static const struct text none;

static struct ip_addr address(uint32_t n)
{
	uint8_t bytes[4] = {10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
	struct ip_addr a;

	ip_from_v4(&a, bytes);
	return a;
}

static const struct interface_info *ask(struct known *k, uint32_t exporter, uint32_t index,
					const struct text *name)
{
	struct ip_addr a = address(exporter);
	uint32_t e = known_exporter(k, NULL, NULL, &a, &none);

	return known_interface(k, NULL, NULL, known_interface_slot(e, index), e, index, name);
}

static void assert_named(struct known *k, uint32_t exporter, uint32_t index, bool told)
{
	const struct interface_info *i;
	char expected[32];
	struct text name = {expected, (uint32_t)snprintf(expected, sizeof(expected), "if %u.%u",
							 exporter, index)};

	i = ask(k, exporter, index, told ? &name : &none);
	assert_non_null(i);
	assert_int_equal(i->name.len, name.len);
	assert_memory_equal(i->name.p, expected, name.len);
}

static void a_large_network_is_known_as_a_whole(void **state)
{
	enum { EXPORTERS = 4000, INTERFACES = 64 };
	struct known k;

	(void)state;
	assert_int_equal(known_init(&k, writers), 0);
	for (unsigned round = 0; round < 2; round++)
		for (uint32_t e = 0; e < EXPORTERS; e++) {
			known_make_room(&k, 256);
			for (uint32_t i = 1; i <= INTERFACES; i++)
				assert_named(&k, e, i, round == 0);
		}
	assert_int_equal(k.n_exporters, EXPORTERS);
	assert_int_equal(k.n_interfaces, EXPORTERS * INTERFACES);
	assert_int_equal(k.generation, 1); /* never full */
	known_free(&k);
}

/* One exporter counts up its interfaces, another makes up exporters: whoever is honest has names at
 * all times, and what the others say takes no more memory than it may. */
static void what_is_made_up_crowds_nobody_out(void **state)
{
	enum { BATCH = 256, MADE_UP = 3 * KNOWN_INTERFACES_MAX };
	struct known k;

	(void)state;
	assert_int_equal(known_init(&k, writers), 0);
	for (uint32_t i = 1; i <= MADE_UP; i += BATCH) {
		known_make_room(&k, BATCH + 2);
		assert_named(&k, 1, 7, true);
		for (uint32_t n = 0; n < BATCH / 2; n++)
			assert_null(ask(&k, 2, i + n, &none));
		for (uint32_t n = 0; n < BATCH / 2; n++)
			ask(&k, 1000 + i + n, 1, &none);
		assert_named(&k, 1, 7, false);
		assert_false(k.interner.failed);
	}
	assert_true(k.generation > 3);
	assert_true(k.interner.arena.bytes <= KNOWN_BYTES_MAX + (8 << 20));
	known_free(&k);
}

static void what_was_forgotten_does_not_come_back(void **state)
{
	struct known k;

	(void)state;
	assert_int_equal(known_init(&k, writers), 0);
	assert_named(&k, 1, 7, true);
	/* As many generations as can be told apart, and back to the number of the first. */
	for (unsigned i = 0; i < 0xffff; i++) {
		known_clear(&k);
		if (i % 4096 == 0 || k.generation == 1)
			assert_null(ask(&k, 1, 7, &none));
	}
	assert_int_equal(k.generation, 1);
	known_free(&k);
}

static void a_name_that_comes_later_is_taken(void **state)
{
	struct known k;

	(void)state;
	assert_int_equal(known_init(&k, writers), 0);
	assert_null(ask(&k, 1, 7, &none));
	assert_named(&k, 1, 7, true);
	assert_named(&k, 1, 7, false);
	assert_null(ask(&k, 1, 0, &none)); /* 0: unknown */
	known_free(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_large_network_is_known_as_a_whole),
		cmocka_unit_test(what_is_made_up_crowds_nobody_out),
		cmocka_unit_test(what_was_forgotten_does_not_come_back),
		cmocka_unit_test(a_name_that_comes_later_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
