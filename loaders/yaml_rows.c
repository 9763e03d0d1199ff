/* Rows of a metadata table from YAML.
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "../agent/log.h"
#include "versions.h"
#include "yaml_rows.h"

enum { FAULTS_SHOWN = 20, DEPTH_MAX = 16, VALUE_MAX = 1 << 20 };

struct yaml_rows {
	struct load *l;
	const char *path;
	yaml_document_t document;
	const struct meta_table *t;
	const yaml_node_t *data;
	struct versions ids; /* id → index + 1 */
	unsigned faults;
	bool read;
};

__attribute__((format(printf, 3, 4))) static void fault(struct yaml_rows *y, const yaml_node_t *at,
							const char *format, ...)
{
	char text[512];
	va_list ap;

	if (y->faults++ >= FAULTS_SHOWN)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	log_error("%s:%zu: %s", y->path, at ? at->start_mark.line + 1 : 1, text);
}

static yaml_node_t *node_at(struct yaml_rows *y, int index)
{
	return yaml_document_get_node(&y->document, index);
}

static const char *scalar(const yaml_node_t *n)
{
	return n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : "";
}

static bool is_null(const yaml_node_t *n)
{
	const char *s = scalar(n);

	return n->type == YAML_SCALAR_NODE && n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*s || !strcmp(s, "~") || !strcasecmp(s, "null"));
}

static yaml_node_t *member(struct yaml_rows *y, const yaml_node_t *map, const char *key)
{
	if (map && map->type == YAML_MAPPING_NODE)
		for (yaml_node_pair_t *p = map->data.mapping.pairs.start;
		     p < map->data.mapping.pairs.top; p++)
			if (!strcmp(scalar(node_at(y, p->key)), key))
				return node_at(y, p->value);
	return NULL;
}

static bool is_number(const char *s)
{
	char *end;

	if (!strchr("-0123456789", *s) || (*s == '0' && s[1] && s[1] != '.'))
		return false;
	strtod(s, &end);
	return !*end && strspn(s, "-0123456789.eE+") == strlen(s);
}

static void print_json(struct yaml_rows *y, const yaml_node_t *n, struct buffer *to,
		       unsigned depth);

/* Keys in their order, as the hash wants them. */
static void print_map(struct yaml_rows *y, const yaml_node_t *n, struct buffer *to, unsigned depth)
{
	const char *before = "";
	char sign = '{';

	for (;;) {
		yaml_node_pair_t *next = NULL;

		for (yaml_node_pair_t *p = n->data.mapping.pairs.start;
		     p < n->data.mapping.pairs.top; p++) {
			const char *key = scalar(node_at(y, p->key));

			if ((sign == '{' || strcmp(key, before) > 0) &&
			    (!next || strcmp(key, scalar(node_at(y, next->key))) < 0))
				next = p;
		}
		if (!next)
			break;
		before = scalar(node_at(y, next->key));
		buffer_char(to, sign);
		sign = ',';
		buffer_json_string(to, before, strlen(before));
		buffer_char(to, ':');
		print_json(y, node_at(y, next->value), to, depth + 1);
	}
	buffer_string(to, sign == '{' ? "{}" : "}");
}

static void print_json(struct yaml_rows *y, const yaml_node_t *n, struct buffer *to, unsigned depth)
{
	const char *s = scalar(n);

	if (depth > DEPTH_MAX || to->len > VALUE_MAX) { /* aliases can make much of little */
		fault(y, n, "is too deep or too large");
	} else if (n->type == YAML_MAPPING_NODE) {
		print_map(y, n, to, depth);
	} else if (n->type == YAML_SEQUENCE_NODE) {
		buffer_char(to, '[');
		for (yaml_node_item_t *i = n->data.sequence.items.start;
		     i < n->data.sequence.items.top; i++) {
			if (i > n->data.sequence.items.start)
				buffer_char(to, ',');
			print_json(y, node_at(y, *i), to, depth + 1);
		}
		buffer_char(to, ']');
	} else if (is_null(n)) {
		buffer_string(to, "null");
	} else if (n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
		   (!strcmp(s, "true") || !strcmp(s, "false") || is_number(s))) {
		buffer_string(to, s);
	} else {
		buffer_json_string(to, s, strlen(s));
	}
}

