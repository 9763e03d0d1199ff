/* The files that the agent enriches flows from: ip.mmdb with ip.table, and meta.json.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TRIE_H
#define WEIR_TRIE_H

#include "ip_merge.h"
#include "latest.h"
#include "mmdb_writer.h"
#include "versions.h"

/* Where texts stand in the data section; 0: none. */
struct trie_as {
	uint32_t number;
	uint32_t name, ref, organization, organization_ref;
};

struct trie_organization {
	uint32_t name, ref;
};

/* A row of meta_ip. */
struct trie_ip {
	uint32_t as, ref, continent, country, subdivision, city, latitude, longitude;
};

enum { SOURCE_IP, SOURCE_NETWORKS, SOURCE_TABLES };

struct trie {
	struct load *l;
	struct mmdb_writer *w;
	struct ip_merge merge;
	struct versions as_of, organization_of; /* id → index + 1 */
	struct trie_as *as;
	struct trie_organization *organizations;
	size_t n_as, n_organizations, n_ip, room_ip;
	struct trie_ip *ip;
	uint32_t *ip_data;		/* where the value of a row alone stands */
	struct versions rows;		/* of the table that is being read: id → index + 1 */
	char *table[MERGE_SOURCES_MAX]; /* "scireg" of meta_ip_scireg, by source */
	unsigned n_sources;
	uint32_t key[16];	/* of the map, see trie_value.c */
	struct versions values; /* merged values → where */
	struct buffer value;
	uint64_t prefixes;
	char written[PATH_MAX]; /* ip.mmdb, not yet in its place; "": none */
	int column_failed;
};

/* networks.yml into the merge. `path` NULL or not there: none. */
int trie_networks(struct trie *t, const char *path);

/* The value of a prefix in the data section; 0 where nothing is known. */
int trie_value(struct trie *t, const uint32_t values[MERGE_SOURCES_MAX], uint32_t *where);
void trie_keys(struct trie *t);

/* ip.table of the MMDB file `written`, and then both into their place: "ip.mmdb" in the cache.
 * Needs as much memory as the agent does for it: what is not needed any more should be free by now.
 */
int trie_table(struct load *l, const char *written);

/* meta.json; `as` are those of the trie. Tells how many devices and interfaces. */
struct meta_counts {
	unsigned devices, interfaces, applications, communities;
};
int trie_meta_json(struct load *l, const char *path, const char *communities,
		   struct meta_counts *n);

#endif
