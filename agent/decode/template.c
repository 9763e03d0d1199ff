/* Templates: learning, keeping, withdrawing.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "../bytes.h"
#include "compile.h"
#include "template.h"

enum { FIELDS_MAX = 4096 }; /* more than a datagram of 64 KiB has is refused by its length anyway */

const struct template *template_find(const struct domain *d, uint16_t id)
{
	return idtable_get(&d->templates, id);
}

static void template_free(struct rcu_head *head)
{
	struct template *t = (struct template *)((char *)head - offsetof(struct template, rcu));

	free(t->program);
	free(t);
}

static uint32_t beyond_share(const struct exporter_store *s, uint32_t kib)
{
	return kib > exporter_store_own_kib(s) ? kib - exporter_store_own_kib(s) : 0;
}

/* Puts a template on the accounts (n: 1) or takes it off (-1). Under the mutex. */
static void count_template(struct exporter_store *s, const struct template *t, int n)
{
	struct exporter *e = t->domain->exporter;
	uint32_t kib = (uint32_t)n * t->kib;

	s->shared_kib -= beyond_share(s, e->template_kib);
	e->n_templates += (uint32_t)n;
	e->template_kib += kib;
	s->n_templates += (uint32_t)n;
	s->template_kib += kib;
	s->shared_kib += beyond_share(s, e->template_kib);
}

/* Takes a template that has been unlinked off the accounts. Under the mutex. */
static void template_drop(struct exporter_store *s, struct template *t)
{
	count_template(s, t, -1);
	exporter_store_defer(s, &t->rcu, template_free);
}

struct removal {
	struct exporter_store *store;
	uint64_t now_s;
	uint16_t id;	   /* 0: any */
	bool options, all; /* kind; `all` takes both */
	bool old_only;
};

static bool keep_template(uint64_t key, void *value, void *arg)
{
	const struct removal *r = arg;
	struct template *t = value;
	uint64_t seen = __atomic_load_n(&t->last_seen, __ATOMIC_RELAXED);

	if ((r->id && r->id != key) || (!r->all && t->options != r->options))
		return true;
	if (r->old_only && r->now_s < seen + r->store->options.template_timeout)
		return true;
	template_drop(r->store, t);
	return false;
}

static bool none_due(uint64_t key, void *value, void *arg)
{
	const struct template *t = value;
	struct removal *r = arg;

	(void)key;
	if (r->now_s >=
	    __atomic_load_n(&t->last_seen, __ATOMIC_RELAXED) + r->store->options.template_timeout)
		r->id = 1; /* something is due */
	return !r->id;
}

void template_expire(struct exporter_store *s, struct domain *d, uint64_t now_s,
		     struct account *account)
{
	struct removal r = {.store = s, .now_s = now_s, .all = true, .old_only = true};
	int n;

	if (!s->options.template_timeout)
		return;
	idtable_each(&d->templates, none_due, &r);
	if (!r.id)
		return;
	r.id = 0;
	n = idtable_filter(&d->templates, keep_template, &r);
	if (n > 0)
		account_add(account, ACCOUNT_TEMPLATES_EXPIRED, (uint64_t)n);
}

static bool drop_each(uint64_t key, void *value, void *arg)
{
	(void)key;
	template_drop(arg, value);
	return true;
}

void template_remove_all(struct exporter_store *s, struct domain *d, struct account *account)
{
	if (account)
		account_add(account, ACCOUNT_TEMPLATES_EXPIRED, idtable_count(&d->templates));
	idtable_each(&d->templates, drop_each, s);
}

/* RFC 7011 section 8.1: a template id withdraws that one, the set's id all of its kind. */
static void withdraw(struct exporter_store *s, struct domain *d, uint16_t id, bool options,
		     struct account *account)
{
	struct removal r = {.store = s, .id = id, .options = options};
	int n;

	if (id == IPFIX_TEMPLATE_SET || id == IPFIX_OPTIONS_SET)
		r.id = 0;
	pthread_mutex_lock(&s->mutex);
	n = idtable_filter(&d->templates, keep_template, &r);
	pthread_mutex_unlock(&s->mutex);
	if (n > 0)
		account_add(account, ACCOUNT_TEMPLATES_WITHDRAWN, (uint64_t)n);
}

static bool same_definition(const struct template *t, bool options,
			    const struct template_field *fields, uint16_t n_fields,
			    uint16_t n_scope)
{
	return t->options == options && t->n_fields == n_fields && t->n_scope == n_scope &&
	       !memcmp(t->fields, fields, n_fields * sizeof(*fields));
}

static struct template *template_new(struct domain *d, uint16_t id, bool options,
				     const struct template_field *fields, uint16_t n_fields,
				     uint16_t n_scope, uint32_t min_length, bool variable)
{
	size_t size = sizeof(struct template) + n_fields * sizeof(*fields);
	struct template *t = malloc(size);

	if (!t)
		return NULL;
	*t = (struct template){.domain = d,
			       .id = id,
			       .options = options,
			       .n_fields = n_fields,
			       .n_scope = n_scope,
			       .min_length = (uint16_t)min_length,
			       .variable = variable};
	memcpy(t->fields, fields, n_fields * sizeof(*fields));
	if (!options) {
		t->program = program_compile((enum flow_type)d->version, fields, n_fields);
		if (!t->program) {
			free(t);
			return NULL;
		}
		size += program_size(t->program);
	}
	t->kib = (uint16_t)((size + 1023) / 1024);
	return t;
}

