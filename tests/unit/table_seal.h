/* Makes the sums of an ip.table right again after its bytes were changed, so that what is behind
 * the sums is tested as well.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TABLE_SEAL_H
#define WEIR_TABLE_SEAL_H

#include "enrich/table_layout.h"

/* Where a section begins; the header says so, within `n` bytes or not. */
static inline size_t table_section_at(const uint8_t *file, enum table_section which)
{
	struct table_header h;
	size_t at = sizeof(h);

	memcpy(&h, file, sizeof(h));
	for (unsigned s = 0; s < which; s++)
		if (h.section[s].n <= TABLE_ITEM_MAX)
			at += table_section_size(s, h.section[s].n);
	return at;
}

static inline void table_seal(uint8_t *file, size_t n)
{
	struct table_header h;

	if (n < sizeof(h))
		return;
	memcpy(&h, file, sizeof(h));
	for (unsigned s = 0; s < TABLE_SECTIONS; s++) {
		size_t at = table_section_at(file, s), size;
		struct table_sum sum = table_sum_begin();

		if (h.section[s].n > TABLE_ITEM_MAX)
			continue;
		size = (size_t)table_section_size(s, h.section[s].n);
		if (at > n || n - at < size)
			continue;
		table_sum_add(&sum, file + at, size);
		h.section[s].sum = table_sum_end(&sum);
	}
	h.sum = table_header_sum(&h);
	memcpy(file, &h, sizeof(h));
}

#endif
