/* Batches of flows into messages, messages to the outputs.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../clock.h"
#include "../flow_info.h"
#include "../log.h"
#include "encode.h"
#include "publish.h"
#include "sink.h"

enum {
	BLOCK_ROWS = 4096, /* at most, in one block */
	BATCH_ROWS = 256,
	BATCH_ROWS_OF_BLOCKS = 1024,
};

/* A message being filled. */
struct lane {
	struct message *message; /* NULL: none begun */
	uint64_t since;		 /* monotonic ns when it was first seen by a tick; 0: not yet */
};

/* One worker's side of one output. */
struct stream {
	struct sink *sink;
	const struct row_format *format, *sample_format;
	struct row_constants constants;
	const struct row_constants *sample_constants;
	uint32_t limit; /* bytes of a message */
	uint64_t wait;	/* ns that a flow may wait in a lane */
	uint64_t sequence;
	uint64_t held; /* flows in `flows`; only the worker writes, relaxed */
	uint16_t worker;
	uint64_t random; /* state of random_next() */
	bool wait_when_full;
	bool no_counters; /* counter samples cannot go where this stream goes */
	unsigned n_lanes;
	unsigned n_groups; /* names below; the first is "": those that have none */
	bool said_groups;
	char groups[SINK_GROUPS_MAX][MESSAGE_GROUP_MAX + 1];
	struct lane flows[SINK_LANES_MAX], counters;
};

struct publish_worker {
	struct account *account;
	unsigned n_streams;
	struct stream *streams;
};

struct publisher {
	unsigned n_sinks, n_workers;
	bool stopped;
	uint64_t lost; /* flows that stopping could not deliver */
	struct sink *sinks[OUTPUTS_MAX];
	struct row_constants constants[OUTPUTS_MAX], sample_constants[OUTPUTS_MAX];
	struct publish_worker *workers;
};

static void hold(struct stream *s, uint64_t flows)
{
	__atomic_store_n(&s->held, s->held + flows, __ATOMIC_RELAXED);
}

static void submit(struct stream *s, struct lane *lane)
{
	struct message *m = lane->message;

	lane->message = NULL;
	lane->since = 0;
	m->sequence = ++s->sequence;
	if (!m->counters)
		hold(s, -(uint64_t)m->rows);
	message_sent(&s->sink->pool, m);
	s->sink->op->submit(s->sink, m);
}

static struct message *begin(struct stream *s, struct lane *lane)
{
	struct message *m = message_take(&s->sink->pool, s->wait_when_full);

	if (!m)
		return NULL;
	m->worker = s->worker;
	m->lane = (uint32_t)(lane - s->flows);
	m->counters = lane == &s->counters;
	m->group[0] = '\0';
	if (s->sink->grouped && !m->counters)
		memcpy(m->group, s->groups[m->lane / (s->n_lanes / SINK_GROUPS_MAX)],
		       sizeof(m->group));
	lane->message = m;
	return m;
}

/* The row that ends at `end` was written behind the message's last one. It stays there, or becomes
 * the first of the next message when this one would be too long. False: no room for it anywhere. */
static bool add_row(struct stream *s, struct lane *lane, const uint8_t *end)
{
	struct message *m = lane->message, *next;
	const uint8_t *row = m->bytes + m->len;
	uint32_t len = (uint32_t)(end - row);

	if (m->len + len <= s->limit || !m->rows) {
		m->len += len;
		m->rows++;
		return true;
	}
	next = begin(s, lane);
	if (next) {
		memcpy(next->bytes, row, len);
		next->len = len;
		next->rows = 1;
	}
	lane->message = m;
	submit(s, lane);
	lane->message = next;
	return next != NULL;
}

/* Groups become parts of topics' names, for which Kafka takes these only. */
static char name_byte(char c)
{
	bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    c == '.' || c == '-' || c == '_';

	return good ? c : '_';
}

