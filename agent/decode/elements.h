/* What is known of Information Elements: name and type, for printing records as sent.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The tables are agent/decode/elements*.tsv; a user's file in the same form extends them. Nothing
 * on the packet path looks here. */
#ifndef WEIR_ELEMENTS_H
#define WEIR_ELEMENTS_H

#include <stddef.h>

#include "../flow.h"

/* How a value is read: RFC 7011 section 6.1, RFC 6313. */
enum element_kind {
	ELEMENT_OCTETS,
	ELEMENT_UNSIGNED,
	ELEMENT_SIGNED,
	ELEMENT_FLOAT,
	ELEMENT_BOOLEAN,
	ELEMENT_MAC,
	ELEMENT_IPV4,
	ELEMENT_IPV6,
	ELEMENT_STRING,
	ELEMENT_SECONDS,
	ELEMENT_MILLISECONDS,
	ELEMENT_MICROSECONDS,
	ELEMENT_NANOSECONDS,
	ELEMENT_BASIC_LIST,
	ELEMENT_SUB_TEMPLATE_LIST,
	ELEMENT_SUB_TEMPLATE_MULTI_LIST,
};

/* The abstract data types by their IANA names. Any reduced size is good, so widths do not matter.
 */
#define ELEMENT_TYPES(T)                      \
	T(octetArray, OCTETS)                 \
	T(unsigned8, UNSIGNED)                \
	T(unsigned16, UNSIGNED)               \
	T(unsigned32, UNSIGNED)               \
	T(unsigned64, UNSIGNED)               \
	T(signed8, SIGNED)                    \
	T(signed16, SIGNED)                   \
	T(signed32, SIGNED)                   \
	T(signed64, SIGNED)                   \
	T(float32, FLOAT)                     \
	T(float64, FLOAT)                     \
	T(boolean, BOOLEAN)                   \
	T(macAddress, MAC)                    \
	T(ipv4Address, IPV4)                  \
	T(ipv6Address, IPV6)                  \
	T(string, STRING)                     \
	T(dateTimeSeconds, SECONDS)           \
	T(dateTimeMilliseconds, MILLISECONDS) \
	T(dateTimeMicroseconds, MICROSECONDS) \
	T(dateTimeNanoseconds, NANOSECONDS)   \
	T(basicList, BASIC_LIST)              \
	T(subTemplateList, SUB_TEMPLATE_LIST) \
	T(subTemplateMultiList, SUB_TEMPLATE_MULTI_LIST)

struct element {
	uint64_t key; /* number space and id, for look-up only */
	const char *name;
	enum element_kind kind;
	unsigned line; /* of the user's file; 0: built in */
};

struct elements;

/* The built-in tables: IANA's, and with vendor_names those of vendors, too. Then the rows of the
 * file at `path` (NULL: none) in the form of elements.tsv: "pen, id, name, type" between tabs, pen
 * 0 for IANA, "v9" for a NetFlow v9 number that IANA does not have. A row replaces an element that
 * is known already. 0, or a negative errno after a message with file:line. */
int elements_open(struct elements **e, bool vendor_names, const char *path);
void elements_close(struct elements *e);

/* The element, or NULL: not known. NetFlow v9 field types are IANA's numbers where IANA has them
 * and have no pen. */
const struct element *elements_find(const struct elements *e, enum flow_type version, uint32_t pen,
				    uint16_t id);

#endif
