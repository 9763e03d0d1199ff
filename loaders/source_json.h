/* What the loaders of JSON sources share.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SOURCE_JSON_H
#define WEIR_SOURCE_JSON_H

#include "json_scan.h"
#include "refs.h"

/* Brings a JSON source here and reads all of it. Returns 0 or a negative errno with an error. */
int source_json(struct load *l, const char *source, struct buffer *text);

/* Sets a column from a member of an object; nothing where it is not there, null, empty, or of
 * another kind. Numbers may come as text. */
void source_text(struct row *r, int column, struct json_slice object, const char *member);
void source_float(struct row *r, int column, struct json_slice object, const char *member);
void source_uint(struct row *r, int column, struct json_slice object, const char *member);

/* Appends the prefixes of a JSON array of text to the open array `column`; returns how many. What
 * is no prefix is logged. */
unsigned source_subnets(struct load *l, struct row *r, int column, struct json_slice array,
			const char *of);

/* Text that can be an id: quotes, backslashes and control characters become '_'. */
void source_id(struct row *r, int column, const char *p, size_t n);

/* A loader of one table from one JSON source: reads it, hands each row to `rows`, and commits. */
struct source_loader {
	struct load *l;
	const struct meta_table *t;
	struct refs refs;
	struct history *h;
	struct row row;
};

int source_load(struct load *l, const char *table, const char *variable, const char *setting,
		int (*rows)(struct source_loader *s, struct json_slice all));

/* Refs, then the history. */
int source_add(struct source_loader *s);

#endif
