/* What a running agent tells of itself: metrics, health, status, audit, and who may ask how.
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "clock.h"
#include "decode/exporter.h"
#include "ops/balance.h"
#include "ops/control.h"
#include "ops/http.h"
#include "ops/metrics.h"
#include "ops/report.h"
#include "publish/publish.h"

enum { WORKERS = 2 };

/* An agent of two workers whose numbers the tests set. */
struct agent {
	struct account accounts[WORKERS];
	const struct account *account_list[WORKERS];
	uint64_t beats[WORKERS];
	const uint64_t *beat_list[WORKERS];
	struct publish_options publish;
	struct ops_options options;
	struct ops_sources sources;
	struct ops *ops;
	unsigned n_receivers;
	uint64_t steered, ring_dropped;
	uint64_t (*while_read)(struct agent *a); /* called when reasons are read */
	char directory[64], socket[96], listen[32];
	uint16_t port;
};

static unsigned receivers(struct ops_receiver *to, unsigned max, void *arg)
{
	const struct agent *a = arg;

	for (unsigned i = 0; i < a->n_receivers && i < max; i++)
		to[i] = (struct ops_receiver){.interface = "eth\"0",
					      .queue = i,
					      .worker = i,
					      .mode = RX_NATIVE,
					      .ring_size = 64,
					      .dropped = i ? 0 : a->ring_dropped};
	return a->n_receivers;
}

static unsigned reasons(struct ops_reason *to, unsigned max, void *arg)
{
	struct agent *a = arg;

	assert_true(max >= 2);
	to[0] = (struct ops_reason){"steered", "redirected", a->steered + 1000, a->steered};
	to[1] = (struct ops_reason){"denied", "not allowed", 5, 5};
	if (a->while_read)
		a->steered = a->while_read(a);
	return 2;
}

static void add_exporter(struct agent *a, const char *address, unsigned worker, uint64_t flows,
			 uint64_t first_seen_ns)
{
	struct ip_addr ip;
	uint8_t v4[4];
	struct exporter *e;

	assert_int_equal(inet_pton(AF_INET, address, v4), 1);
	ip_from_v4(&ip, v4);
	e = exporter_get(a->sources.store, &ip, first_seen_ns);
	assert_non_null(e);
	e->counts[worker].flows += flows;
	e->counts[worker].datagrams += 1;
	e->counts[worker].versions |= 1u << FLOW_IPFIX;
	e->counts[worker].last_seen_ns = first_seen_ns + 5000000000u;
}

static int setup(void **state)
{
	struct agent *a = calloc(1, sizeof(*a));
	struct decode_options d = decode_defaults;

	rcu_register_thread();
	for (unsigned i = 0; i < WORKERS; i++) {
		a->account_list[i] = &a->accounts[i];
		a->beats[i] = clock_monotonic_ns();
		a->beat_list[i] = &a->beats[i];
	}
	a->publish.n_outputs = 1;
	a->publish.outputs[0].kind = OUTPUT_NONE;
	a->publish.outputs[0].format = FORMAT_JSON;
	a->publish.outputs[0].message_bytes = 65536;
	a->publish.outputs[0].message_millis = 100;
	a->publish.outputs[0].queue_bytes = 1 << 20;
	a->n_receivers = 1;
	a->options.metrics_max_exporters = 2;
	a->sources = (struct ops_sources){
		.accounts = a->account_list,
		.heartbeats = a->beat_list,
		.n_accounts = WORKERS,
		.n_workers = WORKERS,
		.store = exporter_store_new(&d, WORKERS),
		.publisher = publisher_open(&a->publish, WORKERS),
		.n_outputs = 1,
		.receivers = receivers,
		.reasons = reasons,
		.arg = a,
		.collector_id = "c1",
	};
	assert_non_null(a->sources.store);
	assert_non_null(a->sources.publisher);
	strcpy(a->directory, "/tmp/weir-ops-XXXXXX");
	assert_non_null(mkdtemp(a->directory));
	*state = a;
	return 0;
}

static int teardown(void **state)
{
	struct agent *a = *state;
	char path[128];

	ops_stop(a->ops);
	publisher_close((struct publisher *)a->sources.publisher, 0);
	exporter_store_free(a->sources.store);
	rcu_barrier();
	rcu_unregister_thread();
	snprintf(path, sizeof(path), "%s/run", a->directory);
	rmdir(path);
	assert_int_equal(rmdir(a->directory), 0); /* nothing was left there */
	free(a);
	return 0;
}

