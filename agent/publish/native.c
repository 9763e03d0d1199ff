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

_Static_assert(offsetof(struct flow_ext, mpls_label) % 8 == 0, "read as words");

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
	n += sizeof(e->mpls_label[0]) * 3 * held(e->n_mpls, FLOW_MPLS_MAX);
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

static uint8_t *put_plain(uint8_t *p, const struct text *t)
{
	return put_counted(p, t->p ? t->p : "", text_length(t));
}

static uint8_t *put_text_column(uint8_t *p, const struct text *t)
{
	uint8_t utf8[ENCODED_UTF8_TEXT];
	size_t n = (size_t)(put_utf8(utf8, t->p, text_length(t)) - utf8);

	return put_counted(p, (const char *)utf8, n);
}

/* The columns. `r` walks the rows; V is its member, an lvalue. */
#define COLUMN_NUMBER(name, type, V)                             \
	{                                                        \
		uint64_t any = 0;                                \
                                                                 \
		for (r = 0; r < n; r++)                          \
			any |= V;                                \
		if (any) {                                       \
			p = put_column(p, name, type);           \
			for (r = 0; r < n; r++)                  \
				p = put_bytes(p, &V, sizeof(V)); \
			columns++;                               \
		}                                                \
	}
#define COLUMN_UINT(name, V)   COLUMN_NUMBER(name, uint_type(sizeof(V)), V)
#define COLUMN_TIME	       COLUMN_UINT
#define COLUMN_MAC	       COLUMN_UINT
#define COLUMN_ETYPE	       COLUMN_UINT
#define COLUMN_PROTO	       COLUMN_UINT
#define COLUMN_TYPE(name, V)   COLUMN_NUMBER(name, FLOW_TYPE_ENUM, V)
#define COLUMN_ORIGIN(name, V) COLUMN_NUMBER(name, ORIGIN_ENUM, V)
#define COLUMN_ADDR(name, V)                               \
	{                                                  \
		uint64_t any = 0;                          \
                                                           \
		for (r = 0; r < n; r++)                    \
			any |= V.q[0] | V.q[1];            \
		if (any) {                                 \
			p = put_column(p, name, "IPv6");   \
			for (r = 0; r < n; r++)            \
				p = put_bytes(p, V.b, 16); \
			columns++;                         \
		}                                          \
	}
#define COLUMN_TEXT(name, V)                                \
	{                                                   \
		size_t any = 0;                             \
                                                            \
		for (r = 0; r < n; r++)                     \
			any |= text_length(&V);             \
		if (any) {                                  \
			p = put_column(p, name, "String");  \
			for (r = 0; r < n; r++)             \
				p = put_text_column(p, &V); \
			columns++;                          \
		}                                           \
	}
/* An array is the end of each row's elements in all elements, then all elements. */
#define COLUMN_ARRAY(name, type, count, put)                         \
	{                                                            \
		uint64_t end = 0;                                    \
                                                                     \
		for (r = 0; r < n; r++)                              \
			end += count;                                \
		if (end) {                                           \
			p = put_column(p, name, "Array(" type ")");  \
			for (r = 0, end = 0; r < n; r++) {           \
				end += count;                        \
				p = put_bytes(p, &end, 8);           \
			}                                            \
			for (r = 0; r < n; r++)                      \
				for (uint32_t i = 0; i < count; i++) \
					put;                         \
			columns++;                                   \
		}                                                    \
	}
/* These texts are UTF-8 already. */
#define COLUMN_PLAIN(name, V)                              \
	{                                                  \
		size_t any = 0;                            \
                                                           \
		for (r = 0; r < n; r++)                    \
			any |= text_length(&V);            \
		if (any) {                                 \
			p = put_column(p, name, "String"); \
			for (r = 0; r < n; r++)            \
				p = put_plain(p, &V);      \
			columns++;                         \
		}                                          \
	}
#define COLUMN_BOOL(name, V)                             \
	{                                                \
		bool any = false;                        \
                                                         \
		for (r = 0; r < n; r++)                  \
			any |= V;                        \
		if (any) {                               \
			p = put_column(p, name, "Bool"); \
			for (r = 0; r < n; r++)          \
				*p++ = V;                \
			columns++;                       \
		}                                        \
	}
/* What is not known is 0, as where the column is left out. */
#define COLUMN_DOUBLE(name, V)                                  \
	{                                                       \
		bool any = false;                               \
                                                                \
		for (r = 0; r < n; r++)                         \
			any |= isfinite(V);                     \
		if (any) {                                      \
			p = put_column(p, name, "Float64");     \
			for (r = 0; r < n; r++) {               \
				double d = isfinite(V) ? V : 0; \
                                                                \
				p = put_bytes(p, &d, 8);        \
			}                                       \
			columns++;                              \
		}                                               \
	}
#define COLUMN_TEXTS(name, V) COLUMN_ARRAY(name, "String", V.n, p = put_plain(p, &V.p[i]))
/* A map is an array of pairs: its ends, then all keys, then all values. */
#define COLUMN_MAP(name, V)                                                               \
	{                                                                                 \
		uint64_t end = 0;                                                         \
                                                                                          \
		for (r = 0; r < n; r++)                                                   \
			end += V.n / 2;                                                   \
		if (end) {                                                                \
			p = put_column(p, name, "Map(String, String)");                   \
			for (r = 0, end = 0; r < n; r++) {                                \
				end += V.n / 2;                                           \
				p = put_bytes(p, &end, 8);                                \
			}                                                                 \
			for (uint32_t odd = 0; odd < 2; odd++)                            \
				for (r = 0; r < n; r++)                                   \
					for (uint32_t i = odd; i < V.n - V.n % 2; i += 2) \
						p = put_plain(p, &V.p[i]);                \
			columns++;                                                        \
		}                                                                         \
	}
