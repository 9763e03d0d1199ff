/* A worker: receive, decode, publish.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "clock.h"
#include "pipeline.h"
#include "worker.h"

enum {
	/* A turn that finds nothing is repeated this often before the thread sleeps: half a
	 * microsecond over rings in memory. At millions of datagrams a second the next comes
	 * within that time; at a hundred thousand it does not, and each nap would pay for it. */
	SPINS = 8,
	/* While rings in memory are busy, the sockets beside them are asked in every n-th turn,
	 * and in the first after a sleep. */
	SOCKET_TURN = 16,
	/* While traffic flows the thread naps instead of being woken for each datagram: what comes
	 * meanwhile makes one batch. The less that is, the longer the next nap. In the longest the
	 * rings take four millions a second. */
	NAP_MIN_NS = 250 * 1000,
	NAP_MAX_NS = 1000 * 1000,
	NAP_FEW = RX_BATCH / 2, /* datagrams since the nap before */
	NAP_SLACK_NS = 10 * 1000,
	SLEEP_MILLIS = 100, /* a message that waits for its time waits so much longer */
	TICK_NS = 20 * 1000000,
	DRAIN_SECONDS = 2,
	NICE = -10,
};

struct worker {
	/* Read by others. */
	struct account account;
	uint64_t heartbeat;
	bool stop;
	/* The thread's own. */
	unsigned index;
	int wake; /* eventfd that ends the sleep when stop is set */
	struct receiver *receivers;
	struct pollfd *poll; /* one for each receiver, then `wake` */
	unsigned n_receivers;
	bool any_in_memory;
	uint64_t turns, last_tick_ns;
	struct pipeline pipeline;
	const struct security_options *security;
	sem_t ready; /* the thread has what it wants of the system */
	sem_t go;    /* it may take datagrams where `released`, else it is to end */
	bool released;
	pthread_t thread;
	clockid_t clock;
};

/* One batch from each receiver. The rows refer to the datagrams' bytes, so they are published
 * before the bytes are given back. Returns the number of datagrams. */
static unsigned take_turn(struct worker *w, bool all)
{
	struct datagram batch[RX_BATCH];
	unsigned sum = 0;

	for (unsigned i = 0; i < w->n_receivers; i++) {
		const struct receiver *r = &w->receivers[i];
		unsigned n;

		if (!all && !r->in_memory)
			continue;
		n = r->receive(r->of, batch, RX_BATCH, &w->account);
		if (n)
			pipeline_run(&w->pipeline, batch, n);
		r->release(r->of);
		sum += n;
	}
	rcu_quiescent_state();
	return sum;
}

static uint64_t tick(struct worker *w)
{
	uint64_t now = clock_coarse_ns();

	__atomic_store_n(&w->heartbeat, now, __ATOMIC_RELAXED);
	if (now - w->last_tick_ns >= TICK_NS) {
		w->last_tick_ns = now;
		publish_tick(w->pipeline.publish, now);
	}
	return now;
}

/* `taken` datagrams were there since the nap before, which took *ns. */
static void nap(long *ns, unsigned taken)
{
	struct timespec t;

	*ns = taken < NAP_FEW ? *ns * 2 : taken > 4 * NAP_FEW ? *ns / 2 : *ns;
	*ns = *ns < NAP_MIN_NS ? NAP_MIN_NS : *ns > NAP_MAX_NS ? NAP_MAX_NS : *ns;
	t = (struct timespec){.tv_nsec = *ns};
	rcu_thread_offline();
	clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
	rcu_thread_online();
}

static void sleep_until_woken(struct worker *w)
{
	rcu_thread_offline();
	poll(w->poll, w->n_receivers + 1, SLEEP_MILLIS);
	rcu_thread_online();
}

/* Takes what has come before the stop. Under steady traffic there would be no end to it. */
static void drain(struct worker *w)
{
	uint64_t until = tick(w) + DRAIN_SECONDS * 1000000000ull;
	unsigned empty = 0;

	while (empty < 2 && tick(w) < until)
		empty = take_turn(w, true) ? 0 : empty + 1;
}

