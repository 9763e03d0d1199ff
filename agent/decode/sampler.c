/* Sampling rates: who said what, and which of them counts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sampler.h"

/* A rate is kept as the pointer's own value: there is nothing to free. */

static uint64_t sampler_id(enum sampler_key key, uint32_t id)
{
	return (uint64_t)key << 32 | id;
}

bool sampler_learn(struct exporter_store *s, struct domain *d, enum sampler_key key, uint32_t id,
		   uint32_t rate)
{
	bool learnt = true;
	void *old;

	if (!rate || sampler_find(d, key, id) == rate)
		return true;
	pthread_mutex_lock(&s->mutex);
	if (d->exporter->gone || idtable_count(&d->samplers) >= SAMPLERS_PER_DOMAIN_MAX)
		learnt = idtable_get(&d->samplers, sampler_id(key, id)) != NULL;
	if (learnt)
		learnt = idtable_put(&d->samplers, sampler_id(key, id), (void *)(uintptr_t)rate,
				     &old) == 0;
	pthread_mutex_unlock(&s->mutex);
	return learnt;
}

uint32_t sampler_find(const struct domain *d, enum sampler_key key, uint32_t id)
{
	return (uint32_t)(uintptr_t)idtable_get(&d->samplers, sampler_id(key, id));
}

static bool in_prefix(const struct ip_addr *a, const struct sampling_override *o)
{
	uint8_t whole = o->prefix_len / 8, rest = o->prefix_len % 8;

	if (memcmp(a->b, o->prefix.b, whole))
		return false;
	return !rest || !((a->b[whole] ^ o->prefix.b[whole]) >> (8 - rest));
}

uint32_t sampling_override(const struct decode_options *o, const struct ip_addr *exporter)
{
	const struct sampling_override *best = NULL;

	for (uint32_t i = 0; i < o->n_overrides; i++)
		if (in_prefix(exporter, &o->overrides[i]) &&
		    (!best || o->overrides[i].prefix_len > best->prefix_len))
			best = &o->overrides[i];
	return best ? best->rate : 0;
}
