/* The element tables: look-up, a user's file, and what is refused in one.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "decode/elements.h"

enum { CERT = 6871, NOBODY = 54321 };

static char path[64];

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* Opens the file's elements while standard error goes into `message`. */
static int open_quietly(struct elements **e, char *message, size_t size)
{
	int saved = dup(STDERR_FILENO), r;
	FILE *f = tmpfile();

	assert_non_null(f);
	fflush(stderr);
	dup2(fileno(f), STDERR_FILENO);
	r = elements_open(e, false, path);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(f);
	message[fread(message, 1, size - 1, f)] = 0;
	fclose(f);
	return r;
}

static void check(const struct element *e, const char *name, enum element_kind kind)
{
	assert_non_null(e);
	assert_string_equal(e->name, name);
	assert_int_equal(e->kind, kind);
}

static void iana_elements_are_found_for_ipfix_and_v9(void **state)
{
	struct elements *e;

	(void)state;
	assert_int_equal(elements_open(&e, false, NULL), 0);
	check(elements_find(e, FLOW_IPFIX, 0, 1), "octetDeltaCount", ELEMENT_UNSIGNED);
	check(elements_find(e, FLOW_NETFLOW_V9, 0, 1), "octetDeltaCount", ELEMENT_UNSIGNED);
	check(elements_find(e, FLOW_IPFIX, 0, 8), "sourceIPv4Address", ELEMENT_IPV4);
	check(elements_find(e, FLOW_IPFIX, 0, 154), "flowStartMicroseconds", ELEMENT_MICROSECONDS);
	check(elements_find(e, FLOW_IPFIX, 0, 276), "dataRecordsReliability", ELEMENT_BOOLEAN);
	check(elements_find(e, FLOW_IPFIX, 0, 293), "subTemplateMultiList",
	      ELEMENT_SUB_TEMPLATE_MULTI_LIST);
	check(elements_find(e, FLOW_IPFIX, 0, 434), "mibObjectValueInteger", ELEMENT_SIGNED);
	check(elements_find(e, FLOW_IPFIX, 0, 502), "srhSegmentIPv6EndpointBehavior",
	      ELEMENT_UNSIGNED);
	assert_null(elements_find(e, FLOW_IPFIX, 0, 0));
	assert_null(elements_find(e, FLOW_IPFIX, 0, 32767));
	elements_close(e);
}

static void vendor_names_only_when_asked_for(void **state)
{
	struct elements *e;

	(void)state;
	assert_int_equal(elements_open(&e, false, NULL), 0);
	assert_null(elements_find(e, FLOW_IPFIX, CERT, 14));
	assert_null(elements_find(e, FLOW_NETFLOW_V9, 0, 33002));
	elements_close(e);
	assert_int_equal(elements_open(&e, true, NULL), 0);
	check(elements_find(e, FLOW_IPFIX, CERT, 14), "initialTCPFlags", ELEMENT_UNSIGNED);
	check(elements_find(e, FLOW_IPFIX, CERT, 14 | 0x4000), "reverseInitialTCPFlags",
	      ELEMENT_UNSIGNED);
	/* IANA has this name, too */
	check(elements_find(e, FLOW_IPFIX, CERT, 111), "e6871_httpUserAgent", ELEMENT_STRING);
	check(elements_find(e, FLOW_NETFLOW_V9, 0, 33002), "NF_F_FW_EXT_EVENT", ELEMENT_UNSIGNED);
	check(elements_find(e, FLOW_IPFIX, 35632, 118), "L7_PROTO", ELEMENT_UNSIGNED);
	check(elements_find(e, FLOW_NETFLOW_V9, 0, 57590), "L7_PROTO", ELEMENT_UNSIGNED);
	assert_null(elements_find(e, FLOW_IPFIX, 0, 33002));
	elements_close(e);
}

static void a_users_file_adds_and_replaces(void **state)
{
	struct elements *e;

	(void)state;
	write_file("# mine\n"
		   "\n"
		   "54321\t7\tmyCounter\tunsigned32\r\n"
		   "0\t95\tappTag\tunsigned32\n"
		   "v9\t40001\tpostNATSource\tipv4Address\n"
		   "54321\t3\tmyName\tstring"); /* no newline at the end */
	assert_int_equal(elements_open(&e, false, path), 0);
	check(elements_find(e, FLOW_IPFIX, NOBODY, 7), "myCounter", ELEMENT_UNSIGNED);
	check(elements_find(e, FLOW_IPFIX, NOBODY, 3), "myName", ELEMENT_STRING);
	check(elements_find(e, FLOW_IPFIX, 0, 95), "appTag", ELEMENT_UNSIGNED);
	check(elements_find(e, FLOW_IPFIX, 0, 94), "applicationDescription", ELEMENT_STRING);
	check(elements_find(e, FLOW_NETFLOW_V9, 0, 40001), "postNATSource", ELEMENT_IPV4);
	assert_null(elements_find(e, FLOW_IPFIX, 0, 40001));
	elements_close(e);
}

static void a_bad_row_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text, *line, *why;
	} bad[] = {
		{"# x\n1\t2\tname\n", ":2:", "columns"},
		{"-1\t2\tname\tstring\n", ":1:", "pen '-1'"},
		{"4294967296\t2\tname\tstring\n", ":1:", "pen '4294967296'"},
		{"0x9\t2\tname\tstring\n", ":1:", "pen '0x9'"},
		{"9\t32768\tname\tstring\n", ":1:", "id '32768'"},
		{"v9\t65536\tname\tstring\n", ":1:", "id '65536'"},
		{"9\t\tname\tstring\n", ":1:", "id ''"},
		{"9\t1\tna me\tstring\n", ":1:", "name 'na me'"},
		{"9\t1\ta\"b\tstring\n", ":1:", "name 'a\"b'"},
		{"9\t1\t\tstring\n", ":1:", "name ''"},
		{"9\t1\tname\tuint32\n", ":1:", "type 'uint32'"},
		{"9\t1\tname\tstring\textra\n", ":1:", "columns"},
		{"9\t1\tone\tstring\n\n9\t1\ttwo\tstring\n", ":3:", "line 1"},
		{"9\t1\tone\tstring\n9\t2\tone\tstring\n", ":2:", "name 'one'"},
		{"9\t1\tprotocolIdentifier\tstring\n", ":1:", "name 'protocolIdentifier'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct elements *e = (struct elements *)1;
		char message[512], place[80];

		write_file(bad[i].text);
		assert_int_equal(open_quietly(&e, message, sizeof(message)), -EINVAL);
		assert_null(e);
		snprintf(place, sizeof(place), "%s%s", path, bad[i].line);
		if (!strstr(message, place) || !strstr(message, bad[i].why))
			fail_msg("row %zu: %s", i, message);
	}
}

static void a_missing_file_is_named(void **state)
{
	struct elements *e;
	char message[512];

	(void)state;
	unlink(path);
	assert_int_equal(open_quietly(&e, message, sizeof(message)), -ENOENT);
	assert_non_null(strstr(message, path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(iana_elements_are_found_for_ipfix_and_v9),
		cmocka_unit_test(vendor_names_only_when_asked_for),
		cmocka_unit_test(a_users_file_adds_and_replaces),
		cmocka_unit_test(a_bad_row_is_refused_with_its_line),
		cmocka_unit_test(a_missing_file_is_named),
	};
	int fd, r;

	strcpy(path, "/tmp/weir-elements-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return 1;
	close(fd);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return r;
}