/* Is there room for t in place of `old` (NULL: nothing)? Under the mutex. */
static bool has_room(const struct exporter_store *s, const struct template *t,
		     const struct template *old)
{
	const struct decode_options *o = &s->options;
	uint32_t is = t->domain->exporter->template_kib, will = is + t->kib - (old ? old->kib : 0);
	uint32_t shared = s->shared_kib - beyond_share(s, is) + beyond_share(s, will);

	return will <= is ||
	       (will <= o->max_templates_per_exporter &&
		(will <= exporter_store_own_kib(s) || shared <= exporter_store_shared_kib(s)));
}

enum decode_status template_define(struct exporter_store *s, struct domain *d, uint16_t id,
				   bool options, const struct template_field *fields,
				   uint16_t n_fields, uint16_t n_scope, uint64_t now_s,
				   struct account *account)
{
	struct template *t = idtable_get(&d->templates, id);
	enum decode_status status = DECODE_OK;
	uint32_t min_length = 0;
	bool variable = false;
	void *old = NULL;

	if (t && same_definition(t, options, fields, n_fields, n_scope)) {
		__atomic_store_n(&t->last_seen, now_s, __ATOMIC_RELAXED);
		account_add(account, ACCOUNT_TEMPLATES_REFRESHED, 1);
		return DECODE_OK;
	}
	if (n_fields > s->options.max_fields)
		return DECODE_TOO_MANY_FIELDS;
	for (uint16_t i = 0; i < n_fields; i++) {
		variable |= fields[i].length == IPFIX_VARIABLE_LENGTH;
		min_length += fields[i].length == IPFIX_VARIABLE_LENGTH ? 1 : fields[i].length;
	}
	/* A record of no bytes could repeat for ever, one over 64 KiB never comes. */
	if (!min_length || min_length > UINT16_MAX)
		return DECODE_BAD_TEMPLATE;
	t = template_new(d, id, options, fields, n_fields, n_scope, min_length, variable);
	if (!t)
		return DECODE_NO_MEMORY;
	t->last_seen = now_s;

	pthread_mutex_lock(&s->mutex);
	if (d->exporter->gone || !has_room(s, t, idtable_get(&d->templates, id)))
		status = DECODE_TOO_MANY_TEMPLATES;
	else if (idtable_put(&d->templates, id, t, &old) < 0)
		status = DECODE_NO_MEMORY;
	if (status == DECODE_OK) {
		count_template(s, t, 1);
		exporter_store_changed(s);
		if (old)
			template_drop(s, old);
	}
	pthread_mutex_unlock(&s->mutex);
	if (status != DECODE_OK) {
		template_free(&t->rcu);
		return status;
	}
	account_add(account, ACCOUNT_TEMPLATES_LEARNT, 1);
	if (old)
		account_add(account, ACCOUNT_TEMPLATES_CHANGED, 1);
	return DECODE_OK;
}

/* Reads n field specifiers. Returns where they end, or NULL when they run past the end. */
static const uint8_t *read_fields(const uint8_t *p, const uint8_t *end, enum flow_type version,
				  struct template_field *fields, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		if (end - p < 4)
			return NULL;
		fields[i] = (struct template_field){.id = be16(p), .length = be16(p + 2)};
		p += 4;
		if (version == FLOW_IPFIX && fields[i].id & 0x8000) {
			if (end - p < 4)
				return NULL;
			fields[i].id &= 0x7fff;
			fields[i].pen = be32(p);
			p += 4;
		}
	}
	return p;
}

enum decode_status template_learn(struct exporter_store *s, struct domain *d,
				  const struct ipfix_message *m, const struct ipfix_set *set,
				  uint64_t now_s, struct account *account)
{
	bool v9 = m->version == FLOW_NETFLOW_V9;
	bool options = set->id == (v9 ? NETFLOW9_OPTIONS_SET : IPFIX_OPTIONS_SET);
	uint32_t head = options ? 6 : 4;
	enum decode_status worst = DECODE_OK;
	struct template_field fields[FIELDS_MAX];
	const uint8_t *p = set->body;

	while (set->end - p >= 4) {
		uint16_t id = be16(p), n_fields = be16(p + 2), n_scope = 0;
		enum decode_status status = DECODE_OK;

		if (!v9 && id && !n_fields) {
			withdraw(s, d, id, options, account);
			p += 4;
			continue;
		}
		if (!id && !n_fields)
			break; /* padding */
		if (id < IPFIX_MIN_DATA_SET || set->end - p < head) {
			status = DECODE_BAD_TEMPLATE;
		} else if (options && v9) {
			/* RFC 3954 section 6.1: lengths in bytes, of scopes and of options. */
			if ((be16(p + 2) | be16(p + 4)) % 4)
				status = DECODE_BAD_TEMPLATE;
			n_scope = (uint16_t)(be16(p + 2) / 4);
			n_fields = (uint16_t)(n_scope + be16(p + 4) / 4);
		} else if (options) {
			n_scope = be16(p + 4);
		}
		if (n_fields > FIELDS_MAX || n_scope > n_fields)
			status = DECODE_BAD_TEMPLATE;
		if (status == DECODE_OK) {
			p = read_fields(p + head, set->end, m->version, fields, n_fields);
			status = p ? template_define(s, d, id, options, fields, n_fields, n_scope,
						     now_s, account)
				   : DECODE_BAD_TEMPLATE;
		} else {
			p = NULL;
		}
		if (status != DECODE_OK) {
			account_add(account, ACCOUNT_TEMPLATES_REFUSED, 1);
			if (worst == DECODE_OK)
				worst = status;
		}
		if (!p)
			break;
	}
	return worst;
}
