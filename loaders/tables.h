/* The metadata tables: their columns, and rows as JSON text.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TABLES_H
#define WEIR_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../agent/buffer.h"
#include "../agent/flow.h"

enum column_type {
	COLUMN_TEXT,
	COLUMN_TEXTS, /* array */
	COLUMN_UINT,  /* `max` bounds it */
	COLUMN_FLOAT,
	COLUMN_BOOL,
	COLUMN_DATE, /* YYYY-MM-DD */
	COLUMN_IP4,
	COLUMN_IP6,
	COLUMN_IPS,	/* array of IPv6, IPv4 as ::ffff:a.b.c.d */
	COLUMN_SUBNETS, /* array of (IPv6, length); the length of IPv4 is that of IPv4:
			   (::ffff:192.0.2.0, 24) */
	COLUMN_PAIR,	/* tuple of two texts */
	COLUMN_JSON,	/* an object */
};

enum column_flags {
	COLUMN_REQUIRED = 1,
	COLUMN_DERIVED = 2,  /* a ref, looked up: not to be given */
	COLUMN_UNHASHED = 4, /* a ref to the same table, known only after the row's own version */
};

struct column {
	const char *name;
	enum column_type type;
	unsigned flags;
	uint64_t max;
	const char *refers; /* derived: the table whose refs it holds, by the column …_id */
};

enum { COLUMNS_MAX = 32 };

struct meta_table {
	const char *name;
	const char *variable;	      /* MetrANOVA's, with another name for it */
	const struct column *columns; /* in the order of their names */
	unsigned n;
	bool unversioned;
};

extern const struct meta_table
	*const meta_tables[]; /* in the order in which they refer; ends with NULL */

const struct meta_table *meta_table(const char *name);
int meta_column(const struct meta_table *t, const char *name); /* -1: none */

/* A row under way: what is set of each column, as JSON. */
struct row {
	const struct meta_table *t;
	struct buffer values;
	struct {
		uint32_t at, n; /* in values; n 0: not set */
	} column[COLUMNS_MAX];
};

void row_begin(struct row *r, const struct meta_table *t);
void row_free(struct row *r);

/* Each sets a column (again); empty text unsets it. */
void row_text(struct row *r, int column, const char *p, size_t n);
void row_string(struct row *r, int column, const char *text); /* NULL: not set */
void row_uint(struct row *r, int column, uint64_t v);
void row_bool(struct row *r, int column, bool v);
void row_json(struct row *r, int column, const char *p, size_t n); /* as it stands */
void row_unset(struct row *r, int column);

/* A number as text, taken over where it is one ("-118.2437"); false: it is none. */
bool row_float(struct row *r, int column, const char *p, size_t n);

/* For arrays: items are appended between begin and end. */
void row_array(struct row *r, int column);
void row_array_text(struct row *r, int column, const char *p, size_t n);
void row_array_subnet(struct row *r, int column, const struct ip_addr *a, unsigned length);
void row_array_end(struct row *r, int column);

/* What is set, as JSON with sorted keys. Where `hashed`, refs are `true`, and the columns of
 * COLUMN_UNHASHED are left out. */
void row_print(const struct row *r, bool hashed, struct buffer *to);

/* What a text column or id holds, still escaped; NULL where it is not set. */
const char *row_get(const struct row *r, int column, size_t *n);

/* "192.0.2.0/24", "2001:db8::/32", or an address, which stands for itself alone. The length is that
 * of its family. false: it is none. Bits behind the length are cleared. */
bool parse_subnet(const char *text, size_t n, struct ip_addr *a, unsigned *length);

/* As COLUMN_SUBNETS has it. */
void print_subnet(struct buffer *to, const struct ip_addr *a, unsigned length);

#endif
