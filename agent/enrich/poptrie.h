/* Longest-prefix match in a trie of 64-way nodes with counted bits.
 * SPDX-License-Identifier: Apache-2.0
 *
 * After Asai and Ohara, "Poptrie: A Compressed Trie with Population Count for Fast and Scalable
 * Software IP Routing Table Lookup", SIGCOMM 2015. The first bits of an address index an array;
 * each further 6 a node, in which one bit for each of 64 branches says whether it goes on, and
 * another where a run of equal answers begins. */
#ifndef WEIR_POPTRIE_H
#define WEIR_POPTRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	POPTRIE_STRIDE = 6,
	POPTRIE_V4_ROOT = 18, /* 18 + 6: a /24 ends in the first node */
	POPTRIE_V6_ROOT = 20, /* 20 + 2 * 6: a /32 in the second */
};

#define POPTRIE_NODE 0x80000000u /* in the array: the rest is a node, else the answer */

struct poptrie_node {
	uint64_t inner; /* bit i: branch i goes on, at nodes[first_node + its rank] */
	uint64_t start; /* bit i: the answer of branch i differs from the one before */
	uint32_t first_node, first_leaf;
};

struct poptrie {
	uint32_t *root;
	struct poptrie_node *nodes;
	uint32_t *leaves;
	size_t n_nodes, n_leaves;
};

static inline unsigned poptrie_rank(uint64_t bits, unsigned i)
{
	return (unsigned)__builtin_popcountll(bits & (((uint64_t)2 << i) - 1));
}

/* The answer for an address whose bits are left-aligned in 64 or 128 bits; 0: none. */
static inline uint32_t poptrie_v4(const struct poptrie *t, uint32_t address)
{
	uint32_t at = t->root[address >> (32 - POPTRIE_V4_ROOT)];
	uint64_t key = (uint64_t)address << (32 + POPTRIE_V4_ROOT);

	while (at & POPTRIE_NODE) {
		const struct poptrie_node *n = &t->nodes[at & ~POPTRIE_NODE];
		unsigned i = (unsigned)(key >> (64 - POPTRIE_STRIDE));

		if (!(n->inner >> i & 1))
			return t->leaves[n->first_leaf + poptrie_rank(n->start, i) - 1];
		at = (n->first_node + poptrie_rank(n->inner, i) - 1) | POPTRIE_NODE;
		key <<= POPTRIE_STRIDE;
	}
	return at;
}

/* A look-up on its way, so that several can be: each step asks memory for what the next one reads.
 * The address is left-aligned in 128 bits. */
struct poptrie_walk {
	unsigned __int128 key;
	uint32_t at; /* in the array, the nodes or the leaves of the trie */
};

static inline void poptrie_begin(struct poptrie_walk *w, const struct poptrie *t,
				 unsigned __int128 address, unsigned root)
{
	w->at = (uint32_t)(address >> (128 - root));
	w->key = address << root;
	__builtin_prefetch(&t->root[w->at]);
}

/* True: the answer is w->at; else a node is there. */
static inline bool poptrie_root(struct poptrie_walk *w, const struct poptrie *t)
{
	w->at = t->root[w->at];
	if (!(w->at & POPTRIE_NODE))
		return true;
	w->at &= ~POPTRIE_NODE;
	__builtin_prefetch(&t->nodes[w->at]);
	return false;
}

/* True: the answer is the leaf w->at; else a further node is there. */
static inline bool poptrie_step(struct poptrie_walk *w, const struct poptrie *t)
{
	const struct poptrie_node *n = &t->nodes[w->at];
	unsigned i = (unsigned)((uint64_t)(w->key >> 64) >> (64 - POPTRIE_STRIDE));

	if (!(n->inner >> i & 1)) {
		w->at = n->first_leaf + poptrie_rank(n->start, i) - 1;
		__builtin_prefetch(&t->leaves[w->at]);
		return true;
	}
	w->at = n->first_node + poptrie_rank(n->inner, i) - 1;
	w->key <<= POPTRIE_STRIDE;
	__builtin_prefetch(&t->nodes[w->at]);
	return false;
}

static inline uint32_t poptrie_v6(const struct poptrie *t, unsigned __int128 address)
{
	uint32_t at = t->root[(uint64_t)(address >> (128 - POPTRIE_V6_ROOT))];
	unsigned __int128 key = address << POPTRIE_V6_ROOT;

	while (at & POPTRIE_NODE) {
		const struct poptrie_node *n = &t->nodes[at & ~POPTRIE_NODE];
		unsigned i = (unsigned)((uint64_t)(key >> 64) >> (64 - POPTRIE_STRIDE));

		if (!(n->inner >> i & 1))
			return t->leaves[n->first_leaf + poptrie_rank(n->start, i) - 1];
		at = (n->first_node + poptrie_rank(n->inner, i) - 1) | POPTRIE_NODE;
		key <<= POPTRIE_STRIDE;
	}
	return at;
}

#endif