static void put_ip(struct yaml_rows *y, const yaml_node_t *n, const char *name, struct buffer *to)
{
	const char *s = scalar(n);
	struct ip_addr a;
	unsigned length;

	if (strchr(s, '/') || !parse_subnet(s, strlen(s), &a, &length)) {
		fault(y, n, "'%s' is not an address for %s", s, name);
		return;
	}
	buffer_char(to, '"');
	if (ip_is_v4(&a))
		buffer_string(to, "::ffff:");
	buffer_ip(to, &a);
	buffer_char(to, '"');
}

/* "192.0.2.0/24", or ["192.0.2.0", 24] as MetrANOVA has it. */
static void put_subnet(struct yaml_rows *y, const yaml_node_t *n, struct buffer *to)
{
	char text[64] = "";
	struct ip_addr a;
	unsigned length;

	if (n->type == YAML_SCALAR_NODE) {
		snprintf(text, sizeof(text), "%s", scalar(n));
	} else if (n->type == YAML_SEQUENCE_NODE &&
		   n->data.sequence.items.top - n->data.sequence.items.start == 2) {
		yaml_node_item_t *i = n->data.sequence.items.start;

		snprintf(text, sizeof(text), "%s/%s", scalar(node_at(y, i[0])),
			 scalar(node_at(y, i[1])));
	}
	if (!strchr(text, '/') || !parse_subnet(text, strlen(text), &a, &length))
		fault(y, n, "'%s' is not a prefix: 192.0.2.0/24 or [\"192.0.2.0\", 24] are", text);
	else
		print_subnet(to, &a, length);
}

static void put_item(struct yaml_rows *y, const yaml_node_t *n, const struct column *c,
		     struct buffer *to)
{
	const char *s = scalar(n);

	if (c->type == COLUMN_SUBNETS)
		put_subnet(y, n, to);
	else if (n->type != YAML_SCALAR_NODE || is_null(n))
		fault(y, n, "an item of %s is not a single value", c->name);
	else if (c->type == COLUMN_IPS)
		put_ip(y, n, c->name, to);
	else
		buffer_json_string(to, s, strlen(s));
}

/* A single value stands for a list of one. */
static void put_list(struct yaml_rows *y, const yaml_node_t *n, const struct column *c,
		     struct buffer *to)
{
	unsigned items = 0;

	buffer_char(to, '[');
	if (n->type == YAML_SEQUENCE_NODE) {
		for (yaml_node_item_t *i = n->data.sequence.items.start;
		     i < n->data.sequence.items.top; i++) {
			if (items++)
				buffer_char(to, ',');
			put_item(y, node_at(y, *i), c, to);
		}
	} else {
		items = 1;
		put_item(y, n, c, to);
	}
	buffer_char(to, ']');
	if (c->type == COLUMN_PAIR && items != 2)
		fault(y, n, "%s takes two values, not %u", c->name, items);
}

static void put_uint(struct yaml_rows *y, const yaml_node_t *n, const struct column *c,
		     struct buffer *to)
{
	const char *s = scalar(n);
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(s, &end, 10);
	if (*s < '0' || *s > '9' || *end || errno || v > c->max)
		fault(y, n, "'%s' is not a number of at most %llu for %s", s,
		      (unsigned long long)c->max, c->name);
	else
		buffer_uint(to, v);
}

static void put_bool(struct yaml_rows *y, const yaml_node_t *n, const struct column *c,
		     struct buffer *to)
{
	const char *s = scalar(n);

	if (!strcasecmp(s, "true") || !strcasecmp(s, "yes") || !strcmp(s, "1"))
		buffer_string(to, "true");
	else if (!strcasecmp(s, "false") || !strcasecmp(s, "no") || !strcmp(s, "0"))
		buffer_string(to, "false");
	else
		fault(y, n, "'%s' is neither true nor false for %s", s, c->name);
}

static void put_single(struct yaml_rows *y, const yaml_node_t *n, const struct column *c,
		       struct buffer *to)
{
	const char *s = scalar(n);
	struct row r = {0};

