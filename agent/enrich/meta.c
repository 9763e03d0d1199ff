/* Reading meta.json, and asking it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "meta.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { APPLICATIONS_MAX = 65535 };

struct reader {
	struct meta *m;
	char *error;
	size_t size;
	const char *path;
	bool failed;
};

static void fault(struct reader *r, const char *list, size_t i, const char *what)
{
	if (!r->failed)
		snprintf(r->error, r->size, "%s: %s[%zu] %s", r->path, list, i, what);
	r->failed = true;
}

static struct text text_of(struct reader *r, const json_t *value)
{
	char number[32];

	if (json_is_string(value))
		return intern_text(&r->m->interner, json_string_value(value),
				   json_string_length(value));
	if (!json_is_integer(value))
		return (struct text){NULL, 0};
	snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return intern_text(&r->m->interner, number, strlen(number));
}

static struct text text_at(struct reader *r, const json_t *o, const char *key)
{
	return text_of(r, json_object_get(o, key));
}

/* A whole number up to `max`, which may be written as text; -1: none. */
static int64_t number_at(const json_t *o, const char *key, uint64_t max)
{
	const json_t *v = json_object_get(o, key);
	int64_t n = -1;
	char *end;

	if (json_is_integer(v)) {
		n = json_integer_value(v);
	} else if (json_is_real(v)) {
		n = (int64_t)(json_real_value(v) < 9e18 ? json_real_value(v) : -1);
	} else if (json_is_string(v) && *json_string_value(v)) {
		n = strtoll(json_string_value(v), &end, 10);
		n = *end ? -1 : n;
	}
	return n < 0 || (uint64_t)n > max ? -1 : n;
}

static bool address_of(const char *text, struct ip_addr *a)
{
	uint8_t v4[4];

	memset(a, 0, sizeof(*a));
	if (text && inet_pton(AF_INET, text, v4) == 1)
		ip_from_v4(a, v4);
	else if (!text || inet_pton(AF_INET6, text, a->b) != 1)
		return false;
	return true;
}

static struct texts texts_at(struct reader *r, const json_t *o, const char *key)
{
	const json_t *list = json_object_get(o, key);
	size_t n = json_is_string(list) ? 1 : json_array_size(list);
	struct texts t = {NULL, 0};
	struct text *p;

	if (!n)
		return t;
	n = n < INFO_LIST_MAX ? n : INFO_LIST_MAX;
	p = arena_get(&r->m->interner.arena, n * sizeof(*p));
	if (!p) {
		r->m->interner.failed = true;
		return t;
	}
	for (size_t i = 0; i < n; i++) {
		p[t.n] = text_of(r, json_is_string(list) ? list : json_array_get(list, i));
		t.n += p[t.n].len != 0;
	}
	t.p = p;
	return t;
}

/* An array of the file as long as there is one: zeroed items in *to. */
static const json_t *list_at(struct reader *r, const json_t *root, const char *key, size_t size,
			     void *to)
{
	const json_t *list = json_object_get(root, key);
	size_t n = json_array_size(list);
	void *p = calloc(n + 1, size);

	if (list && !json_is_array(list) && !r->failed) {
		snprintf(r->error, r->size, "%s: \"%s\" is not a list", r->path, key);
		r->failed = true;
	}
	if (!p)
		r->m->interner.failed = true;
	memcpy(to, &p, sizeof(p));
	r->m->size += (n + 1) * size;
	return p ? list : NULL;
}

static int compare_addresses(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ip_addr));
}

