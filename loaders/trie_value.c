/* What ip.mmdb says of a prefix: one map of what all sources know.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "trie.h"

enum {
	KEY_AS,
	KEY_AS_NAME,
	KEY_AS_REF,
	KEY_ORGANIZATION,
	KEY_ORGANIZATION_REF,
	KEY_IP_REF,
	KEY_CONTINENT,
	KEY_COUNTRY,
	KEY_SUBDIVISION,
	KEY_CITY,
	KEY_LATITUDE,
	KEY_LONGITUDE,
	KEY_REFS,
	KEY_NETWORK,
	KEYS
};

/* First in the data section, so that pointers to them are two bytes. */
void trie_keys(struct trie *t)
{
	static const char *const names[KEYS] = {
		"as",	    "as_name",	 "as_ref",  "organization", "organization_ref",
		"ip_ref",   "continent", "country", "subdivision",  "city",
		"latitude", "longitude", "refs",    "network"};

	_Static_assert(KEYS <= sizeof(t->key) / sizeof(*t->key), "a place for each key");
	for (int i = 0; i < KEYS; i++)
		t->key[i] = mmdb_text(t->w, names[i], strlen(names[i]));
}

struct members {
	struct trie *t;
	unsigned n;
};

static void put(struct members *m, int key, uint32_t where)
{
	if (!where)
		return;
	mmdb_put_pointer(&m->t->value, m->t->key[key]);
	mmdb_put_pointer(&m->t->value, where);
	m->n++;
}

static void put_ip(struct members *m, const struct trie_ip *ip)
{
	struct trie *t = m->t;
	char number[12];
	const struct version *v = NULL;

	if (ip->as) {
		mmdb_put_pointer(&t->value, t->key[KEY_AS]);
		mmdb_put_uint(&t->value, ip->as);
		m->n++;
		v = versions_find(&t->as_of, number,
				  (size_t)snprintf(number, sizeof(number), "%u", ip->as));
	}
	if (v) {
		const struct trie_as *as = &t->as[v->index - 1];

		put(m, KEY_AS_NAME, as->name);
		put(m, KEY_AS_REF, as->ref);
		put(m, KEY_ORGANIZATION, as->organization);
		put(m, KEY_ORGANIZATION_REF, as->organization_ref);
	}
	put(m, KEY_IP_REF, ip->ref);
	put(m, KEY_CONTINENT, ip->continent);
	put(m, KEY_COUNTRY, ip->country);
	put(m, KEY_SUBDIVISION, ip->subdivision);
	put(m, KEY_CITY, ip->city);
	put(m, KEY_LATITUDE, ip->latitude);
	put(m, KEY_LONGITUDE, ip->longitude);
}

static void put_refs(struct members *m, const uint32_t values[MERGE_SOURCES_MAX])
{
	struct trie *t = m->t;
	unsigned n = 0;

	for (unsigned i = SOURCE_TABLES; i < t->n_sources; i++)
		n += values[i] != 0;
	if (!n)
		return;
	mmdb_put_pointer(&t->value, t->key[KEY_REFS]);
	mmdb_put_map(&t->value, n);
	for (unsigned i = SOURCE_TABLES; i < t->n_sources; i++) {
		if (!values[i])
			continue;
		mmdb_put_text(&t->value, t->table[i], strlen(t->table[i]));
		mmdb_put_pointer(&t->value, values[i]);
	}
	m->n++;
}

int trie_value(struct trie *t, const uint32_t values[MERGE_SOURCES_MAX], uint32_t *where)
{
	bool only_ip = true, any = values[SOURCE_IP] != 0;
	struct members m = {.t = t};
	struct version *v = NULL;

	for (unsigned i = 1; i < t->n_sources; i++) {
		only_ip &= !values[i];
		any |= values[i] != 0;
	}
	*where = 0;
	if (!any)
		return 0;
	if (only_ip) {
		*where = t->ip_data[values[SOURCE_IP] - 1];
	} else {
		v = versions_add(&t->values, (const char *)values,
				 sizeof(*values) * MERGE_SOURCES_MAX);
		if (!v)
			return -1;
		*where = (uint32_t)v->index;
	}
	if (*where)
		return 0;
	buffer_clear(&t->value);
	mmdb_put_map(&t->value, 0); /* of at most 28 members: the byte is set below */
	if (values[SOURCE_IP])
		put_ip(&m, &t->ip[values[SOURCE_IP] - 1]);
	put_refs(&m, values);
	put(&m, KEY_NETWORK, values[SOURCE_NETWORKS]);
	if (t->value.failed || !m.n)
		return t->value.failed ? -1 : 0;
	t->value.p[0] = (char)(t->value.p[0] | (char)m.n);
	*where = mmdb_data(t->w, &t->value);
	if (only_ip)
		t->ip_data[values[SOURCE_IP] - 1] = *where;
	else
		v->index = *where;
	return *where ? 0 : -1;
}
