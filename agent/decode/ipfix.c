/* NetFlow v9 and IPFIX: data records to flows.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "../bytes.h"
#include "compile.h"
#include "ipfix.h"
#include "options.h"
#include "record.h"
#include "sampler.h"
#include "template.h"
#include "waiting.h"

enum { PLACES_MAX = 4096 };

/* Work on one message, or on a set of an earlier one that has waited. */
struct ipfix_work {
	struct record_context r;
	const struct datagram *datagram;
	struct ipfix_message message;
	struct flow_batch *batch;
	uint32_t data_records; /* of data and options, for IPFIX sequence numbers */
	bool certain;	       /* all records could be counted */
	enum decode_status status;
};

static void left_out(struct ipfix_work *w, enum decode_status why)
{
	if (w->status == DECODE_OK || w->status == DECODE_NO_TEMPLATE)
		w->status = why;
	account_add(w->r.context->account, ACCOUNT_SETS_MALFORMED, 1);
	w->certain = false;
}

static void begin(struct ipfix_work *w, struct decode_context *c, const struct datagram *dg,
		  const struct ipfix_message *m, struct domain *d, struct flow_batch *batch)
{
	struct flow *f = &w->r.prototype;

	memset(w, 0, sizeof(*w));
	w->r.context = c;
	w->r.domain = d;
	w->datagram = dg;
	w->message = *m;
	w->batch = batch;
	w->certain = true;
	record_set_times(&w->r, m, __atomic_load_n(&d->system_init_ms, __ATOMIC_RELAXED));

	f->type = (uint8_t)m->version;
	f->time_received_ns = dg->received_ns;
	f->time_flow_start_ns = m->export_time ? w->r.times.export_ns : dg->received_ns;
	f->time_flow_end_ns = f->time_flow_start_ns;
	f->sampler_address = dg->src;
	f->sequence_num = m->sequence;
	f->observation_domain_id = m->domain;
}

/* Room for n records of this program, at least one; they take twice as many rows where each gives a
 * reverse flow, too. */
static uint32_t records_room(struct flow_batch *b, const struct program *p, uint32_t n)
{
	uint32_t room;

	if (!(p->features & PROGRAM_REVERSE))
		return flow_batch_room(b, n);
	if (b->cap - b->n < 2)
		b->full(b, b->arg);
	room = (b->cap - b->n) / 2;
	return n < room ? n : room;
}

/* Makes the flows of n records, which lie `step` bytes apart; or of one, whose fields are at
 * `places` (then the template is of variable length). */
static void make_flows(struct ipfix_work *w, const struct template *t, const uint8_t *from,
		       size_t step, uint32_t n, const struct field_place *places)
{
	const struct program *p = t->program;
	struct flow *rows = w->batch->rows + w->batch->n;
	bool ext = (p->features & PROGRAM_EXT) || w->r.names;

	for (uint32_t i = 0; i < n; i++)
		rows[i] = w->r.prototype;
	if (ext) {
		struct flow_ext *e = flow_batch_exts(w->batch, n);

		for (uint32_t i = 0; i < n; i++)
			rows[i].ext = e + i;
		if (places) {
			memset(e->mpls_label, 0, p->n_mpls * sizeof(e->mpls_label[0]));
			memset(e->mpls_exp, 0, p->n_mpls * sizeof(e->mpls_exp[0]));
		}
	}
	for (uint16_t k = 0; k < p->n_ops; k++) {
		const struct copy_op *op = &p->ops[k];

		if (places)
			copy_place(op, places[op->field], rows, &w->r.times);
		else
			copy_run(op, from + op->offset, op->length, step, rows, n, &w->r.times);
	}
	if (w->r.finish)
		for (uint32_t i = 0; i < n; i++)
			record_finish(&w->r, t, from + i * step, places, rows + i);
	w->batch->n += n;
	if (p->features & PROGRAM_REVERSE) {
		struct flow *back = rows + n;
		struct flow_ext *e = ext ? flow_batch_exts(w->batch, n) : NULL;

		for (uint32_t i = 0; i < n; i++)
			record_reverse(rows + i, back + i, e ? e + i : NULL);
		for (uint16_t k = 0; k < p->n_reverse; k++) {
			const struct copy_op *op = &p->ops[p->n_ops + k];

			if (places)
				copy_place(op, places[op->field], back, &w->r.times);
			else
				copy_run(op, from + op->offset, op->length, step, back, n,
					 &w->r.times);
		}
		w->batch->n += n;
	}
}

static void count_flows(struct ipfix_work *w, const struct template *t, uint32_t records)
{
	struct account *a = w->r.context->account;

	account_add(a, ACCOUNT_RECORDS_DATA, records);
	account_add(a, ACCOUNT_FLOWS,
		    t->program->features & PROGRAM_REVERSE ? 2 * (uint64_t)records : records);
	w->data_records += records;
}

static void decode_fixed(struct ipfix_work *w, const struct template *t,
			 const struct ipfix_set *set)
{
	uint32_t left = (uint32_t)(set->end - set->body) / t->min_length;
	const uint8_t *p = set->body;

	count_flows(w, t, left);
	while (left) {
		uint32_t n = records_room(w->batch, t->program, left);

		make_flows(w, t, p, t->min_length, n, NULL);
		p += (size_t)n * t->min_length;
		left -= n;
	}
}

static void decode_variable(struct ipfix_work *w, const struct template *t,
			    const struct ipfix_set *set)
{
	struct field_place places[PLACES_MAX];
	const uint8_t *p = set->body;
	enum walk walk;
	uint32_t n = 0;

	while ((walk = ipfix_next_record(t, &p, set->end, places)) == WALK_OK) {
		records_room(w->batch, t->program, 1);
		make_flows(w, t, p, 0, 1, places);
		n++;
	}
	count_flows(w, t, n);
	if (walk == WALK_MALFORMED)
		left_out(w, DECODE_BAD_RECORD);
}