static void read_devices(struct reader *r, const json_t *root)
{
	struct meta *m = r->m;
	const json_t *list = list_at(r, root, "devices", sizeof(*m->devices), &m->devices), *o;
	size_t i, n = 0;

	json_array_foreach((json_t *)(uintptr_t)list, i, o)
		n += json_array_size(json_object_get(o, "addresses"));
	m->addresses = calloc(n + 1, sizeof(*m->addresses));
	if (!m->addresses) {
		m->interner.failed = true;
		return;
	}
	m->size += (n + 1) * sizeof(*m->addresses);
	json_array_foreach((json_t *)(uintptr_t)list, i, o)
	{
		struct device_info *d = &m->devices[i].info;
		const json_t *addresses = json_object_get(o, "addresses"), *a;
		size_t k;

		d->id = text_at(r, o, "id");
		d->ref = text_at(r, o, "ref");
		d->name = text_at(r, o, "name");
		d->group = text_at(r, o, "group");
		d->role = text_at(r, o, "role");
		d->site = text_at(r, o, "site");
		d->region = text_at(r, o, "region");
		d->tenant = text_at(r, o, "tenant");
		if (!d->id.len)
			fault(r, "devices", i, "has no id");
		json_array_foreach((json_t *)(uintptr_t)addresses, k, a)
		{
			struct meta_address *to = &m->addresses[m->n_addresses];

			to->device = (uint32_t)i;
			if (address_of(json_string_value(a), &to->address))
				m->n_addresses++;
			else
				fault(r, "devices", i, "has an address that is none");
		}
		m->n_devices++;
	}
	qsort(m->addresses, m->n_addresses, sizeof(*m->addresses), compare_addresses);
}

static int compare_texts(const struct text *a, const struct text *b)
{
	uint32_t n = a->len < b->len ? a->len : b->len;
	int c = n ? memcmp(a->p, b->p, n) : 0;

	return c ? c : (a->len > b->len) - (a->len < b->len);
}

static int compare_places(const struct meta_interface *a, const struct text *device_id,
			  uint32_t flow_index)
{
	int c = compare_texts(&a->device_id, device_id);

	return c ? c : (a->flow_index > flow_index) - (a->flow_index < flow_index);
}

static int compare_interfaces(const void *p, const void *q)
{
	const struct meta_interface *a = p, *b = q;
	int c = compare_places(a, &b->device_id, b->flow_index);

	if (c)
		return c;
	if (a->info.edge != b->info.edge)
		return b->info.edge - a->info.edge;
	return compare_texts(&a->info.id, &b->info.id);
}

static void read_interfaces(struct reader *r, const json_t *root)
{
	struct meta *m = r->m;
	const json_t *list = list_at(r, root, "interfaces", sizeof(*m->interfaces), &m->interfaces);
	const json_t *o;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)list, i, o)
	{
		struct meta_interface *to = &m->interfaces[m->n_interfaces];
		struct interface_info *f = &to->info;
		int64_t index = number_at(o, "flow_index", UINT32_MAX);
		int64_t speed = number_at(o, "speed", INT64_MAX);
		int64_t as = number_at(o, "peer_as_id", UINT32_MAX);
		const char *peer = json_string_value(json_object_get(o, "peer_ip"));

		to->device_id = text_at(r, o, "device_id");
		to->flow_index = (uint32_t)index;
		f->id = text_at(r, o, "id");
		f->ref = text_at(r, o, "ref");
		f->name = text_at(r, o, "name");
		f->description = text_at(r, o, "description");
		f->speed = speed > 0 ? (uint64_t)speed : 0;
		f->edge = json_is_true(json_object_get(o, "edge"));
		f->circuit_id = texts_at(r, o, "circuit_id");
		f->circuit_ref = texts_at(r, o, "circuit_ref");
		f->connectivity = text_at(r, o, "connectivity");
		f->provider = text_at(r, o, "provider");
		f->boundary = text_at(r, o, "boundary");
		f->peer_as = as > 0 ? (uint32_t)as : 0;
		if (peer && *peer && !address_of(peer, &f->peer_ip))
			fault(r, "interfaces", i, "has a peer_ip that is no address");
		if (!to->device_id.len)
			fault(r, "interfaces", i, "has no device_id");
		/* Without an index in flows no flow can find it. */
		m->n_interfaces += index >= 0;
	}
	qsort(m->interfaces, m->n_interfaces, sizeof(*m->interfaces), compare_interfaces);
}

struct range {
	uint32_t protocol, min, max, application;
};

/* The widest first, so that what is narrower is written over it. */
static int compare_ranges(const void *p, const void *q)
{
	const struct range *a = p, *b = q;
	uint32_t wide_a = a->max - a->min, wide_b = b->max - b->min;

	if (wide_a != wide_b)
		return wide_a < wide_b ? 1 : -1;
	return (a->application > b->application) - (a->application < b->application);
}

