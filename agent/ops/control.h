/* The control socket: one line in, one JSON object out, closed.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Requests: "status [N]", "exporters [N]" (N: how many exporters at most), "templates [ADDRESS]",
 * "audit", "metrics" (the text that Prometheus gets), "replace" (handover.h). A reply to anything
 * else is {"error":"…"}. */
#ifndef WEIR_CONTROL_H
#define WEIR_CONTROL_H

#include <poll.h>

#include "../buffer.h"

enum {
	CONTROL_CLIENTS_MAX = 16,
	CONTROL_POLL_MAX = CONTROL_CLIENTS_MAX + 1,
	CONTROL_REQUEST_MAX = 128,
	CONTROL_PATIENCE_MS = 10000, /* from connection to the last byte of the reply */
};

struct control;

/* Writes the reply to a request (without its newline) and returns true; false: the connection `fd`
 * is the callee's from now on. */
typedef bool (*control_answer)(const char *request, int fd, struct buffer *reply, void *arg);

/* Listens at path: makes its directory (0755) where it is missing, takes the place of a socket that
 * nobody listens at, mode 0660. NULL with one message logged. */
struct control *control_open(const char *path, control_answer answer, void *arg);

/* Closes and removes the socket. */
void control_close(struct control *c);

/* What to poll for: fills up to CONTROL_POLL_MAX entries, returns how many, and lowers *timeout_ms
 * (-1: none) to the next client's end of patience. Then, after poll(), control_run() on the same.
 */
unsigned control_poll(struct control *c, struct pollfd *fds, int *timeout_ms);
void control_run(struct control *c, const struct pollfd *fds);

/* The other side: a connection to the agent at path, on which neither sending nor receiving waits
 * longer than CONTROL_PATIENCE_MS. A descriptor or a negative errno, as control_ask(). */
int control_connect(const char *path);

/* Sends a request to the agent at path and reads the whole reply. 0 or a negative errno (-ENOENT,
 * -ECONNREFUSED: no agent there; -ETIMEDOUT: it does not answer). */
int control_ask(const char *path, const char *request, struct buffer *reply);

#endif
