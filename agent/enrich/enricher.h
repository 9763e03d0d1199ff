/* What the watching thread and the workers share.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_ENRICHER_H
#define WEIR_ENRICHER_H

#include <pthread.h>
#include <sys/types.h>
#include <time.h>

#include "enrich.h"
#include "ip_table.h"
#include "meta.h"
#include "rules.h"

struct watched_file {
	bool there;
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed, made;
};

struct enricher {
	const struct enrich_options *options;
	const info_writer *writers[INFO_FORMATS];
	struct rules *rules; /* NULL: none */
	struct ip_table *ip; /* acquire and release, freed after a grace period */
	struct meta *meta;   /* the same */

	char *ready_made; /* path of ip.table; NULL: no ip.mmdb is looked for */
	char *paths[ENRICH_MMDB_MAX + 2];
	struct watched_file files[ENRICH_MMDB_MAX + 2];
	unsigned n_paths, n_mmdb; /* MMDB files, then meta.json */
	uint64_t generation;
	struct enrich_table tables[ENRICH_TABLES]; /* relaxed */

	pthread_mutex_t lock; /* of the three below */
	pthread_cond_t wake;
	bool stop, asked;
	bool watching;
	pthread_t thread;
};

#endif
