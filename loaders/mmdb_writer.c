/* Writes an MMDB file.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The tree is built in memory, 8 bytes a node. As prefixes come in order, each begins on the path
 * of the one before it, and no search from the root is needed. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../agent/enrich/table_file.h"
#include "mmdb_writer.h"
#include "versions.h"

enum { TYPE_POINTER = 1, TYPE_TEXT, TYPE_DOUBLE, TYPE_UINT16 = 5, TYPE_UINT32, TYPE_MAP };
enum { TYPE_UINT64 = 9, TYPE_ARRAY = 11 };
enum { SEPARATOR = 16, NODES_MAX = 1 << 30, COPY = 1 << 20 };

#define METADATA_MARK "\xab\xcd\xefMaxMind.com"

/* A record is 0 for nothing, node << 1, or (place of the data) << 1 | 1: its index in `where`. */
struct node {
	uint32_t record[2];
};

struct mmdb_writer {
	FILE *data;
	uint64_t size;
	int error;
	struct versions texts;
	struct buffer one;
	struct node *nodes;
	uint32_t n_nodes, room_nodes;
	uint32_t *where; /* data offsets + 1 that the tree names */
	uint32_t n_where, room_where;
	uint32_t path_nodes[129]; /* of the last prefix, by depth */
	uint64_t high, low;
	unsigned length;
};

struct mmdb_writer *mmdb_writer_new(const char *directory)
{
	struct mmdb_writer *w = calloc(1, sizeof(*w));
	char path[PATH_MAX];
	int fd;

	if (!w)
		return NULL;
	snprintf(path, sizeof(path), "%s/.data-XXXXXX", directory);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0) /* it goes with the process */
		unlink(path);
	w->data = fd < 0 ? NULL : fdopen(fd, "w+");
	w->room_nodes = 1 << 12;
	w->nodes = calloc(w->room_nodes, sizeof(*w->nodes));
	w->n_nodes = 1;
	if (!w->data || !w->nodes) {
		mmdb_writer_free(w);
		return NULL;
	}
	setvbuf(w->data, NULL, _IOFBF, COPY);
	return w;
}

void mmdb_writer_free(struct mmdb_writer *w)
{
	int error = errno;

	if (!w)
		return;
	if (w->data)
		fclose(w->data);
	versions_free(&w->texts);
	buffer_free(&w->one);
	free(w->nodes);
	free(w->where);
	free(w);
	errno = error;
}

/* Type and size; types above 7 have a byte of their own. */
static void put_control(struct buffer *b, unsigned type, size_t size)
{
	unsigned first = (type <= 7 ? type : 0) << 5;
	unsigned small = size < 29 ? (unsigned)size : size < 285 ? 29 : size < 65821 ? 30 : 31;

	buffer_char(b, (char)(first | small));
	if (type > 7)
		buffer_char(b, (char)(type - 7));
	if (small == 31) {
		buffer_char(b, (char)((size - 65821) >> 16));
		buffer_char(b, (char)((size - 65821) >> 8));
		buffer_char(b, (char)(size - 65821));
	} else if (small == 30) {
		buffer_char(b, (char)((size - 285) >> 8));
		buffer_char(b, (char)(size - 285));
	} else if (small == 29) {
		buffer_char(b, (char)(size - 29));
	}
}

void mmdb_put_map(struct buffer *b, unsigned members)
{
	put_control(b, TYPE_MAP, members);
}

void mmdb_put_text(struct buffer *b, const char *p, size_t n)
{
	put_control(b, TYPE_TEXT, n);
	buffer_bytes(b, p, n);
}

static void put_number(struct buffer *b, unsigned type, uint64_t v)
{
	unsigned n = 0;

	while (n < 8 && v >> 8 * n)
		n++;
	put_control(b, type, n);
	while (n--)
		buffer_char(b, (char)(v >> 8 * n));
}

void mmdb_put_uint(struct buffer *b, uint32_t v)
{
	put_number(b, TYPE_UINT32, v);
}

void mmdb_put_pointer(struct buffer *b, uint32_t where)
{
	uint32_t v = where - 1;
	unsigned size = v < 2048 ? 0 : v < 2048 + (1 << 19) ? 1 : v < 526336 + (1 << 27) ? 2 : 3;

	v -= size == 1 ? 2048 : size == 2 ? 526336 : 0;
	buffer_char(b,
		    (char)(TYPE_POINTER << 5 | size << 3 | (size == 3 ? 0 : v >> 8 * (size + 1))));
	if (size == 3)
		buffer_char(b, (char)(v >> 24));
	if (size >= 2)
		buffer_char(b, (char)(v >> 16));
	if (size >= 1)
		buffer_char(b, (char)(v >> 8));
	buffer_char(b, (char)v);
}

uint32_t mmdb_data(struct mmdb_writer *w, const struct buffer *value)
{
	uint64_t at = w->size;

	if (value->failed)
		w->error = -ENOMEM;
	else if (at + value->len >= UINT32_MAX - SEPARATOR)
		w->error = -EFBIG;
	else if (fwrite(value->p, 1, value->len, w->data) != value->len)
		w->error = -errno;
	if (w->error)
		return 0;
	w->size += value->len;
	return (uint32_t)at + 1;
}

