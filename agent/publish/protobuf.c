/* Flows and counter samples as length-delimited Protobuf (proto/flow.proto).
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "../flow_fields.h"
#include "../flow_info.h"
#include "encode.h"
#include "put.h"

enum wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2 };

/* CounterSample's own numbers; what it shares with Flow has Flow's. */
enum {
	SAMPLE_SEQUENCE_NUM = 4,
	SAMPLE_SAMPLER_ADDRESS = 11,
	SAMPLE_TIME_RECEIVED_NS = 110,
	SAMPLE_SUB_AGENT_ID = 2080,
	SAMPLE_SOURCE_ID_TYPE = 2081,
	SAMPLE_SOURCE_ID_INDEX = 2082,
	SAMPLE_COUNTERS = 2100,
	COUNTER_NAME = 1,
	COUNTER_UNSIGNED = 2,
	COUNTER_SIGNED = 3,
	COUNTER_STRING = 4,
	COUNTER_DOUBLE = 5,
	COUNTER_BYTES = 6,
};

/* The tag of a field: constant after inlining, so one store of one, two or three bytes. */
static inline __attribute__((always_inline)) uint8_t *put_tag(uint8_t *p, uint32_t number,
							      enum wire wire)
{
	uint32_t tag = number << 3 | wire;

	if (tag < 0x80) {
		*p = (uint8_t)tag;
		return p + 1;
	}
	if (tag < 0x4000) {
		p[0] = (uint8_t)(tag | 0x80);
		p[1] = (uint8_t)(tag >> 7);
		return p + 2;
	}
	p[0] = (uint8_t)(tag | 0x80);
	p[1] = (uint8_t)(tag >> 7 | 0x80);
	p[2] = (uint8_t)(tag >> 14);
	return p + 3;
}

/* `size`: bytes of the member that v is of. */
static inline __attribute__((always_inline)) uint8_t *put_uint(uint8_t *p, uint32_t number,
							       uint64_t v, size_t size)
{
	if (!v)
		return p;
	p = put_tag(p, number, WIRE_VARINT);
	if (size <= 2)
		return put_varint16(p, (uint16_t)v);
	return size <= 4 ? put_varint32(p, (uint32_t)v) : put_varint(p, v);
}

static inline __attribute__((always_inline)) uint8_t *put_ip_bytes(uint8_t *p,
								   const struct ip_addr *a)
{
	if (ip_is_v4(a)) {
		*p = 4;
		return put_bytes(p + 1, a->b + 12, 4);
	}
	*p = 16;
	return put_bytes(p + 1, a->b, 16);
}

static inline __attribute__((always_inline)) uint8_t *put_ip(uint8_t *p, uint32_t number,
							     const struct ip_addr *a)
{
	return ip_is_unset(a) ? p : put_ip_bytes(put_tag(p, number, WIRE_BYTES), a);
}

/* Puts before the bytes from `start` on their number, for which `start` was left room of one byte,
 * and returns the end. */
static uint8_t *close_length(uint8_t *start, uint8_t *end)
{
	uint64_t len = (uint64_t)(end - start);
	uint8_t head[16];
	size_t n;

	if (len < 0x80) {
		start[-1] = (uint8_t)len;
		return end;
	}
	n = (size_t)(put_varint(head, len) - head);
	memmove(start + n - 1, start, len);
	memcpy(start - 1, head, n);
	return end + n - 1;
}

static uint8_t *put_text(uint8_t *p, uint32_t number, const char *text, size_t n)
{
	uint8_t *start;

	if (!n)
		return p;
	start = put_tag(p, number, WIRE_BYTES) + 1;
	return close_length(start,
			    put_utf8(start, text, n < ENCODED_TEXT_MAX ? n : ENCODED_TEXT_MAX));
}

static void protobuf_constants(struct row_constants *c, const char *collector_id)
{
	size_t n = strnlen(collector_id, ENCODED_COLLECTOR_MAX);

	c->head.len = 0;
	c->len = (uint32_t)(put_text(c->bytes, FLOW_COLLECTOR_ID_NUMBER, collector_id, n) -
			    c->bytes);
}

