/* What is remembered of exporters: making, finding, expiring.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "exporter.h"
#include "names.h"
#include "sampler.h"
#include "template.h"
#include "waiting.h"

enum {
	DOMAINS_PER_EXPORTER_AVERAGE = 4, /* sets the limit for all of them together */
	SPOOF_TIMEOUT =
		60, /* s: an exporter that never sent a template or a flow goes after this */
};

static const uint64_t NS = 1000000000u;

unsigned exporter_store_workers(const struct exporter_store *s)
{
	return s->workers;
}

struct exporter_store *exporter_store_new(const struct decode_options *options, unsigned workers)
{
	struct exporter_store *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->options = *options;
	s->workers = workers;
	s->seed = idtable_seed();
	pthread_mutex_init(&s->mutex, NULL);
	return s;
}

uint64_t exporter_last_seen(const struct exporter *e)
{
	uint64_t last = __atomic_load_n(&e->first_seen_ns, __ATOMIC_RELAXED);

	for (unsigned i = 0; i < e->store->workers; i++) {
		uint64_t seen = __atomic_load_n(&e->counts[i].last_seen_ns, __ATOMIC_RELAXED);

		if (seen > last)
			last = seen;
	}
	return last;
}

/* What the exporter has sent that was of use: flows, and `more` than them (options, templates). */
static uint64_t sent(const struct exporter *e, bool more)
{
	uint64_t sum = more ? e->n_templates + e->waiting_bytes : 0;

	for (unsigned i = 0; i < e->store->workers; i++) {
		sum += __atomic_load_n(&e->counts[i].flows, __ATOMIC_RELAXED);
		if (more)
			sum += __atomic_load_n(&e->counts[i].records, __ATOMIC_RELAXED);
	}
	return sum;
}

struct exporter *exporter_get(struct exporter_store *s, const struct ip_addr *address,
			      uint64_t now_ns)
{
	uint64_t key = exporter_key(s, address);
	struct exporter *e = idtable_get(&s->exporters, key);
	void *old;

	if (e)
		return ip_equal(&e->address, address) ? e : NULL;
	pthread_mutex_lock(&s->mutex);
	e = idtable_get(&s->exporters, key);
	if (e || idtable_count(&s->exporters) >= s->options.max_exporters)
		goto out;
	e = calloc(1, sizeof(*e) + s->workers * sizeof(e->counts[0]));
	if (!e)
		goto out;
	e->address = *address;
	e->store = s;
	e->first_seen_ns = now_ns;
	e->override_rate = sampling_override(&s->options, address);
	if (idtable_put(&s->exporters, key, e, &old) < 0) {
		free(e);
		e = NULL;
	}
out:
	pthread_mutex_unlock(&s->mutex);
	return e;
}

struct domain *domain_get(struct exporter_store *s, struct exporter *e, uint32_t version,
			  uint32_t id)
{
	uint64_t key = domain_key(version, id);
	struct domain *d = idtable_get(&e->domains, key);
	void *old;

	if (d)
		return d;
	pthread_mutex_lock(&s->mutex);
	d = idtable_get(&e->domains, key);
	if (d || e->gone || idtable_count(&e->domains) >= s->options.max_domains_per_exporter ||
	    s->n_domains / DOMAINS_PER_EXPORTER_AVERAGE >= s->options.max_exporters)
		goto out;
	d = calloc(1, sizeof(*d));
	if (!d)
		goto out;
	d->exporter = e;
	d->version = version;
	d->id = id;
	if (idtable_put(&e->domains, key, d, &old) < 0) {
		free(d);
		d = NULL;
	} else {
		s->n_domains++;
	}
out:
	pthread_mutex_unlock(&s->mutex);
	return d;
}

/* Walking. */

struct walk_call {
	bool (*exporter)(struct exporter *e, void *arg);
	bool (*domain)(struct domain *d, void *arg);
	void *arg;
	bool going;
};

