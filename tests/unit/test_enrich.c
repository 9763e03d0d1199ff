/* Enrichment of flows: what is attached, from which table, and tables that are replaced meanwhile.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "clock.h"
#include "enrich/enrich.h"
#include "enrich/ip_table.h"
#include "log.h"
#include "mmdb_build.h"
#include "publish/encode.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

static char directory[] = "/tmp/weir-enrich-XXXXXX";
static char ip_path[64], meta_path[64];
static const info_writer *const writers[INFO_FORMATS] = {protobuf_info, json_info};
static struct account account;

static const char metadata[] =
	"{\"version\":1,\"devices\":["
	"{\"id\":\"rt1\",\"ref\":\"rt1__v4\",\"name\":\"edge-lyon-1\",\"site\":\"lyon\","
	"\"addresses\":[\"10.0.0.1\",\"2001:db8::1\"]}],"
	"\"interfaces\":["
	"{\"device_id\":\"rt1\",\"flow_index\":7,\"id\":\"rt1::core\",\"edge\":false},"
	"{\"device_id\":\"rt1\",\"flow_index\":\"7\",\"id\":\"rt1::edge\",\"ref\":\"e__v1\","
	"\"name\":\"et-0/0/7\",\"description\":\"Transit: Example\",\"speed\":100000000000,"
	"\"edge\":true,\"circuit_id\":[\"c1\",\"c2\"],\"circuit_ref\":[\"c1__v1\",\"c2__v1\"],"
	"\"peer_as_id\":64999,\"peer_ip\":\"10.9.9.9\"},"
	"{\"device_id\":\"10.0.0.2\",\"flow_index\":3,\"id\":\"by-address\"}],"
	"\"applications\":["
	"{\"id\":\"high\",\"protocol\":\"tcp\",\"port_min\":1024,\"port_max\":65535},"
	"{\"id\":\"https\",\"protocol\":6,\"port_min\":443,\"port_max\":443},"
	"{\"id\":\"xrootd\",\"protocol\":6,\"port_min\":1094,\"port_max\":1095},"
	"{\"id\":\"dns\",\"protocol\":17,\"port_min\":53}],"
	"\"communities\":{\"64805\":\"lhcone\",\"293\":\"ipt\"},"
	"\"as\":[{\"id\":64510,\"ref\":\"64510__v1\",\"name\":\"LISTED\",\"organization\":\"L\"}]}";

static void write_text(const char *path, const char *text)
{
	char temporary[80];
	FILE *f;

	snprintf(temporary, sizeof(temporary), "%s.tmp", path);
	f = fopen(temporary, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(rename(temporary, path), 0);
}

/* A table in which every answer is of this generation. */
static void write_table(unsigned generation)
{
	struct mmdb_build m;
	char json[200];

	mmdb_build_init(&m);
	snprintf(json, sizeof(json),
		 "{\"as\":%u,\"as_name\":\"N%u\",\"as_ref\":\"%u__v1\",\"country\":\"FR\","
		 "\"ip_ref\":\"r%u\"}",
		 generation, generation, generation, generation);
	mmdb_add(&m, "192.0.2.0/24", json);
	mmdb_add(&m, "2001:db8::/32", json);
	mmdb_build_write(&m, ip_path);
	mmdb_build_free(&m);
}

static int set_up(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	rcu_register_thread();
	if (!mkdtemp(directory))
		return -1;
	snprintf(ip_path, sizeof(ip_path), "%s/ip.mmdb", directory);
	snprintf(meta_path, sizeof(meta_path), "%s/meta.json", directory);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(ip_path);
	unlink(meta_path);
	rcu_unregister_thread();
	return rmdir(directory);
}

static char level[] = "tlp:amber";

/* Settings are theirs who read them, and so not constant. */
#define TEXT(text) ((char[]){text})

static struct enrich_options everything(void)
{
	return (struct enrich_options){
		.cache = directory,
		.check_seconds = 1,
		.as = true,
		.as_names = true,
		.geo = true,
		.networks = true,
		.refs = true,
		.devices = true,
		.interfaces = true,
		.applications = true,
		.peers = true,
		.as_path = true,
		.policy = true,
		.policy_level = level,
		.policy_auto_scopes = true,
	};
}

static struct ip_addr v4(unsigned a, unsigned b, unsigned c, unsigned d)
{
	uint8_t bytes[4] = {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d};
	struct ip_addr ip;

	ip_from_v4(&ip, bytes);
	return ip;
}

