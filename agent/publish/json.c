/* Flows and counter samples as JSON, one object a line.
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>

#include "../flow_fields.h"
#include "../flow_info.h"
#include "encode.h"
#include "flow_names.h"
#include "put.h"

/* Every member is written with a comma before it; the first one's becomes the brace. */
#define KEY(name) put_bytes(p, ",\"" name "\":", sizeof(",\"" name "\":") - 1)

static inline uint8_t *put_mac(uint8_t *p, uint64_t mac)
{
	*p++ = '"';
	for (int shift = 40; shift >= 0; shift -= 8) {
		p = put_hex_pair(p, (uint8_t)(mac >> shift));
		*p++ = ':';
	}
	p[-1] = '"';
	return p;
}

/* A name in quotes. */
static inline uint8_t *put_name(uint8_t *p, const char *name)
{
	size_t n = strlen(name);

	*p = '"';
	p = put_bytes(p + 1, name, n);
	*p = '"';
	return p + 1;
}

static uint8_t *put_type(uint8_t *p, uint32_t type)
{
	const char *name = flow_type_name(type);

	return name ? put_name(p, name) : put_decimal(p, type);
}

/* What has no name is the number as text, so that the member always is a string: protocols in
 * decimal, Ethernet types in hexadecimal as they are written everywhere. */
static uint8_t *put_proto(uint8_t *p, uint32_t proto)
{
	const char *name = ip_protocol_name(proto);

	if (name)
		return put_name(p, name);
	*p = '"';
	p = put_decimal(p + 1, proto);
	*p = '"';
	return p + 1;
}

static uint8_t *put_etype(uint8_t *p, uint32_t etype)
{
	const char *name = ethernet_type_name(etype);

	if (name)
		return put_name(p, name);
	p = put_bytes(p, "\"0x", 3);
	p = put_hex_pair(p, (uint8_t)(etype >> 8));
	p = put_hex_pair(p, (uint8_t)etype);
	*p = '"';
	return p + 1;
}

static uint8_t *put_origin(uint8_t *p, uint32_t origin)
{
	const char *name = sampling_origin_name(origin);

	return name ? put_name(p, name) : put_decimal(p, origin);
}

static uint8_t *put_layer(uint8_t *p, uint32_t layer)
{
	const char *name = flow_layer_name(layer);

	return name ? put_name(p, name) : put_decimal(p, layer);
}

static uint8_t *put_text(uint8_t *p, const struct text *t)
{
	return put_json_string(p, t->p, t->len < ENCODED_TEXT_MAX ? t->len : ENCODED_TEXT_MAX);
}

static uint8_t *put_ip_list(uint8_t *p, const struct ip_addr *a)
{
	*p = '[';
	p = put_quoted_ip(p + 1, a);
	*p = ']';
	return p + 1;
}

/* Brace, closing brace and end of line around the members from `to` to p. */
static inline uint8_t *close_row(uint8_t *to, uint8_t *p)
{
	if (p == to)
		p++;
	*to = '{';
	return put_bytes(p, "}\n", 2);
}

static void json_constants(struct row_constants *c, const char *collector_id)
{
	uint8_t *p = c->bytes;

	if (*collector_id) {
		p = KEY("collector_id");
		p = put_json_string(p, collector_id, strnlen(collector_id, ENCODED_COLLECTOR_MAX));
	}
	c->head.len = 0;
	c->len = (uint32_t)(p - c->bytes);
}

