/* The metrics as text.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../clock.h"
#include "../enrich/enrich.h"
#include "../publish/publish.h"
#include "exporters.h"
#include "metrics.h"
#include "pressure.h"
#include "report.h"
#include "steer.h"

static const struct {
	const char *name, *type, *labels, *help;
} metrics[METRIC_MAX] = {
#define M(id, name, type, labels, help) [METRIC_##id] = {name, type, labels, help},
	METRICS(M)
#undef M
};

/* Help texts know two escapes, of backslash and newline; ours need neither. */
static void head(struct buffer *to, enum metric_id id)
{
	buffer_format(to, "# HELP weir_%s %s\n# TYPE weir_%s %s\n", metrics[id].name,
		      metrics[id].help, metrics[id].name, metrics[id].type);
}

/* A label value: backslash, quote and newline are escaped. */
static void label(struct buffer *to, const char *name, const char *value)
{
	buffer_format(to, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n') {
			buffer_string(to, "\\n");
			continue;
		}
		if (*value == '\\' || *value == '"')
			buffer_char(to, '\\');
		buffer_char(to, *value);
	}
	buffer_char(to, '"');
}

static void value(struct buffer *to, uint64_t v)
{
	buffer_char(to, ' ');
	buffer_uint(to, v);
	buffer_char(to, '\n');
}

static void accounts(const struct ops_sources *s, struct buffer *to)
{
	for (unsigned id = 0; id < ACCOUNT_MAX; id++) {
		const char *name = account_name(id);

		buffer_format(to, "# HELP weir_%s_total %s\n# TYPE weir_%s_total counter\n", name,
			      account_help(id), name);
		if (report_is_of_outputs(id)) {
			for (unsigned i = 0; i < s->n_outputs; i++) {
				buffer_format(to, "weir_%s_total{", name);
				label(to, "output", publisher_output_name(s->publisher, i));
				buffer_char(to, '}');
				value(to, account_get(publisher_account(s->publisher, i), id));
			}
			continue;
		}
		for (unsigned i = 0; i < s->n_accounts; i++) {
			if (i < s->n_workers)
				buffer_format(to, "weir_%s_total{worker=\"%u\"}", name, i);
			else
				buffer_format(to, "weir_%s_total{worker=\"%s\"}", name,
					      i == s->n_workers ? "main" : "topic");
			value(to, account_get(s->accounts[i], id));
		}
	}
}

static void process(const struct ops_sources *s, uint64_t started_s, struct buffer *to)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	head(to, METRIC_BUILD);
	buffer_string(to, "weir_build_info{version=\"" WEIR_VERSION "\",");
	label(to, "collector_id", s->collector_id ? s->collector_id : "");
	buffer_string(to, "} 1\n");
	head(to, METRIC_START);
	buffer_string(to, "weir_start_time_seconds");
	value(to, started_s);
	if (f && fscanf(f, "%*u %lu", &pages) == 1) {
		head(to, METRIC_MEMORY);
		buffer_string(to, "weir_resident_memory_bytes");
		value(to, (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE));
	}
	if (f)
		fclose(f);
}

static void heartbeats(const struct ops_sources *s, struct buffer *to)
{
	uint64_t now = clock_monotonic_ns();

	if (!s->heartbeats)
		return;
	head(to, METRIC_HEARTBEAT);
	for (unsigned i = 0; i < s->n_workers; i++) {
		uint64_t age = report_heartbeat_age(s, i, now);

		buffer_format(to, "weir_worker_heartbeat_age_seconds{worker=\"%u\"} %llu.%03u\n", i,
			      (unsigned long long)(age / 1000), (unsigned)(age % 1000));
	}
}

static void pressure(const struct ops_sources *s, struct buffer *to)
{
	struct verdict v;

	if (!s->pressure)
		return;
	pressure_judge(s->pressure, s, &v);
	head(to, METRIC_BUSY);
	for (unsigned i = 0; i < s->n_workers; i++)
		buffer_format(to, "weir_worker_busy_ratio{worker=\"%u\"} %u.%02u\n", i,
			      v.busy[i] / 100, v.busy[i] % 100);
	head(to, METRIC_BOTTLENECK);
	for (enum stage i = STAGE_NONE; i <= STAGE_BROKER; i++)
		buffer_format(to, "weir_bottleneck{stage=\"%s\"} %u\n", stage_name(i),
			      v.stage == i);
}

