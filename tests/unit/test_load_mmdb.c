/* Merging prefixes and writing MMDB, read back through libmaxminddb.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <maxminddb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../agent/enrich/table_file.h"
#include "../../loaders/ip_merge.h"
#include "../../loaders/mmdb_writer.h"
#include "../../loaders/tables.h"

static char directory[] = "/tmp/weir-mmdb-XXXXXX";
static char path[64];

static int set_up(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "%s/x.mmdb", mkdtemp(directory) ? directory : "");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

struct written {
	struct mmdb_writer *w;
	uint32_t key;
};

/* The value is the list of what each source says: "1.0.7" */
static int put(const struct merge_entry *e, const uint32_t values[MERGE_SOURCES_MAX], void *arg)
{
	struct written *t = arg;
	char text[64];
	uint32_t where = 0;

	if (values[0] || values[1] || values[2]) {
		snprintf(text, sizeof(text), "%u.%u.%u", values[0], values[1], values[2]);
		where = mmdb_text(t->w, text, strlen(text));
	}
	return mmdb_prefix(t->w, e->high, e->low, e->length, where);
}

static void add(struct ip_merge *m, const char *prefix, unsigned source, uint32_t value)
{
	struct ip_addr a;
	unsigned length;

	assert_true(parse_subnet(prefix, strlen(prefix), &a, &length));
	assert_int_equal(ip_merge_add(m, &a, length, source, value), 0);
}

static void write_all(struct ip_merge *m)
{
	struct written t = {.w = mmdb_writer_new(directory)};

	assert_non_null(t.w);
	assert_int_equal(ip_merge_each(m, put, &t), 0);
	assert_int_equal(mmdb_finish(t.w, path, "weir-test", "a test"), 0);
	mmdb_writer_free(t.w);
}

static void expect(const char *address, const char *text, unsigned length)
{
	MMDB_s db;
	int gai, error;
	MMDB_lookup_result_s r;
	MMDB_entry_data_s d;

	assert_int_equal(MMDB_open(path, MMDB_MODE_MMAP, &db), MMDB_SUCCESS);
	r = MMDB_lookup_string(&db, address, &gai, &error);
	assert_int_equal(gai | error, 0);
	assert_int_equal(r.found_entry, text != NULL);
	if (text) {
		assert_int_equal(MMDB_get_value(&r.entry, &d, NULL), MMDB_SUCCESS);
		assert_int_equal(d.type, MMDB_DATA_TYPE_UTF8_STRING);
		assert_int_equal(d.data_size, strlen(text));
		assert_memory_equal(d.utf8_string, text, d.data_size);
		/* of an IPv6 tree libmaxminddb counts from the top, for IPv4 too */
		assert_int_equal(r.netmask, strchr(address, ':') ? length : length + 96);
	}
	MMDB_close(&db);
}

static void the_longest_prefix_wins_and_inherits_from_what_covers_it(void **state)
{
	struct ip_merge m = {0};

	(void)state;
	add(&m, "10.1.2.3/32", 2, 9);
	add(&m, "10.0.0.0/8", 0, 1);
	add(&m, "10.1.0.0/16", 1, 2);
	add(&m, "10.1.2.0/24", 0, 3);
	add(&m, "2001:db8::/32", 0, 4);
	add(&m, "2001:db8:0:1::/64", 1, 5);
	write_all(&m);
	ip_merge_free(&m);
	expect("10.9.9.9", "1.0.0", 13);
	expect("10.1.9.9", "1.2.0", 21);
	expect("10.1.2.9", "3.2.0", 29);
	expect("10.1.2.3", "3.2.9", 32);
	expect("11.0.0.1", NULL, 0);
	expect("2001:db8:0:1::7", "4.5.0", 64);
	expect("2001:db8:1::", "4.0.0", 48);
	expect("2001:db9::", NULL, 0);
}

static void ipv4_inherits_nothing_from_an_ipv6_prefix_around_it(void **state)
{
	struct ip_merge m = {0};

	(void)state;
	add(&m, "::/0", 0, 1);
	add(&m, "192.0.2.0/24", 1, 2);
	write_all(&m);
	ip_merge_free(&m);
	expect("192.0.2.1", "0.2.0", 24);
	expect("198.51.100.1", NULL, 0);
	expect("2001:db8::1", "1.0.0", 3);
}

static void of_one_prefix_twice_the_later_counts(void **state)
{
	struct ip_merge m = {0};

	(void)state;
	add(&m, "192.0.2.0/24", 0, 1);
	add(&m, "192.0.2.0/24", 0, 2);
	write_all(&m);
	ip_merge_free(&m);
	expect("192.0.2.1", "2.0.0", 24);
}

