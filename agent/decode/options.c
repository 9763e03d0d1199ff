/* Options records: sampling, names, the time of system start.
 * SPDX-License-Identifier: Apache-2.0 */
#include "../bytes.h"
#include "names.h"
#include "options.h"
#include "sampler.h"

enum { V9_SCOPE_INTERFACE = 2, V9_SCOPE_TEMPLATE = 5 }; /* RFC 3954 section 6.1 */

double float_of(const uint8_t *p, uint32_t len)
{
	uint32_t bits32;
	uint64_t bits64;
	double d = 0;
	float f;

	if (len == 4) {
		bits32 = be32(p);
		memcpy(&f, &bits32, sizeof(f));
		d = (double)f;
	} else if (len == 8) {
		bits64 = be64(p);
		memcpy(&d, &bits64, sizeof(d));
	}
	return d;
}

/* n / d to the nearest whole number, no less than 1; 0 where it has no meaning. */
static uint32_t ratio(uint64_t n, uint64_t d)
{
	uint64_t rate;

	if (!d || n < d || n > UINT64_MAX - d)
		return 0;
	rate = (n + d / 2) / d;
	return rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate;
}

static uint32_t bounded(uint64_t rate)
{
	return rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate;
}

uint32_t sampling_rate_of(const struct sampling_said *said)
{
	uint64_t packets = said->packets, space = said->space;

	if (said->interval)
		return bounded(said->interval);
	if (packets && said->has_space && packets <= UINT64_MAX - space)
		return ratio(packets + space, packets);
	if (said->size && said->population)
		return ratio(said->population, said->size);
	if (said->probability > 1.0 / UINT32_MAX && said->probability <= 1)
		return (uint32_t)(1 / said->probability + 0.5);
	return said->has_space || said->by_time ? 0 : bounded(packets);
}

/* What one record says, as far as it interests us. */
struct said {
	uint64_t sampler, interface, template_id, vrf_in, vrf_out, application, init_ms;
	bool has_sampler, has_interface, has_template, has_vrf_in, has_vrf_out, has_application;
	struct sampling_said sampling;
	struct text interface_name, interface_description, vrf_name, sampler_name, application_name;
};

static struct text text_of(const struct field_place *f)
{
	uint32_t len = f->len;

	while (len && !f->p[len - 1])
		len--;
	return (struct text){(const char *)f->p, len};
}

static void take_number(uint64_t *to, bool *has, const struct field_place *f)
{
	if (f->len > 8)
		return;
	*to = be_uint(f->p, f->len);
	if (has)
		*has = true;
}

static void note_field(struct said *r, uint16_t id, const struct field_place *f)
{
	switch (id) {
	case 48:
	case 302:
		take_number(&r->sampler, &r->has_sampler, f);
		break;
	case 34:
	case 50:
		if (!r->sampling.interval)
			take_number(&r->sampling.interval, NULL, f);
		break;
	case 305:
		take_number(&r->sampling.packets, NULL, f);
		break;
	case 307:
		take_number(&r->sampling.packets, &r->sampling.by_time, f);
		break;
	case 306:
	case 308:
		take_number(&r->sampling.space, &r->sampling.has_space, f);
		break;
	case 309:
		take_number(&r->sampling.size, NULL, f);
		break;
	case 310:
		take_number(&r->sampling.population, NULL, f);
		break;
	case 311:
		r->sampling.probability = float_of(f->p, f->len);
		break;
	case 10:
		take_number(&r->interface, &r->has_interface, f);
		break;
	case 14:
		if (!r->has_interface)
			take_number(&r->interface, &r->has_interface, f);
		break;
	case 145:
		take_number(&r->template_id, &r->has_template, f);
		break;
	case 160:
		take_number(&r->init_ms, NULL, f);
		break;
	case 234:
		take_number(&r->vrf_in, &r->has_vrf_in, f);
		break;
	case 235:
		take_number(&r->vrf_out, &r->has_vrf_out, f);
		break;
	case 95:
		take_number(&r->application, &r->has_application, f);
		break;
	case 82:
		r->interface_name = text_of(f);
		break;
	case 83:
		r->interface_description = text_of(f);
		break;
	case 84:
	case 335:
		r->sampler_name = text_of(f);
		break;
	case 96:
		r->application_name = text_of(f);
		break;
	case 236:
		r->vrf_name = text_of(f);
		break;
	}
}

static void note_v9_scope(struct said *r, uint16_t type, const struct field_place *f)
{
	if (type == V9_SCOPE_INTERFACE)
		take_number(&r->interface, &r->has_interface, f);
	else if (type == V9_SCOPE_TEMPLATE)
		take_number(&r->template_id, &r->has_template, f);
}

static void learn_sampling(struct exporter_store *s, struct domain *d, const struct said *r,
			   struct account *account)
{
	uint32_t rate = sampling_rate_of(&r->sampling);
	enum sampler_key key = SAMPLER_DOMAIN;
	uint32_t id = 0;

	if (!rate)
		return;
	if (r->has_sampler) {
		key = SAMPLER_ID;
		id = (uint32_t)r->sampler;
	} else if (r->has_interface && r->interface) {
		key = SAMPLER_INTERFACE;
		id = (uint32_t)r->interface;
	} else if (r->has_template) {
		key = SAMPLER_TEMPLATE;
		id = (uint32_t)r->template_id;
	}
	if (!sampler_learn(s, d, key, id, rate))
		account_add(account, ACCOUNT_SAMPLERS_REFUSED, 1);
}

static void learn_name(struct exporter_store *s, struct domain *d, enum name_kind kind, bool has,
		       uint64_t id, const struct text *name, struct account *account)
{
	if (!has || !name->len)
		return;
	if (name->len > s->options.max_name_length)
		account_add(account, ACCOUNT_NAMES_CUT, 1);
	if (!names_learn(s, d, kind, id, name->p, name->len))
		account_add(account, ACCOUNT_NAMES_REFUSED, 1);
}

void options_learn(struct exporter_store *s, struct domain *d, const struct template *t,
		   const struct field_place *places, struct account *account)
{
	struct said r = {0};

	for (uint16_t i = 0; i < t->n_fields; i++) {
		if (t->fields[i].pen || !places[i].len)
			continue;
		if (i < t->n_scope && d->version == FLOW_NETFLOW_V9)
			note_v9_scope(&r, t->fields[i].id, &places[i]);
		else
			note_field(&r, t->fields[i].id, &places[i]);
	}
	learn_sampling(s, d, &r, account);
	learn_name(s, d, NAME_INTERFACE, r.has_interface, r.interface, &r.interface_name, account);
	learn_name(s, d, NAME_INTERFACE_DESCRIPTION, r.has_interface, r.interface,
		   &r.interface_description, account);
	learn_name(s, d, NAME_VRF, r.has_vrf_in, r.vrf_in, &r.vrf_name, account);
	learn_name(s, d, NAME_VRF, r.has_vrf_out, r.vrf_out, &r.vrf_name, account);
	learn_name(s, d, NAME_SAMPLER, r.has_sampler, r.sampler, &r.sampler_name, account);
	learn_name(s, d, NAME_APPLICATION, r.has_application, r.application, &r.application_name,
		   account);
	if (r.init_ms)
		__atomic_store_n(&d->system_init_ms, r.init_ms, __ATOMIC_RELAXED);
}
