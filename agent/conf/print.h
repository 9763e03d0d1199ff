/* What the printers of settings share.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONF_PRINT_H
#define WEIR_CONF_PRINT_H

#include "table.h"

void print_indent(struct buffer *to, unsigned columns);
const char *print_last_part(const char *path);

/* Opens the sections that lead to path and not to the row before it; returns the column where its
 * last part goes. heading, where given, writes what stands above a section. */
typedef void (*print_heading)(const char *section, unsigned column, struct buffer *to);
unsigned print_parents(const char *before, const char *path, unsigned indent, struct buffer *to,
		       print_heading heading);

/* True for properties of librdkafka that hold a secret, by their names. */
bool setting_is_secret_property(const char *name);

#endif
