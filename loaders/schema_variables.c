/* What the SQL of deploy/clickhouse is made with, from settings and environment.
 * SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema_variables.h"

enum kind {
	TEXT,		 /* between quotes in the SQL */
	NAME,		 /* of a database: letters, digits, underscores */
	NUMBER,		 /* not 0 */
	OPTIONAL_PERIOD, /* a period; or empty, or "none" */
	PERIOD,		 /* "30 DAY" */
	WINDOWS,	 /* "5m,1h,1d" */
	LIST,		 /* of texts, to an array */
	OPTION,		 /* the same, but nothing where it is empty */
};

static const struct {
	const char *variable; /* of the environment */
	const char *name;     /* in the SQL */
	enum kind kind;
	const char *fallback;
} variables[] = {
	{"CLICKHOUSE_INGEST_DATABASE", "ingest", NAME, NULL}, /* NULL: that of the tables */
	{"CLICKHOUSE_FLOW_TTL", "flow_ttl", PERIOD, "30 DAY"},
	{"CLICKHOUSE_FLOW_MV_TTL", "rollup_ttl", PERIOD, "5 YEAR"},
	{"CLICKHOUSE_IF_TRAFFIC_TTL", "traffic_ttl", PERIOD, "180 DAY"},
	{"CLICKHOUSE_FLOW_MV_BY_EDGE_AS", "edge_as_windows", WINDOWS, "5m,1h,1d"},
	{"CLICKHOUSE_FLOW_MV_BY_INTERFACE", "interface_windows", WINDOWS, "5m,1h,1d"},
	{"CLICKHOUSE_FLOW_MV_BY_IP_VERSION", "ip_version_windows", WINDOWS, "5m,1h,1d"},
	{"CLICKHOUSE_POLICY_ORIGINATOR", "policy_originator", TEXT, "unknown"},
	{"CLICKHOUSE_POLICY_LEVEL", "policy_level", TEXT, "tlp:amber"},
	{"CLICKHOUSE_POLICY_SCOPE", "policy_scope", LIST, ""},
	{"CLICKHOUSE_FLOW_MV_POLICY_LEVEL", "rollup_policy_level", TEXT, ""},
	{"CLICKHOUSE_FLOW_MV_POLICY_SCOPE", "rollup_policy_scope", OPTION, ""},
	{"CLICKHOUSE_KAFKA_BROKERS", "kafka_brokers", TEXT, ""},
	{"CLICKHOUSE_KAFKA_GROUP", "kafka_group", TEXT, "weir-clickhouse"},
	{"CLICKHOUSE_KAFKA_PROTOBUF_TOPIC", "protobuf_topic", TEXT, "flows"},
	{"CLICKHOUSE_KAFKA_JSON_TOPIC", "json_topic", TEXT, ""},
	{"CLICKHOUSE_KAFKA_NATIVE_TOPIC", "native_topic", TEXT, ""},
	{"CLICKHOUSE_KAFKA_COUNTER_TOPIC", "counter_topic", TEXT, ""},
	{"CLICKHOUSE_KAFKA_CONSUMERS", "kafka_consumers", NUMBER, "1"},
	{"CLICKHOUSE_KAFKA_BLOCK_ROWS", "kafka_block_rows", NUMBER, "524288"},
	{"CLICKHOUSE_KAFKA_FLUSH_MS", "kafka_flush_ms", NUMBER, "5000"},
	{"CLICKHOUSE_EXPORT_REFRESH", "export_refresh", OPTIONAL_PERIOD, ""},
	{"CLICKHOUSE_ROLLUP_REFRESH", "rollup_refresh", OPTIONAL_PERIOD, "1 HOUR"},
	{"CLICKHOUSE_ROLLUP_HOURS", "rollup_hours", NUMBER, "6"},
	{"ROLLUP_QUIET", "rollup_quiet", NUMBER, "60"},
	{"CLICKHOUSE_FORMAT_SCHEMA", "schema_file", TEXT, ""},
	{"CLICKHOUSE_FORMAT_SCHEMA_COUNTERS", "counter_schema_file", TEXT, "flow:CounterSample"},
};

static bool is_true(const char *text)
{
	return text &&
	       (!strcasecmp(text, "true") || !strcasecmp(text, "yes") || !strcmp(text, "1"));
}

static bool is_name(const char *text)
{
	return *text && !isdigit((unsigned char)*text) && strlen(text) < 64 &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
		       strlen(text);
}

static const char *const units[] = {"s", "SECOND", "m",	 "MINUTE", "h", "HOUR", "d", "DAY",
				    "w", "WEEK",   "mo", "MONTH",  "y", "YEAR", NULL};

/* "5m" as "5 MINUTE"; false: not a window. */
static bool window_interval(const char *window, char to[32])
{
	size_t digits = strspn(window, "0123456789");

	if (!digits || digits > 4 || *window == '0')
		return false;
	for (const char *const *u = units; *u; u += 2) {
		if (!strcmp(window + digits, *u)) {
			snprintf(to, 32, "%.*s %s", (int)digits, window, u[1]);
			return true;
		}
	}
	return false;
}

