/* The table of exporters, sorted, as totals or as rates between two moments.
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "client.h"
#include "columns.h"
#include "exporter_table.h"

enum order { BY_FLOWS, BY_DATAGRAMS, BY_BYTES, BY_LOST, BY_TEMPLATES, BY_LAG, BY_SEEN, BY_ADDRESS };

const struct exporter_order exporter_orders[] = {
	[BY_FLOWS] = {"flows", 'f'},	     [BY_DATAGRAMS] = {"datagrams", 'd'},
	[BY_BYTES] = {"bytes", 'b'},	     [BY_LOST] = {"lost", 'l'},
	[BY_TEMPLATES] = {"templates", 't'}, [BY_LAG] = {"lag", 'g'},
	[BY_SEEN] = {"seen", 's'},	     [BY_ADDRESS] = {"address", 'a'},
};
const unsigned n_exporter_orders = sizeof(exporter_orders) / sizeof(*exporter_orders);

struct row {
	const json_t *of;
	const char *address;
	double flows, datagrams, bytes, lost; /* totals, or a second */
	uint64_t templates, seen_ns;
	int64_t lag_ms;
};

struct sorting {
	int order;
	bool reverse;
};

int exporter_order_find(const char *name, char key)
{
	for (unsigned i = 0; i < n_exporter_orders; i++)
		if (name ? !strcmp(exporter_orders[i].name, name) : exporter_orders[i].key == key)
			return (int)i;
	return -1;
}

void print_duration(char *to, size_t size, uint64_t seconds)
{
	if (seconds < 120)
		snprintf(to, size, "%" PRIu64 " s", seconds);
	else if (seconds < 7200)
		snprintf(to, size, "%" PRIu64 " min", seconds / 60);
	else if (seconds < 172800)
		snprintf(to, size, "%" PRIu64 " h", seconds / 3600);
	else
		snprintf(to, size, "%" PRIu64 " d", seconds / 86400);
}

/* How much a counter rose a second; all of it where there is nothing to compare with. Losses can
 * fall when late datagrams come after all. */
static double rate(const json_t *now, const json_t *before, const char *name, double seconds)
{
	double v = (double)client_number(now, name);

	if (seconds <= 0)
		return v;
	return (v - (double)client_number(before, name)) / seconds;
}

static int more(double a, double b)
{
	return a > b ? -1 : a < b;
}

static int compare(const void *x, const void *y, void *arg)
{
	const struct row *a = x, *b = y;
	const struct sorting *s = arg;
	int r = 0;

	switch ((enum order)s->order) {
	case BY_FLOWS:
		r = more(a->flows, b->flows);
		break;
	case BY_DATAGRAMS:
		r = more(a->datagrams, b->datagrams);
		break;
	case BY_BYTES:
		r = more(a->bytes, b->bytes);
		break;
	case BY_LOST:
		r = more(a->lost, b->lost);
		break;
	case BY_TEMPLATES:
		r = more((double)a->templates, (double)b->templates);
		break;
	case BY_LAG:
		r = more((double)a->lag_ms, (double)b->lag_ms);
		break;
	case BY_SEEN:
		r = more((double)b->seen_ns, (double)a->seen_ns);
		break;
	case BY_ADDRESS:
		break;
	}
	if (!r)
		r = strverscmp(a->address, b->address); /* 10.0.0.9 before 10.0.0.10 */
	return s->reverse ? -r : r;
}

static void cell_rate(struct columns *c, double v, bool rates)
{
	char text[32];

	if (!rates || v >= 100 || v <= -100 || v == 0) {
		columns_number(c, v > 0 ? (uint64_t)(v + 0.5) : 0);
		return;
	}
	snprintf(text, sizeof(text), "%.1f", v);
	columns_text(c, text);
}

static void cell_protocols(struct columns *c, const json_t *e)
{
	struct buffer names = {0};
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(e, "versions"), i, v)
	{
		buffer_string(&names, i ? "," : "");
		buffer_string(&names, json_is_string(v) ? json_string_value(v) : "");
	}
	buffer_char(&names, '\0');
	columns_text(c, names.p ? names.p : "");
	buffer_free(&names);
}