uint32_t mmdb_text_once(struct mmdb_writer *w, const char *p, size_t n)
{
	buffer_clear(&w->one);
	mmdb_put_text(&w->one, p, n);
	return mmdb_data(w, &w->one);
}

uint32_t mmdb_text(struct mmdb_writer *w, const char *p, size_t n)
{
	struct version *v = versions_add(&w->texts, p, n);

	if (!v)
		w->error = -ENOMEM;
	else if (!v->index)
		v->index = mmdb_text_once(w, p, n);
	return v ? (uint32_t)v->index : 0;
}

uint32_t mmdb_double(struct mmdb_writer *w, double number)
{
	uint64_t bits;
	struct version *v;

	memcpy(&bits, &number, 8);
	bits = htobe64(bits);
	/* nine bytes, the last no UTF-8: unlike any text */
	buffer_clear(&w->one);
	put_control(&w->one, TYPE_DOUBLE, 8);
	buffer_bytes(&w->one, &bits, 8);
	buffer_char(&w->one, (char)0xff);
	v = w->one.failed ? NULL : versions_add(&w->texts, w->one.p, w->one.len);
	w->one.len--;
	if (!v)
		w->error = -ENOMEM;
	else if (!v->index)
		v->index = mmdb_data(w, &w->one);
	return v ? (uint32_t)v->index : 0;
}

static unsigned bit_at(uint64_t high, uint64_t low, unsigned i)
{
	return (i < 64 ? high >> (63 - i) : low >> (127 - i)) & 1;
}

/* How many bits two addresses share. */
static unsigned common(const struct mmdb_writer *w, uint64_t high, uint64_t low)
{
	if (w->high != high)
		return (unsigned)__builtin_clzll(w->high ^ high);
	return w->low == low ? 128 : 64 + (unsigned)__builtin_clzll(w->low ^ low);
}

/* A new node whose two sides are what the record was. */
static uint32_t new_node(struct mmdb_writer *w, uint32_t both)
{
	if (w->n_nodes == w->room_nodes) {
		uint64_t room = (uint64_t)w->room_nodes + w->room_nodes / 2;
		struct node *p = room > NODES_MAX ? NULL : realloc(w->nodes, room * sizeof(*p));

		if (!p)
			return 0;
		w->nodes = p;
		w->room_nodes = (uint32_t)room;
	}
	w->nodes[w->n_nodes] = (struct node){{both, both}};
	return w->n_nodes++;
}

static int remember(struct mmdb_writer *w, uint32_t where, uint32_t *record)
{
	if (!where) {
		*record = 0;
		return 0;
	}
	if (!w->n_where || w->where[w->n_where - 1] != where) {
		if (w->n_where == w->room_where) {
			uint32_t room = w->room_where ? w->room_where + w->room_where / 2 : 4096;
			uint32_t *p = reallocarray(w->where, room, sizeof(*p));

			if (!p)
				return -ENOMEM;
			w->where = p;
			w->room_where = room;
		}
		w->where[w->n_where++] = where;
	}
	*record = (w->n_where - 1) << 1 | 1;
	return 0;
}

int mmdb_prefix(struct mmdb_writer *w, uint64_t high, uint64_t low, unsigned length, uint32_t where)
{
	unsigned depth = common(w, high, low);
	uint32_t record, node;

	if (remember(w, where, &record))
		return w->error = -ENOMEM;
	if (!length) {
		w->nodes[0] = (struct node){{record, record}};
		return 0;
	}
	/* nodes of the last path are there above its own length */
	if (!w->length)
		depth = 0;
	else if (depth > w->length - 1)
		depth = w->length - 1;
	if (depth > length - 1)
		depth = length - 1;
	node = w->path_nodes[depth];
	for (; depth < length - 1; depth++) {
		unsigned side = bit_at(high, low, depth);
		uint32_t to = w->nodes[node].record[side];

		w->path_nodes[depth] = node;
		if (!to || to & 1) {
			uint32_t made = new_node(w, to);

			if (!made)
				return w->error = -ENOMEM;
			w->nodes[node].record[side] = made << 1;
			node = made;
		} else {
			node = to >> 1;
		}
	}
	w->path_nodes[depth] = node;
	w->nodes[node].record[bit_at(high, low, depth)] = record;
	w->high = high;
	w->low = low;
	w->length = length;
	return 0;
}

uint64_t mmdb_nodes(const struct mmdb_writer *w)
{
	return w->n_nodes;
}

uint64_t mmdb_data_size(const struct mmdb_writer *w)
{
	return w->size;
}

static unsigned record_size(const struct mmdb_writer *w)
{
	uint64_t most = w->n_nodes + SEPARATOR + w->size;

	return most < 1 << 24 ? 24 : most < 1 << 28 ? 28 : 32;
}