static bool is_period(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	if (!digits || digits > 4 || text[digits] != ' ')
		return false;
	for (const char *const *u = units; *u; u += 2)
		if (!strcasecmp(text + digits + 1, u[1]))
			/* DateTime ends in 2106: what would go beyond has expired at once */
			return **u != 'y' || atoi(text) <= 60;
	return false;
}

static bool is_number(const char *text)
{
	return *text && *text != '0' && strlen(text) <= 9 &&
	       strspn(text, "0123456789") == strlen(text);
}

/* To "5m=5 MINUTE,1h=1 HOUR", for a loop over them. */
static int set_windows(struct sql_template *t, const char *name, const char *list, bool *good)
{
	char *copy = strdup(list), *save = NULL, interval[32];
	struct buffer b = {0};
	int r = -ENOMEM;

	*good = true;
	for (char *w = copy ? strtok_r(copy, ", ", &save) : NULL; w && *good;
	     w = strtok_r(NULL, ", ", &save)) {
		*good = window_interval(w, interval);
		if (*good)
			buffer_format(&b, "%s%s=%s", b.len ? "," : "", w, interval);
	}
	buffer_char(&b, '\0');
	if (copy && !b.failed)
		r = sql_template_set(t, name, b.p);
	free(copy);
	buffer_free(&b);
	return r;
}

static int set_list(struct sql_template *t, const char *name, const char *list)
{
	char *copy = strdup(list), *save = NULL;
	struct buffer b = {0};
	int r = -ENOMEM;

	buffer_char(&b, '[');
	for (char *w = copy ? strtok_r(copy, ",", &save) : NULL; w;
	     w = strtok_r(NULL, ",", &save)) {
		while (*w == ' ')
			w++;
		while (*w && w[strlen(w) - 1] == ' ')
			w[strlen(w) - 1] = '\0';
		if (!*w)
			continue;
		if (b.len > 1)
			buffer_string(&b, ", ");
		clickhouse_quote(&b, w);
	}
	buffer_string(&b, b.len > 1 ? "]" : "]::Array(String)");
	buffer_char(&b, '\0');
	if (copy && !b.failed)
		r = sql_template_set(t, name, b.p);
	free(copy);
	buffer_free(&b);
	return r;
}

/* Where Parquet goes, for a view that writes it. */
static int set_store(struct load *l, struct sql_template *t)
{
	struct buffer url = {0}, login = {0};
	const char *key, *secret;
	int r = load_store(l, !load_variable(l, "CLICKHOUSE_EXPORT_REFRESH"), &url, &key, &secret);

	if (!r && key) {
		clickhouse_quote(&login, key);
		buffer_string(&login, ", ");
		clickhouse_quote(&login, l->dry_run ? "[hidden]" : secret);
		buffer_string(&login, ", ");
	}
	buffer_char(&login, '\0');
	if (!r && (login.failed || sql_template_set(t, "export_url", url.p) ||
		   sql_template_set(t, "export_login", login.p)))
		r = load_fail(l, ENOMEM, "out of memory");
	explicit_bzero(login.p, login.p ? login.len : 0);
	buffer_free(&login);
	buffer_free(&url);
	return r;
}

/* MetrANOVA's "64805:lhcone,64806:lsst" to two arrays for transform(). */
static int set_communities(struct load *l, struct sql_template *t)
{
	static const char variable[] = "CLICKHOUSE_FLOW_POLICY_COMMUNITY_SCOPE_MAP";
	const char *given = load_variable(l, variable);
	char *list = strdup(given ? given : ""), *rest = list, *item;
	struct buffer numbers = {0}, names = {0};
	int r = 0;

	buffer_string(&numbers, "[toUInt64(0)");
	buffer_string(&names, "[''");
	while (!r && (item = strsep(&rest, ","))) {
		char *colon = strrchr(item, ':'), *end;

		item += strspn(item, " \"");
		if (!*item)
			continue;
		if (!colon || colon < item || strtoul(item, &end, 10) > UINT32_MAX || end != colon)
			r = load_fail(l, EINVAL, "%s: '%s' is not NUMBER:NAME", variable, item);
		else {
			colon[1 + strcspn(colon + 1, " \"")] = '\0';
			buffer_format(&numbers, ", %lu", strtoul(item, NULL, 10));
			buffer_string(&names, ", ");
			clickhouse_quote(&names, colon + 1);
		}
	}
	buffer_bytes(&numbers, "]", 2);
	buffer_bytes(&names, "]", 2);
	if (!r && (!list || numbers.failed || names.failed ||
		   sql_template_set(t, "community_numbers", numbers.p) ||
		   sql_template_set(t, "community_names", names.p)))
		r = load_fail(l, ENOMEM, "out of memory");
	free(list);
	buffer_free(&numbers);
	buffer_free(&names);
	return r;
}

