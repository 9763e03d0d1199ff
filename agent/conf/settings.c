/* The settings as a whole: defaults, single settings by name, what follows from what, differences.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "../ops/http.h"
#include "../publish/kafka_conf.h"
#include "print.h"
#include "table.h"

int settings_init(struct settings *s)
{
	memset(s, 0, sizeof(*s));
	return setting_defaults(&settings_table, s);
}

void settings_free(struct settings *s)
{
	setting_clear_all(&settings_table, s);
	memset(s, 0, sizeof(*s));
}

/* Takes "outputs[2]" off the front of key: the row and the index. Returns what follows ("" or
 * "topic"), or NULL when key is not of that form. */
static const char *item_of(const char *key, const struct setting **row, unsigned *index)
{
	const char *bracket = strchr(key, '[');
	char *name, *end;

	if (!bracket || !isdigit((unsigned char)bracket[1]))
		return NULL;
	*index = (unsigned)strtoul(bracket + 1, &end, 10);
	if (*end != ']' || (end[1] && end[1] != '.'))
		return NULL;
	name = strndup(key, (size_t)(bracket - key));
	*row = name ? setting_find(&settings_table, name) : NULL;
	free(name);
	if (!*row || (*row)->type != SETTING_MAPS)
		return NULL;
	return end[1] ? end + 2 : "";
}

/* Sets a property of a SETTING_PROPERTIES row, "linger.ms" say; an empty value removes it. */
static int set_property(const struct setting *row, void *base, const char *name, const char *value,
			struct buffer *why)
{
	struct kafka_property *p = NULL;

	for (unsigned i = 0; i < setting_count(row, base) && !p; i++) {
		p = setting_item(row, base, i);
		if (strcmp(p->name, name))
			p = NULL;
	}
	if (!p) {
		p = setting_append(row, base);
		if (p)
			p->name = strdup(name);
	} else {
		free(p->value);
	}
	if (p)
		p->value = strdup(value);
	if (p && p->name && p->value)
		return 0;
	buffer_format(why, "is one more than the %u allowed", row->max_items);
	return -EINVAL;
}

static int set_in(const struct setting_table *t, void *base, const char *path, const char *value,
		  struct buffer *why)
{
	static const char visible[] = "is not taken from the command line, which all users of this "
				      "machine can read: put it in the file, best as ${VARIABLE}";
	const struct setting *s = setting_find(t, path);

	if (s && s->type == SETTING_PROPERTIES) {
		buffer_format(why, "is not taken for a whole map; set %s.NAME", s->path);
		return -EINVAL;
	}
	if (s && s->type == SETTING_SECRET && *value) {
		buffer_string(why, visible);
		return -EACCES;
	}
	if (s)
		return setting_assign(s, base, value, why);
	for (unsigned i = 0; i < t->n; i++) {
		size_t n = strlen(t->rows[i].path);

		s = &t->rows[i];
		if (s->type != SETTING_PROPERTIES || strncmp(path, s->path, n) || path[n] != '.')
			continue;
		if (setting_is_secret_property(path + n + 1)) {
			buffer_string(why, visible);
			return -EACCES;
		}
		return set_property(s, base, path + n + 1, value, why);
	}
	return -ENOENT;
}

