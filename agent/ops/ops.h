/* What a running agent tells of itself: control socket, metrics, health.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One thread of its own that only reads. Nobody depends on it: where it cannot listen, the agent
 * says so at start and ends. */
#ifndef WEIR_OPS_H
#define WEIR_OPS_H

#include <time.h>

#include "../account.h"
#include "../buffer.h"
#include "../rx/rx.h"

struct exporter_store;
struct pressure;
struct publisher;

enum { OPS_RECEIVERS_MAX = 256, OPS_REASONS_MAX = 64 };

struct ops_options {
	char *control_socket;		/* path of the unix socket; NULL: none */
	char *metrics_listen;		/* "127.0.0.1:9331", "[::]:9331"; NULL: none */
	uint32_t metrics_max_exporters; /* exporters that get metrics of their own */
};

/* One socket of one worker. */
struct ops_receiver {
	char interface[RX_INTERFACE_NAME]; /* "" for a UDP socket that is not tied to one */
	unsigned worker, queue;
	enum rx_mode mode; /* RX_NATIVE, RX_GENERIC (AF_XDP) or RX_UDP */
	bool zero_copy;
	bool gone;	    /* AF_XDP: the interface was removed; nothing comes any more */
	bool back;	    /* and there is one of its name again, which we are not attached to */
	unsigned ring_size; /* AF_XDP: descriptors of the receive ring */
	uint64_t dropped;   /* datagrams lost at this socket since it was opened: ring full, no
			     frames, socket buffer full */
};

/* One reason of the XDP program, summed over CPUs and interfaces. */
struct ops_reason {
	const char *name, *help; /* static */
	uint64_t total;		 /* since the maps were made */
	uint64_t since_start;	 /* since just before this agent's sockets were put in place */
};

/* Where the numbers are. All of it must stay valid until ops_stop() returns; the callbacks are
 * called from the ops thread. */
struct ops_sources {
	const struct account *const *accounts; /* per worker, the main thread, the topic */
	unsigned n_accounts;
	const uint64_t *const *heartbeats; /* per worker: monotonic ns of its last turn, relaxed */
	const clockid_t *clocks;	   /* per worker: the time its thread ran; NULL: unknown */
	unsigned n_workers;
	struct exporter_store *store;
	const struct enricher *enricher; /* NULL: none */
	const struct publisher *publisher;
	unsigned n_outputs;
	/* Fill up to max entries, return how many. May be NULL. */
	unsigned (*receivers)(struct ops_receiver *to, unsigned max, void *arg);
	unsigned (*reasons)(struct ops_reason *to, unsigned max, void *arg);
	void *arg;
	/* Another agent asks to take over, at the connection fd, which belongs to the callee where
	 * it returns true; otherwise `reply` says why not. May be NULL. */
	bool (*successor)(int fd, struct buffer *reply, void *arg);
	void *successor_arg;
	const char *collector_id;
	const struct pressure *pressure; /* ops_start() puts its own here */
};

struct ops;

/* Starts the thread and listens. NULL with one message logged when an address cannot be had. */
struct ops *ops_start(const struct ops_options *o, const struct ops_sources *sources);
void ops_stop(struct ops *ops);

#endif
