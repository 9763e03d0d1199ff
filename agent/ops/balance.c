/* The audit: does what came in equal what went out, stage by stage?
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <time.h>

#include "../publish/publish.h"
#include "balance.h"

enum {
	ATTEMPTS = 20,
	PATIENCE = 400, /* where something would not close: its worker may wait for a processor */
	PAUSE_NS = 5000000,
	BATCH_ROWS = 8192, /* flows a worker may have counted and not yet handed over */
};

static uint64_t sum(const struct balance_term *t, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v += t[i].value;
	return v;
}

void balance_close(struct balance *b)
{
	b->difference = (int64_t)(sum(b->in, b->n_in) - sum(b->out, b->n_out));
	b->closed = b->difference == 0 ||
		    (b->moving && b->difference > 0 && b->least <= (int64_t)b->capacity);
}

static uint64_t of_threads(const struct ops_sources *s, enum account_id id)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < s->n_accounts; i++)
		v += account_get(s->accounts[i], id);
	return v;
}

static void add_account(const struct ops_sources *s, struct balance_term *terms, unsigned *n,
			enum account_id id)
{
	terms[*n].name = account_name(id);
	terms[*n].value = of_threads(s, id);
	++*n;
}

static void add(struct balance_term *terms, unsigned *n, const char *name, uint64_t value)
{
	terms[*n].name = name;
	terms[*n].value = value;
	++*n;
}

static void finish(struct balance *b, const struct balance_term *later)
{
	b->least = (int64_t)(sum(b->in, b->n_in) - sum(later, b->n_out));
	b->moving = sum(later, b->n_out) != sum(b->out, b->n_out);
	balance_close(b);
}

static void steered_out(const struct ops_sources *s, struct balance_term *terms, unsigned *n,
			uint64_t *capacity)
{
	struct ops_receiver r[OPS_RECEIVERS_MAX];
	unsigned n_r = s->receivers ? s->receivers(r, OPS_RECEIVERS_MAX, s->arg) : 0;
	uint64_t dropped = 0;

	*capacity = 0;
	for (unsigned i = 0; i < n_r; i++)
		if (r[i].mode == RX_NATIVE || r[i].mode == RX_GENERIC) {
			dropped += r[i].dropped;
			*capacity += r[i].ring_size + RX_BATCH;
		}
	add_account(s, terms, n, ACCOUNT_RX_XDP);
	add_account(s, terms, n, ACCOUNT_RX_BAD_CHECKSUM);
	add_account(s, terms, n, ACCOUNT_RX_BAD_FRAME);
	add(terms, n, "ring_dropped_datagrams", dropped);
}

/* Frames that the XDP program redirected. False where there is no XDP program. */
static bool read_steered(const struct ops_sources *s, struct balance *b)
{
	struct balance_term later[BALANCE_TERMS_MAX];
	struct ops_reason reasons[OPS_REASONS_MAX];
	unsigned n = 0, n_reasons;
	uint64_t capacity;

	snprintf(b->title, sizeof(b->title), "steered by XDP");
	b->on_way = "in rings";
	steered_out(s, b->out, &b->n_out, &b->capacity);
	n_reasons = s->reasons ? s->reasons(reasons, OPS_REASONS_MAX, s->arg) : 0;
	for (unsigned i = 0; i < n_reasons; i++)
		if (!strcmp(reasons[i].name, "steered"))
			add(b->in, &b->n_in, "steered", reasons[i].since_start);
	steered_out(s, later, &n, &capacity);
	finish(b, later);
	return b->n_in > 0;
}

static void decoded_out(const struct ops_sources *s, struct balance_term *terms, unsigned *n)
{
	add_account(s, terms, n, ACCOUNT_DECODED);
	add_account(s, terms, n, ACCOUNT_DECODED_PARTLY);
	add_account(s, terms, n, ACCOUNT_MALFORMED);
	add_account(s, terms, n, ACCOUNT_UNKNOWN_VERSION);
	add_account(s, terms, n, ACCOUNT_EXPORTER_LIMIT);
}

