/* Reading ip.table.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Arrays are read into the place where they stay, structs in blocks, so that what is needed while
 * it is read is little beside what stays. It is read, not mapped: a file that is cut short while it
 * is mapped would end the process. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../clock.h"
#include "table_layout.h"

enum {
	CHUNK = 1 << 20, /* summed while it is in the cache */
	BLOCK = 4096,	 /* structs at once: whole blocks of TABLE_ALIGN */
};

static const char no_memory[] = "out of memory";
static const char cut_short[] = "is cut short";
static const char no_text[] = "is damaged: a text is not there";

struct input {
	int fd;
	struct table_header h;
	uint64_t at; /* in the file */
	struct table_sum sum;
	const struct ip_table_options *o;
	struct ip_table *t;
	const char *bytes;	   /* of all texts, of the table's arena */
	struct table_run *runs[2]; /* of the roots of IPv4 and IPv6 */
	uint8_t *block;		   /* BLOCK items of at most 64 bytes */
	uint32_t *ends;		   /* of each text */
	uint32_t *refs;
	/* By number - 1; NULL where the options want nothing of it. */
	const void **as, **geo, **network;
	const char *wrong; /* the first that was wrong, a static text; nothing is read any more */
	char reason[80];   /* or made here */
};

static void refuse(struct input *in, const char *why)
{
	if (!in->wrong)
		in->wrong = why;
}

/* Reads the next bytes, in whole blocks of TABLE_ALIGN, and adds them to the sum. */
static void take(struct input *in, void *to, size_t n)
{
	uint8_t *p = to;

	while (n && !in->wrong) {
		size_t want = n < CHUNK ? n : CHUNK, got = 0;

		while (got < want && !in->wrong) {
			ssize_t k = pread(in->fd, p + got, want - got, (off_t)(in->at + got));

			if (k > 0) {
				got += (size_t)k;
			} else if (k == 0) {
				refuse(in, cut_short);
			} else if (errno != EINTR) {
				snprintf(in->reason, sizeof(in->reason), "%s", strerror(errno));
				refuse(in, in->reason);
			}
		}
		if (in->wrong)
			return;
		table_sum_add(&in->sum, p, want);
		in->at += want;
		p += want;
		n -= want;
	}
}

static void end_section(struct input *in, enum table_section s)
{
	if (!in->wrong && table_sum_end(&in->sum) != in->h.section[s].sum)
		refuse(in, "is damaged: a checksum is not that of its bytes");
}

/* A whole section into an array of its own. With room for the padding; NULL where that failed. */
static void *take_array(struct input *in, enum table_section s)
{
	size_t n = (size_t)table_section_size(s, in->h.section[s].n);
	void *p = in->wrong ? NULL : large_get(n + TABLE_ALIGN);

	if (!p) {
		refuse(in, no_memory);
		return NULL;
	}
	in->sum = table_sum_begin();
	take(in, p, n);
	end_section(in, s);
	return p;
}

/* Calls `each` for all items of a section, which are at most 64 bytes long. */
static void take_each(struct input *in, enum table_section s,
		      void (*each)(struct input *in, const void *item, size_t i))
{
	size_t n = (size_t)in->h.section[s].n, size = table_item_size[s];

	in->sum = table_sum_begin();
	for (size_t i = 0; i < n && !in->wrong; i += BLOCK) {
		size_t k = n - i < BLOCK ? n - i : BLOCK;

		take(in, in->block, (size_t)table_section_size(s, k));
		for (size_t j = 0; j < k && !in->wrong; j++)
			each(in, in->block + j * size, i + j);
	}
	end_section(in, s);
}

static void read_header(struct input *in, const struct table_identity *id)
{
	const struct table_header *h = &in->h;
	uint64_t size = sizeof(*h);
	struct stat st;

	if (fstat(in->fd, &st) || !S_ISREG(st.st_mode)) {
		refuse(in, "is not a file");
		return;
	}
	take(in, &in->h, sizeof(in->h));
	if (in->wrong)
		return;
	if (memcmp(h->magic, TABLE_MAGIC, sizeof(h->magic)) || h->order != TABLE_ORDER)
		refuse(in, "is no table of weir's");
	else if (h->version != TABLE_VERSION || h->make != TABLE_MAKE ||
		 h->header_size != sizeof(*h))
		refuse(in, "is of another version of weir; `weir load trie` makes it again");
	else if (h->sum != table_header_sum(h))
		refuse(in, "is damaged: a checksum is not that of its bytes");
	else if (h->mmdb_size != id->size || memcmp(h->content, id->content, TABLE_HASH))
		refuse(in, "was made of another ip.mmdb than the one beside it");
	for (unsigned s = 0; s < TABLE_SECTIONS && !in->wrong; s++) {
		if (h->section[s].n > TABLE_ITEM_MAX)
			refuse(in, "is damaged: it has more than can be numbered");
		else
			size += table_section_size(s, h->section[s].n);
	}
	if (!in->wrong && size != (uint64_t)st.st_size)
		refuse(in, size > (uint64_t)st.st_size ? cut_short : "is longer than it says");
}