static unsigned group_of(struct stream *s, const struct flow *f)
{
	const struct text *t = f->info && f->info->device ? &f->info->device->group : NULL;
	char name[MESSAGE_GROUP_MAX + 1] = "";
	unsigned i;

	if (!t || !t->p)
		return 0;
	for (i = 0; i < t->len && i < MESSAGE_GROUP_MAX; i++)
		name[i] = name_byte(t->p[i]);
	for (i = 0; i < s->n_groups; i++)
		if (!strcmp(s->groups[i], name))
			return i;
	if (i < SINK_GROUPS_MAX) {
		memcpy(s->groups[i], name, sizeof(name));
		return s->n_groups++;
	}
	if (!s->said_groups)
		log_warning("output %s: more than %u groups of exporters: group %s and further "
			    "ones go to the topic of those without a group",
			    s->sink->name, SINK_GROUPS_MAX - 1, name);
	s->said_groups = true;
	return 0;
}

/* An exporter's flows have one lane: the exporter is of one group. */
static struct lane *lane_of(struct stream *s, const struct flow *f)
{
	unsigned n = s->n_lanes, lane = 0;

	if (s->sink->grouped) {
		n /= SINK_GROUPS_MAX;
		lane = group_of(s, f) * n;
	}
	if (n > 1)
		lane += (murmur2(f->sampler_address.b, 16) & 0x7fffffff) % n;
	return &s->flows[lane];
}

/* xorshift64: no pattern of an exporter's may meet a pattern of ours. */
static uint64_t random_next(struct stream *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->random;
}

/* 1 in how many flows is sent now. */
static uint32_t sample_rate(struct stream *s)
{
	const struct output_options *o = s->sink->options;

	if (!o->sample_above || o->sample_rate < 2 ||
	    message_pool_fill(&s->sink->pool) <= o->sample_above)
		return 1;
	return o->sample_rate;
}

static void publish_flows(struct stream *s, const struct flow_batch *batch)
{
	const struct ip_addr *exporter = NULL;
	struct lane *lane = NULL;
	const uint32_t rate = sample_rate(s);
	uint64_t dropped = 0, left_out = 0;
	struct flow sampled;

	hold(s, batch->n);
	for (uint32_t i = 0; i < batch->n; i++) {
		const struct flow *f = &batch->rows[i];

		if (rate > 1) {
			if (random_next(s) % rate) {
				left_out++;
				continue;
			}
			sampled = *f;
			sampled.sampling_rate = rate * (f->sampling_rate ? f->sampling_rate : 1);
			f = &sampled;
		}
		if (!exporter || !ip_equal(exporter, &f->sampler_address)) {
			exporter = &batch->rows[i].sampler_address;
			lane = lane_of(s, &batch->rows[i]);
		}
		if ((!lane->message && !begin(s, lane)) ||
		    !add_row(s, lane,
			     s->format->flow(lane->message->bytes + lane->message->len,
					     &s->constants, f)))
			dropped++;
		else if (lane->message->rows == 1)
			lane->message->exporter = *exporter;
	}
	if (left_out) {
		hold(s, -left_out);
		sink_count(s->sink, ACCOUNT_SAMPLED_OUT, left_out);
	}
	if (dropped) {
		hold(s, -dropped);
		sink_count(s->sink, ACCOUNT_DROPPED_QUEUE_FULL, dropped);
	}
}

/* The rows of one lane as blocks, into as many messages as it takes. Returns how many there was no
 * room for. */
static uint32_t publish_block(struct stream *s, struct lane *lane, const struct flow *const *rows,
			      uint32_t n)
{
	while (n) {
		struct message *m = lane->message ? lane->message : begin(s, lane);
		uint32_t fit = n;
		uint8_t *from, *end;

		if (!m)
			return n;
		from = m->bytes + m->len;
		end = s->format->block(from,
				       m->len ? s->limit - m->len : s->limit + ENCODED_ROW_MAX,
				       &s->constants, rows, &fit);
		if (!m->rows)
			m->exporter = rows[0]->sampler_address;
		m->len += (uint32_t)(end - from);
		m->rows += fit;
		rows += fit;
		n -= fit;
		if (n || m->len >= s->limit)
			submit(s, lane);
	}
	return 0;
}