static int set_from_environment(struct load *l, struct sql_template *t)
{
	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
		const char *text = load_variable(l, variables[i].variable);
		const char *name = variables[i].name, *want = NULL;
		bool good = true;
		int r = 0;

		if (!text)
			text = variables[i].fallback
				       ? variables[i].fallback
				       : (l->at.database ? l->at.database : "default");
		switch (variables[i].kind) {
		case TEXT:
			r = sql_template_set_text(t, name, text);
			break;
		case NAME:
			good = is_name(text);
			want = "letters, digits and underscores";
			break;
		case NUMBER:
			good = is_number(text);
			want = "a number above 0";
			break;
		case OPTIONAL_PERIOD:
			if (!strcasecmp(text, "none"))
				text = "";
			if (!*text)
				break;
			/* fall through */
		case PERIOD:
			good = is_period(text);
			want = "a number and a unit, as in 30 DAY, up to 60 YEAR";
			break;
		case WINDOWS:
			r = set_windows(t, name, text, &good);
			want = "windows with commas between them, as in 5m,1h,1d";
			break;
		case OPTION:
		case LIST:
			if (variables[i].kind == OPTION && !*text) {
				r = sql_template_set(t, name, "");
				break;
			}
			r = set_list(t, name, text);
			break;
		}
		if (!good)
			return load_fail(l, EINVAL, "%s is '%s': %s", variables[i].variable, text,
					 want);
		if (!r && variables[i].kind >= NAME && variables[i].kind <= PERIOD)
			r = sql_template_set(t, name, text);
		if (r)
			return load_fail(l, -r, "out of memory");
	}
	return 0;
}

/* Dictionaries read their tables as somebody. */
static int set_login(struct load *l, struct sql_template *t)
{
	const char *user = l->at.username, *password = l->at.password;
	struct buffer b = {0};
	int r = -ENOMEM;

	if (user && *user && (strcmp(user, "default") || (password && *password))) {
		buffer_string(&b, "USER ");
		clickhouse_quote(&b, user);
		buffer_string(&b, " PASSWORD ");
		clickhouse_quote(&b, l->dry_run ? "[hidden]" : password ? password : "");
		buffer_char(&b, ' ');
	}
	buffer_char(&b, '\0');
	if (!b.failed)
		r = sql_template_set(t, "dictionary_login", b.p);
	if (b.p)
		explicit_bzero(b.p, b.len);
	buffer_free(&b);
	return r;
}

int schema_variables(struct load *l, struct sql_template *t)
{
	const char *database = l->at.database ? l->at.database : "default";
	const char *cluster = load_variable(l, "CLICKHOUSE_CLUSTER_NAME");
	const char *replication = load_variable(l, "CLICKHOUSE_REPLICATION");
	const char *scale = load_variable(l, "CLICKHOUSE_FLOW_SCALE");
	const char *scopes = load_variable(l, "CLICKHOUSE_FLOW_POLICY_AUTO_SCOPES");
	bool replicated = replication ? is_true(replication) : cluster != NULL;
	char on_cluster[128] = "";
	int r = 0;

	if (!is_name(database))
		return load_fail(l, EINVAL,
				 "clickhouse.database is '%s': letters, digits and "
				 "underscores",
				 database);
	if (cluster && strlen(cluster) > 64)
		return load_fail(l, EINVAL, "CLICKHOUSE_CLUSTER_NAME is longer than 64 letters");
	if (cluster && strpbrk(cluster, "'\\$"))
		return load_fail(l, EINVAL, "CLICKHOUSE_CLUSTER_NAME is '%s': no quotes, please",
				 cluster);
	if (cluster)
		snprintf(on_cluster, sizeof(on_cluster), "ON CLUSTER '%s'", cluster);
	const struct {
		const char *name, *value;
	} fixed[] = {
		{"database", database},
		{"cluster", cluster ? cluster : ""},
		{"on_cluster", on_cluster},
		{"local", cluster ? "_local" : ""},
		{"global", cluster ? "GLOBAL" : ""},
		{"replicated", replicated ? "Replicated" : ""},
		/* a table of which each node has all */
		{"everywhere", replicated ? "('/clickhouse/tables/all/{database}/{table}', "
					    "'{shard}-{replica}')"
					  : ""},
		{"auto_scopes", !scopes || is_true(scopes) ? "true" : ""},
		{"scale", !scale || is_true(scale) ? "greatest(sampling_rate, 1)" : "1"},
	};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed) && !r; i++)
		r = sql_template_set(t, fixed[i].name, fixed[i].value);
	if (!r)
		r = sql_template_set_text(t, "flow_proto", schema_file("proto/flow.proto"));
	if (!r)
		r = set_login(l, t);
	if (r)
		return load_fail(l, -r, "out of memory");
	r = set_communities(l, t);
	r = r ? r : set_store(l, t);
	return r ? r : set_from_environment(l, t);
}
