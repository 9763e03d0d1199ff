/* Flows as blocks of ClickHouse's Native format: column after column.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A block is the numbers of columns and of rows, then for each column its name, its type and its
 * values (https://clickhouse.com/docs/interfaces/formats/Native, revision 0). A column in which all
 * rows are unset is left out, and ClickHouse fills it with zeros. A message is a sequence of
 * blocks. Addresses are IPv6, IPv4 mapped into it; unset is ::. */
#include "../flow_fields.h"
#include "encode.h"
#include "put.h"

#define FLOW_TYPE_ENUM \
	"Enum8('FLOWUNKNOWN' = 0, 'SFLOW_5' = 1, 'NETFLOW_V5' = 2, 'NETFLOW_V9' = 3, 'IPFIX' = 4)"
#define ORIGIN_ENUM \
	"Enum8('unknown' = 0, 'record' = 1, 'options' = 2, 'configured' = 3, 'assumed' = 4)"
#define LAYER_ENUM                                                                         \
	"Enum8('Ethernet' = 0, 'IPv4' = 1, 'IPv6' = 2, 'TCP' = 3, 'UDP' = 4, 'MPLS' = 5, " \
	"'Dot1Q' = 6, 'ICMP' = 7, 'ICMPv6' = 8, 'GRE' = 9, 'IPv6HeaderRouting' = 10, "     \
	"'IPv6HeaderFragment' = 11, 'Geneve' = 12, 'Teredo' = 13, 'Custom' = 99)"

enum {
	/* Names and types of all columns, and the block's own numbers. */
	HEADER_MAX = 10 * 1024,
	EXT_SCALARS_MAX = 640, /* the widths of FLOW_EXT_FIELDS but texts, and array offsets */
};

/* What a flow without further fields has there. */
static const struct flow_ext no_ext;

static const struct flow_ext *ext_of(const struct flow *f)
{
	return f->ext ? f->ext : &no_ext;
}

static inline uint32_t held(uint64_t count, size_t capacity)
{
	return (uint32_t)(count < capacity ? count : capacity);
}

static inline size_t text_length(const struct text *t)
{
	return !t->p ? 0 : t->len < ENCODED_TEXT_MAX ? t->len : ENCODED_TEXT_MAX;
}

/* Bytes that the row adds to a block, at most. */
static size_t row_bound(const struct row_constants *c, const struct flow *f)
{
	size_t n = sizeof(*f) + c->len;
	const struct flow_ext *e = f->ext;

	if (!e)
		return n;
	n += EXT_SCALARS_MAX;
#define BOUND_UINT(v)
#define BOUND_ADDR(v)
#define BOUND_ADDRS(v)
#define BOUND_MAC(v)
#define BOUND_PROTO(v)
#define BOUND_ETYPE(v)
#define BOUND_TEXT(v)		      n += 3 * text_length(&(v)) + 2;
#define X(kind, name, number, member) BOUND_##kind(e->member)
	FLOW_EXT_FIELDS(X)
#undef X
	n += sizeof(e->mpls_label[0]) * 3 * held(e->n_mpls, FLOW_MPLS_MAX);
	n += 8 * held(e->n_layers, FLOW_LAYERS_MAX);
	n += sizeof(e->segments[0]) * held(e->n_segments, FLOW_SEGMENTS_MAX);
	n += 4 * held(e->n_as_path, FLOW_AS_PATH_MAX);
	n += 4 * held(e->n_communities, FLOW_COMMUNITIES_MAX);
	n += 8 * held(e->n_ext_communities, FLOW_EXT_COMMUNITIES_MAX);
	n += 12 * held(e->n_large_communities, FLOW_LARGE_COMMUNITIES_MAX);
	return n;
}

static uint8_t *put_counted(uint8_t *p, const char *text, size_t n)
{
	return put_bytes(put_varint(p, n), text, n);
}

static uint8_t *put_column(uint8_t *p, const char *name, const char *type)
{
	p = put_counted(p, name, strlen(name));
	return put_counted(p, type, strlen(type));
}

static const char *uint_type(size_t size)
{
	return size == 8 ? "UInt64" : size == 4 ? "UInt32" : size == 2 ? "UInt16" : "UInt8";
}

static uint8_t *put_text_column(uint8_t *p, const struct text *t)
{
	uint8_t utf8[ENCODED_UTF8_TEXT];
	size_t n = (size_t)(put_utf8(utf8, t->p, text_length(t)) - utf8);

	return put_counted(p, (const char *)utf8, n);
}