/* The flow as JSON, after enrichment with these options. */
static json_t *enriched(const struct enrich_options *o, struct flow *f)
{
	struct enricher *e = enricher_open(o, writers);
	struct enrich_worker *w = enrich_worker_new(e, 4, &account);
	struct flow_batch batch = {.rows = f, .n = 1, .cap = 1};
	static struct row_constants none;
	static uint8_t row[ENCODED_ROW_MAX];
	uint8_t *end;
	json_t *out;

	assert_non_null(w);
	enrich_batch(w, &batch);
	end = json_format.flow(row, &none, f);
	out = json_loadb((char *)row, (size_t)(end - row), 0, NULL);
	assert_non_null(out);
	enrich_worker_free(w);
	enricher_close(e);
	return out;
}

static void assert_member(const json_t *o, const char *key, const char *expected)
{
	const json_t *v = json_object_get(o, key);
	char *text = v ? json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

	if (!text || strcmp(text, expected))
		fail_msg("%s is %s, not %s", key, text ? text : "missing", expected);
	free(text);
}

static void assert_missing(const json_t *o, const char *key)
{
	if (json_object_get(o, key))
		fail_msg("%s is there", key);
}

static struct flow a_flow(void)
{
	return (struct flow){
		.src_addr = v4(192, 0, 2, 1),
		.dst_addr = v4(198, 51, 100, 1),
		.dst_as = 64510,
		.sampler_address = v4(10, 0, 0, 1),
		.in_if = 7,
		.out_if = 8,
		.proto = 6,
		.src_port = 50000,
		.dst_port = 443,
	};
}

static void a_flow_gets_what_the_tables_know(void **state)
{
	struct enrich_options o = everything();
	struct flow f = a_flow();
	json_t *j;

	(void)state;
	write_table(64500);
	write_text(meta_path, metadata);
	j = enriched(&o, &f);
	assert_member(j, "src_as", "64500");
	assert_member(j, "src_as_name", "\"N64500\"");
	assert_member(j, "src_as_ref", "\"64500__v1\"");
	assert_member(j, "src_country", "\"FR\"");
	assert_member(j, "src_ip_ref", "\"r64500\"");
	assert_missing(j, "dst_country");
	assert_missing(j, "dst_ip_ref");
	/* the record's own number, with the names of the list of AS */
	assert_member(j, "dst_as", "64510");
	assert_member(j, "dst_as_name", "\"LISTED\"");
	assert_member(j, "dst_as_ref", "\"64510__v1\"");
	assert_member(j, "dst_organization", "\"L\"");
	assert_member(j, "device_id", "\"rt1\"");
	assert_member(j, "device_ref", "\"rt1__v4\"");
	assert_member(j, "device_site", "\"lyon\"");
	/* the edge interface before the other of the same index */
	assert_member(j, "in_interface_id", "\"rt1::edge\"");
	assert_member(j, "in_interface_ref", "\"e__v1\"");
	assert_member(j, "in_interface_speed", "100000000000");
	assert_member(j, "in_interface_edge", "true");
	assert_member(j, "in_interface_circuit_id", "[\"c1\",\"c2\"]");
	assert_member(j, "in_interface_circuit_ref", "[\"c1__v1\",\"c2__v1\"]");
	assert_missing(j, "out_interface_id");
	assert_member(j, "application_port", "443");
	assert_member(j, "application_service", "\"https\"");
	assert_member(j, "policy_level", "\"tlp:amber\"");
	assert_member(j, "policy_scope", "[\"as:64500\",\"as:64510\"]");
	assert_missing(j, "policy_originator");
	json_decref(j);
}

static void what_is_off_is_not_attached(void **state)
{
	struct enrich_options o = {.cache = directory};
	struct flow f = a_flow();
	json_t *j, *plain;
	static struct row_constants none;
	static uint8_t row[ENCODED_ROW_MAX];
	uint8_t *end;

	(void)state;
	write_table(64500);
	write_text(meta_path, metadata);
	end = json_format.flow(row, &none, &f);
	plain = json_loadb((char *)row, (size_t)(end - row), 0, NULL);
	j = enriched(&o, &f);
	assert_true(json_equal(j, plain));
	json_decref(j);
	f = a_flow();
	o.as = true;
	j = enriched(&o, &f);
	assert_member(j, "src_as", "64500");
	assert_int_equal(json_object_size(j), json_object_size(plain) + 1);
	json_decref(j);
	json_decref(plain);
}

