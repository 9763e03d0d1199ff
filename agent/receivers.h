/* All ways in of an agent: the XDP program, its AF_XDP sockets, the UDP sockets.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Queue q of the interfaces taken together belongs to worker q modulo the number of workers, which
 * is also where the reuseport program sends the UDP datagrams of its streams. */
#ifndef WEIR_RECEIVERS_H
#define WEIR_RECEIVERS_H

#include "ops/ops.h"
#include "worker.h"

struct receivers;

/* Attaches XDP as o->mode allows and opens the UDP sockets, so that from here on the kernel keeps
 * what comes. NULL: it could not; one line has been logged. */
struct receivers *receivers_open(const struct rx_options *o);

/* One for each queue, or as many as the settings or cores say; at most RX_WORKERS_MAX. */
unsigned receivers_workers(const struct receivers *r);

/* Opens the AF_XDP sockets: from here on datagrams come through them, so the workers should start
 * soon. Returns 0 or a negative errno with one line logged. */
int receivers_start(struct receivers *r);

/* The receivers of one worker; returns how many, at most `max`. */
unsigned receivers_of(struct receivers *r, unsigned worker, struct receiver *to, unsigned max);

/* Gives the UDP sockets to the service manager to keep over a restart. */
void receivers_keep(const struct receivers *r);

/* Shows them, and the lock of the pins, to another agent that asked at this connection
 * (handover.h). They stay ours. 0 or a negative errno. */
int receivers_give(const struct receivers *r, int connection);

/* What is pinned stays attached when this closes, whatever the settings say: another agent has it.
 */
void receivers_leave_pins(struct receivers *r);

/* Takes over changed ports, allow list, rate limit, and what to do when an interface is back. */
void receivers_reload(struct receivers *r, const struct rx_options *o);

/* A BPF map that is read while running, or -1. */
int receivers_map_fd(const struct receivers *r);

/* Looks after interfaces that were removed, every second or so. True: some were, and for each of
 * them there is one again that has been up for a while. Attaching to it takes another start. */
bool receivers_all_back(struct receivers *r, uint64_t now_ns);

/* Has XDP pass everything to the UDP sockets, so that the AF_XDP rings run dry and nothing is lost
 * when they are closed. */
void receivers_stop(struct receivers *r);

/* Closes the AF_XDP sockets, so that others may have their queues. The workers have ended, and
 * nobody asks for reports any more. */
void receivers_close_rings(struct receivers *r);

/* Closes all. */
void receivers_close(struct receivers *r);

/* For ops_sources; arg is the struct receivers. */
unsigned receivers_report(struct ops_receiver *to, unsigned max, void *arg);
unsigned receivers_reasons(struct ops_reason *to, unsigned max, void *arg);

/* Datagrams that sockets and rings lost. */
uint64_t receivers_dropped(struct receivers *r);

#endif