static uint32_t value_of(const struct mmdb_writer *w, uint32_t record)
{
	if (!record)
		return w->n_nodes;
	return record & 1 ? w->n_nodes + SEPARATOR + w->where[record >> 1] - 1 : record >> 1;
}

static void pack(uint8_t *p, unsigned bits, uint32_t left, uint32_t right)
{
	unsigned bytes = bits / 8; /* whole ones of a record */

	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(left >> 8 * (bytes - 1 - i));
	p += bytes;
	if (bits == 28) /* the upper four bits of both share the middle byte */
		*p++ = (uint8_t)(left >> 24 << 4 | right >> 24);
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(right >> 8 * (bytes - 1 - i));
}

static int write_tree(const struct mmdb_writer *w, FILE *f)
{
	unsigned bits = record_size(w);
	uint8_t bytes[8];

	for (uint32_t i = 0; i < w->n_nodes; i++) {
		pack(bytes, bits, value_of(w, w->nodes[i].record[0]),
		     value_of(w, w->nodes[i].record[1]));
		if (fwrite(bytes, 1, bits / 4, f) != bits / 4)
			return -errno;
	}
	return fwrite((uint8_t[SEPARATOR]){0}, 1, SEPARATOR, f) == SEPARATOR ? 0 : -errno;
}

static int write_data(struct mmdb_writer *w, FILE *f)
{
	char *p = malloc(COPY);
	size_t n;
	int r = p ? 0 : -ENOMEM;

	if (!r && (fflush(w->data) || fseek(w->data, 0, SEEK_SET)))
		r = -errno;
	while (!r && (n = fread(p, 1, COPY, w->data)))
		if (fwrite(p, 1, n, f) != n)
			r = -errno;
	if (!r && ferror(w->data))
		r = -EIO;
	free(p);
	return r;
}

static void put_key(struct buffer *b, const char *key)
{
	mmdb_put_text(b, key, strlen(key));
}

static int write_metadata(const struct mmdb_writer *w, FILE *f, const char *type, const char *text)
{
	struct buffer b = {0};
	int r;

	buffer_bytes(&b, METADATA_MARK, sizeof(METADATA_MARK) - 1);
	mmdb_put_map(&b, 9);
	put_key(&b, "binary_format_major_version");
	put_number(&b, TYPE_UINT16, 2);
	put_key(&b, "binary_format_minor_version");
	put_number(&b, TYPE_UINT16, 0);
	put_key(&b, "build_epoch");
	put_number(&b, TYPE_UINT64, (uint64_t)time(NULL));
	put_key(&b, "database_type");
	put_key(&b, type);
	put_key(&b, "description");
	mmdb_put_map(&b, 1);
	put_key(&b, "en");
	put_key(&b, text);
	put_key(&b, "ip_version");
	put_number(&b, TYPE_UINT16, 6);
	put_key(&b, "languages");
	put_control(&b, TYPE_ARRAY, 1);
	put_key(&b, "en");
	put_key(&b, "node_count");
	put_number(&b, TYPE_UINT32, w->n_nodes);
	put_key(&b, "record_size");
	put_number(&b, TYPE_UINT16, record_size(w));
	r = b.failed ? -ENOMEM : fwrite(b.p, 1, b.len, f) == b.len ? 0 : -errno;
	buffer_free(&b);
	return r;
}

/* Tree and data, then the metadata with their hash. */
static int write_all(struct mmdb_writer *w, FILE *f, const char *type, const char *text)
{
	uint8_t hash[TABLE_HASH];
	struct buffer b = {0};
	int r = write_tree(w, f);
	off_t n;

	r = r ? r : write_data(w, f);
	if (r)
		return r;
	n = fflush(f) ? -1 : ftello(f);
	if (n < 0)
		return -errno;
	r = table_hash(fileno(f), (uint64_t)n, hash);
	buffer_format(&b, "%s; " TABLE_CONTENT, text);
	buffer_hex(&b, hash, sizeof(hash));
	buffer_char(&b, '\0');
	r = r ? r : b.failed ? -ENOMEM : write_metadata(w, f, type, b.p);
	buffer_free(&b);
	return r;
}

int mmdb_write(struct mmdb_writer *w, const char *path, const char *type, const char *text,
	       char beside[PATH_MAX])
{
	FILE *f;
	int r = w->error;

	if (r)
		return r;
	if (snprintf(beside, PATH_MAX, "%s.new", path) >= PATH_MAX)
		return -ENAMETOOLONG;
	f = fopen(beside, "w+e");
	if (!f)
		return -errno;
	setvbuf(f, NULL, _IOFBF, COPY);
	r = write_all(w, f, type, text);
	if (!r && (fflush(f) || fsync(fileno(f))))
		r = -errno;
	if (fclose(f) && !r)
		r = -errno;
	if (r)
		unlink(beside);
	return r;
}

int mmdb_finish(struct mmdb_writer *w, const char *path, const char *type, const char *text)
{
	char beside[PATH_MAX];
	int r = mmdb_write(w, path, type, text, beside);

	if (!r && rename(beside, path)) {
		r = -errno;
		unlink(beside);
	}
	return r;
}