static void set_run(uint32_t *root, size_t n, size_t *at, const struct table_run *run,
		    struct input *in)
{
	if (run->n > n - *at) {
		refuse(in, "is damaged: the root of a trie has the wrong size");
		return;
	}
	for (uint32_t i = 0, value = run->value; i < run->n; i++)
		root[*at + i] = value;
	*at += run->n;
}

/* The root's runs wait until all else is read: what is damaged is refused before they take room. */
static void read_trie(struct input *in, unsigned v6, struct poptrie *t)
{
	enum table_section first = v6 ? TABLE_V6_ROOT : TABLE_V4_ROOT;

	in->runs[v6] = take_array(in, first);
	t->nodes = take_array(in, first + 1);
	t->n_nodes = (size_t)in->h.section[first + 1].n;
	t->leaves = take_array(in, first + 2);
	t->n_leaves = (size_t)in->h.section[first + 2].n;
	in->t->size += t->n_nodes * sizeof(*t->nodes) + t->n_leaves * sizeof(*t->leaves);
}

static void make_root(struct input *in, unsigned v6, struct poptrie *t)
{
	size_t n = (size_t)1 << (v6 ? POPTRIE_V6_ROOT : POPTRIE_V4_ROOT), at = 0;
	uint64_t n_runs = in->h.section[v6 ? TABLE_V6_ROOT : TABLE_V4_ROOT].n;

	t->root = in->wrong ? NULL : large_get(n * sizeof(*t->root));
	if (!t->root)
		refuse(in, no_memory);
	for (size_t i = 0; i < n_runs && !in->wrong; i++)
		set_run(t->root, n, &at, &in->runs[v6][i], in);
	if (at != n)
		refuse(in, "is damaged: the root of a trie has the wrong size");
	in->t->size += n * sizeof(*t->root);
}

static struct text text_at(const struct input *in, size_t i)
{
	uint32_t start = i ? in->ends[i - 1] : 0;

	return (struct text){in->bytes + start, in->ends[i] - start};
}

static void check_texts(struct input *in)
{
	size_t n = (size_t)in->h.section[TABLE_TEXTS].n;
	uint32_t before = 0;

	for (size_t i = 0; i < n && !in->wrong; i++) {
		uint32_t end = in->ends[i];
		struct text t;

		if (end <= before || end > in->h.section[TABLE_BYTES].n) {
			refuse(in, no_text);
			return;
		}
		before = end;
		t = text_at(in, i);
		if (!intern_is_clean(&t))
			refuse(in, "is damaged: a text is no text");
	}
}

/* The bytes stay where the structs are that point to them. */
static void read_texts(struct input *in)
{
	size_t n = (size_t)table_section_size(TABLE_BYTES, in->h.section[TABLE_BYTES].n);
	void *bytes;

	in->ends = take_array(in, TABLE_TEXTS);
	bytes = in->wrong ? NULL : arena_get(&in->t->interner.arena, n + TABLE_ALIGN);
	if (!bytes) {
		refuse(in, no_memory);
		return;
	}
	in->sum = table_sum_begin();
	take(in, bytes, n);
	end_section(in, TABLE_BYTES);
	in->bytes = bytes;
	check_texts(in);
}

/* Sets texts from their numbers; true where one of them is set. */
static bool set_texts(struct input *in, const uint32_t *numbers, struct text *to, unsigned n)
{
	bool any = false;

	for (unsigned i = 0; i < n; i++) {
		to[i] = (struct text){NULL, 0};
		if (numbers[i] > in->h.section[TABLE_TEXTS].n) {
			refuse(in, no_text);
			return false;
		}
		if (!numbers[i])
			continue;
		to[i] = text_at(in, numbers[i] - 1);
		any = true;
	}
	return any;
}

static const void *keep(struct input *in, enum info_kind kind, struct info_bytes *image,
			size_t size)
{
	const void *p = intern_place(&in->t->interner, kind, image, size);

	if (!p)
		refuse(in, no_memory);
	return p;
}

