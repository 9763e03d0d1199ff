/* The table of settings: what is taken, what is refused and in which words, what is printed.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/table.h"

struct fixture {
	char directory[64], file[96];
	struct settings settings;
	struct buffer errors;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->directory, "/tmp/weir-settings-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	snprintf(f->file, sizeof(f->file), "%s/weir.yaml", f->directory);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char path[128];

	unlink(f->file);
	snprintf(path, sizeof(path), "%s/envs/base.env", f->directory);
	unlink(path);
	snprintf(path, sizeof(path), "%s/envs", f->directory);
	rmdir(path);
	assert_int_equal(rmdir(f->directory), 0);
	settings_free(&f->settings);
	buffer_free(&f->errors);
	free(f);
	return 0;
}

static void write_file(const char *path, const char *text)
{
	FILE *to = fopen(path, "w");

	assert_non_null(to);
	assert_true(fputs(text, to) >= 0);
	assert_int_equal(fclose(to), 0);
}

/* Reads yaml with --set values; the errors end in a NUL. */
static int read_with(struct fixture *f, const char *yaml, const char *const *sets, unsigned n)
{
	int r;

	settings_free(&f->settings);
	buffer_clear(&f->errors);
	write_file(f->file, yaml);
	r = settings_read(&f->settings, f->file, sets, n, &f->errors);
	buffer_char(&f->errors, '\0');
	return r;
}

static int read_yaml(struct fixture *f, const char *yaml)
{
	return read_with(f, yaml, NULL, 0);
}

static void good(struct fixture *f, const char *yaml)
{
	int r = read_yaml(f, yaml);

	if (r || f->errors.len > 1)
		fail_msg("refused (%d): %s", r, f->errors.p);
}

/* Refused, and this line (after FILE:) is among the errors. */
static void bad(struct fixture *f, const char *yaml, const char *line)
{
	char whole[512];

	assert_int_equal(read_yaml(f, yaml), -EINVAL);
	snprintf(whole, sizeof(whole), "%s:%s\n", f->file, line);
	if (!strstr(f->errors.p, whole))
		fail_msg("expected\n%sgot\n%s", whole, f->errors.p);
}

static void every_default_is_valid_and_matches_the_decoders_own(void **state)
{
	struct fixture *f = *state;
	const struct decode_options *d = &f->settings.decode;

	good(f, "");
	assert_int_equal(f->settings.rx.n_ports, 3);
	assert_int_equal(f->settings.rx.ports[1], 4739);
	assert_int_equal(f->settings.rx.frames, 4096);
	assert_int_equal(f->settings.rx.socket_buffer, 8 << 20);
	assert_string_equal(f->settings.rx.pin_path, "/sys/fs/bpf/weir");
	assert_int_equal(d->template_timeout, decode_defaults.template_timeout);
	assert_int_equal(d->max_templates, decode_defaults.max_templates);
	assert_int_equal(d->max_templates_per_exporter, decode_defaults.max_templates_per_exporter);
	assert_int_equal(d->max_exporters, decode_defaults.max_exporters);
	assert_int_equal(d->max_fields, decode_defaults.max_fields);
	assert_int_equal(d->max_nesting, decode_defaults.max_nesting);
	assert_int_equal(d->max_waiting_bytes, decode_defaults.max_waiting_bytes);
	assert_int_equal(d->max_waiting_bytes_per_exporter,
			 decode_defaults.max_waiting_bytes_per_exporter);
	assert_int_equal(d->waiting_timeout, decode_defaults.waiting_timeout);
	/* No output given: JSON on standard output. No name given: the host's. */
	assert_int_equal(f->settings.publish.n_outputs, 1);
	assert_string_equal(f->settings.publish.outputs[0].path, "-");
	assert_int_equal(f->settings.publish.outputs[0].format, FORMAT_JSON);
	assert_non_null(f->settings.publish.collector_id);
}