int settings_set(struct settings *s, const char *key, const char *value, struct buffer *errors)
{
	const struct setting_table *table = &settings_table;
	const struct setting *row = NULL;
	const char *rest, *near, *known = key;
	struct buffer why = {0};
	unsigned index = 0;
	void *item = s;
	int r = 0;

	rest = item_of(key, &row, &index);
	if (rest && index > setting_count(row, s)) {
		buffer_format(errors, "--set %s: there are only %u of these\n", key,
			      setting_count(row, s));
		return -EINVAL;
	}
	if (rest) {
		item = index < setting_count(row, s) ? setting_item(row, s, index)
						     : setting_append(row, s);
		table = row->items;
		known = rest;
	}
	if (!item) {
		buffer_format(&why, "is one more than the %u allowed", row->max_items);
		r = -EINVAL;
	} else if (rest && !*rest) {
		setting_clear(row, item);
		r = setting_defaults(row->items, item);
		r = r ? r : setting_parse(row, item, value, &why);
	} else {
		r = set_in(table, item, known, value, &why);
	}
	buffer_char(&why, '\0');
	near = r == -ENOENT ? setting_suggest(table, known) : NULL;
	if (r == -ENOENT)
		buffer_format(errors,
			      near ? "--set: unknown setting '%s' (did you mean '%s'?)\n"
				   : "--set: unknown setting '%s'\n",
			      key, near);
	else if (r == -EACCES)
		buffer_format(errors, "--set %s: a secret %s\n", key, why.p);
	else if (r)
		buffer_format(errors, "--set %s: '%s' %s\n", key, value, why.p ? why.p : "");
	buffer_free(&why);
	return r ? -EINVAL : 0;
}

int setting_output_spec(void *output, const char *spec, struct buffer *why)
{
	struct output_options *o = output;
	const char *rest, *slash;

	if (!strncmp(spec, "file:", 5) && spec[5]) {
		o->kind = OUTPUT_FILE;
		o->path = strdup(spec + 5);
		return o->path ? 0 : -ENOMEM;
	}
	rest = strncmp(spec, "kafka:", 6) ? "" : spec + 6;
	slash = strchr(rest, '/');
	if (slash && slash > rest && slash[1]) {
		o->kind = OUTPUT_KAFKA;
		o->brokers = strndup(rest, (size_t)(slash - rest));
		o->topic = strdup(slash + 1);
		return o->brokers && o->topic ? 0 : -ENOMEM;
	}
	buffer_string(why, "is neither file:PATH nor kafka:BROKER[,BROKER...]/TOPIC");
	return -EINVAL;
}

static bool is_sasl_mechanism(const char *name)
{
	static const char *const known[] = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512",
					    "OAUTHBEARER"};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(known[i], name))
			return true;
	return false;
}

/* {group} stands for a name; Kafka takes no braces. */
static bool has_other_braces(const char *topic)
{
	const char *group = strstr(topic, "{group}");

	if (!group)
		return topic[strcspn(topic, "{}")] != '\0';
	return topic + strcspn(topic, "{}") != group || group[7 + strcspn(group + 7, "{}")] != '\0';
}

static int check_properties(const struct output_options *o, unsigned i, settings_fault fault,
			    void *arg)
{
	int r = 0;

	for (unsigned k = 0; k < o->n_properties; k++) {
		char at[200], why[512], text[600];

		if (!kafka_property_fault(&o->properties[k], why, sizeof(why)))
			continue;
		snprintf(at, sizeof(at), "outputs[%u].properties", i);
		snprintf(text, sizeof(text), "librdkafka does not take %s: %s",
			 o->properties[k].name, why);
		fault(at, text, arg);
		r = -EINVAL;
	}
	return r;
}

static int check_output(const struct output_options *o, unsigned i, settings_fault fault, void *arg)
{
	char at[32];
	const char *wrong = NULL;

	if (o->kind == OUTPUT_FILE && !o->path)
		wrong = "a file needs a 'path'";
	else if (o->kind == OUTPUT_KAFKA && !o->brokers)
		wrong = "kafka needs 'brokers'";
	else if (o->kind == OUTPUT_KAFKA && !o->topic)
		wrong = "kafka needs a 'topic'";
	else if (o->kind == OUTPUT_KAFKA && has_other_braces(o->topic))
		wrong = "of braces, topic may have {group} only, and once";
	else if (o->sasl_mechanism && !is_sasl_mechanism(o->sasl_mechanism))
		wrong = "sasl.mechanism is PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER";
	else if (o->sasl_mechanism && !strcmp(o->sasl_mechanism, "OAUTHBEARER") &&
		 !o->sasl_token_url && !o->n_properties)
		wrong = "OAUTHBEARER needs sasl.token_url, or librdkafka's own properties";
	else if (!o->tls_cert != !o->tls_key)
		wrong = "tls.certificate and tls.key go together";
	else if (o->kind != OUTPUT_KAFKA && o->spool_path)
		wrong = "only kafka has a spool";
	else if (o->kind == OUTPUT_FILE &&
		 (o->compression == COMPRESS_LZ4 || o->compression == COMPRESS_LZ4_FAST))
		wrong = "files are compressed with gzip or zstd, not lz4";
	else if (o->kind == OUTPUT_FILE && o->path && !strcmp(o->path, "-") &&
		 (o->rotate_bytes || o->rotate_seconds))
		wrong = "standard output cannot be rotated";
	if (wrong) {
		snprintf(at, sizeof(at), "outputs[%u]", i);
		fault(at, wrong, arg);
		return -EINVAL;
	}
	return o->kind == OUTPUT_KAFKA ? check_properties(o, i, fault, arg) : 0;
}