static void read_as(struct input *in, const void *item, size_t i)
{
	const struct table_as *from = item;
	struct as_info as = {.number = from->number};
	bool any = set_texts(in, from->text, &as.name, 4);

	if (!in->o->as_names && any) {
		memset(&as.name, 0, 4 * sizeof(as.name));
		any = false;
	}
	if (!in->wrong && (any || as.number))
		in->as[i] = keep(in, INFO_AS, &as.encoded, sizeof(as));
}

static bool is_coordinate(double v)
{
	return isnan(v) || fabs(v) <= 360;
}

static void read_geo(struct input *in, const void *item, size_t i)
{
	const struct table_geo *from = item;
	struct geo_info geo = {.latitude = from->latitude, .longitude = from->longitude};
	bool any = set_texts(in, from->text, &geo.continent, 4);

	if (!is_coordinate(geo.latitude) || !is_coordinate(geo.longitude))
		refuse(in, "is damaged: a coordinate is none");
	any |= !isnan(geo.latitude) || !isnan(geo.longitude);
	if (!in->wrong && any && in->o->geo)
		in->geo[i] = keep(in, INFO_GEO, &geo.encoded, sizeof(geo));
}

/* References to further tables, as a list of texts of the arena. */
static void read_refs(struct input *in, const struct table_network *from, struct texts *to)
{
	uint64_t n = in->h.section[TABLE_REFS].n;
	struct text *list;

	if (from->n_refs > 2 * INFO_LIST_MAX || from->n_refs % 2 || from->first_ref > n ||
	    n - from->first_ref < from->n_refs) {
		refuse(in, "is damaged: a reference is not there");
		return;
	}
	list = arena_get(&in->t->interner.arena, from->n_refs * sizeof(*list));
	if (!list) {
		refuse(in, no_memory);
		return;
	}
	set_texts(in, in->refs + from->first_ref, list, from->n_refs);
	*to = (struct texts){list, from->n_refs};
}

static void read_network(struct input *in, const void *item, size_t i)
{
	const struct table_network *from = item;
	struct network_info network = {.name = {NULL, 0}};
	bool any = set_texts(in, from->text, &network.name, 8);

	if (!in->o->networks)
		memset(&network.name, 0, 5 * sizeof(network.name));
	if (!in->o->refs)
		memset(&network.scireg, 0, 3 * sizeof(network.scireg));
	else if (from->n_refs)
		read_refs(in, from, &network.refs);
	any = network.refs.n;
	for (unsigned k = 0; k < 8; k++)
		any |= (&network.name)[k].len != 0;
	if (!in->wrong && any)
		in->network[i] = keep(in, INFO_NETWORK, &network.encoded, sizeof(network));
}

static void read_part(struct input *in, const void *item, size_t i)
{
	const struct table_part *from = item;
	const struct table_header *h = &in->h;

	if (from->as > h->section[TABLE_AS].n || from->geo > h->section[TABLE_GEO].n ||
	    from->network > h->section[TABLE_NETWORKS].n ||
	    (!i && (from->as || from->geo || from->network))) {
		refuse(in, "is damaged: a part is of what is not there");
		return;
	}
	in->t->parts[i] = (struct ip_part){
		.as = from->as ? in->as[from->as - 1] : NULL,
		.geo = from->geo ? in->geo[from->geo - 1] : NULL,
		.network = from->network ? in->network[from->network - 1] : NULL,
	};
	ip_part_complete(&in->t->parts[i]);
}

static const void **pointers(struct input *in, enum table_section s)
{
	const void **p = in->wrong ? NULL : calloc(in->h.section[s].n + 1, sizeof(*p));

	if (!p)
		refuse(in, no_memory);
	return p;
}

static void read_structs(struct input *in)
{
	struct ip_table *t = in->t;

	in->block = in->wrong ? NULL : malloc(BLOCK * 64);
	if (!in->block)
		refuse(in, no_memory);
	read_texts(in);
	in->as = pointers(in, TABLE_AS);
	in->geo = pointers(in, TABLE_GEO);
	in->network = pointers(in, TABLE_NETWORKS);
	take_each(in, TABLE_AS, read_as);
	take_each(in, TABLE_GEO, read_geo);
	in->refs = take_array(in, TABLE_REFS);
	take_each(in, TABLE_NETWORKS, read_network);
	t->n_parts = (uint32_t)in->h.section[TABLE_PARTS].n;
	t->parts = in->wrong ? NULL : large_get(t->n_parts * sizeof(*t->parts));
	if (!t->parts)
		refuse(in, no_memory);
	take_each(in, TABLE_PARTS, read_part);
}

