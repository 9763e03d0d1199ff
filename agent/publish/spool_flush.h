/* Forcing the spool's files to disk without waiting for it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A disk may take seconds for it, and whoever waited would neither take messages meanwhile nor see
 * what the broker acknowledges. */
#ifndef WEIR_SPOOL_FLUSH_H
#define WEIR_SPOOL_FLUSH_H

#include <stdbool.h>
#include <stdint.h>

struct spool_flusher;

/* Starts the thread that does it. `output` and `path` are for messages and stay the caller's. NULL
 * with errno set when it cannot be started. */
struct spool_flusher *spool_flusher_start(const char *output, const char *path);

/* Has what was written so far to the segment with this number forced to disk, or, 0, the directory;
 * the descriptor may be closed at once. False: there is too much to do already, ask again later. */
bool spool_flusher_take(struct spool_flusher *f, uint64_t id, int fd);

/* Waits for all that was taken, and frees. */
void spool_flusher_stop(struct spool_flusher *f);

#endif
