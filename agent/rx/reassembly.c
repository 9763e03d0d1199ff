/* Putting IP fragments together.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "reassembly.h"

enum {
	PAYLOAD_MAX = 65535,
	UNITS = (PAYLOAD_MAX + 7) / 8, /* offsets count in units of 8 bytes */
	TIMEOUT = REASSEMBLY_SECONDS,
};

/* One datagram in the making. `units` has a bit for each 8 bytes that are there, so a fragment
 * overlaps exactly when one of its bits is set. */
struct pile {
	bool used;
	bool dead; /* given up; kept so that its later fragments do not start another */
	struct ip_addr src, dst;
	uint32_t id;
	uint8_t protocol;
	uint8_t first_protocol; /* of the fragment with offset 0 */
	uint64_t since_ns;
	uint32_t total;	  /* 0: the last fragment has not come */
	uint32_t highest; /* end of what has come */
	uint32_t n_units;
	uint64_t units[(UNITS + 63) / 64];
	uint8_t *bytes; /* PAYLOAD_MAX, made at first use */
};

struct reassembly {
	struct reassembly_counts counts;
	struct pile piles[REASSEMBLY_DATAGRAMS];
};

struct reassembly *reassembly_new(void)
{
	return calloc(1, sizeof(struct reassembly));
}

void reassembly_free(struct reassembly *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < REASSEMBLY_DATAGRAMS; i++)
		free(r->piles[i].bytes);
	free(r);
}

const struct reassembly_counts *reassembly_counts(const struct reassembly *r)
{
	return &r->counts;
}

static void pile_drop(struct pile *p, uint64_t *counter)
{
	if (!p->dead)
		(*counter)++;
	p->used = false;
}

static bool pile_is_of(const struct pile *p, const struct fragment *f)
{
	/* IPv6 is keyed without the next header, which may differ between fragments. */
	return p->used && p->id == f->id && ip_equal(&p->src, &f->src) &&
	       ip_equal(&p->dst, &f->dst) && (p->protocol == f->protocol || !ip_is_v4(&f->src));
}

/* The pile of this fragment, an empty one if it is the first. NULL: out of memory. Time stamps of
 * captures may go back a little; that is no reason to expire. */
static struct pile *pile_for(struct reassembly *r, const struct fragment *f)
{
	struct pile *spare = NULL, *oldest = NULL;

	for (struct pile *p = r->piles; p < r->piles + REASSEMBLY_DATAGRAMS; p++) {
		if (p->used && f->time_ns > p->since_ns &&
		    f->time_ns - p->since_ns > TIMEOUT * 1000000000ull)
			pile_drop(p, &r->counts.timed_out);
		if (pile_is_of(p, f))
			return p;
		if (!p->used)
			spare = !spare || (!spare->bytes && p->bytes) ? p : spare;
		else if (!oldest || p->since_ns < oldest->since_ns)
			oldest = p;
	}
	if (!spare) {
		pile_drop(oldest, &r->counts.evicted);
		spare = oldest;
	}
	if (!spare->bytes && !(spare->bytes = malloc(PAYLOAD_MAX)))
		return NULL;
	spare->used = true;
	spare->dead = false;
	spare->src = f->src;
	spare->dst = f->dst;
	spare->id = f->id;
	spare->protocol = spare->first_protocol = f->protocol;
	spare->since_ns = f->time_ns;
	spare->total = spare->highest = spare->n_units = 0;
	memset(spare->units, 0, sizeof(spare->units));
	return spare;
}

/* How many of the units [from, to) are there. */
static uint32_t units_present(const struct pile *p, uint32_t from, uint32_t to)
{
	uint32_t n = 0;

	for (uint32_t u = from; u < to; u++)
		n += p->units[u / 64] >> u % 64 & 1;
	return n;
}

enum reassembly_result reassembly_add(struct reassembly *r, const struct fragment *f,
				      const uint8_t **whole, uint32_t *len, uint8_t *protocol)
{
	uint32_t end = f->offset + f->len, first = f->offset / 8, last = (end + 7) / 8, present;
	struct pile *p;

	if (f->len == 0 || f->len > PAYLOAD_MAX || f->offset % 8 || end > PAYLOAD_MAX ||
	    (f->more && f->len % 8))
		return REASSEMBLY_BAD;
	p = pile_for(r, f);
	if (!p || p->dead)
		return REASSEMBLY_PENDING;

	present = units_present(p, first, last);
	if (present == last - first && end <= p->highest && (f->more || end == p->total) &&
	    !memcmp(p->bytes + f->offset, f->data, f->len))
		return REASSEMBLY_PENDING;
	if (present || (p->total && end > p->total) || (!f->more && end < p->highest) ||
	    (!f->more && p->total)) {
		p->dead = true;
		return REASSEMBLY_OVERLAP;
	}

	memcpy(p->bytes + f->offset, f->data, f->len);
	for (uint32_t u = first; u < last; u++)
		p->units[u / 64] |= 1ull << u % 64;
	p->n_units += last - first;
	if (end > p->highest)
		p->highest = end;
	if (!f->more)
		p->total = end;
	if (f->offset == 0)
		p->first_protocol = f->protocol;
	if (!p->total || p->n_units < (p->total + 7) / 8)
		return REASSEMBLY_PENDING;
	p->used = false;
	*whole = p->bytes;
	*len = p->total;
	*protocol = p->first_protocol;
	return REASSEMBLY_DONE;
}

void reassembly_flush(struct reassembly *r)
{
	for (struct pile *p = r->piles; p < r->piles + REASSEMBLY_DATAGRAMS; p++)
		if (p->used)
			pile_drop(p, &r->counts.timed_out);
}
