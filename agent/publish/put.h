/* Writing numbers, addresses and text into a buffer that is known to have the room.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each returns where the next byte goes. To save branches some write up to INFO_BEYOND bytes
 * beyond that: ENCODED_ROW_MAX leaves room for it. */
#ifndef WEIR_PUT_H
#define WEIR_PUT_H

#include <stdint.h>
#include <string.h>

#include "../flow_info.h"

extern const char put_pairs[200];     /* "00" "01" … "99" */
extern const char put_hex_pairs[512]; /* "00" … "ff" */
extern const struct put_octet {
	char text[3];
	uint8_t len;
} put_octets[256]; /* 0 to 255 as text */

static inline uint8_t *put_bytes(uint8_t *p, const void *from, size_t n)
{
	memcpy(p, from, n);
	return p + n;
}

/* The same for what is a few bytes long as a rule, such as a name: to call memcpy would cost more
 * than it does. */
static inline uint8_t *put_small(uint8_t *p, const void *from, size_t n)
{
	const uint8_t *f = from;
	uint64_t first, last;
	uint32_t head, tail;

	if (n > 16)
		return put_bytes(p, from, n);
	if (n >= 8) {
		memcpy(&first, f, 8);
		memcpy(&last, f + n - 8, 8);
		memcpy(p, &first, 8);
		memcpy(p + n - 8, &last, 8);
	} else if (n >= 4) {
		memcpy(&head, f, 4);
		memcpy(&tail, f + n - 4, 4);
		memcpy(p, &head, 4);
		memcpy(p + n - 4, &tail, 4);
	} else {
		for (size_t i = 0; i < n; i++)
			p[i] = f[i];
	}
	return p + n;
}

/* A Protobuf varint. Seven bits go to each byte by three shifts of the whole word rather than by a
 * loop whose end the processor cannot foresee. */
static inline uint8_t *put_varint(uint8_t *p, uint64_t v)
{
	uint64_t x;
	unsigned len;

	if (v < 0x80) {
		*p = (uint8_t)v;
		return p + 1;
	}
	x = (v & 0x0fffffff) | (v & 0x00fffffff0000000) << 4;
	x = (x & 0x00003fff00003fff) | (x & 0x0fffc0000fffc000) << 2;
	x = (x & 0x007f007f007f007f) | (x & 0x3f803f803f803f80) << 1;
	if (v >> 56) {
		x |= 0x8080808080808080;
		memcpy(p, &x, 8);
		v >>= 56;
		p[8] = (uint8_t)(v | (v & 0x80));
		p[9] = (uint8_t)(v >> 7);
		return p + 9 + (v >> 7);
	}
	len = (9 * (63 ^ (unsigned)__builtin_clzll(v)) + 73) / 64; /* bits / 7, rounded up */
	x |= 0x8080808080808080 & ((1ull << (8 * (len - 1))) - 1);
	memcpy(p, &x, 8);
	return p + len;
}

/* The same for numbers that are known to be short. */
static inline uint8_t *put_varint16(uint8_t *p, uint16_t v)
{
	uint32_t x = (v & 0x7fu) | (v & 0x3f80u) << 1 | (v & 0xc000u) << 2;
	unsigned more = (v >= 0x80) + (v >= 0x4000);

	x |= more == 2 ? 0x8080u : more ? 0x80u : 0;
	memcpy(p, &x, 4);
	return p + 1 + more;
}

static inline uint8_t *put_varint32(uint8_t *p, uint32_t v)
{
	uint32_t x;
	unsigned len;

	if (v < 0x80) {
		*p = (uint8_t)v;
		return p + 1;
	}
	if (v >> 28)
		return put_varint(p, v);
	x = (v & 0x3fffu) | (v & 0x0fffc000u) << 2;
	x = (x & 0x007f007fu) | (x & 0x3f803f80u) << 1;
	len = (9 * (31 ^ (unsigned)__builtin_clz(v)) + 73) / 64;
	x |= 0x80808080u & ((1u << (8 * (len - 1))) - 1);
	memcpy(p, &x, 4);
	return p + len;
}

static inline uint8_t *put_2_digits(uint8_t *p, unsigned v)
{
	memcpy(p, put_pairs + 2 * (size_t)v, 2);
	return p + 2;
}