	if (n->type != YAML_SCALAR_NODE) {
		fault(y, n, "%s takes a single value, not a %s", c->name,
		      n->type == YAML_SEQUENCE_NODE ? "list" : "map");
		return;
	}
	switch (c->type) {
	case COLUMN_UINT:
		put_uint(y, n, c, to);
		break;
	case COLUMN_BOOL:
		put_bool(y, n, c, to);
		break;
	case COLUMN_FLOAT:
		if (row_float(&r, 0, s, strlen(s)))
			buffer_string(to, s + (*s == '+'));
		else
			fault(y, n, "'%s' is not a number for %s", s, c->name);
		row_free(&r);
		break;
	case COLUMN_IP4:
		if (inet_pton(AF_INET, s, &r) != 1)
			fault(y, n, "'%s' is not an IPv4 address for %s", s, c->name);
		buffer_json_string(to, s, strlen(s));
		break;
	case COLUMN_IP6:
		if (inet_pton(AF_INET6, s, &r) != 1)
			fault(y, n, "'%s' is not an IPv6 address for %s", s, c->name);
		buffer_json_string(to, s, strlen(s));
		break;
	default:
		buffer_json_string(to, s, strlen(s));
	}
}

static void put(struct yaml_rows *y, const yaml_node_t *n, const struct column *c,
		struct buffer *to)
{
	switch (c->type) {
	case COLUMN_JSON:
		if (n->type == YAML_MAPPING_NODE)
			print_json(y, n, to, 0);
		else
			fault(y, n, "%s takes a map", c->name);
		break;
	case COLUMN_TEXTS:
	case COLUMN_IPS:
	case COLUMN_SUBNETS:
	case COLUMN_PAIR:
		put_list(y, n, c, to);
		break;
	default:
		put_single(y, n, c, to);
	}
}

static const yaml_node_t *row_node(const struct yaml_rows *y, unsigned i)
{
	return yaml_document_get_node((yaml_document_t *)&y->document,
				      y->data->data.sequence.items.start[i]);
}

void yaml_rows_apply(struct yaml_rows *y, unsigned i, struct row *r)
{
	const yaml_node_t *map = row_node(y, i);
	struct buffer value = {0};

	if (map->type != YAML_MAPPING_NODE) {
		fault(y, map, "a row of %s is not a map", y->t->name);
		return;
	}
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
	     p++) {
		const yaml_node_t *k = node_at(y, p->key), *v = node_at(y, p->value);
		int column = meta_column(y->t, scalar(k));

		if (column < 0) {
			fault(y, k, "%s has no column '%s'", y->t->name, scalar(k));
			continue;
		}
		if (y->t->columns[column].flags & COLUMN_DERIVED) {
			fault(y, k, "%s is looked up and cannot be given", scalar(k));
			continue;
		}
		row_unset(r, column);
		buffer_clear(&value);
		if (!is_null(v))
			put(y, v, &y->t->columns[column], &value);
		if (value.len > 2 || (value.len && *value.p != '"' && *value.p != '['))
			row_json(r, column, value.p, value.len);
	}
	r->values.failed |= value.failed;
	buffer_free(&value);
}

/* The values of a row stand side by side, without an end. */
static unsigned long number_of(const struct row *r, const char *column)
{
	size_t n;
	const char *text = row_get(r, meta_column(r->t, column), &n);
	unsigned long v = 0;

	for (size_t i = 0; text && i < n; i++)
		v = v * 10 + (unsigned long)(text[i] - '0');
	return v;
}

/* What a row must have, and what it must not have twice. */
static void check_row(struct yaml_rows *y, unsigned i, const struct row *r, bool partial)
{
	const yaml_node_t *map = row_node(y, i);
	int id = meta_column(y->t, "id");
	struct version *v;
	const char *text;
	size_t n;

	for (unsigned c = 0; c < y->t->n; c++) {
		bool needed = y->t->columns[c].flags & COLUMN_REQUIRED;

		if (needed && !r->column[c].n && (!partial || (int)c == id))
			fault(y, map, "a row of %s needs '%s'", y->t->name, y->t->columns[c].name);
	}
	if (y->t->unversioned) {
		if (number_of(r, "port_range_min") > number_of(r, "port_range_max"))
			fault(y, map, "port_range_min is above port_range_max");
		return; /* an application has several rows */
	}
	text = row_get(r, id, &n);
	v = text ? versions_add(&y->ids, text, n) : NULL;
	if (!v)
		return;
	if (v->index)
		fault(y, map, "the id '%.*s' stands here twice (first in line %zu)", (int)n, text,
		      row_node(y, (unsigned)v->index - 1)->start_mark.line + 1);
	else
		v->index = i + 1;
}

