/* Exporters and their interfaces as one worker has seen them: looked up, classified and encoded
 * once, when first seen.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Belongs to one thread. It is emptied when the metadata changes, and bounded: what an exporter
 * makes up beyond the limits gets no device or interface. */
#ifndef WEIR_KNOWN_H
#define WEIR_KNOWN_H

#include "enrich.h"
#include "intern.h"

struct rules;

enum {
	KNOWN_EXPORTERS_MAX = 16384,
	KNOWN_INTERFACES_MAX = 65536,
	KNOWN_INTERFACES_PER_EXPORTER = 8192,
	KNOWN_INTERFACE_SLOTS = 2 * KNOWN_INTERFACES_MAX,
};

struct known_exporter {
	struct ip_addr address;
	struct device_info device;
	uint32_t n_interfaces;
	uint32_t slot;
	bool named; /* by the metadata or an options record */
};

/* What tells whether it is the one stands in one line of the cache with where it is encoded. */
struct known_interface {
	_Alignas(64) uint32_t exporter;
	uint32_t index, slot;
	bool named;
	struct interface_info info;
};

struct known {
	const info_writer *const *writers;
	struct interner interner;
	struct known_exporter *exporters; /* in the order in which they were seen */
	struct known_interface *interfaces;
	uint32_t n_exporters, n_interfaces;
	uint32_t *exporter_slots, *interface_slots; /* open hashes: number + 1, 0: free */
	uint32_t last;				    /* exporter asked for last */
};

int known_init(struct known *k, const info_writer *const writers[INFO_FORMATS]);
void known_free(struct known *k);
void known_clear(struct known *k);

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

/* The first place where an interface may be. */
static inline uint32_t known_interface_slot(uint32_t exporter, uint32_t index)
{
	uint64_t h = ((uint64_t)exporter << 32 | index) * 0x9e3779b97f4a7c15u;

	return (uint32_t)(h >> 40) & (KNOWN_INTERFACE_SLOTS - 1);
}

/* Has fetched what known_interface() reads after the slot, which should be in the cache. */
static inline void known_interface_fetch(const struct known *k, uint32_t slot)
{
	uint32_t n = k->interface_slots[slot];

	__builtin_prefetch(k->interfaces + n - (n != 0));
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
	uint32_t n = k->interface_slots[slot];
	const struct known_interface *i = k->interfaces + n - 1;

	if (n && i->index == index && i->exporter == exporter && (i->named || !name->len) &&
	    !k->interner.failed)
		return &i->info;
	return known_interface_find(k, m, r, exporter, index, name);
}

#endif
