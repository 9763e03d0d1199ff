/* The table of addresses, held against the library's own look-up; and damaged files.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <maxminddb.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "enrich/ip_table.h"
#include "mmdb_build.h"

static char directory[] = "/tmp/weir-enrich-XXXXXX";
static char path[2][64];

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	for (int i = 0; i < 2; i++)
		snprintf(path[i], sizeof(path[i]), "%s/%d.mmdb", directory, i);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path[0]);
	unlink(path[1]);
	return rmdir(directory);
}

static struct ip_table *load(unsigned n, char *error)
{
	const char *paths[] = {path[0], path[1]};
	const struct ip_table_options o = ip_table_everything(paths, n);

	return ip_table_load(&o, error, 200);
}

static struct ip_table *must_load(unsigned n)
{
	char error[200];
	struct ip_table *t = load(n, error);

	if (!t)
		fail_msg("%s", error);
	return t;
}

static struct ip_addr address(const char *text)
{
	struct ip_addr a = {0};
	uint8_t v4[4];

	if (inet_pton(AF_INET, text, v4) == 1)
		ip_from_v4(&a, v4);
	else
		assert_int_equal(inet_pton(AF_INET6, text, a.b), 1);
	return a;
}

/* "" where nothing is known of the address. */
static const struct ip_part *find(const struct ip_table *t, const char *text, char ref[256])
{
	static const struct ip_part nothing;
	struct ip_addr a = address(text);
	uint32_t leaf = ip_table_find(t, &a);
	const struct ip_leaf *l = ip_table_leaf(t, leaf);

	ref[0] = '\0';
	if (!leaf)
		return &nothing;
	memcpy(ref, l->ref, l->ref_len);
	ref[l->ref_len] = '\0';
	return &t->parts[l->part];
}

static void assert_text(struct text t, const char *expected)
{
	assert_int_equal(t.len, strlen(expected));
	assert_memory_equal(t.p ? t.p : "", expected, t.len);
}

static void the_longest_prefix_wins_and_all_keys_are_read(void **state)
{
	struct mmdb_build m;
	struct ip_table *t;
	const struct ip_part *p;
	char ref[256];

	(void)state;
	mmdb_build_init(&m);
	mmdb_add(&m, "192.0.2.0/24",
		 "{\"as\":64500,\"as_name\":\"EXAMPLE\",\"as_ref\":\"64500__v2\","
		 "\"organization\":\"Example Org\",\"organization_ref\":\"org__v1\","
		 "\"ip_ref\":\"192.0.2.0/24__v1\",\"continent\":\"EU\",\"country\":\"FR\","
		 "\"subdivision\":\"Auvergne\",\"city\":\"Lyon\",\"latitude\":45.75,"
		 "\"longitude\":4.85,\"refs\":{\"scireg\":\"s__v1\",\"cric\":\"c__v3\","
		 "\"scinet\":\"n__v1\",\"esdb\":\"e__v9\"},\"network\":{\"name\":\"lab\","
		 "\"role\":\"dmz\",\"site\":\"lyon\",\"region\":\"south\",\"tenant\":\"phys\"}}");
	mmdb_add(&m, "192.0.2.128/25", "{\"as\":64501,\"ip_ref\":\"192.0.2.128/25__v1\"}");
	mmdb_add(&m, "192.0.2.129/32", "{\"country\":\"DE\"}");
	mmdb_add(&m, "2001:db8::/32", "{\"as\":64502}");
	mmdb_add(&m, "2001:db8:1:2:3:4:5:6/128", "{\"as\":64503}");
	mmdb_build_write(&m, path[0]);
	mmdb_build_free(&m);

	t = must_load(1);
	p = find(t, "192.0.2.1", ref);
	assert_string_equal(ref, "192.0.2.0/24__v1");
	assert_int_equal(p->as->number, 64500);
	assert_text(p->as->name, "EXAMPLE");
	assert_text(p->as->ref, "64500__v2");
	assert_text(p->as->organization, "Example Org");
	assert_text(p->as->organization_ref, "org__v1");
	assert_text(p->geo->continent, "EU");
	assert_text(p->geo->country, "FR");
	assert_text(p->geo->subdivision, "Auvergne");
	assert_text(p->geo->city, "Lyon");
	assert_true(p->geo->latitude == 45.75 && p->geo->longitude == 4.85);
	assert_text(p->network->name, "lab");
	assert_text(p->network->role, "dmz");
	assert_text(p->network->site, "lyon");
	assert_text(p->network->region, "south");
	assert_text(p->network->tenant, "phys");
	assert_text(p->network->scireg, "s__v1");
	assert_text(p->network->cric, "c__v3");
	assert_text(p->network->scinet, "n__v1");
	assert_int_equal(p->network->refs.n, 2);
	assert_text(p->network->refs.p[0], "esdb");
	assert_text(p->network->refs.p[1], "e__v9");

	p = find(t, "192.0.2.128", ref);
	assert_int_equal(p->as->number, 64501);
	assert_null(p->geo);
	assert_string_equal(ref, "192.0.2.128/25__v1");
	p = find(t, "192.0.2.129", ref);
	assert_null(p->as);
	assert_text(p->geo->country, "DE");
	assert_true(isnan(p->geo->latitude));
	assert_string_equal(ref, "");
	assert_null(find(t, "192.0.3.0", ref)->as);
	assert_null(find(t, "0.0.0.0", ref)->as);
	assert_null(find(t, "255.255.255.255", ref)->as);
	assert_int_equal(find(t, "2001:db8::1", ref)->as->number, 64502);
	assert_int_equal(find(t, "2001:db8:1:2:3:4:5:6", ref)->as->number, 64503);
	assert_int_equal(find(t, "2001:db8:1:2:3:4:5:7", ref)->as->number, 64502);
	assert_null(find(t, "2001:db9::", ref)->as);
	assert_null(find(t, "::", ref)->as);
	ip_table_free(t);
}