static void receivers(const struct ops_sources *s, struct buffer *to)
{
	struct ops_receiver r[OPS_RECEIVERS_MAX];
	unsigned n = s->receivers ? s->receivers(r, OPS_RECEIVERS_MAX, s->arg) : 0;

	for (int dropped = 0; dropped < 2; dropped++) {
		head(to, dropped ? METRIC_RECEIVER_DROPPED : METRIC_RECEIVER);
		for (unsigned i = 0; i < n; i++) {
			buffer_format(to, "weir_receiver_%s{",
				      dropped ? "dropped_datagrams_total" : "info");
			label(to, "interface", r[i].interface);
			buffer_format(to, ",queue=\"%u\",worker=\"%u\",mode=\"%s\"", r[i].queue,
				      r[i].worker, report_mode(r[i].mode));
			if (!dropped)
				buffer_format(to, ",zero_copy=\"%s\"",
					      r[i].zero_copy ? "true" : "false");
			buffer_char(to, '}');
			value(to, dropped ? r[i].dropped : 1);
		}
	}
}

static void kernel(const struct ops_sources *s, struct buffer *to)
{
	struct ops_reason r[OPS_REASONS_MAX];
	unsigned n = s->reasons ? s->reasons(r, OPS_REASONS_MAX, s->arg) : 0;

	if (!n)
		return;
	head(to, METRIC_KERNEL);
	for (unsigned i = 0; i < n; i++) {
		buffer_format(to, "weir_kernel_frames_total{reason=\"%s\"}", r[i].name);
		value(to, r[i].total);
	}
}

static void output_label(const struct ops_sources *s, unsigned i, const char *name,
			 struct buffer *to)
{
	buffer_format(to, "weir_%s{", name);
	label(to, "output", publisher_output_name(s->publisher, i));
	buffer_char(to, '}');
}

static void waiting(const struct ops_sources *s, struct buffer *to)
{
	head(to, METRIC_WAITING);
	for (unsigned i = 0; i < s->n_outputs; i++) {
		output_label(s, i, "output_waiting_flows", to);
		value(to, publisher_waiting(s->publisher, i));
	}
	head(to, METRIC_SPOOL);
	for (unsigned i = 0; i < s->n_outputs; i++) {
		output_label(s, i, "output_spool_flows", to);
		value(to, publisher_spooled(s->publisher, i));
	}
	head(to, METRIC_QUEUE);
	for (unsigned i = 0; i < s->n_outputs; i++) {
		unsigned fill = publisher_fill(s->publisher, i);

		output_label(s, i, "output_queue_ratio", to);
		buffer_format(to, " %u.%02u\n", fill / 100, fill % 100);
	}
}

static uint64_t table_value(const struct enrich_table *t, enum metric_id id)
{
	switch (id) {
	case METRIC_TABLE_ENTRIES:
		return t->entries;
	case METRIC_TABLE_BYTES:
		return t->bytes;
	case METRIC_TABLE_LOADED:
		return t->loaded_s;
	case METRIC_TABLE_LOADS:
		return t->loads;
	default:
		return t->refused;
	}
}

static void tables(const struct ops_sources *s, struct buffer *to)
{
	struct enrich_table t[ENRICH_TABLES];

	if (!s->enricher)
		return;
	enricher_tables(s->enricher, t);
	for (unsigned id = METRIC_TABLE_ENTRIES; id <= METRIC_TABLE_REFUSED; id++) {
		head(to, id);
		for (unsigned i = 0; i < ENRICH_TABLES; i++) {
			buffer_format(to, "weir_%s{table=\"%s\"}", metrics[id].name, t[i].name);
			value(to, table_value(&t[i], id));
		}
	}
}

