/* Flows as blocks of ClickHouse's Native format: column after column.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A block is the numbers of columns and of rows, then for each column its name, its type and its
 * values (https://clickhouse.com/docs/interfaces/formats/Native, revision 0). A column in which all
 * rows are unset is left out, and ClickHouse fills it with zeros. A message is a sequence of
 * blocks. Addresses are IPv6, IPv4 mapped into it; unset is ::.
 *
 * The texts of enrichment are few in a block, each in many rows: such a column is a dictionary,
 * LowCardinality(String), and a number for each row. All texts of one struct share the numbers. */
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
#define WIDTH_PLAIN			       WIDTH_TEXT /* the number in a dictionary */
#define WIDTH_TEXTS(v)			       +8
#define WIDTH_MAP(v)			       +8
#define WIDTH_ARRAY(...)		       +8
#define EXT_WIDTH(kind, name, number, member)  WIDTH_##kind(((struct flow_ext *)0)->member)
#define INFO_WIDTH(kind, name, number, member) WIDTH_##kind(((struct flow_info *)0)->member)
#define PART_WIDTH(kind, name, number, value)  WIDTH_##kind(value)
#define PARTS_WIDTH(LIST, kind, member, prefix, base, role) \
	LIST(PART_WIDTH, prefix, base, ((struct flow_info *)0)->member)

