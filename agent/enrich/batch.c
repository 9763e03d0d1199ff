/* What a worker does with each batch.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "enricher.h"
#include "known.h"

/* So many rows have their look-ups under way at the same time: each waits for memory. */
enum {
	STAGE = IP_TABLE_TOGETHER / 2,
	INTERFACE_BYTES = 128, /* what most of them take, encoded */
};

struct enrich_worker {
	struct enricher *e;
	struct account *account;
	uint64_t generation; /* of the metadata that `known` was made with */
	struct known known;
	bool has_known;
	uint32_t n_infos;
	struct text originator, level; /* of the settings */
	struct text scopes[ENRICH_SCOPES_MAX];
	struct flow_info_lists *lists; /* as many as infos */
	struct flow_info infos[];
};

/* The tables as they are for this batch. */
struct tables {
	const struct enrich_options *o;
	const struct ip_table *ip;
	const struct meta *meta;
	const struct rules *rules;
};

static struct text setting(const char *s)
{
	return (struct text){s, s ? (uint32_t)strnlen(s, INFO_TEXT_MAX) : 0};
}

struct enrich_worker *enrich_worker_new(struct enricher *e, uint32_t rows, struct account *account)
{
	const struct enrich_options *o = e->options;
	struct enrich_worker *w = calloc(1, sizeof(*w) + rows * sizeof(w->infos[0]));

	if (!w)
		return NULL;
	/* Without path and policy nothing of it is touched, and takes no memory. */
	w->lists = calloc(rows, sizeof(*w->lists));
	if (!w->lists) {
		free(w);
		return NULL;
	}
	w->e = e;
	w->account = account;
	w->n_infos = rows;
	w->originator = setting(o->policy_originator);
	w->level = setting(o->policy_level);
	for (unsigned i = 0; i < o->n_policy_scopes; i++)
		w->scopes[i] = setting(o->policy_scopes[i]);
	w->has_known = o->devices || o->interfaces;
	if (w->has_known && known_init(&w->known, e->writers)) {
		free(w->lists);
		free(w);
		return NULL;
	}
	return w;
}

void enrich_worker_free(struct enrich_worker *w)
{
	if (!w)
		return;
	if (w->has_known)
		known_free(&w->known);
	free(w->lists);
	free(w);
}

/* The names of an AS: of the prefix where it is the same one, else of the list of all AS. */
static const struct as_info *as_names(const struct tables *t, uint32_t number,
				      const struct as_info *of_prefix)
{
	const struct as_info *a = NULL;

	if (of_prefix && of_prefix->number == number && (of_prefix->name.len || of_prefix->ref.len))
		return of_prefix;
	if (t->meta && number)
		a = meta_as(t->meta, number);
	return a ? a : of_prefix && of_prefix->number == number ? of_prefix : NULL;
}

static inline __attribute__((always_inline)) void
attach_address(const struct tables *t, const struct ip_leaf *leaf, uint32_t *as,
	       const struct as_info **as_info, const struct geo_info **geo,
	       const struct network_info **network, struct text *ref)
{
	const struct ip_part *part = &t->ip->parts[leaf->part];

	if (t->o->as && !*as)
		*as = part->as_number;
	if (t->o->as_names)
		*as_info = part->as_is_named && *as == part->as_number ? part->as
								       : as_names(t, *as, part->as);
	*geo = part->geo;
	*network = part->network;
	*ref = (struct text){leaf->ref_len ? leaf->ref : NULL, leaf->ref_len};
	info_prefetch(*as_info, part->as_bytes);
	info_prefetch(*geo, part->geo_bytes);
}

/* Up to STAGE rows, step by step: while one look-up waits for memory, the others go on. Returns how
 * many addresses are known. */
static unsigned attach_addresses(const struct tables *t, struct flow *rows, unsigned n)
{
	const struct ip_addr *addresses[2 * STAGE];
	const struct ip_leaf *leaves[2 * STAGE];
	uint32_t found[2 * STAGE];
	unsigned known = 0;

	for (unsigned i = 0; i < n; i++) {
		addresses[2 * i] = &rows[i].src_addr;
		addresses[2 * i + 1] = &rows[i].dst_addr;
	}
	ip_table_find_many(t->ip, addresses, found, 2 * n);
	for (unsigned i = 0; i < 2 * n; i++) {
		leaves[i] = ip_table_leaf(t->ip, found[i]);
		__builtin_prefetch(&t->ip->parts[leaves[i]->part]);
	}
	for (unsigned i = 0; i < n; i++) {
		struct flow *f = &rows[i];
		struct flow_info *to = f->info;

		known += leaves[2 * i]->part + leaves[2 * i]->ref_len != 0;
		known += leaves[2 * i + 1]->part + leaves[2 * i + 1]->ref_len != 0;
		attach_address(t, leaves[2 * i], &f->src_as, &to->src_as, &to->src_geo,
			       &to->src_network, &to->src_ip_ref);
		attach_address(t, leaves[2 * i + 1], &f->dst_as, &to->dst_as, &to->dst_geo,
			       &to->dst_network, &to->dst_ip_ref);
	}
	return known;
}

