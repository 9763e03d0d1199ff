/* Data sets that came before their template.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "template.h"
#include "waiting.h"

static uint32_t charge(const struct waiting_set *w)
{
	return (uint32_t)sizeof(*w) + w->len;
}

bool waiting_add(struct exporter_store *s, struct domain *d, const struct ipfix_message *m,
		 const struct datagram *dg, const struct ipfix_set *set)
{
	uint32_t len = (uint32_t)(set->end - set->body);
	struct waiting_set *w, **last;
	bool room;

	w = malloc(sizeof(*w) + len);
	if (!w)
		return false;
	w->next = NULL;
	w->message = *m;
	w->datagram = *dg;
	w->id = set->id;
	w->len = len;
	memcpy(w->body, set->body, len);

	pthread_mutex_lock(&s->mutex);
	room = !d->exporter->gone &&
	       d->exporter->waiting_bytes + charge(w) <=
		       s->options.max_waiting_bytes_per_exporter &&
	       s->waiting_bytes + charge(w) <= s->options.max_waiting_bytes;
	if (room) {
		for (last = &d->waiting; *last; last = &(*last)->next)
			;
		__atomic_store_n(last, w, __ATOMIC_RELEASE);
		d->exporter->waiting_bytes += charge(w);
		s->waiting_bytes += charge(w);
	}
	pthread_mutex_unlock(&s->mutex);
	if (!room)
		free(w);
	return room;
}

/* Unlinks *at and takes it off the account. */
static struct waiting_set *unlink_one(struct exporter_store *s, struct domain *d,
				      struct waiting_set **at)
{
	struct waiting_set *w = *at;

	__atomic_store_n(at, w->next,
			 __ATOMIC_RELEASE); /* waiting_take() looks without the mutex */
	w->next = NULL;
	d->exporter->waiting_bytes -= charge(w);
	s->waiting_bytes -= charge(w);
	return w;
}

struct waiting_set *waiting_take(struct exporter_store *s, struct domain *d)
{
	struct waiting_set *taken = NULL, **end = &taken, **at;

	if (!__atomic_load_n(&d->waiting, __ATOMIC_ACQUIRE))
		return NULL;
	pthread_mutex_lock(&s->mutex);
	for (at = &d->waiting; *at;) {
		if (template_find(d, (*at)->id)) {
			*end = unlink_one(s, d, at);
			end = &(*end)->next;
		} else {
			at = &(*at)->next;
		}
	}
	pthread_mutex_unlock(&s->mutex);
	return taken;
}

void waiting_expire(struct exporter_store *s, struct domain *d, uint64_t now_ns,
		    struct account *account)
{
	while (d->waiting && now_ns > d->waiting->datagram.received_ns &&
	       (now_ns - d->waiting->datagram.received_ns) / 1000000000u >=
		       s->options.waiting_timeout) {
		free(unlink_one(s, d, &d->waiting));
		account_add(account, ACCOUNT_SETS_NO_TEMPLATE, 1);
		sequence_write_off(&d->sequence);
	}
}

void waiting_remove_all(struct exporter_store *s, struct domain *d, struct account *account)
{
	while (d->waiting) {
		free(unlink_one(s, d, &d->waiting));
		if (account)
			account_add(account, ACCOUNT_SETS_NO_TEMPLATE, 1);
	}
}
