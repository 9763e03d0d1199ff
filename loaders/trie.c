/* weir load trie: ip.mmdb, ip.table and meta.json, from the latest versions of all tables.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../agent/log.h"
#include "countries.h"
#include "history.h"
#include "trie.h"

static int no_memory(struct trie *t)
{
	return load_fail(t->l, ENOMEM, "out of memory");
}

/* Appends to an array whose room is the next power of two. */
static void *append(void **p, size_t *n, size_t size)
{
	if (!(*n & (*n - 1))) {
		void *larger = reallocarray(*p, *n ? 2 * *n : 1, size);

		if (!larger)
			return NULL;
		*p = larger;
	}
	return memset((char *)*p + (*n)++ * size, 0, size);
}

/* The text of a member, once in the data section. */
static uint32_t text_of(struct trie *t, struct json_slice row, const char *member)
{
	struct json_slice v = json_member(row, member);
	uint32_t where = 0;

	buffer_clear(&t->value);
	if (json_is_string(v) && json_text(v, &t->value) && t->value.len)
		where = mmdb_text(t->w, t->value.p, t->value.len);
	return where;
}

static int organization(struct json_slice row, void *arg)
{
	struct trie *t = arg;
	struct json_slice id = kept_text(row, "id");
	struct version *v = versions_add(&t->organization_of, id.p, id.n);
	struct trie_organization *o = v ? append((void **)&t->organizations, &t->n_organizations,
						 sizeof(*o))
					: NULL;

	if (!o)
		return no_memory(t);
	v->index = t->n_organizations;
	o->name = text_of(t, row, "name");
	o->ref = text_of(t, row, "ref");
	return 0;
}

static int as(struct json_slice row, void *arg)
{
	struct json_slice id = kept_text(row, "id"), organization_id;
	struct trie *t = arg;
	const struct version *o;
	struct version *v = versions_add(&t->as_of, id.p, id.n);
	struct trie_as *a = v ? append((void **)&t->as, &t->n_as, sizeof(*a)) : NULL;

	if (!a)
		return no_memory(t);
	v->index = t->n_as;
	a->name = text_of(t, row, "name");
	a->ref = text_of(t, row, "ref");
	organization_id = kept_text(row, "organization_id");
	o = organization_id.p
		    ? versions_find(&t->organization_of, organization_id.p, organization_id.n)
		    : NULL;
	if (o) {
		a->organization = t->organizations[o->index - 1].name;
		a->organization_ref = t->organizations[o->index - 1].ref;
	}
	return 0;
}

static uint32_t number_of(struct json_slice v)
{
	uint64_t n = 0;

	if (json_is_string(v))
		v = (struct json_slice){v.p + 1, v.n - 2};
	for (size_t i = 0; i < v.n && i < 11; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return 0;
		n = n * 10 + (uint64_t)(v.p[i] - '0');
	}
	return n > UINT32_MAX ? 0 : (uint32_t)n;
}

static uint32_t double_of(struct trie *t, struct json_slice v)
{
	char text[40];

	if (!v.n || v.n >= sizeof(text) || json_is_string(v) || json_is_null(v))
		return 0;
	memcpy(text, v.p, v.n);
	text[v.n] = '\0';
	return mmdb_double(t->w, strtod(text, NULL));
}

static uint32_t plain_text(struct trie *t, struct json_slice v)
{
	if (!json_is_string(v) || v.n == 2)
		return 0;
	if (!memchr(v.p, '\\', v.n))
		return mmdb_text(t->w, v.p + 1, v.n - 2);
	buffer_clear(&t->value);
	return json_text(v, &t->value) ? mmdb_text(t->w, t->value.p, t->value.len) : 0;
}

static uint32_t continent_of(struct trie *t, struct json_slice v)
{
	const char *code = json_is_string(v) ? continent_code(v.p + 1, v.n - 2) : NULL;

	return code ? mmdb_text(t->w, code, 2) : plain_text(t, v);
}

