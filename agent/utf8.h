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

#endif
