/* Which agent was before this one, and which comes after it: the agent's part in a handover.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the two say to each other is handover.h's. All of it is for the main thread, but
 * succession_asked(). */
#ifndef WEIR_SUCCESSION_H
#define WEIR_SUCCESSION_H

#include <pthread.h>
#include <signal.h>

#include "receivers.h"

/* Wakes the main thread, which waits for signals, when another agent has asked. */
#define SUCCESSION_SIGNAL SIGUSR1

struct succession {
	int predecessor; /* the connection to the one that we take over from; -1: none */
	int asked;	 /* of one that wants to take over from us, by the ops thread; -1: none */
	int successor;	 /* to whom we have shown our sockets; -1: none */
	pthread_t main;
};

/* Nobody is before us, nobody after. */
void succession_init(struct succession *s);

/* Takes what the agent at the control socket gives, if one is there, which goes on collecting. */
void succession_begin(struct succession *s, const char *control_socket);

/* Has it stop, and waits until it has or has had its time. */
void succession_complete(struct succession *s, unsigned drain_seconds);

/* For ops_sources, on the ops thread; arg is the struct succession. */
bool succession_asked(int fd, struct buffer *reply, void *arg);

/* Whether another agent has our sockets and may say its word at any moment. */
bool succession_awaits(const struct succession *s);

/* Shows our sockets to one that has asked, and hears what it says then. True when it is time to
 * stop for it. Where it is gone without a word, all is again as rx, the options in force, say. */
bool succession_turn(struct succession *s, struct receivers *r, const struct rx_options *rx);

/* Whether another agent has the pins, too: they are not ours to remove. */
bool succession_shares_pins(const struct succession *s);

/* We have closed everything: the one after us goes on. */
void succession_release(struct succession *s);

/* Waits for SIGTERM or SIGINT. */
void succession_stay(void);

#endif
