/* The table of addresses: made of MMDB files as a whole, read without locks.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where several files know an address, what the longest prefix says comes first, then the files in
 * their order; AS, place and network each come from one of them as a whole. */
#ifndef WEIR_IP_TABLE_H
#define WEIR_IP_TABLE_H

#include "../bytes.h"
#include "intern.h"
#include "poptrie.h"

enum { IP_TABLE_FILES_MAX = 8 };

/* What prefixes have in common. */
struct ip_part {
	const struct as_info *as;
	const struct geo_info *geo;
	const struct network_info *network;
	/* What follows is of the structs, so that these need not be read: ip_part_complete(). */
	uint32_t as_number;
	uint16_t geo_bytes; /* info_bytes_before() */
	uint16_t as_bytes : 15;
	uint16_t as_is_named : 1; /* has a name or a reference */
};

/* Sets what follows from the part's structs. */
void ip_part_complete(struct ip_part *p);

/* What one prefix has: a part, and its own reference. Words of these lie one behind the other. */
struct ip_leaf {
	uint32_t part;
	uint8_t ref_len;
	char ref[];
};

struct ip_table {
	struct poptrie v4, v6;
	uint32_t *leaves; /* struct ip_leaf at a multiple of 4; answers are word numbers */
	struct ip_part *parts;
	struct interner interner;
	uint32_t n_parts;
	size_t n_words, size; /* bytes of memory in all */
	uint64_t n_prefixes;
	uint64_t load_ns;
	uint32_t n_infos;
};

struct ip_table_options {
	const char *const *paths; /* at most IP_TABLE_FILES_MAX */
	unsigned n_paths;
	const info_writer *const *writers; /* by format; NULL: none */
	/* What is taken of the values. */
	bool as_names, geo, networks, refs;
	bool own_files; /* nobody else changes them: they need not be copied */
};

/* All that the files have, encoded in no format. */
static inline struct ip_table_options ip_table_everything(const char *const *paths, unsigned n)
{
	return (struct ip_table_options){.paths = paths,
					 .n_paths = n,
					 .as_names = true,
					 .geo = true,
					 .networks = true,
					 .refs = true};
}

/* Reads all files into one table. NULL and an `error` that says which file and why where one of
 * them cannot be read or is damaged; nothing of it is used then. */
struct ip_table *ip_table_load(const struct ip_table_options *o, char *error, size_t size);
void ip_table_free(struct ip_table *t);

/* The number of the leaf for an address; 0: nothing is known. Of an address that is not set nothing
 * is known, whatever a file has for ::/96. */
static inline uint32_t ip_table_find(const struct ip_table *t, const struct ip_addr *a)
{
	if (ip_is_v4(a))
		return poptrie_v4(&t->v4, be32(a->b + 12));
	if (ip_is_unset(a))
		return 0;
	return poptrie_v6(&t->v6, (unsigned __int128)be64(a->b) << 64 | be64(a->b + 8));
}

enum { IP_TABLE_TOGETHER = 64 };

/* The same for `n` addresses at once, at most IP_TABLE_TOGETHER: while one look-up waits for memory
 * the others go on. The leaves are on their way to the cache when it returns. */
void ip_table_find_many(const struct ip_table *t, const struct ip_addr *const addresses[],
			uint32_t leaves[], unsigned n);

static inline const struct ip_leaf *ip_table_leaf(const struct ip_table *t, uint32_t leaf)
{
	return (const struct ip_leaf *)(const void *)(t->leaves + leaf);
}

#endif