#define UINT(name, number, v) p = put_uint(p, number, v, sizeof(v))
#define TIME		      UINT
#define MAC		      UINT
#define TYPE		      UINT
#define ETYPE		      UINT
#define PROTO		      UINT
#define ORIGIN		      UINT
#define ADDR(name, number, v) p = put_ip(p, number, &(v))
#define ADDRS		      ADDR
#define TEXT(name, number, v) p = put_text(p, number, (v).p, (v).p ? (v).len : 0)

/* Text that needs no look at its bytes. */
static inline uint8_t *put_plain(uint8_t *p, uint32_t number, const struct text *t)
{
	if (!t->len)
		return p;
	p = put_varint(put_tag(p, number, WIRE_BYTES), t->len);
	return put_bytes(p, t->p, t->len);
}

/* map<string, string>: each pair is a message of two texts. */
static uint8_t *put_map(uint8_t *p, uint32_t number, const struct texts *t)
{
	for (uint32_t i = 0; i + 1 < t->n; i += 2) {
		uint8_t *start = put_tag(p, number, WIRE_BYTES) + 1;

		p = put_plain(put_plain(start, 1, &t->p[i]), 2, &t->p[i + 1]);
		p = close_length(start, p);
	}
	return p;
}

#define PLAIN(name, number, v) p = put_plain(p, number, &(v))
#define BOOL		       UINT
#define DOUBLE(name, number, v) \
	if (!isnan(v))          \
	p = put_bytes(put_tag(p, number, WIRE_FIXED64), &(v), 8)
#define TEXTS(name, number, v)                  \
	for (uint32_t n_ = 0; n_ < (v).n; n_++) \
	p = put_plain(p, number, &(v).p[n_])
#define MAP(name, number, v) p = put_map(p, number, &(v))

/* Packed (proto3); a count beyond the array is the decoder's fault and must not become ours. */
#define REPEATED_COUNT(array, count) \
	((count) < sizeof(array) / sizeof(*(array)) ? (count) : sizeof(array) / sizeof(*(array)))
#define REPEATED_UINT(name, number, array, count)                           \
	if ((count) > 0) {                                                  \
		uint8_t *start = put_tag(p, number, WIRE_BYTES) + 1;        \
                                                                            \
		p = start;                                                  \
		for (uint32_t i = 0; i < REPEATED_COUNT(array, count); i++) \
			p = put_varint(p, (array)[i]);                      \
		p = close_length(start, p);                                 \
	}
#define REPEATED_LAYER REPEATED_UINT
#define REPEATED_ADDR(name, number, array, count)                   \
	for (uint32_t i = 0; i < REPEATED_COUNT(array, count); i++) \
		p = put_ip_bytes(put_tag(p, number, WIRE_BYTES), &(array)[i]);

#define REPEATED_PLAIN(name, number, array, count)                  \
	for (uint32_t i = 0; i < REPEATED_COUNT(array, count); i++) \
		p = put_plain(p, number, &(array)[i]);

_Static_assert(offsetof(struct flow_ext, sub_agent_id) % 8 == 0, "whole words");

/* Whether anything is set before the members that every sFlow sample has: of most samples nothing
 * is, and one look saves looking at each. */
