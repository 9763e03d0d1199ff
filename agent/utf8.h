/* Telling UTF-8 from other bytes.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_UTF8_H
#define WEIR_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the UTF-8 character at p, of which n ≥ 1 are there, or 0 when it is none (RFC 3629: no
 * overlong forms, no surrogates, nothing above U+10FFFF). */
size_t utf8_length(const uint8_t *p, size_t n);

#endif