static void decode_options(struct ipfix_work *w, const struct template *t,
			   const struct ipfix_set *set)
{
	struct field_place places[PLACES_MAX];
	const uint8_t *p = set->body;
	enum walk walk;
	uint32_t n = 0;

	while ((walk = ipfix_next_record(t, &p, set->end, places)) == WALK_OK) {
		options_learn(w->r.context->store, w->r.domain, t, places, w->r.context->account);
		n++;
	}
	account_add(w->r.context->account, ACCOUNT_RECORDS_OPTIONS, n);
	w->data_records += n;
	if (walk == WALK_MALFORMED)
		left_out(w, DECODE_BAD_RECORD);
	record_set_times(&w->r, &w->message,
			 __atomic_load_n(&w->r.domain->system_init_ms, __ATOMIC_RELAXED));
}

static void decode_known_set(struct ipfix_work *w, const struct template *t,
			     const struct ipfix_set *set)
{
	if (t->options) {
		decode_options(w, t, set);
		return;
	}
	record_begin_set(&w->r, t);
	if (t->variable)
		decode_variable(w, t, set);
	else
		decode_fixed(w, t, set);
}

static void decode_data_set(struct ipfix_work *w, const struct ipfix_set *set)
{
	const struct template *t = template_find(w->r.domain, set->id);
	struct decode_context *c = w->r.context;

	if (t) {
		decode_known_set(w, t, set);
		return;
	}
	if (w->status == DECODE_OK)
		w->status = DECODE_NO_TEMPLATE;
	if (waiting_add(c->store, w->r.domain, &w->message, w->datagram, set)) {
		account_add(c->account, ACCOUNT_SETS_WAITING, 1);
	} else {
		account_add(c->account, ACCOUNT_SETS_NO_TEMPLATE, 1);
		w->certain = false;
	}
}

/* Decodes what has waited for templates that have just come. */
static void resume_waiting(struct ipfix_work *w)
{
	struct decode_context *c = w->r.context;
	struct waiting_set *s = waiting_take(c->store, w->r.domain), *next;

	for (; s; s = next) {
		struct ipfix_set set = {.id = s->id, .body = s->body, .end = s->body + s->len};
		const struct template *t = template_find(w->r.domain, s->id);
		struct ipfix_work late;

		next = s->next;
		if (t) {
			begin(&late, c, &s->datagram, &s->message, w->r.domain, w->batch);
			decode_known_set(&late, t, &set);
			if (s->message.version == FLOW_IPFIX)
				sequence_credit(&w->r.domain->sequence, late.data_records,
						c->account);
			account_add(c->account, ACCOUNT_SETS_RESUMED, 1);
			/* The rows may refer to the set's bytes. */
			w->batch->full(w->batch, w->batch->arg);
		} else {
			account_add(c->account, ACCOUNT_SETS_NO_TEMPLATE, 1);
		}
		free(s);
	}
}

static void learn_templates(struct ipfix_work *w, const struct ipfix_set *set)
{
	struct decode_context *c = w->r.context;
	enum decode_status status = template_learn(c->store, w->r.domain, &w->message, set,
						   w->datagram->received_ns / 1000000000u,
						   c->account);

	if (status != DECODE_OK)
		left_out(w, status);
	resume_waiting(w);
	/* Options that waited may have told the time of init. */
	record_set_times(&w->r, &w->message,
			 __atomic_load_n(&w->r.domain->system_init_ms, __ATOMIC_RELAXED));
}

enum decode_status ipfix_decode(struct decode_context *c, const struct datagram *dg,
				struct flow_batch *batch)
{
	struct ipfix_message m;
	struct ipfix_work w;
	struct ipfix_set set;
	struct domain *d;
	enum decode_status status = ipfix_open(&m, dg->data, dg->len);
	enum walk walk;

	if (status != DECODE_OK && status != DECODE_BAD_LENGTH)
		return status;
	d = domain_get(c->store, c->exporter, m.version, m.domain);
	if (!d)
		return DECODE_TOO_MANY_DOMAINS;
	begin(&w, c, dg, &m, d, batch);
	w.status = status;
	if (__atomic_load_n(&d->resume, __ATOMIC_ACQUIRE)) {
		__atomic_store_n(&d->resume, false, __ATOMIC_RELAXED);
		resume_waiting(&w);
	}

	while ((walk = ipfix_next_set(&w.message, &set)) == WALK_OK) {
		bool v9 = m.version == FLOW_NETFLOW_V9;

		if (set.clipped)
			left_out(&w, DECODE_BAD_SET_LENGTH);
		if (set.id == (v9 ? NETFLOW9_TEMPLATE_SET : IPFIX_TEMPLATE_SET) ||
		    set.id == (v9 ? NETFLOW9_OPTIONS_SET : IPFIX_OPTIONS_SET))
			learn_templates(&w, &set);
		else if (set.id >= IPFIX_MIN_DATA_SET)
			decode_data_set(&w, &set);
		else
			left_out(&w, DECODE_BAD_SET_ID);
	}
	if (walk == WALK_MALFORMED)
		left_out(&w, DECODE_BAD_SET_LENGTH);

	if (m.version == FLOW_NETFLOW_V9)
		sequence_see(&d->sequence, m.sequence, 1, true, m.sys_uptime, c->account);
	else
		sequence_see(&d->sequence, m.sequence, w.data_records, w.certain, 0, c->account);
	return w.status;
}