static void values_of_each_type_are_taken(void **state)
{
	struct fixture *f = *state;
	const struct output_options *o;
	const struct sampling_override *v;

	good(f, "collector_id: c1\n"
		"log: {level: debug}\n"
		"interfaces: [eth0, eth1]\n"
		"listen:\n"
		"  ports: 2055, 9995\n"
		"  addresses: [192.0.2.1, '2001:db8::1']\n"
		"exporters:\n"
		"  allow: [192.0.2.0/24, '2001:db8::/32', 198.51.100.7]\n"
		"  rate_limit: 50k\n"
		"  sampling:\n"
		"    overrides:\n"
		"    - {prefix: 10.0.0.0/8, rate: 4000000000}\n"
		"xdp: {mode: generic, zero_copy: no}\n"
		"udp: {socket_buffer: 2MiB}\n"
		"templates: {timeout: 30m, waiting_bytes: 1M}\n"
		"outputs:\n"
		"- type: kafka\n"
		"  brokers: a:9092,b:9092\n"
		"  topic: flows\n"
		"  format: protobuf\n"
		"  key: random\n"
		"  message_time: 250ms\n"
		"  tls: {ca: /ca.pem}\n"
		"  properties: {linger.ms: 5, client.id: x}\n"
		"- file:/tmp/flows.json\n"
		"metrics:\n");
	assert_string_equal(f->settings.rx.interfaces[1], "eth1");
	assert_int_equal(f->settings.rx.n_ports, 2);
	assert_int_equal(f->settings.rx.ports[1], 9995);
	assert_true(ip_is_v4(&f->settings.rx.addresses[0]));
	assert_int_equal(f->settings.rx.addresses[1].b[0], 0x20);
	assert_int_equal(f->settings.rx.n_allow, 3);
	assert_int_equal(f->settings.rx.allow[0].prefix_len, 120);
	assert_int_equal(f->settings.rx.allow[1].prefix_len, 32);
	assert_int_equal(f->settings.rx.allow[2].prefix_len, 128);
	assert_int_equal(f->settings.rx.rate_limit, 50000);
	assert_int_equal(f->settings.rx.mode, RX_GENERIC);
	assert_false(f->settings.rx.zero_copy);
	assert_int_equal(f->settings.rx.socket_buffer, 2 << 20);
	assert_int_equal(f->settings.decode.template_timeout, 1800);
	v = f->settings.decode.overrides;
	assert_int_equal(f->settings.decode.n_overrides, 1);
	assert_int_equal(v->prefix_len, 104);
	assert_true(v->rate == 4000000000u);
	o = f->settings.publish.outputs;
	assert_int_equal(f->settings.publish.n_outputs, 2);
	assert_string_equal(o[0].brokers, "a:9092,b:9092");
	assert_int_equal(o[0].format, FORMAT_PROTOBUF);
	assert_false(o[0].key_exporter);
	assert_int_equal(o[0].message_millis, 250);
	assert_string_equal(o[0].tls_ca, "/ca.pem");
	assert_int_equal(o[0].n_properties, 2);
	assert_string_equal(o[0].properties[0].name, "linger.ms");
	assert_string_equal(o[0].properties[0].value, "5");
	assert_string_equal(o[1].path, "/tmp/flows.json");
	assert_true(o[1].key_exporter);
}

