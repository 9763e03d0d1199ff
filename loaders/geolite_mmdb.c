/* GeoLite2 and DB-IP as .mmdb: the same blocks and places out of the tree.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <maxminddb.h>
#include <stdio.h>
#include <string.h>

#include "../agent/enrich/mmdb.h"
#include "countries.h"
#include "geolite.h"

struct walk {
	struct geolite *g;
	MMDB_s db;
	enum geolite_kind kind;
	uint64_t blocks, nodes;
};

static int open_db(struct geolite *g, const char *path, MMDB_s *db)
{
	int r = MMDB_open(path, MMDB_MODE_MMAP, db);

	if (r != MMDB_SUCCESS)
		return load_fail(g->l, EBADMSG, "%s: %s", path, MMDB_strerror(r));
	if (mmdb_tree_fits(db))
		return 0;
	MMDB_close(db);
	return load_fail(g->l, EBADMSG, "%s: its search tree is larger than the file", path);
}

int geolite_mmdb_kind(struct geolite *g, const char *path, enum geolite_kind *kind)
{
	MMDB_s db;
	int r = open_db(g, path, &db);

	if (r)
		return r;
	*kind = strcasestr(db.metadata.database_type, "ASN") ? GEOLITE_AS : GEOLITE_BLOCKS;
	MMDB_close(&db);
	return 0;
}

static bool text(MMDB_entry_s *e, const char *const *path, MMDB_entry_data_s *data)
{
	return MMDB_aget_value(e, data, path) == MMDB_SUCCESS && data->has_data &&
	       data->type == MMDB_DATA_TYPE_UTF8_STRING;
}

static bool real(MMDB_entry_s *e, const char *member, char *to, size_t room)
{
	const char *const path[] = {"location", member, NULL};
	MMDB_entry_data_s data;

	if (MMDB_aget_value(e, &data, path) != MMDB_SUCCESS || !data.has_data)
		return false;
	if (data.type == MMDB_DATA_TYPE_DOUBLE)
		snprintf(to, room, "%.10g", data.double_value);
	else if (data.type == MMDB_DATA_TYPE_FLOAT)
		snprintf(to, room, "%.7g", (double)data.float_value);
	else
		return false;
	return true;
}

static int place(struct walk *w, MMDB_entry_s *e, const char *key, size_t n)
{
	static const struct {
		enum place_column to;
		const char *path[5];
	} map[] = {
		{PLACE_CONTINENT, {"continent", "names", "en", NULL}},
		{PLACE_COUNTRY_CODE, {"country", "iso_code", NULL}},
		{PLACE_COUNTRY, {"country", "names", "en", NULL}},
		{PLACE_SUB_CODE, {"subdivisions", "0", "iso_code", NULL}},
		{PLACE_SUB, {"subdivisions", "0", "names", "en", NULL}},
		{PLACE_CITY, {"city", "names", "en", NULL}},
	};
	long r = geolite_place(w->g, key, n);
	MMDB_entry_data_s data;
	char number[32];

	for (size_t i = 0; r >= 0 && i < sizeof(map) / sizeof(*map); i++)
		if (text(e, map[i].path, &data))
			geolite_place_text(w->g, map[i].to, data.utf8_string, data.data_size);
	if (r >= 0 && real(e, "latitude", number, sizeof(number)))
		geolite_place_float(w->g, PLACE_LATITUDE, number, strlen(number));
	if (r >= 0 && real(e, "longitude", number, sizeof(number)))
		geolite_place_float(w->g, PLACE_LONGITUDE, number, strlen(number));
	return r < 0 ? (int)r : 0;
}

static int as(struct walk *w, MMDB_entry_s *e, const struct ip_addr *a, unsigned length)
{
	static const char *const path[] = {"autonomous_system_number", NULL};
	MMDB_entry_data_s data;

	if (MMDB_aget_value(e, &data, path) != MMDB_SUCCESS || !data.has_data)
		return 0;
	if (data.type == MMDB_DATA_TYPE_UINT32)
		return geolite_as(w->g, a, length, data.uint32);
	return data.type == MMDB_DATA_TYPE_UINT16 ? geolite_as(w->g, a, length, data.uint16) : 0;
}

/* `bits` of the tree lead here: of IPv6, or of IPv4 where the tree has only that. */
static int entry(struct walk *w, MMDB_entry_s *e, const uint8_t bits[16], unsigned depth)
{
	static const uint8_t zero[12];
	bool v6 = w->db.metadata.ip_version == 6;
	struct ip_addr a = {0};
	unsigned length = depth;
	char key[32];
	int n, r = 0;

	if (v6 && (depth < 96 || memcmp(bits, zero, 12))) {
		memcpy(a.b, bits, 16);
	} else {
		ip_from_v4(&a, v6 ? bits + 12 : bits);
		length -= v6 ? 96 : 0;
	}
	if (++w->blocks % 16384 == 0)
		load_progress(w->g->l, "blocks", w->blocks, 0);
	if (w->kind == GEOLITE_AS)
		return as(w, e, &a, length);
	n = snprintf(key, sizeof(key), "@%" PRIu32, e->offset);
	if (geolite_place_find(w->g, key, (size_t)n) < 0)
		r = place(w, e, key, (size_t)n);
	return r ? r
		 : geolite_block(w->g, &a, length, geolite_place_find(w->g, key, (size_t)n), NULL,
				 NULL);
}

