/* The latest version of every row of a small table.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_LATEST_H
#define WEIR_LATEST_H

#include "json_scan.h"
#include "load.h"

/* Calls `each` for the row of each id, in the order in which they first came, but for what was
 * withdrawn. All are held in memory meanwhile. No such table is no rows. Returns 0 or a negative
 * errno with an error in l. */
int latest_each(struct load *l, const char *table, int (*each)(struct json_slice row, void *arg),
		void *arg);

/* What a kept row says of itself. */
struct kept {
	struct json_slice id, ref; /* without quotes */
	uint32_t number;	   /* of the version; 0: the table has none */
	bool withdrawn;
};
bool kept_read(struct json_slice row, struct kept *k);

/* Text of a member without its quotes, still escaped; p NULL: none. Numbers come as they stand. */
struct json_slice kept_text(struct json_slice row, const char *member);

/* A prefix as the tables have it: ["::ffff:192.0.2.0", 24]. */
struct ip_addr;
bool kept_subnet(struct json_slice pair, struct ip_addr *a, unsigned *length);

#endif
