/* Memory for what enrichment attaches: each text and each struct exists once, encoded.
 * SPDX-License-Identifier: Apache-2.0 */
#include "intern.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "../utf8.h"

enum {
	CHUNK_FIRST = 32 << 10,
	CHUNK_LAST = 4 << 20,
	TABLE_START = 1024,
	NAMES_MAX = 24, /* of an image whose other role differs by them */
	HEAD_MAX = INFO_FORMATS * (1 + 2 * NAMES_MAX),
};

struct arena_chunk {
	struct arena_chunk *next;
	uint8_t bytes[];
};

struct intern_slot {
	struct hash hash;
	const void *value; /* NULL: free */
};

void *large_get(size_t n)
{
	size_t size = (n + LARGE_PAGE - 1) & ~(size_t)(LARGE_PAGE - 1);
	void *p;

	if (n < LARGE_PAGE)
		return malloc(n ? n : 1);
	p = aligned_alloc(LARGE_PAGE, size);
	if (p)
		madvise(p, size, MADV_HUGEPAGE);
	return p;
}

/* Chunks grow with the arena, so that a small one stays small. */
static bool arena_grow(struct arena *a, size_t n)
{
	size_t size = a->bytes < CHUNK_FIRST ? CHUNK_FIRST : a->bytes;
	struct arena_chunk *c;

	size = size > CHUNK_LAST ? CHUNK_LAST : size;
	if (size < n + sizeof(*c) + INFO_BEYOND)
		size = n + sizeof(*c) + INFO_BEYOND;
	c = large_get(size);
	if (!c)
		return false;
	c->next = a->chunks;
	a->chunks = c;
	a->bytes += size;
	a->next = c->bytes;
	a->end = (uint8_t *)c + size - INFO_BEYOND;
	return true;
}

static bool arena_has_room(struct arena *a, size_t n)
{
	return (a->chunks && (size_t)(a->end - a->next) >= n) || arena_grow(a, n);
}

void *arena_get(struct arena *a, size_t n)
{
	void *p;

	n = (n + 7) & ~(size_t)7;
	if (!arena_has_room(a, n))
		return NULL;
	p = a->next;
	a->next += n;
	return p;
}

void *arena_get_hot(struct arena *a, size_t n, size_t hot)
{
	size_t slack = (CACHE_LINE - hot % CACHE_LINE) % CACHE_LINE, at;

	if (!arena_has_room(a, n + CACHE_LINE))
		return NULL;
	at = (uintptr_t)a->next % CACHE_LINE;
	if (at > slack)
		a->next += CACHE_LINE - at;
	return arena_get(a, n);
}

