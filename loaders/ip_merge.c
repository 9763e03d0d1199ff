/* Prefixes of several sources become one list.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Sorted by address and length, what covers a prefix stands before it: a stack of those that are
 * still open is all that is needed. */
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ip_merge.h"

enum { BARRIER = MERGE_SOURCES_MAX, IPV4_DEPTH = 96 };

struct open_prefix {
	uint64_t high, low;
	unsigned length;
	uint32_t values[MERGE_SOURCES_MAX];
};

static int add(struct ip_merge *m, const struct merge_entry *e)
{
	if (m->n == m->room) {
		size_t room = m->room ? m->room + m->room / 2 : 4096;
		struct merge_entry *p = reallocarray(m->p, room, sizeof(*p));

		if (!p)
			return -ENOMEM;
		m->p = p;
		m->room = room;
	}
	m->p[m->n++] = *e;
	return 0;
}

int ip_merge_add(struct ip_merge *m, const struct ip_addr *a, unsigned length, unsigned source,
		 uint32_t value)
{
	bool v4 = ip_is_v4(a);

	return add(m, &(struct merge_entry){
			      .high = v4 ? 0 : be64toh(a->q[0]),
			      .low = v4 ? be64toh(a->q[1]) & UINT32_MAX : be64toh(a->q[1]),
			      .value = value,
			      .length = (uint8_t)(v4 ? length + IPV4_DEPTH : length),
			      .source = (uint8_t)source,
		      });
}

void ip_merge_free(struct ip_merge *m)
{
	free(m->p);
	memset(m, 0, sizeof(*m));
}

/* By address and length; the barrier first, then sources and values as they come. */
static int order(const void *a, const void *b)
{
	const struct merge_entry *x = a, *y = b;

	if (x->high != y->high)
		return x->high < y->high ? -1 : 1;
	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	if (x->length != y->length)
		return x->length - y->length;
	if (x->source != y->source)
		return x->source == BARRIER ? -1 : y->source == BARRIER ? 1 : x->source - y->source;
	return x->value < y->value ? -1 : x->value > y->value;
}

static bool covers(const struct open_prefix *o, uint64_t high, uint64_t low)
{
	uint64_t h = o->high ^ high, l = o->low ^ low;

	if (o->length <= 64)
		return !o->length || !(h >> (64 - o->length));
	return !h && (o->length == 128 ? !l : !(l >> (128 - o->length)));
}

static int sweep(struct ip_merge *m,
		 int (*each)(const struct merge_entry *prefix,
			     const uint32_t values[MERGE_SOURCES_MAX], void *arg),
		 void *arg)
{
	struct open_prefix stack[130], *top = stack;
	int r = 0;

	memset(top, 0, sizeof(*top)); /* all of it, of which nothing is known */
	for (size_t i = 0; !r && i < m->n;) {
		const struct merge_entry *e = &m->p[i];
		struct open_prefix next;

		while (top > stack && !covers(top, e->high, e->low))
			top--;
		next = *top;
		next.high = e->high;
		next.low = e->low;
		next.length = e->length;
		for (; i < m->n && m->p[i].high == e->high && m->p[i].low == e->low &&
		       m->p[i].length == e->length;
		     i++) {
			if (m->p[i].source == BARRIER)
				memset(next.values, 0, sizeof(next.values));
			else
				next.values[m->p[i].source] = m->p[i].value;
		}
		*++top = next;
		r = each(e, next.values, arg);
	}
	return r;
}

int ip_merge_each(struct ip_merge *m,
		  int (*each)(const struct merge_entry *prefix,
			      const uint32_t values[MERGE_SOURCES_MAX], void *arg),
		  void *arg)
{
	bool covered = false;

	for (size_t i = 0; i < m->n; i++)
		covered |= m->p[i].length < IPV4_DEPTH && !m->p[i].high && !m->p[i].low;
	if (covered && add(m, &(struct merge_entry){.length = IPV4_DEPTH, .source = BARRIER}))
		return -ENOMEM;
	if (m->n)
		qsort(m->p, m->n, sizeof(*m->p), order);
	return sweep(m, each, arg);
}
