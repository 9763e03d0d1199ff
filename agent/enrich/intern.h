/* Memory for what enrichment attaches: each text and each struct exists once, encoded.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_INTERN_H
#define WEIR_INTERN_H

#include "../flow_info.h"

/* Memory that is given out bit by bit and freed at once. Never moves. */
struct arena {
	struct arena_chunk *chunks;
	uint8_t *next, *end;
	size_t bytes; /* in all chunks */
};

/* For what is larger than this and read at random: with pages of 4 KiB, finding the page would take
 * longer than reading it. Zeroed or not as the kernel gives it; free() frees it. */
enum { LARGE_PAGE = 2 << 20 };
void *large_get(size_t n);

/* 8-byte aligned, not initialised; NULL: out of memory. */
void *arena_get(struct arena *a, size_t n);

/* The same, placed so that its first `hot` bytes are in as few lines of the cache as they can. */
void *arena_get_hot(struct arena *a, size_t n, size_t hot);
void arena_free(struct arena *a);

/* A hash that is told its bytes piece by piece. 128 bits of it, with a random seed, stand for the
 * bytes themselves where keeping those would cost too much. */
struct hash {
	uint64_t a, b;
};

struct hash hash_seed(void);
void hash_bytes(struct hash *h, const void *p, size_t n);

struct intern_slot;

struct intern_table {
	struct intern_slot *slots;
	size_t n, mask;
};

struct interner {
	struct arena arena;
	struct hash seed;
	struct intern_table texts, infos;
	const info_writer *writers[INFO_FORMATS]; /* NULL: this format is not needed */
	uint8_t *scratch;			  /* where structs are encoded */
	uint32_t n_infos;
	bool failed; /* out of memory: nothing that it returned since may be used */
};

/* Writers may be NULL for all formats. Returns 0 or -ENOMEM. */
int interner_init(struct interner *in, const info_writer *const writers[INFO_FORMATS]);

/* Frees what is needed only while things are added; what was returned stays. */
void interner_done(struct interner *in);

/* Forgets everything and frees what it was kept in. */
void interner_reset(struct interner *in);

/* Frees everything. */
void interner_free(struct interner *in);

/* The text as messages may have it: bytes that are not UTF-8 and control characters become '?' and
 * ' ', at most INFO_TEXT_MAX bytes. Unset where it is empty. */
struct text intern_text(struct interner *in, const char *p, size_t n);

/* Whether a text may be given out as it is. */
bool intern_is_clean(const struct text *t);

/* The one struct of that content, encoded; the texts of `image` may point anywhere. NULL where all
 * of it is unset. */
const struct as_info *intern_as(struct interner *in, const struct as_info *image);
const struct geo_info *intern_geo(struct interner *in, const struct geo_info *image);
const struct network_info *intern_network(struct interner *in, const struct network_info *image);

/* A copy of a struct, encoded; its texts are interned, or stay where they are by other means.
 * Nobody looks whether there is one like it. `image` is its first member, `size` that of the
 * struct. NULL: out of memory. */
void *intern_place(struct interner *in, enum info_kind kind, struct info_bytes *image, size_t size);

/* Encodes a struct whose texts are interned already, for those that need no second look. */
void intern_encode(struct interner *in, enum info_kind kind, void *info);

#endif
