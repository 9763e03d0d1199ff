/* Data sets that came before their template: kept for a while, decoded when it comes.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_WAITING_H
#define WEIR_WAITING_H

#include "exporter.h"
#include "ipfix.h"

/* One set with what its message and datagram said. */
struct waiting_set {
	struct waiting_set *next;
	struct ipfix_message message; /* next and end are not used */
	struct datagram datagram;     /* data and len are not used */
	uint16_t id;
	uint32_t len;
	uint8_t body[];
};

/* Keeps a set, within the limits of the settings. Returns false when there is no room. */
bool waiting_add(struct exporter_store *s, struct domain *d, const struct ipfix_message *m,
		 const struct datagram *dg, const struct ipfix_set *set);

/* Takes out all sets whose template is known by now, oldest first; the caller frees each. Lock-free
 * when none waits. */
struct waiting_set *waiting_take(struct exporter_store *s, struct domain *d);

/* Drops what has waited longer than the settings allow, and counts it lost. Under the mutex. */
void waiting_expire(struct exporter_store *s, struct domain *d, uint64_t now_ns,
		    struct account *account);
/* Drops everything, and counts it lost if account is not NULL. Under the mutex. */
void waiting_remove_all(struct exporter_store *s, struct domain *d, struct account *account);

#endif