static int add_subnets(struct trie *t, struct json_slice subnets, unsigned source, uint32_t value)
{
	struct json_slice pair;
	struct json_walk w;
	struct ip_addr a;
	unsigned length;

	if (!json_walk_array(&w, subnets))
		return 0;
	while (json_next_item(&w, &pair))
		if (kept_subnet(pair, &a, &length) &&
		    ip_merge_add(&t->merge, &a, length, source, value))
			return no_memory(t);
	return 0;
}

/* Stands for the ref of a row that a later version took the place of: its prefixes are of no row.
 */
#define SUPERSEDED UINT32_MAX

static int ip_line(char *text, size_t n, void *arg)
{
	struct json_slice row = {text, n}, key, value, ref = {0}, subnets = {0}, id = {0};
	struct trie *t = arg;
	struct trie_ip ip = {0};
	struct version *v;
	struct json_walk w;
	uint32_t number;

	if (!n)
		return 0;
	json_walk_object(&w, row);
	while (json_next_member(&w, &key, &value)) {
		if (json_is(key, "id"))
			id = value;
		else if (json_is(key, "ref"))
			ref = value;
		else if (json_is(key, "ip_subnet"))
			subnets = value;
		else if (json_is(key, "as_id"))
			ip.as = number_of(value);
		else if (json_is(key, "continent_name"))
			ip.continent = continent_of(t, value);
		else if (json_is(key, "country_code"))
			ip.country = plain_text(t, value);
		else if (json_is(key, "country_sub_name"))
			ip.subdivision = plain_text(t, value);
		else if (json_is(key, "city_name"))
			ip.city = plain_text(t, value);
		else if (json_is(key, "latitude"))
			ip.latitude = double_of(t, value);
		else if (json_is(key, "longitude"))
			ip.longitude = double_of(t, value);
	}
	if (w.failed || !json_is_string(id) || !json_is_string(ref))
		return -EBADMSG;
	number = version_number(ref.p + 1, ref.n - 2);
	v = versions_add(&t->rows, id.p + 1, id.n - 2);
	if (!v)
		return no_memory(t);
	if (v->index && number <= v->number)
		return 0;
	if (t->n_ip == t->room_ip) {
		size_t room = t->room_ip ? t->room_ip + t->room_ip / 2 : 4096;
		struct trie_ip *p = reallocarray(t->ip, room, sizeof(*p));

		if (!p)
			return no_memory(t);
		t->ip = p;
		t->room_ip = room;
	}
	if (v->index) { /* what it was before says nothing any more */
		t->ip[v->index - 1].ref = SUPERSEDED;
	}
	buffer_clear(&t->value);
	if (!json_text(ref, &t->value))
		return -EBADMSG;
	ip.ref = mmdb_text_once(t->w, t->value.p, t->value.len);
	t->ip[t->n_ip++] = ip;
	v->index = t->n_ip;
	v->number = number & VERSION_NUMBER_MAX;
	if (t->n_ip % 65536 == 0)
		load_progress(t->l, "rows of meta_ip", t->n_ip, 0);
	return add_subnets(t, subnets, SOURCE_IP, (uint32_t)t->n_ip);
}

/* Prefixes of rows that were superseded go. */
static void drop_superseded(struct trie *t)
{
	size_t to = 0;

	for (size_t i = 0; i < t->merge.n; i++) {
		const struct merge_entry *e = &t->merge.p[i];

		if (e->source != SOURCE_IP || t->ip[e->value - 1].ref != SUPERSEDED)
			t->merge.p[to++] = *e;
	}
	t->merge.n = to;
}

static int read_ip(struct trie *t)
{
	int r;

	r = history_each(t->l, "meta_ip", ip_line, t);
	if (r == -ENOENT) {
		*t->l->error = '\0';
		r = 0;
	}
	if (r && !*t->l->error)
		load_fail(t->l, -r, "meta_ip: %s", strerror(-r));
	drop_superseded(t);
	versions_free(&t->rows);
	t->ip_data = r ? NULL : calloc(t->n_ip + 1, sizeof(*t->ip_data));
	return r || t->ip_data ? r : no_memory(t);
}

