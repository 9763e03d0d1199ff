/* ip.table: what is read from it is what was built of ip.mmdb; and damaged ones.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <unistd.h>

#include "enrich/table_file.h"
#include "mmdb_build.h"
#include "publish/encode.h"
#include "table_seal.h"

static char directory[] = "/tmp/weir-table-XXXXXX";
static char mmdb_path[64], table_path[64];
static const info_writer *const writers[INFO_FORMATS] = {protobuf_info, json_info};

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(mmdb_path, sizeof(mmdb_path), "%s/ip.mmdb", directory);
	snprintf(table_path, sizeof(table_path), "%s/ip.table", directory);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(mmdb_path);
	unlink(table_path);
	return rmdir(directory);
}

static struct ip_table *build(const struct ip_table_options *wanted)
{
	static const char *const paths[] = {mmdb_path};
	struct ip_table_options o = *wanted;
	char error[200];
	struct ip_table *t;

	o.paths = paths;
	o.n_paths = 1;
	t = ip_table_load(&o, error, sizeof(error));
	if (!t)
		fail_msg("%s", error);
	return t;
}

static const struct ip_table_options everything = {
	.writers = writers, .as_names = true, .geo = true, .networks = true, .refs = true};

/* Writes ip.table for the ip.mmdb there is. */
static struct table_identity write_table(void)
{
	struct ip_table_options plain = everything;
	struct table_identity id;
	struct ip_table *t;

	plain.writers = NULL; /* as the loader */
	t = build(&plain);
	assert_true(table_identify(mmdb_path, &id));
	assert_int_equal(table_write(t, &id, table_path), 0);
	ip_table_free(t);
	return id;
}

static struct ip_table *must_read(const struct table_identity *id, const struct ip_table_options *o)
{
	char error[200];
	struct ip_table *t = table_read(table_path, id, o, error, sizeof(error));

	if (!t)
		fail_msg("%s", error);
	return t;
}

static void assert_encoded(const struct info_bytes *a, const struct info_bytes *b)
{
	size_t n = 0, head = 0;

	assert_memory_equal(a->len, b->len, sizeof(a->len));
	for (unsigned f = 0; f < INFO_FORMATS; f++) {
		assert_int_equal(info_n_names(a, f), info_n_names(b, f));
		n += info_image_bytes(a, f);
		head += 1 + 2 * (size_t)info_n_names(a, f);
	}
	assert_memory_equal(a->bytes - head, b->bytes - head, head + n);
}

static void assert_texts(const struct text *a, const struct text *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(a[i].len, b[i].len);
		assert_int_equal(!a[i].p, !b[i].p);
		assert_memory_equal(a[i].p ? a[i].p : "", b[i].p ? b[i].p : "", a[i].len);
	}
}

static void assert_same_part(const struct ip_part *a, const struct ip_part *b)
{
	assert_int_equal(!a->as, !b->as);
	assert_int_equal(!a->geo, !b->geo);
	assert_int_equal(!a->network, !b->network);
	if (a->as) {
		assert_int_equal(a->as->number, b->as->number);
		assert_texts(&a->as->name, &b->as->name, 4);
		assert_encoded(&a->as->encoded, &b->as->encoded);
	}
	if (a->geo) {
		assert_texts(&a->geo->continent, &b->geo->continent, 4);
		assert_memory_equal(&a->geo->latitude, &b->geo->latitude, 2 * sizeof(double));
		assert_encoded(&a->geo->encoded, &b->geo->encoded);
	}
	if (a->network) {
		assert_texts(&a->network->name, &b->network->name, 8);
		assert_int_equal(a->network->refs.n, b->network->refs.n);
		assert_texts(a->network->refs.p, b->network->refs.p, a->network->refs.n);
		assert_encoded(&a->network->encoded, &b->network->encoded);
	}
}

