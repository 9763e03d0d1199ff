/* Reading plain, gzip, zip and zstd files, whole and damaged; versions; numbers and prefixes.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "../../loaders/tables.h"
#include "../../loaders/unpack.h"
#include "../../loaders/versions.h"

static char path[] = "/tmp/weir-unpack-XXXXXX";
static const char text[] = "first line\r\nsecond\n\nlast without an end";

static void store(const void *p, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	fclose(f);
}

static int read_lines(const char *member, uint64_t max, unsigned *lines)
{
	struct unpack *u;
	char error[256], *line;
	bool same = true;
	size_t n;
	int r = unpack_open(&u, path, member, max, error, sizeof(error));

	*lines = 0;
	if (r)
		return r;
	while ((r = unpack_line(u, &line, &n)) > 0) {
		static const char *const expected[] = {"first line", "second", "",
						       "last without an end"};

		same &= *lines < 4 && !strcmp(line, expected[*lines]);
		++*lines;
	}
	if (!r) /* a checksum stands at the end: what comes before it may be wrong */
		assert_true(same);
	unpack_close(u);
	return r;
}

static size_t make_gzip(uint8_t *to, size_t room, int window)
{
	z_stream z = {.next_in = (Bytef *)text,
		      .avail_in = sizeof(text) - 1,
		      .next_out = to,
		      .avail_out = (uInt)room};

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, window, 8, 0), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return room - z.avail_out;
}

static void le(uint8_t **p, uint32_t v, unsigned bytes)
{
	while (bytes--) {
		*(*p)++ = (uint8_t)v;
		v >>= 8;
	}
}

/* One member "dir/x.csv". */
static size_t make_zip(uint8_t *to, bool deflated)
{
	uint8_t data[256], *p = to;
	size_t n = deflated ? make_gzip(data, sizeof(data), -MAX_WBITS) : sizeof(text) - 1;
	uint32_t crc = (uint32_t)crc32(0, (const Bytef *)text, sizeof(text) - 1);
	uint32_t directory;

	if (!deflated)
		memcpy(data, text, n);
	for (int central = 0; central < 2; central++) {
		directory = central ? (uint32_t)(p - to) : 0;
		le(&p, central ? 0x02014b50 : 0x04034b50, 4);
		le(&p, 20, central ? 4 : 2);
		le(&p, 0, 2);
		le(&p, deflated ? 8 : 0, 2);
		le(&p, 0, 4);
		le(&p, crc, 4);
		le(&p, (uint32_t)n, 4);
		le(&p, sizeof(text) - 1, 4);
		le(&p, 9, 2);
		le(&p, 0, 2);
		if (central) {
			le(&p, 0, 4);
			le(&p, 0, 4);
			le(&p, 0, 2);
			le(&p, 0, 4);
		}
		memcpy(p, "dir/x.csv", 9);
		p += 9;
		if (!central) {
			memcpy(p, data, n);
			p += n;
		}
	}
	n = (size_t)(p - to) - directory;
	le(&p, 0x06054b50, 4);
	le(&p, 0, 4);
	le(&p, 1, 2);
	le(&p, 1, 2);
	le(&p, (uint32_t)n, 4);
	le(&p, directory, 4);
	le(&p, 0, 2);
	return (size_t)(p - to);
}

static void lines_come_out_of_every_packing(void **state)
{
	uint8_t b[1024];
	unsigned lines;

	(void)state;
	store(text, sizeof(text) - 1);
	assert_int_equal(read_lines(NULL, 1000, &lines), 0);
	assert_int_equal(lines, 4);
	store(b, make_gzip(b, sizeof(b), MAX_WBITS + 16));
	assert_int_equal(read_lines(NULL, 1000, &lines), 0);
	assert_int_equal(lines, 4);
	store(b, ZSTD_compress(b, sizeof(b), text, sizeof(text) - 1, 1));
	assert_int_equal(read_lines(NULL, 1000, &lines), 0);
	assert_int_equal(lines, 4);
	for (int deflated = 0; deflated < 2; deflated++) {
		store(b, make_zip(b, deflated));
		assert_int_equal(read_lines("x.csv", 1000, &lines), 0);
		assert_int_equal(lines, 4);
		assert_int_equal(read_lines("y.csv", 1000, &lines), -ENOMSG);
	}
}

