/* Making the table of addresses from MMDB files.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The search trees of all files are walked at once: a place in the walk is one record for each
 * file, and the prefix at which the file had its answer. */
#include "../clock.h"
#include "ip_table.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "mmdb.h"

enum {
	SEEN = 1 << 12, /* answers that the next prefixes may have as well */
	LEAVES_START = 1 << 16,
	FORGET = 1 << 17, /* nodes after which pages of files are given back */
};

struct place {
	uint32_t record[IP_TABLE_FILES_MAX];
	uint8_t depth[IP_TABLE_FILES_MAX];
};

/* A value that was read: its part and the reference, which may be that of another prefix. */
struct known_value {
	struct hash hash;
	uint32_t part;
};

struct known_values {
	struct known_value *p;
	size_t n, mask;
};

struct seen_record {
	uint32_t record, part;
	struct text ref;
};

struct seen_leaf {
	const char *ref;
	uint32_t part, leaf;
};

struct builder {
	struct ip_table *t;
	const struct ip_table_options *o;
	struct mmdb files[IP_TABLE_FILES_MAX];
	unsigned n_files;
	struct known_values values[IP_TABLE_FILES_MAX];
	struct seen_record *seen[IP_TABLE_FILES_MAX]; /* SEEN of each */
	struct seen_leaf *leaves;		      /* SEEN */
	uint32_t *part_leaf;			      /* by part: the leaf without reference */
	uint32_t *part_index;			      /* open hash of parts: number + 1 */
	size_t index_mask;
	size_t cap_parts, cap_words;
	size_t cap_nodes, cap_leaves;
	uint64_t steps, max_steps;
	struct place last; /* the place whose answer is last_answer */
	uint32_t last_answer;
	bool has_last;
	unsigned bits; /* of the addresses of this walk */
	const char *wrong;
	unsigned wrong_file;
};

static void *get_array(size_t n, size_t size)
{
	void *p = large_get(n * size);

	return p ? memset(p, 0, n * size) : NULL;
}

/* Moves an array of `n` bytes to where it stays. */
static bool settle(void *array, size_t n)
{
	void *from, *to = large_get(n);

	if (!to)
		return false;
	memcpy(&from, array, sizeof(from)); /* pointers of other types are not void pointers */
	if (n)
		memcpy(to, from, n);
	free(from);
	memcpy(array, &to, sizeof(to));
	return true;
}

/* Makes room for `want` items in all of the array that *array points to. */
static bool grow(void *array, size_t *cap, size_t want, size_t size)
{
	size_t n = *cap ? *cap : LEAVES_START;
	void *p;

	if (want <= *cap)
		return true;
	while (n < want)
		n *= 2;
	memcpy(&p, array, sizeof(p)); /* pointers of other types are not void pointers */
	p = realloc(p, n * size);
	if (!p)
		return false;
	memcpy(array, &p, sizeof(p));
	*cap = n;
	return true;
}

static uint32_t no_memory(struct builder *b)
{
	b->wrong = "out of memory";
	b->wrong_file = b->n_files;
	return 0;
}

static uint32_t damaged(struct builder *b, unsigned file, const char *why)
{
	b->wrong = why;
	b->wrong_file = file;
	return 0;
}

void ip_part_complete(struct ip_part *p)
{
	uint32_t as_bytes = info_bytes_before(p->as), geo_bytes = info_bytes_before(p->geo);

	p->as_number = p->as ? p->as->number : 0;
	p->as_is_named = p->as && (p->as->name.len || p->as->ref.len);
	p->as_bytes = as_bytes <= INT16_MAX ? (uint16_t)as_bytes & INT16_MAX : 0;
	p->geo_bytes = geo_bytes <= UINT16_MAX ? (uint16_t)geo_bytes : 0;
}

static size_t part_hash(const struct ip_part *p)
{
	uint64_t h = (uint64_t)(uintptr_t)p->as * 0x9e3779b97f4a7c15u;

	h = (h ^ h >> 29 ^ (uint64_t)(uintptr_t)p->geo) * 0xbf58476d1ce4e5b9u;
	h = (h ^ h >> 32 ^ (uint64_t)(uintptr_t)p->network) * 0x94d049bb133111ebu;
	return (size_t)(h ^ h >> 31);
}