/* "1000", with a mark where it is not the exporter that said so. */
static void cell_sampling(struct columns *c, const json_t *e)
{
	const char *origin = client_text(e, "sampling_origin");
	char number[32], text[48];

	if (!client_number(e, "sampling_rate")) {
		columns_text(c, "-");
		return;
	}
	snprintf(text, sizeof(text), "%s%s", grouped(client_number(e, "sampling_rate"), number),
		 !strcmp(origin, "assumed")	 ? " ?"
		 : !strcmp(origin, "configured") ? " set"
						 : "");
	columns_text(c, text);
}

static void cell_lag(struct columns *c, const json_t *e, int64_t ms)
{
	char text[40];

	if (!json_object_get(e, "lag_ms")) {
		columns_text(c, "-");
		return;
	}
	if (ms > -10000 && ms < 10000)
		snprintf(text, sizeof(text), "%" PRId64 " ms", ms);
	else if (ms < 0)
		snprintf(text, sizeof(text), "%" PRId64 " s", ms / 1000);
	else
		print_duration(text, sizeof(text), (uint64_t)ms / 1000);
	columns_text(c, text);
}

static void print_row(struct columns *c, const struct row *r, bool rates, uint64_t now)
{
	uint64_t seen = r->seen_ns / 1000000000u;
	char ago[32];

	print_duration(ago, sizeof(ago), now > seen ? now - seen : 0);
	columns_text(c, r->address);
	cell_protocols(c, r->of);
	cell_rate(c, r->datagrams, rates);
	cell_rate(c, r->flows, rates);
	cell_rate(c, r->bytes, rates);
	cell_rate(c, r->lost, rates);
	columns_number(c, client_number(r->of, "malformed"));
	columns_number(c, client_number(r->of, "no_template"));
	columns_number(c, r->templates);
	cell_sampling(c, r->of);
	cell_lag(c, r->of, r->lag_ms);
	columns_text(c, ago);
}

static json_t *by_address(const json_t *exporters)
{
	json_t *index = exporters ? json_object() : NULL, *e;
	size_t i;

	json_array_foreach(json_object_get(exporters, "list"), i, e)
		json_object_set(index, client_text(e, "address"), e);
	return index;
}

void exporter_table_print(const json_t *exporters, const json_t *before, double seconds, int order,
			  bool reverse, unsigned max, uint64_t now, unsigned width, FILE *to)
{
	static const char *const heads[2][12] = {
		{"exporter", "protocols", ">datagrams", ">flows", ">bytes", ">lost", ">malformed",
		 ">no template", ">templates", ">sampling", ">lag", ">last seen"},
		{"exporter", "protocols", ">datagrams/s", ">flows/s", ">bytes/s", ">lost/s",
		 ">malformed", ">no template", ">templates", ">sampling", ">lag", ">last seen"},
	};
	/* Protocols, bytes, templates, sampling, lag, no template, datagrams: what is lost, what is
	 * malformed and who is silent stays. */
	struct columns c = {.heads = heads[seconds > 0],
			    .n = 12,
			    .width = width,
			    .spare = "\2\5\11\12\13\10\3"};
	struct sorting sorting = {.order = order, .reverse = reverse};
	const json_t *list = json_object_get(exporters, "list"), *e;
	json_t *index = by_address(before);
	size_t n = json_array_size(list), i;
	struct row *rows = calloc(n ? n : 1, sizeof(*rows));

	json_array_foreach(list, i, e)
	{
		const json_t *was = json_object_get(index, client_text(e, "address"));

		if (!rows)
			break;
		rows[i] = (struct row){
			.of = e,
			.address = client_text(e, "address"),
			.flows = rate(e, was, "flows", seconds),
			.datagrams = rate(e, was, "datagrams", seconds),
			.bytes = rate(e, was, "bytes", seconds),
			.lost = rate(e, was, "lost", seconds),
			.templates = client_number(e, "templates"),
			.seen_ns = client_number(e, "last_seen_ns"),
			.lag_ms = json_integer_value(json_object_get(e, "lag_ms")),
		};
	}
	if (rows) {
		qsort_r(rows, n, sizeof(*rows), compare, &sorting);
		for (i = 0; i < n && i < max; i++)
			print_row(&c, &rows[i], seconds > 0, now);
		columns_print(&c, to);
	}
	free(rows);
	json_decref(index);
}
