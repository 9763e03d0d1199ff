/* Which stage is the bottleneck: what was lost and what was busy in the last seconds.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PRESSURE_H
#define WEIR_PRESSURE_H

#include <time.h>

#include "../publish/publish.h"
#include "ops.h"

enum {
	PRESSURE_SECONDS = 10,	  /* that it looks back */
	PRESSURE_BUSY = 85,	  /* per cent of a core: a worker with no room left for bursts */
	PRESSURE_QUEUE_HIGH = 50, /* per cent of an output's queue */
};

/* In the order of the path. */
enum stage { STAGE_NONE, STAGE_RECEIVE, STAGE_DECODE, STAGE_QUEUE, STAGE_BROKER };

/* What is counted at one moment. */
struct pressure_sample {
	uint64_t taken_ns; /* monotonic; 0: not taken */
	uint64_t cpu_ns[RX_WORKERS_MAX];
	uint64_t ring_dropped[OPS_RECEIVERS_MAX];
	struct {
		uint64_t published, dropped, spooled;
	} outputs[OUTPUTS_MAX];
};

struct pressure {
	struct pressure_sample samples[PRESSURE_SECONDS + 1]; /* one a second */
	unsigned next;
};

/* What follows from them. */
struct verdict {
	enum stage stage;
	char why[256];			       /* one line; "" where there is none */
	unsigned busy[RX_WORKERS_MAX];	       /* per cent of a core */
	uint64_t ring_dropped[RX_WORKERS_MAX]; /* datagrams lost at the worker's receivers */
	bool dropping;			       /* every output dropped flows */
};

/* Takes a sample when the last one is a second old. */
void pressure_sample(struct pressure *p, const struct ops_sources *s);

/* Compares now with the oldest sample. */
void pressure_judge(const struct pressure *p, const struct ops_sources *s, struct verdict *v);

/* "none", "receive", "decode", "queue", "broker" */
const char *stage_name(enum stage stage);

#endif