static uint32_t *part_slot(const struct builder *b, const struct ip_part *p)
{
	for (size_t i = part_hash(p);; i++) {
		uint32_t *slot = &b->part_index[i & b->index_mask];

		if (!*slot || !memcmp(&b->t->parts[*slot - 1], p, sizeof(*p)))
			return slot;
	}
}

/* The number of this part. */
static uint32_t part_of(struct builder *b, const struct ip_part *p)
{
	struct ip_table *t = b->t;
	size_t cap = b->cap_parts;
	uint32_t *slot;

	if (b->index_mask < 2 * (size_t)t->n_parts + 2) {
		size_t mask = b->index_mask ? 2 * b->index_mask + 1 : 4095;
		uint32_t *next = get_array(mask + 1, sizeof(*next));

		if (!next)
			return no_memory(b);
		free(b->part_index);
		b->part_index = next;
		b->index_mask = mask;
		for (uint32_t i = 0; i < t->n_parts; i++)
			*part_slot(b, &t->parts[i]) = i + 1;
	}
	slot = part_slot(b, p);
	if (*slot)
		return *slot - 1;
	if (!grow(&t->parts, &b->cap_parts, t->n_parts + 1u, sizeof(*t->parts)) ||
	    !grow(&b->part_leaf, &cap, t->n_parts + 1u, sizeof(*b->part_leaf)))
		return no_memory(b);
	t->parts[t->n_parts] = *p;
	b->part_leaf[t->n_parts] = 0;
	*slot = ++t->n_parts;
	return t->n_parts - 1;
}

static void intern_values(struct builder *b, const struct mmdb_values *v, struct ip_part *p)
{
	struct interner *in = &b->t->interner;
	struct as_info as = {.number = v->as};
	struct geo_info geo;
	struct network_info network;

	if (b->o->as_names) {
		as.name = v->as_name;
		as.ref = v->as_ref;
		as.organization = v->organization;
		as.organization_ref = v->organization_ref;
	}
	memset(&geo, 0, sizeof(geo));
	memset(&network, 0, sizeof(network));
	geo.latitude = geo.longitude = NAN;
	if (b->o->geo) {
		geo.continent = v->continent;
		geo.country = v->country;
		geo.subdivision = v->subdivision;
		geo.city = v->city;
		geo.latitude = v->latitude;
		geo.longitude = v->longitude;
	}
	if (b->o->networks)
		memcpy(&network.name, v->network, sizeof(v->network));
	if (b->o->refs) {
		network.scireg = v->scireg;
		network.cric = v->cric;
		network.scinet = v->scinet;
		network.refs.p = v->refs;
		network.refs.n = v->n_refs < 2 * INFO_LIST_MAX ? v->n_refs : 2 * INFO_LIST_MAX;
	}
	p->as = intern_as(in, &as);
	p->geo = intern_geo(in, &geo);
	p->network = intern_network(in, &network);
	ip_part_complete(p);
	if (in->failed)
		no_memory(b);
}

static struct known_value *value_slot(const struct known_values *k, struct hash h)
{
	for (size_t i = h.a;; i++) {
		struct known_value *v = &k->p[i & k->mask];

		if ((!v->hash.a && !v->hash.b) || (v->hash.a == h.a && v->hash.b == h.b))
			return v;
	}
}

static bool grow_values(struct known_values *k)
{
	struct known_values next = {.n = k->n, .mask = k->mask ? 2 * k->mask + 1 : 4095};

	if (k->mask && k->n <= k->mask / 4 * 3)
		return true;
	next.p = get_array(next.mask + 1, sizeof(*next.p));
	if (!next.p)
		return false;
	for (size_t i = 0; k->mask && i <= k->mask; i++)
		if (k->p[i].hash.a || k->p[i].hash.b)
			*value_slot(&next, k->p[i].hash) = k->p[i];
	free(k->p);
	*k = next;
	return true;
}

/* The part and the reference that the value at this record of a file gives. Most values differ only
 * in the reference, so their other bytes are looked up before they are taken apart. */
