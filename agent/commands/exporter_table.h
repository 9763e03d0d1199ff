/* The table of exporters, sorted, as totals or as rates between two moments.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_EXPORTER_TABLE_H
#define WEIR_EXPORTER_TABLE_H

#include <jansson.h>
#include <stdio.h>

/* What a table is sorted by. The letter is its key in `weir top`. */
struct exporter_order {
	const char *name;
	char key;
};

extern const struct exporter_order exporter_orders[];
extern const unsigned n_exporter_orders;

/* The index of an order by name or key; -1: there is none. */
int exporter_order_find(const char *name, char key);

/* Prints up to `max` of the exporters ("exporters" of status: {"total":…,"list":[…]}). With
 * `before`, the same of `seconds` ago, rates; else totals. now: s since 1970. What
 * a screen of `width` has no room for is left out; 0: nothing. */
void exporter_table_print(const json_t *exporters, const json_t *before, double seconds, int order,
			  bool reverse, unsigned max, uint64_t now, unsigned width, FILE *to);

/* "3 s", "12 min" … */
void print_duration(char *to, size_t size, uint64_t seconds);

#endif
