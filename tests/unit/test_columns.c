/* Tables and texts for a terminal.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "commands/columns.h"

static const char *const heads[] = {"output", ">flows", ">dropped"};

struct sheet {
	FILE *to;
	char *text;
	size_t size;
};

static FILE *begin(struct sheet *s)
{
	return s->to = open_memstream(&s->text, &s->size);
}

static void expect(struct sheet *s, const char *wanted)
{
	fclose(s->to);
	assert_string_equal(s->text, wanted);
	free(s->text);
}

static void expect_table(struct columns *c, const char *wanted)
{
	struct sheet s;

	columns_print(c, begin(&s));
	expect(&s, wanted);
}

static void expect_wrapped(const char *text, unsigned width, const char *wanted)
{
	struct sheet s;

	print_wrapped(text, width, begin(&s));
	expect(&s, wanted);
}

/* Of three columns, the first of which may be shortened and the second left out. */
static struct columns outputs(unsigned width)
{
	return (struct columns){
		.heads = heads, .n = 3, .width = width, .spare = "\2", .shorten = 1, .least = 10};
}

static void add_row(struct columns *c, const char *name, uint64_t flows, uint64_t dropped)
{
	columns_text(c, name);
	columns_number(c, flows);
	columns_number(c, dropped);
}

static void a_long_name_leaves_room_for_numbers(void **state)
{
	struct columns c = outputs(40);

	(void)state;
	add_row(&c, "kafka:broker-0.example.org:9092,broker-1.example.org:9092/flows", 1234567, 89);
	add_row(&c, "file:/a", 1, 0);
	expect_table(&c, "  output                  flows  dropped\n"
			 "  kafka:br…092/flows  1,234,567       89\n"
			 "  file:/a                     1        0\n");
}

static void what_does_not_fit_even_then_is_left_out(void **state)
{
	struct columns c = outputs(27);

	(void)state;
	add_row(&c, "a name that is much too long", 1234567, 89);
	expect_table(&c, "  output            dropped\n"
			 "  a name …too long       89\n");
}

static void a_text_at_the_end_loses_its_end(void **state)
{
	struct columns c = {.heads = (const char *const[]){"account", "meaning"},
			    .n = 2,
			    .width = 24,
			    .shorten = 2,
			    .least = 5};

	(void)state;
	columns_text(&c, "flows");
	columns_text(&c, "what was made of it");
	expect_table(&c, "  account  meaning\n"
			 "  flows    what was mad…\n");
}

static void letters_count_and_not_bytes(void **state)
{
	struct columns c = {.heads = heads, .n = 3};

	(void)state;
	add_row(&c, "Genève", 1, 2);
	add_row(&c, "Zurich", 3, 4);
	expect_table(&c, "  output  flows  dropped\n"
			 "  Genève      1        2\n"
			 "  Zurich      3        4\n");
}

static void texts_break_between_words(void **state)
{
	(void)state;
	expect_wrapped("bottleneck: none: nothing is lost", 0,
		       "bottleneck: none: nothing is lost\n");
	expect_wrapped("bottleneck: none: nothing is lost", 24,
		       "bottleneck: none:\n  nothing is lost\n");
	expect_wrapped("output of-a-name-that-is-longer-than-a-line took none", 24,
		       "output of-a-name-that-is\n  -longer-than-a-line\n  took none\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_name_leaves_room_for_numbers),
		cmocka_unit_test(what_does_not_fit_even_then_is_left_out),
		cmocka_unit_test(a_text_at_the_end_loses_its_end),
		cmocka_unit_test(letters_count_and_not_bytes),
		cmocka_unit_test(texts_break_between_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
