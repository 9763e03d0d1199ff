/* Records as sent: the form of every kind of value, of v5, v9 and IPFIX records, and of lists.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "decode/exporter.h"
#include "decode/print.h"
#include "decode/print_value.h"

/* A message under construction. */
struct message {
	uint8_t b[2048];
	uint32_t n;
	uint32_t set; /* where the open set begins */
};

static void put(struct message *m, uint64_t value, unsigned bytes)
{
	assert_true(m->n + bytes <= sizeof(m->b));
	while (bytes--)
		m->b[m->n++] = (uint8_t)(value >> 8 * bytes);
}

static void put_bytes(struct message *m, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(m, (uint8_t)bytes[i], 1);
}

static void patch16(struct message *m, uint32_t at, uint32_t value)
{
	m->b[at] = (uint8_t)(value >> 8);
	m->b[at + 1] = (uint8_t)value;
}

static void begin_set(struct message *m, uint16_t id)
{
	m->set = m->n;
	put(m, id, 2);
	put(m, 0, 2);
}

static void end_set(struct message *m)
{
	patch16(m, m->set + 2, m->n - m->set);
}

static void begin_v9(struct message *m, uint32_t sys_uptime, uint32_t seconds)
{
	*m = (struct message){0};
	put(m, 9, 2);
	put(m, 1, 2);
	put(m, sys_uptime, 4);
	put(m, seconds, 4);
	put(m, 77, 4);
	put(m, 3, 4);
}

static void begin_ipfix(struct message *m)
{
	*m = (struct message){0};
	put(m, 10, 2);
	put(m, 0, 2);
	put(m, 1000, 4);
	put(m, 5, 4);
	put(m, 7, 4);
}

/* A template with n pairs of id and length; in IPFIX an id above 32767 is followed by its pen. */
static void put_template(struct message *m, uint16_t id, unsigned n, const uint32_t *fields)
{
	put(m, id, 2);
	put(m, n, 2);
	while (n--) {
		bool enterprise = m->b[1] == 10 && *fields > 32767;

		put(m, *fields++, 2);
		put(m, *fields++, 2);
		if (enterprise)
			put(m, *fields++, 4);
	}
}

struct fixture {
	struct exporter_store *store;
	struct elements *elements;
	struct account account;
	struct printer *printer;
	struct buffer out;
};

static void no_flush(struct buffer *out, void *arg)
{
	(void)out;
	(void)arg;
}

static int setup(void **state)
{
	struct fixture *f = aligned_alloc(_Alignof(struct fixture), sizeof(*f));
	struct printer_config config = {.account = &f->account, .out = &f->out, .flush = no_flush};

	assert_non_null(f);
	memset(f, 0, sizeof(*f));
	rcu_register_thread();
	assert_int_equal(elements_open(&f->elements, false, NULL), 0);
	f->store = exporter_store_new(&decode_defaults, 1);
	assert_non_null(f->store);
	config.store = f->store;
	config.elements = f->elements;
	config.max_nesting = 2;
	f->printer = printer_new(&config);
	assert_non_null(f->printer);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	printer_free(f->printer);
	buffer_free(&f->out);
	elements_close(f->elements);
	rcu_unregister_thread();
	exporter_store_free(f->store);
	free(f);
	return 0;
}

/* Prints the message as sent by 192.0.2.<exporter> and returns the lines. */
static const char *print_from(struct fixture *f, struct message *m, uint8_t exporter,
			      enum decode_status expected)
{
	struct datagram dg = {.data = m->b, .len = m->n};
	uint8_t v4[4] = {192, 0, 2, exporter};

	if (m->b[1] == 10)
		patch16(m, 2, m->n);
	ip_from_v4(&dg.src, v4);
	buffer_clear(&f->out);
	assert_int_equal(printer_datagram(f->printer, &dg, 1), expected);
	buffer_char(&f->out, 0);
	assert_false(f->out.failed);
	return f->out.p;
}

static const char *print(struct fixture *f, struct message *m)
{
	return print_from(f, m, 1, DECODE_OK);
}

