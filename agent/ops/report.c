/* What status and health say, as JSON.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../clock.h"
#include "../publish/flow_names.h"
#include "../enrich/enrich.h"
#include "../publish/publish.h"
#include "exporters.h"
#include "pressure.h"
#include "report.h"

enum { STANDSTILL_MS = 10000 };

bool report_is_of_outputs(enum account_id id)
{
	return id >= ACCOUNT_PUBLISHED_FLOWS;
}

const char *report_mode(enum rx_mode mode)
{
	return mode == RX_NATIVE ? "native" : mode == RX_GENERIC ? "generic" : "udp";
}

uint64_t report_heartbeat_age(const struct ops_sources *s, unsigned i, uint64_t now_ns)
{
	uint64_t beat = __atomic_load_n(s->heartbeats[i], __ATOMIC_RELAXED);

	return beat && beat < now_ns ? (now_ns - beat) / 1000000 : 0;
}

bool report_alive(const struct ops_sources *s, struct buffer *why)
{
	uint64_t now = clock_monotonic_ns();

	for (unsigned i = 0; s->heartbeats && i < s->n_workers; i++) {
		uint64_t age = report_heartbeat_age(s, i, now);

		if (age > STANDSTILL_MS) {
			buffer_format(why, "worker %u has stood still for %llu s\n", i,
				      (unsigned long long)(age / 1000));
			return false;
		}
	}
	return true;
}

bool report_ready(const struct ops_sources *s, struct buffer *why)
{
	struct ops_receiver r[OPS_RECEIVERS_MAX];
	unsigned n = s->receivers ? s->receivers(r, OPS_RECEIVERS_MAX, s->arg) : 0;

	if (!n) {
		buffer_string(why, "no socket to receive from is open\n");
		return false;
	}
	for (unsigned i = 0; i < n; i++)
		if (r[i].gone) {
			buffer_format(why,
				      r[i].back ? "interface %s is back: restart the agent\n"
						: "interface %s is gone\n",
				      r[i].interface);
			return false;
		}
	if (!s->n_outputs || publisher_ended(s->publisher)) {
		buffer_string(why, "no output can deliver\n");
		return false;
	}
	if (s->pressure) {
		struct verdict v;

		pressure_judge(s->pressure, s, &v);
		if (v.dropping) {
			buffer_string(why, "every output is dropping flows\n");
			return false;
		}
	}
	return true;
}

static void string(struct buffer *to, const char *name, const char *value)
{
	buffer_format(to, "\"%s\":", name);
	buffer_json_string(to, value, strlen(value));
}

static void number(struct buffer *to, const char *name, uint64_t value)
{
	buffer_format(to, ",\"%s\":", name);
	buffer_uint(to, value);
}

/* "accounts":{…} of those that outputs keep, or of those that workers keep. */
static void accounts(struct buffer *to, const struct account *const *a, unsigned n, bool of_outputs)
{
	const char *comma = "";

	buffer_string(to, "\"accounts\":{");
	for (unsigned id = 0; id < ACCOUNT_MAX; id++) {
		uint64_t sum = 0;

		if (report_is_of_outputs(id) != of_outputs)
			continue;
		for (unsigned i = 0; i < n; i++)
			sum += account_get(a[i], id);
		buffer_format(to, "%s\"%s\":%llu", comma, account_name(id),
			      (unsigned long long)sum);
		comma = ",";
	}
	buffer_char(to, '}');
}

static void bottleneck(const struct verdict *v, struct buffer *to)
{
	buffer_string(to, ",\"bottleneck\":{");
	string(to, "stage", stage_name(v->stage));
	buffer_char(to, ',');
	string(to, "why", v->why);
	buffer_char(to, '}');
}

static void workers(const struct ops_sources *s, const struct verdict *v, struct buffer *to)
{
	uint64_t now = clock_monotonic_ns();

	buffer_string(to, ",\"workers\":[");
	for (unsigned i = 0; i < s->n_workers; i++) {
		buffer_format(to, "%s{\"worker\":%u", i ? "," : "", i);
		if (s->heartbeats)
			number(to, "heartbeat_ms", report_heartbeat_age(s, i, now));
		number(to, "busy", v->busy[i]);
		number(to, "ring_dropped", v->ring_dropped[i]);
		buffer_char(to, ',');
		accounts(to, s->accounts + i, 1, false);
		buffer_char(to, '}');
	}
	buffer_char(to, ']');
}

static void receivers(const struct ops_sources *s, struct buffer *to)
{
	struct ops_receiver r[OPS_RECEIVERS_MAX];
	unsigned n = s->receivers ? s->receivers(r, OPS_RECEIVERS_MAX, s->arg) : 0;

	buffer_string(to, ",\"receivers\":[");
	for (unsigned i = 0; i < n; i++) {
		buffer_string(to, i ? ",{" : "{");
		string(to, "interface", r[i].interface);
		number(to, "queue", r[i].queue);
		number(to, "worker", r[i].worker);
		buffer_format(to, ",\"mode\":\"%s\",\"zero_copy\":%s", report_mode(r[i].mode),
			      r[i].zero_copy ? "true" : "false");
		if (r[i].gone)
			buffer_string(to, ",\"gone\":true");
		if (r[i].back)
			buffer_string(to, ",\"back\":true");
		number(to, "dropped", r[i].dropped);
		buffer_char(to, '}');
	}
	buffer_char(to, ']');
}