static int other_row(struct json_slice row, void *arg)
{
	struct trie *t = arg;
	uint32_t ref = text_of(t, row, "ref");

	if (!ref)
		return 0;
	return add_subnets(t, json_member(row, "ip_subnet"), t->n_sources, ref);
}

/* A further table of addresses: meta_ip_scireg, say. */
static int read_table(struct trie *t, const char *name)
{
	int r;

	for (unsigned i = SOURCE_TABLES; i < t->n_sources; i++)
		if (!strcmp(t->table[i], name + strlen("meta_ip_")))
			return 0;
	if (t->n_sources == MERGE_SOURCES_MAX)
		return load_fail(t->l, E2BIG, "%s is one table of addresses too many: %d are taken",
				 name, MERGE_SOURCES_MAX - SOURCE_TABLES);
	t->table[t->n_sources] = strdup(name + strlen("meta_ip_"));
	if (!t->table[t->n_sources])
		return no_memory(t);
	r = latest_each(t->l, name, other_row, t);
	t->n_sources++;
	return r;
}

static int local_tables(struct trie *t)
{
	char pattern[PATH_MAX];
	glob_t found = {0};
	int r = 0;

	snprintf(pattern, sizeof(pattern), "%s/meta_ip_*.jsonl.zst", t->l->history);
	glob(pattern, 0, NULL, &found);
	for (size_t i = 0; !r && i < found.gl_pathc; i++) {
		char *name = strrchr(found.gl_pathv[i], '/') + 1;

		*strchr(name, '.') = '\0';
		r = read_table(t, name);
	}
	globfree(&found);
	return r;
}

static int remote_tables(struct trie *t)
{
	struct buffer names = {0};
	char *rest, *name;
	int r = clickhouse_query(
		t->l->clickhouse,
		"SELECT name FROM system.tables WHERE database=currentDatabase() "
		"AND name LIKE 'meta\\\\_ip\\\\_%' AND name NOT LIKE '%\\\\_\\\\_load' "
		"AND name NOT LIKE '%\\\\_local' AND name NOT LIKE '%\\\\_dict' "
		"ORDER BY name FORMAT TabSeparated",
		&names);

	if (r)
		load_fail(t->l, -r, "%s", clickhouse_error(t->l->clickhouse));
	rest = names.p;
	while (!r && (name = strsep(&rest, "\n")))
		if (*name)
			r = read_table(t, name);
	buffer_free(&names);
	return r;
}

static int put_prefix(const struct merge_entry *e, const uint32_t values[MERGE_SOURCES_MAX],
		      void *arg)
{
	struct trie *t = arg;
	uint32_t where;

	if (trie_value(t, values, &where) || mmdb_prefix(t->w, e->high, e->low, e->length, where))
		return -EIO; /* mmdb_finish() knows why */
	if (++t->prefixes % 65536 == 0) {
		load_progress(t->l, "prefixes", t->prefixes, t->merge.n);
		if (load_stopped())
			return load_fail(t->l, EINTR, "stopped; the files are as they were");
	}
	return 0;
}

/* A file of the settings, else the one of that name beside the settings file, where there is one.
 */
static const char *beside(struct load *l, const char *setting, const char *name,
			  char path[PATH_MAX])
{
	const char *slash = strrchr(l->settings, '/');

	if (setting)
		return setting;
	snprintf(path, PATH_MAX, "%.*s%s", slash ? (int)(slash + 1 - l->settings) : 0, l->settings,
		 name);
	return access(path, F_OK) ? NULL : path;
}