/* Without a table of addresses there are still names for the numbers of the records. */
static void attach_as_names(const struct tables *t, struct flow *f)
{
	f->info->src_as = as_names(t, f->src_as, NULL);
	f->info->dst_as = as_names(t, f->dst_as, NULL);
}

static void attach_interfaces(struct known *k, const struct tables *t, struct flow *rows,
			      const uint32_t exporters[], unsigned n)
{
	static const struct text none;
	uint32_t slots[2 * STAGE];

	for (unsigned i = 0; i < n; i++) {
		slots[2 * i] = known_interface_slot(exporters[i], rows[i].in_if);
		slots[2 * i + 1] = known_interface_slot(exporters[i], rows[i].out_if);
		__builtin_prefetch(&k->interfaces[slots[2 * i]]);
		__builtin_prefetch(&k->interfaces[slots[2 * i + 1]]);
	}
	for (unsigned i = 0; i < n; i++) {
		const struct flow *f = &rows[i];
		const struct flow_ext *e = f->ext;
		struct flow_info *to = f->info;

		to->in_interface = known_interface(k, t->meta, t->rules, slots[2 * i], exporters[i],
						   f->in_if, e ? &e->in_if_name : &none);
		to->out_interface = known_interface(k, t->meta, t->rules, slots[2 * i + 1],
						    exporters[i], f->out_if,
						    e ? &e->out_if_name : &none);
		info_prefetch(to->in_interface, INTERFACE_BYTES);
		info_prefetch(to->out_interface, INTERFACE_BYTES);
	}
}

/* Rows of one exporter come one after another: has fetched what known_exporter() reads of each that
 * differs from the one before. */
static void fetch_exporters(const struct known *k, const struct flow *rows, unsigned n)
{
	uint32_t slots[STAGE];
	unsigned n_slots = 0;

	for (unsigned i = 0; i < n; i++) {
		if (i && ip_equal(&rows[i].sampler_address, &rows[i - 1].sampler_address))
			continue;
		slots[n_slots] = known_exporter_slot(&rows[i].sampler_address);
		__builtin_prefetch(&k->exporter_slots[slots[n_slots++]]);
	}
	for (unsigned i = 0; n_slots > 1 && i < n_slots; i++)
		if (k->exporter_slots[slots[i]])
			__builtin_prefetch(&k->exporters[k->exporter_slots[slots[i]] - 1]);
}

/* Up to STAGE rows, step by step as above. */
static void attach_devices(struct enrich_worker *w, const struct tables *t, struct flow *rows,
			   unsigned n)
{
	static const struct text none;
	uint32_t exporters[STAGE];
	struct known *k = &w->known;

	fetch_exporters(k, rows, n);
	for (unsigned i = 0; i < n; i++) {
		const struct flow *f = &rows[i];

		exporters[i] = known_exporter(k, t->meta, t->rules, &f->sampler_address,
					      f->ext ? &f->ext->sampler_name : &none);
		if (t->o->devices && exporters[i] != UINT32_MAX)
			f->info->device = &k->exporters[exporters[i]].device;
	}
	if (t->o->interfaces)
		attach_interfaces(k, t, rows, exporters, n);
}

/* The smaller of the two ports that is known, else the one that is. */
static void attach_application(const struct tables *t, struct flow *f)
{
	uint16_t low = f->src_port < f->dst_port ? f->src_port : f->dst_port;
	uint16_t high = f->src_port < f->dst_port ? f->dst_port : f->src_port;
	const struct application_info *a = meta_application(t->meta, f->proto, low);
	uint16_t port = low;

	if (!a) {
		a = meta_application(t->meta, f->proto, high);
		port = high;
	}
	if (a) {
		f->info->application = a;
		f->info->application_port = port;
	}
}

/* The neighbour: the BGP next hop and its AS as the record has them, else what is known of the
 * interface that the flow leaves through. */
