/* Walking over JSON text: structure, escapes, hostile text.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../loaders/json_scan.h"

static struct json_slice slice(const char *text)
{
	return (struct json_slice){text, strlen(text)};
}

static void members_come_in_order_with_nested_values(void **state)
{
	struct json_walk w;
	struct json_slice k, v;

	(void)state;
	assert_true(
		json_walk_object(&w, slice(" {\"a\" : 1, \"b\":[1,{\"c\":\"]}\"}] ,\"d\":null}")));
	assert_true(json_next_member(&w, &k, &v));
	assert_true(json_is(k, "a") && json_is(v, "1"));
	assert_true(json_next_member(&w, &k, &v));
	assert_true(json_is(v, "[1,{\"c\":\"]}\"}]"));
	assert_true(json_next_member(&w, &k, &v));
	assert_true(json_is_null(v));
	assert_false(json_next_member(&w, &k, &v));
	assert_false(w.failed);
}

static void an_empty_array_ends_at_once(void **state)
{
	struct json_walk w;
	struct json_slice v;

	(void)state;
	assert_true(json_walk_array(&w, slice("[ ]")));
	assert_false(json_next_item(&w, &v));
	assert_false(w.failed);
}

static void text_that_is_cut_short_fails_and_never_overruns(void **state)
{
	static const char text[] = "{\"a\":[1,2,{\"b\":\"x\\\"y\"}],\"c\":\"\\u00e9\"}";

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		char *copy = test_malloc(n + 1); /* its end is guarded */
		struct json_slice k, v;
		struct json_walk w;
		bool ok;

		memcpy(copy, text, n);
		ok = json_walk_object(&w, (struct json_slice){copy, n});
		while (ok && json_next_member(&w, &k, &v))
			;
		assert_true(w.failed);
		test_free(copy);
	}
}

static void depth_is_limited(void **state)
{
	char text[400];
	struct json_walk w;
	struct json_slice v;

	(void)state;
	memset(text, '[', sizeof(text));
	assert_true(json_walk_array(&w, (struct json_slice){text, sizeof(text)}));
	assert_false(json_next_item(&w, &v));
	assert_true(w.failed);
}

static void brackets_must_match(void **state)
{
	struct json_walk w;
	struct json_slice v;

	(void)state;
	assert_true(json_walk_array(&w, slice("[[1}]")));
	assert_false(json_next_item(&w, &v));
	assert_true(w.failed);
}

static void escapes_become_bytes(void **state)
{
	struct buffer b = {0};

	(void)state;
	assert_true(json_text(slice("\"a\\n\\\"\\\\\\u00e9\\ud83d\\ude00\\ud800\""), &b));
	buffer_char(&b, '\0');
	assert_string_equal(b.p, "a\n\"\\\xc3\xa9\xf0\x9f\x98\x80\xef\xbf\xbd");
	assert_false(json_text(slice("\"\\x\""), &b));
	assert_false(json_text(slice("\"\\u12\""), &b));
	assert_false(json_text(slice("12"), &b));
	buffer_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_come_in_order_with_nested_values),
		cmocka_unit_test(an_empty_array_ends_at_once),
		cmocka_unit_test(text_that_is_cut_short_fails_and_never_overruns),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(brackets_must_match),
		cmocka_unit_test(escapes_become_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