static void of_an_address_that_is_not_set_nothing_is_known(void **state)
{
	struct mmdb_build m;
	struct ip_table *t;
	char ref[256];

	(void)state;
	mmdb_build_init(&m);
	mmdb_add(&m, "0.0.0.0/0", "{\"as\":1}");
	mmdb_build_write(&m, path[0]);
	mmdb_build_free(&m);
	t = must_load(1);
	assert_int_equal(find(t, "1.2.3.4", ref)->as->number, 1);
	assert_int_equal(find(t, "0.0.0.0", ref)->as->number, 1);
	assert_null(find(t, "::", ref)->as);
	ip_table_free(t);
}

static void files_of_geolite_are_read_as_they_are_and_merge(void **state)
{
	struct mmdb_build m;
	struct ip_table *t;
	const struct ip_part *p;
	char ref[256];

	(void)state;
	mmdb_build_init(&m);
	mmdb_add(&m, "10.0.0.0/8",
		 "{\"autonomous_system_number\":64500,"
		 "\"autonomous_system_organization\":\"Example\"}");
	mmdb_add(&m, "10.1.0.0/16", "{\"country\":\"IT\"}");
	mmdb_build_write(&m, path[0]);
	mmdb_build_free(&m);
	mmdb_build_init(&m);
	mmdb_add(&m, "10.1.2.0/24",
		 "{\"city\":{\"geoname_id\":7,\"names\":{\"de\":\"Rom\",\"en\":\"Rome\"}},"
		 "\"continent\":{\"code\":\"EU\",\"names\":{\"en\":\"Europe\"}},"
		 "\"country\":{\"iso_code\":\"IT\",\"names\":{\"en\":\"Italy\"}},"
		 "\"location\":{\"accuracy_radius\":10,\"latitude\":41.9,\"longitude\":12.5},"
		 "\"subdivisions\":[{\"iso_code\":\"62\",\"names\":{\"en\":\"Lazio\"}}]}");
	mmdb_add(&m, "10.1.0.0/17", "{\"country\":{\"iso_code\":\"CH\"}}");
	mmdb_add(&m, "10.1.2.0/24",
		 "{\"city\":{\"geoname_id\":7,\"names\":{\"de\":\"Rom\",\"en\":\"Rome\"}},"
		 "\"continent\":{\"code\":\"EU\",\"names\":{\"en\":\"Europe\"}},"
		 "\"country\":{\"iso_code\":\"IT\",\"names\":{\"en\":\"Italy\"}},"
		 "\"location\":{\"accuracy_radius\":10,\"latitude\":41.9,\"longitude\":12.5},"
		 "\"subdivisions\":[{\"iso_code\":\"62\",\"names\":{\"en\":\"Lazio\"}}]}");
	mmdb_build_write(&m, path[1]);
	mmdb_build_free(&m);

	t = must_load(2);
	p = find(t, "10.1.2.3", ref);
	assert_int_equal(p->as, NULL); /* 10.1.0.0/16 replaced it in its file */
	assert_text(p->geo->city, "Rome");
	assert_text(p->geo->continent, "EU");
	assert_text(p->geo->country, "IT");
	assert_text(p->geo->subdivision, "Lazio");
	assert_true(p->geo->latitude == 41.9);
	/* the longer prefix of the later file before the shorter one of the first */
	assert_text(find(t, "10.1.3.3", ref)->geo->country, "CH");
	assert_text(find(t, "10.1.200.3", ref)->geo->country, "IT");
	p = find(t, "10.2.0.0", ref);
	assert_int_equal(p->as->number, 64500);
	assert_text(p->as->name, "Example");
	ip_table_free(t);
}