static void faults_are_told_with_line_and_what_is_allowed(void **state)
{
	struct fixture *f = *state;

	bad(f, "\nlisten:\n  ports: [abc]\n",
	    "3: 'abc' is not a number between 1 and 65535 for listen.ports");
	bad(f, "listen: {ports: [0]}",
	    "1: '0' is not a number between 1 and 65535 for listen.ports");
	bad(f, "exporters: {rate_limit: 18446744073709551615G}",
	    "1: '18446744073709551615G' is not a number between 0 and 100M for "
	    "exporters.rate_limit");
	bad(f, "exporters: {rate_limit: -1}",
	    "1: '-1' is not a number between 0 and 100M for exporters.rate_limit");
	bad(f, "xdp: {mode: fast}", "1: 'fast' is none of auto, native, generic, off for xdp.mode");
	bad(f, "xdp: {frames: 1000}", "1: '1000' is not a power of two for xdp.frames");
	bad(f, "xdp: {zero_copy: perhaps}",
	    "1: 'perhaps' is neither true nor false for xdp.zero_copy");
	bad(f, "templates: {timeout: 5y}",
	    "1: '5y' is not a duration between 0s and 30d for templates.timeout");
	bad(f, "interfaces: [a-name-of-16-byte]",
	    "1: 'a-name-of-16-byte' is not a name of 1 to 15 characters for interfaces");
	bad(f, "listen: {addresses: [1.2.3]}",
	    "1: '1.2.3' is not an IPv4 or IPv6 address for listen.addresses");
	bad(f, "exporters: {allow: [10.0.0.0/33]}",
	    "1: '10.0.0.0/33' is not a prefix like 192.0.2.0/24 or 2001:db8::/32 for "
	    "exporters.allow");
	bad(f, "exporters: {allow: [10.0.0.1/8]}",
	    "1: '10.0.0.1/8' has bits behind its prefix length for exporters.allow");
	bad(f, "metrics: {listen: nowhere}", "1: metrics.listen: is not ADDRESS:PORT");
	bad(f,
	    "outputs:\n- type: kafka\n  brokers: b\n  topic: t\n  properties:\n"
	    "    linger.ms: 5\n    lnger.ms: 5\n    batch.size: many\n",
	    "6: outputs[0].properties: librdkafka does not take lnger.ms: No such configuration "
	    "property: \"lnger.ms\"");
	bad(f, "collector_id: [a]", "1: collector_id takes a single value, not a list");
	bad(f, "listen: {ports: {a: b}}", "1: listen.ports takes a list, not a map");
	bad(f, "xdp: 5", "1: xdp is a section: its settings stand below it, indented");
	bad(f, "xdp: {frames: }", "1: xdp.frames has no value");
	bad(f, "- a\n", "1: the file must hold NAME: VALUE lines");
	bad(f, "a: [\n", "2: not YAML: did not find expected node content");
	bad(f, "log: {level: info}\n---\nlog: {level: info}\n",
	    "3: a second YAML document; there must be one");
}

static void unknown_settings_are_errors_and_the_nearest_is_named(void **state)
{
	struct fixture *f = *state;

	bad(f, "collector_id: a\ncolector_id: b\n",
	    "2: unknown setting 'colector_id' (did you mean 'collector_id'?)");
	bad(f, "exporters:\n  rate_limt: 1\n",
	    "2: unknown setting 'exporters.rate_limt' (did you mean 'exporters.rate_limit'?)");
	bad(f, "rate_limit: 1\n",
	    "1: unknown setting 'rate_limit' (did you mean 'exporters.rate_limit'?)");
	bad(f, "zzz: 1\n", "1: unknown setting 'zzz'");
	bad(f, "outputs:\n- type: file\n  path: '-'\n  pth: x\n",
	    "4: unknown setting 'outputs[0].pth' (did you mean 'outputs[0].path'?)");
}

static void what_stands_twice_is_an_error(void **state)
{
	struct fixture *f = *state;

	bad(f, "collector_id: a\nlog: {level: info}\ncollector_id: a\n",
	    "3: 'collector_id' stands here twice");
	bad(f, "xdp:\n  frames: 64\nxdp:\n  frames: 128\n", "3: 'xdp' stands here twice");
	bad(f, "xdp.frames: 64\nxdp:\n  frames: 128\n", "3: 'xdp.frames' stands here twice");
	bad(f, "outputs:\n- {type: none, properties: {a: 1, a: 2}}\n",
	    "2: outputs[0].properties.a stands here twice");
	bad(f, "interfaces: [eth0, eth0]\n", "1: interfaces: names an interface twice");
	bad(f, "listen: {ports: [2055, 2055]}\n", "1: listen.ports: names a port twice");
}