static void *run(void *arg)
{
	struct worker *w = arg;
	unsigned spins = w->any_in_memory ? SPINS : 0, empty = 0;
	unsigned taken = 0; /* since the last sleep */
	long nap_ns = NAP_MIN_NS;
	bool woken = true; /* no turn yet since then */
	char name[16];

	snprintf(name, sizeof(name), "weir/%u", w->index);
	pthread_setname_np(pthread_self(), name);
	/* What is not received in time is lost, everything else can wait. Where this is not
	 * permitted, things are as they are for all. */
	setpriority(PRIO_PROCESS, 0, NICE);
	if (w->security)
		security_drop(w->security);
	sem_post(&w->ready);
	while (sem_wait(&w->go))
		; /* a signal */
	if (!w->released)
		return NULL; /* the start has failed elsewhere */
	rcu_register_thread();
	prctl(PR_SET_TIMERSLACK, NAP_SLACK_NS);
	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		bool all = !w->any_in_memory || woken || ++w->turns % SOCKET_TURN == 0;
		unsigned n = take_turn(w, all);

		woken = false;
		if (n) {
			taken += n;
			empty = 0;
		} else if (empty++ >= spins) {
			if (taken)
				nap(&nap_ns, taken);
			else
				sleep_until_woken(w);
			taken = 0;
			woken = true;
			empty = 0;
		}
		tick(w);
	}
	drain(w);
	rcu_unregister_thread();
	return NULL;
}

int worker_start(struct worker **out, const struct worker_options *o)
{
	struct worker *w = aligned_alloc(_Alignof(struct worker), sizeof(*w));
	int err;

	*out = NULL;
	if (!w)
		return -ENOMEM;
	memset(w, 0, sizeof(*w));
	w->index = o->index;
	w->security = o->security;
	w->n_receivers = o->n_receivers;
	w->receivers = calloc(o->n_receivers, sizeof(*w->receivers));
	w->poll = calloc(o->n_receivers + 1, sizeof(*w->poll));
	w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = !w->receivers || !w->poll ? -ENOMEM : w->wake < 0 ? -errno : 0;
	if (!err)
		err = pipeline_open(&w->pipeline, o->decode, o->store, o->publisher, o->enricher,
				    o->index, &w->account);
	if (err) {
		worker_free(w);
		return err;
	}
	for (unsigned i = 0; i < o->n_receivers; i++) {
		w->receivers[i] = o->receivers[i];
		w->any_in_memory |= o->receivers[i].in_memory;
		w->poll[i].fd = o->receivers[i].fd(o->receivers[i].of);
		w->poll[i].events = POLLIN;
	}
	w->poll[o->n_receivers].fd = w->wake;
	w->poll[o->n_receivers].events = POLLIN;
	w->heartbeat = clock_coarse_ns();
	sem_init(&w->ready, 0, 0);
	sem_init(&w->go, 0, 0);
	err = -pthread_create(&w->thread, NULL, run, w);
	if (err) {
		worker_free(w);
		return err;
	}
	pthread_getcpuclockid(w->thread, &w->clock);
	while (sem_wait(&w->ready))
		; /* a signal */
	*out = w;
	return 0;
}

void worker_go(struct worker *w)
{
	__atomic_store_n(&w->heartbeat, clock_coarse_ns(), __ATOMIC_RELAXED);
	w->released = true;
	sem_post(&w->go);
}

void worker_stop(struct worker *w)
{
	uint64_t one = 1;

	__atomic_store_n(&w->stop, true, __ATOMIC_RELAXED);
	sem_post(&w->go); /* where it has never begun */
	if (write(w->wake, &one, sizeof(one)) < 0)
		return; /* it is set already */
}

void worker_join(struct worker *w)
{
	pthread_join(w->thread, NULL);
}

void worker_free(struct worker *w)
{
	if (!w)
		return;
	pipeline_close(&w->pipeline);
	if (w->wake >= 0)
		close(w->wake);
	free(w->receivers);
	free(w->poll);
	free(w);
}

const struct account *worker_account(const struct worker *w)
{
	return &w->account;
}

const uint64_t *worker_heartbeat(const struct worker *w)
{
	return &w->heartbeat;
}

clockid_t worker_clock(const struct worker *w)
{
	return w->clock;
}

uint64_t worker_status(const struct worker *w, enum decode_status status)
{
	return __atomic_load_n(&w->pipeline.statuses[status], __ATOMIC_RELAXED);
}