static void assert_part(const char *lines, const char *part)
{
	if (!strstr(lines, part))
		fail_msg("no %s in %s", part, lines);
}

static void each_kind_of_value_has_its_form(void **state)
{
#define BYTES(s) s, sizeof(s) - 1
	static const struct {
		enum element_kind kind;
		const char *bytes;
		size_t n;
		const char *json;
	} cases[] = {
		{ELEMENT_UNSIGNED, BYTES("\x01"), "1"},
		{ELEMENT_UNSIGNED, BYTES("\x01\x02\x03"), "66051"},
		{ELEMENT_UNSIGNED, BYTES("\xff\xff\xff\xff\xff\xff\xff\xff"),
		 "18446744073709551615"},
		{ELEMENT_UNSIGNED, BYTES("\0\0\0\0\0\0\0\0\1"), "\"0x000000000000000001\""},
		{ELEMENT_UNSIGNED, BYTES(""), "null"},
		{ELEMENT_SIGNED, BYTES("\xff"), "-1"},
		{ELEMENT_SIGNED, BYTES("\x80\x00\x00"), "-8388608"},
		{ELEMENT_SIGNED, BYTES("\x7f\xff\xff\xff"), "2147483647"},
		{ELEMENT_SIGNED, BYTES("\x80\0\0\0\0\0\0\0"), "-9223372036854775808"},
		{ELEMENT_SIGNED, BYTES("\0\0\0\0\0\0\0\0\1"), "\"0x000000000000000001\""},
		{ELEMENT_FLOAT, BYTES("\x3f\xc0\0\0"), "1.5"},
		{ELEMENT_FLOAT, BYTES("\xbf\xd0\0\0\0\0\0\0"), "-0.25"},
		{ELEMENT_FLOAT, BYTES("\x7f\xc0\0\0"), "\"0x7fc00000\""},
		{ELEMENT_FLOAT, BYTES("\x7f\xf0\0\0\0\0\0\0"), "\"0x7ff0000000000000\""},
		{ELEMENT_FLOAT, BYTES("\x3f\xc0"), "\"0x3fc0\""},
		{ELEMENT_BOOLEAN, BYTES("\1"), "true"},
		{ELEMENT_BOOLEAN, BYTES("\2"), "false"},
		{ELEMENT_BOOLEAN, BYTES("\0"), "0"},
		{ELEMENT_BOOLEAN, BYTES("\0\1"), "\"0x0001\""},
		{ELEMENT_MAC, BYTES("\x00\x1b\xff\x03\x04\x05"), "\"00:1b:ff:03:04:05\""},
		{ELEMENT_MAC, BYTES("\x00\x1b"), "\"0x001b\""},
		{ELEMENT_IPV4, BYTES("\xc0\x00\x02\xff"), "\"192.0.2.255\""},
		{ELEMENT_IPV4, BYTES("\xc0\x00"), "\"0xc000\""},
		{ELEMENT_IPV6, BYTES("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"),
		 "\"2001:db8::1\""},
		{ELEMENT_IPV6, BYTES("\xc0\x00\x02\xff"), "\"0xc00002ff\""},
		{ELEMENT_STRING, BYTES("eth0\0\0\0"), "\"eth0\""},
		{ELEMENT_STRING, BYTES("a\0b\0"), "\"a\\u0000b\""},
		{ELEMENT_STRING, BYTES("\0\0"), "\"\""},
		/* Readers of lines take these for the end of one. */
		{ELEMENT_STRING, BYTES("a\xc2\x85\xe2\x80\xa8\xe2\x80\xa9"),
		 "\"a\\u0085\\u2028\\u2029\""},
		{ELEMENT_STRING, BYTES("\xc2\xa0\xe2\x80\xaa"), "\"\xc2\xa0\xe2\x80\xaa\""},
		{ELEMENT_STRING, BYTES("q\"\\\n\xff"), "\"q\\\"\\\\\\u000a\xef\xbf\xbd\""},
		/* one U+FFFD for the start of a character, one for each byte that starts none */
		{ELEMENT_STRING, BYTES("\xe2\x82|\xf0\x9f\x98|\xed\xa0|\xc0\xaf"),
		 "\"\xef\xbf\xbd|\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd\""},
		{ELEMENT_STRING, BYTES("\xe2\x82\xac \xf0\x9f\x98\x80"),
		 "\"\xe2\x82\xac \xf0\x9f\x98\x80\""},
		{ELEMENT_STRING, BYTES(""), "null"},
		{ELEMENT_SECONDS, BYTES("\x59\xd2\xb0\x0b"), "1506979851"},
		{ELEMENT_SECONDS, BYTES("\0\0\0\0\x59\xd2\xb0\x0b"), "\"0x0000000059d2b00b\""},
		{ELEMENT_MILLISECONDS, BYTES("\0\0\1\x5e\xde\x10\x10\x11"), "1506964148241"},
		{ELEMENT_MILLISECONDS, BYTES("\x59\xd2\xb0\x0b"), "\"0x59d2b00b\""},
		/* 2208988801.5 s after 1900; a fraction just under 1 stays under it */
		{ELEMENT_MICROSECONDS, BYTES("\x83\xaa\x7e\x81\x80\0\0\0"), "1500000"},
		{ELEMENT_MICROSECONDS, BYTES("\x83\xaa\x7e\x80\xff\xff\xff\xff"), "999999"},
		{ELEMENT_NANOSECONDS, BYTES("\x83\xaa\x7e\x81\x80\0\0\0"), "1500000000"},
		{ELEMENT_NANOSECONDS, BYTES("\x83\xaa\x7e\x80\xff\xff\xff\xff"), "999999999"},
		{ELEMENT_NANOSECONDS, BYTES("\xe9\x23\xa7\x29\0\0\0\5"), "1702439081000000001"},
		{ELEMENT_MICROSECONDS, BYTES("\x83\xaa"), "\"0x83aa\""},
		{ELEMENT_OCTETS, BYTES("\x05\x00\x00\x48"), "\"0x05000048\""},
		{ELEMENT_OCTETS, BYTES(""), "null"},
	};
	struct buffer out = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct field_place v = {(const uint8_t *)cases[i].bytes, (uint32_t)cases[i].n};

		buffer_clear(&out);
		print_value(&out, cases[i].kind, &v);
		buffer_char(&out, 0);
		assert_string_equal(out.p, cases[i].json);
	}
	buffer_free(&out);
}

