/* One agent takes the place of another that runs, without a datagram lost between them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Over the control socket: the newcomer asks "replace", gets the UDP sockets and the lock of the
 * pins (SCM_RIGHTS) and opens all that it can while the other still collects. Then it says "stop".
 * The other has XDP pass everything to the UDP sockets, empties its rings, hands its flows to the
 * outputs, saves its state, closes what it has, and last the connection; the kernel's buffers hold
 * what comes until the newcomer receives. Ends the connection before that "stop", nothing has
 * changed.
 *
 * An answer is a line: '{"error":"…"}', or a letter for each descriptor, which come with them. */
#ifndef WEIR_HANDOVER_H
#define WEIR_HANDOVER_H

#include <stdbool.h>
#include <sys/types.h>

#include "buffer.h"

#define HANDOVER_REQUEST "replace"

/* Who is at the other end; pid 0: a process of another PID namespace. */
struct handover_peer {
	pid_t pid;
	uid_t uid;
};

/* The newcomer. Asks the agent at the control socket and adds what it gives to kept.h. Returns the
 * connection, or -1 where nobody is there or it gives nothing, which has been logged. */
int handover_take(const char *control_socket);

/* Tells it to stop and waits until it has. True: it has ended or closed everything. Otherwise a
 * line has been logged. Closes the connection. */
bool handover_finish(int connection, unsigned seconds);

/* The one that runs. Whether the peer may have the sockets: root and who we are ourselves may.
 * Otherwise the reply says so. Fills in *peer. */
bool handover_allowed(int connection, struct handover_peer *peer, struct buffer *reply);

/* Sends n UDP sockets and the directory of the pins (-1: none). 0 or a negative errno. */
int handover_give(int connection, const int *udp, unsigned n, int pins);

/* What the newcomer has said since: HANDOVER_NOTHING, that we are to stop, or that it is gone. */
enum handover_word { HANDOVER_NOTHING, HANDOVER_STOP, HANDOVER_GONE };
enum handover_word handover_heard(int connection);

#endif
