/* The Protobuf encoder, held against proto/flow.proto, goflow2's message and protoc.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "enrich/intern.h"
#include "publish/encode.h"
#include "publish/put.h"
#include "publish_sample.h"

static uint8_t buffer[2 * ENCODED_ROW_MAX];

static uint64_t read_varint(const uint8_t **p)
{
	uint64_t v = 0;
	unsigned shift = 0;

	do {
		assert_true(shift < 64);
		v |= (uint64_t)(**p & 0x7f) << shift;
		shift += 7;
	} while (*(*p)++ & 0x80);
	return v;
}

/* One field of a message as it is on the wire. */
struct wire_field {
	uint32_t number, wire;
	uint64_t v;
	const uint8_t *p; /* wire 2: v bytes */
};

static struct wire_field read_field(const uint8_t **p)
{
	uint64_t tag = read_varint(p);
	struct wire_field f = {.number = (uint32_t)(tag >> 3), .wire = tag & 7};

	if (f.wire == 1) {
		memcpy(&f.v, *p, 8);
		*p += 8;
		return f;
	}
	f.v = read_varint(p);
	f.p = *p;
	if (f.wire == 2)
		*p += f.v;
	else
		assert_int_equal(f.wire, 0);
	return f;
}

/* The message behind its length; *end is where it ends, which must be where the encoder said. */
static const uint8_t *open_row(const uint8_t *end)
{
	const uint8_t *p = buffer;
	uint64_t len = read_varint(&p);

	assert_int_equal(len, end - p);
	return p;
}

/* The n-th occurrence of a field; fails the test when it is not there. */
static struct wire_field find(const uint8_t *p, const uint8_t *end, uint32_t number, unsigned n)
{
	while (p < end) {
		struct wire_field f = read_field(&p);

		if (f.number == number && !n--)
			return f;
	}
	fail_msg("field %u is not there", number);
	abort();
}

static unsigned count_fields(const uint8_t *p, const uint8_t *end)
{
	unsigned n = 0;

	for (; p < end; n++)
		read_field(&p);
	assert_ptr_equal(p, end);
	return n;
}

static const uint8_t *encode(const struct flow *f, const char *collector)
{
	struct row_constants c;

	protobuf_format.constants(&c, collector);
	memset(buffer, 0xee, sizeof(buffer));
	return protobuf_format.flow(buffer, &c, f);
}

static void assert_address(struct wire_field w, struct ip_addr a)
{
	assert_int_equal(w.wire, 2);
	assert_int_equal(w.v, ip_is_v4(&a) ? 4 : 16);
	assert_memory_equal(w.p, a.b + 16 - w.v, w.v);
}

#define IS_UINT(w, member) assert_true((w).wire == 0 && (w).v == (uint64_t)(member))
#define IS_TIME		   IS_UINT
#define IS_MAC		   IS_UINT
#define IS_TYPE		   IS_UINT
#define IS_ETYPE	   IS_UINT
#define IS_PROTO	   IS_UINT
#define IS_ORIGIN	   IS_UINT
#define IS_ADDR(w, member) assert_address(w, member)
#define IS_ADDRS	   IS_ADDR
#define IS_TEXT(w, member)                     \
	assert_int_equal((w).v, (member).len); \
	assert_memory_equal((w).p, (member).p, (member).len)

