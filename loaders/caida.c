/* weir load caida: AS numbers and organizations of CAIDA's as2org and of PeeringDB.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Of an AS that both know, PeeringDB has the name and CAIDA the organization; the place of an
 * organization is CAIDA's country and, of the first of its networks, PeeringDB's city and
 * coordinates. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../agent/log.h"
#include "countries.h"
#include "peeringdb.h"
#include "source_json.h"
#include "unpack.h"
#include "versions.h"
#include "yaml_rows.h"

enum { SOURCES_MAX = 4, ROWS_MAX = 1 << 24, AS_TEXT = 12 };

/* Texts are JSON values as they stood in the source, quotes and all; NULL: none. */
struct organization {
	char *id; /* "caida:…" or "peeringdb:…", no quotes */
	char *name, *country, *city, *state, *latitude, *longitude;
	bool caida, peeringdb;
};

struct as {
	char *name, *extra; /* extra: peeringdb_* members of ext, ",…" */
	uint32_t number, organization;
	bool caida, peeringdb;
};

struct caida {
	struct load *l;
	struct organization *organizations;
	struct as *as;
	size_t n_organizations, n_as;
	struct versions organization_of, as_of, peeringdb_of; /* id → index + 1 */
	struct json_slice *peeringdb; /* organizations of the dump, by peeringdb_of */
	size_t n_peeringdb;
	struct yaml_rows *custom_as, *custom_organizations;
	struct refs refs;
	struct row row;
	uint64_t bad_lines;
};

/* Room for one more; NULL where memory is out. */
static void *more(void **p, size_t *n, size_t size)
{
	if (!(*n & (*n - 1)) || !*n) {
		void *larger = *n >= ROWS_MAX ? NULL : reallocarray(*p, *n ? 2 * *n : 1, size);

		if (!larger)
			return NULL;
		*p = larger;
	}
	return memset((char *)*p + (*n)++ * size, 0, size);
}

static char *copy(struct json_slice s)
{
	if (json_is_null(s) || (json_is_string(s) && s.n == 2))
		return NULL;
	return strndup(s.p, s.n);
}

/* The organization with this id, made where it is not there; NULL: out of memory. */
static struct organization *organization(struct caida *c, const char *kind, struct json_slice id,
					 bool make, size_t *index)
{
	char text[REF_MAX];
	struct organization *o;
	struct version *v;
	int n;

	if (json_is_string(id))
		id = (struct json_slice){id.p + 1, id.n - 2};
	n = snprintf(text, sizeof(text), "%s:%.*s", kind, (int)(id.n < 180 ? id.n : 180), id.p);
	v = make ? versions_add(&c->organization_of, text, (size_t)n)
		 : versions_find(&c->organization_of, text, (size_t)n);
	if (!v)
		return NULL;
	if (!v->index) {
		o = more((void **)&c->organizations, &c->n_organizations, sizeof(*o));
		if (!o)
			return NULL;
		o->id = strdup(text);
		v->index = c->n_organizations;
	}
	*index = (size_t)v->index - 1;
	return &c->organizations[v->index - 1];
}

static struct as *as_of(struct caida *c, uint32_t number, bool *new)
{
	char text[AS_TEXT];
	struct version *v;
	struct as *a;

	v = versions_add(&c->as_of, text, (size_t)snprintf(text, sizeof(text), "%u", number));
	if (!v)
		return NULL;
	*new = !v->index;
	if (v->index)
		return &c->as[v->index - 1];
	a = more((void **)&c->as, &c->n_as, sizeof(*a));
	if (!a)
		return NULL;
	v->index = c->n_as;
	a->number = number;
	return a;
}

static bool as_number(struct json_slice s, uint32_t *number)
{
	uint64_t v = 0;

	if (json_is_string(s))
		s = (struct json_slice){s.p + 1, s.n - 2};
	if (!s.p || !s.n || s.n > 10)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	}
	*number = (uint32_t)v;
	return v <= UINT32_MAX;
}