/* Returns whether something is known. */
static bool assert_same_answer(const struct ip_table *a, const struct ip_table *b,
			       const struct ip_addr *address)
{
	uint32_t x = ip_table_find(a, address), y = ip_table_find(b, address);
	const struct ip_leaf *l = ip_table_leaf(a, x), *m = ip_table_leaf(b, y);

	assert_int_equal(!x, !y);
	assert_int_equal(l->ref_len, m->ref_len);
	assert_memory_equal(l->ref, m->ref, l->ref_len);
	assert_same_part(&a->parts[l->part], &b->parts[m->part]);
	return x != 0;
}

static uint64_t seed = 2026;

static uint32_t next_random(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33);
}

/* A value of the kind `kind`, with few different ones of each. */
static const char *some_value(char text[600])
{
	uint32_t i = next_random() % 40, kind = next_random() % 6;
	char ref[300] = "";

	if (next_random() % 2)
		snprintf(ref, sizeof(ref), ",\"ip_ref\":\"%.*s%u\"", (int)(next_random() % 250),
			 "a reference that is longer than most, so that leaves have many lengths, "
			 "and \xc3\xa4 is no ASCII; it goes on and on, as nobody says that it may "
			 "not, up to the length of two hundred and fifty-five bytes, where it is "
			 "cut, or would be if it were",
			 next_random());
	if (kind == 0)
		snprintf(text, 600, "{\"as\":%u%s}", 64500 + i, ref);
	else if (kind == 1)
		snprintf(text, 600,
			 "{\"as\":%u,\"as_name\":\"N%u\",\"as_ref\":\"%u__v1\",\"organization\":"
			 "\"Org %u\",\"organization_ref\":\"o%u\",\"city\":\"C%u\"%s}",
			 64500 + i, i, i, i / 2, i / 2, i, ref);
	else if (kind == 2)
		snprintf(text, 600,
			 "{\"continent\":\"EU\",\"country\":\"FR\",\"subdivision\":\"S%u\","
			 "\"city\":\"C%u\",\"latitude\":%u.5,\"longitude\":4.85%s}",
			 i, i, i, ref);
	else if (kind == 3)
		snprintf(text, 600,
			 "{\"refs\":{\"scireg\":\"s%u\",\"cric\":\"c%u\",\"esdb\":\"e%u\","
			 "\"other\":\"x\"},\"network\":{\"name\":\"n%u\",\"tenant\":\"t\"}%s}",
			 i, i / 2, i, i / 4, ref);
	else if (kind == 4)
		snprintf(text, 600, "{\"network\":{\"role\":\"r%u\"}%s}", i, ref);
	else
		snprintf(text, 600, "{\"as_name\":\"without a number\"%s}", ref);
	return text;
}

enum { PREFIXES = 4000 };

static uint8_t added[PREFIXES][16];

static void many_prefixes(void)
{
	struct mmdb_build m;
	char text[600];

	mmdb_build_init(&m);
	m.description = "a test; " TABLE_CONTENT "00112233445566778899aabbccddeeff";
	for (unsigned i = 0; i < PREFIXES; i++) {
		unsigned len = 96 + 8 + i * 25 / PREFIXES;
		uint8_t *a = added[i];

		memset(a, 0, 16);
		if (i % 3) {
			uint32_t v4 = next_random() << 1;

			memcpy(a + 12, &v4, 4);
			a[12] = (uint8_t)(10 + a[12] % 3);
		} else {
			len = 16 + i * 113 / PREFIXES;
			a[0] = 0x20;
			for (unsigned k = 1; k < 16; k++)
				a[k] = (uint8_t)(next_random() % 3);
		}
		mmdb_insert(&m, a, len, mmdb_value(&m, some_value(text)));
	}
	mmdb_build_write(&m, mmdb_path);
	mmdb_build_free(&m);
}

/* An address near one of the prefixes, or anywhere. */
static struct ip_addr some_address(void)
{
	const uint8_t *p = added[next_random() % PREFIXES];
	struct ip_addr a = {0};
	unsigned at = next_random() % 16;

