/* Exporters and their interfaces as one worker has seen them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "known.h"

#include <errno.h>
#include <stdlib.h>

#include "../buffer.h"
#include "../log.h"
#include "meta.h"
#include "rules.h"

enum {
	EXPORTER_SLOTS = 2 * KNOWN_EXPORTERS_MAX,
	GENERATION_MAX = 0xffff, /* of a tag's upper half */
	SAY_AGAIN_SECONDS = 60,
};

int known_init(struct known *k, const info_writer *const writers[INFO_FORMATS])
{
	memset(k, 0, sizeof(*k));
	k->writers = writers;
	k->last = UINT32_MAX;
	k->generation = 1;
	/* What is not touched of these takes no memory. */
	k->exporters = aligned_alloc(_Alignof(struct known_exporter),
				     KNOWN_EXPORTERS_MAX * sizeof(*k->exporters));
	k->exporter_slots = calloc(EXPORTER_SLOTS, sizeof(*k->exporter_slots));
	k->interfaces = calloc(KNOWN_INTERFACE_SLOTS, sizeof(*k->interfaces));
	if (k->exporters && k->exporter_slots && k->interfaces &&
	    !interner_init(&k->interner, writers))
		return 0;
	known_free(k);
	return -ENOMEM;
}

void known_free(struct known *k)
{
	interner_free(&k->interner);
	free(k->exporters);
	free(k->exporter_slots);
	free(k->interfaces);
}

void known_clear(struct known *k)
{
	for (uint32_t i = 0; i < k->n_exporters; i++)
		k->exporter_slots[k->exporters[i].slot] = 0;
	k->n_exporters = k->n_interfaces = 0;
	k->last = UINT32_MAX;
	if (k->generation++ == GENERATION_MAX) {
		memset(k->interfaces, 0, KNOWN_INTERFACE_SLOTS * sizeof(*k->interfaces));
		k->generation = 1;
	}
	interner_reset(&k->interner);
}

void known_make_room(struct known *k, uint32_t rows)
{
	if (k->n_exporters + rows <= KNOWN_EXPORTERS_MAX &&
	    k->n_interfaces + 2 * rows <= KNOWN_INTERFACES_MAX &&
	    k->interner.arena.bytes <= KNOWN_BYTES_MAX)
		return;
	if (log_allowed(&k->said, SAY_AGAIN_SECONDS))
		log_warning("enrich: %u interfaces of %u exporters are more than are remembered at "
			    "a time; all are looked up anew",
			    k->n_interfaces, k->n_exporters);
	known_clear(k);
}

static void fill_exporter(struct known *k, const struct meta *m, const struct rules *r,
			  struct known_exporter *e, const struct text *name)
{
	const struct device_info *known = m ? meta_device(m, &e->address) : NULL;
	struct interner *in = &k->interner;
	struct device_info *d = &e->device;
	struct buffer text = {0};
	struct text address;

	memset(d, 0, sizeof(*d));
	buffer_ip(&text, &e->address);
	address = intern_text(in, text.p, text.failed ? 0 : text.len);
	buffer_free(&text);
	if (known) {
		const struct text *from = &known->id;
		struct text *to = &d->id;

		for (size_t i = 0;
		     i < (sizeof(*d) - offsetof(struct device_info, id)) / sizeof(struct text); i++)
			to[i] = intern_text(in, from[i].p, from[i].len);
	} else {
		d->id = address;
	}
	if (!d->name.len)
		d->name = intern_text(in, name->p, name->len);
	e->named = d->name.len != 0;
	rules_device(r, in, &d->name, &address, d);
	intern_encode(in, INFO_DEVICE, d);
}