/* As publish_flows(), for formats in which rows go together: sorts the rows by lane first. */
static void publish_blocks(struct stream *s, const struct flow_batch *batch)
{
	const struct flow *rows[BLOCK_ROWS];
	uint16_t lanes[BLOCK_ROWS];
	uint64_t dropped = 0;

	hold(s, batch->n);
	for (uint32_t i = 0, n; i < batch->n; i += n) {
		uint32_t ends[SINK_LANES_MAX] = {0}, sum = 0;

		n = batch->n - i < BLOCK_ROWS ? batch->n - i : BLOCK_ROWS;
		for (uint32_t k = 0; k < n; k++) {
			lanes[k] = (uint16_t)(lane_of(s, &batch->rows[i + k]) - s->flows);
			ends[lanes[k]]++;
		}
		for (unsigned l = 0; l < s->n_lanes; l++) {
			sum += ends[l];
			ends[l] = sum - ends[l]; /* where the lane's rows begin, for now */
		}
		for (uint32_t k = 0; k < n; k++)
			rows[ends[lanes[k]]++] = &batch->rows[i + k];
		for (unsigned l = 0, begun = 0; l < s->n_lanes; begun = ends[l++])
			dropped += publish_block(s, &s->flows[l], rows + begun, ends[l] - begun);
	}
	if (dropped) {
		hold(s, -dropped);
		sink_count(s->sink, ACCOUNT_DROPPED_QUEUE_FULL, dropped);
	}
}

static void publish_samples(struct stream *s, const struct flow_batch *batch)
{
	uint64_t dropped = 0;

	for (uint32_t i = 0; i < batch->n_samples; i++) {
		const struct counter_sample *c = &batch->samples[i];
		struct lane *lane = &s->counters;

		if (s->no_counters || (!lane->message && !begin(s, lane)) ||
		    !add_row(s, lane,
			     s->sample_format->sample(lane->message->bytes + lane->message->len,
						      s->sample_constants, c)))
			dropped++;
		else if (lane->message->rows == 1)
			lane->message->exporter = c->sampler_address;
	}
	if (dropped)
		sink_count(s->sink, ACCOUNT_DROPPED_COUNTERS, dropped);
}

void publish_batch(struct publish_worker *w, const struct flow_batch *batch)
{
	for (unsigned i = 0; i < w->n_streams; i++) {
		if (w->streams[i].format->block)
			publish_blocks(&w->streams[i], batch);
		else
			publish_flows(&w->streams[i], batch);
		if (batch->n_samples)
			publish_samples(&w->streams[i], batch);
	}
}

static void submit_all(struct stream *s)
{
	for (unsigned i = 0; i < s->n_lanes; i++)
		if (s->flows[i].message)
			submit(s, &s->flows[i]);
	if (s->counters.message)
		submit(s, &s->counters);
}

static void tick_lane(struct stream *s, struct lane *lane, uint64_t now)
{
	if (!lane->message)
		return;
	if (!lane->since)
		lane->since = now;
	else if (now - lane->since >= s->wait)
		submit(s, lane);
}

void publish_tick(struct publish_worker *w, uint64_t now)
{
	for (unsigned i = 0; i < w->n_streams; i++) {
		struct stream *s = &w->streams[i];
		unsigned lanes = __atomic_load_n(&s->sink->lanes, __ATOMIC_RELAXED);

		if (lanes != s->n_lanes) {
			submit_all(s);
			s->n_lanes = lanes;
		}
		for (unsigned l = 0; l < s->n_lanes; l++)
			tick_lane(s, &s->flows[l], now);
		tick_lane(s, &s->counters, now);
	}
}

