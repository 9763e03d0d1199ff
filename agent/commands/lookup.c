/* weir lookup: what the agent would attach to flows of an address, and where it has that from.
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "../conf/arguments.h"
#include "../enrich/ip_table.h"
#include "../enrich/meta.h"
#include "../enrich/mmdb.h"
#include "../publish/encode.h"
#include "commands.h"

static const char usage[] =
	"usage: weir lookup ADDRESS... [-c FILE] [--set KEY=VALUE...] [--json]\n\n"
	"Prints what the agent would attach to flows from an address, and which prefix of which\n"
	"file it has that from; of the address of an exporter also what is known of the device.\n"
	"Reads the files itself: an agent need not run.\n"
	"Exit status: 0 something is known of each address, 1 nothing of one of them, 2 usage.\n\n"
	"  -c, --config FILE    the settings; without it the defaults\n"
	"  -s, --set KEY=VALUE  set one above what the file says; may be repeated\n"
	"  -j, --json           print one JSON object a line\n"
	"  -h, --help           print this\n";

static bool parse_address(const char *text, struct ip_addr *a)
{
	uint8_t v4[4];

	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, text, v4) == 1)
		ip_from_v4(a, v4);
	else if (inet_pton(AF_INET6, text, a->b) != 1)
		return false;
	return true;
}

/* The prefix of the file in which the address is: {"file", "prefix"}; NULL: in none. */
static json_t *source(const char *path, const struct ip_addr *a)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};
	bool v4 = ip_is_v4(a);
	char error[300], text[INET6_ADDRSTRLEN + 8];
	MMDB_lookup_result_s r;
	struct mmdb m;
	unsigned len;
	int status;
	uint8_t net[16];

	if (mmdb_open(&m, path, error, sizeof(error)))
		return NULL; /* said when the tables were loaded */
	memcpy(&six.sin6_addr, a->b, 16);
	memcpy(&four.sin_addr, a->b + 12, 4);
	r = MMDB_lookup_sockaddr(
		&m.db, v4 ? (const struct sockaddr *)&four : (const struct sockaddr *)&six,
		&status);
	len = r.netmask;
	if (v4 && m.v6) /* counted from the root of the IPv6 tree, */
		len = len >= 96 ? len - 96 : 0;
	mmdb_close(&m);
	if (status != MMDB_SUCCESS || !r.found_entry)
		return NULL;
	memcpy(net, v4 ? a->b + 12 : a->b, v4 ? 4 : 16);
	for (unsigned i = len; i < (v4 ? 32u : 128u); i++)
		net[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
	inet_ntop(v4 ? AF_INET : AF_INET6, net, text, sizeof(text));
	return json_pack("{s:s, s:o}", "file", path, "prefix", json_sprintf("%s/%u", text, len));
}

static json_t *sources(const struct enrich_options *o, const struct meta *m,
		       const struct ip_addr *a)
{
	json_t *list = json_array(), *s;
	char *path;

	if (o->cache && asprintf(&path, "%s/ip.mmdb", o->cache) >= 0) {
		s = access(path, F_OK) ? NULL : source(path, a);
		if (s)
			json_array_append_new(list, s);
		free(path);
	}
	for (unsigned i = 0; i < o->n_mmdb; i++) {
		s = source(o->mmdb[i], a);
		if (s)
			json_array_append_new(list, s);
	}
	if (m && meta_device(m, a))
		json_array_append_new(
			list, json_pack("{s:o}", "file", json_sprintf("%s/meta.json", o->cache)));
	return list;
}

/* A flow from this address by this exporter, through enrichment and the JSON encoder: what comes
 * out is what the agent would send. */