static void all_faults_of_a_file_are_told_at_once(void **state)
{
	struct fixture *f = *state;
	unsigned lines = 0;

	assert_int_equal(read_yaml(f, "a: 1\nb: 2\nxdp: {frames: x, mode: y}\noutputs: [z]\n"),
			 -EINVAL);
	for (const char *p = f->errors.p; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, 5);
}

static void settings_that_contradict_each_other_are_told_with_their_line(void **state)
{
	struct fixture *f = *state;

	bad(f, "xdp:\n  ring_size: 8192\n", "2: xdp.ring_size: is more than xdp.frames");
	bad(f, "log: {level: info}\noutputs:\n- {type: kafka, topic: t}\n",
	    "3: outputs[0]: kafka needs 'brokers'");
	bad(f, "outputs:\n- {type: kafka, brokers: b}\n", "2: outputs[0]: kafka needs a 'topic'");
	bad(f, "outputs:\n- {type: kafka, brokers: b, topic: t, sasl: {mechanism: scram}}\n",
	    "2: outputs[0]: sasl.mechanism is PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER");
	bad(f, "outputs:\n- {type: kafka, brokers: b, topic: t, tls: {certificate: c}}\n",
	    "2: outputs[0]: tls.certificate and tls.key go together");
	bad(f, "outputs:\n- type: file\n", "2: outputs[0]: a file needs a 'path'");
	bad(f, "xdp: {mode: native}\n", "1: xdp.mode: asks for XDP, but 'interfaces' is empty");
	bad(f, "outputs: ['file:-', 'file:-']\n",
	    "1: outputs: only one output can be standard output");
	bad(f, "exporters: {sampling: {overrides: [{prefix: 10.0.0.0/8}]}}\n",
	    "1: exporters.sampling.overrides[0] needs 'rate'");
}

static void variables_come_from_the_environment_and_then_from_base_env(void **state)
{
	struct fixture *f = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/envs", f->directory);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/envs/base.env", f->directory);
	write_file(path,
		   "# comment\nWEIR_TEST_A=from file\nexport WEIR_TEST_B=\"quoted\"\n bad line\n");
	setenv("WEIR_TEST_A", "from environment", 1);
	unsetenv("WEIR_TEST_B");
	unsetenv("WEIR_TEST_C");
	good(f, "collector_id: ${WEIR_TEST_A}/${WEIR_TEST_B}/${WEIR_TEST_C:-none}/$${x}/$y\n");
	assert_string_equal(f->settings.publish.collector_id,
			    "from environment/quoted/none/${x}/$y");
	bad(f, "\ncollector_id: ${WEIR_TEST_C}\n",
	    "2: collector_id: environment variable 'WEIR_TEST_C' is not set");
	unsetenv("WEIR_TEST_A");
	good(f, "collector_id: ${WEIR_TEST_A}\n");
	assert_string_equal(f->settings.publish.collector_id, "from file");
}

static void set_stands_above_the_file(void **state)
{
	struct fixture *f = *state;
	const char *const sets[] = {"listen.ports=1,2",
				    "exporters.rate_limit=3k",
				    "outputs=kafka:a:1,b:2/t",
				    "outputs[0].format=protobuf",
				    "outputs[0].properties.linger.ms=7",
				    "outputs[1]=file:/x",
				    "outputs[1].rotate_size=1G"};

	assert_int_equal(read_with(f, "listen: {ports: [9]}\noutputs: ['file:/y']\n", sets, 7), 0);
	assert_int_equal(f->settings.rx.n_ports, 2);
	assert_int_equal(f->settings.rx.ports[0], 1);
	assert_int_equal(f->settings.rx.rate_limit, 3000);
	assert_int_equal(f->settings.publish.n_outputs, 2);
	assert_string_equal(f->settings.publish.outputs[0].brokers, "a:1,b:2");
	assert_string_equal(f->settings.publish.outputs[0].topic, "t");
	assert_int_equal(f->settings.publish.outputs[0].format, FORMAT_PROTOBUF);
	assert_string_equal(f->settings.publish.outputs[0].properties[0].value, "7");
	assert_true(f->settings.publish.outputs[1].rotate_bytes == 1u << 30);
}