static int64_t protocol_of(const json_t *o)
{
	static const struct {
		const char *name;
		int number;
	} names[] = {{"tcp", 6}, {"udp", 17}, {"sctp", 132}, {"dccp", 33}, {"icmp", 1}};
	const char *text = json_string_value(json_object_get(o, "protocol"));

	for (size_t i = 0; text && i < sizeof(names) / sizeof(*names); i++)
		if (!strcasecmp(text, names[i].name))
			return names[i].number;
	return number_at(o, "protocol", 255);
}

static void read_applications(struct reader *r, const json_t *root)
{
	struct meta *m = r->m;
	const json_t *list, *o;
	struct range *ranges;
	size_t i, n = 0;

	list = list_at(r, root, "applications", sizeof(*m->applications), &m->applications);
	ranges = calloc(json_array_size(list) + 1, sizeof(*ranges));
	if (!ranges) {
		m->interner.failed = true;
		return;
	}
	json_array_foreach((json_t *)(uintptr_t)list, i, o)
	{
		int64_t protocol = protocol_of(o);
		int64_t min = number_at(o, "port_min", 65535),
			max = number_at(o, "port_max", 65535);
		struct application_info *a = &m->applications[n + 1];

		max = max < 0 ? min : max;
		if (protocol < 0)
			fault(r, "applications", i, "has no protocol that is known");
		else if (min < 0 || max < min)
			fault(r, "applications", i, "has no range of ports");
		if (r->failed || n == APPLICATIONS_MAX)
			break;
		a->id = text_at(r, o, "id");
		ranges[n] = (struct range){(uint32_t)protocol, (uint32_t)min, (uint32_t)max,
					   (uint32_t)n + 1};
		n++;
	}
	qsort(ranges, n, sizeof(*ranges), compare_ranges);
	for (i = 0; i < n; i++) {
		struct meta_ports **p = &m->ports[ranges[i].protocol];

		intern_encode(&m->interner, INFO_APPLICATION, &m->applications[i + 1]);
		if (!*p) {
			*p = calloc(1, sizeof(**p));
			m->size += sizeof(**p);
		}
		if (!*p) {
			m->interner.failed = true;
			break;
		}
		for (uint32_t port = ranges[i].min; port <= ranges[i].max; port++)
			(*p)->application[port] = (uint16_t)ranges[i].application;
	}
	m->n_applications = (uint32_t)n;
	free(ranges);
}

static int compare_communities(const void *a, const void *b)
{
	uint32_t x = ((const struct meta_community *)a)->key;
	uint32_t y = ((const struct meta_community *)b)->key;

	return (x > y) - (x < y);
}

static void read_communities(struct reader *r, const json_t *root)
{
	json_t *map = json_object_get(root, "communities"), *value;
	struct meta *m = r->m;
	const char *key;

	m->communities = calloc(json_object_size(map) + 1, sizeof(*m->communities));
	if (!m->communities) {
		m->interner.failed = true;
		return;
	}
	json_object_foreach(map, key, value)
	{
		struct meta_community *c = &m->communities[m->n_communities];
		char scope[INFO_TEXT_MAX + 1];
		char *end;
		unsigned long long n = strtoull(key, &end, 10);

		if (*end || end == key || n > UINT32_MAX || !json_is_string(value)) {
			fault(r, "communities", m->n_communities,
			      "is not the last part of a route distinguisher and a name");
			return;
		}
		c->key = (uint32_t)n;
		snprintf(scope, sizeof(scope), "comm:%s", json_string_value(value));
		c->scope = intern_text(&m->interner, scope, strlen(scope));
		m->n_communities++;
	}
	qsort(m->communities, m->n_communities, sizeof(*m->communities), compare_communities);
}

