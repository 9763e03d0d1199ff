/* What was learnt of exporters, saved over a restart: templates, samplers, names.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The file: "WEIRSTAT", format version, length of the rest, CRC-32 of the rest, then entries.
 * Numbers are little-endian. A file of another version, length or checksum is refused whole. */
#ifndef WEIR_STATE_H
#define WEIR_STATE_H

#include "exporter.h"

/* Writes the state to path: into a temporary file beside it, synced, then renamed. The caller is a
 * registered RCU reader. Returns 0 or a negative errno with a message for the operator in error. */
int state_save(struct exporter_store *s, const char *path, char *error, size_t error_size);

/* Reads the state into a store, within the store's limits; times of last refresh are kept, so that
 * what is too old expires. Returns the number of templates, -ENOENT when there is no file (no
 * message), or another negative errno with a message. */
int state_load(struct exporter_store *s, const char *path, struct account *account, char *error,
	       size_t error_size);

/* The same from memory; -EBADMSG for a damaged file. For state_load() and its fuzzer. */
int state_parse(struct exporter_store *s, const uint8_t *p, size_t len, struct account *account,
		char *error, size_t error_size);

#endif