enum {
	ROWS_MAX = 1024, /* in one block */
	DICTIONARY_SLOTS = 2 * ROWS_MAX,
	DICTIONARY_VERSION = 1,
	DICTIONARY_OF_BLOCK = 0x600, /* it comes with the block and is for the block only */
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

/* What a row adds: its texts and elements. */
#define BOUND_UINT(v)
#define BOUND_ADDR(v)
#define BOUND_ADDRS(v)
#define BOUND_MAC(v)
#define BOUND_PROTO(v)
#define BOUND_ETYPE(v)
#define BOUND_BOOL(v)
#define BOUND_DOUBLE(v)
#define BOUND_TEXT(v) n += 3 * text_length(&(v));

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

/* What the rows of a block refer to, each once, and which of it each row does. Number 0 is nothing.
 */
struct dictionary {
	uint32_t n; /* values, with number 0 */
	uint16_t of_row[ROWS_MAX];
	uint8_t narrow[ROWS_MAX]; /* the same, where n is at most 256 */
	const void *values[ROWS_MAX + 1];
};

/* Numbers of values by their address; begun anew for each dictionary. */
struct dictionary_index {
	unsigned shift;
	uint16_t slots[DICTIONARY_SLOTS]; /* 0: free */
};

static void dictionary_begin(struct dictionary *d, struct dictionary_index *x, uint32_t rows,
			     const void *nothing)
{
	unsigned bits = 6;

	while (1u << bits < 2 * rows)
		bits++;
	x->shift = 64 - bits;
	memset(x->slots, 0, sizeof(x->slots[0]) << bits);
	d->n = 1;
	d->values[0] = nothing;
}

/* The row has the value at `v`. With `texts` that is a struct text, and the same as others that
 * have their bytes at the same place. */
static inline __attribute__((always_inline)) void dictionary_row(struct dictionary *d,
								 struct dictionary_index *x,
								 uint32_t r, const void *v,
								 bool texts)
{
	const void *key = v && texts ? ((const struct text *)v)->p : v;
	size_t mask = ((size_t)1 << (64 - x->shift)) - 1;

	if (!key || (texts && !((const struct text *)v)->len)) {
		d->of_row[r] = 0;
		return;
	}
	for (size_t i = ((uint64_t)(uintptr_t)key * 0x9e3779b97f4a7c15u) >> x->shift;; i++) {
		uint16_t *slot = &x->slots[i & mask];
		const void *other = d->values[*slot];

		if (!*slot) {
			*slot = (uint16_t)d->n;
			d->values[d->n++] = v;
		} else if ((texts ? ((const struct text *)other)->p : other) != key) {
			continue;
		}
		d->of_row[r] = *slot;
		return;
	}
}

static void dictionary_end(struct dictionary *d, uint32_t rows)
{
	for (uint32_t r = 0; d->n <= 256 && r < rows; r++)
		d->narrow[r] = (uint8_t)d->of_row[r];
}

static uint8_t *put_uint64(uint8_t *p, uint64_t v)
{
	return put_bytes(p, &v, sizeof(v));
}

/* A column of the type LowCardinality(String): what comes before its texts … */
static uint8_t *put_dictionary_head(uint8_t *p, const char *name, uint32_t values)
{
	p = put_column(p, name, "LowCardinality(String)");
	p = put_uint64(p, DICTIONARY_VERSION);
	p = put_uint64(p, DICTIONARY_OF_BLOCK | (values > 256)); /* numbers of 8 or of 16 bits */
	return put_uint64(p, values);
}

/* … and what comes after them. */
static uint8_t *put_dictionary_rows(uint8_t *p, const struct dictionary *d, uint32_t rows)
{
	p = put_uint64(p, rows);
	return d->n <= 256 ? put_bytes(p, d->narrow, rows)
			   : put_bytes(p, d->of_row, rows * sizeof(d->of_row[0]));
}

/* The structs that enrichment attached. */
#define P(LIST, kind, member, prefix, base, role) PART_##member,
enum part { FLOW_INFO_PARTS(P) PARTS };
#undef P

static void find_parts(struct dictionary parts[PARTS], const struct flow *const *rows, uint32_t n)
{
	struct dictionary_index x;

#define P(LIST, kind, member, prefix, base, role)                                  \
	{                                                                          \
		static const __typeof__(*no_info.member) none;                     \
		struct dictionary *d = &parts[PART_##member];                      \
                                                                                   \
		dictionary_begin(d, &x, n, &none);                                 \
		for (uint32_t r = 0; r < n; r++)                                   \
			dictionary_row(d, &x, r, info_of(rows[r])->member, false); \
		dictionary_end(d, n);                                              \
	}
	FLOW_INFO_PARTS(P)
#undef P
}

/* Bytes of the texts of one struct, each once, and of its lists, which each row has for itself. */
#define ONCE_PLAIN(v) once += text_length(&(v)) + 2;
#define ONCE_UINT(v)
#define ONCE_BOOL(v)
#define ONCE_DOUBLE(v)
#define ONCE_TEXTS(v) each += texts_bound(&(v));
#define ONCE_MAP      ONCE_TEXTS

static size_t parts_bound(const struct dictionary parts[PARTS], uint32_t rows)
{
	size_t once = 0;

#define X(kind, name, number, value) ONCE_##kind(value)
#define P(LIST, kind, member, prefix, base, role)                                       \
	for (uint32_t v = 1; v < parts[PART_##member].n; v++) {                         \
		const __typeof__(*no_info.member) *at = parts[PART_##member].values[v]; \
		size_t each = 0;                                                        \
                                                                                        \
		LIST(X, prefix, base, at)                                               \
		for (uint32_t r = 0; each && r < rows; r++)                             \
			once += parts[PART_##member].of_row[r] == v ? each : 0;         \
	}
	FLOW_INFO_PARTS(P)
#undef P
#undef X
	return once;
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

/* The same of what enrichment attached; of texts their lengths. */
#define OR_UINT(member)	 any.member |= info->member;
#define OR_PLAIN(member) any.member.len |= info->member.len;
#define OR_ADDR(member)                       \
	any.member.q[0] |= info->member.q[0]; \
	any.member.q[1] |= info->member.q[1];
static struct flow_info any_of_infos(const struct flow *const *rows, uint32_t n)
{
	struct flow_info any = {0}; /* its own, so that it can be in registers */

	for (uint32_t r = 0; r < n; r++) {
		const struct flow_info *info = info_of(rows[r]);

#define X(kind, name, number, member) OR_##kind(member)
		FLOW_INFO_FIELDS(X)
#undef X
#define Y(kind, name, number, array, count) any.count |= info->count;
		FLOW_INFO_REPEATED(Y)
#undef Y
	}
	return any;
}

/* Bytes of what enrichment attached to the rows, but for the structs that they share. No length is
 * more than the bits of all of them together. */
static size_t infos_bound(const struct flow_info *any, const struct flow *const *rows, uint32_t n)
{
	size_t sum = 0;

#define ALL_UINT(v)
#define ALL_ADDR(v)
#define ALL_PLAIN(v) \
	sum += n * ((v).len ? ((v).len < ENCODED_TEXT_MAX ? (v).len : ENCODED_TEXT_MAX) + 2 : 0);
#define X(kind, name, number, member) ALL_##kind(any->member)
	FLOW_INFO_FIELDS(X)
#undef X
	if (!any->n_scopes && !any->n_path)
		return sum;
	for (uint32_t r = 0; r < n; r++) {
		const struct flow_info *info = info_of(rows[r]);

		for (uint32_t i = 0; i < held(info->n_scopes, INFO_SCOPES_MAX); i++)
			sum += text_length(&info->lists->scopes[i]) + 2;
		sum += 2 * sizeof(uint32_t) * held(info->n_path, FLOW_AS_PATH_MAX);
	}
	return sum;
}

static void any_of_exts(union any_ext *any, const struct flow *const *rows, uint32_t n)
{
	memset(any, 0, sizeof(*any));
	for (uint32_t r = 0; r < n; r++)
		if (rows[r]->ext)
			any_words(any->words, rows[r]->ext, sizeof(any->words) / 8);
}

/* Whether a member of these unions says that there is a column. */
#define SET_UINT(member)  (member)
#define SET_TIME	  SET_UINT
#define SET_MAC		  SET_UINT
#define SET_ETYPE	  SET_UINT
#define SET_PROTO	  SET_UINT
#define SET_TYPE	  SET_UINT
#define SET_ORIGIN	  SET_UINT
#define SET_ADDR(member)  ((member).q[0] | (member).q[1])
#define SET_ADDRS	  SET_ADDR
#define SET_TEXT(member)  ((member).p && (member).len)
#define SET_PLAIN(member) ((member).len)

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

/* Columns of the structs that rows share: V is a member of `at`, which walks the distinct ones to
 * see whether there is a column, and then those of the rows. */
#define ANY_VALUE(condition)                                    \
	({                                                      \
		bool found = false;                             \
                                                                \
		for (uint32_t v = 1; v < d->n && !found; v++) { \
			at = d->values[v];                      \
			found = (condition) != 0;               \
		}                                               \
		found;                                          \
	})
#define EACH_ROW for (r = 0; r < n && (at = d->values[d->of_row[r]], true); r++)
#define PART_COLUMN_PLAIN(name, V)                      \
	if (ANY_VALUE(text_length(&V))) {               \
		p = put_dictionary_head(p, name, d->n); \
		*p++ = 0;                               \
		for (uint32_t v = 1; v < d->n; v++) {   \
			at = d->values[v];              \
			p = put_plain(p, &V);           \
		}                                       \
		p = put_dictionary_rows(p, d, n);       \
		columns++;                              \
	}
#define PART_COLUMN_UINT(name, V)                              \
	if (ANY_VALUE(V)) {                                    \
		p = put_column(p, name, uint_type(sizeof(V))); \
		EACH_ROW                                       \
		p = put_bytes(p, &V, sizeof(V));               \
		columns++;                                     \
	}
#define PART_COLUMN_BOOL(name, V)                \
	if (ANY_VALUE(V)) {                      \
		p = put_column(p, name, "Bool"); \
		EACH_ROW                         \
		*p++ = V;                        \
		columns++;                       \
	}
/* What is not known is 0, as where the column is left out. */
#define PART_COLUMN_DOUBLE(name, V)                     \
	if (ANY_VALUE(isfinite(V))) {                   \
		p = put_column(p, name, "Float64");     \
		EACH_ROW                                \
		{                                       \
			double f = isfinite(V) ? V : 0; \
                                                        \
			p = put_bytes(p, &f, 8);        \
		}                                       \
		columns++;                              \
	}
/* A list's ends, then all its elements; of a map, which is a list of pairs, all keys, then all
 * values. */
#define PART_COLUMN_LIST(name, type, V, step)                             \
	if (ANY_VALUE(V.n / step)) {                                      \
		uint64_t end = 0;                                         \
                                                                          \
		p = put_column(p, name, type);                            \
		EACH_ROW                                                  \
		{                                                         \
			end += V.n / step;                                \
			p = put_uint64(p, end);                           \
		}                                                         \
		for (uint32_t first = 0; first < step; first++)           \
			EACH_ROW                                          \
		for (uint32_t i = first; i < V.n - V.n % step; i += step) \
			p = put_plain(p, &V.p[i]);                        \
		columns++;                                                \
	}
#define PART_COLUMN_TEXTS(name, V) PART_COLUMN_LIST(name, "Array(String)", V, 1)
#define PART_COLUMN_MAP(name, V)   PART_COLUMN_LIST(name, "Map(String, String)", V, 2)

/* These texts are UTF-8 already; flows of one address have the same one. */
#define COLUMN_PLAIN(name, V, A)                               \
	if (A) {                                               \
		dictionary_begin(&own, &x, n, &nothing);       \
		for (r = 0; r < n; r++)                        \
			dictionary_row(&own, &x, r, &V, true); \
		dictionary_end(&own, n);                       \
		p = put_dictionary_head(p, name, own.n);       \
		for (uint32_t v = 0; v < own.n; v++)           \
			p = put_plain(p, own.values[v]);       \
		p = put_dictionary_rows(p, &own, n);           \
		columns++;                                     \
	}

static uint8_t *put_info_columns(uint8_t *p, const struct flow *const *rows, uint32_t n,
				 const struct dictionary parts[PARTS], const struct flow_info *any,
				 unsigned *count)
{
	static const struct text nothing;
	struct dictionary_index x;
	struct dictionary own;
	unsigned columns = 0;
	uint32_t r;

#define X(kind, name, number, value) PART_COLUMN_##kind(#name, value)
#define P(LIST, kind, member, prefix, base, role)                   \
	if (parts[PART_##member].n > 1) {                           \
		const struct dictionary *d = &parts[PART_##member]; \
		const __typeof__(*no_info.member) *at;              \
                                                                    \
		LIST(X, prefix, base, at)                           \
	}
	FLOW_INFO_PARTS(P)
#undef P
#undef X
#define X(kind, name, number, member) COLUMN_##kind(#name, I->member, SET_##kind(any->member))
	FLOW_INFO_FIELDS(X)
#undef X
#define Y(kind, name, number, array, count) LIST_##kind(#name, I->array, I->count, any->count)
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
		if (c->len) { /* the same in all rows */
			p = put_dictionary_head(p, "collector_id", 1);
			p = put_bytes(p, c->bytes, c->len);
			p = put_uint64(p, n);
			memset(p, 0, n);
			p += n;
			columns++;
		}
	*count += columns;
	return p;
}

static uint8_t *native_block(uint8_t *to, size_t room, const struct row_constants *c,
			     const struct flow *const *rows, uint32_t *n)
{
	uint32_t fit = *n < ROWS_MAX ? *n : ROWS_MAX;
	struct dictionary parts[PARTS];
	struct flow_info infos;
	bool any_ext, any_info;
	unsigned columns = 0;
	uint8_t *p;

	/* As many rows as surely have room; a column that one row needs has a value for each. */
	for (; fit; fit /= 2) {
		size_t width = sizeof(struct flow) + 1, bytes = HEADER_MAX;

		any_ext = any_info = false;
		for (uint32_t r = 0; r < fit; r++) {
			any_info |= rows[r]->info != NULL;
			if (rows[r]->ext) {
				any_ext = true;
				bytes += ext_bound(rows[r]->ext);
			}
		}
		width += (any_ext ? EXT_WIDTHS : 0) + (any_info ? INFO_WIDTHS : 0);
		bytes += width * fit;
		if (any_info && bytes <= room) {
			infos = any_of_infos(rows, fit);
			bytes += infos_bound(&infos, rows, fit);
			find_parts(parts, rows, fit);
			bytes += parts_bound(parts, fit);
		}
		if (bytes <= room)
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
		p = put_info_columns(p, rows, fit, parts, &infos, &columns);
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
