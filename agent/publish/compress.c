/* Compressing one message at a time.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "compress.h"

enum { GZIP_LEVEL = 3, ZSTD_LEVEL = 3, GZIP_WINDOW = 15 + 16 /* with gzip's header */ };

static int init_gzip(struct compressor *c, size_t max)
{
	z_stream *z = calloc(1, sizeof(*z));

	if (!z)
		return -ENOMEM;
	if (deflateInit2(z, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(z);
		return -ENOMEM;
	}
	c->state = z;
	c->capacity = deflateBound(z, max);
	return 0;
}

int compressor_init(struct compressor *c, enum output_compression kind, size_t max)
{
	int err;

	memset(c, 0, sizeof(*c));
	c->kind = kind;
	switch (kind) {
	case COMPRESS_NONE:
		return 0;
	case COMPRESS_GZIP:
		err = init_gzip(c, max);
		if (err)
			return err;
		break;
	case COMPRESS_ZSTD:
		c->state = ZSTD_createCCtx();
		c->capacity = ZSTD_compressBound(max);
		break;
	case COMPRESS_LZ4:
	case COMPRESS_LZ4_FAST:
		return -EINVAL;
	}
	c->out = malloc(c->capacity);
	if (c->state && c->out)
		return 0;
	compressor_free(c);
	return -ENOMEM;
}

void compressor_free(struct compressor *c)
{
	if (c->kind == COMPRESS_GZIP && c->state) {
		deflateEnd(c->state);
		free(c->state);
	} else if (c->kind == COMPRESS_ZSTD) {
		ZSTD_freeCCtx(c->state);
	}
	free(c->out);
	memset(c, 0, sizeof(*c));
}

static const uint8_t *gzip_message(struct compressor *c, const uint8_t *in, size_t *len)
{
	z_stream *z = c->state;

	deflateReset(z);
	z->next_in = (Bytef *)(uintptr_t)in;
	z->avail_in = (uInt)*len;
	z->next_out = c->out;
	z->avail_out = (uInt)c->capacity;
	if (deflate(z, Z_FINISH) != Z_STREAM_END)
		return NULL;
	*len = c->capacity - z->avail_out;
	return c->out;
}

const uint8_t *compress_message(struct compressor *c, const uint8_t *in, size_t *len)
{
	size_t n;

	switch (c->kind) {
	case COMPRESS_GZIP:
		return gzip_message(c, in, len);
	case COMPRESS_ZSTD:
		n = ZSTD_compressCCtx(c->state, c->out, c->capacity, in, *len, ZSTD_LEVEL);
		if (ZSTD_isError(n))
			return NULL;
		*len = n;
		return c->out;
	case COMPRESS_NONE:
	case COMPRESS_LZ4:
	case COMPRESS_LZ4_FAST:
		break;
	}
	return in;
}

const char *compression_suffix(enum output_compression kind)
{
	return kind == COMPRESS_GZIP ? ".gz" : kind == COMPRESS_ZSTD ? ".zst" : "";
}