static void start(struct agent *a)
{
	struct sockaddr_in free_port = {.sin_family = AF_INET};
	socklen_t len = sizeof(free_port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	free_port.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&free_port, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&free_port, &len), 0);
	close(fd);
	a->port = ntohs(free_port.sin_port);
	snprintf(a->listen, sizeof(a->listen), "127.0.0.1:%u", a->port);
	snprintf(a->socket, sizeof(a->socket), "%s/run/weir.sock", a->directory);
	a->options.control_socket = a->socket;
	a->options.metrics_listen = a->listen;
	a->ops = ops_start(&a->options, &a->sources);
	assert_non_null(a->ops);
}

static const char *text_of(struct buffer *b)
{
	buffer_char(b, '\0');
	assert_false(b->failed);
	return b->p;
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("expected '%s' in:\n%s", part, text);
}

static void a_stage_closes_when_nothing_is_missing(void **state)
{
	struct balance b = {.in = {{"a", 10}}, .n_in = 1, .out = {{"b", 7}, {"c", 3}}, .n_out = 2};

	(void)state;
	balance_close(&b);
	assert_true(b.closed);
	assert_int_equal(b.difference, 0);
}

static void a_stage_at_rest_does_not_close_when_one_is_missing(void **state)
{
	struct balance b = {.in = {{"a", 10}},
			    .n_in = 1,
			    .out = {{"b", 9}},
			    .n_out = 1,
			    .capacity = 64,
			    .least = 1};

	(void)state;
	balance_close(&b);
	assert_false(b.closed);
	assert_int_equal(b.difference, 1);
}

static void a_moving_stage_may_hold_what_fits_in_it_and_no_more(void **state)
{
	struct balance b = {.in = {{"a", 100}},
			    .n_in = 1,
			    .out = {{"b", 30}},
			    .n_out = 1,
			    .capacity = 64,
			    .least = 64,
			    .moving = true};

	(void)state;
	balance_close(&b);
	assert_true(b.closed);
	b.least = 65;
	balance_close(&b);
	assert_false(b.closed);
	/* More out than in is never right. */
	b.in[0].value = 29;
	b.least = 0;
	balance_close(&b);
	assert_false(b.closed);
	assert_int_equal(b.difference, -1);
}

static struct balance *balance_of(struct balance *b, unsigned n, const char *title)
{
	for (unsigned i = 0; i < n; i++)
		if (strstr(b[i].title, title))
			return &b[i];
	fail_msg("no balance '%s'", title);
	return NULL;
}

static void the_audit_adds_up_all_workers_and_outputs(void **state)
{
	struct agent *a = *state;
	struct balance b[BALANCES_MAX], *d;
	unsigned n;

	account_add(&a->accounts[0], ACCOUNT_RX_XDP, 60);
	account_add(&a->accounts[1], ACCOUNT_RX_UDP, 40);
	account_add(&a->accounts[0], ACCOUNT_DECODED, 58);
	account_add(&a->accounts[0], ACCOUNT_MALFORMED, 1);
	account_add(&a->accounts[0], ACCOUNT_EXPORTER_LIMIT, 1);
	account_add(&a->accounts[1], ACCOUNT_DECODED_PARTLY, 39);
	account_add(&a->accounts[1], ACCOUNT_UNKNOWN_VERSION, 1);
	account_add(&a->accounts[0], ACCOUNT_RX_BAD_CHECKSUM, 2);
	account_add(&a->accounts[0], ACCOUNT_RX_BAD_FRAME, 3);
	a->ring_dropped = 4;
	a->steered = 60 + 2 + 3 + 4;
	n = balances_read(&a->sources, b);
	assert_int_equal(n, 3);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(b[i].difference, 0);
		assert_true(b[i].closed);
	}
	/* From the interface to the outputs. */
	assert_ptr_equal(balance_of(b, n, "steered"), &b[0]);
	assert_ptr_equal(balance_of(b, n, "received"), &b[1]);
	assert_ptr_equal(balance_of(b, n, "flows handed to none"), &b[2]);

	/* One datagram vanishes behind the ring, and one flow before the output. */
	account_add(&a->accounts[1], ACCOUNT_RX_UDP, 1);
	account_add(&a->accounts[1], ACCOUNT_FLOWS, 1);
	n = balances_read(&a->sources, b);
	d = balance_of(b, n, "received");
	assert_false(d->closed);
	assert_int_equal(d->difference, 1);
	d = balance_of(b, n, "flows handed");
	assert_false(d->closed);
	assert_int_equal(d->difference, 1);
	assert_true(balance_of(b, n, "steered")->closed);
}