/* One line of as-org2info.jsonl. */
static int as2org_line(struct caida *c, struct json_slice line)
{
	struct json_slice key, value, type = {0}, id = {0}, name = {0}, country = {0}, asn = {0};
	struct organization *o;
	struct json_walk w;
	uint32_t number;
	struct as *a;
	size_t index;
	bool new;

	json_walk_object(&w, line);
	while (json_next_member(&w, &key, &value)) {
		if (json_is(key, "type"))
			type = value;
		else if (json_is(key, "organizationId"))
			id = value;
		else if (json_is(key, "name"))
			name = value;
		else if (json_is(key, "country"))
			country = value;
		else if (json_is(key, "asn"))
			asn = value;
	}
	if (w.failed)
		return -EBADMSG;
	if (json_is_null(id) || !type.p)
		return 0;
	if (json_is(type, "\"Organization\"")) {
		o = organization(c, "caida", id, true, &index);
		if (!o)
			return -ENOMEM;
		o->caida = true;
		if (!o->name)
			o->name = copy(name);
		if (!o->country)
			o->country = copy(country);
	} else if (json_is(type, "\"ASN\"") && !json_is_null(name) && as_number(asn, &number)) {
		o = organization(c, "caida", id, true, &index);
		a = o ? as_of(c, number, &new) : NULL;
		if (!a)
			return -ENOMEM;
		a->caida = true;
		a->organization = (uint32_t)index;
		free(a->name);
		a->name = copy(name);
	}
	return 0;
}

static int read_as2org(struct caida *c, const char *source)
{
	struct fetched file;
	struct unpack *u;
	char *line;
	size_t n;
	int r = load_fetch_dated(c->l, source, &file);

	if (r)
		return r;
	r = unpack_open(&u, file.path, ".jsonl", c->l->o->max_bytes, c->l->error,
			sizeof(c->l->error));
	while (!r && (r = unpack_line(u, &line, &n)) > 0) {
		r = n ? as2org_line(c, (struct json_slice){line, n}) : 0;
		if (r == -EBADMSG) {
			if (!c->bad_lines++)
				log_warning(
					"load caida: %s:%u is not JSON; such lines are left out",
					source, unpack_line_number(u));
			r = 0;
		}
		if (load_stopped())
			r = load_fail(c->l, EINTR, "stopped");
		if (unpack_line_number(u) % 4096 == 0)
			load_progress(c->l, "as2org", unpack_position(u), unpack_size(u));
	}
	if (u && r < 0 && !*c->l->error)
		load_fail(c->l, -r, "%s: %s", source,
			  *unpack_error(u) ? unpack_error(u) : strerror(-r));
	if (!r && !c->n_as)
		r = load_fail(c->l, ENODATA,
			      "%s: holds no AS: lines of JSON with \"type\":\"ASN\" are expected",
			      source);
	unpack_close(u);
	fetch_done(&file);
	return r;
}

int peeringdb_each(struct json_slice dump, const char *kind,
		   int (*each)(struct json_slice object, void *arg), void *arg)
{
	struct json_slice object;
	struct json_walk w;
	int r = 0;

	if (!json_walk_array(&w, json_member(json_member(dump, kind), "data")))
		return -EBADMSG;
	while (!r && json_next_item(&w, &object))
		r = each(object, arg);
	return r ? r : w.failed ? -EBADMSG : 0;
}

static int peeringdb_organization(struct json_slice object, void *arg)
{
	struct json_slice id = json_member(object, "id"), *slot;
	struct caida *c = arg;
	struct version *v;

	if (json_is_null(id))
		return 0;
	v = versions_add(&c->peeringdb_of, id.p, id.n);
	slot = v ? more((void **)&c->peeringdb, &c->n_peeringdb, sizeof(*slot)) : NULL;
	if (!slot)
		return -ENOMEM;
	*slot = object;
	v->index = c->n_peeringdb;
	return 0;
}