static void a_v5_record_has_all_its_fields(void **state)
{
	struct message m = {0};

	put(&m, 5, 2);
	put(&m, 1, 2);
	put(&m, 1000, 4); /* sysUpTime, ms */
	put(&m, 1600000000, 4);
	put(&m, 250000000, 4); /* ns */
	put(&m, 42, 4);
	put(&m, 1, 1);
	put(&m, 2, 1);
	put(&m, 1 << 14 | 100, 2);
	put(&m, 0x0a000001, 4);
	put(&m, 0x0a000002, 4);
	put(&m, 0x0a0000fe, 4);
	put(&m, 3, 2);
	put(&m, 65535, 2);
	put(&m, 10, 4);
	put(&m, 4000000000, 4);
	put(&m, 0xffffff9c, 4); /* 100 ms before sysUpTime wrapped */
	put(&m, 900, 4);
	put(&m, 53, 2);
	put(&m, 40000, 2);
	put(&m, 0xee, 1);
	put(&m, 0x1b, 1);
	put(&m, 17, 1);
	put(&m, 184, 1);
	put(&m, 64500, 2);
	put(&m, 64501, 2);
	put(&m, 24, 1);
	put(&m, 16, 1);
	put(&m, 0xeeee, 2);
	assert_string_equal(
		print(*state, &m),
		"{\"_dgram\":1,\"_proto\":\"netflow5\",\"_kind\":\"data\",\"_exporter\":\"192.0.2.1\","
		"\"_seq\":42,\"_exportTime\":1600000000,\"_sysUpTime\":1000,\"_engine\":[1,2],"
		"\"_samplingMode\":1,\"_samplingInterval\":100,\"sourceIPv4Address\":\"10.0.0.1\","
		"\"destinationIPv4Address\":\"10.0.0.2\",\"ipNextHopIPv4Address\":\"10.0.0.254\","
		"\"ingressInterface\":3,\"egressInterface\":65535,\"packetDeltaCount\":10,"
		"\"octetDeltaCount\":4000000000,\"flowStartSysUpTime\":4294967196,"
		"\"flowEndSysUpTime\":900,\"sourceTransportPort\":53,"
		"\"destinationTransportPort\":40000,\"tcpControlBits\":27,\"protocolIdentifier\":17,"
		"\"ipClassOfService\":184,\"bgpSourceAsNumber\":64500,"
		"\"bgpDestinationAsNumber\":64501,\"sourceIPv4PrefixLength\":24,"
		"\"destinationIPv4PrefixLength\":16,\"_flowStartMs\":1599999999150,"
		"\"_flowEndMs\":1600000000150}\n");
}

