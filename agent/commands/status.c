/* weir status: what a running agent sees and does.
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../ops/metrics.h"
#include "client.h"
#include "columns.h"
#include "exporter_table.h"
#include "commands.h"

static const char usage[] =
	"usage: weir status [-c FILE | --socket PATH] [--exporters N] [--json]\n\n"
	"Asks a running agent what it sees and does. A terminal gets the columns that fit, a pipe all.\n"
	"Exit status: 0 told, 1 no agent answers.\n\n"
	"  -c, --config FILE    the agent's settings, for its control.socket\n"
	"  -S, --socket PATH    the control socket itself\n"
	"  -n, --exporters N    list at most so many, those with most flows first (50)\n"
	"  -j, --json           one JSON object with everything\n"
	"      --reference      print the reference page of the metrics (Markdown)\n"
	"  -h, --help           print this\n";

#define HEADS(...)                                                               \
	{                                                                        \
		.heads = (const char *const[]){__VA_ARGS__},                     \
		.n = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *) \
	}

static void print_head(const json_t *o)
{
	char up[32];
	uint64_t now = client_number(o, "now"), started = client_number(o, "started");

	print_duration(up, sizeof(up), now > started ? now - started : 0);
	printf("weir %s: %s, %s", client_text(o, "version"),
	       client_flag(o, "alive") ? "alive" : "A WORKER STANDS STILL",
	       client_flag(o, "ready") ? "ready" : "NOT READY");
	printf(*client_text(o, "why") ? ": %s\n" : "\n", client_text(o, "why"));
	printf("up %s, pid %" PRIu64 ", collector %s\n", up, client_number(o, "pid"),
	       client_text(o, "collector_id"));
}

static void print_bottleneck(const json_t *b)
{
	static const char *const stages[][2] = {
		{"none", "none: nothing is lost, nothing is near its limit"},
		{"receive", "receive ring"},
		{"decode", "decode"},
		{"queue", "output queue"},
		{"broker", "broker"},
	};
	const char *stage = client_text(b, "stage"), *why = client_text(b, "why");
	struct buffer text = {0};

	for (size_t i = 0; i < sizeof(stages) / sizeof(*stages); i++)
		if (!strcmp(stages[i][0], stage))
			buffer_format(&text, "bottleneck: %s%s%s", stages[i][1], *why ? ": " : "",
				      why);
	buffer_char(&text, '\0');
	if (!text.failed && *text.p)
		print_wrapped(text.p, screen_size().columns, stdout);
	buffer_free(&text);
}

static void print_receivers(const json_t *list)
{
	struct columns c = HEADS("interface", ">queue", ">worker", "mode", "zero-copy", ">dropped");
	const json_t *r;
	size_t i;

	printf("\nreceivers\n");
	json_array_foreach(list, i, r)
	{
		const char *name = client_text(r, "interface");

		columns_text(&c, *name ? name : "-");
		columns_number(&c, client_number(r, "queue"));
		columns_number(&c, client_number(r, "worker"));
		columns_text(&c, client_flag(r, "back")	  ? "BACK"
				 : client_flag(r, "gone") ? "GONE"
							  : client_text(r, "mode"));
		columns_text(&c, client_flag(r, "zero_copy") ? "yes" : "no");
		columns_number(&c, client_number(r, "dropped"));
	}
	columns_print(&c, stdout);
}

static void print_kernel(const json_t *list)
{
	struct columns c = HEADS("XDP program", ">since start", ">in all");
	const json_t *r;
	size_t i;

	if (!json_array_size(list))
		return;
	printf("\n");
	json_array_foreach(list, i, r)
	{
		if (!client_number(r, "total"))
			continue;
		columns_text(&c, client_text(r, "reason"));
		columns_number(&c, client_number(r, "since_start"));
		columns_number(&c, client_number(r, "total"));
	}
	columns_print(&c, stdout);
}

static void print_workers(const json_t *list)
{
	struct columns c = HEADS(">worker", ">datagrams", ">bytes", ">flows", ">malformed",
				 ">no template", ">lost (10 s)", ">busy", ">last turn");
	const json_t *w;
	size_t i;

	c.width = screen_size().columns;
	c.spare = "\3\11\2";
	printf("\nworkers\n");
	json_array_foreach(list, i, w)
	{
		const json_t *a = json_object_get(w, "accounts");
		char age[32], busy[32];

		snprintf(busy, sizeof(busy), "%" PRIu64 " %%", client_number(w, "busy"));
		snprintf(age, sizeof(age), "%" PRIu64 " ms", client_number(w, "heartbeat_ms"));
		columns_number(&c, client_number(w, "worker"));
		columns_number(&c, client_number(a, "rx_xdp_datagrams") +
					   client_number(a, "rx_udp_datagrams"));
		columns_number(&c, client_number(a, "rx_bytes"));
		columns_number(&c, client_number(a, "flows"));
		columns_number(&c, client_number(a, "malformed_datagrams") +
					   client_number(a, "partly_decoded_datagrams") +
					   client_number(a, "unknown_version_datagrams"));
		columns_number(&c, client_number(a, "sets_no_template"));
		columns_number(&c, client_number(w, "ring_dropped"));
		columns_text(&c, busy);
		columns_text(&c, json_object_get(w, "heartbeat_ms") ? age : "-");
	}
	columns_print(&c, stdout);
}

static void print_outputs(const json_t *list)
{
	struct columns c = HEADS("output", ">published", ">bytes", ">queued", ">in spool", ">queue",
				 ">dropped");
	const json_t *o;
	size_t i;

	c.width = screen_size().columns;
	c.spare = "\3\6\4";
	c.shorten = 1;
	c.least = 24;
	printf("\noutputs (flows)\n");
	json_array_foreach(list, i, o)
	{
		const json_t *a = json_object_get(o, "accounts");
		char fill[32];

		snprintf(fill, sizeof(fill), "%" PRIu64 " %%", client_number(o, "queue_percent"));
		columns_text(&c, client_text(o, "name"));
		columns_number(&c, client_number(a, "published_flows"));
		columns_number(&c, client_number(a, "published_bytes"));
		columns_number(&c,
			       client_number(o, "waiting_flows") - client_number(o, "spool_flows"));
		columns_number(&c, client_number(o, "spool_flows"));
		columns_text(&c, fill);
		columns_number(&c, client_number(a, "dropped_queue_full_flows") +
					   client_number(a, "dropped_spool_full_flows") +
					   client_number(a, "dropped_error_flows"));
	}
	columns_print(&c, stdout);
}

static void print_exporters(const json_t *exporters, uint64_t now)
{
	struct columns c = HEADS("exporter", "protocols", ">datagrams", ">flows", ">lost",
				 ">malformed", ">no template", ">templates", ">last seen");
	const json_t *list = json_object_get(exporters, "list"), *e, *v;
	size_t i, k;

	c.width = screen_size().columns;
	c.spare = "\2\10\7\3";
	printf("\nexporters: %" PRIu64 ", most flows first\n", client_number(exporters, "total"));
	json_array_foreach(list, i, e)
	{
		struct buffer names = {0};
		uint64_t seen = client_number(e, "last_seen_ns") / 1000000000u;
		char ago[32];

		json_array_foreach(json_object_get(e, "versions"), k, v)
		{
			buffer_string(&names, k ? "," : "");
			buffer_string(&names, json_is_string(v) ? json_string_value(v) : "");
		}
		buffer_char(&names, '\0');
		print_duration(ago, sizeof(ago), now > seen ? now - seen : 0);
		columns_text(&c, client_text(e, "address"));
		columns_text(&c, names.p ? names.p : "");
		columns_number(&c, client_number(e, "datagrams"));
		columns_number(&c, client_number(e, "flows"));
		columns_number(&c, client_number(e, "lost"));
		columns_number(&c, client_number(e, "malformed"));
		columns_number(&c, client_number(e, "no_template"));
		columns_number(&c, client_number(e, "templates"));
		columns_text(&c, ago);
		buffer_free(&names);
	}
	columns_print(&c, stdout);
	if (json_array_size(list) < client_number(exporters, "total"))
		printf("  … %zu of them listed; --exporters N lists more\n", json_array_size(list));
}

/* All that counted anything, with what it means. */
static void print_accounts(const json_t *accounts)
{
	struct columns c = HEADS("account", ">count", "meaning");

	c.width = screen_size().columns;
	c.shorten = 3;
	c.least = 20;
	printf("\naccounts of all workers\n");
	for (unsigned id = 0; id < ACCOUNT_MAX; id++) {
		uint64_t v = client_number(accounts, account_name(id));

		if (!v)
			continue;
		columns_text(&c, account_name(id));
		columns_number(&c, v);
		columns_text(&c, account_help(id));
	}
	columns_print(&c, stdout);
}