static void set_refuses_what_the_file_would(void **state)
{
	static const char *const wrong[][2] = {
		{"listen.port=1",
		 "--set: unknown setting 'listen.port' (did you mean 'listen.ports'?)\n"},
		{"listen.ports=x", "--set listen.ports: 'x' is not a number between 1 and 65535\n"},
		{"listen.ports", "--set listen.ports: is not KEY=VALUE\n"},
		{"outputs[3].path=x", "--set outputs[3].path: there are only 0 of these\n"},
		{"outputs=ftp:x", "--set outputs: 'ftp:x' is neither file:PATH nor "
				  "kafka:BROKER[,BROKER...]/TOPIC\n"},
	};
	struct fixture *f = *state;

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_int_equal(read_with(f, "", &wrong[i][0], 1), -EINVAL);
		assert_string_equal(f->errors.p, wrong[i][1]);
	}
}

static void set_takes_no_secret(void **state)
{
	static const char *const sets[][2] = {
		{"outputs=kafka:b/t", "outputs[0].sasl.password=hush"},
		{"outputs=kafka:b/t", "outputs[0].properties.ssl.key.password=hush"},
		{"outputs=kafka:b/t", "clickhouse.password=hush"},
	};
	struct fixture *f = *state;

	for (unsigned i = 0; i < sizeof(sets) / sizeof(*sets); i++) {
		assert_int_equal(read_with(f, "", sets[i], 2), -EINVAL);
		assert_non_null(
			strstr(f->errors.p, ": a secret is not taken from the command line"));
		assert_null(strstr(f->errors.p, "hush"));
	}
}

static void what_is_printed_reads_back_as_the_same(void **state)
{
	struct fixture *f = *state;
	struct settings again;
	struct buffer text = {0};

	good(f,
	     "collector_id: \"no\"\n"
	     "exporters: {allow: [10.0.0.0/8, '::/0', 0.0.0.0/0, '2001:db8::/32'], rate_limit: 1500,\n"
	     "  sampling: {overrides: [{prefix: 10.1.0.0/16, rate: 7}]}}\n"
	     "templates: {timeout: 90s, waiting_bytes: 70000}\n"
	     "listen: {addresses: ['::1']}\n"
	     "control: {socket: \"/tmp/a b\\\"c\\\\d\\t${X:-e}\"}\n"
	     "outputs:\n- type: kafka\n  brokers: b:1\n  topic: t\n"
	     "  properties: {client.id: 'a: b', client.rack: '$${HOME}'}\n- file:-\n");
	settings_print(&f->settings, &text);
	buffer_char(&text, '\0');
	write_file(f->file, text.p);
	buffer_clear(&f->errors);
	assert_int_equal(settings_read(&again, f->file, NULL, 0, &f->errors), 0);
	assert_int_equal(settings_diff(&f->settings, &again, NULL, NULL), 0);
	assert_string_equal(again.ops.control_socket, "/tmp/a b\"c\\d\te");
	assert_string_equal(again.publish.outputs[0].properties[1].value, "${HOME}");
	assert_string_equal(again.publish.collector_id, "no");
	settings_free(&again);
	buffer_free(&text);
}

/* Found by fuzzing: control characters above U+007F, which a file may hold escaped only. */
static void characters_that_yaml_refuses_are_printed_escaped(void **state)
{
	struct fixture *f = *state;
	struct settings again;
	struct buffer text = {0};

	good(f,
	     "control: {socket: \"/a\\x82\\u00e9\\x85\\u2028\\u2029\\ufeff\\uffff\\U0001f300\"}\n");
	settings_print(&f->settings, &text);
	buffer_char(&text, '\0');
	assert_non_null(
		strstr(text.p, "\"/a\\u0082\u00e9\\u0085\\u2028\\u2029\\ufeff\\uffff\U0001f300\""));
	write_file(f->file, text.p);
	buffer_clear(&f->errors);
	assert_int_equal(settings_read(&again, f->file, NULL, 0, &f->errors), 0);
	assert_int_equal(settings_diff(&f->settings, &again, NULL, NULL), 0);
	settings_free(&again);
	buffer_free(&text);
}

