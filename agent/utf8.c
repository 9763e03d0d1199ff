/* Telling UTF-8 from other bytes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "utf8.h"

bool utf8_character(const uint8_t *p, size_t n, size_t *len)
{
	uint8_t low = 0x80, high = 0xbf; /* bounds of the second byte */
	size_t want;

	*len = 1;
	if (p[0] < 0x80)
		return true;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return false;
	want = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (p[0] == 0xe0)
		low = 0xa0; /* below: overlong */
	else if (p[0] == 0xed)
		high = 0x9f; /* above: surrogates */
	else if (p[0] == 0xf0)
		low = 0x90; /* below: overlong */
	else if (p[0] == 0xf4)
		high = 0x8f; /* above: beyond U+10FFFF */
	while (*len < want && *len < n && p[*len] >= low && p[*len] <= high) {
		low = 0x80;
		high = 0xbf;
		(*len)++;
	}
	return *len == want;
}
