/* One value of a record as JSON, by the type of its element.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PRINT_VALUE_H
#define WEIR_PRINT_VALUE_H

#include "../buffer.h"
#include "elements.h"
#include "ipfix.h"

/* Numbers of any reduced size as numbers, addresses and MACs as text, strings without trailing
 * NULs, times since 1970 in the unit of their type (NTP fractions truncated), booleans 1 and 2 as
 * true and false. No bytes at all: null. Octets, and what has not the size its type asks for:
 * "0x…". Lists have their own walk in print.c; here they are octets. */
void print_value(struct buffer *out, enum element_kind kind, const struct field_place *value);

/* "0x" and hexadecimal digits, with quotes. */
void print_octets(struct buffer *out, const struct field_place *value);

#endif
