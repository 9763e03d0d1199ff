/* weir top: what a running agent does, live.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "../clock.h"
#include "client.h"
#include "columns.h"
#include "commands.h"
#include "exporter_table.h"

static const char usage[] =
	"usage: weir top [-c FILE | --socket PATH] [--interval SECONDS] [--sort COLUMN]\n\n"
	"Shows what a running agent does, over and over: for each worker how busy its core is and what\n"
	"it takes in and loses, for each output what goes out and what waits, for each exporter its\n"
	"rates, losses, templates, sampling and lag. Keys: f flows, d datagrams, b bytes, l lost,\n"
	"t templates, g lag, s last seen, a address sort; r turns the order round; q quits.\n"
	"Where standard output is no terminal it prints one turn, or --count of them.\n"
	"Exit status: 0 told, 1 no agent answers.\n\n"
	"  -c, --config FILE      the agent's settings, for its control.socket\n"
	"  -S, --socket PATH      the control socket itself\n"
	"      --interval SECONDS between two turns (1)\n"
	"      --count N          end after N turns\n"
	"      --sort COLUMN      flows (default), datagrams, bytes, lost, templates, lag, seen, address\n"
	"  -n, --exporters N      list at most so many (50; on a terminal as many as fit)\n"
	"  -h, --help             print this\n";

enum { ASK_MAX = 5000 };

struct top {
	struct client client;
	json_t *now, *before;
	double now_s, before_s;
	int order;
	bool reverse, terminal;
	struct termios was;
	unsigned width; /* of the screen; 0: no terminal */
};

static volatile sig_atomic_t ended;

static void end(int signal)
{
	(void)signal;
	ended = 1;
}

static double seconds(void)
{
	return (double)clock_monotonic_ns() / 1e9;
}

static bool ask(struct top *t)
{
	struct buffer raw = {0};
	char request[32];
	json_t *o;

	snprintf(request, sizeof(request), "status %u", ASK_MAX);
	o = client_ask(&t->client, "top", request, &raw);
	buffer_free(&raw);
	if (!o)
		return false;
	json_decref(t->before);
	t->before = t->now;
	t->before_s = t->now_s;
	t->now = o;
	t->now_s = seconds();
	/* Another agent has taken over: its counts began anew. */
	if (t->before && client_number(o, "started") != client_number(t->before, "started")) {
		json_decref(t->before);
		t->before = NULL;
	}
	return true;
}

/* How much an account rose a second between two objects that have "accounts". */
static uint64_t per_second(const json_t *now, const json_t *before, const char *name, double span)
{
	const json_t *a = json_object_get(now, "accounts"),
		     *b = json_object_get(before, "accounts");
	uint64_t x = client_number(a, name), y = client_number(b, name);

	return span > 0 && x > y ? (uint64_t)((double)(x - y) / span + 0.5) : 0;
}

static uint64_t rise(const json_t *now, const json_t *before, const char *name, double span)
{
	uint64_t x = client_number(now, name), y = client_number(before, name);

	return span > 0 && x > y ? (uint64_t)((double)(x - y) / span + 0.5) : 0;
}

static void print_head(const struct top *t, FILE *to)
{
	const json_t *o = t->now, *b = json_object_get(o, "bottleneck");
	uint64_t now = client_number(o, "now"), started = client_number(o, "started");
	const char *why = client_text(b, "why"), *stage = client_text(b, "stage");
	struct buffer text = {0};
	char up[32];

	print_duration(up, sizeof(up), now > started ? now - started : 0);
	fprintf(to, "weir %s: %s, %s, up %s, collector %s\n", client_text(o, "version"),
		client_flag(o, "alive") ? "alive" : "A WORKER STANDS STILL",
		client_flag(o, "ready") ? "ready" : "NOT READY", up,
		client_text(o, "collector_id"));
	buffer_format(&text, "bottleneck: %s%s%s", *stage ? stage : "none", *why ? ": " : "", why);
	buffer_char(&text, '\0');
	if (!text.failed)
		print_wrapped(text.p, t->width, to);
	buffer_free(&text);
}

