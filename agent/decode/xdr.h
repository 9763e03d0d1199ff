/* Reading XDR (RFC 4506): a cursor that remembers when it ran past its end.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_XDR_H
#define WEIR_XDR_H

#include "../bytes.h"
#include "../flow.h"

/* After a read beyond the end nothing is left, `bad` stays set and all further reads give zero or
 * NULL: check it once, after a group of reads. */
struct xdr {
	const uint8_t *p, *end;
	bool bad;
};

static inline void xdr_spoil(struct xdr *x)
{
	x->bad = true;
	x->p = x->end;
}

/* The next n bytes and their padding to a multiple of four; NULL when n bytes are not there.
 * Padding that is cut off is not missed. */
static inline const uint8_t *xdr_bytes(struct xdr *x, uint32_t n)
{
	const uint8_t *p = x->p;
	size_t here = (size_t)(x->end - x->p), padded = ((size_t)n + 3) & ~(size_t)3;

	if (x->bad || n > here) {
		xdr_spoil(x);
		return NULL;
	}
	x->p += padded < here ? padded : here;
	return p;
}

static inline uint32_t xdr_u32(struct xdr *x)
{
	const uint8_t *p = x->p;

	if (x->end - p < 4) {
		xdr_spoil(x);
		return 0;
	}
	x->p += 4;
	return be32(p);
}

static inline uint64_t xdr_u64(struct xdr *x)
{
	const uint8_t *p = xdr_bytes(x, 8);

	return p ? be64(p) : 0;
}

/* opaque<> and string<>. */
static inline struct text xdr_text(struct xdr *x)
{
	struct text t = {.len = xdr_u32(x)};

	t.p = (const char *)xdr_bytes(x, t.len);
	if (!t.p)
		t.len = 0;
	return t;
}

/* sFlow's address: a type (0 unknown, 1 IPv4, 2 IPv6) and as many bytes. Any other type is bad. */
static inline struct ip_addr xdr_address(struct xdr *x)
{
	struct ip_addr a = {0};
	uint32_t type = xdr_u32(x);
	const uint8_t *p;

	if (type > 2)
		xdr_spoil(x);
	p = type == 1 ? xdr_bytes(x, 4) : type == 2 ? xdr_bytes(x, 16) : NULL;
	if (p && type == 1)
		ip_from_v4(&a, p);
	else if (p)
		memcpy(a.b, p, 16);
	return a;
}

#endif
