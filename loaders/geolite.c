/* weir load geolite: where addresses are and whose, of GeoLite2 or DB-IP, to meta_ip.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each block of places is a row, with the AS whose block it lies in. A block of an AS that lies
 * within one of places, or that has addresses of which no block of places knows, is a row too: else
 * its AS would be lost. */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../agent/log.h"
#include "geolite.h"

enum { SOURCES_MAX = 16, INPUTS_MAX = 64 };

/* A file to read, or a member of one. */
struct input {
	char *path;
	const char *member;
	bool mmdb;
	enum geolite_kind kind;
};

struct inputs {
	struct input p[INPUTS_MAX];
	unsigned n;
	struct fetched fetched[SOURCES_MAX];
	unsigned n_fetched;
};

static address address_of(const struct ip_addr *a)
{
	return (address)be64toh(a->q[0]) << 64 | be64toh(a->q[1]);
}

static address size_of(unsigned length)
{
	return (address)1 << (128 - length); /* ::/0 wraps to nothing, and no block is that */
}

int geolite_as(struct geolite *g, const struct ip_addr *a, unsigned length, uint32_t as)
{
	if (g->n_as == g->room_as) {
		size_t room = g->room_as ? 2 * g->room_as : 4096;
		struct as_block *p = reallocarray(g->as, room, sizeof(*p));

		if (!p)
			return load_fail(g->l, ENOMEM, "out of memory");
		g->as = p;
		g->room_as = room;
	}
	g->as[g->n_as++] = (struct as_block){
		.start = address_of(a),
		.as = as,
		.length = (uint8_t)(ip_is_v4(a) ? length + 96 : length),
	};
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct as_block *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->length - y->length;
}