static void the_as_of_the_record_stays_and_has_no_names_of_another(void **state)
{
	struct enrich_options o = everything();
	struct flow f = a_flow();
	json_t *j;

	(void)state;
	write_table(64500);
	write_text(meta_path, metadata);
	f.src_as = 65001;
	j = enriched(&o, &f);
	assert_member(j, "src_as", "65001");
	assert_missing(j, "src_as_name");
	assert_member(j, "src_country", "\"FR\"");
	json_decref(j);
}

static void an_exporter_that_is_not_known_is_its_address(void **state)
{
	struct enrich_options o = everything();
	struct flow_ext ext = {.in_if_name = {"xe-1", 4}, .sampler_name = {"sw2", 3}};
	struct flow f = a_flow();
	json_t *j;

	(void)state;
	write_text(meta_path, metadata);
	f.sampler_address = v4(10, 0, 0, 2);
	f.in_if = 9;
	f.out_if = 3;
	f.ext = &ext;
	j = enriched(&o, &f);
	assert_member(j, "device_id", "\"10.0.0.2\"");
	assert_member(j, "device_name", "\"sw2\"");
	assert_missing(j, "device_ref");
	assert_member(j, "in_interface_name", "\"xe-1\"");
	assert_missing(j, "in_interface_id");
	assert_member(j, "out_interface_id", "\"by-address\"");
	json_decref(j);
}

static void the_smaller_port_that_is_known_names_the_application(void **state)
{
	static const struct {
		unsigned proto, src, dst;
		const char *port, *service;
	} cases[] = {
		{6, 443, 50000, "443", "\"https\""},
		{6, 50000, 443, "443", "\"https\""},
		{6, 1094, 50000, "1094", "\"xrootd\""},
		{6, 50000, 2000, "2000", "\"high\""},
		{6, 22, 3000, "3000", "\"high\""},
		{6, 22, 23, NULL, NULL},
		{17, 53, 40000, "53", "\"dns\""},
		{17, 443, 40000, NULL, NULL},
		{1, 443, 443, NULL, NULL},
	};
	struct enrich_options o = everything();

	(void)state;
	write_text(meta_path, metadata);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct flow f = a_flow();
		json_t *j;

		f.proto = (uint8_t)cases[i].proto;
		f.src_port = (uint16_t)cases[i].src;
		f.dst_port = (uint16_t)cases[i].dst;
		j = enriched(&o, &f);
		if (cases[i].port) {
			assert_member(j, "application_port", cases[i].port);
			assert_member(j, "application_service", cases[i].service);
		} else {
			assert_missing(j, "application_port");
			assert_missing(j, "application_service");
		}
		json_decref(j);
	}
}

static void repeats_of_the_path_stand_with_the_as_that_is_repeated(void **state)
{
	static const struct {
		uint32_t n, path[8];
		const char *ids, *padding;
	} cases[] = {
		{6, {1, 1, 1, 2, 3, 3}, "[1,2,3]", "[2,0,1]"},
		{3, {7, 7, 7}, "[7]", "[2]"},
		{3, {1, 2, 3}, "[1,2,3]", "[0,0,0]"},
		{5, {1, 2, 1, 1, 2}, "[1,2,1,2]", "[0,0,1,0]"},
	};
	struct enrich_options o = everything();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct flow_ext ext = {.n_as_path = cases[i].n};
		struct flow f = a_flow();
		json_t *j;

		memcpy(ext.as_path, cases[i].path, sizeof(cases[i].path));
		f.ext = &ext;
		j = enriched(&o, &f);
		assert_member(j, "bgp_as_path_id", cases[i].ids);
		assert_member(j, "bgp_as_path_padding", cases[i].padding);
		json_decref(j);
	}
}