/* The bits that any of the rows has, word by word. So it takes one pass over the rows to know which
 * columns there are, and not one for each column that there is not. */
union any_flow {
	struct flow flow;
	uint64_t words[sizeof(struct flow) / 8];
};
union any_ext {
	struct flow_ext ext; /* but for the lists */
	uint64_t words[offsetof(struct flow_ext, mpls_label) / 8];
};
_Static_assert(sizeof(struct flow) % 8 == 0, "whole words");
_Static_assert(offsetof(struct flow_ext, mpls_label) % 8 == 0, "whole words");

static inline __attribute__((always_inline)) void any_words(uint64_t *any, const void *from,
							    size_t n)
{
	uint64_t words[sizeof(union any_ext) / 8];

	memcpy(words, from, n * 8);
	for (size_t i = 0; i < n; i++)
		any[i] |= words[i];
}

static void any_of_flows(union any_flow *any, const struct flow *const *rows, uint32_t n)
{
	memset(any, 0, sizeof(*any));
	for (uint32_t r = 0; r < n; r++)
		any_words(any->words, rows[r], sizeof(any->words) / 8);
}

static void any_of_exts(union any_ext *any, const struct flow *const *rows, uint32_t n)
{
	memset(any, 0, sizeof(*any));
	for (uint32_t r = 0; r < n; r++)
		if (rows[r]->ext)
			any_words(any->words, rows[r]->ext, sizeof(any->words) / 8);
}

/* The columns. `r` walks the rows; V is its member, an lvalue, and A what any row has there. */
#define COLUMN_NUMBER(name, type, V, A)                  \
	if (A) {                                         \
		p = put_column(p, name, type);           \
		for (r = 0; r < n; r++)                  \
			p = put_bytes(p, &V, sizeof(V)); \
		columns++;                               \
	}
#define COLUMN_UINT(name, V, A)	  COLUMN_NUMBER(name, uint_type(sizeof(V)), V, A)
#define COLUMN_TIME		  COLUMN_UINT
#define COLUMN_MAC		  COLUMN_UINT
#define COLUMN_ETYPE		  COLUMN_UINT
#define COLUMN_PROTO		  COLUMN_UINT
#define COLUMN_TYPE(name, V, A)	  COLUMN_NUMBER(name, FLOW_TYPE_ENUM, V, A)
#define COLUMN_ORIGIN(name, V, A) COLUMN_NUMBER(name, ORIGIN_ENUM, V, A)
#define COLUMN_ADDR(name, V, A)                    \
	if (A.q[0] | A.q[1]) {                     \
		p = put_column(p, name, "IPv6");   \
		for (r = 0; r < n; r++)            \
			p = put_bytes(p, V.b, 16); \
		columns++;                         \
	}
#define COLUMN_TEXT(name, V, A)                     \
	if (A.p && A.len) {                         \
		p = put_column(p, name, "String");  \
		for (r = 0; r < n; r++)             \
			p = put_text_column(p, &V); \
		columns++;                          \
	}
/* An array is the end of each row's elements in all elements, then all elements. */
#define COLUMN_ARRAY(name, type, count, put, A)              \
	if (A) {                                             \
		uint64_t end = 0;                            \
                                                             \
		p = put_column(p, name, "Array(" type ")");  \
		for (r = 0; r < n; r++) {                    \
			end += count;                        \
			p = put_bytes(p, &end, 8);           \
		}                                            \
		for (r = 0; r < n; r++)                      \
			for (uint32_t i = 0; i < count; i++) \
				put;                         \
		columns++;                                   \
	}
#define E ext_of(rows[r])
#define COLUMN_ADDRS(name, V, A)                                                           \
	COLUMN_ARRAY(name, "IPv6", (ip_is_unset(&V) ? 0u : 1u), p = put_bytes(p, V.b, 16), \
		     (A.q[0] | A.q[1]))
#define HELD(array, count) held(count, sizeof(array) / sizeof(*(array)))
#define LIST_NUMBER(name, type, array, count, A)     \
	COLUMN_ARRAY(name, type, HELD(array, count), \
		     p = put_bytes(p, &(array)[i], sizeof(*(array))), A)
#define LIST_UINT(name, array, count, A)                     \
	if (sizeof(*(array)) == 8) {                         \
		LIST_NUMBER(name, "UInt64", array, count, A) \
	} else {                                             \
		LIST_NUMBER(name, "UInt32", array, count, A) \
	}
