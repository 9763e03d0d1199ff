/* The Native encoder, read back column by column.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "publish/encode.h"
#include "publish_sample.h"

enum { ROWS = 3, ROOM = 1 << 20 };

static uint8_t buffer[ROOM + 4096];

struct column {
	char name[64], type[512];
	const uint8_t *p; /* of the values */
};

static struct block {
	unsigned n_columns;
	uint64_t n_rows;
	struct column columns[256];
	const uint8_t *end;
} block;

static uint64_t read_varint(const uint8_t **p)
{
	uint64_t v = 0;
	unsigned shift = 0;

	do {
		v |= (uint64_t)(**p & 0x7f) << shift;
		shift += 7;
	} while (*(*p)++ & 0x80);
	return v;
}

static void read_text(const uint8_t **p, char *to, size_t room)
{
	uint64_t n = read_varint(p);

	assert_true(n < room);
	memcpy(to, *p, n);
	to[n] = '\0';
	*p += n;
}

static size_t width_of(const char *type)
{
	static const struct {
		const char *type;
		size_t width;
	} types[] = {{"UInt64", 8}, {"UInt32", 4}, {"UInt16", 2},  {"UInt8", 1},
		     {"IPv6", 16},  {"Enum8(", 1}, {"Float64", 8}, {"Bool", 1}};

	for (unsigned i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (!strncmp(type, types[i].type, strlen(types[i].type)))
			return types[i].width;
	fail_msg("unknown type %s", type);
	return 0;
}

static const uint8_t *skip_texts(const uint8_t *p, uint64_t n)
{
	while (n--) {
		uint64_t len = read_varint(&p);

		p += len;
	}
	return p;
}

static uint64_t read_uint64(const uint8_t **p)
{
	uint64_t v;

	memcpy(&v, *p, 8);
	*p += 8;
	return v;
}

/* A dictionary: its version, flags of which the lowest byte is the width of the numbers, its texts,
 * and the rows' numbers of them. */
struct dictionary {
	uint64_t n, rows;
	const uint8_t *texts, *numbers;
	unsigned width;
};

static struct dictionary read_dictionary(const uint8_t *p)
{
	struct dictionary d;
	uint64_t flags;

	assert_int_equal(read_uint64(&p), 1);
	flags = read_uint64(&p);
	assert_int_equal(flags & ~0xffull, 0x600);
	d.width = 1u << (flags & 0xff);
	d.n = read_uint64(&p);
	d.texts = p;
	p = skip_texts(p, d.n);
	d.rows = read_uint64(&p);
	d.numbers = p;
	return d;
}

static const uint8_t *skip_values(const uint8_t *p, const char *type, uint64_t n)
{
	uint64_t total = 0;

	if (!strcmp(type, "LowCardinality(String)")) {
		struct dictionary d = read_dictionary(p);

		assert_int_equal(d.rows, n);
		for (uint64_t r = 0; r < n; r++) {
			uint16_t number = d.numbers[r * d.width];

			if (d.width == 2)
				memcpy(&number, d.numbers + 2 * r, 2);
			assert_true(number < d.n);
		}
		return d.numbers + d.width * n;
	}
	if (!strcmp(type, "String"))
		return skip_texts(p, n);
	if (strncmp(type, "Array(", 6) && strncmp(type, "Map(", 4))
		return p + n * width_of(type);
	memcpy(&total, p + 8 * (n - 1), 8);
	p += 8 * n;
	if (!strcmp(type, "Map(String, String)"))
		return skip_texts(p, 2 * total);
	if (!strcmp(type, "Array(String)"))
		return skip_texts(p, total);
	return p + total * width_of(type + 6);
}

static void read_block(const uint8_t *end)
{
	const uint8_t *p = buffer;

	memset(&block, 0, sizeof(block));
	block.n_columns = (unsigned)read_varint(&p);
	block.n_rows = read_varint(&p);
	assert_true(block.n_columns < 256);
	for (unsigned i = 0; i < block.n_columns; i++) {
		struct column *c = &block.columns[i];

		read_text(&p, c->name, sizeof(c->name));
		read_text(&p, c->type, sizeof(c->type));
		c->p = p;
		p = skip_values(p, c->type, block.n_rows);
	}
	assert_ptr_equal(p, end);
}

static const struct column *find(const char *name)
{
	for (unsigned i = 0; i < block.n_columns; i++)
		if (!strcmp(block.columns[i].name, name))
			return &block.columns[i];
	fail_msg("no column %s", name);
	return NULL;
}

static uint32_t encode(const struct flow *rows, uint32_t n, size_t room, const char *collector)
{
	const struct flow *pointers[4096];
	struct row_constants c;

	for (uint32_t i = 0; i < n; i++)
		pointers[i] = &rows[i];
	native_format.constants(&c, collector);
	memset(buffer, 0xee, sizeof(buffer));
	read_block(native_format.block(buffer, room, &c, pointers, &n));
	assert_int_equal(block.n_rows, n);
	return n;
}

/* Row 0 has everything, row 1 nothing beyond `bytes`, row 2 an ext with nothing in it. */
static void check_value(const char *name, const void *value, size_t size)
{
	static const uint8_t zeros[16];
	const struct column *c = find(name);

	assert_int_equal(width_of(c->type), size);
	assert_memory_equal(c->p, value, size);
	assert_memory_equal(c->p + size, zeros, size);
	assert_memory_equal(c->p + 2 * size, zeros, size);
}

static void check_text(const char *name, const struct text *t)
{
	const struct column *c = find(name);
	const uint8_t *p = c->p;

	assert_string_equal(c->type, "String");
	assert_int_equal(read_varint(&p), t->len);
	assert_memory_equal(p, t->p, t->len);
	assert_int_equal(p[t->len], 0);
	assert_int_equal(p[t->len + 1], 0);
}

static void assert_row(const char *name, unsigned row, const char *text, uint64_t len)
{
	const struct column *c = find(name);
	struct dictionary d;
	const uint8_t *p;
	uint16_t number;

	assert_string_equal(c->type, "LowCardinality(String)");
	d = read_dictionary(c->p);
	number = d.numbers[row * d.width];
	if (d.width == 2)
		memcpy(&number, d.numbers + 2 * row, 2);
	p = skip_texts(d.texts, number);
	assert_int_equal(read_varint(&p), len);
	assert_memory_equal(p, text, len);
}

static void check_shared(const char *name, const struct text *t)
{
	assert_row(name, 0, t->p, t->len);
	assert_row(name, 1, "", 0);
	assert_row(name, 2, "", 0);
}

static void check_array(const char *name, const void *values, uint64_t count, size_t size)
{
	const struct column *c = find(name);
	uint64_t ends[ROWS];
	const uint8_t *p = c->p + sizeof(ends);

	assert_memory_equal(c->type, "Array(", 6);
	memcpy(ends, c->p, sizeof(ends));
	for (unsigned i = 0; i < ROWS; i++)
		assert_int_equal(ends[i], count);
	if (width_of(c->type + 6) == size)
		assert_memory_equal(p, values, count * size);
	else /* layers: one byte */
		for (uint64_t i = 0; i < count; i++)
			assert_int_equal(p[i], ((const uint32_t *)values)[i]);
}

static void every_field_is_a_column(void **state)
{
	static struct flow_ext e, empty;
	struct flow rows[ROWS] = {0};
	unsigned n = 1; /* collector_id */
	uint64_t bytes;

	(void)state;
	sample_flow(&rows[0], &e);
	rows[2].ext = &empty;
	bytes = rows[0].bytes;
	encode(rows, ROWS, ROOM, "node-1");
#define CHECK_UINT(name, v)  check_value(name, &v, sizeof(v))
#define CHECK_TIME	     CHECK_UINT
#define CHECK_MAC	     CHECK_UINT
#define CHECK_TYPE	     CHECK_UINT
#define CHECK_ETYPE	     CHECK_UINT
#define CHECK_PROTO	     CHECK_UINT
#define CHECK_ORIGIN	     CHECK_UINT
#define CHECK_ADDR	     CHECK_UINT
#define CHECK_ADDRS(name, v) check_array(name, &v, 1, 16)
#define CHECK_TEXT(name, v)  check_text(name, &v)
#define X(kind, name, number, member)        \
	CHECK_##kind(#name, rows[0].member); \
	n++;
	FLOW_FIELDS (X)
#undef X
#define X(kind, name, number, member)  \
	CHECK_##kind(#name, e.member); \
	n++;
		FLOW_EXT_FIELDS(X)
#undef X
#define Y(kind, name, number, array, count)                                          \
	check_array(#name, e.array, !strcmp(#name, "bgp_large_communities") ? 3 : 2, \
		    sizeof(e.array[0]));                                             \
	n++;
	FLOW_EXT_REPEATED(Y)
#undef Y
	assert_int_equal(block.n_columns, n);
	assert_int_equal(rows[0].bytes, bytes);
	for (unsigned i = 0; i < ROWS; i++)
		assert_row("collector_id", i, "node-1", 6);
}

#define TEXT(s)                    \
	{                          \
		(s), sizeof(s) - 1 \
	}
static const struct text list[4] = {TEXT("a"), TEXT("first"), TEXT("b"), TEXT("second")};
static const struct as_info as = {
	.name = TEXT("EXAMPLE"),
	.ref = TEXT("as__v1"),
	.organization = TEXT("Example"),
	.organization_ref = TEXT("o__v2"),
};
static const struct geo_info geo = {
	.continent = TEXT("EU"),
	.country = TEXT("NL"),
	.subdivision = TEXT("NH"),
	.city = TEXT("Amsterdam"),
	.latitude = 52.37,
	.longitude = 4.89,
};
static const struct network_info network = {
	.name = TEXT("lab"),
	.role = TEXT("server"),
	.site = TEXT("s1"),
	.region = TEXT("r1"),
	.tenant = TEXT("t1"),
	.scireg = TEXT("sr"),
	.cric = TEXT("cr"),
	.scinet = TEXT("sn"),
	.refs = {list, 4},
};
static const struct device_info device = {
	.id = TEXT("router"),
	.ref = TEXT("router__v1"),
	.name = TEXT("R1"),
	.group = TEXT("edge"),
	.role = TEXT("router"),
	.site = TEXT("s2"),
	.region = TEXT("r2"),
	.tenant = TEXT("t2"),
};
static const struct interface_info interface = {
	.id = TEXT("if"),
	.ref = TEXT("if__v1"),
	.name = TEXT("et-0"),
	.description = TEXT("to the west"),
	.speed = 100000000000,
	.edge = true,
	.circuit_id = {list, 2},
	.circuit_ref = {list + 2, 2},
	.connectivity = TEXT("transit"),
	.provider = TEXT("p"),
	.boundary = TEXT("external"),
};
static const struct application_info application = {.id = TEXT("https")};
static struct flow_info_lists lists = {
	.scopes = {TEXT("as:1"), TEXT("as:2")},
	.path_id = {64500, 64501},
	.path_padding = {1, 0},
};
static struct flow_info everything = {
	&as,
	&as,
	&geo,
	&geo,
	&network,
	&network,
	&device,
	&interface,
	&interface,
	&application,
	.src_ip_ref = TEXT("s__v1"),
	.dst_ip_ref = TEXT("d__v1"),
	.policy_originator = TEXT("example.org"),
	.policy_level = TEXT("tlp:amber"),
	.peer_as_name = TEXT("PEER"),
	.peer_as_ref = TEXT("p__v1"),
	.peer_organization = TEXT("Peer"),
	.peer_ip_ref = TEXT("pi__v1"),
	.peer_ip = {.b = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}},
	.peer_as = 64500,
	.application_port = 443,
	.n_scopes = 2,
	.n_path = 2,
	.lists = &lists,
};

