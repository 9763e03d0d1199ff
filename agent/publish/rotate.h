/* Putting a finished file aside, and removing the oldest of those.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_ROTATE_H
#define WEIR_ROTATE_H

#include <stdbool.h>
#include <stdint.h>

#include "publish.h"

/* Renames path, "NAME" + suffix, to "NAME.20260102T030405.678Z" + suffix (UTC); never over a file
 * that is there. Returns 0 or a negative errno. */
int rotate_away(const char *path, const char *suffix);

/* Removes the oldest of the files so named, but for the last `keep`. Returns 0 or a negative errno.
 */
int rotate_prune(const char *path, const char *suffix, uint32_t keep);

/* True when the file's last row is whole, so that one can append to it. */
bool ends_with_whole_row(int fd, uint64_t size, enum output_format format);

#endif
