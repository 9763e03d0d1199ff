/* Sampling rates: who said what, and which of them counts.
 * SPDX-License-Identifier: Apache-2.0
 *
 * In this order: the override of the settings; the record or sample itself; options records of the
 * exporter, by sampler or selector id, by interface, by template, for the whole domain; the
 * default of the settings; 1. */
#ifndef WEIR_SAMPLER_H
#define WEIR_SAMPLER_H

#include "exporter.h"

/* What a rate is keyed by inside its domain. */
enum sampler_key {
	SAMPLER_DOMAIN,	   /* id 0 */
	SAMPLER_ID,	   /* samplerId (48) or selectorId (302) */
	SAMPLER_INTERFACE, /* ifIndex */
	SAMPLER_TEMPLATE,  /* template id */
	SAMPLER_ONLY,	   /* id 0: the rate of all samplers of the domain, where they agree */
};

enum { SAMPLERS_DIFFER = -1 }; /* as a rate of SAMPLER_ONLY */

/* Keeps a rate that an options record told. Returns false when the domain has too many. */
bool sampler_learn(struct exporter_store *s, struct domain *d, enum sampler_key key, uint32_t id,
		   uint32_t rate);

/* The rate that options gave for this key; 0: none. Lock-free. */
uint32_t sampler_find(const struct domain *d, enum sampler_key key, uint32_t id);

/* The rate that options gave for flows of a template: for the template, for the domain, or, unless
 * the record names a sampler (another one, then), of the only sampler there is. 0: none. */
uint32_t sampler_find_for_set(const struct domain *d, uint16_t template_id, bool named);

/* The rate for a flow whose record or sample says `record` (0: nothing) and for which options say
 * `options` (0: nothing). Writes the enum sampling_origin. */
static inline uint64_t sampling_resolve(const struct decode_options *o, const struct exporter *e,
					uint64_t record, uint64_t options, uint8_t *origin)
{
	if (e->override_rate) {
		*origin = SAMPLING_CONFIGURED;
		return e->override_rate;
	}
	if (record) {
		*origin = SAMPLING_RECORD;
		return record;
	}
	if (options) {
		*origin = SAMPLING_OPTIONS;
		return options;
	}
	if (o->default_sampling_rate) {
		*origin = SAMPLING_CONFIGURED;
		return o->default_sampling_rate;
	}
	*origin = SAMPLING_ASSUMED;
	return 1;
}

/* The override of the settings for an exporter, longest prefix first; 0: none. */
uint32_t sampling_override(const struct decode_options *o, const struct ip_addr *exporter);

#endif
