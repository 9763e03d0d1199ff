/* Which stage is the bottleneck.
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "../clock.h"
#include "pressure.h"
#include "report.h"

enum { SAMPLES = PRESSURE_SECONDS + 1 };

const char *stage_name(enum stage stage)
{
	static const char *const names[] = {
		[STAGE_NONE] = "none",	 [STAGE_RECEIVE] = "receive", [STAGE_DECODE] = "decode",
		[STAGE_QUEUE] = "queue", [STAGE_BROKER] = "broker",
	};

	return names[stage];
}

static unsigned read_receivers(const struct ops_sources *s, struct ops_receiver *r)
{
	return s->receivers ? s->receivers(r, OPS_RECEIVERS_MAX, s->arg) : 0;
}

static uint64_t cpu_ns(const struct ops_sources *s, unsigned worker)
{
	return s->clocks ? clock_ns(s->clocks[worker]) : 0;
}

static void take(struct pressure_sample *to, const struct ops_sources *s)
{
	struct ops_receiver r[OPS_RECEIVERS_MAX];
	unsigned n = read_receivers(s, r);

	memset(to, 0, sizeof(*to));
	to->taken_ns = clock_monotonic_ns();
	for (unsigned i = 0; i < s->n_workers && i < RX_WORKERS_MAX; i++)
		to->cpu_ns[i] = cpu_ns(s, i);
	for (unsigned i = 0; i < n; i++)
		to->ring_dropped[i] = r[i].dropped;
	for (unsigned i = 0; i < s->n_outputs; i++) {
		const struct account *a = publisher_account(s->publisher, i);

		to->outputs[i].published = account_get(a, ACCOUNT_PUBLISHED_FLOWS);
		to->outputs[i].spooled = account_get(a, ACCOUNT_SPOOLED_FLOWS);
		to->outputs[i].dropped = account_get(a, ACCOUNT_DROPPED_QUEUE_FULL) +
					 account_get(a, ACCOUNT_DROPPED_SPOOL_FULL) +
					 account_get(a, ACCOUNT_DROPPED_ERROR);
	}
}

void pressure_sample(struct pressure *p, const struct ops_sources *s)
{
	const struct pressure_sample *last = &p->samples[(p->next + SAMPLES - 1) % SAMPLES];

	if (last->taken_ns && clock_monotonic_ns() - last->taken_ns < 1000000000u)
		return;
	take(&p->samples[p->next], s);
	p->next = (p->next + 1) % SAMPLES;
}

static const struct pressure_sample *oldest(const struct pressure *p)
{
	for (unsigned i = 0; i < SAMPLES; i++) {
		const struct pressure_sample *at = &p->samples[(p->next + i) % SAMPLES];

		if (at->taken_ns)
			return at;
	}
	return NULL;
}

/* Datagrams were lost before a worker took them: because it had no time, or in a burst. */
static bool judge_receivers(const struct ops_sources *s, struct verdict *v)
{
	unsigned worst = 0;

	for (unsigned i = 1; i < s->n_workers; i++)
		if (v->ring_dropped[i] > v->ring_dropped[worst])
			worst = i;
	if (!s->n_workers || !v->ring_dropped[worst])
		return false;
	if (v->busy[worst] >= PRESSURE_BUSY) {
		v->stage = STAGE_DECODE;
		snprintf(v->why, sizeof(v->why),
			 "worker %u is %u %% busy decoding and encoding and lost %" PRIu64
			 " datagrams; spread exporters over more queues, or see outputs' sampling",
			 worst, v->busy[worst], v->ring_dropped[worst]);
		return true;
	}
	v->stage = STAGE_RECEIVE;
	snprintf(v->why, sizeof(v->why),
		 "worker %u is %u %% busy, yet bursts lost %" PRIu64
		 " datagrams at its receivers; raise xdp.ring_size and xdp.frames, or "
		 "udp.socket_buffer",
		 worst, v->busy[worst], v->ring_dropped[worst]);
	return true;
}

static bool is_kafka(const struct ops_sources *s, unsigned output)
{
	return !strncmp(publisher_output_name(s->publisher, output), "kafka:", 6);
}

/* An output does not keep up: it drops, or has begun to spool, or its queue is filling. */
static bool judge_output(const struct ops_sources *s, unsigned i, const struct pressure_sample *a,
			 const struct pressure_sample *b, struct verdict *v)
{
	uint64_t dropped = b->outputs[i].dropped - a->outputs[i].dropped;
	uint64_t spooled = b->outputs[i].spooled - a->outputs[i].spooled;
	uint64_t taken = b->outputs[i].published - a->outputs[i].published;
	unsigned fill = publisher_fill(s->publisher, i);

	if (!dropped && !spooled && fill < PRESSURE_QUEUE_HIGH)
		return false;
	v->stage = is_kafka(s, i) ? STAGE_BROKER : STAGE_QUEUE;
	snprintf(v->why, sizeof(v->why),
		 "output %s took %" PRIu64 " flows in %u s, %" PRIu64 " went to its spool, %" PRIu64
		 " were dropped; its queue is %u %% full",
		 publisher_output_name(s->publisher, i), taken,
		 (unsigned)((b->taken_ns - a->taken_ns) / 1000000000u), spooled, dropped, fill);
	return true;
}

void pressure_judge(const struct pressure *p, const struct ops_sources *s, struct verdict *v)
{
	const struct pressure_sample *before = oldest(p);
	struct ops_receiver r[OPS_RECEIVERS_MAX];
	struct pressure_sample now;
	unsigned n = read_receivers(s, r), busiest = 0;
	uint64_t span;

	memset(v, 0, sizeof(*v));
	take(&now, s);
	if (!before || now.taken_ns <= before->taken_ns)
		return;
	span = now.taken_ns - before->taken_ns;
	for (unsigned i = 0; i < s->n_workers && i < RX_WORKERS_MAX; i++) {
		if (now.cpu_ns[i] >= before->cpu_ns[i])
			v->busy[i] = (unsigned)((now.cpu_ns[i] - before->cpu_ns[i]) * 100 / span);
		if (v->busy[i] > v->busy[busiest])
			busiest = i;
	}
	for (unsigned i = 0; i < n; i++)
		if (r[i].worker < RX_WORKERS_MAX && now.ring_dropped[i] > before->ring_dropped[i])
			v->ring_dropped[r[i].worker] += now.ring_dropped[i] -
							before->ring_dropped[i];
	v->dropping = s->n_outputs > 0;
	for (unsigned i = 0; i < s->n_outputs; i++)
		v->dropping &= now.outputs[i].dropped > before->outputs[i].dropped;
	if (judge_receivers(s, v))
		return;
	for (unsigned i = 0; i < s->n_outputs; i++)
		if (judge_output(s, i, before, &now, v))
			return;
	if (v->busy[busiest] >= PRESSURE_BUSY) {
		v->stage = STAGE_DECODE;
		snprintf(v->why, sizeof(v->why), "worker %u is %u %% busy; nothing is lost yet",
			 busiest, v->busy[busiest]);
	}
}