static int parse(struct yaml_rows *y, FILE *f)
{
	yaml_parser_t parser;
	int r = 0;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_file(&parser, f);
	if (yaml_parser_load(&parser, &y->document)) {
		y->read = true;
	} else {
		log_error("%s:%zu: %s", y->path, parser.problem_mark.line + 1,
			  parser.problem ? parser.problem : "is not YAML");
		y->faults++;
		r = -EINVAL;
	}
	yaml_parser_delete(&parser);
	return r;
}

static void check(struct yaml_rows *y, const struct meta_table *table, bool partial)
{
	const yaml_node_t *root = yaml_document_get_root_node(&y->document);
	const yaml_node_t *name;
	struct row r = {0};

	if (!root || is_null(root))
		return; /* an empty file has no rows */
	name = member(y, root, "table");
	y->data = member(y, root, "data");
	if (root->type != YAML_MAPPING_NODE || (!name && !table) || !y->data) {
		fault(y, root, "needs 'table: NAME' and 'data:' with a list of rows");
		return;
	}
	y->t = name ? meta_table(scalar(name)) : table;
	if (!y->t)
		fault(y, name, "there is no table '%s'", scalar(name));
	else if (table && y->t != table)
		fault(y, name, "is for %s, not for %s", table->name, y->t->name);
	if (y->data->type != YAML_SEQUENCE_NODE) {
		if (!is_null(y->data))
			fault(y, y->data, "'data' takes a list");
		y->data = NULL;
	}
	for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top;
	     p++) {
		const char *key = scalar(node_at(y, p->key));

		if (strcmp(key, "table") && strcmp(key, "data"))
			fault(y, node_at(y, p->key), "'%s' is neither table nor data", key);
	}
	for (unsigned i = 0; y->t && i < yaml_rows_count(y); i++) {
		row_begin(&r, y->t);
		yaml_rows_apply(y, i, &r);
		if (row_node(y, i)->type == YAML_MAPPING_NODE)
			check_row(y, i, &r, partial);
	}
	row_free(&r);
}

int yaml_rows_open(struct yaml_rows **out, struct load *l, const char *path,
		   const struct meta_table *table, bool partial)
{
	struct yaml_rows *y = calloc(1, sizeof(*y));
	FILE *f = fopen(path, "re");
	int r = f ? 0 : -errno;

	*out = NULL;
	if (r)
		load_fail(l, -r, "%s: %s", path, strerror(-r));
	else if (!y)
		r = load_fail(l, ENOMEM, "out of memory");
	if (!r) {
		y->l = l;
		y->path = path;
		y->t = table;
		r = parse(y, f);
		if (!r)
			check(y, table, partial);
		if (r == -ENOMEM)
			load_fail(l, ENOMEM, "out of memory");
		else if (y->faults)
			r = load_fail(l, EINVAL, "%s has %u fault%s, so nothing of it was loaded",
				      path, y->faults, y->faults > 1 ? "s" : "");
	}
	if (f)
		fclose(f);
	if (r) {
		yaml_rows_close(y);
		return r;
	}
	*out = y;
	return 0;
}

void yaml_rows_close(struct yaml_rows *y)
{
	if (!y)
		return;
	if (y->read)
		yaml_document_delete(&y->document);
	versions_free(&y->ids);
	free(y);
}

const struct meta_table *yaml_rows_table(const struct yaml_rows *y)
{
	return y->t;
}

unsigned yaml_rows_count(const struct yaml_rows *y)
{
	if (!y->data)
		return 0;
	return (unsigned)(y->data->data.sequence.items.top - y->data->data.sequence.items.start);
}

const char *yaml_rows_id(const struct yaml_rows *y, unsigned i)
{
	yaml_node_t *id = member((struct yaml_rows *)y, row_node(y, i), "id");

	return id ? scalar(id) : "";
}

int yaml_rows_find(const struct yaml_rows *y, const char *id, size_t n)
{
	const struct version *v = y ? versions_find(&y->ids, id, n) : NULL;

	return v && v->index ? (int)v->index - 1 : -1;
}