static const struct row_format *format_of(const struct output_options *o)
{
	switch (o->format) {
	case FORMAT_JSON:
		return &json_format;
	case FORMAT_PROTOBUF:
		return &protobuf_format;
	case FORMAT_NATIVE:
		return &native_format;
	}
	return NULL;
}

/* Counter samples are not rows of a table: where flows are columns, they are JSON. */
static const struct row_format *sample_format_of(const struct output_options *o)
{
	return o->format == FORMAT_NATIVE ? &json_format : format_of(o);
}

/* Swallows everything: to measure the rest. */
static void none_submit(struct sink *s, struct message *m)
{
	sink_count_delivered(s, m);
	message_give_back(&s->pool, m);
}

static uint64_t none_stop(struct sink *s, unsigned seconds)
{
	(void)s;
	(void)seconds;
	return 0;
}

static void none_free(struct sink *s)
{
	free(s);
}

static struct sink *none_sink_open(void)
{
	static const struct sink_operations operations = {
		.submit = none_submit, .stop = none_stop, .free = none_free};
	struct sink *s = calloc(1, sizeof(*s));

	if (s) {
		s->op = &operations;
		snprintf(s->name, sizeof(s->name), "none");
	}
	return s;
}

static struct sink *sink_open(const struct output_options *o)
{
	switch (o->kind) {
	case OUTPUT_FILE:
		return file_sink_open(o);
	case OUTPUT_KAFKA:
		return kafka_sink_open(o);
	case OUTPUT_NONE:
		break;
	}
	return none_sink_open();
}

/* Buffers in a pool: what may be on its way if all are full, four times as many because some are
 * sent before they are, and one for each lane. */
static size_t pool_buffers(const struct output_options *o, unsigned workers)
{
	return 4 * (size_t)(o->queue_bytes / o->message_bytes + 1) +
	       (size_t)workers * (SINK_LANES_MAX + 1);
}

static struct sink *open_output(struct publisher *p, const struct publish_options *o, unsigned i)
{
	const struct output_options *output = &o->outputs[i];
	const char *id = o->collector_id ? o->collector_id : "";
	struct sink *s = sink_open(output);
	int err;

	if (!s)
		return NULL;
	s->options = output;
	s->collector_id = id;
	s->boot = clock_real_ns();
	if (!s->lanes)
		s->lanes = 1;
	format_of(output)->constants(&p->constants[i], id);
	sample_format_of(output)->constants(&p->sample_constants[i], id);
	err = message_pool_init(&s->pool, output->message_bytes + ENCODED_ROW_MAX + 64,
				pool_buffers(output, p->n_workers), output->queue_bytes);
	if (err)
		log_error("output %s: no memory for a queue of %u bytes; lower its queue size",
			  s->name, output->queue_bytes);
	else if (s->op->start && (err = s->op->start(s)))
		log_error("output %s: %s", s->name, strerror(-err));
	if (err) {
		s->op->stop(s, 0);
		message_pool_free(&s->pool);
		s->op->free(s);
		return NULL;
	}
	return s;
}

static void open_stream(struct publisher *p, const struct publish_options *o, struct stream *s,
			unsigned worker, unsigned output)
{
	const struct output_options *options = &o->outputs[output];

	s->sink = p->sinks[output];
	s->format = format_of(options);
	s->constants = p->constants[output];
	s->sample_format = sample_format_of(options);
	s->sample_constants = &p->sample_constants[output];
	s->limit = options->message_bytes;
	s->wait = options->message_millis * 1000000ull;
	s->worker = (uint16_t)worker;
	s->random = s->sink->boot ^ (worker + 1) * 0x9e3779b97f4a7c15u;
	s->wait_when_full = o->wait_when_full;
	s->n_lanes = s->sink->lanes;
	s->n_groups = 1;
	/* A reader of length-delimited flows could not tell the samples from them. */
	s->no_counters = options->kind == OUTPUT_KAFKA
				 ? !options->counter_topic
				 : options->kind == OUTPUT_FILE && !options->counter_path &&
					   !strcmp(options->path, "-") &&
					   options->format != FORMAT_JSON;
}

