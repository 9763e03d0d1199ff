/* The latest version of each row of a table.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "versions.h"

enum { ROOM_MIN = 1 << 10 };

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static void hash_id(const struct versions *v, const char *id, size_t n, uint64_t *key,
		    uint32_t *more)
{
	uint64_t a = v->seed[0] ^ n, b = v->seed[1], word;

	while (n >= 8) {
		memcpy(&word, id, 8);
		a = mix(a ^ word, 0x9e3779b97f4a7c15u ^ v->seed[1]);
		b = mix(b ^ word, 0xc2b2ae3d27d4eb4fu ^ v->seed[0]);
		id += 8;
		n -= 8;
	}
	word = 0;
	memcpy(&word, id, n);
	a = mix(a ^ word, 0x9e3779b97f4a7c15u ^ v->seed[1]);
	b = mix(b ^ word, 0xc2b2ae3d27d4eb4fu ^ v->seed[0]);
	*key = mix(a, 0xff51afd7ed558ccdu);
	*more = (uint32_t)(mix(b, 0xc4ceb9fe1a85ec53u) >> 32);
}

void versions_free(struct versions *v)
{
	free(v->p);
	memset(v, 0, sizeof(*v));
}

static struct version *place(const struct versions *v, uint64_t key, uint32_t more)
{
	size_t i = key & (v->room - 1);

	while (v->p[i].used && (v->p[i].key != key || v->p[i].key_more != more))
		i = (i + 1) & (v->room - 1);
	return &v->p[i];
}

struct version *versions_find(const struct versions *v, const char *id, size_t n)
{
	struct version *p;
	uint64_t key;
	uint32_t more;

	if (!v->n)
		return NULL;
	hash_id(v, id, n, &key, &more);
	p = place(v, key, more);
	return p->used ? p : NULL;
}

/* At most four fifths are used. */
static int grow(struct versions *v)
{
	struct versions to = {.room = v->room ? 2 * v->room : ROOM_MIN};

	if (v->room && v->n < v->room / 5 * 4)
		return 0;
	if (!v->room && getrandom(v->seed, sizeof(v->seed), 0) != sizeof(v->seed))
		v->seed[0] = (uintptr_t)v; /* no worse than a fixed one */
	to.p = calloc(to.room, sizeof(*to.p));
	if (!to.p)
		return -1;
	for (size_t i = 0; i < v->room; i++)
		if (v->p[i].used)
			*place(&to, v->p[i].key, v->p[i].key_more) = v->p[i];
	free(v->p);
	v->p = to.p;
	v->room = to.room;
	return 0;
}

struct version *versions_add(struct versions *v, const char *id, size_t n)
{
	struct version *p;
	uint64_t key;
	uint32_t more;

	if (grow(v))
		return NULL;
	hash_id(v, id, n, &key, &more);
	p = place(v, key, more);
	if (!p->used) {
		*p = (struct version){.key = key, .key_more = more, .used = 1};
		v->n++;
	}
	return p;
}

uint32_t version_number(const char *ref, size_t n)
{
	size_t digits = 0;
	uint32_t v = 0;

	while (digits < n && digits < 9 && ref[n - 1 - digits] >= '0' && ref[n - 1 - digits] <= '9')
		digits++;
	if (!digits || n < digits + 3 || memcmp(ref + n - digits - 3, "__v", 3))
		return 0;
	for (size_t i = n - digits; i < n; i++)
		v = v * 10 + (uint32_t)(ref[i] - '0');
	return v > VERSION_NUMBER_MAX ? 0 : v;
}