static void what_never_came_in_is_told_beside_the_balance(void **state)
{
	struct agent *a = *state;
	struct balance_term t[BALANCE_ELSEWHERE_MAX];
	struct buffer text = {0};

	account_add(&a->accounts[0], ACCOUNT_SEQUENCE_LOST, 9);
	account_add(&a->accounts[1], ACCOUNT_SEQUENCE_LATE, 2);
	account_add(&a->accounts[1], ACCOUNT_RX_DENIED, 3);
	balances_json(NULL, 0, t, balances_elsewhere(&a->sources, t), &text);
	has(text_of(&text),
	    "{\"closed\":true,\"balances\":[],\"elsewhere\":[{\"name\":\"denied\",\"value\":5},");
	has(text.p, "{\"name\":\"rx_denied_datagrams\",\"value\":3}");
	has(text.p, "{\"name\":\"sequence_lost_units\",\"value\":7}");
	buffer_free(&text);
}

static uint64_t traffic(struct agent *a)
{
	/* 3 frames come and are taken from the ring only before the next reading. */
	account_add(&a->accounts[0], ACCOUNT_DECODED,
		    a->steered - a->accounts[0].n[ACCOUNT_DECODED]);
	account_add(&a->accounts[0], ACCOUNT_RX_XDP, a->steered - a->accounts[0].n[ACCOUNT_RX_XDP]);
	return a->steered + 3;
}

static void frames_in_the_rings_are_no_loss_while_traffic_runs(void **state)
{
	struct agent *a = *state;
	struct balance b[BALANCES_MAX], *d;
	unsigned n;

	a->steered = 3;
	a->while_read = traffic;
	n = balances_read(&a->sources, b);
	d = balance_of(b, n, "steered");
	assert_true(d->closed);
	assert_true(d->moving);
	assert_int_equal(d->difference, 3);
}

static void flows_on_their_way_are_counted_as_waiting(void **state)
{
	struct agent *a = *state;
	struct publish_worker *w = publisher_worker((struct publisher *)a->sources.publisher, 1,
						    &a->accounts[1]);
	struct balance b[BALANCES_MAX], *d;
	struct flow_batch batch;
	unsigned n;

	assert_int_equal(flow_batch_init(&batch, 8, 1), 0);
	memset(batch.rows, 0, 8 * sizeof(*batch.rows));
	batch.n = 8;
	account_add(&a->accounts[1], ACCOUNT_FLOWS, 8);
	publish_batch(w, &batch);
	assert_int_equal(publisher_waiting(a->sources.publisher, 0), 8);
	n = balances_read(&a->sources, b);
	d = balance_of(b, n, "flows handed");
	assert_true(d->closed);
	assert_int_equal(d->difference, 0);
	publish_tick(w, 1000000000);
	publish_tick(w, 3000000000);
	assert_int_equal(publisher_waiting(a->sources.publisher, 0), 0);
	assert_int_equal(
		account_get(publisher_account(a->sources.publisher, 0), ACCOUNT_PUBLISHED_FLOWS),
		8);
	n = balances_read(&a->sources, b);
	assert_int_equal(balance_of(b, n, "flows handed")->difference, 0);
	flow_batch_free(&batch);
}

/* Every line is a comment or NAME{LABELS} NUMBER, every metric was announced, none twice. */
static void check_exposition(const char *text)
{
	char announced[128] = "";

	while (*text) {
		size_t n = strcspn(text, "\n");
		char line[512], name[128];

		assert_int_equal(text[n], '\n');
		assert_true(n < sizeof(line));
		memcpy(line, text, n);
		line[n] = '\0';
		text += n + 1;
		if (sscanf(line, "# HELP %127s", name) == 1) {
			assert_true(strncmp(name, "weir_", 5) == 0);
			strcpy(announced, name);
		} else if (sscanf(line, "# TYPE %127s", name) == 1) {
			assert_string_equal(name, announced);
			assert_true(strstr(line, " counter") || strstr(line, " gauge"));
		} else {
			const char *value = strrchr(line, ' ');
			char *end;

			snprintf(name, sizeof(name), "%.*s", (int)strcspn(line, "{ "), line);
			assert_string_equal(name, announced);
			assert_non_null(value);
			strtod(value + 1, &end);
			assert_true(end > value + 1 && !*end);
		}
	}
}

