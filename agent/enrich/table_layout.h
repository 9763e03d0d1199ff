/* How ip.table is laid out: a header, then sections, one behind the other.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Numbers are little-endian. Every section is padded with zeros to a multiple of 64 bytes, which is
 * also what sums are made of. Numbers of texts, of structs and so on begin with 1; 0: none. */
#ifndef WEIR_TABLE_LAYOUT_H
#define WEIR_TABLE_LAYOUT_H

#include <string.h>

#include "poptrie.h"
#include "table_file.h"

enum { TABLE_VERSION = 1, TABLE_ALIGN = 64, TABLE_ORDER = 0x01020304 };

#define TABLE_MAGIC    "weir-ip" /* and its zero */
#define TABLE_ITEM_MAX 0x7fffffffu

/* What the arrays depend on beside the version: a file of another make is not for this program. */
#define TABLE_MAKE                                                                           \
	((uint32_t)POPTRIE_STRIDE | (uint32_t)POPTRIE_V4_ROOT << 8 | POPTRIE_V6_ROOT << 16 | \
	 (uint32_t)sizeof(struct poptrie_node) << 24)

enum table_section {
	TABLE_V4_ROOT, /* struct table_run; of the array at the root of the IPv4 trie */
	TABLE_V4_NODES,
	TABLE_V4_LEAVES, /* uint32_t, word numbers as in struct ip_table */
	TABLE_V6_ROOT,
	TABLE_V6_NODES,
	TABLE_V6_LEAVES,
	TABLE_WORDS, /* uint32_t, of struct ip_leaf */
	TABLE_TEXTS, /* uint32_t: where the text ends in the bytes */
	TABLE_BYTES, /* of all texts */
	TABLE_AS,
	TABLE_GEO,
	TABLE_REFS, /* uint32_t: texts, table and reference in turn */
	TABLE_NETWORKS,
	TABLE_PARTS,
	TABLE_SECTIONS
};

struct table_run {
	uint32_t value, n; /* so often in a row */
};

struct table_as {
	uint32_t number, text[4]; /* as in struct as_info, from `name` on */
};

struct table_geo {
	uint32_t text[4]; /* from `continent` on */
	double latitude, longitude;
};

struct table_network {
	uint32_t text[8];	    /* from `name` on */
	uint32_t first_ref, n_refs; /* among the TABLE_REFS */
};

struct table_part {
	uint32_t as, geo, network;
};

struct table_header {
	char magic[8];
	uint32_t order; /* TABLE_ORDER */
	uint32_t version, make, header_size;
	uint8_t content[TABLE_HASH]; /* of the MMDB file that it was made of … */
	uint64_t mmdb_size;	     /* … bytes of that */
	uint64_t n_prefixes;
	struct {
		uint64_t n, sum; /* items; of the section with its padding */
	} section[TABLE_SECTIONS];
	uint64_t reserved[4]; /* 0 */
	uint64_t sum;	      /* of all above */
};

_Static_assert(sizeof(struct table_header) % TABLE_ALIGN == 0, "sums are of whole blocks");
_Static_assert(sizeof(struct poptrie_node) == 24, "written as it is");
_Static_assert(sizeof(struct table_geo) == 32 && sizeof(struct table_network) == 40, "no padding");

static const uint8_t table_item_size[TABLE_SECTIONS] = {
	[TABLE_V4_ROOT] = sizeof(struct table_run),
	[TABLE_V4_NODES] = sizeof(struct poptrie_node),
	[TABLE_V4_LEAVES] = 4,
	[TABLE_V6_ROOT] = sizeof(struct table_run),
	[TABLE_V6_NODES] = sizeof(struct poptrie_node),
	[TABLE_V6_LEAVES] = 4,
	[TABLE_WORDS] = 4,
	[TABLE_TEXTS] = 4,
	[TABLE_BYTES] = 1,
	[TABLE_AS] = sizeof(struct table_as),
	[TABLE_GEO] = sizeof(struct table_geo),
	[TABLE_REFS] = 4,
	[TABLE_NETWORKS] = sizeof(struct table_network),
	[TABLE_PARTS] = sizeof(struct table_part),
};

/* Bytes of so many items with their padding; `n` is at most TABLE_ITEM_MAX. */
static inline uint64_t table_section_size(enum table_section s, uint64_t n)
{
	return (n * table_item_size[s] + TABLE_ALIGN - 1) & ~(uint64_t)(TABLE_ALIGN - 1);
}

/* A sum against accidents, quick enough to be made of all that is read. No proof against intent:
 * what is read is checked as well. */
struct table_sum {
	uint64_t lane[4];
};

static inline struct table_sum table_sum_begin(void)
{
	return (struct table_sum){{0x9e3779b97f4a7c15u, 0xc2b2ae3d27d4eb4fu, 0x165667b19e3779f9u,
				   0x27d4eb2f165667c5u}};
}

/* `n` is a multiple of TABLE_ALIGN. */
static inline void table_sum_add(struct table_sum *s, const void *from, size_t n)
{
	static const uint64_t key[] = {0xa0761d6478bd642fu, 0xe7037ed1a0b428dbu,
				       0x8ebc6af09c88c6e3u, 0x589965cc75374cc3u};
	const uint8_t *p = from;
	uint64_t w[8];

	for (; n; p += sizeof(w), n -= sizeof(w)) {
		memcpy(w, p, sizeof(w));
		for (unsigned i = 0; i < 4; i++) {
			/* rotated, so that it is of no matter where a factor is 0 */
			uint64_t a = s->lane[i] ^ w[2 * i], b = w[2 * i + 1] ^ key[i];
			unsigned __int128 m = (unsigned __int128)a * (b | 1);

			s->lane[i] = ((uint64_t)m ^ (uint64_t)(m >> 64)) + (b << 17 | b >> 47) + a;
		}
	}
}

static inline uint64_t table_sum_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 m = (unsigned __int128)(a ^ 0xff51afd7ed558ccdu) * (b | 1);

	return (uint64_t)m ^ (uint64_t)(m >> 64) ^ b;
}

static inline uint64_t table_sum_end(const struct table_sum *s)
{
	return table_sum_mix(table_sum_mix(s->lane[0], s->lane[1]),
			     table_sum_mix(s->lane[2], s->lane[3]));
}

static inline uint64_t table_header_sum(const struct table_header *h)
{
	struct table_header copy = *h;
	struct table_sum s = table_sum_begin();

	copy.sum = 0;
	table_sum_add(&s, &copy, sizeof(copy));
	return table_sum_end(&s);
}

#endif
