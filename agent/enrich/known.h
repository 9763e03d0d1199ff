/* Exporters and their interfaces as one worker has seen them: looked up, classified and encoded
 * once, when first seen.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Belongs to one thread. It is emptied when the metadata changes, and when it is full of what
 * exporters have made up: see known_make_room(). */
#ifndef WEIR_KNOWN_H
#define WEIR_KNOWN_H

#include "enrich.h"
#include "intern.h"

struct rules;

enum {
	KNOWN_EXPORTERS_MAX = 64 << 10,
	KNOWN_INTERFACES_MAX = 512 << 10,
	KNOWN_INTERFACE_SLOTS = 2 * KNOWN_INTERFACES_MAX,
	KNOWN_BYTES_MAX = 128 << 20, /* of names and what is encoded */
};

/* What tells whether it is the one stands in one line of the cache with where it is encoded. */
struct known_exporter {
	_Alignas(CACHE_LINE) struct ip_addr address;
	struct device_info device;
	uint32_t slot;
	bool named; /* by the metadata or an options record */
};

/* A place of the hash of interfaces; `tag` is that of another generation where it is free. */
struct known_interface {
	uint32_t tag; /* known_tag() of its exporter */
	uint32_t index;
	const struct interface_info *info; /* NULL: nothing is known of it */
};

struct known {
	const info_writer *const *writers;
	struct interner interner;
	struct known_exporter *exporters; /* in the order in which they were seen */
	uint32_t *exporter_slots;	  /* open hash: number + 1, 0: free */
	struct known_interface *interfaces;
	uint32_t n_exporters, n_interfaces;
	uint32_t generation; /* rises when all is forgotten; never 0 */
	uint32_t last;	     /* exporter asked for last */
	uint64_t said;	     /* when that it was full was last logged */
};

int known_init(struct known *k, const info_writer *const writers[INFO_FORMATS]);
void known_free(struct known *k);
void known_clear(struct known *k);

/* Forgets everything where the exporters and interfaces of `rows` flows might not find room: what
 * is still in use is soon known again, while what was made up is not. Call it before a batch, when
 * nothing refers to what it gave. */
void known_make_room(struct known *k, uint32_t rows);

/* The first place where an exporter's number may be. */
static inline uint32_t known_exporter_slot(const struct ip_addr *address)
{
	uint64_t h = (address->q[0] ^ address->q[1] * 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;

	return (uint32_t)(h >> 40) & (2 * KNOWN_EXPORTERS_MAX - 1);
}

/* The number of the exporter for known_interface(), or UINT32_MAX when there is no room. `name` is
 * what it calls itself, if it does. */
uint32_t known_exporter_find(struct known *k, const struct meta *m, const struct rules *r,
			     const struct ip_addr *address, const struct text *name);

/* The same, quick for the one that was asked for last. */
static inline uint32_t known_exporter(struct known *k, const struct meta *m, const struct rules *r,
				      const struct ip_addr *address, const struct text *name)
{
	const struct known_exporter *e = k->exporters + k->last;

	if (k->last != UINT32_MAX && ip_equal(&e->address, address) && (e->named || !name->len) &&
	    !k->interner.failed)
		return k->last;
	return known_exporter_find(k, m, r, address, name);
}

static inline uint32_t known_tag(const struct known *k, uint32_t exporter)
{
	return k->generation << 16 | (exporter & 0xffff);
}

/* The first place where an interface may be. */
static inline uint32_t known_interface_slot(uint32_t exporter, uint32_t index)
{
	uint64_t h = ((uint64_t)exporter << 32 | index) * 0x9e3779b97f4a7c15u;

	return (uint32_t)(h >> 40) & (KNOWN_INTERFACE_SLOTS - 1);
}

/* `name` tells what was not known when the interface was looked up. */
static inline bool known_lacks_name(const struct known_interface *i, const struct text *name)
{
	return name->len && !(i->info && i->info->name.len);
}

/* NULL: nothing is known of it, or there is no room. `name` is what the exporter calls it. */
const struct interface_info *known_interface_find(struct known *k, const struct meta *m,
						  const struct rules *r, uint32_t exporter,
						  uint32_t index, const struct text *name);

/* The same, quick where the first place has it: `slot` is known_interface_slot(). */
static inline const struct interface_info *known_interface(struct known *k, const struct meta *m,
							   const struct rules *r, uint32_t slot,
							   uint32_t exporter, uint32_t index,
							   const struct text *name)
{
	const struct known_interface *i = &k->interfaces[slot];

	if (i->tag == known_tag(k, exporter) && i->index == index && !known_lacks_name(i, name) &&
	    !k->interner.failed)
		return i->info;
	return known_interface_find(k, m, r, exporter, index, name);
}

#endif