struct publisher *publisher_open(const struct publish_options *o, unsigned workers)
{
	struct publisher *p = calloc(1, sizeof(*p));

	if (!p || !(p->workers = calloc(workers, sizeof(*p->workers))))
		goto no_memory;
	p->n_workers = workers;
	for (unsigned w = 0; w < workers; w++) {
		p->workers[w].streams = calloc(o->n_outputs ? o->n_outputs : 1,
					       sizeof(*p->workers[w].streams));
		if (!p->workers[w].streams)
			goto no_memory;
		p->workers[w].n_streams = o->n_outputs;
	}
	for (unsigned i = 0; i < o->n_outputs; i++) {
		p->sinks[i] = open_output(p, o, i);
		if (!p->sinks[i])
			goto failed;
		p->n_sinks++;
		for (unsigned w = 0; w < workers; w++)
			open_stream(p, o, &p->workers[w].streams[i], w, i);
	}
	return p;

no_memory:
	log_error("outputs: out of memory");
failed:
	if (p)
		publisher_close(p, 0);
	return NULL;
}

uint32_t publisher_batch_rows(const struct publisher *p)
{
	for (unsigned i = 0; i < p->n_sinks; i++)
		if (format_of(p->sinks[i]->options)->block)
			return BATCH_ROWS_OF_BLOCKS;
	return BATCH_ROWS;
}

struct publish_worker *publisher_worker(struct publisher *p, unsigned i, struct account *account)
{
	p->workers[i].account = account;
	return &p->workers[i];
}

uint64_t publisher_stop(struct publisher *p, unsigned seconds)
{
	if (p->stopped)
		return p->lost;
	for (unsigned w = 0; w < p->n_workers; w++)
		for (unsigned i = 0; i < p->n_sinks; i++)
			submit_all(&p->workers[w].streams[i]);
	for (unsigned i = 0; i < p->n_sinks; i++)
		p->lost += p->sinks[i]->op->stop(p->sinks[i], seconds);
	p->stopped = true;
	return p->lost;
}

uint64_t publisher_close(struct publisher *p, unsigned seconds)
{
	uint64_t lost = publisher_stop(p, seconds);

	for (unsigned i = 0; i < p->n_sinks; i++) {
		message_pool_free(&p->sinks[i]->pool);
		p->sinks[i]->op->free(p->sinks[i]);
	}
	for (unsigned w = 0; w < p->n_workers; w++)
		free(p->workers[w].streams);
	free(p->workers);
	free(p);
	return lost;
}

const struct account *publisher_account(const struct publisher *p, unsigned output)
{
	return &p->sinks[output]->account;
}

uint64_t publisher_waiting(const struct publisher *p, unsigned output)
{
	uint64_t flows = message_pool_sent_flows(&p->sinks[output]->pool) +
			 publisher_spooled(p, output);

	for (unsigned w = 0; w < p->n_workers; w++)
		flows += __atomic_load_n(&p->workers[w].streams[output].held, __ATOMIC_RELAXED);
	return flows;
}

uint64_t publisher_spooled(const struct publisher *p, unsigned output)
{
	return __atomic_load_n(&p->sinks[output]->spooled_flows, __ATOMIC_RELAXED);
}

unsigned publisher_fill(const struct publisher *p, unsigned output)
{
	return message_pool_fill(&p->sinks[output]->pool);
}

const char *publisher_output_name(const struct publisher *p, unsigned output)
{
	return p->sinks[output]->name;
}

bool publisher_ended(const struct publisher *p)
{
	for (unsigned i = 0; i < p->n_sinks; i++)
		if (sink_ended(p->sinks[i]))
			return true;
	return false;
}

void publisher_reopen(struct publisher *p)
{
	for (unsigned i = 0; i < p->n_sinks; i++)
		if (p->sinks[i]->op->reopen)
			p->sinks[i]->op->reopen(p->sinks[i]);
}