/* MaxMind's trees lead to IPv4 by several ways (::ffff:0:0/96, 2002::/16 …): only ::/96 counts. */
static bool is_alias(const struct walk *w, uint64_t node, unsigned depth)
{
	return w->db.metadata.ip_version == 6 && w->db.ipv4_start_node.node_value &&
	       node == w->db.ipv4_start_node.node_value && depth != w->db.ipv4_start_node.netmask;
}

static int descend(struct walk *w, uint64_t node, uint8_t bits[16], unsigned depth)
{
	unsigned max = w->db.metadata.ip_version == 6 ? 128 : 32;
	MMDB_search_node_s both;
	int r = 0;

	if (load_stopped())
		return load_fail(w->g->l, EINTR, "stopped");
	/* a tree that leads back into itself has more ways than nodes */
	if (depth >= max || w->nodes++ > w->db.metadata.node_count ||
	    MMDB_read_node(&w->db, (uint32_t)node, &both) != MMDB_SUCCESS)
		return load_fail(w->g->l, EBADMSG, "%s: its tree is damaged", w->db.filename);
	for (int side = 0; side < 2 && !r; side++) {
		uint8_t type = side ? both.right_record_type : both.left_record_type;
		uint64_t record = side ? both.right_record : both.left_record;
		MMDB_entry_s *e = side ? &both.right_record_entry : &both.left_record_entry;

		if (side)
			bits[depth / 8] |= (uint8_t)(0x80 >> depth % 8);
		if (type == MMDB_RECORD_TYPE_INVALID)
			r = load_fail(w->g->l, EBADMSG, "%s: its tree is damaged", w->db.filename);
		else if (type == MMDB_RECORD_TYPE_DATA)
			r = entry(w, e, bits, depth + 1);
		else if (type == MMDB_RECORD_TYPE_SEARCH_NODE && !is_alias(w, record, depth + 1))
			r = descend(w, record, bits, depth + 1);
	}
	bits[depth / 8] &= (uint8_t) ~(0x80 >> depth % 8);
	return r;
}

int geolite_mmdb_read(struct geolite *g, const char *path, enum geolite_kind kind)
{
	struct walk w = {.g = g, .kind = kind};
	uint8_t bits[16] = {0};
	int r = open_db(g, path, &w.db);

	if (r)
		return r;
	if (kind == GEOLITE_BLOCKS)
		versions_free(&g->place_of); /* offsets of another file mean nothing here */
	r = descend(&w, 0, bits, 0);
	MMDB_close(&w.db);
	return r;
}