#define LIST_LAYER(name, array, count, A) \
	COLUMN_ARRAY(name, LAYER_ENUM, HELD(array, count), *p++ = (uint8_t)(array)[i], A)
#define LIST_ADDR(name, array, count, A) \
	COLUMN_ARRAY(name, "IPv6", HELD(array, count), p = put_bytes(p, (array)[i].b, 16), A)

static uint8_t *put_ext_columns(uint8_t *p, const struct flow *const *rows, uint32_t n,
				unsigned *count)
{
	unsigned columns = 0;
	union any_ext any;
	uint32_t r;

	any_of_exts(&any, rows, n);
#define X(kind, name, number, member) COLUMN_##kind(#name, E->member, any.ext.member)
	FLOW_EXT_FIELDS(X)
#undef X
	LIST_UINT("mpls_ttl", E->mpls_ttl, E->n_mpls, any.ext.n_mpls)
	LIST_UINT("mpls_label", E->mpls_label, E->n_mpls, any.ext.n_mpls)
	LIST_UINT("mpls_exp", E->mpls_exp, E->n_mpls, any.ext.n_mpls)
	LIST_UINT("bgp_communities", E->communities, E->n_communities, any.ext.n_communities)
	LIST_UINT("as_path", E->as_path, E->n_as_path, any.ext.n_as_path)
	LIST_UINT("bgp_ext_communities", E->ext_communities, E->n_ext_communities,
		  any.ext.n_ext_communities)
	LIST_UINT("bgp_large_communities", E->large_communities, 3ull * E->n_large_communities,
		  any.ext.n_large_communities)
	LIST_LAYER("layer_stack", E->layer_stack, E->n_layers, any.ext.n_layers)
	LIST_UINT("layer_size", E->layer_size, E->n_layers, any.ext.n_layers)
	LIST_ADDR("ipv6_routing_header_addresses", E->segments, E->n_segments, any.ext.n_segments)
	*count += columns;
	return p;
}

static uint8_t *put_columns(uint8_t *p, const struct row_constants *c,
			    const struct flow *const *rows, uint32_t n, unsigned *count)
{
	unsigned columns = 0;
	union any_flow any;
	uint32_t r;

	any_of_flows(&any, rows, n);
#define X(kind, name, number, member) COLUMN_##kind(#name, rows[r]->member, any.flow.member)
	FLOW_FIELDS (X)
#undef X
		if (c->len) {
			p = put_column(p, "collector_id", "String");
			for (r = 0; r < n; r++)
				p = put_bytes(p, c->bytes, c->len);
			columns++;
		}
	*count += columns;
	return p;
}

static uint8_t *native_block(uint8_t *to, size_t room, const struct row_constants *c,
			     const struct flow *const *rows, uint32_t *n)
{
	size_t bytes = HEADER_MAX;
	bool any_ext = false;
	unsigned columns = 0;
	uint32_t fit;
	uint8_t *p;

	for (fit = 0; fit < *n; fit++) {
		bytes += row_bound(c, rows[fit]);
		if (bytes > room)
			break;
		any_ext |= rows[fit]->ext != NULL;
	}
	*n = fit;
	if (!fit)
		return to;
	p = put_varint(to + 1, fit);
	p = put_columns(p, c, rows, fit, &columns);
	if (any_ext)
		p = put_ext_columns(p, rows, fit, &columns);
	*to = (uint8_t)columns; /* a varint: there are fewer than 128 */
	if (columns)
		return p;
	*to = 1; /* rows of nothing are rows still */
	p = put_column(p, "type", FLOW_TYPE_ENUM);
	memset(p, 0, fit);
	return p + fit;
}

static void native_constants(struct row_constants *c, const char *collector_id)
{
	size_t n = strnlen(collector_id, ENCODED_COLLECTOR_MAX);
	uint8_t utf8[3 * ENCODED_COLLECTOR_MAX];

	n = (size_t)(put_utf8(utf8, collector_id, n) - utf8);
	c->head.len = 0;
	c->len = n ? (uint32_t)(put_counted(c->bytes, (const char *)utf8, n) - c->bytes) : 0;
}

#define COUNT_X(...) +1
_Static_assert(2 FLOW_FIELDS (COUNT_X) FLOW_EXT_FIELDS(COUNT_X) FLOW_EXT_REPEATED(COUNT_X) < 128,
	       "the number of columns is written as one byte");

/* Counter samples have no columns of their own: they are JSON in this format, too. */
const struct row_format native_format = {
	.constants = native_constants,
	.block = native_block,
};
