/* Reads files as they come: plain, gzip, zstd, or a member of a zip file, by lines or whole.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_UNPACK_H
#define WEIR_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../agent/buffer.h"

struct unpack;

enum { UNPACK_LINE_MAX = 16 << 20 };

/* Opens a file, or the first member of a zip file whose name ends in `member`. What the file is is
 * seen from its first bytes. Returns 0, or a negative errno and one line in `error`: -ENOENT,
 * -ENOMSG where the zip file has no such member, -EBADMSG where it is damaged. */
int unpack_open(struct unpack **out, const char *path, const char *member, uint64_t max_bytes,
		char *error, size_t error_size);
void unpack_close(struct unpack *u);

/* Fills in up to n bytes; 0 at the end; negative errno, and unpack_error(): -EBADMSG where what is
 * packed is damaged or cut short, -EFBIG beyond max_bytes. */
ssize_t unpack_read(struct unpack *u, void *to, size_t n);

/* The next line without its end (\n or \r\n), NUL-ended, valid until the next call. 1, 0 at the
 * end, or a negative errno. */
int unpack_line(struct unpack *u, char **line, size_t *n);
unsigned unpack_line_number(const struct unpack *u);

/* The whole file, NUL-ended. */
int unpack_all(struct unpack *u, struct buffer *to);

const char *unpack_error(const struct unpack *u);

/* How far the packed file has been read, for progress. */
uint64_t unpack_position(const struct unpack *u);
uint64_t unpack_size(const struct unpack *u);

#endif
