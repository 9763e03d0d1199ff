/* Rows of a metadata table from YAML (table: NAME, data: a list of maps), each fault with its line.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_YAML_ROWS_H
#define WEIR_YAML_ROWS_H

#include "load.h"
#include "tables.h"

struct yaml_rows;

/* Reads and checks a file. Every fault is logged as FILE:LINE: what; then -EINVAL with their number
 * in l->error. `table` NULL: what the file names, else only that. `partial`: rows add to others,
 * and need nothing but an id. */
int yaml_rows_open(struct yaml_rows **out, struct load *l, const char *path,
		   const struct meta_table *table, bool partial);
void yaml_rows_close(struct yaml_rows *y);

const struct meta_table *yaml_rows_table(const struct yaml_rows *y);
unsigned yaml_rows_count(const struct yaml_rows *y);

/* The id of row i as text, and the row with that id, or -1. */
const char *yaml_rows_id(const struct yaml_rows *y, unsigned i);
int yaml_rows_find(const struct yaml_rows *y, const char *id, size_t n);

/* Sets in r what row i says; a value of ~ unsets. Columns that are derived are left alone. */
void yaml_rows_apply(struct yaml_rows *y, unsigned i, struct row *r);

#endif