static const struct seen_record *read_record(struct builder *b, unsigned file, uint32_t record)
{
	struct seen_record *seen = &b->seen[file][(record * 0x9e3779b1u) >> 20 & (SEEN - 1)];
	struct hash h = b->t->interner.seed;
	struct mmdb_bytes bytes;
	struct known_value *v;
	const char *wrong;
	struct text ref;

	if (seen->record == record)
		return seen;
	wrong = mmdb_scan(&b->files[file], record, &bytes, &ref);
	if (wrong) {
		damaged(b, file, wrong);
		return NULL;
	}
	for (unsigned i = 0; i < 2; i++)
		hash_bytes(&h, bytes.p[i], bytes.len[i]);
	if (!grow_values(&b->values[file])) {
		no_memory(b);
		return NULL;
	}
	v = value_slot(&b->values[file], h);
	if (!v->hash.a && !v->hash.b) {
		struct mmdb_values values;
		struct ip_part part = {0};

		wrong = mmdb_read(&b->files[file], record, &values);
		if (wrong) {
			damaged(b, file, wrong);
			return NULL;
		}
		intern_values(b, &values, &part);
		v->part = part_of(b, &part);
		if (b->wrong)
			return NULL;
		v->hash = h;
		b->values[file].n++;
	}
	*seen = (struct seen_record){record, v->part, ref};
	return seen;
}

static uint32_t add_leaf(struct builder *b, uint32_t part, struct text ref)
{
	struct ip_table *t = b->t;
	size_t size = offsetof(struct ip_leaf, ref) + ref.len, words = (size + 3) / 4;
	struct ip_leaf *l;

	if (t->n_words + words >= POPTRIE_NODE ||
	    !grow(&t->leaves, &b->cap_words, t->n_words + words, 4))
		return no_memory(b);
	t->leaves[t->n_words + words - 1] = 0; /* what stands behind the reference */
	l = (struct ip_leaf *)(void *)(t->leaves + t->n_words);
	l->part = part;
	l->ref_len = (uint8_t)ref.len;
	if (ref.len)
		memcpy(l->ref, ref.p, ref.len);
	t->n_words += words;
	return (uint32_t)(t->n_words - words);
}

static uint32_t leaf_of(struct builder *b, uint32_t part, struct text ref)
{
	static const struct ip_part nothing;
	struct seen_leaf *seen;

	if (!b->o->refs || !ref.len) {
		if (!memcmp(&b->t->parts[part], &nothing, sizeof(nothing)))
			return 0;
		if (!b->part_leaf[part])
			b->part_leaf[part] = add_leaf(b, part, (struct text){NULL, 0});
		return b->part_leaf[part];
	}
	seen = &b->leaves[((uintptr_t)ref.p >> 4) & (SEEN - 1)];
	if (seen->ref != ref.p || seen->part != part) {
		/* What no loader writes as a reference is none. */
		if (!intern_is_clean(&ref))
			return leaf_of(b, part, (struct text){NULL, 0});
		*seen = (struct seen_leaf){ref.p, part, add_leaf(b, part, ref)};
	}
	return seen->leaf;
}

/* The answer where no file has a node any more. */
static uint32_t answer(struct builder *b, const struct place *at)
{
	unsigned order[IP_TABLE_FILES_MAX], n = 0;
	struct ip_part all = {0};
	struct text ref = {NULL, 0};
	uint32_t part = 0;

	for (unsigned f = 0; f < b->n_files; f++) {
		unsigned i = n;

		if (at->record[f] == b->files[f].nodes)
			continue;
		for (; i > 0 && at->depth[order[i - 1]] < at->depth[f]; i--)
			order[i] = order[i - 1];
		order[i] = f;
		n++;
	}
	if (!n)
		return 0;
	for (unsigned i = 0; i < n; i++) {
		const struct seen_record *s = read_record(b, order[i], at->record[order[i]]);
		const struct ip_part *p;

		if (!s)
			return 0;
		part = s->part;
		ref = ref.len ? ref : s->ref;
		if (n == 1)
			break;
		p = &b->t->parts[part];
		all.as = all.as ? all.as : p->as;
		all.geo = all.geo ? all.geo : p->geo;
		all.network = all.network ? all.network : p->network;
	}
	if (n > 1) {
		ip_part_complete(&all);
		part = part_of(b, &all);
	}
	return b->wrong ? 0 : leaf_of(b, part, ref);
}