static inline uint8_t *put_8_digits(uint8_t *p, uint32_t v)
{
	uint32_t high = v / 10000, low = v % 10000;

	p = put_2_digits(p, high / 100);
	p = put_2_digits(p, high % 100);
	p = put_2_digits(p, low / 100);
	return put_2_digits(p, low % 100);
}

/* Decimal digits of v < 10^8, without leading zeros. */
static inline uint8_t *put_short_decimal(uint8_t *p, uint32_t v)
{
	if (v < 100) {
		if (v < 10) {
			*p = (uint8_t)('0' + v);
			return p + 1;
		}
		return put_2_digits(p, v);
	}
	if (v < 10000) {
		if (v < 1000)
			*p++ = (uint8_t)('0' + v / 100);
		else
			p = put_2_digits(p, v / 100);
		return put_2_digits(p, v % 100);
	}
	p = put_short_decimal(p, v / 10000);
	v %= 10000;
	p = put_2_digits(p, v / 100);
	return put_2_digits(p, v % 100);
}

static inline uint8_t *put_decimal(uint8_t *p, uint64_t v)
{
	uint64_t high;

	if (v < 100000000)
		return put_short_decimal(p, (uint32_t)v);
	high = v / 100000000;
	p = put_decimal(p, high);
	return put_8_digits(p, (uint32_t)(v - high * 100000000));
}

static inline uint8_t *put_octet(uint8_t *p, uint8_t v)
{
	memcpy(p, &put_octets[v], 4);
	return p + put_octets[v].len;
}

static inline uint8_t *put_ipv4(uint8_t *p, const uint8_t v4[4])
{
	p = put_octet(p, v4[0]);
	*p++ = '.';
	p = put_octet(p, v4[1]);
	*p++ = '.';
	p = put_octet(p, v4[2]);
	*p++ = '.';
	return put_octet(p, v4[3]);
}

static inline uint8_t *put_hex_pair(uint8_t *p, uint8_t v)
{
	memcpy(p, put_hex_pairs + 2 * (size_t)v, 2);
	return p + 2;
}

/* The 16 bytes as inet_ntop(AF_INET6) writes them (RFC 5952). */
uint8_t *put_ipv6(uint8_t *p, const uint8_t v6[16]);

/* Quoted, without terminator; IPv4 where it is mapped. */
static inline uint8_t *put_quoted_ip(uint8_t *p, const struct ip_addr *a)
{
	*p++ = '"';
	p = ip_is_v4(a) ? put_ipv4(p, a->b + 12) : put_ipv6(p, a->b);
	*p = '"';
	return p + 1;
}

/* Short bytes, behind which others may be read and written, without a call. */
static inline uint8_t *put_short(uint8_t *p, const uint8_t *from, size_t n)
{
	for (size_t i = 0; i < n; i += INFO_BEYOND)
		memcpy(p + i, from + i, INFO_BEYOND);
	return p + n;
}

/* What was encoded when the tables were loaded, with the names of the role. */
static inline __attribute__((always_inline)) uint8_t *
put_encoded(uint8_t *p, const struct info_bytes *e, enum info_format format, enum info_role role)
{
	const uint8_t *from = e->bytes, *names;
	unsigned n;

	for (unsigned f = 0; f < (unsigned)format; f++)
		from += info_image_bytes(e, (enum info_format)f);
	if (role == INFO_SOURCE)
		return put_short(p, from, e->len[format][0]);
	n = info_n_names(e, format);
	if (!n)
		return put_short(p, from + e->len[format][0], e->len[format][1]);
	names = info_names(e, format);
	put_short(p, from, e->len[format][0]);
	for (unsigned i = 0; i < n; i++) {
		uint16_t at;
		uint32_t name;

		memcpy(&at, names + 2 * (size_t)i, 2);
		memcpy(&name, from + at, 4);
		name += info_name_change(format);
		memcpy(p + at, &name, 4);
	}
	return p + e->len[format][0];
}

/* A text as UTF-8, U+FFFD in place of each byte that is not: at most 3 × n bytes. */
uint8_t *put_utf8(uint8_t *p, const char *text, size_t n);

/* The same as a JSON string with its quotes: at most 6 × n + 2 bytes. */
uint8_t *put_json_string(uint8_t *p, const char *text, size_t n);

#endif