static void read_as(struct reader *r, const json_t *root)
{
	const json_t *list = json_object_get(root, "as"), *o;
	struct meta *m = r->m;
	size_t i, n = json_array_size(list);

	for (m->as_mask = 15; m->as_mask < 2 * n; m->as_mask = 2 * m->as_mask + 1)
		;
	m->as = calloc(m->as_mask + 1u, sizeof(*m->as));
	if (!m->as) {
		m->interner.failed = true;
		return;
	}
	m->size += (m->as_mask + 1u) * sizeof(*m->as);
	json_array_foreach((json_t *)(uintptr_t)list, i, o)
	{
		int64_t number = number_at(o, "id", UINT32_MAX);
		struct as_info image = {.number = (uint32_t)number};
		const struct as_info *a;

		if (number < 0) {
			fault(r, "as", i, "has no number as its id");
			return;
		}
		image.name = text_at(r, o, "name");
		image.ref = text_at(r, o, "ref");
		image.organization = text_at(r, o, "organization");
		image.organization_ref = text_at(r, o, "organization_ref");
		a = intern_as(&m->interner, &image);
		for (uint32_t at = image.number * 0x9e3779b1u; a; at++) {
			const struct as_info **slot = &m->as[at & m->as_mask];

			if (*slot && (*slot)->number != image.number)
				continue;
			m->n_as += !*slot;
			*slot = a;
			break;
		}
	}
}

struct meta *meta_load(const char *path, const info_writer *const writers[INFO_FORMATS],
		       char *error, size_t size)
{
	struct meta *m = calloc(1, sizeof(*m));
	struct reader r = {.m = m, .error = error, .size = size, .path = path};
	json_error_t wrong;
	struct stat st;
	json_t *root;

	if (!m || interner_init(&m->interner, writers)) {
		free(m);
		snprintf(error, size, "out of memory");
		return NULL;
	}
	if (!stat(path, &st) && st.st_size > META_FILE_MAX) {
		snprintf(error, size, "%s: is larger than 1 GiB", path);
		meta_free(m);
		return NULL;
	}
	root = json_load_file(path, JSON_REJECT_DUPLICATES, &wrong);
	if (!root) {
		if (wrong.line > 0)
			snprintf(error, size, "%s:%d: %s", path, wrong.line, wrong.text);
		else
			snprintf(error, size, "%s: %s", path, wrong.text);
		meta_free(m);
		return NULL;
	}
	if (!json_is_object(root) || json_integer_value(json_object_get(root, "version")) != 1) {
		snprintf(error, size,
			 "%s: is not of version 1; make it again with `weir load trie`", path);
		r.failed = true;
	} else {
		read_devices(&r, root);
		read_interfaces(&r, root);
		read_applications(&r, root);
		read_communities(&r, root);
		read_as(&r, root);
	}
	json_decref(root);
	if (m->interner.failed && !r.failed) {
		snprintf(error, size, "%s: out of memory", path);
		r.failed = true;
	}
	if (r.failed) {
		meta_free(m);
		return NULL;
	}
	m->size += m->interner.arena.bytes;
	interner_done(&m->interner);
	return m;
}

void meta_free(struct meta *m)
{
	if (!m)
		return;
	for (unsigned i = 0; i < 256; i++)
		free(m->ports[i]);
	free(m->devices);
	free(m->addresses);
	free(m->interfaces);
	free(m->applications);
	free(m->communities);
	free(m->as);
	interner_free(&m->interner);
	free(m);
}

const struct device_info *meta_device(const struct meta *m, const struct ip_addr *address)
{
	const struct meta_address *a = bsearch(address, m->addresses, m->n_addresses,
					       sizeof(*m->addresses), compare_addresses);

	return a ? &m->devices[a->device].info : NULL;
}

const struct interface_info *meta_interface(const struct meta *m, const struct text *device_id,
					    uint32_t flow_index)
{
	uint32_t low = 0, high = m->n_interfaces;

	while (low < high) { /* the first of equals: the edge */
		uint32_t middle = low + (high - low) / 2;

		if (compare_places(&m->interfaces[middle], device_id, flow_index) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == m->n_interfaces ||
	    compare_places(&m->interfaces[low], device_id, flow_index) != 0)
		return NULL;
	return &m->interfaces[low].info;
}

const struct text *meta_community(const struct meta *m, uint64_t rd)
{
	uint32_t low = 0, high = m->n_communities;
	uint32_t key = rd >> 48 == 0 ? (uint32_t)rd : (uint32_t)(rd & 0xffff);

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (m->communities[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low < m->n_communities && m->communities[low].key == key ? &m->communities[low].scope
									: NULL;
}