static uint32_t answer_again(struct builder *b, const struct place *at)
{
	if (b->has_last && !memcmp(at, &b->last, sizeof(*at)))
		return b->last_answer;
	b->last = *at;
	b->last_answer = answer(b, at);
	b->has_last = true;
	if (b->last_answer)
		b->t->n_prefixes++;
	return b->last_answer;
}

static bool goes_on(const struct builder *b, const struct place *at)
{
	for (unsigned f = 0; f < b->n_files; f++)
		if (at->record[f] < b->files[f].nodes)
			return true;
	return false;
}

/* The page cache has them still, and the walk goes through the file more or less in order. */
static void forget_pages(const struct builder *b)
{
	for (unsigned f = 0; f < b->n_files; f++)
		mmdb_forget(&b->files[f]);
}

/* Where `bits` further bits lead from here: 2^bits places. */
static void expand(struct builder *b, const struct place *at, unsigned depth, unsigned bits,
		   struct place *out)
{
	struct place next[2];
	uint64_t before = b->steps;

	if (!bits || !goes_on(b, at)) {
		for (size_t i = 0; i < (size_t)1 << bits; i++)
			out[i] = *at;
		return;
	}
	next[0] = next[1] = *at;
	for (unsigned f = 0; f < b->n_files && !b->wrong; f++) {
		uint32_t records[2];

		if (at->record[f] >= b->files[f].nodes)
			continue;
		if (depth >= b->bits)
			damaged(b, f, "its search tree is deeper than an address is long");
		else if (++b->steps > b->max_steps)
			damaged(b, f, "its search tree goes in circles");
		else if (!mmdb_node(&b->files[f], at->record[f], records))
			damaged(b, f, "its search tree points outside of the file");
		if (b->wrong)
			break;
		for (unsigned i = 0; i < 2; i++) {
			/* IPv4 has its own walk, also where it is mentioned again. */
			bool v4 = b->bits == 128 && records[i] < b->files[f].nodes &&
				  records[i] == b->files[f].v4;

			next[i].record[f] = v4 ? b->files[f].nodes : records[i];
			next[i].depth[f] = (uint8_t)(depth + 1);
		}
	}
	if (b->o->own_files && b->steps / FORGET != before / FORGET)
		forget_pages(b);
	if (b->wrong) {
		memset(out, 0, sizeof(*out) << bits);
		return;
	}
	expand(b, &next[0], depth + 1, bits - 1, out);
	expand(b, &next[1], depth + 1, bits - 1, out + ((size_t)1 << (bits - 1)));
}

static void build_node(struct builder *b, struct poptrie *t, size_t node, const struct place *at,
		       unsigned depth)
{
	struct place branches[1 << POPTRIE_STRIDE];
	struct poptrie_node n = {.first_leaf = (uint32_t)t->n_leaves};
	uint32_t before = 0;
	size_t child;

	expand(b, at, depth, POPTRIE_STRIDE, branches);
	for (unsigned i = 0; i < 1 << POPTRIE_STRIDE && !b->wrong; i++) {
		uint32_t leaf;

		if (goes_on(b, &branches[i])) {
			n.inner |= (uint64_t)1 << i;
			continue;
		}
		leaf = answer_again(b, &branches[i]);
		if (n.start && leaf == before)
			continue;
		n.start |= (uint64_t)1 << i;
		before = leaf;
		if (!grow(&t->leaves, &b->cap_leaves, t->n_leaves + 1, sizeof(*t->leaves))) {
			no_memory(b);
			return;
		}
		t->leaves[t->n_leaves++] = leaf;
	}
	n.first_node = (uint32_t)t->n_nodes;
	child = t->n_nodes;
	t->n_nodes += (size_t)__builtin_popcountll(n.inner);
	if (t->n_nodes >= POPTRIE_NODE ||
	    !grow(&t->nodes, &b->cap_nodes, t->n_nodes, sizeof(*t->nodes)))
		no_memory(b);
	if (b->wrong)
		return;
	t->nodes[node] = n;
	for (unsigned i = 0; i < 1 << POPTRIE_STRIDE && !b->wrong; i++)
		if (n.inner >> i & 1)
			build_node(b, t, child++, &branches[i], depth + POPTRIE_STRIDE);
}