static void every_field_is_written_with_its_number(void **state)
{
	static struct flow_ext e;
	struct flow f;
	const uint8_t *p, *end;
	unsigned n = 1; /* collector_id */

	(void)state;
	sample_flow(&f, &e);
	end = encode(&f, "node-1");
	p = open_row(end);
#define X(kind, name, number, member)                 \
	IS_##kind(find(p, end, number, 0), f.member); \
	n++;
	FLOW_FIELDS (X)
#undef X
#define X(kind, name, number, member)                 \
	IS_##kind(find(p, end, number, 0), e.member); \
	n++;
		FLOW_EXT_FIELDS(X)
#undef X
#define IS_PACKED(number, array, count)                             \
	{                                                           \
		struct wire_field w = find(p, end, number, 0);      \
		const uint8_t *q = w.p;                             \
                                                                    \
		assert_int_equal(w.wire, 2);                        \
		for (unsigned i = 0; i < (count); i++)              \
			assert_true(read_varint(&q) == (array)[i]); \
		assert_ptr_equal(q, w.p + w.v);                     \
		n++;                                                \
	}
#define LIST_UINT  IS_PACKED
#define LIST_LAYER IS_PACKED
#define LIST_ADDR(number, array, count)             \
	for (unsigned i = 0; i < (count); i++, n++) \
		assert_address(find(p, end, number, i), (array)[i]);
#define Y(kind, name, number, array, count)                                                  \
	{                                                                                    \
		const unsigned n_mpls = 2, n_mpls_ttl = 2, n_communities = 2, n_as_path = 2, \
			       n_layers = 2, n_ext_communities = 2, n_large_communities = 1, \
			       n_segments = 2;                                               \
		(void)n_mpls, (void)n_mpls_ttl, (void)n_communities, (void)n_as_path,        \
			(void)n_layers;                                                      \
		(void)n_ext_communities, (void)n_large_communities, (void)n_segments;        \
		LIST_##kind(number, e.array, count)                                          \
	}
	FLOW_EXT_REPEATED(Y)
#undef Y
	assert_int_equal(count_fields(p, end), n);
	assert_int_equal(find(p, end, FLOW_COLLECTOR_ID_NUMBER, 0).v, 6);
}

/* So that a compressor finds all texts of a number at once. Without texts the numbers are there. */
static void texts_come_right_behind_their_number(void **state)
{
	static const info_writer *const writers[INFO_FORMATS] = {protobuf_info, NULL};
	struct as_info as = {.name = {"EXAMPLE", 7}, .ref = {"64500__v1", 9}, .number = 64500};
	struct flow f = {.src_as = 64500, .dst_as = 64500, .in_if = 3, .out_if = 4};
	struct flow_info info = {0};
	const uint32_t with_texts[] = {14, 2100, 2101, 15, 2130, 2131, 18, 19};
	const uint32_t without[] = {18, 19, 14, 15};
	const uint8_t *p, *end;
	struct interner in;

	(void)state;
	assert_int_equal(interner_init(&in, writers), 0);
	info.src_as = info.dst_as = intern_as(&in, &as);
	f.info = &info;
	end = encode(&f, "");
	p = open_row(end);
	for (unsigned i = 0; i < sizeof(with_texts) / sizeof(*with_texts); i++)
		assert_int_equal(read_field(&p).number, with_texts[i]);
	assert_ptr_equal(p, end);
	f.info = NULL;
	end = encode(&f, "");
	p = open_row(end);
	for (unsigned i = 0; i < sizeof(without) / sizeof(*without); i++)
		assert_int_equal(read_field(&p).number, without[i]);
	assert_ptr_equal(p, end);
	interner_free(&in);
}

static void unset_fields_are_left_out(void **state)
{
	struct flow f = {0};
	struct flow_ext e = {0};
	const uint8_t *end = encode(&f, "");

	(void)state;
	assert_int_equal(end - buffer, 1);
	assert_int_equal(buffer[0], 0);
	f.ext = &e;
	assert_int_equal(encode(&f, "") - buffer, 1);
	ip_from_v4(&f.src_addr, "\0\0\0\0"); /* sent as 0.0.0.0 */
	end = encode(&f, "");
	assert_int_equal(find(open_row(end), end, 6, 0).v, 4);
}

/* The length takes one, two or three bytes. */
static void rows_of_any_length_are_whole(void **state)
{
	static const unsigned lengths[] = {0,	1,   60,  100, 121, 122, 123,  124,
					   125, 126, 127, 128, 129, 200, 1000, 1024};
	static struct flow_ext e;
	static char text[ENCODED_TEXT_MAX];
	struct flow f = {.ext = &e};

	(void)state;
	memset(text, 'x', sizeof(text));
	for (unsigned i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		const uint8_t *end, *p;

		e.application_name = (struct text){text, lengths[i]};
		end = encode(&f, "");
		p = open_row(end);
		assert_int_equal(count_fields(p, end), lengths[i] ? 1 : 0);
		if (lengths[i])
			assert_int_equal(find(p, end, 2041, 0).v, lengths[i]);
	}
}

