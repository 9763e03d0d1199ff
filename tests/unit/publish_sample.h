/* A flow in which every field has a value of its own, for the tests of encoders.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PUBLISH_SAMPLE_H
#define WEIR_PUBLISH_SAMPLE_H

#include "flow.h"
#include "flow_fields.h"

/* The value of the field `number`, in a member of `size` bytes. */
static inline uint64_t sample_number(uint32_t number, size_t size)
{
	uint64_t v = number * 0x9e3779b97f4a7c15u | 1;

	return size == 8 ? v : v & ((1ull << 8 * size) - 1);
}

/* Odd fields are IPv4, even ones IPv6. */
static inline struct ip_addr sample_address(uint32_t number)
{
	struct ip_addr a = {.q = {sample_number(number, 8), sample_number(~number, 8)}};

	if (number % 2)
		ip_from_v4(&a, &number);
	return a;
}

/* Quotes, a letter of two bytes and a control character. */
#define SAMPLE_TEXT(number) "name \"" #number "\" \xc3\xa9\n"

/* Second elements of repeated fields have the value of this number. */
static inline uint32_t sample_second(uint32_t number)
{
	return number + 1000;
}

/* Sets every field of *f and of *e, which it attaches; repeated ones have two elements. */
static inline void sample_flow(struct flow *f, struct flow_ext *e)
{
	memset(f, 0, sizeof(*f));
	memset(e, 0, sizeof(*e));
	f->ext = e;
#define SET_UINT(number, member)   member = (typeof(member))sample_number(number, sizeof(member));
#define SET_TIME		   SET_UINT
#define SET_ETYPE		   SET_UINT
#define SET_PROTO		   SET_UINT
#define SET_MAC(number, member)	   member = sample_number(number, 6);
#define SET_TYPE(number, member)   member = FLOW_IPFIX;
#define SET_ORIGIN(number, member) member = SAMPLING_OPTIONS;
#define SET_ADDR(number, member)   member = sample_address(number);
#define SET_ADDRS		   SET_ADDR
#define SET_TEXT(number, member)        \
	member.p = SAMPLE_TEXT(number); \
	member.len = sizeof(SAMPLE_TEXT(number)) - 1;
#define SET_LAYER(number, member)     member = (number) > 1000 ? LAYER_CUSTOM : LAYER_IPV6_ROUTING;
#define X(kind, name, number, member) SET_##kind(number, f->member)
	FLOW_FIELDS (X)
#undef X
#define X(kind, name, number, member) SET_##kind(number, e->member)
		FLOW_EXT_FIELDS(X)
#undef X
#define Y(kind, name, number, array, count) \
	SET_##kind(number, e->array[0]);    \
	SET_##kind(sample_second(number), e->array[1]);
	FLOW_EXT_REPEATED(Y)
#undef Y
	e->n_mpls = e->n_layers = e->n_segments = e->n_as_path = e->n_communities = 2;
	e->n_ext_communities = e->n_mpls_ttl = 2;
	e->n_large_communities = 1;
	e->large_communities[2] = 3;
#undef SET_UINT
#undef SET_TIME
#undef SET_ETYPE
#undef SET_PROTO
#undef SET_MAC
#undef SET_TYPE
#undef SET_ORIGIN
#undef SET_ADDR
#undef SET_ADDRS
#undef SET_TEXT
#undef SET_LAYER
}

#endif