/* The array at the root, 2^bits entries from `out` on. */
static void build_root(struct builder *b, struct poptrie *t, const struct place *at, unsigned depth,
		       unsigned bits, uint32_t *out)
{
	struct place next[2];

	if (!goes_on(b, at)) {
		uint32_t leaf = b->wrong ? 0 : answer_again(b, at);

		for (size_t i = 0; leaf && i < (size_t)1 << bits; i++)
			out[i] = leaf;
		return;
	}
	if (!bits) {
		size_t node = t->n_nodes++;

		if (!grow(&t->nodes, &b->cap_nodes, t->n_nodes, sizeof(*t->nodes))) {
			no_memory(b);
			return;
		}
		*out = (uint32_t)node | POPTRIE_NODE;
		build_node(b, t, node, at, depth);
		return;
	}
	expand(b, at, depth, 1, next);
	for (unsigned i = 0; i < 2 && !b->wrong; i++)
		build_root(b, t, &next[i], depth + 1, bits - 1, out + ((size_t)i << (bits - 1)));
}

static void build(struct builder *b, struct poptrie *t, bool v6)
{
	unsigned bits = v6 ? POPTRIE_V6_ROOT : POPTRIE_V4_ROOT;
	struct place start;

	memset(&start, 0, sizeof(start));
	b->bits = v6 ? 128 : 32;
	b->has_last = false;
	b->cap_nodes = b->cap_leaves = 0;
	for (unsigned f = 0; f < b->n_files; f++) {
		const struct mmdb *m = &b->files[f];

		start.record[f] = v6 && m->v6 ? 0 : v6 ? m->nodes : m->v4;
	}
	t->root = get_array((size_t)1 << bits, sizeof(*t->root));
	if (!t->root) {
		no_memory(b);
		return;
	}
	build_root(b, t, &start, 0, bits, t->root);
	if (b->wrong)
		return;
	if (!settle(&t->nodes, t->n_nodes * sizeof(*t->nodes)) ||
	    !settle(&t->leaves, t->n_leaves * sizeof(*t->leaves)))
		no_memory(b);
	b->t->size += ((size_t)1 << bits) * sizeof(*t->root) + t->n_nodes * sizeof(*t->nodes) +
		      t->n_leaves * sizeof(*t->leaves);
}

static bool prepare(struct builder *b)
{
	static const struct ip_part nothing;

	b->leaves = calloc(SEEN, sizeof(*b->leaves));
	for (unsigned f = 0; f < b->n_files; f++) {
		b->seen[f] = calloc(SEEN, sizeof(**b->seen));
		if (!b->seen[f])
			return false;
		for (unsigned i = 0; i < SEEN; i++)
			b->seen[f][i].record = b->files[f].nodes; /* "nothing" has no value */
		b->max_steps += 2 * (uint64_t)b->files[f].nodes + 256;
	}
	if (!b->leaves)
		return false;
	/* Leaf 0 is the answer for what no prefix covers: part 0, in which there is nothing. */
	add_leaf(b, part_of(b, &nothing), (struct text){NULL, 0});
	return !b->wrong;
}

/* Frees all that was needed while the table was built. */
static void release(struct builder *b)
{
	for (unsigned f = 0; f < b->n_files; f++) {
		mmdb_close(&b->files[f]);
		free(b->values[f].p);
		free(b->seen[f]);
	}
	b->n_files = 0;
	free(b->leaves);
	free(b->part_leaf);
	free(b->part_index);
	b->leaves = NULL;
	b->part_leaf = b->part_index = NULL;
}

static bool finish(struct builder *b)
{
	struct ip_table *t = b->t;

	/* Before there are two of the largest array. */
	release(b);
	t->n_infos = t->interner.n_infos;
	interner_done(&t->interner);
	if (!settle(&t->leaves, t->n_words * 4) ||
	    !settle(&t->parts, t->n_parts * sizeof(*t->parts)))
		return false;
	t->size += t->n_words * 4 + t->n_parts * sizeof(*t->parts) + t->interner.arena.bytes;
	return true;
}

