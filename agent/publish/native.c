/* Flows as blocks of ClickHouse's Native format: column after column.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A block is the numbers of columns and of rows, then for each column its name, its type and its
 * values (https://clickhouse.com/docs/interfaces/formats/Native, revision 0). A column in which all
 * rows are unset is left out, and ClickHouse fills it with zeros. A message is a sequence of
 * blocks. Addresses are IPv6, IPv4 mapped into it; unset is ::. */
#include <math.h>

#include "../flow_fields.h"
#include "../flow_info.h"
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

/* What a row adds to a block by each column but the texts and elements themselves. */
#define WIDTH_UINT(v)			       +sizeof(v)
#define WIDTH_MAC			       WIDTH_UINT
#define WIDTH_PROTO			       WIDTH_UINT
#define WIDTH_ETYPE			       WIDTH_UINT
#define WIDTH_DOUBLE			       WIDTH_UINT
#define WIDTH_BOOL			       WIDTH_UINT
#define WIDTH_ADDR			       WIDTH_UINT
#define WIDTH_ADDRS(v)			       +8 + sizeof(v) /* an array, of which each row has its end */
#define WIDTH_TEXT(v)			       +2	      /* the length */
#define WIDTH_PLAIN			       WIDTH_TEXT
#define WIDTH_TEXTS(v)			       +8
#define WIDTH_MAP(v)			       +8
#define WIDTH_ARRAY(...)		       +8
#define EXT_WIDTH(kind, name, number, member)  WIDTH_##kind(((struct flow_ext *)0)->member)
#define INFO_WIDTH(kind, name, number, member) WIDTH_##kind(((struct flow_info *)0)->member)
#define PART_WIDTH(kind, name, number, value)  WIDTH_##kind(value)
#define PARTS_WIDTH(LIST, kind, member, prefix, base, role) \
	LIST(PART_WIDTH, prefix, base, ((struct flow_info *)0)->member)

enum {
	/* Names and types of all columns, and the block's own numbers. */
	HEADER_MAX = 16 * 1024,
	COLUMNS_BYTES = 2,
	EXT_WIDTHS = 0 FLOW_EXT_FIELDS(EXT_WIDTH) FLOW_EXT_REPEATED(WIDTH_ARRAY),
	INFO_WIDTHS = 0 FLOW_INFO_FIELDS(INFO_WIDTH) FLOW_INFO_REPEATED(WIDTH_ARRAY)
		FLOW_INFO_PARTS(PARTS_WIDTH),
};

/* What a flow without further fields has there. */
static const struct flow_ext no_ext;
static const struct flow_info no_info;

static const struct flow_ext *ext_of(const struct flow *f)
{
	return f->ext ? f->ext : &no_ext;
}

static const struct flow_info *info_of(const struct flow *f)
{
	return f->info ? f->info : &no_info;
}

static inline uint32_t held(uint64_t count, size_t capacity)
{
	return (uint32_t)(count < capacity ? count : capacity);
}

static inline size_t text_length(const struct text *t)
{
	return !t->p ? 0 : t->len < ENCODED_TEXT_MAX ? t->len : ENCODED_TEXT_MAX;
}

static size_t texts_bound(const struct texts *t)
{
	size_t n = 0;

	for (uint32_t i = 0; i < t->n; i++)
		n += text_length(&t->p[i]) + 2;
	return n;
}

#define BOUND_UINT(v)
#define BOUND_ADDR(v)
#define BOUND_ADDRS(v)
#define BOUND_MAC(v)
#define BOUND_PROTO(v)
#define BOUND_ETYPE(v)
#define BOUND_BOOL(v)
#define BOUND_DOUBLE(v)
#define BOUND_TEXT(v)  n += 3 * text_length(&(v));
#define BOUND_PLAIN(v) n += text_length(&(v));
#define BOUND_TEXTS(v) n += texts_bound(&(v));
#define BOUND_MAP      BOUND_TEXTS

/* Bytes of texts and elements that enrichment adds to a row. */
static size_t info_bound(const struct flow_info *info)
{
	size_t n = 0;

#define X(kind, name, number, value) BOUND_##kind(value)
#define P(LIST, kind, member, prefix, base, role)   \
	if (info->member) {                         \
		LIST(X, prefix, base, info->member) \
	}
	FLOW_INFO_PARTS(P)
#undef P
#undef X
#define X(kind, name, number, member) BOUND_##kind(info->member)
	FLOW_INFO_FIELDS(X)
#undef X
	for (uint32_t i = 0; i < held(info->n_scopes, INFO_SCOPES_MAX); i++)
		n += text_length(&info->lists->scopes[i]) + 2;
	return n + 2 * sizeof(uint32_t) * held(info->n_path, FLOW_AS_PATH_MAX);
}