static bool has_more_than_sample(const struct flow_ext *e)
{
	uint64_t words[offsetof(struct flow_ext, sub_agent_id) / 8], any = 0;

	memcpy(words, e, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		any |= words[i];
	return any;
}

static uint8_t *put_ext(uint8_t *p, const struct flow_ext *e)
{
	/* the counts by the names that the table has for them */
	const uint32_t n_mpls = e->n_mpls, n_layers = e->n_layers, n_segments = e->n_segments,
		       n_as_path = e->n_as_path, n_communities = e->n_communities,
		       n_ext_communities = e->n_ext_communities,
		       n_large_communities = e->n_large_communities, n_mpls_ttl = e->n_mpls_ttl;

#define BEFORE_SAMPLE(member) \
	(offsetof(struct flow_ext, member) < offsetof(struct flow_ext, sub_agent_id))
	if (has_more_than_sample(e)) {
#define X(kind, name, number, member)          \
	if (BEFORE_SAMPLE(member)) {           \
		kind(name, number, e->member); \
	}
		FLOW_EXT_FIELDS(X)
#undef X
	}
#define X(kind, name, number, member)          \
	if (!BEFORE_SAMPLE(member)) {          \
		kind(name, number, e->member); \
	}
	FLOW_EXT_FIELDS(X)
#undef X
#define Y(kind, name, number, array, count) REPEATED_##kind(name, number, e->array, (count))
	FLOW_EXT_REPEATED(Y)
#undef Y
	return p;
}

/* One writer for each kind of struct that enrichment attaches. */
#define X(kind, name, number, value) kind(name, number, value);
#define WRITER(type, LIST, prefix, base, prefix_2, base_2)                            \
	static uint8_t *put_##type(uint8_t *p, const void *info, enum info_role role) \
	{                                                                             \
		const struct type *i = info;                                          \
                                                                                      \
		if (role) {                                                           \
			LIST(X, prefix_2, base_2, i)                                  \
		} else {                                                              \
			LIST(X, prefix, base, i)                                      \
		}                                                                     \
		return p;                                                             \
	}
WRITER(as_info, AS_INFO_FIELDS, src_, 2100, dst_, 2130)
WRITER(geo_info, GEO_INFO_FIELDS, src_, 2100, dst_, 2130)
WRITER(network_info, NETWORK_INFO_FIELDS, src_, 2100, dst_, 2130)
WRITER(device_info, DEVICE_INFO_FIELDS, device_, 2160, device_, 2160)
WRITER(interface_info, INTERFACE_INFO_FIELDS, in_interface_, 2170, out_interface_, 2190)
WRITER(application_info, APPLICATION_INFO_FIELDS, application_, 2210, application_, 2210)
#undef X

const info_writer protobuf_info[INFO_KINDS] = {
	[INFO_AS] = put_as_info,
	[INFO_GEO] = put_geo_info,
	[INFO_NETWORK] = put_network_info,
	[INFO_DEVICE] = put_device_info,
	[INFO_INTERFACE] = put_interface_info,
	[INFO_APPLICATION] = put_application_info,
};

/* The number that the texts of this part are of. */
static inline __attribute__((always_inline)) uint8_t *
put_number(uint8_t *p, const struct flow *f, enum info_kind kind, enum info_role role)
{
#define X(kind, name, number, member) kind(name, number, f->member);
	if (kind == INFO_AS && role == INFO_SOURCE) {
		FLOW_SRC_AS(X)
	} else if (kind == INFO_AS) {
		FLOW_DST_AS(X)
	} else if (kind == INFO_INTERFACE && role == INFO_IN) {
		FLOW_IN_IF(X)
	} else if (kind == INFO_INTERFACE) {
		FLOW_OUT_IF(X)
	}
#undef X
	return p;
}

/* With the numbers that FLOW_RECORD_FIELDS leaves out. */
static uint8_t *put_info(uint8_t *p, const struct flow *f)
{
	const struct flow_info *info = f->info;
	const uint32_t n_scopes = info->n_scopes, n_path = info->n_path;

#define P(LIST, kind, member, prefix, base, role) \
	p = put_number(p, f, kind, role);         \
	if (info->member)                         \
		p = put_encoded(p, &info->member->encoded, INFO_PROTOBUF, role);
	FLOW_INFO_PARTS(P)
#undef P
#define X(kind, name, number, member) kind(name, number, info->member);
	FLOW_INFO_FIELDS(X)
#undef X
#define Y(kind, name, number, array, count) REPEATED_##kind(name, number, info->array, (count))
	FLOW_INFO_REPEATED(Y)
#undef Y
	return p;
}

/* A row's length comes before it and is known after it. Two bytes are kept for it, which is right
 * for all rows from 128 to 16,383 bytes; shorter and longer ones are moved. */
static uint8_t *close_row(uint8_t *start, uint8_t *end)
{
	size_t len = (size_t)(end - start);

	if (len < 0x80) {
		start[-2] = (uint8_t)len;
		memmove(start - 1, start, 0x80);
		return end - 1;
	}
	if (len < 0x4000) {
		start[-2] = (uint8_t)(len | 0x80);
		start[-1] = (uint8_t)(len >> 7);
		return end;
	}
	memmove(start + 1, start, len);
	start[-2] = (uint8_t)(len | 0x80);
	start[-1] = (uint8_t)(len >> 7 | 0x80);
	start[0] = (uint8_t)(len >> 14); /* ENCODED_ROW_MAX is far below 2^21 */
	return end + 1;
}

/* What the row begins with; of the row before where that began alike. */
static inline uint8_t *put_head(uint8_t *to, struct row_constants *c, const struct flow *f)
{
	if (!row_head_fits(&c->head, f)) {
		uint8_t *p = c->head.bytes;

#define X(kind, name, number, member) kind(name, number, f->member);
		FLOW_HEAD_FIELDS(X)
#undef X
		p = put_bytes(p, c->bytes, c->len);
		row_head_set(&c->head, f, (uint32_t)(p - c->head.bytes));
	}
	return put_short(to, c->head.bytes, c->head.len);
}

static uint8_t *protobuf_flow(uint8_t *to, struct row_constants *c, const struct flow *f)
{
	uint8_t *start = to + 2, *p = put_head(start, c, f);

#define X(kind, name, number, member) kind(name, number, f->member);
	FLOW_RECORD_FIELDS(X)
	if (f->ext)
		p = put_ext(p, f->ext);
	if (f->info) {
		p = put_info(p, f);
	} else {
		FLOW_NUMBER_FIELDS(X)
	}
#undef X
	return close_row(start, p);
}

static uint8_t *put_counter(uint8_t *p, const struct counter_value *v)
{
	uint8_t *start = put_tag(p, SAMPLE_COUNTERS, WIRE_BYTES) + 1;
	uint32_t n;

	p = put_text(start, COUNTER_NAME, v->name, strlen(v->name));
	switch (v->kind) {
	case COUNTER_UINT:
		p = put_varint(put_tag(p, COUNTER_UNSIGNED, WIRE_VARINT), v->u);
		break;
	case COUNTER_INT: /* zigzag */
		p = put_varint(put_tag(p, COUNTER_SIGNED, WIRE_VARINT),
			       (uint64_t)v->i << 1 ^ (uint64_t)(v->i >> 63));
		break;
	case COUNTER_FLOAT:
		p = put_bytes(put_tag(p, COUNTER_DOUBLE, WIRE_FIXED64), &v->f, 8);
		break;
	case COUNTER_HEX:
		n = v->text.len < ENCODED_TEXT_MAX ? v->text.len : ENCODED_TEXT_MAX;
		p = put_varint(put_tag(p, COUNTER_BYTES, WIRE_BYTES), n);
		p = put_bytes(p, v->text.p, n);
		break;
	case COUNTER_TEXT:
		p = put_text(p, COUNTER_STRING, v->text.p, v->text.p ? v->text.len : 0);
		break;
	}
	return close_length(start, p);
}

static uint8_t *protobuf_sample(uint8_t *to, const struct row_constants *c,
				const struct counter_sample *s)
{
	uint8_t *start = to + 2, *p = start, *end = to + ENCODED_ROW_MAX;
	const uint32_t value_max = 2 * ENCODED_UTF8_TEXT + 64;

	UINT(, SAMPLE_TIME_RECEIVED_NS, s->time_received_ns);
	ADDR(, SAMPLE_SAMPLER_ADDRESS, s->sampler_address);
	UINT(, SAMPLE_SEQUENCE_NUM, s->sequence_num);
	UINT(, SAMPLE_SUB_AGENT_ID, s->sub_agent_id);
	UINT(, SAMPLE_SOURCE_ID_TYPE, s->source_id_type);
	UINT(, SAMPLE_SOURCE_ID_INDEX, s->source_id_index);
	p = put_bytes(p, c->bytes, c->len);
	for (uint32_t i = 0; i < s->n_values && i < COUNTER_VALUES_MAX; i++) {
		if (end - p < value_max)
			break;
		p = put_counter(p, &s->values[i]);
	}
	return close_row(start, p);
}

const struct row_format protobuf_format = {
	.constants = protobuf_constants,
	.flow = protobuf_flow,
	.sample = protobuf_sample,
};
