/* The longer writers, IPv6 addresses and strings, and the tables of the short ones.
 * SPDX-License-Identifier: Apache-2.0 */
#include "put.h"

#include "../bytes.h"
#include "../utf8.h"

#define TEN(t)	   t "0" t "1" t "2" t "3" t "4" t "5" t "6" t "7" t "8" t "9"
#define SIXTEEN(t) TEN(t) t "a" t "b" t "c" t "d" t "e" t "f"

const char put_pairs[200] = TEN("0") TEN("1") TEN("2") TEN("3") TEN("4") TEN("5") TEN("6") TEN("7")
	TEN("8") TEN("9");

const char put_hex_pairs[512] = SIXTEEN("0") SIXTEEN("1") SIXTEEN("2") SIXTEEN("3") SIXTEEN("4")
	SIXTEEN("5") SIXTEEN("6") SIXTEEN("7") SIXTEEN("8") SIXTEEN("9") SIXTEEN("a") SIXTEEN("b")
		SIXTEEN("c") SIXTEEN("d") SIXTEEN("e") SIXTEEN("f");

#define OCTET(v)                                                                 \
	{                                                                        \
		{'0' + ((v) >= 100  ? (v) / 100 % 10                             \
			: (v) >= 10 ? (v) / 10 % 10                              \
				    : (v) % 10),                                 \
		 '0' + ((v) >= 100 ? (v) / 10 % 10 : (v) % 10), '0' + (v) % 10}, \
			(v) >= 100  ? 3                                          \
			: (v) >= 10 ? 2                                          \
				    : 1                                          \
	}
#define OCTETS4(v)  OCTET(v), OCTET((v) + 1), OCTET((v) + 2), OCTET((v) + 3)
#define OCTETS16(v) OCTETS4(v), OCTETS4((v) + 4), OCTETS4((v) + 8), OCTETS4((v) + 12)
#define OCTETS64(v) OCTETS16(v), OCTETS16((v) + 16), OCTETS16((v) + 32), OCTETS16((v) + 48)

const struct put_octet put_octets[256] = {OCTETS64(0), OCTETS64(64), OCTETS64(128), OCTETS64(192)};

/* 16 bits in hexadecimal without leading zeros. */
static uint8_t *put_group(uint8_t *p, const uint8_t group[2])
{
	char digits[4];
	unsigned skip;

	memcpy(digits, put_hex_pairs + 2 * (size_t)group[0], 2);
	memcpy(digits + 2, put_hex_pairs + 2 * (size_t)group[1], 2);
	skip = group[0] ? (group[0] < 0x10) : 2 + (group[1] < 0x10);
	memcpy(p, digits + skip, 4 - skip);
	return p + 4 - skip;
}

uint8_t *put_ipv6(uint8_t *p, const uint8_t v6[16])
{
	unsigned best = 8, best_len = 1, start = 0, len = 0;

	/* The longest run of zero groups, two at least, the first of equals. */
	for (unsigned i = 0; i < 8; i++) {
		if (v6[2 * i] | v6[2 * i + 1]) {
			len = 0;
			continue;
		}
		if (!len++)
			start = i;
		if (len > best_len) {
			best = start;
			best_len = len;
		}
	}
	for (unsigned i = 0; i < 8; i++) {
		if (i == best) {
			*p++ = ':';
			i += best_len - 1;
			if (i == 7)
				*p++ = ':';
			continue;
		}
		if (i)
			*p++ = ':';
		/* IPv4-compatible and IPv4-mapped addresses */
		if (i == 6 && best == 0 && best_len == 6)
			return put_ipv4(p, v6 + 12);
		if (i == 5 && best == 0 && best_len == 5 && be16(v6 + 10) == 0xffff) {
			p = put_bytes(p, "ffff:", 5);
			return put_ipv4(p, v6 + 12);
		}
		p = put_group(p, v6 + 2 * i);
	}
	return p;
}

static const char replacement[3] = "\xef\xbf\xbd"; /* U+FFFD */

uint8_t *put_utf8(uint8_t *p, const char *text, size_t n)
{
	const uint8_t *s = (const uint8_t *)text;

	for (size_t i = 0; i < n;) {
		size_t len;

		if (utf8_character(s + i, n - i, &len))
			p = put_bytes(p, s + i, len);
		else
			p = put_bytes(p, replacement, sizeof(replacement));
		i += len;
	}
	return p;
}

uint8_t *put_json_string(uint8_t *p, const char *text, size_t n)
{
	const uint8_t *s = (const uint8_t *)text;

	*p++ = '"';
	for (size_t i = 0; i < n;) {
		size_t len;

		if (!utf8_character(s + i, n - i, &len)) {
			p = put_bytes(p, replacement, sizeof(replacement));
		} else if (s[i] < 0x20 || s[i] == 0x7f) {
			p = put_bytes(p, "\\u00", 4);
			p = put_hex_pair(p, s[i]);
		} else if (utf8_ends_line(s + i, len)) {
			uint16_t c = utf8_line_end(s + i, len);

			p = put_bytes(p, "\\u", 2);
			p = put_hex_pair(p, (uint8_t)(c >> 8));
			p = put_hex_pair(p, (uint8_t)c);
		} else {
			if (s[i] == '"' || s[i] == '\\')
				*p++ = '\\';
			p = put_bytes(p, s + i, len);
		}
		i += len;
	}
	*p = '"';
	return p + 1;
}