static void attach_peer(const struct tables *t, struct flow *f)
{
	const struct interface_info *out = f->info->out_interface;
	struct flow_info *to = f->info;
	const struct as_info *as = NULL;

	to->peer_as = f->next_hop_as;
	if (!ip_is_zero(&f->bgp_next_hop)) {
		to->peer_ip = f->bgp_next_hop;
	} else if (out) {
		to->peer_ip = out->peer_ip;
		to->peer_as = to->peer_as ? to->peer_as : out->peer_as;
	}
	if (!to->peer_as && ip_is_unset(&to->peer_ip))
		return;
	if (t->ip && !ip_is_unset(&to->peer_ip)) {
		const struct ip_leaf *leaf = ip_table_leaf(t->ip,
							   ip_table_find(t->ip, &to->peer_ip));

		as = t->ip->parts[leaf->part].as;
		to->peer_ip_ref = (struct text){leaf->ref_len ? leaf->ref : NULL, leaf->ref_len};
		if (t->o->as && !to->peer_as && as)
			to->peer_as = as->number;
	}
	as = t->o->as_names ? as_names(t, to->peer_as, as) : NULL;
	if (as) {
		to->peer_as_name = as->name;
		to->peer_as_ref = as->ref;
		to->peer_organization = as->organization;
	}
}

/* "as:64500" into 16 bytes. */
static struct text as_scope(char *to, uint32_t number)
{
	char digits[10];
	unsigned n = 0, len = 3;

	memcpy(to, "as:", 3);
	do {
		digits[n++] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	while (n)
		to[len++] = digits[--n];
	return (struct text){to, len};
}

static void attach_policy(const struct enrich_worker *w, const struct tables *t, struct flow *f)
{
	struct flow_info *to = f->info;
	const struct text *community;

	to->policy_originator = w->originator;
	to->policy_level = w->level;
	for (unsigned i = 0; i < t->o->n_policy_scopes; i++)
		to->lists->scopes[to->n_scopes++] = w->scopes[i];
	if (!t->o->policy_auto_scopes)
		return;
	if (f->src_as)
		to->lists->scopes[to->n_scopes++] = as_scope(to->lists->scope_text[0], f->src_as);
	if (f->dst_as && f->dst_as != f->src_as)
		to->lists->scopes[to->n_scopes++] = as_scope(to->lists->scope_text[1], f->dst_as);
	if (t->meta && f->ext && f->ext->mpls_vpn_rd) {
		community = meta_community(t->meta, f->ext->mpls_vpn_rd);
		if (community)
			to->lists->scopes[to->n_scopes++] = *community;
	}
}

/* Each AS of the path once, with the number of times that it is repeated beyond that. */
static void attach_path(struct flow *f)
{
	const uint32_t *path = f->ext->as_path;
	struct flow_info *to = f->info;
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->ext->n_as_path && i < FLOW_AS_PATH_MAX; i++) {
		if (n && path[i] == to->lists->path_id[n - 1]) {
			to->lists->path_padding[n - 1]++;
			continue;
		}
		to->lists->path_id[n] = path[i];
		to->lists->path_padding[n++] = 0;
	}
	to->n_path = n;
}

void enrich_batch(struct enrich_worker *w, struct flow_batch *batch)
{
	const struct tables t = {
		.o = w->e->options,
		.ip = enricher_ip_table(w->e),
		.meta = enricher_meta(w->e),
		.rules = w->e->rules,
	};
	uint64_t generation = t.meta ? t.meta->generation : 0;
	uint32_t n = batch->n < w->n_infos ? batch->n : w->n_infos;
	bool devices = w->has_known && (t.meta || t.rules);
	bool applications = t.meta && t.o->applications && t.meta->n_applications;
	unsigned known = 0;

	if (!t.ip && !t.meta && !t.rules && !t.o->policy && !t.o->as_path)
		return;
	if (w->has_known && generation != w->generation) {
		known_clear(&w->known);
		w->generation = generation;
	}
	if (w->has_known)
		known_make_room(&w->known, n);
	for (uint32_t i = 0; i < n; i++) {
		batch->rows[i].info = &w->infos[i];
		memset(&w->infos[i], 0, sizeof(w->infos[i]));
		w->infos[i].lists = &w->lists[i];
	}
	for (uint32_t i = 0; t.ip && i < n; i += STAGE)
		known += attach_addresses(&t, batch->rows + i, n - i < STAGE ? n - i : STAGE);
	for (uint32_t i = 0; devices && i < n; i += STAGE)
		attach_devices(w, &t, batch->rows + i, n - i < STAGE ? n - i : STAGE);
	for (uint32_t i = 0; i < n; i++) {
		struct flow *f = &batch->rows[i];

		if (!t.ip && t.meta && t.o->as_names)
			attach_as_names(&t, f);
		if (applications)
			attach_application(&t, f);
		if (t.o->peers)
			attach_peer(&t, f);
		if (t.o->as_path && f->ext && f->ext->n_as_path)
			attach_path(f);
		if (t.o->policy)
			attach_policy(w, &t, f);
	}
	account_add(w->account, ACCOUNT_ENRICHED_FLOWS, n);
	if (t.ip) {
		account_add(w->account, ACCOUNT_ADDRESSES_KNOWN, known);
		account_add(w->account, ACCOUNT_ADDRESSES_UNKNOWN, 2 * n - known);
	}
}
