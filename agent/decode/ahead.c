/* What the next datagrams need of memory, asked for before it is needed.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Of many exporters the state of each is in no cache when its next datagram comes, and decoding
 * would wait for one line after another: the exporter's place in its table, the exporter, the
 * streams, the stream, the templates, the template, its program. Here all datagrams of a batch go
 * each of these steps together. */
#include "../bytes.h"
#include "compile.h"
#include "exporter.h"
#include "template.h"

enum { PROGRAM_LINES = 6 }; /* most programs; prefetching beyond one does no harm */

struct ahead {
	uint64_t domain_key;
	uint16_t set_id; /* of the first set, where it is data; else 0 */
	struct exporter *exporter;
	struct domain *domain;
	const struct template *template;
};

/* Which stream the datagram is of, as the protocols' decoders find it. */
static void look_into(struct ahead *a, const struct datagram *dg)
{
	enum flow_type version = datagram_version(dg);
	const uint8_t *p = dg->data;
	uint32_t id = 0, set = 0;

	switch (version) {
	case FLOW_NETFLOW_V5:
		if (dg->len >= 22)
			id = be16(p + 20);
		break;
	case FLOW_NETFLOW_V9:
		if (dg->len >= 22) {
			id = be32(p + 16);
			set = be16(p + 20);
		}
		break;
	case FLOW_IPFIX:
		if (dg->len >= 18) {
			id = be32(p + 12);
			set = be16(p + 16);
		}
		break;
	case FLOW_SFLOW_5: {
		uint32_t at = dg->len >= 8 && be32(p + 4) == 2 ? 24 : 12; /* behind the address */

		if (dg->len >= at + 4)
			id = be32(p + at);
		break;
	}
	default:
		break;
	}
	a->domain_key = domain_key(version, id);
	a->set_id = set >= IPFIX_MIN_DATA_SET ? (uint16_t)set : 0;
}

static void fetch_lines(const void *p, unsigned lines)
{
	for (unsigned i = 0; i < lines; i++)
		__builtin_prefetch((const char *)p + (size_t)i * CACHE_LINE);
}

/* Each of these goes one level further down, as far as there is one. */
static void fetch_exporters(const struct decode_context *c, const struct datagram *datagrams,
			    struct ahead ahead[], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		look_into(&ahead[i], &datagrams[i]);
		idtable_fetch_key(&c->store->exporters, exporter_key(c->store, &datagrams[i].src));
	}
	for (unsigned i = 0; i < n; i++) {
		struct exporter *e = idtable_get(&c->store->exporters,
						 exporter_key(c->store, &datagrams[i].src));

		ahead[i].exporter = e;
		if (!e)
			continue;
		__builtin_prefetch(e);
		fetch_lines(&e->counts[c->worker], 2);
	}
}

static void fetch_domains(struct ahead ahead[], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (ahead[i].exporter)
			idtable_fetch(&ahead[i].exporter->domains);
	for (unsigned i = 0; i < n; i++)
		if (ahead[i].exporter)
			idtable_fetch_key(&ahead[i].exporter->domains, ahead[i].domain_key);
	for (unsigned i = 0; i < n; i++) {
		struct exporter *e = ahead[i].exporter;

		ahead[i].domain = e ? idtable_get(&e->domains, ahead[i].domain_key) : NULL;
		if (ahead[i].domain)
			fetch_lines(ahead[i].domain,
				    (sizeof(struct domain) + CACHE_LINE - 1) / CACHE_LINE);
	}
}

static void fetch_templates(struct ahead ahead[], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (!ahead[i].domain)
			continue;
		idtable_fetch(&ahead[i].domain->templates);
		idtable_fetch(&ahead[i].domain->samplers);
	}
	for (unsigned i = 0; i < n; i++)
		if (ahead[i].domain && ahead[i].set_id)
			idtable_fetch_key(&ahead[i].domain->templates, ahead[i].set_id);
	for (unsigned i = 0; i < n; i++) {
		bool data = ahead[i].domain && ahead[i].set_id;

		ahead[i].template = data ? template_find(ahead[i].domain, ahead[i].set_id) : NULL;
		if (ahead[i].template)
			fetch_lines(ahead[i].template, 2);
	}
	for (unsigned i = 0; i < n; i++)
		if (ahead[i].template && ahead[i].template->program)
			fetch_lines(ahead[i].template->program, PROGRAM_LINES);
}

void decoder_fetch(const struct decoder *d, const struct datagram *datagrams, unsigned n)
{
	struct ahead ahead[DECODER_FETCH_MAX];

	fetch_exporters(&d->context, datagrams, ahead, n);
	fetch_domains(ahead, n);
	fetch_templates(ahead, n);
}
