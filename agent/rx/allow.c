/* The allow list of exporters: disjoint ranges of addresses, searched by halves.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "../bytes.h"
#include "allow.h"

typedef unsigned __int128 address_t;

struct range {
	address_t first, last;
};

struct allow_list {
	bool everybody;
	unsigned n;
	struct range ranges[];
};

static address_t number(const struct ip_addr *a)
{
	return (address_t)be64(a->b) << 64 | be64(a->b + 8);
}

static int by_first(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

struct allow_list *allow_list_new(const struct rx_prefix *prefixes, unsigned n)
{
	struct allow_list *l = aligned_alloc(16, sizeof(*l) + n * sizeof(struct range));
	unsigned kept = 0;

	if (!l)
		return NULL;
	l->everybody = n == 0;
	for (unsigned i = 0; i < n; i++) {
		unsigned len = prefixes[i].prefix_len < 128 ? prefixes[i].prefix_len : 128;
		address_t host = len ? ~(address_t)0 >> (len - 1) >> 1 : ~(address_t)0;

		l->ranges[i].first = number(&prefixes[i].address) & ~host;
		l->ranges[i].last = l->ranges[i].first | host;
	}
	qsort(l->ranges, n, sizeof(struct range), by_first);
	for (unsigned i = 0; i < n; i++) {
		/* Prefixes nest or are apart, they never overlap in part. */
		if (kept && l->ranges[i].last <= l->ranges[kept - 1].last)
			continue;
		l->ranges[kept++] = l->ranges[i];
	}
	l->n = kept;
	return l;
}

bool allow_list_has(const struct allow_list *l, const struct ip_addr *address)
{
	unsigned low = 0, high = l->n;
	address_t a;

	if (l->everybody)
		return true;
	a = number(address);
	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (a > l->ranges[middle].last)
			low = middle + 1;
		else if (a < l->ranges[middle].first)
			high = middle;
		else
			return true;
	}
	return false;
}