	if (p[0]) {
		memcpy(a.b, p, 16);
		a.b[at] = (uint8_t)(a.b[at] + next_random() % 3);
	} else {
		uint32_t any = next_random() << 1;

		ip_from_v4(&a, next_random() % 4 ? (const void *)(p + 12) : &any);
		if (next_random() % 2)
			a.b[15] = (uint8_t)next_random();
	}
	return a;
}

static void whatever_the_options_answers_are_those_of_a_table_that_was_built(void **state)
{
	struct table_identity id;

	(void)state;
	many_prefixes();
	id = write_table();
	for (unsigned bits = 0; bits <= 16; bits++) {
		struct ip_table_options o = {.writers = bits == 15 ? NULL : writers,
					     .as_names = bits & (1 | 16),
					     .geo = bits & (2 | 16),
					     .networks = bits & (4 | 16),
					     .refs = bits & (8 | 16)};
		struct ip_table *built = build(&o), *read = must_read(&id, &o);
		unsigned found = 0;

		if (bits >= 15) {
			assert_int_equal(built->n_prefixes, read->n_prefixes);
			assert_int_equal(built->n_infos, read->n_infos);
			assert_int_equal(built->n_words, read->n_words);
		}
		for (unsigned i = 0; i < 5000; i++) {
			struct ip_addr a = some_address();

			found += assert_same_answer(built, read, &a);
		}
		for (unsigned i = 0; i < PREFIXES; i++) {
			struct ip_addr a = {0};

			memcpy(a.b, added[i], 16);
			if (!a.b[0])
				ip_from_v4(&a, added[i] + 12);
			assert_same_answer(built, read, &a);
		}
		assert_in_range(found, 1000, 4900);
		ip_table_free(built);
		ip_table_free(read);
	}
}

/* What was read can be written again, and is the same file. */
static void a_table_that_was_read_is_written_as_it_was(void **state)
{
	static uint8_t bytes[2][1 << 20];
	struct table_identity id;
	struct ip_table *t;
	size_t n[2];

	(void)state;
	many_prefixes();
	id = write_table();
	for (unsigned i = 0; i < 2; i++) {
		FILE *f = fopen(table_path, "re");

		n[i] = fread(bytes[i], 1, sizeof(bytes[i]), f);
		fclose(f);
		t = must_read(&id, &everything);
		assert_int_equal(table_write(t, &id, table_path), 0);
		ip_table_free(t);
	}
	assert_in_range(n[0], 100000, sizeof(bytes[0]) - 1);
	assert_int_equal(n[0], n[1]);
	assert_memory_equal(bytes[0], bytes[1], n[0]);
}

static void a_table_of_nothing_is_one(void **state)
{
	struct ip_addr a = {0};
	struct table_identity id;
	struct mmdb_build m;
	struct ip_table *t;

	(void)state;
	mmdb_build_init(&m);
	m.description = TABLE_CONTENT "00000000000000000000000000000000";
	mmdb_build_write(&m, mmdb_path);
	mmdb_build_free(&m);
	id = write_table();
	t = must_read(&id, &everything);
	ip_from_v4(&a, "\x08\x08\x08\x08");
	assert_int_equal(ip_table_find(t, &a), 0);
	a.b[0] = 0x20;
	assert_int_equal(ip_table_find(t, &a), 0);
	ip_table_free(t);
}