/* The members of ext that PeeringDB fills, in order. */
static char *peeringdb_extra(struct json_slice net)
{
	static const char *const members[][2] = {
		{"peeringdb_ipv6", "info_ipv6"},
		{"peeringdb_prefixes4", "info_prefixes4"},
		{"peeringdb_prefixes6", "info_prefixes6"},
		{"peeringdb_ratio", "info_ratio"},
		{"peeringdb_scope", "info_scope"},
		{"peeringdb_traffic", "info_traffic"},
		{"peeringdb_type", "info_types"},
	};
	struct buffer b = {0};

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		struct json_slice v = json_member(net, members[i][1]);

		if (json_is_null(v) && i == 6) { /* dumps before 2023 */
			v = json_member(net, "info_type");
		}
		if (json_is_null(v) || v.n > 512)
			continue;
		buffer_format(&b, ",\"%s\":", members[i][0]);
		buffer_bytes(&b, v.p, v.n);
	}
	buffer_char(&b, '\0');
	return b.p;
}

static void place(struct organization *o, struct json_slice from)
{
	static const struct {
		const char *member;
		size_t offset;
	} members[] = {
		{"city", offsetof(struct organization, city)},
		{"country", offsetof(struct organization, country)},
		{"state", offsetof(struct organization, state)},
		{"latitude", offsetof(struct organization, latitude)},
		{"longitude", offsetof(struct organization, longitude)},
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		char **to = (char **)((char *)o + members[i].offset);

		if (!*to)
			*to = copy(json_member(from, members[i].member));
	}
}

static int peeringdb_network(struct json_slice net, void *arg)
{
	struct json_slice id = json_member(net, "org_id"), name = json_member(net, "name");
	struct caida *c = arg;
	const struct version *v;
	struct organization *o;
	uint32_t number;
	struct as *a;
	size_t index;
	bool new;

	if (json_is_null(id) || json_is_null(name) || !as_number(json_member(net, "asn"), &number))
		return 0;
	v = versions_find(&c->peeringdb_of, id.p, id.n);
	if (!v)
		return 0;
	a = as_of(c, number, &new);
	if (!a)
		return -ENOMEM;
	if (new) {
		o = organization(c, "peeringdb", id, true, &index);
		if (!o)
			return -ENOMEM;
		if (!o->name)
			o->name = copy(json_member(c->peeringdb[v->index - 1], "name"));
		a->organization = (uint32_t)index;
	}
	o = &c->organizations[a->organization];
	if (!a->peeringdb) {
		a->peeringdb = true;
		free(a->name);
		a->name = copy(name);
		a->extra = peeringdb_extra(net);
	}
	if (!o->peeringdb) {
		o->peeringdb = true;
		place(o, c->peeringdb[v->index - 1]);
	}
	return 0;
}

static int read_peeringdb(struct caida *c, const char *source)
{
	struct buffer text = {0};
	struct json_slice dump;
	int r = source_json(c->l, source, &text);

	dump = (struct json_slice){text.p, text.len};
	if (!r)
		r = peeringdb_each(dump, "org", peeringdb_organization, c);
	r = r ? r : peeringdb_each(dump, "net", peeringdb_network, c);
	if (r == -EBADMSG && !*c->l->error)
		load_fail(c->l, EBADMSG,
			  "%s: is not a dump of PeeringDB: {\"org\":{\"data\":[…]}, "
			  "\"net\":{\"data\":[…]} …} is expected",
			  source);
	buffer_free(&text);
	return r;
}

static void put_text(struct row *r, const char *column, const char *json)
{
	struct json_slice s = {json, json ? strlen(json) : 0};
	struct buffer b = {0};

	if (json && json_is_string(s) && json_text(s, &b))
		row_text(r, meta_column(r->t, column), b.p, b.len);
	buffer_free(&b);
}

static void put_float(struct row *r, const char *column, const char *json)
{
	size_t n = json ? strlen(json) : 0;

	if (n > 2 && *json == '"')
		row_float(r, meta_column(r->t, column), json + 1, n - 2);
	else if (n)
		row_float(r, meta_column(r->t, column), json, n);
}

