/* weir templates: what exporters said of their records and their sampling.
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../decode/elements.h"
#include "../decode/ipfix.h"
#include "client.h"
#include "columns.h"
#include "commands.h"
#include "exporter_table.h"

static const char usage[] =
	"usage: weir templates [ADDRESS] [-c FILE | --socket PATH] [--json]\n\n"
	"Asks a running agent for the templates and sampling rates that it knows, of one exporter or\n"
	"of all: for each its id, how long ago it was sent, and its fields by name and length.\n"
	"Exit status: 0 told, 1 no agent answers or the exporter is not known.\n\n"
	"  -c, --config FILE    the agent's settings, for its control.socket\n"
	"  -S, --socket PATH    the control socket itself\n"
	"  -j, --json           one JSON object with everything\n"
	"  -h, --help           print this\n";

static uint64_t item(const json_t *array, size_t i)
{
	return (uint64_t)json_integer_value(json_array_get(array, i));
}

/* "octetDeltaCount", "1", or "e9_12235"; behind it the length where the record does not say. */
static void field_name(const struct elements *elements, enum flow_type version, const json_t *field,
		       char *to, size_t size)
{
	uint32_t pen = (uint32_t)item(field, 0);
	uint16_t id = (uint16_t)item(field, 1), length = (uint16_t)item(field, 2);
	const struct element *e = elements_find(elements, version, pen, id);
	char name[96], bytes[16] = "v";

	if (e)
		snprintf(name, sizeof(name), "%s", e->name);
	else if (pen)
		snprintf(name, sizeof(name), "e%u_%u", pen, id);
	else
		snprintf(name, sizeof(name), "%u", id);
	if (length != IPFIX_VARIABLE_LENGTH)
		snprintf(bytes, sizeof(bytes), "%u", length);
	snprintf(to, size, "%s:%s", name, bytes);
}

/* Fields as many to a line as fit. */
static void print_fields(const struct elements *elements, enum flow_type version,
			 const json_t *fields, unsigned scope)
{
	enum { INDENT = 8, WIDTH = 100 };
	unsigned terminal = screen_size().columns;
	size_t width = terminal && terminal < WIDTH ? terminal : WIDTH;
	size_t at = INDENT, i;
	const json_t *f;
	char name[128];

	printf("%*s", INDENT, "");
	json_array_foreach(fields, i, f)
	{
		size_t n;

		field_name(elements, version, f, name, sizeof(name));
		n = strlen(name) + (i < scope ? 8 : 0) + 1;
		if (at + n > width && at > INDENT) {
			printf("\n%*s", INDENT, "");
			at = INDENT;
		}
		printf("%s%s ", i < scope ? "(scope) " : "", name);
		at += n;
	}
	printf("\n");
}

static int by_id(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;
	uint64_t p = client_number(*x, "id"), q = client_number(*y, "id");

	return p < q ? -1 : p > q;
}

static void print_templates(const struct elements *elements, enum flow_type version,
			    const json_t *list, uint64_t now)
{
	size_t n = json_array_size(list);
	const json_t **sorted = calloc(n ? n : 1, sizeof(*sorted));

	for (size_t i = 0; sorted && i < n; i++)
		sorted[i] = json_array_get(list, i);
	if (sorted)
		qsort(sorted, n, sizeof(*sorted), by_id);
	for (size_t i = 0; sorted && i < n; i++) {
		const json_t *t = sorted[i], *fields = json_object_get(t, "fields");
		uint64_t seen = client_number(t, "last_seen");
		char age[32];

		print_duration(age, sizeof(age), now > seen ? now - seen : 0);
		printf("    %stemplate %" PRIu64 ", %zu fields, %s%" PRIu64
		       " bytes a record, sent %s ago\n",
		       client_flag(t, "options") ? "options " : "", client_number(t, "id"),
		       json_array_size(fields), client_flag(t, "variable") ? "at least " : "",
		       client_number(t, "length"), age);
		print_fields(elements, version, fields, (unsigned)client_number(t, "scope"));
	}
	free(sorted);
}

static void print_samplers(const json_t *list)
{
	const json_t *s;
	size_t i;

	json_array_foreach(list, i, s)
	{
		const char *of = client_text(s, "of");

		if (!strcmp(of, "domain"))
			printf("    sampling 1 in %" PRIu64 "\n", client_number(s, "rate"));
		else
			printf("    sampling of %s %" PRIu64 ": 1 in %" PRIu64 "\n", of,
			       client_number(s, "id"), client_number(s, "rate"));
	}
}

static enum flow_type version_of(const char *protocol)
{
	return !strcmp(protocol, "IPFIX") ? FLOW_IPFIX : FLOW_NETFLOW_V9;
}

static int by_exporter(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;
	uint64_t p = client_number(*x, "domain"), q = client_number(*y, "domain");
	int r = strcmp(client_text(*x, "exporter"), client_text(*y, "exporter"));

	return r ? r : p < q ? -1 : p > q;
}

static void print_streams(const struct elements *elements, const json_t *o)
{
	const json_t *list = json_object_get(o, "streams");
	size_t n = json_array_size(list);
	const json_t **sorted = calloc(n ? n : 1, sizeof(*sorted));
	const char *last = "";

	for (size_t i = 0; sorted && i < n; i++)
		sorted[i] = json_array_get(list, i);
	if (sorted)
		qsort(sorted, n, sizeof(*sorted), by_exporter);
	for (size_t i = 0; sorted && i < n; i++) {
		const json_t *s = sorted[i];
		const char *exporter = client_text(s, "exporter"),
			   *protocol = client_text(s, "protocol");

		if (strcmp(exporter, last))
			printf("%s%s\n", i ? "\n" : "", exporter);
		last = exporter;
		printf("  %s, domain %" PRIu64 "\n", protocol, client_number(s, "domain"));
		print_samplers(json_object_get(s, "samplers"));
		print_templates(elements, version_of(protocol), json_object_get(s, "templates"),
				client_number(o, "now"));
	}
	free(sorted);
	if (client_flag(o, "cut"))
		printf("  … there are more; give an exporter's address\n");
}

int command_templates(int argc, char **argv)
{
	struct client client = {.usage = usage, .takes_address = true};
	struct elements *elements = NULL;
	struct buffer raw = {0};
	char request[96];
	json_t *o = NULL;
	int r = client_arguments(&client, argc, argv);

	if (r >= 0)
		return r;
	if (client.address && strlen(client.address) > 45) {
		fprintf(stderr, "weir templates: '%s' is no address\n", client.address);
		client_free(&client);
		return 2;
	}
	snprintf(request, sizeof(request), "templates%s%s", client.address ? " " : "",
		 client.address ? client.address : "");
	o = client_ask(&client, argv[0], request, &raw);
	r = o ? 0 : 1;
	if (o && client.json) {
		fwrite(raw.p, 1, raw.len, stdout);
	} else if (o && client.address && !json_array_size(json_object_get(o, "streams"))) {
		fprintf(stderr, "weir templates: nothing has come from %s\n", client.address);
		r = 1;
	} else if (o && !elements_open(&elements, true, NULL)) {
		print_streams(elements, o);
		elements_close(elements);
	}
	if (fflush(stdout))
		r = 1;
	json_decref(o);
	buffer_free(&raw);
	client_free(&client);
	return r;
}