/* An exporter that fills everything it can must not make us write beyond the bound. */
static void the_longest_row_is_within_the_bound(void **state)
{
	static struct flow_ext e;
	static char text[65535];
	struct flow f;
	const uint8_t *end, *p;

	(void)state;
	sample_flow(&f, &e);
	memset(text, 0xff, sizeof(text)); /* not UTF-8: becomes three bytes each */
#define LONGEST_TEXT(member) e.member = (struct text){text, sizeof(text)};
#define LONGEST_UINT(member)
#define LONGEST_ADDR(member)
#define LONGEST_ADDRS(member)
#define LONGEST_MAC(member)
#define LONGEST_PROTO(member)
#define LONGEST_ETYPE(member)
#define X(kind, name, number, member) LONGEST_##kind(member)
	FLOW_EXT_FIELDS(X)
#undef X
#define Y(kind, name, number, array, count) memset(e.array, 0xff, sizeof(e.array));
	FLOW_EXT_REPEATED(Y)
#undef Y
	/* counts that lie must not make us read beyond the arrays either */
	e.n_mpls = e.n_layers = e.n_segments = e.n_as_path = e.n_communities = 1000;
	e.n_ext_communities = e.n_large_communities = e.n_mpls_ttl = 1000;
	end = encode(&f, "node-1");
	assert_true(end - buffer < ENCODED_ROW_MAX - 64);
	p = open_row(end);
	assert_int_equal(find(p, end, 2041, 0).v, ENCODED_UTF8_TEXT);
	assert_memory_equal(find(p, end, 2041, 0).p, "\xef\xbf\xbd\xef\xbf\xbd", 6);
	assert_int_equal(find(p, end, 102, 0).v, 5 * FLOW_AS_PATH_MAX);
}

static void varints_are_right_at_every_length(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 64; bits++) {
		for (int near = -1; near <= 1; near++) {
			uint64_t v = (1ull << bits) + (uint64_t)(int64_t)near;
			uint8_t bytes[32];
			const uint8_t *p = bytes, *end = put_varint(bytes, v);

			assert_true(read_varint(&p) == v);
			assert_ptr_equal(p, end);
			assert_true(end == bytes + 1 || end[-1] != 0); /* none longer than needed */
		}
	}
	assert_int_equal(put_varint(buffer, UINT64_MAX) - buffer, 10);
}

static void counters_keep_their_kind_and_zero(void **state)
{
	static struct counter_sample s;
	static const char uuid[16] = {1, 2, 3};
	struct row_constants c;
	const uint8_t *p, *end, *q;
	struct wire_field w;

	(void)state;
	s = (struct counter_sample){.time_received_ns = 7, .sequence_num = 9, .n_values = 5};
	s.sampler_address = sample_address(1);
	s.values[0] = (struct counter_value){.name = "if_in_octets", .kind = COUNTER_UINT, .u = 0};
	s.values[1] = (struct counter_value){.name = "t", .kind = COUNTER_INT, .i = -2};
	s.values[2] = (struct counter_value){.name = "load", .kind = COUNTER_FLOAT, .f = 0.5};
	s.values[3] = (struct counter_value){
		.name = "host", .kind = COUNTER_TEXT, .text = {"r1", 2}};
	s.values[4] = (struct counter_value){
		.name = "uuid", .kind = COUNTER_HEX, .text = {uuid, sizeof(uuid)}};
	protobuf_format.constants(&c, "");
	end = protobuf_format.sample(buffer, &c, &s);
	p = open_row(end);
	assert_int_equal(find(p, end, 110, 0).v, 7);
	assert_int_equal(find(p, end, 4, 0).v, 9);
	w = find(p, end, 2100, 0);
	q = w.p;
	assert_memory_equal(read_field(&q).p, "if_in_octets", 12);
	assert_int_equal(q - w.p, w.v - 2);
	assert_int_equal(read_field(&q).v, 0);
	w = find(p, end, 2100, 1);
	assert_int_equal(find(w.p, w.p + w.v, 3, 0).v, 3); /* zigzag */
	w = find(p, end, 2100, 2);
	assert_int_equal(find(w.p, w.p + w.v, 5, 0).v, 0x3fe0000000000000);
	w = find(p, end, 2100, 3);
	assert_memory_equal(find(w.p, w.p + w.v, 4, 0).p, "r1", 2);
	w = find(p, end, 2100, 4);
	assert_memory_equal(find(w.p, w.p + w.v, 6, 0).p, uuid, 16);
}