const struct output_options *settings_kafka_output(const struct settings *s)
{
	for (unsigned i = 0; i < s->publish.n_outputs; i++)
		if (s->publish.outputs[i].kind == OUTPUT_KAFKA)
			return &s->publish.outputs[i];
	return NULL;
}

int settings_check(const struct settings *s, settings_fault fault, void *arg)
{
	struct sockaddr_storage address;
	unsigned standard_outputs = 0;
	socklen_t len;
	int r = 0;

	for (unsigned i = 0; i < s->publish.n_outputs; i++) {
		const struct output_options *o = &s->publish.outputs[i];

		if (check_output(o, i, fault, arg))
			r = -EINVAL;
		standard_outputs += o->kind == OUTPUT_FILE && o->path && !strcmp(o->path, "-");
	}
	if (s->templates_topic && !settings_kafka_output(s)) {
		fault("templates.topic", "needs an output of type kafka, whose brokers it uses",
		      arg);
		r = -EINVAL;
	}
	if (standard_outputs > 1) {
		fault("outputs", "only one output can be standard output", arg);
		r = -EINVAL;
	}
	if (s->rx.n_ports == 0) {
		fault("listen.ports", "there must be a port to listen on", arg);
		r = -EINVAL;
	}
	if (s->rx.ring_size > s->rx.frames) {
		fault("xdp.ring_size", "is more than xdp.frames", arg);
		r = -EINVAL;
	}
	if (s->decode.max_waiting_bytes_per_exporter > s->decode.max_waiting_bytes) {
		fault("templates.waiting_bytes_per_exporter",
		      "is more than templates.waiting_bytes", arg);
		r = -EINVAL;
	}
	if (s->rx.n_interfaces == 0 && (s->rx.mode == RX_NATIVE || s->rx.mode == RX_GENERIC)) {
		fault("xdp.mode", "asks for XDP, but 'interfaces' is empty", arg);
		r = -EINVAL;
	}
	if (s->ops.metrics_listen && http_address(s->ops.metrics_listen, &address, &len)) {
		fault("metrics.listen", "is not ADDRESS:PORT", arg);
		r = -EINVAL;
	}
	for (unsigned i = 0; i < s->enrich.n_rules; i++) {
		char at[32], error[300];

		if (!enrich_check_rule(&s->enrich.rules[i], error, sizeof(error)))
			continue;
		snprintf(at, sizeof(at), "enrich.rules[%u]", i);
		fault(at, error, arg);
		r = -EINVAL;
	}
	for (unsigned i = 0; i < s->rx.n_interfaces; i++)
		for (unsigned j = 0; j < i; j++)
			if (!strcmp(s->rx.interfaces[i], s->rx.interfaces[j])) {
				fault("interfaces", "names an interface twice", arg);
				r = -EINVAL;
			}
	for (unsigned i = 0; i < s->rx.n_ports; i++)
		for (unsigned j = 0; j < i; j++)
			if (s->rx.ports[i] == s->rx.ports[j]) {
				fault("listen.ports", "names a port twice", arg);
				r = -EINVAL;
			}
	return r;
}

