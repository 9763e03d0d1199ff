/* Reading MMDB files: https://maxmind.github.io/MaxMind-DB/, version 2.0.
 * SPDX-License-Identifier: Apache-2.0
 *
 * libmaxminddb opens the file and reads its search tree. The values are read here, because the
 * library allocates a list for each, and there may be five million of them. Nothing in the file is
 * believed: every offset is checked, depth and size are limited. */
#ifndef WEIR_MMDB_H
#define WEIR_MMDB_H

#include <maxminddb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../flow.h"

enum {
	MMDB_ENTRY_MAX = 64 * 1024, /* bytes of one prefix's value, pointers not followed */
	MMDB_DEPTH_MAX = 16,
	MMDB_REFS_MAX = 32,
};

struct mmdb {
	MMDB_s db;
	uint32_t nodes;	 /* records below this are nodes, this one is "nothing" … */
	uint32_t v4;	 /* the record where IPv4 begins … */
	unsigned v4_len; /* … and how far from the root that is */
	bool v6;
};

/* What the value of one prefix says. Texts point into the file, as they are there. */
struct mmdb_values {
	uint32_t as;
	struct text as_name, as_ref, organization, organization_ref;
	struct text continent, country, subdivision, city;
	double latitude, longitude; /* NaN: none */
	struct text network[5];	    /* name, role, site, region, tenant */
	struct text scireg, cric, scinet;
	struct text refs[MMDB_REFS_MAX]; /* of other tables: table, reference */
	uint32_t n_refs;
	struct text ip_ref;
};

enum { MMDB_SEPARATOR = 16 }; /* zero bytes between search tree and data */

/* Whether the nodes that the file says it has are in it: libmaxminddb 1.7 multiplies in 32 bits,
 * and reads nodes where the product would be. */
static inline bool mmdb_tree_fits(const MMDB_s *db)
{
	return (uint64_t)db->metadata.node_count * db->full_record_byte_size + MMDB_SEPARATOR <=
	       (uint64_t)db->file_size;
}

/* Copies the file into memory and opens that. Returns 0 or a negative errno with `error` saying
 * which file and why; -EBADMSG where it is no MMDB file or damaged. */
int mmdb_open(struct mmdb *m, const char *path, char *error, size_t size);

/* The same without a copy, for who has made the file and knows that nobody else changes it. */
int mmdb_open_own(struct mmdb *m, const char *path, char *error, size_t size);
void mmdb_close(struct mmdb *m);

/* Gives the pages of the file back that were read so far: they count as the process's memory, and
 * are read anew from the page cache where they are needed again. */
void mmdb_forget(const struct mmdb *m);

/* The two records of a node. False: the node has a record that points nowhere. */
static inline bool mmdb_node(const struct mmdb *m, uint32_t node, uint32_t next[2])
{
	MMDB_search_node_s n;

	if (MMDB_read_node(&m->db, node, &n) != MMDB_SUCCESS ||
	    n.left_record_type == MMDB_RECORD_TYPE_INVALID ||
	    n.right_record_type == MMDB_RECORD_TYPE_INVALID)
		return false;
	next[0] = (uint32_t)n.left_record;
	next[1] = (uint32_t)n.right_record;
	return true;
}

/* The bytes of the value at this record but for the reference of the prefix itself ("ip_ref"), the
 * one thing that differs between most of them: two stretches. *ip_ref is unset where there is none.
 * NULL, or a static text that says what is wrong. */
struct mmdb_bytes {
	const uint8_t *p[2];
	size_t len[2];
};
const char *mmdb_scan(const struct mmdb *m, uint32_t record, struct mmdb_bytes *bytes,
		      struct text *ip_ref);

/* All of the value that is known here: keys of weir-ip, GeoLite2 and DB-IP. As above. */
const char *mmdb_read(const struct mmdb *m, uint32_t record, struct mmdb_values *v);

#endif
