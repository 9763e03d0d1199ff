/* Whether tries and leaves that were read from a file can be asked.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What ip_table.c makes is strict, and no less is taken: each node but those at the root has one
 * parent, which comes before it. So one pass over the nodes finds loops and ways that are longer
 * than an address. */
#include <stdlib.h>

#include "table_file.h"

enum {
	V4_LEVELS = (32 - POPTRIE_V4_ROOT + POPTRIE_STRIDE - 1) / POPTRIE_STRIDE,
	V6_LEVELS = (128 - POPTRIE_V6_ROOT + POPTRIE_STRIDE - 1) / POPTRIE_STRIDE,
};

struct check {
	const struct ip_table *t;
	uint64_t *starts; /* a bit for each word: a leaf begins there */
	uint8_t *level;	  /* of each node; 0: no parent yet */
	const struct poptrie *trie;
};

static const char no_memory[] = "out of memory";

static inline bool is_leaf(const struct check *c, uint32_t word)
{
	return word < c->t->n_words && c->starts[word / 64] >> word % 64 & 1;
}

/* Most references are plain ASCII: eight bytes at once are, where no byte has the high bit, none is
 * below 0x20 and none is 0x7f. */
static bool is_plain(const char *p, size_t n)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x80 * ones;
	uint64_t w, bad = 0;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&w, p, 8);
		bad |= w | (w - 0x20 * ones) | (w + ones);
	}
	for (; n; p++, n--)
		bad |= (uint8_t)*p < 0x20 || (uint8_t)*p >= 0x7f ? high : 0;
	return !(bad & high);
}

static const char *check_leaves(struct check *c)
{
	const struct ip_table *t = c->t;
	size_t at = 0;

	while (at < t->n_words) {
		const struct ip_leaf *l = ip_table_leaf(t, (uint32_t)at);
		size_t left = t->n_words - at, words;
		struct text ref;

		if (left * 4 < sizeof(*l))
			return "a leaf runs past the end";
		words = (offsetof(struct ip_leaf, ref) + l->ref_len + 3) / 4;
		if (words > left)
			return "a leaf runs past the end";
		if (l->part >= t->n_parts)
			return "a leaf has a part that is not there";
		ref = (struct text){l->ref, l->ref_len};
		if (!is_plain(ref.p, ref.len) && !intern_is_clean(&ref))
			return "a reference is no text";
		c->starts[at / 64] |= (uint64_t)1 << at % 64;
		at += words;
	}
	if (!t->n_words || ip_table_leaf(t, 0)->part || ip_table_leaf(t, 0)->ref_len)
		return "the leaf of what is not known says something";
	return NULL;
}

/* An entry of the array at the root. */
static const char *check_root(struct check *c, uint32_t entry)
{
	uint32_t node = entry & ~POPTRIE_NODE;

	if (!(entry & POPTRIE_NODE))
		return is_leaf(c, entry) ? NULL : "an answer is no leaf";
	if (node >= c->trie->n_nodes)
		return "a node is not there";
	if (c->level[node])
		return "two ways lead to a node";
	c->level[node] = 1;
	return NULL;
}

static const char *check_node(struct check *c, size_t i, unsigned levels)
{
	const struct poptrie_node *n = &c->trie->nodes[i];
	size_t children = (size_t)__builtin_popcountll(n->inner);
	size_t leaves = (size_t)__builtin_popcountll(n->start);

	if (!c->level[i])
		return "no way leads to a node";
	/* The first branch that ends here has an answer: then all have. */
	if (~n->inner && (!n->start || __builtin_ctzll(n->start) > __builtin_ctzll(~n->inner)))
		return "a branch has no answer";
	if (n->first_leaf > c->trie->n_leaves || c->trie->n_leaves - n->first_leaf < leaves)
		return "an answer is not there";
	if (!children)
		return NULL;
	if (c->level[i] == levels)
		return "a way is longer than an address";
	if (n->first_node <= i)
		return "a node comes before its parent";
	if (n->first_node > c->trie->n_nodes || c->trie->n_nodes - n->first_node < children)
		return "a node is not there";
	for (size_t k = n->first_node; k < n->first_node + children; k++) {
		if (c->level[k])
			return "two ways lead to a node";
		c->level[k] = (uint8_t)(c->level[i] + 1);
	}
	return NULL;
}

static const char *check_trie(struct check *c, const struct poptrie *trie, unsigned bits,
			      unsigned levels)
{
	const char *wrong = NULL;

	c->trie = trie;
	c->level = calloc(trie->n_nodes + 1, 1);
	if (!c->level)
		return no_memory;
	for (size_t i = 0; i < (size_t)1 << bits && !wrong; i++)
		if (!i || trie->root[i] != trie->root[i - 1] || trie->root[i] & POPTRIE_NODE)
			wrong = check_root(c, trie->root[i]);
	for (size_t i = 0; i < trie->n_nodes && !wrong; i++)
		wrong = check_node(c, i, levels);
	for (size_t i = 0; i < trie->n_leaves && !wrong; i++)
		if (!is_leaf(c, trie->leaves[i]))
			wrong = "an answer is no leaf";
	free(c->level);
	return wrong;
}

const char *table_check(const struct ip_table *t)
{
	struct check c = {.t = t, .starts = calloc(t->n_words / 64 + 1, sizeof(*c.starts))};
	const char *wrong = c.starts ? check_leaves(&c) : no_memory;

	wrong = wrong ? wrong : check_trie(&c, &t->v4, POPTRIE_V4_ROOT, V4_LEVELS);
	wrong = wrong ? wrong : check_trie(&c, &t->v6, POPTRIE_V6_ROOT, V6_LEVELS);
	free(c.starts);
	return wrong;
}