/* Every answer of many prefixes is that of the library. */
static void many_prefixes_have_the_answers_of_libmaxminddb(void **state)
{
	uint64_t seed = 4711;
	struct mmdb_build m;
	struct ip_table *t;
	unsigned found = 0;
	MMDB_s db;

	(void)state;
	mmdb_build_init(&m);
	for (unsigned len = 104; len <= 128; len++)
		for (unsigned i = 0; i < 800; i++) {
			uint8_t a[16] = {0};
			char json[64];

			seed = seed * 6364136223846793005u + 1442695040888963407u;
			memcpy(a + 12, (char *)&seed + 4, 4);
			a[12] = (uint8_t)(10 + a[12] % 3);
			snprintf(json, sizeof(json), "{\"as\":%u,\"ip_ref\":\"p%u\"}", 1 + i % 50,
				 len * 1000 + i);
			mmdb_insert(&m, a, len, mmdb_value(&m, json));
		}
	for (unsigned len = 20; len <= 128; len++)
		for (unsigned i = 0; i < 100; i++) {
			uint8_t a[16] = {0x20, 0x01};
			char json[64];

			for (unsigned k = 2; k < 16; k += 2) {
				seed = seed * 6364136223846793005u + 1442695040888963407u;
				a[k] = (uint8_t)(seed >> 62);
				a[k + 1] = (uint8_t)(seed >> 50);
			}
			snprintf(json, sizeof(json), "{\"as\":%u}", len * 100 + i);
			mmdb_insert(&m, a, len, mmdb_value(&m, json));
		}
	mmdb_build_write(&m, path[0]);
	mmdb_build_free(&m);
	t = must_load(1);
	assert_int_equal(MMDB_open(path[0], MMDB_MODE_MMAP, &db), MMDB_SUCCESS);
	for (unsigned i = 0; i < 300000; i++) {
		struct sockaddr_in6 six = {.sin6_family = AF_INET6};
		struct ip_addr a = {0};
		MMDB_lookup_result_s r;
		MMDB_entry_data_s as = {0};
		uint32_t leaf, number;
		int error;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		if (i % 2) {
			uint32_t v4 = (uint32_t)(seed >> 32);

			ip_from_v4(&a, &v4);
			a.b[12] = (uint8_t)(9 + a.b[12] % 5);
			memcpy(six.sin6_addr.s6_addr + 12, a.b + 12, 4);
		} else {
			a.b[0] = 0x20;
			a.b[1] = 1;
			for (unsigned k = 2; k < 16; k += 2) {
				seed = seed * 6364136223846793005u + 1442695040888963407u;
				a.b[k] = (uint8_t)(seed >> 62);
				a.b[k + 1] = (uint8_t)(seed >> 50);
			}
			memcpy(six.sin6_addr.s6_addr, a.b, 16);
		}
		leaf = ip_table_find(t, &a);
		number = leaf ? t->parts[ip_table_leaf(t, leaf)->part].as->number : 0;
		r = MMDB_lookup_sockaddr(&db, (struct sockaddr *)&six, &error);
		assert_int_equal(error, MMDB_SUCCESS);
		if (r.found_entry)
			MMDB_get_value(&r.entry, &as, "as", NULL);
		assert_int_equal(number, as.has_data ? as.uint32 : 0);
		found += leaf != 0;
	}
	assert_true(found > 50000 && found < 290000);
	/* Several at once have the answers that each has alone. */
	for (unsigned round = 0; round < 2000; round++) {
		struct ip_addr a[IP_TABLE_TOGETHER] = {0};
		const struct ip_addr *addresses[IP_TABLE_TOGETHER];
		uint32_t leaves[IP_TABLE_TOGETHER];
		unsigned n = 1 + round % IP_TABLE_TOGETHER;

		for (unsigned i = 0; i < n; i++) {
			addresses[i] = &a[i];
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			if (seed >> 63) {
				ip_from_v4(&a[i], (char *)&seed + 3);
				a[i].b[12] = (uint8_t)(9 + a[i].b[12] % 5);
			} else if (seed >> 60) { /* else unset */
				memcpy(a[i].b, (uint8_t[]){0x20, 1, (seed >> 40) & 3, seed >> 50},
				       4);
			}
		}
		ip_table_find_many(t, addresses, leaves, n);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(leaves[i], ip_table_find(t, &a[i]));
	}
	MMDB_close(&db);
	ip_table_free(t);
}