static void metrics_hold_every_account_of_every_worker_and_output(void **state)
{
	struct agent *a = *state;
	struct buffer page = {0};
	const char *text;
	char line[256];

	for (unsigned id = 0; id < ACCOUNT_MAX; id++)
		account_add(&a->accounts[1], id, 1000 + id);
	metrics_print(&a->options, &a->sources, 1700000000, &page);
	text = text_of(&page);
	check_exposition(text);
	for (unsigned id = 0; id < ACCOUNT_MAX; id++) {
		if (report_is_of_outputs(id))
			snprintf(line, sizeof(line), "weir_%s_total{output=\"none\"} 0\n",
				 account_name(id));
		else
			snprintf(line, sizeof(line), "weir_%s_total{worker=\"1\"} %u\n",
				 account_name(id), 1000 + id);
		has(text, line);
	}
	has(text, "weir_build_info{version=\"" WEIR_VERSION "\",collector_id=\"c1\"} 1\n");
	has(text, "weir_start_time_seconds 1700000000\n");
	has(text, "weir_kernel_frames_total{reason=\"denied\"} 5\n");
	has(text, "weir_kernel_frames_total{reason=\"steered\"} 1000\n");
	has(text, "weir_receiver_info{interface=\"eth\\\"0\",queue=\"0\",worker=\"0\",mode="
		  "\"native\",zero_copy=\"false\"} 1\n");
	buffer_free(&page);
}

static void metrics_of_exporters_are_bounded_and_go_to_the_oldest(void **state)
{
	struct agent *a = *state;
	struct buffer page = {0};
	const char *text;

	add_exporter(a, "192.0.2.3", 0, 999, 3000000000);
	add_exporter(a, "192.0.2.2", 0, 10, 2000000000);
	add_exporter(a, "192.0.2.1", 0, 1, 1000000000);
	add_exporter(a, "192.0.2.1", 1, 6, 1000000000);
	metrics_print(&a->options, &a->sources, 0, &page);
	text = text_of(&page);
	check_exposition(text);
	has(text, "weir_exporters 3\n");
	has(text, "weir_exporter_flows_total{exporter=\"192.0.2.1\"} 7\n");
	has(text, "weir_exporter_flows_total{exporter=\"192.0.2.2\"} 10\n");
	has(text, "weir_exporter_last_seen_seconds{exporter=\"192.0.2.1\"} 6\n");
	assert_null(strstr(text, "192.0.2.3"));
	buffer_free(&page);
}

static void status_lists_the_busiest_exporters_and_their_losses(void **state)
{
	struct agent *a = *state;
	struct buffer reply = {0};
	json_t *o, *exporters, *list, *first;
	struct ip_addr ip;
	struct exporter *e;
	struct domain *d;

	add_exporter(a, "192.0.2.1", 0, 1, 1000000000);
	add_exporter(a, "192.0.2.2", 1, 50, 2000000000);
	ip_from_v4(&ip, (const uint8_t[]){192, 0, 2, 2});
	e = exporter_get(a->sources.store, &ip, 0);
	for (uint32_t domain = 0; domain < 2; domain++) {
		d = domain_get(a->sources.store, e, FLOW_NETFLOW_V9, domain);
		assert_non_null(d);
		sequence_see(&d->sequence, 100, 1, true, 0, &a->accounts[0]);
		sequence_see(&d->sequence, 105, 1, true, 0, &a->accounts[0]);
	}
	account_add(&a->accounts[0], ACCOUNT_FLOWS, 20);
	account_add(&a->accounts[1], ACCOUNT_FLOWS, 31);
	report_status(&a->sources, 5, 1, &reply);
	o = json_loadb(reply.p, reply.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	assert_true(json_is_true(json_object_get(o, "alive")));
	assert_true(json_is_true(json_object_get(o, "ready")));
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(o, "accounts"), "flows")), 51);
	exporters = json_object_get(o, "exporters");
	assert_int_equal(json_integer_value(json_object_get(exporters, "total")), 2);
	list = json_object_get(exporters, "list");
	assert_int_equal(json_array_size(list), 1);
	first = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(first, "address")), "192.0.2.2");
	assert_int_equal(json_integer_value(json_object_get(first, "lost")), 8);
	assert_int_equal(json_integer_value(json_object_get(first, "streams")), 2);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(first, "versions"), 0)), "IPFIX");
	json_decref(o);
	buffer_clear(&reply);
	report_exporters(&a->sources, 0, &reply);
	has(text_of(&reply), "{\"total\":2,\"list\":[]}");
	buffer_free(&reply);
}