static int print_reference(void)
{
	struct buffer page = {0};
	int r;

	metrics_reference(&page);
	r = page.failed || fwrite(page.p, 1, page.len, stdout) != page.len || fflush(stdout);
	buffer_free(&page);
	return r ? 1 : 0;
}

int command_status(int argc, char **argv)
{
	struct client client = {.usage = usage, .takes_exporters = true};
	struct buffer raw = {0};
	char request[32];
	json_t *o = NULL;
	int r = client_arguments(&client, argc, argv);

	if (r >= 0)
		return r;
	if (client.reference)
		return print_reference();
	snprintf(request, sizeof(request), "status %u", client.exporters);
	o = client_ask(&client, argv[0], request, &raw);
	if (o && client.json) {
		fwrite(raw.p, 1, raw.len, stdout);
	} else if (o) {
		print_head(o);
		print_bottleneck(json_object_get(o, "bottleneck"));
		print_receivers(json_object_get(o, "receivers"));
		print_kernel(json_object_get(o, "kernel"));
		print_workers(json_object_get(o, "workers"));
		print_outputs(json_object_get(o, "outputs"));
		print_exporters(json_object_get(o, "exporters"), client_number(o, "now"));
		print_accounts(json_object_get(o, "accounts"));
	}
	r = o && !fflush(stdout) ? 0 : 1;
	json_decref(o);
	buffer_free(&raw);
	client_free(&client);
	return r;
}
