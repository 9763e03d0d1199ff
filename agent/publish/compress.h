/* Compressing one message at a time, each to a stream that is whole by itself.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_COMPRESS_H
#define WEIR_COMPRESS_H

#include <stddef.h>
#include <stdint.h>

#include "publish.h"

struct compressor {
	enum output_compression kind;
	void *state;
	uint8_t *out;
	size_t capacity;
};

/* For messages of up to max bytes; kind is none, gzip or zstd. Returns 0, -ENOMEM or -EINVAL. */
int compressor_init(struct compressor *c, enum output_compression kind, size_t max);
void compressor_free(struct compressor *c);

/* Returns where the compressed bytes are, valid until the next call, and their number in *len.
 * Without compression it is the input itself. NULL on failure. */
const uint8_t *compress_message(struct compressor *c, const uint8_t *in, size_t *len);

/* ".gz", ".zst" or "". */
const char *compression_suffix(enum output_compression kind);

#endif