static json_t *attached(struct enrich_worker *w, const struct meta *m, const struct ip_addr *a)
{
	static struct row_constants none;
	static uint8_t row[ENCODED_ROW_MAX + 1];
	struct flow f = {.src_addr = *a};
	struct flow_batch batch = {.rows = &f, .n = 1, .cap = 1};
	json_t *members, *o = json_object(), *value;
	const char *key;

	if (m && meta_device(m, a))
		f.sampler_address = *a;
	enrich_batch(w, &batch);
	if (f.info && ip_is_unset(&f.sampler_address))
		f.info->device = NULL;
	*json_format.flow(row, &none, &f) = '\0';
	members = json_loads((const char *)row, 0, NULL);
	json_object_foreach(members, key, value)
	{
		if (!strcmp(key, "src_addr") || !strcmp(key, "sampler_address") ||
		    !strncmp(key, "policy_", 7))
			continue;
		json_object_set(o, strncmp(key, "src_", 4) ? key : key + 4, value);
	}
	json_decref(members);
	return o;
}

static void print_value(const json_t *v)
{
	const char *key;
	json_t *item;

	if (json_is_string(v)) {
		printf(" %s", json_string_value(v));
	} else if (json_is_object(v)) {
		json_object_foreach((json_t *)(uintptr_t)v, key, item)
			printf(" %s=%s", key, json_string_value(item));
	} else {
		char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));

		printf(" %s", text ? text : "");
		free(text);
	}
	putchar('\n');
}

static void print(const char *address, const json_t *from, const json_t *found)
{
	const char *key;
	json_t *value;
	size_t i;

	printf("%s\n", address);
	json_object_foreach((json_t *)(uintptr_t)found, key, value)
	{
		printf("  %-18s", key);
		print_value(value);
	}
	json_array_foreach((json_t *)(uintptr_t)from, i, value)
	{
		const char *prefix = json_string_value(json_object_get(value, "prefix"));

		printf("  from %s%s%s\n", json_string_value(json_object_get(value, "file")),
		       prefix ? ", prefix " : "", prefix ? prefix : "");
	}
	if (!json_object_size(found))
		printf("  nothing is known of it\n");
}

static int look_up(const struct settings *s, bool json, char **addresses)
{
	const info_writer *const writers[INFO_FORMATS] = {[INFO_JSON] = json_info};
	struct enricher *e = enricher_open(&s->enrich, writers);
	struct account account = {0};
	struct enrich_worker *w = e ? enrich_worker_new(e, 1, &account) : NULL;
	int status = w ? 0 : 1;

	for (char **text = addresses; w && *text; text++) {
		const struct meta *m = enricher_meta(e);
		struct ip_addr a;
		json_t *found, *from;

		parse_address(*text, &a);
		found = attached(w, m, &a);
		from = sources(&s->enrich, m, &a);
		if (!json_object_size(found))
			status = 1;
		if (json) {
			json_t *all = json_pack("{s:s, s:o, s:o}", "address", *text, "attached",
						found, "sources", from);

			json_dumpf(all, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
			putchar('\n');
			json_decref(all);
		} else {
			print(*text, from, found);
			json_decref(found);
			json_decref(from);
		}
	}
	enrich_worker_free(w);
	enricher_close(e);
	return fflush(stdout) ? 1 : status;
}

int command_lookup(int argc, char **argv)
{
	struct settings_arguments a = {.usage = usage, .options = "j+"};
	struct settings s;
	struct ip_addr ip;
	int r = settings_arguments(&a, argc, argv, &s);

	if (r >= 0)
		return r;
	r = a.first == argc ? 2 : 0;
	if (r)
		fprintf(stderr,
			"weir lookup: no address given; `weir lookup --help` tells the rest\n");
	for (char **text = argv + a.first; *text && !r; text++)
		if (!parse_address(*text, &ip)) {
			fprintf(stderr, "weir lookup: '%s' is not an IP address\n", *text);
			r = 2;
		}
	log_set_level(LOG_LEVEL_WARNING);
	rcu_register_thread();
	r = r ? r : look_up(&s, a.json, argv + a.first);
	rcu_unregister_thread();
	settings_free(&s);
	return r;
}
