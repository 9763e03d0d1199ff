/* The JSON encoder, read back by a JSON library.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "publish/encode.h"
#include "publish/put.h"
#include "publish_sample.h"

static uint8_t buffer[2 * ENCODED_ROW_MAX];

static json_t *read_row(const uint8_t *end)
{
	json_error_t error;
	json_t *row;

	assert_true(end > buffer && end[-1] == '\n');
	assert_true(end - buffer < ENCODED_ROW_MAX - 64);
	assert_null(memchr(buffer, '\n', (size_t)(end - buffer) - 1));
	row = json_loadb((const char *)buffer, (size_t)(end - buffer),
			 JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (!row)
		fail_msg("%s in %.*s", error.text, (int)(end - buffer), buffer);
	return row;
}

static json_t *encode(const struct flow *f, const char *collector)
{
	struct row_constants c;

	json_format.constants(&c, collector);
	memset(buffer, 0xee, sizeof(buffer));
	return read_row(json_format.flow(buffer, &c, f));
}

static const char *string_of(const json_t *row, const char *key)
{
	const json_t *v = json_object_get(row, key);

	if (!json_is_string(v))
		fail_msg("%s is no string", key);
	return json_string_value(v);
}

static void assert_uint(const json_t *v, uint64_t expected)
{
	assert_true(json_is_integer(v));
	assert_int_equal(json_integer_value(v), expected);
}

static void assert_ip(const json_t *v, struct ip_addr a)
{
	char text[INET6_ADDRSTRLEN];

	assert_true(json_is_string(v));
	if (ip_is_v4(&a))
		inet_ntop(AF_INET, a.b + 12, text, sizeof(text));
	else
		inet_ntop(AF_INET6, a.b, text, sizeof(text));
	assert_string_equal(json_string_value(v), text);
}

static void assert_mac(const json_t *v, uint64_t mac)
{
	char text[32];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", (unsigned)(mac >> 40) & 255,
		 (unsigned)(mac >> 32) & 255, (unsigned)(mac >> 24) & 255,
		 (unsigned)(mac >> 16) & 255, (unsigned)(mac >> 8) & 255, (unsigned)mac & 255);
	assert_string_equal(json_string_value(v), text);
}

#define IS_UINT(v, member)   assert_uint(v, (uint64_t)(member))
#define IS_TIME		     IS_UINT
#define IS_MAC		     assert_mac
#define IS_TYPE(v, member)   assert_string_equal(json_string_value(v), "IPFIX")
#define IS_ETYPE(v, member)  assert_true(json_is_string(v))
#define IS_PROTO	     IS_ETYPE
#define IS_ORIGIN(v, member) assert_string_equal(json_string_value(v), "options")
#define IS_ADDR		     assert_ip
#define IS_ADDRS(v, member)  assert_ip(json_array_get(v, 0), member)
#define IS_TEXT(v, member)                                     \
	assert_int_equal(json_string_length(v), (member).len); \
	assert_memory_equal(json_string_value(v), (member).p, (member).len)
#define IS_LAYER(v, member)                       \
	assert_string_equal(json_string_value(v), \
			    (member) == LAYER_CUSTOM ? "Custom" : "IPv6HeaderRouting")

/* jansson's integers are signed: leave the sign bit of 64-bit numbers out. */
static void clear_signs(struct flow *f, struct flow_ext *e)
{
	uint64_t *numbers[] = {&f->time_received_ns,
			       &f->time_flow_start_ns,
			       &f->time_flow_end_ns,
			       &f->bytes,
			       &f->packets,
			       &f->sampling_rate,
			       &e->application_id,
			       &e->mpls_vpn_rd,
			       &e->ext_communities[0],
			       &e->ext_communities[1]};

	for (unsigned i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		*numbers[i] &= INT64_MAX;
}

static void every_field_is_written_with_its_name(void **state)
{
	static struct flow_ext e;
	struct flow f;
	json_t *row;
	unsigned n = 1; /* collector_id */

	(void)state;
	sample_flow(&f, &e);
	clear_signs(&f, &e);
	row = encode(&f, "node \"1\"");
#define X(kind, name, number, member)                     \
	IS_##kind(json_object_get(row, #name), f.member); \
	n++;
	FLOW_FIELDS (X)
#undef X
#define X(kind, name, number, member)                     \
	IS_##kind(json_object_get(row, #name), e.member); \
	n++;
		FLOW_EXT_FIELDS(X)
#undef X
#define Y(kind, name, number, array, count)                                    \
	assert_true(json_array_size(json_object_get(row, #name)) >= 2);        \
	IS_##kind(json_array_get(json_object_get(row, #name), 0), e.array[0]); \
	IS_##kind(json_array_get(json_object_get(row, #name), 1), e.array[1]); \
	n++;
	FLOW_EXT_REPEATED(Y)
#undef Y
	assert_int_equal(json_array_size(json_object_get(row, "bgp_large_communities")), 3);
	assert_string_equal(string_of(row, "collector_id"), "node \"1\"");
	assert_int_equal(json_object_size(row), n);
	json_decref(row);
}

static void unset_fields_are_left_out(void **state)
{
	static struct flow_ext e;
	struct flow f = {0};
	json_t *row = encode(&f, "");

	(void)state;
	assert_int_equal(json_object_size(row), 0);
	json_decref(row);
	f.ext = &e;
	ip_from_v4(&f.dst_addr, "\0\0\0\0"); /* sent as 0.0.0.0 */
	row = encode(&f, "");
	assert_int_equal(json_object_size(row), 1);
	assert_string_equal(string_of(row, "dst_addr"), "0.0.0.0");
	json_decref(row);
}

static void numbers_with_names_are_named(void **state)
{
	static const struct {
		uint8_t type, proto, origin;
		uint16_t etype;
		const char *type_name, *proto_name, *origin_name, *etype_name;
	} t[] = {
		{1, 6, 1, 0x0800, "SFLOW_5", "TCP", "record", "IPv4"},
		{2, 17, 2, 0x86dd, "NETFLOW_V5", "UDP", "options", "IPv6"},
		{3, 1, 3, 0x0806, "NETFLOW_V9", "ICMP", "configured", "ARP"},
		{4, 58, 4, 0x8847, "IPFIX", "IPv6-ICMP", "assumed", "MPLS"},
		{4, 253, 4, 0x00ab, "IPFIX", "253", "assumed", "0x00ab"},
		{4, 132, 4, 0xfffe, "IPFIX", "SCTP", "assumed", "0xfffe"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct flow f = {.type = t[i].type,
				 .proto = t[i].proto,
				 .sampling_origin = t[i].origin,
				 .etype = t[i].etype};
		json_t *row = encode(&f, "");

		assert_string_equal(string_of(row, "type"), t[i].type_name);
		assert_string_equal(string_of(row, "proto"), t[i].proto_name);
		assert_string_equal(string_of(row, "sampling_origin"), t[i].origin_name);
		assert_string_equal(string_of(row, "etype"), t[i].etype_name);
		json_decref(row);
	}
}

static void ipv6_addresses_are_as_inet_ntop_has_them(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		char expected[INET6_ADDRSTRLEN];
		uint8_t a[16], text[64], *end;

		for (unsigned k = 0; k < 16; k++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			a[k] = (uint8_t)(seed >> 56);
			if (seed >> 33 & 1 || (seed >> 34 & 1 && k % 2 == 0))
				a[k] = 0;
			if (i % 7 == 0 && k > 9 && k < 12)
				a[k] = 0xff;
			if ((i % 11 < 4 && k < 10) || (i % 13 < 3 && k < 12) ||
			    (i % 17 == 0 && k > 7))
				a[k] = 0;
		}
		inet_ntop(AF_INET6, a, expected, sizeof(expected));
		end = put_ipv6(text, a);
		*end = '\0';
		assert_string_equal((char *)text, expected);
	}
}

static void decimals_are_right_at_every_length(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 64; bits++) {
		for (int i = 0; i < 2000; i++) {
			uint64_t v = (1ull << bits) + (uint64_t)(i - 1000) * (1ull << bits / 2);
			char expected[32];
			uint8_t text[48], *end = put_decimal(text, v);

			*end = '\0';
			snprintf(expected, sizeof(expected), "%" PRIu64, v);
			assert_string_equal((char *)text, expected);
		}
	}
	for (uint64_t v = 1; v; v *= 10) {
		char expected[32];
		uint8_t text[48], *end = put_decimal(text, v - 1);

		*end = '\0';
		snprintf(expected, sizeof(expected), "%" PRIu64, v - 1);
		assert_string_equal((char *)text, expected);
		if (v == 10000000000000000000u)
			break;
	}
	for (unsigned v = 0; v < 256; v++) {
		char expected[8];
		uint8_t text[8], *end = put_octet(text, (uint8_t)v);

		*end = '\0';
		snprintf(expected, sizeof(expected), "%u", v);
		assert_string_equal((char *)text, expected);
	}
}

static void hostile_text_stays_within_its_string(void **state)
{
	static struct flow_ext e;
	struct flow f = {.ext = &e};
	static const char evil[] = "\"},{\"a\":\"\\\n\0\x1f\x7f\xff\xc0\xaf\xed\xa0\x80 \xe2\x82";
	json_t *row;

	(void)state;
	e.application_name = (struct text){evil, sizeof(evil) - 1};
	row = encode(&f, "");
	assert_int_equal(json_object_size(row), 1);
	/* One replacement of three bytes for each byte that begins no character, and one for the
	 * begun character at the end; everything else is as it was. */
	assert_int_equal(json_string_length(json_object_get(row, "application_name")),
			 sizeof(evil) - 1 + 6 * 2 + 1);
	assert_memory_equal(string_of(row, "application_name"), evil, 14);
	json_decref(row);
}

/* For programs that split text into lines, a row is to be one. */
static void characters_that_end_lines_are_escaped(void **state)
{
	static struct flow_ext e;
	struct flow f = {.ext = &e};
	static const char text[] = "a\xc2\x85\xe2\x80\xa8\xe2\x80\xa9\xc2\xa0";
	json_t *row;

	(void)state;
	e.application_name = (struct text){text, sizeof(text) - 1};
	row = encode(&f, "");
	assert_memory_equal(buffer, "{\"application_name\":\"a\\u0085\\u2028\\u2029\xc2\xa0\"}\n",
			    45);
	assert_string_equal(string_of(row, "application_name"), text);
	json_decref(row);
}

static void the_longest_row_is_within_the_bound(void **state)
{
	static struct flow_ext e;
	static char text[65535]; /* zeros: six bytes each */
	struct flow f;
	json_t *row;

	(void)state;
	sample_flow(&f, &e);
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
	memset(e.segments, 0xff, sizeof(e.segments));
	memset(e.as_path, 0xff, sizeof(e.as_path));
	memset(e.communities, 0xff, sizeof(e.communities));
	memset(e.large_communities, 0xff, sizeof(e.large_communities));
	memset(e.ext_communities, 0x7f, sizeof(e.ext_communities));
	e.n_mpls = e.n_layers = e.n_segments = e.n_as_path = e.n_communities = 1000;
	e.n_ext_communities = e.n_large_communities = e.n_mpls_ttl = 1000;
	clear_signs(&f, &e);
	row = encode(&f, "node-1");
	assert_int_equal(json_array_size(json_object_get(row, "as_path")), FLOW_AS_PATH_MAX);
	assert_int_equal(json_string_length(json_object_get(row, "src_user")), ENCODED_TEXT_MAX);
	json_decref(row);
}

static void counters_keep_their_kind_and_zero(void **state)
{
	static struct counter_sample s;
	struct row_constants c;
	json_t *row, *counters;

	(void)state;
	s = (struct counter_sample){.time_received_ns = 7, .source_id_index = 3, .n_values = 6};
	s.sampler_address = sample_address(1);
	s.values[0] = (struct counter_value){.name = "if_in_octets", .kind = COUNTER_UINT};
	s.values[1] = (struct counter_value){.name = "temp", .kind = COUNTER_INT, .i = INT64_MIN};
	s.values[2] = (struct counter_value){.name = "load", .kind = COUNTER_FLOAT, .f = 0.25};
	s.values[3] = (struct counter_value){
		.name = "host", .kind = COUNTER_TEXT, .text = {"r\"1", 3}};
	s.values[4] = (struct counter_value){
		.name = "uuid", .kind = COUNTER_HEX, .text = {"\x01\xff", 2}};
	s.values[5] = (struct counter_value){
		.name = "nan", .kind = COUNTER_FLOAT, .f = __builtin_nan("")};
	json_format.constants(&c, "n");
	row = read_row(json_format.sample(buffer, &c, &s));
	counters = json_object_get(row, "counters");
	assert_int_equal(json_object_size(counters), 6);
	assert_uint(json_object_get(row, "source_id_index"), 3);
	assert_uint(json_object_get(counters, "if_in_octets"), 0);
	assert_true(json_integer_value(json_object_get(counters, "temp")) == INT64_MIN);
	assert_true(json_real_value(json_object_get(counters, "load")) == 0.25);
	assert_string_equal(string_of(counters, "host"), "r\"1");
	assert_string_equal(string_of(counters, "uuid"), "01ff");
	assert_true(json_is_null(json_object_get(counters, "nan")));
	json_decref(row);

	s.n_values = 0;
	row = read_row(json_format.sample(buffer, &c, &s));
	assert_int_equal(json_object_size(json_object_get(row, "counters")), 0);
	json_decref(row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_is_written_with_its_name),
		cmocka_unit_test(unset_fields_are_left_out),
		cmocka_unit_test(numbers_with_names_are_named),
		cmocka_unit_test(ipv6_addresses_are_as_inet_ntop_has_them),
		cmocka_unit_test(decimals_are_right_at_every_length),
		cmocka_unit_test(hostile_text_stays_within_its_string),
		cmocka_unit_test(characters_that_end_lines_are_escaped),
		cmocka_unit_test(the_longest_row_is_within_the_bound),
		cmocka_unit_test(counters_keep_their_kind_and_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