struct ip_table *ip_table_load(const struct ip_table_options *o, char *error, size_t size)
{
	uint64_t start = clock_monotonic_ns();
	struct builder b = {.o = o};
	bool ok = false;

	snprintf(error, size, "out of memory");
	b.t = calloc(1, sizeof(*b.t));
	if (!b.t)
		return NULL;
	if (interner_init(&b.t->interner, o->writers))
		goto out;
	for (unsigned i = 0; i < o->n_paths && i < IP_TABLE_FILES_MAX; i++, b.n_files++)
		if ((o->own_files ? mmdb_open_own : mmdb_open)(&b.files[i], o->paths[i], error,
							       size))
			goto out;
	if (!prepare(&b))
		goto out;
	build(&b, &b.t->v4, false);
	if (!b.wrong)
		build(&b, &b.t->v6, true);
	if (b.wrong) {
		snprintf(error, size, "%s%s%s",
			 b.wrong_file < b.n_files ? o->paths[b.wrong_file] : "",
			 b.wrong_file < b.n_files ? ": " : "", b.wrong);
		goto out;
	}
	snprintf(error, size, "out of memory");
	if (!finish(&b))
		goto out;
	b.t->load_ns = clock_monotonic_ns() - start;
	ok = true;
out:
	release(&b);
	if (ok)
		return b.t;
	ip_table_free(b.t);
	return NULL;
}

void ip_table_find_many(const struct ip_table *t, const struct ip_addr *const addresses[],
			uint32_t leaves[], unsigned n)
{
	struct poptrie_walk walks[IP_TABLE_TOGETHER];
	const struct poptrie *tries[IP_TABLE_TOGETHER];
	uint8_t walking[IP_TABLE_TOGETHER], at_leaf[IP_TABLE_TOGETHER];
	unsigned n_walking = 0, n_at_leaf = 0, n_left;

	for (unsigned i = 0; i < n; i++) {
		const struct ip_addr *a = addresses[i];
		unsigned __int128 address;

		leaves[i] = 0;
		if (ip_is_v4(a)) {
			tries[i] = &t->v4;
			address = (unsigned __int128)be32(a->b + 12) << 96;
			poptrie_begin(&walks[i], &t->v4, address, POPTRIE_V4_ROOT);
		} else if (!ip_is_unset(a)) {
			tries[i] = &t->v6;
			address = (unsigned __int128)be64(a->b) << 64 | be64(a->b + 8);
			poptrie_begin(&walks[i], &t->v6, address, POPTRIE_V6_ROOT);
		} else {
			continue;
		}
		walking[n_walking++] = (uint8_t)i;
	}
	n_left = n_walking;
	n_walking = 0;
	for (unsigned k = 0; k < n_left; k++) {
		unsigned i = walking[k];

		if (poptrie_root(&walks[i], tries[i])) {
			leaves[i] = walks[i].at;
			__builtin_prefetch(t->leaves + leaves[i]);
		} else {
			walking[n_walking++] = (uint8_t)i;
		}
	}
	while (n_walking) {
		n_left = n_walking;
		n_walking = 0;
		for (unsigned k = 0; k < n_left; k++) {
			unsigned i = walking[k];

			if (poptrie_step(&walks[i], tries[i]))
				at_leaf[n_at_leaf++] = (uint8_t)i;
			else
				walking[n_walking++] = (uint8_t)i;
		}
	}
	for (unsigned k = 0; k < n_at_leaf; k++) {
		unsigned i = at_leaf[k];

		leaves[i] = tries[i]->leaves[walks[i].at];
		__builtin_prefetch(t->leaves + leaves[i]);
	}
}

static void free_trie(struct poptrie *t)
{
	free(t->root);
	free(t->nodes);
	free(t->leaves);
}

void ip_table_free(struct ip_table *t)
{
	if (!t)
		return;
	free_trie(&t->v4);
	free_trie(&t->v6);
	free(t->leaves);
	free(t->parts);
	interner_free(&t->interner);
	free(t);
}