/* A small file that is right. */
static uint8_t *small_file(size_t *n)
{
	static uint8_t bytes[8192];
	struct mmdb_build m;
	FILE *f;

	mmdb_build_init(&m);
	mmdb_add(&m, "192.0.2.0/24",
		 "{\"as\":64500,\"as_name\":\"EXAMPLE\",\"ip_ref\":\"r\",\"refs\":{\"a\":\"b\"},"
		 "\"city\":{\"names\":{\"en\":\"Rome\"}},\"latitude\":45.75}");
	mmdb_add(&m, "2001:db8::/32", "{\"as\":64502,\"network\":{\"name\":\"n\"}}");
	mmdb_build_write(&m, path[0]);
	mmdb_build_free(&m);
	f = fopen(path[0], "re");
	*n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	assert_true(*n > 500 && *n < sizeof(bytes));
	return bytes;
}

static void write_bytes(const void *p, size_t n)
{
	FILE *f = fopen(path[0], "we");

	assert_int_equal(fwrite(p, 1, n, f), n);
	fclose(f);
}

static void a_file_cut_short_is_refused_with_a_reason(void **state)
{
	size_t n;
	uint8_t *bytes = small_file(&n);
	char error[200];

	(void)state;
	ip_table_free(must_load(1));
	for (size_t len = 0; len < n; len += 1) {
		struct ip_table *t;

		write_bytes(bytes, len);
		error[0] = '\0';
		t = load(1, error);
		if (t)
			fail_msg("%zu of %zu bytes were taken for a whole file", len, n);
		assert_non_null(strstr(error, path[0]));
		assert_true(strlen(error) > strlen(path[0]) + 5);
	}
	unlink(path[0]);
	assert_null(load(1, error));
	assert_non_null(strstr(error, "No such file"));
}

