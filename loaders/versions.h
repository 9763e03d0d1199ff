/* The latest version of each row of a table: id → number and hash, for millions of rows.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Open addressing, 32 bytes a place. The id itself is not kept but 96 bits of a keyed hash of it:
 * two of ten million ids meet with a probability below 1e-15. */
#ifndef WEIR_VERSIONS_H
#define WEIR_VERSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VERSION_NUMBER_MAX = (1 << 27) - 1 };

struct version {
	uint64_t key;
	uint32_t key_more;
	uint32_t number : 27;	/* 0: the row is new in this run and not yet decided on */
	uint32_t seen : 1;	/* in the source of this run */
	uint32_t owned : 1;	/* written by the loader that runs */
	uint32_t withdrawn : 1; /* the latest version says that the row is gone */
	uint32_t fresh : 1;	/* this version was made in this run */
	uint32_t used : 1;
	union {
		uint8_t hash[16];
		uint64_t index; /* for who keeps rows elsewhere */
	};
};

struct versions {
	struct version *p;
	size_t n, room;
	uint64_t seed[2];
};

/* Zeroed is empty; takes a random key at the first add. */
void versions_free(struct versions *v);

struct version *versions_find(const struct versions *v, const char *id, size_t n);

/* The one there is, or a new one with all zero but `used`; NULL: out of memory. A pointer is valid
 * until the next add. */
struct version *versions_add(struct versions *v, const char *id, size_t n);

/* The number behind "…__v"; 0 where there is none. */
uint32_t version_number(const char *ref, size_t n);

#endif