/* A small file that is right. */
static uint8_t *small_table(size_t *n, struct table_identity *id)
{
	static uint8_t bytes[8192];
	struct mmdb_build m;
	FILE *f;

	mmdb_build_init(&m);
	m.description = TABLE_CONTENT "0123456789abcdef0123456789abcdef";
	mmdb_add(&m, "192.0.2.0/24",
		 "{\"as\":64500,\"as_name\":\"EXAMPLE\",\"ip_ref\":\"192.0.2.0/24\","
		 "\"refs\":{\"a\":\"b\"},\"city\":\"Rome\",\"latitude\":45.75}");
	mmdb_add(&m, "192.0.2.77/32", "{\"as\":64501,\"ip_ref\":\"r\"}");
	mmdb_add(&m, "2001:db8::/32", "{\"as\":64502,\"network\":{\"name\":\"n\"}}");
	mmdb_add(&m, "2001:db8:0:1::7/128", "{\"as\":64500}");
	mmdb_build_write(&m, mmdb_path);
	mmdb_build_free(&m);
	*id = write_table();
	f = fopen(table_path, "re");
	*n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	assert_true(*n > 1000 && *n < sizeof(bytes));
	return bytes;
}

static void write_bytes(const void *p, size_t n)
{
	FILE *f = fopen(table_path, "we");

	assert_int_equal(fwrite(p, 1, n, f), n);
	fclose(f);
}

static void expect_refused(const struct table_identity *id, const char *why)
{
	char error[200] = "";
	struct ip_table *t = table_read(table_path, id, &everything, error, sizeof(error));

	if (t)
		fail_msg("taken, though: %s", why);
	if (!strstr(error, why))
		fail_msg("'%s' does not say '%s'", error, why);
}

static void a_table_cut_short_or_grown_is_refused(void **state)
{
	struct table_identity id;
	size_t n;
	uint8_t *bytes = small_table(&n, &id);

	(void)state;
	for (size_t len = 0; len < n; len++) {
		write_bytes(bytes, len);
		expect_refused(&id, "is cut short");
	}
	write_bytes(bytes, n);
	ip_table_free(must_read(&id, &everything));
	bytes[n] = 0;
	write_bytes(bytes, n + 1);
	expect_refused(&id, "is longer than it says");
	unlink(table_path);
	expect_refused(&id, "No such file");
}

/* Each of the header, and each third behind it. */
static void a_changed_byte_is_noticed(void **state)
{
	struct table_identity id;
	size_t n;
	uint8_t *bytes = small_table(&n, &id);

	(void)state;
	for (size_t i = 0; i < n; i += i < sizeof(struct table_header) ? 1 : 3) {
		bytes[i] ^= (uint8_t)(1u << i % 8);
		write_bytes(bytes, n);
		expect_refused(&id, "");
		bytes[i] ^= (uint8_t)(1u << i % 8);
	}
}

/* As if somebody had changed it who knows how sums are made: refused, or a table that can be asked.
 */
static void a_table_changed_on_purpose_does_no_harm(void **state)
{
	static uint8_t changed[8192];
	struct table_identity id;
	unsigned refused = 0, taken = 0;
	size_t n;
	uint8_t *bytes = small_table(&n, &id);
	char error[200];

	(void)state;
	memset(added, 0, sizeof(added));
	memcpy(added[0] + 12, "\xc0\0\2\1", 4);
	memcpy(added[1], "\x20\1\xd\xb8", 4);
	for (size_t i = 0; i < n; i += 1 + (i > sizeof(struct table_header))) {
		static const uint8_t with[] = {0x01, 0x80, 0xff};
		struct ip_table_options o = everything;
		struct ip_table *t;

		memcpy(changed, bytes, n);
		changed[i] ^= with[i % 3];
		table_seal(changed, n);
		write_bytes(changed, n);
		o.refs = i / 3 % 2;
		t = table_read(table_path, &id, &o, error, sizeof(error));
		if (!t) {
			assert_true(*error);
			refused++;
			continue;
		}
		taken++;
		for (unsigned k = 0; k < 64; k++) {
			struct ip_addr a = some_address();
			const struct ip_leaf *l = ip_table_leaf(t, ip_table_find(t, &a));
			const struct ip_part *p = &t->parts[l->part];

			assert_true(!p->as || p->as->name.len <= INFO_TEXT_MAX);
			assert_true(!l->ref_len || l->ref[l->ref_len - 1]);
		}
		ip_table_free(t);
	}
	assert_true(refused > n / 4 && taken > 20);
}

