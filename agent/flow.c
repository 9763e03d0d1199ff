/* Allocation of flow batches.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "flow.h"

int flow_batch_init(struct flow_batch *b, uint32_t rows, uint32_t samples)
{
	memset(b, 0, sizeof(*b));
	b->rows = calloc(rows, sizeof(*b->rows));
	b->exts = calloc(rows, sizeof(*b->exts));
	b->samples = calloc(samples, sizeof(*b->samples));
	b->cap = rows;
	b->cap_samples = samples;
	if (!b->rows || !b->exts || !b->samples) {
		flow_batch_free(b);
		return -ENOMEM;
	}
	return 0;
}

void flow_batch_free(struct flow_batch *b)
{
	free(b->rows);
	free(b->exts);
	free(b->samples);
	memset(b, 0, sizeof(*b));
}