#define E ext_of(rows[r])
#define I info_of(rows[r])
#define COLUMN_ADDRS(name, V) \
	COLUMN_ARRAY(name, "IPv6", (ip_is_unset(&V) ? 0u : 1u), p = put_bytes(p, V.b, 16))
#define HELD(array, count) held(count, sizeof(array) / sizeof(*(array)))
#define LIST_NUMBER(name, type, array, count)        \
	COLUMN_ARRAY(name, type, HELD(array, count), \
		     p = put_bytes(p, &(array)[i], sizeof(*(array))))
#define LIST_UINT(name, array, count)                     \
	if (sizeof(*(array)) == 8)                        \
		LIST_NUMBER(name, "UInt64", array, count) \
	else                                              \
		LIST_NUMBER(name, "UInt32", array, count)
#define LIST_LAYER(name, array, count) \
	COLUMN_ARRAY(name, LAYER_ENUM, HELD(array, count), *p++ = (uint8_t)(array)[i])
#define LIST_ADDR(name, array, count) \
	COLUMN_ARRAY(name, "IPv6", HELD(array, count), p = put_bytes(p, (array)[i].b, 16))
#define LIST_PLAIN(name, array, count) \
	COLUMN_ARRAY(name, "String", HELD(array, count), p = put_plain(p, &(array)[i]))

/* What any row has set of the fields in struct flow_ext that come before its lists. */
struct ext_any {
	uint64_t words[offsetof(struct flow_ext, mpls_label) / sizeof(uint64_t)];
};

static void find_any(struct ext_any *any, const struct flow *const *rows, uint32_t n)
{
	memset(any, 0, sizeof(*any));
	for (uint32_t r = 0; r < n; r++) {
		const uint64_t *words = (const uint64_t *)rows[r]->ext;

		for (size_t i = 0; words && i < sizeof(any->words) / sizeof(*any->words); i++)
			any->words[i] |= words[i];
	}
}

static inline bool is_any(const struct ext_any *any, size_t offset, size_t size)
{
	static const uint8_t zeros[sizeof(struct ip_addr)];

	return memcmp((const uint8_t *)any + offset, zeros, size) != 0;
}

/* Few of these fields are set in any row: a column is looked at only where one is. */
static uint8_t *put_ext_columns(uint8_t *p, const struct flow *const *rows, uint32_t n,
				unsigned *count)
{
	struct ext_any seen;
	unsigned columns = 0;
	uint32_t r;

	find_any(&seen, rows, n);
#define ANY(member) \
	is_any(&seen, offsetof(struct flow_ext, member), sizeof(((struct flow_ext *)0)->member))
#define X(kind, name, number, member) \
	if (ANY(member))              \
	COLUMN_##kind(#name, E->member)
	FLOW_EXT_FIELDS(X)
#undef X
	if (ANY(n_mpls)) {
		LIST_UINT("mpls_ttl", E->mpls_ttl, E->n_mpls)
		LIST_UINT("mpls_label", E->mpls_label, E->n_mpls)
		LIST_UINT("mpls_exp", E->mpls_exp, E->n_mpls)
	}
	if (ANY(n_communities)) {
		LIST_UINT("bgp_communities", E->communities, E->n_communities)
	}
	if (ANY(n_as_path)) {
		LIST_UINT("as_path", E->as_path, E->n_as_path)
	}
	if (ANY(n_ext_communities)) {
		LIST_UINT("bgp_ext_communities", E->ext_communities, E->n_ext_communities)
	}
	if (ANY(n_large_communities)) {
		LIST_UINT("bgp_large_communities", E->large_communities,
			  3ull * E->n_large_communities)
	}
	if (ANY(n_layers)) {
		LIST_LAYER("layer_stack", E->layer_stack, E->n_layers)
		LIST_UINT("layer_size", E->layer_size, E->n_layers)
	}
	if (ANY(n_segments)) {
		LIST_ADDR("ipv6_routing_header_addresses", E->segments, E->n_segments)
	}
	*count += columns;
	return p;
}

/* What enrichment found, part by part: few blocks have all. */
static uint8_t *put_info_columns(uint8_t *p, const struct flow *const *rows, uint32_t n,
				 unsigned *count)
{
	unsigned columns = 0;
	uint32_t r;

#define X(kind, name, number, value) COLUMN_##kind(#name, (value))
#define P(LIST, kind, member, prefix, base, role)                              \
	{                                                                      \
		static const __typeof__(*no_info.member) none;                 \
		bool known = false;                                            \
                                                                               \
		for (r = 0; r < n; r++)                                        \
			known |= I->member != NULL;                            \
		if (known) {                                                   \
			LIST(X, prefix, base, (I->member ? I->member : &none)) \
		}                                                              \
	}
	FLOW_INFO_PARTS(P)
#undef P
#undef X
#define X(kind, name, number, member) COLUMN_##kind(#name, I->member)
	FLOW_INFO_FIELDS(X)
#undef X
#define Y(kind, name, number, array, count) LIST_##kind(#name, I->array, I->count)
	FLOW_INFO_REPEATED(Y)
#undef Y
	*count += columns;
	return p;
}

static uint8_t *put_columns(uint8_t *p, const struct row_constants *c,
			    const struct flow *const *rows, uint32_t n, unsigned *count)
{
	unsigned columns = 0;
	uint32_t r;

#define X(kind, name, number, member) COLUMN_##kind(#name, rows[r]->member)
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
	c->len = n ? (uint32_t)(put_counted(c->bytes, (const char *)utf8, n) - c->bytes) : 0;
}

/* Counter samples have no columns of their own: they are JSON in this format, too. */
const struct row_format native_format = {
	.constants = native_constants,
	.block = native_block,
};
