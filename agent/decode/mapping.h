/* From information elements to members of struct flow: the rules of precedence as a table.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_MAPPING_H
#define WEIR_MAPPING_H

#include "compile.h"

/* Element `id` fills the member at `to`, unless one of lower rank is there, too. */
struct element_mapping {
	uint16_t id;
	uint8_t kind; /* enum copy_kind */
	uint8_t rank;
	uint8_t flags; /* enum copy_flag */
	uint8_t width;
	uint8_t arg;
	uint16_t to;
};

/* The mappings of an IANA element: *n of them, next to each other. NULL: it fills nothing. */
const struct element_mapping *mapping_of(uint16_t id, unsigned *n);

/* The same for the reverse direction of a biflow: elements of PEN 29305, and (pen 0) the
 * responder's counters. */
const struct element_mapping *mapping_of_reverse(uint32_t pen, uint16_t id, unsigned *n);

/* The mapping of an element's second occurrence in a template: the inner packet's. */
const struct element_mapping *mapping_of_inner(uint16_t id);

#endif