static void what_is_cut_short_is_an_error(void **state)
{
	uint8_t b[1024];
	unsigned lines;
	size_t n = make_gzip(b, sizeof(b), MAX_WBITS + 16);

	(void)state;
	for (size_t i = 3; i < n; i++) {
		store(b, i);
		assert_true(read_lines(NULL, 1000, &lines) < 0);
	}
	n = make_zip(b, true);
	for (size_t i = 4; i < n; i++) {
		store(b, i);
		assert_true(read_lines("x.csv", 1000, &lines) < 0);
	}
}

static void a_damaged_zip_file_is_an_error_or_the_same_text(void **state)
{
	uint8_t b[1024];
	unsigned lines, wrong = 0;
	size_t n = make_zip(b, true);

	(void)state;
	for (size_t bit = 32; bit < 8 * n; bit++) {
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		store(b, n);
		wrong += read_lines("x.csv", 1000, &lines) < 0;
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_true(wrong > 4 * n); /* names and dates may change without harm */
}

static void more_than_allowed_is_refused(void **state)
{
	uint8_t b[1024];
	unsigned lines;

	(void)state;
	store(b, make_gzip(b, sizeof(b), MAX_WBITS + 16));
	assert_int_equal(read_lines(NULL, 10, &lines), -EFBIG);
}

static void versions_are_found_again_among_many(void **state)
{
	struct versions v = {0};
	char id[32];

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		struct version *p = versions_add(
			&v, id, (size_t)snprintf(id, sizeof(id), "10.%u/%u", i, i % 33));

		assert_non_null(p);
		assert_int_equal(p->number, 0);
		p->number = i % 1000 + 1;
	}
	for (unsigned i = 0; i < 100000; i++) {
		const struct version *p = versions_find(
			&v, id, (size_t)snprintf(id, sizeof(id), "10.%u/%u", i, i % 33));

		assert_non_null(p);
		assert_int_equal(p->number, i % 1000 + 1);
	}
	assert_null(versions_find(&v, "10.100001/0", 11));
	versions_free(&v);
	assert_int_equal(version_number("a__v12", 6), 12);
	assert_int_equal(version_number("a__v", 4), 0);
	assert_int_equal(version_number("12", 2), 0);
	assert_int_equal(version_number("__v1", 4), 1);
}

static void prefixes_and_numbers_are_read_strictly(void **state)
{
	static const char *const bad[] = {
		"",	      "1.2.3",	  "1.2.3.4.5",	      "1.2.3.256", "01.2.3.4",
		"1.2.3.4/33", "1.2.3.4/", "1.2.3.4/-1",	      "::/129",	   ":::",
		"1.2.3.4/8x", "x",	  "::ffff:1.2.3.4/90"};
	struct ip_addr a;
	unsigned length;
	struct row r = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(parse_subnet(bad[i], strlen(bad[i]), &a, &length));
	assert_true(parse_subnet("192.0.2.77/24", 13, &a, &length));
	assert_true(ip_is_v4(&a));
	assert_int_equal(a.b[15], 0); /* behind the prefix */
	assert_true(parse_subnet("::ffff:192.0.2.0/120", 20, &a, &length));
	assert_int_equal(length, 24);
	row_begin(&r, meta_table("meta_ip"));
	assert_true(row_float(&r, 0, "-118.2437", 9));
	assert_true(row_float(&r, 0, "1e3", 3));
	assert_false(row_float(&r, 0, "1.", 2));
	assert_false(row_float(&r, 0, "01", 2));
	assert_false(row_float(&r, 0, "nan", 3));
	assert_false(row_float(&r, 0, "", 0));
	row_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_out_of_every_packing),
		cmocka_unit_test(what_is_cut_short_is_an_error),
		cmocka_unit_test(a_damaged_zip_file_is_an_error_or_the_same_text),
		cmocka_unit_test(more_than_allowed_is_refused),
		cmocka_unit_test(versions_are_found_again_among_many),
		cmocka_unit_test(prefixes_and_numbers_are_read_strictly),
	};
	int fd = mkstemp(path), r;

	if (fd < 0)
		return 1;
	close(fd);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return r;
}