static void kernel(const struct ops_sources *s, struct buffer *to)
{
	struct ops_reason r[OPS_REASONS_MAX];
	unsigned n = s->reasons ? s->reasons(r, OPS_REASONS_MAX, s->arg) : 0;

	buffer_string(to, ",\"kernel\":[");
	for (unsigned i = 0; i < n; i++) {
		buffer_string(to, i ? ",{" : "{");
		string(to, "reason", r[i].name);
		number(to, "total", r[i].total);
		number(to, "since_start", r[i].since_start);
		buffer_char(to, '}');
	}
	buffer_char(to, ']');
}

static void outputs(const struct ops_sources *s, struct buffer *to)
{
	buffer_string(to, ",\"outputs\":[");
	for (unsigned i = 0; i < s->n_outputs; i++) {
		const struct account *a = publisher_account(s->publisher, i);
		uint64_t waiting = publisher_waiting(s->publisher, i);
		uint64_t spooled = publisher_spooled(s->publisher, i);

		buffer_string(to, i ? ",{" : "{");
		string(to, "name", publisher_output_name(s->publisher, i));
		number(to, "waiting_flows", waiting);
		number(to, "spool_flows", spooled < waiting ? spooled : waiting);
		number(to, "queue_percent", publisher_fill(s->publisher, i));
		buffer_char(to, ',');
		accounts(to, &a, 1, true);
		buffer_char(to, '}');
	}
	buffer_char(to, ']');
}

static void tables(const struct ops_sources *s, struct buffer *to)
{
	struct enrich_table t[ENRICH_TABLES];

	if (!s->enricher)
		return;
	enricher_tables(s->enricher, t);
	buffer_string(to, ",\"tables\":[");
	for (unsigned i = 0; i < ENRICH_TABLES; i++) {
		buffer_string(to, i ? ",{" : "{");
		string(to, "name", t[i].name);
		number(to, "entries", t[i].entries);
		number(to, "bytes", t[i].bytes);
		number(to, "loaded", t[i].loaded_s);
		number(to, "load_ms", t[i].load_ms);
		number(to, "loads", t[i].loads);
		number(to, "refused", t[i].refused);
		buffer_char(to, '}');
	}
	buffer_char(to, ']');
}

static void versions(uint32_t bits, struct buffer *to)
{
	static const char *const names[] = {
		[FLOW_SFLOW_5] = "SFLOW_5",
		[FLOW_NETFLOW_V5] = "NETFLOW_V5",
		[FLOW_NETFLOW_V9] = "NETFLOW_V9",
		[FLOW_IPFIX] = "IPFIX",
	};
	const char *comma = "";

	buffer_string(to, ",\"versions\":[");
	for (unsigned i = 1; i < sizeof(names) / sizeof(*names); i++)
		if (bits & 1u << i) {
			buffer_format(to, "%s\"%s\"", comma, names[i]);
			comma = ",";
		}
	buffer_char(to, ']');
}

void report_exporters(const struct ops_sources *s, unsigned max, struct buffer *to)
{
	struct ops_exporters all = {0};

	if (s->store && ops_exporters_read(s->store, OPS_BY_FLOWS, &all))
		all.n = 0; /* out of memory: the total alone */
	buffer_string(to, "{\"total\":");
	buffer_uint(to, all.total);
	buffer_string(to, ",\"list\":[");
	for (unsigned i = 0; i < all.n && i < max; i++) {
		const struct ops_exporter *e = &all.p[i];

		buffer_string(to, i ? ",{\"address\":\"" : "{\"address\":\"");
		buffer_ip(to, &e->address);
		buffer_char(to, '"');
		versions(e->versions, to);
		number(to, "datagrams", e->datagrams);
		number(to, "bytes", e->bytes);
		number(to, "records", e->records);
		number(to, "flows", e->flows);
		number(to, "lost", e->lost);
		number(to, "malformed", e->malformed);
		number(to, "no_template", e->no_template);
		number(to, "templates", e->templates);
		number(to, "streams", e->streams);
		if (e->sampling_rate) {
			number(to, "sampling_rate", e->sampling_rate);
			buffer_format(to, ",\"sampling_origin\":\"%s\",\"lag_ms\":%lld",
				      sampling_origin_name(e->sampling_origin),
				      (long long)(e->lag_ns / 1000000));
		}
		number(to, "first_seen_ns", e->first_seen_ns);
		number(to, "last_seen_ns", e->last_seen_ns);
		buffer_char(to, '}');
	}
	buffer_string(to, "]}");
	free(all.p);
}

void report_status(const struct ops_sources *s, uint64_t started_s, unsigned max_exporters,
		   struct buffer *to)
{
	struct buffer why = {0};
	bool alive = report_alive(s, &why), ready = report_ready(s, &why);
	struct verdict v = {0};

	buffer_string(to, "{\"version\":\"" WEIR_VERSION "\",");
	string(to, "collector_id", s->collector_id ? s->collector_id : "");
	number(to, "pid", (uint64_t)getpid());
	number(to, "started", started_s);
	number(to, "now", (uint64_t)time(NULL));
	buffer_format(to, ",\"alive\":%s,\"ready\":%s,", alive ? "true" : "false",
		      ready ? "true" : "false");
	if (why.len) {
		buffer_string(to, "\"why\":");
		buffer_json_string(to, why.p, why.len - 1); /* its last line ends there */
		buffer_char(to, ',');
	}
	accounts(to, s->accounts, s->n_accounts, false);
	if (s->pressure)
		pressure_judge(s->pressure, s, &v);
	bottleneck(&v, to);
	workers(s, &v, to);
	receivers(s, to);
	kernel(s, to);
	tables(s, to);
	outputs(s, to);
	buffer_string(to, ",\"exporters\":");
	report_exporters(s, max_exporters, to);
	buffer_char(to, '}');
	buffer_free(&why);
}