static void put_ext(struct row *r, bool caida, bool peeringdb, const char *extra)
{
	struct buffer b = {0};

	buffer_format(&b, "{\"data_source\":[%s%s%s]%s}", caida ? "\"CAIDA\"" : "",
		      caida && peeringdb ? "," : "", peeringdb ? "\"PeeringDB\"" : "",
		      extra ? extra : "");
	row_json(r, meta_column(r->t, "ext"), b.p, b.len);
	r->values.failed |= b.failed;
	buffer_free(&b);
}

static void organization_row(struct caida *c, const struct organization *o)
{
	struct row *r = &c->row;
	char code[3] = "";
	int custom;

	row_begin(r, meta_table("meta_organization"));
	row_string(r, meta_column(r->t, "id"), o->id);
	put_text(r, "name", o->name);
	if (!o->name) /* what "@del" in CAIDA's id means */
		row_string(r, meta_column(r->t, "name"), "Delegated");
	put_text(r, "country_code", o->country);
	if (o->country && strlen(o->country) == 4)
		memcpy(code, o->country + 1, 2);
	row_string(r, meta_column(r->t, "country_name"), country_name(code));
	row_string(r, meta_column(r->t, "continent_name"), country_continent(code));
	put_text(r, "country_sub_code", o->state);
	put_text(r, "city_name", o->city);
	put_float(r, "latitude", o->latitude);
	put_float(r, "longitude", o->longitude);
	put_ext(r, o->caida, o->peeringdb, NULL);
	custom = yaml_rows_find(c->custom_organizations, o->id, strlen(o->id));
	if (custom >= 0)
		yaml_rows_apply(c->custom_organizations, (unsigned)custom, r);
}

static void as_row(struct caida *c, const struct as *a)
{
	char number[AS_TEXT];
	struct row *r = &c->row;
	int custom;

	row_begin(r, meta_table("meta_as"));
	snprintf(number, sizeof(number), "%" PRIu32, a->number);
	row_string(r, meta_column(r->t, "id"), number);
	put_text(r, "name", a->name);
	if (!r->column[meta_column(r->t, "name")].n)
		row_string(r, meta_column(r->t, "name"), number);
	row_string(r, meta_column(r->t, "organization_id"), c->organizations[a->organization].id);
	put_ext(r, a->caida, a->peeringdb, a->extra);
	custom = yaml_rows_find(c->custom_as, number, strlen(number));
	if (custom >= 0)
		yaml_rows_apply(c->custom_as, (unsigned)custom, r);
}

static int add(struct caida *c)
{
	int r = refs_fill(&c->refs, &c->row, false);

	return r ? r : history_add(refs_history(&c->refs, c->row.t), &c->row);
}

/* Rows that only the custom file has. */
static int add_custom(struct caida *c, struct yaml_rows *y, const struct versions *known,
		      const char *table)
{
	int r = 0;

	for (unsigned i = 0; y && !r && i < yaml_rows_count(y); i++) {
		const char *id = yaml_rows_id(y, i);
		const struct version *v = versions_find(known, id, strlen(id));

		if (v && v->index)
			continue;
		row_begin(&c->row, meta_table(table));
		yaml_rows_apply(y, i, &c->row);
		if (!c->row.column[meta_column(c->row.t, "name")].n)
			row_string(&c->row, meta_column(c->row.t, "name"), id);
		r = add(c);
	}
	return r;
}

static int write_all(struct caida *c)
{
	const struct meta_table *organizations = meta_table("meta_organization");
	const struct meta_table *as = meta_table("meta_as");
	int r = refs_open(&c->refs, c->l, organizations, true);

	for (size_t i = 0; !r && i < c->n_organizations; i++) {
		organization_row(c, &c->organizations[i]);
		r = add(c);
	}
	r = r ? r
	      : add_custom(c, c->custom_organizations, &c->organization_of, "meta_organization");
	r = r ? r : refs_open(&c->refs, c->l, as, true);
	for (size_t i = 0; !r && i < c->n_as; i++) {
		as_row(c, &c->as[i]);
		r = add(c);
	}
	r = r ? r : add_custom(c, c->custom_as, &c->as_of, "meta_as");
	r = r ? r : history_commit(refs_history(&c->refs, organizations));
	r = r ? r : history_commit(refs_history(&c->refs, as));
	if (r)
		return r;
	history_tell(refs_history(&c->refs, organizations));
	history_tell(refs_history(&c->refs, as));
	return 0;
}

