/* Rows that begin as the one before, and LZ4 that is quicker than librdkafka's.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <lz4frame.h>
#include <stdlib.h>

#include "publish/encode.h"
#include "publish/kafka_lz4.h"
#include "publish_sample.h"

static uint8_t row[ENCODED_ROW_MAX], wanted[ENCODED_ROW_MAX];

/* The row with what the encoder remembers is the row without. */
static void check(const struct row_format *format, struct row_constants *remembers,
		  const struct flow *f)
{
	struct row_constants fresh;
	size_t n, m;

	format->constants(&fresh, "collector-1");
	m = (size_t)(format->flow(wanted, &fresh, f) - wanted);
	n = (size_t)(format->flow(row, remembers, f) - row);
	assert_int_equal(n, m);
	assert_memory_equal(row, wanted, n);
}

static void each_member_of_the_head(const struct row_format *format)
{
	struct row_constants remembers;
	struct flow_ext e;
	struct flow f, before;

	format->constants(&remembers, "collector-1");
	sample_flow(&f, &e);
	check(format, &remembers, &f);
	check(format, &remembers, &f);
	assert_true(remembers.head.len > 0);
#define X(kind, name, number, member)           \
	before = f;                             \
	*(uint8_t *)&f.member ^= 1;             \
	check(format, &remembers, &f);          \
	check(format, &remembers, &f);          \
	f = before;                             \
	check(format, &remembers, &f);          \
	memset(&f.member, 0, sizeof(f.member)); \
	check(format, &remembers, &f);          \
	f = before;
	FLOW_HEAD_FIELDS(X)
#undef X
	memset(&f, 0, sizeof(f));
	check(format, &remembers, &f);
	check(format, &remembers, &f);
}

static void another_head_gives_another_row_in_protobuf(void **state)
{
	(void)state;
	each_member_of_the_head(&protobuf_format);
}

static void another_head_gives_another_row_in_json(void **state)
{
	(void)state;
	each_member_of_the_head(&json_format);
}

enum { LENGTH = 256 << 10 };

static size_t compressed(int level, uint8_t *to, size_t capacity, const uint8_t *from)
{
	const LZ4F_preferences_t p = {.frameInfo = {.blockMode = LZ4F_blockIndependent},
				      .compressionLevel = level};
	LZ4F_cctx *c;
	size_t n, sum;

	assert_int_equal(LZ4F_createCompressionContext(&c, LZ4F_VERSION), 0);
	sum = n = LZ4F_compressBegin(c, to, capacity, &p);
	assert_false(LZ4F_isError(n));
	n = LZ4F_compressUpdate(c, to + sum, capacity - sum, from, LENGTH, NULL);
	assert_false(LZ4F_isError(n));
	sum += n;
	n = LZ4F_compressEnd(c, to + sum, capacity - sum, NULL);
	assert_false(LZ4F_isError(n));
	LZ4F_freeCompressionContext(c);
	return sum + n;
}

static void fast_lz4_is_lz4_and_longer(void **state)
{
	size_t capacity = LZ4F_compressBound(LENGTH, NULL) + 1000, fast, usual, other;
	uint8_t *from = malloc(LENGTH), *to = malloc(capacity), *back = malloc(LENGTH);
	LZ4F_dctx *d;
	uint64_t seed = 1;
	size_t in, out = LENGTH;

	(void)state;
	for (size_t i = 0; i < LENGTH; i++) { /* short repetitions at random places */
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		from[i] = i > 64 && seed >> 61 ? from[i - 40] : (uint8_t)(seed >> 40);
	}
	usual = compressed(0, to, capacity, from);
	other = compressed(1, to, capacity, from);
	fast = compressed(kafka_lz4_fast_level(), to, capacity, from);
	assert_int_equal(usual, other); /* levels that are not ours are as they were */
	assert_true(fast > usual && fast < LENGTH);
	in = fast;
	assert_int_equal(LZ4F_createDecompressionContext(&d, LZ4F_VERSION), 0);
	assert_int_equal(LZ4F_decompress(d, back, &out, to, &in, NULL), 0);
	assert_int_equal(out, LENGTH);
	assert_memory_equal(from, back, LENGTH);
	LZ4F_freeDecompressionContext(d);
	free(from);
	free(to);
	free(back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_head_gives_another_row_in_protobuf),
		cmocka_unit_test(another_head_gives_another_row_in_json),
		cmocka_unit_test(fast_lz4_is_lz4_and_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