static void a_v5_count_that_cannot_be_is_refused(void **state)
{
	static const struct {
		unsigned count, records, printed;
	} cases[] = {{0, 1, 0}, {31, 31, 0}, {65535, 2, 0}, {3, 2, 2}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct message m = {0};
		unsigned lines = 0;

		put(&m, 5, 2);
		put(&m, cases[i].count, 2);
		m.n = 24 + 48 * cases[i].records;
		for (const char *p = print_from(*state, &m, 1, DECODE_BAD_COUNT); *p; p++)
			lines += *p == '\n';
		assert_int_equal(lines, cases[i].printed);
	}
}

static void v9_fields_are_named_grouped_and_timed(void **state)
{
	struct message m;

	begin_v9(&m, 5000, 1600000000);
	begin_set(&m, 0);
	/* 33002 and 65535 are plain numbers in v9: no pen follows */
	put_template(&m, 300, 10, (uint32_t[]){8, 4, 12,    2, 7,     2, 7,  2, 150, 0,
					       0, 1, 33002, 2, 65535, 2, 22, 4, 21,  4});
	end_set(&m);
	begin_set(&m, 300);
	put(&m, 0xc0000201, 4);
	put(&m, 0xabcd, 2);
	put(&m, 1, 2);
	put(&m, 2, 2);
	put(&m, 9, 1);
	put(&m, 0x07e9, 2);
	put(&m, 0x0102, 2);
	put(&m, 4000, 4);
	put(&m, 6000, 4); /* after the export */
	put(&m, 0, 1);	  /* padding */
	end_set(&m);
	assert_string_equal(
		print(*state, &m),
		"{\"_dgram\":1,\"_proto\":\"netflow9\",\"_kind\":\"data\",\"_exporter\":\"192.0.2.1\","
		"\"_odid\":3,\"_seq\":77,\"_exportTime\":1600000000,\"_sysUpTime\":5000,"
		"\"_template\":300,\"sourceIPv4Address\":\"192.0.2.1\","
		"\"destinationIPv4Address\":\"0xabcd\",\"sourceTransportPort\":[1,2],"
		"\"flowStartSeconds\":null,\"v9_0\":\"0x09\",\"v9_33002\":\"0x07e9\","
		"\"v9_65535\":\"0x0102\",\"flowStartSysUpTime\":4000,\"flowEndSysUpTime\":6000,"
		"\"_flowStartMs\":1599999999000,\"_flowEndMs\":1600000001000}\n");
}

static void the_first_field_may_be_repeated(void **state)
{
	struct message m;

	begin_ipfix(&m);
	begin_set(&m, 2);
	put_template(&m, 256, 3, (uint32_t[]){4, 1, 4, 1, 4, 1});
	end_set(&m);
	begin_set(&m, 256);
	put(&m, 0x040629, 3);
	end_set(&m);
	assert_part(print(*state, &m), "\"protocolIdentifier\":[4,6,41]}\n");
}

