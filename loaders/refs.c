/* Looks up the refs that a row holds to rows of other tables.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "json_scan.h"
#include "refs.h"

static unsigned place_of(const struct meta_table *t)
{
	unsigned i = 0;

	while (meta_tables[i] != t)
		i++;
	return i;
}

int refs_open(struct refs *r, struct load *l, const struct meta_table *t, bool to_write)
{
	struct history **h = &r->of[place_of(t)];

	r->l = l;
	return *h ? 0 : history_open(h, l, t, to_write);
}

struct history *refs_history(struct refs *r, const struct meta_table *t)
{
	return r->of[place_of(t)];
}

void refs_close(struct refs *r)
{
	for (unsigned i = 0; i < REFS_TABLES_MAX; i++) {
		history_close(r->of[i]);
		r->of[i] = NULL;
	}
}

/* organization_ref comes from organization_id. */
static int id_column(const struct meta_table *t, const char *ref)
{
	char name[64];
	size_t n = strlen(ref) - strlen("_ref");

	memcpy(name, ref, n);
	strcpy(name + n, "_id");
	return meta_column(t, name);
}

static void fill_one(const struct history *h, struct row *row, int ids, int refs)
{
	char ref[REF_MAX];
	size_t n;
	const char *id = row_get(row, ids, &n);

	row_unset(row, refs);
	if (id)
		row_string(row, refs, history_ref(h, id, n, ref));
}

/* An array of as many refs, null where there is none. */
static void fill_list(const struct history *h, struct row *row, int ids, int refs)
{
	struct json_slice list = {0}, item;
	struct buffer copy = {0};
	char ref[REF_MAX];
	struct json_walk w;

	row_unset(row, refs);
	list.p = row_get(row, ids, &list.n);
	if (!list.p)
		return;
	buffer_bytes(&copy, list.p, list.n); /* the row's own text moves as it grows */
	list.p = copy.p;
	if (copy.failed || !json_walk_array(&w, list))
		return;
	row_array(row, refs);
	while (json_next_item(&w, &item)) {
		const char *found = json_is_string(item)
					    ? history_ref(h, item.p + 1, item.n - 2, ref)
					    : NULL;

		row_array_text(row, refs, found, found ? strlen(found) : 0);
	}
	row_array_end(row, refs);
	buffer_free(&copy);
}

int refs_fill(struct refs *r, struct row *row, bool own)
{
	const struct meta_table *t = row->t, *to;
	int ids, error;

	for (unsigned i = 0; i < t->n; i++) {
		const struct column *c = &t->columns[i];

		if (!c->refers || !(c->flags & COLUMN_UNHASHED) != !own)
			continue;
		to = meta_table(c->refers);
		ids = id_column(t, c->name);
		error = refs_open(r, r->l, to, false);
		if (error)
			return error;
		if (c->type == COLUMN_TEXTS)
			fill_list(refs_history(r, to), row, ids, (int)i);
		else
			fill_one(refs_history(r, to), row, ids, (int)i);
	}
	return 0;
}
