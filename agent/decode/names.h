/* Names that exporters tell in options records: interfaces, VRFs, samplers, applications.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_NAMES_H
#define WEIR_NAMES_H

#include "exporter.h"

enum name_kind {
	NAME_INTERFACE,		    /* IE 82 by ifIndex */
	NAME_INTERFACE_DESCRIPTION, /* IE 83 by ifIndex */
	NAME_VRF,		    /* IE 236 by VRF id */
	NAME_SAMPLER,		    /* IE 84, 335 by sampler or selector id */
	NAME_APPLICATION,	    /* IE 96 by application id */
};

enum { NAME_LENGTH_MAX = 255 }; /* what a saved state can hold */

/* Keeps a name; longer ones are cut. Returns false when the domain has too many. */
bool names_learn(struct exporter_store *s, struct domain *d, enum name_kind kind, uint64_t id,
		 const char *name, uint32_t len);

/* Sets *out to the name, or leaves it as it is. Lock-free; valid until the next quiescent state. */
void names_find(const struct domain *d, enum name_kind kind, uint64_t id, struct text *out);

/* Calls fn for each name of the domain. Reader side. */
void names_each(const struct domain *d,
		void (*fn)(enum name_kind kind, uint64_t id, const struct text *name, void *arg),
		void *arg);

/* Removes all names of a domain. Under the store's mutex. */
void names_remove_all(struct exporter_store *s, struct domain *d);

#endif