static void the_community_is_that_of_the_last_part_of_the_distinguisher(void **state)
{
	static const struct {
		uint64_t rd;
		const char *scopes;
	} cases[] = {
		{0x000000010000fd25, "[\"mine\",\"as:5\",\"comm:lhcone\"]"}, /* 1:64805 */
		{0x00010a000001fd25, "[\"mine\",\"as:5\",\"comm:lhcone\"]"}, /* 10.0.0.1:64805 */
		{0x0002000000020125, "[\"mine\",\"as:5\",\"comm:ipt\"]"},    /* 2:293 */
		{0x0000000100010125, "[\"mine\",\"as:5\"]"},		     /* 1:65829 */
	};
	struct enrich_options o = everything();

	(void)state;
	write_text(meta_path, metadata);
	o.policy_scopes[0] = TEXT("mine");
	o.n_policy_scopes = 1;
	o.policy_originator = TEXT("example");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct flow_ext ext = {.mpls_vpn_rd = cases[i].rd};
		struct flow f = a_flow();
		json_t *j;

		f.src_addr = f.dst_addr;
		f.src_as = f.dst_as = 5;
		f.ext = &ext;
		j = enriched(&o, &f);
		assert_member(j, "policy_scope", cases[i].scopes);
		assert_member(j, "policy_originator", "\"example\"");
		json_decref(j);
	}
	o.policy_auto_scopes = false;
	{
		struct flow f = a_flow();
		json_t *j = enriched(&o, &f);

		assert_member(j, "policy_scope", "[\"mine\"]");
		json_decref(j);
	}
}

static void the_peer_is_of_the_record_or_else_of_the_interface(void **state)
{
	struct enrich_options o = everything();
	struct flow f = a_flow();
	json_t *j;

	(void)state;
	write_table(64500);
	write_text(meta_path, metadata);
	f.bgp_next_hop = v4(192, 0, 2, 9);
	j = enriched(&o, &f);
	assert_member(j, "peer_ip", "\"192.0.2.9\"");
	assert_member(j, "peer_ip_ref", "\"r64500\"");
	assert_member(j, "peer_as", "64500");
	assert_member(j, "peer_as_ref", "\"64500__v1\"");
	json_decref(j);
	f = a_flow();
	f.next_hop_as = 64510;
	f.out_if = 7;
	j = enriched(&o, &f);
	assert_member(j, "peer_as", "64510");
	assert_member(j, "peer_as_name", "\"LISTED\"");
	assert_member(j, "peer_ip", "\"10.9.9.9\"");
	json_decref(j);
	f = a_flow();
	f.out_if = 7;
	j = enriched(&o, &f);
	assert_member(j, "peer_as", "64999");
	json_decref(j);
}

static void rules_give_classes(void **state)
{
	struct enrich_options o = everything();
	struct flow f = a_flow();
	char error[200];
	json_t *j;

	(void)state;
	write_text(meta_path, metadata);
	o.rules[0] = (struct enrich_rule){.exporter = TEXT("^edge-([a-z]+)-"),
					  .role = TEXT("edge"),
					  .site = TEXT("no"),
					  .region = TEXT("r-$1")};
	o.rules[1] = (struct enrich_rule){
		.exporter = TEXT("^10\\.0\\."), .role = TEXT("other"), .tenant = TEXT("t")};
	o.rules[2] = (struct enrich_rule){.interface = TEXT("^et-"),
					  .description = TEXT("(?i)^transit: *(\\S+)"),
					  .connectivity = TEXT("transit"),
					  .provider = TEXT("$1"),
					  .boundary = TEXT("external")};
	o.rules[3] = (struct enrich_rule){.interface = TEXT("^xe-"), .boundary = TEXT("internal")};
	o.n_rules = 4;
	j = enriched(&o, &f);
	assert_member(j, "device_role", "\"edge\"");
	assert_member(j, "device_site", "\"lyon\""); /* the metadata come first */
	assert_member(j, "device_region", "\"r-lyon\"");
	assert_member(j, "device_tenant", "\"t\"");
	assert_member(j, "in_interface_connectivity", "\"transit\"");
	assert_member(j, "in_interface_provider", "\"Example\"");
	assert_member(j, "in_interface_boundary", "\"external\"");
	assert_missing(j, "out_interface_boundary");
	json_decref(j);
	assert_null(enrich_check_rule(&o.rules[0], error, sizeof(error)));
	assert_non_null(enrich_check_rule(&(struct enrich_rule){.exporter = TEXT("a(")}, error,
					  sizeof(error)));
	assert_non_null(strstr(error, "'a('"));
	assert_non_null(
		enrich_check_rule(&(struct enrich_rule){.role = TEXT("x")}, error, sizeof(error)));
}

/* What is said on standard error meanwhile is meant to be said and not to be read. */
static int hush(int back)
{
	int was = dup(2), to = back < 0 ? open("/dev/null", O_WRONLY) : back;

	dup2(to, 2);
	close(to);
	if (back < 0)
		return was;
	close(was);
	return -1;
}

