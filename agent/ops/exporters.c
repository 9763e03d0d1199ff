/* What is known of exporters, copied for those who show it.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "../decode/exporter.h"
#include "exporters.h"

struct walk {
	struct ops_exporters *to;
	unsigned room;
	unsigned workers;
	bool failed;
};

static uint64_t get(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void copy(const struct exporter *e, unsigned workers, struct ops_exporter *to)
{
	memset(to, 0, sizeof(*to));
	to->id = e;
	to->address = e->address;
	to->first_seen_ns = __atomic_load_n(&e->first_seen_ns, __ATOMIC_RELAXED);
	to->templates = __atomic_load_n(&e->n_templates, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < workers; i++) {
		const struct exporter_counts *c = &e->counts[i];
		uint64_t seen = get(&c->last_seen_ns);

		to->datagrams += get(&c->datagrams);
		to->bytes += get(&c->bytes);
		to->flows += get(&c->flows);
		to->records += get(&c->records);
		to->malformed += get(&c->malformed);
		to->no_template += get(&c->no_template);
		to->versions |= __atomic_load_n(&c->versions, __ATOMIC_RELAXED);
		if (seen <= to->last_seen_ns)
			continue;
		to->last_seen_ns = seen;
		if (!get(&c->sampling_rate))
			continue;
		to->sampling_rate = get(&c->sampling_rate);
		to->sampling_origin = __atomic_load_n(&c->sampling_origin, __ATOMIC_RELAXED);
		to->lag_ns = __atomic_load_n(&c->lag_ns, __ATOMIC_RELAXED);
	}
}

static bool see_exporter(struct exporter *e, void *arg)
{
	struct walk *w = arg;
	struct ops_exporters *to = w->to;

	to->total++;
	if (to->n == OPS_EXPORTERS_MAX)
		return true; /* only counted */
	if (to->n == w->room) {
		unsigned room = w->room ? 2 * w->room : 64;
		struct ops_exporter *more = realloc(to->p, room * sizeof(*more));

		if (!more) {
			w->failed = true;
			return false;
		}
		to->p = more;
		w->room = room;
	}
	copy(e, w->workers, &to->p[to->n++]);
	return true;
}

static int by_id(const void *a, const void *b)
{
	const struct ops_exporter *p = a, *q = b;

	return p->id < q->id ? -1 : p->id > q->id;
}

static int by_address(const struct ops_exporter *p, const struct ops_exporter *q)
{
	return memcmp(&p->address, &q->address, sizeof(p->address));
}

static int by_flows(const void *a, const void *b)
{
	const struct ops_exporter *p = a, *q = b;

	if (p->flows != q->flows)
		return p->flows > q->flows ? -1 : 1;
	return by_address(p, q);
}

static int by_age(const void *a, const void *b)
{
	const struct ops_exporter *p = a, *q = b;

	if (p->first_seen_ns != q->first_seen_ns)
		return p->first_seen_ns < q->first_seen_ns ? -1 : 1;
	return by_address(p, q);
}

static bool see_stream(struct domain *d, void *arg)
{
	struct walk *w = arg;
	struct ops_exporter key = {.id = d->exporter};
	struct ops_exporter *e = bsearch(&key, w->to->p, w->to->n, sizeof(*w->to->p), by_id);

	if (e) {
		e->lost += sequence_lost(&d->sequence);
		e->streams++;
	}
	return true;
}

int ops_exporters_read(struct exporter_store *store, enum ops_order order, struct ops_exporters *to)
{
	struct walk w = {.to = to, .workers = exporter_store_workers(store)};

	memset(to, 0, sizeof(*to));
	rcu_thread_online();
	exporter_each(store, see_exporter, &w);
	if (to->n) {
		qsort(to->p, to->n, sizeof(*to->p), by_id);
		domain_each(store, see_stream, &w);
	}
	rcu_thread_offline();
	if (to->n)
		qsort(to->p, to->n, sizeof(*to->p), order == OPS_BY_FLOWS ? by_flows : by_age);
	return w.failed ? -ENOMEM : 0;
}
