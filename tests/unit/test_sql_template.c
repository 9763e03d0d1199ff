/* SQL templates: variables, conditions, loops, and what is wrong in a file.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../loaders/sql_template.h"

static int collect(const char *sql, void *arg)
{
	struct buffer *b = arg;

	buffer_string(b, sql);
	buffer_char(b, '|');
	return 0;
}

/* Runs the text and compares all statements, each with a bar behind it. */
static void gives(const char *text, const char *statements)
{
	struct sql_template t = {0};
	struct buffer b = {0};

	sql_template_set(&t, "name", "n");
	sql_template_set(&t, "nested", "<${name}>");
	sql_template_set(&t, "empty", "");
	sql_template_set(&t, "windows", "5m=5 MINUTE,1h=1 HOUR");
	sql_template_set_text(&t, "text", "it's ${name} \\");
	assert_int_equal(sql_template_run(&t, "f", text, collect, &b), 0);
	buffer_char(&b, '\0');
	assert_string_equal(b.p, statements);
	buffer_free(&b);
	sql_template_free(&t);
}

static void refuses(const char *text, const char *error)
{
	struct sql_template t = {0};
	struct buffer b = {0};

	sql_template_set(&t, "loop", "${loop}");
	assert_int_equal(sql_template_run(&t, "f", text, collect, &b), -EINVAL);
	assert_string_equal(t.error, error);
	buffer_free(&b);
	sql_template_free(&t);
}

static void statements_end_with_a_semicolon(void **state)
{
	(void)state;
	gives("", "");
	gives("-- only a comment\n\n", "");
	gives("-- head\nA;\n\nB\n-- inside\nC;\n", "A|B\n-- inside\nC|");
	gives("A;", "A|");
	refuses("A;\nB\n", "f:2: the last statement has no ';'");
}

static void variables_are_expanded_also_within_values(void **state)
{
	(void)state;
	gives("A ${name} ${nested}${empty};\n", "A n <n>|");
	refuses("A\n${nix};\n", "f:2: there is no variable 'nix'");
	refuses("A ${loop};\n", "f:1: variables that stand for each other");
	refuses("A ${name;\n", "f:1: '${' without its '}'");
}

static void text_cannot_leave_its_quotes(void **state)
{
	(void)state;
	gives("A '${text}';\n", "A 'it\\'s \\x24{name} \\\\'|");
}

static void conditions_choose_by_emptiness(void **state)
{
	(void)state;
	gives("--@ if name\nA;\n--@ else\nB;\n--@ end\nC;\n", "A|C|");
	gives("--@ if empty\nA;\n--@ else\nB;\n--@ end\nC;\n", "B|C|");
	gives("--@ if empty\n--@ if name\nA;\n--@ else\nB;\n--@ end\n--@ end\nC;\n", "C|");
	gives("--@ if name\n--@ if empty\nA;\n--@ else\nB;\n--@ end\n--@ else\nD;\n--@ end\n",
	      "B|");
	refuses("A;\n--@ if loop\nB;\n", "f:2: a block without its '--@ end'");
	refuses("--@ if nix\n--@ end\n", "f:1: there is no variable 'nix'");
	refuses("--@ nix\n", "f:1: no such directive: --@ nix");
	refuses("--@ if\nA;\n--@ end\n", "f:1: a directive without its name: --@ if");
}

static void loops_go_over_items(void **state)
{
	(void)state;
	gives("--@ for w in windows\nA ${w} ${w_value};\n--@ end\n", "A 5m 5 MINUTE|A 1h 1 HOUR|");
	gives("--@ for w in empty\nA;\n--@ end\nB;\n", "B|");
	refuses("--@ for w in\nA;\n--@ end\n", "f:1: a directive without its name: --@ for w in");
}

static void values_are_set_over_lines(void **state)
{
	(void)state;
	gives("--@ set v\na\n--@ if empty\nb\n--@ else\nc ${name}\n--@ end\n--@ end\n(${v});\n",
	      "(a\nc n)|");
}

static void a_file_says_what_it_creates(void **state)
{
	struct sql_template t = {0};
	struct buffer b = {0};

	(void)state;
	sql_template_set(&t, "database", "d");
	assert_int_equal(sql_template_run(&t, "f", "--@ creates ${database}.t\nA;\n", collect, &b),
			 0);
	assert_string_equal(t.creates, "d.t");
	assert_int_equal(sql_template_run(&t, "f", "A;\n", collect, &b), 0);
	assert_null(t.creates);
	buffer_free(&b);
	sql_template_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_end_with_a_semicolon),
		cmocka_unit_test(variables_are_expanded_also_within_values),
		cmocka_unit_test(text_cannot_leave_its_quotes),
		cmocka_unit_test(conditions_choose_by_emptiness),
		cmocka_unit_test(loops_go_over_items),
		cmocka_unit_test(values_are_set_over_lines),
		cmocka_unit_test(a_file_says_what_it_creates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