static void secrets_are_never_printed(void **state)
{
	struct fixture *f = *state;
	struct buffer text = {0};

	good(f, "outputs:\n- type: kafka\n  brokers: b\n  topic: t\n"
		"  sasl: {mechanism: PLAIN, username: u, password: hush}\n"
		"  properties: {ssl.key.password: hush, ssl.keystore.password: hush}\n");
	assert_string_equal(f->settings.publish.outputs[0].sasl_password, "hush");
	settings_print(&f->settings, &text);
	buffer_char(&text, '\0');
	assert_null(strstr(text.p, "hush"));
	assert_non_null(strstr(text.p, "password: \"***\""));
	buffer_free(&text);
	/* Nor when something is wrong with one. */
	assert_int_equal(read_yaml(f, "outputs:\n- {type: kafka, sasl: {password: [hush]}}\n"),
			 -EINVAL);
	assert_null(strstr(f->errors.p, "hush"));
}

struct seen {
	char text[512];
};

static void note(const char *key, bool reloadable, const char *before, const char *after, void *arg)
{
	struct seen *s = arg;
	size_t n = strlen(s->text);

	snprintf(s->text + n, sizeof(s->text) - n, "%s %d %s %s\n", key, reloadable, before, after);
}

static void a_difference_tells_whether_it_can_be_taken_over(void **state)
{
	struct fixture *f = *state;
	struct settings before;
	struct seen seen = {""};

	good(f, "exporters: {rate_limit: 1k}\nlisten: {ports: [1]}\n"
		"outputs: [{type: kafka, brokers: b, topic: t, sasl: {password: sesame1}}]\n");
	before = f->settings;
	memset(&f->settings, 0, sizeof(f->settings));
	good(f, "exporters: {rate_limit: 2k}\nlisten: {ports: [1, 2]}\n"
		"outputs: [{type: kafka, brokers: b, topic: t, sasl: {password: sesame2}}]\n");
	assert_int_equal(settings_diff(&before, &f->settings, note, &seen), 3);
	assert_non_null(strstr(seen.text, "exporters.rate_limit 1 1000 2000\n"));
	assert_non_null(strstr(seen.text, "listen.ports 1 [1] [1, 2]\n"));
	assert_non_null(strstr(seen.text, "outputs 0 [{type: kafka"));
	assert_null(strstr(seen.text, "sesame"));
	settings_free(&before);
}

static void formats_suit_the_kind_of_output(void **state)
{
	struct fixture *f = *state;
	const struct output_options *o;

	good(f, "outputs:\n- file:/a\n- kafka:b:1/t\n"
		"- {type: kafka, brokers: b, topic: t, format: json, compression: none}\n");
	o = f->settings.publish.outputs;
	assert_int_equal(o[0].format, FORMAT_JSON);
	assert_int_equal(o[0].compression, COMPRESS_NONE);
	assert_int_equal(o[1].format, FORMAT_PROTOBUF);
	assert_int_equal(o[1].compression, COMPRESS_LZ4);
	assert_int_equal(o[2].format, FORMAT_JSON);
	assert_int_equal(o[2].compression, COMPRESS_NONE);
}

