/* Writing ip.table.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "table_layout.h"

enum { BLOCK = 64 << 10 };

/* Pointers in the order in which they came, each once: the first has number 1. */
struct numbers {
	const void **list;
	uint32_t n, room;
	uint32_t *slots; /* open hash of numbers; 0: free */
	size_t mask;
};

struct output {
	FILE *f;
	struct table_header h;
	struct table_sum sum;
	enum table_section section;
	uint8_t block[BLOCK];
	size_t len; /* in the block */
	int error;  /* negative errno; nothing is written any more */
};

/* What has to be numbered before it can be written. Texts are known by where they are: of an
 * interner each is in one place. */
struct contents {
	const struct ip_table *t;
	struct numbers as, geo, network, text, text_at; /* struct text, and what it points to */
};

static uint32_t *number_slot(const struct numbers *n, const void *p)
{
	size_t i = (size_t)((uintptr_t)p * 0x9e3779b97f4a7c15u >> 20);

	for (;; i++) {
		uint32_t *slot = &n->slots[i & n->mask];

		if (!*slot || n->list[*slot - 1] == p)
			return slot;
	}
}

static int numbers_grow(struct numbers *n)
{
	uint32_t room = n->room ? 2 * n->room : 1024;
	const void **list = reallocarray(n->list, room, sizeof(*list));

	if (!list)
		return -ENOMEM;
	n->list = list;
	n->room = room;
	free(n->slots);
	n->mask = 2 * (size_t)room - 1;
	n->slots = calloc(n->mask + 1, sizeof(*n->slots));
	if (!n->slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < n->n; i++)
		*number_slot(n, n->list[i]) = i + 1;
	return 0;
}

static int number_add(struct numbers *n, const void *p)
{
	uint32_t *slot;

	if (!p)
		return 0;
	if (n->n == n->room && numbers_grow(n))
		return -ENOMEM;
	slot = number_slot(n, p);
	if (!*slot) {
		n->list[n->n] = p;
		*slot = ++n->n;
	}
	return 0;
}

static uint32_t number_of(const struct numbers *n, const void *p)
{
	return p && n->n ? *number_slot(n, p) : 0;
}

static void numbers_free(struct numbers *n)
{
	free(n->list);
	free(n->slots);
}

static uint32_t text_number(const struct contents *c, const struct text *t)
{
	return t->len ? number_of(&c->text_at, t->p) : 0;
}

static int add_texts(struct contents *c, const struct text *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t before = c->text_at.n;

		if (!t[i].p || !t[i].len)
			continue;
		if (number_add(&c->text_at, t[i].p) ||
		    (c->text_at.n > before && number_add(&c->text, &t[i])))
			return -ENOMEM;
	}
	return 0;
}

static int number_all(struct contents *c)
{
	int r = 0;

	for (uint32_t i = 0; i < c->t->n_parts && !r; i++) {
		const struct ip_part *p = &c->t->parts[i];

		r = number_add(&c->as, p->as);
		r = r ? r : number_add(&c->geo, p->geo);
		r = r ? r : number_add(&c->network, p->network);
	}
	for (uint32_t i = 0; i < c->as.n && !r; i++)
		r = add_texts(c, &((const struct as_info *)c->as.list[i])->name, 4);
	for (uint32_t i = 0; i < c->geo.n && !r; i++)
		r = add_texts(c, &((const struct geo_info *)c->geo.list[i])->continent, 4);
	for (uint32_t i = 0; i < c->network.n && !r; i++) {
		const struct network_info *n = c->network.list[i];

		r = add_texts(c, &n->name, 8);
		r = r ? r : add_texts(c, n->refs.p, n->refs.n);
	}
	return r;
}

static void flush(struct output *o)
{
	table_sum_add(&o->sum, o->block, o->len);
	if (!o->error && fwrite(o->block, 1, o->len, o->f) != o->len)
		o->error = -errno;
	o->len = 0;
}

static void begin(struct output *o, enum table_section s)
{
	o->section = s;
	o->sum = table_sum_begin();
	o->len = 0;
}

static void put(struct output *o, const void *items, size_t n)
{
	const uint8_t *p = items;
	size_t left = n * table_item_size[o->section];

	o->h.section[o->section].n += n;
	while (left) {
		size_t k = BLOCK - o->len < left ? BLOCK - o->len : left;

		memcpy(o->block + o->len, p, k);
		o->len += k;
		p += k;
		left -= k;
		if (o->len == BLOCK)
			flush(o);
	}
}

static void end(struct output *o)
{
	while (o->len % TABLE_ALIGN)
		o->block[o->len++] = 0;
	flush(o);
	o->h.section[o->section].sum = table_sum_end(&o->sum);
	if (o->h.section[o->section].n > TABLE_ITEM_MAX && !o->error)
		o->error = -EFBIG;
}

static void put_section(struct output *o, enum table_section s, const void *items, size_t n)
{
	begin(o, s);
	put(o, items, n);
	end(o);
}

static void put_root(struct output *o, enum table_section s, const uint32_t *root, unsigned bits)
{
	size_t n = (size_t)1 << bits, i = 0;

	begin(o, s);
	while (i < n) {
		struct table_run run = {root[i], 0};

		while (i < n && root[i] == run.value) {
			run.n++;
			i++;
		}
		put(o, &run, 1);
	}
	end(o);
}