static void check_texts(const char *name, const char *type, const struct text *texts, uint64_t n,
			uint64_t step)
{
	const struct column *c = find(name);
	const uint8_t *p = c->p + ROWS * 8;
	uint64_t ends[ROWS];

	assert_string_equal(c->type, type);
	memcpy(ends, c->p, sizeof(ends));
	for (unsigned i = 0; i < ROWS; i++)
		assert_int_equal(ends[i], n / step);
	for (uint64_t first = 0; first < step; first++)
		for (uint64_t i = first; i < n; i += step) {
			assert_int_equal(read_varint(&p), texts[i].len);
			assert_memory_equal(p, texts[i].p, texts[i].len);
			p += texts[i].len;
		}
}

static void what_enrichment_found_is_a_column(void **state)
{
	static struct flow_info nothing;
	struct flow rows[ROWS] = {{.bytes = 1, .info = &everything}, {0}, {.info = &nothing}};
	const struct flow_info *i = &everything;
	unsigned n = 1; /* bytes */

	(void)state;
	encode(rows, ROWS, ROOM, "");
#define CHECK_PLAIN(name, v) check_shared(name, &v)
#define CHECK_DOUBLE	     CHECK_UINT
#define CHECK_BOOL	     CHECK_UINT
#define CHECK_TEXTS(name, v) check_texts(name, "Array(String)", v.p, v.n, 1)
#define CHECK_MAP(name, v)   check_texts(name, "Map(String, String)", v.p, v.n, 2)
#define LIST_PLAIN(name, v)  check_texts(name, "Array(String)", v, 2, 1)
#define LIST_UINT(name, v)   check_array(name, v, 2, sizeof(*(v)))
#define X(kind, name, number, v) \
	CHECK_##kind(#name, v);  \
	n++;
#define P(LIST, kind, member, prefix, base, role) LIST(X, prefix, base, i->member)
	FLOW_INFO_PARTS(P)
#undef P
#undef X
#define X(kind, name, number, member)   \
	CHECK_##kind(#name, i->member); \
	n++;
	FLOW_INFO_FIELDS(X)
#undef X
#define Y(kind, name, number, array, count) \
	LIST_##kind(#name, i->array);       \
	n++;
	FLOW_INFO_REPEATED(Y)
#undef Y
	assert_int_equal(block.n_columns, n);
}

