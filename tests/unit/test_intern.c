/* What is attached to flows as it is kept: encoded for both roles, in few lines of the cache.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "enrich/intern.h"
#include "publish/put.h"
#include "publish/encode.h"

#define TEXT(t) ((struct text){t, sizeof(t) - 1})

static const info_writer *const writers[INFO_FORMATS] = {protobuf_info, json_info};
static struct interner interner;

static int set_up(void **state)
{
	(void)state;
	return interner_init(&interner, writers);
}

static int tear_down(void **state)
{
	(void)state;
	interner_free(&interner);
	return 0;
}

/* Put for each format and role, it is what the format's writer writes. */
static void assert_put_as_written(enum info_kind kind, const struct info_bytes *e)
{
	uint8_t *wanted = malloc(INFO_ENCODED_MAX), *got = malloc(INFO_ENCODED_MAX + 64);

	for (unsigned f = 0; f < INFO_FORMATS; f++)
		for (unsigned role = 0; role < INFO_ROLES; role++) {
			size_t n = (size_t)(writers[f][kind](wanted, e, role) - wanted);

			assert_int_equal(put_encoded(got, e, f, role) - got, n);
			assert_memory_equal(got, wanted, n);
		}
	free(wanted);
	free(got);
}

static void assert_names(const struct info_bytes *e, unsigned n)
{
	for (unsigned f = 0; f < INFO_FORMATS; f++)
		assert_int_equal(info_n_names(e, f), n);
}

static void assert_in_few_lines(const struct info_bytes *e)
{
	uintptr_t end = (uintptr_t)(e + 1), begin = (uintptr_t)e - info_bytes_before(e);

	/* the bytes end where the struct begins, which is at a multiple of 8 */
	assert_ptr_equal(e->bytes + info_image_bytes(e, 0) + info_image_bytes(e, 1), e);
	assert_true((end - 1) / CACHE_LINE - begin / CACHE_LINE <=
		    (end - begin + 7) / CACHE_LINE + ((end - begin + 7) % CACHE_LINE != 0) - 1);
}

static void one_image_is_for_both_roles(void **state)
{
	static const char digits[] = "0123456789012345678901234567890123456789";
	struct as_info as = {.number = 64500,
			     .name = TEXT("src_EXAMPLE\xc3\xa9"),
			     .ref = TEXT("64500__v1"),
			     .organization = TEXT("Example \"src_\" Networks"),
			     .organization_ref = TEXT("o__v1")};
	struct geo_info geo = {
		.country = TEXT("FR"), .city = TEXT("Lyon"), .latitude = 45.75, .longitude = NAN};
	const struct as_info *a;

	(void)state;
	for (unsigned n = 1; n < sizeof(digits); n++) { /* of many lengths, at many places */
		as.number++;
		as.ref = (struct text){digits, n};
		a = intern_as(&interner, &as);
		assert_non_null(a);
		assert_names(&a->encoded, 4);
		assert_put_as_written(INFO_AS, &a->encoded);
		assert_in_few_lines(&a->encoded);
	}
	assert_names(&intern_geo(&interner, &geo)->encoded, 3);
	assert_put_as_written(INFO_GEO, &intern_geo(&interner, &geo)->encoded);
}

/* Where Protobuf's tags do not differ by the same in all of them there is an image for each. */
static void images_that_differ_by_more_are_kept_both(void **state)
{
	struct network_info n = {
		.name = TEXT("campus"), .role = TEXT("servers"), .site = TEXT("lyon")};
	const struct network_info *kept;

	(void)state;
	kept = intern_network(&interner, &n);
	assert_non_null(kept);
	assert_int_equal(info_n_names(&kept->encoded, INFO_PROTOBUF), 0);
	assert_int_equal(info_n_names(&kept->encoded, INFO_JSON), 3);
	assert_put_as_written(INFO_NETWORK, &kept->encoded);
}

static void nothing_is_put_of_nothing(void **state)
{
	struct device_info d = {.id = {NULL, 0}};

	(void)state;
	intern_encode(&interner, INFO_DEVICE, &d);
	assert_names(&d.encoded, 0);
	assert_put_as_written(INFO_DEVICE, &d.encoded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_image_is_for_both_roles),
		cmocka_unit_test(images_that_differ_by_more_are_kept_both),
		cmocka_unit_test(nothing_is_put_of_nothing),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