static int build(struct trie *t)
{
	char path[PATH_MAX];
	const char *networks = beside(t->l, t->l->o->networks, "networks.yml", path);
	int r;

	trie_keys(t);
	t->n_sources = SOURCE_TABLES;
	r = latest_each(t->l, "meta_organization", organization, t);
	r = r ? r : latest_each(t->l, "meta_as", as, t);
	r = r ? r : networks ? trie_networks(t, networks) : 0;
	r = r ? r : t->l->clickhouse ? remote_tables(t) : local_tables(t);
	r = r ? r : read_ip(t);
	if (r)
		return r;
	r = ip_merge_each(&t->merge, put_prefix, t);
	snprintf(path, sizeof(path), "%s/ip.mmdb", t->l->cache);
	if ((!r || r == -EIO) && !t->l->dry_run) {
		int written = mmdb_write(t->w, path, "weir-ip", "Addresses as weir load knows them",
					 t->written);

		r = written ? written : r;
	}
	if (r && !*t->l->error)
		load_fail(t->l, -r, "%s: %s", path, strerror(-r));
	return r;
}

static void free_all(struct trie *t)
{
	mmdb_writer_free(t->w);
	ip_merge_free(&t->merge);
	versions_free(&t->as_of);
	versions_free(&t->organization_of);
	versions_free(&t->rows);
	versions_free(&t->values);
	buffer_free(&t->value);
	free(t->as);
	free(t->organizations);
	free(t->ip);
	free(t->ip_data);
	for (unsigned i = 0; i < MERGE_SOURCES_MAX; i++)
		free(t->table[i]);
}

/* ip.mmdb, not yet in its place: its path, and what was done for it. */
static int write_mmdb(struct load *l, char written[PATH_MAX], char *summary, size_t size)
{
	struct trie t = {.l = l, .w = mmdb_writer_new(l->cache)};
	char count[16];
	int r = t.w ? build(&t) : load_fail(l, errno, "%s: %s", l->cache, strerror(errno));

	if (r && *t.written)
		unlink(t.written);
	strcpy(written, t.written);
	if (!r)
		snprintf(summary, size,
			 "%s prefixes, %" PRIu64 " nodes, %" PRIu64 " MB of data; %zu AS",
			 load_count(t.prefixes, count), mmdb_nodes(t.w), mmdb_data_size(t.w) >> 20,
			 t.n_as);
	free_all(&t);
	malloc_trim(0);
	return r;
}

static int write_files(struct load *l)
{
	struct meta_counts n = {0};
	char path[PATH_MAX], communities[PATH_MAX], addresses[128];
	int r = write_mmdb(l, path, addresses, sizeof(addresses));

	if (!r && !l->dry_run)
		r = trie_table(l, path);
	snprintf(path, sizeof(path), "%s/meta.json", l->cache);
	if (!r && !l->dry_run)
		r = trie_meta_json(
			l, path, beside(l, l->o->communities, "communities.yml", communities), &n);
	if (!r)
		snprintf(l->summary, sizeof(l->summary),
			 "%s, %u devices, %u interfaces, %u applications, %u communities",
			 addresses, n.devices, n.interfaces, n.applications, n.communities);
	return r;
}

static int run(struct load *l)
{
	int lock, r;

	if (mkdir(l->cache, 0755) && errno != EEXIST)
		return load_fail(l, errno, "%s: %s", l->cache, strerror(errno));
	lock = load_lock(l, l->cache, "trie");
	if (lock < 0)
		return lock;
	r = write_files(l);
	close(lock);
	return r;
}

const struct loader load_trie = {
	.name = "trie",
	.brief = "the files that the agent enriches flows from, of all that was loaded",
	.arguments = "",
	.help = "Builds ip.mmdb (all tables of addresses and own networks, each prefix with what "
		"all of them say of\nit; `mmdblookup --file ip.mmdb --ip ADDRESS` shows it), "
		"ip.table (the same as the agent has it\nin memory, so that it starts at once) and "
		"meta.json (devices, interfaces,\napplications, communities, AS) from the latest "
		"versions in ClickHouse or, where none is configured,\nin load.history. A running "
		"agent takes them over by itself.\n",
	.interval = "CLICKHOUSE_CONSUMER_UPDATE_INTERVAL",
	.run = run,
};