/* With what the options leave out, many a leaf says nothing, or what others say as well. Without
 * references there is one for each part, two words long: part_leaf. */
static uint32_t fewer(const struct ip_table *t, const uint32_t *words, uint32_t answer, bool refs)
{
	const struct ip_leaf *l = (const struct ip_leaf *)(const void *)(words + answer);
	const struct ip_part *p = &t->parts[l->part];

	if (!p->as && !p->geo && !p->network && !(refs && l->ref_len))
		return 0;
	return refs ? answer : 2 * l->part;
}

static void leave_out_of(struct ip_table *t, const uint32_t *words, uint32_t *answers, size_t n,
			 bool refs)
{
	uint32_t before = 0, now = 0; /* there are many of the same in a row */

	for (size_t i = 0; i < n; i++) {
		if (answers[i] & POPTRIE_NODE)
			continue;
		if (answers[i] != before) {
			before = answers[i];
			now = fewer(t, words, before, refs);
		}
		answers[i] = now;
	}
}

static void leave_out(struct input *in)
{
	const struct ip_table_options *o = in->o;
	struct ip_table *t = in->t;
	struct poptrie *tries[] = {&t->v4, &t->v6};
	const size_t roots[] = {(size_t)1 << POPTRIE_V4_ROOT, (size_t)1 << POPTRIE_V6_ROOT};
	uint32_t *words = t->leaves;

	if (in->wrong || (o->as_names && o->geo && o->networks && o->refs))
		return;
	if (!o->refs) {
		t->n_words = 2 * (size_t)t->n_parts;
		t->leaves = large_get(t->n_words * 4);
		if (!t->leaves) {
			t->leaves = words;
			refuse(in, no_memory);
			return;
		}
		memset(t->leaves, 0, t->n_words * 4);
		for (uint32_t i = 0; i < t->n_parts; i++)
			t->leaves[2 * i] = i;
	}
	for (unsigned k = 0; k < 2; k++) {
		leave_out_of(t, words, tries[k]->root, roots[k], o->refs);
		leave_out_of(t, words, tries[k]->leaves, tries[k]->n_leaves, o->refs);
	}
	if (words != t->leaves)
		free(words);
}

static void check(struct input *in)
{
	const char *wrong = in->wrong ? NULL : table_check(in->t);

	if (!wrong)
		return;
	snprintf(in->reason, sizeof(in->reason), "%s%s",
		 strcmp(wrong, no_memory) ? "is damaged: " : "", wrong);
	refuse(in, in->reason);
}

static void read_all(struct input *in)
{
	struct ip_table *t = in->t;

	t->n_prefixes = in->h.n_prefixes;
	read_trie(in, false, &t->v4);
	read_trie(in, true, &t->v6);
	t->leaves = take_array(in, TABLE_WORDS);
	t->n_words = (size_t)in->h.section[TABLE_WORDS].n;
	read_structs(in);
	make_root(in, false, &t->v4);
	make_root(in, true, &t->v6);
	check(in);
	leave_out(in);
	t->n_infos = t->interner.n_infos;
	t->size += t->n_words * 4 + t->n_parts * sizeof(*t->parts) + t->interner.arena.bytes;
	interner_done(&t->interner);
}

struct ip_table *table_read(const char *path, const struct table_identity *id,
			    const struct ip_table_options *o, char *error, size_t size)
{
	struct input *in = calloc(1, sizeof(*in));
	uint64_t start = clock_monotonic_ns();
	struct ip_table *t = in ? calloc(1, sizeof(*t)) : NULL;
	const char *wrong;

	snprintf(error, size, "out of memory");
	if (!t || interner_init(&t->interner, o->writers)) {
		free(in);
		free(t);
		return NULL;
	}
	in->o = o;
	in->t = t;
	in->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (in->fd < 0)
		refuse(in, strerror(errno));
	else
		read_header(in, id);
	if (!in->wrong)
		read_all(in);
	wrong = in->wrong;
	if (wrong)
		snprintf(error, size, "%s", wrong);
	if (in->fd >= 0)
		close(in->fd);
	free(in->runs[0]);
	free(in->runs[1]);
	free(in->block);
	free(in->ends);
	free(in->refs);
	free(in->as);
	free(in->geo);
	free(in->network);
	free(in);
	if (wrong) {
		ip_table_free(t);
		return NULL;
	}
	t->load_ns = clock_monotonic_ns() - start;
	return t;
}