uint32_t known_exporter_find(struct known *k, const struct meta *m, const struct rules *r,
			     const struct ip_addr *address, const struct text *name)
{
	struct known_exporter *e;
	uint32_t i = k->last;

	if (k->interner.failed)
		return UINT32_MAX;
	if (i == UINT32_MAX || !ip_equal(&k->exporters[i].address, address)) {
		uint32_t *slot;

		for (uint32_t at = known_exporter_slot(address);; at++) {
			slot = &k->exporter_slots[at & (EXPORTER_SLOTS - 1)];
			if (!*slot || ip_equal(&k->exporters[*slot - 1].address, address))
				break;
		}
		if (!*slot) {
			if (k->n_exporters == KNOWN_EXPORTERS_MAX)
				return UINT32_MAX;
			*slot = ++k->n_exporters;
			k->exporters[*slot - 1] = (struct known_exporter){
				.address = *address,
				.slot = (uint32_t)(slot - k->exporter_slots),
			};
			fill_exporter(k, m, r, &k->exporters[*slot - 1], name);
		}
		i = k->last = *slot - 1;
	}
	e = &k->exporters[i];
	if (!e->named && name->len)
		fill_exporter(k, m, r, e, name);
	return k->interner.failed ? UINT32_MAX : i;
}

static struct texts copy_texts(struct interner *in, const struct texts *from)
{
	struct text *p = from->n ? arena_get(&in->arena, from->n * sizeof(*p)) : NULL;

	for (uint32_t i = 0; p && i < from->n; i++)
		p[i] = intern_text(in, from->p[i].p, from->p[i].len);
	return (struct texts){p, p ? from->n : 0};
}

/* All that is known of the interface, encoded; NULL: nothing. */
static const struct interface_info *make_interface(struct known *k, const struct meta *m,
						   const struct rules *r, uint32_t exporter,
						   uint32_t index, const struct text *name)
{
	const struct known_exporter *e = &k->exporters[exporter];
	const struct interface_info *known = m ? meta_interface(m, &e->device.id, index) : NULL;
	struct interner *in = &k->interner;
	struct interface_info to = {.speed = 0};
	struct buffer text = {0};
	struct text address;

	if (known) {
		to.id = intern_text(in, known->id.p, known->id.len);
		to.ref = intern_text(in, known->ref.p, known->ref.len);
		to.name = intern_text(in, known->name.p, known->name.len);
		to.description = intern_text(in, known->description.p, known->description.len);
		to.connectivity = intern_text(in, known->connectivity.p, known->connectivity.len);
		to.provider = intern_text(in, known->provider.p, known->provider.len);
		to.boundary = intern_text(in, known->boundary.p, known->boundary.len);
		to.circuit_id = copy_texts(in, &known->circuit_id);
		to.circuit_ref = copy_texts(in, &known->circuit_ref);
		to.speed = known->speed;
		to.edge = known->edge;
		to.peer_as = known->peer_as;
		to.peer_ip = known->peer_ip;
	}
	if (!to.name.len)
		to.name = intern_text(in, name->p, name->len);
	buffer_ip(&text, &e->address);
	address = intern_text(in, text.p, text.failed ? 0 : text.len);
	buffer_free(&text);
	rules_interface(r, in, &e->device.name, &address, &to);
	if (!known && !to.name.len && !to.connectivity.len && !to.provider.len && !to.boundary.len)
		return NULL;
	return intern_place(in, INFO_INTERFACE, &to.encoded, sizeof(to));
}

const struct interface_info *known_interface_find(struct known *k, const struct meta *m,
						  const struct rules *r, uint32_t exporter,
						  uint32_t index, const struct text *name)
{
	struct known_interface *i;
	uint32_t tag;

	if (exporter == UINT32_MAX || !index || k->interner.failed)
		return NULL;
	tag = known_tag(k, exporter);
	for (uint32_t at = known_interface_slot(exporter, index);; at++) {
		i = &k->interfaces[at & (KNOWN_INTERFACE_SLOTS - 1)];
		if (i->tag >> 16 != k->generation || (i->index == index && i->tag == tag))
			break;
	}
	if (i->tag != tag) {
		if (k->n_interfaces == KNOWN_INTERFACES_MAX)
			return NULL;
		k->n_interfaces++;
		*i = (struct known_interface){tag, index,
					      make_interface(k, m, r, exporter, index, name)};
	} else if (known_lacks_name(i, name)) {
		i->info = make_interface(k, m, r, exporter, index, name);
	}
	return k->interner.failed ? NULL : i->info;
}
