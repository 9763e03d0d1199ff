/* The ops thread: one loop over the control socket and HTTP.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "../handover.h"
#include "../log.h"
#include "balance.h"
#include "control.h"
#include "http.h"
#include "metrics.h"
#include "pressure.h"
#include "report.h"
#include "templates.h"

enum { EXPORTERS_DEFAULT = 1000 };

struct ops {
	struct ops_options options;
	struct ops_sources sources;
	struct control *control;
	struct http *http;
	pthread_t thread;
	int stop_fd;
	struct pressure pressure;
	uint64_t started_s;
};

/* True where the request is this word, alone or with a number, which goes to *n. */
static bool is_request(const char *request, const char *word, unsigned *n)
{
	size_t len = strlen(word);
	char *end;
	unsigned long v;

	if (strncmp(request, word, len))
		return false;
	if (!request[len])
		return true;
	if (!n || request[len] != ' ' || request[len + 1] < '0' || request[len + 1] > '9')
		return false;
	v = strtoul(request + len + 1, &end, 10);
	*n = v < UINT32_MAX ? (unsigned)v : UINT32_MAX;
	return !*end;
}

static bool answer(const char *request, int fd, struct buffer *reply, void *arg)
{
	const struct ops *ops = arg;
	struct balance balances[BALANCES_MAX];
	struct balance_term elsewhere[BALANCE_ELSEWHERE_MAX];
	unsigned n = EXPORTERS_DEFAULT;

	if (is_request(request, "status", &n)) {
		report_status(&ops->sources, ops->started_s, n, reply);
	} else if (is_request(request, "exporters", &n)) {
		report_exporters(&ops->sources, n, reply);
	} else if (!strncmp(request, "templates", 9) && (!request[9] || request[9] == ' ')) {
		report_templates(&ops->sources, request[9] ? request + 10 : NULL, reply);
	} else if (is_request(request, "audit", NULL)) {
		n = balances_read(&ops->sources, balances);
		balances_json(balances, n, elsewhere, balances_elsewhere(&ops->sources, elsewhere),
			      reply);
	} else if (is_request(request, "metrics", NULL)) {
		metrics_print(&ops->options, &ops->sources, ops->started_s, reply);
	} else if (!strcmp(request, HANDOVER_REQUEST) && ops->sources.successor) {
		return !ops->sources.successor(fd, reply, ops->sources.successor_arg);
	} else {
		buffer_string(reply, "{\"error\":\"requests are: status [N], exporters [N], "
				     "templates [ADDRESS], audit, metrics, replace\"}");
	}
	return true;
}

static unsigned page(const char *path, struct buffer *to, void *arg)
{
	const struct ops *ops = arg;
	bool good;

	if (!strcmp(path, "/metrics")) {
		metrics_print(&ops->options, &ops->sources, ops->started_s, to);
		return 200;
	}
	if (!strcmp(path, "/healthz")) {
		good = report_alive(&ops->sources, to);
	} else if (!strcmp(path, "/readyz")) {
		good = report_ready(&ops->sources, to);
	} else {
		buffer_string(to, "/metrics, /healthz, /readyz\n");
		return 404;
	}
	if (good)
		buffer_string(to, "ok\n");
	return good ? 200 : 503;
}

static void *run(void *arg)
{
	struct ops *ops = arg;

	/* A reader of exporters for the time of a walk only, and never one that others wait for. */
	rcu_register_thread();
	rcu_thread_offline();
	for (;;) {
		struct pollfd fds[2 + CONTROL_POLL_MAX];
		unsigned n = 2;
		int timeout = 1000; /* pressure is sampled every second */

		fds[0] = (struct pollfd){.fd = ops->stop_fd, .events = POLLIN};
		fds[1] = (struct pollfd){.fd = -1, .events = POLLIN};
		if (ops->http)
			fds[1].fd = http_fd(ops->http, &timeout);
		if (ops->control)
			n += control_poll(ops->control, fds + 2, &timeout);
		if (poll(fds, n, timeout) < 0 && errno != EINTR) {
			log_error("ops: poll: %s; no status and metrics from now on",
				  strerror(errno));
			break;
		}
		if (fds[0].revents)
			break;
		pressure_sample(&ops->pressure, &ops->sources);
		if (ops->http)
			http_run(ops->http);
		if (ops->control)
			control_run(ops->control, fds + 2);
	}
	rcu_unregister_thread();
	return NULL;
}

static void release(struct ops *ops)
{
	control_close(ops->control);
	http_close(ops->http);
	if (ops->stop_fd >= 0)
		close(ops->stop_fd);
	free(ops);
}

struct ops *ops_start(const struct ops_options *o, const struct ops_sources *sources)
{
	struct ops *ops = calloc(1, sizeof(*ops));
	int r;

	if (!ops) {
		log_error("ops: out of memory");
		return NULL;
	}
	ops->options = *o;
	ops->sources = *sources;
	ops->sources.pressure = &ops->pressure;
	pressure_sample(&ops->pressure, &ops->sources);
	ops->started_s = (uint64_t)time(NULL);
	ops->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (o->control_socket) {
		ops->control = control_open(o->control_socket, answer, ops);
		if (!ops->control)
			goto failed;
	}
	if (o->metrics_listen) {
		ops->http = http_open(o->metrics_listen, page, ops);
		if (!ops->http)
			goto failed;
	}
	r = ops->stop_fd < 0 ? errno : pthread_create(&ops->thread, NULL, run, ops);
	if (!r)
		return ops;
	log_error("ops: %s", strerror(r));
failed:
	release(ops);
	return NULL;
}

void ops_stop(struct ops *ops)
{
	const uint64_t one = 1;

	if (!ops)
		return;
	if (write(ops->stop_fd, &one, sizeof(one)) < 0)
		log_warning("ops: %s", strerror(errno)); /* cannot be: it is empty */
	pthread_join(ops->thread, NULL);
	release(ops);
}
