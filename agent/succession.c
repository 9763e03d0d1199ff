/* Which agent was before this one, and which comes after it.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "handover.h"
#include "log.h"
#include "succession.h"

enum { BEYOND_DRAIN_SECONDS = 15 }; /* that the agent before us may take beyond our drain_time */

void succession_init(struct succession *s)
{
	*s = (struct succession){
		.predecessor = -1,
		.asked = -1,
		.successor = -1,
		.main = pthread_self(),
	};
}

void succession_begin(struct succession *s, const char *control_socket)
{
	s->predecessor = handover_take(control_socket);
}

void succession_complete(struct succession *s, unsigned drain_seconds)
{
	if (s->predecessor >= 0)
		handover_finish(s->predecessor, drain_seconds + BEYOND_DRAIN_SECONDS);
	s->predecessor = -1;
}

/* The main thread does the rest. */
bool succession_asked(int fd, struct buffer *reply, void *arg)
{
	struct succession *s = arg;
	struct handover_peer peer;
	int none = -1;

	if (!handover_allowed(fd, &peer, reply)) {
		log_warning("user %u (process %d) asked to take over from this agent, and may not",
			    peer.uid, peer.pid);
		return false;
	}
	if (!__atomic_compare_exchange_n(&s->asked, &none, fd, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE)) {
		buffer_string(reply, "{\"error\":\"another agent is taking over already\"}");
		return false;
	}
	pthread_kill(s->main, SUCCESSION_SIGNAL);
	return true;
}

bool succession_awaits(const struct succession *s)
{
	return s->successor >= 0;
}

/* Another one may ask from here on. */
static void forget(struct succession *s)
{
	close(s->successor);
	s->successor = -1;
	__atomic_store_n(&s->asked, -1, __ATOMIC_RELEASE);
}

/* Another agent asked: it is shown what it needs to go on from here. */
static void meet(struct succession *s, int asked, const struct receivers *receivers)
{
	struct buffer reply = {0};
	struct handover_peer peer;
	int r;

	s->successor = asked;
	handover_allowed(s->successor, &peer, &reply);
	buffer_free(&reply);
	r = receivers_give(receivers, s->successor);
	if (!r) {
		log_info(
			"another agent (process %d, user %u) takes over: it has the sockets, and says "
			"when this one is to stop",
			peer.pid, peer.uid);
		return;
	}
	log_warning("another agent (process %d) could not be given the sockets: %s", peer.pid,
		    strerror(-r));
	forget(s);
}

static bool hear(struct succession *s, struct receivers *receivers, const struct rx_options *rx)
{
	enum handover_word word = handover_heard(s->successor);

	if (word == HANDOVER_GONE) {
		log_warning("the agent that was to take over is gone: this one goes on");
		/* It may have put other listeners and limits in force. */
		receivers_reload(receivers, rx);
		forget(s);
	}
	return word == HANDOVER_STOP;
}

bool succession_turn(struct succession *s, struct receivers *r, const struct rx_options *rx)
{
	int asked = __atomic_load_n(&s->asked, __ATOMIC_ACQUIRE);

	if (s->successor < 0 && asked >= 0)
		meet(s, asked, r);
	return s->successor >= 0 && hear(s, r, rx);
}

bool succession_shares_pins(const struct succession *s)
{
	return s->successor >= 0 || s->predecessor >= 0;
}

void succession_release(struct succession *s)
{
	if (s->successor >= 0)
		close(s->successor);
	s->successor = -1;
}

/* Nothing is left of it but the process, which whoever started it would start again. */
void succession_stay(void)
{
	sigset_t signals;

	log_info("another agent has taken over: waiting for SIGTERM, with everything closed");
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	while (sigwaitinfo(&signals, NULL) < 0)
		;
}