static bool call_domain(uint64_t key, void *value, void *arg)
{
	struct walk_call *c = arg;

	(void)key;
	c->going = c->domain(value, c->arg);
	return c->going;
}

static bool call_exporter(uint64_t key, void *value, void *arg)
{
	struct walk_call *c = arg;
	struct exporter *e = value;

	(void)key;
	if (c->exporter)
		c->going = c->exporter(e, c->arg);
	else
		idtable_each(&e->domains, call_domain, c);
	return c->going;
}

void exporter_each(struct exporter_store *s, bool (*fn)(struct exporter *e, void *arg), void *arg)
{
	struct walk_call c = {.exporter = fn, .arg = arg, .going = true};

	idtable_each(&s->exporters, call_exporter, &c);
}

void domain_each(struct exporter_store *s, bool (*fn)(struct domain *d, void *arg), void *arg)
{
	struct walk_call c = {.domain = fn, .arg = arg, .going = true};

	idtable_each(&s->exporters, call_exporter, &c);
}

/* Expiry and the end. */

struct expiry {
	struct exporter_store *store;
	uint64_t now_ns;
	struct account *account;
	bool due;     /* some exporter is to be removed */
	bool crowded; /* the table of exporters or the room for templates is nearly full */
};

static void domain_free(struct rcu_head *head)
{
	struct domain *d = (struct domain *)((char *)head - offsetof(struct domain, rcu));

	idtable_free(&d->templates);
	idtable_free(&d->samplers);
	idtable_free(&d->names);
	free(d);
}

static void exporter_free(struct rcu_head *head)
{
	struct exporter *e = (struct exporter *)((char *)head - offsetof(struct exporter, rcu));

	idtable_free(&e->domains);
	free(e);
}

static void domain_remove(struct expiry *x, struct domain *d)
{
	template_remove_all(x->store, d, x->account);
	waiting_remove_all(x->store, d, x->account);
	names_remove_all(x->store, d);
	x->store->n_domains--;
	exporter_store_defer(x->store, &d->rcu, domain_free);
}

static bool remove_domain(uint64_t key, void *value, void *arg)
{
	(void)key;
	domain_remove(arg, value);
	return true;
}

static bool expire_domain(uint64_t key, void *value, void *arg)
{
	struct expiry *x = arg;
	struct domain *d = value;

	(void)key;
	template_expire(x->store, d, x->now_ns / NS, x->account);
	waiting_expire(x->store, d, x->now_ns, x->account);
	return true;
}

static bool exporter_due(const struct expiry *x, const struct exporter *e)
{
	uint64_t timeout = x->store->options.template_timeout, last = exporter_last_seen(e);

	/* When the table fills up, those who only ever sent templates make room, too, however
	 * busy they are with it. */
	if (!sent(e, !x->crowded)) {
		timeout = SPOOF_TIMEOUT;
		if (x->crowded)
			last = __atomic_load_n(&e->first_seen_ns, __ATOMIC_RELAXED);
	}
	return timeout && x->now_ns > last && (x->now_ns - last) / NS >= timeout;
}

static void exporter_remove(struct expiry *x, struct exporter *e)
{
	e->gone = true;
	idtable_each(&e->domains, remove_domain, x);
	exporter_store_defer(x->store, &e->rcu, exporter_free);
}

static bool remove_exporter(uint64_t key, void *value, void *arg)
{
	(void)key;
	exporter_remove(arg, value);
	return true;
}

static bool keep_exporter(uint64_t key, void *value, void *arg)
{
	(void)key;
	if (!exporter_due(arg, value))
		return true;
	exporter_remove(arg, value);
	return false;
}

static bool expire_exporter(uint64_t key, void *value, void *arg)
{
	struct exporter *e = value;

	(void)key;
	idtable_each(&e->domains, expire_domain, arg);
	return true;
}

static bool none_due(uint64_t key, void *value, void *arg)
{
	struct expiry *x = arg;

	(void)key;
	x->due = exporter_due(x, value);
	return !x->due;
}