static void a_table_of_something_else_is_refused(void **state)
{
	struct table_identity id, other;
	struct table_header h;
	size_t n;
	uint8_t *bytes = small_table(&n, &id);

	(void)state;
	other = id;
	other.size++;
	expect_refused(&other, "was made of another ip.mmdb");
	other = id;
	other.content[15] ^= 1;
	expect_refused(&other, "was made of another ip.mmdb");
	memcpy(&h, bytes, sizeof(h));
	h.version++;
	memcpy(bytes, &h, sizeof(h));
	table_seal(bytes, n);
	write_bytes(bytes, n);
	expect_refused(&id, "is of another version of weir");
	memset(bytes, 'x', n);
	write_bytes(bytes, n);
	expect_refused(&id, "is no table of weir's");
}

/* Changes a number in a section of the small table and makes the sums right. */
static void change(enum table_section s, size_t at, uint32_t to, const char *why)
{
	struct table_identity id;
	size_t n;
	uint8_t *bytes = small_table(&n, &id);

	memcpy(bytes + table_section_at(bytes, s) + at, &to, sizeof(to));
	table_seal(bytes, n);
	write_bytes(bytes, n);
	expect_refused(&id, why);
}

static void numbers_of_what_is_not_there_are_refused(void **state)
{
	const size_t first_node = offsetof(struct poptrie_node, first_node);
	const size_t first_leaf = offsetof(struct poptrie_node, first_leaf);
	const size_t node = sizeof(struct poptrie_node);
	/* 2001:db8::7/128 makes a chain of nodes of IPv6: the second is the child of the first. */

	(void)state;
	change(TABLE_V6_NODES, first_node, 0, "a node comes before its parent");
	change(TABLE_V6_NODES, node + first_node, 1, "a node comes before its parent");
	change(TABLE_V6_NODES, first_node, 2, "no way leads to a node"); /* to the second */
	change(TABLE_V6_NODES, first_node, 1000, "a node is not there");
	change(TABLE_V6_NODES, first_node, UINT32_MAX, "a node is not there");
	change(TABLE_V6_NODES, first_leaf, 1000, "an answer is not there");
	change(TABLE_V6_NODES, first_leaf, UINT32_MAX, "an answer is not there");
	change(TABLE_V6_LEAVES, 0, 1, "an answer is no leaf"); /* the middle of one */
	change(TABLE_V4_LEAVES, 0, UINT32_MAX, "an answer is no leaf");
	change(TABLE_V4_ROOT, 0, 1, "an answer is no leaf");
	change(TABLE_V4_ROOT, 0, POPTRIE_NODE | 1000, "a node is not there");
	change(TABLE_V4_ROOT, 4, 1, "the root of a trie has the wrong size");
	change(TABLE_V4_ROOT, 4, UINT32_MAX, "the root of a trie has the wrong size");
	change(TABLE_WORDS, 0, 1, "the leaf of what is not known says something");
	change(TABLE_WORDS, 8, 1000, "a leaf has a part that is not there");
	change(TABLE_WORDS, 12, 0xffffffff, "a leaf runs past the end");
	change(TABLE_WORDS, 12, 0x0a0a0a03, "a reference is no text");
	change(TABLE_TEXTS, 0, 0, "a text is not there");
	change(TABLE_TEXTS, 0, 1000, "a text is not there");
	change(TABLE_BYTES, 0, 0x41414100, "a text is no text");
	change(TABLE_AS, offsetof(struct table_as, text), 1000, "a text is not there");
	change(TABLE_GEO, 20, 0x7ff00000, "a coordinate is none");
	change(TABLE_REFS, 0, UINT32_MAX, "a text is not there");
	change(TABLE_NETWORKS, offsetof(struct table_network, n_refs), 3,
	       "a reference is not there");
	change(TABLE_NETWORKS, offsetof(struct table_network, n_refs), 18,
	       "a reference is not there");
	change(TABLE_PARTS, 0, 1, "a part is of what is not there");
	change(TABLE_PARTS, sizeof(struct table_part), 1000, "a part is of what is not there");
}

