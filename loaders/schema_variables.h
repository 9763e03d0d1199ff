/* What the SQL of deploy/clickhouse is made with, from settings and environment.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SCHEMA_VARIABLES_H
#define WEIR_SCHEMA_VARIABLES_H

#include "load.h"
#include "sql_template.h"

/* Sets all variables. Returns 0, or a negative errno and l->error. */
int schema_variables(struct load *l, struct sql_template *t);

/* A file that is part of the program, by its name below deploy/clickhouse (or proto/flow.proto);
 * NULL: there is none. */
const char *schema_file(const char *name);

#endif