/* Bytes of texts and elements that the row adds to a block, at most. */
static size_t ext_bound(const struct flow_ext *e)
{
	size_t n = 0;

#define X(kind, name, number, member) BOUND_##kind(e->member)
	FLOW_EXT_FIELDS(X)
#undef X
	n += sizeof(e->mpls_label[0]) * 2 * held(e->n_mpls, FLOW_MPLS_MAX);
	n += sizeof(e->mpls_ttl[0]) * held(e->n_mpls_ttl, FLOW_MPLS_MAX);
	n += 8 * held(e->n_layers, FLOW_LAYERS_MAX);
	n += sizeof(e->segments[0]) * held(e->n_segments, FLOW_SEGMENTS_MAX);
	n += 4 * held(e->n_as_path, FLOW_AS_PATH_MAX);
	n += 4 * held(e->n_communities, FLOW_COMMUNITIES_MAX);
	n += 8 * held(e->n_ext_communities, FLOW_EXT_COMMUNITIES_MAX);
	n += 12 * held(e->n_large_communities, FLOW_LARGE_COMMUNITIES_MAX);
	return n;
}

static size_t row_bound(const struct flow *f)
{
	return (f->ext ? ext_bound(f->ext) : 0) + (f->info ? info_bound(f->info) : 0);
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

static inline uint8_t *put_plain(uint8_t *p, const struct text *t)
{
	size_t n = text_length(t);

	return put_small(put_varint(p, n), t->p, n);
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

/* Whether a member of these unions says that there is a column. */
#define SET_UINT(member) (member)
#define SET_TIME	 SET_UINT
#define SET_MAC		 SET_UINT
#define SET_ETYPE	 SET_UINT
#define SET_PROTO	 SET_UINT
#define SET_TYPE	 SET_UINT
#define SET_ORIGIN	 SET_UINT
#define SET_ADDR(member) ((member).q[0] | (member).q[1])
#define SET_ADDRS	 SET_ADDR
#define SET_TEXT(member) ((member).p && (member).len)

/* The columns. `r` walks the rows; V is its member, an lvalue, and A whether any row has it. */
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
	if (A) {                                   \
		p = put_column(p, name, "IPv6");   \
		for (r = 0; r < n; r++)            \
			p = put_bytes(p, V.b, 16); \
		columns++;                         \
	}
#define COLUMN_TEXT(name, V, A)                     \
	if (A) {                                    \
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
/* These texts are UTF-8 already. */
#define COLUMN_PLAIN(name, V, A)                   \
	if (A) {                                   \
		p = put_column(p, name, "String"); \
		for (r = 0; r < n; r++)            \
			p = put_plain(p, &V);      \
		columns++;                         \
	}
#define COLUMN_BOOL(name, V, A)                  \
	if (A) {                                 \
		p = put_column(p, name, "Bool"); \
		for (r = 0; r < n; r++)          \
			*p++ = V;                \
		columns++;                       \
	}
/* What is not known is 0, as where the column is left out. */
#define COLUMN_DOUBLE(name, V, A)                       \
	if (A) {                                        \
		p = put_column(p, name, "Float64");     \
		for (r = 0; r < n; r++) {               \
			double d = isfinite(V) ? V : 0; \
                                                        \
			p = put_bytes(p, &d, 8);        \
		}                                       \
		columns++;                              \
	}
#define COLUMN_TEXTS(name, V, A) COLUMN_ARRAY(name, "String", V.n, p = put_plain(p, &V.p[i]), A)
/* A map is an array of pairs: its ends, then all keys, then all values. */
#define COLUMN_MAP(name, V, A)                                                    \
	if (A) {                                                                  \
		uint64_t end = 0;                                                 \
                                                                                  \
		p = put_column(p, name, "Map(String, String)");                   \
		for (r = 0; r < n; r++) {                                         \
			end += V.n / 2;                                           \
			p = put_bytes(p, &end, 8);                                \
		}                                                                 \
		for (uint32_t odd = 0; odd < 2; odd++)                            \
			for (r = 0; r < n; r++)                                   \
				for (uint32_t i = odd; i < V.n - V.n % 2; i += 2) \
					p = put_plain(p, &V.p[i]);                \
		columns++;                                                        \
	}
#define E ext_of(rows[r])
#define I info_of(rows[r])
#define COLUMN_ADDRS(name, V, A) \
	COLUMN_ARRAY(name, "IPv6", (ip_is_unset(&V) ? 0u : 1u), p = put_bytes(p, V.b, 16), A)
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
#define LIST_PLAIN(name, array, count, A) \
	COLUMN_ARRAY(name, "String", HELD(array, count), p = put_plain(p, &(array)[i]), A)

static uint8_t *put_ext_columns(uint8_t *p, const struct flow *const *rows, uint32_t n,
				unsigned *count)
{
	unsigned columns = 0;
	union any_ext any;
	uint32_t r;

	any_of_exts(&any, rows, n);
#define X(kind, name, number, member) COLUMN_##kind(#name, E->member, SET_##kind(any.ext.member))
	FLOW_EXT_FIELDS(X)
#undef X
	LIST_UINT("mpls_ttl", E->mpls_ttl, E->n_mpls_ttl, any.ext.n_mpls_ttl)
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

/* What enrichment found is behind pointers, and most of it is not there: whether any row has it. */
#define ANY_ROW(condition)                      \
	({                                      \
		bool any = false;               \
                                                \
		for (r = 0; r < n && !any; r++) \
			any = (condition) != 0; \
		any;                            \
	})
#define ANY_UINT(V)   ANY_ROW(V)
#define ANY_BOOL(V)   ANY_ROW(V)
#define ANY_ADDR(V)   ANY_ROW(SET_ADDR(V))
#define ANY_DOUBLE(V) ANY_ROW(isfinite(V))
#define ANY_PLAIN(V)  ANY_ROW(text_length(&V))
#define ANY_TEXTS(V)  ANY_ROW(V.n)
#define ANY_MAP(V)    ANY_ROW(V.n / 2)

/* What enrichment found, part by part: few blocks have all. */
static uint8_t *put_info_columns(uint8_t *p, const struct flow *const *rows, uint32_t n,
				 unsigned *count)
{
	unsigned columns = 0;
	uint32_t r;

#define X(kind, name, number, value) COLUMN_##kind(#name, (value), ANY_##kind((value)))
#define P(LIST, kind, member, prefix, base, role)                              \
	{                                                                      \
		static const __typeof__(*no_info.member) none;                 \
                                                                               \
		if (ANY_ROW(I->member != NULL)) {                              \
			LIST(X, prefix, base, (I->member ? I->member : &none)) \
		}                                                              \
	}
	FLOW_INFO_PARTS(P)
#undef P
#undef X
#define X(kind, name, number, member) COLUMN_##kind(#name, I->member, ANY_##kind(I->member))
	FLOW_INFO_FIELDS(X)
#undef X
#define Y(kind, name, number, array, count) \
	LIST_##kind(#name, I->array, I->count, ANY_ROW(I->count))
	FLOW_INFO_REPEATED(Y)
#undef Y
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
#define X(kind, name, number, member) \
	COLUMN_##kind(#name, rows[r]->member, SET_##kind(any.flow.member))
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
	size_t bytes = HEADER_MAX, width = sizeof(struct flow) + c->len;
	bool any_ext = false, any_info = false;
	unsigned columns = 0;
	uint32_t fit;
	uint8_t *p;

	/* A column that one row needs has a value for each. */
	for (fit = 0; fit < *n; fit++) {
		any_ext |= rows[fit]->ext != NULL;
		any_info |= rows[fit]->info != NULL;
	}
	width += (any_ext ? EXT_WIDTHS : 0) + (any_info ? INFO_WIDTHS : 0);
	for (fit = 0; fit < *n; fit++) {
		bytes += width + row_bound(rows[fit]);
		if (bytes > room)
			break;
	}
	*n = fit;
	if (!fit)
		return to;
	p = put_varint(to + COLUMNS_BYTES, fit);
	p = put_columns(p, c, rows, fit, &columns);
	if (any_ext)
		p = put_ext_columns(p, rows, fit, &columns);
	if (any_info)
		p = put_info_columns(p, rows, fit, &columns);
	if (!columns) { /* rows of nothing are rows still */
		columns = 1;
		p = put_column(p, "type", FLOW_TYPE_ENUM);
		memset(p, 0, fit);
		p += fit;
	}
	to[0] = (uint8_t)(columns | 0x80); /* a varint, longer than it need be where they are few */
	to[1] = (uint8_t)(columns >> 7);
	return p;
}

static void native_constants(struct row_constants *c, const char *collector_id)
{
	size_t n = strnlen(collector_id, ENCODED_COLLECTOR_MAX);
	uint8_t utf8[3 * ENCODED_COLLECTOR_MAX];

	n = (size_t)(put_utf8(utf8, collector_id, n) - utf8);
	c->head.len = 0;
	c->len = n ? (uint32_t)(put_counted(c->bytes, (const char *)utf8, n) - c->bytes) : 0;
}

/* Counter samples have no columns of their own: they are JSON in this format, too. */
const struct row_format native_format = {
	.constants = native_constants,
	.block = native_block,
};