void arena_free(struct arena *a)
{
	for (struct arena_chunk *c = a->chunks, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	memset(a, 0, sizeof(*a));
}

struct hash hash_seed(void)
{
	struct hash h = {0x9e3779b97f4a7c15u, 0xc2b2ae3d27d4eb4fu};

	if (getrandom(&h, sizeof(h), GRND_NONBLOCK) < 0)
		h.a ^= (uint64_t)(uintptr_t)&h;
	return h;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 m = (unsigned __int128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

void hash_bytes(struct hash *h, const void *from, size_t n)
{
	const uint8_t *p = from;
	uint64_t w[2];

	h->a ^= n;
	for (; n; p += 16, n -= 16) {
		if (n < 16) {
			w[0] = w[1] = 0;
			memcpy(w, p, n);
			n = 16;
		} else {
			memcpy(w, p, 16);
		}
		h->a = mix(w[0] ^ h->a ^ 0xa0761d6478bd642fu, w[1] ^ 0xe7037ed1a0b428dbu);
		h->b = mix(w[0] ^ 0x8ebc6af09c88c6e3u, w[1] ^ h->b ^ 0x589965cc75374cc3u);
	}
}

static int table_init(struct intern_table *t)
{
	t->n = 0;
	t->mask = TABLE_START - 1;
	t->slots = calloc(TABLE_START, sizeof(*t->slots));
	return t->slots ? 0 : -ENOMEM;
}

static struct intern_slot *table_find(const struct intern_table *t, struct hash h)
{
	struct intern_slot *s;

	for (size_t i = h.a & t->mask;; i = (i + 1) & t->mask) {
		s = &t->slots[i];
		if (!s->value || (s->hash.a == h.a && s->hash.b == h.b))
			return s;
	}
}

static bool table_grow(struct intern_table *t)
{
	struct intern_table next = {.n = t->n, .mask = 2 * t->mask + 1};

	next.slots = calloc(next.mask + 1, sizeof(*next.slots));
	if (!next.slots)
		return false;
	for (size_t i = 0; i <= t->mask; i++)
		if (t->slots[i].value)
			*table_find(&next, t->slots[i].hash) = t->slots[i];
	free(t->slots);
	*t = next;
	return true;
}

/* The slot for this hash: with a value, or free and then with room for one. NULL: no memory. */
static struct intern_slot *table_slot(struct intern_table *t, struct hash h)
{
	if (t->n > t->mask / 4 * 3 && !table_grow(t))
		return NULL;
	return table_find(t, h);
}

int interner_init(struct interner *in, const info_writer *const writers[INFO_FORMATS])
{
	memset(in, 0, sizeof(*in));
	in->seed = hash_seed();
	for (unsigned f = 0; writers && f < INFO_FORMATS; f++)
		in->writers[f] = writers[f];
	in->scratch = malloc(HEAD_MAX + INFO_FORMATS * INFO_ROLES * (size_t)INFO_ENCODED_MAX + 64);
	if (in->scratch && !table_init(&in->texts) && !table_init(&in->infos))
		return 0;
	interner_free(in);
	return -ENOMEM;
}

void interner_done(struct interner *in)
{
	free(in->texts.slots);
	free(in->infos.slots);
	free(in->scratch);
	in->texts.slots = in->infos.slots = NULL;
	in->scratch = NULL;
}

void interner_free(struct interner *in)
{
	interner_done(in);
	arena_free(&in->arena);
}

void interner_reset(struct interner *in)
{
	struct intern_table *tables[] = {&in->texts, &in->infos};

	for (unsigned i = 0; i < 2; i++) {
		memset(tables[i]->slots, 0, (tables[i]->mask + 1) * sizeof(*tables[i]->slots));
		tables[i]->n = 0;
	}
	arena_free(&in->arena);
	in->n_infos = 0;
	in->failed = false;
}

/* What is put right is at most as long as what it was made of. */
static size_t clean(char *to, const char *from, size_t n)
{
	const uint8_t *s = (const uint8_t *)from;
	size_t len = 0;

	for (size_t i = 0, k; i < n; i += k) {
		bool good = utf8_character(s + i, n - i, &k);

		if (len + k > INFO_TEXT_MAX)
			break;
		if (!good) {
			to[len++] = '?';
		} else if (s[i] < 0x20 || s[i] == 0x7f) {
			to[len++] = ' ';
		} else {
			memcpy(to + len, s + i, k);
			len += k;
		}
	}
	return len;
}

bool intern_is_clean(const struct text *t)
{
	char cleaned[INFO_TEXT_MAX];
	uint32_t plain = 0;

	while (plain < t->len && t->p[plain] >= 0x20 && t->p[plain] < 0x7f)
		plain++;
	if (plain == t->len && t->len <= INFO_TEXT_MAX)
		return true; /* ASCII, as nearly all are */
	return clean(cleaned, t->p, t->len) == t->len && !memcmp(cleaned, t->p, t->len);
}

struct text intern_text(struct interner *in, const char *p, size_t n)
{
	char cleaned[INFO_TEXT_MAX];
	struct hash h = in->seed;
	struct intern_slot *slot;
	struct text *t;
	char *copy;

	n = p ? clean(cleaned, p, n) : 0;
	if (!n)
		return (struct text){NULL, 0};
	hash_bytes(&h, cleaned, n);
	slot = table_slot(&in->texts, h);
	if (slot && slot->value)
		return *(const struct text *)slot->value;
	t = slot ? arena_get(&in->arena, sizeof(*t) + n) : NULL;
	if (!t) {
		in->failed = true;
		return (struct text){NULL, 0};
	}
	copy = memcpy(t + 1, cleaned, n);
	*t = (struct text){copy, (uint32_t)n};
	*slot = (struct intern_slot){h, t};
	in->texts.n++;
	return *t;
}

/* Where the names are that an image of one role has and that of the other has others for. Returns
 * how many, or 0 where the images differ by more than that. */
static unsigned find_names(enum info_format f, const uint8_t *source, const uint8_t *destination,
			   size_t n, uint16_t places[NAMES_MAX])
{
	unsigned found = 0;
	uint32_t name, other;

	for (size_t i = 0; i < n;) {
		if (source[i] == destination[i]) {
			i++;
			continue;
		}
		if (n - i < sizeof(name) || found == NAMES_MAX)
			return 0;
		memcpy(&name, source + i, sizeof(name));
		memcpy(&other, destination + i, sizeof(other));
		if (name + info_name_change(f) != other)
			return 0;
		places[found++] = (uint16_t)i;
		i += sizeof(name);
	}
	return found;
}

/* Encodes the struct into the scratch space; its texts are interned. Returns where what is to be
 * kept begins, and sets *head to how much of it is before the images, *n to how much it is. */
static const uint8_t *encode(struct interner *in, enum info_kind kind, struct info_bytes *e,
			     const void *info, size_t *head, size_t *n)
{
	uint8_t *images = in->scratch + HEAD_MAX, *p = images, *begin;
	uint16_t places[INFO_FORMATS][NAMES_MAX];
	unsigned n_names[INFO_FORMATS] = {0};

	for (unsigned f = 0; f < INFO_FORMATS; f++) {
		uint8_t *source = p, *destination, *end;

		if (!in->writers[f])
			continue;
		destination = in->writers[f][kind](source, info, INFO_SOURCE);
		end = in->writers[f][kind](destination, info, INFO_DESTINATION);
		e->len[f][INFO_SOURCE] = (uint16_t)(destination - source);
		e->len[f][INFO_DESTINATION] = (uint16_t)(end - destination);
		if (e->len[f][INFO_SOURCE] == e->len[f][INFO_DESTINATION])
			n_names[f] = find_names((enum info_format)f, source, destination,
						e->len[f][INFO_SOURCE], places[f]);
		p = n_names[f] ? destination : end;
	}
	begin = images;
	for (unsigned f = 0; f < INFO_FORMATS; f++)
		*--begin = (uint8_t)n_names[f];
	for (unsigned f = 0; f < INFO_FORMATS; f++) {
		begin -= n_names[f] * sizeof(places[f][0]);
		memcpy(begin, places[f], n_names[f] * sizeof(places[f][0]));
	}
	*head = (size_t)(images - begin);
	*n = (size_t)(p - begin);
	return begin;
}

static const uint8_t nothing[INFO_FORMATS + 1]; /* no names, no images */

void intern_encode(struct interner *in, enum info_kind kind, void *info)
{
	struct info_bytes *e = info; /* the first member of each of them */
	const uint8_t *encoded;
	uint8_t *copy;
	size_t head, n;

	*e = (struct info_bytes){.bytes = nothing + INFO_FORMATS};
	encoded = encode(in, kind, e, info, &head, &n);
	copy = n > head ? arena_get(&in->arena, n) : NULL;
	if (copy) {
		memcpy(copy, encoded, n);
		e->bytes = copy + head;
	} else {
		memset(e->len, 0, sizeof(e->len));
		in->failed |= n > head;
	}
}

/* Texts that were empty and texts that were not set are the same. */
static bool hash_texts(struct hash *h, const struct text *t, size_t n)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		uint32_t len = t[i].p ? t[i].len : 0;

		hash_bytes(h, len ? t[i].p : "", len);
		any |= len != 0;
	}
	return any;
}

static void intern_texts(struct interner *in, struct text *t, size_t n)
{
	for (size_t i = 0; i < n; i++)
		t[i] = intern_text(in, t[i].p, t[i].p ? t[i].len : 0);
}

/* It goes right behind what it is encoded as: whoever copies that has the struct's first member,
 * which leads there, in the same lines of the cache. */
void *intern_place(struct interner *in, enum info_kind kind, struct info_bytes *image, size_t size)
{
	const uint8_t *encoded;
	size_t head, n, before;
	uint8_t *p;

	*image = (struct info_bytes){.bytes = nothing + INFO_FORMATS};
	encoded = encode(in, kind, image, image, &head, &n);
	before = (n + 7) & ~(size_t)7;
	p = arena_get_hot(&in->arena, before + size, before + sizeof(*image));
	if (!p) {
		in->failed = true;
		return NULL;
	}
	memcpy(p + before - n, encoded, n);
	image->bytes = p + before - n + head;
	in->n_infos++;
	return memcpy(p + before, image, size);
}

/* The slot of the struct with this hash. */
static struct intern_slot *info_slot(struct interner *in, struct hash h)
{
	struct intern_slot *slot = table_slot(&in->infos, h);

	in->failed |= !slot;
	return slot;
}

static const void *keep(struct interner *in, struct intern_slot *slot, struct hash h,
			const void *info)
{
	if (!info)
		return NULL;
	*slot = (struct intern_slot){h, info};
	in->infos.n++;
	return info;
}

static struct hash seed_of(const struct interner *in, enum info_kind kind)
{
	return (struct hash){in->seed.a + kind + 1, in->seed.b};
}

const struct as_info *intern_as(struct interner *in, const struct as_info *image)
{
	struct hash h = seed_of(in, INFO_AS);
	bool any = hash_texts(&h, &image->name, 4);
	struct intern_slot *slot;
	struct as_info info;

	hash_bytes(&h, &image->number, sizeof(image->number));
	if (!any && !image->number)
		return NULL;
	slot = info_slot(in, h);
	if (!slot || slot->value)
		return slot ? slot->value : NULL;
	info = *image;
	intern_texts(in, &info.name, 4);
	return keep(in, slot, h, intern_place(in, INFO_AS, &info.encoded, sizeof(info)));
}

const struct geo_info *intern_geo(struct interner *in, const struct geo_info *image)
{
	struct hash h = seed_of(in, INFO_GEO);
	bool any = hash_texts(&h, &image->continent, 4);
	struct intern_slot *slot;
	struct geo_info info;

	hash_bytes(&h, &image->latitude, 2 * sizeof(double));
	if (!any && isnan(image->latitude) && isnan(image->longitude))
		return NULL;
	slot = info_slot(in, h);
	if (!slot || slot->value)
		return slot ? slot->value : NULL;
	info = *image;
	intern_texts(in, &info.continent, 4);
	return keep(in, slot, h, intern_place(in, INFO_GEO, &info.encoded, sizeof(info)));
}

const struct network_info *intern_network(struct interner *in, const struct network_info *image)
{
	struct hash h = seed_of(in, INFO_NETWORK);
	bool any = hash_texts(&h, &image->name, 8);
	struct network_info info;
	struct intern_slot *slot;
	struct text *refs;

	any |= hash_texts(&h, image->refs.p, image->refs.n);
	if (!any)
		return NULL;
	slot = info_slot(in, h);
	if (!slot || slot->value)
		return slot ? slot->value : NULL;
	info = *image;
	intern_texts(in, &info.name, 8);
	info.refs = (struct texts){NULL, 0};
	if (image->refs.n) {
		refs = arena_get(&in->arena, image->refs.n * sizeof(*refs));
		if (!refs) {
			in->failed = true;
			return NULL;
		}
		memcpy(refs, image->refs.p, image->refs.n * sizeof(*refs));
		intern_texts(in, refs, image->refs.n);
		info.refs = (struct texts){refs, image->refs.n};
	}
	return keep(in, slot, h, intern_place(in, INFO_NETWORK, &info.encoded, sizeof(info)));
}
