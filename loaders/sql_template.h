/* SQL files for one node and for a cluster from one source: variables, conditions, loops.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A file is lines. `${name}` stands for a variable's value, which is expanded in its turn. Lines
 * that begin with --@ are directives, each block of them closed by `--@ end`:
 *   --@ set NAME        the lines up to the end become the variable's value
 *   --@ if NAME         only where the variable is not empty; --@ else
 *   --@ for NAME in V   once for each item of V, which are divided by commas; of an item a=b,
 *                       ${NAME} is a and ${NAME_value} b
 *   --@ creates NAME    the object that shows whether the file has been applied
 * A statement ends with a line that ends with a semicolon. */
#ifndef WEIR_SQL_TEMPLATE_H
#define WEIR_SQL_TEMPLATE_H

#include "../agent/buffer.h"

struct sql_variable;

struct sql_template {
	struct sql_variable *variables;
	const char *file; /* for errors */
	char *creates;	  /* of the last file run; NULL: it did not say */
	char error[512];
};

void sql_template_free(struct sql_template *t);

/* Sets a variable, in place of its older value. Returns 0 or -ENOMEM. */
int sql_template_set(struct sql_template *t, const char *name, const char *value);

/* The same for text that stands between quotes in the SQL: what would end them is escaped. */
int sql_template_set_text(struct sql_template *t, const char *name, const char *value);

/* Runs a file and hands over its statements, without semicolons. A negative value of `statement`
 * ends it and is returned; so is -EINVAL where the file is wrong, and then t->error says where. */
int sql_template_run(struct sql_template *t, const char *file, const char *text,
		     int (*statement)(const char *sql, void *arg), void *arg);

#endif