/* One HTTP request; the reply with its head. */
static void http_get(const struct agent *a, const char *request, struct buffer *reply)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(a->port)};
	struct timeval patience = {.tv_sec = 5};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	ssize_t n;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	buffer_clear(reply);
	do {
		char *room = buffer_reserve(reply, 4096);

		assert_non_null(room);
		n = recv(fd, room, 4096, 0);
		if (n > 0)
			reply->len += (size_t)n;
	} while (n > 0);
	close(fd);
	buffer_char(reply, '\0');
}

static void http_serves_metrics_and_health(void **state)
{
	struct agent *a = *state;
	struct buffer reply = {0};

	add_exporter(a, "192.0.2.9", 0, 1, 1000000000);
	start(a);
	http_get(a, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", &reply);
	has(reply.p, "HTTP/1.1 200 ");
	has(reply.p, "Content-Type: text/plain; version=0.0.4");
	has(reply.p, "weir_exporter_flows_total{exporter=\"192.0.2.9\"} 1\n");
	http_get(a, "GET /healthz HTTP/1.0\r\n\r\n", &reply);
	has(reply.p, " 200 ");
	http_get(a, "GET /readyz HTTP/1.0\r\n\r\n", &reply);
	has(reply.p, " 200 ");
	http_get(a, "GET /../etc/passwd HTTP/1.0\r\n\r\n", &reply);
	has(reply.p, " 404 ");
	http_get(a, "POST /metrics HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", &reply);
	has(reply.p, " 405 ");
	http_get(a, "\x01\x02nonsense\r\n\r\n", &reply);
	assert_null(strstr(reply.p, " 200 "));
	buffer_free(&reply);
}

static void health_fails_when_a_worker_stands_still(void **state)
{
	struct agent *a = *state;
	struct buffer reply = {0};

	a->beats[1] = clock_monotonic_ns() - UINT64_C(11500000000);
	start(a);
	http_get(a, "GET /healthz HTTP/1.0\r\n\r\n", &reply);
	has(reply.p, " 503 ");
	has(reply.p, "worker 1 has stood still for 11 s\n");
	buffer_free(&reply);
}

static void readiness_fails_without_receiver(void **state)
{
	struct agent *a = *state;
	struct buffer reply = {0};

	a->n_receivers = 0;
	start(a);
	http_get(a, "GET /readyz HTTP/1.0\r\n\r\n", &reply);
	has(reply.p, " 503 ");
	has(reply.p, "no socket to receive from is open\n");
	buffer_free(&reply);
}

static void the_control_socket_answers_and_is_not_for_everybody(void **state)
{
	struct agent *a = *state;
	struct buffer reply = {0};
	struct stat st;
	json_t *o;

	start(a);
	assert_int_equal(stat(a->socket, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(control_ask(a->socket, "status 3", &reply), 0);
	o = json_loadb(reply.p, reply.len, 0, NULL);
	assert_non_null(o);
	json_decref(o);
	buffer_clear(&reply);
	assert_int_equal(control_ask(a->socket, "audit", &reply), 0);
	has(text_of(&reply), "{\"closed\":true,");
	buffer_clear(&reply);
	assert_int_equal(control_ask(a->socket, "metrics", &reply), 0);
	has(text_of(&reply), "weir_exporters 0\n");
	buffer_clear(&reply);
	assert_int_equal(control_ask(a->socket, "status -1", &reply), 0);
	has(text_of(&reply), "{\"error\":");
	buffer_clear(&reply);
	assert_int_equal(control_ask(a->socket, "reboot", &reply), 0);
	has(text_of(&reply), "{\"error\":");
	buffer_free(&reply);
}

static int connect_raw(const struct agent *a)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(to.sun_path, a->socket);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void clients_that_misbehave_do_not_keep_others_out(void **state)
{
	struct agent *a = *state;
	int silent[CONTROL_CLIENTS_MAX - 1], fd;
	struct buffer reply = {0};
	char flood[4096];
	ssize_t n;

	start(a);
	memset(flood, 'x', sizeof(flood));
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX - 1; i++)
		silent[i] = connect_raw(a);
	/* No line end within the limit: an error and the end, without reading on. */
	fd = connect_raw(a);
	assert_true(send(fd, flood, sizeof(flood), MSG_NOSIGNAL) > 0);
	n = recv(fd, flood, sizeof(flood), 0);
	assert_true(n < 0 || (n > 0 && memmem(flood, (size_t)n, "error", 5)));
	close(fd);
	/* A NUL in the request. */
	fd = connect_raw(a);
	assert_int_equal(send(fd, "sta\0tus\n", 8, MSG_NOSIGNAL), 8);
	n = recv(fd, flood, sizeof(flood), 0);
	assert_true(n > 0 && memmem(flood, (size_t)n, "error", 5));
	close(fd);
	/* Gone before the reply. */
	fd = connect_raw(a);
	assert_int_equal(send(fd, "status\n", 7, MSG_NOSIGNAL), 7);
	close(fd);
	assert_int_equal(control_ask(a->socket, "status", &reply), 0);
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX - 1; i++)
		close(silent[i]);
	buffer_free(&reply);
}

static void a_second_agent_is_kept_out_and_a_dead_ones_socket_replaced(void **state)
{
	struct agent *a = *state;
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/run", a->directory);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/run/weir.sock", a->directory);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	close(fd); /* the file stays behind */
	start(a);
	assert_null(control_open(a->socket, NULL, NULL));
	/* What is no socket is left alone. */
	snprintf(path, sizeof(path), "%s/file", a->directory);
	fclose(fopen(path, "w"));
	assert_null(control_open(path, NULL, NULL));
	assert_int_equal(unlink(path), 0);
}