/* Against a search of all prefixes, one by one. */
static void random_prefixes_agree_with_a_plain_search(void **state)
{
	enum { N = 2000, ASKED = 4000 };
	static struct {
		uint32_t address;
		unsigned length, source;
	} p[N];
	struct ip_merge m = {0};

	(void)state;
	srandom(7);
	for (unsigned i = 0; i < N; i++) {
		char text[32];

		p[i].length = 4 + (unsigned)random() % 29;
		p[i].source = (unsigned)random() % 3;
		p[i].address = (uint32_t)random() << 1 & UINT32_MAX << (32 - p[i].length);
		p[i].address &= 0x0fffffff; /* so that they meet */
		p[i].address &= UINT32_MAX << (32 - p[i].length);
		snprintf(text, sizeof(text), "%u.%u.%u.%u/%u", p[i].address >> 24,
			 p[i].address >> 16 & 255, p[i].address >> 8 & 255, p[i].address & 255,
			 p[i].length);
		add(&m, text, p[i].source, i + 1);
	}
	write_all(&m);
	ip_merge_free(&m);
	for (unsigned i = 0; i < ASKED; i++) {
		uint32_t address = (uint32_t)random() & 0x0fffffff;
		unsigned best[3] = {0}, length[3] = {0};
		char text[32], wanted[64];
		MMDB_s db;
		MMDB_lookup_result_s r;
		MMDB_entry_data_s d;
		int gai, error;

		for (unsigned k = 0; k < N; k++) {
			unsigned s = p[k].source;

			if ((address ^ p[k].address) >> (32 - p[k].length) ||
			    (best[s] && p[k].length < length[s]))
				continue;
			best[s] = k + 1;
			length[s] = p[k].length;
		}
		snprintf(text, sizeof(text), "%u.%u.%u.%u", address >> 24, address >> 16 & 255,
			 address >> 8 & 255, address & 255);
		snprintf(wanted, sizeof(wanted), "%u.%u.%u", best[0], best[1], best[2]);
		assert_int_equal(MMDB_open(path, MMDB_MODE_MMAP, &db), MMDB_SUCCESS);
		r = MMDB_lookup_string(&db, text, &gai, &error);
		assert_int_equal(r.found_entry, best[0] || best[1] || best[2]);
		if (r.found_entry) {
			assert_int_equal(MMDB_get_value(&r.entry, &d, NULL), MMDB_SUCCESS);
			assert_int_equal(d.data_size, strlen(wanted));
			assert_memory_equal(d.utf8_string, wanted, d.data_size);
		}
		MMDB_close(&db);
	}
}

/* 28 bits share a byte between two records, 32 do not: both must read back. */
static void every_record_size_reads_back(void **state)
{
	static const size_t padding[] = {0, 17 << 20, 260 << 20};
	struct buffer big = {0};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct mmdb_writer *w = mmdb_writer_new(directory);
		MMDB_s db;

		assert_non_null(w);
		for (size_t n = 0; n < padding[i]; n += 1 << 20) {
			buffer_clear(&big);
			assert_non_null(buffer_reserve(&big, 1 << 20));
			memset(big.p, 0, 1 << 20);
			big.len = 1 << 20;
			assert_int_not_equal(mmdb_data(w, &big), 0);
		}
		assert_int_equal(mmdb_prefix(w, 0, 0xc0000200, 120, mmdb_text(w, "last", 4)), 0);
		assert_int_equal(mmdb_finish(w, path, "weir-test", "a test"), 0);
		mmdb_writer_free(w);
		assert_int_equal(MMDB_open(path, MMDB_MODE_MMAP, &db), MMDB_SUCCESS);
		assert_int_equal(db.metadata.record_size, i == 0 ? 24 : i == 1 ? 28 : 32);
		MMDB_close(&db);
		expect("192.0.2.77", "last", 24);
		expect("192.0.3.1", NULL, 0);
	}
	buffer_free(&big);
}

static struct table_identity identity_of(const char *prefix, uint32_t value)
{
	struct ip_merge m = {0};
	struct table_identity id;

	add(&m, "10.0.0.0/8", 0, 1);
	add(&m, prefix, 1, value);
	write_all(&m);
	ip_merge_free(&m);
	assert_true(table_identify(path, &id));
	return id;
}

static void the_description_has_a_hash_of_the_content(void **state)
{
	struct table_identity id = identity_of("10.1.0.0/16", 7), other;
	MMDB_s db;

	(void)state;
	assert_int_equal(MMDB_open(path, MMDB_MODE_MMAP, &db), MMDB_SUCCESS);
	assert_int_equal(db.metadata.description.count, 1);
	assert_memory_equal(db.metadata.description.descriptions[0]->description,
			    "a test; content ", 16);
	assert_int_equal(strlen(db.metadata.description.descriptions[0]->description), 16 + 32);
	MMDB_close(&db);
	other = identity_of("10.1.0.0/16", 7);
	assert_memory_equal(&id, &other, sizeof(id));
	other = identity_of("10.1.0.0/16", 8); /* differs in the data */
	assert_int_equal(id.size, other.size);
	assert_memory_not_equal(id.content, other.content, sizeof(id.content));
	other = identity_of("10.2.0.0/16", 7); /* in the tree */
	assert_int_equal(id.size, other.size);
	assert_memory_not_equal(id.content, other.content, sizeof(id.content));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_prefix_wins_and_inherits_from_what_covers_it),
		cmocka_unit_test(ipv4_inherits_nothing_from_an_ipv6_prefix_around_it),
		cmocka_unit_test(of_one_prefix_twice_the_later_counts),
		cmocka_unit_test(random_prefixes_agree_with_a_plain_search),
		cmocka_unit_test(every_record_size_reads_back),
		cmocka_unit_test(the_description_has_a_hash_of_the_content),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
