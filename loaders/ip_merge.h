/* Prefixes of several sources become one list: each prefix with what every source says of it, by
 * itself or by a shorter prefix that covers it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_IP_MERGE_H
#define WEIR_IP_MERGE_H

#include <stddef.h>
#include <stdint.h>

#include "../agent/flow.h"

enum { MERGE_SOURCES_MAX = 16 };

struct merge_entry {
	uint64_t high, low; /* IPv4 in ::/96 */
	uint32_t value;	    /* not 0 */
	uint8_t length, source;
};

struct ip_merge {
	struct merge_entry *p;
	size_t n, room;
};

/* length is that of the address's family. 0 or -ENOMEM. */
int ip_merge_add(struct ip_merge *m, const struct ip_addr *a, unsigned length, unsigned source,
		 uint32_t value);

/* Calls `each` for every prefix, in order of address and length; values[source] is 0 where it says
 * nothing; all are 0 where IPv4 begins within a covering IPv6 prefix, which means nothing to it. Of
 * two values of one source for one prefix the later added counts. A negative value ends it. */
int ip_merge_each(struct ip_merge *m,
		  int (*each)(const struct merge_entry *prefix,
			      const uint32_t values[MERGE_SOURCES_MAX], void *arg),
		  void *arg);

void ip_merge_free(struct ip_merge *m);

#endif