/* Whatever bits are flipped: refused, or a table that can be asked. */
static void a_file_with_flipped_bits_does_no_harm(void **state)
{
	size_t n;
	uint8_t *bytes = small_file(&n);
	unsigned refused = 0;
	char error[200], ref[256];

	(void)state;
	for (size_t i = 0; i < 8 * n; i += 7) {
		struct ip_table *t;

		bytes[i / 8] ^= (uint8_t)(1u << i % 8);
		write_bytes(bytes, n);
		t = load(1, error);
		if (t) {
			find(t, "192.0.2.1", ref);
			find(t, "2001:db8::1", ref);
			find(t, "255.255.255.255", ref);
			ip_table_free(t);
		} else {
			refused++;
		}
		bytes[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	assert_true(refused > 20);
}

static void a_tree_that_goes_in_circles_is_refused(void **state)
{
	struct mmdb_build m;
	char error[200];

	(void)state;
	mmdb_build_init(&m);
	mmdb_add(&m, "2001:db8::/32", "{\"as\":1}");
	for (uint32_t i = 0; i < m.n_nodes; i++)
		for (unsigned k = 0; k < 2; k++)
			if (!m.nodes[i][k])
				m.nodes[i][k] = 1 + i % (m.n_nodes - 1);
	mmdb_build_write(&m, path[0]);
	mmdb_build_free(&m);
	assert_null(load(1, error));
	assert_non_null(strstr(error, "circles"));
}

/* The record at which IPv4 begins is found by the library, which does not look where it leads. */
static void a_start_of_ipv4_outside_of_the_file_is_refused(void **state)
{
	static const uint32_t outside[] = {0xffffffff, 0x80000000, 8192};
	size_t n;
	uint8_t *bytes = small_file(&n);
	char error[200];

	(void)state;
	for (unsigned i = 0; i < sizeof(outside) / sizeof(*outside); i++) {
		uint32_t left = htonl(outside[i]);

		memcpy(bytes, &left, sizeof(left)); /* of the root: ::/1 */
		write_bytes(bytes, n);
		error[0] = '\0';
		assert_null(load(1, error));
		assert_non_null(strstr(error, "outside of the file"));
	}
}

/* So many nodes that their bytes, counted in 32 bits, are as few as before. */
static void a_search_tree_larger_than_the_file_is_refused(void **state)
{
	static const char key[] = "node_count";
	size_t n;
	uint8_t *bytes = small_file(&n), *at = memmem(bytes, n, key, sizeof(key) - 1);
	uint32_t count;
	char error[200] = "";

	(void)state;
	assert_non_null(at);
	at += sizeof(key);
	memcpy(&count, at, 4);
	count = htonl(ntohl(count) + 0x20000000); /* of 8 bytes */
	memcpy(at, &count, 4);
	write_bytes(bytes, n);
	assert_null(load(1, error));
	assert_non_null(strstr(error, "larger than the file"));
}

static void texts_that_are_no_text_are_put_right(void **state)
{
	struct mmdb_build m;
	struct ip_table *t;
	char json[2000], long_name[1200], ref[256];

	(void)state;
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	mmdb_build_init(&m);
	mmdb_add(&m, "10.0.0.0/8", "{\"as\":1,\"as_name\":\"a\xff\x01z\",\"ip_ref\":\"r\n\"}");
	snprintf(json, sizeof(json), "{\"as\":2,\"as_name\":\"%s\"}", long_name);
	mmdb_add(&m, "11.0.0.0/8", json);
	mmdb_build_write(&m, path[0]);
	mmdb_build_free(&m);
	t = must_load(1);
	assert_text(find(t, "10.0.0.1", ref)->as->name, "a? z");
	assert_string_equal(ref, "");
	assert_int_equal(find(t, "11.0.0.1", ref)->as->name.len, INFO_TEXT_MAX);
	ip_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_prefix_wins_and_all_keys_are_read),
		cmocka_unit_test(of_an_address_that_is_not_set_nothing_is_known),
		cmocka_unit_test(files_of_geolite_are_read_as_they_are_and_merge),
		cmocka_unit_test(many_prefixes_have_the_answers_of_libmaxminddb),
		cmocka_unit_test(a_file_cut_short_is_refused_with_a_reason),
		cmocka_unit_test(a_file_with_flipped_bits_does_no_harm),
		cmocka_unit_test(a_tree_that_goes_in_circles_is_refused),
		cmocka_unit_test(a_start_of_ipv4_outside_of_the_file_is_refused),
		cmocka_unit_test(a_search_tree_larger_than_the_file_is_refused),
		cmocka_unit_test(texts_that_are_no_text_are_put_right),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