static void nobody_at_the_socket_is_told_apart(void **state)
{
	struct buffer reply = {0};

	(void)state;
	assert_int_equal(control_ask("/nonexistent/weir.sock", "status", &reply), -ENOENT);
	buffer_free(&reply);
}

static void listen_addresses_are_read_strictly(void **state)
{
	static const char *const wrong[] = {
		"",	     "9331",	   ":9331",	  "localhost:9331",
		"127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536",
		"::1:9331",  "[::1]",	   "[::1]9331",	  "127.0.0.1:+1"};
	struct sockaddr_storage s;
	socklen_t n;

	(void)state;
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		if (http_address(wrong[i], &s, &n) != -EINVAL)
			fail_msg("'%s' was taken", wrong[i]);
	assert_int_equal(http_address("127.0.0.1:9331", &s, &n), 0);
	assert_int_equal(((struct sockaddr_in *)&s)->sin_port, htons(9331));
	assert_int_equal(http_address("[::1]:9331", &s, &n), 0);
	assert_int_equal(s.ss_family, AF_INET6);
}

static void the_reference_page_is_not_stale(void **state)
{
	struct buffer made = {0};
	FILE *from = fopen("docs/METRICS.md", "r");
	char *text = malloc(1 << 20);
	size_t n;

	(void)state;
	if (!from)
		fail_msg("docs/METRICS.md is not there; is this the top of the tree?");
	n = fread(text, 1, 1 << 20, from);
	fclose(from);
	metrics_reference(&made);
	if (n != made.len || memcmp(text, made.p, n) != 0)
		fail_msg("docs/METRICS.md is stale: run `make docs`");
	free(text);
	buffer_free(&made);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stage_closes_when_nothing_is_missing),
		cmocka_unit_test(a_stage_at_rest_does_not_close_when_one_is_missing),
		cmocka_unit_test(a_moving_stage_may_hold_what_fits_in_it_and_no_more),
		T(the_audit_adds_up_all_workers_and_outputs),
		T(what_never_came_in_is_told_beside_the_balance),
		T(frames_in_the_rings_are_no_loss_while_traffic_runs),
		T(flows_on_their_way_are_counted_as_waiting),
		T(metrics_hold_every_account_of_every_worker_and_output),
		T(metrics_of_exporters_are_bounded_and_go_to_the_oldest),
		T(status_lists_the_busiest_exporters_and_their_losses),
		T(http_serves_metrics_and_health),
		T(health_fails_when_a_worker_stands_still),
		T(readiness_fails_without_receiver),
		T(the_control_socket_answers_and_is_not_for_everybody),
		T(clients_that_misbehave_do_not_keep_others_out),
		T(a_second_agent_is_kept_out_and_a_dead_ones_socket_replaced),
		cmocka_unit_test(nobody_at_the_socket_is_told_apart),
		cmocka_unit_test(listen_addresses_are_read_strictly),
		cmocka_unit_test(the_reference_page_is_not_stale),
	};

	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
