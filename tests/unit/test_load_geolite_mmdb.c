/* weir load geolite over .mmdb files in MaxMind's form, which the test writes.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../loaders/load.h"
#include "../../loaders/mmdb_writer.h"
#include "../../loaders/unpack.h"

static char directory[] = "/tmp/weir-geolite-XXXXXX";

static void key(struct buffer *b, const char *name)
{
	mmdb_put_text(b, name, strlen(name));
}

static void names(struct buffer *b, const char *what, const char *english)
{
	key(b, what);
	mmdb_put_map(b, 1);
	key(b, "names");
	mmdb_put_map(b, 1);
	key(b, "en");
	key(b, english);
}

static uint32_t city(struct mmdb_writer *w)
{
	struct buffer b = {0};
	uint32_t latitude = mmdb_double(w, 40.7185), longitude = mmdb_double(w, -74.0025), where;

	mmdb_put_map(&b, 3);
	names(&b, "city", "New York");
	key(&b, "country");
	mmdb_put_map(&b, 1);
	key(&b, "iso_code");
	key(&b, "US");
	key(&b, "location");
	mmdb_put_map(&b, 2);
	key(&b, "latitude");
	mmdb_put_pointer(&b, latitude);
	key(&b, "longitude");
	mmdb_put_pointer(&b, longitude);
	where = mmdb_data(w, &b);
	buffer_free(&b);
	return where;
}

static uint32_t as(struct mmdb_writer *w, uint32_t number)
{
	struct buffer b = {0};
	uint32_t where;

	mmdb_put_map(&b, 1);
	key(&b, "autonomous_system_number");
	mmdb_put_uint(&b, number);
	where = mmdb_data(w, &b);
	buffer_free(&b);
	return where;
}

static void write_files(char city_path[64], char as_path[64])
{
	struct mmdb_writer *w = mmdb_writer_new(directory);
	uint32_t place = city(w);

	snprintf(city_path, 64, "%s/city.mmdb", directory);
	snprintf(as_path, 64, "%s/asn.mmdb", directory);
	assert_int_equal(mmdb_prefix(w, 0, 0xc0000200, 120, place), 0);
	assert_int_equal(mmdb_prefix(w, 0x20010db800000000, 0, 32, place), 0);
	assert_int_equal(mmdb_finish(w, city_path, "GeoLite2-City", "test"), 0);
	mmdb_writer_free(w);
	w = mmdb_writer_new(directory);
	assert_int_equal(mmdb_prefix(w, 0, 0xc0000200, 121, as(w, 64496)), 0);
	assert_int_equal(mmdb_prefix(w, 0, 0xc0000280, 121, as(w, 64500)), 0);
	assert_int_equal(mmdb_prefix(w, 0x20010db800000000, 0, 32, as(w, 4200000001)), 0);
	assert_int_equal(mmdb_finish(w, as_path, "GeoLite2-ASN-Test", "test"), 0);
	mmdb_writer_free(w);
}

static struct load_options options = {.timeout = 10, .max_bytes = 1 << 30};
static struct clickhouse_options nowhere;

static void begin(struct load *l, char *const *sources, unsigned n)
{
	memset(l, 0, sizeof(*l));
	l->name = "geolite";
	l->history = l->cache = directory;
	l->settings = "/nowhere/weir.yaml";
	l->sources = sources;
	l->n_sources = n;
	unsetenv("CLICKHOUSE_HOST");
	assert_int_equal(load_begin(l, &options, &nowhere), 0);
}

static void blocks_and_places_come_out_of_the_tree(void **state)
{
	char city_path[64], as_path[64], path[64], error[256];
	char *sources[] = {city_path, as_path};
	struct buffer rows = {0};
	struct unpack *u;
	struct load l;

	(void)state;
	write_files(city_path, as_path);
	begin(&l, sources, 2);
	assert_int_equal(load_geolite.run(&l), 0);
	assert_non_null(strstr(l.summary, "4 rows read, 4 new"));
	load_end(&l);
	snprintf(path, sizeof(path), "%s/meta_ip.jsonl.zst", directory);
	assert_int_equal(unpack_open(&u, path, NULL, 1 << 20, error, sizeof(error)), 0);
	assert_int_equal(unpack_all(u, &rows), 0);
	unpack_close(u);
	assert_non_null(strstr(rows.p, "\"city_name\":\"New York\",\"country_code\":\"US\",\"id\":"
				       "\"192.0.2.0/24\",\"ip_subnet\":[[\"::ffff:192.0.2.0\",24]],"
				       "\"latitude\":40.7185,\"longitude\":-74.0025"));
	assert_non_null(strstr(rows.p, "\"as_id\":64496,\"city_name\":\"New York\","
				       "\"country_code\":\"US\",\"id\":\"192.0.2.0/25\""));
	assert_non_null(strstr(rows.p, "\"as_id\":64500,"));
	assert_non_null(strstr(rows.p, "\"as_id\":4200000001,\"city_name\":\"New York\","
				       "\"country_code\":\"US\",\"id\":\"2001:db8::/32\""));
	buffer_free(&rows);
}

/* Each byte of the tree and the metadata turned: an error or other rows, never a crash or a loop.
 */
static void a_damaged_file_is_survived(void **state)
{
	char city_path[64], as_path[64], bad[64];
	char *sources[] = {bad};
	uint8_t bytes[8192];
	struct load l;
	size_t n;
	FILE *f;

	(void)state;
	write_files(city_path, as_path);
	snprintf(bad, sizeof(bad), "%s/bad.mmdb", directory);
	f = fopen(city_path, "r");
	n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	assert_true(n > 500 && n < sizeof(bytes));
	for (size_t i = 0; i < n; i += i < 900 ? 7 : 1) {
		bytes[i] ^= 0x55;
		f = fopen(bad, "w");
		fwrite(bytes, 1, n, f);
		fclose(f);
		bytes[i] ^= 0x55;
		begin(&l, sources, 1);
		l.dry_run = true;
		if (load_geolite.run(&l))
			assert_true(*l.error);
		load_end(&l);
	}
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_and_places_come_out_of_the_tree),
		cmocka_unit_test(a_damaged_file_is_survived),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
