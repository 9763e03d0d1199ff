/* Fuzzes the packet parser: the first byte chooses where the packet starts.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "decode/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum packet_start starts[] = {PACKET_ETHERNET, PACKET_IPV4, PACKET_IPV6,
						   PACKET_MPLS};
	struct flow_ext ext = {0};
	struct flow f = {.ext = &ext};

	if (!size)
		return 0;
	packet_parse(&f, starts[data[0] & 3], data + 1, (uint32_t)size - 1);
	if (ext.n_layers > FLOW_LAYERS_MAX || ext.n_mpls > FLOW_MPLS_MAX ||
	    ext.n_segments > FLOW_SEGMENTS_MAX)
		abort();
	return 0;
}