static void hostile_files_end_in_errors(void **state)
{
	struct fixture *f = *state;
	struct buffer deep = {0};

	for (unsigned i = 0; i < 5000; i++)
		buffer_string(&deep, "[");
	buffer_char(&deep, '\0');
	assert_int_equal(read_yaml(f, deep.p), -EINVAL);
	buffer_free(&deep);
	assert_int_equal(read_yaml(f, "xdp: &a {frames: *a}\n"), -EINVAL);
	assert_int_equal(read_yaml(f, "outputs: &a [*a, *a]\n"), -EINVAL);
	assert_int_equal(read_yaml(f, "collector_id: \"a\\0b\"\n"), -EINVAL);
	assert_int_equal(read_yaml(f, "? {a: b}\n: c\n"), -EINVAL);
	assert_int_equal(read_yaml(f, "outputs: [{? [a] : b}]\n"), -EINVAL);
	assert_int_equal(read_yaml(f, "\xff\xfd"), -EINVAL);
	for (unsigned i = 0; i <= OUTPUTS_MAX; i++)
		buffer_string(&deep, "- {type: none}\n");
	buffer_char(&deep, '\0');
	write_file(f->file, "outputs:\n");
	{
		FILE *to = fopen(f->file, "a");

		assert_non_null(to);
		fputs(deep.p, to);
		fclose(to);
	}
	settings_free(&f->settings);
	buffer_clear(&f->errors);
	assert_int_equal(settings_read(&f->settings, f->file, NULL, 0, &f->errors), -EINVAL);
	buffer_char(&f->errors, '\0');
	assert_non_null(strstr(f->errors.p, ":10: outputs has more than 8 items\n"));
	buffer_free(&deep);
}

/* The text of a file of the tree, as tests run from its top. */
static void same_as_file(const char *path, struct buffer *made)
{
	char *text;
	FILE *from = fopen(path, "r");
	size_t n;

	if (!from)
		fail_msg("%s is not there; is this the top of the tree?", path);
	text = malloc(1 << 20);
	n = fread(text, 1, 1 << 20, from);
	fclose(from);
	if (n != made->len || memcmp(text, made->p, n) != 0)
		fail_msg("%s is stale: run `make docs`", path);
	free(text);
}

static void the_example_is_valid_complete_and_not_stale(void **state)
{
	struct fixture *f = *state;
	struct buffer text = {0};
	struct settings plain;

	settings_example(&text);
	same_as_file("conf.example/weir.yaml", &text);
	buffer_char(&text, '\0');
	good(f, text.p);
	/* It says nothing but the defaults. */
	buffer_clear(&f->errors);
	assert_int_equal(settings_read(&plain, NULL, NULL, 0, &f->errors), 0);
	assert_int_equal(settings_diff(&plain, &f->settings, NULL, NULL), 0);
	settings_free(&plain);
	for (unsigned i = 0; i < settings_table.n; i++) {
		const char *dot = strrchr(settings_table.rows[i].path, '.');
		char line[128];

		snprintf(line, sizeof(line), "%s:", dot ? dot + 1 : settings_table.rows[i].path);
		if (!strstr(text.p, line))
			fail_msg("%s is not in the example", settings_table.rows[i].path);
	}
	buffer_free(&text);
}

static void the_reference_page_is_not_stale(void **state)
{
	struct buffer text = {0};

	(void)state;
	settings_reference(&text);
	same_as_file("docs/CONFIGURATION.md", &text);
	buffer_free(&text);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(every_default_is_valid_and_matches_the_decoders_own),
		T(values_of_each_type_are_taken),
		T(faults_are_told_with_line_and_what_is_allowed),
		T(unknown_settings_are_errors_and_the_nearest_is_named),
		T(what_stands_twice_is_an_error),
		T(all_faults_of_a_file_are_told_at_once),
		T(settings_that_contradict_each_other_are_told_with_their_line),
		T(variables_come_from_the_environment_and_then_from_base_env),
		T(set_stands_above_the_file),
		T(set_refuses_what_the_file_would),
		T(set_takes_no_secret),
		T(what_is_printed_reads_back_as_the_same),
		T(characters_that_yaml_refuses_are_printed_escaped),
		T(secrets_are_never_printed),
		T(a_difference_tells_whether_it_can_be_taken_over),
		T(formats_suit_the_kind_of_output),
		T(hostile_files_end_in_errors),
		T(the_example_is_valid_complete_and_not_stale),
		T(the_reference_page_is_not_stale),
	};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
