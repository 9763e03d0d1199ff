/* ip.table: the table of addresses as `weir load trie` has made it of ip.mmdb, ready to be read.
 * SPDX-License-Identifier: Apache-2.0
 *
 * It holds tries and leaves as they are in memory, and AS, places and networks as they were in the
 * MMDB file: who reads it encodes them in the formats it needs. Nothing in it is believed. It is
 * used beside the one MMDB file that it was made of: both name the same hash of that one's content.
 */
#ifndef WEIR_TABLE_FILE_H
#define WEIR_TABLE_FILE_H

#include "ip_table.h"

#define TABLE_CONTENT "content " /* before the hash in the description of the MMDB file */

enum { TABLE_HASH = 16, TABLE_HASH_TEXT = 2 * TABLE_HASH };

/* Which MMDB file a table belongs to. */
struct table_identity {
	uint8_t content[TABLE_HASH];
	uint64_t size; /* bytes */
};

/* Reads the end of an MMDB file, where its description is. False where that has no hash of the
 * content, as those of others, or the file cannot be read. */
bool table_identify(const char *mmdb, struct table_identity *id);

/* The hash of the first `n` bytes of a file. Returns 0 or a negative errno. */
int table_hash(int fd, uint64_t n, uint8_t hash[TABLE_HASH]);

/* Writes a table that was loaded with all that its MMDB file has. `path` is written over, flushed
 * to the disk, and removed where that fails: renaming it is the caller's. Returns 0 or a negative
 * errno. */
int table_write(const struct ip_table *t, const struct table_identity *id, const char *path);

/* Reads the table that belongs to `id`, with what the options want of it (paths are not looked at).
 * NULL and why in `error`, without the path. */
struct ip_table *table_read(const char *path, const struct table_identity *id,
			    const struct ip_table_options *o, char *error, size_t size);

/* Whether the tries and leaves can be asked for any address: every number leads to what is there,
 * and no way is longer than an address. NULL, or a static text that says what is wrong. Parts need
 * not be there yet, but their number. */
const char *table_check(const struct ip_table *t);

#endif
