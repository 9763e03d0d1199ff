/* meta.json: devices, interfaces, applications, communities and AS for the agent.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "../agent/log.h"
#include "tables.h"
#include "trie.h"

struct meta {
	struct load *l;
	FILE *f;
	struct buffer line;
	unsigned items; /* of the array that is open */
	struct meta_counts *n;
	struct versions organization_of; /* id → index + 1 */
	char **organization;		 /* names, as JSON */
	size_t n_organizations;
	bool failed;
};

/* A member, taken over as it stands in the row. */
static void member(struct meta *m, struct json_slice row, const char *from, const char *to)
{
	struct json_slice v = json_member(row, from);

	if (json_is_null(v) || (json_is_string(v) && v.n == 2))
		return;
	if (m->line.p[m->line.len - 1] != '{')
		buffer_char(&m->line, ',');
	buffer_format(&m->line, "\"%s\":", to);
	buffer_bytes(&m->line, v.p, v.n);
}

static void begin_item(struct meta *m)
{
	buffer_clear(&m->line);
	buffer_string(&m->line, m->items++ ? ",\n{" : "\n{");
}

static int end_item(struct meta *m)
{
	buffer_char(&m->line, '}');
	if (m->line.failed)
		return load_fail(m->l, ENOMEM, "out of memory");
	m->failed |= fwrite(m->line.p, 1, m->line.len, m->f) != m->line.len;
	return 0;
}

/* IPv4 as such, where the table has ::ffff:192.0.2.1. */
static void addresses(struct meta *m, struct json_slice list, unsigned *n)
{
	struct json_slice item;
	struct json_walk w;
	struct ip_addr a;
	unsigned length;

	if (!json_walk_array(&w, list))
		return;
	while (json_next_item(&w, &item)) {
		if (!json_is_string(item) || !parse_subnet(item.p + 1, item.n - 2, &a, &length))
			continue;
		buffer_string(&m->line, (*n)++ ? ",\"" : "\"");
		buffer_ip(&m->line, &a);
		buffer_char(&m->line, '"');
	}
}

static int device(struct json_slice row, void *arg)
{
	struct meta *m = arg;
	unsigned n = 0;

	begin_item(m);
	member(m, row, "id", "id");
	member(m, row, "ref", "ref");
	member(m, row, json_is_null(json_member(row, "hostname")) ? "id" : "hostname", "name");
	member(m, row, "type", "type");
	member(m, row, "location_name", "site");
	member(m, row, "role", "role");
	member(m, row, "country_sub_name", "region");
	member(m, row, "network", "network");
	buffer_string(&m->line, ",\"addresses\":[");
	addresses(m, json_member(row, "loopback_ip"), &n);
	addresses(m, json_member(row, "management_ip"), &n);
	buffer_char(&m->line, ']');
	m->n->devices++;
	return end_item(m);
}

static int interface(struct json_slice row, void *arg)
{
	static const char *const same[] = {"device_id",	 "flow_index", "id",	      "ref",
					   "name",	 "type",       "description", "speed",
					   "edge",	 "circuit_id", "circuit_ref", "peer_as_id",
					   "peer_as_ref"};
	struct meta *m = arg;

	begin_item(m);
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++)
		member(m, row, same[i], same[i]);
	member(m, row,
	       json_is_null(json_member(row, "peer_interface_ipv4")) ? "peer_interface_ipv6"
								     : "peer_interface_ipv4",
	       "peer_ip");
	m->n->interfaces++;
	return end_item(m);
}

static int application(struct json_slice row, void *arg)
{
	struct meta *m = arg;

	begin_item(m);
	member(m, row, "id", "id");
	member(m, row, "protocol", "protocol");
	member(m, row, "port_range_min", "port_min");
	member(m, row, "port_range_max", "port_max");
	m->n->applications++;
	return end_item(m);
}

static int organization(struct json_slice row, void *arg)
{
	struct json_slice id = kept_text(row, "id"), name = json_member(row, "name");
	struct meta *m = arg;
	size_t n = m->n_organizations;
	struct version *v = versions_add(&m->organization_of, id.p, id.n);

	if (v && !(n & (n - 1))) {
		char **p = reallocarray(m->organization, n ? 2 * n : 1, sizeof(*p));

		if (p)
			m->organization = p;
		else
			v = NULL;
	}
	if (!v)
		return load_fail(m->l, ENOMEM, "out of memory");
	m->organization[n] = json_is_string(name) ? strndup(name.p, name.n) : NULL;
	v->index = ++m->n_organizations;
	return 0;
}

static int as(struct json_slice row, void *arg)
{
	struct json_slice id = kept_text(row, "organization_id");
	struct meta *m = arg;
	const struct version *o = id.p ? versions_find(&m->organization_of, id.p, id.n) : NULL;
	const char *name = o ? m->organization[o->index - 1] : NULL;

	/* the column is a number in ClickHouse and text in a row: a number here */
	id = kept_text(row, "id");
	if (!id.n || strspn(id.p, "0123456789") < id.n)
		return 0;
	begin_item(m);
	buffer_string(&m->line, "\"id\":");
	buffer_bytes(&m->line, id.p, id.n);
	member(m, row, "ref", "ref");
	member(m, row, "name", "name");
	if (name) {
		buffer_string(&m->line, ",\"organization\":");
		buffer_string(&m->line, name);
	}
	return end_item(m);
}