static void a_sample_too_long_is_cut_after_a_value(void **state)
{
	static struct counter_sample s;
	static char text[ENCODED_TEXT_MAX];
	struct row_constants c;
	const uint8_t *end;
	unsigned n;

	(void)state;
	memset(text, 0xff, sizeof(text));
	s.n_values = COUNTER_VALUES_MAX;
	for (unsigned i = 0; i < COUNTER_VALUES_MAX; i++)
		s.values[i] = (struct counter_value){
			.name = "n", .kind = COUNTER_TEXT, .text = {text, sizeof(text)}};
	protobuf_format.constants(&c, "");
	end = protobuf_format.sample(buffer, &c, &s);
	assert_true(end - buffer <= ENCODED_ROW_MAX);
	n = count_fields(open_row(end), end);
	assert_true(n > 10 && n < COUNTER_VALUES_MAX);
}

/* What proto/flow.proto says of one field. */
struct declared {
	char type[32], name[64];
	unsigned number;
	bool repeated, seen;
};

static unsigned read_proto(struct declared *fields, unsigned max)
{
	FILE *f = fopen("proto/flow.proto", "re");
	char line[512];
	unsigned n = 0, depth = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		struct declared d = {0};
		char *comment = strstr(line, "//");

		if (comment)
			*comment = '\0';
		if (!depth && !strstr(line, "message Flow {"))
			continue;
		if (strchr(line, '{'))
			depth++;
		if (strchr(line, '}') && !--depth)
			break;
		if (depth != 1)
			continue;
		d.repeated = sscanf(line, " repeated %31s %63s = %u;", d.type, d.name, &d.number) ==
			     3;
		if (!d.repeated && sscanf(line, " %31s %63s = %u;", d.type, d.name, &d.number) != 3)
			continue;
		assert_true(n < max);
		fields[n++] = d;
	}
	fclose(f);
	return n;
}

static void check_declared(struct declared *fields, unsigned n, const char *name, unsigned number,
			   const char *type, bool repeated)
{
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(fields[i].name, name))
			continue;
		assert_int_equal(fields[i].number, number);
		assert_string_equal(fields[i].type, type);
		assert_int_equal(fields[i].repeated, repeated);
		assert_false(fields[i].seen);
		fields[i].seen = true;
		return;
	}
	fail_msg("%s is not in proto/flow.proto", name);
}

static const char *uint_type(size_t size)
{
	return size == 8 ? "uint64" : "uint32";
}

