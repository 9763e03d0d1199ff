/* GeoLite2 (and DB-IP): what its forms have in common. Blocks of AS numbers and blocks of places
 * become rows of meta_ip.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_GEOLITE_H
#define WEIR_GEOLITE_H

#include "refs.h"
#include "versions.h"
#include "yaml_rows.h"

typedef unsigned __int128 address; /* IPv4 as ::ffff:a.b.c.d */

/* Of one AS. `covered` of its addresses have a row from the blocks of places. */
struct as_block {
	address start, covered;
	uint32_t as;
	uint8_t length; /* of the 128 bits */
	bool written;	/* it has a row of its own */
};

enum place_column {
	PLACE_CONTINENT,
	PLACE_COUNTRY_CODE,
	PLACE_COUNTRY,
	PLACE_SUB_CODE,
	PLACE_SUB,
	PLACE_CITY,
	PLACE_LATITUDE,
	PLACE_LONGITUDE,
	PLACE_COLUMNS
};

/* The columns of meta_ip that say where, as JSON in `texts`. */
struct place {
	struct {
		uint32_t at, n;
	} column[PLACE_COLUMNS];
};

struct geolite {
	struct load *l;
	struct as_block *as;
	size_t n_as, room_as;
	struct place *places;
	size_t n_places, room_places;
	struct buffer texts;
	struct versions place_of; /* geoname id, or offset in an .mmdb → index + 1 */
	struct yaml_rows *custom;
	struct versions custom_used;
	int custom_around; /* what is custom of the block that is being cut up; -1: nothing */
	struct refs refs;
	struct history *history, *as_history;
	struct row row;
	int column[PLACE_COLUMNS], id, subnet, as_id, as_ref;
	bool seen[2]; /* blocks of IPv4, of IPv6 */
	uint64_t bad;
};

/* What a CSV file is, by its first line. */
enum geolite_kind { GEOLITE_UNKNOWN, GEOLITE_AS, GEOLITE_PLACES, GEOLITE_BLOCKS };

/* Reads the first line of a CSV file, or of the member of a zip file. 0 or a negative errno. */
int geolite_csv_kind(struct geolite *g, const char *path, const char *member,
		     enum geolite_kind *kind);
int geolite_csv_read(struct geolite *g, const char *path, const char *member,
		     enum geolite_kind kind);

int geolite_mmdb_kind(struct geolite *g, const char *path, enum geolite_kind *kind);
int geolite_mmdb_read(struct geolite *g, const char *path, enum geolite_kind kind);

/* One block of an AS; they come before the blocks of places. */
int geolite_as(struct geolite *g, const struct ip_addr *a, unsigned length, uint32_t as);

/* A new place. Columns are set with geolite_place_text() and geolite_place_float() before the next.
 * Returns its index, or a negative errno. */
long geolite_place(struct geolite *g, const char *key, size_t n);
void geolite_place_text(struct geolite *g, enum place_column column, const char *p, size_t n);
void geolite_place_float(struct geolite *g, enum place_column column, const char *p, size_t n);
long geolite_place_find(const struct geolite *g, const char *key, size_t n); /* -1: none */

/* One block: a row for it, and for what lies within it and belongs to another AS. `latitude` and
 * `longitude` may be NULL: as the place says. */
int geolite_block(struct geolite *g, const struct ip_addr *a, unsigned length, long place,
		  const char *latitude, const char *longitude);

#endif
