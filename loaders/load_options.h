/* What the settings say to the loaders: where ClickHouse is, where the sources are.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_LOAD_OPTIONS_H
#define WEIR_LOAD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct clickhouse_options {
	char *host;    /* NULL: no ClickHouse, the versions are kept in the cache directory */
	unsigned port; /* of its HTTP interface */
	char *database, *username, *password;
	bool secure; /* https */
	char *ca;    /* PEM file of the authorities that may vouch for it; NULL: the system's */
	unsigned timeout; /* s without a byte from it */
};

/* Each source is a path, file:// or http(s)://; several with commas between them. */
struct load_options {
	char *as2org, *peeringdb, *custom_as, *custom_organizations;
	char *geolite, *custom_ip;
	char *scireg, *cric, *scinet;
	char *files, *networks, *communities;
	unsigned timeout;   /* s without a byte from a web server */
	uint64_t max_bytes; /* of one source */
	char *history;	    /* directory of the versions where there is no ClickHouse */
};

#endif