static void v9_options_have_a_scope(void **state)
{
	struct message m;

	begin_v9(&m, 1, 2);
	begin_set(&m, 1);
	put(&m, 256, 2);
	put(&m, 8, 2); /* bytes of scope fields */
	put(&m, 4, 2); /* bytes of option fields */
	put(&m, 1, 2), put(&m, 4, 2);
	put(&m, 2, 2), put(&m, 2, 2);
	put(&m, 34, 2), put(&m, 4, 2);
	end_set(&m);
	begin_set(&m, 256);
	put(&m, 0x01020304, 4);
	put(&m, 12, 2);
	put(&m, 1000, 4);
	end_set(&m);
	assert_part(print(*state, &m), "\"_kind\":\"options\"");
	assert_part(
		print(*state, &m),
		"\"samplingInterval\":1000,\"_scope\":{\"system\":16909060,\"interface\":12}}\n");
}

static void ipfix_enterprise_reverse_and_unknown_elements(void **state)
{
	struct message m;

	begin_ipfix(&m);
	begin_set(&m, 2);
	put_template(&m, 256, 7,
		     (uint32_t[]){1, 8, 0x8001, 4, 29305, 0x8008, 2, 29305, 0xffff, 1, 29305,
				  0x8007, 65535, 6871, 0x7fff, 2, 82, 65535});
	end_set(&m);
	begin_set(&m, 256);
	put(&m, 1, 8);
	put(&m, 2, 4);
	put(&m, 3, 2);
	put(&m, 4, 1);
	put(&m, 2, 1), put(&m, 0xbeef, 2); /* length in one byte */
	put(&m, 5, 2);
	put(&m, 255, 1), put(&m, 4, 2), put_bytes(&m, "ge-0", 4); /* in three */
	end_set(&m);
	assert_part(print(*state, &m),
		    "\"_odid\":7,\"_seq\":5,\"_exportTime\":1000,\"_template\":256,"
		    "\"octetDeltaCount\":1,\"reverseOctetDeltaCount\":2,"
		    "\"reverseSourceIPv4Address\":\"0x0003\",\"e29305_32767\":\"0x04\","
		    "\"e6871_7\":\"0xbeef\",\"ie_32767\":\"0x0005\",\"interfaceName\":\"ge-0\"}\n");
}

static void ipfix_options_have_a_scope_of_elements(void **state)
{
	struct message m;

	begin_ipfix(&m);
	begin_set(&m, 3);
	put(&m, 256, 2);
	put(&m, 3, 2);
	put(&m, 2, 2);
	put(&m, 149, 2), put(&m, 4, 2);
	put(&m, 10, 2), put(&m, 4, 2);
	put(&m, 10, 2), put(&m, 4, 2); /* not joined with the scope's */
	end_set(&m);
	begin_set(&m, 256);
	put(&m, 7, 4);
	put(&m, 8, 4);
	put(&m, 9, 4);
	end_set(&m);
	assert_part(print(*state, &m), "\"_kind\":\"options\"");
	assert_part(print(*state, &m),
		    "\"_template\":256,\"ingressInterface\":9,"
		    "\"_scope\":{\"observationDomainId\":7,\"ingressInterface\":8}}\n");
}

/* Sends a template of one list element and a record with the list's bytes. */
static const char *print_list(struct fixture *f, uint16_t element, const char *bytes, size_t n)
{
	struct message m;

	begin_ipfix(&m);
	begin_set(&m, 2);
	put_template(&m, 256, 1, (uint32_t[]){element, 65535});
	put_template(&m, 300, 2, (uint32_t[]){7, 2, 4, 1});
	put_template(&m, 301, 2, (uint32_t[]){7, 2, 291, 65535});
	end_set(&m);
	begin_set(&m, 256);
	put(&m, 255, 1);
	put(&m, n, 2);
	put_bytes(&m, bytes, n);
	end_set(&m);
	return print(f, &m);
}