static void read_decoded(const struct ops_sources *s, struct balance *b)
{
	struct balance_term later[BALANCE_TERMS_MAX];
	unsigned n = 0;

	snprintf(b->title, sizeof(b->title), "datagrams received");
	b->on_way = "in work";
	b->capacity = (uint64_t)s->n_workers * RX_BATCH;
	decoded_out(s, b->out, &b->n_out);
	add_account(s, b->in, &b->n_in, ACCOUNT_RX_XDP);
	add_account(s, b->in, &b->n_in, ACCOUNT_RX_UDP);
	add_account(s, b->in, &b->n_in, ACCOUNT_RX_PCAP);
	decoded_out(s, later, &n);
	finish(b, later);
}

static void published_out(const struct ops_sources *s, unsigned output, struct balance_term *terms,
			  unsigned *n)
{
	static const enum account_id ends[] = {
		ACCOUNT_PUBLISHED_FLOWS,    ACCOUNT_SAMPLED_OUT,   ACCOUNT_DROPPED_QUEUE_FULL,
		ACCOUNT_DROPPED_SPOOL_FULL, ACCOUNT_DROPPED_ERROR,
	};
	const struct account *a = publisher_account(s->publisher, output);
	uint64_t waiting, spooled;

	for (unsigned i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		add(terms, n, account_name(ends[i]), account_get(a, ends[i]));
	waiting = publisher_waiting(s->publisher, output);
	spooled = publisher_spooled(s->publisher, output);
	/* Read at two moments: together they are the first. */
	spooled = spooled < waiting ? spooled : waiting;
	add(terms, n, "spooled_flows_on_disk", spooled);
	add(terms, n, "queued_flows", waiting - spooled);
}

static void read_published(const struct ops_sources *s, unsigned output, struct balance *b)
{
	struct balance_term later[BALANCE_TERMS_MAX];
	unsigned n = 0;

	snprintf(b->title, sizeof(b->title), "flows handed to %s",
		 publisher_output_name(s->publisher, output));
	b->on_way = "in work";
	b->capacity = (uint64_t)s->n_workers * BATCH_ROWS;
	published_out(s, output, b->out, &b->n_out);
	add_account(s, b->in, &b->n_in, ACCOUNT_FLOWS);
	add(b->in, &b->n_in, account_name(ACCOUNT_RECOVERED_FLOWS),
	    account_get(publisher_account(s->publisher, output), ACCOUNT_RECOVERED_FLOWS));
	published_out(s, output, later, &n);
	finish(b, later);
}

static unsigned read_once(const struct ops_sources *s, struct balance to[BALANCES_MAX])
{
	unsigned n = 0;

	memset(to, 0, BALANCES_MAX * sizeof(*to));
	/* Outputs first: a stage is read before the one that feeds it. */
	for (unsigned i = 0; i < s->n_outputs && n < BALANCES_MAX - 2; i++)
		read_published(s, i, &to[n++]);
	read_decoded(s, &to[n++]);
	if (read_steered(s, &to[n]))
		n++;
	else
		memset(&to[n], 0, sizeof(*to));
	return n;
}

/* Puts into each place of `best` the reading with the least on its way, and notes movement. */
static void keep_best(struct balance *best, const struct balance *now, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		bool moved = best[i].moving || now[i].moving ||
			     sum(best[i].in, best[i].n_in) != sum(now[i].in, now[i].n_in) ||
			     sum(best[i].out, best[i].n_out) != sum(now[i].out, now[i].n_out);

		if (now[i].difference >= 0 &&
		    (now[i].difference < best[i].difference || best[i].difference < 0))
			best[i] = now[i];
		best[i].moving = moved;
		balance_close(&best[i]);
	}
}

static bool all_zero(const struct balance *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (b[i].difference)
			return false;
	return true;
}

