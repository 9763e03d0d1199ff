/* PeeringDB's dump: organizations and networks.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PEERINGDB_H
#define WEIR_PEERINGDB_H

#include "json_scan.h"

/* Calls `each` with every object of "<kind>": {"data": [ … ]}. A negative value ends it and is
 * returned; -EBADMSG where the dump is not of that form. */
int peeringdb_each(struct json_slice dump, const char *kind,
		   int (*each)(struct json_slice object, void *arg), void *arg);

#endif