static void metadata_that_is_wrong_is_refused_with_its_place(void **state)
{
	static const char *const wrong[] = {
		"",
		"[]",
		"{\"version\":2}",
		"{\"version\":1,\"devices\":{}}",
		"{\"version\":1,\"devices\":[{\"addresses\":[]}]}",
		"{\"version\":1,\"devices\":[{\"id\":\"a\",\"addresses\":[\"10.0.0.x\"]}]}",
		"{\"version\":1,\"devices\":[{\"id\":\"a\",\"addresses\":[7]}]}",
		"{\"version\":1,\"interfaces\":[{\"id\":\"a\"}]}",
		"{\"version\":1,\"interfaces\":[{\"device_id\":\"a\",\"peer_ip\":\"?\"}]}",
		"{\"version\":1,\"applications\":[{\"id\":\"a\",\"protocol\":6}]}",
		"{\"version\":1,\"applications\":[{\"id\":\"a\",\"protocol\":\"?\"}]}",
		"{\"version\":1,\"communities\":{\"a\":\"b\"}}",
		"{\"version\":1,\"as\":[{\"id\":-1}]}",
		"{\"version\":1,",
	};
	int quiet;
	struct enrich_options o = everything();

	(void)state;
	quiet = hush(-1);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct enrich_table t[ENRICH_TABLES];
		struct enricher *e;

		write_text(meta_path, wrong[i]);
		e = enricher_open(&o, writers);
		enricher_tables(e, t);
		if (enricher_meta(e) || t[1].refused != 1)
			fail_msg("%s was taken", wrong[i]);
		enricher_close(e);
	}
	hush(quiet);
	unlink(meta_path);
}

struct load {
	struct enricher *e;
	bool stop;
	unsigned errors;
	uint64_t batches, flows, generations;
	uint64_t changed_ns[1000]; /* what the first batch with each table took */
};

enum {
	ROWS = 64,
#ifdef SANITIZED
	TABLES = 200,
#else
	TABLES = 1000,
#endif
};

/* A worker under full load: each batch is of one generation, whole, and readable to its end. */
static void *work(void *arg)
{
	static struct row_constants none;
	struct load *l = arg;
	struct account mine = {0};
	struct enrich_worker *w;
	struct flow rows[ROWS];
	struct flow_batch batch = {.rows = rows, .n = ROWS, .cap = ROWS};
	uint8_t *row = malloc(ENCODED_ROW_MAX);
	uint32_t last = 0;

	rcu_register_thread();
	w = enrich_worker_new(l->e, ROWS, &mine);
	while (!__atomic_load_n(&l->stop, __ATOMIC_RELAXED)) {
		uint64_t start = clock_thread_ns(), took;
		uint32_t as;

		for (unsigned i = 0; i < ROWS; i++)
			rows[i] = (struct flow){.src_addr = v4(192, 0, 2, i),
						.dst_addr = v4(192, 0, 2, 2 * i),
						.sampler_address = v4(10, 0, 0, 1),
						.in_if = 7};
		enrich_batch(w, &batch);
		as = rows[0].src_as;
		for (unsigned i = 0; i < ROWS; i++) {
			const struct flow_info *info = rows[i].info;
			char name[16], ref[16];
			int n = snprintf(name, sizeof(name), "N%u", as);
			int k = snprintf(ref, sizeof(ref), "r%u", as);

			if (rows[i].src_as != as || rows[i].dst_as != as || !info->src_as ||
			    info->src_as->name.len != (uint32_t)n ||
			    memcmp(info->src_as->name.p, name, (size_t)n) ||
			    info->dst_ip_ref.len != (uint32_t)k ||
			    memcmp(info->dst_ip_ref.p, ref, (size_t)k) || !info->in_interface)
				l->errors++;
			json_format.flow(row, &none, &rows[i]);
			protobuf_format.flow(row, &none, &rows[i]);
		}
		took = clock_thread_ns() - start;
		if (as != last && l->generations < 1000)
			l->changed_ns[l->generations++] = took;
		last = as;
		l->batches++;
		rcu_quiescent_state();
	}
	l->flows = mine.n[ACCOUNT_ENRICHED_FLOWS];
	enrich_worker_free(w);
	rcu_unregister_thread();
	free(row);
	return NULL;
}

static void wait_for_loads(const struct enricher *e, unsigned table, uint64_t loads)
{
	struct enrich_table t[ENRICH_TABLES];
	const struct timespec pause = {.tv_nsec = 200000};

	for (unsigned i = 0; i < 50000; i++) {
		enricher_tables(e, t);
		if (t[table].loads + t[table].refused >= loads)
			return;
		nanosleep(&pause, NULL);
	}
	fail_msg("a file that was replaced was not loaded");
}