static uint64_t exporter_value(const struct ops_exporter *e, enum metric_id id)
{
	switch (id) {
	case METRIC_EXPORTER_DATAGRAMS:
		return e->datagrams;
	case METRIC_EXPORTER_BYTES:
		return e->bytes;
	case METRIC_EXPORTER_FLOWS:
		return e->flows;
	case METRIC_EXPORTER_RECORDS:
		return e->records;
	case METRIC_EXPORTER_MALFORMED:
		return e->malformed;
	case METRIC_EXPORTER_NO_TEMPLATE:
		return e->no_template;
	case METRIC_EXPORTER_LOST:
		return e->lost;
	case METRIC_EXPORTER_TEMPLATES:
		return e->templates;
	default:
		return e->last_seen_ns / 1000000000u;
	}
}

/* The exporters known longest keep theirs, so that no series comes and goes. */
static void exporters(const struct ops_options *o, const struct ops_sources *s, struct buffer *to)
{
	struct ops_exporters all;
	int r = ops_exporters_read(s->store, OPS_BY_AGE, &all);
	unsigned n = all.n < o->metrics_max_exporters ? all.n : o->metrics_max_exporters;

	head(to, METRIC_EXPORTERS);
	buffer_string(to, "weir_exporters");
	value(to, all.total);
	for (unsigned id = METRIC_EXPORTER_DATAGRAMS; !r && id < METRIC_MAX; id++) {
		head(to, id);
		for (unsigned i = 0; i < n; i++) {
			buffer_format(to, "weir_%s{exporter=\"", metrics[id].name);
			buffer_ip(to, &all.p[i].address);
			buffer_string(to, "\"}");
			value(to, exporter_value(&all.p[i], id));
		}
	}
	free(all.p);
}

void metrics_print(const struct ops_options *o, const struct ops_sources *s, uint64_t started_s,
		   struct buffer *to)
{
	process(s, started_s, to);
	heartbeats(s, to);
	pressure(s, to);
	receivers(s, to);
	kernel(s, to);
	accounts(s, to);
	waiting(s, to);
	tables(s, to);
	if (s->store)
		exporters(o, s, to);
}

void metrics_reference(struct buffer *to)
{
	buffer_string(
		to,
		"# Metrics\n\n"
		"Made by `make docs` from the tables that the program counts by (`agent/account.h`,\n"
		"`agent/ops/metrics.h`, `bpf/steer.h`).\n\n"
		"`metrics.listen` serves `/metrics` (Prometheus text), `/healthz` (503 when a worker\n"
		"stands still) and `/readyz` (503 without a receiver, when an interface was removed,\n"
		"without an output, or while every output drops flows). `weir status` shows the same\n"
		"numbers, `weir audit` whether they add up. All names begin with `weir_`.\n\n"
		"## Accounts\n\n"
		"Every datagram and every record ends in exactly one of these. Counters since start,\n"
		"labelled `worker`, those of outputs `output`. Worker `main` is the agent's own\n"
		"thread, which receives nothing and counts what expires; `topic` shares templates.\n\n"
		"| metric | label | one count means |\n|---|---|---|\n");
	for (unsigned id = 0; id < ACCOUNT_MAX; id++)
		buffer_format(to, "| `weir_%s_total` | %s | %s |\n", account_name(id),
			      report_is_of_outputs(id) ? "output" : "worker", account_help(id));
	buffer_string(to, "\n## Others\n\n"
			  "Metrics with the label `exporter` are kept for the first\n"
			  "`metrics.max_exporters` exporters.\n\n"
			  "| metric | type | labels | meaning |\n|---|---|---|---|\n");
	for (unsigned id = 0; id < METRIC_MAX; id++)
		buffer_format(to, "| `weir_%s` | %s | %s | %s |\n", metrics[id].name,
			      metrics[id].type, metrics[id].labels, metrics[id].help);
	buffer_string(to, "\n## Reasons of the XDP program\n\n"
			  "Label `reason` of `weir_kernel_frames_total`.\n\n"
			  "| reason | meaning |\n|---|---|\n");
#define R(id, name, help) buffer_string(to, "| " #name " | " help " |\n");
	STEER_REASONS(R)
#undef R
}