/* What the XDP program did with frames, but those that are no business of ours. */
static void print_kernel(const struct top *t, double span, FILE *to)
{
	const json_t *list = json_object_get(t->now, "kernel"), *k;
	const char *between = "XDP: ";
	size_t i;

	json_array_foreach(list, i, k)
	{
		const json_t *was = json_array_get(json_object_get(t->before, "kernel"), i);
		uint64_t v = rise(k, was, "since_start", span);
		char number[32];

		if (!v || !strcmp(client_text(k, "reason"), "not_ours"))
			continue;
		fprintf(to, "%s%s %s/s", between, grouped(v, number), client_text(k, "reason"));
		between = ", ";
	}
	if (*between == ',')
		fputc('\n', to);
}

static void print_workers(const struct top *t, double span, FILE *to)
{
	static const char *const heads[] = {">worker",	">busy",	">datagrams/s", ">bytes/s",
					    ">flows/s", ">malformed/s", ">lost/s",	">lost"};
	struct columns c = {.heads = heads,
			    .n = sizeof(heads) / sizeof(*heads),
			    .width = t->width,
			    .spare = "\4\5"};
	const json_t *list = json_object_get(t->now, "workers"), *w;
	size_t i;

	json_array_foreach(list, i, w)
	{
		const json_t *was = json_array_get(json_object_get(t->before, "workers"), i);
		char busy[16];

		snprintf(busy, sizeof(busy), "%" PRIu64 " %%", client_number(w, "busy"));
		columns_number(&c, client_number(w, "worker"));
		columns_text(&c, busy);
		columns_number(&c, per_second(w, was, "rx_xdp_datagrams", span) +
					   per_second(w, was, "rx_udp_datagrams", span));
		columns_number(&c, per_second(w, was, "rx_bytes", span));
		columns_number(&c, per_second(w, was, "flows", span));
		columns_number(&c, per_second(w, was, "malformed_datagrams", span) +
					   per_second(w, was, "partly_decoded_datagrams", span) +
					   per_second(w, was, "unknown_version_datagrams", span));
		columns_number(&c, rise(w, was, "ring_dropped", span));
		columns_number(&c, client_number(w, "ring_dropped"));
	}
	columns_print(&c, to);
	fputc('\n', to);
}

static void print_outputs(const struct top *t, double span, FILE *to)
{
	static const char *const heads[] = {"output",	  ">flows/s",	">bytes/s", ">waiting",
					    ">spooled/s", ">dropped/s", ">dropped"};
	struct columns c = {.heads = heads,
			    .n = sizeof(heads) / sizeof(*heads),
			    .width = t->width,
			    .spare = "\3\5\2\4",
			    .shorten = 1,
			    .least = 24};
	static const char *const drops[] = {"dropped_queue_full_flows", "dropped_spool_full_flows",
					    "dropped_error_flows"};
	const json_t *list = json_object_get(t->now, "outputs"), *o;
	size_t i;

	json_array_foreach(list, i, o)
	{
		const json_t *was = json_array_get(json_object_get(t->before, "outputs"), i);
		uint64_t dropping = 0, dropped = 0;

		for (size_t k = 0; k < sizeof(drops) / sizeof(*drops); k++) {
			dropping += per_second(o, was, drops[k], span);
			dropped += client_number(json_object_get(o, "accounts"), drops[k]);
		}
		columns_text(&c, client_text(o, "name"));
		columns_number(&c, per_second(o, was, "published_flows", span));
		columns_number(&c, per_second(o, was, "published_bytes", span));
		columns_number(&c, client_number(o, "waiting_flows"));
		columns_number(&c, per_second(o, was, "spooled_flows", span));
		columns_number(&c, dropping);
		columns_number(&c, dropped);
	}
	columns_print(&c, to);
	fputc('\n', to);
}

static void print_turn(const struct top *t, unsigned max, FILE *to)
{
	double span = t->before ? t->now_s - t->before_s : 0;
	const json_t *exporters = json_object_get(t->now, "exporters");

	print_head(t, to);
	print_kernel(t, span, to);
	fputc('\n', to);
	print_workers(t, span, to);
	print_outputs(t, span, to);
	fprintf(to, "exporters: %" PRIu64 ", by %s%s%s\n", client_number(exporters, "total"),
		exporter_orders[t->order].name, t->reverse ? ", reversed" : "",
		t->terminal ? "   (f d b l t g s a sort, r reverse, q quit)" : "");
	exporter_table_print(exporters, json_object_get(t->before, "exporters"), span, t->order,
			     t->reverse, max, client_number(t->now, "now"), t->width, to);
}

