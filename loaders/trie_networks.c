/* Own networks (networks.yml) for ip.mmdb.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "../agent/log.h"
#include "tables.h"
#include "trie.h"

enum { FIELDS = 5 };

static const char *const fields[FIELDS] = {"name", "region", "role", "site", "tenant"};

struct network {
	struct ip_addr a;
	unsigned length; /* of the 128 bits */
	const char *field[FIELDS];
};

static const char *scalar(const yaml_node_t *n)
{
	return n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : "";
}

static int fault(struct trie *t, const char *path, const yaml_node_t *at, const char *what,
		 const char *text)
{
	return load_fail(t->l, EINVAL, "%s:%zu: '%s' %s", path, at ? at->start_mark.line + 1 : 1,
			 text, what);
}

static int read_one(struct trie *t, const char *path, yaml_document_t *d,
		    const yaml_node_pair_t *pair, struct network *n)
{
	const yaml_node_t *key = yaml_document_get_node(d, pair->key);
	const yaml_node_t *map = yaml_document_get_node(d, pair->value);
	const char *prefix = scalar(key);

	memset(n, 0, sizeof(*n));
	if (!strchr(prefix, '/') || !parse_subnet(prefix, strlen(prefix), &n->a, &n->length))
		return fault(t, path, key, "is not a prefix", prefix);
	n->length += ip_is_v4(&n->a) ? 96 : 0;
	if (map->type == YAML_SCALAR_NODE) { /* prefix: name */
		n->field[0] = scalar(map);
		return 0;
	}
	if (map->type != YAML_MAPPING_NODE)
		return fault(t, path, map, "takes a map of name, role, site, region, tenant",
			     prefix);
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
	     p++) {
		const yaml_node_t *name = yaml_document_get_node(d, p->key);
		int i = 0;

		while (i < FIELDS && strcmp(fields[i], scalar(name)))
			i++;
		if (i == FIELDS)
			return fault(t, path, name, "is none of name, role, site, region, tenant",
				     scalar(name));
		n->field[i] = scalar(yaml_document_get_node(d, p->value));
	}
	return 0;
}

static bool covers(const struct network *o, const struct network *n)
{
	unsigned bytes = o->length / 8, bits = o->length % 8;

	return o->length < n->length && !memcmp(o->a.b, n->a.b, bytes) &&
	       (!bits || !((o->a.b[bytes] ^ n->a.b[bytes]) >> (8 - bits)));
}

static int shorter(const void *a, const void *b)
{
	return (int)((const struct network *)a)->length - (int)((const struct network *)b)->length;
}

/* From the longest that covers it, which already has what covers that. */
static void inherit(struct network *all, size_t i)
{
	for (size_t k = i; k--;) {
		if (!covers(&all[k], &all[i]))
			continue;
		for (int f = 0; f < FIELDS; f++)
			if (!all[i].field[f])
				all[i].field[f] = all[k].field[f];
		return;
	}
}

static int add(struct trie *t, const struct network *n)
{
	unsigned members = 0;
	uint32_t where;

	buffer_clear(&t->value);
	for (int f = 0; f < FIELDS; f++)
		members += n->field[f] && *n->field[f];
	mmdb_put_map(&t->value, members);
	for (int f = 0; f < FIELDS; f++) {
		if (!n->field[f] || !*n->field[f])
			continue;
		mmdb_put_text(&t->value, fields[f], strlen(fields[f]));
		mmdb_put_text(&t->value, n->field[f], strlen(n->field[f]));
	}
	where = mmdb_data(t->w, &t->value);
	if (!where || ip_merge_add(&t->merge, &n->a, ip_is_v4(&n->a) ? n->length - 96 : n->length,
				   SOURCE_NETWORKS, where))
		return load_fail(t->l, ENOMEM, "out of memory");
	return 0;
}

static int take(struct trie *t, const char *path, yaml_document_t *d)
{
	const yaml_node_t *root = yaml_document_get_root_node(d), *map = NULL;
	struct network *all;
	size_t n = 0, count;
	int r = 0;

	if (!root)
		return 0;
	if (root->type == YAML_MAPPING_NODE)
		for (yaml_node_pair_t *p = root->data.mapping.pairs.start;
		     p < root->data.mapping.pairs.top; p++)
			if (!strcmp(scalar(yaml_document_get_node(d, p->key)), "networks"))
				map = yaml_document_get_node(d, p->value);
	if (map && map->type == YAML_SCALAR_NODE && !*scalar(map))
		return 0;
	if (!map || map->type != YAML_MAPPING_NODE)
		return fault(t, path, root, "with a map of prefixes is needed", "networks:");
	count = (size_t)(map->data.mapping.pairs.top - map->data.mapping.pairs.start);
	all = calloc(count + 1, sizeof(*all));
	if (!all)
		return load_fail(t->l, ENOMEM, "out of memory");
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start;
	     !r && p < map->data.mapping.pairs.top; p++)
		r = read_one(t, path, d, p, &all[n++]);
	if (!r)
		qsort(all, n, sizeof(*all), shorter);
	for (size_t i = 0; !r && i < n; i++) {
		inherit(all, i);
		r = add(t, &all[i]);
	}
	free(all);
	return r;
}

int trie_networks(struct trie *t, const char *path)
{
	FILE *f = fopen(path, "re");
	yaml_document_t document;
	yaml_parser_t parser;
	int r;

	if (!f)
		return load_fail(t->l, errno, "%s: %s", path, strerror(errno));
	if (!yaml_parser_initialize(&parser)) {
		fclose(f);
		return load_fail(t->l, ENOMEM, "out of memory");
	}
	yaml_parser_set_input_file(&parser, f);
	if (yaml_parser_load(&parser, &document)) {
		r = take(t, path, &document);
		yaml_document_delete(&document);
	} else {
		r = load_fail(t->l, EINVAL, "%s:%zu: %s", path, parser.problem_mark.line + 1,
			      parser.problem ? parser.problem : "is not YAML");
	}
	yaml_parser_delete(&parser);
	fclose(f);
	return r;
}
