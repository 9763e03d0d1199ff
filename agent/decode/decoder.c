/* Datagrams in, flows out: finds the protocol and closes the account.
 * SPDX-License-Identifier: Apache-2.0 */
#include "../bytes.h"
#include "decoder.h"
#include "exporter.h"

const struct decode_options decode_defaults = {
	.max_exporters = 16384,
	.max_templates = 262144,
	.max_templates_per_exporter = 4096,
	.max_fields = 512,
	.max_domains_per_exporter = 1024,
	.max_samplers = 4096,
	.max_names = 16384,
	.max_name_length = 255,
	.max_nesting = 4,
	.template_timeout = 3 * 3600,
	.max_waiting_bytes = 16 << 20,
	.max_waiting_bytes_per_exporter = 1 << 20,
	.waiting_timeout = 300,
};

const char *decode_reason(enum decode_status s)
{
	static const char *const reasons[] = {
#define R(name, text) [DECODE_##name] = text,
		DECODE_REASONS(R)
#undef R
	};

	return (unsigned)s < DECODE_STATUS_MAX ? reasons[s] : "unknown";
}

void decoder_init(struct decoder *d, const struct decode_options *options,
		  struct exporter_store *store, struct account *account, unsigned worker)
{
	d->context = (struct decode_context){
		.options = options, .store = store, .account = account, .worker = worker};
}

/* What this exporter has had so far of what the totals count, to be able to add the difference. */
struct totals {
	uint64_t flows, records, no_template;
};

static struct totals totals_of(const struct account *a)
{
	return (struct totals){
		.flows = account_get(a, ACCOUNT_FLOWS),
		.records = account_get(a, ACCOUNT_RECORDS_DATA) +
			   account_get(a, ACCOUNT_RECORDS_OPTIONS) +
			   account_get(a, ACCOUNT_SAMPLES_FLOW) +
			   account_get(a, ACCOUNT_SAMPLES_COUNTER) +
			   account_get(a, ACCOUNT_SAMPLES_DROPPED_PACKET) +
			   account_get(a, ACCOUNT_SAMPLES_OTHER),
		.no_template = account_get(a, ACCOUNT_SETS_NO_TEMPLATE),
	};
}

static void raise(uint64_t *counter, uint64_t by)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + by,
			 __ATOMIC_RELAXED);
}

static void note_exporter(struct exporter_counts *e, const struct datagram *dg,
			  enum flow_type version, const struct totals *before,
			  const struct totals *after, enum decode_status status)
{
	raise(&e->datagrams, 1);
	raise(&e->bytes, dg->len);
	raise(&e->flows, after->flows - before->flows);
	raise(&e->records, after->records - before->records);
	raise(&e->no_template, after->no_template - before->no_template);
	raise(&e->malformed, status != DECODE_OK);
	__atomic_store_n(&e->last_seen_ns, dg->received_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&e->versions, e->versions | 1u << version, __ATOMIC_RELAXED);
}

/* What the latest flow says of its exporter. */
static void note_flow(struct exporter_counts *e, const struct flow *f)
{
	__atomic_store_n(&e->sampling_rate, f->sampling_rate, __ATOMIC_RELAXED);
	__atomic_store_n(&e->sampling_origin, f->sampling_origin, __ATOMIC_RELAXED);
	__atomic_store_n(&e->lag_ns, (int64_t)(f->time_received_ns - f->time_flow_end_ns),
			 __ATOMIC_RELAXED);
}

enum flow_type datagram_version(const struct datagram *dg)
{
	uint16_t first = dg->len >= 4 ? be16(dg->data) : 0;

	if (first == 5)
		return FLOW_NETFLOW_V5;
	if (first == 9)
		return FLOW_NETFLOW_V9;
	if (first == 10)
		return FLOW_IPFIX;
	/* sFlow's version is a number of 32 bits. */
	return dg->len >= 4 && be32(dg->data) == 5 ? FLOW_SFLOW_5 : FLOW_UNKNOWN;
}

enum decode_status decoder_datagram(struct decoder *d, const struct datagram *dg,
				    struct flow_batch *batch)
{
	static const struct {
		enum decode_status (*decode)(struct decode_context *c, const struct datagram *dg,
					     struct flow_batch *batch);
		enum account_id account;
	} protocols[] = {
		[FLOW_SFLOW_5] = {sflow_decode, ACCOUNT_SFLOW5},
		[FLOW_NETFLOW_V5] = {netflow5_decode, ACCOUNT_NETFLOW5},
		[FLOW_NETFLOW_V9] = {ipfix_decode, ACCOUNT_NETFLOW9},
		[FLOW_IPFIX] = {ipfix_decode, ACCOUNT_IPFIX},
	};
	struct decode_context *c = &d->context;
	enum flow_type version = datagram_version(dg);
	enum decode_status status;
	struct totals before, after;

	if (version == FLOW_UNKNOWN) {
		account_add(c->account, ACCOUNT_UNKNOWN_VERSION, 1);
		return DECODE_UNKNOWN_VERSION;
	}
	c->exporter = exporter_get(c->store, &dg->src, dg->received_ns);
	if (!c->exporter) {
		account_add(c->account, ACCOUNT_EXPORTER_LIMIT, 1);
		return DECODE_TOO_MANY_EXPORTERS;
	}
	before = totals_of(c->account);
	status = protocols[version].decode(c, dg, batch);
	after = totals_of(c->account);

	account_add(c->account, protocols[version].account, 1);
	if (status == DECODE_TOO_MANY_DOMAINS)
		account_add(c->account, ACCOUNT_DOMAIN_LIMIT, 1);
	if (status == DECODE_OK || status == DECODE_NO_TEMPLATE)
		account_add(c->account, ACCOUNT_DECODED, 1);
	else if (after.records > before.records)
		account_add(c->account, ACCOUNT_DECODED_PARTLY, 1);
	else
		account_add(c->account, ACCOUNT_MALFORMED, 1);
	note_exporter(&c->exporter->counts[c->worker], dg, version, &before, &after,
		      status == DECODE_NO_TEMPLATE ? DECODE_OK : status);
	if (after.flows > before.flows && batch->n)
		note_flow(&c->exporter->counts[c->worker], &batch->rows[batch->n - 1]);
	return status;
}
