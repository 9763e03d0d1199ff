/* Sampling rates: who said what, and which of them counts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sampler.h"

/* A rate is kept as the pointer's own value: there is nothing to free. */

static uint64_t sampler_id(enum sampler_key key, uint32_t id)
{
	return (uint64_t)key << 32 | id;
}

static bool put_rate(struct exporter_store *s, struct domain *d, enum sampler_key key, uint32_t id,
		     uint32_t rate)
{
	void *old;

	if (idtable_count(&d->samplers) >= s->options.max_samplers && !sampler_find(d, key, id))
		return false;
	return idtable_put(&d->samplers, sampler_id(key, id), (void *)(uintptr_t)rate, &old) == 0;
}

/* *arg: 0 before the first sampler, its rate while all agree, then SAMPLERS_DIFFER. */
static bool note_agreement(uint64_t key, void *value, void *arg)
{
	uint32_t *only = arg, rate = (uint32_t)(uintptr_t)value;

	if (key >> 32 == SAMPLER_ID)
		*only = !*only || *only == rate ? rate : (uint32_t)SAMPLERS_DIFFER;
	return *only != (uint32_t)SAMPLERS_DIFFER;
}

bool sampler_learn(struct exporter_store *s, struct domain *d, enum sampler_key key, uint32_t id,
		   uint32_t rate)
{
	uint32_t only = 0;
	bool learnt;

	if (!rate || sampler_find(d, key, id) == rate)
		return true;
	pthread_mutex_lock(&s->mutex);
	learnt = !d->exporter->gone && put_rate(s, d, key, id, rate);
	if (learnt)
		exporter_store_changed(s);
	if (learnt && key == SAMPLER_ID) {
		idtable_each(&d->samplers, note_agreement, &only);
		put_rate(s, d, SAMPLER_ONLY, 0, only);
	}
	if (learnt && key == SAMPLER_INTERFACE)
		__atomic_store_n(&d->sampled_by_interface, true, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&s->mutex);
	return learnt;
}

uint32_t sampler_find(const struct domain *d, enum sampler_key key, uint32_t id)
{
	return (uint32_t)(uintptr_t)idtable_get(&d->samplers, sampler_id(key, id));
}

uint32_t sampler_find_for_set(const struct domain *d, uint16_t template_id, bool named)
{
	uint32_t rate;

	if (!__atomic_load_n(&d->samplers.array, __ATOMIC_RELAXED))
		return 0;
	rate = sampler_find(d, SAMPLER_TEMPLATE, template_id);
	if (!rate)
		rate = sampler_find(d, SAMPLER_DOMAIN, 0);
	if (!rate && !named)
		rate = sampler_find(d, SAMPLER_ONLY, 0);
	return rate == (uint32_t)SAMPLERS_DIFFER ? 0 : rate;
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