static int open_custom(struct caida *c, const char *variable, const char *setting,
		       const char *table, struct yaml_rows **y)
{
	const char *path = load_variable(c->l, variable);

	path = path ? path : setting;
	return path ? yaml_rows_open(y, c->l, path, meta_table(table), true) : 0;
}

static int read_all(struct caida *c)
{
	struct load *l = c->l;
	const char *as2org = load_variable(l, "CAIDA_ORG_AS_CONSUMER_AS2ORG_FILE");
	const char *dump = load_variable(l, "CAIDA_ORG_AS_CONSUMER_PEERINGDB_FILE");
	int r;

	as2org = l->n_sources ? l->sources[0] : as2org ? as2org : l->o->as2org;
	dump = l->n_sources > 1 ? l->sources[1]
	       : l->n_sources	? NULL
	       : dump		? dump
				: l->o->peeringdb;
	if (l->n_sources > 2)
		return load_fail(l, EINVAL, "'%s' is one source too many", l->sources[2]);
	if (!as2org)
		return load_fail(l, EINVAL,
				 "no source: name one, or set "
				 "CAIDA_ORG_AS_CONSUMER_AS2ORG_FILE or load.as2org");
	r = open_custom(c, "CAIDA_ORG_AS_CONSUMER_CUSTOM_ORG_FILE", l->o->custom_organizations,
			"meta_organization", &c->custom_organizations);
	if (!r)
		r = open_custom(c, "CAIDA_ORG_AS_CONSUMER_CUSTOM_AS_FILE", l->o->custom_as,
				"meta_as", &c->custom_as);
	r = r ? r : read_as2org(c, as2org);
	return r || !dump ? r : read_peeringdb(c, dump);
}

static void free_all(struct caida *c)
{
	for (size_t i = 0; i < c->n_organizations; i++) {
		struct organization *o = &c->organizations[i];

		free(o->id);
		free(o->name);
		free(o->country);
		free(o->city);
		free(o->state);
		free(o->latitude);
		free(o->longitude);
	}
	for (size_t i = 0; i < c->n_as; i++) {
		free(c->as[i].name);
		free(c->as[i].extra);
	}
	free(c->organizations);
	free(c->as);
	free(c->peeringdb);
	versions_free(&c->organization_of);
	versions_free(&c->as_of);
	versions_free(&c->peeringdb_of);
	yaml_rows_close(c->custom_as);
	yaml_rows_close(c->custom_organizations);
	refs_close(&c->refs);
	row_free(&c->row);
}

static int run(struct load *l)
{
	struct caida c = {.l = l};
	int r = read_all(&c);

	if (!r)
		r = write_all(&c);
	if (r == -ENOMEM && !*l->error)
		load_fail(l, ENOMEM, "out of memory");
	free_all(&c);
	return r;
}

const struct loader load_caida = {
	.name = "caida",
	.brief = "AS numbers and organizations, of CAIDA and PeeringDB",
	.arguments = "[AS2ORG [PEERINGDB]]",
	.help = "Loads CAIDA's as-org2info.jsonl(.gz) and a JSON dump of PeeringDB into "
		"meta_organization and\nmeta_as. Each is a URL or a file; %Y, %m and %d stand for "
		"the date, and where this month's file is\nnot there yet, up to six earlier ones "
		"are tried. Without them: CAIDA_ORG_AS_CONSUMER_AS2ORG_FILE\nand "
		"_PEERINGDB_FILE, else load.as2org and load.peeringdb. Custom rows: "
		"CAIDA_ORG_AS_CONSUMER_\nCUSTOM_AS_FILE and _CUSTOM_ORG_FILE, else load.custom_as "
		"and load.custom_organizations.\n",
	.interval = "CAIDA_ORG_AS_CONSUMER_UPDATE_INTERVAL",
	.run = run,
};
