/* Rows under way to a table: a zstd file without a name, which goes with the process.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SPOOL_H
#define WEIR_SPOOL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct ZSTD_CCtx_s;

struct spool {
	char path[64]; /* by which it can be opened again: /proc/self/fd/N */
	FILE *f;
	struct ZSTD_CCtx_s *zstd;
	char *out;
	size_t out_room;
	uint64_t bytes; /* unpacked */
};

/* Each returns 0 or a negative errno. */
int spool_begin(struct spool *s, const char *directory, const char *name);
int spool_write(struct spool *s, const void *p, size_t n);

/* Ends the frame. */
int spool_end(struct spool *s);

void spool_free(struct spool *s);

/* Appends the spool's frame to `path`, or replaces it, so that a crash leaves the old file or the
 * new one. */
int spool_commit(struct spool *s, const char *path, bool replace);

#endif