static bool all_closed(const struct balance *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!b[i].closed)
			return false;
	return true;
}

unsigned balances_read(const struct ops_sources *s, struct balance to[BALANCES_MAX])
{
	static const struct timespec pause = {.tv_nsec = PAUSE_NS};
	struct balance now[BALANCES_MAX];
	unsigned n = read_once(s, to), m;

	for (unsigned i = 1;
	     !all_zero(to, n) && (i < ATTEMPTS || !all_closed(to, n)) && i < PATIENCE; i++) {
		nanosleep(&pause, NULL);
		m = read_once(s, now);
		if (m == n)
			keep_best(to, now, n);
	}
	/* They were read from the end; they are told from the beginning. */
	for (unsigned i = 0; i < n / 2; i++) {
		now[0] = to[i];
		to[i] = to[n - 1 - i];
		to[n - 1 - i] = now[0];
	}
	return n;
}

static void terms_json(const char *name, const struct balance_term *t, unsigned n,
		       struct buffer *to)
{
	buffer_format(to, "\"%s\":[", name);
	for (unsigned i = 0; i < n; i++)
		buffer_format(to, "%s{\"name\":\"%s\",\"value\":%llu}", i ? "," : "", t[i].name,
			      (unsigned long long)t[i].value);
	buffer_char(to, ']');
}

unsigned balances_elsewhere(const struct ops_sources *s,
			    struct balance_term to[BALANCE_ELSEWHERE_MAX])
{
	struct ops_receiver r[OPS_RECEIVERS_MAX];
	struct ops_reason reasons[OPS_REASONS_MAX];
	unsigned n_r = s->receivers ? s->receivers(r, OPS_RECEIVERS_MAX, s->arg) : 0;
	unsigned n_reasons = s->reasons ? s->reasons(reasons, OPS_REASONS_MAX, s->arg) : 0, n = 0;
	uint64_t dropped = 0, gaps, late;

	for (unsigned i = 0; i < n_reasons; i++)
		if (strcmp(reasons[i].name, "steered") && strcmp(reasons[i].name, "not_ours"))
			add(to, &n, reasons[i].name, reasons[i].since_start);
	for (unsigned i = 0; i < n_r; i++)
		dropped += r[i].mode == RX_UDP ? r[i].dropped : 0;
	add(to, &n, "udp_dropped_datagrams", dropped);
	add_account(s, to, &n, ACCOUNT_RX_TRUNCATED);
	add_account(s, to, &n, ACCOUNT_RX_DENIED);
	late = of_threads(s, ACCOUNT_SEQUENCE_LATE);
	gaps = of_threads(s, ACCOUNT_SEQUENCE_LOST);
	add(to, &n, "sequence_lost_units", gaps > late ? gaps - late : 0);
	return n;
}

void balances_json(const struct balance *b, unsigned n, const struct balance_term *elsewhere,
		   unsigned n_elsewhere, struct buffer *to)
{
	bool closed = true;

	for (unsigned i = 0; i < n; i++)
		closed = closed && b[i].closed;
	buffer_format(to, "{\"closed\":%s,\"balances\":[", closed ? "true" : "false");
	for (unsigned i = 0; i < n; i++) {
		buffer_string(to, i ? ",{\"title\":" : "{\"title\":");
		buffer_json_string(to, b[i].title, strlen(b[i].title));
		buffer_char(to, ',');
		terms_json("in", b[i].in, b[i].n_in, to);
		buffer_char(to, ',');
		terms_json("out", b[i].out, b[i].n_out, to);
		buffer_format(to, ",\"on_way\":\"%s\",\"difference\":%lld,\"closed\":%s}",
			      b[i].on_way, (long long)b[i].difference,
			      b[i].closed ? "true" : "false");
	}
	buffer_string(to, "],");
	terms_json("elsewhere", elsewhere, n_elsewhere, to);
	buffer_char(to, '}');
}
