/* Writes an MMDB file (MaxMind DB format 2.0): data first, then prefixes in order, then the file.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_MMDB_WRITER_H
#define WEIR_MMDB_WRITER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../agent/buffer.h"

struct mmdb_writer;

/* The data section goes to a temporary file in `directory` until mmdb_finish(). NULL with errno. */
struct mmdb_writer *mmdb_writer_new(const char *directory);
void mmdb_writer_free(struct mmdb_writer *w);

/* Appends a value to the data section; returns where it stands there, plus 1. 0 where that failed:
 * mmdb_finish() then says so. Texts (and numbers) of mmdb_text() are written once each. */
uint32_t mmdb_text(struct mmdb_writer *w, const char *p, size_t n);
uint32_t mmdb_text_once(struct mmdb_writer *w, const char *p, size_t n); /* known to be new */
uint32_t mmdb_double(struct mmdb_writer *w, double v);
uint32_t mmdb_data(struct mmdb_writer *w, const struct buffer *value);

/* Encode into a buffer. */
void mmdb_put_map(struct buffer *b, unsigned members); /* then as many keys and values */
void mmdb_put_text(struct buffer *b, const char *p, size_t n);
void mmdb_put_uint(struct buffer *b, uint32_t v);
void mmdb_put_pointer(struct buffer *b, uint32_t where); /* as returned above */

/* Sets a prefix (128 bits; IPv4 is in ::/96) to a value; 0: to nothing. Prefixes come in order of
 * their address, the shorter first. 0 or -ENOMEM. */
int mmdb_prefix(struct mmdb_writer *w, uint64_t high, uint64_t low, unsigned length,
		uint32_t where);

/* Writes the whole to `path`: beside it first, then renamed. Behind the text, the description has a
 * hash of tree and data. Returns 0 or a negative errno. */
int mmdb_finish(struct mmdb_writer *w, const char *path, const char *type, const char *text);

/* The same, but the file stays where it was written: in `beside`, which then ends in ".new". */
int mmdb_write(struct mmdb_writer *w, const char *path, const char *type, const char *text,
	       char beside[PATH_MAX]);

uint64_t mmdb_nodes(const struct mmdb_writer *w);
uint64_t mmdb_data_size(const struct mmdb_writer *w);

#endif
