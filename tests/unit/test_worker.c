/* A worker over receivers made of memory: what it takes, publishes and gives back, and its stop;
 * and what the service manager hears.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "clock.h"
#include "decode/exporter.h"
#include "service.h"
#include "worker.h"

enum { DATAGRAM = 24 + 48 }; /* NetFlow v5 with one record */

/* Hands out the same datagram `left` times. Its bytes are spoilt when they are given back, so rows
 * that were not published by then show it. */
struct source {
	int fd;
	bool held, broken;
	uint64_t left, given;
	uint8_t bytes[RX_BATCH][DATAGRAM];
};

static void build(uint8_t *p, uint32_t sequence)
{
	memset(p, 0, DATAGRAM);
	p[1] = 5;
	p[3] = 1;
	p[8] = 0x65; /* export time */
	for (int i = 0; i < 4; i++)
		p[16 + i] = (uint8_t)(sequence >> (24 - 8 * i));
	memcpy(p + 24, "\x0a\x00\x00\x01\x0a\x00\x00\x02", 8);
	p[24 + 19] = 1;	  /* packets */
	p[24 + 23] = 100; /* bytes */
	p[24 + 38] = 17;
}

static unsigned source_receive(void *of, struct datagram *out, unsigned max, struct account *a)
{
	struct source *s = of;
	uint64_t left = __atomic_load_n(&s->left, __ATOMIC_ACQUIRE);
	unsigned n = 0;

	s->broken |= s->held;
	s->held = true;
	for (; n < max && n < left; n++) {
		build(s->bytes[n], (uint32_t)s->given++);
		out[n] = (struct datagram){.data = s->bytes[n],
					   .len = DATAGRAM,
					   .src_port = 1,
					   .dst_port = 2055,
					   .received_ns = 1700000000000000000,
					   .via = VIA_UDP};
		ip_from_v4(&out[n].src, "\xc0\x00\x02\x01");
	}
	if (n)
		__atomic_store_n(&s->left, left - n, __ATOMIC_RELEASE);
	account_add(a, ACCOUNT_RX_UDP, n);
	return n;
}

static void source_release(void *of)
{
	struct source *s = of;

	s->held = false;
	memset(s->bytes, 0xee, sizeof(s->bytes));
}

static int source_fd(void *of)
{
	return ((struct source *)of)->fd;
}

struct bench {
	char path[64];
	struct publish_options publish;
	struct exporter_store *store;
	struct publisher *publisher;
	struct worker *worker;
	struct source sources[2];
};

static void start(struct bench *b, uint64_t first, uint64_t second, bool in_memory)
{
	struct receiver receivers[2];
	struct worker_options o = {.receivers = receivers, .n_receivers = 2};

	memset(b, 0, sizeof(*b));
	strcpy(b->path, "/tmp/test_worker.XXXXXX");
	close(mkstemp(b->path));
	b->publish.collector_id = (char *)"test";
	b->publish.n_outputs = 1;
	b->publish.wait_when_full = true;
	b->publish.outputs[0] = (struct output_options){.kind = OUTPUT_FILE,
							.format = FORMAT_JSON,
							.path = b->path,
							.message_bytes = 65536,
							.message_millis = 100,
							.queue_bytes = 16 << 20};
	b->publisher = publisher_open(&b->publish, 1);
	assert_non_null(b->publisher);
	b->store = exporter_store_new(&decode_defaults, 1);
	assert_non_null(b->store);
	for (int i = 0; i < 2; i++) {
		b->sources[i].fd = eventfd(0, EFD_CLOEXEC);
		b->sources[i].left = i ? second : first;
		receivers[i] = (struct receiver){&b->sources[i], source_receive, source_release,
						 source_fd, in_memory && i == 0};
	}
	o.decode = &decode_defaults;
	o.store = b->store;
	o.publisher = b->publisher;
	assert_false(worker_start(&b->worker, &o));
	worker_go(b->worker);
}

/* Ends it; checks what came out against the number of datagrams. */
static void finish(struct bench *b, uint64_t want)
{
	const struct account *a = worker_account(b->worker);
	uint64_t lines = 0;
	char line[2000];
	FILE *f;

	worker_stop(b->worker);
	worker_join(b->worker);
	assert_int_equal(account_get(a, ACCOUNT_RX_UDP), want);
	assert_int_equal(account_get(a, ACCOUNT_DECODED), want);
	assert_int_equal(account_get(a, ACCOUNT_FLOWS), want);
	assert_int_equal(worker_status(b->worker, DECODE_OK), want);
	assert_int_equal(publisher_close(b->publisher, 10), 0);
	f = fopen(b->path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		assert_non_null(strstr(line, "\"src_addr\":\"10.0.0.1\""));
		lines++;
	}
	fclose(f);
	assert_int_equal(lines, want);
	for (int i = 0; i < 2; i++) {
		assert_false(b->sources[i].broken);
		assert_false(b->sources[i].held);
		close(b->sources[i].fd);
	}
	worker_free(b->worker);
	exporter_store_free(b->store);
	unlink(b->path);
}

static void all_of_all_receivers_is_published_before_it_is_released(void **state)
{
	static struct bench b;

	(void)state;
	start(&b, 10000, 3333, false);
	finish(&b, 13333);
	start(&b, 10000, 3333, true); /* the second beside a ring in memory */
	finish(&b, 13333);
}

static void idle_worker_sleeps_beats_and_wakes(void **state)
{
	static struct bench b;
	uint64_t cpu, beat;
	uint64_t one = 1;

	(void)state;
	start(&b, 0, 0, true);
	usleep(100000);
	cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	beat = __atomic_load_n(worker_heartbeat(b.worker), __ATOMIC_RELAXED);
	usleep(400000);
	assert_true(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu < 100000000);
	for (int i = 0;
	     i < 6000 && __atomic_load_n(worker_heartbeat(b.worker), __ATOMIC_RELAXED) == beat; i++)
		usleep(10000);
	assert_true(__atomic_load_n(worker_heartbeat(b.worker), __ATOMIC_RELAXED) > beat);

	__atomic_store_n(&b.sources[1].left, 5, __ATOMIC_RELEASE);
	assert_int_equal(write(b.sources[1].fd, &one, sizeof(one)), sizeof(one));
	for (int i = 0; i < 6000 && account_get(worker_account(b.worker), ACCOUNT_RX_UDP) < 5; i++)
		usleep(10000);
	finish(&b, 5);
}

static void service_manager_hears_what_it_is_told(void **state)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char got[64];

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	service_notify("READY=1"); /* nobody asked */
	snprintf(sa.sun_path, sizeof(sa.sun_path), "/tmp/test_worker.%d", getpid());
	assert_false(bind(fd, (struct sockaddr *)&sa, sizeof(sa)));
	setenv("NOTIFY_SOCKET", sa.sun_path, 1);
	service_notify("READY=1");
	assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), 7);
	assert_memory_equal(got, "READY=1", 7);
	unlink(sa.sun_path);
	service_notify("READY=1"); /* it is gone */
	close(fd);
	unsetenv("NOTIFY_SOCKET");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_all_receivers_is_published_before_it_is_released),
		cmocka_unit_test(idle_worker_sleeps_beats_and_wakes),
		cmocka_unit_test(service_manager_hears_what_it_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