static void put_texts(struct output *o, const struct contents *c)
{
	uint64_t at = 0;

	begin(o, TABLE_TEXTS);
	for (uint32_t i = 0; i < c->text.n; i++) {
		uint32_t ends;

		at += ((const struct text *)c->text.list[i])->len;
		ends = (uint32_t)at;
		put(o, &ends, 1);
	}
	end(o);
	begin(o, TABLE_BYTES);
	for (uint32_t i = 0; i < c->text.n; i++) {
		const struct text *t = c->text.list[i];

		put(o, t->p, t->len);
	}
	end(o);
}

static void number_texts(const struct contents *c, const struct text *t, unsigned n, uint32_t *to)
{
	for (unsigned i = 0; i < n; i++)
		to[i] = text_number(c, &t[i]);
}

static void put_as(struct output *o, const struct contents *c)
{
	begin(o, TABLE_AS);
	for (uint32_t i = 0; i < c->as.n; i++) {
		const struct as_info *as = c->as.list[i];
		struct table_as to = {.number = as->number};

		number_texts(c, &as->name, 4, to.text);
		put(o, &to, 1);
	}
	end(o);
}

static void put_geo(struct output *o, const struct contents *c)
{
	begin(o, TABLE_GEO);
	for (uint32_t i = 0; i < c->geo.n; i++) {
		const struct geo_info *geo = c->geo.list[i];
		struct table_geo to = {.latitude = geo->latitude, .longitude = geo->longitude};

		number_texts(c, &geo->continent, 4, to.text);
		put(o, &to, 1);
	}
	end(o);
}

static void put_networks(struct output *o, const struct contents *c)
{
	uint32_t first = 0;

	begin(o, TABLE_REFS);
	for (uint32_t i = 0; i < c->network.n; i++) {
		const struct network_info *n = c->network.list[i];

		for (uint32_t k = 0; k < n->refs.n; k++) {
			uint32_t number = text_number(c, &n->refs.p[k]);

			put(o, &number, 1);
		}
	}
	end(o);
	begin(o, TABLE_NETWORKS);
	for (uint32_t i = 0; i < c->network.n; i++) {
		const struct network_info *n = c->network.list[i];
		struct table_network to = {.first_ref = first, .n_refs = n->refs.n};

		number_texts(c, &n->name, 8, to.text);
		put(o, &to, 1);
		first += n->refs.n;
	}
	end(o);
}

static void put_parts(struct output *o, const struct contents *c)
{
	begin(o, TABLE_PARTS);
	for (uint32_t i = 0; i < c->t->n_parts; i++) {
		const struct ip_part *p = &c->t->parts[i];
		const struct table_part to = {.as = number_of(&c->as, p->as),
					      .geo = number_of(&c->geo, p->geo),
					      .network = number_of(&c->network, p->network)};

		put(o, &to, 1);
	}
	end(o);
}

/* Sections in their order in the file. */
static void put_all(struct output *o, const struct contents *c)
{
	const struct ip_table *t = c->t;

	put_root(o, TABLE_V4_ROOT, t->v4.root, POPTRIE_V4_ROOT);
	put_section(o, TABLE_V4_NODES, t->v4.nodes, t->v4.n_nodes);
	put_section(o, TABLE_V4_LEAVES, t->v4.leaves, t->v4.n_leaves);
	put_root(o, TABLE_V6_ROOT, t->v6.root, POPTRIE_V6_ROOT);
	put_section(o, TABLE_V6_NODES, t->v6.nodes, t->v6.n_nodes);
	put_section(o, TABLE_V6_LEAVES, t->v6.leaves, t->v6.n_leaves);
	put_section(o, TABLE_WORDS, t->leaves, t->n_words);
	put_texts(o, c);
	put_as(o, c);
	put_geo(o, c);
	put_networks(o, c);
	put_parts(o, c);
}

static int write_file(struct output *o, const struct contents *c)
{
	if (fwrite(&o->h, sizeof(o->h), 1, o->f) != 1)
		return -errno;
	put_all(o, c);
	o->h.sum = table_header_sum(&o->h);
	if (!o->error && (fseek(o->f, 0, SEEK_SET) || fwrite(&o->h, sizeof(o->h), 1, o->f) != 1 ||
			  fflush(o->f) || fsync(fileno(o->f))))
		o->error = -errno;
	return o->error;
}

int table_write(const struct ip_table *t, const struct table_identity *id, const char *path)
{
	struct output *o = calloc(1, sizeof(*o));
	struct contents c = {.t = t};
	int r = o ? number_all(&c) : -ENOMEM;

	if (!r) {
		o->h = (struct table_header){.magic = TABLE_MAGIC,
					     .order = TABLE_ORDER,
					     .version = TABLE_VERSION,
					     .make = TABLE_MAKE,
					     .header_size = sizeof(o->h),
					     .mmdb_size = id->size,
					     .n_prefixes = t->n_prefixes};
		memcpy(o->h.content, id->content, TABLE_HASH);
		o->f = fopen(path, "we");
		r = o->f ? write_file(o, &c) : -errno;
		if (o->f && fclose(o->f) && !r)
			r = -errno;
		if (r && o->f)
			unlink(path);
	}
	numbers_free(&c.as);
	numbers_free(&c.geo);
	numbers_free(&c.network);
	numbers_free(&c.text);
	numbers_free(&c.text_at);
	free(o);
	return r;
}