static int compare_times(const void *p, const void *q)
{
	const uint64_t *a = p, *b = q;

	return (*a > *b) - (*a < *b);
}

static void tables_are_replaced_a_thousand_times_under_load(void **state)
{
	struct enrich_options o = everything();
	struct enrich_table t[ENRICH_TABLES];
	static struct load load[2];
	uint64_t nine_tenths;
	pthread_t thread[2];
	struct enricher *e;

	(void)state;
	write_table(1);
	write_text(meta_path, metadata);
	e = enricher_open(&o, writers);
	enricher_watch(e);
	for (unsigned i = 0; i < 2; i++) {
		load[i].e = e;
		assert_int_equal(pthread_create(&thread[i], NULL, work, &load[i]), 0);
	}
	rcu_thread_offline();
	for (unsigned i = 2; i <= TABLES; i++) {
		write_table(i);
		if (i % 10 == 0)
			write_text(meta_path, metadata);
		enricher_check(e);
		wait_for_loads(e, 0, i);
	}
	for (unsigned i = 0; i < 2; i++)
		__atomic_store_n(&load[i].stop, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	enricher_tables(e, t);
	assert_int_equal(t[0].loads, TABLES);
	assert_int_equal(t[0].refused + t[1].refused, 0);
	assert_in_range(t[1].loads, TABLES / 20, TABLES / 10 + 1);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(load[i].errors, 0);
		assert_int_equal(load[i].flows, load[i].batches * ROWS);
		assert_true(load[i].generations > TABLES / 10);
		/* The machine may take the processor away at any time, and that shows here; a stall
		 * by the change itself would show every time. */
		qsort(load[i].changed_ns, load[i].generations, sizeof(uint64_t), compare_times);
		nine_tenths = load[i].changed_ns[load[i].generations * 9 / 10];
		print_message("%llu batches of %u saw %llu tables; nine in ten of the first with a "
			      "new table took less than %.0f us\n",
			      (unsigned long long)load[i].batches, ROWS,
			      (unsigned long long)load[i].generations, (double)nine_tenths / 1e3);
#ifndef SANITIZED
		assert_true(nine_tenths < 1000000);
#endif
	}
	enricher_close(e);
	rcu_thread_online();
}

static void a_damaged_file_leaves_the_table_in_use(void **state)
{
	struct enrich_options o = everything();
	struct enrich_table t[ENRICH_TABLES];
	struct ip_addr a = v4(192, 0, 2, 1);
	const struct ip_table *before;
	int quiet;
	struct enricher *e;

	(void)state;
	write_table(77);
	quiet = hush(-1);
	e = enricher_open(&o, writers);
	enricher_watch(e);
	rcu_thread_offline(); /* so that the table in use can be replaced */
	before = enricher_ip_table(e);
	assert_non_null(before);
	write_text(ip_path, "this is not what it says it is");
	enricher_check(e);
	wait_for_loads(e, 0, 2);
	enricher_tables(e, t);
	assert_int_equal(t[0].refused, 1);
	assert_ptr_equal(enricher_ip_table(e), before);
	assert_true(ip_table_find(before, &a) != 0);
	write_table(78);
	enricher_check(e);
	wait_for_loads(e, 0, 3);
	enricher_tables(e, t);
	assert_int_equal(t[0].loads, 2);
	hush(quiet);
	enricher_close(e);
	rcu_thread_online();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_gets_what_the_tables_know),
		cmocka_unit_test(what_is_off_is_not_attached),
		cmocka_unit_test(the_as_of_the_record_stays_and_has_no_names_of_another),
		cmocka_unit_test(an_exporter_that_is_not_known_is_its_address),
		cmocka_unit_test(the_smaller_port_that_is_known_names_the_application),
		cmocka_unit_test(repeats_of_the_path_stand_with_the_as_that_is_repeated),
		cmocka_unit_test(the_community_is_that_of_the_last_part_of_the_distinguisher),
		cmocka_unit_test(the_peer_is_of_the_record_or_else_of_the_interface),
		cmocka_unit_test(rules_give_classes),
		cmocka_unit_test(metadata_that_is_wrong_is_refused_with_its_place),
		cmocka_unit_test(tables_are_replaced_a_thousand_times_under_load),
		cmocka_unit_test(a_damaged_file_leaves_the_table_in_use),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