static void lists_are_objects(void **state)
{
	static const struct {
		uint16_t element;
		const char *bytes;
		size_t n;
		const char *json;
	} cases[] = {
		{291, BYTES("\x03\0\x07\0\x02\0\x50\x01\xbb"),
		 "\"basicList\":{\"semantic\":3,\"element\":\"sourceTransportPort\","
		 "\"values\":[80,443]}}"},
		{291, BYTES("\xff\0\x52\xff\xff\x01\x61\0\x02\x62\x63"),
		 "\"basicList\":{\"semantic\":255,\"element\":\"interfaceName\","
		 "\"values\":[\"a\",null,\"bc\"]}}"},
		{291, BYTES("\x04\x80\x01\0\x01\0\0\x1a\xd7\x09"), "\"values\":[\"0x09\"]}}"},
		{291, BYTES("\x04\0\x07\0\x02"), "\"values\":[]}}"},
		{291, BYTES(""), "\"basicList\":null}"},
		{484, BYTES("\x04\x01\xe3\0\x04\xfb\xf0\0\x64"),
		 "\"bgpSourceCommunityList\":{\"semantic\":4,\"element\":\"bgpCommunity\","
		 "\"values\":[4226809956]}}"},
		{292, BYTES("\x03\x01\x2c\0\x50\x06\0\x35\x11"),
		 "\"subTemplateList\":{\"semantic\":3,\"template\":300,\"records\":["
		 "{\"sourceTransportPort\":80,\"protocolIdentifier\":6},"
		 "{\"sourceTransportPort\":53,\"protocolIdentifier\":17}]}}"},
		{292, BYTES("\x03\x01\x2c"), "\"template\":300,\"records\":[]}}"},
		{292, BYTES("\x03\x02\x58\xab\xcd"), "\"template\":600,\"records\":\"0xabcd\"}}"},
		{293, BYTES("\x03"), "\"subTemplateMultiList\":{\"semantic\":3,\"lists\":[]}}"},
		{293, BYTES("\x03\x01\x2c\0\x07\0\x50\x06\x02\x58\0\x05\xee"),
		 "\"lists\":[{\"template\":300,\"records\":[{\"sourceTransportPort\":80,"
		 "\"protocolIdentifier\":6}]},{\"template\":600,\"records\":\"0xee\"}]}}"},
		/* a list in the record of a list */
		{292, BYTES("\x03\x01\x2d\0\x50\x06\x03\0\x04\0\x01\x11"),
		 "\"records\":[{\"sourceTransportPort\":80,\"basicList\":{\"semantic\":3,"
		 "\"element\":\"protocolIdentifier\",\"values\":[17]}}]}}"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_part(print_list(*state, cases[i].element, cases[i].bytes, cases[i].n),
			    cases[i].json);
}

static void malformed_lists_are_octets(void **state)
{
	static const struct {
		uint16_t element;
		const char *bytes;
		size_t n;
		const char *json;
	} cases[] = {
		{291, BYTES("\x03\0\x07\0"), "\"basicList\":\"0x03000700\"}"},
		{291, BYTES("\x03\x80\x07\0\x02\0\0\x1a"), "\"0x038007000200001a\"}"},
		{291, BYTES("\x03\0\x07\0\x02\0\x50\x01"), "\"0x0300070002005001\"}"},
		{291, BYTES("\x03\0\x07\0\0\0"), "\"0x030007000000\"}"},
		{291, BYTES("\x03\0\x52\xff\xff\x02\x61"), "\"0x030052ffff0261\"}"},
		{291, BYTES("\x03\0\x52\xff\xff\xff\x61"), "\"0x030052ffffff61\"}"},
		{292, BYTES("\x03\x01"), "\"0x0301\"}"},
		{293, BYTES("\x03\x01\x2c\0"), "\"0x03012c00\"}"},
		{293, BYTES("\x03\x01\x2c\0\x03"), "\"0x03012c0003\"}"},
		{293, BYTES("\x03\x01\x2c\0\x09\x11"), "\"0x03012c000911\"}"},
		/* the inner list alone is malformed */
		{292, BYTES("\x03\x01\x2d\0\x50\x02\x03\0"),
		 "\"records\":[{\"sourceTransportPort\":80,\"basicList\":\"0x0300\"}]}}"},
		/* deeper than the limit of 2 */
		{291,
		 BYTES("\x03\x01\x23\xff\xff\x0d\x03\x01\x23\xff\xff\x07\x03\0\x04\0\x01\x11\x06"),
		 "\"values\":[{\"semantic\":3,\"element\":\"basicList\","
		 "\"values\":[\"0x03000400011106\"]}]}}"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_part(print_list(*state, cases[i].element, cases[i].bytes, cases[i].n),
			    cases[i].json);
}

/* A list may name an options template, whose scope is then but a part of the record. */
static void scope_and_field_of_one_element_in_a_list_are_one_key(void **state)
{
	struct fixture *f = *state;
	struct message m;

	begin_ipfix(&m);
	begin_set(&m, 3);
	put(&m, 400, 2);
	put(&m, 2, 2);
	put(&m, 1, 2);
	put(&m, 7 << 16 | 2, 4);
	put(&m, 7 << 16 | 2, 4);
	end_set(&m);
	begin_set(&m, 2);
	put_template(&m, 256, 1, (const uint32_t[]){292, 65535});
	end_set(&m);
	begin_set(&m, 256);
	put_bytes(&m, BYTES("\x07\x03\x01\x90\0\x50\0\x51"));
	end_set(&m);
	begin_set(&m, 400);
	put_bytes(&m, BYTES("\0\x50\0\x51"));
	end_set(&m);
	assert_part(print(f, &m), "\"records\":[{\"sourceTransportPort\":[80,81]}]}}");
	assert_part(f->out.p,
		    "\"sourceTransportPort\":81,\"_scope\":{\"sourceTransportPort\":80}}");
}

static void templates_are_the_exporters_own_and_in_order(void **state)
{
	struct fixture *f = *state;
	struct message with, without;

	begin_ipfix(&with);
	begin_set(&with, 2);
	put_template(&with, 256, 1, (uint32_t[]){4, 1});
	end_set(&with);
	begin_ipfix(&without);
	begin_set(&without, 256);
	put(&without, 6, 1);
	end_set(&without);

	assert_string_equal(print_from(f, &without, 1, DECODE_NO_TEMPLATE), "");
	assert_string_equal(print_from(f, &with, 1, DECODE_OK), "");
	assert_string_equal(print_from(f, &without, 2, DECODE_NO_TEMPLATE), "");
	assert_part(print_from(f, &without, 1, DECODE_OK), "\"protocolIdentifier\":6}\n");
	assert_int_equal(account_get(&f->account, ACCOUNT_SETS_NO_TEMPLATE), 2);
	assert_int_equal(account_get(&f->account, ACCOUNT_RECORDS_DATA), 1);
}

static void what_is_no_flow_export_is_refused(void **state)
{
	struct message m = {0};

	assert_string_equal(print_from(*state, &m, 1, DECODE_TOO_SHORT), "");
	put(&m, 0x00010002, 4);
	assert_string_equal(print_from(*state, &m, 1, DECODE_UNKNOWN_VERSION), "");
	m.b[1] = 9;
	assert_string_equal(print_from(*state, &m, 1, DECODE_TOO_SHORT), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_value_has_its_form),
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(a_v5_record_has_all_its_fields),
		TEST(a_v5_count_that_cannot_be_is_refused),
		TEST(v9_fields_are_named_grouped_and_timed),
		TEST(the_first_field_may_be_repeated),
		TEST(v9_options_have_a_scope),
		TEST(ipfix_enterprise_reverse_and_unknown_elements),
		TEST(ipfix_options_have_a_scope_of_elements),
		TEST(lists_are_objects),
		TEST(malformed_lists_are_octets),
		TEST(scope_and_field_of_one_element_in_a_list_are_one_key),
		TEST(templates_are_the_exporters_own_and_in_order),
		TEST(what_is_no_flow_export_is_refused),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
