/* A small map from numbers to pointers that is read without locks and changed under a mutex.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <urcu-qsbr.h>

#include "idtable.h"

enum { FIRST_SIZE = 8 };

struct slot {
	uint64_t key;
	void *value; /* NULL: free. Written last, so that a reader who sees it sees the key. */
};

struct idtable_array {
	struct rcu_head rcu;
	uint64_t seed;
	uint32_t mask, used;
	struct slot slots[];
};

static uint64_t process_seed;
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void make_seed(void)
{
	if (getrandom(&process_seed, sizeof(process_seed), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(process_seed))
		process_seed = (uint64_t)time(NULL) * 0x9e3779b97f4a7c15u;
}

uint64_t idtable_seed(void)
{
	pthread_once(&seed_once, make_seed);
	return process_seed;
}

static struct idtable_array *array_new(uint32_t size)
{
	struct idtable_array *a = calloc(1, sizeof(*a) + size * sizeof(struct slot));

	if (a) {
		a->mask = size - 1;
		a->seed = idtable_seed();
	}
	return a;
}

static void array_free(struct rcu_head *head)
{
	free((char *)head - offsetof(struct idtable_array, rcu));
}

/* Acquire and release where liburcu's macros would do, so that tools that look for races know. */
static void *load(void *const *value)
{
	return __atomic_load_n(value, __ATOMIC_ACQUIRE);
}

/* The slot that holds key, or the free one where it would go. Writer side. */
static struct slot *array_slot(struct idtable_array *a, uint64_t key)
{
	uint64_t i = idtable_mix(key, key >> 17, a->seed);

	for (;; i++) {
		struct slot *s = &a->slots[i & a->mask];

		if (!s->value || s->key == key)
			return s;
	}
}

void idtable_fetch(const struct idtable *t)
{
	__builtin_prefetch(__atomic_load_n(&t->array, __ATOMIC_ACQUIRE));
}

void idtable_fetch_key(const struct idtable *t, uint64_t key)
{
	struct idtable_array *a = __atomic_load_n(&t->array, __ATOMIC_ACQUIRE);

	if (a)
		__builtin_prefetch(&a->slots[idtable_mix(key, key >> 17, a->seed) & a->mask]);
}

void *idtable_get(const struct idtable *t, uint64_t key)
{
	struct idtable_array *a = __atomic_load_n(&t->array, __ATOMIC_ACQUIRE);
	uint64_t i = a ? idtable_mix(key, key >> 17, a->seed) : 0;

	if (!a)
		return NULL;
	/* Each value is loaded once: a slot that was free may be another key's a moment later. */
	for (;; i++) {
		struct slot *s = &a->slots[i & a->mask];
		void *value = load(&s->value);

		if (!value || s->key == key)
			return value;
	}
}

/* Puts an array of twice the size in place. */
static int grow(struct idtable *t)
{
	struct idtable_array *old = t->array;
	struct idtable_array *a = array_new(old ? 2 * (old->mask + 1) : FIRST_SIZE);

	if (!a)
		return -ENOMEM;
	for (uint32_t i = 0; old && i <= old->mask; i++)
		if (old->slots[i].value)
			*array_slot(a, old->slots[i].key) = old->slots[i];
	a->used = old ? old->used : 0;
	__atomic_store_n(&t->array, a, __ATOMIC_RELEASE);
	if (old)
		call_rcu(&old->rcu, array_free);
	return 0;
}

int idtable_put(struct idtable *t, uint64_t key, void *value, void **old)
{
	struct slot *s = t->array ? array_slot(t->array, key) : NULL;

	*old = s ? s->value : NULL;
	if (!*old) {
		if (!t->array || 2 * (t->array->used + 1) > t->array->mask + 1) {
			if (grow(t) < 0)
				return -ENOMEM;
			s = array_slot(t->array, key);
		}
		s->key = key;
		t->array->used++;
	}
	__atomic_store_n(&s->value, value, __ATOMIC_RELEASE);
	return 0;
}

int idtable_filter(struct idtable *t, bool (*keep)(uint64_t key, void *value, void *arg), void *arg)
{
	struct idtable_array *old = t->array, *a;
	int removed;

	if (!old)
		return 0;
	a = array_new(old->mask + 1);
	if (!a)
		return -ENOMEM;
	for (uint32_t i = 0; i <= old->mask; i++) {
		struct slot *s = &old->slots[i];

		if (s->value && keep(s->key, s->value, arg)) {
			*array_slot(a, s->key) = *s;
			a->used++;
		}
	}
	removed = (int)(old->used - a->used);
	__atomic_store_n(&t->array, a, __ATOMIC_RELEASE);
	call_rcu(&old->rcu, array_free);
	return removed;
}

void idtable_each(const struct idtable *t, bool (*fn)(uint64_t key, void *value, void *arg),
		  void *arg)
{
	struct idtable_array *a = __atomic_load_n(&t->array, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; a && i <= a->mask; i++) {
		void *value = load(&a->slots[i].value);

		if (value && !fn(a->slots[i].key, value, arg))
			return;
	}
}

uint32_t idtable_count(const struct idtable *t)
{
	struct idtable_array *a = __atomic_load_n(&t->array, __ATOMIC_ACQUIRE);

	return a ? a->used : 0;
}

void idtable_free(struct idtable *t)
{
	free(t->array);
	t->array = NULL;
}