#define UINT(name, v) \
	if (v)        \
	p = put_decimal(KEY(#name), v)
#define TIME UINT
#define NAMED(name, v, put) \
	if (v)              \
	p = put(KEY(#name), v)
#define MAC(name, v)	NAMED(name, v, put_mac)
#define TYPE(name, v)	NAMED(name, v, put_type)
#define ETYPE(name, v)	NAMED(name, v, put_etype)
#define PROTO(name, v)	NAMED(name, v, put_proto)
#define ORIGIN(name, v) NAMED(name, v, put_origin)
#define ADDR(name, v)           \
	if (!ip_is_unset(&(v))) \
	p = put_quoted_ip(KEY(#name), &(v))
#define ADDRS(name, v)          \
	if (!ip_is_unset(&(v))) \
	p = put_ip_list(KEY(#name), &(v))
#define TEXT(name, v)         \
	if ((v).p && (v).len) \
	p = put_text(KEY(#name), &(v))

static uint8_t *put_texts(uint8_t *p, const struct texts *t)
{
	*p = '[';
	for (uint32_t i = 0; i < t->n; i++) {
		p = put_text(p + 1, &t->p[i]);
		*p = ',';
	}
	*p = ']';
	return p + 1;
}

static uint8_t *put_map(uint8_t *p, const struct texts *t)
{
	*p = '{';
	for (uint32_t i = 0; i + 1 < t->n; i += 2) {
		p = put_text(p + 1, &t->p[i]);
		*p = ':';
		p = put_text(p + 1, &t->p[i + 1]);
		*p = ',';
	}
	*p = '}';
	return p + 1;
}

/* Coordinates: a tenth of a metre is more than anybody knows. */
static uint8_t *put_double(uint8_t *p, double v)
{
	return isfinite(v) ? p + snprintf((char *)p, 32, "%.9g", v) : put_bytes(p, "null", 4);
}

#define PLAIN TEXT
#define BOOL(name, v) \
	if (v)        \
	p = put_bytes(KEY(#name), "true", 4)
#define DOUBLE(name, v) \
	if (!isnan(v))  \
	p = put_double(KEY(#name), v)
#define TEXTS(name, v) \
	if ((v).n)     \
	p = put_texts(KEY(#name), &(v))
#define MAP(name, v) \
	if ((v).n)   \
	p = put_map(KEY(#name), &(v))

/* A count beyond the array is the decoder's fault and must not become ours. */
#define REPEATED(name, array, count, put)                               \
	if ((count) > 0) {                                              \
		const uint32_t held = sizeof(array) / sizeof(*(array)); \
                                                                        \
		p = KEY(#name);                                         \
		*p = '[';                                               \
		for (uint32_t i = 0; i < (count) && i < held; i++) {    \
			p = put(p + 1, (array)[i]);                     \
			*p = ',';                                       \
		}                                                       \
		*p++ = ']';                                             \
	}
#define ITEM_UINT	 put_decimal
#define ITEM_LAYER	 put_layer
#define ITEM_ADDR(p, v)	 put_quoted_ip(p, &(v))
#define ITEM_PLAIN(p, v) put_text(p, &(v))

static uint8_t *put_ext(uint8_t *p, const struct flow_ext *e)
{
	/* the counts by the names that the table has for them */
	const uint32_t n_mpls = e->n_mpls, n_layers = e->n_layers, n_segments = e->n_segments,
		       n_as_path = e->n_as_path, n_communities = e->n_communities,
		       n_ext_communities = e->n_ext_communities,
		       n_large_communities = e->n_large_communities, n_mpls_ttl = e->n_mpls_ttl;

#define X(kind, name, number, member) kind(name, e->member);
	FLOW_EXT_FIELDS(X)
#undef X
#define Y(kind, name, number, array, count) REPEATED(name, e->array, count, ITEM_##kind)
	FLOW_EXT_REPEATED(Y)
#undef Y
	return p;
}

/* One writer for each kind of struct that enrichment attaches. */
#define X(kind, name, number, value) kind(name, value);
#define WRITER(type, LIST, prefix, prefix_2)                                          \
	static uint8_t *put_##type(uint8_t *p, const void *info, enum info_role role) \
	{                                                                             \
		const struct type *i = info;                                          \
                                                                                      \
		if (role) {                                                           \
			LIST(X, prefix_2, 0, i)                                       \
		} else {                                                              \
			LIST(X, prefix, 0, i)                                         \
		}                                                                     \
		return p;                                                             \
	}
WRITER(as_info, AS_INFO_FIELDS, src_, dst_)
WRITER(geo_info, GEO_INFO_FIELDS, src_, dst_)
WRITER(network_info, NETWORK_INFO_FIELDS, src_, dst_)
WRITER(device_info, DEVICE_INFO_FIELDS, device_, device_)
WRITER(interface_info, INTERFACE_INFO_FIELDS, in_interface_, out_interface_)
WRITER(application_info, APPLICATION_INFO_FIELDS, application_, application_)
#undef X

const info_writer json_info[INFO_KINDS] = {
	[INFO_AS] = put_as_info,
	[INFO_GEO] = put_geo_info,
	[INFO_NETWORK] = put_network_info,
	[INFO_DEVICE] = put_device_info,
	[INFO_INTERFACE] = put_interface_info,
	[INFO_APPLICATION] = put_application_info,
};

static uint8_t *put_info(uint8_t *p, const struct flow_info *info)
{
	const uint32_t n_scopes = info->n_scopes, n_path = info->n_path;

#define P(LIST, kind, member, prefix, base, role) \
	if (info->member)                         \
		p = put_encoded(p, &info->member->encoded, INFO_JSON, role);
	FLOW_INFO_PARTS(P)
#undef P
#define X(kind, name, number, member) kind(name, info->member);
	FLOW_INFO_FIELDS(X)
#undef X
#define Y(kind, name, number, array, count) REPEATED(name, info->array, count, ITEM_##kind)
	FLOW_INFO_REPEATED(Y)
#undef Y
	return p;
}

/* What the row begins with; of the row before where that began alike. */
static inline uint8_t *put_head(uint8_t *to, struct row_constants *c, const struct flow *f)
{
	if (!row_head_fits(&c->head, f)) {
		uint8_t *p = c->head.bytes;

#define X(kind, name, number, member) kind(name, f->member);
		FLOW_HEAD_FIELDS(X)
#undef X
		p = put_bytes(p, c->bytes, c->len);
		row_head_set(&c->head, f, (uint32_t)(p - c->head.bytes));
	}
	return put_short(to, c->head.bytes, c->head.len);
}

static uint8_t *json_flow(uint8_t *to, struct row_constants *c, const struct flow *f)
{
	uint8_t *p = put_head(to, c, f);

#define X(kind, name, number, member) kind(name, f->member);
	FLOW_RECORD_FIELDS(X)
	FLOW_NUMBER_FIELDS(X)
#undef X
	if (f->ext)
		p = put_ext(p, f->ext);
	if (f->info)
		p = put_info(p, f->info);
	return close_row(to, p);
}

static uint8_t *put_counter(uint8_t *p, const struct counter_value *v)
{
	p = put_json_string(p, v->name, strnlen(v->name, ENCODED_TEXT_MAX));
	*p++ = ':';
	switch (v->kind) {
	case COUNTER_UINT:
		return put_decimal(p, v->u);
	case COUNTER_INT:
		if (v->i < 0)
			*p++ = '-';
		return put_decimal(p, v->i < 0 ? 0 - (uint64_t)v->i : (uint64_t)v->i);
	case COUNTER_FLOAT:
		if (!isfinite(v->f))
			return put_bytes(p, "null", 4);
		/* nine digits tell all numbers of 32 bits apart, which is what sFlow sends */
		return p + snprintf((char *)p, 32, "%.9g", v->f);
	case COUNTER_TEXT:
		return put_text(p, &v->text);
	case COUNTER_HEX:
		*p++ = '"';
		for (uint32_t i = 0; i < v->text.len && i < ENCODED_TEXT_MAX; i++)
			p = put_hex_pair(p, (uint8_t)v->text.p[i]);
		*p = '"';
		return p + 1;
	}
	return p;
}

static uint8_t *json_sample(uint8_t *to, const struct row_constants *c,
			    const struct counter_sample *s)
{
	const uint32_t value_max = 2 * ENCODED_JSON_TEXT + 64;
	uint8_t *p = to, *end = to + ENCODED_ROW_MAX;

	TIME(time_received_ns, s->time_received_ns);
	ADDR(sampler_address, s->sampler_address);
	UINT(sequence_num, s->sequence_num);
	UINT(sub_agent_id, s->sub_agent_id);
	UINT(source_id_type, s->source_id_type);
	UINT(source_id_index, s->source_id_index);
	p = put_bytes(p, c->bytes, c->len);
	p = KEY("counters");
	*p = '{';
	for (uint32_t i = 0; i < s->n_values && i < COUNTER_VALUES_MAX; i++) {
		if (end - p < value_max)
			break;
		p = put_counter(p + 1, &s->values[i]);
		*p = ',';
	}
	if (*p == '{')
		p++;
	*p++ = '}';
	return close_row(to, p);
}

const struct row_format json_format = {
	.constants = json_constants,
	.flow = json_flow,
	.sample = json_sample,
};