static void columns_without_values_are_left_out(void **state)
{
	struct flow rows[ROWS] = {{.bytes = 5}, {.packets = 7}, {.bytes = 6}};

	(void)state;
	encode(rows, ROWS, ROOM, "");
	assert_int_equal(block.n_columns, 2);
	memset(rows, 0, sizeof(rows));
	encode(rows, ROWS, ROOM, "");
	assert_int_equal(block.n_columns, 1); /* but the rows are there */
}

static void a_block_keeps_to_its_room(void **state)
{
	static struct flow rows[4000];
	static struct flow_ext exts[4000];
	static char text[65535];
	uint32_t n;

	(void)state;
	memset(text, 0xff, sizeof(text));
	for (unsigned i = 0; i < 4000; i++) {
		sample_flow(&rows[i], &exts[i]);
		exts[i].n_as_path = exts[i].n_communities = exts[i].n_mpls = 1000;
		exts[i].n_mpls_ttl = 1000;
		exts[i].n_layers = exts[i].n_segments = 1000;
		exts[i].n_ext_communities = exts[i].n_large_communities = 1000;
		exts[i].application_name = exts[i].src_user = (struct text){text, sizeof(text)};
		exts[i].in_if_name = exts[i].out_if_name = exts[i].application_name;
	}
	for (size_t room = ENCODED_ROW_MAX; room <= ROOM; room += ROOM / 16) {
		n = encode(rows, 4000, room, "node-1");
		assert_true(n >= 1 && n < 4000);
		assert_true((size_t)(block.columns[block.n_columns - 1].p - buffer) < room);
		for (size_t i = room; i < room + 64; i++)
			assert_int_equal(buffer[i], 0xee);
	}
	exts[0].sampler_name = exts[0].dst_user = exts[0].ingress_vrf_name = (struct text){text,
											   65535};
	exts[0].egress_vrf_name = exts[0].sampler_name;
	assert_int_equal(encode(rows, 1, ENCODED_ROW_MAX, "node-1"), 1);
	for (unsigned i = 0; i < 4000; i++)
		rows[i].ext = NULL;
	assert_true(encode(rows, 4000, ROOM / 4, "") > 500);
}