/* The first block that starts behind `at`. */
static size_t behind(const struct geolite *g, address at)
{
	size_t low = 0, high = g->n_as;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (g->as[middle].start <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

long geolite_place(struct geolite *g, const char *key, size_t n)
{
	struct version *v = versions_add(&g->place_of, key, n);

	if (v && g->n_places == g->room_places) {
		size_t room = g->room_places ? 2 * g->room_places : 4096;
		struct place *p = reallocarray(g->places, room, sizeof(*p));

		if (!p)
			v = NULL;
		else
			g->places = p, g->room_places = room;
	}
	if (!v)
		return load_fail(g->l, ENOMEM, "out of memory");
	memset(&g->places[g->n_places], 0, sizeof(*g->places));
	v->index = ++g->n_places;
	return (long)g->n_places - 1;
}

long geolite_place_find(const struct geolite *g, const char *key, size_t n)
{
	const struct version *v = versions_find(&g->place_of, key, n);

	return v ? (long)v->index - 1 : -1;
}

void geolite_place_text(struct geolite *g, enum place_column column, const char *p, size_t n)
{
	struct place *to = &g->places[g->n_places - 1];

	if (!n)
		return;
	to->column[column].at = (uint32_t)g->texts.len;
	buffer_json_string(&g->texts, p, n);
	to->column[column].n = (uint32_t)g->texts.len - to->column[column].at;
}

void geolite_place_float(struct geolite *g, enum place_column column, const char *p, size_t n)
{
	struct place *to = &g->places[g->n_places - 1];

	to->column[column].at = (uint32_t)g->texts.len;
	buffer_bytes(&g->texts, p, n);
	to->column[column].n = (uint32_t)n;
}

static void network_text(const struct ip_addr *a, unsigned length, char text[64])
{
	struct buffer b = {.p = text, .cap = 64};

	buffer_ip(&b, a);
	buffer_char(&b, '/');
	buffer_uint(&b, length);
	text[b.len] = '\0'; /* 43 bytes at most: the buffer never grows */
}

static void put_place(struct geolite *g, long place, const char *latitude, const char *longitude)
{
	const struct place *p = place < 0 ? NULL : &g->places[place];

	for (int i = 0; p && i < PLACE_COLUMNS; i++)
		if (p->column[i].n)
			row_json(&g->row, g->column[i], g->texts.p + p->column[i].at,
				 p->column[i].n);
	if (latitude && *latitude)
		row_float(&g->row, g->column[PLACE_LATITUDE], latitude, strlen(latitude));
	if (longitude && *longitude)
		row_float(&g->row, g->column[PLACE_LONGITUDE], longitude, strlen(longitude));
}

static void put_as(struct geolite *g, uint32_t as)
{
	char number[12], ref[REF_MAX];
	int n = snprintf(number, sizeof(number), "%u", as);

	row_uint(&g->row, g->as_id, as);
	row_string(&g->row, g->as_ref, history_ref(g->as_history, number, (size_t)n, ref));
}

/* The row of one prefix; as NULL: of no AS. */
static int put_row(struct geolite *g, const struct ip_addr *a, unsigned length,
		   const struct as_block *as, long place, const char *latitude,
		   const char *longitude)
{
	char id[64];
	int custom;

	row_begin(&g->row, g->row.t);
	network_text(a, length, id);
	put_place(g, place, latitude, longitude);
	if (g->custom_around >= 0)
		yaml_rows_apply(g->custom, (unsigned)g->custom_around, &g->row);
	row_string(&g->row, g->id, id);
	row_array(&g->row, g->subnet);
	row_array_subnet(&g->row, g->subnet, a, length);
	row_array_end(&g->row, g->subnet);
	if (as)
		put_as(g, as->as);
	custom = g->custom ? yaml_rows_find(g->custom, id, strlen(id)) : -1;
	if (custom >= 0) {
		struct version *v = versions_add(&g->custom_used, id, strlen(id));

		if (v)
			v->seen = 1;
		yaml_rows_apply(g->custom, (unsigned)custom, &g->row);
	}
	return history_add(g->history, &g->row);
}

static void address_to(address at, struct ip_addr *a)
{
	a->q[0] = htobe64((uint64_t)(at >> 64));
	a->q[1] = htobe64((uint64_t)at);
}

static int put_as_block(struct geolite *g, struct as_block *b, long place, const char *latitude,
			const char *longitude)
{
	struct ip_addr a;

	address_to(b->start, &a);
	b->written = true;
	return put_row(g, &a, ip_is_v4(&a) ? b->length - 96u : b->length, b, place, latitude,
		       longitude);
}

int geolite_block(struct geolite *g, const struct ip_addr *a, unsigned length, long place,
		  const char *latitude, const char *longitude)
{
	unsigned bits = ip_is_v4(a) ? length + 96 : length;
	address start = address_of(a);
	size_t next = behind(g, start);
	struct as_block *b = next ? &g->as[next - 1] : NULL;
	int r;

	g->seen[!ip_is_v4(a)] = true;
	if (b && (b->length > bits || start - b->start >= size_of(b->length)))
		b = NULL; /* it begins here but is smaller, or ends before */
	if (b)
		b->covered += size_of(bits);
	r = put_row(g, a, length, b, place, latitude, longitude);
	if (b)
		return r;
	/* blocks of AS numbers within it, from the one that begins where it begins */
	while (next && g->as[next - 1].start == start)
		next--;
	if (g->custom && next < g->n_as && g->as[next].start - start < size_of(bits)) {
		char id[64];

		network_text(a, length, id);
		g->custom_around = yaml_rows_find(g->custom, id, strlen(id));
	}
	for (; !r && next < g->n_as && g->as[next].start - start < size_of(bits); next++)
		if (g->as[next].start >= start)
			r = put_as_block(g, &g->as[next], place, latitude, longitude);
	g->custom_around = -1;
	return r;
}

/* Blocks of AS numbers of which not every address has a row yet. */
static int put_rest(struct geolite *g)
{
	int r = 0;

	for (size_t i = 0; !r && i < g->n_as; i++) {
		struct as_block *b = &g->as[i];

		if (!b->written && b->covered < size_of(b->length))
			r = put_as_block(g, b, -1, NULL, NULL);
		if (i % 16384 == 0 && load_stopped())
			r = load_fail(g->l, EINTR, "stopped");
	}
	return r;
}

static int put_custom(struct geolite *g)
{
	int r = 0;

	for (unsigned i = 0; g->custom && !r && i < yaml_rows_count(g->custom); i++) {
		const char *id = yaml_rows_id(g->custom, i);

		if (versions_find(&g->custom_used, id, strlen(id)))
			continue;
		row_begin(&g->row, g->row.t);
		yaml_rows_apply(g->custom, i, &g->row);
		r = refs_fill(&g->refs, &g->row, false);
		r = r ? r : history_add(g->history, &g->row);
	}
	return r;
}

static int add_input(struct geolite *g, struct inputs *in, const char *path, const char *member,
		     bool mmdb)
{
	struct input *i = &in->p[in->n];
	int r;

	if (in->n == INPUTS_MAX)
		return load_fail(g->l, E2BIG, "%s: more than %d files", path, INPUTS_MAX);
	memset(i, 0, sizeof(*i));
	i->mmdb = mmdb;
	i->member = member;
	r = i->mmdb ? geolite_mmdb_kind(g, path, &i->kind)
		    : geolite_csv_kind(g, path, member, &i->kind);
	if (r)
		return r;
	if (i->kind == GEOLITE_UNKNOWN)
		return load_fail(g->l, EINVAL,
				 "%s: its first line is that of none of GeoLite2's files: ASN "
				 "blocks, City blocks and City locations are known",
				 path);
	i->path = strdup(path);
	if (!i->path)
		return load_fail(g->l, ENOMEM, "out of memory");
	in->n++;
	return 0;
}

/* MaxMind's names for what is in a zip file or a directory. */
static const char *const members[] = {
	"ASN-Blocks-IPv4.csv",	   "ASN-Blocks-IPv6.csv",     "City-Locations-en.csv",
	"City-Blocks-IPv4.csv",	   "City-Blocks-IPv6.csv",    "Country-Locations-en.csv",
	"Country-Blocks-IPv4.csv", "Country-Blocks-IPv6.csv",
};

static int add_zip(struct geolite *g, struct inputs *in, const char *path)
{
	unsigned before = in->n;

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		int r = add_input(g, in, path, members[i], false);

		if (r && r != -ENOMSG)
			return r;
	}
	*g->l->error = '\0';
	if (in->n == before)
		return load_fail(g->l, ENOMSG, "%s: holds none of GeoLite2's CSV files", path);
	return 0;
}

/* The directory itself, and what a zip file unpacks to within it. */
static int add_directory(struct geolite *g, struct inputs *in, const char *path)
{
	unsigned before = in->n;
	int r = 0;

	for (size_t i = 0; !r && i < 2 * sizeof(members) / sizeof(*members); i++) {
		char pattern[PATH_MAX];
		glob_t found = {0};

		snprintf(pattern, sizeof(pattern), "%s/%s*%s", path, i % 2 ? "*/" : "",
			 members[i / 2]);
		if (!glob(pattern, 0, NULL, &found) && found.gl_pathc)
			r = add_input(g, in, found.gl_pathv[found.gl_pathc - 1], NULL, false);
		globfree(&found);
	}
	if (!r && in->n == before)
		r = load_fail(g->l, ENOENT, "%s: holds none of GeoLite2's CSV files", path);
	return r;
}

static bool is_zip(const char *path)
{
	char magic[4] = "";
	FILE *f = fopen(path, "re");
	bool zip = f && fread(magic, 1, 4, f) == 4 && !memcmp(magic, "PK\3\4", 4);

	if (f)
		fclose(f);
	return zip;
}

static int add_source(struct geolite *g, struct inputs *in, const char *source)
{
	struct fetched *f = &in->fetched[in->n_fetched];
	struct stat st;
	int r = load_fetch_dated(g->l, source, f);

	if (r)
		return r;
	in->n_fetched++;
	if (!stat(f->path, &st) && S_ISDIR(st.st_mode))
		return add_directory(g, in, f->path);
	return is_zip(f->path) ? add_zip(g, in, f->path)
			       : add_input(g, in, f->path, NULL, strstr(source, ".mmdb") != NULL);
}

/* MetrANOVA's three lists, where they are set and nothing was named. */
static int add_variables(struct geolite *g, struct inputs *in)
{
	static const char *const names[] = {"IP_GEO_CSV_CONSUMER_ASN_FILES",
					    "IP_GEO_CSV_CONSUMER_LOCATION_FILES",
					    "IP_GEO_CSV_CONSUMER_IP_BLOCK_FILES"};
	int r = 0;

	for (size_t i = 0; !r && i < 3; i++) {
		char *sources[SOURCES_MAX], *list;
		int n = load_sources(g->l, names[i], NULL, &list, sources, SOURCES_MAX);

		r = n < 0 ? n : 0;
		for (int k = 0; !r && k < n; k++)
			r = in->n_fetched < SOURCES_MAX
				    ? add_source(g, in, sources[k])
				    : load_fail(g->l, E2BIG, "more than %d sources", SOURCES_MAX);
		free(list);
	}
	return r;
}

static int find_inputs(struct geolite *g, struct inputs *in)
{
	char *sources[SOURCES_MAX], *list = NULL;
	int n, r = 0;

	if (!g->l->n_sources)
		r = add_variables(g, in);
	if (r || in->n)
		return r;
	n = load_sources(g->l, NULL, g->l->o->geolite, &list, sources, SOURCES_MAX);
	if (!n)
		r = load_fail(g->l, EINVAL,
			      "no source: name zip files, directories, CSV or .mmdb files, or set "
			      "IP_GEO_CSV_CONSUMER_ASN_FILES, _LOCATION_FILES and "
			      "_IP_BLOCK_FILES, or load.geolite");
	for (int i = 0; !r && i < n; i++)
		r = add_source(g, in, sources[i]);
	free(list);
	return n < 0 ? n : r;
}

static int read_inputs(struct geolite *g, struct inputs *in)
{
	int r = 0;

	for (int kind = GEOLITE_AS; kind <= GEOLITE_BLOCKS; kind++) {
		for (unsigned i = 0; !r && i < in->n; i++) {
			const struct input *p = &in->p[i];

			if ((int)p->kind == kind)
				r = p->mmdb ? geolite_mmdb_read(g, p->path, p->kind)
					    : geolite_csv_read(g, p->path, p->member, p->kind);
		}
		if (kind == GEOLITE_AS && g->n_as)
			qsort(g->as, g->n_as, sizeof(*g->as), by_start);
	}
	return r;
}

static int begin(struct geolite *g)
{
	static const char *const names[PLACE_COLUMNS] = {
		"continent_name",   "country_code", "country_name", "country_sub_code",
		"country_sub_name", "city_name",    "latitude",	    "longitude"};
	const struct meta_table *t = meta_table("meta_ip"), *as = meta_table("meta_as");
	const char *custom = load_variable(g->l, "IP_GEO_CSV_CONSUMER_CUSTOM_IP_FILE");
	int r;

	custom = custom ? custom : g->l->o->custom_ip;
	row_begin(&g->row, t);
	for (int i = 0; i < PLACE_COLUMNS; i++)
		g->column[i] = meta_column(t, names[i]);
	g->id = meta_column(t, "id");
	g->subnet = meta_column(t, "ip_subnet");
	g->as_id = meta_column(t, "as_id");
	g->as_ref = meta_column(t, "as_ref");
	r = custom ? yaml_rows_open(&g->custom, g->l, custom, t, true) : 0;
	r = r ? r : refs_open(&g->refs, g->l, as, false);
	r = r ? r : refs_open(&g->refs, g->l, t, true);
	if (r)
		return r;
	g->history = refs_history(&g->refs, t);
	g->as_history = refs_history(&g->refs, as);
	return 0;
}

static int run(struct load *l)
{
	struct geolite g = {.l = l, .custom_around = -1};
	struct inputs in = {0};
	int r = find_inputs(&g, &in);

	r = r ? r : begin(&g);
	r = r ? r : read_inputs(&g, &in);
	r = r ? r : put_rest(&g);
	r = r ? r : put_custom(&g);
	if (!r && !history_counts(g.history)->rows)
		r = load_fail(l, ENODATA, "%s: holds no blocks; nothing was changed", in.p[0].path);
	if (!r && g.seen[0] && g.seen[1])
		r = history_withdraw(g.history, OWNER_SOURCE);
	r = r ? r : history_commit(g.history);
	if (!r)
		history_tell(g.history);
	if (!r && g.bad)
		log_warning("load geolite: %llu lines were left out", (unsigned long long)g.bad);
	for (unsigned i = 0; i < in.n; i++)
		free(in.p[i].path);
	for (unsigned i = 0; i < in.n_fetched; i++)
		fetch_done(&in.fetched[i]);
	yaml_rows_close(g.custom);
	versions_free(&g.custom_used);
	versions_free(&g.place_of);
	refs_close(&g.refs);
	row_free(&g.row);
	buffer_free(&g.texts);
	free(g.places);
	free(g.as);
	return r;
}

const struct loader load_geolite = {
	.name = "geolite",
	.brief = "where addresses are and whose, of GeoLite2 or DB-IP",
	.arguments = "[ZIP|DIRECTORY|CSV|MMDB|URL ...]",
	.help = "Loads GeoLite2's CSV files (ASN and City or Country: blocks and locations; in "
		"their zip files, in\na directory, or one by one), or .mmdb files of MaxMind or "
		"DB-IP, into meta_ip. What a file is it\ntells by its first line. Without files: "
		"IP_GEO_CSV_CONSUMER_ASN_FILES, _LOCATION_FILES and\n_IP_BLOCK_FILES, else "
		"load.geolite. Custom rows: IP_GEO_CSV_CONSUMER_CUSTOM_IP_FILE, else\n"
		"load.custom_ip. Downloads from MaxMind log in with MAXMIND_ACCOUNT_ID and "
		"MAXMIND_LICENSE_KEY.\nBlocks that are gone are withdrawn where those of both "
		"families were read.\n",
	.interval = "IP_GEO_CSV_CONSUMER_UPDATE_INTERVAL",
	.run = run,
};