/* A file that differs in what its section says, all else being right. */
static void a_way_longer_than_an_address_is_refused(void **state)
{
	struct table_identity id;
	struct ip_table *t;
	const char *why = NULL;

	(void)state;
	many_prefixes();
	id = write_table();
	t = must_read(&id, &everything);
	assert_null(table_check(t));
	/* Of IPv4 the last level has 2 bits left: what goes on there goes too far. */
	for (size_t i = 0; i + 1 < t->v4.n_nodes && !why; i++) {
		struct poptrie_node was = t->v4.nodes[i];

		if (was.inner)
			continue;
		t->v4.nodes[i].inner = 1;
		t->v4.nodes[i].first_node = (uint32_t)i + 1;
		why = table_check(t);
		assert_non_null(why);
		if (strcmp(why, "a way is longer than an address"))
			why = NULL;
		t->v4.nodes[i] = was;
	}
	assert_non_null(why);
	assert_null(table_check(t));
	ip_table_free(t);
}

static void a_branch_without_an_answer_is_refused(void **state)
{
	struct table_identity id;
	struct ip_table *t;
	size_t i = 0;

	(void)state;
	many_prefixes();
	id = write_table();
	t = must_read(&id, &everything);
	while (t->v4.nodes[i].start != 1 || t->v4.nodes[i].inner)
		i++;
	t->v4.nodes[i].start = 2;
	assert_string_equal(table_check(t), "a branch has no answer");
	ip_table_free(t);
}

static void who_has_no_hash_has_no_table(void **state)
{
	struct table_identity id;
	struct mmdb_build m;
	FILE *f;

	(void)state;
	mmdb_build_init(&m);
	mmdb_build_write(&m, mmdb_path);
	assert_false(table_identify(mmdb_path, &id));
	m.description = "somebody's; " TABLE_CONTENT "0123456789abcdef0123456789abcdeg";
	mmdb_build_write(&m, mmdb_path);
	assert_false(table_identify(mmdb_path, &id));
	m.description = TABLE_CONTENT "0123456789abcdef0123456789abcdef";
	mmdb_build_write(&m, mmdb_path);
	assert_true(table_identify(mmdb_path, &id));
	assert_memory_equal(id.content,
			    "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef",
			    TABLE_HASH);
	mmdb_build_free(&m);
	f = fopen(mmdb_path, "we");
	fputs("\xab\xcd\xefMaxMind.com" TABLE_CONTENT "0123", f);
	fclose(f);
	assert_false(table_identify(mmdb_path, &id));
	unlink(mmdb_path);
	assert_false(table_identify(mmdb_path, &id));
	assert_false(table_identify(directory, &id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_the_options_answers_are_those_of_a_table_that_was_built),
		cmocka_unit_test(a_table_that_was_read_is_written_as_it_was),
		cmocka_unit_test(a_table_of_nothing_is_one),
		cmocka_unit_test(a_table_cut_short_or_grown_is_refused),
		cmocka_unit_test(a_changed_byte_is_noticed),
		cmocka_unit_test(a_table_changed_on_purpose_does_no_harm),
		cmocka_unit_test(a_table_of_something_else_is_refused),
		cmocka_unit_test(numbers_of_what_is_not_there_are_refused),
		cmocka_unit_test(a_way_longer_than_an_address_is_refused),
		cmocka_unit_test(a_branch_without_an_answer_is_refused),
		cmocka_unit_test(who_has_no_hash_has_no_table),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
