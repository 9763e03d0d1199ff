/* GeoLite2's CSV files: blocks of AS numbers, places, blocks of places.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../agent/log.h"
#include "geolite.h"
#include "unpack.h"

enum { FIELDS_MAX = 32 };

/* Columns that are used, and where the header has them (-1: it has not). */
static const char *const columns[] = {
	"network",
	"autonomous_system_number",
	"geoname_id",
	"latitude",
	"longitude",
	"continent_name",
	"country_iso_code",
	"country_name",
	"subdivision_1_iso_code",
	"subdivision_1_name",
	"city_name",
};
enum {
	NETWORK,
	AS_NUMBER,
	GEONAME,
	LATITUDE,
	LONGITUDE,
	CONTINENT,
	COUNTRY_CODE,
	COUNTRY,
	SUB_CODE,
	SUB,
	CITY,
	COLUMNS
};

struct csv {
	struct unpack *u;
	int at[COLUMNS];
	char *field[FIELDS_MAX];
	int n;
};

/* Cuts a line at its commas, in place. Quotes around a field go, doubled ones within it become
 * one. */
static int split(char *line, char *field[FIELDS_MAX])
{
	int n = 0;

	for (;;) {
		if (n == FIELDS_MAX)
			return n;
		if (*line != '"') {
			field[n++] = line;
			line = strchr(line, ',');
			if (!line)
				return n;
			*line++ = '\0';
			continue;
		}
		char *to = ++line;

		field[n++] = to;
		while (*line && (*line != '"' || line[1] == '"')) {
			line += *line == '"';
			*to++ = *line++;
		}
		if (*line)
			line++;
		*to = '\0';
		if (*line++ != ',')
			return n;
	}
}

static const char *get(const struct csv *c, int column)
{
	return c->at[column] >= 0 && c->at[column] < c->n ? c->field[c->at[column]] : "";
}

static int open_csv(struct geolite *g, const char *path, const char *member, struct csv *c)
{
	char *line;
	size_t n;
	int r;

	memset(c, 0, sizeof(*c));
	r = unpack_open(&c->u, path, member, g->l->o->max_bytes, g->l->error, sizeof(g->l->error));
	if (r)
		return r;
	r = unpack_line(c->u, &line, &n);
	if (r <= 0) {
		load_fail(g->l, r ? -r : ENODATA, "%s: %s", path,
			  r ? unpack_error(c->u) : "is empty");
		unpack_close(c->u);
		return r ? r : -ENODATA;
	}
	if (!strncmp(line, "\xef\xbb\xbf", 3))
		line += 3;
	c->n = split(line, c->field);
	for (int i = 0; i < COLUMNS; i++) {
		c->at[i] = -1;
		for (int k = 0; k < c->n; k++)
			if (!strcmp(c->field[k], columns[i]))
				c->at[i] = k;
	}
	return 0;
}

int geolite_csv_kind(struct geolite *g, const char *path, const char *member,
		     enum geolite_kind *kind)
{
	struct csv c;
	int r = open_csv(g, path, member, &c);

	if (r)
		return r;
	*kind = GEOLITE_UNKNOWN;
	if (c.at[NETWORK] >= 0 && c.at[AS_NUMBER] >= 0)
		*kind = GEOLITE_AS;
	else if (c.at[NETWORK] >= 0 && c.at[GEONAME] >= 0)
		*kind = GEOLITE_BLOCKS;
	else if (c.at[GEONAME] >= 0 && c.at[COUNTRY_CODE] >= 0)
		*kind = GEOLITE_PLACES;
	unpack_close(c.u);
	return 0;
}

static int place(struct geolite *g, const struct csv *c)
{
	static const struct {
		enum place_column to;
		int from;
	} map[] = {{PLACE_CONTINENT, CONTINENT},
		   {PLACE_COUNTRY_CODE, COUNTRY_CODE},
		   {PLACE_COUNTRY, COUNTRY},
		   {PLACE_SUB_CODE, SUB_CODE},
		   {PLACE_SUB, SUB},
		   {PLACE_CITY, CITY}};
	const char *id = get(c, GEONAME);
	long r;

	if (!*id || geolite_place_find(g, id, strlen(id)) >= 0)
		return 0;
	r = geolite_place(g, id, strlen(id));
	for (size_t i = 0; r >= 0 && i < sizeof(map) / sizeof(*map); i++)
		geolite_place_text(g, map[i].to, get(c, map[i].from), strlen(get(c, map[i].from)));
	return r < 0 ? (int)r : 0;
}

static bool number(const char *text, uint32_t *v)
{
	uint64_t n = 0;

	if (!*text || strlen(text) > 10)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		n = n * 10 + (uint64_t)(*text - '0');
	}
	*v = (uint32_t)n;
	return n <= UINT32_MAX;
}

/* One line with a network. What is no network is counted, the first is told. */
static int block(struct geolite *g, const struct csv *c, enum geolite_kind kind, const char *path)
{
	const char *network = get(c, NETWORK), *geoname = get(c, GEONAME);
	struct ip_addr a;
	unsigned length;
	uint32_t as = 0;

	if (!parse_subnet(network, strlen(network), &a, &length) ||
	    (kind == GEOLITE_AS && !number(get(c, AS_NUMBER), &as))) {
		if (!g->bad++)
			log_warning("load geolite: %s:%u: '%.60s' is no network; such lines are "
				    "left out",
				    path, unpack_line_number(c->u), network);
		return 0;
	}
	if (kind == GEOLITE_AS)
		return geolite_as(g, &a, length, as);
	return geolite_block(g, &a, length,
			     *geoname ? geolite_place_find(g, geoname, strlen(geoname)) : -1,
			     get(c, LATITUDE), get(c, LONGITUDE));
}

int geolite_csv_read(struct geolite *g, const char *path, const char *member,
		     enum geolite_kind kind)
{
	static const char *const names[] = {"", "AS blocks", "places", "blocks"};
	struct csv c;
	char *line;
	size_t n;
	int r = open_csv(g, path, member, &c);

	if (r)
		return r;
	while ((r = unpack_line(c.u, &line, &n)) > 0) {
		c.n = split(line, c.field);
		r = kind == GEOLITE_PLACES ? place(g, &c) : block(g, &c, kind, path);
		if (r < 0)
			break;
		if (unpack_line_number(c.u) % 16384)
			continue;
		load_progress(g->l, names[kind], unpack_position(c.u), unpack_size(c.u));
		if (load_stopped()) {
			r = load_fail(g->l, EINTR, "stopped");
			break;
		}
	}
	if (r < 0 && !*g->l->error)
		load_fail(g->l, -r, "%s: %s", path,
			  *unpack_error(c.u) ? unpack_error(c.u) : strerror(-r));
	unpack_close(c.u);
	return r;
}
