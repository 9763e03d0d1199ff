/* A small map from numbers to pointers that is read without locks and changed under a mutex.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Open addressing, at most half full. Readers are RCU read sides (urcu-qsbr); writers hold the
 * mutex of whoever owns the table. Growing and removing put a new array in place of the old one,
 * which is freed after the readers have moved on. */
#ifndef WEIR_IDTABLE_H
#define WEIR_IDTABLE_H

#include <stdbool.h>
#include <stdint.h>

struct idtable_array;

struct idtable {
	struct idtable_array *array; /* NULL: empty */
};

/* The value of key, or NULL. Valid until the reader's next quiescent state. */
void *idtable_get(const struct idtable *t, uint64_t key);

/* Has fetched what idtable_get() will read, in two steps: first the table's head, then the place of
 * the key, for which the head should be in the cache. */
void idtable_fetch(const struct idtable *t);
void idtable_fetch_key(const struct idtable *t, uint64_t key);

/* Puts value (not NULL) at key and gives the one that stood there, or NULL, in *old. Freeing the
 * old one after a grace period is the caller's. Returns 0 or -ENOMEM. */
int idtable_put(struct idtable *t, uint64_t key, void *value, void **old);

/* Keeps the entries for which keep() is true; keep() may queue the others to be freed after a grace
 * period. Returns how many were removed; with -ENOMEM nothing was, and keep() was not called. */
int idtable_filter(struct idtable *t, bool (*keep)(uint64_t key, void *value, void *arg),
		   void *arg);

/* Calls fn for each entry until it returns false. Reader or writer side. */
void idtable_each(const struct idtable *t, bool (*fn)(uint64_t key, void *value, void *arg),
		  void *arg);

uint32_t idtable_count(const struct idtable *t);

/* Frees the array; no reader may be left. The values are the caller's. */
void idtable_free(struct idtable *t);

/* A random number of this process, so that nobody outside can choose keys that collide. */
uint64_t idtable_seed(void);

/* Mixes two numbers and the seed. */
static inline uint64_t idtable_mix(uint64_t a, uint64_t b, uint64_t seed)
{
	__uint128_t m = (__uint128_t)(a ^ seed ^ 0x9e3779b97f4a7c15u) *
			(b ^ (seed << 32 | seed >> 32) ^ 0xd1b54a32d192ed03u);

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

#endif