/* A column that one row needs takes room for each. */
static void one_full_row_among_plain_ones_keeps_to_the_room(void **state)
{
	static struct flow rows[4000];
	static struct flow_ext e;

	(void)state;
	for (size_t room = ENCODED_ROW_MAX; room <= ROOM; room += ROOM / 16) {
		memset(rows, 0, sizeof(rows));
		sample_flow(&rows[0], &e);
		rows[0].info = &everything;
		assert_true(encode(rows, 4000, room, "node-1") > 100);
		for (size_t i = room; i < room + 64; i++)
			assert_int_equal(buffer[i], 0xee);
	}
}

/* What many rows share is there once, and each row has its own: of few values, and of so many that
 * their numbers take 16 bits. */
static void rows_find_their_texts_in_the_dictionary(void **state)
{
	enum { MANY = 1000, MOST = 600 };
	static struct flow rows[MANY];
	static struct flow_info infos[MANY];
	static struct as_info systems[MOST];
	static struct network_info networks[2];
	static char names[MOST][8], refs[MOST][12];

	(void)state;
	for (unsigned i = 0; i < MOST; i++) {
		snprintf(names[i], sizeof(names[i]), "N%u", i);
		snprintf(refs[i], sizeof(refs[i]), "%u__v1", i);
		systems[i].name = (struct text){names[i], (uint32_t)strlen(names[i])};
	}
	networks[1].refs = (struct texts){list, 4};
	for (unsigned distinct = 3; distinct <= MOST; distinct += MOST - 3) {
		uint64_t end;

		for (unsigned i = 0; i < MANY; i++) {
			unsigned k = i * 7 % distinct;

			infos[i] = (struct flow_info){
				.src_as = i % 5 ? &systems[k] : NULL,
				.src_network = &networks[i % 2],
				.dst_ip_ref = {refs[k], (uint32_t)strlen(refs[k])},
			};
			rows[i] = (struct flow){.bytes = i, .info = i % 3 ? &infos[i] : NULL};
		}
		assert_int_equal(encode(rows, MANY, ROOM, ""), MANY);
		for (unsigned i = 0; i < MANY; i++) {
			const char *name = i % 3 && i % 5 ? names[i * 7 % distinct] : "";
			const char *ref = i % 3 ? refs[i * 7 % distinct] : "";

			assert_row("src_as_name", i, name, strlen(name));
			assert_row("dst_ip_ref", i, ref, strlen(ref));
		}
		assert_true(read_dictionary(find("src_as_name")->p).n <= distinct + 1);
		assert_int_equal(read_dictionary(find("src_as_name")->p).width,
				 distinct > 255 ? 2 : 1);
		memcpy(&end, find("src_ip_refs")->p + 8 * (MANY - 1), 8);
		assert_int_equal(end, 2 * 333); /* of odd rows that have an info */
	}
	for (size_t room = ENCODED_ROW_MAX / 4; room <= ROOM; room += ROOM / 16) {
		encode(rows, MANY, room, "node-1");
		for (size_t i = room; i < room + 64; i++)
			assert_int_equal(buffer[i], 0xee);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_enrichment_found_is_a_column),
		cmocka_unit_test(one_full_row_among_plain_ones_keeps_to_the_room),
		cmocka_unit_test(every_field_is_a_column),
		cmocka_unit_test(columns_without_values_are_left_out),
		cmocka_unit_test(a_block_keeps_to_its_room),
		cmocka_unit_test(rows_find_their_texts_in_the_dictionary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