struct fault_place {
	const char *file;
	struct setting_lines lines;
	struct buffer *errors;
};

static void print_fault(const char *key, const char *text, void *arg)
{
	struct fault_place *p = arg;
	unsigned line = setting_lines_find(&p->lines, key);

	if (line)
		buffer_format(p->errors, "%s:%u: %s: %s\n", p->file, line, key, text);
	else
		buffer_format(p->errors, "%s: %s\n", key, text);
}

/* The defaults that depend on the kind of output. */
static void suit(struct output_options *o)
{
	bool kafka = o->kind == OUTPUT_KAFKA;

	if ((int)o->format == OUTPUT_AUTO)
		o->format = kafka ? FORMAT_PROTOBUF : FORMAT_JSON;
	if ((int)o->compression == OUTPUT_AUTO)
		o->compression = kafka ? COMPRESS_LZ4 : COMPRESS_NONE;
}

static int finish(struct settings *s, struct fault_place *p)
{
	char host[256] = "";

	if (!s->publish.collector_id) {
		if (gethostname(host, sizeof(host) - 1) || !*host)
			strcpy(host, "weir");
		s->publish.collector_id = strdup(host);
	}
	if (!s->publish.n_outputs && settings_set(s, "outputs", "file:-", p->errors))
		return -ENOMEM;
	for (unsigned i = 0; i < s->publish.n_outputs; i++)
		suit(&s->publish.outputs[i]);
	/* One exporter's default is no more than there is for all. */
	if (s->decode.max_waiting_bytes_per_exporter ==
		    decode_defaults.max_waiting_bytes_per_exporter &&
	    s->decode.max_waiting_bytes < s->decode.max_waiting_bytes_per_exporter)
		s->decode.max_waiting_bytes_per_exporter = (uint32_t)s->decode.max_waiting_bytes;
	return settings_check(s, print_fault, p);
}

int settings_finish(struct settings *s, struct buffer *errors)
{
	struct fault_place place = {.errors = errors};

	return finish(s, &place);
}

int settings_load(struct settings *s, const char *path, struct buffer *errors)
{
	struct setting_lines lines = {0};
	int r = settings_load_lines(s, path, &lines, errors);

	setting_lines_free(&lines);
	return r;
}

int settings_read(struct settings *s, const char *path, const char *const *sets, unsigned n_sets,
		  struct buffer *errors)
{
	struct fault_place place = {.file = path, .errors = errors};
	int r = settings_init(s);

	if (!r && path)
		r = settings_load_lines(s, path, &place.lines, errors);
	for (unsigned i = 0; i < n_sets; i++) {
		const char *equals = strchr(sets[i], '=');
		char *key = equals ? strndup(sets[i], (size_t)(equals - sets[i])) : NULL;

		if (!key)
			buffer_format(errors, "--set %s: is not KEY=VALUE\n", sets[i]);
		if (!key || settings_set(s, key, equals + 1, errors))
			r = r ? r : -EINVAL;
		free(key);
	}
	r = r ? r : finish(s, &place);
	setting_lines_free(&place.lines);
	return r;
}

static void print_member(const struct setting *row, const struct settings *s, struct buffer *to)
{
	buffer_clear(to);
	setting_print_member(row, s, to);
	buffer_char(to, '\0');
}

unsigned settings_diff(const struct settings *before, const struct settings *after,
		       settings_changed fn, void *arg)
{
	struct buffer a = {0}, b = {0};
	unsigned n = 0;

	for (unsigned i = 0; i < settings_table.n; i++) {
		const struct setting *row = &settings_table.rows[i];

		if (setting_equal(row, before, after))
			continue;
		print_member(row, before, &a);
		print_member(row, after, &b);
		n++;
		if (fn && !a.failed && !b.failed)
			fn(row->path, row->flags & SETTING_RELOAD, a.p, b.p, arg);
	}
	buffer_free(&a);
	buffer_free(&b);
	return n;
}