void exporter_store_expire(struct exporter_store *s, uint64_t now_ns, struct account *account)
{
	struct expiry x = {.store = s, .now_ns = now_ns, .account = account};

	pthread_mutex_lock(&s->mutex);
	x.crowded = idtable_count(&s->exporters) >= s->options.max_exporters / 4 * 3 ||
		    s->shared_kib >= exporter_store_shared_kib(s) / 4 * 3;
	idtable_each(&s->exporters, expire_exporter, &x);
	idtable_each(&s->exporters, none_due, &x);
	if (x.due)
		idtable_filter(&s->exporters, keep_exporter, &x);
	pthread_mutex_unlock(&s->mutex);
}

struct clock_change {
	uint64_t forward_ns; /* 0: it was set back */
	uint64_t now_ns;
};

static uint64_t on_new_clock(const struct clock_change *c, uint64_t ns)
{
	return c->now_ns > ns && c->now_ns - ns > c->forward_ns ? ns + c->forward_ns : c->now_ns;
}

/* A worker may write its own time meanwhile: either is near enough. */
static void set_clock(const struct clock_change *c, uint64_t *ns)
{
	uint64_t v = __atomic_load_n(ns, __ATOMIC_RELAXED);

	if (v)
		__atomic_store_n(ns, on_new_clock(c, v), __ATOMIC_RELAXED);
}

static bool template_set_clock(uint64_t key, void *value, void *arg)
{
	const struct clock_change *c = arg;
	struct template *t = value;
	uint64_t seen = __atomic_load_n(&t->last_seen, __ATOMIC_RELAXED);

	(void)key;
	__atomic_store_n(&t->last_seen, on_new_clock(c, seen * NS) / NS, __ATOMIC_RELAXED);
	return true;
}

static bool domain_set_clock(uint64_t key, void *value, void *arg)
{
	struct domain *d = value;

	(void)key;
	idtable_each(&d->templates, template_set_clock, arg);
	for (struct waiting_set *w = d->waiting; w; w = w->next)
		set_clock(arg, &w->datagram.received_ns);
	return true;
}

static bool exporter_set_clock(uint64_t key, void *value, void *arg)
{
	struct exporter *e = value;

	(void)key;
	set_clock(arg, &e->first_seen_ns);
	for (unsigned i = 0; i < e->store->workers; i++)
		set_clock(arg, &e->counts[i].last_seen_ns);
	idtable_each(&e->domains, domain_set_clock, arg);
	return true;
}

void exporter_store_clock_set(struct exporter_store *s, int64_t by_ns, uint64_t now_ns)
{
	struct clock_change c = {.forward_ns = by_ns > 0 ? (uint64_t)by_ns : 0, .now_ns = now_ns};

	pthread_mutex_lock(&s->mutex);
	idtable_each(&s->exporters, exporter_set_clock, &c);
	pthread_mutex_unlock(&s->mutex);
}

void exporter_store_set_limits(struct exporter_store *s, const struct decode_options *o)
{
	pthread_mutex_lock(&s->mutex);
	s->options.max_exporters = o->max_exporters;
	s->options.max_templates = o->max_templates;
	s->options.max_templates_per_exporter = o->max_templates_per_exporter;
	s->options.max_domains_per_exporter = o->max_domains_per_exporter;
	s->options.max_samplers = o->max_samplers;
	s->options.max_names = o->max_names;
	s->options.template_timeout = o->template_timeout;
	s->options.max_waiting_bytes = o->max_waiting_bytes;
	s->options.max_waiting_bytes_per_exporter = o->max_waiting_bytes_per_exporter;
	s->options.waiting_timeout = o->waiting_timeout;
	pthread_mutex_unlock(&s->mutex);
}

void exporter_store_free(struct exporter_store *s)
{
	struct expiry x = {.store = s};

	if (!s)
		return;
	s->closing = true;
	idtable_each(&s->exporters, remove_exporter, &x);
	idtable_free(&s->exporters);
	pthread_mutex_destroy(&s->mutex);
	free(s);
}
