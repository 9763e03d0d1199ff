/* Telling UTF-8 from other bytes.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_UTF8_H
#define WEIR_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether a UTF-8 character (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF)
 * begins at p, of which n ≥ 1 bytes are there. *len is its length; or, where there is none, the
 * length of what one U+FFFD stands for: the bytes that could have begun one (the Unicode Standard,
 * section 3.9, "substitution of maximal subparts"), at least one. */
bool utf8_character(const uint8_t *p, size_t n, size_t *len);

/* Is the character of `len` bytes (as above) one at which readers of lines may end a line: a
 * control character above U+007F, or the separators U+2028 and U+2029? */
static inline bool utf8_ends_line(const uint8_t *p, size_t len)
{
	return (len == 2 && p[0] == 0xc2 && p[1] < 0xa0) ||
	       (len == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] & 0xfe) == 0xa8);
}

/* Its code point. */
static inline uint16_t utf8_line_end(const uint8_t *p, size_t len)
{
	return len == 2 ? p[1] : (uint16_t)(0x2000 | (p[2] & 0x3f));
}

#endif
