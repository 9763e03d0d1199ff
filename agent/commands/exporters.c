/* weir exporters: who sends, how much, and how well.
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "client.h"
#include "columns.h"
#include "commands.h"
#include "exporter_table.h"

static const char usage[] =
	"usage: weir exporters [-c FILE | --socket PATH] [--sort COLUMN] [--exporters N] [--json]\n\n"
	"Asks a running agent for the exporters it has heard of since it started. lost: units that\n"
	"sequence numbers say were sent and did not come. sampling: 1 in this many packets, by the\n"
	"latest flow; 'set' in the settings, '?' where nobody said. lag: from the end of the latest\n"
	"flow to its reception. A terminal gets the columns that fit, a pipe all.\n"
	"Exit status: 0 told, 1 no agent answers.\n\n"
	"  -c, --config FILE    the agent's settings, for its control.socket\n"
	"  -S, --socket PATH    the control socket itself\n"
	"      --sort COLUMN    flows (default), datagrams, bytes, lost, templates, lag, seen, address\n"
	"  -n, --exporters N    list at most so many (50)\n"
	"  -j, --json           one JSON object with everything\n"
	"  -h, --help           print this\n";

enum { ASK_MAX = 65536 };

int command_exporters(int argc, char **argv)
{
	struct client client = {.usage = usage, .takes_sort = true};
	struct buffer raw = {0};
	char request[32];
	json_t *o = NULL;
	int r = client_arguments(&client, argc, argv), order;

	if (r >= 0)
		return r;
	order = client.sort ? exporter_order_find(client.sort, 0) : 0;
	if (order < 0) {
		fprintf(stderr,
			"weir exporters: --sort %s: `weir exporters --help` lists what there is\n",
			client.sort);
		client_free(&client);
		return 2;
	}
	/* Of all: what is sorted by something else must be there to be sorted. */
	snprintf(request, sizeof(request), "exporters %u", ASK_MAX);
	o = client_ask(&client, argv[0], request, &raw);
	if (o && client.json) {
		fwrite(raw.p, 1, raw.len, stdout);
	} else if (o) {
		exporter_table_print(o, NULL, 0, order, false, client.exporters,
				     (uint64_t)time(NULL), screen_size().columns, stdout);
		if (client_number(o, "total") > client.exporters)
			printf("  … %u of %" PRIu64 " listed; --exporters N lists more\n",
			       client.exporters, client_number(o, "total"));
	}
	r = o && !fflush(stdout) ? 0 : 1;
	json_decref(o);
	buffer_free(&raw);
	client_free(&client);
	return r;
}