static void flow_proto_and_the_field_table_agree(void **state)
{
	struct declared d[256];
	unsigned n = read_proto(d, 256);
	const struct flow *f = NULL;
	const struct flow_ext *e = NULL;
	const struct flow_info *info = NULL;

	(void)state;
	(void)f;
	(void)e;
	(void)info;
	check_declared(d, n, "collector_id", FLOW_COLLECTOR_ID_NUMBER, "string", false);
#define TYPE_UINT(member)   uint_type(sizeof(member))
#define TYPE_TIME(member)   "uint64"
#define TYPE_MAC(member)    "uint64"
#define TYPE_TYPE(member)   "FlowType"
#define TYPE_ETYPE(member)  "uint32"
#define TYPE_PROTO(member)  "uint32"
#define TYPE_ORIGIN(member) "SamplingOrigin"
#define TYPE_ADDR(member)   "bytes"
#define TYPE_ADDRS(member)  "bytes"
#define TYPE_TEXT(member)   "string"
#define TYPE_LAYER(member)  "LayerStack"
#define TYPE_PLAIN(member)  "string"
#define TYPE_TEXTS(member)  "string"
#define TYPE_DOUBLE(member) "double"
#define TYPE_BOOL(member)   "bool"
#define TYPE_MAP(member)    "map<string,string>"
#define LISTED(kind)	    (!strcmp(#kind, "ADDRS") || !strcmp(#kind, "TEXTS"))
#define X(kind, name, number, member) \
	check_declared(d, n, #name, number, TYPE_##kind(f->member), LISTED(kind));
	FLOW_FIELDS (X)
#undef X
#define X(kind, name, number, member) \
	check_declared(d, n, #name, number, TYPE_##kind(e->member), LISTED(kind));
		FLOW_EXT_FIELDS(X)
#undef X
#define Y(kind, name, number, array, count) \
	check_declared(d, n, #name, number, TYPE_##kind(e->array[0]), true);
	FLOW_EXT_REPEATED(Y)
#undef Y
#define X(kind, name, number, member) \
	check_declared(d, n, #name, number, TYPE_##kind(info->member), LISTED(kind));
	FLOW_INFO_FIELDS(X)
#undef X
#define Y(kind, name, number, array, count) \
	check_declared(d, n, #name, number, TYPE_##kind(info->array[0]), true);
	FLOW_INFO_REPEATED(Y)
#undef Y
#define X(kind, name, number, member) \
	check_declared(d, n, #name, number, TYPE_##kind(member), LISTED(kind));
#define P(LIST, kind, member, prefix, base, role) LIST(X, prefix, base, info->member)
	FLOW_INFO_PARTS(P)
#undef P
#undef X
	for (unsigned i = 0; i < n; i++)
		if (!d[i].seen)
			fail_msg("%s of proto/flow.proto is not in the field table", d[i].name);
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < i; k++)
			assert_int_not_equal(d[i].number, d[k].number);
}

/* Gives the message to protoc --decode and returns what it prints. */
static char *protoc(const char *directory, const char *file, const char *message,
		    const uint8_t *end)
{
	static char out[65536];
	char path[] = "/tmp/weir-test-XXXXXX", command[512];
	const uint8_t *p = open_row(end);
	int fd = mkstemp(path);
	size_t n;
	FILE *f;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, (size_t)(end - p)), end - p);
	close(fd);
	snprintf(command, sizeof(command), "protoc -I%s --decode=%s %s <%s", directory, message,
		 file, path);
	f = popen(command, "r");
	n = fread(out, 1, sizeof(out) - 1, f);
	out[n] = '\0';
	assert_int_equal(pclose(f), 0);
	unlink(path);
	return out;
}

static void need_protoc(void)
{
	if (system("command -v protoc >/dev/null") != 0) {
		print_message("SKIP protoc: not installed (package protobuf-compiler)\n");
		skip();
	}
}

static void assert_line(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("protoc does not print '%s' but:\n%s", line, text);
}

static void a_reader_of_goflow2_messages_reads_ours(void **state)
{
	static struct flow_ext e;
	struct flow f = {.type = FLOW_SFLOW_5,
			 .time_received_ns = 1700000000123456789,
			 .bytes = UINT64_MAX,
			 .packets = 1,
			 .sampling_rate = 1000,
			 .proto = 6,
			 .etype = 0x86dd,
			 .src_port = 443,
			 .dst_port = 65535,
			 .src_mac = 0x0000010203040506,
			 .src_as = 4200000000,
			 .ext = &e};
	const uint8_t *end;
	char *text;

	(void)state;
	need_protoc();
	memset(&e, 0, sizeof(e));
	ip_from_v4(&f.src_addr, "\xc0\x00\x02\x01");
	ip_from_v4(&f.sampler_address, "\x0a\x00\x00\x01");
	memcpy(f.dst_addr.b, " \x01\r\xb8 -23456789ab", 16);
	e.n_layers = 3;
	e.layer_stack[1] = LAYER_IPV6;
	e.layer_stack[2] = LAYER_TCP;
	e.layer_size[0] = 14;
	e.layer_size[1] = 40;
	e.layer_size[2] = 20;
	e.n_mpls = e.n_mpls_ttl = 2;
	e.mpls_label[0] = 299776;
	e.mpls_label[1] = 16;
	e.n_as_path = 2;
	e.as_path[0] = 64500;
	e.as_path[1] = 4200000001;
	e.vxlan_vni = 77; /* ours: unknown to that reader, and no hindrance */
	ip_from_v4(&e.mpls_ip, "\x0a\x00\x00\x02");
	end = encode(&f, "node-1");
	text = protoc("tests/unit", "goflow2.proto", "flowpb.FlowMessage", end);
	assert_line(text, "type: SFLOW_5\n");
	assert_line(text, "time_received_ns: 1700000000123456789\n");
	assert_line(text, "bytes: 18446744073709551615\n");
	assert_line(text, "packets: 1\n");
	assert_line(text, "sampling_rate: 1000\n");
	assert_line(text, "src_addr: \"\\300\\000\\002\\001\"\n");
	assert_line(text, "dst_addr: \" \\001\\r\\270 -23456789ab\"\n");
	assert_line(text, "etype: 34525\n");
	assert_line(text, "proto: 6\n");
	assert_line(text, "dst_port: 65535\n");
	assert_line(text, "src_mac: 1108152157446\n");
	assert_line(text, "src_as: 4200000000\n");
	assert_line(text, "layer_stack: Ethernet\nlayer_stack: IPv6\nlayer_stack: TCP\n");
	assert_line(text, "layer_size: 14\nlayer_size: 40\nlayer_size: 20\n");
	assert_line(text, "mpls_label: 299776\nmpls_label: 16\n");
	assert_line(text, "as_path: 64500\nas_path: 4200000001\n");
	assert_line(text, "mpls_ip: \"\\n\\000\\000\\002\"\n");

	text = protoc("proto", "flow.proto", "weir.Flow", end);
	assert_line(text, "vxlan_vni: 77\n");
	assert_line(text, "collector_id: \"node-1\"\n");
}

/* protoc refuses strings that are not UTF-8, so this reads every one of ours, too. */
static void protoc_reads_every_field(void **state)
{
	static struct flow_ext e;
	struct flow f;
	unsigned lines = 0;
	char *text;

	(void)state;
	need_protoc();
	sample_flow(&f, &e);
	e.src_user = (struct text){"caf\xe9", 4}; /* Latin-1 */
	text = protoc("proto", "flow.proto", "weir.Flow", encode(&f, "caf\xe9"));
#define X(kind, name, number, member)  \
	assert_line(text, #name ": "); \
	lines++;
	FLOW_FIELDS (X)
		FLOW_EXT_FIELDS(X)
#undef X
	assert_line(text, "collector_id: \"caf\\357\\277\\275\"\n");
	assert_line(text, "src_user: \"caf\\357\\277\\275\"\n");
	assert_line(text, "sampling_origin: options\n");
	for (const char *p = text; *p; p++) /* an unknown field would be a number */
		assert_false((p == text || p[-1] == '\n') && *p >= '0' && *p <= '9');
	assert_true(lines > 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_is_written_with_its_number),
		cmocka_unit_test(texts_come_right_behind_their_number),
		cmocka_unit_test(unset_fields_are_left_out),
		cmocka_unit_test(rows_of_any_length_are_whole),
		cmocka_unit_test(the_longest_row_is_within_the_bound),
		cmocka_unit_test(varints_are_right_at_every_length),
		cmocka_unit_test(counters_keep_their_kind_and_zero),
		cmocka_unit_test(a_sample_too_long_is_cut_after_a_value),
		cmocka_unit_test(flow_proto_and_the_field_table_agree),
		cmocka_unit_test(a_reader_of_goflow2_messages_reads_ours),
		cmocka_unit_test(protoc_reads_every_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