/* Puts the text on the screen, cut where the screen ends. */
static void show(const char *text)
{
	struct screen w = screen_size();
	struct buffer out = {0};
	unsigned row = 1, column = 0;

	buffer_string(&out, "\033[H");
	for (; *text && row < w.rows; text++) {
		if (*text == '\n') {
			/* With the cursor behind the last column this would erase what stands
			 * there. */
			buffer_string(&out, column < w.columns ? "\033[K\n" : "\n");
			row++;
			column = 0;
		} else if ((*text & 0xc0) == 0x80 ? column <= w.columns : column++ < w.columns) {
			buffer_char(&out, *text);
		}
	}
	buffer_string(&out, "\033[J");
	if (!out.failed)
		fwrite(out.p, 1, out.len, stdout);
	fflush(stdout);
	buffer_free(&out);
}

static bool turn(struct top *t)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return false;
	t->width = t->terminal ? screen_size().columns : 0;
	print_turn(t, t->terminal ? ASK_MAX : t->client.exporters, to);
	if (fclose(to) || !text)
		return false;
	if (t->terminal)
		show(text);
	else
		fputs(text, stdout);
	free(text);
	return !fflush(stdout);
}

/* Waits for the next turn, or a key that changes the order. Returns false to quit. */
static bool wait_for_key(struct top *t)
{
	double until = t->now_s + t->client.interval;

	while (!ended) {
		struct pollfd fd = {.fd = t->terminal ? STDIN_FILENO : -1, .events = POLLIN};
		double left = until - seconds();
		char key = 0;
		int order;

		if (left <= 0)
			return true;
		if (poll(&fd, 1, (int)(left * 1000) + 1) <= 0)
			continue;
		if (read(STDIN_FILENO, &key, 1) <= 0 || key == 'q')
			return false;
		order = exporter_order_find(NULL, key);
		if (order >= 0)
			t->order = order;
		else if (key == 'r')
			t->reverse = !t->reverse;
		else
			continue;
		if (!turn(t))
			return false;
	}
	return false;
}

static void take_terminal(struct top *t)
{
	struct termios raw;

	t->terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
		      !tcgetattr(STDIN_FILENO, &t->was);
	if (!t->terminal)
		return;
	raw = t->was;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	fputs("\033[?1049h\033[?25l\033[?7l", stdout); /* other screen, no cursor, no wrapping */
}

static void give_terminal_back(const struct top *t)
{
	if (!t->terminal)
		return;
	fputs("\033[?7h\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSANOW, &t->was);
}

/* The first answer has nothing to be compared with and is not shown. */
static bool run(struct top *t)
{
	unsigned turns;

	if (!ask(t))
		return false;
	take_terminal(t);
	turns = t->client.count ? t->client.count : t->terminal ? 0 : 1;
	if (t->terminal && !turn(t))
		return false;
	for (unsigned n = 0; (!turns || n < turns) && wait_for_key(t); n++)
		if (!ask(t) || !turn(t))
			return false;
	return true;
}

int command_top(int argc, char **argv)
{
	const struct sigaction stop = {.sa_handler = end};
	struct top t = {.client = {.usage = usage, .takes_sort = true, .takes_live = true}};
	int r = client_arguments(&t.client, argc, argv);

	if (r >= 0)
		return r;
	t.order = t.client.sort ? exporter_order_find(t.client.sort, 0) : 0;
	if (t.order < 0 || !t.client.interval) {
		fprintf(stderr, "weir top: %s: `weir top --help` tells what it takes\n",
			t.order < 0 ? "there is no such --sort" : "--interval is at least 1");
		client_free(&t.client);
		return 2;
	}
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	r = run(&t) ? 0 : 1;
	give_terminal_back(&t);
	json_decref(t.now);
	json_decref(t.before);
	client_free(&t.client);
	return r;
}