static int array(struct meta *m, const char *name, const char *table,
		 int (*each)(struct json_slice row, void *arg))
{
	int r;

	m->items = 0;
	fprintf(m->f, ",\n\"%s\":[", name);
	r = latest_each(m->l, table, each, m);
	fputc(']', m->f);
	return r;
}

static void community(struct meta *m, const char *number, const char *name)
{
	buffer_clear(&m->line);
	buffer_string(&m->line, m->items++ ? "," : "");
	buffer_json_string(&m->line, number, strlen(number));
	buffer_char(&m->line, ':');
	buffer_json_string(&m->line, name, strlen(name));
	m->failed |= m->line.failed || fwrite(m->line.p, 1, m->line.len, m->f) != m->line.len;
	m->n->communities++;
}

static const char *scalar(const yaml_node_t *n)
{
	return n && n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : "";
}

static int communities_of(struct meta *m, yaml_document_t *d, const char *path)
{
	const yaml_node_t *root = yaml_document_get_root_node(d), *map = NULL;

	if (!root)
		return 0;
	if (root->type == YAML_MAPPING_NODE)
		for (yaml_node_pair_t *p = root->data.mapping.pairs.start;
		     p < root->data.mapping.pairs.top; p++)
			if (!strcmp(scalar(yaml_document_get_node(d, p->key)), "communities"))
				map = yaml_document_get_node(d, p->value);
	if (!map || map->type != YAML_MAPPING_NODE)
		return load_fail(m->l, EINVAL,
				 "%s:1: 'communities:' with a map of NUMBER: NAME is "
				 "needed",
				 path);
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
	     p++) {
		const yaml_node_t *key = yaml_document_get_node(d, p->key);
		const char *name = scalar(yaml_document_get_node(d, p->value));

		if (!*name || !*scalar(key) ||
		    strspn(scalar(key), "0123456789:") != strlen(scalar(key)))
			return load_fail(m->l, EINVAL, "%s:%zu: '%s' is not NUMBER: NAME", path,
					 key->start_mark.line + 1, scalar(key));
		community(m, scalar(key), name);
	}
	return 0;
}

static int community_file(struct meta *m, const char *path)
{
	FILE *f = fopen(path, "re");
	yaml_document_t document;
	yaml_parser_t parser;
	int r;

	if (!f)
		return load_fail(m->l, errno, "%s: %s", path, strerror(errno));
	if (!yaml_parser_initialize(&parser)) {
		fclose(f);
		return load_fail(m->l, ENOMEM, "out of memory");
	}
	yaml_parser_set_input_file(&parser, f);
	if (yaml_parser_load(&parser, &document)) {
		r = communities_of(m, &document, path);
		yaml_document_delete(&document);
	} else {
		r = load_fail(m->l, EINVAL, "%s:%zu: %s", path, parser.problem_mark.line + 1,
			      parser.problem ? parser.problem : "is not YAML");
	}
	yaml_parser_delete(&parser);
	fclose(f);
	return r;
}

/* MetrANOVA's "64805:lhcone,64806:lsst", else the file. */
static int communities(struct meta *m, const char *path)
{
	const char *given = load_variable(m->l, "CLICKHOUSE_FLOW_POLICY_COMMUNITY_SCOPE_MAP");
	char *list, *rest, *item;
	int r = 0;

	m->items = 0;
	fputs(",\n\"communities\":{", m->f);
	if (!given && path)
		r = community_file(m, path);
	rest = list = given ? strdup(given) : NULL;
	while (!r && (item = strsep(&rest, ","))) {
		char *colon = strrchr(item, ':');

		item += strspn(item, " \"");
		if (!*item)
			continue;
		if (!colon || colon < item) {
			r = load_fail(m->l, EINVAL,
				      "CLICKHOUSE_FLOW_POLICY_COMMUNITY_SCOPE_MAP: '%s' is not "
				      "NUMBER:NAME",
				      item);
			break;
		}
		*colon++ = '\0';
		colon[strcspn(colon, " \"")] = '\0';
		community(m, item, colon);
	}
	free(list);
	fputc('}', m->f);
	return r;
}

int trie_meta_json(struct load *l, const char *path, const char *community_path,
		   struct meta_counts *n)
{
	struct meta m = {.l = l, .n = n};
	char beside[PATH_MAX];
	int r;

	if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
		return load_fail(l, ENAMETOOLONG, "%s: is too long", path);
	m.f = fopen(beside, "we");
	if (!m.f)
		return load_fail(l, errno, "%s: %s", beside, strerror(errno));
	fputs("{\"version\":1", m.f);
	r = array(&m, "devices", "meta_device", device);
	r = r ? r : array(&m, "interfaces", "meta_interface", interface);
	r = r ? r : array(&m, "applications", "meta_application", application);
	r = r ? r : communities(&m, community_path);
	r = r ? r : latest_each(l, "meta_organization", organization, &m);
	r = r ? r : array(&m, "as", "meta_as", as);
	fputs("}\n", m.f);
	if (!r && (m.failed || fflush(m.f) || fsync(fileno(m.f))))
		r = load_fail(l, errno ? errno : EIO, "%s: %s", beside, strerror(errno));
	fclose(m.f);
	if (!r && rename(beside, path))
		r = load_fail(l, errno, "%s: %s", path, strerror(errno));
	if (r)
		unlink(beside);
	for (size_t i = 0; i < m.n_organizations; i++)
		free(m.organization[i]);
	free(m.organization);
	versions_free(&m.organization_of);
	buffer_free(&m.line);
	return r;
}
