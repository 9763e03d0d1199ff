/* What was learnt of exporters, saved over a restart: templates, samplers, names.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The file: "WEIRSTAT", format version, length of the rest, CRC-32 of the rest, then entries.
 * Numbers are little-endian. A file of another version, length or checksum is refused whole. */
#ifndef WEIR_STATE_H
#define WEIR_STATE_H

#include "../buffer.h"
#include "exporter.h"
#include "template.h"

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

/* The same entries one by one, for agents that share them: a stream, which must come first and be
 * dated seen_ns (ns since 1970), then of it a template dated seen_s, its sampling rates, or one of
 * `groups` groups of its names. */
void state_put_domain(struct buffer *b, const struct domain *d, uint64_t seen_ns);
void state_put_template(struct buffer *b, const struct template *t, uint64_t seen_s);
void state_put_samplers(struct buffer *b, const struct domain *d);
void state_put_names(struct buffer *b, const struct domain *d, unsigned group, unsigned groups);
bool state_has_names(const struct domain *d, unsigned group, unsigned groups);

/* Zeroes the dates in entries that state_put_domain() began, and returns the later of them in s
 * since 1970; 0: they are none. */
uint64_t state_clear_times(uint8_t *p, size_t len);

/* Learns entries. What an exporter said here later than they are dated stands above them. Returns
 * the number of templates learnt, or -EBADMSG; what came before the fault is learnt. */
int state_entries(struct exporter_store *s, const uint8_t *p, size_t len, struct account *account);

#endif
