/* Names that exporters tell in options records.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "names.h"

struct name {
	struct rcu_head rcu;
	uint64_t id;
	enum name_kind kind;
	uint32_t len;
	char text[];
};

/* Application ids use up to 64 bits: where two names meet under one key, the later one stays. */
static uint64_t name_key(enum name_kind kind, uint64_t id)
{
	return (uint64_t)kind << 60 ^ id;
}

static void name_free(struct rcu_head *head)
{
	free((char *)head - offsetof(struct name, rcu));
}

static struct name *name_new(enum name_kind kind, uint64_t id, const char *text, uint32_t len)
{
	struct name *n = malloc(sizeof(*n) + len);

	if (n) {
		n->kind = kind;
		n->id = id;
		n->len = len;
		memcpy(n->text, text, len);
	}
	return n;
}

bool names_learn(struct exporter_store *s, struct domain *d, enum name_kind kind, uint64_t id,
		 const char *text, uint32_t len)
{
	struct name *n;
	void *old = NULL;
	bool learnt = false;

	if (len > s->options.max_name_length)
		len = s->options.max_name_length;
	n = idtable_get(&d->names, name_key(kind, id));
	if (!len || (n && n->len == len && !memcmp(n->text, text, len)))
		return true;
	pthread_mutex_lock(&s->mutex);
	if (d->exporter->gone || (idtable_count(&d->names) >= s->options.max_names &&
				  !idtable_get(&d->names, name_key(kind, id))))
		goto out;
	n = name_new(kind, id, text, len);
	if (!n)
		goto out;
	if (idtable_put(&d->names, name_key(kind, id), n, &old) < 0) {
		free(n);
		goto out;
	}
	if (old)
		exporter_store_defer(s, &((struct name *)old)->rcu, name_free);
	__atomic_fetch_or(&d->name_kinds, 1u << kind, __ATOMIC_RELAXED);
	exporter_store_changed(s);
	learnt = true;
out:
	pthread_mutex_unlock(&s->mutex);
	return learnt;
}

void names_find(const struct domain *d, enum name_kind kind, uint64_t id, struct text *out)
{
	const struct name *n = idtable_get(&d->names, name_key(kind, id));

	if (n && n->id == id && n->kind == kind)
		*out = (struct text){n->text, n->len};
}

struct each_call {
	void (*fn)(enum name_kind kind, uint64_t id, const struct text *name, void *arg);
	void *arg;
};

static bool call_one(uint64_t key, void *value, void *arg)
{
	const struct each_call *c = arg;
	const struct name *n = value;
	struct text text = {n->text, n->len};

	(void)key;
	c->fn(n->kind, n->id, &text, c->arg);
	return true;
}

void names_each(const struct domain *d,
		void (*fn)(enum name_kind kind, uint64_t id, const struct text *name, void *arg),
		void *arg)
{
	struct each_call c = {fn, arg};

	idtable_each(&d->names, call_one, &c);
}

static bool remove_one(uint64_t key, void *value, void *arg)
{
	struct name *n = value;

	(void)key;
	exporter_store_defer(arg, &n->rcu, name_free);
	return true;
}

void names_remove_all(struct exporter_store *s, struct domain *d)
{
	idtable_each(&d->names, remove_one, s);
}
